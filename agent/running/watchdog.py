"""systemd's watchdog is fed by what was done, not by a timer.

A timer that says "alive" shows that timers work. Here each sign of life is the end of a round through everything without which a till
cannot sell: the event loop, the journal's writing task, the threads of both its connections; and of what is due for sales and payouts
something must have been done lately. What hangs anywhere on this way lets the watchdog run out: systemd kills the process, its traceback
goes to the log, and the next one goes on from the journal. One that stands still while others get on is told of in the log. A till without
customers makes no rounds by itself, so it is asked for one several times in each period.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import structlog

from agent.core.model import SaleId
from agent.core.ports import JournalBroken
from agent.edges.journal import SqliteJournal
from agent.sdnotify import Notifier

ROUNDS_PER_PERIOD = 4  # of WatchdogSec=: one that is late costs nothing
STANDSTILL_S = 120.0  # a steward looks at the clock every 30 s, and waits at most 10 s for a card helper


EXTENSION_PERIOD_S = 10.0  # two lost ones do not end a start


@contextlib.asynccontextmanager
async def long_start(notifier: Notifier) -> AsyncIterator[None]:
    """While the journal opens, systemd goes on waiting: a big one takes minutes to migrate and to verify, and a start that is killed in the
    middle of that begins it anew, for ever. What follows has to keep TimeoutStartSec=."""

    async def extend() -> None:
        while True:
            notifier.extend()
            await asyncio.sleep(EXTENSION_PERIOD_S)

    extending = asyncio.create_task(extend())
    try:
        yield
    finally:
        extending.cancel()


class Works(Protocol):
    """The engine, as far as it is watched."""

    @property
    def standstill_s(self) -> float: ...

    @property
    def standing(self) -> Mapping[SaleId, float]: ...


async def keep_watch(notifier: Notifier, period_s: float | None, journal: SqliteJournal, engine: Works) -> None:
    """Go round and tell systemd, until the journal breaks: its own watch then ends the process. ``period_s``: of systemd's watchdog; None
    if there is none, and then nothing is done."""
    if period_s is None:
        return
    standing, told = False, frozenset[SaleId]()
    while True:
        try:
            await journal.come_round()
        except JournalBroken:
            return
        before, standing = standing, stands_still(journal, engine)
        if not standing:
            notifier.alive()
        elif not before:
            structlog.get_logger().error("engine.stuck", seconds=round(engine.standstill_s))
        told = _tell_of(journal, engine, told)
        await asyncio.sleep(period_s / ROUNDS_PER_PERIOD)


def _tell_of(journal: SqliteJournal, engine: Works, told: frozenset[SaleId]) -> frozenset[SaleId]:
    """A line for each sale or payout that has come to stand still, though others get on. Returns all that stand."""
    if not journal.statistics().room:
        return told
    still = {name: seconds for name, seconds in engine.standing.items() if seconds > STANDSTILL_S}
    for name in still.keys() - told:
        structlog.get_logger().error("alarm.stands_still", sale=str(name), seconds=round(still[name]))
    return frozenset(still)


def stands_still(journal: SqliteJournal, engine: Works) -> bool:
    """Whether something is due and none of it gets done. On a full disk they wait for room, which is no fault of the process."""
    return engine.standstill_s > STANDSTILL_S and journal.statistics().room
