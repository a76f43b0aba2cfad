"""Folding a payout's events: each checked against the machine, against what was told, and against the rule that it is sent once.

What does not fit raises ``IllegalTransition`` and the payout is not used (the journal parks it). The rule of the one sending stands here a
second time, in the record: a history in which a payout that may have been sent is sent again cannot be folded at all.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from agent.core import events as shared
from agent.core.call import Call
from agent.core.fold import held_by, moved
from agent.core.fold_parts import Attempt
from agent.core.machine import IllegalTransition
from agent.core.model import SaleId, Stamp
from agent.core.payout import events
from agent.core.payout.events import PAYOUT_CALL, Event, PayoutResolution
from agent.core.payout.machine import FINISHED, NOT_MADE, TABLE, PayoutEvent, PayoutState
from agent.core.payout.payout import SHUT, Payout

OPERATOR = "OPERATOR"  # the reason code of what an operator ended


def open_payout(payout_id: SaleId, event: Event, at: Stamp) -> Payout:
    """The state after a first event. Raises IllegalTransition for any other."""
    if not isinstance(event, events.PayoutAccepted):
        raise IllegalTransition(f"a payout cannot begin with {type(event).__name__}")
    return Payout(
        payout_id,
        event.order,
        frozenset(event.fields),
        event.binding,
        event.business_date,
        event.digest,
        at,
        event.deadline,
        updated=at,
        owner=event.owner,
    )


def fold(payout: Payout, event: Event, at: Stamp) -> Payout:
    """The state after one more event. Raises IllegalTransition."""
    apply = _APPLY.get(type(event))
    if apply is None:
        raise IllegalTransition(f"{type(event).__name__} can only begin a payout")
    changed: Payout = apply(payout, event, at)
    return replace(changed, position=payout.position + 1, updated=at)


def replay(payout_id: SaleId, history: Iterable[tuple[Event, Stamp]]) -> Payout:
    """The state after a whole history. Raises IllegalTransition; ValueError for an empty one."""
    payout: Payout | None = None
    for event, at in history:
        payout = open_payout(payout_id, event, at) if payout is None else fold(payout, event, at)
    if payout is None:
        raise ValueError(f"{payout_id} has no events")
    return payout


def _move(payout: Payout, event: PayoutEvent, at: Stamp, **changes: Any) -> Payout:
    target = TABLE.next(payout.state, event)
    if target is not payout.state and (target in FINISHED or target is PayoutState.ATTENTION):
        changes = {"ended": at, "rereads": 0, "watch_over": False} | changes
    return replace(payout, state=target, **changes)


# --- its one call ---


def _attempt(payout: Payout, event: Attempt, at: Stamp) -> Payout:
    if event.call != PAYOUT_CALL:
        raise IllegalTransition(f"{event.call!r} is no call of a payout")
    call = moved(payout.call, event, at)
    _check_once(payout, call)
    payout = replace(payout, call=call)
    match event:
        case shared.AttemptStarted():
            return _move(payout, PayoutEvent.SENT, at, reason=None)
        case shared.AttemptHeld():
            return _move(payout, PayoutEvent.HELD, at, reason=held_by(event))
        case shared.AttemptLost():
            return _move(payout, PayoutEvent.LOST, at)
        case _:
            return payout  # an answer moves the payout by what it says, in events of its own


def _check_once(payout: Payout, call: Call) -> None:
    """One id for ever, and one copy: another could pay a second time."""
    before = payout.call
    if before is not None and (before.request_id != call.request_id or (call.open and not payout.never_sent)):
        raise IllegalTransition("call: a payout has one requestId for ever, and what may have been sent is never sent again")


# --- what became known ---


def _known(payout: Payout, event: shared.TransactionKnown, at: Stamp) -> Payout:
    if payout.transaction_id is not None:
        raise IllegalTransition("payout: its transaction is known once")
    known = replace(payout, transaction_id=event.transaction_id, answered=at)
    if payout.decided is not None:
        return known
    if payout.state in NOT_MADE:  # what was told stands; it is watched from now on
        return replace(known, ended=at, rereads=0, watch_over=False)
    return _move(known, PayoutEvent.KNOWN, at, reason=None)


def _searched(payout: Payout, event: shared.Searched, at: Stamp) -> Payout:
    if payout.call is None or payout.call.request_id != event.request_id or payout.state is not PayoutState.UNKNOWN:
        raise IllegalTransition(f"payout: an empty search means nothing in {payout.state.value}")
    return replace(payout, searches=payout.searches + 1, searched=at, shut_out=False)


def _paid_out(payout: Payout, event: events.PaidOut, at: Stamp) -> Payout:
    return _move(payout, PayoutEvent.PAID_OUT, at, reason=None, resolution=event.resolution)


def _failed(payout: Payout, event: events.PayoutFailed, at: Stamp) -> Payout:
    return _move(payout, PayoutEvent.FAILED, at, reason=event.reason, resolution=event.resolution)


def _canceled(payout: Payout, event: shared.Canceled, at: Stamp) -> Payout:
    if payout.state is PayoutState.QUEUED and not payout.never_sent:
        raise IllegalTransition("payout: only the system can cancel what may have been sent")
    return _move(payout, PayoutEvent.CANCELED, at, reason=event.reason)


def _expired(payout: Payout, event: shared.Expired, at: Stamp) -> Payout:
    if not payout.never_sent:
        raise IllegalTransition("payout: what may have been sent does not expire")
    return _move(payout, PayoutEvent.EXPIRED, at, reason=event.reason)


def _attention(payout: Payout, event: shared.AttentionNeeded, at: Stamp) -> Payout:
    return _move(payout, PayoutEvent.ATTENTION, at, reason=event.reason, partly=payout.partly or event.charged)


def _returned(payout: Payout, event: events.PayoutReturned, at: Stamp) -> Payout:
    """Where the money is moves on; what was handed out does not change."""
    if not (payout.state is PayoutState.PAID_OUT or payout.made_late) or payout.returned:
        raise IllegalTransition(f"payout: {payout.state.value} cannot come back")
    if payout.frozen or payout.made_late:
        return replace(payout, returned=True, watch_over=True, resolution=event.resolution)
    return _move(payout, PayoutEvent.RETURNED, at, returned=True, watch_over=True, reason="PAYOUT_RETURNED", resolution=event.resolution)


def _reread(payout: Payout, event: shared.Reread, at: Stamp) -> Payout:
    if not payout.watched or event.count <= payout.rereads:
        raise IllegalTransition(f"payout: reread {event.count} cannot happen in {payout.state.value} after {payout.rereads}")
    return replace(payout, rereads=event.count, watch_over=event.last)


# --- the shop ---


def _told(payout: Payout, event: events.PayoutTold, at: Stamp) -> Payout:
    if payout.told is not None or not payout.finished or event.state is not payout.state:
        raise IllegalTransition(f"payout: {event.state.value} cannot be told in {payout.state.value}")
    return replace(payout, told=event, told_at=at)


def _alarm(payout: Payout, event: shared.AlarmRaised, at: Stamp) -> Payout:
    if event.code == SHUT and payout.state is PayoutState.UNKNOWN:
        payout = replace(payout, shut_out=True)
    return replace(payout, alarms=payout.alarms | {event.code}, acknowledged=payout.acknowledged - {event.code})


def _restored(payout: Payout, event: shared.Restored, at: Stamp) -> Payout:
    """What has an id may have been sent with it since the backup: it is searched for. What has none is a person's (``decide_asked``)."""
    marked = replace(payout, restored=True, restore=event.restore or payout.restore)
    if payout.state is PayoutState.QUEUED and payout.call is not None:
        return _move(marked, PayoutEvent.LOST, at, reason=None)
    return marked


def _resolved(payout: Payout, event: events.PayoutResolved, at: Stamp) -> Payout:
    if event.resolution is PayoutResolution.ACKNOWLEDGE:
        return replace(payout, acknowledged=payout.alarms)
    if payout.call is not None and payout.call.open:
        raise IllegalTransition("operator: nothing can be decided while an attempt is under way")
    if payout.state is PayoutState.UNKNOWN:  # it could not be searched for: a person's, and decided in one
        payout = _move(payout, PayoutEvent.ATTENTION, at)
    made = event.resolution is PayoutResolution.PAID_OUT
    move = PayoutEvent.PAID_OUT if made else PayoutEvent.FAILED
    named = payout.transaction_id or event.transaction_id
    return replace(_move(payout, move, at, reason=OPERATOR), decided=event, transaction_id=named)


_APPLY: dict[type[Any], Callable[[Payout, Any, Stamp], Payout]] = {
    shared.AttemptStarted: _attempt,
    shared.AttemptHeld: _attempt,
    shared.AttemptLost: _attempt,
    shared.AttemptAnswered: _attempt,
    shared.TransactionKnown: _known,
    shared.Searched: _searched,
    events.PaidOut: _paid_out,
    events.PayoutFailed: _failed,
    shared.Canceled: _canceled,
    shared.Expired: _expired,
    shared.AttentionNeeded: _attention,
    events.PayoutReturned: _returned,
    shared.Reread: _reread,
    events.PayoutTold: _told,
    shared.AlarmRaised: _alarm,
    shared.Restored: _restored,
    events.PayoutResolved: _resolved,
}
