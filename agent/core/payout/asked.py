"""Decisions about a payout that no answer of the payment system brings about: the register's wish, a moment in time, a restore, an
operator's word."""

from dataclasses import dataclass

from agent.core import events as shared
from agent.core.decide_operator import NotResolvable, UnderWay
from agent.core.model import Stamp
from agent.core.payout import events
from agent.core.payout.decide import CONTRADICTED, FOUND, RETURNED, UNPROVEN, alarm, attention
from agent.core.payout.events import Event, PayoutResolution
from agent.core.payout.fold import fold
from agent.core.payout.machine import NOT_MADE, PayoutState
from agent.core.payout.payout import LATE, Payout

SLOW = "PAYOUT_SLOW"
LASTING = frozenset(
    {"SECOND_PAYOUT", LATE, FOUND, CONTRADICTED, RETURNED, "PAYOUT_MISMATCH", "PAYOUT_PARTLY", "OTHER_TRANSACTION"},
)
"""Codes of alarms that stand until they are acknowledged, settled or not: each is about money that is where it should not be."""
_DOUBTFUL = frozenset({FOUND, CONTRADICTED})  # of what ended as not made: the system says something else
_AS_PAID_OUT = frozenset({PayoutState.PAID_OUT, PayoutState.RETURNED})


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of an operator as it is asked for. ``transaction_id``: what he has found at the system, where the record knows none."""

    resolution: PayoutResolution
    reason: str
    by: str
    transaction_id: str | None = None


def cancel_asked(payout: Payout) -> list[Event]:
    """The register wants no payout any more. Of one that may have been sent this changes nothing: no call is known that takes it back."""
    if payout.state is PayoutState.QUEUED and payout.never_sent:
        return [shared.Canceled("CANCELED_BY_CASHIER")]
    return []


def expire(payout: Payout, reason: str) -> list[Event]:
    """The deadline of a payout of which nothing was ever sent."""
    return [shared.Expired(reason)] if payout.state is PayoutState.QUEUED and payout.never_sent else []


def cannot_send(payout: Payout, reason: str) -> list[Event]:
    """What its request needs is gone."""
    return [events.PayoutFailed(reason)] if payout.state is PayoutState.QUEUED and payout.never_sent else []


def slow(payout: Payout) -> list[Event]:
    """It is in work for so long that the shop is told. One that cannot even be searched for is a person's from now on."""
    if payout.state is PayoutState.UNKNOWN:
        return attention(payout, SLOW)
    return alarm(payout, SLOW) if payout.state is PayoutState.PENDING else []


def told_now(payout: Payout, by: str) -> list[Event]:
    """A finished answer is handed out to a register: from now on it is frozen."""
    if not payout.finished or payout.told is not None:
        return []
    return [events.PayoutTold(payout.state, payout.state is PayoutState.PAID_OUT, payout.reason, by)]


def interrupted(payout: Payout) -> list[Event]:
    """An attempt that the last process left open: it may have been sent."""
    call = payout.call
    return [shared.AttemptLost(events.PAYOUT_CALL, call.request_id, "restart", reached=False)] if call is not None and call.open else []


def restored(payout: Payout, restore: str) -> list[Event]:
    """After a restore from a backup nothing counts as never sent (money rule 10). A payout with an id is searched for; one without may have
    got one since the backup, and no search can find it: that is a person's. ``restore`` tells this one from others."""
    if (payout.restored and payout.restore == restore) or payout.state in NOT_MADE or (payout.finished and payout.told is not None):
        return []
    nameless = payout.state is PayoutState.QUEUED and payout.call is None
    return [shared.Restored(restore), *(attention(payout, "RESTORED") if nameless else [])]


def marked(payout: Payout, restore: str | None, now: Stamp) -> list[Event]:
    """What a start has to say of it before anything else. ``restore``: of a journal from a backup that is not released yet."""
    found = interrupted(payout)
    for event in found:
        payout = fold(payout, event, now)
    return [*found, *(restored(payout, restore) if restore is not None else [])]


# --- the operator ---


def standing(payout: Payout) -> tuple[str, ...]:
    """The codes of the alarms that still call for a person, in alphabetical order."""
    return tuple(sorted(code for code in payout.alarms - payout.acknowledged if code in LASTING or not payout.finished))


def needs_person(payout: Payout) -> bool:
    return payout.state is PayoutState.ATTENTION or bool(standing(payout))


def choices(payout: Payout) -> tuple[PayoutResolution, ...]:
    """What can be decided of it as it is. What the machine may still find out by itself within a day is left to it; not so what it cannot
    find out because the system lets it search no more (401, 403, 404): it goes on asking, and a person may be faster. Of what the system
    has paid, in part or over an unknown amount, nobody can say that it was not made."""
    stuck = payout.state is PayoutState.PENDING and SLOW in payout.alarms
    shut = payout.state is PayoutState.UNKNOWN and payout.shut_out
    decided: tuple[PayoutResolution, ...] = ()
    if payout.state is PayoutState.ATTENTION or stuck or shut:
        paid = payout.partly or payout.reason == UNPROVEN
        decided = (PayoutResolution.PAID_OUT,) if paid else (PayoutResolution.PAID_OUT, PayoutResolution.NOT_MADE)
    return (*decided, *((PayoutResolution.ACKNOWLEDGE,) if standing(payout) else ()))


def resolved(payout: Payout, decision: Decision) -> list[Event]:
    """The event of a decision. Raises NotResolvable, UnderWay."""
    if decision.resolution not in choices(payout):
        raise NotResolvable("resolution", f"{decision.resolution.value!r} makes no sense in the state the payout is in")
    if payout.call is not None and payout.call.open:
        raise UnderWay("a request to the payment system is under way; ask again when it has ended")
    if payout.transaction_id is not None and decision.transaction_id not in (None, payout.transaction_id):
        raise NotResolvable("transactionId", f"the payout has the transaction {payout.transaction_id}, not this one")
    return [events.PayoutResolved(decision.resolution, decision.reason, decision.by, decision.transaction_id)]


# --- what it says of money ---


def money(payout: Payout) -> str:
    """Where the money is: ``none`` (it has not left), ``possible``, ``paid_out``, ``returned``."""
    if payout.returned:
        return "returned"
    if payout.state in _AS_PAID_OUT or payout.made_late:
        return "paid_out"
    if payout.state in NOT_MADE and payout.alarms & _DOUBTFUL:
        return "possible"
    if payout.state in NOT_MADE or (payout.state is PayoutState.QUEUED and payout.never_sent):
        return "none"
    return "possible"
