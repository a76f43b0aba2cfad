"""``operation.resolve`` and ``operation.retry``: what only a person can decide, and what he wants done now.

Looking at a sale here never counts as handing its answer out.
"""

from collections.abc import Mapping
from typing import Any

from agent.core.alarms import standing
from agent.core.decide_operator import Choice
from agent.core.model import SaleId
from agent.core.resolution import PAYMENT, RECEIPT, REFUND, SALE, Decision, Proof, Resolution, receipt_subject, refund_subject
from agent.edges import replies
from agent.edges.pos.front import Front, Handlers, sale_id
from agent.edges.pos.listing import parked_reply
from agent.engine.confirmations import LIFE_MS
from agent.engine.errors import Refusal
from agent.engine.operator import Operator, Shown, ShownParked
from agent.texts import N_
from drivers import messages, operator
from drivers.caller import Caller

RELEASE = "release"  # of a record that is not used: no event of a sale

MEANINGS = {
    (PAYMENT, Resolution.PAID): N_("The payment was made: the sale becomes paid. Only with proof, for example from the registry."),
    (PAYMENT, Resolution.NOT_PAID): N_("No money was taken: the sale becomes canceled."),
    (PAYMENT, Resolution.RETURN): N_("Money was taken and must go back: the sale does not count as paid, and the agent returns the money."),
    (PAYMENT, Resolution.RETURNED): N_("Money was taken and has been returned by other means: nothing is sent."),
    (REFUND, Resolution.REFUNDED): N_("This return was made: nothing more is sent."),
    (REFUND, Resolution.DROP): N_(
        "This return is given up: nothing more is sent for it, and nobody gets the money back by it. "
        "If a request for it may have reached the payment system, the till does not return this amount again: give it back another way."
    ),
    (REFUND, Resolution.RETRY): N_("This return is tried again, after a look at the payment."),
    (RECEIPT, Resolution.DROP): N_("This receipt is given up: it is not sent any more."),
    (SALE, Resolution.ACKNOWLEDGE): N_("The alarms have been seen, and a missing confirmation does not matter."),
}
RELEASED = N_("People take over what this record may still owe: it no longer keeps the account from being changed. It stays unused.")


class Operators:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._operator = Operator(front.engine, front.counter)
        self.handlers: Handlers = {messages.OperationResolve: self._resolve, messages.OperationRetry: self._retry}

    async def _resolve(self, caller: Caller, request: messages.OperationResolve) -> Mapping[str, Any]:
        sale = sale_id(request)
        parked = await self._operator.parked(sale)
        if parked is not None:
            if request.resolution not in (None, RELEASE):
                raise Refusal("RECORD_DAMAGED", f"the record of {sale} is not used: it can only be released", key=sale.key)
            if request.resolution is None:
                return self._record(ShownParked(parked))
            return self._record(await self._operator.release(parked, _reason(request), _who(caller, request), request.confirmation))
        if request.resolution is None:
            return await self._shown(await self._operator.look(sale))
        decision = _decision(caller, request)
        if request.confirmation is None:
            return await self._shown(await self._operator.propose(sale, decision))
        return await self._shown(await self._operator.resolve(sale, decision, request.confirmation))

    async def _shown(self, shown: Shown) -> dict[str, Any]:
        engine, translate = self._front.engine, self._front.translate
        found: dict[str, Any] = {
            "done": shown.done,
            "sale": replies.record_reply(shown.sale, translate),
            "alarms": list(standing(shown.sale)),
            "choices": [self._choice(one) for one in shown.choices],
            "events": replies.story(await engine.reading(engine.ports.journal.stream(shown.sale.id))),
        }
        if shown.after is not None:
            found |= {"after": replies.record_reply(shown.after, translate), "confirmation": shown.word, "validS": LIFE_MS // 1000}
        return found

    def _choice(self, choice: Choice) -> dict[str, Any]:
        subject, _, key = choice.what.partition(":")
        text = self._front.translate(MEANINGS[subject, choice.resolution])
        found = {"what": subject, "resolution": choice.resolution.value, "message": text}
        return found | ({"refundKey": key} if subject == REFUND else {"receiptId": key} if subject == RECEIPT else {})

    def _record(self, shown: ShownParked) -> dict[str, Any]:
        choice = {"what": "record", "resolution": RELEASE, "message": self._front.translate(RELEASED)}
        found: dict[str, Any] = {"done": shown.done, "parked": parked_reply(shown.parked), "choices": [choice]}
        return found | ({"confirmation": shown.word, "validS": LIFE_MS // 1000} if shown.word is not None else {})

    async def _retry(self, caller: Caller, request: messages.OperationRetry) -> Mapping[str, Any]:
        given = [request.store_id, request.terminal_id, request.key]
        named = [part for part in given if part is not None]
        if named and len(named) < len(given):
            raise Refusal("INVALID", "name a sale by storeId, terminalId and key, or none of them for all sales", path="key")
        hurried = await self._operator.hurry(SaleId(*named) if named else None)
        return {"sales": [str(one) for one in hurried]}


def _decision(caller: Caller, request: messages.OperationResolve) -> Decision:
    """Raises Refusal INVALID."""
    try:
        resolution = Resolution(request.resolution or "")
    except ValueError as error:
        text = "the record of this sale is in use: there is nothing to release"
        raise Refusal("INVALID", text, path="resolution") from error
    return Decision(_subject(request, resolution), resolution, _reason(request), _who(caller, request), _proof(request.proof))


def _subject(request: messages.OperationResolve, resolution: Resolution) -> str:
    if request.refund_key is not None and request.receipt_id is not None:
        raise Refusal("INVALID", "a decision is about a refund or about a receipt, not both", path="receiptId")
    if request.refund_key is not None:
        return refund_subject(request.refund_key)
    if request.receipt_id is not None:
        return receipt_subject(request.receipt_id)
    return SALE if resolution is Resolution.ACKNOWLEDGE else PAYMENT


def _proof(given: operator.Proof | None) -> Proof:
    return Proof() if given is None else Proof(**dict(given))


def _reason(request: messages.OperationResolve) -> str:
    if request.reason is None:
        raise Refusal("INVALID", "reason: is missing; say in a few words why, for whoever reads the record later", path="reason")
    return request.reason


def _who(caller: Caller, request: messages.OperationResolve) -> str:
    return f"{caller.name} ({request.who})" if request.who else caller.name
