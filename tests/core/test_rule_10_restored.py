"""Money rule 10: after a restore from a backup nothing counts as never sent."""

import pytest

from agent.core import answer, decide_asked, decide_refund, events
from agent.core.answer import Money
from agent.core.ask_refund import Wanted
from agent.core.duty import Duty
from agent.core.events import CancelCause
from agent.core.payment import PaymentState
from agent.core.policy import Policy, Unclaimed
from agent.core.refund import RefundState
from agent.core.verdict import NotSent, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import Book, book_in, refunding_book, seen
from tests.core.samples import PAID, PENDING, slip

FIRST, SECOND = "2026-11-22T09:00:00+00:00", "2026-11-23T09:00:00+00:00"  # restores
UNFINISHED = [PaymentState.SENDING, PaymentState.UNKNOWN, PaymentState.PENDING, PaymentState.CANCELING, PaymentState.ATTENTION]


@pytest.mark.parametrize("held", [False, True])
def test_a_queued_sale_of_a_backup_needs_a_person(held: bool) -> None:
    """It looks never sent, but what happened after the backup is lost: attention with an alarm, money possible, never expired."""
    book = Book()
    if held:
        book.attempt(NotSent("refused"))
    book.record(decide_asked.restored(book.sale, FIRST))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.ATTENTION, "RESTORED", Money.POSSIBLE)
    assert (book.sale.never_sent, book.alarms, book.cancel()) == (False, {"RESTORED"}, [])


@pytest.mark.parametrize("state", UNFINISHED)
def test_other_unfinished_sales_go_on_by_rule_4(state: PaymentState) -> None:
    """They are marked, once, and resolved like any unclear payment."""
    book = book_in(state)
    book.record(decide_asked.restored(book.sale, FIRST))
    assert (book.state, book.sale.restored, book.sale.never_sent) == (state, True, False)
    assert decide_asked.restored(book.sale, FIRST) == []


def test_no_proof_of_an_old_attempt_ends_a_restored_sale() -> None:
    """A refused session or a shut door speaks of this attempt alone; copies after the backup may have arrived."""
    for result in (Refused("UNKNOWN_SESSION_ID", Refusal.SESSION), Unclear("timeout")):
        book = book_in(PaymentState.SENDING)
        book.record(decide_asked.restored(book.sale, FIRST))
        book.end(result)
        assert book.state is PaymentState.UNKNOWN


@pytest.mark.parametrize("state", [state for state in PaymentState if book_in(state).sale.finished])
def test_a_finished_sale_without_refunds_is_as_it_was(state: PaymentState) -> None:
    """Nothing of it is open once its answer is handed out; only then is it known that nothing else was handed out after the backup."""
    book = book_in(state)
    may_be_told_paid = state in (PaymentState.PAID, PaymentState.CANCELED, PaymentState.DECLINED)
    assert bool(decide_asked.restored(book.sale, FIRST)) == may_be_told_paid
    if state is not PaymentState.ELSEWHERE:
        book.record([answer.told_now(book.sale)])
        assert decide_asked.restored(book.sale, FIRST) == []


@pytest.mark.parametrize("by_pos", [False, True])
def test_no_clock_gives_back_what_may_have_been_handed_out_after_the_backup(by_pos: bool) -> None:
    """Paid and told to nobody, says the backup; in truth the goods may be gone: the money is kept, and a person is called. Neither the
    policy nor a cancel from before the backup changes that."""
    book = Book((*PENDING, *([events.CancelWanted(CancelCause.CASHIER)] if by_pos else []), PAID), Policy(unclaimed=Unclaimed.RETURN))
    assert [one.why for one in book.owed] == ["return"]
    book.record(decide_asked.restored(book.sale, FIRST))
    book.restart()
    assert [(one.duty, one.why) for one in book.owed] == [(Duty.UNCLAIMED, "keep")]
    book.until(book.owed[0])
    book.record(decide_asked.unclaimed(book.sale, True))
    assert (book.state, book.alarms, book.sale.refunds) == (PaymentState.PAID, {"UNCLAIMED"}, ())


def test_a_second_restore_has_refunds_looked_up_again() -> None:
    """The look after the first one says nothing of what was returned since the backup of the second; a start that follows the same
    restore finds nothing new."""
    book = refunding_book()
    book.record(decide_asked.restored(book.sale, FIRST))
    book.check(seen(Status.ACCEPTED))
    assert [one.duty for one in book.owed] == [Duty.REFUND]
    assert decide_asked.restored(book.sale, FIRST) == []
    book.record(decide_asked.restored(book.sale, SECOND))
    assert [one.duty for one in book.owed] == [Duty.CHECK_REFUND]
    book.record([events.Restored()])  # found by a look, not by a start
    assert decide_asked.restored(book.sale, SECOND) == []


@pytest.mark.parametrize("unclear", [False, True])
def test_a_refund_of_a_backup_is_looked_up_before_it_goes_out(unclear: bool) -> None:
    """It may have been made after the backup: a second one would return the money twice."""
    book = refunding_book()
    if unclear:
        book.attempt(Unclear("timeout"), "refund:back-1")
    book.record(decide_asked.restored(book.sale, FIRST))
    assert [one.duty for one in book.owed] == [Duty.CHECK_REFUND]
    book.check(seen(Status.REFUNDED, ref_id="ref-1", ref=RefStatus.ACCEPTED))
    assert (book.refund().state, book.refund().ref_transaction_id) == (RefundState.REFUNDED, "ref-1")


def test_a_refund_of_a_backup_that_was_not_made_goes_out() -> None:
    """Nothing was returned: the POS's wish stands and is sent, not declined."""
    book = refunding_book()
    book.record(decide_asked.restored(book.sale, FIRST))
    book.check(seen(Status.ACCEPTED))
    assert (book.refund().state, [one.duty for one in book.owed]) == (RefundState.QUEUED, [Duty.REFUND])


def test_settled_refunds_are_left_alone() -> None:
    """What is settled needs no look."""
    book = refunding_book()
    book.attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    assert decide_asked.restored(book.sale, FIRST) == []


def paid_before(*, restored: bool = True) -> Book:
    """Paid, told and in the backup."""
    book = book_in(PaymentState.PAID)
    if restored:
        book.record([events.Restored()])
    return book


def test_a_refund_asked_for_after_a_restore_is_looked_up_first() -> None:
    """The journal that was lost may have made it: nothing is sent before a read shows that nothing went back."""
    book = paid_before()
    book.ask_refund()
    assert book.owed[0].duty is Duty.CHECK_REFUND
    book.check(seen(Status.ACCEPTED))
    assert book.owed[0].duty is Duty.REFUND
    other = paid_before(restored=False)
    other.ask_refund()
    assert other.owed[0].duty is Duty.REFUND


def test_what_went_back_in_part_after_the_backup_needs_a_person() -> None:
    """Whether it is this refund or another one nobody can tell; all of it back is this one done, whoever did it."""
    book = paid_before()
    book.ask_refund(Wanted(0, 1000))
    book.check(seen(Status.PARTIAL_REFUNDED, ref_id="ref-9", ref=RefStatus.ACCEPTED))
    assert (book.refund().state, book.alarms) == (RefundState.ATTENTION, {"REFUND_AMBIGUOUS"})
    whole = paid_before()
    whole.ask_refund()
    whole.check(seen(Status.REFUNDED, ref_id="ref-9", ref=RefStatus.ACCEPTED))
    assert (whole.refund().state, whole.refund().ref_transaction_id) == (RefundState.REFUNDED, "ref-9")


@pytest.mark.parametrize("status", [Status.REFUNDING, Status.PARTIAL_REFUNDED, Status.REFUNDED])
def test_a_look_at_a_paid_sale_names_what_went_back(status: Status) -> None:
    """An alarm, once; from then on refunds of it are looked up first. Nothing is said about another transaction, or without an answer."""
    book = paid_before(restored=False)
    assert decide_refund.seen_after_restore(book.sale, seen(status, tx="tx-2")) == []
    assert decide_refund.seen_after_restore(book.sale, Unclear("timeout")) == []
    assert decide_refund.seen_after_restore(book.sale, seen(Status.ACCEPTED)) == []
    look = seen(status, slip=slip(refund_transaction_id="ref-9"))
    book.record(decide_refund.seen_after_restore(book.sale, look))
    assert (book.alarms, book.sale.restored) == ({"REFUNDED_ELSEWHERE"}, True)
    assert decide_refund.seen_after_restore(book.sale, look) == []


def test_refunds_that_the_backup_knows_are_no_difference() -> None:
    """By the transaction of the refund where it is told, else by the sum."""
    book = refunding_book()
    book.attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    for look in (seen(Status.REFUNDED, ref_id="ref-1"), seen(Status.REFUNDED)):
        assert decide_refund.seen_after_restore(book.sale, look) == []
    assert decide_refund.seen_after_restore(book.sale, seen(Status.REFUNDED, ref_id="ref-2")) != []
