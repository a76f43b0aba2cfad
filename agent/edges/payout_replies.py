"""Answers about payouts as a POS reads them, with texts for the cashier. Who gets the money is in none of them."""

from typing import Any

from agent.core.payout import asked
from agent.core.payout.answer import success
from agent.core.payout.contract import PayoutService
from agent.core.payout.events import PayoutResolution
from agent.core.payout.machine import PayoutState
from agent.core.payout.payout import Payout
from agent.edges.replies import payout_message, time_text
from agent.engine.payout_advice import PayoutQuestion
from agent.reasons import explain_payout
from agent.texts import N_, Translate

MEANINGS = {
    PayoutResolution.PAID_OUT: N_("The recipient has the money: the payout becomes paid out. Only with proof from the payment system."),
    PayoutResolution.NOT_MADE: N_(
        "No money was paid out: the payout becomes failed, and can be made anew under another key. Only with proof from the payment system."
    ),
    PayoutResolution.ACKNOWLEDGE: N_("The alarms have been seen."),
}


def payout_reply(payout: Payout, translate: Translate) -> dict[str, Any]:
    """``PayoutAnswer`` of the POS protocol. What was handed out as finished stays; ``money`` may move on."""
    told = payout.told
    state, reason = (told.state, told.reason) if told is not None else (payout.state, payout.reason)
    found: dict[str, Any] = {
        "storeId": payout.id.store_id,
        "terminalId": payout.id.terminal_id,
        "key": payout.key,
        "state": state.value,
        "finished": payout.finished,
        "success": success(payout),
        "money": asked.money(payout),
        "reason": reason,
        "message": payout_message(state.value, reason, translate),
        "amount": payout.order.amount,
        "currency": payout.order.currency,
        "service": payout.order.service,
        "description": payout.order.description,
        "provider": payout.binding.provider,
        "environment": payout.binding.environment.value,
        "test": payout.binding.environment.value == "test",
        "businessDate": payout.business_date.isoformat(),
        "acceptedAt": time_text(payout.accepted.wall),
        "told": told is not None,
    }
    if not payout.finished:
        found["next"] = "person" if payout.state is PayoutState.ATTENTION else "poll"
    if payout.transaction_id is not None:
        found["transactionId"] = payout.transaction_id
    if payout.resolution is not None:
        found["resolution"] = payout.resolution
    return found


def payout_record_reply(payout: Payout, translate: Translate) -> dict[str, Any]:
    """A payout for people who look at it: also by which id of ours it is found, what stands open, and which fields were given."""
    found = payout_reply(payout, translate) | {"fields": sorted(payout.fields)}
    if payout.call is not None:
        found["referenceId"] = payout.call.request_id
    alarms = asked.standing(payout)
    return found | ({"alarms": list(alarms)} if alarms else {})


def services_reply(question: PayoutQuestion, translate: Translate) -> dict[str, Any]:
    """``PayoutServicesAnswer``."""
    state = "ready" if question.found is not None else "unavailable" if question.reason is not None else "pending"
    found: dict[str, Any] = {
        "provider": question.provider,
        "amount": question.amount,
        "state": state,
        "finished": question.settled.is_set(),
        "reason": question.reason,
        "services": [_service(one) for one in question.found.services] if question.found is not None else [],
    }
    found |= {"message": explain_payout(question.reason, translate)} if question.reason is not None else {}
    return found | ({} if question.settled.is_set() else {"next": "poll"})


def _service(one: PayoutService) -> dict[str, Any]:
    fields = [
        {"name": each.key, "required": each.required, "label": each.label, "example": each.example}
        | ({"pattern": each.pattern} if each.pattern is not None else {})
        for each in one.fields
    ]
    found: dict[str, Any] = {"service": one.code, "currency": one.currency, "available": one.available, "fields": fields}
    limits = {"leastAmount": one.least, "mostAmount": one.most}
    return found | {name: value for name, value in limits.items() if value is not None}
