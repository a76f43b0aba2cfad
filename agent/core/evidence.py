"""What the payment system's word on our payment proves, and what it makes of the sale: as events to be recorded.

Pure functions from the state and one new fact to events; an empty list means that the fact changes nothing and is not recorded. Here
stand the money rules that need judgement: what proves a payment, what proves that there is none, and what happens to evidence that
comes after an answer was handed out.
"""

from agent.core import events
from agent.core.call import elapsed_ms
from agent.core.events import CancelCause, Event
from agent.core.model import RefundLine, Slip, Stamp
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import RefundCause
from agent.core.resolution import Resolution
from agent.core.sale import Sale
from agent.core.verdict import Observed, Status

RETURN_KEY = "~return"  # the key of the refund we owe by ourselves; no POS key can hold "~"
_OPEN = frozenset({PaymentState.PENDING, PaymentState.CANCELING})  # the provider has the payment, and no end of it is known
_WAITING = _OPEN | {PaymentState.ATTENTION}
_UNPAID = frozenset({PaymentState.CANCELED, PaymentState.DECLINED})  # not paid, as far as was known: later evidence may say otherwise


def alarm(sale: Sale, code: str, surplus: Kopecks | None = None) -> list[Event]:
    """An alarm of a sale is raised once, and anew when it has been acknowledged since."""
    return [] if code in sale.alarms - sale.acknowledged else [events.AlarmRaised(code, surplus)]


def attention(sale: Sale, reason: str, charged: bool = False, slip: Slip | None = None) -> list[Event]:
    """A person must decide, and is called (promise P2)."""
    return [events.AttentionNeeded(reason, charged, slip), *alarm(sale, reason)]


def weigh(sale: Sale, state: PaymentState, seen: Observed, now: Stamp, policy: Policy) -> list[Event]:
    """What the provider's word on our transaction makes of a payment in ``state`` (which may be ahead of ``sale.payment`` by one event)."""
    surplus = alarm(sale, "OVERPAID", seen.surplus) if seen.surplus else []
    if sale.decided is not None:
        return [*after_decision(sale, seen), *surplus]
    match seen.status:
        case Status.ACCEPTED:
            return [*_accepted(sale, state, seen, policy), *surplus]
        case Status.REJECTED if state in _WAITING:
            return [events.Declined(seen.error_code or "REJECTED")]
        case Status.CANCELED if state in _WAITING:
            return [events.Canceled(cancel_reason(sale))]
        case Status.REFUNDING | Status.REFUNDED | Status.PARTIAL_REFUNDED:
            return _returned_elsewhere(sale, state, seen)
        case Status.GONE if state in _WAITING:  # whatever it was before, nobody holds the customer's money
            return [events.Canceled("LINK_EXPIRED")]
        case Status.ABSENT if state is PaymentState.CANCELING:
            return _absent(sale, now, policy)
        case Status.UNKNOWN:
            return alarm(sale, "UNKNOWN_STATUS")
        case _:
            return []


def _absent(sale: Sale, now: Stamp, policy: Policy) -> list[Event]:
    """The provider does not know the transaction it named itself. A lagging replica says so for seconds; after the window, a person."""
    age = elapsed_ms(sale.answered, now) if sale.answered else None
    gone = age is None or age >= policy.window_limit_ms
    return attention(sale, "UNKNOWN_TRANSACTION_ID") if gone else []


def _returned_elsewhere(sale: Sale, state: PaymentState, seen: Observed) -> list[Event]:
    """Money was taken, and somebody else gave some of it back. Unless all of it is back, only a person can see what is still owed."""
    if state in _OPEN:
        return attention(sale, "REFUNDED_ELSEWHERE", charged=True)
    if state not in _UNPAID or sale.late_money:
        return []
    if seen.status is Status.REFUNDED:
        return alarm(sale, "REFUNDED_ELSEWHERE")
    if sale.told is None:
        return attention(sale, "REFUNDED_ELSEWHERE", charged=True)
    return _late_money(sale, seen.slip, "REFUNDED_ELSEWHERE")


def _accepted(sale: Sale, state: PaymentState, seen: Observed, policy: Policy) -> list[Event]:
    if state not in _WAITING | _UNPAID:
        return []
    slip, problem = seen.slip, _problem(sale, seen)
    stores = alarm(sale, "STORE_MISMATCH") if _other_store(sale, slip) else []
    if state in _UNPAID and sale.told is not None:
        return [] if sale.late_money else [*_late_money(sale, slip, problem or _too_much(seen)), *stores]
    if slip is None:
        return _without_slip(sale, state)
    if problem is None and policy.store_mismatch_is_attention and _other_store(sale, slip):
        problem = "STORE_MISMATCH"
    if problem is None:
        return [events.Paid(slip), *stores]
    if state is PaymentState.ATTENTION and sale.charged and problem in sale.alarms:
        return []  # a person was called for this before
    found = attention(sale, problem, charged=True, slip=slip)
    return [*found, *(one for one in stores if one not in found)]


def after_decision(sale: Sale, seen: Observed) -> list[Event]:
    """An operator ended the payment, and now the provider speaks of it. The decision stands; where the two differ a person is called, and
    money that was said not to have been taken goes back as after any not-paid answer (money rule 5)."""
    contradicted = alarm(sale, "OPERATOR_CONTRADICTED")
    believed_paid = sale.payment in (PaymentState.PAID, PaymentState.REVERSED) or sale.late_money
    match seen.status:
        case Status.ACCEPTED if not believed_paid:
            return [*_late_money(sale, seen.slip, _problem(sale, seen) or _too_much(seen)), *contradicted]
        case Status.REFUNDING | Status.PARTIAL_REFUNDED if not believed_paid:
            return [*_late_money(sale, seen.slip, "REFUNDED_ELSEWHERE"), *contradicted]
        case Status.REFUNDED if not believed_paid:
            return alarm(sale, "REFUNDED_ELSEWHERE")
        case Status.REFUNDED | Status.PARTIAL_REFUNDED if not sale.refunds:
            return contradicted
        case Status.NEW | Status.PENDING:
            return contradicted  # the customer can still pay, or has not paid
        case Status.REJECTED | Status.CANCELED:
            return contradicted if believed_paid and not _returned_outside(sale) else []
        case _:
            return []


def _returned_outside(sale: Sale) -> bool:
    return sale.decided is not None and sale.decided.resolution is Resolution.RETURNED


def _without_slip(sale: Sale, state: PaymentState) -> list[Event]:
    """The provider took the money and does not prove that it was ours: read on for a while, then a person (money rule 3)."""
    if state in _OPEN:
        return [] if sale.charge_seen else [events.ChargeSeen()]
    return [] if state is PaymentState.ATTENTION and sale.charged else attention(sale, "SLIP_MISSING", charged=True)


def _problem(sale: Sale, seen: Observed) -> str | None:
    """What is not as it was asked for in a payment that is said to be made. Even without a slip it may say whose it is: what is somebody
    else's is not returned by itself."""
    if seen.slip is not None:
        return mismatch(sale, seen.slip)
    foreign = sale.call is not None and seen.reference not in (None, sale.call.request_id)
    return "ORDER_MISMATCH" if foreign else None


def _too_much(seen: Observed) -> str | None:
    """Nothing against a payment that is wanted; of one that goes back a person must see that all of it does."""
    return "OVERPAID" if seen.surplus else None


def mismatch(sale: Sale, slip: Slip) -> str | None:
    """The reason code of the first thing in a slip that is not what was asked for (money rule 3)."""
    invoice = sale.checkout.invoice
    if slip.total_amount != invoice.total_amount:
        return "AMOUNT_MISMATCH"
    if slip.order_id not in (None, invoice.order_id):
        return "ORDER_MISMATCH"
    if sale.call is not None and slip.reference not in (None, sale.call.request_id):
        return "ORDER_MISMATCH"
    if slip.currency != invoice.currency:
        return "CURRENCY_MISMATCH"
    return None


def _other_store(sale: Sale, slip: Slip | None) -> bool:
    """The slip names another store or terminal. The vendor's own examples differ, so it decides nothing unless a switch says so."""
    return slip is not None and (slip.store_id not in (None, sale.id.store_id) or slip.terminal_id not in (None, sale.id.terminal_id))


def _late_money(sale: Sale, slip: Slip | None, problem: str | None) -> list[Event]:
    """Money after a not-paid answer goes back by itself; if it is not the sum we asked for, a person must look at it."""
    return [events.LateMoneyFound(slip), *full_refund(sale, RefundCause.LATE_MONEY, problem), *alarm(sale, "LATE_MONEY")]


def full_refund(sale: Sale, cause: RefundCause, problem: str | None = None) -> list[Event]:
    """The refund of the whole sale that is owed without anybody asking; in attention if there is a problem with it. A bill over nothing
    has nothing to return."""
    if not sale.amount:
        return []
    lines = tuple(RefundLine(place, item.quantity, item.total_amount) for place, item in enumerate(sale.checkout.invoice.items))
    opened = events.RefundOpened(RETURN_KEY, sale.amount, lines, cause)
    return [opened, *([events.RefundNeedsAttention(RETURN_KEY, problem)] if problem else [])]


def cancel_reason(sale: Sale) -> str:
    """The reason code of a sale that ends canceled."""
    if sale.cancel_by_pos:
        return CancelCause.CASHIER.value
    return sale.cancel_cause.value if sale.cancel_cause else "CANCELED_BY_CUSTOMER"
