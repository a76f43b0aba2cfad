"""Accepting a checkout: the rules that keep one bill from being paid twice, before anything is stored (money rules 6, 7 and 10).

A POS that heard nothing asks again; that is the common path after a power cut, so "same key, same body" must give the same answer whatever
happened in between. Two requests for one key or one order may arrive at once: they are taken one after the other, and the journal's
constraints stand behind the rules.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

from agent.core import answer, canonical, events
from agent.core.capability import Approval
from agent.core.contract import Unacceptable
from agent.core.model import Checkout, Deadline, Invoice, SaleId, Stamp
from agent.core.policy import Offline, Policy
from agent.core.ports import Conflict, Corrupt, JournalFull, Row
from agent.core.sale import Sale
from agent.engine.engine import Engine
from agent.engine.errors import Refusal, unknown_terminal
from agent.engine.record import check_record
from agent.engine.setup import Terminal
from agent.engine.steward import Steward, first_step

OTHER_BILL = "OTHER_BILL"  # why: the payment that has the order's number is of another sum
MAX_LANE_SALES = 100  # checkouts waiting at one till; more is a fault of the register software


@dataclass(frozen=True, slots=True)
class Order:
    """A checkout as the POS handed it in. ``checkout.digest`` is empty; ``secrets`` by name; ``owner`` the local user."""

    id: SaleId
    checkout: Checkout
    secrets: Mapping[str, str]
    provider: str | None
    owner: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A checkout that is on disk. ``new``: this very request put it there; a repeat, after a crash too, finds it."""

    steward: Steward
    new: bool


class Acceptance:
    """Takes checkouts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._locks: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    async def create(self, order: Order) -> Taken:
        """Accept a checkout or recognise one that was accepted before. Returns once it is on disk. A caller that is cancelled does not
        take it back: what is stored has a steward, and the next request for its key or order waits until it is.

        Raises Refusal: CONFLICT KEY_REUSED ORDER_IN_DOUBT ORDER_PAID OFFLINE DISK_FULL BUSY LIMIT INVALID UNKNOWN_TERMINAL
        RECORD_DAMAGED; Stopped.
        """
        return await asyncio.shield(asyncio.ensure_future(self._create(order)))

    async def _create(self, order: Order) -> Taken:
        engine = self._engine
        engine.check_running()
        terminal = self._terminal(order.id)
        provider = order.provider or terminal.provider
        checkout = replace(order.checkout, digest=self._digest(order, provider))
        async with self.alone(order.id, checkout.invoice.order_id):
            known, rows = await self._look(order.id, checkout.invoice.order_id)
            if known is not None:
                self._repeat(known.sale, checkout)
                return Taken(known, new=False)
            policy = engine.setup.policy(order.id.store_id, order.id.terminal_id, provider)
            await self._admit(order, checkout, policy, provider)
            if not checkout.split:
                _order_is_free(order, rows, engine, policy)
            return Taken(await self._store(order, checkout, policy, provider), new=True)

    def _terminal(self, sale_id: SaleId) -> Terminal:
        terminal = self._engine.setup.terminals.get((sale_id.store_id, sale_id.terminal_id))
        if terminal is None:
            raise unknown_terminal(sale_id.store_id, sale_id.terminal_id)
        return terminal

    def _digest(self, order: Order, provider: str) -> str:
        """What must be equal for two requests to be the same one: amounts, currency, order, items, provider, card; not the token."""
        card = order.secrets.get("cardSession") or order.secrets.get("barcode") or ""
        body = [provider, order.checkout.split, _plain(order.checkout.invoice), card]
        return canonical.digest(body, self._engine.ports.journal.digest_key)

    @asynccontextmanager
    async def alone(self, sale_id: SaleId, order_id: str | None = None) -> AsyncIterator[None]:
        """One request at a time per key and per order; locks are taken in a fixed order and forgotten when nobody waits."""
        key = ("key", sale_id.store_id, sale_id.terminal_id, sale_id.key)
        names = sorted([key, *([("order", sale_id.store_id, order_id)] if order_id is not None else [])])
        async with AsyncExitStack() as stack:
            for name in names:
                lock = self._locks.get(name) or asyncio.Lock()
                self._locks[name] = lock
                await stack.enter_async_context(lock)
            yield

    def _repeat(self, sale: Sale, checkout: Checkout) -> None:
        """A key that was used before: the same body is the same request, for a day after its answer was told."""
        if sale.checkout.digest != checkout.digest:
            raise Refusal("CONFLICT", f"key {sale.id.key!r} was used with another body; use a new key for a new checkout", key=sale.id.key)
        if sale.finished and sale.told_at is not None:
            engine = self._engine
            policy = engine.setup.policy(sale.id.store_id, sale.id.terminal_id, sale.binding.provider)
            age_ms = (engine.ports.clock.now().wall - sale.told_at.wall).total_seconds() * 1000
            if age_ms > policy.key_reuse_ms:
                raise Refusal("KEY_REUSED", f"key {sale.id.key!r} belongs to a sale that was finished long ago", key=sale.id.key)

    async def _admit(self, order: Order, checkout: Checkout, policy: Policy, provider: str) -> None:
        engine, sale_id = self._engine, order.id
        binding = engine.setup.bindings.get(provider)
        if binding is None or provider not in engine.setup.providers:
            raise Refusal("INVALID", f"provider {provider!r} is not configured", path="provider")
        await check_record(engine)
        problems = [*self._absent(order, provider), *self._unacceptable(order, checkout, provider)]
        if problems:
            details = [{"path": path, "problem": problem} for path, problem in problems]
            raise Refusal("INVALID", "; ".join(f"{path}: {problem}" for path, problem in problems), details=details)
        if policy.offline is Offline.REFUSE and not engine.ports.transport.reachable(binding.account):
            raise Refusal("OFFLINE", "there is no connection to the payment system; nothing was stored")
        if engine.lanes.length(sale_id.store_id, sale_id.terminal_id) >= MAX_LANE_SALES:
            raise Refusal("LIMIT", f"{MAX_LANE_SALES} checkouts wait at this terminal")

    async def _look(self, sale_id: SaleId, order_id: str) -> tuple[Steward | None, Sequence[Row]]:
        """The sale of this key, if there is one, else the sales of this order: for a new sale the file is read once."""
        engine = self._engine
        known = engine.at_hand(sale_id)
        if known is not None:
            return known, ()
        try:
            rows = await engine.reading(engine.ports.journal.neighbours(sale_id, order_id))
        except Corrupt as error:
            known = await engine.open(sale_id)  # a repeat is answered whatever has become of its neighbours
            if known is None:
                raise Refusal("RECORD_DAMAGED", f"the record of another sale of order {order_id!r} cannot be used: {error}") from error
            return known, ()
        stored = any(row.id == sale_id for row in rows)
        return (await engine.open(sale_id) if stored else None), rows

    def _absent(self, order: Order, provider: str) -> list[tuple[str, str]]:
        """What a provider with an app needs: without a helper command nobody but the POS can supply token and card session, and with one
        nobody else can supply what the customer shows."""
        caps = self._engine.setup.capabilities(provider)
        needs_card = caps.approval is Approval.APP
        given, problems = order.secrets.keys(), []
        if needs_card and not {answer.CARD_SESSION, answer.BARCODE} & given:
            problems.append(("cardSession", "exactly one of cardSession and barcode must be given"))
        if self._engine.ports.card is not None:
            return problems
        absent = [(answer.TOKEN, caps.needs_token and answer.TOKEN not in given), (answer.CARD_SESSION, answer.BARCODE in given)]
        return problems + [(name, "must come from the register: no [helper] is configured") for name, missing in absent if missing]

    def _wanted(self, order: Order, provider: str) -> Mapping[str, str]:
        """Of what the POS knows of the customer, only what this kind of provider can have a use for is stored."""
        caps = self._engine.setup.capabilities(provider)
        app = caps.approval is Approval.APP
        useless = {*answer.CUSTOMER} if app else {answer.CARD_SESSION, answer.BARCODE, answer.LOYALTY_ID}
        useless |= set() if caps.needs_token else {answer.TOKEN}
        return {name: value for name, value in order.secrets.items() if name not in useless}

    def _unacceptable(self, order: Order, checkout: Checkout, provider: str) -> Sequence[tuple[str, str]]:
        """What the provider would refuse: it must not cost the customer a wait."""
        lengths = {name: len(value) for name, value in order.secrets.items()}
        if self._engine.setup.capabilities(provider).approval is Approval.APP:
            lengths.setdefault("cardSession", 1)  # a barcode becomes a card session only when the helper has read it
        try:
            self._engine.setup.providers[provider].check(order.id, checkout, lengths)
        except Unacceptable as error:
            return error.problems
        return ()

    async def _store(self, order: Order, checkout: Checkout, policy: Policy, provider: str) -> Steward:
        engine = self._engine
        now = engine.ports.clock.now()
        deadline = Deadline(now.boot, now.ticks + policy.send_deadline_ms)
        accepted = events.Accepted(checkout, engine.setup.bindings[provider], deadline, engine.setup.business_date(now.wall), order.owner)
        step, sale = first_step(order.id, [accepted], now, self._wanted(order, provider))
        engine.check_running()
        try:
            await engine.append(step)
        except JournalFull as error:
            raise Refusal("DISK_FULL", "the disk of this till is full; the checkout was not stored") from error
        except Conflict as error:
            raise Refusal("ORDER_IN_DOUBT", f"order {checkout.invoice.order_id!r} is open elsewhere") from error
        engine.ports.notice("sale.accepted", order.id, order=checkout.invoice.order_id, amount=sale.amount, provider=provider)
        return engine.adopt(sale, frozenset(step.put_secrets))


def _order_is_free(order: Order, rows: Sequence[Row], engine: Engine, policy: Policy) -> None:
    """One order, one payment: refuse while another sale of the order is in doubt, or paid. Raises Refusal with the other's key and amount.
    A register that gives one number to two bills must not take the payment of one for that of the other: another sum is said to be one."""
    now = engine.ports.clock.now()
    today = engine.setup.business_date(now.wall)
    for row in rows:
        if row.id == order.id:
            continue
        other: dict[str, Any] = {"key": row.id.key, "terminalId": row.id.terminal_id, "amount": row.amount}
        other |= {} if row.amount == order.checkout.invoice.total_amount else {"reason": OTHER_BILL}
        if row.open:
            raise Refusal("ORDER_IN_DOUBT", f"order {row.order_id!r} is not settled yet (key {row.id.key!r})", **other)
        if row.paid_unreturned and (row.business_date == today or _fresh(row, now, policy)):
            raise Refusal("ORDER_PAID", f"order {row.order_id!r} is paid (key {row.id.key!r})", **other)


def _fresh(row: Row, now: Stamp, policy: Policy) -> bool:
    age_ms = (now.wall - row.updated_at).total_seconds() * 1000
    return not row.confirmed and age_ms < policy.unconfirmed_ms


def _plain(invoice: Invoice) -> object:
    """The bill as canonical JSON can write it."""
    items = [
        [
            item.name,
            item.article,
            item.price,
            item.quantity,
            item.measure,
            item.total_amount,
            item.discount_amount,
            item.sub_total_amount,
            item.tax,
        ]
        for item in invoice.items
    ]
    return [invoice.order_id, invoice.total_amount, invoice.currency, invoice.discount_amount, invoice.sub_total_amount, items]
