"""Money rule 10: after a restore from a backup nothing counts as never sent."""

import pytest

from agent.core import decide
from agent.core.answer import Money
from agent.core.obligations import Duty
from agent.core.payment import PaymentState
from agent.core.refund import RefundState
from agent.core.verdict import NotSent, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import Book, book_in, refunding_book, seen

UNFINISHED = [PaymentState.SENDING, PaymentState.UNKNOWN, PaymentState.PENDING, PaymentState.CANCELING, PaymentState.ATTENTION]


@pytest.mark.parametrize("held", [False, True])
def test_a_queued_sale_of_a_backup_needs_a_person(held: bool) -> None:
    """It looks never sent, but what happened after the backup is lost: attention with an alarm, money possible, never expired."""
    book = Book()
    if held:
        book.attempt(NotSent("refused"))
    book.record(decide.restored(book.sale))
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.ATTENTION, "RESTORED", Money.POSSIBLE)
    assert (book.sale.never_sent, book.alarms, book.cancel()) == (False, {"RESTORED"}, [])


@pytest.mark.parametrize("state", UNFINISHED)
def test_other_unfinished_sales_go_on_by_rule_4(state: PaymentState) -> None:
    """They are marked, once, and resolved like any unclear payment."""
    book = book_in(state)
    book.record(decide.restored(book.sale))
    assert (book.state, book.sale.restored, book.sale.never_sent) == (state, True, False)
    assert decide.restored(book.sale) == []


def test_no_proof_of_an_old_attempt_ends_a_restored_sale() -> None:
    """A refused session or a shut door speaks of this attempt alone; copies after the backup may have arrived."""
    for result in (Refused("UNKNOWN_SESSION_ID", Refusal.SESSION), Unclear("timeout")):
        book = book_in(PaymentState.SENDING)
        book.record(decide.restored(book.sale))
        book.end(result)
        assert book.state is PaymentState.UNKNOWN


@pytest.mark.parametrize("state", [state for state in PaymentState if book_in(state).sale.finished])
def test_a_finished_sale_without_refunds_is_as_it_was(state: PaymentState) -> None:
    """Nothing of it is open."""
    assert decide.restored(book_in(state).sale) == []


@pytest.mark.parametrize("unclear", [False, True])
def test_a_refund_of_a_backup_is_looked_up_before_it_goes_out(unclear: bool) -> None:
    """It may have been made after the backup: a second one would return the money twice."""
    book = refunding_book()
    if unclear:
        book.attempt(Unclear("timeout"), "refund:back-1")
    book.record(decide.restored(book.sale))
    assert [one.duty for one in book.owed] == [Duty.CHECK_REFUND]
    book.check(seen(Status.REFUNDED, ref_id="ref-1", ref=RefStatus.ACCEPTED))
    assert (book.refund().state, book.refund().ref_transaction_id) == (RefundState.REFUNDED, "ref-1")


def test_a_refund_of_a_backup_that_was_not_made_goes_out() -> None:
    """Nothing was returned: the POS's wish stands and is sent, not declined."""
    book = refunding_book()
    book.record(decide.restored(book.sale))
    book.check(seen(Status.ACCEPTED))
    assert (book.refund().state, [one.duty for one in book.owed]) == (RefundState.QUEUED, [Duty.REFUND])


def test_settled_refunds_are_left_alone() -> None:
    """What is settled needs no look."""
    book = refunding_book()
    book.attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    assert decide.restored(book.sale) == []
