"""A search that brought somebody else's payment: its link is not shown to our customer, and a person is called (money rule 3)."""

from dataclasses import replace

import pytest

from agent.core.alarms import standing
from agent.core.capability import SOFTLINE
from agent.core.duty import Duty
from agent.core.model import PaymentLink
from agent.core.payment import PaymentState
from agent.core.verdict import Found, Status, Unclear
from tests.core.book import Book, seen
from tests.core.samples import slip

LINK = PaymentLink("https://pay.example/p/1")


def found() -> Book:
    """An unclear create, and a search that tells ids alone."""
    book = Book(caps=SOFTLINE)
    book.attempt(Unclear("timeout"))
    owed = book.owes(Duty.FIND)
    assert owed is not None
    book.until(owed).search(Found((seen(Status.PENDING),)))
    return book


@pytest.mark.parametrize("status", [Status.NEW, Status.PENDING, Status.UNKNOWN])
def test_the_link_of_a_foreign_payment_is_not_shown(status: Status) -> None:
    """The read names another key: whoever paid by that link would pay another bill."""
    book = found()
    book.read(replace(seen(status, link=LINK), reference="another"))
    assert (book.answer.link, standing(book.sale)) == (None, ("OTHER_TRANSACTION",))


@pytest.mark.parametrize("status", [Status.GONE, Status.REJECTED, Status.CANCELED, Status.REFUNDED, Status.REFUNDING])
def test_the_end_of_a_foreign_payment_is_not_ours(status: Status) -> None:
    """Another bill's link has expired, or its money is back: that says nothing of whether our customer has paid."""
    book = found()
    book.read(replace(seen(status), reference="another"))
    assert (book.state, standing(book.sale)) == (PaymentState.PENDING, ("OTHER_TRANSACTION",))


def test_the_link_of_our_own_is_shown() -> None:
    """It names the key of the checkout, or none."""
    for own in (True, False):
        book = found()
        assert book.sale.call is not None
        book.read(replace(seen(Status.PENDING, link=LINK), reference=book.sale.call.request_id if own else None))
        assert (book.answer.link, standing(book.sale)) == (LINK, ())


def test_a_foreign_payment_that_is_paid_needs_a_person() -> None:
    """Its slip names another key: it is never taken as paid, and never overlooked."""
    book = found()
    book.read(replace(seen(Status.ACCEPTED, replace(slip(), order_id=None, reference="another")), reference="another"))
    assert (book.state, book.answer.reason) == (PaymentState.ATTENTION, "ORDER_MISMATCH")
