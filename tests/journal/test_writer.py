"""Goal: the writer keeps its promises at its limits: groups, anchors, checkpoints, a full or failing device, its own mistakes.
Method: the real file, with SQLite's page limit for "full" and the process's file size limit for "I/O error"."""

import asyncio
import contextlib
import gc
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.core.ports import Conflict, JournalBroken, JournalFull, Query
from agent.edges.journal import SqliteJournal, daily, ledger, writer
from agent.edges.journal.chain import Head
from agent.edges.journal.steps import Anchoring
from tests.journal.support import NOW, opened, sale_id, size_of, step


@contextlib.contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """Writing beyond ``limit`` bytes fails with EFBIG, which SQLite reports as an I/O error."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


async def page_limit(journal: SqliteJournal, pages: int) -> int:
    """Let the file be ``pages`` long, or as long as it is: what is more is "full". Returns the limit."""
    ((found,),) = await journal._writer._connection.execute_fetchall(f"PRAGMA max_page_count={pages}")
    return int(found)


def anchors(path: Path) -> list[int]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM anchor ORDER BY number")]


# --- anchors ---


async def test_anchors_every_thousand_events_and_at_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first event, then every ten (here), then the end; opening and closing without events adds none."""
    monkeypatch.setattr(ledger, "ANCHOR_EVENTS", 10)
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        for number in range(25):
            await journal.append(step(sale_id(number)))
    assert anchors(path) == [1, 11, 21, 25]
    await (await opened(path)).close()
    assert anchors(path) == [1, 11, 21, 25]


async def test_an_anchor_every_day(tmp_path: Path) -> None:
    """The first event of another day is anchored."""
    path, now = tmp_path / "journal.db", [NOW]
    async with await opened(path, clock=lambda: now[0]) as journal:
        for number in range(3):
            await journal.append(step(sale_id(number)))
        now[0] = NOW + timedelta(days=1)
        await journal.append(step(sale_id(3)))
        await journal.append(step(sale_id(4)))
    assert anchors(path) == [1, 4, 5]


# --- checkpoints ---


async def test_in_the_quiet_the_log_is_moved_and_emptied(tmp_path: Path) -> None:
    """After a pause the log is as short as a fresh one, without anybody asking; and then it is left alone."""
    async with await opened(tmp_path / "journal.db", idle_s=0.05) as journal:
        fresh = journal.statistics().log_bytes
        for number in range(20):
            await journal.append(step(sale_id(number)))
        assert journal.statistics().log_bytes > fresh
        await asyncio.sleep(0.3)
        after = journal.statistics()
        assert after.log_bytes == fresh
        await asyncio.sleep(0.15)
        assert journal.statistics().checkpoints == after.checkpoints


async def test_under_load_the_log_is_moved_every_so_many_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any pause the log still does not grow for ever; when long it is emptied."""
    monkeypatch.setattr(writer, "COMMITS_PER_CHECKPOINT", 10)
    async with await opened(tmp_path / "journal.db", idle_s=60) as journal:
        before = journal.statistics()
        for number in range(50):
            await journal.append(step(sale_id(number)))
        middle = journal.statistics()
        assert middle.checkpoints - before.checkpoints >= 4
        monkeypatch.setattr(writer, "MAX_LOG_BYTES", 1)
        for number in range(50, 61):
            await journal.append(step(sale_id(number)))
        assert journal.statistics().log_bytes < middle.log_bytes


async def test_a_reader_in_the_way_delays_the_checkpoint_only(tmp_path: Path) -> None:
    """While somebody reads an old state the log cannot be emptied: it is tried again, and steps go on."""
    path = tmp_path / "journal.db"
    async with await opened(path, idle_s=0.05) as journal:
        await journal.append(step(sale_id(1)))
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM sale").fetchone()
            await journal.append(step(sale_id(2)))
            assert not await journal.checkpoint()
            await journal.append(step(sale_id(3)))
            other.execute("COMMIT")
        await asyncio.sleep(0.4)
        assert await journal.checkpoint()


# --- a full device ---


async def test_full_refuses_the_step_and_goes_on(tmp_path: Path) -> None:
    """Steps that do not fit are refused with their own error and leave nothing; with space again all goes on."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(0)))
        await page_limit(journal, 1)
        refused = 0
        for number in range(1, 40):
            results = await asyncio.gather(journal.append(step(sale_id(number), put={"token": "x" * 3000})), return_exceptions=True)
            refused += isinstance(results[0], JournalFull)
        assert refused > 20
        assert str(path) in str(results[0])
        assert journal.statistics().refused_full == refused
        assert len(await journal.find(Query(limit=100))) == 40 - refused
        await page_limit(journal, 1_000_000)
        await journal.append(step(sale_id(100)))
        assert (await journal.verify_all()).damages == ()


async def test_in_a_full_group_what_is_small_is_stored(tmp_path: Path) -> None:
    """A group that does not fit is tried one by one: a step that needs no space is not refused for its neighbour's sake."""
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(step(sale_id(0), put={"token": "x"}))
        await page_limit(journal, 1)
        large = step(sale_id(1), put={f"t{number}": "x" * 16_000 for number in range(20)})
        results = await asyncio.gather(
            journal.append(large), journal.note("n", "x"), journal.append(step(sale_id(0))), journal.append(large), return_exceptions=True
        )
        assert [type(result) for result in results] == [JournalFull, type(None), Conflict, JournalFull]
        assert await journal.noted("n") == "x"


async def test_full_at_a_checkpoint_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be moved into the file yet stays in the log; nothing is broken, and it is tried again."""
    async with await opened(tmp_path / "journal.db", idle_s=60) as journal:
        await journal.append(step(sale_id(1)))
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = sqlite3.SQLITE_FULL
        with monkeypatch.context() as patch:
            patch.setattr(journal._writer._connection, "execute_fetchall", raising(full))
            assert not await journal.checkpoint()
        assert await journal.checkpoint()


def raising(error: Exception) -> Any:
    """A device cannot be made full for the checkpoint alone without root: this is the one place where SQLite is spoken for."""

    async def call(*_: object, **__: object) -> object:
        raise error

    return call


# --- a failing device ---


async def test_an_io_error_breaks_everything_for_good(tmp_path: Path) -> None:
    """The failing step, those in its group, all later calls: JournalBroken. The next start has everything acknowledged."""
    path = tmp_path / "journal.db"
    journal = await opened(path, idle_s=60)
    await journal.append(step(sale_id(1)))
    failed = asyncio.create_task(journal.failed())
    with file_size_limit(journal.statistics().log_bytes):
        results = await asyncio.gather(*(journal.append(step(sale_id(number))) for number in range(2, 300)), return_exceptions=True)
        assert {type(result) for result in results} == {JournalBroken}
    assert "SQLITE_IOERR_WRITE" in str(await failed)
    size = journal.statistics().log_bytes
    for call in (journal.append(step(sale_id(400))), journal.note("n", None), journal.checkpoint(), journal.verify_all()):
        with pytest.raises(JournalBroken):
            await call
    for reading in (journal.stream(sale_id(1)), journal.secrets(sale_id(1)), journal.owing(), journal.neighbours(sale_id(1), "x")):
        with pytest.raises(JournalBroken):
            await reading
    for asking in (journal.find(Query()), journal.parked(), journal.noted("n")):
        with pytest.raises(JournalBroken):
            await asking
    await journal.close()
    assert size_of(f"{path}-wal") == size, "closing after an I/O error must not write"
    async with await opened(path) as again:
        assert [row.id for row in await again.find(Query())] == [sale_id(1)]


async def test_a_failed_checkpoint_breaks(tmp_path: Path) -> None:
    """In the quiet, with nobody writing, an I/O error is noticed and told to the daemon."""
    journal = await opened(tmp_path / "journal.db", idle_s=0.2)
    for number in range(100):
        await journal.append(step(sale_id(number)))
    with file_size_limit(4096):
        failure = await asyncio.wait_for(journal.failed(), 10)
    assert "SQLITE_IOERR_WRITE" in str(failure)
    with pytest.raises(JournalBroken):
        await journal.append(step(sale_id(1000)))
    await journal.close()


async def test_a_failure_at_close_is_told(tmp_path: Path) -> None:
    """An I/O error while closing is raised by ``close``; the lock is released all the same, and nothing is lost."""
    path = tmp_path / "journal.db"
    journal = await opened(path, idle_s=60)
    for number in range(100):
        await journal.append(step(sale_id(number)))
    with file_size_limit(4096), pytest.raises(JournalBroken, match="SQLITE_IOERR"):
        await journal.close()
    async with await opened(path) as again:
        assert again.statistics().events == 100


async def test_a_failure_at_open_is_told(tmp_path: Path) -> None:
    """A device that fails at the first checkpoint, or at creation: JournalBroken, and nothing stays locked or running."""
    path = tmp_path / "journal.db"
    with file_size_limit(4096 * 2), pytest.raises(JournalBroken):
        await opened(path)
    await (await opened(path)).close()
    with file_size_limit(16), pytest.raises(JournalBroken):
        await opened(path)
    await (await opened(path)).close()


async def test_a_failure_at_the_first_checkpoint_is_told(tmp_path: Path) -> None:
    """The log of a killed agent cannot be moved into the file: JournalBroken from ``open``, and the log is kept."""
    path, killed = tmp_path / "journal.db", tmp_path / "killed.db"
    async with await opened(path, idle_s=60) as journal:
        for number in range(100):
            await journal.append(step(sale_id(number)))
        for suffix in ("", "-wal"):
            await asyncio.to_thread(subprocess.run, ["cp", "-p", f"{path}{suffix}", f"{killed}{suffix}"], check=True)
    with file_size_limit(killed.stat().st_size), pytest.raises(JournalBroken, match="SQLITE_IOERR_WRITE"):
        await opened(killed)
    async with await opened(killed) as again:
        assert again.statistics().events == 100


async def test_reading_can_break_it_too(tmp_path: Path) -> None:
    """A page that cannot be read while the agent runs breaks the journal for everybody, and so it does the daily verification."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        for number in range(200):
            await journal.append(step(sale_id(number)))
    journal = await opened(path)
    with path.open("r+b") as file:
        file.truncate(4096 * 20)
    with pytest.raises(JournalBroken):
        await daily.verify_all(path, journal.digest_key)
    with pytest.raises(JournalBroken):
        await journal.find(Query(limit=1000))
    with pytest.raises(JournalBroken):
        await journal.append(step(sale_id(1000)))
    await journal.close()


# --- its own mistakes ---


async def test_a_mistake_of_the_writer_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody expected, in the middle of a group: all who wait are told, the journal is broken, closing works."""
    journal = await opened(tmp_path / "journal.db")

    def mistaken(*_: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(ledger.Ledger, "_append", mistaken)
    appends = [asyncio.create_task(journal.append(step(sale_id(number)))) for number in range(400)]
    await asyncio.sleep(0)
    with pytest.raises(JournalBroken, match="ZeroDivisionError"):
        await journal.close()
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert {type(result) for result in results} == {JournalBroken}
    assert "ZeroDivisionError" in str(results[0])


async def test_a_mistake_after_some_were_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is stored and answered, then the checkpoint of the same group goes wrong: each hears its own."""
    async with await opened(tmp_path / "journal.db") as journal:
        with monkeypatch.context() as patch:
            patch.setattr(journal._writer, "_checkpoint", raising(ZeroDivisionError()))
            results = await asyncio.gather(journal.append(step(sale_id(1))), journal.checkpoint(), return_exceptions=True)
        assert [type(result) for result in results] == [type(None), JournalBroken]


async def test_a_cancelled_writer_leaves_nobody_waiting(tmp_path: Path) -> None:
    """Somebody cancels every task of the loop: who waits is told that nobody knows."""
    journal = await opened(tmp_path / "journal.db")
    waiting = [asyncio.create_task(journal.append(step(sale_id(number)))) for number in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert journal._writer._task is not None
    journal._writer._task.cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} <= {JournalBroken}
    with pytest.raises(JournalBroken):
        await journal.append(step(sale_id(100)))
    await journal.close()


async def test_a_rollback_that_fails_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If SQLite cannot even roll back, nothing is known any more; the rest of the group is not tried."""
    journal = await opened(tmp_path / "journal.db")
    await page_limit(journal, 1)
    monkeypatch.setattr(ledger.Ledger, "_roll_back", lambda _: False)
    large = {f"t{number}": "x" * 16_000 for number in range(20)}
    with pytest.raises(JournalBroken, match="rolled back"):
        await journal.append(step(sale_id(1), put=large))
    await journal.close()


async def test_broken_in_the_middle_ends_the_group(tmp_path: Path) -> None:
    """A full group tried one by one meets an I/O error: what comes after is not tried."""
    path = tmp_path / "journal.db"
    journal = await opened(path)
    book = journal._writer._ledger
    calls: list[int] = []

    def commit(jobs: list[Any]) -> list[Any]:
        calls.append(len(jobs))
        error = sqlite3.OperationalError("made up")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL if len(calls) < 3 else sqlite3.SQLITE_IOERR
        raise error

    book._commit = commit  # type: ignore[method-assign,assignment]  # a device that is first full, then gone
    assert [type(outcome) for outcome in book._write([Anchoring()] * 4)] == [JournalFull, JournalBroken, JournalBroken, JournalBroken]
    assert calls == [4, 1, 1]
    del book._commit
    await journal.close()


def test_a_rollback_that_raises(tmp_path: Path) -> None:
    """``_roll_back`` says so instead of raising."""

    class Stubborn(sqlite3.Connection):
        def execute(self, *arguments: Any) -> Any:
            if arguments[0] == "ROLLBACK":
                raise sqlite3.OperationalError("no")
            return super().execute(*arguments)

    with contextlib.closing(sqlite3.connect(tmp_path / "x.db", factory=Stubborn)) as connection:
        connection.execute("BEGIN")
        book = ledger.Ledger(connection, tmp_path, b"", Head(0, b""), (0, ""), lambda: NOW)
        assert not book._roll_back()


async def test_a_verification_can_be_cancelled(tmp_path: Path) -> None:
    """Cancelling the daily job in the middle of a piece leaves no thread on a closed connection; the journal goes on."""
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with await opened(tmp_path / "journal.db") as journal:
        await asyncio.gather(*(journal.append(step(sale_id(number))) for number in range(1500)))
        for pause in (0.001, 0.01, 0.02, 0.03, 0.05, 0.08):
            job = asyncio.create_task(journal.verify_all())
            await asyncio.sleep(pause)
            job.cancel()
            with pytest.raises(asyncio.CancelledError):
                await job
            del job
            gc.collect()
        assert (await journal.verify_all()).events == 1500
        assert complaints == []


async def test_the_log_may_be_missing(tmp_path: Path) -> None:
    """Statistics of a journal that is closed, whose log is gone, are still given."""
    journal = await opened(tmp_path / "journal.db")
    await journal.close()
    assert journal.statistics().log_bytes == 0
