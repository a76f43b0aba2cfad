"""systemd's watchdog is fed by what was done, not by a timer.

A timer that says "alive" shows that timers work. Here each sign of life is the end of a round through everything without which a till
cannot sell: the event loop, the journal's writing task, the threads of both its connections; and the stewards of the sales at work must
have gone round lately. What hangs anywhere on this way lets the watchdog run out: systemd kills the process, its traceback goes to the
log, and the next one goes on from the journal. A till without customers makes no rounds by itself, so it is asked for one several times
in each period.
"""

import asyncio
from typing import Protocol

import structlog

from agent.core.ports import JournalBroken
from agent.edges.journal import SqliteJournal
from agent.sdnotify import Notifier

ROUNDS_PER_PERIOD = 4  # of WatchdogSec=: one that is late costs nothing
STANDSTILL_S = 120.0  # a steward looks at the clock every 30 s, and waits at most 10 s for a card helper


class Works(Protocol):
    """The engine, as far as it is watched."""

    @property
    def standstill_s(self) -> float: ...


async def keep_watch(notifier: Notifier, period_s: float | None, journal: SqliteJournal, engine: Works) -> None:
    """Go round and tell systemd, until the journal breaks: its own watch then ends the process. ``period_s``: of systemd's watchdog; None
    if there is none, and then nothing is done."""
    if period_s is None:
        return
    standing = False
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
        await asyncio.sleep(period_s / ROUNDS_PER_PERIOD)


def stands_still(journal: SqliteJournal, engine: Works) -> bool:
    """Whether sales are at work and none gets on. On a full disk they wait for room, which is no fault of the process."""
    return engine.standstill_s > STANDSTILL_S and journal.statistics().room
