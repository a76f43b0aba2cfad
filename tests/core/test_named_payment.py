"""A payment that a proven message named beside our own id, and what its read makes of the sale (money rule 11, promises P1 and P8)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.core import decide, events
from agent.core.alarms import standing
from agent.core.capability import PAYCONNECT, SOFTLINE
from agent.core.events import Event
from agent.core.hints import Hint, names_unknown
from agent.core.model import PaymentLink
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.resolution import PAYMENT, Resolution
from agent.core.verdict import Denied, Found, Garbled, NotSent, Observed, Refusal, Refused, Status, Unclear
from tests.core.book import WHOLE_AMOUNT, Book, book_in, seen
from tests.core.samples import ACCEPTED, CANCELED, LOST, SENT, WANTED, slip

NAMED = "tx-9"
LINK = PaymentLink("https://pay.example/p/9")


def said(status: Status = Status.PENDING, **changes: object) -> Observed:
    """The payment as its read describes it: ours by id, amount and currency."""
    paid = replace(slip(), order_id=None, reference="r1") if status is Status.ACCEPTED else None
    told = replace(seen(status, paid, tx=NAMED), reference="r1", amount=WHOLE_AMOUNT, currency="RUB")
    return replace(told, **changes)  # type: ignore[arg-type]  # one field each


def read(book: Book, result: decide.Result) -> list[Event]:
    found = decide.named_result(book.sale, NAMED, result, book.now, book.plan, book.policy)
    book.record(found)
    return found


def lost() -> Book:
    """The create's answer was lost, and no search is possible."""
    book = Book(caps=PAYCONNECT)
    book.start()
    book.end(Unclear("timeout"))
    return book


def ours(book: Book, status: Status = Status.PENDING, **changes: object) -> Observed:
    """The same, under the id that this very sale gave."""
    assert book.sale.call is not None
    key = book.sale.call.request_id
    found = said(status, reference=key, **changes)
    return replace(found, slip=replace(found.slip, reference=key)) if found.slip else found


def test_a_payment_that_proves_to_be_ours_is_adopted() -> None:
    """It ends the unclear create as a search would have: the customer gets his link, or it is paid already."""
    book = lost()
    read(book, ours(book, link=LINK))
    assert (book.state, book.sale.transaction_id, book.answer.link) == (PaymentState.PENDING, NAMED, LINK)
    paid = lost()
    read(paid, ours(paid, Status.ACCEPTED))
    assert (paid.state, standing(paid.sale)) == (PaymentState.PAID, ())


def test_a_sum_without_a_currency_is_in_ours() -> None:
    """As everywhere (money rule 3)."""
    book = lost()
    read(book, ours(book, Status.ACCEPTED, currency=None))
    assert (book.state, standing(book.sale)) == (PaymentState.PAID, ())


def test_a_second_payment_without_money_calls_nobody() -> None:
    """It was refused, or can no longer be paid."""
    book = book_in(PaymentState.PAID)
    assert read(book, ours(book, Status.REJECTED)) == []


def test_it_goes_back_where_not_paid_was_told() -> None:
    """As every late money: the state stays what it was."""
    book = Book([ACCEPTED, SENT, LOST, WANTED, CANCELED], caps=PAYCONNECT).tell()
    read(book, ours(book, Status.ACCEPTED))
    assert (book.state, book.sale.late_money, book.sale.transaction_id) == (PaymentState.CANCELED, True, NAMED)


@pytest.mark.parametrize(
    "changes",
    [{"reference": None}, {"reference": "r-other"}, {"transaction_id": "tx-8"}],
    ids=str,
)
def test_what_is_not_proven_changes_nothing(changes: dict[str, object]) -> None:
    """Without our own id, or of another payment than was asked for: as if nobody had asked."""
    for state in (PaymentState.UNKNOWN, PaymentState.CANCELED, PaymentState.PAID):
        book = book_in(state)
        assert book.sale.call is not None
        assert read(book, said(Status.ACCEPTED, **changes)) == []


@pytest.mark.parametrize(
    "result",
    [NotSent("refused"), Unclear("timeout"), Denied(401), Denied(429), Garbled("http_500"), Refused("X", Refusal.NOT_FOUND)],
    ids=str,
)
def test_no_answer_about_it_raises_no_alarm(result: decide.Result) -> None:
    """A door that stays shut for a made-up id says nothing of our own login."""
    assert read(lost(), result) == []


@pytest.mark.parametrize("changes", [{"amount": Kopecks(1)}, {"currency": "USD"}, {"amount": None}], ids=str)
def test_another_sum_under_our_id_is_seen_by_people(changes: dict[str, object]) -> None:
    """The payment system says that it is ours, and it is not what we asked for: it is not adopted, and not overlooked."""
    book = lost()
    read(book, ours(book, **changes))
    assert (book.state, book.sale.transaction_id, book.alarms) == (PaymentState.UNKNOWN, None, {"SECOND_TRANSACTION"})


@pytest.mark.parametrize("state", [PaymentState.PENDING, PaymentState.PAID, PaymentState.CANCELED, PaymentState.ATTENTION])
def test_a_second_payment_raises_an_alarm_and_changes_nothing_else(state: PaymentState) -> None:
    """Once: the sale's own payment stays what it is."""
    book = book_in(state)
    read(book, said(Status.ACCEPTED))
    assert (book.state, book.sale.transaction_id, "SECOND_TRANSACTION" in book.alarms) == (state, "tx-1", True)
    assert read(book, said(Status.ACCEPTED)) == []


def test_the_sales_own_payment_is_none_of_these() -> None:
    """It became known meanwhile: its own reads tell."""
    book = book_in(PaymentState.PENDING)
    assert decide.named_result(book.sale, "tx-1", said(transaction_id="tx-1"), book.now, book.plan, book.policy) == []


def test_while_an_attempt_is_under_way_its_answer_comes_first() -> None:
    """Nothing is concluded beside it."""
    assert read(book_in(PaymentState.SENDING), said()) == []
    assert read(Book(), said()) == []


def refused() -> Book:
    book = Book(caps=SOFTLINE)
    book.attempt(Refused("6060", Refusal.SESSION))
    return book


def never_sent() -> Book:
    book = Book(caps=SOFTLINE)
    book.attempt(NotSent("refused"))
    book.cancel()
    return book


@pytest.mark.parametrize("ended", [refused, never_sent])
def test_a_payment_that_cannot_be_is_an_alarm(ended: Callable[[], Book]) -> None:
    """The create was refused, or never sent, and a payment is there all the same: no machine cancels or returns it, a person is called.
    A search that finds it says no less."""
    book = ended()
    state = book.state
    read(book, ours(book, Status.ACCEPTED))
    assert (book.state, book.sale.transaction_id, standing(book.sale)) == (state, None, ("SECOND_TRANSACTION",))
    searched = ended()
    searched.search(Found((seen(Status.PENDING, tx=NAMED),)))
    assert (searched.state, standing(searched.sale)) == (state, ("SECOND_TRANSACTION",))


def test_an_operators_word_stands() -> None:
    """He has said that it was paid, and did not know the payment: it is known now."""
    book = Book([ACCEPTED, SENT, LOST, WANTED, events.AttentionNeeded("WINDOW_CLOSED")], caps=PAYCONNECT)
    book.record([events.Resolved(PAYMENT, Resolution.PAID, "seen in the cabinet", "uid:0", slip=slip())])
    read(book, ours(book, Status.ACCEPTED))
    assert (book.state, book.sale.transaction_id, standing(book.sale)) == (PaymentState.PAID, NAMED, ())


def test_which_messages_name_an_unknown_payment() -> None:
    """Our own id and another payment's, in a form that can be asked for; neither alone, and nobody else's."""
    sale = book_in(PaymentState.PENDING).sale
    provider = sale.binding.provider
    assert names_unknown(Hint("tx-9", "r1"), provider, sale)
    assert names_unknown(Hint("tx-9", "r1"), provider, replace(sale, transaction_id=None))
    for hint in (Hint("tx-1", "r1"), Hint("tx-9", "r-other"), Hint("tx-9"), Hint(None, "r1"), Hint("..", "r1"), Hint("a/b", "r1")):
        assert not names_unknown(hint, provider, sale)
    assert not names_unknown(Hint("tx-9", "r1"), "another", sale)
    assert not names_unknown(Hint("tx-9", "r1"), provider, replace(sale, call=None))
