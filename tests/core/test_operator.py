"""Goal: an operator's decision is the only other way to an end (promises P3 and P6), moves no money by itself, and is never undone.

Method: sales in every state, decided by hand; what the provider says afterwards; and what can no longer be decided.
"""

from dataclasses import replace

import pytest

from agent.core import alarms, answer, ask_refund, decide_asked, decide_operator, decide_refund, events, evidence
from agent.core.answer import Money
from agent.core.ask_refund import NotRefundable, Wanted
from agent.core.decide_operator import Choice, NotResolvable, UnderWay
from agent.core.duty import WAITING, Duty
from agent.core.evidence import RETURN_KEY
from agent.core.fold import fold
from agent.core.machine import IllegalTransition
from agent.core.money import Kopecks
from agent.core.obligations import owes
from agent.core.payment import PaymentState
from agent.core.policy import Policy, Unclaimed
from agent.core.refund import RefundCause, RefundState
from agent.core.resolution import PAYMENT, SALE, Decision, Proof, Resolution, receipt_subject, refund_subject
from agent.core.verdict import Denied, NotSent, Observed, RefStatus, Refusal, Refused, Status, Unclear
from tests.core.book import Book, book_in, paid_book, refunding_book, seen
from tests.core.samples import (
    ACCEPTED,
    ANSWERED,
    ATTENTION,
    HISTORIES,
    KNOWN,
    LOST,
    PENDING,
    SENT,
    WANTED,
    fiscal,
    slip,
)

OWN = refund_subject(RETURN_KEY)
LOST_FOR_EVER = (ACCEPTED, SENT, LOST, WANTED, ATTENTION)  # no transaction is known
TAKEN = (*PENDING, events.AttentionNeeded("SLIP_MISSING", charged=True), events.AlarmRaised("SLIP_MISSING"))


def resolve(book: Book, resolution: Resolution, what: str = PAYMENT, **proof: str) -> Book:
    book.record(decide_operator.resolved(book.sale, Decision(what, resolution, "seen in the registry", "uid:0", Proof(**proof))))
    return book


def choices(book: Book, what: str = PAYMENT) -> list[Resolution]:
    return [one.resolution for one in decide_operator.choices(book.sale) if one.what == what]


def own(book: Book) -> RefundState:
    return book.refund(RETURN_KEY).state


# --- the payment ---


def test_paid_by_an_operator_is_recorded_as_such() -> None:
    """The bill's amount, the operator's proof, a reason code and a line of the slip that say who said so; it can be told and refunded."""
    book = resolve(Book(LOST_FOR_EVER), Resolution.PAID, transaction_id="tx-1", qrc_id="QRC", payment_type="SBP").tell()
    view = book.answer
    assert (view.state, view.success, view.reason, view.money) == (PaymentState.PAID, True, "OPERATOR", Money.CHARGED)
    assert ("qrcId", "QRC") in view.rows
    assert ("totalAmount", "45000") in view.rows
    assert ("enteredBy", "operator") in view.rows
    assert book.ask_refund(Wanted(1, 1)).state is RefundState.QUEUED


def test_without_a_transaction_nothing_can_be_refunded() -> None:
    """The operator knew no id: the sale is paid, and a refund has nothing to name."""
    book = resolve(Book(LOST_FOR_EVER), Resolution.PAID).tell()
    with pytest.raises(NotRefundable, match="not known") as error:
        book.ask_refund()
    assert error.value.reason == "NO_TRANSACTION"


def test_what_an_operator_found_to_be_paid_is_not_given_back_by_a_clock() -> None:
    """No POS asks for it, the cashier had wanted to cancel, the policy is "return": it stays paid, with an alarm (no automatic refund)."""
    book = resolve(Book(LOST_FOR_EVER, Policy(unclaimed=Unclaimed.RETURN)), Resolution.PAID, transaction_id="tx-1")
    owed = book.owes(Duty.UNCLAIMED)
    assert owed is not None
    assert owed.why == "keep"
    book.until(owed).record(decide_asked.unclaimed(book.sale, back=True))
    assert (book.state, book.sale.refunds) == (PaymentState.PAID, ())
    assert alarms.standing(book.sale) == ("UNCLAIMED",)


def test_not_paid_by_an_operator() -> None:
    """Canceled, no money; with a known transaction it is watched as after any cancel."""
    book = resolve(book_in(PaymentState.ATTENTION), Resolution.NOT_PAID)
    assert (book.state, book.answer.reason, book.answer.money) == (PaymentState.CANCELED, "OPERATOR", Money.NONE)
    assert book.owes(Duty.READ) is not None
    assert resolve(Book(LOST_FOR_EVER), Resolution.NOT_PAID).owed == []


def test_a_payment_that_can_still_be_paid_is_watched_until_it_cannot() -> None:
    """Nobody says "not paid" while a cancel is unproven. In attention he may; what the provider calls pending is then looked at for as
    long as it is, and the watch ends with the first look that finds it over."""
    canceling = Book(HISTORIES[PaymentState.CANCELING])
    assert Resolution.NOT_PAID not in choices(canceling)
    assert Resolution.RETURN in choices(canceling)
    book = resolve(book_in(PaymentState.ATTENTION), Resolution.NOT_PAID)
    days = 3 + len(Policy().rereads_ms)
    for _ in range(days):
        book.until(book.owed[0]).read(seen(Status.PENDING))
    assert book.now.ticks > 3 * (Policy().rereads_ms[-1] - Policy().rereads_ms[-2])
    assert (book.sale.watch_over, owes(book.sale), contradicted(book)) == (False, True, True)
    restarted = book.restart()
    assert restarted.owed[0].at == restarted.now.ticks
    book.until(book.owed[0]).read(seen(Status.CANCELED))
    assert (book.sale.watch_over, book.owed) == (True, [])


@pytest.mark.parametrize("history", [LOST_FOR_EVER, TAKEN, HISTORIES[PaymentState.CANCELING]])
def test_return_owes_the_money(history: tuple[events.Event, ...]) -> None:
    """Not paid, and a refund that is owed: it survives until it is made."""
    book = resolve(Book(history), Resolution.RETURN, transaction_id="tx-1")
    assert (book.state, book.answer.money) == (PaymentState.CANCELED, Money.RETURNING)
    assert book.refund(RETURN_KEY).cause is RefundCause.OPERATOR
    assert book.refund(RETURN_KEY).owed
    book.tell()
    call = decide_refund.refund_call(RETURN_KEY)
    book.until(book.owed[0]).attempt(seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), call)
    assert (own(book), book.answer.money) == (RefundState.REFUNDED, Money.RETURNED)


@pytest.mark.parametrize("history", [LOST_FOR_EVER, TAKEN, HISTORIES[PaymentState.CANCELED], HISTORIES[PaymentState.DECLINED]])
def test_returned_by_other_means(history: tuple[events.Event, ...]) -> None:
    """The books say that it was taken and is back; nothing is sent."""
    book = resolve(Book(history), Resolution.RETURNED, operation_id="OP-9")
    assert (book.answer.money, own(book), book.owed) == (Money.RETURNED, RefundState.REFUNDED, [])
    assert ("enteredBy", "operator") in answer.refund_rows(book.sale, book.refund(RETURN_KEY))
    assert ("operationId", "OP-9") in answer.refund_rows(book.sale, book.refund(RETURN_KEY))


def test_told_not_paid_can_only_go_back() -> None:
    """P4: what was handed out stays; of its money it can be decided that it goes back, or has gone back."""
    book = book_in(PaymentState.CANCELED).tell()
    assert choices(book) == [Resolution.RETURN, Resolution.RETURNED]
    resolve(book, Resolution.RETURN)
    assert (book.state, book.answer.reason, own(book)) == (PaymentState.CANCELED, "CANCELED_BY_CASHIER", RefundState.QUEUED)
    assert choices(book) == []


def test_paid_and_asked_for_by_nobody() -> None:
    """After its alarm an operator may give it back: reversed. Once it is told, no more."""
    book = book_in(PaymentState.PAID)
    assert choices(book) == []
    book.after(130_000).record(decide_asked.unclaimed(book.sale, back=False))
    assert choices(book) == [Resolution.RETURN, Resolution.RETURNED]
    told = book_in(PaymentState.PAID)
    told.record(decide_asked.unclaimed(told.sale, back=False))
    assert choices(told.tell()) == []
    resolve(book, Resolution.RETURN)
    assert (book.state, book.answer.reason, own(book)) == (PaymentState.REVERSED, "OPERATOR", RefundState.QUEUED)
    assert "UNCLAIMED" in alarms.standing(book.sale)


def test_what_can_be_decided_depends_on_what_is_known() -> None:
    """Nobody denies a charge that the provider has named; nothing is decided that the machine will find out."""
    assert Resolution.NOT_PAID in choices(Book(LOST_FOR_EVER))
    assert Resolution.NOT_PAID not in choices(Book(TAKEN))
    elsewhere = (*PENDING, events.AttentionNeeded("REFUNDED_ELSEWHERE", charged=True))
    assert Resolution.NOT_PAID in choices(Book(elsewhere))
    searching = (ACCEPTED, SENT, LOST, WANTED)
    for history in (searching, PENDING, HISTORIES[PaymentState.QUEUED], HISTORIES[PaymentState.EXPIRED], HISTORIES[PaymentState.ELSEWHERE]):
        assert choices(Book(history)) == []


def test_a_bill_over_nothing() -> None:
    """Zero kopecks: reversed and returned without a refund, for there is nothing to return."""
    item = replace(ACCEPTED.checkout.invoice.items[0], total_amount=Kopecks(0))
    nothing = replace(ACCEPTED.checkout, invoice=replace(ACCEPTED.checkout.invoice, total_amount=Kopecks(0), items=(item,)))
    accepted = replace(ACCEPTED, checkout=nothing)
    paid = (accepted, SENT, ANSWERED, KNOWN, events.Paid(slip(total=0)))
    book = Book(paid)
    book.record(decide_asked.unclaimed(book.sale, back=True))
    assert (book.state, book.sale.refunds, book.answer.money) == (PaymentState.REVERSED, (), Money.RETURNED)
    stuck = resolve(Book((accepted, SENT, LOST, WANTED, ATTENTION)), Resolution.RETURNED)
    assert (stuck.sale.refunds, stuck.answer.money) == ((), Money.RETURNED)


# --- what cannot be decided ---


def test_a_request_under_way_comes_first() -> None:
    """Of the payment, of a refund, and of another refund where one is to be tried again."""
    book = book_in(PaymentState.CANCELING)
    book.start("cancel")
    with pytest.raises(UnderWay):
        resolve(book, Resolution.PAID)
    refunding = refunding_book(Wanted(1, 1))
    refunding.start("refund:back-1")
    with pytest.raises(UnderWay):
        resolve(refunding, Resolution.DROP, refund_subject("back-1"))
    assert not decide_operator.under_way(refunding.sale, SALE)
    two = stuck_refund()
    two.ask_refund(Wanted(1, 1), key="back-2")
    with pytest.raises(UnderWay):
        resolve(two, Resolution.RETRY, refund_subject("back-1"))


@pytest.mark.parametrize(
    ("history", "resolution", "what", "proof"),
    [
        (HISTORIES[PaymentState.PAID], Resolution.NOT_PAID, PAYMENT, {}),
        (LOST_FOR_EVER, Resolution.RETURN, PAYMENT, {}),
        (HISTORIES[PaymentState.ATTENTION], Resolution.PAID, PAYMENT, {"transaction_id": "tx-2"}),
        (LOST_FOR_EVER, Resolution.DROP, refund_subject("nobody"), {}),
    ],
)
def test_what_does_not_fit_is_refused(history: tuple[events.Event, ...], resolution: Resolution, what: str, proof: dict[str, str]) -> None:
    """No sense in this state, no transaction to return to, another transaction than the known one."""
    with pytest.raises(NotResolvable):
        resolve(Book(history), resolution, what, **proof)


def test_a_refund_takes_no_transaction_of_the_payment() -> None:
    """A proof in the wrong place is a mistake, not a detail."""
    with pytest.raises(NotResolvable, match="payment's transaction"):
        resolve(stuck_refund(), Resolution.REFUNDED, refund_subject("back-1"), transaction_id="tx-1")


@pytest.mark.parametrize(
    ("what", "resolution"),
    [
        (PAYMENT, Resolution.DROP),
        (SALE, Resolution.PAID),
        ("refund:back-1", Resolution.PAID),
        ("receipt:1", Resolution.PAID),
        ("x", Resolution.DROP),
    ],
)
def test_a_record_that_says_something_else_does_not_fold(what: str, resolution: Resolution) -> None:
    """A decision about the wrong thing, read from the file, is no state."""
    with pytest.raises(IllegalTransition, match="operator"):
        fold(stuck_refund().sale, events.Resolved(what, resolution, "r", "b"), stuck_refund().now)


def test_records_that_contradict_themselves_do_not_fold() -> None:
    """Another transaction, a second return, an attempt under way, a transaction learned twice."""
    given = events.Resolved(PAYMENT, Resolution.PAID, "r", "b", "tx-2", slip=slip())
    back = events.Resolved(PAYMENT, Resolution.RETURN, "r", "b", "tx-1")
    flying = book_in(PaymentState.CANCELING)
    flying.start("cancel")
    returned = resolve(book_in(PaymentState.CANCELED), Resolution.RETURN)
    for book, event in ((book_in(PaymentState.ATTENTION), given), (flying, back), (returned, back), (returned, KNOWN)):
        with pytest.raises(IllegalTransition):
            fold(book.sale, event, book.now)
    with pytest.raises(IllegalTransition, match="an operator decided"):
        fold(resolve(Book(LOST_FOR_EVER), Resolution.NOT_PAID).sale, events.Paid(slip()), returned.now)


# --- refunds ---


def stuck_refund(call: bool = True) -> Book:
    """A refund of one line in attention; with or without an attempt that was never answered."""
    book = refunding_book(Wanted(1, 1))
    if call:
        book.attempt(Unclear("timeout"), "refund:back-1")
    book.record([events.RefundNeedsAttention("back-1", "REFUND_AMBIGUOUS"), events.AlarmRaised("REFUND_AMBIGUOUS")])
    return book


def test_a_stuck_refund_is_owed_to_a_person_after_a_restart() -> None:
    """It is loaded, its alarm stands, and the row says so: the account cannot be changed under it."""
    row = answer.row(stuck_refund().sale)
    assert (row.owes, row.attention, row.alarms, row.money) == (True, True, "REFUND_AMBIGUOUS", "stuck")


def test_refunded_by_an_operator() -> None:
    """It was made: settled, on a slip if he knows one; its alarm falls silent."""
    book = resolve(stuck_refund(), Resolution.REFUNDED, refund_subject("back-1"), ref_transaction_id="ref-9", qrc_id="Q")
    one = book.refund()
    assert (one.state, one.ref_transaction_id, one.reason) == (RefundState.REFUNDED, "ref-9", "OPERATOR")
    assert ("qrcId", "Q") in answer.refund_rows(book.sale, one)
    assert not owes(book.sale)
    assert alarms.standing(book.sale) == ()
    assert resolve(stuck_refund(), Resolution.REFUNDED, refund_subject("back-1")).refund().slip is None


def test_the_slip_of_a_part_is_over_that_part() -> None:
    """What an operator has seen of a refund of some lines never claims that the whole payment went back."""
    book = resolve(stuck_refund(), Resolution.REFUNDED, refund_subject("back-1"), qrc_id="Q")
    one = book.refund()
    assert one.slip is not None
    assert (one.slip.total_amount, one.amount, book.sale.amount) == (2_500, 2_500, 45_000)


@pytest.mark.parametrize("call", [True, False])
def test_what_was_dropped_is_not_performed(call: bool) -> None:
    """P6: nothing is owed any more. P7: if an attempt may have done its work, its part of the charge stays taken."""
    book = resolve(stuck_refund(call), Resolution.DROP, refund_subject("back-1"))
    assert (book.refund().state, book.owed) == (RefundState.DECLINED, [])
    assert book.restart().owed == []
    assert book.sale.refund_held == (2_500 if call else 0)
    assert book.answer.money is (Money.STUCK if call else Money.CHARGED)
    assert book.ask_refund(key="back-2").amount == (42_500 if call else 45_000)


def test_an_owed_return_can_be_given_up_and_says_so() -> None:
    """Late money that cannot be returned: the record says that it is stuck, nothing is sent, and no start is refused for it."""
    book = book_in(PaymentState.CANCELED).tell()
    book.read(seen(Status.ACCEPTED, slip()))
    resolve(book, Resolution.DROP, OWN)
    assert (own(book), book.owed, book.answer.money) == (RefundState.DECLINED, [], Money.STUCK)
    assert answer.row(book.sale).owes is False
    assert alarms.standing(book.sale) == ()


def test_retry_reads_the_payment_first() -> None:
    """An unclear attempt keeps its requestId; an answered one is followed by a new one, and its transaction is not adopted again."""
    book = resolve(stuck_refund(), Resolution.RETRY, refund_subject("back-1"))
    before = book.refund().call
    assert before is not None
    assert book.refund().state is RefundState.UNKNOWN
    assert book.due_in(Duty.CHECK_REFUND) == 0
    book.check(seen(Status.ACCEPTED, slip()))
    assert book.start("refund:back-1") == before.request_id
    asked = refunding_book(Wanted(1, 1))
    asked.attempt(seen(Status.ACCEPTED, ref=RefStatus.REQUESTED, ref_id="ref-1"), "refund:back-1")
    asked.read_refund(seen(Status.ACCEPTED, ref=RefStatus.REJECTED, ref_id="ref-1"))
    assert asked.refund().state is RefundState.ATTENTION
    resolve(asked, Resolution.RETRY, refund_subject("back-1"))
    assert (asked.refund().state, asked.refund().rejected) == (RefundState.QUEUED, frozenset({"ref-1"}))
    never = resolve(stuck_refund(call=False), Resolution.RETRY, refund_subject("back-1"))
    assert (never.refund().state, never.refund().rejected) == (RefundState.QUEUED, frozenset())


def test_an_attempt_that_was_rejected_and_made_after_all_is_not_made_twice() -> None:
    """The operator tries a rejected refund again, and the look finds that very attempt made: a person decides, nothing is sent."""
    book = book_in(PaymentState.PAID)
    book.ask_refund(Wanted(1, 1))
    first = book.sale.refunds[0].key
    book.attempt(seen(Status.PARTIAL_REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), decide_refund.refund_call(first))
    book.record(ask_refund.refund_asked(book.sale, "b2", [Wanted(0, 1000)], None, "d"))
    book.attempt(seen(Status.REFUNDING, ref=RefStatus.REQUESTED, ref_id="ref-2"), decide_refund.refund_call("b2"))
    book.read_refund(seen(Status.ACCEPTED, ref=RefStatus.REJECTED, ref_id="ref-2"), "b2")
    resolve(book, Resolution.RETRY, refund_subject("b2"))
    book.check(seen(Status.PARTIAL_REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-2"), "b2")
    assert book.refund("b2").state is RefundState.ATTENTION
    assert book.owes(Duty.REFUND) is None


# --- what the provider says afterwards ---


def contradicted(book: Book) -> bool:
    return "OPERATOR_CONTRADICTED" in alarms.standing(book.sale)


@pytest.mark.parametrize(
    ("resolution", "said", "differs"),
    [
        (Resolution.PAID, seen(Status.ACCEPTED, slip()), False),
        (Resolution.PAID, seen(Status.REJECTED), True),
        (Resolution.PAID, seen(Status.CANCELED), True),
        (Resolution.PAID, seen(Status.PENDING), True),
        (Resolution.PAID, seen(Status.REFUNDED), True),
        (Resolution.PAID, seen(Status.ABSENT), False),
        (Resolution.NOT_PAID, seen(Status.REJECTED), False),
        (Resolution.NOT_PAID, seen(Status.CANCELED), False),
        (Resolution.NOT_PAID, seen(Status.NEW), True),
        (Resolution.NOT_PAID, seen(Status.ACCEPTED, slip()), True),
        (Resolution.NOT_PAID, seen(Status.ACCEPTED), True),
        (Resolution.NOT_PAID, seen(Status.PARTIAL_REFUNDED), True),
        (Resolution.RETURNED, seen(Status.CANCELED), False),
        (Resolution.RETURNED, seen(Status.REFUNDED), False),
        (Resolution.RETURN, seen(Status.REJECTED), True),
    ],
)
def test_a_word_after_the_decision_changes_nothing_in_silence(resolution: Resolution, said: Observed, differs: bool) -> None:
    """The state stays; a contradiction is an alarm. By a read, and by the late answer of a cancel where there is one."""
    canceling = resolution is not Resolution.NOT_PAID
    for late_cancel in (False, True) if canceling else (False,):
        book = book_in(PaymentState.CANCELING if canceling else PaymentState.ATTENTION)
        if canceling:
            book.attempt(Unclear("timeout"), "cancel")
        resolve(book, resolution)
        state = book.state
        if late_cancel:
            book.end(said, "cancel", late=True)
        else:
            book.read(said)
        assert book.state is state
        assert contradicted(book) is differs


def test_all_money_returned_elsewhere_is_told() -> None:
    """Said not to have been taken, and the provider says that it was taken and is back: nothing goes out, a person hears of it."""
    book = resolve(book_in(PaymentState.ATTENTION), Resolution.NOT_PAID)
    book.read(seen(Status.REFUNDED))
    assert alarms.standing(book.sale) == ("REFUNDED_ELSEWHERE",)
    assert book.sale.refunds == ()


@pytest.mark.parametrize("told", [True, False])
def test_money_that_was_said_not_to_have_been_taken_goes_back(told: bool) -> None:
    """As after any not-paid answer (money rule 5), told or not: the decision is not undone, and the charge is not kept."""
    book = resolve(book_in(PaymentState.ATTENTION), Resolution.NOT_PAID)
    if told:
        book.tell()
    book.read(seen(Status.ACCEPTED, slip()))
    assert (book.state, own(book)) == (PaymentState.CANCELED, RefundState.QUEUED)
    assert contradicted(book)
    other = resolve(book_in(PaymentState.ATTENTION), Resolution.NOT_PAID)
    other.read(seen(Status.ACCEPTED, slip(total=1)))
    assert own(other) is RefundState.ATTENTION


@pytest.mark.parametrize(
    ("resolution", "said", "differs"),
    [
        (Resolution.PAID, seen(Status.ACCEPTED, slip()), False),
        (Resolution.NOT_PAID, seen(Status.NEW), True),
        (Resolution.NOT_PAID, seen(Status.ACCEPTED, slip()), True),
    ],
)
def test_a_late_answer_names_the_transaction(resolution: Resolution, said: Observed, differs: bool) -> None:
    """It is learned, for refunds and for the watch, which begins anew; the decision stands."""
    book = resolve(Book(LOST_FOR_EVER), resolution).after(400_000)
    state = book.state
    book.end(said, late=True)
    assert (book.state, book.sale.transaction_id) == (state, "tx-1")
    assert contradicted(book) is differs
    if said.status is Status.NEW:
        assert book.due_in(Duty.READ) == 60_000


def test_a_second_transaction_beside_the_operators_is_told() -> None:
    """The operator has named one, the late answer another: a person must look. The same one is no news."""
    for tx, expected in (("tx-1", ()), ("tx-2", ("SECOND_TRANSACTION",))):
        book = resolve(Book(LOST_FOR_EVER), Resolution.PAID, transaction_id="tx-1").tell()
        book.end(seen(Status.ACCEPTED, slip(), tx=tx), late=True)
        assert alarms.standing(book.sale) == expected


@pytest.mark.parametrize(
    ("resolution", "said", "differs"),
    [
        (Resolution.DROP, seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), True),
        (Resolution.DROP, Refused("CODE", Refusal.RETURN_REFUSED), False),
        (Resolution.REFUNDED, Refused("CODE", Refusal.RETURN_REFUSED), True),
        (Resolution.REFUNDED, seen(Status.ACCEPTED, ref=RefStatus.REJECTED), True),
        (Resolution.REFUNDED, seen(Status.REFUNDED, ref=RefStatus.ACCEPTED, ref_id="ref-1"), False),
        (Resolution.REFUNDED, NotSent("refused"), False),
    ],
)
def test_a_word_on_a_refund_after_the_decision(resolution: Resolution, said: Observed | Refused | NotSent, differs: bool) -> None:
    """The refund stays what the operator made it; a contradiction is an alarm: by the late answer, and by a read under way."""
    book = resolve(stuck_refund(), resolution, refund_subject("back-1"))
    state = book.refund().state
    book.end(said, "refund:back-1", late=True)
    assert book.refund().state is state
    assert contradicted(book) is differs
    read = resolve(stuck_refund(), resolution, refund_subject("back-1"))
    read.read_refund(said)
    assert read.refund().state is state
    assert contradicted(read) is (differs and isinstance(said, Observed))


# --- receipts, alarms, now ---


def test_a_receipt_can_be_given_up() -> None:
    """It is not sent any more, and that it was taken after all is no contradiction."""
    book = paid_book()
    book.record([events.ReceiptGiven("rc-1", "digest", fiscal())])
    book.attempt(Unclear("timeout"), "receipt:rc-1")
    assert choices(book, receipt_subject("rc-1")) == [Resolution.DROP]
    assert not decide_operator.under_way(book.sale, receipt_subject("rc-1"))
    resolve(book, Resolution.DROP, receipt_subject("rc-1"))
    assert book.owed == []
    assert book.end(seen(Status.ACCEPTED), "receipt:rc-1", late=True) == []


def test_an_alarm_stands_until_it_is_acknowledged_or_no_longer_true() -> None:
    """Most are about what is not settled; a contradiction between two books waits for a person, and the same trouble calls again."""
    book = book_in(PaymentState.PENDING)
    book.record(evidence.alarm(book.sale, "ACCESS_DENIED"))
    assert alarms.standing(book.sale) == ("ACCESS_DENIED",)
    book.read(seen(Status.ACCEPTED, slip(store_id="other")))
    assert alarms.standing(book.sale) == ("STORE_MISMATCH",)
    assert answer.row(book.tell().sale).alarms == "STORE_MISMATCH"
    assert Choice(SALE, Resolution.ACKNOWLEDGE) in decide_operator.choices(book.sale)
    resolve(book, Resolution.ACKNOWLEDGE, SALE)
    assert (alarms.standing(book.sale), book.sale.confirmed) == ((), True)
    assert choices(book, SALE) == []
    assert evidence.alarm(book.sale, "STORE_MISMATCH") != []
    book.record(evidence.alarm(book.sale, "STORE_MISMATCH"))
    assert alarms.standing(book.sale) == ("STORE_MISMATCH",)
    assert evidence.alarm(book.sale, "STORE_MISMATCH") == []


def test_now_means_now_once() -> None:
    """A back-off and a watch are cut short; Retry-After and the pause between reads are not, and no decision is hurried."""
    book = book_in(PaymentState.CANCELED)
    assert book.due_in(Duty.READ) == 60_000
    book.memory.hurried |= WAITING
    assert book.due_in(Duty.READ) == 0
    book.memory.last_read = book.now
    assert book.due_in(Duty.READ) == book.policy.read_interval_ms
    cancel = book_in(PaymentState.CANCELING)
    cancel.memory.hurried |= WAITING
    assert cancel.due_in(Duty.CANCEL) == 0
    cancel.attempt(NotSent("refused"), "cancel")
    assert cancel.due_in(Duty.CANCEL) == 0
    refund = refunding_book()
    refund.attempt(Denied(429, 7), "refund:back-1")
    refund.memory.hurried |= WAITING
    assert refund.due_in(Duty.REFUND) == 7_000
    queued = Book()
    queued.memory.hurried |= WAITING
    assert queued.due_in(Duty.EXPIRE) > 0


def test_attention_is_read_again_on_demand() -> None:
    """After the last planned look nothing is read - until an operator wants it."""
    book = book_in(PaymentState.ATTENTION).after(90_000_000)
    book.read(seen(Status.PENDING))
    assert book.owed == []
    book.memory.hurried.add(Duty.READ)
    assert book.due_in(Duty.READ) >= 0
    book.after(1_000).read(seen(Status.ACCEPTED, slip()))
    assert book.state is PaymentState.PAID
