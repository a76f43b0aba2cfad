"""What the daemon does without being asked: it knocks at doors that were shut, and reads the whole record once a day."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog

from agent.core.ports import JournalBroken
from agent.edges import outage
from agent.edges.accounts import HTTPS_PORT
from agent.edges.journal import SqliteJournal, said
from agent.edges.link import LinkState, LinkStatus
from agent.edges.transport import HttpTransport
from agent.remedies import remedy
from agent.texts import N_, message

PROBE_FIRST_S = 1.0  # while a provider is out of reach: look again so soon, then ever more slowly
PROBE_CAP_S = 10.0
DISK_LOOK_S = 0.5
VERIFY_EVERY_S = 24 * 3600.0

UNNAMED = "..."  # in [provider. ]: an account that is only watched

ROOM = N_("new sales are taken again")
FULL = N_("the disk is full: new sales are refused, those in flight use the reserve")


async def watch_links(transport: HttpTransport, named: Callable[[str], str | None] = lambda account: None) -> None:
    """While a provider is out of reach, knock at its door, ever more slowly: ``offline: refuse`` must end by itself. Jittered, for many
    tills come back together. ``named``: the payment system of an account."""
    spread = random.SystemRandom()
    knocks: dict[str, asyncio.Task[None]] = {}  # one that takes its time must not keep the others from being knocked at
    waits: dict[str, float] = {}  # seconds between knocks, by account
    due: dict[str, float] = {}
    told: dict[str, LinkStatus] = {}
    wrong: set[str] = set()
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(PROBE_FIRST_S)
        for account in transport.accounts():
            _tell_link(account, named(account) or UNNAMED, transport.link(account), told)
            _tell_clock(account, named(account) or account, transport.skew_s(account), wrong)
            if transport.link(account).status is not LinkStatus.DOWN:
                waits.pop(account, None)
                due.pop(account, None)
            elif (account not in knocks or knocks[account].done()) and loop.time() >= due.get(account, 0.0):
                knocks[account] = asyncio.create_task(_knock(transport, account))
                wait = waits[account] = min(PROBE_CAP_S, 2 * waits.get(account, PROBE_FIRST_S / 2))
                due[account] = loop.time() + wait * (0.75 + spread.random() / 4)


async def _knock(transport: HttpTransport, account: str) -> None:
    with contextlib.suppress(KeyError):  # it has just left the configuration
        await transport.probe(account)


async def watch_disk(journal: SqliteJournal) -> None:
    """The beginning and the end of a full disk are one line each (promise P13)."""
    room = True
    while True:
        if journal.statistics().room != room:
            room = not room
            log = structlog.get_logger()
            if room:
                log.info("disk.room", meaning=message(ROOM))
            else:
                log.warning("disk.full", meaning=message(FULL), remedy=remedy("DISK_FULL"))
        await asyncio.sleep(DISK_LOOK_S)


async def verify_daily(journal: SqliteJournal) -> None:
    """The whole record, once a day: what nobody asks for may rot unseen (promise P14)."""
    while True:
        await asyncio.sleep(VERIFY_EVERY_S)
        try:
            found = await journal.verify_all()
        except JournalBroken as error:
            structlog.get_logger().error("journal.broken", problem=said(error))
            return  # the journal's own watch ends the process
        log = structlog.get_logger().bind(events=found.events, sales=found.sales)
        if found.damages:
            log.warning("journal.damaged", damages=[str(damage) for damage in found.damages[:20]])
        else:
            log.info("journal.verified")


def _tell_link(account: str, system: str, state: LinkState, told: dict[str, LinkStatus]) -> None:
    """The beginning and the end of an outage are one line each."""
    if state.status is LinkStatus.UNKNOWN or told.get(account) is state.status:
        return
    log = structlog.get_logger()
    if state.status is LinkStatus.DOWN:
        place = urlsplit(account)
        to_do = outage.remedy(state.reason, state.failure, system=system, host=place.hostname or "", port=place.port or HTTPS_PORT)
        log.warning("connection.down", account=account, problem=outage.problem(state.failure), remedy=to_do)
    else:
        log.info("connection.up", account=account)
    told[account] = state.status


def _tell_clock(account: str, system: str, skew_s: int | None, wrong: set[str]) -> None:
    """A clock that differs from a server's is told once, and once more when it has been set right."""
    if skew_s is None or (abs(skew_s) >= outage.SKEW_WARNING_S) is (account in wrong):
        return
    log = structlog.get_logger()
    if account in wrong:
        wrong.discard(account)
        log.info("clock.right", account=account)
    else:
        wrong.add(account)
        told = {"problem": outage.skew(skew_s, system), "meaning": message(outage.SKEW_MEANS), "remedy": message(outage.SKEW_REMEDY)}
        log.error("clock.wrong", account=account, **told)
