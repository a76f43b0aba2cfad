"""Money rule 8: a refund is done once. Unclear keeps its id, ten minutes later only after a look; what is owed stays owed."""

import pytest

from agent.core import events, evidence
from agent.core.answer import Money, refund_finished, refund_success
from agent.core.ask_refund import Wanted
from agent.core.capability import SOFTLINE
from agent.core.decide import Result
from agent.core.duty import Duty
from agent.core.machine import IllegalTransition
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import RefundState
from agent.core.verdict import Denied, Garbled, NotSent, Observed, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import Book, book_in, paid_book, refunding_book, seen
from tests.core.samples import HISTORIES, refund_opened, sale_of, slip

CALL = "refund:back-1"
RETURN = evidence.RETURN_KEY
TEN_MINUTES_MS = Policy().blind_repeat_ms
MILK_ONE = Wanted(1, 1)
LOST = Unclear("timeout")
SLOW = [Refusal.BUSY]
DOUBTFUL = [Refusal.PROVIDER_ERROR, Refusal.UNKNOWN]
DEFINITE = sorted(set(Refusal) - {*SLOW, *DOUBTFUL})


def done(ref_id: str = "ref-1", status: Status = Status.REFUNDED) -> Observed:
    return seen(status, slip(), ref=RefStatus.ACCEPTED, ref_id=ref_id)


def begun(ref_id: str = "ref-1") -> Observed:
    return seen(Status.REFUNDING, ref=RefStatus.NEW, ref_id=ref_id)


def returning() -> Book:
    """A return that we owe: late money was found."""
    book = book_in(PaymentState.CANCELED).tell()
    book.read(seen(Status.ACCEPTED, slip()))
    return book


def unclear(*wanted: Wanted) -> Book:
    book = refunding_book(*wanted)
    book.attempt(LOST, CALL)
    return book


# --- one attempt ---


def test_a_refund_is_done_when_the_provider_says_so() -> None:
    """``refStatus: accepted`` of our own transaction: refunded, with its slip and reference."""
    book = refunding_book()
    book.attempt(done(), CALL)
    one = book.refund()
    assert (one.state, one.ref_transaction_id, one.slip) == (RefundState.REFUNDED, "ref-1", slip())
    assert (book.answer.money, refund_finished(one), refund_success(one)) == (Money.RETURNED, True, True)


@pytest.mark.parametrize("ref", [RefStatus.NEW, RefStatus.UNKNOWN, None])
def test_a_refund_that_has_begun_is_read_until_it_ends(ref: RefStatus | None) -> None:
    """Not decided yet, or a word nobody knows: its own transaction is read; it is not shown as returned."""
    book = refunding_book()
    book.attempt(seen(Status.REFUNDING, ref=ref, ref_id="ref-1"), CALL)
    assert (book.refund().state, book.answer.money, refund_success(book.refund())) == (RefundState.PENDING, Money.RETURNING, None)
    assert [one.duty for one in book.owed] == [Duty.READ_REFUND]
    assert book.read_refund(seen(Status.REFUNDING, ref=RefStatus.NEW, ref_id="ref-1")) == []
    assert 250 <= book.due_in(Duty.READ_REFUND) <= 500
    book.read_refund(done())
    assert book.refund().state is RefundState.REFUNDED


@pytest.mark.parametrize("word", [seen(Status.REFUNDED, tx="tx-2", ref=RefStatus.ACCEPTED), done("ref-9"), LOST, Denied(401)])
def test_a_read_about_something_else_settles_no_refund(word: Result) -> None:
    """Another payment, another refund, or no word at all."""
    book = refunding_book()
    book.attempt(begun(), CALL)
    book.read_refund(word)
    assert book.refund().state is RefundState.PENDING
    assert book.alarms == ({"OTHER_TRANSACTION"} if isinstance(word, Observed) else set())


def test_reads_of_a_long_refund_slow_down() -> None:
    """Nobody stands and waits: after some reads they come less and less often, down to the cap."""
    book = refunding_book()
    book.attempt(begun(), CALL)
    for _ in range(30):
        book.read_refund(begun())
    assert book.due_in(Duty.READ_REFUND) == Policy().read_cap_ms
    book.memory.reading = True
    assert book.owed == []


def test_not_sent_waits_for_the_link() -> None:
    """Refunds have no deadline (rule 6); the same id goes out when it can."""
    book = refunding_book()
    first = book.start(CALL)
    book.after(50)
    book.end(NotSent("refused"), CALL)
    assert (book.refund().state, book.due_in(Duty.REFUND) >= 1_000) == (RefundState.QUEUED, True)
    book.after(86_400_000)
    assert book.due_in(Duty.REFUND) <= 0
    assert book.start(CALL) == first


def test_a_shut_door_holds_a_refund_and_wakes_the_technician() -> None:
    """401 declines no refund: it is not the shop's customer who is at fault."""
    book = refunding_book()
    book.attempt(Denied(401), CALL)
    assert (book.refund().state, book.alarms) == (RefundState.QUEUED, {"ACCESS_DENIED"})


@pytest.mark.parametrize("refusal", DEFINITE)
def test_a_definite_refusal_declines_what_was_asked_for(refusal: Refusal) -> None:
    """The only attempt, and the provider is sure: declined with its code, and the money is charged as before."""
    book = refunding_book()
    book.attempt(Refused("CODE", refusal), CALL)
    one = book.refund()
    assert (one.state, one.reason, refund_success(one)) == (RefundState.DECLINED, "CODE", False)
    assert (book.answer.money, book.owed) == (Money.CHARGED, [])
    assert book.alarms == ({"CODE"} if refusal is Refusal.CONFIGURATION else set())


@pytest.mark.parametrize(
    ("code", "refusal", "reason"), [("X", Refusal.OVER_LIMIT, "X"), ("X", Refusal.UNKNOWN, "X"), (None, None, "REJECTED")]
)
def test_a_rejected_refund_transaction_is_refused_for_good(code: str | None, refusal: Refusal | None, reason: str) -> None:
    """``refStatus: rejected`` is final, whether its code is known, unknown or missing - at once or after a while."""
    word = seen(Status.ACCEPTED, ref=RefStatus.REJECTED, error=code, refusal=refusal)
    at_once, later = refunding_book(), refunding_book()
    at_once.attempt(word, CALL)
    later.attempt(begun(), CALL)
    later.read_refund(word)
    for book in (at_once, later):
        assert (book.refund().state, book.refund().reason) == (RefundState.DECLINED, reason)


def test_a_refund_transaction_rejected_for_another_one_waits_too() -> None:
    """Rejected because another one runs, or because the provider stumbled: not the end of what was asked for."""
    busy, stumbled = refunding_book(), refunding_book()
    busy.attempt(seen(Status.ACCEPTED, ref=RefStatus.REJECTED, error="BUSY", refusal=Refusal.BUSY), CALL)
    stumbled.attempt(seen(Status.ACCEPTED, ref=RefStatus.REJECTED, error="X", refusal=Refusal.PROVIDER_ERROR), CALL)
    assert [one.duty for one in busy.owed] == [Duty.REFUND]
    assert [one.duty for one in stumbled.owed] == [Duty.CHECK_REFUND]


@pytest.mark.parametrize("refusal", DOUBTFUL)
def test_a_doubtful_refusal_is_believed_after_a_look(refusal: Refusal) -> None:
    """The provider stumbled, or its code is unknown: the payment is read; unchanged means declined, changed means done."""
    declined, made = refunding_book(), refunding_book()
    for book in (declined, made):
        book.attempt(Refused("CODE", refusal), CALL)
        assert (book.refund().state, [one.duty for one in book.owed]) == (RefundState.QUEUED, [Duty.CHECK_REFUND])
    declined.check(seen(Status.ACCEPTED))
    assert (declined.refund().state, declined.refund().reason) == (RefundState.DECLINED, "CODE")
    made.check(done())
    assert made.refund().state is RefundState.REFUNDED


def test_a_refund_behind_another_one_of_the_provider_waits() -> None:
    """Busy: the attempt is closed, a new one follows after a wait, under a new id."""
    book = refunding_book()
    first = book.start(CALL)
    book.end(Refused("PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY", Refusal.BUSY), CALL)
    assert (book.refund().state, [one.duty for one in book.owed]) == (RefundState.QUEUED, [Duty.REFUND])
    assert book.due_in(Duty.REFUND) == 4_000
    assert book.start(CALL) != first
    book.end(Refused("BUSY", Refusal.BUSY), CALL)
    book.reboot()
    assert book.due_in(Duty.REFUND) == 0, "rule 9: a wait of another boot is over"


# --- unclear ---


@pytest.mark.parametrize("result", [LOST, Garbled("http_500")])
def test_unclear_repeats_the_same_request(result: Result) -> None:
    """Within ten minutes: the same id after a back-off, as often as needed."""
    book = refunding_book()
    first = book.start(CALL)
    assert book.owed == [], "its end is awaited"
    book.end(result, CALL)
    for _ in range(5):
        assert (book.refund().state, [one.duty for one in book.owed]) == (RefundState.UNKNOWN, [Duty.REFUND])
        book.until(book.owed[0])
        assert book.start(CALL) == first
        assert book.owed == [], "one attempt at a time"
        book.end(result, CALL)


def test_after_ten_minutes_only_a_look_allows_the_repeat() -> None:
    """How long a provider remembers ids is unknown: read first; unchanged allows exactly one repeat."""
    book = unclear()
    book.after(TEN_MINUTES_MS)
    for _ in range(2):
        assert [one.duty for one in book.owed] == [Duty.CHECK_REFUND]
        book.check(seen(Status.ACCEPTED))
        assert [one.duty for one in book.owed] == [Duty.REFUND]
        book.until(book.owed[0]).attempt(LOST, CALL)


def test_an_unknown_age_is_an_old_age() -> None:
    """Rule 9: with an implausible clock the payment is read first."""
    book = unclear()
    book.reboot(wall_ms=-1_000_000)
    assert [one.duty for one in book.owed] == [Duty.CHECK_REFUND]


def test_a_refund_that_cannot_be_repeated_waits_and_looks() -> None:
    """A provider to whom twice is two: nothing goes out again before the first copy surely arrived or died, and a look."""
    book = refunding_book(caps=SOFTLINE)
    book.attempt(LOST, CALL)
    assert [(one.duty, one.at - book.now.ticks) for one in book.owed] == [(Duty.CHECK_REFUND, TEN_MINUTES_MS)]
    book.after(TEN_MINUTES_MS).check(seen(Status.ACCEPTED))
    assert [one.duty for one in book.owed] == [Duty.REFUND]
    book.attempt(LOST, CALL)
    assert book.due_in(Duty.CHECK_REFUND) == TEN_MINUTES_MS


@pytest.mark.parametrize("word", [LOST, Denied(403), Refused("UNKNOWN_TRANSACTION_ID", Refusal.NOT_FOUND)])
def test_a_look_that_brings_no_word_allows_nothing(word: Result) -> None:
    """Only a status read allows the repeat."""
    book = unclear()
    book.after(TEN_MINUTES_MS)
    assert book.check(word) == []
    assert [one.duty for one in book.owed] == [Duty.CHECK_REFUND]


@pytest.mark.parametrize("status", [Status.NEW, Status.PENDING, Status.REFUNDING, Status.ABSENT, Status.UNKNOWN])
def test_an_unsettled_payment_is_looked_at_again(status: Status) -> None:
    """Something is at work, or nobody can say: neither repeat nor adopt."""
    book = unclear()
    book.after(TEN_MINUTES_MS)
    assert book.check(seen(status)) == []


@pytest.mark.parametrize("where", ["answer", "slip"])
def test_a_refund_that_is_found_is_adopted(where: str) -> None:
    """A refund transaction that is none of our others is ours: adopted and read to its end, or done already."""
    book, made = unclear(), unclear()
    found = begun("ref-7") if where == "answer" else seen(Status.REFUNDING, slip(refund_transaction_id="ref-7"))
    book.after(TEN_MINUTES_MS).check(found)
    assert (book.refund().state, book.refund().ref_transaction_id) == (RefundState.PENDING, "ref-7")
    made.after(TEN_MINUTES_MS).check(done("ref-7"))
    assert (made.refund().state, made.refund().ref_transaction_id) == (RefundState.REFUNDED, "ref-7")


def test_everything_returned_means_ours_is_done() -> None:
    """All of the money is back and only ours was missing: no reference is needed to see it."""
    book = unclear()
    book.after(TEN_MINUTES_MS).check(seen(Status.REFUNDED))
    assert book.refund().state is RefundState.REFUNDED


AMBIGUOUS = [seen(Status.PARTIAL_REFUNDED), seen(Status.CANCELED), seen(Status.REJECTED)]


@pytest.mark.parametrize("word", [*AMBIGUOUS, seen(Status.REFUNDED)])
def test_what_cannot_be_told_apart_needs_a_person(word: Observed) -> None:
    """Something was returned and it cannot be said what: attention, an alarm, and no further attempt (money: stuck)."""
    book = unclear(MILK_ONE)
    book.after(TEN_MINUTES_MS).check(word)
    one = book.refund()
    assert (one.state, one.reason, book.answer.money) == (RefundState.ATTENTION, "REFUND_AMBIGUOUS", Money.STUCK)
    assert ("REFUND_AMBIGUOUS" in book.alarms, book.owed) == (True, [])


def test_a_late_answer_clears_up_what_was_ambiguous() -> None:
    """Rule 13: the attempt's own answer says what no look could: done. Less than that moves nothing."""
    book = unclear(MILK_ONE)
    book.after(TEN_MINUTES_MS).check(seen(Status.PARTIAL_REFUNDED))
    for word in (begun(), Refused("X", Refusal.OVER_LIMIT), seen(Status.ACCEPTED, ref=RefStatus.REJECTED)):
        assert book.end(word, CALL, late=True) == []
    book.end(done(), CALL, late=True)
    assert (book.refund().state, book.refund().ref_transaction_id) == (RefundState.REFUNDED, "ref-1")


def test_a_late_answer_after_an_adoption_is_not_needed() -> None:
    """A look has found the refund; what its attempt says afterwards fits and changes nothing."""
    book = unclear()
    book.after(TEN_MINUTES_MS).check(begun("ref-1"))
    for word in (begun("ref-1"), done("ref-1"), seen(Status.ACCEPTED, ref=RefStatus.REQUESTED), LOST):
        assert book.end(word, CALL, late=True) == []
    book.read_refund(done("ref-1"))
    assert book.refund().state is RefundState.REFUNDED


def test_an_older_refund_is_not_taken_for_the_unclear_one() -> None:
    """The newest refund the provider tells of is one we know: the unclear one was not made."""
    book = refunding_book(MILK_ONE)
    book.attempt(done("ref-1", Status.PARTIAL_REFUNDED), CALL)
    book.ask_refund(MILK_ONE, key="back-2")
    book.attempt(LOST, "refund:back-2")
    book.after(TEN_MINUTES_MS).check(seen(Status.PARTIAL_REFUNDED, ref_id="ref-1"), "back-2")
    assert (book.refund("back-2").state, [one.duty for one in book.owed]) == (RefundState.UNKNOWN, [Duty.REFUND])


def test_a_cancel_is_not_taken_for_a_refund() -> None:
    """The id of an earlier cancel looks like that of a refund: it is never adopted."""
    book = book_in(PaymentState.CANCELING)
    book.attempt(seen(Status.PENDING, ref=RefStatus.REJECTED, ref_id="ref-c"), "cancel")
    book.read(seen(Status.ACCEPTED, slip()))
    book.tell().ask_refund()
    book.attempt(LOST, CALL)
    book.after(TEN_MINUTES_MS)
    for word in (seen(Status.ACCEPTED, ref_id="ref-c"), seen(Status.ACCEPTED, ref_id="ref-d"), seen(Status.REFUNDING, ref_id="ref-c")):
        book.check(word)
        assert book.refund().state is RefundState.UNKNOWN, "an id proves nothing while the payment is not being returned"


def test_a_rejected_refund_is_not_adopted() -> None:
    """A transaction that was rejected returned nothing - neither when it is told as such, nor later without its status."""
    book = unclear()
    book.after(TEN_MINUTES_MS).check(seen(Status.ACCEPTED, ref=RefStatus.REJECTED, ref_id="ref-5"))
    assert book.refund().state is RefundState.UNKNOWN
    owed = returning()
    owed.attempt(begun("ref-5"), f"refund:{RETURN}")
    owed.read_refund(seen(Status.ACCEPTED, ref=RefStatus.REJECTED, ref_id="ref-5", error="X"), RETURN)
    assert owed.refund(RETURN).ref_transaction_id is None
    owed.check(seen(Status.ACCEPTED, ref_id="ref-5"), RETURN)
    assert (owed.refund(RETURN).state, [one.duty for one in owed.owed]) == (RefundState.QUEUED, [Duty.REFUND])


def test_a_refund_of_another_till_is_not_taken_for_ours() -> None:
    """A sale of another till may be refunded there: what is found is ambiguous, nothing found is a repeat."""
    found, nothing = book_in(PaymentState.ELSEWHERE), book_in(PaymentState.ELSEWHERE)
    for book in (found, nothing):
        book.ask_refund()
        book.attempt(LOST, CALL)
        book.after(TEN_MINUTES_MS)
    found.check(seen(Status.REFUNDED, tx="tx-elsewhere", ref=RefStatus.ACCEPTED, ref_id="ref-7"))
    nothing.check(seen(Status.ACCEPTED, tx="tx-elsewhere"))
    assert (found.refund().state, nothing.refund().state) == (RefundState.ATTENTION, RefundState.UNKNOWN)


def test_a_look_at_another_payment_says_nothing() -> None:
    """An alarm, and no conclusion."""
    book = unclear()
    book.check(seen(Status.REFUNDED, tx="tx-2", ref_id="ref-7"))
    assert (book.refund().state, book.alarms) == (RefundState.UNKNOWN, {"OTHER_TRANSACTION"})


@pytest.mark.parametrize("word", [seen(Status.ACCEPTED, tx="tx-2", ref=RefStatus.ACCEPTED), seen(Status.ACCEPTED, ref=RefStatus.NEW)])
def test_an_answer_that_names_no_refund_of_ours_is_looked_into(word: Observed) -> None:
    """Another payment, or no refund transaction: it may have been made, so the payment is read before anything else."""
    book = refunding_book()
    book.attempt(word, CALL)
    assert (book.refund().state, [one.duty for one in book.owed]) == (RefundState.UNKNOWN, [Duty.CHECK_REFUND])


# --- refusals of what may have been made ---


@pytest.mark.parametrize("refusal", [Refusal.RETURNED_ALREADY, Refusal.BUSY, Refusal.OVER_LIMIT])
def test_a_refusal_of_a_repeat_may_be_the_echo_of_the_first_copy(refusal: Refusal) -> None:
    """Unclear, then refused: not declined; the id is kept and the payment is read."""
    book = unclear()
    first = book.refund().call
    book.attempt(Refused("CODE", refusal), CALL)
    assert (book.refund().state, [one.duty for one in book.owed]) == (RefundState.UNKNOWN, [Duty.CHECK_REFUND])
    assert first is not None
    assert book.refund().call is not None
    assert book.meaning(done(), CALL, first.request_id) != [], "its answer is still ours"


def test_another_refund_at_work_never_closes_an_unclear_one() -> None:
    """Ten minutes on, "another refund is running" may speak of our own first copy: a new id could return the money twice."""
    book = unclear(MILK_ONE)
    first = book.start(CALL)
    book.after(TEN_MINUTES_MS)
    book.end(Refused("PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY", Refusal.BUSY), CALL)
    assert (book.refund().state, [one.duty for one in book.owed]) == (RefundState.UNKNOWN, [Duty.CHECK_REFUND])
    book.check(seen(Status.ACCEPTED))
    assert book.start(CALL) == first


def test_a_refusal_after_ten_minutes_closes_the_attempt_and_is_confirmed_by_a_look() -> None:
    """Whatever was in the air has arrived: a definite refusal is believed once the payment shows no return."""
    book = unclear()
    book.after(TEN_MINUTES_MS).start(CALL)
    book.end(Refused("CODE", Refusal.OVER_LIMIT), CALL)
    assert (book.refund().state, [one.duty for one in book.owed]) == (RefundState.QUEUED, [Duty.CHECK_REFUND])
    book.check(seen(Status.ACCEPTED))
    assert book.refund().state is RefundState.DECLINED


@pytest.mark.parametrize("minutes", [0, 10])
@pytest.mark.parametrize(
    "result", [Refused("CODE", Refusal.OVER_LIMIT), Denied(401), LOST, seen(Status.ACCEPTED, tx="tx-2"), seen(Status.ACCEPTED)]
)
def test_a_late_word_does_not_end_the_attempt_under_way(result: Result, minutes: int) -> None:
    """Rule 13: what a copy that was given up brings late closes nothing while its repeat flies; only news of the refund counts."""
    book = unclear()
    book.start(CALL)
    book.after(minutes * 60_000)
    assert book.end(result, CALL, late=True) == []
    call = book.refund().call
    assert call is not None
    assert call.open
    book.end(done(), CALL, late=True)
    assert (book.refund().state, book.end(done(), CALL)) == (RefundState.REFUNDED, [])


def test_a_late_refusal_of_the_only_copy_counts() -> None:
    """Nothing else is under way: recent, it changes nothing; after ten minutes it closes the attempt."""
    book = unclear()
    assert book.end(Refused("CODE", Refusal.OVER_LIMIT), CALL, late=True) == []
    book.after(TEN_MINUTES_MS)
    book.end(Refused("CODE", Refusal.OVER_LIMIT), CALL, late=True)
    assert (book.refund().state, book.refund().closed) == (RefundState.QUEUED, 1)


# --- what is owed ---


@pytest.mark.parametrize("refusal", sorted(set(Refusal) - {Refusal.BUSY}))
def test_what_is_owed_cannot_be_refused_away(refusal: Refusal) -> None:
    """A refused return is tried again, after a look and under a new id, with an alarm; meanwhile the money is stuck."""
    book = returning()
    first = book.start(f"refund:{RETURN}")
    book.end(Refused("CODE", refusal), f"refund:{RETURN}")
    assert (book.refund(RETURN).state, book.answer.money) == (RefundState.QUEUED, Money.STUCK)
    assert "RETURN_REFUSED" in book.alarms
    book.check(seen(Status.ACCEPTED), RETURN)
    assert [one.duty for one in book.owed] == [Duty.REFUND]
    assert book.start(f"refund:{RETURN}") != first
    book.end(done(), f"refund:{RETURN}")
    assert (book.answer.state, book.answer.money, book.owed) == (PaymentState.CANCELED, Money.RETURNED, [])


def test_returns_are_tried_ever_more_slowly() -> None:
    """Promise P6: for ever, with a capped back-off."""
    book, waits = returning(), []
    for _ in range(8):
        book.start(f"refund:{RETURN}")
        book.end(Refused("CODE", Refusal.BUSY), f"refund:{RETURN}")
        waits.append(book.due_in(Duty.REFUND))
        book.until(book.owed[0])
    assert waits == sorted(waits)
    assert waits[-1] == Policy().settle_backoff.cap_ms


def test_the_record_itself_forbids_to_decline_what_is_owed() -> None:
    """Even a mistake in a decision cannot drop a return."""
    book = returning()
    with pytest.raises(IllegalTransition, match="cannot be declined away"):
        book.record([events.RefundDeclined(RETURN, "X")])


# --- providers where people decide ---


def test_a_requested_refund_is_not_shown_as_returned() -> None:
    """People decide: requested, read once a day, and only their yes is a return."""
    book = refunding_book(caps=SOFTLINE)
    book.attempt(seen(Status.ACCEPTED, ref=RefStatus.REQUESTED, ref_id="ref-1"), CALL)
    assert (book.refund().state, book.answer.money, refund_success(book.refund())) == (RefundState.REQUESTED, Money.RETURNING, None)
    book.read_refund(seen(Status.ACCEPTED, ref=RefStatus.REQUESTED, ref_id="ref-1"))
    assert book.due_in(Duty.READ_REFUND) == 86_400_000
    book.read_refund(done())
    assert (book.refund().state, book.answer.money) == (RefundState.REFUNDED, Money.RETURNED)


@pytest.mark.parametrize(("code", "reason"), [("NO", "NO"), (None, "REJECTED")])
def test_a_requested_refund_that_people_reject_needs_a_person(code: str | None, reason: str) -> None:
    """Their no is not the end of a debt: attention and an alarm."""
    book = refunding_book(caps=SOFTLINE)
    book.attempt(seen(Status.ACCEPTED, ref=RefStatus.REQUESTED, ref_id="ref-1"), CALL)
    book.read_refund(seen(Status.ACCEPTED, ref=RefStatus.REJECTED, ref_id="ref-1", error=code))
    assert (book.refund().state, book.refund().reason, book.answer.money) == (RefundState.ATTENTION, reason, Money.STUCK)
    assert "RETURN_REFUSED" in book.alarms


# --- nothing to decide about ---


def test_words_about_no_refund_of_ours_are_not_recorded() -> None:
    """Unknown keys, unknown requests, refunds in another state: nothing."""
    book = refunding_book()
    for call, request_id in ((CALL, "r-unknown"), ("refund:other", "r1")):
        assert book.meaning(done(), call, request_id) == []
    for key in ("back-1", "other"):
        assert book.read_refund(done(), key) == []
    assert book.check(done(), "other") == []
    book.attempt(begun(), CALL)
    assert book.check(done()) == [], "it is read on its own now"
    assert paid_book().meaning(done(), CALL, "r1") == []


def test_only_an_unclear_or_waiting_refund_can_be_checked() -> None:
    """A check of anything else is a mistake in the record; so is a word about a refund that was never opened."""
    base = [*HISTORIES[PaymentState.PAID], refund_opened()]
    with pytest.raises(IllegalTransition, match="nothing to check"):
        sale_of([*base, events.Refunded("back-1"), events.RefundChecked("back-1")])
    with pytest.raises(IllegalTransition, match="never opened"):
        sale_of([*base, events.RefundChecked("other")])
