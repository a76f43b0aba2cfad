"""Returns that people make: what a refusal means when an earlier request may have reached them (money rule 8, promises P6 and P7).

Softline takes one request at a time, and while people think about it the payment is still said to be paid: a read cannot tell whether
they were asked.
"""

from dataclasses import replace

import pytest

from agent.core import events
from agent.core.alarms import standing
from agent.core.answer import Money
from agent.core.capability import KOSHELEK, PAYCORE, SOFTLINE, Capabilities
from agent.core.decide import Result
from agent.core.duty import Duty
from agent.core.evidence import RETURN_KEY
from agent.core.model import PaymentLink
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import RefundState
from agent.core.resolution import SALE, Resolution
from agent.core.verdict import Denied, Observed, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import WHOLE_AMOUNT, Book, book_in, seen
from tests.core.samples import slip

TAKEN = Refused("SOFTLINE_9999", Refusal.RETURN_REFUSED)
CALL = "refund:back-1"
DAY_MS = 86_400_000


def lost(caps: Capabilities = SOFTLINE) -> Book:
    """People may have been asked for a refund; the time for a look has come, and the payment is still paid."""
    book = Book(caps=caps, policy=Policy(wait_limit_ms=180_000))
    book.attempt(seen(Status.PENDING, link=PaymentLink("https://pay.example/p/1")))
    book.read(seen(Status.ACCEPTED, slip()))
    book.tell().ask_refund()
    book.attempt(Unclear("timeout"), CALL)
    return checked(book, "back-1")


def checked(book: Book, key: str) -> Book:
    book.after(Policy().blind_repeat_ms).check(seen(Status.ACCEPTED, slip()), key)
    assert {one.duty for one in book.owed} == {Duty.REFUND}
    return book


def test_a_repeat_that_is_refused_may_hear_of_its_own_first_copy() -> None:
    """It is not declined: people return money that the register was told would stay. Nothing more is asked, and a person looks."""
    book = lost()
    book.attempt(TAKEN, CALL)
    assert (book.refund().state, standing(book.sale)) == (RefundState.REQUESTED, ("RETURN_REFUSED",))
    assert {one.duty for one in book.owed} == {Duty.READ_REFUND}
    book.read_refund(seen(Status.ACCEPTED, slip()))
    assert book.refund().state is RefundState.REQUESTED
    book.read_refund(seen(Status.GONE))
    assert (book.refund().state, book.answer.money) == (RefundState.REFUNDED, Money.RETURNED)


def test_a_request_that_nobody_sees_to_calls_the_shop_once() -> None:
    """Read day after day: nothing is said for a week, then there is an alarm; one that an operator has seen does not come again."""
    book = lost()
    book.attempt(seen(Status.UNKNOWN, ref=RefStatus.REQUESTED), CALL)
    said: list[int] = []
    for day in range(1, 15):
        book.after(DAY_MS)
        if book.read_refund(seen(Status.ACCEPTED, slip())):
            said.append(day)
            book.record([events.Resolved(SALE, Resolution.ACKNOWLEDGE, "asked them", "uid:0")])
    assert (said, book.refund().state, "REFUND_SLOW" in book.sale.acknowledged) == ([7], RefundState.REQUESTED, True)
    book.read_refund(seen(Status.GONE))
    assert book.refund().state is RefundState.REFUNDED


def test_what_is_owed_is_not_asked_for_every_half_minute() -> None:
    """Late money: the same, and the people are left in peace."""
    book = Book(caps=SOFTLINE, policy=Policy(wait_limit_ms=180_000))
    book.attempt(seen(Status.PENDING, link=PaymentLink("https://pay.example/p/1")))
    book.cancel()
    book.tell().read(seen(Status.ACCEPTED, slip()))
    call = f"refund:{RETURN_KEY}"
    book.attempt(Unclear("timeout"), call)
    checked(book, RETURN_KEY).attempt(TAKEN, call)
    assert (book.refund(RETURN_KEY).state, book.answer.money) == (RefundState.REQUESTED, Money.RETURNING)
    assert {one.duty for one in book.owed} == {Duty.READ_REFUND}


def test_a_late_refusal_changes_nothing() -> None:
    """Of an attempt that was given up, while another one is to come or under way."""
    book = lost()
    assert book.end(TAKEN, CALL) == []
    assert book.end(TAKEN, CALL, late=True) == []
    book.start(CALL)
    assert book.end(TAKEN, CALL, late=True) == []
    assert book.refund().state is RefundState.UNKNOWN


@pytest.mark.parametrize(
    ("caps", "refusal"), [(SOFTLINE, Refusal.CONFIGURATION), (KOSHELEK, Refusal.RETURN_REFUSED)], ids=["malformed", "by a call"]
)
def test_other_refusals_end_what_was_only_asked_for(caps: Capabilities, refusal: Refusal) -> None:
    """A request that nobody can have read, and a provider whose payment shows what was returned: looked at again, and declined."""
    book = lost(caps)
    book.attempt(Refused("6010", refusal), CALL)
    book.check(seen(Status.ACCEPTED, slip()))
    assert book.refund().state is RefundState.DECLINED


def test_the_first_request_is_refused_for_good() -> None:
    """No copy can be with them."""
    first = Book(caps=SOFTLINE, policy=Policy(wait_limit_ms=180_000))
    first.attempt(seen(Status.PENDING, link=PaymentLink("https://pay.example/p/1")))
    first.read(seen(Status.ACCEPTED, slip()))
    first.tell().ask_refund()
    first.attempt(TAKEN, CALL)
    assert first.refund().state is RefundState.DECLINED


# --- a sale that is only known from what a register says of it ---


def described(caps: Capabilities = SOFTLINE) -> Book:
    """A refund of a sale that this journal does not hold: nobody was asked for anything yet."""
    book = book_in(PaymentState.ELSEWHERE, caps=caps)
    book.ask_refund()
    return book


def over(status: Status, amount: int | None = WHOLE_AMOUNT, currency: str | None = "RUB") -> Observed:
    """What the payment says that it is over."""
    return replace(seen(status, tx="tx-elsewhere"), amount=None if amount is None else Kopecks(amount), currency=currency)


def test_a_payment_that_was_only_described_is_read_before_people_are_asked() -> None:
    """They return the whole of it, so it must be what the register has described; a system that takes a sum needs no look."""
    book = described()
    assert {one.duty for one in book.owed} == {Duty.CHECK_REFUND}
    book.check(over(Status.ACCEPTED))
    assert {one.duty for one in book.owed} == {Duty.REFUND}
    book.attempt(seen(Status.UNKNOWN, tx=None, ref=RefStatus.REQUESTED), CALL)
    book.read_refund(seen(Status.GONE, tx="tx-elsewhere"))
    assert (book.refund().state, book.answer.money) == (RefundState.REFUNDED, Money.RETURNED)
    assert {one.duty for one in described(KOSHELEK).owed} == {Duty.REFUND}


@pytest.mark.parametrize(("amount", "currency"), [(100_000, "RUB"), (1, "RUB"), (WHOLE_AMOUNT, "USD")])
def test_a_part_of_a_payment_is_not_returned_as_the_whole(amount: int, currency: str) -> None:
    """The payment is over another sum than was described: nobody is asked, and the record claims nothing."""
    book = described()
    book.check(over(Status.ACCEPTED, amount, currency))
    assert (book.refund().state, book.refund().reason, book.sale.refunded) == (RefundState.DECLINED, "OTHER_AMOUNT", 0)


def test_a_described_payment_that_is_back_already() -> None:
    """Returned, and over the sum that was described: so it is. Gone without a word whether it was ever paid, or over a sum that is not
    told: a person looks."""
    back = described()
    back.check(over(Status.REFUNDED))
    assert back.refund().state is RefundState.REFUNDED
    for said in (over(Status.GONE), over(Status.REFUNDED, 1), over(Status.ACCEPTED, None), over(Status.REJECTED)):
        unclear = described()
        unclear.check(said)
        assert (unclear.refund().state, unclear.sale.refunded) == (RefundState.ATTENTION, 0)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (over(Status.PENDING), "PAYMENT_TRANSACTION_IS_NOT_PAID"),
        (over(Status.ABSENT), "UNKNOWN_TRANSACTION_ID"),
        (Refused("SOFTLINE_6001", Refusal.NOT_FOUND), "UNKNOWN_TRANSACTION_ID"),
        (Denied(404), "UNKNOWN_TRANSACTION_ID"),
    ],
    ids=str,
)
def test_what_was_never_paid_is_not_waited_for(said: Result, reason: str) -> None:
    """The register has described a payment that is not there: it hears so, and nobody was asked."""
    book = described()
    book.check(said)
    assert (book.refund().state, book.refund().reason, book.owed) == (RefundState.DECLINED, reason, [])


@pytest.mark.parametrize(
    ("said", "alarms"),
    [
        (Denied(401), {"ACCESS_DENIED"}),
        (Denied(429), set()),
        (Unclear("timeout"), set()),
        (over(Status.UNKNOWN), {"UNKNOWN_STATUS"}),
        (over(Status.REFUNDING), set()),
        (replace(over(Status.ACCEPTED), transaction_id="tx-9"), {"OTHER_TRANSACTION"}),
    ],
    ids=str,
)
def test_a_look_that_tells_nothing_is_made_again(said: Result, alarms: set[str]) -> None:
    """And who can do something about it is called."""
    book = described()
    book.check(said)
    assert (book.refund().state, book.alarms, {one.duty for one in book.owed}) == (RefundState.QUEUED, alarms, {Duty.CHECK_REFUND})


def test_a_return_at_work_for_a_week_calls_the_shop() -> None:
    """Of a system whose returns have no number of their own: the payment is read, and says for days that it is being returned."""
    book = Book(caps=PAYCORE, policy=Policy(wait_limit_ms=180_000))
    book.attempt(seen(Status.PENDING, link=PaymentLink("https://pay.example/p/1")))
    book.read(seen(Status.ACCEPTED, slip()))
    book.tell().ask_refund()
    book.attempt(seen(Status.REFUNDING), CALL)
    for told in (seen(Status.REFUNDING), replace(seen(Status.REFUNDING), refunded=Kopecks(0))):
        for _ in range(4):
            book.after(DAY_MS).check(told)
    assert (book.refund().state, book.alarms) == (RefundState.UNKNOWN, {"REFUND_SLOW"})


def test_a_lost_request_about_it_is_looked_up_as_any_other() -> None:
    """Its sum was compared before; what is gone afterwards was returned."""
    book = described()
    book.check(over(Status.ACCEPTED))
    book.attempt(Unclear("timeout"), CALL)
    book.after(Policy().blind_repeat_ms).check(seen(Status.GONE, tx="tx-elsewhere"))
    assert book.refund().state is RefundState.REFUNDED
