"""Goal: a copy made beside the daily work is whole and proved, and putting one in place cannot lose anything, wherever it is cut short.
Method: real files; for the exchange every order of steps is cut at every step and begun again."""

import asyncio
import contextlib
import errno
import json
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.core.ports import LAST_RESTORED_NOTE, RESTORED_NOTE, JournalError, Query
from agent.edges.journal import (
    CURRENT,
    CannotCopy,
    JournalDamaged,
    JournalFromFuture,
    JournalLocked,
    JournalPlaceRefused,
    NoJournal,
    NotAJournal,
    Plan,
    Verification,
    copying,
    pages,
    readonly,
    restoring,
    verified,
)
from agent.edges.journal.schema import Migration
from tests.journal.support import bytes_of, entry, names_in, opened, sale_id, step

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def made(path: Path, sales: int = 3) -> None:
    async with await opened(path) as journal:
        for number in range(sales):
            await journal.append(step(sale_id(number), put={"token": "MARK-SECRET"}))


async def test_a_copy_is_of_one_moment_while_sales_go_on(tmp_path: Path) -> None:
    """Steps are stored all the while, none of them in half; the copy verifies, is private, and has the sales of the moment it began."""
    path, target = tmp_path / "journal.db", tmp_path / "copy.sqlite3"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(0), 0, [entry("accepted", text="x" * 3_000_000)], put={"token": "MARK-SECRET"}))
        copying_it = asyncio.ensure_future(journal.backup(target))
        number = 0
        while not copying_it.done():
            number += 1
            await journal.append(step(sale_id(number)))
        copied = await copying_it
        assert number > 3
        assert 1 <= copied.sales <= number
        assert (await journal.verify_all()).damages == ()
    assert target.stat().st_mode & 0o777 == 0o600
    assert b"MARK-SECRET" not in target.read_bytes()
    assert (await verified(target)).sales == copied.sales
    assert names_in(tmp_path) == ["copy.sqlite3", "journal.db", "journal.db.lock"]


async def test_a_step_is_not_held_up_by_a_copy(tmp_path: Path) -> None:
    """Of steps during a copy, 99 of 100 take no longer than a customer would never notice; a copy that stopped the writer would show as
    one step as long as the copy."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        body = entry("accepted", text="x" * 2_000)
        await asyncio.gather(*(journal.append(step(sale_id(number), 0, [body])) for number in range(3_000)))
        loop, took, number = asyncio.get_running_loop(), list[float](), 10_000
        began = loop.time()
        copying_it = asyncio.ensure_future(journal.backup(tmp_path / "copy.sqlite3"))
        while not copying_it.done():
            at = loop.time()
            await journal.append(step(sale_id(number)))
            took.append(loop.time() - at)
            number += 1
            await asyncio.sleep(0.002)
        whole = loop.time() - began
    assert len(took) > 50
    assert sorted(took)[len(took) * 99 // 100] < max(0.1, whole / 10)


async def test_while_a_copy_is_read_the_log_is_moved_but_not_emptied(tmp_path: Path) -> None:
    """Emptying waits for readers, and steps would wait with it; afterwards the quiet empties it."""
    async with await opened(tmp_path / "journal.db", idle_s=0.02) as journal:
        with journal._writer.long_read():
            await journal.append(step(sale_id(1)))
            assert not await journal.checkpoint()
            await asyncio.sleep(0.1)
            assert journal.statistics().log_bytes > 5000
        await asyncio.sleep(0.2)
        assert journal.statistics().log_bytes < 5000


async def test_a_copy_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    """At once, however long it would have taken."""
    path, target = tmp_path / "journal.db", tmp_path / "copy.sqlite3"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(0), 0, [entry("accepted", text="x" * 3_000_000)]))
        work = asyncio.ensure_future(copying.copy(path, target, journal.digest_key, pause_s=0.5))
        await asyncio.sleep(0.2)  # it has slices to go for ten seconds
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    assert names_in(tmp_path) == ["journal.db", "journal.db.lock"]


def no_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "free_bytes", lambda _: 1 << 20)


def taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "copy.sqlite3").touch()


def not_writable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "copy.sqlite3.part").mkdir()


def open_to_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.chmod(0o755)


def unreadable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(pages, "copy_pages", broken)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (no_room, "1 MB are free"),
        (taken, "exists already"),
        (not_writable, "cannot be written"),
        (open_to_others, "chmod 0700"),
        (unreadable, "disk I/O"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_keeps_a_copy_from_being_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path, pytest.MonkeyPatch], None], says: str
) -> None:
    """The journal goes on, and the text says what to do."""
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    spoil(folder, monkeypatch)
    async with await opened(tmp_path / "journal.db") as journal:
        with pytest.raises(JournalError, match=says):
            await journal.backup(folder / "copy.sqlite3")
        await journal.append(step(sale_id(1)))


async def test_a_changed_byte_in_a_copy_is_found(tmp_path: Path) -> None:
    """Before it gets its name, and before it is restored; also another key, another program's file, an empty one and a newer agent's."""
    path = tmp_path / "journal.db"
    await made(path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"order-key-1", b"order-kex-1", 1))
    with pytest.raises(JournalDamaged, match="does not hold what was written"):
        await verified(path)
    path.write_bytes(data)
    with pytest.raises(JournalDamaged, match="another digest key"):
        await verified(path, key=b"x" * 32)
    set_version(path, 9)
    with pytest.raises(JournalFromFuture):
        await verified(path)
    text = tmp_path / "text"
    text.write_text("no database at all " * 100)
    with pytest.raises(NotAJournal):
        await verified(text)
    (tmp_path / "empty").touch()
    with pytest.raises(JournalError):
        await verified(tmp_path / "empty")


def set_version(path: Path, number: int) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={number}")


async def test_of_an_older_version_the_events_are_proved(tmp_path: Path) -> None:
    """Its rows will be written anew; their columns are not known here."""
    path = tmp_path / "journal.db"
    await made(path)
    found = await verified(path, Plan(CURRENT.schema, (Migration(2, "SELECT 1;"),)))
    assert (found.events, found.sales) == (3, 0)


# --- putting one in place ---


async def test_a_restored_journal_says_so_and_the_one_before_is_kept(tmp_path: Path) -> None:
    """Sold more after the backup: the differences are named; the new journal has the marks that keep new sales out, the old is whole."""
    path, backup = tmp_path / "journal.db", tmp_path / "backup.sqlite3"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(1)))
        await journal.append(step(sale_id(2)))
        await journal.backup(backup)
        await journal.append(step(sale_id(1), 1, state="pending", money="possible"))
        await journal.append(step(sale_id(3)))
    done = await restoring.restore(backup, path, AT)
    assert done.differences is not None
    assert {(one.row.id, one.known) for one in done.differences} == {(sale_id(1), True), (sale_id(3), False)}
    assert (done.sales, done.aside) == (2, tmp_path / "journal.db.before-restore-20261122T120000Z")
    async with await opened(path) as journal:
        assert {one.id for one in await journal.find(Query())} == {sale_id(1), sale_id(2)}
        noted = [await journal.noted(name) for name in (RESTORED_NOTE, LAST_RESTORED_NOTE)]
        assert [json.loads(one or "") for one in noted] == [{"at": AT.isoformat(), "file": str(backup)}] * 2
    async with await opened(done.aside) as journal:
        assert len(await journal.find(Query())) == 3


async def test_a_damaged_journal_can_be_replaced(tmp_path: Path) -> None:
    """That is what backups are for: nothing is known of the differences, and what is left of it is kept; so can one that is not there."""
    path, backup = tmp_path / "journal.db", tmp_path / "backup.sqlite3"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(1)))
        await journal.backup(backup)
    path.write_bytes(b"rust" * 5000)
    done = await restoring.restore(backup, path, AT)
    assert done.differences is None
    assert done.aside is not None
    assert done.aside.read_bytes() == b"rust" * 5000
    path.unlink()
    done = await restoring.restore(backup, path, AT)
    await (await opened(path)).close()


async def test_two_restores_within_a_second_keep_both_journals(tmp_path: Path) -> None:
    """The names of what is kept go by the second; the second restore takes the next one's."""
    path, backup = tmp_path / "journal.db", tmp_path / "backup.sqlite3"
    await made(path, 2)
    await made(backup, 1)
    kept = [(await restoring.restore(backup, path, AT)).aside for _ in range(2)]
    assert [one.name for one in kept if one] == [f"journal.db.before-restore-20261122T12000{second}Z" for second in (0, 1)]
    counts = []
    for one in kept:
        assert one is not None
        async with await opened(one) as journal:
            counts.append(len(await journal.find(Query())))
    assert counts == [2, 1]


async def test_an_agent_that_starts_while_the_backup_is_proved_keeps_its_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none has worked before, the lock is taken only for a file that is a backup; whoever took it meanwhile is not disturbed."""
    path, backup = tmp_path / "journal.db", tmp_path / "backup.sqlite3"
    await made(backup, 2)
    running = []

    async def slowly(backup: Path, plan: Plan, uri: str) -> Verification:
        found = await verified(backup, plan, uri=uri)
        if not running:
            running.append(await opened(path))
        return found

    monkeypatch.setattr(restoring, "verified", slowly)
    with pytest.raises(JournalLocked):
        await restoring.restore(backup, path, AT)
    await running[0].append(step(sale_id(7)))
    await running[0].close()
    async with await opened(path) as journal:
        assert [one.id for one in await journal.find(Query())] == [sale_id(7)]


def private(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)


async def test_a_log_that_cannot_be_read_is_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the backup: it is not restored. Of the present journal: that it is not known what is missing is no reason to stop."""
    path, backup = tmp_path / "journal.db", tmp_path / "backup.sqlite3"
    await made(path, 2)
    await made(backup, 1)
    before = bytes_of(path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(readonly, "copyfile", full)
    private(Path(f"{backup}-wal"), b"newest records")
    with pytest.raises(CannotCopy, match="log beside it cannot be read: No space left"):
        await restoring.restore(backup, path, AT)
    assert bytes_of(path) == before
    pages.discard(Path(f"{backup}-wal"))
    private(Path(f"{path}-wal"), b"newest records")
    assert (await restoring.restore(backup, path, AT)).differences is None


async def test_a_journal_that_need_not_be_made_is_not(tmp_path: Path) -> None:
    """Asked to open only what there is: nothing is made, not even a lock; neither of nothing, nor of an empty file, nor of a log alone.
    What there is, is opened."""
    path, other = tmp_path / "journal.db", tmp_path / "other"
    with pytest.raises(NoJournal, match="there is no journal"):
        await opened(path, create=False)
    assert names_in(tmp_path) == []
    private(path, b"")
    with pytest.raises(NoJournal):
        await opened(path, create=False)
    private(Path(f"{path}-wal"), b"newest records")
    with pytest.raises(JournalPlaceRefused, match="newest records"):
        await opened(path, create=False)
    assert bytes_of(path) == {"": b"", "-wal": b"newest records"}
    assert names_in(tmp_path) == ["journal.db", "journal.db-wal"]
    await made(other, 1)
    async with await opened(other, create=False) as journal:
        assert len(await journal.find(Query())) == 1


def test_where_the_copy_cannot_be_laid_nothing_happens(tmp_path: Path) -> None:
    """The journal is what it was."""
    path = tmp_path / "journal.db"
    asyncio.run(made(path))
    before = path.read_bytes()
    Path(f"{path}{restoring.READY}{pages.UNFINISHED}").mkdir()
    with pytest.raises(CannotCopy, match="cannot be copied"):
        lay_ready(path, path)
    assert path.read_bytes() == before


def lay_ready(backup: Path, journal: Path) -> None:
    with copying.whole(backup) as uri:
        restoring.lay_ready(uri, backup, journal, restoring.Origin(AT, "x"))


class Cut(BaseException):
    """The power fails."""


@pytest.mark.parametrize("log", [True, False])
def test_an_exchange_cut_short_anywhere_is_finished_by_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: bool) -> None:
    """Cut before every system call that changes a name, again and again: in the end the backup is in place and every file from before is
    kept, once."""
    made_by_hand = tmp_path / "source.db"
    asyncio.run(made(made_by_hand, 1))
    fired, number = True, 0
    while fired:
        folder = tmp_path / f"cut-{number}"
        folder.mkdir(mode=0o700)
        journal = folder / "journal.db"
        journal.write_bytes(b"the present journal")
        if log:
            Path(f"{journal}-wal").write_bytes(b"its log")
        lay_ready(made_by_hand, journal)
        fired = cut_at(number, journal, monkeypatch)
        aside = folder / "journal.db.before-restore-20261122T120000Z"
        assert (restoring.finish(journal) == aside) == fired
        assert restoring.finish(journal) is None
        assert aside.read_bytes() == b"the present journal"
        assert Path(f"{aside}-wal").exists() == log
        assert not Path(f"{journal}-wal").exists()
        with contextlib.closing(sqlite3.connect(journal)) as connection:
            assert connection.execute("SELECT count(*) FROM meta WHERE name LIKE 'note.%'").fetchone() == (2,)
        number += 1
    assert number == (4 if log else 3)


def cut_at(number: int, journal: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run the exchange until its ``number``-th rename, which does not happen; whether there was one."""
    rename, calls = os.rename, [0]

    def counted(source: str | Path, target: str | Path) -> None:
        calls[0] += 1
        if calls[0] > number:
            raise Cut
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", counted)
        patched.setattr(Path, "rename", lambda self, target: counted(self, target))
        try:
            restoring.finish(journal)
        except Cut:
            return True
    return False


async def test_the_next_start_finishes_a_restore(tmp_path: Path) -> None:
    """The daemon itself brings it to its end before it opens anything."""
    path, other = tmp_path / "journal.db", tmp_path / "other.db"
    await made(path, 1)
    await made(other, 2)
    lay_ready(other, path)
    async with await opened(path, create=False) as journal:
        assert len(await journal.find(Query())) == 2
        assert await journal.noted(RESTORED_NOTE) is not None
