"""The record itself: the library that keeps it, whether it is whole, whether it is still the one it was, and its backups."""

import asyncio
import os
import threading
from pathlib import Path

from agent.core.ports import JournalError
from agent.edges.journal import SqliteUnfit, health, said
from agent.edges.journal.health import Health, TimeIsUp
from agent.ops.aside import aside
from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.ops.doctor.storage import AS_ROOT, name_of
from agent.running.backups import PATTERN
from agent.running.beginning import LOST, LOST_MEANS, is_lost
from agent.running.projecting import PLAN
from agent.settings import Settings
from agent.texts import N_, message

SQLITE, JOURNAL, BACKUP = "sqlite", "journal", "backup"
READING_LIMIT_S = 25.0  # a million sales take less on a till's disk; below the limit of the check

LIBRARY = N_("SQLite {version}.")
LIBRARY_MEANS = N_("The agent does not start: an older library cannot keep the record as it must be kept.")
LIBRARY_REMEDY = N_("Use Debian 12, Astra 1.8 or newer, or install a Python that brings SQLite 3.37 or newer.")
WHOLE = N_("The journal is whole: {sales} sales, {events} events.")
EMPTY = N_("The journal is new and empty.")
NONE_YET = N_("There is no journal at {path} yet.")
NONE_MEANS = N_("The agent has not been started yet; it makes the journal at its first start.")
START = N_("Run: sudo systemctl start koshelek-agent")
LOST_REMEDY = N_(
    "Do not start the service. Look for the file (a changed path in [journal], a disk that is not mounted), else restore the newest "
    "backup: sudo -u {user} koshelek-agent restore {backup}"
)
NO_BACKUP = N_(
    "Do not start the service. Look for the file (a changed path in [journal], a disk that is not mounted). If it is gone for good, "
    "compare the payment system's registry with the register before the service is started anew."
)
GONE = N_("The journal's file {path} was removed or exchanged while the agent works with it (process {pid}).")
GONE_MEANS = N_("The agent goes on writing to a file without a name: with its end, or a power cut, the whole record is gone.")
GONE_REMEDY = N_(
    "Do not stop the service and do not restart the till. Take no more payments. As root copy what process {pid} has open: "
    "cp /proc/{pid}/fd/N, where N leads to the journal (ls -l /proc/{pid}/fd), and call support."
)
ANOTHER = N_("The journal is not the one that {backup} was made of: it was begun anew.")
DAMAGED_MEANS = N_("The agent does not start with it, or does not use what is damaged: it must not guess about money.")
DAMAGED_REMEDY = N_(
    "Stop the service, keep the damaged file and everything beside it, then restore the newest backup: "
    "sudo -u {user} koshelek-agent restore {backup}. Compare the payments after it with the payment system's registry, "
    "then: koshelek-agent release."
)
DAMAGED_SALES = N_("The records of {count} sales are damaged; the first: {first}.")
SALES_MEANS = N_("These sales are set aside: their results are not told to any register. All others are whole.")
SALES_REMEDY = N_("Look at them with koshelek-agent list --parked, ask the payment system, and decide with koshelek-agent resolve.")
UNREADABLE_MEANS = N_("Whether the record is whole could not be seen.")
TOO_LONG = N_("The journal is so large that it was not read to its end in time.")
NOT_SEEN = N_("The journal could not be looked at: {problem}")
LATER = N_("Run it again when the till is quiet. The agent itself proves the whole record once a day.")

GOOD_BACKUP = N_("The newest backup: {file}")
NO_TABLE = N_("No backups are made: there is no table [backup].")
NO_TABLE_MEANS = N_("If the disk dies, the record of all payments dies with it.")
TABLE_REMEDY = N_('Add to the configuration: [backup] directory = "/var/backups/koshelek-agent", best on another disk.')
FAILED = N_("The last backup failed: {problem}")
FAILED_MEANS = N_("If the disk dies now, everything since the backup before is lost.")
FAILED_REMEDY = N_("Mend what the line says, then: koshelek-agent backup")
NEVER = N_("There is no backup in {folder} yet.")


async def sqlite(case: Case) -> list[Finding]:
    """The library that keeps the journal."""
    try:
        found = ".".join(map(str, health.library_version()))
    except SqliteUnfit as error:
        return [fault(SQLITE, said(error), message(LIBRARY_MEANS), message(LIBRARY_REMEDY))]
    return [ok(SQLITE, message(LIBRARY, version=found))]


async def journal(case: Case) -> list[Finding]:
    """Is it there, is it the one the daemon writes, is it whole?"""
    settings = case.settings
    if settings is None:
        return []
    path = settings.journal_path()
    pid = case.own.pid if case.own else None
    if pid is not None and case.status is not None and await aside(lambda: _is_gone(path, pid)):
        return [fault(JOURNAL, message(GONE, path=path, pid=pid), message(GONE_MEANS), message(GONE_REMEDY, pid=pid))]
    newest = await aside(lambda: _newest(settings))
    user = name_of(case.user)
    stop = threading.Event()
    try:
        async with asyncio.timeout(READING_LIMIT_S):
            if not await aside(lambda: path.is_file()):
                return [await aside(lambda: _missing(path, newest, user))]
            found = await aside(lambda: health.examine(path, stop.is_set, PLAN))
            other = newest is not None and await aside(lambda: _is_another(found, newest))
    except (TimeoutError, TimeIsUp):
        return [warning(JOURNAL, message(TOO_LONG), message(UNREADABLE_MEANS), message(LATER))]
    except PermissionError as error:
        return [_unseen(error)]
    except JournalError as error:
        if not os.access(path, os.R_OK):
            return [_unseen(error)]
        remedy = message(DAMAGED_REMEDY, user=user, backup=newest or "…")
        return [fault(JOURNAL, said(error), message(DAMAGED_MEANS), remedy)]
    finally:
        stop.set()
    if other:
        remedy = message(LOST_REMEDY, user=user, backup=newest)
        return [fault(JOURNAL, message(ANOTHER, backup=newest), message(LOST_MEANS), remedy)]
    return [_told(found)]


async def backup(case: Case) -> list[Finding]:
    """Are there backups, and did the last one succeed?"""
    settings = case.settings
    if settings is None:
        return []
    if settings.backup is None:
        return [warning(BACKUP, message(NO_TABLE), message(NO_TABLE_MEANS), message(TABLE_REMEDY))]
    told = (case.status or {}).get("backup") or {}
    if told.get("problem"):
        return [fault(BACKUP, message(FAILED, problem=told["problem"]), message(FAILED_MEANS), message(FAILED_REMEDY))]
    newest = await aside(lambda: _newest(settings))
    if newest is None:
        never = message(NEVER, folder=settings.backup.directory)
        return [warning(BACKUP, never, message(NO_TABLE_MEANS), message(FAILED_REMEDY))]
    return [ok(BACKUP, message(GOOD_BACKUP, file=newest))]


def _told(found: Health) -> Finding:
    if found.damages:
        what = message(DAMAGED_SALES, count=len(found.damages), first=found.damages[0].reason)
        return fault(JOURNAL, what, message(SALES_MEANS), message(SALES_REMEDY))
    if found.version == 0 or found.events == 0:
        return ok(JOURNAL, message(EMPTY))
    return ok(JOURNAL, message(WHOLE, sales=found.sales, events=found.events))


def _unseen(error: Exception) -> Finding:
    return warning(JOURNAL, message(NOT_SEEN, problem=error), message(UNREADABLE_MEANS), message(AS_ROOT))


def _missing(path: Path, newest: Path | None, user: str) -> Finding:
    if newest is None and not is_lost(path):
        return warning(JOURNAL, message(NONE_YET, path=path), message(NONE_MEANS), message(START))
    remedy = message(NO_BACKUP) if newest is None else message(LOST_REMEDY, user=user, backup=newest)
    return fault(JOURNAL, message(LOST, path=path), message(LOST_MEANS), remedy)


def _is_gone(path: Path, pid: int) -> bool:
    """Whether the file of this name is not the one that the daemon writes, or there is none. False where that cannot be seen."""
    try:
        opened = [descriptor.stat().st_ino for descriptor in Path(f"/proc/{pid}/fd").iterdir() if descriptor.exists()]
        return not path.exists() or path.stat().st_ino not in opened
    except OSError:
        return False


def _newest(settings: Settings) -> Path | None:
    if settings.backup is None:
        return None
    return max(settings.backup.directory.glob(PATTERN), default=None, key=lambda path: path.name)


def _is_another(found: Health, newest: Path) -> bool:
    """Whether the newest backup holds a record that this journal does not begin with."""
    try:
        began = health.beginning(newest)
    except (JournalError, OSError):
        return False  # what is wrong with a backup is told when it is restored
    return began is not None and began != found.began
