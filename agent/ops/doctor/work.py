"""What the agent has to do: open payments, money that is owed, sales that wait for a person. Read from its file, running or not."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agent.core.ports import JournalError, Query, Row
from agent.edges.journal import Reader, open_read_only
from agent.ops.aside import aside
from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.ops.doctor.registers import age
from agent.ops.doctor.storage import AS_ROOT, HIDDEN
from agent.running.projecting import PLAN
from agent.settings import Settings
from agent.texts import N_, Message, message

SEE_JOURNAL = N_("See to the line about the journal first: what is to be done is said there.")
QUEUE, OBLIGATIONS, ATTENTION = "queue", "obligations", "attention"
MAX_ROWS = 5_000  # of each kind; a till that has more has been left alone for months
ON_ITS_WAY = frozenset({"returning", "stuck"})
OLD_S = 600  # payments end within minutes; what takes longer waits for something

OR_MORE = N_("{count} or more")
LONGER = N_("more than {age}")
QUIET = N_("No payment is under way.")
UNDER_WAY = N_("Payments under way: {count}; the oldest for {age}.")
STUCK = N_("A payment is under way for {age}: {key} of till {till}.")
STUCK_MEANS = N_("Its result is not known yet; the agent goes on asking.")
STUCK_REMEDY = N_("Look at it: koshelek-agent show {key}. Do not take the money again before it has an end.")
NOTHING_OWED = N_("Nothing is owed.")
OWED = N_("The agent still has something to do for {count} sales, the oldest for {age}.")
OWED_LONG = N_("The agent has had something to do for {age}: {key} of till {till}.")
OWED_MEANS = N_("A refund, a cancel or a receipt has not got through. It is tried again and again, over restarts as well.")
OWED_REMEDY = N_(
    "See to the connection. Then: koshelek-agent list --owing, koshelek-agent retry. Do not remove the journal, nor the package."
)
CALM = N_("No sale waits for a person.")
WAITING = N_("Sales that wait for a person: {count}; the oldest: {key} of till {till}.")
WAITING_MANY = N_("Sales that wait for a person: {count}; one of them: {key} of till {till}.")
WAITING_MEANS = N_("The agent cannot find out by itself what became of the money.")
WAITING_REMEDY = N_(
    "koshelek-agent list --attention; for each: koshelek-agent show {key}, ask the payment system, then koshelek-agent resolve."
)
ASIDE = N_("Sales set aside because their record is damaged: {count}.")
ASIDE_REMEDY = N_("koshelek-agent list --parked; ask the payment system about each.")
UNCONFIRMED = N_("Paid sales that no register has asked for: {count}.")
UNCONFIRMED_MEANS = N_("The customer paid, and the register may not know it.")
UNCONFIRMED_REMEDY = N_("koshelek-agent list --untold; compare with the register's receipts.")
NOT_SEEN = N_("What is open could not be read: {problem}")
NO_USE = N_("What is open could not be read: the journal cannot be used.")
NOT_SEEN_MEANS = N_("Whether money is owed is not known here.")


async def work(case: Case) -> list[Finding]:
    """Open payments and obligations with their age, and what waits for a person."""
    settings = case.settings
    if settings is None:
        return []
    path = settings.journal_path()
    try:
        if not await aside(path.is_file):
            return []  # told by the check of the journal
        rows = await _rows(settings)
    except JournalError:
        if os.access(path, os.R_OK):
            return [warning(QUEUE, message(NO_USE), message(NOT_SEEN_MEANS), message(SEE_JOURNAL))]
        return [warning(QUEUE, message(HIDDEN, path=path), message(NOT_SEEN_MEANS), message(AS_ROOT))]
    except PermissionError:
        return [warning(QUEUE, message(HIDDEN, path=path), message(NOT_SEEN_MEANS), message(AS_ROOT))]
    except OSError as error:
        return [warning(QUEUE, message(NOT_SEEN, problem=error.strerror or error), message(NOT_SEEN_MEANS), message(SEE_JOURNAL))]
    now = datetime.now(UTC)
    found = [_open(rows["open"], now), _owing(rows["owing"], now), *_attention(rows["attention"])]
    if rows["untold"]:
        what = message(UNCONFIRMED, count=_count(rows["untold"]))
        found.append(warning(ATTENTION, what, message(UNCONFIRMED_MEANS), message(UNCONFIRMED_REMEDY)))
    return found + list(_parked(case.details))


async def _rows(settings: Settings) -> Mapping[str, Sequence[Row]]:
    """From the file: beside the agent it costs it nothing, and without it there is nothing else. Raises JournalError, OSError."""
    wanted = {
        "open": Query(open=True, limit=MAX_ROWS),
        "owing": Query(owing=True, limit=MAX_ROWS),
        "attention": Query(attention=True, limit=MAX_ROWS),
        "untold": Query(untold=True, limit=MAX_ROWS),
    }
    journal: Reader = await open_read_only(settings.journal_path(), plan=PLAN)
    try:
        return {name: await journal.find(query) for name, query in wanted.items()}
    finally:
        await journal.close()


def _open(rows: Sequence[Row], now: datetime) -> Finding:
    waiting = [row for row in rows if row.state != "attention"]
    if not waiting:
        return ok(QUEUE, message(QUIET))
    oldest = min(waiting, key=lambda row: row.accepted_at)
    seconds, told = _seconds(oldest, now), _age(rows, oldest, now)
    if seconds <= OLD_S:
        return ok(QUEUE, message(UNDER_WAY, count=_count(rows, len(waiting)), age=told))
    what = message(STUCK, age=told, **_names(oldest))
    return warning(QUEUE, what, message(STUCK_MEANS), message(STUCK_REMEDY, **_names(oldest)))


def _owing(rows: Sequence[Row], now: datetime) -> Finding:
    if not rows:
        return ok(OBLIGATIONS, message(NOTHING_OWED))
    back = [row for row in rows if row.money in ON_ITS_WAY]  # the rest are watched: that is no debt, and takes its day
    oldest = min(back or rows, key=lambda row: row.accepted_at)
    seconds, told = _seconds(oldest, now), _age(rows, oldest, now)
    if not back or seconds <= OLD_S:
        return ok(OBLIGATIONS, message(OWED, count=_count(rows), age=told))
    return warning(OBLIGATIONS, message(OWED_LONG, age=told, **_names(oldest)), message(OWED_MEANS), message(OWED_REMEDY))


def _attention(rows: Sequence[Row]) -> Iterator[Finding]:
    if not rows:
        yield ok(ATTENTION, message(CALM))
        return
    oldest = rows[-1]  # of those that were read
    what = message(WAITING_MANY if _is_cut(rows) else WAITING, count=_count(rows), **_names(oldest))
    yield fault(ATTENTION, what, message(WAITING_MEANS), message(WAITING_REMEDY, **_names(oldest)))


def _parked(details: Mapping[str, Any]) -> Iterator[Finding]:
    if count := len(details.get("parked", ())):
        yield fault(ATTENTION, message(ASIDE, count=count), message(WAITING_MEANS), message(ASIDE_REMEDY))


def _is_cut(rows: Sequence[Row]) -> bool:
    """Whether there may be older ones: the newest are read."""
    return len(rows) >= MAX_ROWS


def _count(rows: Sequence[Row], counted: int | None = None) -> Message | int:
    """``counted`` of what was read, all of it if None; no more than that is known of a list that was cut."""
    count = len(rows) if counted is None else counted
    return message(OR_MORE, count=count) if _is_cut(rows) else count


def _age(rows: Sequence[Row], oldest: Row, now: datetime) -> Message:
    """How long the oldest of what was read has waited, at least."""
    found = age(_seconds(oldest, now))
    return message(LONGER, age=found) if _is_cut(rows) else found


def _seconds(row: Row, now: datetime) -> int:
    return max(0, int((now - row.accepted_at).total_seconds()))


def _names(row: Row) -> dict[str, str]:
    return {"key": row.id.key, "till": f"{row.id.store_id}/{row.id.terminal_id}"}
