"""Money rule 4: how long a payment is waited for, how an unclear one is searched, and how a cancel ends."""

from dataclasses import replace

import pytest

from agent.core import events
from agent.core.answer import Money
from agent.core.capability import PAYCONNECT, PAYCORE, SOFTLINE, Capabilities
from agent.core.duty import Duty
from agent.core.events import CancelCause
from agent.core.model import PaymentLink, Stamp
from agent.core.payment import PaymentState
from agent.core.policy import BackOff, Policy
from agent.core.verdict import Denied, Garbled, NotSent, Observed, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import Book, book_in, seen
from tests.core.samples import slip

LINKS = {"paycore": PAYCORE, "softline": SOFTLINE, "payconnect": PAYCONNECT}
CANCEL = "cancel"
ACCEPTED_CANCEL = seen(Status.CANCELED, ref=RefStatus.ACCEPTED, ref_id="ref-c")
PERSON = (events.AttentionNeeded("WINDOW_CLOSED"), events.AlarmRaised("WINDOW_CLOSED"))  # what the engine records when it gives up


def canceling(policy: Policy | None = None) -> Book:
    return book_in(PaymentState.CANCELING, policy)


def searching(losses: int = 1) -> Book:
    """Canceling, and no transaction is known."""
    book = Book()
    for _ in range(losses):
        book.attempt(Unclear("timeout"))
    book.cancel()
    return book


def link_shown(caps: Capabilities, policy: Policy | None = None) -> Book:
    book = Book(caps=caps, policy=policy)
    book.attempt(seen(Status.PENDING, link=PaymentLink("https://pay.example/1")))
    return book


def first_sent(book: Book) -> Stamp:
    assert book.sale.call is not None
    assert book.sale.call.first_sent is not None
    return book.sale.call.first_sent


# --- reading ---


def test_the_first_read_comes_250_to_500_ms_after_the_answer() -> None:
    """The vendor's start of polling, counted from the provider's answer."""
    book = book_in(PaymentState.PENDING)
    assert 250 <= book.due_in(Duty.READ) <= 500


def test_a_cancel_in_a_hurry_reads_no_sooner() -> None:
    """However soon the cashier cancels: the first read keeps its distance to the first answer."""
    book = book_in(PaymentState.PENDING)
    book.cancel()
    book.attempt(ACCEPTED_CANCEL, CANCEL)
    assert book.due_in(Duty.READ) == Policy().first_read_ms - 50


def test_reads_are_at_least_250_ms_apart() -> None:
    """While the customer decides every read follows the one before by the interval, and never two at once."""
    book = book_in(PaymentState.PENDING)
    for _ in range(10):
        book.after(book.due_in(Duty.READ)).read(seen(Status.PENDING))
        assert 250 <= book.due_in(Duty.READ) <= 300
    book.memory.reading = True
    assert book.owes(Duty.READ) is None


def test_reads_that_fail_slow_down_to_a_cap() -> None:
    """A provider that cannot be read is not hammered, and is still looked at within seconds of its return; jitter keeps tills apart."""
    book = book_in(PaymentState.PENDING, Policy(wait_limit_ms=10**9))
    waits = []
    for _ in range(20):
        book.after(book.due_in(Duty.READ)).read(Unclear("timeout"))
        waits.append(book.due_in(Duty.READ))
    plain = [min(Policy().read_interval_ms << failures, Policy().read_cap_ms) for failures in range(1, 21)]
    assert all(least <= wait < 1.25 * least for least, wait in zip(plain, waits, strict=True))
    assert len(set(waits[-10:])) > 5
    book.read(seen(Status.PENDING))
    assert book.due_in(Duty.READ) == Policy().read_interval_ms


def test_a_read_waits_as_long_as_the_provider_asks() -> None:
    """Promise P19: Retry-After holds for reads as for every request; the next good answer ends it."""
    for turned_away in (Denied(429, retry_after_s=7), Garbled("http_503", retry_after_s=7)):
        book = book_in(PaymentState.PENDING)
        book.after(book.due_in(Duty.READ)).read(turned_away)
        assert 7_000 <= book.due_in(Duty.READ) < 8_750
        book.memory.hurried.add(Duty.READ)
        assert book.due_in(Duty.READ) >= 7_000, "an operator's hurry does not change that"
        book.memory.hurried.clear()
        book.after(book.due_in(Duty.READ)).read(seen(Status.PENDING))
        assert book.due_in(Duty.READ) == Policy().read_interval_ms


def test_a_provider_that_cannot_be_read_is_not_read() -> None:
    """The machine owes by capability."""
    book = link_shown(replace(PAYCONNECT, read=False))
    assert [one.duty for one in book.owed] == [Duty.BEGIN_CANCEL]


# --- the wait limit and X attempts ---


def test_the_wait_limit_runs_from_the_first_answer() -> None:
    """Koshelek: 30 s after its first answer the payment is canceled, whatever the send deadline was."""
    book = Book()
    book.after(20_000).attempt(seen(Status.NEW))
    assert book.due_in(Duty.BEGIN_CANCEL) == 30_000
    book.after(10_000).read(seen(Status.PENDING))
    owed = book.owes(Duty.BEGIN_CANCEL)
    assert owed is not None
    assert (owed.at - book.now.ticks, owed.why) == (20_000, CancelCause.WAIT_LIMIT)


@pytest.mark.parametrize("name", LINKS)
def test_a_link_may_be_waited_for_longer(name: str) -> None:
    """Link providers: 180 s, and never more than the policy allows; then a look that is answered, or ten seconds without an answer."""
    for policy, limit_ms in ((Policy(wait_limit_ms=10**6), 180_000), (Policy(wait_limit_ms=10_000), 10_000)):
        book = link_shown(LINKS[name], policy)
        assert book.due_in(Duty.BEGIN_CANCEL) == limit_ms + policy.link_wait_ms
        book.after(limit_ms - 100).read(seen(Status.PENDING))
        assert book.due_in(Duty.BEGIN_CANCEL) == 100 + policy.link_wait_ms, "a look before the limit is none"
        book.after(100).read(Unclear("timeout"))
        assert book.due_in(Duty.BEGIN_CANCEL) == policy.link_wait_ms, "a look without an answer is none"
        assert 0 < book.due_in(Duty.READ) <= 5_000
        book.after(5_000).read(seen(Status.PENDING))
        assert book.due_in(Duty.BEGIN_CANCEL) == 0


def test_x_unanswered_attempts_cancel() -> None:
    """After three maybe-sent attempts without an answer, and not before; attempts that were NOT SENT do not count (rule 6)."""
    book = Book()
    for attempt in range(3):
        for _ in range(2):
            book.attempt(NotSent("refused"))
        owed = book.owes(Duty.BEGIN_CANCEL)
        assert owed is None or owed.why == CancelCause.DEADLINE, attempt
        book.attempt(Unclear("timeout"))
    owed = book.owes(Duty.BEGIN_CANCEL)
    assert owed is not None
    assert (owed.at - book.now.ticks, owed.why) == (0, CancelCause.NO_ANSWER)
    assert book.owes(Duty.SEND) is None


def test_a_repeat_is_the_same_request() -> None:
    """No answer: the same requestId and the same body, after a back-off."""
    book = Book()
    first = book.start()
    request = book.sale.call and book.sale.call.request
    book.end(Unclear("timeout"))
    assert 500 <= book.due_in(Duty.SEND) <= 625
    assert book.start() == first
    assert book.sale.call is not None
    assert book.sale.call.request is request


def test_a_sale_that_may_have_been_sent_is_canceled_at_its_deadline() -> None:
    """Maybe-sent, the deadline passes: cancel; a repeat is not owed after it."""
    book = book_in(PaymentState.UNKNOWN)
    assert book.due_in(Duty.BEGIN_CANCEL) + book.now.ticks == book.sale.deadline.ticks
    book.after(29_900)
    assert [(one.duty, one.why) for one in book.owed] == [(Duty.BEGIN_CANCEL, CancelCause.DEADLINE)]


def test_while_a_repeat_is_under_way_no_other_is_owed() -> None:
    """One attempt at a time; the deadline runs on beside it."""
    book = book_in(PaymentState.UNKNOWN)
    book.start()
    assert [(one.duty, one.why) for one in book.owed] == [(Duty.BEGIN_CANCEL, CancelCause.DEADLINE)]


def test_repeats_come_ever_more_slowly() -> None:
    """Promise P19: lost attempts back off like held ones, up to the cap."""
    book, waits = searching(), []
    for _ in range(8):
        book.attempt(Unclear("timeout"))
        waits.append(book.due_in(Duty.SEND))
        book.until(book.owes(Duty.SEND) or book.owed[0])
    assert waits[0] < 1_300 < 2_000 <= waits[2]
    assert waits[-1] >= Policy().checkout_backoff.cap_ms


def test_no_second_copy_where_two_are_two_payments() -> None:
    """A provider whose create is not idempotent never gets a repeat of what may have been sent (promise P1) before it was asked, and said
    twice that it knows nothing; one that cannot be asked gets none at all."""
    blind = book_in(PaymentState.UNKNOWN, caps=PAYCONNECT)
    assert [one.duty for one in blind.owed] == [Duty.BEGIN_CANCEL]
    blind.begin_cancel(CancelCause.DEADLINE)
    assert [one.duty for one in blind.owed] == [Duty.GIVE_UP]
    unsent = Book(caps=SOFTLINE)
    unsent.attempt(NotSent("refused"))
    assert unsent.owes(Duty.SEND) is not None, "what was proven unsent may go out"


# --- the search for an unknown transaction ---


def test_a_cancel_without_a_transaction_repeats_the_checkout() -> None:
    """A cancel needs the transaction, so the same request goes out until its answer names it."""
    book = searching()
    assert {one.duty for one in book.owed} == {Duty.SEND, Duty.GIVE_UP}
    book.start()
    assert book.owed == [], "one attempt at a time"


def test_what_the_search_finds_is_canceled_at_once() -> None:
    """The transaction shows up: cancel it, now."""
    book = searching()
    book.attempt(seen(Status.PENDING))
    assert (book.state, book.due_in(Duty.CANCEL)) == (PaymentState.CANCELING, 0)


def test_the_search_lasts_a_minute_after_the_deadline() -> None:
    """The provider was reached all the time: 60 s after the send deadline the window closes."""
    book = searching()
    assert book.due_in(Duty.GIVE_UP) + book.now.ticks == book.sale.deadline.ticks + 60_000
    book.until(book.owes(Duty.GIVE_UP) or book.owed[0])
    owed = book.owes(Duty.GIVE_UP)
    assert owed is not None
    assert (owed.at, owed.why) == (book.now.ticks, "WINDOW_CLOSED")
    assert book.owes(Duty.SEND) is None, "not after the window"


def test_the_search_lasts_a_minute_from_the_first_contact() -> None:
    """Out of reach, then reachable again: 60 s from the first attempt that reached the provider, not from the latest."""
    book = searching()
    book.after(200_000).attempt(NotSent("refused"))
    book.after(10_000).attempt(Unclear("timeout"))
    back = book.now.ticks
    book.after(20_000).attempt(Unclear("timeout"))
    assert book.due_in(Duty.GIVE_UP) + book.now.ticks == back + 60_000


def test_a_shut_door_is_contact() -> None:
    """401 comes from the provider: it is reachable, and the minute runs."""
    book = searching()
    book.after(200_000).attempt(NotSent("refused"))
    book.attempt(Denied(401))
    assert book.due_in(Duty.GIVE_UP) == 60_000


def test_out_of_reach_the_search_goes_on_to_the_limit() -> None:
    """No contact: until ten minutes after the first sending, for how long a requestId lives is unknown."""
    book = searching()
    first = first_sent(book)
    book.attempt(NotSent("refused"))
    assert book.due_in(Duty.GIVE_UP) + book.now.ticks == first.ticks + 600_000


def test_contact_never_stretches_the_window_beyond_the_limit() -> None:
    """First contact in the tenth minute: ten minutes stay ten minutes, and the next repeat is not owed after them."""
    book = searching()
    first = first_sent(book)
    book.after(590_000).attempt(NotSent("refused"))
    book.attempt(Unclear("timeout"))
    assert book.due_in(Duty.GIVE_UP) + book.now.ticks == first.ticks + 600_000
    book.after(20_000)
    assert [(one.duty, one.at - book.now.ticks) for one in book.owed] == [(Duty.GIVE_UP, 0)]


@pytest.mark.parametrize("boot", [False, True])
def test_contact_counts_anew_after_a_start(boot: bool) -> None:
    """Restarts and reboots included: a contact of the last process opens no minute for this one, its own first one does."""
    book = searching()
    sent_wall = first_sent(book).wall
    book.after(120_000)
    if boot:
        book.reboot(dark_ms=60_000)
    else:
        book.restart()
    begin = book.now.ticks
    left = 600_000 - int((book.now.wall - sent_wall).total_seconds() * 1000)
    assert book.due_in(Duty.GIVE_UP) == left, "no attempt of this process has ended yet"
    book.after(3_000).attempt(Unclear("timeout"))
    assert book.due_in(Duty.GIVE_UP) + book.now.ticks == begin + 60_000
    book.after(5_000).attempt(NotSent("refused"))
    book.after(5_000).attempt(Unclear("timeout"))
    assert book.due_in(Duty.GIVE_UP) == 60_000, "lost and found again"


def test_an_attempt_that_died_with_its_process_is_no_contact() -> None:
    """Open when the process died: it tells nothing of the provider, although the next one recorded its end."""
    book = searching()
    book.after(120_000).start()
    book.restart()
    assert book.due_in(Duty.GIVE_UP) + book.now.ticks == first_sent(book).ticks + 600_000


def test_a_first_sending_of_unknown_age_ends_the_search() -> None:
    """Rule 9: an implausible age is no reason to go on repeating; a person, never "not paid"."""
    book = searching()
    book.reboot(wall_ms=-3_600_000)
    assert [(one.duty, one.at - book.now.ticks) for one in book.owed] == [(Duty.GIVE_UP, 0)]


def test_a_late_answer_in_attention_is_canceled_at_once() -> None:
    """The window is closed, the answer comes: what it finds is canceled, and the reason says that it was found late."""
    book = searching()
    book.record(PERSON)
    book.end(seen(Status.PENDING), late=True)
    assert (book.state, book.due_in(Duty.CANCEL), book.answer.reason) == (PaymentState.CANCELING, 0, None)
    book.attempt(ACCEPTED_CANCEL, CANCEL)
    book.read(seen(Status.CANCELED))
    assert book.state is PaymentState.CANCELED


def test_found_late_is_the_reason_of_a_payment_that_nobody_canceled() -> None:
    """What was lost for the machine - say, its secrets - and is found after all is canceled for that."""
    book = book_in(PaymentState.UNKNOWN)
    book.record(PERSON)
    book.end(seen(Status.NEW), late=True)
    book.read(seen(Status.CANCELED))
    assert (book.state, book.answer.reason) == (PaymentState.CANCELED, "FOUND_LATE")


# --- the cancel ---


def test_the_word_of_a_cancel_is_not_believed() -> None:
    """Promise P3: only a status read shows that a payment is canceled."""
    book = canceling()
    book.attempt(ACCEPTED_CANCEL, CANCEL)
    assert (book.state, book.answer.finished) == (PaymentState.CANCELING, False)
    assert book.due_in(Duty.READ) <= 300
    book.read(seen(Status.CANCELED))
    assert (book.state, book.answer.success, book.answer.money) == (PaymentState.CANCELED, False, Money.NONE)


@pytest.mark.parametrize(
    "result", [Refused("WRONG_TRANSACTION_STATE_CHANGE", Refusal.WRONG_STATE), seen(Status.REJECTED, ref=RefStatus.REJECTED)]
)
def test_a_refused_cancel_is_read_and_asked_again_ever_more_slowly(result: Refused | Observed) -> None:
    """The provider refused, the payment still waits: it is read, and the cancel goes out again under a new id, less and less often."""
    book, waits, ids = canceling(), [], set()
    for _ in range(6):
        ids.add(book.start(CANCEL))
        book.end(result, CANCEL)
        assert book.state is PaymentState.CANCELING
        assert book.owes(Duty.READ) is not None
        waits.append(book.due_in(Duty.CANCEL))
        book.until(book.owes(Duty.CANCEL) or book.owed[0])
    assert len(ids) == 6
    assert waits == sorted(waits)
    assert waits[0] >= 2_000
    assert waits[-1] == Policy().settle_backoff.cap_ms


def test_a_cancel_for_an_unknown_shop_raises_an_alarm() -> None:
    """A fault of the settings does not stay unseen behind the retries."""
    book = canceling()
    book.attempt(Refused("UNKNOWN_PARTNER_ID", Refusal.CONFIGURATION), CANCEL)
    assert (book.state, book.alarms) == (PaymentState.CANCELING, {"UNKNOWN_PARTNER_ID"})


def test_an_unclear_cancel_repeats_under_its_own_id() -> None:
    """No answer to a cancel: the same id, after a back-off, while the status is read beside it."""
    book = canceling()
    first = book.start(CANCEL)
    assert book.owed == []
    book.end(Unclear("timeout"), CANCEL)
    assert 1_000 <= book.due_in(Duty.CANCEL) <= 1_250
    assert book.owes(Duty.READ) is not None
    assert book.start(CANCEL) == first


def test_a_cancel_that_cannot_be_sent_waits_for_the_link() -> None:
    """Rule 6: cancels have no deadline; while there is no link nothing is read either."""
    book = canceling()
    for _ in range(30):
        book.attempt(NotSent("refused"), CANCEL)
        assert [one.duty for one in book.owed] == [Duty.CANCEL]
        book.until(book.owed[0])
    assert book.state is PaymentState.CANCELING


def test_a_cancel_that_is_turned_away_does_not_blind_us() -> None:
    """The door of the cancel is shut, the payment goes on behind it: its status is read, and a payment that was made is found (P2)."""
    book = canceling()
    book.attempt(Denied(403), CANCEL)
    assert {one.duty for one in book.owed} == {Duty.CANCEL, Duty.READ}
    book.read(seen(Status.ACCEPTED, slip()))
    assert book.state is PaymentState.PAID


def test_a_cancel_left_by_another_boot_is_due_at_once() -> None:
    """Rule 9: what was answered or sent before a reboot is taken up at the start."""
    book = canceling()
    book.attempt(ACCEPTED_CANCEL, CANCEL)
    book.reboot()
    assert (book.due_in(Duty.CANCEL), book.due_in(Duty.READ)) == (0, 0)


@pytest.mark.parametrize("by", ["cashier", "limit"])
def test_a_cancel_that_meets_accepted_gives_paid(by: str) -> None:
    """Whoever asked for it: the customer was faster, and no not-paid answer was handed out."""
    book = book_in(PaymentState.PENDING)
    if by == "cashier":
        book.cancel()
    else:
        book.begin_cancel()
    book.attempt(seen(Status.ACCEPTED, slip(), ref=RefStatus.REJECTED), CANCEL)
    assert (book.state, book.answer.slip) == (PaymentState.PAID, slip())


def test_a_cancel_that_meets_accepted_without_a_slip_is_read_on() -> None:
    """The word without a proof is left to the status read."""
    book = canceling()
    book.attempt(seen(Status.ACCEPTED, ref=RefStatus.REJECTED), CANCEL)
    assert (book.state, book.sale.charged) == (PaymentState.CANCELING, False)


def test_a_cancel_answer_about_another_transaction_proves_nothing() -> None:
    """The alarm is raised, the cancel is asked again under a new id, and the stranger's reference is not ours."""
    book = canceling()
    book.attempt(seen(Status.ACCEPTED, slip(), tx="tx-2", ref=RefStatus.ACCEPTED, ref_id="ref-x"), CANCEL)
    assert (book.state, book.alarms, book.sale.cancel_refs) == (PaymentState.CANCELING, {"OTHER_TRANSACTION"}, frozenset())
    assert book.due_in(Duty.CANCEL) > 0


def test_a_late_answer_of_a_cancel_counts_once() -> None:
    """Rule 13: a late answer is recorded; late failures and second answers are not."""
    book = canceling()
    book.attempt(Unclear("timeout"), CANCEL)
    assert book.end(Unclear("reset"), CANCEL, late=True) == []
    book.start(CANCEL)
    assert book.end(NotSent("refused"), CANCEL, late=True) == []
    book.end(ACCEPTED_CANCEL, CANCEL, late=True)
    assert book.sale.cancel_refs == {"ref-c"}
    assert book.end(ACCEPTED_CANCEL, CANCEL) == []


def test_the_cashier_joins_a_cancel_that_has_begun() -> None:
    """The reason becomes the cashier's; asking twice adds nothing."""
    book = book_in(PaymentState.PENDING)
    book.begin_cancel(CancelCause.WAIT_LIMIT)
    book.cancel()
    assert book.cancel() == []
    book.read(seen(Status.CANCELED))
    assert (book.answer.reason, book.sale.cancel_cause) == ("CANCELED_BY_CASHIER", CancelCause.WAIT_LIMIT)


def test_the_reason_of_a_cancel_is_its_cause() -> None:
    """Nobody at the till asked: the machine's own reason stands."""
    book = book_in(PaymentState.PENDING)
    book.begin_cancel(CancelCause.WAIT_LIMIT)
    book.read(seen(Status.CANCELED))
    assert book.answer.reason == "WAIT_LIMIT"


def test_what_was_never_sent_is_canceled_by_word_alone() -> None:
    """Queued and proven unsent: the cashier's word is enough."""
    for book in (Book(), Book()):
        book.cancel()
        assert (book.state, book.answer.reason) == (PaymentState.CANCELED, "CANCELED_BY_CASHIER")


@pytest.mark.parametrize(
    "state",
    sorted(
        set(PaymentState) - {PaymentState.QUEUED, PaymentState.SENDING, PaymentState.UNKNOWN, PaymentState.PENDING, PaymentState.CANCELING}
    ),
)
def test_a_cancel_of_a_finished_sale_changes_nothing(state: PaymentState) -> None:
    """It answers the sale's state; in attention a person decides."""
    assert book_in(state).cancel() == []


# --- providers without a cancel ---


@pytest.mark.parametrize("by", ["cashier", "limit"])
@pytest.mark.parametrize("name", LINKS)
def test_without_a_cancel_the_link_is_withdrawn(name: str, by: str) -> None:
    """The limit or the POS's cancel answers ``canceled`` with ``money: possible``; the payment is watched and late money returns."""
    book = book_in(PaymentState.PENDING, caps=LINKS[name])
    if by == "cashier":
        book.cancel()
    else:
        book.begin_cancel()
    assert (book.state, book.answer.success, book.answer.money) == (PaymentState.CANCELED, False, Money.POSSIBLE)
    assert [one.duty for one in book.owed] == [Duty.READ]
    book.tell()
    book.until(book.owed[0]).read(seen(Status.ACCEPTED, slip()))
    assert (book.state, book.answer.money) == (PaymentState.CANCELED, Money.RETURNING)


def test_a_withdrawn_link_is_safe_when_its_watch_is_over() -> None:
    """All planned looks saw no money, and nothing that could still be paid: ``money: none``."""
    book = book_in(PaymentState.PENDING, caps=PAYCONNECT)
    book.cancel()
    book.after(PAYCONNECT.rereads_ms[-1]).read(seen(Status.ABSENT))
    assert (book.answer.money, book.owed) == (Money.NONE, [])


def test_a_link_that_was_paid_is_not_withdrawn() -> None:
    """The provider says accepted and owes the slip: a cancel must not answer "canceled" over money that was taken."""
    book = book_in(PaymentState.PENDING, caps=PAYCORE)
    book.read(seen(Status.ACCEPTED))
    book.cancel()
    assert (book.state, book.answer.finished, book.answer.money) == (PaymentState.CANCELING, False, Money.CHARGED)
    book.read(seen(Status.ACCEPTED, slip()))
    assert book.state is PaymentState.PAID


# --- back-off ---


def test_back_off_grows_to_its_cap_with_jitter() -> None:
    """Promise P19: waits double up to a cap, and a thousand tills do not come back together."""
    back_off = BackOff(500, 5_000)
    assert [back_off.after(n) for n in (0, 1, 2, 3, 4, 5, 50, 10_000)] == [500, 500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]
    dues = set()
    for till in range(50):
        book = Book()
        book.ids = till
        for _ in range(4):
            book.attempt(NotSent("refused"))
        dues.add(book.due_in(Duty.SEND))
    assert len(dues) > 40
    assert min(dues) >= 4_000
    assert max(dues) < 5_000
