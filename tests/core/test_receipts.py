"""The delivery machine: a fiscal receipt on its way to the provider. It moves no money and never stands in the way of a sale."""

from dataclasses import replace

import pytest

from agent.core import answer, decide_receipt, events
from agent.core.answer import needed_secrets
from agent.core.decide import Result
from agent.core.decide_receipt import MAX_RECEIPTS, NoSuchRefund, NotPaid, TooMany
from agent.core.delivery import Delivery, DeliveryState
from agent.core.duty import Duty
from agent.core.fold import call_of
from agent.core.machine import IllegalTransition
from agent.core.obligations import owes, owes_money
from agent.core.owed_receipt import RECEIPT_PATIENCE_DOUBLINGS, RECEIPT_PATIENCE_TRIES
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import RefundState
from agent.core.verdict import Denied, Garbled, NotSent, Observed, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import Book, book_in, paid_book, refunding_book, seen
from tests.core.samples import HISTORIES, fiscal, request, sale_of

GIVEN = events.ReceiptGiven("rc-1", "digest", fiscal())
CALL = "receipt:rc-1"
SENT = events.AttemptStarted(CALL, "r9", request())
LOST = events.AttemptLost(CALL, "r9", "timeout")
HELD = events.AttemptHeld(CALL, "r9", "refused")
ANSWERED = events.AttemptAnswered(CALL, "r9", "ok")
DELIVERED = events.ReceiptDelivered("rc-1")
REFUSED = events.ReceiptRefused("rc-1", "NO")
LATER = events.ReceiptReopened("rc-1", "TRANSACTION_IN_PROCESSING")

TAKEN = Observed(Status.UNKNOWN)  # of an empty body
NO = Refused("UNKNOWN_TRANSACTION_ID", Refusal.NOT_FOUND)
BUSY = Refused("TRANSACTION_IN_PROCESSING", Refusal.BUSY)
STRANGER = Refused("UNKNOWN_PARTNER_ID", Refusal.CONFIGURATION)
SETTLE = Policy().settle_backoff
_S = DeliveryState


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
        ((SENT, ANSWERED, LATER), DeliveryState.QUEUED),
    ],
)
def test_a_receipt_goes_its_way(history: tuple[events.Event, ...], state: DeliveryState) -> None:
    """Queued, sent, lost and repeated, until it is delivered or refused for good; until then the sale owes it."""
    found, owed = receipt(*history)
    assert (found, owed) == (state, state not in (DeliveryState.DELIVERED, DeliveryState.REFUSED))


def test_receipts_are_told_apart_by_their_keys() -> None:
    """A sale may have several; what happens to one leaves the others alone."""
    book = book_in(PaymentState.PAID)
    book.record([GIVEN, events.ReceiptGiven("rc-2", "digest", fiscal("rc-2")), SENT, ANSWERED, REFUSED])
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


# --- giving ---


def given_book() -> Book:
    """A paid sale, told, with a receipt to deliver."""
    book = paid_book()
    book.give_receipt()
    return book


def refusal_of(book: Book, refund: str | None = None) -> str:
    """Why a receipt is not taken."""
    with pytest.raises(NotPaid) as refused:
        book.give_receipt(refund=refund)
    assert f"is {refused.value.state}" in str(refused.value) or refused.value.state == book.sale.payment.value
    return f"{refused.value.path}: {refused.value}"


@pytest.mark.parametrize("state", PaymentState)
def test_only_what_is_paid_has_a_receipt(state: PaymentState) -> None:
    """A paid sale takes one, and one that was paid elsewhere; every other is refused by its state, and nothing is recorded."""
    book = book_in(state)
    if state in (PaymentState.PAID, PaymentState.ELSEWHERE):
        one = book.give_receipt()
        assert (one.state, one.receipt, one.refund, book.due_in(Duty.RECEIPT)) == (_S.QUEUED, fiscal(), None, 0)
    else:
        assert refusal_of(book).startswith(f"key: the sale is {state.value}: only a paid sale")
        assert book.sale.deliveries == ()


def test_without_a_transaction_there_is_none() -> None:
    """Paid by somebody's word, without an id at the provider: nobody could tell which payment the receipt is about."""
    book = paid_book()
    book.sale = replace(book.sale, transaction_id=None)
    assert "no transactionId" in refusal_of(book)


def test_the_receipt_of_a_refund_waits_for_the_money() -> None:
    """It names a refund of the sale, and that refund must be made."""
    book = refunding_book()
    with pytest.raises(NoSuchRefund, match="the sale has no refund 'back-2'"):
        book.give_receipt(refund="back-2")
    assert refusal_of(book, "back-1").startswith("refundKey: the refund is queued")
    book.attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refund:back-1")
    assert book.refund().state is RefundState.REFUNDED
    assert book.give_receipt(refund="back-1").refund == "back-1"


def test_the_number_of_receipts_is_bounded() -> None:
    """So many and no more: the record of a sale stays bounded."""
    book = paid_book()
    for number in range(MAX_RECEIPTS):
        book.give_receipt(f"rc-{number}")
    with pytest.raises(TooMany, match=str(MAX_RECEIPTS)):
        book.give_receipt("one-more")


# --- answers ---


def after(result: Result, *, lost: bool = False) -> Book:
    """A receipt whose attempt brought this; ``lost``: after an earlier one that was lost."""
    book = given_book()
    if lost:
        book.attempt(Unclear("timeout"), CALL)
    book.attempt(result, CALL)
    return book


ENDS: list[tuple[Result, bool, DeliveryState, str | None]] = [
    (TAKEN, False, _S.DELIVERED, None),
    (TAKEN, True, _S.DELIVERED, None),
    (NO, False, _S.REFUSED, "UNKNOWN_TRANSACTION_ID"),
    (NO, True, _S.REFUSED, "UNKNOWN_TRANSACTION_ID"),
    (Refused("NEWS", Refusal.UNKNOWN), False, _S.REFUSED, "NEWS"),
    (STRANGER, False, _S.REFUSED, "UNKNOWN_PARTNER_ID"),
    (BUSY, False, _S.QUEUED, "TRANSACTION_IN_PROCESSING"),
    (BUSY, True, _S.UNKNOWN, None),
    (NotSent("refused"), False, _S.QUEUED, "OFFLINE"),
    (NotSent("busy"), False, _S.QUEUED, None),
    (NotSent("refused"), True, _S.UNKNOWN, "OFFLINE"),
    (Denied(401), False, _S.QUEUED, "ACCESS_DENIED"),
    (Denied(429, 7), False, _S.QUEUED, None),
    (Unclear("timeout"), False, _S.UNKNOWN, None),
    (Garbled("http_502"), False, _S.UNKNOWN, None),
]


@pytest.mark.parametrize(("result", "lost", "state", "reason"), ENDS)
def test_the_end_of_an_attempt(result: Result, lost: bool, state: DeliveryState, reason: str | None) -> None:
    """Taken and refused end it; everything else is tried again. The sale's own answer and its refunds are as before."""
    book = after(result, lost=lost)
    one, unsettled = book.delivery(), state not in (_S.DELIVERED, _S.REFUSED)
    assert (one.state, one.reason) == (state, reason)
    assert (one.unsettled, book.owes(Duty.RECEIPT) is not None, owes(book.sale)) == (unsettled, unsettled, unsettled)
    assert not owes_money(book.sale)
    assert book.answer == paid_book().answer
    assert book.alarms == ({"ACCESS_DENIED"} if result == Denied(401) else {"UNKNOWN_PARTNER_ID"} if result is STRANGER else set())


def test_a_late_answer_counts_while_it_is_open() -> None:
    """Of an attempt given up as lost, even while its repeat is under way; the repeat's own end then changes nothing."""
    for word, state in ((TAKEN, _S.DELIVERED), (NO, _S.REFUSED)):
        book = after(Unclear("timeout"))
        request_id = book.start(CALL)
        book.record(book.meaning(word, CALL, request_id, late=True))
        assert book.delivery().state is state
        assert book.end(Unclear("timeout"), CALL) == []


def test_a_late_word_that_says_nothing_is_nothing() -> None:
    """Busy or failed, late: the attempt at work goes on, and the lost ones stay lost."""
    book = after(Unclear("timeout"))
    for start in (False, True):
        if start:
            book.start(CALL)
        for word in (BUSY, Unclear("reset"), NotSent("refused")):
            assert book.end(word, CALL, late=True) == []


@pytest.mark.parametrize(("key", "request_id"), [("rc-2", "r9"), ("rc-1", "r8")])
def test_words_about_something_else_are_nothing(key: str, request_id: str) -> None:
    """Another receipt, another requestId, or none at all yet."""
    book = given_book()
    assert decide_receipt.receipt_result(book.sale, "rc-1", "r9", TAKEN) == []
    book.record([SENT])
    assert decide_receipt.receipt_result(book.sale, key, request_id, TAKEN) == []


def test_what_was_given_up_stays_so() -> None:
    """An operator dropped it while its answer was still to come: the late answer has nobody to tell."""
    book = after(Unclear("timeout"))
    call = book.delivery().call
    assert call is not None
    book.sale = replace(book.sale, deliveries=(replace(book.delivery(), state=_S.REFUSED),))
    assert book.meaning(TAKEN, CALL, call.request_id, late=True) == []


# --- what is owed ---


def waits(book: Book, result: Result, tries: int) -> list[int]:
    """Milliseconds that each further attempt waits."""
    found = []
    for _ in range(tries):
        book.attempt(result, CALL)
        found.append(book.due_in(Duty.RECEIPT))
        book.after(found[-1])
    return found


@pytest.mark.parametrize("result", [NotSent("refused"), Unclear("timeout"), BUSY])
def test_it_is_tried_ever_more_rarely_and_never_given_up(result: Result) -> None:
    """The settling back-off first; what was not taken for minutes waits longer and longer, up to an hour and its jitter."""
    found = waits(given_book(), result, RECEIPT_PATIENCE_TRIES + RECEIPT_PATIENCE_DOUBLINGS + 3)
    early, last = found[:RECEIPT_PATIENCE_TRIES], found[-2:]
    assert all(SETTLE.after(place + 1) <= wait <= 1.25 * SETTLE.after(place + 1) for place, wait in enumerate(early))
    most = SETTLE.cap_ms << RECEIPT_PATIENCE_DOUBLINGS
    assert all(most <= wait <= 1.25 * most for wait in last)
    assert 3_600_000 <= most <= 4_000_000


def test_a_wait_that_is_asked_for_is_kept() -> None:
    """Retry-After of a 429."""
    assert after(Denied(429, 77)).due_in(Duty.RECEIPT) >= 77_000


def test_a_reboot_makes_it_due_at_once() -> None:
    """However long it had to wait before."""
    book = given_book()
    waits(book, NotSent("refused"), 20)
    book.attempt(NotSent("refused"), CALL)
    assert book.reboot().due_in(Duty.RECEIPT) == 0


def test_one_under_way_is_not_owed_twice() -> None:
    """Neither while its attempt is open, nor while it waits for its turn; a restart finds it owed again, under the same id."""
    book = given_book()
    book.memory.carried.add("rc-1")
    assert book.owes(Duty.RECEIPT) is None
    book.memory.carried.clear()
    request_id = book.start(CALL)
    assert book.owes(Duty.RECEIPT) is None
    book.restart()
    assert (book.delivery().state, book.start(CALL)) == (_S.UNKNOWN, request_id)


def test_receipts_do_not_wait_for_each_other() -> None:
    """One that cannot be delivered holds up no other, and refunds go their way."""
    book = after(NotSent("refused"))
    book.give_receipt("rc-2")
    book.ask_refund()
    assert {(one.duty, one.receipt) for one in book.owed if one.at <= book.now.ticks} == {(Duty.RECEIPT, "rc-2"), (Duty.REFUND, "")}


def test_after_later_comes_a_new_request() -> None:
    """The old one's answer is settled: repeated, it would be answered "later" for ever."""
    book = after(BUSY)
    before = call_of(book.sale, CALL)
    assert before is not None
    assert book.start(CALL) != before.request_id
    assert book.delivery().state is _S.SENDING


def test_an_undelivered_receipt_keeps_no_secrets() -> None:
    """Promise P21: the token of a sale nobody asked for is not kept for its receipt's sake."""
    book = book_in(PaymentState.PAID)
    book.record([events.AlarmRaised("UNCLAIMED")])
    book.give_receipt()
    assert needed_secrets(book.sale, needs_token=True) == frozenset()


def test_the_row_says_that_something_is_owed_and_nothing_else() -> None:
    """A start must load the sale; for every list and constraint it is as finished as one without a receipt."""
    book = given_book()
    bare = answer.row(paid_book().sale)
    row = answer.row(book.sale)
    assert (row.owes, bare.owes) == (True, False)
    assert replace(row, owes=False, updated_at=bare.updated_at) == bare


def test_a_delivery_knows_the_whole_receipt() -> None:
    """After a crash the request is built from the record alone."""
    one: Delivery = given_book().delivery()
    assert (one.receipt, one.receipt.plain()["items"][0]["name"]) == (fiscal(), "Сыр")
