"""Money rule 5: handed out is frozen; money found after a not-paid answer goes back by itself; what nobody asked for is not forgotten."""

from dataclasses import replace

import pytest

from agent.core import answer, decide_asked, events, evidence
from agent.core.answer import Money
from agent.core.duty import Duty
from agent.core.machine import IllegalTransition
from agent.core.model import Slip
from agent.core.obligations import owes
from agent.core.payment import NOT_PAID, PaymentState
from agent.core.policy import Policy, Unclaimed
from agent.core.refund import RefundCause, RefundState
from agent.core.verdict import Observed, Refusal, Refused, Status, Unclear
from tests.core.book import WHOLE_AMOUNT, Book, book_in, seen
from tests.core.samples import HISTORIES, WHOLE, sale_in, sale_of, slip, told

LATE = [PaymentState.CANCELED, PaymentState.DECLINED]  # not paid by the provider's word
RETURN = evidence.RETURN_KEY
DAY_MS = 86_400_000


# --- frozen ---


@pytest.mark.parametrize("state", LATE)
def test_before_it_is_told_a_not_paid_sale_may_turn_out_paid(state: PaymentState) -> None:
    """Nobody was told anything: the better knowledge wins."""
    book = book_in(state)
    book.end(seen(Status.ACCEPTED, slip()), late=True)
    assert (book.state, book.answer.success) == (PaymentState.PAID, True)


@pytest.mark.parametrize("state", LATE)
def test_money_after_a_told_not_paid_goes_back_by_itself(state: PaymentState) -> None:
    """The answer stays, a refund of everything that the sale references is owed at once, and people hear of it."""
    book = book_in(state).tell()
    frozen = (book.answer.state, book.answer.success, book.answer.reason, book.answer.rows)
    book.end(seen(Status.ACCEPTED, slip()), late=True)
    assert (book.answer.state, book.answer.success, book.answer.reason, book.answer.rows) == frozen
    one = book.refund(RETURN)
    assert (one.amount, one.lines, one.cause, one.state) == (WHOLE_AMOUNT, WHOLE, RefundCause.LATE_MONEY, RefundState.QUEUED)
    assert (book.answer.money, book.alarms) == (Money.RETURNING, {"LATE_MONEY"})
    assert (book.answer.slip, book.due_in(Duty.REFUND)) == (None, 0)


@pytest.mark.parametrize("word", [seen(Status.ACCEPTED, slip()), seen(Status.ACCEPTED), seen(Status.PARTIAL_REFUNDED)])
def test_late_money_is_found_once(word: Observed) -> None:
    """The same news again opens no second refund."""
    book = book_in(PaymentState.CANCELED).tell()
    book.read(word)
    assert book.read(seen(Status.ACCEPTED, slip())) == []
    assert book.read(seen(Status.PARTIAL_REFUNDED)) == []
    assert len(book.sale.refunds) == 1


def test_late_money_without_a_slip_goes_back_too() -> None:
    """The provider's "accepted" is enough to return what we never wanted."""
    book = book_in(PaymentState.CANCELED).tell()
    book.read(seen(Status.ACCEPTED))
    assert book.refund(RETURN).state is RefundState.QUEUED


@pytest.mark.parametrize("wrong", [slip(total=1), slip(order_id="other")])
def test_late_money_of_another_sum_needs_a_person(wrong: Slip) -> None:
    """What was charged is not what was asked for: no machine returns a sum that it does not know."""
    book = book_in(PaymentState.CANCELED).tell()
    book.read(seen(Status.ACCEPTED, wrong))
    assert (book.refund(RETURN).state, book.answer.money, book.owed) == (RefundState.ATTENTION, Money.STUCK, [])
    assert "LATE_MONEY" in book.alarms


def test_late_money_of_another_store_goes_back_with_an_alarm() -> None:
    """Rule 3: a store that differs raises its alarm here too; the sum is ours, so it goes back, whatever the switch says."""
    book = book_in(PaymentState.CANCELED, Policy(store_mismatch_is_attention=True)).tell()
    book.read(seen(Status.ACCEPTED, slip(store_id="KOSHELEK-42")))
    assert (book.refund(RETURN).state, book.alarms) == (RefundState.QUEUED, {"LATE_MONEY", "STORE_MISMATCH"})


@pytest.mark.parametrize("state", LATE)
@pytest.mark.parametrize("status", [Status.REFUNDING, Status.PARTIAL_REFUNDED])
def test_late_money_that_others_return_in_part_is_not_lost_sight_of(state: PaymentState, status: Status) -> None:
    """Promise P2: told not paid, charged after all, and only a part is known to be back: stuck, with an alarm. Untold: attention."""
    told_book, untold = book_in(state).tell(), book_in(state)
    told_book.end(seen(status), late=True)
    assert (told_book.state, told_book.answer.money) == (state, Money.STUCK)
    assert (told_book.refund(RETURN).reason, "LATE_MONEY" in told_book.alarms) == ("REFUNDED_ELSEWHERE", True)
    untold.end(seen(status), late=True)
    assert (untold.state, untold.answer.money, untold.alarms) == (PaymentState.ATTENTION, Money.CHARGED, {"REFUNDED_ELSEWHERE"})


@pytest.mark.parametrize("state", LATE)
def test_late_money_that_others_returned_in_full_is_an_alarm(state: PaymentState) -> None:
    """Nothing is left to return: the answer was right, and people hear of it once."""
    for book in (book_in(state), book_in(state).tell()):
        book.end(seen(Status.REFUNDED), late=True)
        book.end(seen(Status.REFUNDED), late=True)
        assert (book.state, book.answer.money, book.alarms, book.sale.refunds) == (state, Money.NONE, {"REFUNDED_ELSEWHERE"}, ())


@pytest.mark.parametrize("state", LATE)
def test_an_untold_not_paid_sale_with_a_doubtful_charge_needs_a_person(state: PaymentState) -> None:
    """Before it was told, money that does not fit the bill makes it attention, not paid and not unpaid."""
    for word, reason in ((seen(Status.ACCEPTED, slip(total=1)), "AMOUNT_MISMATCH"), (seen(Status.ACCEPTED), "SLIP_MISSING")):
        book = book_in(state)
        book.end(word, late=True)
        assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.ATTENTION, reason, Money.CHARGED)
        assert reason in book.alarms


@pytest.mark.parametrize("state", [PaymentState.PAID, PaymentState.REVERSED, PaymentState.EXPIRED])
def test_no_word_moves_what_is_over(state: PaymentState) -> None:
    """A stale or contradicting answer changes neither a paid, nor a reversed, nor a never-sent sale."""
    for status in Status:
        for book in (book_in(state), book_in(state).tell()):
            book.read(seen(status, slip()))
            assert book.state is state


def test_only_a_finished_answer_can_be_told_and_once() -> None:
    """Told is a fact about a finished sale; telling it again, or another state, is refused."""
    for state in PaymentState:
        sale = sale_in(state)
        if not sale.finished:
            with pytest.raises(IllegalTransition, match="cannot be told"):
                sale_of([*HISTORIES[state], told(sale)])
    again = sale_in(PaymentState.PAID)
    with pytest.raises(IllegalTransition, match="cannot be told"):
        sale_of([*HISTORIES[PaymentState.PAID], told(again), told(again)])
    with pytest.raises(IllegalTransition, match="cannot be told"):
        sale_of([*HISTORIES[PaymentState.PAID], told(sale_in(PaymentState.CANCELED))])


@pytest.mark.parametrize("state", LATE)
@pytest.mark.parametrize("event", [events.Paid(slip()), events.AttentionNeeded("AMOUNT_MISMATCH")])
def test_the_record_itself_forbids_to_change_a_told_answer(state: PaymentState, event: events.Event) -> None:
    """Promise P4 holds even against a mistake in a decision."""
    with pytest.raises(IllegalTransition, match="was told"):
        sale_of([*HISTORIES[state], told(sale_in(state)), event])
    with pytest.raises(IllegalTransition, match="was told"):
        sale_of([*HISTORIES[PaymentState.PAID], told(sale_in(PaymentState.PAID)), events.Reversed()])


@pytest.mark.parametrize("state", LATE)
def test_late_money_is_late_only_after_a_told_answer(state: PaymentState) -> None:
    """Before anybody was told there is nothing to be late for, and it is found once."""
    with pytest.raises(IllegalTransition, match="before any answer was told"):
        sale_of([*HISTORIES[state], events.LateMoneyFound(slip())])
    with pytest.raises(IllegalTransition, match="found before"):
        sale_of([*HISTORIES[state], told(sale_in(state)), events.LateMoneyFound(), events.LateMoneyFound()])


def test_confirm_follows_telling_and_happens_once() -> None:
    """Only an answer that was handed out can be confirmed."""
    paid = [*HISTORIES[PaymentState.PAID]]
    confirmed = sale_of([*paid, told(sale_in(PaymentState.PAID)), events.Confirmed("pos")])
    assert answer.answer(confirmed).confirmed
    for history in (paid, [*paid, told(sale_in(PaymentState.PAID)), events.Confirmed()]):
        with pytest.raises(IllegalTransition, match="confirmed"):
            sale_of([*history, events.Confirmed()])


# --- paid, and told to nobody ---


def test_paid_for_nobody_is_noticed_after_two_minutes() -> None:
    """120 s from the payment; by default it stays paid, with an alarm, and then nothing more is owed."""
    book = book_in(PaymentState.PAID)
    owed = book.owes(Duty.UNCLAIMED)
    assert owed is not None
    assert (owed.at - book.now.ticks, owed.why) == (120_000, "keep")
    book.until(owed).record(decide_asked.unclaimed(book.sale, back=False))
    assert (book.state, book.alarms, book.owed, owes(book.sale)) == (PaymentState.PAID, {"UNCLAIMED"}, [], False)


@pytest.mark.parametrize("boot", [False, True])
def test_the_two_minutes_count_anew_after_each_start(boot: bool) -> None:
    """A POS that was off together with the till gets its time."""
    book = book_in(PaymentState.PAID).after(119_000)
    if boot:
        book.reboot()
    else:
        book.restart()
    assert book.due_in(Duty.UNCLAIMED) == 120_000


def test_what_was_told_is_not_unclaimed() -> None:
    """Handed out, confirmed or not: nothing is owed for it."""
    book = book_in(PaymentState.PAID).tell()
    assert (book.owed, decide_asked.unclaimed(book.sale, back=True)) == ([], [])


def test_a_paid_sale_that_was_to_be_canceled_goes_back() -> None:
    """The POS had asked to cancel: reversed and the refund's intent in one commit, before any request."""
    book = book_in(PaymentState.CANCELING)
    book.read(seen(Status.ACCEPTED, slip()))
    owed = book.owes(Duty.UNCLAIMED)
    assert owed is not None
    assert owed.why == "return"
    found = decide_asked.unclaimed(book.sale, back=True)
    assert [type(event) for event in found[:2]] == [events.Reversed, events.RefundOpened]
    book.record(found)
    assert (book.state, book.answer.success, book.answer.money) == (PaymentState.REVERSED, False, Money.RETURNING)
    assert (book.refund(RETURN).cause, book.refund(RETURN).amount) == (RefundCause.UNCLAIMED, WHOLE_AMOUNT)


def test_a_terminal_may_return_what_nobody_claims() -> None:
    """The terminal's policy ``return``."""
    owed = book_in(PaymentState.PAID, Policy(unclaimed=Unclaimed.RETURN)).owes(Duty.UNCLAIMED)
    assert owed is not None
    assert owed.why == "return"


def test_what_is_being_refunded_already_is_not_reversed() -> None:
    """Somebody asked for a refund of an untold payment: it is claimed in a way; no second return."""
    book = book_in(PaymentState.PAID)
    book.ask_refund()
    assert [type(event) for event in decide_asked.unclaimed(book.sale, back=True)] == [events.AlarmRaised]


def test_only_a_paid_sale_can_be_unclaimed() -> None:
    """Anything else meets the duty too late."""
    for state in set(PaymentState) - {PaymentState.PAID}:
        assert decide_asked.unclaimed(sale_in(state), back=True) == []


# --- watching after a cancel ---


def test_after_canceled_the_status_is_read_at_1_10_60_minutes_and_24_hours() -> None:
    """Late money must not go unnoticed; after the last look the watch is over and nothing is owed."""
    book = book_in(PaymentState.CANCELED).tell()
    ended = book.now.ticks
    looks = []
    while book.owed:
        assert [one.duty for one in book.owed] == [Duty.READ]
        assert owes(book.sale)
        book.until(book.owed[0])
        looks.append(book.now.ticks - ended)
        book.read(seen(Status.CANCELED))
    assert looks == [60_000, 600_000, 3_600_000, DAY_MS]
    assert (book.sale.watch_over, owes(book.sale)) == (True, False)


def test_a_look_that_shows_nothing_is_made_again() -> None:
    """A failed read is no look; an early answer is none either."""
    book = book_in(PaymentState.CANCELED).tell()
    assert book.read(seen(Status.CANCELED)) == []
    book.after(60_000)
    assert book.read(Unclear("timeout")) == []
    assert book.read(Refused("NEW_CODE", Refusal.UNKNOWN)) == []
    assert 0 < book.due_in(Duty.READ) <= Policy().read_cap_ms
    book.read(seen(Status.UNKNOWN))
    assert book.kinds()[-1] == "AlarmRaised"
    book.read(seen(Status.UNKNOWN))
    assert book.kinds()[-1] == "Reread"


def test_looks_that_were_missed_are_made_at_the_start() -> None:
    """Off for two hours: one look at once stands for those that are overdue; the last one is still owed at its time."""
    book = book_in(PaymentState.CANCELED).tell()
    book.reboot(dark_ms=7_200_000)
    assert book.due_in(Duty.READ) == 0
    book.read(seen(Status.CANCELED))
    assert book.due_in(Duty.READ) == DAY_MS - 7_200_000


def test_the_watch_ends_when_the_money_was_found() -> None:
    """From then on the refund is what is owed."""
    book = book_in(PaymentState.CANCELED).tell()
    book.after(60_000).read(seen(Status.ACCEPTED, slip()))
    assert [one.duty for one in book.owed] == [Duty.REFUND]


def test_attention_is_looked_at_too() -> None:
    """Evidence may still come for a payment that a person must decide."""
    book = book_in(PaymentState.ATTENTION)
    assert book.due_in(Duty.READ) == 60_000
    book.after(60_000).read(seen(Status.PENDING))
    assert (book.kinds()[-1], book.due_in(Duty.READ)) == ("Reread", 540_000)
    book.after(DAY_MS).read(seen(Status.PENDING))
    assert (book.owed, owes(book.sale)) == ([], True), "nothing is left to do, and still it is not settled"


def test_more_trouble_does_not_put_off_the_looks() -> None:
    """A second reason for attention leaves the looks where they were."""
    book = book_in(PaymentState.ATTENTION)
    book.after(59_000).read(seen(Status.ACCEPTED))
    assert (book.answer.reason, book.due_in(Duty.READ)) == ("SLIP_MISSING", 1_000)
    book.after(1_000).read(seen(Status.PENDING))
    book.record([events.AttentionNeeded("UNKNOWN_TRANSACTION_ID")])
    assert book.sale.rereads == 1


def test_what_has_no_transaction_cannot_be_looked_at() -> None:
    """Canceled before anything was sent, or lost without a trace: there is nothing to read."""
    book = Book()
    book.cancel()
    assert (book.owed, owes(book.sale)) == ([], False)
    lost = Book()
    lost.attempt(Unclear("timeout"))
    lost.record([events.AttentionNeeded("SECRET_LOST")])
    assert lost.owed == []


def test_looks_are_counted_forward_and_only_where_they_are_planned() -> None:
    """A look that was counted cannot be counted again, and a paid sale has none."""
    canceled = [*HISTORIES[PaymentState.CANCELED], events.Reread(2)]
    for history in ([*canceled, events.Reread(2)], [*canceled, events.Reread(1)], [*HISTORIES[PaymentState.PAID], events.Reread(1)]):
        with pytest.raises(IllegalTransition, match="reread"):
            sale_of(history)


def test_a_new_end_is_watched_anew() -> None:
    """Canceled, watched, then in attention: the looks begin again from there."""
    book = book_in(PaymentState.CANCELED)
    book.after(600_000).read(seen(Status.CANCELED))
    assert book.sale.rereads == 2
    book.after(1_000).read(seen(Status.ACCEPTED, slip(total=1)))
    assert (book.state, book.sale.rereads, book.due_in(Duty.READ)) == (PaymentState.ATTENTION, 0, 60_000)


def test_not_paid_states_are_those_without_money() -> None:
    """What counts as a not-paid answer, in one place."""
    assert {"declined", "canceled", "expired"} == {state.value for state in NOT_PAID}
    for state in NOT_PAID:
        assert replace(book_in(state).answer, reason=None).money is Money.NONE


def test_a_payment_that_is_said_to_be_somebody_elses_is_not_returned_by_itself() -> None:
    """Late money without a slip, under another's number: a person looks."""
    book = book_in(PaymentState.CANCELED).tell()
    book.read(replace(seen(Status.ACCEPTED), reference="r-other"))
    assert [(one.state, one.reason) for one in book.sale.refunds] == [(RefundState.ATTENTION, "ORDER_MISMATCH")]


def test_a_watch_that_hears_of_others_ends_in_time() -> None:
    """It proves nothing, and is a look all the same."""
    book = book_in(PaymentState.CANCELED).tell()
    count = 0
    while (owed := book.owes(Duty.READ)) is not None:
        book.until(owed).read(replace(seen(Status.REJECTED), reference="r-other"))
        count += 1
        assert count <= 2 * len(book.plan)
    assert (book.alarms, book.sale.watch_over) == ({"OTHER_TRANSACTION"}, True)
