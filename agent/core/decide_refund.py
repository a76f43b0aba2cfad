"""Decisions about money that goes back: what an answer or a read makes of a refund."""

from agent.core import events
from agent.core.ask_refund import must_be_whole
from agent.core.call import elapsed_ms
from agent.core.capability import Refunds
from agent.core.decide import NO_SUCH_THING, Result, attempt_failed
from agent.core.events import Event
from agent.core.evidence import alarm
from agent.core.model import Stamp
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import Refund, RefundState
from agent.core.sale import REFUND_CALL, Sale
from agent.core.verdict import TOO_MANY_REQUESTS, Denied, Observed, RefStatus, Refusal, Refused, Status


def refund_call(key: str) -> str:
    """The name of a refund's call in attempt events."""
    return f"{REFUND_CALL}:{key}"


# --- answers ---


def refund_result(
    sale: Sale,
    key: str,
    request_id: str,
    result: Result,
    now: Stamp,
    policy: Policy,
    late: bool,
    kind: Refunds,
) -> list[Event]:
    """What the end of a refund attempt means. ``kind``: how this provider returns money."""
    one = sale.refund(key)
    if one is None or one.call is None or one.call.request_id != request_id or not one.call.awaited:
        return []
    if one.resolved:
        return _contradicted(sale, one, result, [events.AttemptAnswered(refund_call(key), request_id, _word(result))])
    done = isinstance(result, Observed) and result.ref_status is RefStatus.ACCEPTED
    if one.state not in (RefundState.SENDING, RefundState.UNKNOWN) and not (one.state is RefundState.ATTENTION and done):
        return []  # it was found, or settled, another way
    at_work = one.call.open and not late  # a late word must not end the attempt that is under way
    if isinstance(result, Observed) and result.transaction_id not in (None, sale.transaction_id):
        return [_lost(one, "other_transaction"), *alarm(sale, "OTHER_TRANSACTION")] if at_work else []
    answered = events.AttemptAnswered(refund_call(key), request_id, _word(result))
    match result:
        case Observed(ref_status=RefStatus.ACCEPTED):
            return [answered, events.Refunded(key, result.slip, result.ref_transaction_id)]
        case Observed(ref_status=RefStatus.REQUESTED):
            return [answered, events.RefundRequested(key, result.ref_transaction_id)]
        case Observed(ref_status=RefStatus.REJECTED):
            return _refused(sale, one, result.error_code or "REJECTED", _definite(result.refusal), now, policy, late)
        case Observed() if _all_counted(sale, one, result):
            return [answered, events.Refunded(key, result.slip)]
        case Observed() if result.ref_transaction_id is not None:
            return [answered, events.RefundKnown(key, result.ref_transaction_id)]
        case Observed():
            return [_lost(one, "no_ref_transaction")] if at_work else []
        case Refused():
            may_be_asked = kind is Refunds.REQUEST and one.call.lost > 0 and result.refusal is not Refusal.CONFIGURATION
            meaning = _asked_before if may_be_asked else _refused
            return meaning(sale, one, result.code, result.refusal, now, policy, late)
        case _:
            return attempt_failed(sale, refund_call(key), one.call, result) if at_work else []


def _contradicted(sale: Sale, one: Refund, result: Result, answered: list[Event]) -> list[Event]:
    """An operator ended the refund, and now the provider speaks of it: the decision stands, and where the two differ a person is called."""
    if not isinstance(result, Observed | Refused):
        return []
    made = isinstance(result, Observed) and result.ref_status is RefStatus.ACCEPTED
    refused = isinstance(result, Refused) or result.ref_status is RefStatus.REJECTED
    differs = made if one.state is RefundState.DECLINED else refused
    return [*answered, *(alarm(sale, "OPERATOR_CONTRADICTED") if differs else [])]


def _word(result: Result) -> str:
    match result:
        case Observed():
            return result.ref_status.value if result.ref_status else result.status.value
        case Refused():
            return result.code
        case _:
            return ""


def _lost(one: Refund, reason: str) -> Event:
    """The attempt at work brought an answer that does not say what became of the refund: the status is read before the next one."""
    assert one.call is not None
    return events.AttemptLost(refund_call(one.key), one.call.request_id, reason, check_first=True)


def _asked_before(sale: Sale, one: Refund, code: str, refusal: Refusal, now: Stamp, policy: Policy, late: bool) -> list[Event]:
    """People refuse a repeated request. They take one at a time, and an earlier copy may have reached them: while they think, the payment
    itself shows nothing of it, so that a read cannot tell. It is waited for as any other request and asked for no more, and a person is
    called to find out why it was refused."""
    assert one.call is not None
    if late or not one.call.open:
        return []
    answered = events.AttemptAnswered(refund_call(one.key), one.call.request_id, code)
    return [answered, events.RefundRequested(one.key), *alarm(sale, "RETURN_REFUSED")]


def _refused(sale: Sale, one: Refund, code: str, refusal: Refusal, now: Stamp, policy: Policy, late: bool) -> list[Event]:
    """A refusal closes the attempt. Unless an earlier copy was lost a short while ago: then it may be the echo of our own first copy, or
    that copy may still arrive, so the id is kept and the status is read before it is used again. That another refund is at work never
    closes an unclear one: the other may be our own."""
    assert one.call is not None
    assert one.call.first_sent is not None
    if late and one.call.open:
        return []
    age = elapsed_ms(one.call.first_sent, now)
    if one.call.lost > 0 and (refusal is Refusal.BUSY or age is None or age < policy.blind_repeat_ms):
        return [_lost(one, code)] if one.call.open else []
    answered = events.AttemptAnswered(refund_call(one.key), one.call.request_id, code)
    raised = alarm(sale, code) if refusal is Refusal.CONFIGURATION else []
    return [answered, *raised, *_closed(sale, one, code, refusal, sure=one.call.lost == 0)]


def _closed(sale: Sale, one: Refund, code: str, refusal: Refusal, sure: bool) -> list[Event]:
    """What follows a closed attempt: wait for the one at work, read before anything else, or the end of what was only asked for."""
    if refusal is Refusal.BUSY:
        return [events.RefundReopened(one.key, code, busy=True)]
    if one.owed:
        return [events.RefundReopened(one.key, code), *alarm(sale, "RETURN_REFUSED")]
    if not sure or refusal in (Refusal.PROVIDER_ERROR, Refusal.UNKNOWN):
        return [events.RefundReopened(one.key, code)]
    return [events.RefundDeclined(one.key, code)]


def _definite(refusal: Refusal | None) -> Refusal:
    """A rejected refund is refused for good; a code that is missing or unknown changes nothing about that."""
    return Refusal.RETURN_REFUSED if refusal in (None, Refusal.UNKNOWN) else refusal


def refund_read(sale: Sale, key: str, result: Result, now: Stamp, policy: Policy) -> list[Event]:
    """What a read of the refund's own transaction means."""
    one = sale.refund(key)
    if one is not None and one.resolved and isinstance(result, Observed):
        return _contradicted(sale, one, result, [])
    if one is None or one.state not in (RefundState.PENDING, RefundState.REQUESTED) or not isinstance(result, Observed):
        return []
    if result.transaction_id not in (None, sale.transaction_id) or result.ref_transaction_id not in (None, one.ref_transaction_id):
        return alarm(sale, "OTHER_TRANSACTION")
    match result.ref_status:
        case RefStatus.ACCEPTED:
            return [events.Refunded(key, result.slip, result.ref_transaction_id)]
        case RefStatus.REJECTED if one.state is RefundState.PENDING:
            return _closed(sale, one, result.error_code or "REJECTED", _definite(result.refusal), sure=True)
        case RefStatus.REJECTED:  # the people who were asked said no; they are to be asked why
            return [events.RefundNeedsAttention(key, result.error_code or "REJECTED"), *alarm(sale, "RETURN_REFUSED")]
        case None if one.state is RefundState.REQUESTED and _all_back(sale, one, result):
            return [events.Refunded(key, result.slip)]  # people have no transaction of their own: the payment itself tells
        case _:
            return _still_waiting(sale, one, now, policy)


def _still_waiting(sale: Sale, one: Refund, now: Stamp, policy: Policy) -> list[Event]:
    """Asked for, taken, and not returned: after some days somebody should ask why. He is told once: each further look says the same."""
    age = elapsed_ms(one.call.first_sent, now) if one.call is not None and one.call.first_sent is not None else None
    slow = age is not None and age >= policy.refund_slow_ms and "REFUND_SLOW" not in sale.alarms
    return alarm(sale, "REFUND_SLOW") if slow else []


def _all_back(sale: Sale, one: Refund, seen: Observed) -> bool:
    """The payment is said to be returned in full, and this refund is all that was left of it."""
    return seen.status in (Status.REFUNDED, Status.GONE) and sale.refunded + one.amount == sale.amount


def refund_checked(sale: Sale, key: str, result: Result, now: Stamp, policy: Policy, kind: Refunds) -> list[Event]:
    """What a read of the payment says about a refund that may or may not have been made: adopt it, go on, or ask a person (rule 8).
    ``kind``: how this provider returns money."""
    one = sale.refund(key)
    if one is not None and must_be_whole(sale, one, kind):
        return _as_described(sale, one, result)
    if one is None or one.state not in (RefundState.UNKNOWN, RefundState.QUEUED) or not isinstance(result, Observed):
        return []
    if result.transaction_id not in (None, sale.transaction_id):
        return alarm(sale, "OTHER_TRANSACTION")
    found = _foreign_ref(sale, one, result)
    if result.refunded is not None and _countable(sale):
        return _counted(sale, one, result, result.refunded, now, policy)
    all_of_it = _all_back(sale, one, result)
    if found is not None and (sale.payment is PaymentState.ELSEWHERE or (sale.restored and not all_of_it)):
        return _ambiguous(sale, key)  # another till may have made it, or this one after the backup: which refund it is nobody can tell
    if found is not None:
        known = events.RefundKnown(key, found, adopted=True)
        return [known, events.Refunded(key, result.slip, found)] if result.ref_status is RefStatus.ACCEPTED else [known]
    if result.ref_status is RefStatus.ACCEPTED and result.ref_transaction_id in one.rejected:
        return _ambiguous(sale, key)  # an attempt of this very refund that was rejected is said to have been made after all
    match result.status:
        case Status.ACCEPTED:
            return _unchanged(one)
        case Status.REFUNDED | Status.GONE if all_of_it:
            return [events.Refunded(key, result.slip)]
        case Status.PARTIAL_REFUNDED if sale.refunded > 0 and result.ref_transaction_id is not None:
            return _unchanged(one)  # the newest refund it tells of is an older one of ours
        case Status.REFUNDED | Status.PARTIAL_REFUNDED | Status.CANCELED | Status.REJECTED | Status.GONE:
            return _ambiguous(sale, key)
        case _:
            return _still_waiting(sale, one, now, policy)


def _as_described(sale: Sale, one: Refund, seen: Result) -> list[Event]:
    """The payment, compared with the sale as the register has described it; nobody was asked for anything yet."""
    match seen:
        case Observed() if seen.transaction_id not in (None, sale.transaction_id):
            return alarm(sale, "OTHER_TRANSACTION")
        case Observed():
            return _compared(sale, one, seen)
        case Refused():
            return [events.RefundDeclined(one.key, "UNKNOWN_TRANSACTION_ID")]
        case Denied() if seen.status == NO_SUCH_THING:
            return [events.RefundDeclined(one.key, "UNKNOWN_TRANSACTION_ID")]
        case Denied() if seen.status != TOO_MANY_REQUESTS:
            return alarm(sale, "ACCESS_DENIED")
        case _:
            return []


def _compared(sale: Sale, one: Refund, seen: Observed) -> list[Event]:
    whole = seen.amount == sale.amount == one.amount and seen.currency in (None, sale.checkout.invoice.currency)
    match seen.status:
        case Status.ACCEPTED if whole:
            return _unchanged(one)
        case Status.REFUNDED if whole:
            return [events.Refunded(one.key, seen.slip)]
        case Status.ACCEPTED if seen.amount is not None:
            return [events.RefundDeclined(one.key, "OTHER_AMOUNT")]
        case Status.NEW | Status.PENDING:
            return [events.RefundDeclined(one.key, "PAYMENT_TRANSACTION_IS_NOT_PAID")]
        case Status.ABSENT:
            return [events.RefundDeclined(one.key, "UNKNOWN_TRANSACTION_ID")]
        case Status.UNKNOWN:
            return alarm(sale, "UNKNOWN_STATUS")
        case Status.REFUNDING:
            return []
        case _:
            return _ambiguous(sale, one.key)


def _countable(sale: Sale) -> bool:
    """Our record holds every refund of the payment: the sum that the provider tells can be compared with it."""
    return sale.payment is not PaymentState.ELSEWHERE and not sale.restored


def _all_counted(sale: Sale, one: Refund, seen: Observed) -> bool:
    """This refund is in the sum that the provider says it has returned; while it is at work, a sum may be what is to be returned."""
    sure = seen.status is not Status.REFUNDING and seen.ref_status is not RefStatus.REJECTED
    return sure and _countable(sale) and seen.refunded == sale.refunded + one.amount


def _counted(sale: Sale, one: Refund, seen: Observed, refunded: Kopecks, now: Stamp, policy: Policy) -> list[Event]:
    """The provider tells how much it has returned: compared with our own record that says whether this refund was made."""
    if _all_counted(sale, one, seen):
        return [events.Refunded(one.key, seen.slip)]
    if seen.ref_status is RefStatus.REJECTED:  # for good; of which attempt nobody can tell: a person looks first
        return [events.RefundNeedsAttention(one.key, seen.error_code or "REJECTED"), *alarm(sale, "RETURN_REFUSED")]
    if seen.status is Status.REFUNDING:
        return _still_waiting(sale, one, now, policy)
    return _unchanged(one) if refunded == sale.refunded else _ambiguous(sale, one.key)


def seen_after_restore(sale: Sale, result: Result) -> list[Event]:
    """What a look at a paid sale of a backup says: money that went back after the backup is named, and every further refund is looked up
    first (money rule 10)."""
    if not isinstance(result, Observed) or result.transaction_id not in (None, sale.transaction_id):
        return []
    ours = {one.ref_transaction_id for one in sale.refunds}
    told = {result.ref_transaction_id, result.slip.refund_transaction_id if result.slip else None} - {None}
    known = sale.refunds and (told <= ours if told else sale.refunded == sale.amount)
    if result.status not in _RETURNING or known:
        return []
    return [*([] if sale.restored else [events.Restored()]), *alarm(sale, "REFUNDED_ELSEWHERE")]


def hand_over(sale: Sale, key: str) -> list[Event]:
    """A return that no call of this provider can make."""
    one = sale.refund(key)
    if one is None or one.state is not RefundState.QUEUED:
        return []
    return [events.RefundNeedsAttention(key, "NO_REFUND_CALL"), *alarm(sale, "NO_REFUND_CALL")]


def _unchanged(one: Refund) -> list[Event]:
    """Nothing was returned. What we owe, or what may still be unclear, goes on; a refused wish of the POS ends."""
    if one.refused and not one.owed:
        return [events.RefundDeclined(one.key, one.reason or "REJECTED")]
    return [events.RefundChecked(one.key)]


def _ambiguous(sale: Sale, key: str) -> list[Event]:
    return [events.RefundNeedsAttention(key, "REFUND_AMBIGUOUS"), *alarm(sale, "REFUND_AMBIGUOUS")]


_RETURNING = frozenset({Status.REFUNDING, Status.PARTIAL_REFUNDED, Status.REFUNDED})


def _foreign_ref(sale: Sale, one: Refund, seen: Observed) -> str | None:
    """The id of a refund transaction in an answer that belongs to no other refund of ours. The id of a *cancel* looks the same: while the
    payment's own status does not speak of a return, an id proves nothing if a cancel was ever sent."""
    if seen.status not in _RETURNING and (seen.status is not Status.ACCEPTED or sale.cancel_call is not None):
        return None
    if seen.ref_status is RefStatus.REJECTED:
        return None
    ours = {other.ref_transaction_id for other in sale.refunds if other.key != one.key}
    ours |= sale.cancel_refs.union(*(other.rejected for other in sale.refunds))
    told = [seen.ref_transaction_id, seen.slip.refund_transaction_id if seen.slip else None]
    return next((ref for ref in told if ref is not None and ref not in ours), None)
