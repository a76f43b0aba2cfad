"""A sale is the fold of its history: a record that does not fit is refused loudly, never bent to fit (promises P1 and P14)."""

import pytest

from agent.core import events
from agent.core.fold import call_of, fold, open_sale, replay
from agent.core.machine import IllegalTransition
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from tests.core.samples import (
    ACCEPTED,
    ANSWERED,
    ATTENTION,
    GIVEN,
    HELD,
    HISTORIES,
    KNOWN,
    LOST,
    PAID,
    PENDING,
    RESENT,
    SALE_ID,
    SENT,
    WANTED,
    request,
    sale_in,
    sale_of,
    stamp,
)

OTHER_ID = events.AttemptStarted("checkout", "r2", request())
CANCEL = events.AttemptStarted("cancel", "c1", request())

MISFITS: dict[str, list[events.Event]] = {
    "never started": [ACCEPTED, events.AttemptHeld("checkout", "r9", "refused")],
    "was never started": [ACCEPTED, SENT, events.AttemptLost("checkout", "r9", "timeout")],
    "carries its request": [ACCEPTED, events.AttemptStarted("checkout", "r1")],
    "is no call": [ACCEPTED, events.AttemptStarted("payout", "r1", request())],
    "a new requestId while r1 is lost": [ACCEPTED, SENT, LOST, OTHER_ID],
    "one requestId for ever": [ACCEPTED, SENT, ANSWERED, OTHER_ID],
    "no cancel starts in pending": [*PENDING, CANCEL],
    "a cancel was answered that was not asked": [*PENDING, WANTED, events.CancelAnswered()],
    "a cancel was answered": [*PENDING, WANTED, CANCEL, events.CancelAnswered()],
    "a charge cannot be seen in paid": [*PENDING, PAID, events.ChargeSeen()],
    "a charge cannot be seen in pending": [*PENDING, events.ChargeSeen(), events.ChargeSeen()],
    "Accepted can only begin": [ACCEPTED, ACCEPTED],
    "SaleGiven can only begin": [ACCEPTED, GIVEN],
    "cannot begin with Paid": [PAID],
    "paid cannot happen in queued": [ACCEPTED, PAID],
}


@pytest.mark.parametrize("problem", MISFITS)
def test_a_history_that_does_not_fit_is_refused(problem: str) -> None:
    """The sale is not used, and the text says what does not fit."""
    with pytest.raises(IllegalTransition, match=problem):
        sale_of(MISFITS[problem])


@pytest.mark.parametrize("state", PaymentState)
def test_replaying_gives_the_same_sale(state: PaymentState) -> None:
    """At work and after a restart alike: event by event or all at once, the state is the same, and it knows its length."""
    history = [(event, stamp(place * 100)) for place, event in enumerate(HISTORIES[state])]
    sale = open_sale(SALE_ID, *history[0])
    for event, at in history[1:]:
        sale = fold(sale, event, at)
    assert sale == replay(SALE_ID, history) == sale_in(state)
    assert (sale.payment, sale.position, sale.updated) == (state, len(history), history[-1][1])


def test_an_empty_history_is_no_sale() -> None:
    """There is nothing to be said of it."""
    with pytest.raises(ValueError, match="no events"):
        replay(SALE_ID, [])


def test_the_calls_of_a_sale_are_found_by_name() -> None:
    """None before the first attempt; a name that is none is refused."""
    sale = sale_of([*PENDING, WANTED, CANCEL])
    assert call_of(sale_of([ACCEPTED]), "checkout") is None
    assert call_of(sale, "checkout") is sale.call
    assert call_of(sale, "cancel") is sale.cancel_call


def test_an_answer_may_follow_a_held_repeat() -> None:
    """LOST, then a repeat that was proven unsent: the first copy may still answer."""
    sale = sale_of([ACCEPTED, SENT, LOST, RESENT, HELD, ANSWERED, KNOWN])
    assert (sale.payment, sale.transaction_id) == (PaymentState.PENDING, "tx-1")


def test_attention_keeps_what_is_known_of_the_charge() -> None:
    """A second reason without a charge does not take the first one's charge back."""
    sale = sale_of([*PENDING, events.AttentionNeeded("SLIP_MISSING", charged=True), ATTENTION])
    assert (sale.charged, sale.reason) == (True, "WINDOW_CLOSED")


def test_a_sale_is_named_by_store_terminal_and_key() -> None:
    """The name that people and logs see."""
    assert str(SaleId("store", "till", "key")) == "store/till/key"
