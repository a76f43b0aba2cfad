"""Goal: whoever looks at a journal from outside learns whether it is whole, without touching it and without holding it up. Method: real
files, whole, empty, damaged in each way, of another program, beside a writer."""

import asyncio
import errno
import os
import sqlite3
from pathlib import Path

import pytest

from agent.core.ports import JournalBroken, JournalError
from agent.edges.journal import JournalDamaged, JournalPlaceRefused, NotAJournal, SqliteJournal, health, lock, said
from agent.edges.journal.health import Health, beginning, examine, library_version, was_here
from tests.journal.support import opened, read, sale_id, step


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """One with three sales, closed."""
    tmp_path.chmod(0o700)
    path = tmp_path / "journal.db"

    async def fill() -> None:
        async with await opened(path) as made:
            for number in range(3):
                await made.append(step(sale_id(number)))

    asyncio.run(fill())
    return path


async def test_a_sound_journal_is_counted(journal: Path) -> None:
    """Closed and beside its writer the same, and nothing of it changes."""
    before = read(journal)
    closed = examine(journal)
    assert (closed.sales, closed.events > 0, closed.damages, closed.began == beginning(journal)) == (3, True, (), True)
    assert read(journal) == before
    async with await opened(journal):
        assert examine(journal) == closed
    assert library_version() >= (3, 37, 0)
    assert (was_here(journal), was_here(journal.with_name("other"))) == (True, False)


def test_an_empty_file_is_no_damage(tmp_path: Path) -> None:
    """As a start that was killed at once leaves it."""
    path = tmp_path / "empty.db"
    path.touch()
    assert examine(path) == Health(0, 0, 0, (), None)
    with pytest.raises(JournalError):
        beginning(path)


@pytest.mark.parametrize("damage", ["page", "schema", "name", "foreign", "text"])
def test_damage_is_named(journal: Path, damage: str) -> None:
    """A page, the schema, another program's file, no database at all: each refused with what to do."""
    data = bytearray(journal.read_bytes())
    match damage:
        case "page":
            data[4096 * 3 : 4096 * 3 + 64] = b"\xff" * 64
        case "schema":
            place = data.index(b"CREATE TABLE", 100)
            data[place : place + 24] = b"\xff" * 24
        case "name":  # SQLite quotes it in its message, and the message is no text
            place = data.index(b"event_is_kept")
            data[place : place + 3] = b"\xff\xfe\xff"
        case "text":
            data = bytearray(b"this is no database, whatever its name may be" * 100)
        case _:
            with sqlite3.connect(journal) as connection:
                connection.execute("PRAGMA application_id=7")
            connection.close()
            data = bytearray(journal.read_bytes())
    journal.write_bytes(data)
    with pytest.raises(JournalError) as refused:
        examine(journal)
    assert isinstance(refused.value, NotAJournal if damage in ("foreign", "text") else JournalDamaged)
    assert str(journal) in str(said(refused.value))


def test_pages_that_contradict_each_other(journal: Path) -> None:
    """What SQLite reads without an error and its own check does not believe."""
    data = bytearray(journal.read_bytes())
    data[36:40] = (5).to_bytes(4, "big")  # how many free pages there are
    journal.write_bytes(data)
    with pytest.raises(JournalDamaged, match="is damaged"):
        examine(journal)


def test_its_time_can_be_up(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is said of it."""
    monkeypatch.setattr(health, "STEPS_BETWEEN_LOOKS", 1)
    with pytest.raises(health.TimeIsUp):
        examine(journal, lambda: True)


async def test_an_error_says_what_its_cause_said(journal: Path) -> None:
    """Handed on, wrapped, or of foreign words."""
    async with await opened(journal):
        with pytest.raises(JournalError) as refused:
            await SqliteJournal.open(journal)
    handed_on = JournalBroken(str(refused.value))
    handed_on.__cause__ = refused.value
    assert str(said(handed_on)) == str(said(refused.value)) == str(refused.value)
    assert str(said(JournalBroken("{braces}"))) == "{braces}"


async def test_a_file_system_that_became_read_only(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told from other reasons why the lock cannot be had: another remedy helps."""

    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(lock.os, "open", refuse)
    with pytest.raises(JournalPlaceRefused, match=r"read-only.*dmesg"):
        lock.FileLock(journal)
