"""Goal: the sums of the day are right while it goes on, and cost little. Method: a real journal with a day of sales; time is a number."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.core.model import SaleId
from agent.core.ports import Query, Row
from agent.edges.journal import SqliteJournal
from agent.edges.page import day
from agent.edges.page.day import ANEW_S, PAGE_ROWS, Day
from tests.journal.support import NOW, opened, paid, row, sale_id, step

SALES = 2 * PAGE_ROWS + 5


@dataclass
class Till:
    """What the day asks: a journal, a clock, the sales at work. ``alive``: their rows as memory has them."""

    journal: SqliteJournal
    wall: datetime = NOW
    queries: list[Query] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def ports(self) -> Any:
        return SimpleNamespace(journal=self, clock=SimpleNamespace(now=lambda: SimpleNamespace(wall=self.wall)))

    @property
    def setup(self) -> Any:
        return SimpleNamespace(timezone=UTC, business_date=lambda wall: wall.date())

    @property
    def alive(self) -> Any:
        return [SimpleNamespace(sale=one) for one in self.rows]

    async def reading(self, work: Awaitable[Any]) -> Any:
        return await work

    async def find(self, query: Query) -> Sequence[Row]:
        self.queries.append(query)
        return await self.journal.find(query)


@pytest.fixture
async def till(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Till]:
    """Sales of one day: the first is open, the others are paid, one a minute."""
    monkeypatch.setattr(day, "projection", lambda sale: sale)  # here memory holds rows
    journal = await opened(tmp_path / "journal.sqlite3")
    try:
        for number in range(SALES):
            made = {"accepted_at": NOW + timedelta(minutes=number)}
            await journal.append(step(sale_id(number), **made) if number == 0 else paid_step(number, **made))
        yield Till(journal)
    finally:
        await journal.close()


def of(till: Any) -> Day:
    """The three things of an engine that it asks."""
    return Day(till)


def paid_step(number: int, **changes: Any) -> Any:
    one = paid(sale_id(number), **changes)
    facts = {name: getattr(one, name) for name in ("state", "money", "finished", "open", "paid_unreturned", "owes")}
    return step(sale_id(number), **facts | changes)


def sums(figures: day.Figures) -> dict[str, tuple[int, int]]:
    return {one.state: (one.count, one.amount) for one in figures.sums}


async def test_a_day_is_read_whole_and_then_kept_up(till: Till) -> None:
    """First all of it, in pages; then what is new, in one; each hour has its own count."""
    figures = await (shown := of(till)).figures()
    assert sums(figures) == {"queued": (1, 45_000), "paid": (SALES - 1, 45_000 * (SALES - 1))}
    assert (figures.hours["open"][10], figures.hours["paid"][10], figures.hours["paid"][11]) == (1, 59, SALES - 60)
    assert figures.whole
    assert len(till.queries) == SALES // PAGE_ROWS + 1
    await till.journal.append(paid_step(SALES))
    till.queries.clear()
    assert sums(await shown.figures())["paid"][0] == SALES
    assert len(till.queries) == 1


async def test_a_sale_of_this_morning_is_as_memory_has_it(till: Till) -> None:
    """It stands beyond the newest page: its end is seen without reading the day again."""
    shown = of(till)
    await shown.figures()
    till.rows = [paid(sale_id(0), state="declined", money="none")]
    till.queries.clear()
    assert sums(await shown.figures())["declined"] == (1, 45_000)
    assert len(till.queries) == 1


async def test_what_changed_unseen_is_found_when_the_day_is_read_anew(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a new day begins with nothing."""
    shown = of(till)
    await shown.figures()
    changed = row(sale_id(0), state="declined", finished=True, open=False)
    await till.journal.append(step(sale_id(0), 1, state="declined", finished=True, open=False))
    assert "declined" not in sums(await shown.figures())
    loop, ahead = asyncio.get_running_loop(), ANEW_S + 1
    monkeypatch.setattr(loop, "time", lambda real=loop.time: real() + ahead)
    assert sums(await shown.figures())["declined"] == (1, changed.amount)
    till.wall += timedelta(days=1)
    assert (await shown.figures()).sums == []


async def test_a_day_beyond_all_measure_says_so(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading ends at the limit, and the figures own up to it."""
    monkeypatch.setattr(day, "MAX_ROWS", PAGE_ROWS)
    figures = await of(till).figures()
    assert not figures.whole
    assert sum(one.count for one in figures.sums) == PAGE_ROWS


async def test_a_payout_is_no_payment_of_the_day(till: Till) -> None:
    """It lies in the journal beside the sales and is counted with none of them."""
    before = sums(await (shown := of(till)).figures())
    name = SaleId("store", "till", "payout:key-1")
    await till.journal.append(step(name, state="paid_out", finished=True, open=False, owes=False))
    assert sums(await shown.figures()) == before
