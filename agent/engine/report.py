"""Reads what a shift report needs. Works on the journal of a running agent as on a file that is only read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from agent.core.fold import replay
from agent.core.machine import IllegalTransition
from agent.core.model import SaleId
from agent.core.ports import Corrupt, Entry, Query, Row
from agent.core.sale import Sale
from agent.core.shift import Settled, Shift, refunds_of, shift
from agent.core.stored import UnknownEvent, decode

PAGE_ROWS = 5_000  # rows read at a time
MAX_LISTED = 200  # sales named of each kind: a report is a strip of paper; the list has them all


class Book(Protocol):
    """What is read of the journal."""

    async def find(self, query: Query) -> Sequence[Row]: ...

    async def stream(self, sale_id: SaleId) -> Sequence[Entry] | None: ...

    async def refunded(self, since: datetime, until: datetime) -> Sequence[SaleId]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which till (None: all of the store), and which business day."""

    store_id: str
    terminal_id: str | None
    day: date

    def covers(self, sale_id: SaleId) -> bool:
        return sale_id.store_id == self.store_id and self.terminal_id in (None, sale_id.terminal_id)


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of the day, and what is not settled at the time of asking, of whatever day: newest first, at most MAX_LISTED each.
    ``unreadable``: sales with a refund of that day whose record cannot be used."""

    wanted: Wanted
    figures: Shift
    open: Sequence[Row]
    untold: Sequence[Row]
    unconfirmed: Sequence[Row]
    attention: Sequence[Row]
    unreadable: Sequence[SaleId]


async def report(book: Book, wanted: Wanted, zone: tzinfo) -> Report:
    """The report of a till or a store for a business day of ``zone``. Raises JournalBroken."""
    since, until = bounds(wanted.day, zone)
    refunds: list[Settled] = []
    unreadable: list[SaleId] = []
    for sale_id in await book.refunded(since, until):
        if wanted.covers(sale_id):
            sale = await _sale(book, sale_id)
            if sale is None:
                unreadable.append(sale_id)
            else:
                refunds += refunds_of(sale, since, until)
    rows = await _day(book, wanted)
    whose = Query(wanted.store_id, wanted.terminal_id, limit=MAX_LISTED)
    return Report(
        wanted,
        shift(rows, refunds),
        open=await book.find(replace(whose, open=True)),
        untold=await book.find(replace(whose, untold=True)),
        unconfirmed=await book.find(replace(whose, unconfirmed=True)),
        attention=await book.find(replace(whose, attention=True)),
        unreadable=unreadable,
    )


def bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """The moments at which a business day begins, and at which the next one does (UTC)."""
    begin, end = (datetime.combine(one, time.min, zone) for one in (day, day + timedelta(days=1)))
    return begin.astimezone(UTC), end.astimezone(UTC)


async def _day(book: Book, wanted: Wanted) -> list[Row]:
    found: list[Row] = []
    before: SaleId | None = None
    while True:
        query = Query(wanted.store_id, wanted.terminal_id, wanted.day, before=before, limit=PAGE_ROWS)
        page = await book.find(query)
        found += page
        if len(page) < PAGE_ROWS:
            return found
        before = page[-1].id


async def _sale(book: Book, sale_id: SaleId) -> Sale | None:
    """The sale as its record says; None if the record cannot be used."""
    try:
        entries = await book.stream(sale_id) or ()
        return replay(sale_id, ((decode(entry.kind, entry.body), entry.stamp) for entry in entries))
    except (Corrupt, IllegalTransition, UnknownEvent, ValueError):
        return None
