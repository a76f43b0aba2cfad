"""Whatever happens in whatever order, the promises hold: random facts through decide, fold and obligations (promises P1, P3 to P7, P21).

A history is a list of (what, number) pairs: do the next duty, end an attempt with some word, hear a late one, cancel, tell, refund, let
time pass, restart, reboot, restore. ``what`` that cannot happen now is skipped, so that any list is a history and shrinks well. After
every step the invariants are checked; at the end the whole history is replayed from its stored form.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.core import answer, decide_asked, decide_operator, decide_refund, events, evidence
from agent.core.answer import Money, needed_secrets
from agent.core.ask_refund import NotRefundable, Wanted
from agent.core.capability import KOSHELEK, PAYCONNECT, PAYCORE, SOFTLINE
from agent.core.decide import Result, SearchResult
from agent.core.decide_receipt import NotPaid, receipt_call
from agent.core.decide_refund import refund_call
from agent.core.duty import WAITING, Duty, Owed
from agent.core.events import CancelCause
from agent.core.evidence import RETURN_KEY
from agent.core.fold import call_of, replay
from agent.core.model import PaymentLink
from agent.core.obligations import owes, owes_money
from agent.core.payment import NOT_PAID, PaymentState
from agent.core.policy import Policy, Unclaimed
from agent.core.refund import RefundState
from agent.core.resolution import PAYMENT as THE_PAYMENT
from agent.core.resolution import Decision, Proof, Resolution
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL
from agent.core.verdict import Denied, Found, Garbled, NotSent, Observed, Offered, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import Book, seen
from tests.core.samples import SALE_ID, slip

SILENT: list[Result] = [NotSent("refused"), Unclear("timeout"), Unclear("timeout"), Garbled("http_502"), Denied(429, 3), Denied(401)]
PAYMENT: list[Result] = [
    *(seen(status) for status in (Status.NEW, Status.PENDING, Status.PENDING, Status.ACCEPTED, *Status)),
    *[seen(Status.ACCEPTED, slip())] * 3,
    seen(Status.ACCEPTED, slip(total=1)),
    seen(Status.ACCEPTED, slip(order_id="other")),
    seen(Status.ACCEPTED, slip(store_id="other")),
    seen(Status.ACCEPTED, slip(), tx="tx-2"),
    seen(Status.NEW, tx=None),
    seen(Status.CANCELED),
    seen(Status.REJECTED, error="CODE"),
    *[seen(Status.PENDING, link=PaymentLink("https://pay.example/1"))] * 4,
]
REFUSED: list[Result] = [Refused("CODE", refusal) for refusal in Refusal]
RETURNS: list[Result] = [
    *(seen(Status.REFUNDING, ref=RefStatus.NEW, ref_id=ref) for ref in ("ref-1", "ref-2")),
    *(seen(Status.PARTIAL_REFUNDED, ref=RefStatus.ACCEPTED, ref_id=ref) for ref in ("ref-1", "ref-2", "ref-3")),
    seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-4"),
    seen(Status.ACCEPTED, ref=RefStatus.REJECTED, ref_id="ref-1", error="CODE"),
    seen(Status.ACCEPTED, ref=RefStatus.REQUESTED),
    seen(Status.ACCEPTED),
    seen(Status.REFUNDED, tx="tx-2", ref=RefStatus.ACCEPTED),
    *(seen(Status.PARTIAL_REFUNDED, refunded=sum_) for sum_ in (0, 15_000, 30_000, 45_000)),
    seen(Status.REFUNDED, refunded=45_000),
]
FOUND: list[SearchResult] = [
    *SILENT[:6],  # type: ignore[list-item]  # none of these is the answer to anything else
    *[Found()] * 4,
    *(Found((seen(status),)) for status in (Status.PENDING, Status.CANCELED, Status.GONE, Status.UNKNOWN)),
    Found((seen(Status.PENDING, link=PaymentLink("https://pay.example/2")),)),
    Found((seen(Status.ACCEPTED, slip()),)),
    Found((seen(Status.PENDING), seen(Status.PENDING, tx="tx-2"))),
]
WORDS: dict[str, list[Result]] = {
    CHECKOUT_CALL: [*SILENT, *PAYMENT, *REFUSED[:3]],
    CANCEL_CALL: [
        *SILENT,
        *(seen(s, ref=r, ref_id="ref-c") for s in (Status.CANCELED, Status.PENDING) for r in RefStatus),
        *PAYMENT,
        *REFUSED,
    ],
    "refund": [*SILENT, *RETURNS, *RETURNS, *REFUSED],
    "receipt": [*SILENT, seen(Status.UNKNOWN), *REFUSED],
    "read": [*SILENT, *PAYMENT, *RETURNS, *REFUSED],
}
OFFERS: list[Result | Offered] = [
    *SILENT,
    *[Offered(PaymentLink("https://pay.example/?amount=450"))] * 8,
    seen(Status.PENDING),
    *REFUSED[:2],
]
ASKED = [(), (Wanted(1, 1),), (Wanted(1, 2),), (Wanted(0, 1000),), (Wanted(1, 1, 100),), (Wanted(0, 5),)]
JUMPS_MS = [200, 1_000, 5_000, 29_000, 61_000, 130_000, 601_000, 4_000_000, 90_000_000]
POLICIES = [Policy(), Policy(unclaimed=Unclaimed.RETURN), Policy(store_mismatch_is_attention=True)]
OWN_LINKS = replace(PAYCORE, composes_link=True)
CAPABILITIES = [KOSHELEK, KOSHELEK, KOSHELEK, PAYCORE, PAYCORE, SOFTLINE, SOFTLINE, PAYCONNECT, OWN_LINKS, OWN_LINKS]

FREQUENCIES = {"duty": 10, "end": 10, "late": 2, "read": 2, "cancel": 2, "tell": 3, "refund": 2, "jump": 2, "restart": 1, "reboot": 1}
FREQUENCIES |= {"operator": 2, "receipt": 1}
WHATS = [what for what, times in FREQUENCIES.items() for _ in range(times)]
WHO = st.integers(0, len(POLICIES) * len(CAPABILITIES) - 1)  # which policy with which provider
STEPS = st.lists(st.tuples(st.sampled_from(WHATS), st.integers(0, 2**16)), min_size=20, max_size=60)


class Chronicle:
    """A sale to which anything may happen."""

    def __init__(self, number: int = 0) -> None:
        self.book = Book(policy=POLICIES[number % len(POLICIES)], caps=CAPABILITIES[number % len(CAPABILITIES)])
        self.looking: Owed | None = None  # the read under way
        self.last_word: tuple[events.Resolved, PaymentState] | None = None  # the last word of an operator on the payment
        self.given_up: dict[str, int] = {}  # refunds that an operator ended -> events before it
        self.doings: dict[str, Callable[[int], None]] = {
            "duty": lambda _: self._nothing(self.do_next()),
            "end": self.end,
            "late": self.late,
            "read": self.look,
            "cancel": lambda _: self._nothing(self.book.cancel()),
            "tell": lambda _: self.tell(),
            "refund": self.refund,
            "receipt": lambda _: self.receipt(),
            "operator": self.operator,
            "jump": lambda number: self._nothing(self.book.after(JUMPS_MS[number % len(JUMPS_MS)])),
            "restart": lambda _: self.begin(self.book.restart()),
            "reboot": lambda number: self.begin(self.book.reboot(60_000, [None, -(10**9), 0, 10**11][number % 4])),
            "restore": lambda _: self._nothing(
                self.book.record(decide_asked.restored(self.book.sale, f"restore-{len(self.book.history)}"))
            ),
        }

    def _nothing(self, _: object) -> None:
        """What comes back is of no interest here."""

    def step(self, what: str, number: int) -> None:
        self.doings[what](number)
        self.check()

    def begin(self, _: Book) -> None:
        self.looking = None

    # --- what can happen ---

    def do_next(self) -> bool:
        """The engine's part: wait for the next duty and do it."""
        owed = self.book.owed
        if not owed:
            return False
        self.book.until(owed[0])
        self.perform(owed[0])
        return True

    def perform(self, owed: Owed) -> None:
        book, sale = self.book, self.book.sale
        book.memory.hurried.discard(owed.duty)
        match owed.duty:
            case Duty.SEND:
                assert sale.payment is not PaymentState.QUEUED or not sale.deadline.passed(book.now), "P5: first sent after its deadline"
                book.start(CHECKOUT_CALL)
            case Duty.CANCEL:
                book.start(CANCEL_CALL)
            case Duty.REFUND:
                book.start(refund_call(owed.refund))
            case Duty.RECEIPT:
                book.start(receipt_call(owed.receipt))
            case Duty.READ | Duty.FIND | Duty.CHECK_REFUND | Duty.READ_REFUND:
                book.memory.reading, self.looking = True, owed
            case _:
                found = self.decided(owed)
                assert found, f"{owed} is due and does nothing: the engine would turn for ever"
                book.record(found)

    def decided(self, owed: Owed) -> Sequence[events.Event]:
        book, sale = self.book, self.book.sale
        match owed.duty:
            case Duty.EXPIRE:
                return decide_asked.expire(sale, owed.why)
            case Duty.BEGIN_CANCEL:
                assert sale.payment in (PaymentState.UNKNOWN, PaymentState.PENDING)
                return decide_asked.begin_cancel(sale, CancelCause(owed.why), book.caps)
            case Duty.GIVE_UP:
                assert sale.payment in (PaymentState.PENDING, PaymentState.CANCELING)
                return decide_asked.give_up(sale, owed.why, book.caps)
            case Duty.HAND_OVER:
                return decide_refund.hand_over(sale, owed.refund)
            case _:
                assert owed.duty is Duty.UNCLAIMED
                return decide_asked.unclaimed(sale, owed.why == "return")

    def calls(self) -> list[str]:
        sale = self.book.sale
        parts = [*(refund_call(one.key) for one in sale.refunds), *(receipt_call(one.key) for one in sale.deliveries)]
        return [CHECKOUT_CALL, CANCEL_CALL, *parts]

    def end(self, number: int) -> None:
        """The first attempt or read under way ends with some word."""
        for name in self.calls():
            call = call_of(self.book.sale, name)
            if call is not None and call.open:
                ends = self.words(name)
                self.book.after(20).end(ends[number % len(ends)], name)
                return
        if self.looking is not None:
            words = FOUND if self.looking.duty is Duty.FIND else WORDS["read"]
            self.saw(self.looking, words[number % len(words)])

    def words(self, name: str) -> Sequence[Result | Offered]:
        """What a call of this name can end in."""
        return OFFERS if name == CHECKOUT_CALL and self.book.caps.composes_link else WORDS[name.partition(":")[0]]

    def saw(self, owed: Owed, word: Result | SearchResult) -> None:
        book = self.book
        book.memory.reading, self.looking = False, None
        if owed.duty is Duty.FIND:
            assert not isinstance(word, Observed)
            book.search(word)
            return
        assert not isinstance(word, Found)
        match owed.duty:
            case Duty.READ:
                self.read(word)
            case Duty.CHECK_REFUND:
                book.check(word, owed.refund)
            case _:
                book.read_refund(word, owed.refund)

    def read(self, word: Result) -> None:
        book = self.book
        sale, charge = book.sale, word in (seen(Status.ACCEPTED), seen(Status.ACCEPTED, slip()), seen(Status.PARTIAL_REFUNDED))
        book.read(word)
        if charge and sale.transaction_id == "tx-1" and sale.told and sale.payment in (PaymentState.CANCELED, PaymentState.DECLINED):
            assert book.sale.charged, "the charge of an unpaid sale was overlooked"

    def late(self, number: int) -> None:
        """What was given up as lost ends after all."""
        names = [name for name in self.calls() if (call := call_of(self.book.sale, name)) is not None and call.lost]
        if names:
            name = names[number % len(names)]
            words = self.words(name)
            self.book.end(words[number % len(words)], name, late=True)

    def look(self, number: int) -> None:
        """Somebody reads the status without being due."""
        if self.book.sale.transaction_id is not None:
            self.read(WORDS["read"][number % len(WORDS["read"])])

    def tell(self) -> None:
        if self.book.sale.finished and self.book.sale.told is None:
            self.book.tell()

    def refund(self, number: int) -> None:
        try:
            self.book.ask_refund(*ASKED[number % len(ASKED)], key=f"back-{len(self.book.sale.refunds)}")
        except NotRefundable:
            return

    def receipt(self) -> None:
        """One of the sale, wherever one can be given: what becomes of it must change nothing else."""
        if not self.book.sale.deliveries:
            with contextlib.suppress(NotPaid):
                self.book.give_receipt()

    def operator(self, number: int) -> None:
        """Somebody decides one of the things that can be decided, or wants everything now."""
        sale = self.book.sale
        possible = decide_operator.choices(sale)
        self.book.memory.hurried |= WAITING if number % 3 == 0 else set()
        if not possible:
            return
        choice = possible[number % len(possible)]
        proof = Proof("tx-1") if choice.what == THE_PAYMENT and sale.transaction_id is None else Proof()
        try:
            found = decide_operator.resolved(sale, Decision(choice.what, choice.resolution, "why", "uid:0", proof))
        except decide_operator.UnderWay:
            return
        if choice.resolution in (Resolution.REFUNDED, Resolution.DROP):
            self.given_up[choice.what] = len(self.book.history)
        self.book.record(found)
        if choice.what == THE_PAYMENT:
            assert self.book.sale.decided is not None
            self.last_word = (self.book.sale.decided, self.book.state)

    # --- what must hold ---

    def check(self) -> None:
        self.check_money()
        self.check_decisions()
        self.check_refunds()
        self.check_duties()
        self.check_record()

    def check_money(self) -> None:
        sale, view = self.book.sale, self.book.answer
        if view.success:
            assert sale.slip is not None
            assert evidence.mismatch(sale, sale.slip) is None, "P3: paid over another sum"
        if sale.told is not None and sale.told.state in NOT_PAID and sale.charged:
            back = sale.refund(RETURN_KEY)
            assert back is not None, "P2: charged, told not paid, and nothing goes back"
            assert back.state is not RefundState.DECLINED or back.resolved
        if sale.finished and not sale.charged:
            assert view.money in (Money.NONE, Money.POSSIBLE)
            assert view.money is Money.NONE or sale.withdrawn
        if sale.payment is PaymentState.ATTENTION:
            assert sale.reason in sale.alarms, "P2: a person is needed and was not called"
        assert not (sale.never_sent and sale.transaction_id), "a transaction of what was never sent"

    def check_decisions(self) -> None:
        """P6: what an operator decided is so for ever, and what he gave up is not performed."""
        sale = self.book.sale
        if self.last_word is not None:
            assert (sale.decided, sale.payment) == self.last_word, "an operator's decision was undone"
        for what, since in self.given_up.items():
            later = [event for event, _ in self.book.history[since:] if isinstance(event, events.AttemptStarted)]
            assert what not in {event.call for event in later}, "what was given up was sent"

    def check_refunds(self) -> None:
        sale = self.book.sale
        assert sale.refund_held <= sale.amount, "P7: more than the charge"
        held = [one for one in sale.refunds if one.counted]
        for place, item in enumerate(sale.checkout.invoice.items):
            lines = [line for one in held for line in one.lines if line.line == place]
            assert sum(line.quantity for line in lines) <= item.quantity, "P7: more than the line"
            assert sum(line.total_amount for line in lines) <= item.total_amount, "P7: more than the line"

    def check_duties(self) -> None:
        book, sale = self.book, self.book.sale
        owed = book.owed
        assert len(owed) <= 5
        assert [one.at for one in owed] == sorted(one.at for one in owed)
        for one in owed:
            if one.duty is Duty.SEND and sale.payment is not PaymentState.CANCELING:
                assert max(one.at, book.now.ticks) < sale.deadline.ticks, "P5: owed after the deadline"
                assert sale.deadline.boot == book.now.boot
            if one.duty is Duty.SEND:
                searched = book.caps.find_by_key and sale.searches >= book.caps.searches
                assert book.caps.idempotent_create or sale.never_sent or searched, "P1: a second copy where two are two payments"
        flying = any(call is not None and call.open for call in (call_of(sale, name) for name in self.calls()))
        waits = flying or book.memory.reading
        if not sale.finished and sale.payment is not PaymentState.ATTENTION:
            assert owed or waits, f"{sale.payment} and nothing is owed: it would stay so for ever"
        if sale.active_refund() is not None:
            assert owed or waits, "P6: a refund is forgotten"
            assert owes(sale)
        for one in sale.deliveries:
            call, due = one.call, {item.receipt for item in owed}
            assert not one.unsettled or one.key in due or (call is not None and call.open), "a receipt is forgotten"
        if owed:
            assert owes(sale), "owed, and a start would not load it"

    def check_record(self) -> None:
        sale = self.book.sale
        started = [event for event, _ in self.book.history if isinstance(event, events.AttemptStarted)]
        assert len({event.request_id for event in started if event.call == CHECKOUT_CALL}) <= 1, "P1: two requestIds of one checkout"
        if sale.finished and not owes_money(sale):
            assert needed_secrets(sale, needs_token=True) == frozenset(), "P21: secrets are kept for nothing"

    def replayed(self) -> None:
        assert replay(SALE_ID, self.book.history) == self.book.sale


def lived(number: int, steps: Sequence[tuple[str, int]]) -> Chronicle:
    chronicle = Chronicle(number)
    chronicle.check()
    for what, detail in steps:
        chronicle.step(what, detail)
    return chronicle


QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(QUICK, max_examples=200)
@given(WHO, STEPS)
@example(0, [("duty", 0), ("end", 1), ("restart", 0), ("duty", 0), ("end", 0), ("jump", 8), ("duty", 0)])
def test_the_promises_hold_in_every_history(number: int, steps: list[tuple[str, int]]) -> None:
    """Nothing raises, nothing told changes, no refund exceeds the charge, no charge is forgotten, no duty is late, missing or idle."""
    lived(number, steps).replayed()


@settings(QUICK, max_examples=60)
@given(WHO, STEPS, st.integers(0, 3))
def test_they_hold_after_a_restore_from_a_backup(number: int, steps: list[tuple[str, int]], cut: int) -> None:
    """Rule 10: the process starts on a backup, after some history, and goes on."""
    middle = len(steps) * cut // 4
    chronicle = lived(number, steps[:middle])
    for what in ("reboot", "restore"):
        chronicle.step(what, 0)
    for what, detail in steps[middle:]:
        chronicle.step(what, detail)
    chronicle.replayed()


@settings(QUICK, max_examples=60)
@given(WHO, STEPS)
def test_silence_ends_every_search(number: int, steps: list[tuple[str, int]]) -> None:
    """Rule 4: if the provider never says a word again, a quarter of an hour later no payment is left without a person or a transaction."""
    chronicle = lived(number, steps)
    book = chronicle.book
    end = book.now.ticks + 900_000
    chronicle.end(1)
    while book.now.ticks < end and not (book.sale.finished or book.sale.transaction_id) and chronicle.do_next():
        chronicle.end(1)
    chronicle.check()
    assert book.sale.finished or book.sale.transaction_id or book.state is PaymentState.ATTENTION


def honest(chronicle: Chronicle) -> None:
    """The provider answers what is under way truthfully: nothing was paid, or what was paid can be returned."""
    book = chronicle.book
    tx = book.sale.transaction_id or "tx-1"
    returned = seen(Status.PARTIAL_REFUNDED, tx=tx, ref=RefStatus.ACCEPTED, ref_id=f"ref-{book.ids}-done")
    for name in chronicle.calls():
        call = call_of(book.sale, name)
        if call is not None and call.open:
            pending = seen(Status.PENDING, tx=tx, ref=RefStatus.ACCEPTED, ref_id="ref-c")
            book.after(20).end(returned if name.startswith("refund") else pending, name)
    if chronicle.looking is not None:
        truth = seen(Status.ACCEPTED, slip(), tx=tx) if book.sale.charged else seen(Status.CANCELED, tx=tx)
        words = {Duty.READ_REFUND: seen(Status.PARTIAL_REFUNDED, tx=tx, ref=RefStatus.ACCEPTED), Duty.FIND: Found()}
        chronicle.saw(chronicle.looking, words.get(chronicle.looking.duty, truth))


@settings(QUICK, max_examples=100)
@given(WHO, STEPS)
def test_an_honest_provider_lets_everything_come_to_rest(number: int, steps: list[tuple[str, int]]) -> None:
    """Promises P2 and P6: whatever happened, once it answers again all is answered, returned, or before a person; no secret is left."""
    chronicle = lived(number, steps)
    book = chronicle.book
    honest(chronicle)
    for _ in range(200):
        if not chronicle.do_next():
            break
        honest(chronicle)
        chronicle.check()
    assert book.owed == []
    assert book.sale.finished or book.state is PaymentState.ATTENTION
    assert book.sale.active_refund() is None
    if book.sale.finished:
        assert needed_secrets(book.sale, needs_token=True) == frozenset()
        assert answer.row(book.sale).owes is any(one.state is RefundState.ATTENTION for one in book.sale.refunds)


def test_the_invariants_can_fail() -> None:
    """A negative control: a charge after a told not-paid answer without its return is noticed."""
    chronicle = Chronicle()
    for what, word in (("duty", 0), ("end", PAYMENT.index(seen(Status.REJECTED, error="CODE")) + len(SILENT)), ("tell", 0)):
        chronicle.step(what, word)
    assert chronicle.book.state is PaymentState.DECLINED
    chronicle.book.record([events.LateMoneyFound(slip())])
    with pytest.raises(AssertionError, match="nothing goes back"):
        chronicle.check()
