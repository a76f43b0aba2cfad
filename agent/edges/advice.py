"""Lists of means of payment as a POS reads them: the wire's names, and a sentence for the cashier."""

from typing import Any, assert_never

from agent.core.availability import Advice, AvailabilityState, Means
from agent.engine.inquiry import Question
from agent.reasons import explain
from agent.texts import N_, Translate

_PENDING = N_("The payment system is being asked how the customer can pay.")
_DEFAULT = N_("The customer can pay in the app and has chosen this as the usual way to pay.")
_USABLE = N_("The customer can pay in the app.")
_NONE = N_("The customer cannot pay in the app now. Offer another means of payment.")
_UNAVAILABLE = N_("Payment in the app is not available now. Offer another means of payment.")


def availability_reply(question: Question, translate: Translate) -> dict[str, Any]:
    """``AvailabilityAnswer`` of the POS protocol."""
    advice, binding, listed = question.advice, question.binding, question.advice.listed
    found: dict[str, Any] = {
        "storeId": question.id.store_id,
        "terminalId": question.id.terminal_id,
        "key": question.id.key,
        "state": advice.state.value,
        "finished": advice.finished,
        "success": advice.success,
        "reason": advice.reason,
        "message": _message(advice, translate),
        "koshelekPayIsDefault": listed is not None and listed.is_default,
        "paymentTypeAvailabilityInfoList": [_means(one) for one in listed.means] if listed is not None else [],
        "provider": binding.provider,
        "environment": binding.environment.value,
        "test": binding.environment.value == "test",
    }
    if not advice.finished:
        found["next"] = "poll"
    return found


def _means(one: Means) -> dict[str, Any]:
    known: dict[str, Any] = {"paymentType": one.payment_type, "available": one.available}
    return known | ({"message": one.message} if one.message is not None else {})


def _message(advice: Advice, translate: Translate) -> str:
    """The state first, then why: a cashier acts on the first sentence."""
    match advice.state:
        case AvailabilityState.PENDING:
            return translate(_PENDING)
        case AvailabilityState.READY:
            assert advice.listed is not None
            return translate(_NONE if not advice.listed.usable else _DEFAULT if advice.listed.is_default else _USABLE)
        case AvailabilityState.UNAVAILABLE:
            assert advice.reason is not None
            why = explain(advice.reason, translate)
            return why if advice.reason == "CARD_SESSION_UNAVAILABLE" else f"{translate(_UNAVAILABLE)} {why}"  # that one says it all
        case _:
            assert_never(advice.state)
