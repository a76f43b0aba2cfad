"""Goal: a shift report counts every sale and every refund once, on its own day. Method: rows and sales of every kind, added up by hand."""

from datetime import timedelta

from agent.core import answer
from agent.core.payment import PaymentState
from agent.core.shift import Line, Settled, refunds_of, shift
from agent.core.verdict import RefStatus, Status
from tests.core.book import refunding_book, seen
from tests.core.samples import sale_in


def test_sales_by_state_and_refunds_by_cause() -> None:
    """A sale only described for a refund is none of this till; what the agent returned by itself is not what a register refunded."""
    rows = [answer.row(sale_in(state)) for state in (PaymentState.PAID, PaymentState.PAID, PaymentState.CANCELED, PaymentState.ELSEWHERE)]
    made = [Settled("koshelek", "test", cause, 1_000) for cause in ("pos", "pos", "late_money", "operator")]
    found = shift(rows, made)
    assert found.sales == (Line("koshelek", "test", "canceled", 1, 45_000), Line("koshelek", "test", "paid", 2, 90_000))
    assert [(one.word, one.count, one.amount) for one in found.refunds] == [
        ("late_money", 1, 1_000),
        ("operator", 1, 1_000),
        ("pos", 2, 2_000),
    ]
    assert (found.paid, found.refunded, found.returned) == (90_000, 2_000, 2_000)


def test_a_refund_belongs_to_the_moment_it_was_made() -> None:
    """Not to that of its sale, nor to that of the wish; one that was not made belongs to no day."""
    book = refunding_book()
    assert refunds_of(book.sale, book.now.wall - timedelta(days=1), book.now.wall + timedelta(days=9)) == []
    book.after(3 * 86_400_000)
    book.attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    made = book.now.wall
    assert refunds_of(book.sale, made, made + timedelta(seconds=1)) == [Settled("koshelek", "test", "pos", 45_000)]
    assert refunds_of(book.sale, made - timedelta(days=1), made) == []
    assert refunds_of(book.sale, made + timedelta(seconds=1), made + timedelta(days=1)) == []
