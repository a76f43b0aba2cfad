"""Money rule 8 and promise P7: what may be asked back. Never above what is left, per sale and per line."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import events, evidence
from agent.core.answer import EARLIER_REFUND, TOKEN_UNAVAILABLE, Money, refund_reason
from agent.core.ask_refund import MAX_REFUNDS, REFUNDABLE, NotRefundable, Wanted, lines_left, refund_asked
from agent.core.machine import IllegalTransition
from agent.core.model import RefundLine
from agent.core.money import BadAmount, Kopecks
from agent.core.payment import PaymentState
from agent.core.refund import RefundCause, RefundState
from agent.core.verdict import RefStatus, Refusal, Refused, Status
from tests.core.book import WHOLE_AMOUNT, Book, paid_book, refunding_book, seen
from tests.core.samples import ACCEPTED, BINDING, HISTORIES, PAID, SENT, WHOLE, checkout, refund_opened, sale_in, sale_of, slip

CHEESE, MILK = 0, 1  # sold by the gram: 1000 for 40 000 kopecks; counted: 2 for 5 000 kopecks
DONE = seen(Status.PARTIAL_REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1")


def refused(book: Book, *wanted: Wanted, amount: int | None = None) -> tuple[str, str]:
    """The field and the text of a refusal that changes nothing."""
    before = book.sale
    with pytest.raises(NotRefundable) as error:
        book.ask_refund(*wanted, amount=amount)
    assert book.sale == before
    return error.value.path, str(error.value)


def test_a_full_refund_returns_every_line() -> None:
    """No lines asked: everything that is left, to the kopeck; it is queued and the money is on its way."""
    book = refunding_book()
    one = book.refund()
    assert (one.amount, one.lines, one.state, one.cause) == (WHOLE_AMOUNT, WHOLE, RefundState.QUEUED, RefundCause.POS)
    assert (book.answer.state, book.answer.money) == (PaymentState.PAID, Money.RETURNING)


def test_counted_goods_go_back_by_the_piece() -> None:
    """One of two bottles: its share of the line; the last one returns what is left of the line."""
    odd = replace(checkout().invoice.items[MILK], total_amount=Kopecks(5_001))
    bill = replace(checkout().invoice, items=(checkout().invoice.items[CHEESE], odd), total_amount=Kopecks(45_001))
    history = (replace(ACCEPTED, checkout=replace(checkout(), invoice=bill)), *HISTORIES[PaymentState.PENDING][1:])
    book = Book([*history, events.Paid(slip(45_001))])
    assert book.ask_refund(Wanted(MILK, 1)).lines == (RefundLine(MILK, 1, Kopecks(2_500)),)
    assert book.ask_refund(Wanted(MILK, 1), key="back-2").lines == (RefundLine(MILK, 1, Kopecks(2_501)),)


def test_weighed_goods_go_back_whole() -> None:
    """A part of what was sold by weight cannot be returned; all of it can."""
    book = paid_book()
    path, text = refused(book, Wanted(CHEESE, 500))
    assert (path, "GRAM" in text, "1000 units" in text) == ("items[0].quantity", True, True)
    assert book.ask_refund(Wanted(CHEESE, 1000)).amount == 40_000


def test_a_pos_may_round_its_own_way() -> None:
    """Its own amount for a part stands, as long as the last part returns the exact rest of the line."""
    book = paid_book()
    assert book.ask_refund(Wanted(MILK, 1, 2_000)).amount == 2_000
    path, text = refused(book, Wanted(MILK, 1, 2_500))
    assert (path, "3000" in text) == ("items[0].totalAmount", True)
    assert book.ask_refund(Wanted(MILK, 1, 3_000), key="back-2").amount == 3_000


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ([Wanted(2, 1)], "items[0].line"),
        ([Wanted(-1, 1)], "items[0].line"),
        ([Wanted(MILK, 1), Wanted(MILK, 1)], "items[1].line"),
        ([Wanted(MILK, 3)], "items[0].quantity"),
        ([Wanted(MILK, 0)], "items[0].quantity"),
        ([Wanted(MILK, -1)], "items[0].quantity"),
        ([Wanted(MILK, 1, 5_001)], "items[0].totalAmount"),
        ([Wanted(MILK, 1, 0)], "items"),
    ],
)
def test_what_the_bill_does_not_hold_cannot_be_returned(wanted: Sequence[Wanted], path: str) -> None:
    """Unknown lines, lines named twice, more units or kopecks than are left, nothing at all: refused, with the field at fault."""
    assert refused(paid_book(), *wanted)[0] == path


def test_negative_amounts_are_no_amounts() -> None:
    """A refund cannot charge."""
    with pytest.raises(BadAmount, match="not negative"):
        refund_asked(paid_book().sale, "back-1", [Wanted(MILK, 1, -1)], None, "digest")


def test_the_amount_must_be_the_sum_of_the_lines() -> None:
    """``refundAmount`` is checked, never believed."""
    assert refused(paid_book(), Wanted(MILK, 1), amount=2_501) == (
        "refundAmount",
        "the lines add up to 2500 kopecks, refundAmount says 2501",
    )
    assert paid_book().ask_refund(Wanted(MILK, 1), amount=2_500).amount == 2_500


def test_what_is_returned_cannot_be_returned_again() -> None:
    """Queued, under way, unclear or done: a line's units go back once; a declined refund gives them free again."""
    for state in ("queued", "refunded"):
        book = refunding_book(Wanted(MILK, 2))
        if state == "refunded":
            book.attempt(DONE, "refund:back-1")
        assert refused(book, Wanted(MILK, 1))[0] == "items[0].line"
        assert lines_left(book.sale) == {CHEESE: WHOLE[CHEESE]}
        book.ask_refund(key="back-2")
        assert refused(book)[1] == "nothing is left to refund"
    book = refunding_book(Wanted(MILK, 2))
    book.attempt(Refused("REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE", Refusal.OVER_LIMIT), "refund:back-1")
    assert book.refund().state is RefundState.DECLINED
    assert book.ask_refund(key="back-2").amount == 45_000


def test_a_bill_whose_lines_exceed_its_total_returns_no_more_than_the_total() -> None:
    """The charge is the limit, whatever the lines add up to."""
    given = events.SaleGiven(
        replace(checkout(), invoice=replace(checkout().invoice, total_amount=Kopecks(44_000))), BINDING, date(2026, 1, 15), "tx-9"
    )
    book = Book([given])
    assert refused(book) == ("refundAmount", "44000 kopecks are left to refund, 45000 are asked")


@pytest.mark.parametrize("state", sorted(set(PaymentState) - REFUNDABLE))
def test_only_a_paid_sale_can_be_refunded(state: PaymentState) -> None:
    """Nothing was taken, or it goes back already, or a person must look first."""
    with pytest.raises(NotRefundable, match=state.value) as error:
        refund_asked(sale_in(state), "back-1", [], None, "digest")
    assert error.value.reason == "SALE_NOT_PAID"


def test_a_sale_of_another_till_can_be_refunded() -> None:
    """Known only from the POS and its transactionId."""
    sale = sale_in(PaymentState.ELSEWHERE)
    opened = refund_asked(sale, "back-1", [], None, "digest")
    assert opened == [events.RefundOpened("back-1", WHOLE_AMOUNT, WHOLE, RefundCause.POS, "digest")]


def test_the_number_of_refunds_is_limited() -> None:
    """A record stays bounded."""
    book = paid_book()
    for number in range(MAX_REFUNDS):
        book.ask_refund(Wanted(MILK, 1), key=f"back-{number}")
        book.record([events.RefundDeclined(f"back-{number}", "REJECTED")])
    assert (refused(book)[0], why(book)) == ("key", "TOO_MANY_RETURNS")


def why(book: Book, *wanted: Wanted, amount: int | None = None) -> str:
    """The word by which the cashier is told."""
    with pytest.raises(NotRefundable) as error:
        book.ask_refund(*wanted, amount=amount)
    return error.value.reason


def test_each_refusal_has_its_word() -> None:
    """What a cashier can do differs: look at what was returned, correct the sum, choose anew, return the whole."""
    book = paid_book()
    assert why(book, Wanted(CHEESE, 10)) == "WHOLE_LINE_ONLY"
    assert why(book, Wanted(MILK, 3)) == "MORE_THAN_LEFT"
    assert why(book, Wanted(MILK, 1, 5_001)) == "MORE_THAN_LEFT"
    assert [why(book, Wanted(7, 1)), why(book, Wanted(MILK, 1), Wanted(MILK, 1))] == ["WRONG_LINES"] * 2
    assert [why(book, Wanted(MILK, 2, 1)), why(book, Wanted(MILK, 1), amount=1)] == ["WRONG_LINES"] * 2
    book.ask_refund(Wanted(MILK, 2), key="back-1")
    assert why(book, Wanted(MILK, 1)) == "NOTHING_LEFT"
    book.ask_refund(key="back-2")
    assert why(book) == "NOTHING_LEFT"


def test_one_at_a_time() -> None:
    """A second refund queues until the first is settled, and says so; then it takes its turn."""
    book = refunding_book(Wanted(MILK, 1))
    book.ask_refund(Wanted(MILK, 1), key="back-2")
    assert [one.refund for one in book.owed] == ["back-1"]
    assert [refund_reason(book.sale, book.refund(key)) for key in ("back-1", "back-2")] == [None, EARLIER_REFUND]
    book.attempt(DONE, "refund:back-1")
    assert [one.refund for one in book.owed] == ["back-2"]
    assert [refund_reason(book.sale, book.refund(key)) for key in ("back-1", "back-2")] == [None, None]


def test_what_an_unsent_refund_waits_for_is_told() -> None:
    """A token, and behind it the earlier refund; one that has been sent has its own reason, whatever alarm stands."""
    book = refunding_book(Wanted(MILK, 1))
    book.ask_refund(Wanted(MILK, 1), key="back-2")
    book.record(evidence.alarm(book.sale, TOKEN_UNAVAILABLE))
    assert [refund_reason(book.sale, one) for one in book.sale.refunds] == [TOKEN_UNAVAILABLE, EARLIER_REFUND]
    book.attempt(Refused("CODE", Refusal.NOT_PAID), "refund:back-1")
    assert [refund_reason(book.sale, one) for one in book.sale.refunds] == ["CODE", TOKEN_UNAVAILABLE]


LINES = st.lists(st.builds(Wanted, st.integers(-1, 2), st.integers(-1, 1001), st.none() | st.integers(-1, 50_000)), max_size=3)


@given(st.lists(st.tuples(LINES, st.none() | st.integers(0, 50_000), st.booleans()), max_size=6))
def test_refunds_never_exceed_the_charge(asked: list[tuple[list[Wanted], int | None, bool]]) -> None:
    """Whatever a POS asks, in whatever order, done or declined: neither the sale nor any line returns more than it took."""
    book = paid_book()
    for number, (wanted, amount, done) in enumerate(asked):
        key = f"back-{number}"
        try:
            book.ask_refund(*wanted, key=key, amount=amount)
        except (NotRefundable, BadAmount):
            continue
        book.record([events.RefundDeclined(key, "REJECTED")] if not done else [])
        held = [one for one in book.sale.refunds if one.state is not RefundState.DECLINED]
        assert 0 < sum(one.amount for one in held) <= book.sale.amount or not held
        for place, item in enumerate(book.sale.checkout.invoice.items):
            lines = [line for one in held for line in one.lines if line.line == place]
            assert sum(line.quantity for line in lines) <= item.quantity
            assert sum(line.total_amount for line in lines) <= item.total_amount


def test_the_record_itself_forbids_to_return_too_much() -> None:
    """Promise P7 holds even against a mistake in a decision."""
    paid = [*HISTORIES[PaymentState.PAID]]
    for extra in ([refund_opened(45_001)], [refund_opened(0)], [refund_opened(30_000), refund_opened(30_000, "back-2")]):
        with pytest.raises(IllegalTransition, match="what is left"):
            sale_of([*paid, *extra])
    for history in ([*paid, refund_opened(1_000), refund_opened(1_000)], [*HISTORIES[PaymentState.CANCELED], refund_opened()]):
        with pytest.raises(IllegalTransition, match="cannot be opened"):
            sale_of(history)
    charged = [ACCEPTED, SENT, *HISTORIES[PaymentState.PENDING][2:], events.ChargeSeen(), refund_opened()]
    with pytest.raises(IllegalTransition, match="cannot be opened in pending"):
        sale_of(charged)
    assert sale_of([*HISTORIES[PaymentState.PENDING], PAID, refund_opened(45_000)]).refund_held == 45_000
