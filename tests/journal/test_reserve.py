"""Goal: when the device is full, what is in flight is still recorded and nothing new begins (promise P13). Method: a real reserve file and
a real journal whose size SQLite itself limits, so that "full" comes when the test wants it; a real device is in tests/test_full_disk.py."""

import asyncio
from pathlib import Path

import pytest

from agent.core.ports import Append, JournalFull
from agent.edges.journal import Reserve, SqliteJournal
from agent.edges.journal.reserve import LOOK_EVERY_S, NEEDED_AT_START_BYTES, free_bytes
from tests.journal.support import entry, opened, sale_id, step

SIZE = 64 * 1024
LONG = entry("accepted", text="x" * 100_000)  # needs pages of its own


class Device:
    """How much room there is, and what time it is."""

    def __init__(self, free: int = 10 * NEEDED_AT_START_BYTES) -> None:
        self.free, self.now = free, 0.0

    def reserve(self, path: Path, size: int = SIZE) -> Reserve:
        return Reserve(path, size, lambda _: self.free, lambda: self.now)


def test_the_file_has_real_blocks_and_is_private(tmp_path: Path) -> None:
    """Made at the start, kept at the next; one of another size is made anew."""
    device = Device()
    for size in (SIZE, SIZE, 2 * SIZE):
        reserve = device.reserve(tmp_path / "j", size)
        reserve.prepare()
        found = (tmp_path / "j.reserve").stat()
        assert (reserve.held, found.st_size, found.st_mode & 0o777) == (True, size, 0o600)
        assert found.st_blocks * 512 >= size
    assert free_bytes(tmp_path) > 0


def test_without_a_size_there_is_none(tmp_path: Path) -> None:
    """Nothing is refused, and a file from before is removed."""
    Device().reserve(tmp_path / "j").prepare()
    reserve = Device().reserve(tmp_path / "j", 0)
    reserve.prepare()
    assert (reserve.held, reserve.wanted, reserve.look(), list(tmp_path.iterdir())) == (False, False, False, [])
    assert reserve.release() is False


def test_it_is_given_up_once_and_comes_back_with_room_for_it_twice(tmp_path: Path) -> None:
    """Not looked for more than once a second, and not made at the edge, where it would be given up again at once."""
    device = Device()
    reserve = device.reserve(tmp_path / "j")
    reserve.prepare()
    assert (reserve.release(), reserve.release(), reserve.wanted) == (True, False, True)
    assert not reserve.look()
    device.now, device.free = LOOK_EVERY_S, 2 * SIZE - 1
    assert not reserve.look()
    device.free = 2 * SIZE
    assert not reserve.look()
    device.now = 2 * LOOK_EVERY_S
    assert reserve.look()
    assert not reserve.look()


def test_a_start_on_a_full_device_gives_it_up(tmp_path: Path) -> None:
    """SQLite could not even open the file otherwise; also where nobody can say how much room there is."""
    Device().reserve(tmp_path / "j").prepare()
    device = Device(NEEDED_AT_START_BYTES - 1)
    reserve = device.reserve(tmp_path / "j")
    reserve.prepare()
    assert (reserve.held, (tmp_path / "j.reserve").exists()) == (False, False)

    def unknown(_: Path) -> int:
        raise OSError

    blind = Reserve(tmp_path / "j", SIZE, unknown)
    blind.prepare()
    assert blind.wanted


def test_where_it_cannot_be_made_nothing_of_it_stays(tmp_path: Path) -> None:
    """Larger than any device: no half file is left, and sales that would begin are refused."""
    reserve = Device().reserve(tmp_path / "j", 1 << 60)
    reserve.prepare()
    assert (reserve.wanted, list(tmp_path.iterdir())) == (True, [])


async def outcomes(journal: SqliteJournal, *steps: Append) -> list[type[BaseException] | None]:
    found = await asyncio.gather(*(journal.append(one) for one in steps), return_exceptions=True)
    return [None if one is None else type(one) for one in found]


async def test_the_first_full_step_gives_it_up_and_is_written(tmp_path: Path) -> None:
    """A group that meets the full device: the step of a sale in flight is stored after all, the one that would begin is refused, also the
    next one, without a try; once the reserve is back sales begin again, in the quiet and under load."""
    path = tmp_path / "journal.db"
    device = Device()
    reserve = device.reserve(path)
    async with await opened(path, reserve=lambda _: reserve, idle_s=0.01) as journal:
        assert await outcomes(journal, step(sale_id(1))) == [None]
        full = Full(reserve)
        full.install(journal)
        assert await outcomes(journal, step(sale_id(1), 1, [LONG], state="sending"), step(sale_id(2), 0, [LONG])) == [None, JournalFull]
        assert journal.statistics().room is False
        tried = full.tries
        assert await outcomes(journal, step(sale_id(2))) == [JournalFull]
        assert full.tries == tried
        assert await outcomes(journal, step(sale_id(1), 2, state="pending")) == [None]
        device.now = LOOK_EVERY_S
        assert await outcomes(journal, step(sale_id(2))) == [None]
        assert journal.statistics().room is True
        reserve.release()
        device.now += LOOK_EVERY_S
        async with asyncio.timeout(10):
            while not journal.statistics().room:
                await outcomes(journal, step(sale_id(3)))
                await asyncio.sleep(0.05)


async def test_in_the_quiet_it_comes_back_by_itself(tmp_path: Path) -> None:
    """Nobody asks for anything: the writer looks for room on its own."""
    path = tmp_path / "journal.db"
    device = Device()
    reserve = device.reserve(path)
    async with await opened(path, reserve=lambda _: reserve, idle_s=0.01) as journal:
        reserve.release()
        await journal.note("x", "y")
        await asyncio.sleep(0.3)  # the log is moved, and there is still no room
        assert journal.statistics().room is False
        device.now = LOOK_EVERY_S
        for _ in range(100):
            await asyncio.sleep(0.05)
            if journal.statistics().room:
                return
        raise AssertionError("it never came back")


class Full:
    """A device that is full while the reserve lies on it: SQLite is allowed no further page then."""

    def __init__(self, reserve: Reserve) -> None:
        self._reserve, self.tries = reserve, 0

    def install(self, journal: SqliteJournal) -> None:
        ledger = journal._writer._ledger
        write, connection = ledger.write, ledger._connection

        def limited() -> None:
            self.tries += 1
            connection.execute(f"PRAGMA max_page_count={1 if self._reserve.held else 1 << 30}").fetchall()  # never below the present size
            write()

        ledger.write = limited  # type: ignore[method-assign]  # the one place where a device can be full on command


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer's own look for room need not take a second here."""
    monkeypatch.setattr("agent.edges.journal.writer.LOOK_EVERY_S", 0.05)
