"""Goal: a register may come in by any way: it lives through the same and is told the same, and nobody pays twice.

Method: one agent with all its listeners and one bank, as processes; the book of scenarios played over every way at the same time, serial
lines with four kinds of wires between as well. What was told is compared field by field, then the books of register, journal and bank.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from agent.core.fold import replay
from agent.core.ports import Query
from agent.core.sale import Sale
from agent.core.stored import decode
from agent.demo.books import Owner, bank_book, compare, journal_book, register_book
from agent.edges.journal import open_read_only
from agent.sandbox.ledger import EntryKind
from tests.scenarios.book import BOOK, RESTART, STRANGE_TILL, restart
from tests.scenarios.till import Journal, Line, Normal, Till
from tests.scenarios.ways import WAYS, Caller, Way, plan
from tests.support.stand import Stand

LIMIT_S = 200.0  # idle it takes 25 s
SEED = 20260131
NAMES = (*BOOK, RESTART)
MIN_PAID = 11  # of each way: all but the race are sure to be, and some scenarios have none


@pytest.mark.timeout(260)
def test_every_way_in_tells_the_same_story() -> None:
    """All scenarios by all ways; the agent dies once, for all; in the end the three books of each way agree."""
    journals = {way: Journal() for way in WAYS}
    with Stand(plan(NAMES, STRANGE_TILL)) as stand:
        asyncio.run(_play(stand, journals))
        ledger = stand.control("GET", "/ledger")
        transactions = stand.control("GET", "/transactions")
        assert stand.stop() == 0
        sales = asyncio.run(_read(stand))
        log = stand.log.read_text()
    first, *others = WAYS
    assert set(journals[first].notes) == set(NAMES)
    problems = [f"{other.name}: {found}" for other in others for found in differences(journals[first].notes, journals[other].notes)]
    for way in WAYS:
        problems += [f"{way.name}: {found}" for found in _unaccounted(way, journals[way], ledger["entries"], transactions, sales)]
    problems += [str(violation) for violation in ledger["violations"]]
    assert not problems, "\n".join(problems)
    assert "WAIT" not in log


async def _play(stand: Stand, journals: dict[Way, Journal]) -> None:
    """The book by every way at once, then the scenario in which the agent dies."""
    seeds = itertools.count(SEED)
    async with asyncio.timeout(LIMIT_S):
        async with asyncio.TaskGroup() as shop:
            for way in WAYS:
                for number, names in enumerate(way.lanes(list(NAMES))):
                    here = [name for name in names if name != RESTART]
                    shop.create_task(_lane(stand, way, number, here, journals[way], next(seeds)))
        assert [way.name for way in WAYS if way.clean and journals[way].doubts] == []  # nothing had to be asked twice
        alive, back = asyncio.Barrier(len(WAYS) + 1), asyncio.Event()
        async with asyncio.TaskGroup() as shop:
            for way in WAYS:
                number = next(number for number, names in enumerate(way.lanes(list(NAMES))) if RESTART in names)
                shop.create_task(_killed(stand, way, number, journals[way], next(seeds), alive, back))
            await alive.wait()  # every customer holds the phone
            await asyncio.to_thread(stand.kill)
            await alive.wait()  # the customers pay, the registers ask
            await asyncio.to_thread(stand.start)
            back.set()


async def _lane(stand: Stand, way: Way, number: int, names: list[str], journal: Journal, seed: int) -> None:
    line = Line(lambda count: way.connect(stand, number, seed + 1000 * count), journal)
    try:
        for name in names:
            journal.notes.setdefault(name, [])
            await BOOK[name](Till(way, name, line, stand, journal))
    finally:
        await line.close()


async def _killed(stand: Stand, way: Way, number: int, journal: Journal, seed: int, alive: asyncio.Barrier, back: asyncio.Event) -> None:
    dead = asyncio.Event()

    async def killed() -> None:
        await alive.wait()
        await alive.wait()
        dead.set()

    async def connect(count: int) -> Caller:
        if way.line and dead.is_set():
            await back.wait()  # a link that a dead agent left behind may lead to another line's new terminal
        return await way.connect(stand, number, seed + 1000 * count)

    line = Line(connect, journal)
    try:
        await restart(Till(way, RESTART, line, stand, journal), killed)
    finally:
        await line.close()


async def _read(stand: Stand) -> list[Sale]:
    """Every sale of the journal, each event proved by its hash."""
    async with await open_read_only(stand.journal) as journal:
        sales = []
        for row in await journal.find(Query(limit=500)):
            entries = await journal.stream(row.id) or ()
            sales.append(replay(row.id, ((decode(entry.kind, entry.body), entry.stamp) for entry in entries)))
        return sales


def _unaccounted(way: Way, journal: Journal, entries: list[Any], transactions: list[Any], sales: list[Sale]) -> Iterator[str]:
    """What the books of this way's orders do not agree on, and every order that was charged twice."""
    own = [entry for entry in entries if entry["order_id"].startswith(way.prefix)]
    books = {
        Owner.REGISTER: register_book(journal.sales.values(), journal.refunds.values()),
        Owner.JOURNAL: journal_book(sale for sale in sales if sale.id.terminal_id.startswith(way.prefix)),
        Owner.BANK: bank_book(own),
    }
    yield from map(str, compare(books))
    charged = Counter(entry["order_id"] for entry in own if entry["kind"] == EntryKind.CHARGE)
    if len(charged) < MIN_PAID:
        yield f"only {len(charged)} orders were paid"
    yield from (f"{order} was charged {count} times" for order, count in charged.items() if count > 1)
    made = Counter(one["order_id"] for one in transactions if one["order_id"].startswith(way.prefix))
    yield from (f"{order}: {count} transactions" for order, count in made.items() if count > len(journal.orders[order]))


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Every place where two notes differ."""
    match one, other:
        case dict(), dict():
            for name in sorted(one.keys() | other.keys()):
                yield from differences(one.get(name, "nothing"), other.get(name, "nothing"), f"{place}.{name}")
        case (list() | tuple(), list() | tuple()) if len(one) == len(other):
            for number, (left, right) in enumerate(zip(one, other, strict=True)):
                yield from differences(left, right, f"{place}[{number}]")
        case _ if type(one) is not type(other) or one != other:
            yield f"{place}: {other!r} and not {one!r}"


def test_a_difference_is_noticed() -> None:
    """The names, ids and times of a run are taken out; another word, another id at the same place or a missing field is a difference."""
    told = {"key": "usock-sale-1", "transactionId": "c97ab48a-b906-4826-adb9-b64faf905962", "at": "2026-01-31T18:09:24.815Z", "amount": 1}
    other = {**told, "key": "tcptk-sale-1", "transactionId": "602561cd-cfec-43ce-8554-b590638fc11e", "at": "2026-01-31T18:09:25.001Z"}
    notes = partial(map, Normal("usock-")), partial(map, Normal("tcptk-"))
    assert list(differences(list(notes[0]([told, told])), list(notes[1]([other, other])))) == []
    third = {**other, "transactionId": "84c65826-97db-42b2-a359-1d4c2525186e"}
    assert list(differences(list(notes[0]([told, told])), list(notes[1]([other, third])))) == [
        "[1].transactionId: '<id 2>' and not '<id 1>'"
    ]
    without = {name: value for name, value in told.items() if name != "amount"}
    assert list(differences(told, without)) == [".amount: 'nothing' and not 1"]
    assert list(differences(told, {**told, "amount": True})) == [".amount: True and not 1"]
