"""Decisions about the payment: what an answer, a request of the POS or a moment in time makes of it, as events to be recorded.

Pure functions from the state and one new fact to events; an empty list means that the fact changes nothing and is not recorded. Here
stand the money rules that need judgement: what proves a payment, what proves that there is none, and what happens to evidence that
comes after an answer was handed out.
"""

from agent.core import events
from agent.core.call import Call, elapsed_ms
from agent.core.capability import Capabilities
from agent.core.events import CancelCause, Event
from agent.core.model import RefundLine, Slip, Stamp
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import RefundCause
from agent.core.resolution import Resolution
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL, Sale
from agent.core.verdict import TOO_MANY_REQUESTS, Denied, Found, Garbled, NotSent, Observed, Refusal, Refused, Status, Unclear

Result = NotSent | Unclear | Observed | Refused | Denied | Garbled
SearchResult = NotSent | Unclear | Found | Refused | Denied | Garbled
Failure = NotSent | Unclear | Denied | Garbled

RETURN_KEY = "~return"  # the key of the refund we owe by ourselves; no POS key can hold "~"
_OPEN = frozenset({PaymentState.PENDING, PaymentState.CANCELING})  # the provider has the payment, and no end of it is known
_WAITING = _OPEN | {PaymentState.ATTENTION}
_UNPAID = frozenset({PaymentState.CANCELED, PaymentState.DECLINED})  # not paid, as far as was known: later evidence may say otherwise
_WATCHED = frozenset({PaymentState.CANCELED, PaymentState.ATTENTION})
_PAYABLE = frozenset({Status.NEW, Status.PENDING, Status.UNKNOWN})
_UNPAYABLE = frozenset({Status.REJECTED, Status.CANCELED, Status.GONE})
_MAY_BE_TOLD_PAID = _UNPAID | {PaymentState.PAID}  # finished states of which "paid" may be handed out, now or after late evidence


def alarm(sale: Sale, code: str) -> list[Event]:
    """An alarm of a sale is raised once, and anew when it has been acknowledged since."""
    return [] if code in sale.alarms - sale.acknowledged else [events.AlarmRaised(code)]


def attention(sale: Sale, reason: str, charged: bool = False, slip: Slip | None = None) -> list[Event]:
    """A person must decide, and is called (promise P2)."""
    return [events.AttentionNeeded(reason, charged, slip), *alarm(sale, reason)]


# --- attempts ---


def attempt_failed(sale: Sale, name: str, call: Call, failure: Failure) -> list[Event]:
    """Record how an open attempt failed: proven unsent, or lost (money rule 2)."""
    match failure:
        case NotSent():
            shut = alarm(sale, "ACCESS_DENIED") if failure.reason == "credentials" else []  # a password that is gone, a login refused
            return [events.AttemptHeld(name, call.request_id, failure.reason), *shut]
        case Denied():
            wait = (failure.retry_after_s or 0) * 1000
            held = events.AttemptHeld(name, call.request_id, f"http_{failure.status}", failure.status, wait)
            return [held, *([] if failure.status == TOO_MANY_REQUESTS else alarm(sale, "ACCESS_DENIED"))]
        case Unclear():
            return [events.AttemptLost(name, call.request_id, failure.reason, reached=failure.reason != "restart")]
        case _:
            return [events.AttemptLost(name, call.request_id, failure.reason, retry_after_ms=(failure.retry_after_s or 0) * 1000)]


def checkout_result(sale: Sale, request_id: str, result: Result, now: Stamp, policy: Policy, late: bool = False) -> list[Event]:
    """What the end of a checkout attempt means. ``late``: of an attempt that was given up as lost before."""
    call = sale.call
    if call is None or call.request_id != request_id:
        return []
    match result:
        case Observed():
            return _checkout_answered(sale, call, result, now, policy, late)
        case Refused():
            return [] if late or not call.open else _checkout_refused(sale, call, result)
        case _:
            return [] if late or not call.open else _checkout_failed(sale, call, result)


def _checkout_failed(sale: Sale, call: Call, failure: Failure) -> list[Event]:
    found = attempt_failed(sale, CHECKOUT_CALL, call, failure)
    first = isinstance(failure, NotSent | Denied) and call.lost == 0 and not sale.restored
    if not first:
        return found
    if sale.payment is PaymentState.CANCELING:  # proof that no byte was ever taken, and somebody wanted it canceled
        return [*found, events.Canceled(_cancel_reason(sale))]
    if isinstance(failure, Denied) and failure.status != TOO_MANY_REQUESTS:
        return [*found, events.Declined("ACCESS_DENIED")]
    return found


def _checkout_refused(sale: Sale, call: Call, refused: Refused) -> list[Event]:
    """A code instead of a transaction. It is final only if no other copy can have been taken: a repeat that hears that the session is used
    may be hearing of our own first copy."""
    if call.lost == 0 and not sale.restored and refused.refusal in (Refusal.SESSION, Refusal.CONFIGURATION):
        answered = events.AttemptAnswered(CHECKOUT_CALL, call.request_id, refused.code)
        raised = alarm(sale, refused.code) if refused.refusal is Refusal.CONFIGURATION else []
        return [answered, events.Declined(refused.code), *raised]
    return [events.AttemptLost(CHECKOUT_CALL, call.request_id, refused.code)]


def _checkout_answered(sale: Sale, call: Call, seen: Observed, now: Stamp, policy: Policy, late: bool) -> list[Event]:
    other = seen.reference not in (None, call.request_id)
    if seen.transaction_id is None or other:  # whatever it says, it is not said of a payment of ours that we could read, cancel or return
        return [events.AttemptLost(CHECKOUT_CALL, call.request_id, "no_transaction")] if call.open and not late else []
    if not call.awaited:
        ours = seen.transaction_id == sale.transaction_id
        return _evidence(sale, sale.payment, seen, now, policy) if ours else alarm(sale, "SECOND_TRANSACTION")
    if sale.decided is not None and sale.transaction_id is not None:  # the operator has named the transaction
        answered = events.AttemptAnswered(CHECKOUT_CALL, call.request_id, seen.status)
        ours = seen.transaction_id == sale.transaction_id
        return [answered, *(_after_decision(sale, seen) if ours else alarm(sale, "SECOND_TRANSACTION"))]
    return [
        events.AttemptAnswered(CHECKOUT_CALL, call.request_id, seen.status),
        events.TransactionKnown(seen.transaction_id, seen.link),
        *_evidence(sale, _known_in(sale.payment), seen, now, policy),
        *(alarm(sale, seen.error_code) if seen.error_code and seen.status in _PAYABLE else []),  # its link is no good
    ]


def _known_in(state: PaymentState) -> PaymentState:
    """The state that a payment in ``state`` is in once its transaction is known."""
    if state in (PaymentState.CANCELING, PaymentState.ATTENTION):
        return PaymentState.CANCELING
    return state if state is PaymentState.CANCELED else PaymentState.PENDING


def search_result(sale: Sale, request_id: str, result: SearchResult, now: Stamp, plan: tuple[int, ...], policy: Policy) -> list[Event]:
    """What a search by our own key means. One that finds something ends the unclear attempt; of several payments the oldest is adopted,
    and a person is called: nobody was shown the links of the others."""
    call = sale.call
    if call is None or call.request_id != request_id or sale.transaction_id is not None or call.open:
        return []
    if not isinstance(result, Found):
        return _shut(sale, result)
    if any(one.reference not in (None, request_id) for one in result.matches):
        return alarm(sale, "OTHER_TRANSACTION")  # the search does not search: neither what it shows nor what it leaves out means anything
    if not result.matches:
        return _looked_again(sale, now, plan, final=False) if sale.payment in _WATCHED else [events.Searched(request_id)]
    first, *others = result.matches
    assert first.transaction_id is not None
    return [
        events.AttemptAnswered(CHECKOUT_CALL, request_id, "found"),
        events.TransactionKnown(first.transaction_id, first.link),
        *_evidence(sale, _known_in(sale.payment), first, now, policy),
        *(alarm(sale, "SECOND_TRANSACTION") if others else []),
    ]


def give_up(sale: Sale, reason: str, caps: Capabilities) -> list[Event]:
    """Nothing more can be found out. A payment that nobody can have been shown the link of is not paid, and is watched as far as it can be;
    of every other one a person must find out. After a restore nobody knows what was shown."""
    if sale.payment not in (PaymentState.PENDING, PaymentState.CANCELING):
        return []
    unseen = caps.secret_link and sale.link is None and not sale.restored
    if sale.payment is PaymentState.CANCELING and not sale.charged:
        if sale.transaction_id is None and unseen:
            return [events.Canceled(_cancel_reason(sale), withdrawn=caps.find_by_key)]
        if sale.transaction_id is not None and not caps.cancel:
            return [events.Canceled(_cancel_reason(sale), withdrawn=True)]
    return attention(sale, reason)


def cancel_result(sale: Sale, request_id: str, result: Result, now: Stamp, policy: Policy, late: bool = False) -> list[Event]:
    """What the end of a cancel attempt means. A confirmed cancel proves nothing yet: the status is read (promise P3)."""
    call = sale.cancel_call
    if call is None or call.request_id != request_id or not call.awaited:
        return []
    match result:
        case Observed():
            answered = events.AttemptAnswered(CANCEL_CALL, request_id, result.ref_status or result.status)
            if result.transaction_id not in (None, sale.transaction_id):
                return [answered, events.CancelAnswered(), *alarm(sale, "OTHER_TRANSACTION")]
            paid = result.status is Status.ACCEPTED and result.slip is not None
            found = _evidence(sale, sale.payment, result, now, policy) if paid or sale.decided else []
            return [answered, events.CancelAnswered(result.ref_status, result.ref_transaction_id), *found]
        case Refused():
            raised = alarm(sale, result.code) if result.refusal is Refusal.CONFIGURATION else []
            return [events.AttemptAnswered(CANCEL_CALL, request_id, result.code), events.CancelAnswered(), *raised]
        case _:
            return [] if late or not call.open else attempt_failed(sale, CANCEL_CALL, call, result)


# --- evidence ---


def status_result(sale: Sale, result: Result, now: Stamp, policy: Policy, plan: tuple[int, ...]) -> list[Event]:
    """What a status read of the payment means. ``plan``: the looks after a not-paid end, in milliseconds after it."""
    if isinstance(result, Refused) and result.refusal is Refusal.NOT_FOUND:
        result = Observed(Status.ABSENT)
    if not isinstance(result, Observed):
        return _shut(sale, result)
    # A payment that a search found and that is somebody else's: its link is not for our customer. A paid one is compared by its slip.
    other = sale.call is not None and result.status in _PAYABLE and result.reference not in (None, sale.call.request_id)
    if other or result.transaction_id not in (None, sale.transaction_id):
        return alarm(sale, "OTHER_TRANSACTION")  # an answer about somebody else proves nothing about us
    learned = [events.LinkKnown(result.link)] if result.link and sale.link is None and sale.payment is PaymentState.PENDING else []
    found = [*learned, *_evidence(sale, sale.payment, result, now, policy)]
    if found or sale.payment not in _WATCHED:
        return found
    # A watch cannot end while the payment can still be made: after an operator's word, and by a link that was only taken back.
    payable = result.status in _PAYABLE and (sale.withdrawn or (sale.decided is not None and result.status is not Status.UNKNOWN))
    return _looked_again(sale, now, plan, final=sale.withdrawn and result.status in _UNPAYABLE, payable=payable)


def _looked_again(sale: Sale, now: Stamp, plan: tuple[int, ...], final: bool, payable: bool = False) -> list[Event]:
    """A look after the end that brought nothing new. ``final``: it cannot be paid any more, so that there is no need for another one."""
    assert sale.ended is not None, "only what has ended is looked at again"
    age = elapsed_ms(sale.ended, now)
    done = sum(1 for due in plan if age is None or due <= age)
    if final:
        return [] if sale.watch_over else [events.Reread(max(done, sale.rereads + 1), last=True)]
    if done > sale.rereads:
        return [events.Reread(done, last=done >= len(plan) and not payable)]
    beyond = sale.rereads >= len(plan) and not sale.watch_over
    return [events.Reread(sale.rereads + 1, last=True)] if beyond and not payable else []


def _shut(sale: Sale, result: Result | SearchResult) -> list[Event]:
    """An answer that says nothing of the payment: only a shut door is worth a person's attention."""
    return alarm(sale, "ACCESS_DENIED") if isinstance(result, Denied) and result.status != TOO_MANY_REQUESTS else []


def _evidence(sale: Sale, state: PaymentState, seen: Observed, now: Stamp, policy: Policy) -> list[Event]:
    """What the provider's word on our transaction makes of a payment in ``state`` (which may be ahead of ``sale.payment`` by one event)."""
    if sale.decided is not None:
        return _after_decision(sale, seen)
    match seen.status:
        case Status.ACCEPTED:
            return _accepted(sale, state, seen.slip, policy)
        case Status.REJECTED if state in _WAITING:
            return [events.Declined(seen.error_code or "REJECTED")]
        case Status.CANCELED if state in _WAITING:
            return [events.Canceled(_cancel_reason(sale))]
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


def _accepted(sale: Sale, state: PaymentState, slip: Slip | None, policy: Policy) -> list[Event]:
    if state not in _WAITING | _UNPAID:
        return []
    problem = mismatch(sale, slip) if slip is not None else None
    stores = alarm(sale, "STORE_MISMATCH") if _other_store(sale, slip) else []
    if state in _UNPAID and sale.told is not None:
        return [] if sale.late_money else [*_late_money(sale, slip, problem), *stores]
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


def _after_decision(sale: Sale, seen: Observed) -> list[Event]:
    """An operator ended the payment, and now the provider speaks of it. The decision stands; where the two differ a person is called, and
    money that was said not to have been taken goes back as after any not-paid answer (money rule 5)."""
    contradicted = alarm(sale, "OPERATOR_CONTRADICTED")
    believed_paid = sale.payment in (PaymentState.PAID, PaymentState.REVERSED) or sale.late_money
    match seen.status:
        case Status.ACCEPTED if not believed_paid:
            problem = mismatch(sale, seen.slip) if seen.slip is not None else None
            return [*_late_money(sale, seen.slip, problem), *contradicted]
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


# --- the POS, and time ---


def _cancel_reason(sale: Sale) -> str:
    if sale.cancel_by_pos:
        return CancelCause.CASHIER.value
    return sale.cancel_cause.value if sale.cancel_cause else "CANCELED_BY_CUSTOMER"


def cancel_asked(sale: Sale, caps: Capabilities) -> list[Event]:
    """The POS wants no payment any more. A finished sale is not changed by it."""
    match sale.payment:
        case PaymentState.QUEUED if sale.never_sent:
            return [events.Canceled(CancelCause.CASHIER.value)]
        case PaymentState.SENDING | PaymentState.UNKNOWN | PaymentState.PENDING:
            return begin_cancel(sale, CancelCause.CASHIER, caps)
        case PaymentState.CANCELING if not sale.cancel_by_pos:
            return [events.CancelWanted(CancelCause.CASHIER)]
        case _:
            return []


def begin_cancel(sale: Sale, cause: CancelCause, caps: Capabilities) -> list[Event]:
    """Start canceling. A provider without a cancel call only takes its link back, and is watched (money rule 4); a link that was
    paid, as far as its slip can be waited for, is not taken back any more."""
    wanted = events.CancelWanted(cause)
    if sale.payment is PaymentState.PENDING and not caps.cancel and not sale.charged:
        return [wanted, events.Canceled(cause.value, withdrawn=True)]
    return [wanted]


def expire(sale: Sale, reason: str) -> list[Event]:
    """The deadline of a sale of which nothing was ever sent."""
    return [events.Expired(reason)] if sale.payment is PaymentState.QUEUED and sale.never_sent else []


def unclaimed(sale: Sale, back: bool) -> list[Event]:
    """Paid and told to nobody: give the money back in one commit with its refund, or keep it and raise an alarm (money rule 5). No clock
    gives back what an operator found to be paid, or what may have been handed out after the backup that the journal came from."""
    if sale.payment is not PaymentState.PAID or sale.told is not None:
        return []
    if back and not sale.refunds and sale.decided is None and not sale.restored:
        return [events.Reversed(), *full_refund(sale, RefundCause.UNCLAIMED), *alarm(sale, "UNCLAIMED")]
    return alarm(sale, "UNCLAIMED")


def restored(sale: Sale, restore: str) -> list[Event]:
    """After a restore from a backup nothing counts as never sent (money rule 10): neither a checkout nor a refund, nor an answer as never
    handed out. ``restore`` tells this one from others: the mark of one before says nothing of what went on since the backup of this one."""
    open_answer = sale.told is None and sale.payment in _MAY_BE_TOLD_PAID
    if (sale.restored and sale.restore == restore) or (sale.finished and sale.active_refund() is None and not open_answer):
        return []
    marked: list[Event] = [events.Restored(restore)]
    return [*marked, *attention(sale, "RESTORED")] if sale.payment is PaymentState.QUEUED else marked
