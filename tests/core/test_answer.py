"""What a POS is told (design section 4, promise P4): a pure projection, frozen once a finished answer was handed out."""

from dataclasses import replace

import pytest

from agent.core import answer, events
from agent.core.answer import Money, Next, refund_rows, row, slip_rows
from agent.core.ask_refund import Wanted
from agent.core.model import Environment, Merchant
from agent.core.obligations import owes
from agent.core.payment import FINISHED, PaymentState
from agent.core.ports import Row
from agent.core.refund import RefundState
from agent.core.verdict import RefStatus, Status, Unclear
from tests.core.book import Book, book_in, refunding_book, seen
from tests.core.samples import ACCEPTED, BINDING, HISTORIES, PENDING, checkout, sale_in, sale_of, slip, stamp

# state: finished, success, money, next - as the design's list of states says
TABLE = {
    PaymentState.QUEUED: (False, None, Money.NONE, Next.POLL),
    PaymentState.SENDING: (False, None, Money.POSSIBLE, Next.POLL),
    PaymentState.UNKNOWN: (False, None, Money.POSSIBLE, Next.POLL),
    PaymentState.PENDING: (False, None, Money.POSSIBLE, Next.POLL),
    PaymentState.CANCELING: (False, None, Money.POSSIBLE, Next.POLL),
    PaymentState.ATTENTION: (False, None, Money.POSSIBLE, Next.PERSON),
    PaymentState.PAID: (True, True, Money.CHARGED, None),
    PaymentState.DECLINED: (True, False, Money.NONE, None),
    PaymentState.CANCELED: (True, False, Money.NONE, None),
    PaymentState.EXPIRED: (True, False, Money.NONE, None),
    PaymentState.REVERSED: (True, False, Money.CHARGED, None),
    PaymentState.ELSEWHERE: (True, False, Money.CHARGED, None),
}
ROWS = [
    ("brandName", "Acme"),
    ("legalName", "ООО Акме"),
    ("environment", "test"),
    ("orderId", "order-1"),
    ("paymentTransactionId", "tx-1"),
    ("paymentType", "SBP"),
    ("qrcId", "QRC1"),
    ("kzo", "KZO1"),
    ("operationId", "OP1"),
    ("totalAmount", "45000"),
    ("operationDateTime", "2026-01-15T09:00:05.000Z"),
]


@pytest.mark.parametrize("state", PaymentState)
def test_every_state_has_its_answer(state: PaymentState) -> None:
    """Finished, success, money and what to do next, for every state."""
    found = book_in(state).answer
    assert (found.state, found.finished, found.success, found.money, found.next) == (state, *TABLE[state])
    assert (state in FINISHED) is found.finished


@pytest.mark.parametrize("state", [state for state in PaymentState if sale_in(state).finished])
def test_an_answer_is_the_same_before_and_after_it_is_told(state: PaymentState) -> None:
    """Telling freezes what would have been told anyway, and says so."""
    before, after = book_in(state).answer, book_in(state).tell().answer
    assert replace(after, told=False) == before
    assert after.told


def test_unfinished_answers_have_no_success() -> None:
    """Three-valued: nobody is told a guess."""
    for state in set(PaymentState) - FINISHED:
        assert book_in(state).answer.success is None


def test_the_told_rows_outlive_the_code_that_made_them() -> None:
    """A reprint shows what was handed out, even if a new version would print another slip."""
    rows = (("brandName", "Old name"), ("totalAmount", "45000"))
    sale = sale_of([*HISTORIES[PaymentState.PAID], events.Told(PaymentState.PAID, True, None, rows, "pos")])
    assert answer.answer(sale).rows == rows


def test_money_moves_on_while_the_state_stays() -> None:
    """``money`` tells where the money is now: charged, returning, stuck, returned."""
    book = refunding_book()
    moves = [book.answer.money]
    book.attempt(Unclear("timeout"), "refund:back-1")
    book.after(10**6).check(seen(Status.PARTIAL_REFUNDED))
    moves.append(book.answer.money)
    book.record([events.Refunded("back-1")])
    moves.append(book.answer.money)
    assert moves == [Money.RETURNING, Money.STUCK, Money.RETURNED]
    assert book.answer.state is PaymentState.PAID


def test_a_partly_returned_sale_is_still_charged() -> None:
    """Returned means all of it."""
    book = refunding_book(Wanted(1, 2))
    book.attempt(seen(Status.PARTIAL_REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    assert (book.refund().state, book.answer.money, book.sale.refunded) == (RefundState.REFUNDED, Money.CHARGED, 5_000)


# --- slip text ---


def test_the_slip_of_a_payment_has_the_vendors_rows() -> None:
    """The recommended receipt block, in its order; a test sale says so."""
    assert list(book_in(PaymentState.PAID).answer.rows) == ROWS


def test_only_a_payment_that_was_made_has_a_slip() -> None:
    """Neither an open nor an unpaid sale prints one, even if late money brought a slip."""
    for state in set(PaymentState) - {PaymentState.PAID, PaymentState.REVERSED}:
        found = book_in(state).answer
        assert (found.rows, found.slip) == ((), None)
    assert list(slip_rows(sale_in(PaymentState.REVERSED))) == ROWS
    book = book_in(PaymentState.CANCELED).tell()
    book.read(seen(Status.ACCEPTED, slip()))
    assert (book.sale.slip, book.answer.rows, book.answer.slip) == (slip(), (), None)


def test_rows_without_a_value_are_not_printed() -> None:
    """Real money has no environment row, another way to pay no SBP rows, and our transaction stands in for the slip's."""
    live = replace(
        ACCEPTED, binding=replace(BINDING, environment=Environment.PRODUCTION), checkout=replace(checkout(), merchant=Merchant())
    )
    bare = slip(payment_type="DOLYAME", payment_transaction_id=None, operation_date_time=None)
    sale = sale_of([live, *PENDING[1:], events.Paid(bare)])
    assert list(slip_rows(sale)) == [
        ("orderId", "order-1"),
        ("paymentTransactionId", "tx-1"),
        ("paymentType", "DOLYAME"),
        ("totalAmount", "45000"),
    ]


def test_a_refunds_slip_claims_nothing_before_the_money_is_back() -> None:
    """Empty until returned; then the refund's own amount and reference, with or without a slip of the provider."""
    book = refunding_book()
    assert refund_rows(book.sale, book.refund()) == ()
    book.attempt(seen(Status.REFUNDED, slip(), ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    expected = [("refundTransactionId", "ref-1") if row[0] == "paymentTransactionId" else row for row in ROWS]
    expected = [("refundAmount", "45000") if row[0] == "totalAmount" else row for row in expected]
    assert list(refund_rows(book.sale, book.refund())) == expected
    bare = refunding_book()
    bare.attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    assert [label for label, _ in refund_rows(bare.sale, bare.refund())] == [
        "brandName",
        "legalName",
        "environment",
        "orderId",
        "refundTransactionId",
        "refundAmount",
    ]


# --- the row ---


def test_the_row_is_the_sale_for_queries() -> None:
    """Every column of the projection, of a sale that was paid and told."""
    sale = book_in(PaymentState.PAID).tell().sale
    assert row(sale) == Row(
        id=sale.id,
        order_id="order-1",
        amount=45_000,
        currency="RUB",
        provider="koshelek",
        environment="test",
        account=BINDING.account,
        business_date=ACCEPTED.business_date,
        state="paid",
        money="charged",
        finished=True,
        open=False,
        paid_unreturned=True,
        split=False,
        told=True,
        confirmed=False,
        owes=False,
        accepted_at=stamp(0).wall,
        updated_at=stamp(400).wall,
        reason=None,
        told_at=stamp(400).wall,
        transaction_id="tx-1",
        payment_type="SBP",
        qrc_id="QRC1",
        kzo="KZO1",
        operation_id="OP1",
        operation_date_time="2026-01-15T09:00:05.000Z",
        refunded_amount=0,
        request_id="r1",
    )


@pytest.mark.parametrize("state", PaymentState)
def test_the_row_says_what_rule_7_asks(state: PaymentState) -> None:
    """``open``: unfinished or in attention. ``paid_unreturned``: paid and not fully refunded. ``owes``: to be loaded at a start."""
    sale = sale_in(state)
    found = row(sale)
    assert found.open is not sale.finished
    assert found.paid_unreturned is (state is PaymentState.PAID)
    assert (found.owes, found.state) == (owes(sale), state.value)


def test_a_returned_payment_frees_its_order() -> None:
    """Fully refunded: the order may be paid again; partly: not."""
    book = refunding_book()
    assert row(book.sale).paid_unreturned
    book.attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    assert (row(book.sale).paid_unreturned, row(book.sale).refunded_amount) == (False, 45_000)


def test_a_fresh_sale_was_updated_when_it_was_accepted() -> None:
    """The first event is the first change."""
    assert row(Book().sale).updated_at == stamp(0).wall
