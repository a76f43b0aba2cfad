"""Decisions about a payout from answers: what the end of its attempt, a search or a read makes of it, as events to be recorded. An empty
list means that the answer changes nothing.

Three questions are asked of every description before it is believed. Is it of our payout (our id)? Is it over what was ordered (amount and
currency)? Is its status an end? What is told and differs calls a person at once; what is not told is no proof, so that nothing ends as
paid out by an answer that leaves one of them open.
"""

from dataclasses import dataclass

from agent.core import events as shared
from agent.core.call import Call, elapsed_ms
from agent.core.decide import NO_SUCH_THING, Failure, attempt_end, shut_out
from agent.core.model import Stamp
from agent.core.payout import events
from agent.core.payout.contract import PayoutSeen, PayoutsFound, PayoutStatus
from agent.core.payout.events import PAYOUT_CALL, Event, PayoutResolution
from agent.core.payout.machine import NOT_MADE, PayoutState
from agent.core.payout.payout import LATE, SHUT, Payout
from agent.core.payout.policy import PayoutPolicy
from agent.core.verdict import Denied, Garbled, NotSent, Refusal, Refused, Unclear

Result = NotSent | Unclear | PayoutSeen | Refused | Denied | Garbled
SearchResult = NotSent | Unclear | PayoutsFound | Refused | Denied | Garbled

MISMATCH = "PAYOUT_MISMATCH"  # over another amount or currency, or under another id
UNPROVEN = "PAYOUT_UNPROVEN"  # processed, and amount, currency or id are not told
PARTLY = "PAYOUT_PARTLY"
NOT_FOUND = "PAYOUT_NOT_FOUND"  # it may have been sent, and no search finds it
OTHER = "OTHER_TRANSACTION"
SECOND = "SECOND_PAYOUT"  # under our id there is another one
FOUND = "PAYOUT_FOUND"  # it had ended as not made, and the system shows it all the same
RETURNED = "PAYOUT_RETURNED"
CONTRADICTED = "OPERATOR_CONTRADICTED"

_OPEN = frozenset({PayoutState.PENDING, PayoutState.ATTENTION})
_SEARCHED = frozenset({PayoutState.UNKNOWN, PayoutState.ATTENTION})
_PLAIN_REFUSALS = frozenset(Refusal) - {Refusal.UNKNOWN, Refusal.PROVIDER_ERROR, Refusal.BUSY}  # of a create: it was not taken


def alarm(payout: Payout, code: str) -> list[Event]:
    """An alarm is raised once, and anew when it has been acknowledged since."""
    return [] if code in payout.alarms - payout.acknowledged else [shared.AlarmRaised(code)]


def attention(payout: Payout, reason: str, partly: bool = False) -> list[Event]:
    """A person must decide, and is called. Of one whom a person has already, only what is new is recorded."""
    known = payout.state is PayoutState.ATTENTION and payout.reason == reason and (payout.partly or not partly)
    return [*([] if known else [shared.AttentionNeeded(reason, partly)]), *alarm(payout, reason)]


# --- its attempt ---


def payout_result(payout: Payout, request_id: str, result: Result, now: Stamp, policy: PayoutPolicy, late: bool = False) -> list[Event]:
    """What the end of the attempt means. ``late``: it was given up as lost before."""
    call = payout.call
    if call is None or call.request_id != request_id:
        return []
    match result:
        case PayoutSeen():
            return _answered(payout, call, result, now, policy, late)
        case Refused():
            return [] if late or not call.open else _refused(payout, call, result)
        case _:
            return [] if late or not call.open else _failed(payout, call, result)


def _failed(payout: Payout, call: Call, failure: Failure) -> list[Event]:
    """Proof that nothing was taken leaves it queued until its deadline; a shut door ends it. Everything else may have been sent."""
    found: list[Event] = [attempt_end(PAYOUT_CALL, call, failure)]
    if not shut_out(failure):
        return found
    ended = [events.PayoutFailed(SHUT)] if isinstance(failure, Denied) else []  # a password that is gone may come back
    return [*found, *ended, *alarm(payout, SHUT)]


def _refused(payout: Payout, call: Call, refused: Refused) -> list[Event]:
    if refused.refusal not in _PLAIN_REFUSALS:
        return [shared.AttemptLost(PAYOUT_CALL, call.request_id, refused.code)]
    raised = alarm(payout, refused.code) if refused.refusal is Refusal.CONFIGURATION else []
    return [shared.AttemptAnswered(PAYOUT_CALL, call.request_id, refused.code), events.PayoutFailed(refused.code), *raised]


def _answered(payout: Payout, call: Call, seen: PayoutSeen, now: Stamp, policy: PayoutPolicy, late: bool) -> list[Event]:
    if seen.transaction_id is None or seen.reference not in (None, call.request_id):  # it is not said of a payout that we could read
        return [shared.AttemptLost(PAYOUT_CALL, call.request_id, "no_transaction")] if call.open and not late else []
    if not call.awaited:
        ours = seen.transaction_id == payout.transaction_id
        return weigh(payout, payout.state, seen, now, policy) if ours else alarm(payout, SECOND)
    answered = shared.AttemptAnswered(PAYOUT_CALL, call.request_id, seen.status)
    return [answered, *_adopted(payout, seen, seen.transaction_id, now, policy)]


def _adopted(payout: Payout, seen: PayoutSeen, transaction_id: str, now: Stamp, policy: PayoutPolicy) -> list[Event]:
    """The system named it. After an operator's word that is compared with the word, and changes nothing else."""
    if payout.transaction_id is not None:  # the operator has named the transaction
        ours = payout.transaction_id == transaction_id
        return weigh(payout, payout.state, seen, now, policy) if ours else alarm(payout, SECOND)
    state = payout.state if payout.decided is not None else PayoutState.PENDING
    return [shared.TransactionKnown(transaction_id), *weigh(payout, state, seen, now, policy)]


# --- searches ---


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """How often a payout that may have been sent is searched for, and the pause before each search."""

    searches: int
    pause_ms: int


def search_result(
    payout: Payout, request_id: str, result: SearchResult, begun: Stamp, now: Stamp, policy: PayoutPolicy, plan: SearchPlan
) -> list[Event]:
    """What a search by our own id means. ``begun``: when it was made; an empty one counts only if the pause before it was kept, for what is
    still under way, or not to be seen yet, must have time to appear. After the last one a person is called."""
    call = payout.call
    if call is None or call.request_id != request_id or payout.transaction_id is not None or call.open:
        return []
    if not isinstance(result, PayoutsFound):
        return _turned_away(payout) if shut_out(result) else []
    if any(one.reference != request_id for one in result.matches):
        # The search does not search: neither what it shows nor what it leaves out means anything.
        return attention(payout, OTHER) if payout.state is PayoutState.UNKNOWN else alarm(payout, OTHER)
    if not result.matches:
        return _found_nothing(payout, call, begun, now, policy, plan)
    ended = payout.state in NOT_MADE
    if not ended and (payout.never_sent or (payout.decided is None and payout.state not in _SEARCHED)):
        # By our record there can be none: it must not leave any more.
        return attention(payout, SECOND) if payout.state is PayoutState.QUEUED else alarm(payout, SECOND)
    first, *others = sorted(result.matches, key=_rank)
    assert first.transaction_id is not None
    if payout.decided is None and payout.state in NOT_MADE:
        return _shown_all_the_same(payout, first, first.transaction_id, now, policy)
    found = [shared.AttemptAnswered(PAYOUT_CALL, request_id, "found")] if call.awaited else []
    return [*found, *_adopted(payout, first, first.transaction_id, now, policy), *(alarm(payout, SECOND) if others else [])]


def _turned_away(payout: Payout) -> list[Event]:
    """It cannot be searched for. Said of the searches, too, where the alarm stands for something that was before them."""
    first = payout.state is PayoutState.UNKNOWN and not payout.shut_out
    return [shared.AlarmRaised(SHUT)] if first else alarm(payout, SHUT)


def _shown_all_the_same(payout: Payout, seen: PayoutSeen, transaction_id: str, now: Stamp, policy: PayoutPolicy) -> list[Event]:
    """By our record it was not made, and the system has it: what was told stands, a person is called, and it is read from now on."""
    return [shared.TransactionKnown(transaction_id), *alarm(payout, FOUND), *weigh(payout, payout.state, seen, now, policy)]


def _found_nothing(payout: Payout, call: Call, begun: Stamp, now: Stamp, policy: PayoutPolicy, plan: SearchPlan) -> list[Event]:
    if payout.state is not PayoutState.UNKNOWN:
        return _looked_again(payout, now, policy)
    since = elapsed_ms(payout.searched or call.last or payout.updated, begun)
    if since is not None and since < plan.pause_ms:
        return []
    over = payout.searches + 1 >= plan.searches
    return [shared.Searched(call.request_id), *(attention(payout, NOT_FOUND) if over else [])]


def _rank(one: PayoutSeen) -> int:
    """Of several the one counts that has paid, then one that still can."""
    if one.status in (PayoutStatus.PROCESSED, PayoutStatus.PARTIAL):
        return 0
    return 2 if one.status in (PayoutStatus.FAILED, PayoutStatus.CANCELED, PayoutStatus.ABSENT) else 1


# --- reads ---


def status_result(payout: Payout, result: Result, now: Stamp, policy: PayoutPolicy) -> list[Event]:
    """What a read of our transaction means."""
    if (isinstance(result, Refused) and result.refusal is Refusal.NOT_FOUND) or (
        isinstance(result, Denied) and result.status == NO_SUCH_THING
    ):
        result = PayoutSeen(PayoutStatus.ABSENT)
    if not isinstance(result, PayoutSeen):
        return alarm(payout, SHUT) if shut_out(result) else []
    if result.transaction_id not in (None, payout.transaction_id):
        return alarm(payout, OTHER)
    return weigh(payout, payout.state, result, now, policy) or _looked_again(payout, now, policy)


def _looked_again(payout: Payout, now: Stamp, policy: PayoutPolicy) -> list[Event]:
    """A look after the end, as planned."""
    if payout.ended is None or payout.watch_over or not payout.watched:
        return []
    age = elapsed_ms(payout.ended, now)
    plan = looks_after_end(payout, policy)
    done = sum(1 for due in plan if age is None or due <= age)
    return [shared.Reread(done, last=done >= len(plan))] if done > payout.rereads else []


def looks_after_end(payout: Payout, policy: PayoutPolicy) -> tuple[int, ...]:
    """When what has come to an end is looked at again, in milliseconds from its end. What by our record never reached the system, or was
    refused by it, is searched for once."""
    refused = payout.state in NOT_MADE and payout.decided is None and payout.transaction_id is None
    return policy.rereads_ms[:1] if refused else policy.rereads_ms


# --- what a description proves ---


def weigh(payout: Payout, state: PayoutState, seen: PayoutSeen, now: Stamp, policy: PayoutPolicy) -> list[Event]:
    """What the system's word on our transaction makes of a payout in ``state`` (ahead of ``payout.state`` by one event, perhaps)."""
    if payout.decided is not None:
        return _after_decision(payout, payout.decided, seen)
    if _differs(payout, seen):
        return attention(payout, MISMATCH) if state in _OPEN else alarm(payout, MISMATCH)
    match seen.status:
        case PayoutStatus.PROCESSED if state in _OPEN:
            return [events.PaidOut(seen.resolution)] if _proven(payout, seen) else attention(payout, UNPROVEN)
        case PayoutStatus.PROCESSED if state in NOT_MADE:
            return alarm(payout, LATE)  # what was told stands: nobody can take the money back, and a person must know
        case PayoutStatus.PARTIAL:
            return attention(payout, PARTLY, partly=True) if state in _OPEN else alarm(payout, PARTLY)
        case PayoutStatus.FAILED | PayoutStatus.CANCELED if state in _OPEN:
            return _not_made(payout, seen)
        case PayoutStatus.FAILED | PayoutStatus.CANCELED if (state is PayoutState.PAID_OUT or payout.made_late) and not payout.returned:
            return [events.PayoutReturned(seen.resolution), *alarm(payout, RETURNED)]
        case PayoutStatus.ABSENT if state in _OPEN:
            return _absent(payout, now, policy)
        case PayoutStatus.UNKNOWN:
            return alarm(payout, "UNKNOWN_STATUS")
        case _:
            return []


def _not_made(payout: Payout, seen: PayoutSeen) -> list[Event]:
    """A final word that nothing is paid; not of a payout of which a part was, for where that part is only a person can find out."""
    if payout.partly:
        return attention(payout, PARTLY, partly=True)
    if seen.status is PayoutStatus.CANCELED:
        return [shared.Canceled("PAYOUT_CANCELED")]
    return [events.PayoutFailed("PAYOUT_FAILED", seen.resolution)]


def _differs(payout: Payout, seen: PayoutSeen) -> bool:
    """Something is told, and is not ours."""
    ours = (payout.call.request_id if payout.call else seen.reference, payout.order.amount, payout.order.currency)
    told = (seen.reference, seen.amount, seen.currency)
    return any(one not in (None, mine) for one, mine in zip(told, ours, strict=True))


def _proven(payout: Payout, seen: PayoutSeen) -> bool:
    """Everything is told, and nothing differs."""
    return None not in (seen.reference, seen.amount, seen.currency)


def _absent(payout: Payout, now: Stamp, policy: PayoutPolicy) -> list[Event]:
    """The system does not know the id that it gave us. A lagging copy says so for seconds; after a while, a person."""
    age = elapsed_ms(payout.answered, now) if payout.answered else None
    return attention(payout, "UNKNOWN_TRANSACTION_ID") if age is None or age >= policy.absent_ms else []


def _after_decision(payout: Payout, decided: events.PayoutResolved, seen: PayoutSeen) -> list[Event]:
    """The word of an operator stands; what contradicts it calls for one again."""
    made = decided.resolution is PayoutResolution.PAID_OUT
    if seen.status in (PayoutStatus.FAILED, PayoutStatus.CANCELED):
        back = (payout.state is PayoutState.PAID_OUT or payout.made_late) and not payout.returned
        return [events.PayoutReturned(seen.resolution), *alarm(payout, CONTRADICTED if made else RETURNED)] if back else []
    if seen.status is PayoutStatus.PROCESSED and not made and not _differs(payout, seen):
        return [*alarm(payout, CONTRADICTED), *alarm(payout, LATE)]
    against = seen.status in (PayoutStatus.PARTIAL, PayoutStatus.PROCESSED) if not made else seen.status is PayoutStatus.PARTIAL
    return alarm(payout, CONTRADICTED) if against or _differs(payout, seen) else []
