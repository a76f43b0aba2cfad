"""Decisions about fiscal receipts: which may be given, and what an answer makes of one on its way. No money moves here.

A receipt belongs to something that has happened: a payment that is known to be paid, or a refund that is known to be made. It
changes nothing about either, whatever becomes of it.
"""

from agent.core import events
from agent.core.decide import Result, attempt_failed
from agent.core.delivery import Delivery
from agent.core.events import Event
from agent.core.evidence import alarm
from agent.core.payment import PaymentState
from agent.core.receipt import FiscalReceipt
from agent.core.refund import RefundState
from agent.core.sale import RECEIPT_CALL, Sale
from agent.core.verdict import Observed, Refusal, Refused

RECEIPTED = frozenset({PaymentState.PAID, PaymentState.ELSEWHERE})
MAX_RECEIPTS = 110  # of one sale: its own, one for each of at most 100 refunds, and a few that were printed again after a mistake


class NotPaid(ValueError):
    """There is nothing a receipt could be about. The text is for the POS programmer; ``path`` names the field at fault, ``state`` is how it
    stands with what the field names."""

    def __init__(self, path: str, problem: str, state: str) -> None:
        super().__init__(problem)
        self.path = path
        self.state = state


class NoSuchRefund(ValueError):
    """The sale has no refund of this key."""


class TooMany(ValueError):
    """The sale has as many receipts as a sale can have."""


def receipt_call(key: str) -> str:
    """The name of a receipt's call in attempt events."""
    return f"{RECEIPT_CALL}:{key}"


# --- giving ---


def receipt_given(sale: Sale, receipt: FiscalReceipt, refund: str | None, digest: str) -> list[Event]:
    """Take a receipt over from the POS; ``refund``: the key of the refund it is about. Raises NotPaid, NoSuchRefund, TooMany."""
    state = sale.payment.value
    if sale.payment not in RECEIPTED:
        raise NotPaid("key", f"the sale is {state}: only a paid sale has a receipt; give it once the sale is paid", state)
    if sale.transaction_id is None:
        raise NotPaid("key", "the sale has no transactionId, so nobody could tell which payment the receipt is about", state)
    if refund is not None:
        _check_refund(sale, refund)
    if len(sale.deliveries) >= MAX_RECEIPTS:
        raise TooMany(f"a sale has at most {MAX_RECEIPTS} receipts")
    return [events.ReceiptGiven(receipt.receipt_id, digest, receipt, refund)]


def _check_refund(sale: Sale, key: str) -> None:
    one = sale.refund(key)
    if one is None:
        raise NoSuchRefund(f"the sale has no refund {key!r}")
    if one.state is not RefundState.REFUNDED:
        raise NotPaid("refundKey", f"the refund is {one.state.value}: give its receipt once the money is returned", one.state.value)


# --- answers ---


def receipt_result(sale: Sale, key: str, request_id: str, result: Result, late: bool = False) -> list[Event]:
    """What the end of an attempt to hand a receipt over means. ``late``: of an attempt that was given up as lost before."""
    one = sale.delivery(key)
    if one is None or not one.unsettled or one.call is None or one.call.request_id != request_id or not one.call.awaited:
        return []  # an operator may have given it up meanwhile
    name = receipt_call(key)
    match result:
        case Observed():
            return [events.AttemptAnswered(name, request_id, "taken"), events.ReceiptDelivered(key)]
        case Refused():
            return _refused(sale, one, result, late)
        case _:
            return [] if late or not one.call.open else attempt_failed(sale, name, one.call, result)


def _refused(sale: Sale, one: Delivery, refused: Refused, late: bool) -> list[Event]:
    """A refusal ends it, except "in processing", which means later. Later is a new attempt, for the old one's answer is settled - unless an
    earlier copy was lost: then it may be that copy which is in processing, and a new attempt would hand the receipt over twice."""
    assert one.call is not None
    name, code = receipt_call(one.key), refused.code
    if refused.refusal is Refusal.BUSY and one.call.lost > 0:
        return [events.AttemptLost(name, one.call.request_id, code)] if one.call.open and not late else []
    answered = events.AttemptAnswered(name, one.call.request_id, code)
    if refused.refusal is Refusal.BUSY:
        return [answered, events.ReceiptReopened(one.key, code)]
    raised = alarm(sale, code) if refused.refusal is Refusal.CONFIGURATION else []
    return [answered, events.ReceiptRefused(one.key, code), *raised]
