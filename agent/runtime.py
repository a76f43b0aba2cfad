"""The composition root of the daemon: the only place where settings, edges, engine and drivers are put together.

The order is a promise. The journal is opened and verified, what is owed is scheduled, and only then may a POS connect and systemd
hear READY (money rule 14): READY says that the record is sound, not that the payment system can be reached. The end is the same
backwards: no new requests, what is in flight is finished and recorded, the journal is closed.
"""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from agent import __version__
from agent.assembly import accounts_of, setup_of
from agent.core.ports import JournalBroken, JournalFull
from agent.core.verdict import Operation
from agent.edges.card import HelperCard
from agent.edges.chance import SystemChance
from agent.edges.clock import SystemClock
from agent.edges.journal import Reserve, SqliteJournal, said
from agent.edges.metrics.tally import Tally
from agent.edges.page.house import Doctor, House
from agent.edges.page.pulse import Pulse
from agent.edges.pos import PosDesk
from agent.edges.transport import HttpTransport
from agent.engine.engine import Engine
from agent.engine.hints import Hints
from agent.engine.recover import recover
from agent.engine.setup import Ports
from agent.running.backups import Backups
from agent.running.beginning import expect_release, hosts_of, is_lost, is_unreleased, know_again, tell_proxies
from agent.running.bindings import check_bindings, note_bindings
from agent.running.care import verify_daily, watch_disk, watch_links
from agent.running.caretaker import Caretaker
from agent.running.configuration import Configuration
from agent.running.entrance import Entrance
from agent.running.errors import CannotStart, shut
from agent.running.examining import examine
from agent.running.measuring import Measuring
from agent.running.notices import log_notice
from agent.running.pages import Pages
from agent.running.projecting import PLAN
from agent.running.reload import Reloader, card_of
from agent.running.watchdog import keep_watch, long_start
from agent.running.whereabouts import Whereabouts
from agent.sdnotify import Notifier
from agent.settings import Settings
from drivers.socket_link import CannotListen

__all__ = ["CannotStart", "run"]

STOP_GRACE_S = 12.0  # for answers in flight; below systemd's TimeoutStopSec
BYTES_PER_MB = 1024 * 1024


@dataclass(slots=True)
class Daemon:
    """The running parts, for an orderly end."""

    transport: HttpTransport
    engine: Engine
    entrance: Entrance
    reloader: Reloader
    tasks: list[asyncio.Task[None]]

    async def close(self) -> None:
        """No new requests; what is in flight ends and is recorded."""
        await self.reloader.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.entrance.close()
        await self.engine.stop(STOP_GRACE_S)
        await self.transport.aclose()
        if isinstance(self.engine.ports.card, HelperCard):
            self.engine.ports.card.close()


async def run(settings: Settings, file: Path) -> int:
    """Serve until a signal comes; returns the exit status. ``file`` is where the settings came from and where a reload reads them anew.
    Raises CannotStart; journal errors of the start."""
    notifier = Notifier(os.environ)
    log = structlog.get_logger()
    stop, reload = _signalled(signal.SIGTERM, signal.SIGINT), _signalled(signal.SIGHUP)  # a reload asked for too early comes first thing
    size = settings.journal.reserve_mb * BYTES_PER_MB
    path = settings.journal_path()
    lost = is_lost(path, settings.backup.directory if settings.backup else None) or is_unreleased(path)
    if lost:
        expect_release(path)
    tell_proxies(os.environ, hosts_of(settings))
    async with long_start(notifier):
        journal = await SqliteJournal.open(
            path, allow_volatile=settings.journal.allow_volatile, plan=PLAN, reserve=lambda path: Reserve(path, size)
        )
    try:
        await know_again(journal, path, SystemClock().now().wall, lost=lost)
        daemon = await _start(Configuration(file, settings), journal, notifier, reload)
        try:
            notifier.ready(daemon.reloader.summary())
            log.info("agent.ready", version=__version__, environment=settings.environment.value, sales_owing=len(daemon.engine.alive))
            await _until(stop, daemon.engine, journal)
        finally:
            notifier.stopping("finishing what is in flight")
            log.info("agent.stopping")
            await daemon.close()
        return 1 if daemon.engine.failed.done() else 0
    except JournalBroken as error:
        log.error("journal.broken", problem=said(error))
        return 1
    finally:
        with contextlib.suppress(JournalBroken):
            await journal.close()
        log.info("agent.stopped")


async def _until(stop: asyncio.Event, engine: Engine, journal: SqliteJournal) -> None:
    """A signal came, or the engine cannot go on."""
    stopped = asyncio.ensure_future(stop.wait())
    broken = asyncio.ensure_future(journal.failed())
    ends: set[asyncio.Future[Any]] = {stopped, broken, engine.failed}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if broken.done() and not engine.failed.done():
        engine.failed.set_result(broken.result())
    stopped.cancel()
    broken.cancel()


async def _start(configuration: Configuration, journal: SqliteJournal, notifier: Notifier, reload: asyncio.Event) -> Daemon:
    settings = configuration.settings
    whereabouts = Whereabouts(settings.journal_path(), journal.keep_mark)
    setup, accounts = setup_of(settings), accounts_of(settings)
    await check_bindings(setup.bindings, accounts, journal)
    with contextlib.suppress(JournalFull):  # while nothing can be stored, no money begins to move; ``keep_noted`` notes it in time
        await note_bindings(setup.bindings, journal)
    tally, pulse = Tally(), Pulse()

    def observe(operation: Operation, end: str, ms: int, account: str) -> None:
        tally.attempt(operation, end, ms, account)
        pulse.observe(account, end, ms)

    transport = HttpTransport(accounts, observe=observe)
    ports = Ports(journal, transport, SystemClock(), SystemChance(), tally.noticing(log_notice), card_of(settings))
    engine = Engine(ports, setup)
    tally.provider_of = lambda account: next((name for name, one in engine.setup.bindings.items() if one.account == account), None)
    engine.lasting = whereabouts.lasting
    whereabouts.give_up = engine.fail
    hints = Hints(engine)
    await recover(engine)
    await hints.recall()
    backups = Backups(journal, lambda: configuration.settings)
    caretaker = Caretaker(configuration, journal, engine, backups, tally.heard_ago)
    desk = PosDesk(engine, caretaker, tally.heard)
    house = House(
        desk.handle,
        engine,
        link=transport.link,
        skew_s=transport.skew_s,
        lines=lambda: entrance.faults(),
        heard=tally.heard_ago,
        pulse=pulse,
        journal=whereabouts.told,
        doctor=Doctor(lambda: examine(configuration.file, engine.setup.language)),
    )
    pages = Pages(Measuring(tally, desk, engine, journal, whereabouts), house)
    entrance = caretaker.entrance = Entrance(desk, hints.take, pages)
    reloader = Reloader(configuration, journal, transport, engine, entrance, notifier, reload)
    daemon = Daemon(transport, engine, entrance, reloader, [])
    try:
        await entrance.open(settings)
    except CannotListen as error:
        await daemon.close()
        raise shut(error) from error
    caretaker.entrance, caretaker.reloader = entrance, reloader
    works = (
        watch_links(transport, tally.provider_of),
        watch_disk(journal),
        whereabouts.watch(),
        transport.warm(),
        verify_daily(journal),
        reloader.run(),
        reloader.keep_noted(),
        backups.run(),
        caretaker.compare(),
        hints.run(),
        keep_watch(notifier, notifier.watchdog_s(os.getpid()), journal, engine),
    )
    daemon.tasks += [asyncio.ensure_future(work) for work in works]
    return daemon


def _signalled(*numbers: signal.Signals) -> asyncio.Event:
    """Set by any of these signals, from now on."""
    event = asyncio.Event()
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event
