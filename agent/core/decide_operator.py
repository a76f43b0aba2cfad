"""Decisions of an operator: which of them make sense in the state a sale is in, and the events they become.

Three rules keep them harmless. What was handed out to a POS as finished never changes (promise P4): of a sale that was told as not paid it
can only be decided where its money is. Nothing is decided while an attempt is under way. And money moves only as an owed return, with
its own record, or not at all: "paid", "returned" and "refunded" are statements about the bank, made by somebody who has looked there.
"""

from dataclasses import dataclass

from agent.core import events
from agent.core.alarms import standing
from agent.core.call import Call
from agent.core.events import Event
from agent.core.evidence import RETURN_KEY, full_refund
from agent.core.model import Slip
from agent.core.payment import PaymentState
from agent.core.refund import RefundCause, RefundState
from agent.core.resolution import PAYMENT, RECEIPT, REFUND, SALE, Decision, Proof, Resolution, receipt_subject, refund_subject
from agent.core.sale import Sale

_NOT_PAID = frozenset({PaymentState.CANCELED, PaymentState.DECLINED})
_RETURNS = frozenset({Resolution.RETURN, Resolution.RETURNED})


class NotResolvable(ValueError):
    """The decision does not fit the sale. The text is for the operator; ``path`` names the field at fault."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(problem)
        self.path = path


class UnderWay(ValueError):
    """A request about it is under way: what it brings comes first."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something an operator can decide of a sale as it is now."""

    what: str
    resolution: Resolution


# --- what can be decided ---


def choices(sale: Sale) -> tuple[Choice, ...]:
    """Everything that can be decided, the payment first."""
    found = [Choice(PAYMENT, resolution) for resolution in _payment_choices(sale)]
    for one in sale.refunds:
        if one.unsettled or one.state is RefundState.ATTENTION:
            stuck = (Resolution.RETRY,) if one.state is RefundState.ATTENTION else ()
            found += [Choice(refund_subject(one.key), each) for each in (Resolution.REFUNDED, Resolution.DROP, *stuck)]
    found += [Choice(receipt_subject(one.key), Resolution.DROP) for one in sale.deliveries if one.unsettled]
    if standing(sale) or (sale.told is not None and not sale.confirmed):
        found.append(Choice(SALE, Resolution.ACKNOWLEDGE))
    return tuple(found)


def _payment_choices(sale: Sale) -> tuple[Resolution, ...]:
    """A cancel that never ends is the payment's own: it is decided with it. A payment that the machine can still find out about by itself,
    within minutes, is left to it."""
    lost = sale.payment is PaymentState.CANCELING and sale.transaction_id is not None and sale.charge_seen is None
    if sale.payment is PaymentState.ATTENTION or lost:
        taken = sale.charged and sale.reason != "REFUNDED_ELSEWHERE"
        not_paid = () if taken or lost else (Resolution.NOT_PAID,)  # a payment whose cancel is not proven can still be paid
        return (Resolution.PAID, *not_paid, Resolution.RETURN, Resolution.RETURNED)
    if sale.payment in _NOT_PAID and not sale.late_money and not sale.never_sent:
        return (Resolution.RETURN, Resolution.RETURNED)
    if sale.payment is PaymentState.PAID and sale.told is None and "UNCLAIMED" in sale.alarms and not sale.refunds:
        return (Resolution.RETURN, Resolution.RETURNED)
    return ()


# --- deciding ---


def resolved(sale: Sale, decision: Decision) -> list[Event]:
    """The events of a decision. Raises NotResolvable, UnderWay."""
    if Choice(decision.what, decision.resolution) not in choices(sale):
        raise NotResolvable("resolution", f"{decision.resolution.value!r} of {decision.what!r} makes no sense in the state the sale is in")
    _check_quiet(sale, decision)
    _check_proof(sale, decision)
    event = events.Resolved(
        decision.what,
        decision.resolution,
        decision.reason,
        decision.by,
        decision.proof.transaction_id,
        decision.proof.ref_transaction_id,
        _slip(sale, decision),
    )
    if decision.what != PAYMENT or decision.resolution not in _RETURNS:
        return [event]
    opened = full_refund(sale, RefundCause.OPERATOR)
    if decision.resolution is Resolution.RETURN or not opened:
        return [event, *opened]
    proof = decision.proof
    made = events.Resolved(
        refund_subject(RETURN_KEY),
        Resolution.REFUNDED,
        decision.reason,
        decision.by,
        None,
        proof.ref_transaction_id,
        _made(sale, RETURN_KEY, proof),
    )
    return [event, *opened, made]


def calls_of(sale: Sale, what: str) -> tuple[Call | None, ...]:
    """The calls that a decision about ``what`` would cut short."""
    subject, _, key = what.partition(":")
    if subject == PAYMENT:
        return sale.call, sale.cancel_call
    if subject == REFUND:
        return tuple(one.call for one in sale.refunds if one.key == key)
    if subject == RECEIPT:
        return tuple(one.call for one in sale.deliveries if one.key == key)
    return ()


def under_way(sale: Sale, what: str) -> bool:
    """Whether a request is out whose answer comes first."""
    return any(call is not None and call.open for call in calls_of(sale, what))


def _check_quiet(sale: Sale, decision: Decision) -> None:
    if under_way(sale, decision.what):
        raise UnderWay("a request to the payment system is under way; ask again when it has ended")
    if decision.resolution is Resolution.RETRY and sale.active_refund() is not None:
        raise UnderWay("another refund of this sale is at work, and only one may be; ask again when it has ended")


def _check_proof(sale: Sale, decision: Decision) -> None:
    given = decision.proof.transaction_id
    if given is not None and decision.what != PAYMENT:
        raise NotResolvable("proof.transactionId", "only a decision about the payment takes the payment's transaction")
    if given is not None and sale.transaction_id is not None and given != sale.transaction_id:
        raise NotResolvable("proof.transactionId", f"the payment has the transaction {sale.transaction_id}, not this one")
    if decision.resolution is Resolution.RETURN and given is None and sale.transaction_id is None and sale.amount:
        text = "is missing: money can be returned only for a transaction that is known; the payment system's registry names it"
        raise NotResolvable("proof.transactionId", text)


def _slip(sale: Sale, decision: Decision) -> Slip | None:
    match decision.resolution:
        case Resolution.PAID:
            return _paid(sale, decision.proof)
        case Resolution.REFUNDED:
            return _made(sale, decision.what.partition(":")[2], decision.proof)
        case _:
            return None


def _paid(sale: Sale, proof: Proof) -> Slip:
    """The slip of a payment that only the operator can prove: the bill's amount, and what he has read in the registry."""
    invoice, transaction = sale.checkout.invoice, sale.transaction_id or proof.transaction_id
    return Slip(
        invoice.total_amount,
        invoice.order_id,
        invoice.currency,
        payment_type=proof.payment_type,
        payment_transaction_id=transaction,
        operation_date_time=proof.operation_date_time,
        operation_id=proof.operation_id,
        qrc_id=proof.qrc_id,
        kzo=proof.kzo,
    )


def _made(sale: Sale, key: str, proof: Proof) -> Slip | None:
    """The slip of a refund, over its own amount, if anything of it is known. One that is opened by the decision returns everything."""
    known = (proof.payment_type, proof.operation_id, proof.operation_date_time, proof.qrc_id, proof.kzo)
    if not any(known):
        return None
    invoice, one = sale.checkout.invoice, sale.refund(key)
    return Slip(
        invoice.total_amount if one is None else one.amount,
        invoice.order_id,
        invoice.currency,
        payment_type=proof.payment_type,
        refund_transaction_id=proof.ref_transaction_id,
        operation_date_time=proof.operation_date_time,
        operation_id=proof.operation_id,
        qrc_id=proof.qrc_id,
        kzo=proof.kzo,
    )
