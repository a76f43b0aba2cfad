"""Money rule 3: HTTP 200 is not "paid". Only an accepted status of this transaction with our amount, order and currency is."""

from dataclasses import replace

import pytest

from agent.core import answer, events
from agent.core.alarms import standing
from agent.core.answer import Money, Next
from agent.core.duty import Duty
from agent.core.events import CancelCause
from agent.core.model import Slip
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import RefundState
from agent.core.verdict import Denied, Garbled, NotSent, Observed, Refusal, Refused, Status, Unclear
from tests.core.book import Book, book_in, seen
from tests.core.samples import slip

OPEN = [PaymentState.PENDING, PaymentState.CANCELING]
NOT_FINAL = [Status.NEW, Status.PENDING, Status.UNKNOWN, Status.ABSENT]
ELSEWHERE = [Status.REFUNDING, Status.REFUNDED, Status.PARTIAL_REFUNDED]
NO_WORD = [Unclear("timeout"), Garbled("http_500"), NotSent("refused"), Denied(429), Refused("NEW_CODE", Refusal.UNKNOWN)]


@pytest.mark.parametrize("state", [*OPEN, PaymentState.ATTENTION])
def test_accepted_with_our_slip_is_paid(state: PaymentState) -> None:
    """The one way to ``paid``, from wherever the payment was waited for."""
    book = book_in(state)
    book.read(seen(Status.ACCEPTED, slip()))
    assert (book.state, book.answer.success, book.answer.money) == (PaymentState.PAID, True, Money.CHARGED)
    assert book.answer.slip == slip()


def test_a_checkout_that_is_accepted_at_once_is_paid() -> None:
    """The first answer may already prove the payment."""
    book = Book()
    book.attempt(seen(Status.ACCEPTED, slip()))
    assert book.state is PaymentState.PAID


@pytest.mark.parametrize("status", NOT_FINAL)
@pytest.mark.parametrize("state", OPEN)
def test_no_other_word_is_final(state: PaymentState, status: Status) -> None:
    """New, pending, absent, and a word that nobody has heard of: the payment stays open, even beside a perfect slip."""
    book = book_in(state)
    book.read(seen(status, slip()))
    assert (book.state, book.answer.finished, book.answer.success) == (state, False, None)
    assert book.alarms == ({"UNKNOWN_STATUS"} if status is Status.UNKNOWN else set())


@pytest.mark.parametrize("result", NO_WORD)
def test_a_read_that_brings_no_word_changes_nothing(result: Unclear | Garbled | NotSent | Denied | Refused) -> None:
    """Rule 2 for reads: nothing is decided and nothing is recorded."""
    book = book_in(PaymentState.PENDING)
    assert book.read(result) == []


def test_a_read_that_is_turned_away_wakes_the_technician() -> None:
    """A shut door cannot tell a result; the alarm is raised once."""
    book = book_in(PaymentState.PENDING)
    book.read(Denied(403))
    book.read(Denied(403))
    assert (book.state, book.alarms) == (PaymentState.PENDING, {"ACCESS_DENIED"})
    assert book.kinds().count("AlarmRaised") == 1


def test_the_providers_refusal_declines_with_its_reason() -> None:
    """Promise P3: not paid on the provider's final refusal; without a code the reason says that it gave none."""
    book, silent = book_in(PaymentState.PENDING), book_in(PaymentState.PENDING)
    book.read(seen(Status.REJECTED, error="NOT_ENOUGH_LIMIT_TO_PAY"))
    silent.read(seen(Status.REJECTED))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.DECLINED, "NOT_ENOUGH_LIMIT_TO_PAY", Money.NONE)
    assert silent.answer.reason == "REJECTED"


def test_the_customer_can_cancel() -> None:
    """Canceled by the provider's word although nobody at the till asked for it."""
    book = book_in(PaymentState.PENDING)
    book.read(seen(Status.CANCELED))
    assert (book.state, book.answer.reason) == (PaymentState.CANCELED, "CANCELED_BY_CUSTOMER")


WRONG = {
    "AMOUNT_MISMATCH": slip(total=45_001),
    "ORDER_MISMATCH": slip(order_id="order-2"),
    "CURRENCY_MISMATCH": slip(currency="USD"),
}


@pytest.mark.parametrize("reason", WRONG)
@pytest.mark.parametrize("state", [*OPEN, PaymentState.ATTENTION])
def test_a_slip_that_is_not_ours_is_never_paid(state: PaymentState, reason: str) -> None:
    """Another amount, order or currency: money was taken, a person must look, and is called (promise P2)."""
    book = book_in(state)
    book.read(seen(Status.ACCEPTED, WRONG[reason]))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.ATTENTION, reason, Money.CHARGED)
    assert (book.answer.finished, book.answer.success, book.answer.next) == (False, None, Next.PERSON)
    assert reason in book.alarms
    book.record([events.AttentionNeeded("WINDOW_CLOSED")])
    assert answer.row(book.sale).qrc_id == "QRC1", "what is known of the operation can be searched for, whatever else is learnt"
    assert book.answer.slip is None, "it is not shown as ours"


def test_an_absent_currency_is_roubles() -> None:
    """A slip without a currency is one in roubles, as the bill is."""
    book = book_in(PaymentState.PENDING)
    book.read(seen(Status.ACCEPTED, Slip(slip().total_amount, "order-1")))
    assert book.state is PaymentState.PAID


def test_people_are_called_once_for_each_thing_that_is_wrong() -> None:
    """A provider that keeps changing its mind must not fill the record: each mismatch is recorded once."""
    book = book_in(PaymentState.PENDING)
    for _ in range(5):
        for wrong in WRONG.values():
            book.after(1_000).read(seen(Status.ACCEPTED, wrong))
    assert book.kinds().count("AttentionNeeded") == len(WRONG)
    assert book.alarms == set(WRONG)
    book.read(seen(Status.ACCEPTED, slip()))
    assert book.state is PaymentState.PAID, "later evidence moves it on"


@pytest.mark.parametrize("wrong", [slip(store_id="KOSHELEK-42"), slip(terminal_id="t-9")])
def test_another_store_is_an_alarm_and_still_paid(wrong: Slip) -> None:
    """The vendor's own examples name other stores: an alarm, raised once, and no doubt about the money."""
    book = book_in(PaymentState.PENDING)
    book.read(seen(Status.ACCEPTED, wrong))
    assert (book.state, book.alarms) == (PaymentState.PAID, {"STORE_MISMATCH"})


def test_more_than_was_asked_is_seen_by_people() -> None:
    """The bill is paid, and what came beyond it is somebody's: the alarm stands until a person has seen it, also of a sale that is over."""
    book = book_in(PaymentState.PENDING)
    book.read(replace(seen(Status.ACCEPTED, slip()), surplus=Kopecks(500)))
    assert (book.state, standing(book.tell().sale)) == (PaymentState.PAID, ("OVERPAID",))
    assert [one.surplus for one, _ in book.history if isinstance(one, events.AlarmRaised)] == [500], "the story says how much"
    late = book_in(PaymentState.CANCELED).tell()
    late.read(replace(seen(Status.ACCEPTED, slip()), surplus=Kopecks(500)))
    assert (late.sale.late_money, late.alarms) == (True, {"LATE_MONEY", "OVERPAID"})
    (back,) = late.sale.refunds
    assert (back.state, back.reason) == (RefundState.ATTENTION, "OVERPAID"), "the sum of the bill is not all that has to go back"


def test_another_store_is_attention_where_the_switch_says_so() -> None:
    """With the switch a person decides, however often the same slip comes."""
    book = book_in(PaymentState.PENDING, Policy(store_mismatch_is_attention=True))
    for _ in range(3):
        book.after(1_000).read(seen(Status.ACCEPTED, slip(store_id="KOSHELEK-42")))
        assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.ATTENTION, "STORE_MISMATCH", Money.CHARGED)
    assert book.kinds().count("AlarmRaised") == 1
    plain = book_in(PaymentState.PENDING, Policy(store_mismatch_is_attention=True))
    plain.read(seen(Status.ACCEPTED, replace(slip(), store_id=None, terminal_id=None)))
    assert plain.state is PaymentState.PAID, "a slip that names no store names no other one"


@pytest.mark.parametrize("state", OPEN)
def test_accepted_without_a_slip_is_read_on_for_five_seconds(state: PaymentState) -> None:
    """The money is taken and not proven: no answer yet, no cancel, reads go on, and after 5 s a person."""
    book = book_in(state)
    book.read(seen(Status.ACCEPTED))
    assert (book.state, book.answer.finished, book.answer.money) == (state, False, Money.CHARGED)
    assert book.read(seen(Status.ACCEPTED)) == []
    assert {one.duty for one in book.owed} == {Duty.READ, Duty.GIVE_UP}
    assert (book.due_in(Duty.GIVE_UP), book.owes(Duty.CANCEL)) == (5_000, None)
    assert 250 <= book.due_in(Duty.READ) <= 500


@pytest.mark.parametrize("state", OPEN)
def test_a_slip_that_comes_in_time_proves_the_payment(state: PaymentState) -> None:
    """Within the 5 s the slip arrives: paid."""
    book = book_in(state)
    book.read(seen(Status.ACCEPTED))
    book.after(4_000).read(seen(Status.ACCEPTED, slip()))
    assert (book.state, book.answer.slip) == (PaymentState.PAID, slip())


def test_the_word_accepted_can_be_taken_back() -> None:
    """A final refusal after it is still the provider's final word."""
    book = book_in(PaymentState.PENDING)
    book.read(seen(Status.ACCEPTED))
    book.read(seen(Status.REJECTED, error="EXTERNAL_PROVIDER_ERROR"))
    assert (book.state, book.answer.money) == (PaymentState.DECLINED, Money.NONE)


def test_accepted_without_a_slip_in_attention_says_that_money_was_taken() -> None:
    """A person waits already: what is known about the money is put on record once."""
    book = book_in(PaymentState.ATTENTION)
    book.read(seen(Status.ACCEPTED))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.ATTENTION, "SLIP_MISSING", Money.CHARGED)
    assert book.read(seen(Status.ACCEPTED)) == []


@pytest.mark.parametrize("status", ELSEWHERE)
@pytest.mark.parametrize("state", OPEN)
def test_money_that_somebody_else_returns_needs_a_person(state: PaymentState, status: Status) -> None:
    """A payment we wait for was taken and is being returned by others: neither paid nor unpaid."""
    book = book_in(state)
    book.read(seen(status, slip()))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.ATTENTION, "REFUNDED_ELSEWHERE", Money.CHARGED)
    assert "REFUNDED_ELSEWHERE" in book.alarms


@pytest.mark.parametrize("status", ELSEWHERE)
def test_what_others_return_says_nothing_new_to_a_paid_sale(status: Status) -> None:
    """A paid sale stays paid: its refunds are read on their own."""
    book = book_in(PaymentState.PAID)
    assert book.read(seen(status, slip())) == []


def test_an_answer_about_another_transaction_proves_nothing() -> None:
    """Not even with our own amount and order; the alarm is raised once."""
    book = book_in(PaymentState.PENDING)
    book.read(seen(Status.ACCEPTED, slip(), tx="tx-2"))
    book.read(seen(Status.REJECTED, tx="tx-2"))
    assert (book.state, book.alarms) == (PaymentState.PENDING, {"OTHER_TRANSACTION"})


@pytest.mark.parametrize("word", [Observed(Status.ABSENT), Refused("UNKNOWN_TRANSACTION_ID", Refusal.NOT_FOUND)])
def test_a_payment_the_provider_does_not_know_is_no_refusal(word: Observed | Refused) -> None:
    """A lagging replica says so for seconds; while it is canceled, ten minutes of it call a person, and nothing decides "not paid"."""
    pending = book_in(PaymentState.PENDING)
    assert pending.read(word) == []
    book = book_in(PaymentState.PENDING)
    book.begin_cancel(CancelCause.WAIT_LIMIT)
    book.after(599_000)
    assert book.read(word) == []
    book.after(1_500).read(word)
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.ATTENTION, "UNKNOWN_TRANSACTION_ID", Money.POSSIBLE)
    assert "UNKNOWN_TRANSACTION_ID" in book.alarms


@pytest.mark.parametrize("status", [Status.REJECTED, Status.CANCELED])
def test_a_payment_in_attention_ends_by_the_providers_word(status: Status) -> None:
    """What a person was called for may clear itself up."""
    book = book_in(PaymentState.ATTENTION)
    book.read(seen(status))
    assert (book.answer.finished, book.answer.success, book.answer.money) == (True, False, Money.NONE)
