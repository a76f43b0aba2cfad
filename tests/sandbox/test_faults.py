"""Every kind of fault, once on the wire or in the bank, and the rules by which faults are taken."""

import copy
import json
import random
from typing import Any

import pytest

from agent.sandbox.customer import Action, Customer
from agent.sandbox.delivery import Delivery, Wire
from agent.sandbox.faults import PARAMETERS, Fault, FaultKind
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Code, Operation
from tests.sandbox.till import CHEESE, HEADERS, PATHS, Till


def plan(till: Till, kind: FaultKind, operation: Operation | None = None, times: int | None = 1, **params: Any) -> None:
    till.bank.add_fault(till.now, Fault(kind, operation, times, params=params))


# --- on the wire ---


def test_a_clean_delivery() -> None:
    """Executed once, answered in full, at once."""
    till = Till()
    delivery, answer = till.over_the_wire(Operation.CHECKOUT, till.checkout_body())
    assert delivery == Delivery()
    assert delivery.complete
    assert answer is not None
    assert delivery.visible(answer) == answer.body
    assert delivery.reading_ms(answer) == 0


def test_a_lost_request_does_nothing() -> None:
    """No transaction; the client hears nothing for as long as told."""
    till = Till()
    plan(till, FaultKind.LOSE_REQUEST, hang_ms=700)
    delivery, answer = till.over_the_wire(Operation.CHECKOUT, till.checkout_body())
    assert (answer, delivery.wire, delivery.after_ms, delivery.execute, delivery.complete) == (None, Wire.NONE, 700, 0, False)
    assert till.bank.transactions() == []


def test_a_lost_answer_was_executed() -> None:
    """The transaction is there, and the repeat learns of it."""
    till = Till()
    plan(till, FaultKind.LOSE_ANSWER)
    body = till.checkout_body()
    _, answer = till.over_the_wire(Operation.CHECKOUT, body)
    assert answer is None
    assert till.send(Operation.CHECKOUT, body)["transactionId"] == till.bank.transactions()[0].id


@pytest.mark.parametrize(("before", "created_after_ms"), [(True, 900), (False, 0)])
def test_a_delay_before_or_after_execution(before: bool, created_after_ms: int) -> None:
    """The same wait for the client, another moment for the bank."""
    till = Till()
    started = till.now
    plan(till, FaultKind.DELAY, ms=900, before=before)
    _, answer = till.over_the_wire(Operation.CHECKOUT, till.checkout_body())
    assert answer is not None
    assert till.now == started + 900
    assert till.bank.transactions()[0].created_ms == started + created_after_ms


def test_a_late_first_copy_is_executed_in_its_own_time() -> None:
    """Nothing until then; afterwards a live payment that nobody was told of. A repeat in between wins, the copy gets its answer."""
    till = Till()
    plan(till, FaultKind.LATE_FIRST_COPY, ms=60_000)
    _, answer = till.over_the_wire(Operation.CHECKOUT, till.checkout_body("FAST01"))
    assert answer is None
    till.later(59_999)
    till.bank.tick(till.now)
    assert till.bank.transactions() == []
    assert till.bank.next_due() == till.now + 1
    till.later(100_000)
    till.bank.tick(till.now)
    assert till.bank.ledger.net() == 72000
    assert till.bank.ledger.entries[0].at_ms == till.now - 99_999

    plan(till, FaultKind.LATE_FIRST_COPY, ms=60_000)
    body = till.checkout_body("FAST02")
    till.over_the_wire(Operation.CHECKOUT, body)
    till.send(Operation.CHECKOUT, body)
    till.later(60_000)
    till.bank.tick(till.now)
    assert len(till.bank.ledger.entries) == 2
    assert till.bank.ledger.violations == []


def test_a_late_copy_is_not_the_clients_impatience() -> None:
    """What the wire held up is not held against the poll pause."""
    till = Till()
    transaction = till.waiting()
    till.later(300)
    plan(till, FaultKind.LATE_FIRST_COPY, ms=300)
    till.over_the_wire(Operation.STATUS, till.status_body(transaction))
    till.later(299)
    till.status(transaction)
    till.later(1)
    till.bank.tick(till.now)
    assert till.bank.ledger.violations == []


@pytest.mark.parametrize("after_ms", [0, 5_000])
def test_a_duplicate_is_executed_twice_with_one_effect(after_ms: int) -> None:
    """Back to back or later; the requestId makes it harmless."""
    till = Till()
    transaction = till.paid()
    plan(till, FaultKind.DUPLICATE, after_ms=after_ms)
    delivery, answer = till.over_the_wire(Operation.REFUND, till.refund_body(transaction, [CHEESE]))
    assert answer is not None
    assert (delivery.execute, delivery.late_ms) == ((1, after_ms) if after_ms else (2, None))
    till.later(5_000)
    till.bank.tick(till.now)
    assert till.bank.ledger.refunded() == 45000


def test_a_duplicate_after_the_ids_are_forgotten_is_really_executed_twice() -> None:
    """Proof that the second execution takes place: a bank without its memory opens a second refund."""
    till = Till(BankSettings(forget_after_ms=1_000))
    transaction = till.paid()
    plan(till, FaultKind.DUPLICATE, after_ms=1_000)
    till.over_the_wire(Operation.REFUND, till.refund_body(transaction, [{**CHEESE}], amount=36000))
    till.later(1_000)
    till.bank.tick(till.now)
    assert len(till.bank.transaction(transaction).references) == 2


@pytest.mark.parametrize("executed", [True, False])
def test_a_server_error_before_or_after_execution(executed: bool) -> None:
    """The client cannot tell them apart; the books can."""
    till = Till()
    plan(till, FaultKind.ERROR_5XX, status=503, executed=executed, retry_after_s=7)
    _, answer = till.over_the_wire(Operation.CHECKOUT, till.checkout_body())
    assert answer is not None
    assert (answer.status, answer.headers["retry-after"]) == (503, "7")
    assert len(till.bank.transactions()) == executed


def test_garbage_and_a_foreign_page() -> None:
    """A 200 that is no JSON, of any size, and a captive portal's page; both were executed."""
    till = Till()
    plan(till, FaultKind.GARBAGE, size_bytes=5_000)
    plan(till, FaultKind.HTML)
    _, garbage = till.over_the_wire(Operation.CHECKOUT, till.checkout_body("SESSION1"))
    _, page = till.over_the_wire(Operation.CHECKOUT, till.checkout_body("SESSION2"))
    assert garbage is not None
    assert page is not None
    assert (garbage.status, len(garbage.body)) == (200, 5_000)
    with pytest.raises(ValueError, match=r"."):
        json.loads(garbage.body)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert len(till.bank.transactions()) == 2


def test_a_truncated_and_a_dripping_answer() -> None:
    """Half of the body and then nothing; or all of it, slowly."""
    till = Till()
    plan(till, FaultKind.TRUNCATED, percent=50)
    plan(till, FaultKind.DRIP, ms=10)
    cut, answer = till.over_the_wire(Operation.CHECKOUT, till.checkout_body("SESSION1"))
    assert answer is not None
    assert (len(cut.visible(answer)), cut.complete) == (len(answer.body) // 2, False)
    drip, answer = till.over_the_wire(Operation.CHECKOUT, till.checkout_body("SESSION2"))
    assert answer is not None
    assert (drip.visible(answer), drip.complete, drip.reading_ms(answer)) == (answer.body, True, 10 * len(answer.body))


def test_an_outage_refuses_connections_until_its_end() -> None:
    """Proof that nothing was sent; it ends by itself or when faults are cleared."""
    till = Till()
    plan(till, FaultKind.OUTAGE, ms=5_000)
    for _ in range(3):
        delivery, answer = till.over_the_wire(Operation.CHECKOUT, till.checkout_body())
        assert (delivery.refuse, delivery.complete, answer) == (True, False, None)
    till.later(5_000)
    assert not till.bank.plan(till.now, Operation.CHECKOUT).refuse
    plan(till, FaultKind.OUTAGE, ms=5_000)
    till.bank.clear_faults()
    assert not till.bank.plan(till.now, Operation.CHECKOUT).refuse
    assert till.bank.transactions() == []


@pytest.mark.parametrize(
    ("kind", "params", "status"),
    [(FaultKind.UNAUTHORIZED, {}, 401), (FaultKind.UNAUTHORIZED, {"status": 403}, 403), (FaultKind.TOO_MANY, {"retry_after_s": 3}, 429)],
)
def test_turned_away_at_the_door(kind: FaultKind, params: dict[str, Any], status: int) -> None:
    """For as many calls as told, without effect; then as if nothing had been."""
    till = Till()
    plan(till, kind, times=2, **params)
    body = till.checkout_body()
    for _ in range(2):
        _, answer = till.over_the_wire(Operation.CHECKOUT, body)
        assert answer is not None
        assert answer.status == status
        assert ("retry-after" in answer.headers) is (status == 429)
        assert till.bank.transactions() == []
    _, answer = till.over_the_wire(Operation.CHECKOUT, body)
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize("code", list(Code))
def test_any_422_can_be_played_and_is_not_remembered(code: Code) -> None:
    """UNKNOWN_TRANSACTION_ID for a live payment, TRANSACTION_IN_PROCESSING and the rest; the repeat is answered truly."""
    till = Till()
    body = till.cancel_body(till.waiting())
    plan(till, FaultKind.REFUSE_422, code=code)
    _, refused = till.over_the_wire(Operation.CANCEL, body)
    assert refused is not None
    assert (refused.status, json.loads(refused.body)["code"]) == (422, code)
    assert till.send(Operation.CANCEL, body)["refStatus"] == "accepted"


# --- in the bank ---


def test_a_stale_status_shows_the_state_before() -> None:
    """As often as told, without the slip of what has not happened yet."""
    till = Till()
    transaction = till.paid()
    plan(till, FaultKind.STALE_STATUS, times=2)
    stale = [till.status(transaction) for _ in range(3)]
    assert [answer["status"] for answer in stale] == ["pending", "pending", "accepted"]
    assert ["slip" in answer.body for answer in stale] == [False, False, True]


def test_a_stale_status_of_a_refund_is_new() -> None:
    """Asked by the refund's own id."""
    till = Till()
    reference = till.refund(till.paid(), [CHEESE])["refTransactionId"]
    plan(till, FaultKind.STALE_STATUS)
    stale, true = till.status(ref=reference), till.status(ref=reference)
    assert (stale["refStatus"], stale["status"], true["refStatus"]) == ("new", "refunding", "accepted")
    assert ("refundTransactionId" in stale["slip"], "refundTransactionId" in true["slip"]) == (False, True)


def test_an_absent_status_of_a_live_payment() -> None:
    """A replica that lags: empty, although the money is taken."""
    till = Till()
    transaction = till.paid()
    plan(till, FaultKind.ABSENT_STATUS)
    assert till.status(transaction)["status"] == ""
    assert till.status(transaction)["status"] == "accepted"


def test_forgotten_request_ids() -> None:
    """A repeated partial refund is a second refund then: what a client must be ready for."""
    till = Till()
    transaction = till.paid()
    body = till.refund_body(transaction, [CHEESE], amount=30000)
    till.send(Operation.REFUND, body)
    plan(till, FaultKind.FORGET_REQUEST_IDS)
    second = till.send(Operation.REFUND, body)
    assert (second["refStatus"], second["errorCode"]) == ("rejected", "REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE")


@pytest.mark.parametrize("as_422", [True, False])
def test_a_refused_cancel(as_422: bool) -> None:
    """The payment stays where it was, and can be cancelled afterwards."""
    till = Till()
    transaction = till.waiting()
    plan(till, FaultKind.REFUSE_CANCEL, as_422=as_422)
    answer = till.cancel(transaction)
    if as_422:
        assert (answer.status, answer["code"]) == (422, "WRONG_TRANSACTION_STATE_CHANGE")
    else:
        assert (answer["refStatus"], answer["status"]) == ("rejected", "new")
    assert till.cancel(transaction)["status"] == "canceled"


def test_cancelled_and_paid_all_the_same() -> None:
    """The cancel is confirmed, by a read as well; later the money is taken."""
    till = Till()
    transaction = till.waiting()
    plan(till, FaultKind.CANCEL_THEN_PAID, after_ms=10_000)
    assert till.cancel(transaction)["refStatus"] == "accepted"
    till.later(9_999)
    assert till.status(transaction)["status"] == "canceled"
    till.later(1)
    assert (till.status(transaction)["status"], till.bank.ledger.net()) == ("accepted", 72000)
    assert till.refund(transaction)["status"] == "refunded"


def test_accepted_without_slip() -> None:
    """For a while or for ever; the books know better."""
    till = Till()
    plan(till, FaultKind.ACCEPTED_WITHOUT_SLIP, ms=3_000)
    plan(till, FaultKind.ACCEPTED_WITHOUT_SLIP)
    till.bank.queue_customer(Customer(Action.CONFIRM), card_session="SESSION1")
    slow = till.checkout("SESSION1")
    till.bank.queue_customer(Customer(Action.CONFIRM), card_session="SESSION2")
    never = till.checkout("SESSION2")
    assert (slow["status"], slow.get("slip"), never["status"], never.get("slip")) == ("accepted", None, "accepted", None)
    till.later(3_000)
    assert "slip" in till.status(slow["transactionId"]).body
    till.later(10**9)
    assert "slip" not in till.status(never["transactionId"]).body
    assert till.bank.ledger.net() == 144000


@pytest.mark.parametrize(
    ("kind", "params", "field", "shown"),
    [
        (FaultKind.WRONG_AMOUNT, {"delta": -1}, "totalAmount", 71999),
        (FaultKind.WRONG_ORDER, {}, "orderId", "SOMEBODY-ELSES"),
        (FaultKind.WRONG_CURRENCY, {"currency": "KZT"}, "currency", "KZT"),
    ],
)
def test_a_slip_of_something_else(kind: FaultKind, params: dict[str, Any], field: str, shown: object) -> None:
    """Only in the next answer that has a slip; what was booked stays right."""
    till = Till()
    transaction = till.paid()
    plan(till, kind, **params)
    assert till.status(till.waiting("OTHER1"))["status"] == "new"
    assert till.status(transaction)["slip"][field] == shown
    assert till.status(transaction)["slip"][field] != shown
    assert till.bank.ledger.charged(transaction_id=transaction) == 72000


def test_unknown_words_and_fields() -> None:
    """A status nobody has heard of, in either place, and fields on every level."""
    till = Till()
    transaction = till.paid()
    plan(till, FaultKind.UNKNOWN_STATUS_VALUE, Operation.STATUS)
    plan(till, FaultKind.UNKNOWN_STATUS_VALUE, Operation.CANCEL, value="later", field="refStatus")
    plan(till, FaultKind.EXTRA_FIELDS, Operation.STATUS)
    answer = till.status(transaction)
    assert (answer["status"], "loyaltyBonus" in answer.body, "bankComment" in answer["slip"]) == ("on_hold", True, True)
    assert till.cancel(transaction)["refStatus"] == "later"


# --- how faults are taken ---


def test_a_fault_waits_for_its_operation_and_is_used_up() -> None:
    """Others pass by; times counts down; the first added comes first."""
    till = Till()
    plan(till, FaultKind.LOSE_REQUEST, Operation.REFUND, times=2)
    plan(till, FaultKind.LOSE_ANSWER)
    assert [planned.left for planned in till.bank.faults()] == [2, 1]
    kinds = [
        till.bank.plan(till.now, operation).fault for operation in (Operation.REFUND, Operation.STATUS, Operation.REFUND, Operation.REFUND)
    ]
    assert kinds == [FaultKind.LOSE_REQUEST, FaultKind.LOSE_ANSWER, FaultKind.LOSE_REQUEST, None]
    assert till.bank.faults() == []


def test_a_request_that_asks_for_nothing_uses_up_no_fault() -> None:
    """A client that only opens its connection, with a path that nobody serves, meets what is planned for all, not for a checkout."""
    till = Till()
    plan(till, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
    plan(till, FaultKind.DELAY, Operation.CHECKOUT)
    assert till.bank.meet(till.now, "GET", "/") == Delivery()
    assert [planned.fault.kind for planned in till.bank.faults()] == [FaultKind.LOSE_ANSWER, FaultKind.DELAY]
    plan(till, FaultKind.LOSE_REQUEST)
    assert till.bank.meet(till.now, "GET", "/").wire is Wire.NONE


def test_delays_add_up_and_go_with_another_fault() -> None:
    """One request can be slow and lost."""
    till = Till()
    plan(till, FaultKind.DELAY, ms=100)
    plan(till, FaultKind.DELAY, ms=20, before=True)
    plan(till, FaultKind.LOSE_ANSWER, hang_ms=3)
    delivery = till.bank.plan(till.now, Operation.STATUS)
    assert (delivery.before_ms, delivery.after_ms, delivery.wire) == (20, 103, Wire.NONE)


def test_a_fault_without_end_can_be_cleared() -> None:
    """times None goes on until its id is cleared; the others stay."""
    till = Till()
    lasting = till.bank.add_fault(till.now, Fault(FaultKind.LOSE_REQUEST, times=None))
    plan(till, FaultKind.EXTRA_FIELDS)
    assert all(till.bank.plan(till.now, None).fault for _ in range(50))
    till.bank.clear_faults(lasting)
    assert till.bank.plan(till.now, None).fault is None
    assert [planned.fault.kind for planned in till.bank.faults()] == [FaultKind.EXTRA_FIELDS]


def test_probability_is_rolled_with_the_given_chance() -> None:
    """The same seed gives the same run; without a source of chance such a fault is refused."""

    def run(seed: int) -> list[bool]:
        till = Till(chance=random.Random(seed).random)
        till.bank.add_fault(till.now, Fault(FaultKind.LOSE_REQUEST, times=None, probability=0.3))
        return [till.bank.plan(till.now, Operation.STATUS).fault is not None for _ in range(200)]

    assert run(1) == run(1) != run(2)
    assert 30 < sum(run(1)) < 90
    with pytest.raises(ValueError, match="chance"):
        Till().bank.add_fault(0, Fault(FaultKind.LOSE_REQUEST, probability=0.3))


@pytest.mark.parametrize(
    "broken",
    [
        {"times": 0},
        {"probability": 1.5},
        {"params": {"sooner": 1}},
        {"params": {"hang_ms": "1"}},
        {"params": {"hang_ms": True}},
        {"params": {"hang_ms": -1}},
        {"params": {"hang_ms": 10**12}},
        {"kind": FaultKind.ERROR_5XX, "params": {"status": 200}},
        {"kind": FaultKind.REFUSE_422, "params": {"code": 5}},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(broken: dict[str, Any]) -> None:
    """When it is made, not when it bites."""
    with pytest.raises(ValueError, match=r"."):
        Fault(**{"kind": FaultKind.LOSE_REQUEST, **broken})


def test_every_kind_has_its_parameters_listed() -> None:
    """The table is complete."""
    assert set(PARAMETERS) == set(FaultKind)


def test_a_run_can_be_repeated_and_forked() -> None:
    """Same calls, same answers; a copy in mid-run goes its own way without touching the original."""

    def run(till: Till) -> bytes:
        transaction = till.checkout()["transactionId"]
        till.later(5_000)
        return till.status(transaction).raw

    till, twin = Till(), Till()
    assert run(till) == run(twin)
    transaction = till.waiting("SESSION9")
    fork = copy.deepcopy(till)
    fork.bank.decide(fork.now, transaction, Customer(Action.CONFIRM))
    assert (fork.status(transaction)["status"], till.status(transaction)["status"]) == ("accepted", "new")


def test_what_arrived_is_on_record_without_secrets() -> None:
    """Also what was lost; never the session, the token or the credentials."""
    till = Till()
    plan(till, FaultKind.LOSE_REQUEST)
    body = till.checkout_body("SECRET1")
    till.over_the_wire(Operation.CHECKOUT, body)
    till.over_the_wire(Operation.CHECKOUT, body)
    lost, done = till.bank.log
    assert (lost.request_id, lost.fault, lost.executed, lost.status) == (body["requestId"], FaultKind.LOSE_REQUEST, 0, None)
    assert (done.operation, done.fault, done.executed, done.status) == (Operation.CHECKOUT, None, 1, 200)
    assert not any(secret in repr(till.bank.log) for secret in ("SECRET1", HEADERS["token"], HEADERS["Authorization"]))
    till.bank.act(till.now, Delivery(), "POST", PATHS[Operation.STATUS], HEADERS, b"[1]")
    assert till.bank.log[-1].request_id is None
