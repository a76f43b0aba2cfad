"""Goal: a journal is known again by the mark beside it, whatever was put in its place. Method: real files; what lies in the lock file is
read and spoilt."""

import os
import shutil
from pathlib import Path

import pytest

from agent.edges.journal import JournalPlaceRefused
from agent.edges.journal.chain import Head
from agent.edges.journal.lock import MAX_PID_BYTES, FileLock, marked
from agent.edges.journal.watermark import Watermark, inode
from tests.journal.support import opened, read, sale_id, step

MARK = Watermark(Head(10**18 - 1, bytes(range(32))), 2**64 - 1, 0)  # as long as can be


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def lock_of(path: Path) -> Path:
    return Path(f"{path}.lock")


async def worked(path: Path, *numbers: int) -> bool | None:
    """A life of the agent in which these sales are written; what it thought of the journal it found."""
    async with await opened(path) as journal:
        found = journal.continues
        journal.keep_mark()
        for number in numbers:
            await journal.append(step(sale_id(number)))
    return found


async def test_the_record_that_was_worked_with_goes_on(path: Path) -> None:
    """Nothing was marked before the first life; afterwards it is the same, with events and without."""
    assert [await worked(path), await worked(path), await worked(path, 1), await worked(path)] == [None, True, True, True]


async def test_an_older_copy_and_another_journal_are_told(path: Path, tmp_path: Path) -> None:
    """By the newest event, also if the copy has as many of its own; what is worked with from then on is the record."""
    copy, other = tmp_path / "copy.db", tmp_path / "other.db"
    await worked(path, 1)
    shutil.copy(path, copy)
    await worked(path, 2)
    await worked(other, 1, 3)
    for stranger in (copy, other):
        whole = tmp_path / "whole.db"
        shutil.move(path, whole)
        shutil.copy(stranger, path)
        before = marked(path)
        async with await opened(path) as journal:
            assert journal.continues is False
        assert marked(path) == before, "whoever only looks changes nothing"
        shutil.move(whole, path)
        assert await worked(path) is True
    shutil.copy(copy, path)
    assert [await worked(path, 4), await worked(path)] == [False, True]


async def test_a_record_without_events_is_known_by_its_file(path: Path, tmp_path: Path) -> None:
    """There is no event to tell it by: one that comes with events from elsewhere is not it."""
    other = tmp_path / "other.db"
    await worked(path)
    await worked(other, 1)
    other.replace(path)
    assert await worked(path) is False


async def test_the_mark_is_written_when_something_was(path: Path) -> None:
    """At once, when it is asked for; not again while nothing new is there; at the close. A disk that refuses it
    then is no failure."""
    async with await opened(path) as journal:
        await journal.append(step(sale_id(1)))
        assert marked(path) is None
        journal.keep_mark()
        first = marked(path)
        assert first is not None
        assert (first.head.number, first.file, first.log) == (journal.statistics().events, inode(path), inode(Path(f"{path}-wal")))
        lock_of(path).write_bytes(b"")
        journal.keep_mark()
        assert marked(path) is None, "nothing new: nothing is written"
        await journal.append(step(sale_id(2)))
    last = marked(path)
    assert last is not None
    assert last.head.number > first.head.number
    async with await opened(path) as journal:
        journal.keep_mark()
        await journal.append(step(sale_id(3)))
        journal._lock.put_mark = _full  # type: ignore[method-assign] # no disk refuses one block of a file that is there
    assert marked(path) == last


def _full(mark: Watermark) -> None:
    raise OSError


async def test_a_log_of_another_file_is_not_put_upon_this_one(path: Path, tmp_path: Path) -> None:
    """The file was exchanged while the log has records in it: refused, and both stay as they are. A copy of both is no such pair."""
    await worked(path, 1)
    both = tmp_path / "both"
    both.mkdir(mode=0o700)
    async with await opened(path) as journal:
        journal.keep_mark()
        await journal.append(step(sale_id(2)))
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{both / path.name}{suffix}")
        lock = lock_of(path).read_bytes()
    shutil.copy(both / path.name, tmp_path / "again.db")
    (tmp_path / "again.db").replace(path)
    log = Path(f"{path}-wal")
    shutil.copy(f"{both / path.name}-wal", log)
    mark = marked(path)
    assert mark is not None
    held = FileLock(path)
    held.put_mark(Watermark(mark.head, mark.file, inode(log)))
    held.release()
    before = read(path), read(log)
    with pytest.raises(JournalPlaceRefused, match="is not the file that the agent worked with last"):
        await opened(path)
    assert (read(path), read(log)) == before
    lock_of(both / path.name).write_bytes(lock)
    lock_of(both / path.name).chmod(0o600)
    assert await worked(both / path.name) is True


def test_what_can_be_read_of_a_mark(path: Path) -> None:
    """What was written; nothing where there is none, or where it is torn. The holder's number stands beside it."""
    assert marked(path) is None
    assert inode(path / "below") == 0
    lock = FileLock(path)
    assert lock.mark() is None
    lock.put_mark(MARK)
    lock.release()
    lock = FileLock(path)
    assert (lock.mark(), marked(path)) == (MARK, MARK)
    assert lock_of(path).read_bytes()[:MAX_PID_BYTES].split() == [str(os.getpid()).encode()]
    lock.release()
    whole = lock_of(path).read_bytes()
    for spoilt in (whole[:-1], whole[: MAX_PID_BYTES + 40], whole.replace(b"999 ", b"-99 "), whole[:MAX_PID_BYTES]):
        lock_of(path).write_bytes(spoilt)
        assert marked(path) is None
    lock_of(path).write_bytes(whole)
    assert marked(path) == MARK
