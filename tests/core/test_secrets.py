"""Promise P21: secrets are kept while an obligation needs them, then erased; events and requests hold only their names."""

import pytest

from agent.core import decide_asked, events, evidence
from agent.core.answer import BARCODE, CARD_SESSION, CUSTOMER, LOYALTY_ID, TOKEN, needed_secrets, refund_token
from agent.core.payment import PaymentState
from agent.core.verdict import NotSent, Operation, RefStatus, Request, Status, Unclear, secret
from tests.core.book import Book, book_in, refunding_book, seen
from tests.core.samples import slip

EVERYTHING = {CARD_SESSION, BARCODE, LOYALTY_ID, TOKEN, *CUSTOMER}
DAY_MS = 86_400_000


def needed(book: Book) -> set[str]:
    return set(needed_secrets(book.sale, needs_token=True))


@pytest.mark.parametrize("state", [PaymentState.QUEUED, PaymentState.SENDING, PaymentState.UNKNOWN])
def test_the_buyers_data_are_kept_while_the_checkout_may_be_repeated(state: PaymentState) -> None:
    """Same request, same body: all of it is needed until the provider has named the transaction."""
    book = book_in(state)
    assert needed(book) == EVERYTHING
    assert needed_secrets(book.sale, needs_token=False) == EVERYTHING


def test_a_search_needs_them_too() -> None:
    """Canceling without a transaction repeats the checkout."""
    book = book_in(PaymentState.UNKNOWN)
    book.cancel()
    assert needed(book) == EVERYTHING


def test_a_search_that_was_given_up_needs_the_buyers_data_no_more() -> None:
    """Nothing will be repeated; a late answer may still make a return owed."""
    book = book_in(PaymentState.UNKNOWN)
    book.record([events.AttentionNeeded("WINDOW_CLOSED")])
    assert needed(book) == {TOKEN}


@pytest.mark.parametrize("state", [PaymentState.PENDING, PaymentState.CANCELING, PaymentState.ATTENTION])
def test_a_known_transaction_needs_only_the_token(state: PaymentState) -> None:
    """For a return that may become owed; where a provider needs none, nothing is kept."""
    book = book_in(state)
    assert needed(book) == {TOKEN}
    assert needed_secrets(book.sale, needs_token=False) == frozenset()


@pytest.mark.parametrize(
    "state", [PaymentState.PAID, PaymentState.DECLINED, PaymentState.EXPIRED, PaymentState.REVERSED, PaymentState.ELSEWHERE]
)
def test_a_told_end_needs_nothing(state: PaymentState) -> None:
    """Finished and handed out: erased."""
    book = book_in(state)
    if state is PaymentState.PAID:
        assert needed(book) == {TOKEN}, "nobody was told yet: it may have to go back"
    assert needed(book.tell()) == set()


def test_an_unclaimed_payment_that_stays_needs_nothing_more() -> None:
    """After its alarm nothing is owed for it."""
    book = book_in(PaymentState.PAID)
    book.record(decide_asked.unclaimed(book.sale, back=False))
    assert needed(book) == set()


def test_a_cancel_before_anything_was_sent_erases_everything() -> None:
    """Nothing can come of it."""
    book = Book()
    book.attempt(NotSent("refused"))
    book.cancel()
    assert needed(book) == set()


def test_a_watched_cancel_keeps_the_token_until_the_watch_is_over() -> None:
    """Late money would have to go back without anybody at the till."""
    book = book_in(PaymentState.CANCELED).tell()
    assert needed(book) == {TOKEN}
    book.after(DAY_MS).read(seen(Status.CANCELED))
    assert needed(book) == set()


def test_late_money_keeps_the_token_until_it_is_returned() -> None:
    """What is owed needs it; once returned, nothing is kept."""
    book = book_in(PaymentState.CANCELED).tell()
    book.read(seen(Status.ACCEPTED, slip()))
    call = f"refund:{evidence.RETURN_KEY}"
    assert needed(book) == {TOKEN, refund_token(evidence.RETURN_KEY)}
    book.attempt(Unclear("timeout"), call)
    assert needed(book) == {TOKEN, refund_token(evidence.RETURN_KEY)}
    book.attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), call)
    assert needed(book) == set()


def test_a_refund_keeps_its_own_token_until_it_is_settled() -> None:
    """Each refund has a token of its own, and loses it at its end."""
    book = refunding_book()
    assert needed(book) == {refund_token("back-1")}
    book.attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    assert needed(book) == set()


# --- placeholders ---

REQUEST = Request(
    Operation.CHECKOUT,
    "POST",
    "/checkout",
    {
        "cardSession": secret("cardSession"),
        "user": {"loyaltyId": secret("loyaltyId")},
        "list": [1, "x", secret("barcode")],
        "plain": {"a": 1},
    },
    {"token": "token"},
)


def test_a_request_names_its_secrets() -> None:
    """In the body, however deep, and in the headers."""
    assert REQUEST.secret_names() == {CARD_SESSION, BARCODE, LOYALTY_ID, TOKEN}


def test_secrets_are_filled_in_at_the_last_moment() -> None:
    """The body as it goes out; the journalled one keeps its placeholders."""
    values = {name: f"<{name}>" for name in EVERYTHING}
    assert REQUEST.fill(values) == {
        "cardSession": "<cardSession>",
        "user": {"loyaltyId": "<loyaltyId>"},
        "list": [1, "x", "<barcode>"],
        "plain": {"a": 1},
    }
    assert REQUEST.body["cardSession"] == {"$secret": "cardSession"}


def test_a_missing_secret_is_named() -> None:
    """What was erased cannot be sent: the name is told, never a value."""
    with pytest.raises(KeyError, match="loyaltyId"):
        REQUEST.fill({"cardSession": "x", "barcode": "y"})
