"""``checkout.*``: a payment from its acceptance to the register's confirmation."""

from collections.abc import Mapping
from typing import Any

from agent.core.model import Checkout, Merchant, PaymentMethod
from agent.edges.pos.bills import customer_of, invoice_of
from agent.edges.pos.front import Front, Handlers, patiently, sale_id
from agent.engine.accept import Order
from agent.engine.steward import Steward
from drivers import messages
from drivers.answers import Created
from drivers.caller import Caller


class Checkouts:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.handlers: Handlers = {
            messages.CheckoutCreate: self._create,
            messages.CheckoutGet: self._get,
            messages.CheckoutCancel: self._cancel,
            messages.CheckoutConfirm: self._confirm,
        }

    async def _create(self, caller: Caller, request: messages.CheckoutCreate) -> Mapping[str, Any]:
        taken = await self._front.acceptance.create(self._order(caller, request))
        await self._wait(caller, taken.steward, request.wait_s, for_link=True)
        reply = await self._front.told(caller, taken.steward)
        return Created(reply) if taken.new else reply

    async def _get(self, caller: Caller, request: messages.CheckoutGet) -> Mapping[str, Any]:
        steward = await self._front.find_sale(sale_id(request))
        await self._wait(caller, steward, request.wait_s, for_link=caller.name not in steward.shown_to)
        return await self._front.told(caller, steward)

    async def _cancel(self, caller: Caller, request: messages.CheckoutCancel) -> Mapping[str, Any]:
        return await self._front.told(caller, await self._front.counter.cancel(sale_id(request)))

    async def _confirm(self, caller: Caller, request: messages.CheckoutConfirm) -> Mapping[str, Any]:
        """An answer that is too long says that nothing was stored: so it comes before."""
        self._front.check_length(caller, await self._front.counter.find(sale_id(request)))
        return await self._front.told(caller, await self._front.counter.confirm(sale_id(request), caller.name))

    def _order(self, caller: Caller, request: messages.CheckoutCreate) -> Order:
        setup = self._front.engine.setup
        given = {
            "cardSession": request.card_session,
            "barcode": request.barcode,
            "loyaltyId": request.user.loyalty_id if request.user else None,
            "token": request.token,
            **customer_of(request.customer),
        }
        secrets = {name: value.get_secret_value() for name, value in given.items() if value is not None}
        methods = tuple(PaymentMethod(one.type, one.payment_purpose, one.meta) for one in request.payment_methods or ())
        merchant = setup.merchants.get(request.store_id, Merchant())
        checkout = Checkout(invoice_of(request.checkout_invoice), methods, "", request.split, merchant, setup.language)
        return Order(sale_id(request), checkout, secrets, request.provider, caller.name)

    async def _wait(self, caller: Caller, steward: Steward, seconds: float, for_link: bool) -> None:
        """A link to pay by ends a long poll of a register that may not have it yet: the customer waits for it."""
        if seconds > 0 and not caller.presence.hurried:
            await patiently(caller, self._front.engine.wait(steward, seconds, for_link))
