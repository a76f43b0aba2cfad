"""Why the journal cannot be opened, by who must react, and what SQLite's errors mean to the caller.

Start errors are for the technician in front of the till: the text names the file, says what is wrong and what to do. At run time there
are only three: a step that does not fit (Conflict), a full device (JournalFull: nothing was written, go on), and everything else
(JournalBroken: a commit that failed may still have happened, so stop, start again, and read).
"""

import sqlite3
from pathlib import Path

from agent.core.ports import Conflict, JournalBroken, JournalError, JournalFull
from agent.texts import N_, Message, message

PRIMARY_CODE_MASK = 0xFF  # SQLite's extended result codes keep the primary code in the low byte


DAMAGED = N_("{path} is damaged ({found}). Keep the file, restore a backup, and reconcile with the provider")
BAD_SCHEMA = N_("{path} has a damaged schema. Keep the file, restore a backup, and reconcile with the provider")
NOT_WHOLE = N_("{path} is not whole: {found}. Keep the file, restore a backup, and reconcile with the provider")


class JournalUnusable(JournalError):
    """The journal cannot be opened. Nothing was changed in it."""


class JournalLocked(JournalUnusable):
    """Another agent works with this file: stop that one first."""


class JournalPlaceRefused(JournalUnusable):
    """The file lies where it can be lost or be read by others: a file system without durability, a link, wrong rights."""


class SqliteUnfit(JournalUnusable):
    """The SQLite library is too old or does not keep a setting the journal depends on."""


class JournalFromFuture(JournalUnusable):
    """A newer agent wrote this file: install that version again, or restore the copy it made before its migration."""


class NoJournal(JournalPlaceRefused):
    """There is none where one was asked for that need not be made."""


class NotAJournal(JournalUnusable):
    """The file belongs to something else: the configured path is wrong."""


class JournalDamaged(JournalUnusable):
    """The file as a whole cannot be trusted: keep it, restore a backup, and reconcile with the provider."""


def translate(error: sqlite3.Error, path: Path) -> Conflict | JournalFull | JournalBroken:
    """What an error of SQLite means to the caller. Its cause is kept."""
    code = getattr(error, "sqlite_errorcode", None)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    translated: Conflict | JournalFull | JournalBroken
    match code & PRIMARY_CODE_MASK if code is not None else None:
        case sqlite3.SQLITE_CONSTRAINT:
            translated = Conflict(str(error))
        case sqlite3.SQLITE_FULL:
            full = N_("{path}: no space is left on the device; nothing was written. Free some; the agent goes on by itself")
            translated = JournalFull(message(full, path=path))
        case _:
            broken = N_(
                "{path}: SQLite reported {name} ({error}). The last steps may or may not be stored. "
                "The agent must start again and read; if it happens again, check the disk and restore a backup"
            )
            translated = JournalBroken(message(broken, path=path, name=name, error=error))
    translated.__cause__ = error
    return translated


def translate_at_start(error: sqlite3.Error, path: Path) -> JournalError:
    """The same for the checks at start, where a file that is no database or has damaged pages is the technician's case."""
    match getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE_MASK:
        case sqlite3.SQLITE_NOTADB:
            unusable: JournalError = NotAJournal(
                message(N_("{path} is no SQLite database. Check the path, or restore a backup"), path=path)
            )
        case sqlite3.SQLITE_CORRUPT:
            unusable = JournalDamaged(message(DAMAGED, path=path, found=error))
        case _:
            return translate(error, path)
    unusable.__cause__ = error
    return unusable


def said(error: JournalError) -> Message:
    """What an error of the journal says to people, in any language. One that was handed on says what its cause said."""
    for one in (error, error.__cause__):
        if one is not None and one.args and isinstance(one.args[0], Message):
            return one.args[0]
    return message("{text}", text=error)
