"""Goal: any sequence of steps leaves what a dictionary would hold. Method: hypothesis makes steps, right and wrong ones, some at the same
time, with restarts between; a plain model says what must be stored and who must be refused."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.model import SaleId
from agent.core.ports import Append, Conflict, Entry, Query, Row
from tests.journal.support import entry, opened, paid, row, sale_id

names = st.sampled_from(["token", "cardSession"])
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@dataclass(frozen=True)
class Wish:
    """A step as hypothesis wants it; ``off`` moves it away from the right position."""

    sale: int
    order: int
    off: int
    events: int
    closed: bool
    paid: bool
    split: bool
    text: str
    put: dict[str, str]
    drop: frozenset[str]


wishes = st.builds(
    Wish,
    sale=st.integers(0, 4),
    order=st.integers(0, 2),
    off=st.sampled_from([0, 0, 0, 0, 0, 1, -1]),
    events=st.integers(1, 3),
    closed=st.booleans(),
    paid=st.booleans(),
    split=st.booleans(),
    text=texts,
    put=st.dictionaries(names, texts, max_size=2),
    drop=st.frozensets(names, max_size=1),
)


@dataclass
class Model:
    """What a journal is, without a disk."""

    streams: dict[SaleId, list[Entry]] = field(default_factory=dict)
    rows: dict[SaleId, Row] = field(default_factory=dict)
    secrets: dict[SaleId, dict[str, str]] = field(default_factory=dict)

    def step(self, wish: Wish) -> Append | None:
        """The step of a wish as things stand; None for one that no caller could make."""
        name = sale_id(wish.sale)
        position = len(self.streams.get(name, [])) + wish.off
        if position < 0:
            return None
        entries = [entry("e", position + place, text=wish.text, amount=place) for place in range(wish.events)]
        common: dict[str, Any] = {"order_id": f"order-{wish.order}", "split": wish.split, "reason": wish.text}
        now = paid(name, paid_unreturned=wish.paid, **common) if wish.closed else row(name, **common)
        return Append(name, position, entries, now, wish.put, wish.drop)

    def accepts(self, step: Append) -> bool:
        def clash(one: Row, other: Row) -> bool:
            same = one.order_id == other.order_id and not one.split and not other.split
            return same and ((one.open and other.open) or (one.paid_unreturned and other.paid_unreturned))

        fits = step.position == len(self.streams.get(step.id, []))
        return fits and not any(clash(other, step.row) for name, other in self.rows.items() if name != step.id)

    def store(self, step: Append) -> None:
        self.streams.setdefault(step.id, []).extend(step.entries)
        self.rows[step.id] = step.row
        kept = self.secrets.setdefault(step.id, {})
        kept.update(step.put_secrets)
        for name in step.drop_secrets:
            kept.pop(name, None)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(groups=st.lists(st.lists(wishes, min_size=1, max_size=4), min_size=1, max_size=12), restarts=st.frozensets(st.integers(0, 11)))
def test_any_history(tmp_path_factory: pytest.TempPathFactory, groups: list[list[Wish]], restarts: frozenset[int]) -> None:
    """Refused is what the model refuses, stored is what it holds, after every group and over every restart."""
    asyncio.run(play(tmp_path_factory.mktemp("model") / "journal.db", groups, restarts))


async def play(path: Path, groups: list[list[Wish]], restarts: frozenset[int]) -> None:
    model, journal = Model(), await opened(path)
    try:
        for number, group in enumerate(groups):
            if number in restarts:
                await journal.close()
                journal = await opened(path)
            given_steps, expected = [], []
            for wish in group:  # the model takes them one by one, the journal all at once, in the same order
                step = model.step(wish)
                if step is None:
                    continue
                given_steps.append(step)
                expected.append(model.accepts(step))
                if expected[-1]:
                    model.store(step)
            results = await asyncio.gather(*map(journal.append, given_steps), return_exceptions=True)
            assert [result is None for result in results] == expected
            assert all(result is None or isinstance(result, Conflict) for result in results)
        for name, entries in model.streams.items():
            assert await journal.stream(name) == entries
            assert await journal.secrets(name) == model.secrets[name]
        assert {found.id: found for found in await journal.find(Query())} == model.rows
        assert (await journal.verify_all()).damages == ()
        assert journal.statistics().events == sum(map(len, model.streams.values()))
    finally:
        await journal.close()
