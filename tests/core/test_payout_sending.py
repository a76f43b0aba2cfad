"""A payout leaves once. What may have left is searched for, and what is not found is a person's (money rules 1, 2 and 4)."""

import pytest

from agent.core import events as shared
from agent.core.machine import IllegalTransition
from agent.core.payout import asked, decide, events
from agent.core.payout.answer import needed_secrets, row, success
from agent.core.payout.contract import PayoutsFound, PayoutStatus
from agent.core.payout.events import PAYOUT_CALL
from agent.core.payout.fold import fold, open_payout, replay
from agent.core.payout.machine import PayoutState
from agent.core.payout.owed import PayoutDuty
from agent.core.verdict import Denied, Garbled, NotSent, Refusal, Refused, Unclear
from tests.core.payout_book import ACCEPTED, DEADLINE_MS, ID, PLAN, REQUEST, REQUEST_ID, START, PayoutBook, seen

NEVER = [Unclear("timeout"), Garbled("http_500", 7), Refused("BUSY_NOW", Refusal.BUSY), Refused("X", Refusal.UNKNOWN)]


def lost() -> PayoutBook:
    """A payout whose only attempt may have been sent."""
    book = PayoutBook().send()
    book.answer(Unclear("timeout"))
    return book


def test_a_queued_payout_leaves_before_its_deadline_and_never_after_it() -> None:
    """It is due at once, and at its deadline it expires: then nothing is owed any more."""
    book = PayoutBook()
    assert book.duties() == {PayoutDuty.SEND: 0, PayoutDuty.EXPIRE: DEADLINE_MS}
    book.memory.leaving = True
    assert book.duties().keys() == {PayoutDuty.EXPIRE}
    book.memory.leaving = False
    book.wait(DEADLINE_MS)
    assert book.duties() == {PayoutDuty.EXPIRE: 0}
    assert book.record(asked.expire(book.payout, "SEND_DEADLINE")) == ["expired"]
    assert (book.payout.state, success(book.payout), asked.money(book.payout), book.owed()) == (PayoutState.EXPIRED, False, "none", [])
    assert asked.expire(book.payout, "SEND_DEADLINE") == asked.cancel_asked(book.payout) == asked.cannot_send(book.payout, "X") == []


def test_the_deadline_of_another_boot_has_passed() -> None:
    """Nobody knows how long the power was off."""
    assert PayoutBook().reboot().duties() == {PayoutDuty.EXPIRE: 0}


def test_proof_that_nothing_was_sent_lets_the_same_request_go_out_again() -> None:
    """The till is offline: the reason is told, the id stays, the pause grows."""
    book = PayoutBook().send()
    assert book.answer(NotSent("dns")) == ["attempt_held"]
    assert (book.payout.state, book.payout.reason, book.payout.never_sent) == (PayoutState.QUEUED, "OFFLINE", True)
    assert 1_000 <= book.duties()[PayoutDuty.SEND] <= 1_250
    book.wait(2_000).send()
    assert (book.payout.state, book.payout.reason) == (PayoutState.SENDING, None)
    with pytest.raises(IllegalTransition, match="a new requestId"):
        fold(_held().payout, shared.AttemptStarted(PAYOUT_CALL, "r2", REQUEST), book.now)
    refused = PayoutBook().send()
    refused.answer(Refused("X", Refusal.CONFIGURATION))
    with pytest.raises(IllegalTransition, match="one requestId for ever"):
        fold(refused.payout, shared.AttemptStarted(PAYOUT_CALL, "r2", REQUEST), book.now)
    book.answer(NotSent("dns"))
    book.wait(DEADLINE_MS - 3_000).send().answer(NotSent("dns"))
    assert book.duties().keys() == {PayoutDuty.EXPIRE}, "the next attempt would come after the deadline"


def _held() -> PayoutBook:
    book = PayoutBook().send()
    book.answer(NotSent("dns"))
    return book


@pytest.mark.parametrize("result", NEVER, ids=str)
def test_what_may_have_been_sent_is_never_sent_again(result: decide.Result) -> None:
    """There is no duty to send it, and no record of a second sending can be folded."""
    book = PayoutBook().send()
    assert book.answer(result) == ["attempt_lost"]
    for _ in range(100):
        assert PayoutDuty.SEND not in book.duties()
        assert PayoutDuty.EXPIRE not in book.duties()
        book.wait(60_000)
    again = shared.AttemptStarted(PAYOUT_CALL, REQUEST_ID)
    with pytest.raises(IllegalTransition):
        fold(book.payout, again, book.now)
    book.wait(60_000).found(PayoutsFound())
    with pytest.raises(IllegalTransition):
        fold(book.payout, again, book.now)
    assert asked.cancel_asked(book.payout) == asked.expire(book.payout, "X") == asked.cannot_send(book.payout, "X") == []
    assert (asked.money(book.payout), success(book.payout)) == ("possible", None)


def test_searches_keep_their_pauses_and_end_with_a_person() -> None:
    """Three, ten seconds apart; an empty one that came too soon does not count. Then a person is called, and it is still looked for."""
    book = lost()
    assert book.duties()[PayoutDuty.FIND] == PLAN.pause_ms
    assert book.found(PayoutsFound()) == []
    assert book.wait(10_000).found(PayoutsFound()) == ["searched"]
    assert book.wait(10_000).found(PayoutsFound()) == ["searched"]
    assert book.found(PayoutsFound()) == []
    assert book.wait(10_000).found(PayoutsFound()) == ["searched", "attention_needed", "alarm_raised"]
    assert (book.payout.state, book.payout.reason, book.payout.finished) == (PayoutState.ATTENTION, "PAYOUT_NOT_FOUND", False)
    assert row(book.payout).attention
    assert book.duties() == {PayoutDuty.FIND: 3_600_000}
    assert book.wait(3_600_000).found(PayoutsFound()) == ["reread"]
    assert book.wait(10_000).found(PayoutsFound()) == []
    assert book.found(PayoutsFound((seen(PayoutStatus.PROCESSED),))) == ["attempt_answered", "transaction_known", "paid_out"]
    assert book.payout.state is PayoutState.PAID_OUT
    assert not row(book.payout).attention


def test_what_a_search_finds_is_adopted() -> None:
    """Found and at work: it is read from now on, and the searches are over."""
    book = lost()
    assert book.found(PayoutsFound((seen(PayoutStatus.PENDING),))) == ["attempt_answered", "transaction_known"]
    assert (book.payout.state, book.payout.transaction_id) == (PayoutState.PENDING, "cpoi_1")
    assert book.found(PayoutsFound((seen(PayoutStatus.PROCESSED),))) == []


def test_of_several_payouts_the_one_with_money_counts_and_a_person_is_called() -> None:
    """Two under one id must not exist. That they do is said aloud."""
    book = lost()
    failed, paid = seen(PayoutStatus.FAILED, "cpoi_1"), seen(PayoutStatus.PROCESSED, "cpoi_2")
    assert book.found(PayoutsFound((failed, seen(PayoutStatus.PENDING, "cpoi_3"), paid)))[-1] == "alarm_raised"
    assert (book.payout.state, book.payout.transaction_id) == (PayoutState.PAID_OUT, "cpoi_2")
    assert asked.standing(book.payout) == ("SECOND_PAYOUT",)


def test_a_payout_that_cannot_be_is_a_persons() -> None:
    """By the record nothing was ever sent, and the system shows it: nothing is adopted, it leaves no more, somebody must look."""
    book = _held()
    assert book.found(PayoutsFound((seen(PayoutStatus.PROCESSED),))) == ["attention_needed", "alarm_raised"]
    assert (book.payout.state, book.payout.transaction_id, asked.standing(book.payout)) == (PayoutState.ATTENTION, None, ("SECOND_PAYOUT",))
    assert book.found(PayoutsFound((seen(PayoutStatus.PROCESSED),))) == []
    assert book.duties() == {PayoutDuty.FIND: 3_600_000}


def test_a_search_that_shows_others_payouts_proves_nothing() -> None:
    """It does not search at all: neither what it shows nor what it leaves out is believed."""
    book = lost()
    assert book.found(PayoutsFound((seen(PayoutStatus.PROCESSED, reference=None),))) == ["attention_needed", "alarm_raised"]
    assert (book.payout.state, book.payout.reason) == (PayoutState.ATTENTION, "OTHER_TRANSACTION")
    assert book.found(PayoutsFound((seen(PayoutStatus.PROCESSED, reference="r2"),))) == []


def test_a_search_that_says_nothing_counts_for_nothing() -> None:
    """The line is down, the system stumbles; a shut door calls a technician. None of it is "not found"."""
    book = lost()
    for result in (NotSent("dns"), Unclear("timeout"), Garbled("http_502"), Denied(429, 5)):
        assert book.wait(20_000).found(result) == []
    assert book.found(Denied(401)) == ["alarm_raised"]
    assert (book.payout.searches, book.payout.state) == (0, PayoutState.UNKNOWN)


def test_an_answer_about_no_payout_of_ours_leads_to_a_search() -> None:
    """Without an id of its own, or with another one of ours, it names nothing that could be read."""
    for strange in (seen(PayoutStatus.PENDING, tx=None), seen(PayoutStatus.PENDING, reference="r2")):
        book = PayoutBook().send()
        assert book.answer(strange) == ["attempt_lost"]
        assert book.answer(strange, late=True) == []


def test_a_definite_refusal_of_the_only_copy_ends_it() -> None:
    """No money has left; wrong settings also call a technician."""
    book = PayoutBook().send()
    assert book.answer(Refused("INVALID_REQUEST", Refusal.CONFIGURATION)) == ["attempt_answered", "payout_failed", "alarm_raised"]
    assert (book.payout.state, book.payout.reason, asked.money(book.payout)) == (PayoutState.FAILED, "INVALID_REQUEST", "none")
    book = PayoutBook().send()
    assert book.answer(Refused("NOT_NOW", Refusal.WRONG_STATE)) == ["attempt_answered", "payout_failed"]


def test_a_shut_door_ends_it_and_a_gone_password_does_not() -> None:
    """401 turns the attempt away at the door; a password that cannot be read may come back before the deadline; 429 is only a pause."""
    book = PayoutBook().send()
    assert book.answer(Denied(401)) == ["attempt_held", "payout_failed", "alarm_raised"]
    assert (book.payout.state, book.payout.reason) == (PayoutState.FAILED, "ACCESS_DENIED")
    book = PayoutBook().send()
    assert book.answer(NotSent("credentials")) == ["attempt_held", "alarm_raised"]
    assert (book.payout.state, book.payout.reason) == (PayoutState.QUEUED, "ACCESS_DENIED")
    book = PayoutBook().send()
    assert book.answer(Denied(429, 9)) == ["attempt_held"]
    assert book.duties()[PayoutDuty.SEND] >= 9_000


def test_late_and_foreign_answers() -> None:
    """A late answer names the payout: it is known. What fits no attempt of ours changes nothing; a second payout calls a person."""
    book = lost()
    assert decide.payout_result(book.payout, "r2", seen(PayoutStatus.PENDING), book.now, book.policy) == []
    assert book.answer(Refused("X", Refusal.CONFIGURATION), late=True) == book.answer(Unclear("reset"), late=True) == []
    assert book.answer(seen(PayoutStatus.PENDING), late=True) == ["attempt_answered", "transaction_known"]
    assert book.answer(seen(PayoutStatus.PROCESSED), late=True) == ["paid_out"]
    assert book.answer(seen(PayoutStatus.PROCESSED, "cpoi_2"), late=True) == ["alarm_raised"]
    assert decide.payout_result(PayoutBook().payout, REQUEST_ID, seen(PayoutStatus.PENDING), book.now, book.policy) == []


def test_who_is_paid_is_known_as_long_as_it_may_be_sent() -> None:
    """And then no more: a payout is sent once."""
    book = PayoutBook()
    assert needed_secrets(book.payout) == {"recipient.card_number"}
    assert needed_secrets(book.send().payout) == {"recipient.card_number"}
    book.answer(Unclear("timeout"))
    assert needed_secrets(book.payout) == frozenset()


def test_a_cancel_before_it_is_sent_is_enough() -> None:
    """While nothing has left the register's word counts; afterwards no call is known that takes it back."""
    book = PayoutBook()
    assert book.record(asked.cancel_asked(book.payout)) == ["canceled"]
    assert (book.payout.state, book.payout.reason, asked.money(book.payout)) == (PayoutState.CANCELED, "CANCELED_BY_CASHIER", "none")
    assert asked.cancel_asked(PayoutBook().send().payout) == []


def test_its_recipient_lost_is_no_payout() -> None:
    """Nothing was sent, so it is simply not made."""
    book = PayoutBook()
    assert book.record(asked.cannot_send(book.payout, "SECRET_LOST")) == ["payout_failed"]


def test_histories_that_cannot_be() -> None:
    """A stream begins as a payout does, has one call, and knows its transaction once."""
    with pytest.raises(IllegalTransition, match="cannot begin"):
        open_payout(ID, events.PaidOut(), START)
    with pytest.raises(ValueError, match="no events"):
        replay(ID, [])
    with pytest.raises(IllegalTransition, match="only the system can cancel"):
        fold(fold(PayoutBook().payout, shared.Restored("yesterday"), START), shared.Canceled("X"), START)
    book = lost()
    for event, text in (
        (ACCEPTED, "can only begin"),
        (shared.AttemptStarted("checkout", "r1", REQUEST), "no call of a payout"),
        (shared.Canceled("X"), "cannot happen"),
        (shared.Expired("X"), "does not expire"),
        (shared.Searched("r2"), "empty search"),
        (shared.Reread(1), "cannot happen"),
        (events.PayoutReturned(), "cannot come back"),
        (events.PayoutTold(PayoutState.PAID_OUT, True, None), "cannot be told"),
    ):
        with pytest.raises(IllegalTransition, match=text):
            fold(book.payout, event, book.now)
    book.found(PayoutsFound((seen(PayoutStatus.PENDING),)))
    for event, text in ((shared.TransactionKnown("cpoi_2"), "known once"), (shared.Searched("r1"), "empty search")):
        with pytest.raises(IllegalTransition, match=text):
            fold(book.payout, event, book.now)
