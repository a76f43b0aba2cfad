"""``availability.*``: which means of payment a buyer can use. Advice: nothing is stored, and no sale waits for it."""

from collections.abc import Mapping
from typing import Any

from agent.edges.advice import availability_reply
from agent.edges.pos.bills import invoice_of
from agent.edges.pos.front import Front, Handlers, patiently, sale_id
from agent.engine.inquiry import Question, Wish
from drivers import messages
from drivers.answers import Created
from drivers.caller import Caller


class Availability:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.handlers: Handlers = {messages.AvailabilityCreate: self._create, messages.AvailabilityGet: self._get}

    async def _create(self, caller: Caller, request: messages.AvailabilityCreate) -> Mapping[str, Any]:
        self._front.engine.check_running()
        question, new = self._front.engine.availability.ask(_wish(request))
        reply = await self._reply(caller, question, request.wait_s)
        return Created(reply) if new else reply

    async def _get(self, caller: Caller, request: messages.AvailabilityGet) -> Mapping[str, Any]:
        return await self._reply(caller, self._front.engine.availability.get(sale_id(request)), request.wait_s)

    async def _reply(self, caller: Caller, question: Question, wait_s: float) -> Mapping[str, Any]:
        if wait_s > 0 and not caller.presence.hurried:
            await patiently(caller, self._front.engine.availability.wait(question, wait_s))
        return availability_reply(question, self._front.translate)


def _wish(request: messages.AvailabilityCreate) -> Wish:
    given = {
        "cardSession": request.card_session,
        "barcode": request.barcode,
        "loyaltyId": request.user.loyalty_id,
        "token": request.token,
    }
    secrets = {name: value.get_secret_value() for name, value in given.items() if value is not None}
    return Wish(sale_id(request), invoice_of(request.checkout_invoice), secrets, request.provider)
