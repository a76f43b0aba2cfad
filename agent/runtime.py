"""The composition root of the daemon: the only place where settings, edges, engine and drivers are put together.

The order is a promise. The journal is opened and verified, what is owed is scheduled, and only then may a POS connect and systemd
hear READY (money rule 14): READY says that the record is sound, not that the payment system can be reached. The end is the same
backwards: no new requests, what is in flight is finished and recorded, the journal is closed.
"""

import asyncio
import contextlib
import os
import random
import signal
from dataclasses import dataclass
from typing import Any

import structlog

from agent import __version__
from agent.assembly import accounts_of, binding_of, limits_of, setup_of
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.ports import JournalBroken, Query
from agent.doors import Door, open_door
from agent.edges.card import HelperCard
from agent.edges.chance import SystemChance
from agent.edges.clock import SystemClock
from agent.edges.journal import SqliteJournal
from agent.edges.link import LinkState, LinkStatus
from agent.edges.pos import PosDesk
from agent.edges.transport import HttpTransport
from agent.engine.engine import Engine
from agent.engine.recover import recover
from agent.engine.setup import Ports
from agent.sdnotify import Notifier
from agent.settings import Settings
from drivers.socket_link import CannotListen

STOP_GRACE_S = 12.0  # for answers in flight; below systemd's TimeoutStopSec
PROBE_FIRST_S = 1.0  # while a provider is out of reach: look again so soon, then ever more slowly
PROBE_CAP_S = 10.0
VERIFY_EVERY_S = 24 * 3600.0
WARNINGS = frozenset({"sale.parked", "journal.full", "engine.failed", "helper.failed", "refund.token_unavailable"})
OWED_MONEY = frozenset({"possible", "returning", "stuck"})


class CannotStart(Exception):
    """The agent cannot start as it is configured; a technician must act (exit status 78). The text says what to do."""


def log_notice(event: str, sale: SaleId | None = None, **facts: object) -> None:
    """The engine's notices as log lines. Everything about one sale is found by ``sale``."""
    bound = structlog.get_logger().bind(**({"sale": str(sale)} if sale else {}), **facts)
    if event.startswith("alarm.") or event in WARNINGS:
        bound.warning(event)
    elif event.startswith("sale.attempt"):
        bound.debug(event)
    else:
        bound.info(event)


# --- running ---


@dataclass(slots=True)
class Daemon:
    """The running parts, for an orderly end."""

    settings: Settings
    journal: SqliteJournal
    transport: HttpTransport
    engine: Engine
    card: HelperCard | None
    doors: list[Door]
    tasks: list[asyncio.Task[None]]

    async def close(self) -> None:
        """No new requests; what is in flight ends and is recorded; the journal is closed."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.gather(*(door.stop() for door in self.doors))
        await self.engine.stop(STOP_GRACE_S)
        await self.transport.aclose()
        if self.card is not None:
            self.card.close()


async def run(settings: Settings) -> int:
    """Serve until a signal comes; returns the exit status. Raises CannotStart; journal errors of the start."""
    notifier = Notifier(os.environ)
    log = structlog.get_logger()
    stop = _stop_signal()
    journal = await SqliteJournal.open(settings.journal_path(), allow_volatile=settings.journal.allow_volatile)
    try:
        daemon = await _start(settings, journal)
        try:
            notifier.ready(f"version {__version__}, {settings.environment.value}")
            log.info("agent.ready", version=__version__, environment=settings.environment.value, sales_owing=len(daemon.engine.alive))
            await _until(stop, daemon.engine, journal)
        finally:
            notifier.stopping("finishing what is in flight")
            log.info("agent.stopping")
            await daemon.close()
        return 1 if daemon.engine.failed.done() else 0
    except JournalBroken as error:
        log.error("journal.broken", problem=str(error))
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


async def _start(settings: Settings, journal: SqliteJournal) -> Daemon:
    await check_bindings(settings, journal)
    transport = HttpTransport(accounts_of(settings), limits_of(settings))
    card = HelperCard(settings.helper.command, settings.helper.time_limit_ms) if settings.helper else None
    ports = Ports(journal, transport, SystemClock(), SystemChance(), log_notice, card)
    engine = Engine(ports, setup_of(settings))
    await recover(engine)
    desk = PosDesk(engine)
    daemon = Daemon(settings, journal, transport, engine, card, [], [])
    try:
        for listener in settings.listener:
            door = await open_door(listener, settings, desk)
            daemon.doors.append(door)
    except CannotListen as error:
        await daemon.close()
        raise CannotStart(str(error)) from error
    daemon.tasks.append(asyncio.ensure_future(_watch_links(transport)))
    daemon.tasks.append(asyncio.ensure_future(transport.warm()))
    daemon.tasks.append(asyncio.ensure_future(_verify_daily(journal)))
    return daemon


async def check_bindings(settings: Settings, journal: SqliteJournal) -> None:
    """Money rule 10: neither environment nor account may change while money is owed or possible. Raises CannotStart."""
    current = binding_of(settings)
    for row in await journal.find(Query(owing=True, limit=10_000)):
        same = (row.environment, row.account) == (current.environment.value, current.account)
        unclaimed = row.state == PaymentState.PAID and not row.told  # it may yet have to go back by itself (money rule 5)
        if not same and (row.money in OWED_MONEY or unclaimed):
            raise CannotStart(
                f"the journal still owes money in {row.environment} at {row.account} (sale {row.id}, money: {row.money}), but the "
                f"configuration says {current.environment.value} at {current.account}. Put the old values back, let the agent "
                "finish (koshelek-agent status), then change them."
            )


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _watch_links(transport: HttpTransport) -> None:
    """While a provider is out of reach, knock at its door, ever more slowly: ``offline: refuse`` must end by itself. Jittered, for many
    tills come back together."""
    spread = random.SystemRandom()
    waits: dict[str, float] = {}  # seconds between knocks, by account
    due: dict[str, float] = {}
    told: dict[str, LinkStatus] = {}
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(PROBE_FIRST_S)
        for account in transport.accounts():
            _tell_link(account, transport.link(account), told)
            if transport.link(account).status is not LinkStatus.DOWN:
                waits.pop(account, None)
                due.pop(account, None)
            elif loop.time() >= due.get(account, 0.0):
                await transport.probe(account)
                wait = waits[account] = min(PROBE_CAP_S, 2 * waits.get(account, PROBE_FIRST_S / 2))
                due[account] = loop.time() + wait * (0.75 + spread.random() / 4)


async def _verify_daily(journal: SqliteJournal) -> None:
    """The whole record, once a day: what nobody asks for may rot unseen (promise P14)."""
    while True:
        await asyncio.sleep(VERIFY_EVERY_S)
        try:
            found = await journal.verify_all()
        except JournalBroken as error:
            structlog.get_logger().error("journal.broken", problem=str(error))
            return  # the journal's own watch ends the process
        log = structlog.get_logger().bind(events=found.events, sales=found.sales)
        if found.damages:
            log.warning("journal.damaged", damages=[str(damage) for damage in found.damages[:20]])
        else:
            log.info("journal.verified")


def _tell_link(account: str, state: LinkState, told: dict[str, LinkStatus]) -> None:
    """The beginning and the end of an outage are one line each."""
    if state.status is LinkStatus.UNKNOWN or told.get(account) is state.status:
        return
    log = structlog.get_logger()
    if state.status is LinkStatus.DOWN:
        log.warning("link.down", account=account, problem=state.failure)
    else:
        log.info("link.up", account=account)
    told[account] = state.status
