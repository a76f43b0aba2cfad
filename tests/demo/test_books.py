"""Goal: no kopeck that one book has and another has not goes unnamed. Method: books that agree, then one wrong entry of every kind."""

from typing import Any

import pytest

from agent.core import events
from agent.core.payment import PaymentState
from agent.core.refund import RefundCause
from agent.demo.books import Book, Difference, Line, Movement, Owner, bank_book, compare, journal_book, orders, register_book, total
from tests.core import samples

SOLD = Line(45_000, 0)
PARTLY_BACK = Line(45_000, 5_000)
GOOD: Book = {"A": SOLD, "B": PARTLY_BACK, "C": Line()}


def books(register: Book = GOOD, journal: Book = GOOD, bank: Book = GOOD) -> dict[Owner, Book]:
    return {Owner.REGISTER: register, Owner.JOURNAL: journal, Owner.BANK: bank}


def with_line(order_id: str, line: Line) -> Book:
    return {**GOOD, order_id: line}


def test_equal_books_close() -> None:
    """The control: nothing is named where nothing is wrong."""
    assert compare(books()) == []


def test_an_order_without_money_may_be_missing() -> None:
    """An expired sale never reached the bank: its ledger has no line, and nothing is unaccounted."""
    assert compare(books(bank={"A": SOLD, "B": PARTLY_BACK})) == []


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (
            books(bank=with_line("B", SOLD)),
            "B, returned: bank says 0.00, register and journal say 50.00: 50.00 missing at the bank",
        ),
        (
            books(bank=with_line("A", Line(90_000, 0))),
            "A, charged: bank says 900.00, register and journal say 450.00: 450.00 too much at the bank",
        ),
        (
            books(bank=with_line("C", SOLD)),
            "C, charged: bank says 450.00, register and journal say 0.00: 450.00 too much at the bank",
        ),
        (
            books(bank={**GOOD, "D": SOLD}),
            "D, charged: bank says 450.00, register and journal say 0.00: 450.00 too much at the bank",
        ),
        (
            books(register=with_line("A", Line())),
            "A, charged: register says 0.00, journal and bank say 450.00: 450.00 missing at the register",
        ),
        (
            books(journal=with_line("B", Line(45_000, 10_000))),
            "B, returned: journal says 100.00, register and bank say 50.00: 50.00 too much at the journal",
        ),
        (
            books(register=with_line("A", Line(1, 0)), bank=with_line("A", Line(45_001, 0))),
            "A, charged: no two books agree: register 0.01, journal 450.00, bank 450.01",
        ),
    ],
)
def test_each_kind_of_difference_is_named(wrong: dict[Owner, Book], text: str) -> None:
    """A lost refund, a double charge, a silent charge, an order nobody knows, a register or a journal that missed something."""
    (difference,) = compare(wrong)
    assert str(difference) == text


def test_both_movements_of_an_order_count() -> None:
    """A charge and its return that only one book knows are two differences, though the net is the same: they must not hide each other."""
    found = compare(books(bank=with_line("C", Line(45_000, 45_000))))
    assert [(one.order_id, one.movement, one.kopecks) for one in found] == [
        ("C", Movement.CHARGED, 45_000),
        ("C", Movement.RETURNED, 45_000),
    ]


def test_a_single_kopeck_counts() -> None:
    """There is no tolerance."""
    (found,) = compare(books(journal=with_line("A", Line(44_999, 0))))
    assert found == Difference("A", Movement.CHARGED, {Owner.REGISTER: 45_000, Owner.JOURNAL: 44_999, Owner.BANK: 45_000})
    assert found.kopecks == 1


def test_sums() -> None:
    """Sums are over all orders; the orders of all books are listed once."""
    assert total(GOOD) == Line(90_000, 5_000)
    assert total(GOOD).net == 85_000
    assert orders(books(bank={"Z": SOLD})) == ["A", "B", "C", "Z"]


# --- how the books are written ---


def told(money: str, *refunds: dict[str, Any], order_id: str = "A") -> dict[str, Any]:
    """The parts of a checkout's answer that a register keeps its book by."""
    return {"orderId": order_id, "amount": 45_000, "money": money, "refunds": list(refunds)}


@pytest.mark.parametrize(
    ("money", "charged"),
    [("none", 0), ("possible", 0), ("charged", 45_000), ("returning", 45_000), ("returned", 45_000), ("stuck", 45_000)],
)
def test_the_register_believes_what_it_is_told_of_the_money(money: str, charged: int) -> None:
    """Money that came late is charged though the sale is canceled; possible money is not in the book."""
    assert register_book([told(money)], []) == {"A": Line(charged, 0)}


def test_the_register_counts_every_refund_once() -> None:
    """Its own refunds come with their own answers, automatic ones only in the sale's; refused and open ones count nothing."""
    own = {"orderId": "A", "refundKey": "back-1", "amount": 5_000, "success": True}
    refused = {"orderId": "A", "refundKey": "back-2", "amount": 7_000, "success": False}
    open_one = {"orderId": "A", "refundKey": "back-3", "amount": 7_000, "success": None}
    automatic = {"amount": 40_000, "success": True}
    sale = told("returned", own, refused, open_one, automatic)
    assert register_book([sale], [own, refused, open_one]) == {"A": Line(45_000, 45_000)}


def test_the_journal_counts_what_is_recorded() -> None:
    """A charge once it is known, a refund once it is done; two sales of one order are added up."""
    opened = samples.refund_opened(5_000)
    attempt = events.AttemptStarted("refund:back-1", "r2", samples.request())
    answered = events.AttemptAnswered("refund:back-1", "r2", "accepted")
    paid = samples.HISTORIES[PaymentState.PAID]
    asked = samples.sale_of([*paid, opened, attempt])
    done = samples.sale_of([*paid, opened, attempt, answered, events.Refunded("back-1")])
    assert journal_book([asked]) == {"order-1": Line(45_000, 0)}
    assert journal_book([done]) == {"order-1": Line(45_000, 5_000)}
    assert journal_book([done, samples.sale_in(PaymentState.CANCELED)]) == {"order-1": Line(45_000, 5_000)}


def test_the_journal_counts_late_money() -> None:
    """Canceled, told, then charged: the money is in the book, and leaves it only when it is back."""
    history = [*samples.HISTORIES[PaymentState.CANCELED], samples.told(samples.sale_in(PaymentState.CANCELED)), samples.LATE_MONEY]
    owed = samples.refund_opened(45_000, "late", RefundCause.LATE_MONEY)
    assert journal_book([samples.sale_of([*history, owed])]) == {"order-1": Line(45_000, 0)}


def test_the_bank_counts_its_ledger() -> None:
    """Charges and refunds by order; a cancel moves nothing, but the order is known."""
    entries = [
        {"order_id": "A", "kind": "charge", "amount": 45_000},
        {"order_id": "A", "kind": "charge", "amount": 45_000},
        {"order_id": "A", "kind": "refund", "amount": 5_000},
        {"order_id": "B", "kind": "cancel", "amount": 0},
    ]
    assert bank_book(entries) == {"A": Line(90_000, 5_000), "B": Line()}
