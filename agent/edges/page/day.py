"""The business day that is, counted by payment system, result and hour.

The day is read from the journal once, in small pages, and then kept up: what is at work is in memory with its present state, and what is
new is at the head of the list. Every few minutes it is read anew, for what changed without either (a return of a sale of this morning).
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from agent.core.answer import row as projection
from agent.core.model import SaleId
from agent.core.payout.name import is_payout
from agent.core.ports import Query, Row
from agent.engine.engine import Engine

PAGE_ROWS = 32  # proved without another thread, in some two milliseconds; between pages everybody else has his turn
MAX_ROWS = 20_000  # of one day: more than ten tills sell; what is beyond is not counted, and the page says so
ANEW_S = 600.0
HOURS = 24

PAID, DECLINED, CANCELED, OPEN = "paid", "declined", "canceled", "open"
OUTCOMES: Mapping[str, str] = {  # what a bar of the drawing is made of, by state
    "paid": PAID,
    "declined": DECLINED,
    "canceled": CANCELED,
    "expired": CANCELED,
    "reversed": CANCELED,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What is counted of a sale."""

    provider: str
    state: str
    amount: int
    refunded: int
    hour: int


@dataclass(frozen=True, slots=True)
class Sum:
    """Sales of one kind: how many, their kopecks, and what of them went back."""

    provider: str
    state: str
    count: int
    amount: int
    refunded: int


@dataclass(frozen=True, slots=True)
class Figures:
    """``hours``: by outcome, how many sales were accepted in each hour. ``whole``: no sale was left out."""

    day: date
    sums: Sequence[Sum]
    hours: Mapping[str, Sequence[int]]
    whole: bool


class Day:
    """One for the page, with its own memory; ``forget`` when nobody looks any more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[SaleId, Kept] = {}
        self._day: date | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()  # two pages that open at once read it once

    def forget(self) -> None:
        self._kept, self._day = {}, None

    async def figures(self) -> Figures:
        """As the day is now. Raises Stopped."""
        async with self._reading:
            day, now = self._engine.setup.business_date(self._engine.ports.clock.now().wall), asyncio.get_running_loop().time()
            if day != self._day or now - self._read_at > ANEW_S:
                self._kept, self._day, self._read_at = {}, day, now
                await self._read(day, to_the_end=True)
            else:
                await self._read(day, to_the_end=False)
            for steward in self._engine.alive:
                if steward.sale.id in self._kept:
                    self._keep(projection(steward.sale))
            return self._counted(day)

    async def _read(self, day: date, to_the_end: bool) -> None:
        """From the newest on: all of it, or until there is one that is known."""
        query = Query(business_date=day, limit=PAGE_ROWS)
        while True:
            rows = await self._engine.reading(self._engine.ports.journal.find(query))
            known = any(row.id in self._kept for row in rows)
            for row in rows:
                self._keep(row)
            if len(rows) < PAGE_ROWS or (known and not to_the_end) or len(self._kept) >= MAX_ROWS:
                return
            query = replace(query, before=rows[-1].id)
            await asyncio.sleep(0)

    def _keep(self, row: Row) -> None:
        if row.business_date == self._day and row.state != "elsewhere" and not is_payout(row.id):
            hour = row.accepted_at.astimezone(self._engine.setup.timezone).hour
            self._kept[row.id] = Kept(row.provider, row.state, row.amount, row.refunded_amount, hour)

    def _counted(self, day: date) -> Figures:
        counts: Counter[tuple[str, str]] = Counter()
        amounts: Counter[tuple[str, str]] = Counter()
        refunded: Counter[tuple[str, str]] = Counter()
        hours = {outcome: [0] * HOURS for outcome in (PAID, DECLINED, CANCELED, OPEN)}
        for one in self._kept.values():
            kind = one.provider, one.state
            counts[kind] += 1
            amounts[kind] += one.amount
            refunded[kind] += one.refunded
            hours[OUTCOMES.get(one.state, OPEN)][one.hour] += 1
        sums = [Sum(*kind, count, amounts[kind], refunded[kind]) for kind, count in sorted(counts.items())]
        return Figures(day, sums, hours, len(self._kept) < MAX_ROWS)
