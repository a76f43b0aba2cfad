"""Folding of events about the payment: each checked against the payment machine and against what was told."""

from dataclasses import replace
from typing import Any

from agent.core import events, payment
from agent.core.events import CancelCause
from agent.core.machine import IllegalTransition
from agent.core.model import Stamp
from agent.core.payment import FINISHED, NOT_PAID, PaymentEvent, PaymentState
from agent.core.sale import Sale


def pay(sale: Sale, event: PaymentEvent, at: Stamp, **changes: Any) -> Sale:
    """Move the payment machine; ``told`` guards what was handed out (money rule 5)."""
    target = payment.TABLE.next(sale.payment, event)
    if sale.frozen and event in payment.CHANGES_ANSWER:
        ended = f"the answer {sale.told.state.value} was told" if sale.told is not None else "an operator decided"
        raise IllegalTransition(f"payment: {event.value} after {ended}")
    if not sale.frozen and event is PaymentEvent.LATE_MONEY:
        raise IllegalTransition("payment: late_money before any answer was told")
    if target is not sale.payment and (target in FINISHED or target is PaymentState.ATTENTION):
        changes.setdefault("ended", at)
        changes.setdefault("rereads", 0)
        changes.setdefault("watch_over", False)
    return replace(sale, payment=target, **changes)


def transaction_known(sale: Sale, event: events.TransactionKnown, at: Stamp) -> Sale:
    if sale.decided is not None:
        return _learned(sale, event, at)
    if sale.payment is PaymentState.PENDING and sale.transaction_id is not None:
        raise IllegalTransition("payment: the transaction of a payment is known once")
    if sale.payment is PaymentState.CANCELED:
        return replace(_learned(pay(sale, PaymentEvent.KNOWN, at), event, at), withdrawn=True)
    cause = sale.cancel_cause or (CancelCause.FOUND_LATE if sale.payment is PaymentState.ATTENTION else None)
    return pay(
        sale,
        PaymentEvent.KNOWN,
        at,
        transaction_id=event.transaction_id,
        link=sale.link or event.link,
        answered=sale.answered or at,
        cancel_cause=cause,
        reason=None if sale.payment is PaymentState.ATTENTION else sale.reason,
    )


def _learned(sale: Sale, event: events.TransactionKnown, at: Stamp) -> Sale:
    """A late answer names the transaction of a payment that ended without it, by an operator's word or because nobody can have seen its
    link. That end stands; what can be read from now on is watched from now on."""
    if sale.transaction_id is not None:
        raise IllegalTransition(f"payment: the transaction of a sale in {sale.payment.value} is known")
    watch: dict[str, Any] = {"ended": at, "rereads": 0, "watch_over": False} if sale.payment is PaymentState.CANCELED else {}
    return replace(sale, transaction_id=event.transaction_id, link=sale.link or event.link, answered=sale.answered or at, **watch)


def link_known(sale: Sale, event: events.LinkKnown, at: Stamp) -> Sale:
    if sale.transaction_id is None or sale.link is not None:
        raise IllegalTransition("payment: a link belongs to a known transaction, and there is one for ever")  # promise P1
    return replace(sale, link=event.link)


def link_offered(sale: Sale, event: events.LinkOffered, at: Stamp) -> Sale:
    if sale.call is None or not sale.call.settled or sale.link is not None:
        raise IllegalTransition("payment: a link is offered once, when the search before it was answered")
    return pay(sale, PaymentEvent.OFFERED, at, link=event.link, answered=at)


def searched(sale: Sale, event: events.Searched, at: Stamp) -> Sale:
    if sale.call is None or sale.call.request_id != event.request_id or sale.transaction_id is not None:
        raise IllegalTransition("payment: only a checkout whose transaction is not known is searched for")
    return replace(sale, searches=sale.searches + 1, searched=at)


def charge_seen(sale: Sale, event: events.ChargeSeen, at: Stamp) -> Sale:
    if sale.payment not in (PaymentState.PENDING, PaymentState.CANCELING) or sale.charge_seen is not None:
        raise IllegalTransition(f"payment: a charge cannot be seen in {sale.payment.value}")
    return replace(sale, charge_seen=at, charged=True)


def cancel_wanted(sale: Sale, event: events.CancelWanted, at: Stamp) -> Sale:
    return pay(
        sale,
        PaymentEvent.CANCEL_WANTED,
        at,
        cancel_cause=sale.cancel_cause or event.cause,
        cancel_by_pos=sale.cancel_by_pos or event.cause is CancelCause.CASHIER,
    )


def cancel_answered(sale: Sale, event: events.CancelAnswered, at: Stamp) -> Sale:
    if sale.cancel_call is None or not sale.cancel_call.settled:
        raise IllegalTransition("payment: a cancel was answered that was not asked")
    refs = {event.ref_transaction_id} if event.ref_transaction_id else set()
    return replace(sale, cancel_answered=at, cancels_closed=sale.cancels_closed + 1, cancel_refs=sale.cancel_refs | refs)


def paid(sale: Sale, event: events.Paid, at: Stamp) -> Sale:
    return pay(sale, PaymentEvent.PAID, at, slip=event.slip, reason=None, charged=True)


def declined(sale: Sale, event: events.Declined, at: Stamp) -> Sale:
    return pay(sale, PaymentEvent.DECLINED, at, reason=event.reason, charged=False, charge_seen=None)


def canceled(sale: Sale, event: events.Canceled, at: Stamp) -> Sale:
    return pay(sale, PaymentEvent.CANCELED, at, reason=event.reason, withdrawn=event.withdrawn, charged=False, charge_seen=None)


def expired(sale: Sale, event: events.Expired, at: Stamp) -> Sale:
    return pay(sale, PaymentEvent.EXPIRED, at, reason=event.reason)


def attention(sale: Sale, event: events.AttentionNeeded, at: Stamp) -> Sale:
    charged = sale.charged or event.charged
    return pay(sale, PaymentEvent.ATTENTION, at, reason=event.reason, charged=charged, slip=event.slip or sale.slip)


def late_money(sale: Sale, event: events.LateMoneyFound, at: Stamp) -> Sale:
    if sale.late_money:
        raise IllegalTransition("payment: late money was found before")
    return pay(sale, PaymentEvent.LATE_MONEY, at, late_money=True, charged=True, slip=event.slip)


def given_back(sale: Sale, event: events.Reversed, at: Stamp) -> Sale:
    return pay(sale, PaymentEvent.REVERSED, at, reason="UNCLAIMED")


def reread(sale: Sale, event: events.Reread, at: Stamp) -> Sale:
    if sale.payment not in NOT_PAID | {PaymentState.ATTENTION} or event.count <= sale.rereads:
        raise IllegalTransition(f"payment: reread {event.count} cannot happen in {sale.payment.value} after {sale.rereads}")
    return replace(sale, rereads=event.count, watch_over=event.last)


def told(sale: Sale, event: events.Told, at: Stamp) -> Sale:
    if sale.told is not None or not sale.finished or event.state is not sale.payment:
        raise IllegalTransition(f"payment: {event.state.value} cannot be told in {sale.payment.value}")
    return replace(sale, told=event, told_at=at)


def confirmed(sale: Sale, event: events.Confirmed, at: Stamp) -> Sale:
    if sale.told is None or sale.confirmed:
        raise IllegalTransition("payment: only an answer that was handed out can be confirmed, and once")
    return replace(sale, confirmed=True)


def alarm(sale: Sale, event: events.AlarmRaised, at: Stamp) -> Sale:
    return replace(sale, alarms=sale.alarms | {event.code}, acknowledged=sale.acknowledged - {event.code})


def restored(sale: Sale, event: events.Restored, at: Stamp) -> Sale:
    """A refund that seems to wait may have been made since the backup: the payment is read before it goes out."""
    refunds = tuple(replace(one, check_first=True) if one.unsettled else one for one in sale.refunds)
    return replace(sale, restored=True, restore=event.restore or sale.restore, refunds=refunds)
