"""Payments: who decides about them, in which states, with which slip, and what the books say."""

import pytest

from agent.sandbox.customer import Action, Customer
from agent.sandbox.desk import NotWaiting
from agent.sandbox.settings import BankSettings
from agent.sandbox.transaction import MOVES, IllegalMove
from agent.sandbox.words import ErrorCode, Method, Operation, Status
from tests.sandbox.till import STORE, TERMINAL, Till, item


def test_a_payment_goes_from_new_over_pending_to_accepted_with_a_slip() -> None:
    """The ordinary sale: no slip before the end, a full SBP slip with equal amount after it, one charge in the books."""
    till = Till(BankSettings(stores={STORE: "MA0000103685"}))
    started = till.checkout()
    assert (started.status, started["status"], started.get("slip")) == (200, "new", None)
    till.later(300)
    waiting = till.status(started["transactionId"])
    assert (waiting["status"], waiting.get("slip"), waiting["paymentGroup"]) == ("pending", None, "SBP")
    till.later(3_000)
    paid = till.status(started["transactionId"])
    assert paid["status"] == "accepted"
    slip = paid["slip"]
    assert slip["operationDateTime"] == "2023-11-14T22:13:23.000Z"
    assert {name: slip[name] for name in ("storeId", "terminalId", "orderId", "totalAmount", "merchantId", "paymentType", "currency")} == {
        "storeId": STORE,
        "terminalId": TERMINAL,
        "orderId": "S12-000345",
        "totalAmount": 72000,
        "merchantId": "MA0000103685",
        "paymentType": "SBP",
        "currency": "RUB",
    }
    assert len(slip["qrcId"]) == 32
    assert slip["kzo"]
    assert slip["operationId"]
    assert slip["paymentTransactionId"] == started["transactionId"]
    assert till.bank.ledger.net(order_id="S12-000345") == 72000
    assert [row["kind"] for row in till.bank.ledger.as_rows()] == ["charge"]


def test_dolyame_is_an_instalment_without_the_numbers_of_sbp() -> None:
    """What the customer pays with decides about the group, the provider and the slip's fields."""
    till = Till()
    till.bank.queue_customer(Customer(Action.CONFIRM, 0, method=Method.DOLYAME), order_id="S12-000345")
    answer = till.checkout()
    assert answer["slip"]["paymentType"] == "DOLYAME"
    assert not {"qrcId", "kzo", "operationId"} & set(answer["slip"])
    status = till.status(answer["transactionId"])
    assert (status["paymentGroup"], status["paymentProvider"]) == ("INSTALLMENT", "DOLYAME")


def test_a_method_that_was_not_offered_cannot_be_chosen() -> None:
    """The customer pays with one of the till's methods, whatever his script says."""
    till = Till()
    till.bank.queue_customer(Customer(Action.CONFIRM, 0, method=Method.DOLYAME), order_id="S12-000345")
    assert till.checkout(paymentMethods=[{"type": "SBP"}])["slip"]["paymentType"] == "SBP"


@pytest.mark.parametrize("error", list(ErrorCode))
def test_a_refusal_carries_its_error_code_and_a_slip_that_proves_nothing(error: ErrorCode) -> None:
    """Every errorCode can be played; nothing is charged."""
    till = Till()
    till.bank.queue_customer(Customer(Action.DECLINE, 1_000, error), card_session="Q7W2E9")
    transaction = till.checkout()["transactionId"]
    till.later(1_000)
    answer = till.status(transaction)
    assert (answer["status"], answer["errorCode"], "slip" in answer.body) == ("rejected", error, True)
    assert till.bank.ledger.entries == []


def test_a_total_below_four_roubles_is_rejected_inside_a_200() -> None:
    """399 kopecks are too small, 400 are not."""
    till = Till()
    small = till.checkout(items=[item(totalAmount=399)])
    assert (small.status, small["status"], small["errorCode"]) == (200, "rejected", "TOTAL_AMOUNT_IS_TOO_SMALL")
    assert "slip" not in small.body
    assert till.checkout("OTHER1", items=[item(totalAmount=400)])["status"] == "new"


def test_the_customer_can_cancel_in_his_application() -> None:
    """The till then sees canceled without having asked for it."""
    till = Till()
    till.bank.queue_customer(Customer(Action.CANCEL, 500), order_id="S12-000345")
    transaction = till.checkout()["transactionId"]
    till.later(500)
    assert till.status(transaction)["status"] == "canceled"
    assert till.bank.ledger.net() == 0


@pytest.mark.parametrize(
    ("session", "later_ms", "status", "error"),
    [
        ("PAY001", 1_000, "accepted", None),
        ("FAST01", 0, "accepted", None),
        ("DOLY01", 1_000, "accepted", None),
        ("DECL01", 1_000, "rejected", "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER"),
        ("LIMIT1", 1_000, "rejected", "NOT_ENOUGH_LIMIT_TO_PAY"),
        ("WAIT01", 10**9, "pending", None),
        ("LATE01", 44_999, "pending", None),
        ("LATE01", 45_000, "accepted", None),
        ("CANC01", 1_000, "canceled", None),
    ],
)
def test_magic_card_sessions_choose_the_customer(session: str, later_ms: int, status: str, error: str | None) -> None:
    """The documented table for work by hand."""
    till = Till()
    transaction = till.checkout(session)["transactionId"]
    till.later(later_ms)
    answer = till.status(transaction)
    assert (answer["status"], answer.get("errorCode")) == (status, error)


def test_a_queued_customer_goes_before_a_magic_session_and_the_default() -> None:
    """The queue for the session first, then that for the order, then magic, then the settings."""
    till = Till(BankSettings(customer=Customer(Action.CANCEL, 0)))
    till.bank.queue_customer(Customer(Action.DECLINE, 0), order_id="S12-000345")
    till.bank.queue_customer(Customer(Action.CONFIRM, 0), card_session="WAIT01")
    assert till.checkout("WAIT01")["status"] == "accepted"
    assert till.checkout("WAIT02")["status"] == "rejected"
    assert till.checkout("WAIT03")["status"] == "new"
    assert till.checkout("Q7W2E9")["status"] == "canceled"


def test_magic_can_be_switched_off() -> None:
    """A simulation with random sessions must not meet a customer by accident."""
    till = Till(BankSettings(customer=Customer(Action.CONFIRM, 0), magic_sessions=False))
    assert till.checkout("WAIT01")["status"] == "accepted"


def test_a_waiting_payment_can_be_decided_by_hand_once() -> None:
    """The control API's confirm; afterwards the payment waits for nobody."""
    till = Till()
    transaction = till.waiting()
    till.bank.decide(till.now, transaction, Customer(Action.CONFIRM))
    assert till.status(transaction)["status"] == "accepted"
    with pytest.raises(NotWaiting):
        till.bank.decide(till.now, transaction, Customer(Action.DECLINE))


def test_one_transaction_per_card_session() -> None:
    """Another checkout on a used session is refused; the code tells whether it was paid."""
    till = Till()
    till.waiting("SESSION1")
    again = till.checkout("SESSION1", "ORDER-2")
    assert (again.status, again["code"]) == (422, "TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS")
    till.paid("SESSION2")
    again = till.checkout("SESSION2", "ORDER-2")
    assert (again.status, again["code"]) == (422, "TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED")
    assert len(till.bank.transactions()) == 2


def test_unknown_sessions_by_prefix_and_by_list() -> None:
    """The bank never heard of them."""
    till = Till(BankSettings(refused_sessions=frozenset({"GONE99"})))
    assert {till.checkout(session)["code"] for session in ("UNKN01", "GONE99")} == {"UNKNOWN_SESSION_ID"}
    assert till.bank.transactions() == []


def test_slip_always_is_the_vendors_literal_schema() -> None:
    """A slip beside status new: whoever takes it for proof is wrong."""
    till = Till(BankSettings(slip_always=True))
    answer = till.checkout()
    assert (answer["status"], answer["slip"]["totalAmount"]) == ("new", 72000)
    assert till.cancel(answer["transactionId"])["slip"]["paymentTransactionId"] == answer["transactionId"]
    assert till.bank.ledger.net() == 0


@pytest.mark.parametrize("empty", ["", None])
def test_an_unknown_transaction_has_an_empty_status(empty: str | None) -> None:
    """Not an error: a 200 with the echo and an empty status, asked by either id."""
    till = Till(BankSettings(empty_status=empty))
    for asked in ({"transactionId": "nobody"}, {"refTransactionId": "nobody"}):
        answer = till.send(Operation.STATUS, {"requestId": till.request_id(), **asked})
        assert answer.status == 200
        assert answer.body == {"requestId": answer["requestId"], **asked, "status": empty}


def test_both_ids_must_belong_together() -> None:
    """A reference of another payment is not found under this one."""
    till = Till()
    one, two = till.waiting("SESSION1"), till.waiting("SESSION2")
    reference = till.cancel(one)["refTransactionId"]
    assert till.status(one, reference)["status"] == "canceled"
    assert till.status(two, reference)["status"] == ""


def test_every_state_has_a_row_and_no_other_move_is_possible() -> None:
    """The table is complete, and the transaction obeys it."""
    assert set(MOVES) == set(Status)
    till = Till()
    transaction = till.bank.transaction(till.paid())
    for status in set(Status) - MOVES[Status.ACCEPTED]:
        with pytest.raises(IllegalMove):
            transaction.move(status)


def test_time_runs_lazily_and_in_order() -> None:
    """What was due long ago has happened at its own moment, in the right order, and never twice."""
    till = Till(BankSettings(customer=Customer(Action.CONFIRM, 5_000)))
    till.checkout("SESSION1", "ORDER-1")
    assert till.bank.next_due() == till.now + 200
    till.later(1_000)
    till.checkout("SESSION2", "ORDER-2")
    till.later(1_000_000)
    till.bank.tick(till.now)
    till.bank.tick(till.now)
    assert [(entry.order_id, entry.at_ms - till.now) for entry in till.bank.ledger.entries] == [
        ("ORDER-1", -996_000),
        ("ORDER-2", -995_000),
    ]
    assert till.bank.next_due() is None


def test_polling_too_soon_is_on_record() -> None:
    """Before 250 ms after the checkout and within 250 ms of the read before; a patient client leaves no trace."""
    till = Till(BankSettings(poll_tolerance_ms=0))
    transaction = till.waiting()
    till.later(250)
    till.status(transaction)
    till.later(250)
    till.status(transaction)
    assert till.bank.ledger.violations == []
    till.later(249)
    till.status(transaction)
    assert [violation.kind for violation in till.bank.ledger.violations] == ["polled_too_soon"]
