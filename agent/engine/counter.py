"""The counter: everything a POS asks about a sale after it was accepted - its answer, cancel, confirm, refunds."""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from agent.core import answer, ask_refund, canonical, decide_asked, events
from agent.core.ask_refund import NotRefundable, Wanted
from agent.core.model import Checkout, SaleId
from agent.core.money import BadAmount
from agent.core.ports import LAST_RESTORED_NOTE, Conflict, JournalFull, Query
from agent.core.refund import Refund
from agent.core.sale import Sale
from agent.engine.engine import Engine
from agent.engine.errors import Refusal, unknown_terminal
from agent.engine.record import absent, check_lasting, check_record, is_older
from agent.engine.steward import Decider, Steward, first_step


@dataclass(frozen=True, slots=True)
class GivenSale:
    """A sale this journal does not hold, as a POS describes it for a refund. ``checkout.digest`` may be empty. ``provider``:
    where it was paid, without it the terminal's."""

    checkout: Checkout
    transaction_id: str
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A refund as the POS asks for it. No lines: everything that is left. ``given``: the sale, if it is not in this journal."""

    id: SaleId
    refund_key: str
    wanted: Sequence[Wanted]
    amount: int | None
    token: str | None
    given: GivenSale | None


class Counter:
    """Serves a POS's questions about its sales."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._opening = asyncio.Lock()

    async def find(self, sale_id: SaleId) -> Steward:
        """Raises Refusal NOT_FOUND, RECORD_LOST, BUSY, RECORD_DAMAGED."""
        steward = await self._engine.open(sale_id)
        if steward is None:
            raise await absent(self._engine, f"no sale {sale_id.key!r} of terminal {sale_id.terminal_id!r} was accepted here")
        return steward

    async def get(self, sale_id: SaleId, wait_s: float) -> Steward:
        """The sale; with a wait, once it is finished or needs a person. Never touches the network."""
        steward = await self.find(sale_id)
        await self._engine.wait(steward, wait_s)
        return steward

    async def cancel(self, sale_id: SaleId) -> Steward:
        """Ask for a cancel; of a finished sale it changes nothing. Raises Refusal, Stopped."""
        steward = await self.find(sale_id)
        caps = self._engine.setup.capabilities(steward.sale.binding.provider)
        await self._record(steward, lambda sale: decide_asked.cancel_asked(sale, caps))
        return steward

    async def confirm(self, sale_id: SaleId, by: str) -> Steward:
        """The POS has printed or shown the answer. Only a finished answer that was handed out can be confirmed; twice changes nothing."""
        steward = await self.find(sale_id)
        if steward.sale.told is None:
            raise Refusal("INVALID", "only a finished answer that was handed out can be confirmed: get it first", path="key")
        await self._record(steward, lambda sale: [] if sale.confirmed else [events.Confirmed(by)])
        return steward

    async def refund(self, order: RefundOrder) -> tuple[Steward, Refund, bool]:
        """Open a refund (the third value is true) or recognise one that was opened before. A caller that is cancelled does not take it
        back.

        Raises Refusal CONFLICT HELD_HERE NOT_REFUNDABLE INVALID NOT_FOUND UNKNOWN_TERMINAL BUSY DISK_FULL RECORD_DAMAGED; Stopped.
        """
        return await asyncio.shield(asyncio.ensure_future(self._refund(order)))

    async def _refund(self, order: RefundOrder) -> tuple[Steward, Refund, bool]:
        self._engine.check_running()
        digest, new = self._digest(order), False
        async with self._opening:
            steward = await self._engine.open(order.id)
            if steward is None:
                steward, new = await self._open_given(order, digest), True
        _same_sale(steward.sale, order.given)
        if steward.sale.refund(order.refund_key) is None:
            check_lasting(self._engine)
            await self._mark_restored(steward)
            new = await self._ask(steward, order, digest)
        known = steward.sale.refund(order.refund_key)
        assert known is not None, "refunds are never taken out of a sale"
        if known.digest != digest:
            raise Refusal("CONFLICT", f"refundKey {order.refund_key!r} was used with another body", refundKey=order.refund_key)
        if order.token is not None and known.unsettled and answer.refund_token(known.key) not in steward.secret_names:
            await self._record(steward, lambda _: [], {answer.refund_token(known.key): order.token})
        return steward, known, new

    async def _mark_restored(self, steward: Steward) -> None:
        """A sale from before a restore may have been refunded in the journal that was lost: its refunds are looked up first."""
        engine, sale = self._engine, steward.sale
        if sale.restored or not sale.charged:
            return
        noted = await engine.reading(engine.ports.journal.noted(LAST_RESTORED_NOTE))
        if noted is not None and is_older(sale, noted):
            await self._record(steward, lambda now: [] if now.restored else [events.Restored()])

    async def get_refund(self, sale_id: SaleId, refund_key: str, wait_s: float) -> tuple[Steward, Refund]:
        """A refund; with a wait, once it is settled. Raises Refusal NOT_FOUND, RECORD_LOST, BUSY, RECORD_DAMAGED."""
        steward = await self.find(sale_id)
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        while (one := await self._refund_of(steward.sale, refund_key)).unsettled and (left := end - loop.time()) > 0:
            await steward.changed_within(left)
        return steward, one

    async def _refund_of(self, sale: Sale, key: str) -> Refund:
        one = sale.refund(key)
        if one is None:
            raise await absent(self._engine, f"no refund {key!r} of this sale was asked for here", sale)
        return one

    def _digest(self, order: RefundOrder) -> str:
        wanted = [[one.line, one.quantity, one.total_amount] for one in order.wanted]
        return canonical.digest([order.refund_key, wanted, order.amount], self._engine.ports.journal.digest_key)

    async def _ask(self, steward: Steward, order: RefundOrder, digest: str) -> bool:
        """Whether this request opened the refund."""

        def decider(sale: Sale) -> Sequence[events.Event]:
            if sale.refund(order.refund_key) is not None:  # a twin request was faster: its token counts
                raise _Twin
            return self._asked(sale, order, digest)

        with contextlib.suppress(_Twin):
            await self._record(steward, decider, _token_of(order))
            return True
        return False

    def _asked(self, sale: Sale, order: RefundOrder, digest: str) -> Sequence[events.Event]:
        """Raises Refusal NOT_REFUNDABLE, INVALID."""
        name = sale.binding.provider
        if name not in self._engine.setup.providers:
            text = f"the payment system {name!r} of this sale is not configured any more: call the technician"
            raise Refusal("NOT_REFUNDABLE", text, reason="SYSTEM_GONE")
        try:
            ask_refund.check_kind(sale, order.wanted, self._engine.setup.capabilities(sale.binding.provider).refunds)
            return ask_refund.refund_asked(sale, order.refund_key, order.wanted, order.amount, digest)
        except NotRefundable as error:
            raise Refusal("NOT_REFUNDABLE", str(error), path=error.path, reason=error.reason) from error
        except BadAmount as error:
            raise Refusal("INVALID", str(error)) from error

    async def _open_given(self, order: RefundOrder, digest: str) -> Steward:
        """The sale as the POS describes it, and its refund, in one step: a refund that is refused leaves no sale behind."""
        engine, given = self._engine, order.given
        await check_record(engine)
        if given is None:
            raise Refusal(
                "NOT_FOUND", "this terminal has no sale of this key: refund it at the terminal that sold it, or describe it in 'sale'"
            )
        bill = given.checkout.invoice
        if sum(item.total_amount for item in bill.items) != bill.total_amount:
            raise Refusal("INVALID", "totalAmount must be the sum of the totals of all lines", path="sale.checkoutInvoice.totalAmount")
        held = await engine.reading(engine.ports.journal.find(Query(transaction_id=given.transaction_id, limit=1)))
        if held:
            other = held[0].id
            text = f"this journal holds that sale: refund it by key {other.key!r} of terminal {other.terminal_id!r}"
            raise Refusal("HELD_HERE", text, key=other.key, terminalId=other.terminal_id)
        terminal = engine.setup.terminals.get((order.id.store_id, order.id.terminal_id))
        if terminal is None:
            raise unknown_terminal(order.id.store_id, order.id.terminal_id)
        provider = given.provider or terminal.provider
        binding = engine.setup.bindings.get(provider)
        if binding is None:
            raise Refusal("INVALID", f"provider {provider!r} is not configured", path="sale.provider")
        now = engine.ports.clock.now()
        opened = events.SaleGiven(given.checkout, binding, engine.setup.business_date(now.wall), given.transaction_id)
        begun: list[events.Event] = [opened]
        if await engine.reading(engine.ports.journal.noted(LAST_RESTORED_NOTE)) is not None:
            begun.append(events.Restored())  # the journal that was lost may have held this sale, and made this refund: looked up first
        _, before = first_step(order.id, begun, now, {})
        step, sale = first_step(order.id, [*begun, *self._asked(before, order, digest)], now, _token_of(order))
        try:
            await self._guarded(engine.append(step))
        except Conflict as error:
            raise Refusal("CONFLICT", f"key {order.id.key!r} has just been used for a checkout", key=order.id.key) from error
        return engine.adopt(sale, frozenset(step.put_secrets))

    async def _record(self, steward: Steward, decider: Decider, secrets: Mapping[str, str] | None = None) -> None:
        self._engine.check_running()
        await self._guarded(self._engine.record(steward, decider, secrets))

    async def _guarded(self, work: Awaitable[object]) -> None:
        try:
            await work
        except JournalFull as error:
            raise Refusal("DISK_FULL", "the disk of this till is full; the request was not stored") from error


class _Twin(Exception):
    """The refund was opened by another request meanwhile."""


def _token_of(order: RefundOrder) -> dict[str, str]:
    return {answer.refund_token(order.refund_key): order.token} if order.token else {}


def _same_sale(sale: Sale, given: GivenSale | None) -> None:
    """Money goes back by the transaction that is stored under the key: a POS that describes another sale must hear that it is another."""
    if given is None or sale.transaction_id is None:
        return
    stored, described = sale.checkout.invoice, given.checkout.invoice
    if given.provider not in (None, sale.binding.provider):
        raise Refusal("CONFLICT", f"key {sale.id.key!r} belongs to a sale of {sale.binding.provider}", key=sale.id.key)
    same = (given.transaction_id, described.order_id, described.total_amount) == (sale.transaction_id, stored.order_id, stored.total_amount)
    if not same:
        raise Refusal("CONFLICT", f"key {sale.id.key!r} belongs to another sale than the one described", key=sale.id.key)
