"""``refund.*``: money on its way back because the register asked for it."""

from collections.abc import Mapping
from typing import Any

from agent.core.ask_refund import Wanted
from agent.core.model import Checkout, Invoice, Merchant
from agent.core.money import Kopecks
from agent.edges import replies
from agent.edges.pos.bills import item_of
from agent.edges.pos.front import Front, Handlers, patiently, sale_id
from agent.engine.counter import GivenSale, RefundOrder
from agent.engine.engine import Engine
from drivers import messages
from drivers.answers import Created
from drivers.caller import Caller


class Refunds:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.handlers: Handlers = {messages.RefundCreate: self._create, messages.RefundGet: self._get}

    async def _create(self, caller: Caller, request: messages.RefundCreate) -> Mapping[str, Any]:
        _, one, new = await self._front.counter.refund(_order(request, self._front.engine))
        reply = await self._reply(caller, request, one.key, request.wait_s)
        return Created(reply) if new else reply

    async def _get(self, caller: Caller, request: messages.RefundGet) -> Mapping[str, Any]:
        return await self._reply(caller, request, request.refund_key, request.wait_s)

    async def _reply(self, caller: Caller, request: messages.SaleRequest, key: str, wait_s: float) -> dict[str, Any]:
        counter = self._front.counter
        found = await patiently(caller, counter.get_refund(sale_id(request), key, wait_s))
        steward, one = found or await counter.get_refund(sale_id(request), key, 0)
        return {
            **replies.refund_reply(steward.sale, one, self._front.translate),
            "key": request.key,
            "orderId": steward.sale.checkout.invoice.order_id,
        }


def _order(request: messages.RefundCreate, engine: Engine) -> RefundOrder:
    given = None
    if request.sale is not None:
        invoice = Invoice(
            request.sale.order_id,
            Kopecks(request.sale.total_amount),
            tuple(item_of(item) for item in request.sale.items),
            request.sale.currency,
        )
        merchant = engine.setup.merchants.get(request.store_id, Merchant())
        given = GivenSale(
            Checkout(invoice, (), "", False, merchant, engine.setup.language), request.sale.transaction_id, request.sale.provider
        )
    wanted = tuple(Wanted(one.line, one.quantity, one.total_amount) for one in request.items or ())
    token = request.token.get_secret_value() if request.token else None
    return RefundOrder(sale_id(request), request.refund_key, wanted, request.refund_amount, token, given)
