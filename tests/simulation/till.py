"""The till of the simulation: a POS that keeps a book of everything it asked and every answer it was given."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from agent.core import events, stored
from agent.core.answer import Answer, answer, refund_finished
from agent.core.ask_refund import Wanted
from agent.core.availability import Advice
from agent.core.delivery import DeliveryState
from agent.core.model import Checkout, Invoice, Item, Merchant, PaymentLink, PaymentMethod, SaleId
from agent.core.money import Kopecks
from agent.core.receipt import FiscalReceipt, ReceiptType
from agent.core.refund import RefundState
from agent.engine.accept import Order
from agent.engine.counter import GivenSale, RefundOrder
from agent.engine.errors import Refusal
from agent.engine.inquiry import Wish
from agent.engine.receipts import ReceiptOrder, Receipts
from agent.sandbox.customer import Action, Customer
from agent.sandbox.desk import NotWaiting
from tests.simulation.world import STORE, TILL, World

if TYPE_CHECKING:
    from tests.simulation.payout_till import PayoutTill

POLL_S = 0.5
POLL_GROWTH = 1.1
MAX_POLL_S = 8.0  # a register that waits for long asks ever more rarely; a thousand times the same question shows nothing new


@dataclass(slots=True)
class Entry:
    """What the POS knows of one key."""

    key: str
    order_id: str
    amount: int
    answers: list[Answer] = field(default_factory=list)
    refused: str | None = None
    links: list[tuple[str, bool]] = field(default_factory=list)  # that were handed out, and whether the record held them at that moment
    refunds: dict[str, tuple[int, RefundState]] = field(default_factory=dict)
    receipts: dict[str, DeliveryState] = field(default_factory=dict)

    @property
    def final(self) -> Answer | None:
        return next((one for one in self.answers if one.finished), None)


def bill(order_id: str, pieces: int = 3, price: int = 10_000, weight: int = 0) -> Checkout:
    """``pieces`` of bread, and cheese by weight if asked."""
    items = [Item("Хлеб", "1", Decimal(price), pieces, Kopecks(pieces * price), "vat10")]
    if weight:
        items.append(Item("Сыр", "2", Decimal("40.5"), weight, Kopecks(weight * 40), "vat10", "GRAM"))
    total = Kopecks(sum(item.total_amount for item in items))
    return Checkout(Invoice(order_id, total, tuple(items)), (PaymentMethod("SBP"),), "", merchant=Merchant("Acme", "ООО Акме"))


def fiscal(order_id: str, receipt_id: str, refund: bool = False) -> FiscalReceipt:
    """What the till's fiscal printer made of the bill."""
    invoice = bill(order_id).invoice
    return FiscalReceipt(
        order_id=order_id,
        receipt_id=receipt_id,
        merchant_name="ООО Акме",
        merchant_address="Санкт-Петербург, ул. Ленина, 1",
        inn="7707083893",
        date_time="2026-03-02T11:00:10+03:00",
        shift="5",
        cashier="Иванова",
        receipt_type=ReceiptType.REFUND if refund else ReceiptType.DEBIT,
        total_amount=invoice.total_amount,
        items=invoice.items,
    )


class Pos:
    """A register program. Every question is repeated until it is answered, as real ones are."""

    def __init__(self, world: World, terminal: str = TILL) -> None:
        self.world = world
        self.terminal = terminal
        self.book: dict[str, Entry] = {}
        self.shopper = Customer(Action.CONFIRM, 2_000)  # who scans the link that this till shows, and what he does so long after it
        self.payouts: PayoutTill | None = None  # the program beside it that pays out
        self._shoppers: dict[str, asyncio.Task[None]] = {}

    def sale_id(self, key: str) -> SaleId:
        return SaleId(STORE, self.terminal, key)

    async def sell(self, key: str, order_id: str | None = None, session: str | None = None, tell: bool = True, **bill_of: int) -> Entry:
        """Hand a checkout over. ``tell=False``: this POS never asks for the result."""
        checkout = bill(order_id or f"order-{key}", **bill_of)
        secrets = {"cardSession": session or f"S{key}".replace("-", ""), "loyaltyId": f"290000{key}", "token": f"pos-token-{key}"}
        if self.world.pays_by_link:
            secrets = {"customer.email": f"buyer-{key}@mail.example", "customer.firstName": "buyer-Анна", "customer.lastName": "buyer-Ко"}
        entry = self.book.setdefault(key, Entry(key, checkout.invoice.order_id, checkout.invoice.total_amount))
        order = Order(self.sale_id(key), checkout, secrets, None, "pos")

        async def create() -> None:
            assert self.world.acceptance is not None
            steward = (await self.world.acceptance.create(order)).steward
            if tell:
                await self._hear(entry, steward.sale.id)

        try:
            await self.world.ask(create)
        except Refusal as refusal:
            entry.refused = refusal.code
        return entry

    async def _hear(self, entry: Entry, sale_id: SaleId) -> Answer:
        counter, engine = self.world.counter, self.world.engine
        assert counter is not None
        assert engine is not None
        steward = await counter.find(sale_id)
        await engine.tell(steward, "pos")
        heard = answer(steward.sale)
        if heard.link is not None:
            entry.links.append((heard.link.url, await self._is_recorded(sale_id, heard.link)))
            if self.world.pays_by_link and heard.link.url not in self._shoppers:
                self._shoppers[heard.link.url] = asyncio.create_task(self._pay(heard.link.url))
        entry.answers.append(heard)
        return heard

    async def _is_recorded(self, sale_id: SaleId, link: PaymentLink) -> bool:
        """Whether the file holds the link now. It is read behind the agent's back: no virtual time passes, and nobody can die of it."""
        world, known = self.world, (events.TransactionKnown, events.LinkKnown, events.LinkOffered)
        assert world.journal is not None
        world.opening += 1
        try:
            kept = await world.journal.stream(sale_id)
        finally:
            world.opening -= 1
        found = [stored.decode(entry.kind, entry.body) for entry in kept or ()]
        return any(event.link == link for event in found if isinstance(event, known))

    async def _pay(self, url: str) -> None:
        """The customer with the link, which nobody can take away from him again: what he does outlives the agent."""
        shopper = self.shopper
        await asyncio.sleep(shopper.after_ms / 1_000)
        payment = self.world.open(url)
        if payment is None:
            return
        with contextlib.suppress(NotWaiting):
            self.world.bank.decide(self.world.now_ms(), payment.id, shopper)

    async def poll(self, key: str) -> Answer:
        entry = self.book[key]
        return await self.world.ask(lambda: self._hear(entry, self.sale_id(key)))

    async def result(self, key: str, patience_s: float = 900) -> Answer:
        """Poll until the answer is finished or a person is needed."""
        end, pause_s = self.world.loop.time() + patience_s, POLL_S
        while True:
            heard = await self.poll(key)
            if heard.finished or (heard.next is not None and heard.next.value == "person") or self.world.loop.time() > end:
                return heard
            await asyncio.sleep(pause_s)
            pause_s = _longer(pause_s)

    async def means(self, key: str) -> Advice:
        """Which means of payment can be used? A list lives in memory only: after a death it is asked for anew."""
        secrets = {"cardSession": f"L{key}", "loyaltyId": f"290000{key}", "token": f"pos-token-{key}"}
        wish = Wish(self.sale_id(key), bill(f"order-{key}").invoice, secrets)

        async def ask() -> Advice:
            assert self.world.engine is not None
            lists = self.world.engine.availability
            question, _ = lists.ask(wish)
            await lists.wait(question, 60)
            return question.advice

        return await self.world.ask(ask)

    async def cancel(self, key: str) -> None:
        async def ask() -> None:
            assert self.world.counter is not None
            await self.world.counter.cancel(self.sale_id(key))

        await self.world.ask(ask)

    async def confirm(self, key: str) -> None:
        async def ask() -> None:
            assert self.world.counter is not None
            await self.world.counter.confirm(self.sale_id(key), "pos")

        await self.world.ask(ask)

    async def refund(
        self, key: str, refund_key: str, wanted: Sequence[Wanted] = (), token: str | None = None, given: GivenSale | None = None
    ) -> str | None:
        """Ask for a refund; the code if it was refused."""
        order = RefundOrder(self.sale_id(key), refund_key, wanted, None, token, given)

        async def ask() -> int:
            assert self.world.counter is not None
            _, one, _ = await self.world.counter.refund(order)
            return one.amount

        try:
            amount = await self.world.ask(ask)
        except Refusal as refusal:
            return refusal.code
        entry = self.book.setdefault(key, Entry(key, f"order-{key}", amount))
        entry.refunds.setdefault(refund_key, (amount, RefundState.QUEUED))
        return None

    async def refunded(self, key: str, refund_key: str, patience_s: float = 3_600) -> RefundState:
        """Poll a refund until it is settled."""
        end, pause_s = self.world.loop.time() + patience_s, POLL_S

        async def ask() -> tuple[int, RefundState, bool]:
            assert self.world.counter is not None
            _, one = await self.world.counter.get_refund(self.sale_id(key), refund_key, 0)
            return one.amount, one.state, refund_finished(one) or one.state is RefundState.ATTENTION

        while True:
            amount, state, over = await self.world.ask(ask)
            self.book[key].refunds[refund_key] = (amount, state)
            if over or self.world.loop.time() > end:
                return state
            await asyncio.sleep(pause_s)
            pause_s = _longer(pause_s)

    async def receipt(self, key: str, receipt_id: str, refund_key: str | None = None) -> str | None:
        """Hand a fiscal receipt over; the code if it was refused."""
        entry = self.book[key]
        order = ReceiptOrder(self.sale_id(key), fiscal(entry.order_id, receipt_id, refund_key is not None), refund_key)

        async def give() -> DeliveryState:
            assert self.world.engine is not None
            _, one, _ = await Receipts(self.world.engine).give(order)
            return one.state

        try:
            entry.receipts[receipt_id] = await self.world.ask(give)
        except Refusal as refusal:
            return refusal.code
        return None

    async def delivered(self, key: str, receipt_id: str, patience_s: float = 3_600) -> DeliveryState:
        """Poll a receipt until it is delivered or refused."""
        end = self.world.loop.time() + patience_s

        async def look() -> tuple[DeliveryState, bool]:
            assert self.world.engine is not None
            _, one = await Receipts(self.world.engine).get(self.sale_id(key), receipt_id, 0)
            return one.state, one.unsettled

        pause_s = POLL_S
        while True:
            state, is_open = await self.world.ask(look)
            self.book[key].receipts[receipt_id] = state
            if not is_open or self.world.loop.time() > end:
                return state
            await asyncio.sleep(pause_s)
            pause_s = _longer(pause_s)


def _longer(pause_s: float) -> float:
    """Each pause a tenth longer than the one before."""
    return min(pause_s * POLL_GROWTH, MAX_POLL_S)
