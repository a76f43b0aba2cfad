"""The record itself: the library that keeps it, whether it is whole, whether it is still the one it was."""

import asyncio
import json
import os
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from agent.core.ports import LAST_RESTORED_NOTE, RESTORED_NOTE, JournalError
from agent.edges.journal import JournalFromFuture, SqliteUnfit, health, open_read_only, said
from agent.edges.journal.health import Health, TimeIsUp
from agent.edges.journal.lock import marked
from agent.edges.journal.place import check_whole
from agent.ops.aside import aside
from agent.ops.doctor.case import Case
from agent.ops.doctor.copies import copies_of
from agent.ops.doctor.finding import Finding, Grade, fault, ok, warning
from agent.ops.doctor.storage import AS_ROOT, name_of
from agent.running.beginning import BEGUN_MEANS, BEGUN_REMEDY, LOST, LOST_MEANS, is_lost
from agent.running.projecting import PLAN
from agent.running.rescue import rescue
from agent.running.whereabouts import gone
from agent.texts import N_, message

SQLITE, JOURNAL = "sqlite", "journal"
MOMENT = "%Y-%m-%d %H:%M"
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
KEEP_OFF = N_("Do not start the service before the file is back, or the backup restored.")
NO_BACKUP = N_(
    "Do not start the service. Look for the file (a changed path in [journal], a disk that is not mounted). If it is gone for good, "
    "compare the payment system's registry with the register before the service is started anew."
)
ANOTHER = N_("The journal is not the one that {backup} was made of: it was begun anew.")
WORKS_ON = N_("The agent already works with a journal that was begun anew: it is not the one that {backup} was made of.")
ANOTHER_REMEDY = N_(
    "Stop the service: sudo systemctl stop koshelek-agent. Look for the old file (a changed path in [journal], a "
    "disk that is not mounted), else restore the newest backup: sudo -u {user} koshelek-agent restore {backup}. The journal begun anew is "
    "kept beside it; what was sold with it is listed: compare that with the payment system's registry. Then: sudo systemctl start "
    "koshelek-agent"
)
STILL_ANOTHER = N_("The agent works with a journal that was begun anew and released: it is not the one that {backup} was made of.")
STILL_MEANS = N_(
    "What was sold with the one before is not known to the agent: it does not return such a sale's money, and a payment for such an order "
    "would be taken again."
)
STILL_REMEDY = N_(
    "Make a backup of it: sudo koshelek-agent backup. Keep the older ones in another folder: they are the only record of those sales."
)
BEGUN = N_(
    "The journal was begun anew, or an older one was put in its place ({at}): the record from before is not in it, and nobody has "
    "released it."
)
RESTORED = N_("The journal was restored from {backup} ({at}), and nobody has released it.")
RESTORED_MEANS = N_("What came after the backup is not known to the agent. New payments are not taken until somebody releases them.")
RESTORED_REMEDY = N_(
    "koshelek-agent status shows which sales differ, and how many are still looked up. Compare the day with the payment system's registry, "
    "then run koshelek-agent release."
)
FUTURE = N_("The journal was written by a newer agent than the one that is installed: {path}")
FUTURE_MEANS = N_("This agent does not start with it. The journal is whole, and nothing is lost.")
FUTURE_REMEDY = N_(
    "Restore no daily backup. Install the newer version of the package again: with it everything is there. Only if that cannot be: restore "
    "the copy from before the update, the newest of {copies}. What was paid after it is not in it: "
    "/usr/share/doc/koshelek-agent/ru/obnovlenie.md"
)
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
    pid, user = case.own.pid if case.own else None, name_of(case.user)
    if pid is not None and case.status is not None and await aside(lambda: _is_gone(path, pid)):
        said_of_it, remedy = gone(path, pid), await aside(lambda: rescue(path, pid, user))
        return [fault(JOURNAL, said_of_it["problem"], said_of_it["meaning"], remedy)]
    newest = (await copies_of(case)).usable
    stop = threading.Event()
    try:
        async with asyncio.timeout(READING_LIMIT_S):
            if await aside(lambda: not path.is_file() or is_lost(path)):
                return [await aside(lambda: _missing(path, newest, user))]
            found = await aside(lambda: health.examine(path, stop.is_set, PLAN))
            other = newest is not None and await aside(lambda: _is_another(found, newest))
            waits, last = await _notes(path) if found.events else (None, None)
    except (TimeoutError, TimeIsUp):
        return [warning(JOURNAL, message(TOO_LONG), message(UNREADABLE_MEANS), message(LATER))]
    except PermissionError as error:
        return [_unseen(error)]
    except JournalFromFuture:
        return [
            fault(JOURNAL, message(FUTURE, path=path), message(FUTURE_MEANS), message(FUTURE_REMEDY, copies=f"{path}.before-version-*"))
        ]
    except JournalError as error:
        if not os.access(path, os.R_OK):
            return [_unseen(error)]
        remedy = message(DAMAGED_REMEDY, user=user, backup=newest or "…")
        return [fault(JOURNAL, said(error), message(DAMAGED_MEANS), remedy)]
    finally:
        stop.set()
    if other and last is not None and waits is None:
        return [warning(JOURNAL, message(STILL_ANOTHER, backup=newest), message(STILL_MEANS), message(STILL_REMEDY))]
    if other:
        works = case.status is not None
        remedy = message(ANOTHER_REMEDY if works else LOST_REMEDY, user=user, backup=newest)
        return [fault(JOURNAL, message(WORKS_ON if works else ANOTHER, backup=newest), message(BEGUN_MEANS), remedy)]
    return [_told(found), *([_unreleased(json.loads(waits))] if waits is not None else [])]


def forbids_start(one: Finding) -> bool:
    """Whether the service must be neither started nor restarted before this is mended. Single damaged sales are set aside, and a journal
    that waits for its release loses nothing by it."""
    return one.check == JOURNAL and one.grade is Grade.FAULT and one.what.msgid not in (DAMAGED_SALES, BEGUN, RESTORED)


async def _notes(path: Path) -> tuple[str | None, str | None]:
    """Since when the journal waits for a release, and when it last was to. Raises JournalError."""
    async with await open_read_only(path, plan=PLAN) as reader:
        return await reader.noted(RESTORED_NOTE), await reader.noted(LAST_RESTORED_NOTE)


def _unreleased(origin: Mapping[str, str]) -> Finding:
    at = datetime.fromisoformat(origin["at"]).astimezone()
    if origin["file"]:
        what = message(RESTORED, backup=origin["file"], at=f"{at:{MOMENT}}")
        return fault(JOURNAL, what, message(RESTORED_MEANS), message(RESTORED_REMEDY))
    return fault(JOURNAL, message(BEGUN, at=f"{at:{MOMENT}}"), message(BEGUN_MEANS), message(BEGUN_REMEDY))


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
    try:
        check_whole(path, marked(path))  # what the daemon itself looks at
    except JournalError as error:
        return fault(JOURNAL, said(error), message(LOST_MEANS), message(KEEP_OFF))
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


def _is_another(found: Health, newest: Path) -> bool:
    """Whether the newest backup holds a record that this journal does not begin with."""
    try:
        began = health.beginning(newest)
    except (JournalError, OSError):
        return False  # what is wrong with a backup is told when it is restored
    return began is not None and began != found.began
