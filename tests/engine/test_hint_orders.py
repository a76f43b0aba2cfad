"""Goal: whatever messages come, in whatever order and however often, the books are those of a sale without messages (promise P8).
Method: every sequence of up to five out of five messages, each about a sale of its own with the real engine and journal: true ones, ones
with another's names, made-up ones. What the till was told, what the bank did and what the record says is compared with a sale that nobody
sent a message about; only reads may be more, and those are counted."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from agent.core.answer import answer
from agent.core.hints import Hint
from agent.core.model import SaleId
from agent.core.money import Kopecks
from agent.core.verdict import Operation, Outcome, Request
from agent.engine.errors import Refusal
from agent.engine.setup import Setup
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.words import Operation as BankOperation
from tests.engine.support import BANK, Shop
from tests.simulation.loop import VirtualLoop, run
from tests.simulation.stories import POLICY
from tests.simulation.till import Pos
from tests.simulation.world import STORE

MOMENTS_S = (0.0, 1.1, 3.0, 9.0, 45.0)  # before the sale, while the customer is asked, when he has paid, when it was told, long after
SELLING_S = 1.0
RESTED_S = 400.0  # when all planned looks are over
PATIENT = replace(POLICY, read_interval_ms=1_500, wait_limit_ms=6_000, rereads_ms=(60_000, 300_000))
ENDS = {
    "pays": Customer(Action.CONFIRM, 1_000),
    "declines": Customer(Action.DECLINE, 1_000),
    "waits": Customer(Action.WAIT),
    "pays after the cancel": Customer(Action.WAIT),
}
AMOUNT = Kopecks(30_000)
KINDS = 5


@dataclass(frozen=True, slots=True)
class Case:
    """A sale at a till of its own, and the messages that come about it."""

    number: int
    messages: tuple[int, ...]

    @property
    def id(self) -> SaleId:
        return SaleId(STORE, f"till-{self.number}", "K1")

    @property
    def order(self) -> str:
        return f"order-{self.number}"


@dataclass(frozen=True, slots=True)
class Books:
    """What must not depend on messages."""

    told: tuple[object, ...]
    money: str
    refunds: tuple[str, ...]
    bank: tuple[int, int]  # charged, returned
    events: tuple[str, ...]  # without planned looks, which may find the money sooner or later
    requests: Mapping[str, int]  # without reads


class Street(Shop):
    """A shop with a till for each case, which counts the requests about each payment."""

    asked: dict[str, Counter[Operation]]

    def setup(self) -> Setup:
        setup = super().setup()
        terminal = next(iter(setup.terminals.values()))
        return replace(setup, terminals={(STORE, f"till-{number}"): terminal for number in range(KINDS**6)})

    def send(self, request: Request, secrets: Mapping[str, str]) -> "asyncio.Task[Outcome]":
        body: Mapping[str, Any] = request.body
        self.asked.setdefault(body.get("transactionId") or "", Counter())[request.operation] += 1
        return super().send(request, secrets)


def message(case: Case, which: int, transaction: str | None) -> Hint:
    """One of the five; ``transaction``: the payment's id, once it is known."""
    slip = Hint(order_id=case.order, store_id=STORE, terminal_id=case.id.terminal_id, amount=AMOUNT)
    return (
        replace(slip, transaction_id=transaction),  # true
        slip,  # the slip alone
        replace(slip, transaction_id=f"forged-{case.number}"),  # our slip under a made-up payment
        Hint(transaction_id=transaction or f"unknown-{case.number}", order_id="another", amount=Kopecks(1)),  # ours with another's slip
        Hint(reference="00000000-0000-4000-8000-00000000ffff", order_id=case.order),  # a reference that we never gave
    )[which]


async def sell(shop: Street, case: Case) -> None:
    await asyncio.sleep(SELLING_S)
    pos = Pos(shop, case.id.terminal_id)
    await pos.sell("K1", case.order, session=f"S{case.number}")
    await pos.result("K1")


async def send(shop: Street, case: Case) -> None:
    begin = shop.loop.time()
    for moment_s, which in zip(MOMENTS_S, case.messages, strict=False):
        await asyncio.sleep(begin + moment_s - shop.loop.time())
        try:
            transaction = (await shop.desk.find(case.id)).sale.transaction_id
        except Refusal:  # not sold yet
            transaction = None
        await shop.hint(message(case, which, transaction))


async def books(shop: Street, case: Case) -> tuple[Books, int]:
    """The books of a sale, and how often it was read."""
    sale, ledger = (await shop.desk.find(case.id)).sale, shop.bank.ledger
    told, asked = answer(sale), shop.asked[sale.transaction_id or ""]
    found = Books(
        (told.state, told.success, told.reason, told.rows and len(told.rows), told.told),
        told.money.value,
        tuple(one.state.value for one in sale.refunds),
        (ledger.charged(order_id=case.order), ledger.refunded(order_id=case.order)),
        tuple(name for name in [type(event).__name__ for event in await shop.events(case.id)] if name != "Reread"),
        {name.value: count for name, count in asked.items() if name is not Operation.STATUS},
    )
    return found, asked[Operation.STATUS]


def play(end: str, messages: list[tuple[int, ...]], folder: Path) -> list[tuple[Books, int]]:
    """All of them in one street, at the same time."""
    cases = [Case(number, given) for number, given in enumerate(messages)]

    async def main(loop: VirtualLoop) -> list[tuple[Books, int]]:
        shop = Street(loop, folder, PATIENT, replace(BANK, customer=ENDS[end]))
        shop.asked = {}
        if end == "pays after the cancel":
            shop.bank.add_fault(0, Fault(FaultKind.CANCEL_THEN_PAID, BankOperation.CANCEL, None, params={"after_ms": 20_000}))
        try:
            await shop.start()
            await shop.listen()
            await asyncio.gather(*(work(shop, case) for case in cases for work in (sell, send)))
            await asyncio.sleep(RESTED_S)
            return [await books(shop, case) for case in cases]
        finally:
            await shop.stop()

    return run(main)


def orders() -> Iterator[tuple[int, ...]]:
    """Every order of up to five different messages: 326, the empty one first."""
    for size in range(KINDS + 1):
        yield from itertools.permutations(range(KINDS), size)


def sequences() -> Iterator[tuple[int, ...]]:
    """Every sequence of up to five messages, duplicates included: 3 906, the empty one first."""
    for size in range(len(MOMENTS_S) + 1):
        yield from itertools.product(range(KINDS), repeat=size)


SHARES = {"pays after the cancel": (1, 60), "pays": (3, 60), "declines": (3, 120), "waits": (3, 120)}
"""Every n-th order and every m-th sequence: all of the orders where money comes unlooked-for, and where all ends are taken together. All
sequences at all ends take six minutes (1, 1)."""


@pytest.mark.parametrize("end", ENDS)
def test_messages_change_no_books(end: str, fast_folder: Path) -> None:
    """Orders of up to five messages, and sequences with duplicates: the same books, and no more reads than messages came."""
    place, (every_order, every_sequence) = list(ENDS).index(end), SHARES[end]
    messages = [(), *itertools.islice(orders(), 1 + place % every_order, None, every_order)]
    messages += itertools.islice(sequences(), 1 + place, None, every_sequence)
    (plain, looks), *others = play(end, messages, fast_folder)
    assert [(given, found) for given, (found, _) in zip(messages[1:], others, strict=True) if found != plain] == []
    assert [given for given, (_, read) in zip(messages[1:], others, strict=True) if read > looks + len(given)] == []
