"""The delivery machine: a fiscal receipt on its way to the provider. It moves no money and never stands in the way of a sale."""

import pytest

from agent.core import events
from agent.core.delivery import DeliveryState
from agent.core.machine import IllegalTransition
from agent.core.obligations import owes
from agent.core.payment import PaymentState
from tests.core.book import Book, book_in
from tests.core.samples import HISTORIES, request, sale_of

GIVEN = events.ReceiptGiven("rc-1", "digest")
CALL = "receipt:rc-1"
SENT = events.AttemptStarted(CALL, "r9", request())
LOST = events.AttemptLost(CALL, "r9", "timeout")
HELD = events.AttemptHeld(CALL, "r9", "refused")
ANSWERED = events.AttemptAnswered(CALL, "r9", "ok")
DELIVERED = events.ReceiptDelivered("rc-1")
REFUSED = events.ReceiptRefused("rc-1", "NO")


def receipt(*history: events.Event) -> tuple[DeliveryState, bool]:
    """Its state, and whether the sale still owes something, after what happened to it."""
    book = book_in(PaymentState.PAID).tell()
    book.record([GIVEN, *history])
    return book.sale.deliveries[0].state, owes(book.sale)


@pytest.mark.parametrize(
    ("history", "state"),
    [
        ((), DeliveryState.QUEUED),
        ((SENT,), DeliveryState.SENDING),
        ((SENT, HELD), DeliveryState.QUEUED),
        ((SENT, LOST), DeliveryState.UNKNOWN),
        ((SENT, LOST, events.AttemptStarted(CALL, "r9"), HELD), DeliveryState.UNKNOWN),
        ((SENT, ANSWERED, DELIVERED), DeliveryState.DELIVERED),
        ((SENT, LOST, ANSWERED, REFUSED), DeliveryState.REFUSED),
    ],
)
def test_a_receipt_goes_its_way(history: tuple[events.Event, ...], state: DeliveryState) -> None:
    """Queued, sent, lost and repeated, until it is delivered or refused for good; until then the sale owes it."""
    found, owed = receipt(*history)
    assert (found, owed) == (state, state not in (DeliveryState.DELIVERED, DeliveryState.REFUSED))


def test_receipts_are_told_apart_by_their_keys() -> None:
    """A sale may have several; what happens to one leaves the others alone."""
    book = book_in(PaymentState.PAID)
    book.record([GIVEN, events.ReceiptGiven("rc-2", "digest"), SENT, ANSWERED, REFUSED])
    assert [(one.key, one.state, one.reason) for one in book.sale.deliveries] == [
        ("rc-1", DeliveryState.REFUSED, "NO"),
        ("rc-2", DeliveryState.QUEUED, None),
    ]


def test_a_receipt_belongs_to_a_transaction_and_is_given_once() -> None:
    """Without a transaction nobody could take it; the same key twice is a mistake; what was never given cannot be delivered."""
    with pytest.raises(IllegalTransition, match="was given before"):
        Book().record([GIVEN])
    paid = HISTORIES[PaymentState.PAID]
    with pytest.raises(IllegalTransition, match="was given before"):
        sale_of([*paid, GIVEN, GIVEN])
    for event in (DELIVERED, REFUSED, SENT):
        with pytest.raises(IllegalTransition, match="never given"):
            sale_of([*paid, event])
