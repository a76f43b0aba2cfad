"""Folding of events about the parts of a sale that have machines of their own: refunds and receipts."""

from dataclasses import replace
from typing import Any

from agent.core import delivery, events, refund
from agent.core.call import Call
from agent.core.delivery import Delivery, DeliveryEvent
from agent.core.machine import IllegalTransition
from agent.core.model import Stamp
from agent.core.payment import FINISHED
from agent.core.refund import Refund, RefundEvent, RefundState
from agent.core.sale import Sale

Attempt = events.AttemptStarted | events.AttemptHeld | events.AttemptLost | events.AttemptAnswered

# --- refunds ---

_REFUND_EVENTS: dict[type[Any], RefundEvent] = {
    events.AttemptStarted: RefundEvent.SENT,
    events.AttemptHeld: RefundEvent.HELD,
    events.AttemptLost: RefundEvent.LOST,
}


def find_refund(sale: Sale, key: str) -> Refund:
    found = sale.refund(key)
    if found is None:
        raise IllegalTransition(f"refund: {key!r} was never opened")
    return found


def _put_refund(sale: Sale, changed: Refund) -> Sale:
    return replace(sale, refunds=tuple(changed if one.key == changed.key else one for one in sale.refunds))


def refund_attempt(sale: Sale, one: Refund, call: Call, event: Attempt, at: Stamp) -> Sale:
    move = _REFUND_EVENTS.get(type(event))
    state = one.state if move is None else refund.TABLE.next(one.state, move)
    check_first = event.check_first if isinstance(event, events.AttemptLost) else one.check_first
    checked = None if isinstance(event, events.AttemptStarted) else one.checked  # a check is good for one attempt
    return _put_refund(sale, replace(one, state=state, call=call, check_first=check_first, checked=checked))


def refund_opened(sale: Sale, event: events.RefundOpened, at: Stamp) -> Sale:
    if not sale.charged or sale.refund(event.refund) is not None or sale.payment not in FINISHED:
        raise IllegalTransition(f"refund: {event.refund!r} cannot be opened in {sale.payment.value}")
    if event.amount <= 0 or sale.refund_held + event.amount > sale.amount:
        raise IllegalTransition(f"refund: {event.amount} kopecks exceed what is left of {sale.amount}")
    looked_up_first = sale.restored  # what was returned after the backup is not known here
    opened = Refund(event.refund, event.amount, event.lines, event.cause, event.digest, at, check_first=looked_up_first)
    return replace(sale, refunds=(*sale.refunds, opened))


def refund_moved(sale: Sale, key: str, move: RefundEvent, at: Stamp, **changes: Any) -> Sale:
    """Move the machine of a refund."""
    one = find_refund(sale, key)
    state = refund.TABLE.next(one.state, move)
    if state in refund.SETTLED:
        changes.setdefault("settled_at", at)
    return _put_refund(sale, replace(one, state=state, **changes))


def refund_known(sale: Sale, event: events.RefundKnown, at: Stamp) -> Sale:
    return refund_moved(sale, event.refund, RefundEvent.KNOWN, at, ref_transaction_id=event.ref_transaction_id)


def refund_checked(sale: Sale, event: events.RefundChecked, at: Stamp) -> Sale:
    one = find_refund(sale, event.refund)
    if one.state not in (RefundState.UNKNOWN, RefundState.QUEUED):
        raise IllegalTransition(f"refund: nothing to check in {one.state.value}")
    return _put_refund(sale, replace(one, checked=at, check_first=False, refused=False))


def refund_reopened(sale: Sale, event: events.RefundReopened, at: Stamp) -> Sale:
    one = find_refund(sale, event.refund)
    return refund_moved(
        sale,
        event.refund,
        RefundEvent.REOPENED,
        at,
        reason=event.reason,
        closed=one.closed + 1,
        closed_at=at,
        ref_transaction_id=None,
        rejected=one.rejected | ({one.ref_transaction_id} if one.ref_transaction_id else set()),
        checked=None,
        check_first=not event.busy,
        refused=not event.busy,
    )


def refund_requested(sale: Sale, event: events.RefundRequested, at: Stamp) -> Sale:
    return refund_moved(sale, event.refund, RefundEvent.REQUESTED, at, ref_transaction_id=event.ref_transaction_id)


def refunded(sale: Sale, event: events.Refunded, at: Stamp) -> Sale:
    known = find_refund(sale, event.refund).ref_transaction_id
    ref = event.ref_transaction_id or known
    return refund_moved(sale, event.refund, RefundEvent.REFUNDED, at, slip=event.slip, ref_transaction_id=ref, reason=None)


def refund_declined(sale: Sale, event: events.RefundDeclined, at: Stamp) -> Sale:
    if find_refund(sale, event.refund).owed:
        raise IllegalTransition("refund: what is owed cannot be declined away")
    return refund_moved(sale, event.refund, RefundEvent.DECLINED, at, reason=event.reason)


def refund_attention(sale: Sale, event: events.RefundNeedsAttention, at: Stamp) -> Sale:
    return refund_moved(sale, event.refund, RefundEvent.ATTENTION, at, reason=event.reason)


# --- receipts ---

_DELIVERY_EVENTS: dict[type[Any], DeliveryEvent] = {
    events.AttemptStarted: DeliveryEvent.SENT,
    events.AttemptHeld: DeliveryEvent.HELD,
    events.AttemptLost: DeliveryEvent.LOST,
}


def find_delivery(sale: Sale, key: str) -> Delivery:
    found = sale.delivery(key)
    if found is None:
        raise IllegalTransition(f"delivery: receipt {key!r} was never given")
    return found


def put_delivery(sale: Sale, changed: Delivery) -> Sale:
    return replace(sale, deliveries=tuple(changed if one.key == changed.key else one for one in sale.deliveries))


def delivery_attempt(sale: Sale, one: Delivery, call: Call, event: Attempt, held_by: str | None) -> Sale:
    """``held_by``: why nothing was sent, as a reason code, if anybody can do something about it."""
    move = _DELIVERY_EVENTS.get(type(event))
    state = one.state if move is None else delivery.TABLE.next(one.state, move)
    return put_delivery(sale, replace(one, state=state, call=call, reason=held_by))


def receipt_given(sale: Sale, event: events.ReceiptGiven, at: Stamp) -> Sale:
    if sale.delivery(event.receipt) is not None or sale.transaction_id is None:
        raise IllegalTransition(f"delivery: receipt {event.receipt!r} was given before, or there is no transaction to give it to")
    return replace(sale, deliveries=(*sale.deliveries, Delivery(event.receipt, event.digest, at, event.invoice, event.refund)))


def receipt_reopened(sale: Sale, event: events.ReceiptReopened, at: Stamp) -> Sale:
    one = find_delivery(sale, event.receipt)
    state = delivery.TABLE.next(one.state, DeliveryEvent.REOPENED)
    return put_delivery(sale, replace(one, state=state, reason=event.reason, closed=one.closed + 1))


def receipt_delivered(sale: Sale, event: events.ReceiptDelivered, at: Stamp) -> Sale:
    one = find_delivery(sale, event.receipt)
    return put_delivery(sale, replace(one, state=delivery.TABLE.next(one.state, DeliveryEvent.DELIVERED), reason=None))


def receipt_refused(sale: Sale, event: events.ReceiptRefused, at: Stamp) -> Sale:
    one = find_delivery(sale, event.receipt)
    return put_delivery(sale, replace(one, state=delivery.TABLE.next(one.state, DeliveryEvent.REFUSED), reason=event.reason))
