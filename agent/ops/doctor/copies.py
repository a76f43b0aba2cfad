"""The backups: which there are, whether they can be used, how old they are.

The name of a copy says when it was made and nothing more: a file that another program spoilt, or that has come from elsewhere, must neither
pass for a backup nor be what a technician is told to restore. So the newest are opened.
"""

import errno
import os
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.core.ports import JournalError
from agent.edges.journal import JournalDamaged, JournalFromFuture, NotAJournal, health, said
from agent.edges.journal.health import TimeIsUp
from agent.ops.aside import aside
from agent.ops.doctor import shelf
from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.ops.doctor.storage import AS_ROOT, HIDDEN
from agent.running.backups import PATTERN, made_at
from agent.running.projecting import PLAN
from agent.texts import N_, Message, message

BACKUP = "backup"
OLD = timedelta(days=2)  # one is made every day: a day off is made up for soon after the next start
MAX_OPENED = 5  # spoilt copies before one that can be used: more than that is a spoilt disk
READING_LIMIT_S = 3.0  # for all of them; a copy that takes longer was not found to be spoilt

GOOD_BACKUP = N_("The newest backup: {file}")
NO_TABLE = N_("No backups are made: there is no table [backup].")
NO_TABLE_MEANS = N_("If the disk dies, the record of all payments dies with it.")
TABLE_REMEDY = N_("Run: {command} - or with a folder on another disk, which is better.")
TABLE = "[backup]", 'directory = "/var/backups/koshelek-agent"'
FAILED = N_("The last backup failed: {problem}")
FAILED_MEANS = N_("If the disk dies now, everything since the backup before is lost.")
FAILED_REMEDY = N_("Mend what the line says, then: koshelek-agent backup")
READ_ONLY_REMEDY = N_(
    "Run: sudo systemctl restart koshelek-agent, then: sudo koshelek-agent backup. A folder that the unit allows is open to the service "
    "from its next start on. If it stays so, the disk has errors, and the system has made it read-only to save the data: dmesg"
)
NEVER = N_("There is no backup in {folder} yet.")
AGED = N_("The newest backup is {days} days old: {file}")
AGED_REMEDY = N_("Run: sudo koshelek-agent backup - and if it does not succeed, mend what it says. Look at the till's clock: date")
SPOILT = N_("The backup {file} cannot be used: {problem}.")
EMPTY = N_("it is empty")
FOREIGN, BROKEN, TORN = N_("it is no record of the agent"), N_("it is damaged ({found})"), N_("it is damaged")
NEWER = N_("The backup {file} was made by a newer agent than the one that is installed.")
NEWER_MEANS = N_("This agent cannot restore it. The newest that it can: {usable}.")
NEWER_REMEDY = N_("Keep it. Install the newer version of the package again: /usr/share/doc/koshelek-agent/ru/obnovlenie.md")
SPOILT_MEANS = N_("It cannot be restored. The newest that can be: {usable}.")
NONE = N_("none")
SPOILT_REMEDY = N_("Move it to another folder and make a new one: sudo koshelek-agent backup. If it happens again, have the disk checked.")
UNREADABLE = N_("The folder {folder} cannot be looked at: {problem}.")
DISK_REMEDY = N_("Look why in dmesg. A disk with errors: have it exchanged. A network disk: see to it that it is there again.")
UNSEEN_MEANS = N_("Whether there are backups could not be seen.")


@dataclass(frozen=True, slots=True)
class Copies:
    """``usable``: the newest that can be restored; ``spoilt``: newer ones that cannot, with what is wrong; ``newer``: those that a newer
    agent made."""

    usable: Path | None = None
    spoilt: tuple[tuple[Path, Message], ...] = ()
    newer: tuple[Path, ...] = ()


def look(directory: Path, now: datetime, clock: Callable[[], float] = time.monotonic) -> Copies:
    """The copies in a directory. Raises OSError if it cannot be looked into. Blocks, for some seconds at worst."""
    found, end, spoilt, newer = _newest_first(directory, now), clock() + READING_LIMIT_S, list[tuple[Path, Message]](), list[Path]()
    for path in found[:MAX_OPENED]:
        try:
            if health.examine(path, lambda: clock() > end, PLAN).version == 0:
                spoilt.append((path, message(EMPTY)))
                continue
        except TimeIsUp:
            pass
        except JournalFromFuture:
            newer.append(path)
            continue
        except JournalError as error:
            spoilt.append((path, _wrong(error)))
            continue
        return Copies(path, tuple(spoilt), tuple(newer))
    return Copies(None, tuple(spoilt), tuple(newer))


def _wrong(error: JournalError) -> Message:
    """What is wrong with a copy. What to do about it is not what to do about a journal, which its error speaks of."""
    if isinstance(error, NotAJournal):
        return message(FOREIGN)
    found = said(error).values.get("found")
    if found is not None or isinstance(error, JournalDamaged):
        return message(BROKEN, found=found) if found is not None else message(TORN)
    return said(error)


def _newest_first(directory: Path, now: datetime) -> list[Path]:
    """By their names; those of the future last, for the clock was wrong then."""
    found = [one for one in directory.iterdir() if one.match(PATTERN)]
    return sorted(found, key=lambda path: (made_at(path) <= now, path.name), reverse=True)


async def copies_of(case: Case) -> Copies:
    """Of a till. None at all where there is no place for them, or where it cannot be looked into."""
    table = case.settings.backup if case.settings is not None else None
    if table is None:
        return Copies()
    try:
        return await aside(lambda: look(table.directory, datetime.now(UTC)))
    except OSError:
        return Copies()


async def backup(case: Case) -> list[Finding]:
    """Are there backups, did the last one succeed, and can they be used?"""
    settings = case.settings
    if settings is None:
        return []
    if settings.backup is None:
        return [warning(BACKUP, message(NO_TABLE), message(NO_TABLE_MEANS), message(TABLE_REMEDY, command=_adding(case.file)))]
    told, folder, now = (case.status or {}).get("backup") or {}, settings.backup.directory, datetime.now(UTC)
    unfit = [await shelf.unit_of(folder, case.file), await _place(folder, case.user)]
    if any(unfit):
        return [one for one in unfit if one is not None]
    if told.get("problem"):
        remedy = READ_ONLY_REMEDY if os.strerror(errno.EROFS) in told["problem"] else FAILED_REMEDY
        return [fault(BACKUP, message(FAILED, problem=told["problem"]), message(FAILED_MEANS), message(remedy))]
    try:
        found = await aside(lambda: look(folder, now))
    except PermissionError:
        return [warning(BACKUP, message(HIDDEN, path=folder), message(UNSEEN_MEANS), message(AS_ROOT))]
    except OSError as error:
        return [_unreadable(folder, error)]
    usable = found.usable or message(NONE)
    wrong = [
        fault(BACKUP, message(SPOILT, file=path, problem=problem), message(SPOILT_MEANS, usable=usable), message(SPOILT_REMEDY))
        for path, problem in found.spoilt
    ]
    if found.newer:
        what = message(NEWER, file=found.newer[0])
        wrong.append(warning(BACKUP, what, message(NEWER_MEANS, usable=usable), message(NEWER_REMEDY)))
    return wrong + list(_age(found, folder, now))


async def _place(folder: Path, user: int) -> Finding | None:
    try:
        return await aside(lambda: shelf.place_of(folder, user))
    except PermissionError:
        return warning(BACKUP, message(HIDDEN, path=folder), message(UNSEEN_MEANS), message(AS_ROOT))
    except OSError as error:
        return _unreadable(folder, error)


def _unreadable(folder: Path, error: OSError) -> Finding:
    """A disk with errors, or one of another machine that is gone: there may well be copies."""
    what = message(UNREADABLE, folder=folder, problem=error.strerror or error)
    return warning(BACKUP, what, message(UNSEEN_MEANS), message(DISK_REMEDY))


def _adding(file: Path) -> str:
    """A command that adds the table: lines of TOML would come to a terminal as one."""
    return rf"printf '\n{TABLE[0]}\n{TABLE[1]}\n' | sudo tee -a {shlex.quote(str(file))} && sudo koshelek-agent reload"


def _age(found: Copies, folder: Path, now: datetime) -> list[Finding]:
    if found.usable is None:
        never = warning(BACKUP, message(NEVER, folder=folder), message(NO_TABLE_MEANS), message(FAILED_REMEDY))
        return [] if found.spoilt or found.newer else [never]
    made = made_at(found.usable)
    if made > now - OLD:
        return [ok(BACKUP, message(GOOD_BACKUP, file=found.usable))]
    what = message(AGED, days=min((now - made).days, 9999), file=found.usable)
    return [warning(BACKUP, what, message(FAILED_MEANS), message(AGED_REMEDY))]
