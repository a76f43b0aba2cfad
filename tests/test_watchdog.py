"""Goal: systemd hears a sign of life for work that was done, and none for time that has passed. Method: a real socket in systemd's place, a
real journal whose thread is held up. When the engine stands still is shown in tests/engine/test_rounds.py; that systemd then acts, in
tests/package.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.core.model import SaleId
from agent.edges.journal import SqliteJournal
from agent.running import watchdog
from agent.running.watchdog import STANDSTILL_S, keep_watch, long_start
from agent.sdnotify import Notifier
from tests.journal.support import opened
from tests.support.patience import soon

PERIOD_S = 0.04


@dataclass
class Works:
    """An engine that stands still for as long as it is told."""

    standstill_s: float = 0.0
    standing: Mapping[SaleId, float] = field(default_factory=dict)


class Ear:
    """Where systemd listens."""

    def __init__(self, folder: Path, sign: bytes = b"WATCHDOG=1") -> None:
        self._sign = sign
        self.name = str(folder / "notify")
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._channel.bind(self.name)
        self.heard = 0

    def listen(self) -> int:
        """How many signs of life have come so far."""
        while True:
            try:
                assert self._channel.recv(100) == self._sign
            except BlockingIOError:
                return self.heard
            self.heard += 1

    def close(self) -> None:
        self._channel.close()


@asynccontextmanager
async def watched(folder: Path, works: Works) -> AsyncIterator[tuple[Ear, SqliteJournal]]:
    ear = Ear(folder)
    journal = await opened(folder / "journal.db")
    watching = asyncio.ensure_future(keep_watch(Notifier({"NOTIFY_SOCKET": ear.name}), PERIOD_S, journal, works))
    try:
        yield ear, journal
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await journal.close()
        ear.close()


async def quiet(ear: Ear) -> bool:
    """Whether nothing comes in many periods."""
    await asyncio.sleep(PERIOD_S)
    before = ear.listen()
    await asyncio.sleep(5 * PERIOD_S)
    return ear.listen() == before


async def test_no_sign_of_life_while_the_journal_hangs(tmp_path: Path) -> None:
    """An idle till gives signs by itself; while the writing thread is held up none comes, although the loop turns; then they come again."""
    async with watched(tmp_path, Works()) as (ear, journal):
        await soon(lambda: ear.listen() > 3)
        stuck = threading.Event()
        holding = asyncio.ensure_future(journal._writer._connection._execute(stuck.wait))
        try:
            assert await quiet(ear)
        finally:
            stuck.set()
            await holding
        before = ear.listen()
        await soon(lambda: ear.listen() > before)


async def test_no_sign_of_life_while_no_sale_gets_on(tmp_path: Path) -> None:
    """Sales are at work and none has gone round for too long; a moment's pause is not too long."""
    works = Works(STANDSTILL_S - 1)
    async with watched(tmp_path, works) as (ear, _):
        await soon(lambda: ear.listen() > 3)
        works.standstill_s = STANDSTILL_S + 1
        assert await quiet(ear)
        works.standstill_s = 0.0
        before = ear.listen()
        await soon(lambda: ear.listen() > before)


async def test_one_that_stands_still_is_told_of_once(tmp_path: Path) -> None:
    """A line names it and how long it stands; the signs of life go on, because others get on; when it stands anew it is told anew."""
    works = Works()
    with capture_logs() as lines:
        async with watched(tmp_path, works) as (ear, _):
            for count in (1, 2):
                works.standing = {SaleId("s", "t", "slow"): STANDSTILL_S + 1, SaleId("s", "t", "quick"): 0.1}
                await soon(lambda count=count: len(lines) == count)  # type: ignore[misc]  # bound at once
                before = ear.listen()
                await soon(lambda before=before: ear.listen() > before + 3)  # type: ignore[misc]  # bound at once
                works.standing = {}
                before = ear.listen()
                await soon(lambda before=before: ear.listen() > before + 1)  # type: ignore[misc]  # bound at once
    assert [(one["event"], one["sale"], one["seconds"]) for one in lines] == [("alarm.stands_still", "s/t/slow", STANDSTILL_S + 1)] * 2


async def test_a_start_that_takes_long_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the journal opens systemd is asked again and again for more time, and no more once it is open."""
    monkeypatch.setattr(watchdog, "EXTENSION_PERIOD_S", PERIOD_S)
    ear = Ear(tmp_path, b"EXTEND_TIMEOUT_USEC=30000000")
    async with long_start(Notifier({"NOTIFY_SOCKET": ear.name})):
        await soon(lambda: ear.listen() > 3)
    assert await quiet(ear)
    ear.close()


async def test_without_a_watchdog_or_a_journal_nothing_is_watched(tmp_path: Path) -> None:
    """Both end at once: not asked for; and a journal that is closed."""
    journal = await opened(tmp_path / "journal.db")
    await keep_watch(Notifier({}), None, journal, Works())
    await journal.close()
    async with asyncio.timeout(5):
        await keep_watch(Notifier({}), PERIOD_S, journal, Works())
