"""One sale, driven through the core the way the engine drives it: decide, record, fold, ask what is owed. No disk, network or clock.

Every event that is recorded goes through its stored form first, so whatever a test does also shows that its events survive storage.
"""

import json
from collections.abc import Sequence
from datetime import timedelta

from agent.core import answer, ask_refund, decide, decide_asked, decide_receipt, decide_refund, events, stored
from agent.core.answer import Answer
from agent.core.ask_refund import Wanted
from agent.core.capability import KOSHELEK, Capabilities
from agent.core.decide import Result, SearchResult
from agent.core.decide_receipt import receipt_call
from agent.core.decide_refund import refund_call
from agent.core.delivery import Delivery
from agent.core.duty import Duty, Memory, Owed
from agent.core.events import CancelCause, Event
from agent.core.fold import call_of, fold, replay
from agent.core.model import PaymentLink, Slip, Stamp
from agent.core.money import Kopecks
from agent.core.obligations import obligations
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.refund import Refund
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL, RECEIPT_CALL
from agent.core.verdict import Denied, Found, Garbled, Observed, Offered, Operation, RefStatus, Refusal, Status
from tests.core.samples import ACCEPTED, BOOT, HISTORIES, SALE_ID, fiscal, request, stamp

STEP_MS = 100  # between the events of a ready-made history


def as_stored(event: Event) -> Event:
    """The event as it comes back from the journal; it must be the same."""
    kind, body = stored.encode(event)
    again = stored.decode(kind, json.loads(json.dumps(body)))
    assert again == event, f"{event} is stored as {again}"
    return again


def seen(
    status: Status,
    slip: Slip | None = None,
    *,
    tx: str | None = "tx-1",
    ref: RefStatus | None = None,
    ref_id: str | None = None,
    error: str | None = None,
    refusal: Refusal | None = None,
    refunded: int | None = None,
    link: PaymentLink | None = None,
) -> Observed:
    """What a provider says of our transaction."""
    return Observed(status, tx, ref, ref_id, slip, error, refusal, None if refunded is None else Kopecks(refunded), link)


class Book:
    """A sale, its history, and a clock that only the test moves."""

    def __init__(
        self, history: Sequence[Event] = (ACCEPTED,), policy: Policy | None = None, caps: Capabilities = KOSHELEK, step_ms: int = STEP_MS
    ) -> None:
        self.policy, self.caps = policy or Policy(), caps
        self.history = [(event, stamp(place * step_ms)) for place, event in enumerate(history)]
        self.sale = replay(SALE_ID, self.history)
        self.now = self.history[-1][1]
        self.memory = Memory(stamp())
        self.boots = 1
        self.ids = len(history)

    # --- time ---

    def after(self, ms: int) -> "Book":
        self.now = Stamp(self.now.wall + timedelta(milliseconds=ms), self.now.boot, self.now.ticks + ms)
        return self

    def until(self, owed: Owed) -> "Book":
        return self.after(max(0, owed.at - self.now.ticks))

    def restart(self) -> "Book":
        """The process dies and starts again: an attempt that was open has no result, so it may have been sent."""
        self.memory = Memory(self.now)
        calls = [(CHECKOUT_CALL, self.sale.call), (CANCEL_CALL, self.sale.cancel_call)]
        calls += [(refund_call(one.key), one.call) for one in self.sale.refunds]
        calls += [(receipt_call(one.key), one.call) for one in self.sale.deliveries]
        self.record([events.AttemptLost(name, call.request_id, "restart", reached=False) for name, call in calls if call and call.open])
        return self

    def reboot(self, dark_ms: int = 60_000, wall_ms: int | None = None) -> "Book":
        """The machine was off. ``wall_ms``: how far the wall clock says, if it is wrong."""
        self.boots += 1
        wall = self.now.wall + timedelta(milliseconds=dark_ms if wall_ms is None else wall_ms)
        self.now = Stamp(wall, f"{BOOT}-{self.boots}", 5_000)
        return self.restart()

    # --- recording ---

    def record(self, found: Sequence[Event]) -> Sequence[Event]:
        """Everything in one commit."""
        before = answer.answer(self.sale) if self.sale.told else None
        for event in found:
            self.sale = fold(self.sale, as_stored(event), self.now)
            self.history.append((event, self.now))
        if found:
            self.memory.reads = self.memory.read_failures = 0
        if before is not None:
            now = answer.answer(self.sale)
            assert (now.state, now.success, now.reason, now.rows, now.slip) == (
                before.state,
                before.success,
                before.reason,
                before.rows,
                before.slip,
            ), "an answer that was handed out has changed"
        return found

    def start(self, call: str = CHECKOUT_CALL) -> str:
        """An attempt leaves: a repeat under its own id, or the first one of a new call. Returns the requestId."""
        at_work = call_of(self.sale, call)
        if at_work is not None and not at_work.settled:
            self.record([events.AttemptStarted(call, at_work.request_id)])
            return at_work.request_id
        self.ids += 1
        operation = Operation(call.partition(":")[0])
        self.record([events.AttemptStarted(call, f"r{self.ids}", request(operation))])
        return f"r{self.ids}"

    def end(self, result: Result | Offered, call: str = CHECKOUT_CALL, late: bool = False) -> Sequence[Event]:
        """An attempt of the call brings a result."""
        at_work = call_of(self.sale, call)
        assert at_work is not None
        return self.record(self.meaning(result, call, at_work.request_id, late))

    def meaning(self, result: Result | Offered, call: str, request_id: str, late: bool = False) -> Sequence[Event]:
        kind, _, key = call.partition(":")
        if kind == CHECKOUT_CALL:
            return decide.checkout_result(self.sale, request_id, result, self.now, self.policy, late)
        assert not isinstance(result, Offered)
        if kind == CANCEL_CALL:
            return decide.cancel_result(self.sale, request_id, result, self.now, self.policy, late)
        if kind == RECEIPT_CALL:
            return decide_receipt.receipt_result(self.sale, key, request_id, result, late)
        return decide_refund.refund_result(self.sale, key, request_id, result, self.now, self.policy, late, self.caps.refunds)

    def attempt(self, result: Result | Offered, call: str = CHECKOUT_CALL) -> Sequence[Event]:
        self.start(call)
        self.after(50)
        return self.end(result, call)

    def read(self, result: Result) -> Sequence[Event]:
        """A status read of the payment ends."""
        found = self.record(decide.status_result(self.sale, result, self.now, self.policy, self.plan))
        self.remember(result)
        return found

    def search(self, result: SearchResult) -> Sequence[Event]:
        """A search by our own key ends."""
        assert self.sale.call is not None
        found = self.record(decide.search_result(self.sale, self.sale.call.request_id, result, self.now, self.plan, self.policy))
        self.remember(result)
        return found

    @property
    def plan(self) -> tuple[int, ...]:
        return self.policy.rereads_ms if self.caps.cancel else self.caps.rereads_ms

    def check(self, result: Result, key: str = "back-1") -> Sequence[Event]:
        """A status read of the payment on behalf of an unclear refund ends."""
        found = self.record(decide_refund.refund_checked(self.sale, key, result, self.now, self.policy, self.caps.refunds))
        self.remember(result)
        return found

    def read_refund(self, result: Result, key: str = "back-1") -> Sequence[Event]:
        found = self.record(decide_refund.refund_read(self.sale, key, result, self.now, self.policy))
        self.remember(result)
        return found

    def remember(self, result: Result | SearchResult) -> None:
        memory = self.memory
        memory.last_read = self.now
        memory.seen = self.now if isinstance(result, Observed) or result == Found() else memory.seen
        memory.reads += 1
        memory.read_failures = 0 if isinstance(result, Observed | Found) else memory.read_failures + 1
        memory.read_pause_ms = (result.retry_after_s or 0) * 1_000 if isinstance(result, Denied | Garbled) else 0

    # --- the POS ---

    def cancel(self) -> Sequence[Event]:
        return self.record(decide_asked.cancel_asked(self.sale, self.caps))

    def begin_cancel(self, cause: CancelCause = CancelCause.WAIT_LIMIT) -> Sequence[Event]:
        return self.record(decide_asked.begin_cancel(self.sale, cause, self.caps))

    def give_up(self, why: str) -> Sequence[Event]:
        return self.record(decide_asked.give_up(self.sale, why, self.caps))

    def tell(self) -> "Book":
        self.record([answer.told_now(self.sale, "pos")])
        return self

    def ask_refund(self, *wanted: Wanted, key: str = "back-1", amount: int | None = None) -> Refund:
        ask_refund.check_kind(self.sale, wanted, self.caps.refunds)
        self.record(ask_refund.refund_asked(self.sale, key, wanted, amount, "digest"))
        return self.refund(key)

    def give_receipt(self, key: str = "rc-1", refund: str | None = None) -> Delivery:
        self.record(decide_receipt.receipt_given(self.sale, fiscal(key), refund, "digest"))
        return self.delivery(key)

    def delivery(self, key: str = "rc-1") -> Delivery:
        one = self.sale.delivery(key)
        assert one is not None
        return one

    def refund(self, key: str = "back-1") -> Refund:
        one = self.sale.refund(key)
        assert one is not None
        return one

    # --- looking ---

    @property
    def state(self) -> PaymentState:
        return self.sale.payment

    @property
    def answer(self) -> Answer:
        return answer.answer(self.sale)

    @property
    def owed(self) -> list[Owed]:
        return obligations(self.sale, self.now, self.memory, self.policy, self.caps)

    def owes(self, duty: Duty) -> Owed | None:
        return next((one for one in self.owed if one.duty is duty), None)

    def due_in(self, duty: Duty) -> int:
        """Milliseconds until a duty that must be owed is due."""
        one = self.owes(duty)
        assert one is not None, f"{duty} is not owed: {self.owed}"
        return one.at - self.now.ticks

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event, _ in self.history]

    @property
    def alarms(self) -> set[str]:
        return set(self.sale.alarms)


def book_in(state: PaymentState, policy: Policy | None = None, caps: Capabilities = KOSHELEK) -> Book:
    return Book(HISTORIES[state], policy, caps)


def paid_book(policy: Policy | None = None, caps: Capabilities = KOSHELEK) -> Book:
    """Paid and told: ready to be refunded."""
    return book_in(PaymentState.PAID, policy, caps).tell()


def refunding_book(*wanted: Wanted, policy: Policy | None = None, caps: Capabilities = KOSHELEK) -> Book:
    """A refund of everything, or of what is wanted, was opened by the POS."""
    book = paid_book(policy, caps)
    book.ask_refund(*wanted)
    return book


WHOLE_AMOUNT = Kopecks(45_000)
