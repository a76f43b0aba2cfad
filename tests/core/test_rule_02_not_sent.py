"""Money rule 2: NOT SENT is a fact of one attempt; everything else is MAYBE SENT. One maybe is enough for the whole payment."""

import pytest

from agent.core.answer import Money
from agent.core.call import CallState
from agent.core.duty import Duty
from agent.core.events import AttemptLost
from agent.core.payment import PaymentState
from agent.core.verdict import Denied, Garbled, NotSent, Refusal, Refused, Status, Unclear
from tests.core.book import Book, book_in, seen

MAYBE = [Unclear("timeout"), Unclear("reset"), Garbled("http_502"), Garbled("not_json"), Refused("NEW_CODE", Refusal.UNKNOWN)]
SHUT = [401, 403, 404, 405]


def test_every_attempt_proven_unsent_means_never_sent() -> None:
    """However often the link failed: nothing was sent, the sale is still queued and no money can be gone."""
    book = Book()
    for _ in range(5):
        book.attempt(NotSent("refused"))
        assert (book.state, book.sale.never_sent, book.answer.money) == (PaymentState.QUEUED, True, Money.NONE)
        book.until(book.owes(Duty.SEND) or book.owed[0])


@pytest.mark.parametrize("result", MAYBE)
def test_one_maybe_sent_attempt_outweighs_every_proof(result: Unclear | Garbled | Refused) -> None:
    """After a single attempt that may have arrived, NOT SENT of the others before and after it proves nothing."""
    book = Book()
    book.attempt(NotSent("dns"))
    book.attempt(result)
    assert (book.state, book.sale.never_sent, book.answer.money) == (PaymentState.UNKNOWN, False, Money.POSSIBLE)
    book.attempt(NotSent("dns"))
    assert (book.state, book.sale.never_sent, book.answer.finished) == (PaymentState.UNKNOWN, False, False)


def test_an_attempt_under_way_is_no_proof() -> None:
    """Between the first byte and the result nobody can say that nothing was sent."""
    book = Book()
    book.start()
    assert (book.state, book.sale.never_sent, book.answer.money) == (PaymentState.SENDING, False, Money.POSSIBLE)


def test_an_attempt_without_a_recorded_result_may_have_been_sent() -> None:
    """A process that dies while an attempt is open leaves a maybe, not a proof."""
    book = Book()
    book.start()
    book.restart()
    assert (book.state, book.sale.never_sent) == (PaymentState.UNKNOWN, False)


@pytest.mark.parametrize("status", SHUT)
def test_a_shut_door_before_anything_else_declines_with_an_alarm(status: int) -> None:
    """401, 403, 404 and 405 refuse their attempt like NOT SENT and end the sale, with an alarm."""
    book = Book()
    book.attempt(Denied(status))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.DECLINED, "ACCESS_DENIED", Money.NONE)
    assert "ACCESS_DENIED" in book.alarms


@pytest.mark.parametrize("status", SHUT)
def test_a_shut_door_after_a_maybe_ends_nothing(status: int) -> None:
    """After a maybe-sent attempt a shut door says nothing about the first copy; the alarm is raised once."""
    book = Book()
    book.attempt(Unclear("timeout"))
    book.attempt(Denied(status))
    book.attempt(Denied(status))
    assert (book.state, book.answer.finished) == (PaymentState.UNKNOWN, False)
    assert book.kinds().count("AlarmRaised") == 1


def test_too_many_requests_waits_and_tries_again() -> None:
    """429 refuses the attempt alone: no end, no alarm, no blame on the settings, and Retry-After is obeyed."""
    book = Book()
    book.attempt(Denied(429, retry_after_s=7))
    assert (book.state, book.sale.never_sent, book.answer.reason, book.alarms) == (PaymentState.QUEUED, True, None, set())
    assert 7_000 <= book.due_in(Duty.SEND) <= 7_000 * 5 // 4
    book.attempt(Denied(429))
    assert book.due_in(Duty.SEND) < 2_000


@pytest.mark.parametrize("result", [NotSent("refused"), Denied(429), Denied(401)])
def test_proof_ends_a_sale_that_was_to_be_canceled(result: NotSent | Denied) -> None:
    """Nobody wants it any more and nothing was sent: canceled at once, no money."""
    book = Book()
    book.start()
    book.cancel()
    assert book.state is PaymentState.CANCELING
    book.end(result)
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.CANCELED, "CANCELED_BY_CASHIER", Money.NONE)


@pytest.mark.parametrize("result", [NotSent("refused"), Denied(429), Denied(401)])
def test_without_proof_canceling_goes_on(result: NotSent | Denied) -> None:
    """The same words after a maybe-sent attempt cancel nothing."""
    book = book_in(PaymentState.UNKNOWN)
    book.cancel()
    book.attempt(result)
    assert (book.state, book.answer.money) == (PaymentState.CANCELING, Money.POSSIBLE)


@pytest.mark.parametrize("code", ["UNKNOWN_SESSION_ID", "TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS"])
@pytest.mark.parametrize("held", [0, 2])
def test_a_refused_session_without_a_maybe_declines(code: str, held: int) -> None:
    """Rule 4: with no maybe-sent attempt before, the provider's refusal of the session is the end, and its code the reason."""
    book = Book()
    for _ in range(held):
        book.attempt(NotSent("refused"))
    book.attempt(Refused(code, Refusal.SESSION))
    assert (book.state, book.answer.reason, book.alarms) == (PaymentState.DECLINED, code, set())


def test_a_refused_session_after_a_maybe_may_be_our_own_first_copy() -> None:
    """Rule 4: after a maybe-sent attempt the same code means that the first copy may have charged."""
    book = Book()
    book.attempt(Unclear("timeout"))
    book.attempt(Refused("TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED", Refusal.SESSION))
    assert (book.state, book.answer.finished, book.answer.money) == (PaymentState.UNKNOWN, False, Money.POSSIBLE)


def test_a_shop_the_provider_does_not_know_is_the_technicians_to_mend() -> None:
    """A fault of the configuration declines and raises an alarm with its code."""
    book = Book()
    book.attempt(Refused("UNKNOWN_PARTNER_ID", Refusal.CONFIGURATION))
    assert (book.state, book.alarms) == (PaymentState.DECLINED, {"UNKNOWN_PARTNER_ID"})


@pytest.mark.parametrize("refusal", sorted(set(Refusal) - {Refusal.SESSION, Refusal.CONFIGURATION}))
def test_other_refusals_decide_nothing_about_a_checkout(refusal: Refusal) -> None:
    """A code that does not say "no payment was made" leaves the result open."""
    book = Book()
    book.attempt(Refused("CODE", refusal))
    assert book.state is PaymentState.UNKNOWN


def test_an_answer_that_names_no_transaction_may_have_charged() -> None:
    """Whatever status it tells: without the transaction there is nothing that could be read, cancelled or returned."""
    for status in Status:
        book = Book()
        book.attempt(seen(status, tx=None))
        assert (book.state, book.answer.finished) == (PaymentState.UNKNOWN, False), status


@pytest.mark.parametrize("result", [NotSent("refused"), Unclear("reset"), Denied(401), Garbled("http_500"), Refused("C", Refusal.SESSION)])
def test_what_comes_late_and_is_no_answer_changes_nothing(result: NotSent | Unclear | Denied | Garbled | Refused) -> None:
    """Rule 13: an attempt that was given up as lost stays lost, also while its repeat is under way."""
    book = Book()
    book.attempt(Unclear("timeout"))
    assert book.end(result, late=True) == []
    book.start()
    assert book.end(result, late=True) == []
    assert book.sale.call is not None
    assert book.sale.call.state is CallState.REPEATING
    assert book.end(seen(Status.NEW, tx=None), late=True) == []


def test_a_late_answer_is_believed() -> None:
    """Rule 13: the late answer of a request that was given up is journalled like any other, and its repeat's adds nothing."""
    book = Book()
    book.attempt(Unclear("timeout"))
    book.start()
    book.end(seen(Status.PENDING), late=True)
    assert (book.state, book.sale.transaction_id) == (PaymentState.PENDING, "tx-1")
    assert book.end(seen(Status.PENDING)) == []
    assert book.end(Unclear("timeout")) == []


def test_a_second_transaction_raises_an_alarm_and_changes_nothing_else() -> None:
    """Promise P1: if the provider made two transactions of one request, people must know."""
    book = book_in(PaymentState.PENDING)
    book.end(seen(Status.ACCEPTED, tx="tx-2"), late=True)
    assert (book.state, book.sale.transaction_id, book.alarms) == (PaymentState.PENDING, "tx-1", {"SECOND_TRANSACTION"})


@pytest.mark.parametrize("proof", [NotSent("refused"), Refused("UNKNOWN_SESSION_ID", Refusal.SESSION)])
def test_an_answer_nobody_waited_for_is_an_alarm(proof: NotSent | Refused) -> None:
    """A transaction that shows up for an attempt that was proven unsent, or refused, moves no state and wakes people."""
    book = Book()
    book.attempt(proof)
    state = book.state
    book.end(seen(Status.ACCEPTED), late=True)
    assert (book.state, book.alarms) == (state, {"SECOND_TRANSACTION"})


def test_a_result_of_an_unknown_request_is_nobodys() -> None:
    """What belongs to no attempt of ours is not recorded."""
    book = book_in(PaymentState.SENDING)
    for call in ("checkout", "cancel"):
        assert book.meaning(seen(Status.ACCEPTED), call, "r-unknown") == []
    assert Book().meaning(seen(Status.ACCEPTED), "checkout", "r1") == []


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (NotSent("refused"), "OFFLINE"),
        (NotSent("connect_timeout"), "OFFLINE"),
        (NotSent("deadline"), "OFFLINE"),
        (NotSent("credentials"), "ACCESS_DENIED"),
        (NotSent("secret_missing"), None),
        (Denied(429), None),
    ],
)
def test_a_queued_sale_says_why_it_waits(result: NotSent | Denied, reason: str | None) -> None:
    """Rule 6: ``OFFLINE`` while there is no link, the technician's fault if it is his, and nothing that is not known."""
    book = Book()
    book.attempt(result)
    assert (book.state, book.answer.reason) == (PaymentState.QUEUED, reason)
    book.start()
    assert (book.state, book.answer.reason) == (PaymentState.SENDING, None), "what held it back does so no longer"


def test_the_reason_of_a_queue_is_not_given_to_an_unclear_payment() -> None:
    """Once something may have been sent, "offline" would be a guess about the payment."""
    book = book_in(PaymentState.UNKNOWN)
    book.attempt(NotSent("refused"))
    assert (book.state, book.answer.reason) == (PaymentState.UNKNOWN, None)


def test_a_lost_attempt_after_a_restart_does_not_count_as_contact() -> None:
    """Only an attempt that brought something from the provider shows that it can be reached."""
    book = Book()
    book.start()
    found = book.end(Unclear("restart"))
    assert [event.reached for event in found if isinstance(event, AttemptLost)] == [False]


def test_a_door_that_our_own_credentials_do_not_open_calls_a_technician_once() -> None:
    """A password file that is gone, a login that was refused: nothing was sent, and nothing will be until somebody mends it."""
    book = Book()
    for _ in range(3):
        book.attempt(NotSent("credentials"))
    assert (book.state, book.alarms) == (PaymentState.QUEUED, {"ACCESS_DENIED"})
    quiet = Book()
    quiet.attempt(NotSent("refused"))
    assert quiet.alarms == set()
