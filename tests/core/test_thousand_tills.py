"""Goal: a thousand tills that come back together do not knock the payment system over again: they try ever more seldom while it is away,
come spread over time when it is back, obey ``Retry-After``, and all of them are done (promises P2, P6, P19).

Method: a thousand sales owe the same thing since the same moment, which is the worst case, for each thing that is owed without an end: a
cancel, a return, the status of a cancel, and the repeat of a payment whose answer was lost. What they owe, and when, comes from the core
alone. They share nothing, so they are driven one after the other, each in a time of its own, and their requests are laid side by side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from agent.core import call
from agent.core.decide_refund import refund_call
from agent.core.duty import Duty
from agent.core.events import CancelCause, Event
from agent.core.fold import fold
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import RefundState
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL
from agent.core.verdict import TOO_MANY_REQUESTS, Denied, NotSent, Observed, RefStatus, Status, Unclear
from tests.core.book import Book, seen
from tests.core.samples import HISTORIES

TILLS = 1_000
OUTAGE_MS = 60_000
RETRY_AFTER_MS = 45_000
MAX_JITTER = 1.25  # of any wait
DONE_WITHIN_MS = 60_000  # promise P2
ROUND_TRIP_MS = 50  # of the book
SETTLED_WITHIN_MS = 1_000  # once it is answered
REFUND = "back-1"
CALLS = {Duty.SEND: CHECKOUT_CALL, Duty.CANCEL: CANCEL_CALL, Duty.REFUND: refund_call(REFUND)}
CANCELED = seen(Status.CANCELED, ref=RefStatus.ACCEPTED, ref_id="cancel-1")
REFUNDED = seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="refund-1")


class Quick(Book):
    """A sale of a till of its own. Its events are not put through their stored form: there are fifty thousand of them here."""

    def __init__(self, number: int, history: Sequence[Event]) -> None:
        super().__init__(history)
        self.sale = replace(self.sale, id=SaleId("store-1", f"till-{number}", "key-1"))
        self.ids = number * 100  # request ids that nobody else has

    def record(self, found: Sequence[Event]) -> Sequence[Event]:
        for event in found:
            self.sale = fold(self.sale, event, self.now)
        if found:
            self.memory.reads = self.memory.read_failures = 0
        return found


def _cancel(number: int) -> Quick:
    book = Quick(number, HISTORIES[PaymentState.PENDING])
    book.cancel()
    return book


def _status(number: int) -> Quick:
    book = _cancel(number)
    book.attempt(seen(Status.PENDING, ref=RefStatus.NEW, ref_id="cancel-1"), CANCEL_CALL)
    return book


def _return(number: int) -> Quick:
    book = Quick(number, HISTORIES[PaymentState.PAID])
    if book.sale.told is None:
        book.tell()
    book.ask_refund(key=REFUND)
    return book


def _lost_payment(number: int) -> Quick:
    book = Quick(number, HISTORIES[PaymentState.QUEUED])
    book.attempt(Unclear("reset"))
    book.begin_cancel(CancelCause.DEADLINE)
    return book


@dataclass(frozen=True, slots=True)
class Case:
    """What they owe. In the dark: at most ``tries`` each, at most ``tries_ms`` apart, jitter aside. In the light: ``per_second`` of all
    of them at most (without any spread it would be all), and how many ``requests`` each needs, with the one that is turned away."""

    begin: Callable[[int], Quick]
    tries: int
    tries_ms: int
    per_second: int
    requests: int


CASES = {
    "cancel": Case(_cancel, 6, Policy().settle_backoff.cap_ms, TILLS // 5, 3),  # turned away, canceled, read
    "return": Case(_return, 6, Policy().settle_backoff.cap_ms, TILLS // 5, 2),  # turned away, returned
    "status": Case(_status, 10, Policy().settle_backoff.cap_ms, TILLS // 5, 3),  # turned away, canceled again, read
    "lost payment": Case(_lost_payment, 15, Policy().checkout_backoff.cap_ms, TILLS // 3, 4),  # turned away, found, canceled, read
}


@dataclass(slots=True)
class Till:
    """One sale, and when it asked: milliseconds since the link went down. ``light``: requests that reached the payment system."""

    book: Quick
    began: int
    dark: list[int] = field(default_factory=list)
    light: list[int] = field(default_factory=list)
    canceled: bool = False

    @property
    def now_ms(self) -> int:
        return self.book.now.ticks - self.began

    def meets(self, good: Observed) -> Observed | NotSent | Denied:
        """What a request comes to: nothing in the dark; then it is told once to wait; then it is answered."""
        if self.now_ms < OUTAGE_MS:
            self.dark.append(self.now_ms)
            return NotSent("refused")
        self.light.append(self.now_ms)
        return Denied(TOO_MANY_REQUESTS, RETRY_AFTER_MS // 1_000) if len(self.light) == 1 else good

    def perform(self, duty: Duty) -> None:
        book = self.book
        match duty:
            case Duty.SEND:
                book.attempt(self.meets(seen(Status.PENDING)), CHECKOUT_CALL)
            case Duty.CANCEL:
                met = self.meets(CANCELED)
                self.canceled |= met is CANCELED
                book.attempt(met, CANCEL_CALL)
            case Duty.REFUND:
                book.attempt(self.meets(REFUNDED), CALLS[duty])
            case Duty.READ:
                over = self.canceled or (book.sale.cancel_call is not None and book.sale.cancel_call.settled)
                book.read(self.meets(seen(Status.CANCELED if over else Status.PENDING)))
            case _:
                raise AssertionError(f"{duty} is not expected here")


def _drive(book: Quick) -> Till:
    """Until it is done."""
    till = Till(book, book.now.ticks)
    while not _done(book):
        owed = book.owed[0]
        book.until(owed)
        till.perform(owed.duty)
    return till


def _done(book: Book) -> bool:
    if book.sale.refunds:
        return book.refund(REFUND).state is RefundState.REFUNDED
    return book.state is PaymentState.CANCELED


def _per_second(moments_ms: Sequence[int]) -> int:
    """The most of them in any second, wherever it begins."""
    ordered = sorted(moments_ms)
    most = begin = 0
    for end, moment in enumerate(ordered):
        while moment - ordered[begin] >= 1_000:
            begin += 1
        most = max(most, end - begin + 1)
    return most


@pytest.mark.no_cover  # the same lines a thousand times
@pytest.mark.parametrize("name", CASES)
def test_a_thousand_tills_come_back(name: str) -> None:
    """In the dark each tries ever more seldom; back in the light they come one after the other; all that are told to wait do so, and do not
    come together either; none is left behind, and none asks more than it must."""
    case = CASES[name]
    tills = [_drive(case.begin(number)) for number in range(TILLS)]
    assert max(len(till.dark) for till in tills) <= case.tries
    back = [till.light[0] - OUTAGE_MS for till in tills]
    assert max(back) <= min(MAX_JITTER * case.tries_ms, DONE_WITHIN_MS)
    assert _per_second(back) <= case.per_second
    waited = [till.light[1] - till.light[0] for till in tills]
    assert min(waited) >= RETRY_AFTER_MS
    assert max(waited) <= MAX_JITTER * RETRY_AFTER_MS + ROUND_TRIP_MS
    assert _per_second([moment for till in tills for moment in till.light[1:]]) <= case.per_second
    assert max(till.now_ms - till.light[1] for till in tills) <= SETTLED_WITHIN_MS
    assert {len(till.light) for till in tills} == {case.requests}


def test_without_jitter_they_would_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same tills, each as polite as before, but all in the same moment."""
    monkeypatch.setattr(call, "MAX_JITTER", 0.0)
    tills = [_drive(_cancel(number)) for number in range(20)]
    assert _per_second([till.light[0] for till in tills]) == 20
