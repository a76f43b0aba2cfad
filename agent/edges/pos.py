"""The way in for a POS: requests of any transport become calls of the engine, and its answers become replies.

Here it is decided what counts as *handing out* (money rule 5): a finished answer that goes to a POS of the terminal is recorded
as told before the reply leaves. What an operator looks at is not told; whoever acts as a register (``checkout.*``, ``refund.*``) is
a register, whatever socket he came through.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agent import __version__
from agent.core import events
from agent.core.answer import row as projection
from agent.core.decide_refund import Wanted
from agent.core.model import Checkout, Invoice, Item, Merchant, PaymentMethod, SaleId
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.ports import Corrupt, JournalFull, Query, Row
from agent.edges import replies
from agent.engine.accept import RESTORED_NOTE, Acceptance, Order
from agent.engine.counter import Counter, GivenSale, RefundOrder
from agent.engine.engine import Engine
from agent.engine.errors import Refusal, Stopped
from agent.engine.steward import Steward
from agent.reasons import explain
from agent.texts import translator
from drivers import bill, messages
from drivers.caller import Caller
from drivers.session import Refused

LAST_AMONG = 50  # operations looked through for a terminal's last sale
SECOND_LOOK_S = 0.1  # requests of other connections are read within milliseconds; a local answer may take 200 (promise P17)


class PosDesk:
    """Handles the requests of all connections. One for the whole agent."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._acceptance = Acceptance(engine)
        self._counter = Counter(engine)
        self._translate = translator(engine.setup.language)

    async def handle(self, caller: Caller, request: messages.Request) -> Mapping[str, Any]:
        """One request. Raises Refused with the codes of the protocol."""
        try:
            self._permit(caller, request)
            return await self._answer(caller, request)
        except Refusal as refusal:
            data = dict(refusal.data) | (await self._old_answer(request) if refusal.code == "KEY_REUSED" else {})
            raise self._refused(refusal.code, refusal.problem, data) from refusal
        except Stopped as stopped:
            raise self._refused("BUSY", str(stopped), {}) from stopped
        except Corrupt as corrupt:
            raise self._refused("RECORD_DAMAGED", str(corrupt), {}) from corrupt

    def _refused(self, code: str, problem: str, data: dict[str, Any]) -> Refused:
        """The refusal as the protocol has it; the cashier's sentence goes with it."""
        return Refused(code, problem, {**data, "message": explain(code, self._translate)})

    async def _old_answer(self, request: messages.Request) -> dict[str, Any]:
        """What became of the sale whose key was used again: it was told long ago, so showing it changes nothing."""
        assert isinstance(request, messages.SaleRequest)
        steward = await self._counter.find(_sale_id(request))
        return {"answer": replies.sale_reply(steward.sale, self._translate)}

    def _permit(self, caller: Caller, request: messages.Request) -> None:
        """A caller speaks for its own terminals only (promise P22)."""
        match request:
            case messages.OperationShow() if not caller.operator:
                raise Refusal("FORBIDDEN", "operation.show is for the operator's socket")
            case messages.OperationList() if request.terminal_id is None and caller.tills is not None:
                raise Refusal("FORBIDDEN", "name a terminalId: this user may not see every terminal of the store", path="terminalId")
            case messages.OperationList():
                self._permit_till(caller, request.store_id, request.terminal_id or "")
            case messages.TillRequest():
                self._permit_till(caller, request.store_id, request.terminal_id)
            case messages.AgentStatus():
                return
            case _:
                raise Refusal("FORBIDDEN", f"{request.method} has no rule that permits it")

    def _permit_till(self, caller: Caller, store_id: str, terminal_id: str) -> None:
        if not caller.operator and (store_id, terminal_id) not in self._engine.setup.terminals:
            raise Refusal("NOT_FOUND", f"terminal {terminal_id!r} of store {store_id!r} is not in the configuration")
        if not caller.may(store_id, terminal_id):
            raise Refusal("FORBIDDEN", f"this user may not act for terminal {terminal_id!r} of store {store_id!r}")

    async def _answer(self, caller: Caller, request: messages.Request) -> Mapping[str, Any]:
        match request:
            case messages.CheckoutCreate():
                steward = await self._acceptance.create(self._order(caller, request))
                await self._wait(caller, steward, request.wait_s)
                return await self._told(caller, steward)
            case messages.CheckoutGet():
                steward = await self._find_sale(_sale_id(request))
                await self._wait(caller, steward, request.wait_s)
                return await self._told(caller, steward)
            case messages.CheckoutCancel():
                return await self._told(caller, await self._counter.cancel(_sale_id(request)))
            case messages.CheckoutConfirm():
                return await self._told(caller, await self._counter.confirm(_sale_id(request), caller.name))
            case messages.RefundCreate():
                steward, one = await self._counter.refund(_refund_order(request, self._engine))
                return await self._refund(caller, request, one.key, request.wait_s)
            case messages.RefundGet():
                return await self._refund(caller, request, request.refund_key, request.wait_s)
            case messages.OperationLast():
                return await self._last(caller, request)
            case messages.OperationList():
                return await self._list(caller, request)
            case messages.OperationShow():
                return await self._show(request)
            case messages.AgentStatus():
                return await self._status(caller)
            case _:
                raise AssertionError(f"{request.method} has no handler")

    # --- checkouts ---

    async def _find_sale(self, sale_id: SaleId) -> Steward:
        """The sale a POS asks for. "Not found" makes a cashier take the money another way, so it is said only after a second look: the
        request that creates the sale may still lie unread in another connection of the same register."""
        try:
            return await self._counter.find(sale_id)
        except Refusal as refusal:
            if refusal.code != "NOT_FOUND":
                raise
        await asyncio.sleep(SECOND_LOOK_S)
        async with self._acceptance.alone(sale_id):  # a create that is being accepted comes first
            return await self._counter.find(sale_id)

    def _order(self, caller: Caller, request: messages.CheckoutCreate) -> Order:
        setup = self._engine.setup
        given = {
            "cardSession": request.card_session,
            "barcode": request.barcode,
            "loyaltyId": request.user.loyalty_id,
            "token": request.token,
        }
        secrets = {name: value.get_secret_value() for name, value in given.items() if value is not None}
        methods = tuple(PaymentMethod(one.type, one.payment_purpose, one.meta) for one in request.payment_methods or ())
        merchant = setup.merchants.get(request.store_id, Merchant())
        checkout = Checkout(_invoice(request.checkout_invoice), methods, "", request.split, merchant, setup.language)
        return Order(_sale_id(request), checkout, secrets, request.provider, caller.name)

    async def _wait(self, caller: Caller, steward: Steward, seconds: float) -> None:
        """A long poll ends early when its caller hangs up or the agent stops."""
        if seconds <= 0 or caller.presence.hurried:
            return
        waiting = asyncio.ensure_future(self._engine.wait(steward, seconds))
        hurried = asyncio.ensure_future(caller.presence.until_hurried())
        try:
            await asyncio.wait({waiting, hurried}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            hurried.cancel()
            await asyncio.gather(waiting, hurried, return_exceptions=True)

    async def _told(self, caller: Caller, steward: Steward) -> dict[str, Any]:
        """The reply for a register. A finished answer is recorded as told first; to somebody who has hung up nothing is told."""
        if not caller.presence.gone:
            await self._tell(caller, steward)
        return replies.sale_reply(steward.sale, self._translate)

    async def _tell(self, caller: Caller, steward: Steward) -> None:
        """What the register asked for may have been done: DISK_FULL, which says that nothing was, would be a lie here."""
        try:
            await self._engine.tell(steward, caller.name)
        except JournalFull as full:
            raise Refusal("BUSY", "the disk of this till is full: the result cannot be recorded as handed out; ask again") from full

    # --- refunds ---

    async def _refund(self, caller: Caller, request: messages.SaleRequest, key: str, wait_s: float) -> dict[str, Any]:
        waiting = asyncio.ensure_future(self._counter.get_refund(_sale_id(request), key, wait_s))
        hurried = asyncio.ensure_future(caller.presence.until_hurried())
        try:
            await asyncio.wait({waiting, hurried}, return_when=asyncio.FIRST_COMPLETED)
            steward, one = waiting.result() if waiting.done() else await self._counter.get_refund(_sale_id(request), key, 0)
        finally:
            waiting.cancel()
            hurried.cancel()
            await asyncio.gather(waiting, hurried, return_exceptions=True)
        return {
            **replies.refund_reply(steward.sale, one, self._translate),
            "key": request.key,
            "orderId": steward.sale.checkout.invoice.order_id,
        }

    # --- operations ---

    async def _last(self, caller: Caller, request: messages.OperationLast) -> Mapping[str, Any]:
        found = await self._find(Query(request.store_id, request.terminal_id, limit=LAST_AMONG))
        rows = [row for row in found if row.state != PaymentState.ELSEWHERE]  # only refunded here: nothing a restarted register waits for
        if not rows:
            raise Refusal("NOT_FOUND", "this terminal has no operations yet")
        steward = await self._counter.find(rows[0].id)
        return replies.sale_reply(steward.sale, self._translate) if caller.operator else await self._told(caller, steward)

    async def _list(self, caller: Caller, request: messages.OperationList) -> Mapping[str, Any]:
        query = Query(
            store_id=request.store_id,
            terminal_id=request.terminal_id,
            business_date=request.date,
            state=request.state,
            order_id=request.order_id,
            qrc_id=request.qrc_id,
            kzo=request.kzo,
            amount=request.amount,
            limit=request.limit + 1,
        )
        rows = await self._find(query)
        shown: Sequence[Row | None] = rows[: request.limit]
        if not caller.operator:  # together, so that they share a commit
            shown = await asyncio.gather(*(self._handed_out(caller, row) for row in rows[: request.limit]))
        operations = [replies.row_reply(row, self._translate) for row in shown if row is not None]
        return {"operations": operations, "more": len(rows) > request.limit}

    async def _handed_out(self, caller: Caller, row: Row) -> Row | None:
        """What a register reads of a finished sale is handed out, in a list too. None: the sale's record cannot be used; the rest can."""
        if not row.finished or row.told or row.state == PaymentState.ELSEWHERE or caller.presence.gone:
            return row
        try:
            steward = await self._counter.find(row.id)
        except Refusal:
            return None
        await self._tell(caller, steward)
        return projection(steward.sale)

    async def _find(self, query: Query) -> Sequence[Row]:
        return await self._engine.reading(self._engine.ports.journal.find(query))

    async def _show(self, request: messages.OperationShow) -> Mapping[str, Any]:
        engine = self._engine
        steward = await self._counter.find(_sale_id(request))
        found = replies.sale_reply(steward.sale, self._translate)
        if request.events:
            entries = await engine.reading(engine.ports.journal.stream(steward.sale.id)) or ()
            found["events"] = [{"at": entry.stamp.wall.isoformat(), "event": entry.kind, **events.plain(entry.body)} for entry in entries]
        return found

    # --- the agent ---

    async def _status(self, caller: Caller) -> Mapping[str, Any]:
        engine = self._engine
        restored = await engine.reading(engine.ports.journal.noted(RESTORED_NOTE)) is not None
        environments = sorted({binding.environment.value for binding in engine.setup.bindings.values()})
        found: dict[str, Any] = {
            "ready": not engine.closing and not restored,
            "version": __version__,
            "environment": environments[0],
            "providers": {
                name: {"reachable": engine.ports.transport.reachable(binding.account)} for name, binding in engine.setup.bindings.items()
            },
        }
        if caller.operator:
            found["details"] = await self._details(restored)
        return found

    async def _details(self, restored: bool) -> dict[str, Any]:
        engine = self._engine
        alive = [steward.sale for steward in engine.alive]
        unconfirmed = await self._find(Query(unconfirmed=True, limit=500))
        untold = [row for row in await self._find(Query(state="paid", limit=500)) if not row.told]
        parked = await engine.reading(engine.ports.journal.parked())
        return {
            "restored": restored,
            "open": _counted(sale.payment.value for sale in alive if not sale.finished),
            "refundsOpen": sum(1 for sale in alive for one in sale.refunds if one.unsettled),
            "toldUnconfirmed": len(unconfirmed),
            "paidUntold": len(untold),
            "alarms": [{"sale": str(sale.id), "codes": sorted(sale.alarms)} for sale in alive if sale.alarms],
            "parked": [{"sale": str(one.id), "reason": one.reason, "at": one.at.isoformat()} for one in parked],
        }


def _counted(states: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in states:
        found[state] = found.get(state, 0) + 1
    return found


def _sale_id(request: messages.SaleRequest) -> SaleId:
    return SaleId(request.store_id, request.terminal_id, request.key)


def _invoice(given: bill.CheckoutInvoice) -> Invoice:
    return Invoice(
        given.order_id,
        Kopecks(given.total_amount),
        tuple(_item(item) for item in given.items),
        given.currency,
        _kopecks(given.discount_amount),
        _kopecks(given.sub_total_amount),
    )


def _item(item: bill.Item) -> Item:
    return Item(
        item.name,
        item.article,
        item.price,
        item.quantity,
        Kopecks(item.total_amount),
        item.tax,
        item.measure,
        _kopecks(item.discount_amount),
        _kopecks(item.sub_total_amount),
    )


def _kopecks(amount: int | None) -> Kopecks | None:
    return None if amount is None else Kopecks(amount)


def _refund_order(request: messages.RefundCreate, engine: Engine) -> RefundOrder:
    given = None
    if request.sale is not None:
        invoice = Invoice(
            request.sale.order_id,
            Kopecks(request.sale.total_amount),
            tuple(_item(item) for item in request.sale.items),
            request.sale.currency,
        )
        merchant = engine.setup.merchants.get(request.store_id, Merchant())
        given = GivenSale(Checkout(invoice, (), "", False, merchant, engine.setup.language), request.sale.transaction_id)
    wanted = tuple(Wanted(one.line, one.quantity, one.total_amount) for one in request.items or ())
    token = request.token.get_secret_value() if request.token else None
    return RefundOrder(_sale_id(request), request.refund_key, wanted, request.refund_amount, token, given)
