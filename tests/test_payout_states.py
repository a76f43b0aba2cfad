"""Goal: a new state of a payout has its words, its count and its colour on the day it is added; without its words every answer about it
would be an error. Method: the tables are compared with the machine's own states."""

from agent.cli.listing import STATE_COLOURS
from agent.core.payment import FINISHED as PAYMENT_FINISHED
from agent.core.payment import PaymentState
from agent.core.payout.machine import FINISHED, PayoutState
from agent.edges.metrics.tally import PAYOUTS, SALES
from agent.edges.replies import PAYOUT_STATES

ATTENTION = "attention"


def test_every_state_of_a_payout_has_a_text() -> None:
    """For the answers of the desk, and none of another machine."""
    assert set(PAYOUT_STATES) == {state.value for state in PayoutState}


def test_every_end_is_counted() -> None:
    """Of payouts and of payments, and what a person has to look at beside them; money found late is no state of its own, and a payment
    that this journal does not hold does not end here."""
    assert set(PAYOUTS.values()) == {state.value for state in FINISHED} | {ATTENTION}
    ends = PAYMENT_FINISHED - {PaymentState.ELSEWHERE}
    assert set(SALES.values()) == {state.value for state in ends} | {ATTENTION, "late_money"}


def test_every_end_has_a_colour() -> None:
    """In the list of the command line; what is under way has the common one."""
    ends = {state.value for state in FINISHED} | {state.value for state in PAYMENT_FINISHED - {PaymentState.ELSEWHERE}}
    assert set(STATE_COLOURS) == ends | {ATTENTION}
