"""Goal: however an exchange of doors ends, nobody stands before a closed one that the configuration in force names. Method: real sockets;
the new door at the old address fails, or hangs while the exchange is cancelled."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent.doors import Door
from agent.running import entrance, reload
from agent.settings import load
from tests.support.stand import Stand
from tests.test_account_change import started


class Builder:
    """Opens doors; ``fails`` and ``hangs`` mean the next one alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fails: Exception | None = None
        self.hangs: asyncio.Event | None = None
        self.waits = asyncio.Event()
        self._truly = entrance.open_door
        monkeypatch.setattr(entrance, "open_door", self.open)

    async def open(self, *given: Any) -> Door:
        fails, self.fails = self.fails, None
        hangs, self.hangs = self.hangs, None
        if fails is not None:
            raise fails
        if hangs is not None:
            self.waits.set()
            await hangs.wait()
        return await self._truly(*given)


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    monkeypatch.setattr(reload.log, "configure", lambda **_: None)  # this process's log is the tests'
    return Builder(monkeypatch)


def change(stand: Stand) -> None:
    """The same address, another door; the account stays."""
    text = stand.config.read_text()
    stand.config.write_text(text.replace('role = "pos"', 'role = "pos"\nrequests_per_s = 9'))


async def listens(path: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(str(path))
    except OSError:
        return False
    writer.close()
    return True


async def test_a_door_that_fails_in_an_unforeseen_way_leaves_the_others(builder: Builder) -> None:
    """Not one of the reasons that are known: the reload is refused, and the register's door is open as before."""
    async with started() as (stand, daemon, _):
        change(stand)
        builder.fails = RuntimeError("unforeseen")
        assert "unforeseen" in (await daemon.reloader.reload())["problems"][0]["problem"]
        assert await listens(stand.pos)
        assert (await daemon.reloader.reload())["problems"] == []
        assert await listens(stand.pos)


async def test_a_cancelled_exchange_opens_what_it_had_shut(builder: Builder) -> None:
    """Cancelled twice while the new door is being opened: that step ends, its door is shut and the old one opened."""
    async with started() as (stand, daemon, _):
        change(stand)
        before = set(daemon.entrance._open)
        builder.hangs = asyncio.Event()
        door = builder.hangs
        exchange = asyncio.ensure_future(daemon.entrance.exchange(load(stand.config)))
        await builder.waits.wait()
        for _ in range(2):
            exchange.cancel()
            await asyncio.sleep(0)
        door.set()
        with pytest.raises(asyncio.CancelledError):
            await exchange
        assert set(daemon.entrance._open) == before
        assert await listens(stand.pos)


async def test_a_caller_who_goes_away_does_not_cut_a_reload_in_two(builder: Builder) -> None:
    """The reload that he asked for comes to its end."""
    async with started() as (stand, daemon, _):
        change(stand)
        builder.hangs = door = asyncio.Event()
        asked = asyncio.ensure_future(daemon.reloader.reload())
        await builder.waits.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        door.set()
        async with daemon.reloader._turn:
            pass
        (listener,) = [one for one in daemon.reloader.configuration.settings.listener if getattr(one, "role", "") == "pos"]
        assert listener.requests_per_s == 9
        assert await listens(stand.pos)
