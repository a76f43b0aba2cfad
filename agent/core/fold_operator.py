"""Folding of an operator's decision. One event moves the machine of what it is about, and is remembered: nothing undoes it afterwards.

While a request is under way nobody can know what it will bring, so a decision about it does not fit the record.
"""

from dataclasses import replace

from agent.core import delivery, events, fold_parts, refund
from agent.core.call import Call
from agent.core.delivery import DeliveryEvent
from agent.core.fold_payment import pay
from agent.core.machine import IllegalTransition
from agent.core.model import Stamp
from agent.core.payment import NOT_PAID, PaymentEvent, PaymentState
from agent.core.refund import Refund, RefundEvent
from agent.core.resolution import PAYMENT, RECEIPT, REFUND, SALE, Resolution
from agent.core.sale import Sale

OPERATOR = "OPERATOR"  # the reason code of what an operator ended


def resolved(sale: Sale, event: events.Resolved, at: Stamp) -> Sale:
    """The state after a decision. Raises IllegalTransition."""
    subject, _, key = event.what.partition(":")
    if subject == PAYMENT:
        return _payment(sale, event, at)
    if subject == REFUND:
        return _refund(sale, fold_parts.find_refund(sale, key), event, at)
    if subject == RECEIPT and event.resolution is Resolution.DROP:
        return _receipt(sale, key)
    if subject == SALE and event.resolution is Resolution.ACKNOWLEDGE:
        return replace(sale, acknowledged=sale.alarms, confirmed=sale.confirmed or sale.told is not None)
    raise IllegalTransition(f"operator: {event.resolution.value} cannot be decided of {event.what!r}")


def _settle(call: Call | None) -> None:
    if call is not None and call.open:
        raise IllegalTransition("operator: nothing can be decided while an attempt is under way")


def _payment(sale: Sale, event: events.Resolved, at: Stamp) -> Sale:
    _settle(sale.call)
    _settle(sale.cancel_call)
    if sale.transaction_id is not None and event.transaction_id not in (None, sale.transaction_id):
        raise IllegalTransition("operator: the payment has another transaction")
    sale = replace(sale, decided=None, transaction_id=sale.transaction_id or event.transaction_id)
    match event.resolution:
        case Resolution.PAID:
            moved = pay(sale, PaymentEvent.PAID, at, slip=event.slip, reason=OPERATOR, charged=True)
        case Resolution.NOT_PAID:
            moved = pay(sale, PaymentEvent.CANCELED, at, reason=OPERATOR, charged=False, charge_seen=None)
        case Resolution.RETURN | Resolution.RETURNED:
            moved = _give_back(sale, event, at)
        case _:
            raise IllegalTransition(f"operator: {event.resolution.value} cannot be decided of a payment")
    return replace(moved, decided=event)


def _give_back(sale: Sale, event: events.Resolved, at: Stamp) -> Sale:
    """Money was taken that is not to be kept; the refund that says so is opened in the same step."""
    if sale.payment is PaymentState.PAID:
        return pay(sale, PaymentEvent.REVERSED, at, reason=OPERATOR)
    if sale.late_money:
        raise IllegalTransition("operator: the money of this sale is on its way back already")
    if sale.payment in NOT_PAID:
        return pay(replace(sale, decided=event), PaymentEvent.LATE_MONEY, at, late_money=True, charged=True)
    return pay(sale, PaymentEvent.CANCELED, at, reason=OPERATOR, charged=True, charge_seen=None, late_money=True)


def _refund(sale: Sale, one: Refund, event: events.Resolved, at: Stamp) -> Sale:
    _settle(one.call)
    match event.resolution:
        case Resolution.REFUNDED:
            ref = event.ref_transaction_id or one.ref_transaction_id
            return fold_parts.refund_moved(
                sale, one.key, RefundEvent.REFUNDED, at, slip=event.slip, ref_transaction_id=ref, reason=OPERATOR, resolved=True
            )
        case Resolution.DROP:
            return fold_parts.refund_moved(
                sale, one.key, RefundEvent.DROPPED, at, reason=OPERATOR, resolved=True, doubtful=refund.may_be_made(one)
            )
        case Resolution.RETRY:
            return _retried(sale, one, at)
        case _:
            raise IllegalTransition(f"operator: {event.resolution.value} cannot be decided of a refund")


def _retried(sale: Sale, one: Refund, at: Stamp) -> Sale:
    """Whatever is tried next, the payment is read first. An attempt that was never answered keeps its id."""
    unclear = one.call is not None and one.call.awaited
    changes = {"settled_at": None, "reason": None, "checked": None, "check_first": True, "refused": False}
    if unclear:
        return fold_parts.refund_moved(sale, one.key, RefundEvent.RETRIED, at, **changes)
    rejected = one.rejected | ({one.ref_transaction_id} if one.ref_transaction_id else set())
    return fold_parts.refund_moved(sale, one.key, RefundEvent.REOPENED, at, **changes, ref_transaction_id=None, rejected=rejected)


def _receipt(sale: Sale, key: str) -> Sale:
    one = fold_parts.find_delivery(sale, key)
    _settle(one.call)
    state = delivery.TABLE.next(one.state, DeliveryEvent.DROPPED)
    return fold_parts.put_delivery(sale, replace(one, state=state, reason=OPERATOR))
