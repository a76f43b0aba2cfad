"""``receipt.*``: fiscal receipts on their way to the buyer's application."""

from collections.abc import Mapping
from typing import Any

from agent.core.money import Kopecks
from agent.core.receipt import FiscalReceipt, ReceiptType
from agent.edges import replies
from agent.edges.pos.bills import item_of, kopecks_of
from agent.edges.pos.front import Front, Handlers, patiently, sale_id
from agent.engine import receipts
from agent.engine.receipts import ReceiptOrder
from drivers import messages
from drivers.answers import Created
from drivers.caller import Caller


class Receipts:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._receipts = receipts.Receipts(front.engine)
        self.handlers: Handlers = {messages.ReceiptCreate: self._create, messages.ReceiptGet: self._get}

    async def _create(self, caller: Caller, request: messages.ReceiptCreate) -> Mapping[str, Any]:
        _, _, new = await self._receipts.give(ReceiptOrder(sale_id(request), receipt_of(request), request.refund_key))
        reply = await self._reply(caller, request, request.wait_s)
        return Created(reply) if new else reply

    async def _get(self, caller: Caller, request: messages.ReceiptGet) -> Mapping[str, Any]:
        return await self._reply(caller, request, request.wait_s)

    async def _reply(self, caller: Caller, request: messages.ReceiptCreate | messages.ReceiptGet, wait_s: float) -> dict[str, Any]:
        wanted = sale_id(request), request.receipt_id
        found = await patiently(caller, self._receipts.get(*wanted, wait_s))
        steward, one = found or await self._receipts.get(*wanted, 0)
        return replies.receipt_reply(steward.sale, one, self._front.translate)


def receipt_of(request: messages.ReceiptCreate) -> FiscalReceipt:
    """The receipt in the core's words."""
    given = request.invoice
    return FiscalReceipt(
        order_id=given.order_id,
        receipt_id=request.receipt_id,
        merchant_name=given.merchant_name,
        merchant_address=given.merchant_address,
        inn=given.inn,
        date_time=given.date_time,
        shift=given.shift,
        cashier=given.cashier,
        receipt_type=ReceiptType(given.receipt_type),
        total_amount=Kopecks(given.total_amount),
        items=tuple(item_of(item) for item in given.items),
        currency=given.currency,
        discount_amount=kopecks_of(given.discount_amount),
        sub_total_amount=kopecks_of(given.sub_total_amount),
        tax_amount=kopecks_of(given.tax_amount),
        taxation=given.taxation,
        kkt_reg_number=given.kkt_reg_number,
        fn_number=given.fn_number,
        fd_number=given.fd_number,
        fpd=given.fpd,
        website=given.website,
        qr=given.qr,
        meta=request.meta,
    )
