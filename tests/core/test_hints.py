"""Goal: what a message names, and which sale that is. Method: values alone."""

from dataclasses import replace

import pytest

from agent.core.answer import row
from agent.core.duty import Duty
from agent.core.hints import Hint, amount_of, name_of, points_at
from agent.core.money import MAX_KOPECKS
from agent.core.payment import PaymentState
from tests.core.book import book_in


def test_a_name_is_text_or_a_whole_number() -> None:
    """What else stands where an id belongs names nothing: it is kept, logged and asked for nowhere."""
    assert [name_of(good) for good in ("abc", "a b", 5555555, 0, "é", "x" * 256)] == ["abc", "a b", "5555555", "0", "é", "x" * 256]
    wrong: list[object] = [None, "", "x" * 257, "a\nb", "\ud800", True, 1.5, [], {}, 10**20, b"abc"]
    assert [name_of(one) for one in wrong] == [None] * len(wrong)


def test_an_amount_is_one_that_a_sale_can_have() -> None:
    """Any other is not told."""
    assert [amount_of(one) for one in (0, 45_000, MAX_KOPECKS, -1, MAX_KOPECKS + 1, None)] == [0, 45_000, MAX_KOPECKS, None, None, None]


def test_a_hint_names_something() -> None:
    """An id or an order; a store or an amount alone is nobody's."""
    assert [Hint(transaction_id="t").names_something, Hint(reference="r").names_something, Hint(order_id="o").names_something] == [True] * 3
    assert not Hint(store_id="s", terminal_id="t").names_something


def test_the_ids_come_first() -> None:
    """A payment's id that is known decides, whatever else is said; our own id comes next."""
    sale = book_in(PaymentState.PENDING).sale
    provider, order = sale.binding.provider, sale.checkout.invoice.order_id
    assert sale.call is not None
    ours, other = sale.call.request_id, "00000000-0000-4000-8000-00000000ffff"
    assert sale.transaction_id is not None
    assert points_at(Hint(transaction_id=sale.transaction_id, reference=other, order_id="other"), provider, sale)
    assert not points_at(Hint(transaction_id=other, reference=ours, order_id=order), provider, sale)
    assert points_at(Hint(reference=ours, order_id="other"), provider, sale)
    assert not points_at(Hint(reference=other, order_id=order), provider, sale)
    assert not points_at(Hint(transaction_id=sale.transaction_id), "another", sale)


def test_the_slip_finds_a_sale_that_has_no_id_yet() -> None:
    """By order, store, terminal and amount, as far as the message tells them: one that differs is another sale."""
    sale = replace(book_in(PaymentState.UNKNOWN).sale, transaction_id=None)
    provider = sale.binding.provider
    whole = Hint("t-1", None, sale.checkout.invoice.order_id, sale.id.store_id, sale.id.terminal_id, sale.amount)
    assert points_at(whole, provider, sale)
    assert points_at(Hint(order_id=whole.order_id), provider, sale)
    for changed in ({"order_id": "other"}, {"store_id": "other"}, {"terminal_id": "other"}, {"amount": 1}, {"order_id": None}):
        assert not points_at(replace(whole, **changed), provider, sale)
    unsent = book_in(PaymentState.QUEUED).sale
    assert points_at(Hint(reference="unknown", order_id=unsent.checkout.invoice.order_id), provider, unsent)


def test_a_hurry_does_not_break_the_vendors_first_wait() -> None:
    """The first read comes no sooner after the answer than the vendor allows, whoever wants it: a message may be here before the answer."""
    book = book_in(PaymentState.PENDING)
    plain = book.due_in(Duty.READ)
    assert plain is not None
    assert plain > 0
    book.memory.hurried.add(Duty.READ)
    assert book.due_in(Duty.READ) == plain


@pytest.mark.parametrize("state", [PaymentState.PENDING, PaymentState.CANCELED])
def test_a_row_names_the_id_that_we_gave(state: PaymentState) -> None:
    """So that a message which knows only that one finds its sale on the disk."""
    book = book_in(state)
    assert book.sale.call is not None
    assert row(book.sale).request_id == book.sale.call.request_id
