"""Decisions about the payment from answers: what the end of an attempt, a search or a status read makes of it, as events to be recorded.
An empty list means that the answer changes nothing."""

from agent.core import events
from agent.core.call import Call, elapsed_ms
from agent.core.events import Event
from agent.core.evidence import after_decision, alarm, cancel_reason, weigh
from agent.core.model import Stamp
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL, Sale
from agent.core.verdict import TOO_MANY_REQUESTS, Denied, Found, Garbled, NotSent, Observed, Offered, Refusal, Refused, Status, Unclear

Result = NotSent | Unclear | Observed | Refused | Denied | Garbled
SearchResult = NotSent | Unclear | Found | Refused | Denied | Garbled
Failure = NotSent | Unclear | Denied | Garbled
AttemptEnd = events.AttemptHeld | events.AttemptLost

_WATCHED = frozenset({PaymentState.CANCELED, PaymentState.ATTENTION})
_ADOPTING = _WATCHED | {PaymentState.UNKNOWN, PaymentState.PENDING, PaymentState.CANCELING}  # a payment may still become known
_PAYABLE = frozenset({Status.NEW, Status.PENDING, Status.UNKNOWN})
_UNPAYABLE = frozenset({Status.REJECTED, Status.CANCELED, Status.GONE})
NO_SUCH_THING = 404  # HTTP: of an id that a message has named it says that there is no such payment, and not that we are shut out


# --- attempts ---


def attempt_failed(sale: Sale, name: str, call: Call, failure: Failure) -> list[Event]:
    """Record how an open attempt failed: proven unsent, or lost (money rule 2)."""
    return [attempt_end(name, call, failure), *(alarm(sale, "ACCESS_DENIED") if shut_out(failure) else [])]


def attempt_end(name: str, call: Call, failure: Failure) -> AttemptEnd:
    """How an open attempt of the call ``name`` failed: proven unsent, or lost (money rule 2)."""
    match failure:
        case NotSent():
            return events.AttemptHeld(name, call.request_id, failure.reason)
        case Denied():
            wait = (failure.retry_after_s or 0) * 1000
            return events.AttemptHeld(name, call.request_id, f"http_{failure.status}", failure.status, wait)
        case Unclear():
            return events.AttemptLost(name, call.request_id, failure.reason, reached=failure.reason != "restart")
        case _:
            return events.AttemptLost(name, call.request_id, failure.reason, retry_after_ms=(failure.retry_after_s or 0) * 1000)


def shut_out(result: object) -> bool:
    """Whether it says that we are not let in: the door is shut, a password is gone, a login refused. That is for a person to see to."""
    if isinstance(result, NotSent):
        return result.reason == "credentials"
    return isinstance(result, Denied) and result.status != TOO_MANY_REQUESTS


def checkout_result(sale: Sale, request_id: str, result: Result | Offered, now: Stamp, policy: Policy, late: bool = False) -> list[Event]:
    """What the end of a checkout attempt means. ``late``: of an attempt that was given up as lost before."""
    call = sale.call
    if call is None or call.request_id != request_id:
        return []
    match result:
        case Offered():
            return [] if late or not call.open else _offered(sale, call, result)
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
        return [*found, events.Canceled(cancel_reason(sale))]
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
        return weigh(sale, sale.payment, seen, now, policy) if ours else alarm(sale, "SECOND_TRANSACTION")
    if sale.decided is not None and sale.transaction_id is not None:  # the operator has named the transaction
        answered = events.AttemptAnswered(CHECKOUT_CALL, call.request_id, seen.status)
        ours = seen.transaction_id == sale.transaction_id
        return [answered, *(after_decision(sale, seen) if ours else alarm(sale, "SECOND_TRANSACTION"))]
    return [
        events.AttemptAnswered(CHECKOUT_CALL, call.request_id, seen.status),
        events.TransactionKnown(seen.transaction_id, seen.link),
        *weigh(sale, _known_in(sale.payment), seen, now, policy),
        *(alarm(sale, seen.error_code) if seen.error_code and seen.status in _PAYABLE else []),  # its link is no good
    ]


def _offered(sale: Sale, call: Call, offered: Offered) -> list[Event]:
    """The customer may be shown the link, if he still wants to pay. If he does not, nobody can ever have seen it."""
    answered = events.AttemptAnswered(CHECKOUT_CALL, call.request_id, "offered")
    if sale.payment in (PaymentState.SENDING, PaymentState.UNKNOWN):
        return [answered, events.LinkOffered(offered.link)]
    unseen = sale.payment is PaymentState.CANCELING and not sale.restored
    return [answered, *([events.Canceled(cancel_reason(sale))] if unseen else [])]


def _known_in(state: PaymentState) -> PaymentState:
    """The state that a payment in ``state`` is in once its transaction is known."""
    if state in (PaymentState.CANCELING, PaymentState.ATTENTION):
        return PaymentState.CANCELING
    return state if state is PaymentState.CANCELED else PaymentState.PENDING


def search_result(sale: Sale, request_id: str, result: SearchResult, now: Stamp, plan: tuple[int, ...], policy: Policy) -> list[Event]:
    """What a search by our own key means. One that finds something ends the unclear attempt; of several payments the one with money in it
    is adopted, else one that can still be made, of equals the oldest; and a person is called."""
    call = sale.call
    if call is None or call.request_id != request_id or sale.transaction_id is not None or call.open:
        return []
    if not isinstance(result, Found):
        return _shut(sale, result)
    if any(one.reference not in (None, request_id) for one in result.matches):
        return _foreign(sale, now, plan)  # the search does not search: neither what it shows nor what it leaves out means anything
    if not result.matches:
        if sale.payment in _WATCHED:
            return _looked_again(sale, now, plan, final=False)
        return [] if call.settled else [events.Searched(request_id)]  # settled: a link of ours is out, and nobody has opened it yet
    first, *others = sorted(result.matches, key=_rank)
    assert first.transaction_id is not None
    if call.proven_unsent or (sale.decided is None and sale.payment not in _ADOPTING):
        return alarm(sale, "SECOND_TRANSACTION")  # by our record there can be none: it is nobody's to cancel or to return without a person
    return [
        *([] if call.settled else [events.AttemptAnswered(CHECKOUT_CALL, request_id, "found")]),
        events.TransactionKnown(first.transaction_id, first.link),
        *weigh(sale, _known_in(sale.payment), first, now, policy),
        *(alarm(sale, "SECOND_TRANSACTION") if others else []),
    ]


def named_result(sale: Sale, transaction_id: str, result: Result, now: Stamp, plan: tuple[int, ...], policy: Policy) -> list[Event]:
    """What a read of the payment ``transaction_id`` means, which a proven message named beside our own id (money rule 11). It is ours only
    if the payment system itself repeats that id. Over what was asked for it is taken as one that a search has found; if it is over another
    sum, or nobody says over what, or the sale has another one, nothing is changed but that a person is called."""
    call = sale.call
    if call is None or call.open or sale.transaction_id == transaction_id or not isinstance(result, Observed):
        return []
    if (result.transaction_id, result.reference) != (transaction_id, call.request_id):
        return []
    invoice = sale.checkout.invoice
    the_bill = result.amount == invoice.total_amount and result.currency in (None, invoice.currency)
    if the_bill and sale.transaction_id is None:
        return search_result(sale, call.request_id, Found((result,)), now, plan, policy)
    return [] if result.status in _UNPAYABLE else alarm(sale, "SECOND_TRANSACTION")


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
            found = weigh(sale, sale.payment, result, now, policy) if paid or sale.decided else []
            return [answered, events.CancelAnswered(result.ref_status, result.ref_transaction_id), *found]
        case Refused():
            raised = alarm(sale, result.code) if result.refusal is Refusal.CONFIGURATION else []
            return [events.AttemptAnswered(CANCEL_CALL, request_id, result.code), events.CancelAnswered(), *raised]
        case _:
            return [] if late or not call.open else attempt_failed(sale, CANCEL_CALL, call, result)


# --- reads ---


def status_result(sale: Sale, result: Result, now: Stamp, policy: Policy, plan: tuple[int, ...]) -> list[Event]:
    """What a status read of the payment means. ``plan``: the looks after a not-paid end, in milliseconds after it."""
    if isinstance(result, Refused) and result.refusal is Refusal.NOT_FOUND:
        result = Observed(Status.ABSENT)
    if not isinstance(result, Observed):
        return _shut(sale, result)
    # A payment that a search found and that is somebody else's: its link is not for our customer, its end is not ours. A paid one is
    # compared by its slip.
    other = sale.call is not None and result.status is not Status.ACCEPTED and result.reference not in (None, sale.call.request_id)
    if other or result.transaction_id not in (None, sale.transaction_id):
        return _foreign(sale, now, plan)
    learned = [events.LinkKnown(result.link)] if result.link and sale.link is None and sale.payment is PaymentState.PENDING else []
    found = [*learned, *weigh(sale, sale.payment, result, now, policy)]
    if found or sale.payment not in _WATCHED:
        return found
    # A watch cannot end while the payment can still be made: after an operator's word, and by a link that was only taken back.
    payable = result.status in _PAYABLE and (sale.withdrawn or (sale.decided is not None and result.status is not Status.UNKNOWN))
    return _looked_again(sale, now, plan, final=sale.withdrawn and result.status in _UNPAYABLE, payable=payable)


def _foreign(sale: Sale, now: Stamp, plan: tuple[int, ...]) -> list[Event]:
    """An answer about somebody else proves nothing about us; after the end it was a look all the same."""
    return [*alarm(sale, "OTHER_TRANSACTION"), *(_looked_again(sale, now, plan, final=False) if sale.payment in _WATCHED else [])]


def _rank(one: Observed) -> int:
    if one.status in _UNPAYABLE:
        return 2
    return 1 if one.status in _PAYABLE else 0


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
