"""Folding: the only way a sale's state comes to be, at work and after a restart alike.

Every event is checked against the machine it belongs to and against what was told; what does not fit raises ``IllegalTransition`` and
the sale is not used (the journal parks it).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from agent.core import events, fold_operator, fold_parts, fold_payment
from agent.core.call import Call
from agent.core.events import Event
from agent.core.fold_parts import Attempt
from agent.core.fold_payment import pay
from agent.core.machine import IllegalTransition
from agent.core.model import Deadline, SaleId, Stamp
from agent.core.payment import PaymentEvent, PaymentState
from agent.core.sale import Sale
from agent.core.verdict import TOO_MANY_REQUESTS


def open_sale(sale_id: SaleId, event: Event, at: Stamp) -> Sale:
    """The state after a first event. Raises IllegalTransition for any other."""
    match event:
        case events.Accepted():
            return Sale(sale_id, event.checkout, event.binding, event.business_date, at, event.deadline, updated=at)
        case events.SaleGiven():
            return Sale(
                sale_id,
                event.checkout,
                event.binding,
                event.business_date,
                at,
                Deadline(at.boot, at.ticks),
                payment=PaymentState.ELSEWHERE,
                transaction_id=event.transaction_id,
                charged=True,
                ended=at,
                updated=at,
            )
        case _:
            raise IllegalTransition(f"a sale cannot begin with {type(event).__name__}")


def fold(sale: Sale, event: Event, at: Stamp) -> Sale:
    """The state after one more event. Raises IllegalTransition."""
    apply = _APPLY.get(type(event))
    if apply is None:
        raise IllegalTransition(f"{type(event).__name__} can only begin a sale")
    changed: Sale = apply(sale, event, at)
    return replace(changed, position=sale.position + 1, updated=at)


def replay(sale_id: SaleId, history: Iterable[tuple[Event, Stamp]]) -> Sale:
    """The state after a whole history. Raises IllegalTransition; ValueError for an empty one."""
    sale: Sale | None = None
    for event, at in history:
        sale = open_sale(sale_id, event, at) if sale is None else fold(sale, event, at)
    if sale is None:
        raise ValueError(f"{sale_id} has no events")
    return sale


# --- calls ---


def call_of(sale: Sale, name: str) -> Call | None:
    """The call that a name in an attempt event means; None before its first attempt. Raises IllegalTransition for an unknown name."""
    kind, _, key = name.partition(":")
    match kind:
        case "checkout":
            return sale.call
        case "cancel":
            return sale.cancel_call
        case "refund":
            return fold_parts.find_refund(sale, key).call
        case "receipt":
            return fold_parts.find_delivery(sale, key).call
        case _:
            raise IllegalTransition(f"{name!r} is no call of a sale")


def _attempt(sale: Sale, event: Attempt, at: Stamp) -> Sale:
    before = call_of(sale, event.call)
    call = moved(before, event, at)
    kind, _, key = event.call.partition(":")
    match kind:
        case "checkout":
            if before is not None and before.request_id != call.request_id:
                raise IllegalTransition("call: a checkout has one requestId for ever")  # another one could charge again (promise P1)
            return _checkout_attempt(replace(sale, call=call), event, at)
        case "cancel":
            if sale.payment is not PaymentState.CANCELING and isinstance(event, events.AttemptStarted):
                raise IllegalTransition(f"payment: no cancel starts in {sale.payment.value}")
            return replace(sale, cancel_call=call)
        case "refund":
            return fold_parts.refund_attempt(sale, fold_parts.find_refund(sale, key), call, event, at)
        case _:
            reason = held_by(event) if isinstance(event, events.AttemptHeld) else None
            return fold_parts.delivery_attempt(sale, fold_parts.find_delivery(sale, key), call, event, reason)


def moved(call: Call | None, event: Attempt, at: Stamp) -> Call:
    """The call after an attempt event. A new ``request_id`` may only appear when the one before was answered, with its request."""
    if isinstance(event, events.AttemptStarted) and (call is None or call.request_id != event.request_id):
        if call is not None and not call.settled:
            raise IllegalTransition(f"call: a new requestId while {call.request_id} is {call.state.value}")
        if event.request is None:
            raise IllegalTransition("call: the first attempt of a requestId carries its request")
        return Call(event.request_id, event.request).started(at)
    if call is None or call.request_id != event.request_id:
        raise IllegalTransition(f"call: requestId {event.request_id} was never started")
    match event:
        case events.AttemptStarted():
            return call.started(at)
        case events.AttemptHeld():
            return call.held(at, event.retry_after_ms, reached=event.denied is not None)
        case events.AttemptLost():
            return call.lost_at(at, event.retry_after_ms, reached=event.reached)
        case _:
            return call.answered(at)


def _checkout_attempt(sale: Sale, event: Attempt, at: Stamp) -> Sale:
    match event:
        case events.AttemptStarted():
            return pay(sale, PaymentEvent.SENT, at, reason=None)  # whatever held it back does so no longer
        case events.AttemptHeld():
            return pay(sale, PaymentEvent.HELD, at, reason=_held_reason(sale, event))
        case events.AttemptLost():
            return replace(pay(sale, PaymentEvent.LOST, at), searches=0, searched=None)
        case _:
            return sale  # an answer moves the payment by what it says, in events of its own


def _held_reason(sale: Sale, event: events.AttemptHeld) -> str | None:
    """While nothing was sent the cashier may know why it waits; in every other state the reason is not the link's to give."""
    if sale.payment is not PaymentState.SENDING:
        return sale.reason
    return held_by(event)


def held_by(event: events.AttemptHeld) -> str | None:
    """What kept an attempt from being sent, as a reason code."""
    if event.denied not in (None, TOO_MANY_REQUESTS) or event.reason == "credentials":
        return "ACCESS_DENIED"
    return "OFFLINE" if event.reason in OFFLINE_REASONS else None


OFFLINE_REASONS = frozenset({"refused", "dns", "tls", "connect_timeout", "unreachable", "connect", "pool", "deadline"})


_APPLY: dict[type[Any], Callable[[Sale, Any, Stamp], Sale]] = {
    events.TransactionKnown: fold_payment.transaction_known,
    events.LinkKnown: fold_payment.link_known,
    events.LinkOffered: fold_payment.link_offered,
    events.Searched: fold_payment.searched,
    events.ChargeSeen: fold_payment.charge_seen,
    events.CancelWanted: fold_payment.cancel_wanted,
    events.CancelAnswered: fold_payment.cancel_answered,
    events.Paid: fold_payment.paid,
    events.Declined: fold_payment.declined,
    events.Canceled: fold_payment.canceled,
    events.Expired: fold_payment.expired,
    events.AttentionNeeded: fold_payment.attention,
    events.LateMoneyFound: fold_payment.late_money,
    events.Reversed: fold_payment.given_back,
    events.Reread: fold_payment.reread,
    events.Told: fold_payment.told,
    events.Confirmed: fold_payment.confirmed,
    events.AlarmRaised: fold_payment.alarm,
    events.Restored: fold_payment.restored,
    events.Resolved: fold_operator.resolved,
    events.AttemptStarted: _attempt,
    events.AttemptHeld: _attempt,
    events.AttemptLost: _attempt,
    events.AttemptAnswered: _attempt,
    events.RefundOpened: fold_parts.refund_opened,
    events.RefundKnown: fold_parts.refund_known,
    events.RefundChecked: fold_parts.refund_checked,
    events.RefundReopened: fold_parts.refund_reopened,
    events.RefundRequested: fold_parts.refund_requested,
    events.Refunded: fold_parts.refunded,
    events.RefundDeclined: fold_parts.refund_declined,
    events.RefundNeedsAttention: fold_parts.refund_attention,
    events.ReceiptGiven: fold_parts.receipt_given,
    events.ReceiptReopened: fold_parts.receipt_reopened,
    events.ReceiptDelivered: fold_parts.receipt_delivered,
    events.ReceiptRefused: fold_parts.receipt_refused,
}
