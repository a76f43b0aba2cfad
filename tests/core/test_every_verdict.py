"""Every situation of a sale against every word that can come: only a final word has a final effect, and what is decided always folds.

The method is exhaustion: situations (all payment states, told and untold, with and without a transaction, calls in every state) times
all combinations of what matters in an answer, all refusals, and all ways to hear nothing; as the answer of a checkout, of a cancel and of a
refund, in time and late, and as a status read for the payment and for a refund.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import pytest

from agent.core import decide, decide_refund, events
from agent.core.capability import Refunds
from agent.core.decide import Result
from agent.core.events import Event
from agent.core.evidence import RETURN_KEY
from agent.core.fold import fold
from agent.core.model import PaymentLink, Slip
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import Refund, RefundState
from agent.core.sale import Sale
from agent.core.verdict import Denied, Garbled, NotSent, Observed, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import Book, book_in, refunding_book, seen
from tests.core.samples import ACCEPTED, ANSWERED, BINDING, HISTORIES, LOST, PENDING, RESENT, SENT, WANTED, slip, stamp

NOW = stamp(120_000)
POLICY = Policy()
PLAN = POLICY.rereads_ms
OFFERED: list[Event] = [ACCEPTED, SENT, ANSWERED, events.LinkOffered(PaymentLink("https://pay.example/?amount=450"))]
SLIPS = [None, slip(), slip(total=1)]
SURE = {Refusal.SESSION, Refusal.CONFIGURATION}

REFS = [(None, None, None), (None, "ref-9", None), *((ref, "ref-9", "CODE") for ref in RefStatus), (RefStatus.REJECTED, None, None)]


def observed(slips: Sequence[Slip | None], refs: Sequence[tuple[RefStatus | None, str | None, str | None]]) -> list[Result]:
    return [
        seen(status, one, tx=tx, ref=ref, ref_id=ref_id, error=error, refusal=Refusal.UNKNOWN if error else None)
        for status, one, tx, (ref, ref_id, error) in product(Status, slips, (None, "tx-1", "tx-2"), refs)
    ]


SILENT: list[Result] = [
    NotSent("refused"),
    Unclear("timeout"),
    Garbled("http_500", 3),
    *(Denied(code) for code in (401, 403, 404, 405, 429)),
]
REFUSED = [Refused("CODE", refusal) for refusal in Refusal]
PAYMENT_WORDS = [*observed(SLIPS, REFS[:1]), *SILENT, *REFUSED]
CANCEL_WORDS = [*observed(SLIPS, [*REFS[:1], (RefStatus.ACCEPTED, "ref-9", None), REFS[-1]]), *SILENT, *REFUSED]
REFUND_WORDS = [*observed([None], REFS), *SILENT, *REFUSED]


def situations() -> Iterator[tuple[str, Sale]]:
    for state in PaymentState:
        book = book_in(state)
        yield state.value, book.sale
        if book.sale.finished:
            yield f"{state.value}, told", book.tell().sale
    histories: dict[str, list[Event]] = {
        "held": [ACCEPTED, SENT, events.AttemptHeld("checkout", "r1", "refused")],
        "repeating": [ACCEPTED, SENT, LOST, RESENT],
        "canceling, first copy flying": [ACCEPTED, SENT, WANTED],
        "canceling, unknown": [ACCEPTED, SENT, LOST, WANTED],
        "canceling, repeating": [ACCEPTED, SENT, LOST, WANTED, RESENT],
        "canceled, never sent": [ACCEPTED, events.Canceled("CANCELED_BY_CASHIER")],
        "attention, unknown": [ACCEPTED, SENT, LOST, WANTED, events.AttentionNeeded("WINDOW_CLOSED")],
        "attention, restored": [ACCEPTED, events.Restored(), events.AttentionNeeded("RESTORED")],
        "declined by a refused session": [ACCEPTED, SENT, events.AttemptAnswered("checkout", "r1", "X"), events.Declined("X")],
        "charge seen": [*PENDING, events.ChargeSeen()],
        "charge seen, canceling": [*PENDING, WANTED, events.ChargeSeen()],
        "attention, mismatch": [*PENDING, events.AttentionNeeded("AMOUNT_MISMATCH", True, slip(1)), events.AlarmRaised("AMOUNT_MISMATCH")],
        "withdrawn": [*PENDING, events.Canceled("X", withdrawn=True)],
        "offered": OFFERED,
        "offered, withdrawn": [*OFFERED, events.CancelWanted(events.CancelCause.NOT_OPENED), events.Canceled("X", withdrawn=True)],
    }
    for name, history in histories.items():
        yield name, Book(history).sale
    for name, steps in {"cancel flying": 1, "cancel lost": 2, "cancel repeating": 3, "cancel answered": 4}.items():
        yield name, with_call(book_in(PaymentState.CANCELING), "cancel", steps)
    ended = with_call(book_in(PaymentState.CANCELING), "cancel", 2)
    yield "canceled, cancel lost", fold(ended, events.Canceled("X"), NOW)


def with_call(book: Book, call: str, steps: int) -> Sale:
    """1: under way, 2: lost, 3: repeated, 4: answered."""
    words: list[Callable[[], object]] = [
        lambda: book.start(call),
        lambda: book.end(Unclear("timeout"), call),
        lambda: book.start(call),
        lambda: book.end(Refused("X", Refusal.WRONG_STATE), call),
    ]
    for word in words[:steps]:
        word()
    return book.sale


def refund_situations() -> Iterator[tuple[str, Sale, str]]:
    def owed() -> Book:
        book = book_in(PaymentState.CANCELED).tell()
        book.read(seen(Status.ACCEPTED, slip()))
        return book

    makers: dict[str, tuple[Callable[[], Book], str]] = {
        "asked": (refunding_book, "back-1"),
        "owed": (owed, RETURN_KEY),
        "elsewhere": (_elsewhere, "back-1"),
    }
    for name, (make, key) in makers.items():
        call = f"refund:{key}"
        yield f"{name}: queued", make().sale, key
        for steps, state in ((1, "sending"), (2, "unknown"), (3, "repeating")):
            yield f"{name}: {state}", with_call(make(), call, steps), key
        for word, state in (
            (NotSent("refused"), "held"),
            (seen(Status.REFUNDING, ref=RefStatus.NEW, ref_id="ref-1"), "pending"),
            (seen(Status.ACCEPTED, ref=RefStatus.REQUESTED, ref_id="ref-1"), "requested"),
            (seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), "refunded"),
            (Refused("X", Refusal.PROVIDER_ERROR), "doubted"),
            (Refused("X", Refusal.BUSY), "busy"),
            (Refused("X", Refusal.OVER_LIMIT), "refused"),
        ):
            book = make()
            if isinstance(word, Observed) and name == "elsewhere":
                word = seen(word.status, ref=word.ref_status, ref_id="ref-1", tx="tx-elsewhere")
            book.attempt(word, call)
            yield f"{name}: {state}", book.sale, key
        for status, ref_id, state in (
            (Status.REFUNDING, "ref-1", "found"),
            (Status.REFUNDED, None, "seen"),
            (Status.CANCELED, None, "lost"),
        ):
            book = make()
            book.attempt(Unclear("timeout"), call)
            book.check(seen(status, tx=book.sale.transaction_id, ref_id=ref_id), key)
            yield f"{name}: {state} by a look", book.sale, key


def _elsewhere() -> Book:
    book = Book([events.SaleGiven(ACCEPTED.checkout, BINDING, ACCEPTED.business_date, "tx-elsewhere")])
    book.ask_refund()
    return book


SITUATIONS = dict(situations())
REFUNDS = {name: (sale, key) for name, sale, key in refund_situations()}


def folded(sale: Sale, found: Sequence[Event]) -> Sale:
    for event in found:
        sale = fold(sale, event, NOW)
    return sale


def judge(sale: Sale, word: Result, found: Sequence[Event]) -> None:
    """What may follow from a word, whatever the situation."""
    after = folded(sale, found)
    ours = (None, after.transaction_id)  # no transaction at all is taken for the one that was asked about
    status = word.status if isinstance(word, Observed) and word.transaction_id in ours else None
    for event in found:
        match event:
            case events.Paid():
                assert status is Status.ACCEPTED
                assert isinstance(word, Observed)
                assert word.slip == slip() == event.slip
                assert sale.told is None
            case events.Declined():
                alone = sale.call is not None and sale.call.lost == 0 and sale.transaction_id is None
                refused = isinstance(word, Refused) and word.refusal in SURE
                shut = isinstance(word, Denied) and word.status != 429
                assert status is Status.REJECTED or (alone and (refused or shut))
            case events.Canceled():
                alone = sale.call is not None and sale.call.lost == 0 and sale.transaction_id is None
                assert status in (Status.CANCELED, Status.GONE) or (alone and isinstance(word, NotSent | Denied))
            case events.LateMoneyFound():
                assert status in (Status.ACCEPTED, Status.REFUNDING, Status.PARTIAL_REFUNDED)
                assert sale.told is not None
                assert after.refund(RETURN_KEY) is not None
            case events.AttentionNeeded():
                assert event.reason in after.alarms, "a person is called"
                assert sale.told is None
            case events.Expired() | events.Reversed() | events.Told():
                pytest.fail(f"a provider's word decided {event}")
            case _:
                pass
    if sale.told is not None:
        assert (after.payment, after.told) == (sale.payment, sale.told)
    if after.call is not None and sale.call is not None:
        assert after.call.lost >= sale.call.lost, "a maybe stays a maybe"
        assert not after.never_sent or sale.never_sent or isinstance(word, NotSent | Denied), "only proof proves"


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_answer_of_a_checkout(name: str) -> None:
    """As the end of the checkout's attempt: while it is under way anything can come, late only what was given up before."""
    sale = SITUATIONS[name]
    request_id = sale.call.request_id if sale.call else "r1"
    for word, late in product(PAYMENT_WORDS, (False, True)):
        found = decide.checkout_result(sale, request_id, word, NOW, POLICY, late)
        judge(sale, word, found)
        if sale.call is not None and sale.call.open and not late:
            assert not (after := folded(sale, found)).call or not after.call.open, "an attempt that has ended is not open"


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_answer_of_a_cancel(name: str) -> None:
    """As the end of a cancel's attempt: it never makes a payment not paid; only a status read does."""
    sale = SITUATIONS[name]
    request_id = sale.cancel_call.request_id if sale.cancel_call else "c1"
    for word, late in product(CANCEL_WORDS, (False, True)):
        found = decide.cancel_result(sale, request_id, word, NOW, POLICY, late)
        judge(sale, word, found)
        assert not any(isinstance(event, events.Canceled | events.Declined) for event in found)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_status_read(name: str) -> None:
    """As a read of the payment: whatever it says, and whenever."""
    sale = SITUATIONS[name]
    for word in PAYMENT_WORDS:
        judge(sale, word, decide.status_result(sale, word, NOW, POLICY, PLAN))


@pytest.mark.parametrize("name", REFUNDS)
def test_the_words_about_a_refund(name: str) -> None:
    """As the end of a refund's attempt, in time or late, as a read of it, and as a look before it is repeated."""
    sale, key = REFUNDS[name]
    one = sale.refund(key)
    assert one is not None
    request_id = one.call.request_id if one.call else "r1"
    for word, kind in product(REFUND_WORDS, Refunds):
        for found in (
            decide_refund.refund_result(sale, key, request_id, word, NOW, POLICY, False, kind),
            decide_refund.refund_result(sale, key, request_id, word, NOW, POLICY, True, kind),
            decide_refund.refund_read(sale, key, word, NOW, POLICY),
            decide_refund.refund_checked(sale, key, word, NOW, POLICY, kind),
        ):
            judge(sale, word, found)
            after = folded(sale, found).refund(key)
            assert after is not None
            if after.state is not one.state:
                judge_refund(one, after.state, word, kind)


def judge_refund(before: Refund, after: RefundState, word: Result, kind: Refunds) -> None:
    if after is RefundState.REFUNDED:
        assert isinstance(word, Observed)
        assert word.ref_status is RefStatus.ACCEPTED or word.status in (Status.REFUNDED, Status.GONE)
        assert word.transaction_id != "tx-2"
    if after is RefundState.DECLINED:
        assert not before.owed
        unknown = isinstance(word, Denied) and word.status == decide.NO_SUCH_THING and kind is Refunds.REQUEST  # of a described sale
        assert isinstance(word, Refused | Observed) or (unknown and before.state is RefundState.QUEUED)
        if isinstance(word, Observed):
            assert word.ref_status is RefStatus.REJECTED or before.state is RefundState.QUEUED
    if after is RefundState.REQUESTED:
        repeated = before.call is not None and before.call.lost > 0
        asked_before = isinstance(word, Refused) and kind is Refunds.REQUEST and repeated
        assert asked_before or (isinstance(word, Observed) and word.ref_status is RefStatus.REQUESTED)


def test_the_situations_cover_every_state() -> None:
    """Nothing is left out of the tables above."""
    assert {sale.payment for sale in SITUATIONS.values()} == set(PaymentState) == set(HISTORIES)
    found = {one.state for sale, key in REFUNDS.values() if (one := sale.refund(key)) is not None}
    assert found == set(RefundState)
