"""Payouts whatever happens to them: their events survive storage, and no order of answers sends one twice or changes what was told."""

from dataclasses import MISSING, fields, replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core import events as shared
from agent.core import stored as sales
from agent.core.payout import asked, events, stored
from agent.core.payout.contract import PayoutSeen, PayoutsFound, PayoutStatus
from agent.core.payout.events import Event, PayoutResolution
from agent.core.payout.machine import PayoutState
from agent.core.payout.owed import PayoutDuty
from agent.core.verdict import Denied, Garbled, NotSent, Refusal, Refused, Unclear
from tests.core.payout_book import ACCEPTED, POLICY, REQUEST, PayoutBook, as_stored, seen

EVERY_EVENT: tuple[Event, ...] = (
    ACCEPTED,
    events.PaidOut("ok"),
    events.PayoutFailed("PAYOUT_FAILED", "declined"),
    events.PayoutReturned("canceled"),
    events.PayoutTold(PayoutState.PAID_OUT, True, None, "pos"),
    events.PayoutResolved(PayoutResolution.NOT_MADE, "asked the support", "uid:0", "cpoi_1"),
    shared.TransactionKnown("cpoi_1"),
    shared.Searched("r1"),
    shared.Canceled("CANCELED_BY_CASHIER"),
    shared.Expired("SEND_DEADLINE"),
    shared.AttentionNeeded("PAYOUT_PARTLY", charged=True),
    shared.Reread(1),
    shared.AlarmRaised("PAYOUT_SLOW"),
    shared.Restored("2026-03-01T00:00:00+00:00"),
    shared.AttemptStarted("payout", "r1", REQUEST),
    shared.AttemptHeld("payout", "r1", "dns"),
    shared.AttemptLost("payout", "r1", "timeout"),
    shared.AttemptAnswered("payout", "r1", "pending"),
)
FIELDS = {  # of stored events: names here only ever grow
    "payout_accepted": {"order", "fields", "binding", "deadline", "business_date", "digest", "owner"},
    "paid_out": {"resolution"},
    "payout_failed": {"reason", "resolution"},
    "payout_returned": {"resolution"},
    "payout_told": {"state", "success", "reason", "by"},
    "payout_resolved": {"resolution", "reason", "by", "transaction_id"},
}


def test_every_event_is_stored_and_named_for_ever() -> None:
    """The union, the table and the samples are one; those of payouts alone have names that no event of a sale has."""
    assert set(get_args(Event)) == set(stored.KINDS.values()) == {type(event) for event in EVERY_EVENT}
    own = {kind: cls for kind, cls in stored.KINDS.items() if kind not in sales.KINDS}
    assert {kind: {field.name for field in fields(cls)} for kind, cls in own.items()} == FIELDS
    assert not {"refunded", "resolved"} & set(stored.KINDS), "the journal looks for refunds by these"
    with pytest.raises(sales.UnknownEvent):
        stored.decode("paid", {})


@pytest.mark.parametrize("event", EVERY_EVENT, ids=lambda event: type(event).__name__)
def test_an_event_survives_storage(event: Event) -> None:
    """And what has its default value is left out."""
    as_stored(event)
    bare = type(event)(**{field.name: getattr(event, field.name) for field in fields(event) if _required(field)})
    assert set(stored.encode(bare)[1]) == {field.name for field in fields(bare) if _required(field)}


def _required(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


# --- any order of everything ---

_ODD = st.builds(
    seen,
    st.sampled_from(PayoutStatus),
    st.sampled_from(["cpoi_1", "cpoi_2", None]),
    st.sampled_from(["r1", "r2", None]),
    st.sampled_from([50_000, 1, None]),
    st.sampled_from(["RUB", "EUR", None]),
)
_ONE_ODD = st.sampled_from([{}, {}, {}, {"amount": 1}, {"currency": "EUR"}, {"reference": None}, {"amount": None}])
_RIGHT = st.builds(lambda status, odd: replace(seen(status), **odd), st.sampled_from(PayoutStatus), _ONE_ODD)
_SEEN = st.one_of(_RIGHT, _RIGHT, _RIGHT, _ODD)
_CLOSED = st.sampled_from(
    [
        *(NotSent("dns"), NotSent("credentials"), Unclear("timeout"), Garbled("http_500"), Denied(401), Denied(429, 3), Denied(404)),
        *(Refused("X", refusal) for refusal in Refusal),
    ]
)
_FOUND = st.builds(PayoutsFound, st.lists(_SEEN.filter(lambda one: one.transaction_id is not None), max_size=3).map(tuple))
_STEPS = st.one_of(
    st.tuples(st.just("due"), st.none()),
    st.tuples(st.just("answer"), _RIGHT),
    st.tuples(st.just("read"), _RIGHT),
    st.tuples(st.just("ask"), st.just("tell")),
    st.tuples(st.just("answer"), st.one_of(_SEEN, _CLOSED)),
    st.tuples(st.just("late"), st.one_of(_SEEN, _CLOSED)),
    st.tuples(st.just("found"), st.one_of(_FOUND, _CLOSED)),
    st.tuples(st.just("read"), st.one_of(_SEEN, _CLOSED)),
    st.tuples(st.just("wait"), st.sampled_from([1_000, 15_000, 600_000, 90_000_000])),
    st.tuples(st.just("ask"), st.sampled_from(["cancel", "tell", "slow", "restored", "reboot"])),
    st.tuples(st.just("decide"), st.sampled_from(PayoutResolution)),
)


def _take(book: PayoutBook, what: str, given_: Any) -> None:
    """One thing that can happen, if it can happen now."""
    payout, call = book.payout, book.payout.call
    match what:
        case "due":
            for owed in book.owed():
                if owed.at <= book.now.ticks and owed.duty is PayoutDuty.SEND:
                    book.send()
                elif owed.at <= book.now.ticks and owed.duty is PayoutDuty.EXPIRE:
                    book.record(asked.expire(book.payout, owed.why))
        case "answer" if call is not None and call.open:
            book.answer(given_)
        case "late" if call is not None and not call.open:
            book.answer(given_, late=True)
        case "found" if call is not None:
            book.found(given_)
        case "read" if payout.transaction_id is not None:
            book.read(given_)
        case "wait":
            book.wait(given_)
        case "decide" if given_ in asked.choices(payout):
            book.resolve(given_)
        case "ask":
            _ask(book, given_)


def _ask(book: PayoutBook, wish: str) -> None:
    match wish:
        case "cancel":
            book.record(asked.cancel_asked(book.payout))
        case "tell":
            book.tell()
        case "slow":
            book.record(asked.slow(book.payout))
        case "restored":
            book.record(asked.marked(book.payout, "yesterday", book.now))
        case _:
            book.reboot().record(asked.marked(book.payout, None, book.now))


@settings(max_examples=400, deadline=None)
@given(st.lists(_STEPS, max_size=25))
def test_no_order_of_events_sends_it_twice_or_changes_what_was_told(steps: list[tuple[str, Any]]) -> None:
    """Whatever comes in whatever order: every decision fits the machine, an attempt that may have been sent is the last one, what was told
    stays, and paid out is only what was described with our id, amount and currency, or decided by an operator."""
    book, described = PayoutBook(replace(POLICY, absent_ms=1_000)), set[PayoutSeen]()
    for what, given_ in [("due", None), *steps]:
        described |= {one for one in [given_, *getattr(given_, "matches", ())] if isinstance(one, PayoutSeen)}
        before = book.payout
        _take(book, what, given_)
        after = book.payout
        if before.told is not None:
            assert (after.state, after.told, after.reason) == (before.state, before.told, before.reason)
        if before.call is not None and (before.call.lost or before.call.settled or before.restored):
            assert after.call is not None
            assert not after.call.open
        if after.state is PayoutState.PAID_OUT and after.decided is None:
            processed = [one for one in described if one.status is PayoutStatus.PROCESSED]
            assert any((one.reference, one.amount, one.currency) == ("r1", 50_000, "RUB") for one in processed)
    starts = [event for event, _ in book.history if isinstance(event, shared.AttemptStarted)]
    ends = [event for event, _ in book.history if isinstance(event, shared.AttemptHeld)]
    assert len(starts) <= len(ends) + 1, "an attempt followed one that was not proven unsent"
    assert {event.request_id for event in starts} <= {"r1"}
