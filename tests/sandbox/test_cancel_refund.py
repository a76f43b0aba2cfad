"""Cancels and refunds: every rule, every code."""

import json
from typing import Any

import pytest

from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Operation
from tests.sandbox.till import CHEESE, MILK, Till, item


def test_cancel_of_a_waiting_payment() -> None:
    """Done at once; the customer's later yes changes nothing."""
    till = Till(BankSettings(customer=Customer(Action.CONFIRM, 10_000)))
    transaction = till.checkout()["transactionId"]
    answer = till.cancel(transaction)
    assert (answer.status, answer["refStatus"], answer["status"]) == (200, "accepted", "canceled")
    till.later(60_000)
    seen = till.status(transaction)
    assert (seen["status"], seen["refStatus"], seen["refTransactionId"]) == ("canceled", "accepted", answer["refTransactionId"])
    assert till.bank.ledger.net() == 0
    assert [entry.kind for entry in till.bank.ledger.entries] == ["cancel"]


def test_cancel_meets_a_paid_payment() -> None:
    """The payment won the race: rejected, status accepted, with the slip."""
    till = Till()
    transaction = till.paid()
    answer = till.cancel(transaction)
    assert (answer.status, answer["refStatus"], answer["status"], answer["slip"]["totalAmount"]) == (200, "rejected", "accepted", 72000)
    assert till.bank.ledger.net() == 72000


def test_cancel_meets_a_paid_payment_as_422() -> None:
    """The other reading of the API, by a setting."""
    till = Till(BankSettings(cancel_refusal_as_422=True))
    answer = till.cancel(till.paid())
    assert (answer.status, answer["code"]) == (422, "WRONG_TRANSACTION_STATE_CHANGE")


def test_cancel_twice_and_cancel_of_nothing() -> None:
    """Cancelled before: rejected with canceled. Unknown: 422. Rejected before: rejected with rejected."""
    till = Till()
    transaction = till.waiting()
    till.cancel(transaction)
    again = till.cancel(transaction)
    assert (again["refStatus"], again["status"]) == ("rejected", "canceled")
    unknown = till.cancel("nobody")
    assert (unknown.status, unknown["code"]) == (422, "UNKNOWN_TRANSACTION_ID")
    till.bank.queue_customer(Customer(Action.DECLINE), card_session="NO1")
    declined = till.cancel(till.checkout("NO1")["transactionId"])
    assert (declined["refStatus"], declined["status"]) == ("rejected", "rejected")


def test_a_slow_cancel_is_new_first_and_can_lose_the_race() -> None:
    """refStatus new; decided later, by what the payment is then."""
    till = Till(BankSettings(cancel_takes_ms=1_000, customer=Customer(Action.CONFIRM, 1_500)))
    quick = till.checkout("SESSION1", "ORDER-1")["transactionId"]
    answer = till.cancel(quick)
    assert (answer["refStatus"], answer["status"]) == ("new", "new")
    till.later(1_000)
    late = till.checkout("SESSION2", "ORDER-2")["transactionId"]
    assert till.status(ref=answer["refTransactionId"])["refStatus"] == "accepted"
    till.later(1_000)
    lost = till.cancel(late)
    till.later(1_000)
    seen = till.status(ref=lost["refTransactionId"])
    assert (seen["refStatus"], seen["status"]) == ("rejected", "accepted")


def test_full_refund() -> None:
    """Everything goes back, the payment is refunded, its slip names the refund."""
    till = Till()
    transaction = till.paid()
    answer = till.refund(transaction)
    assert (answer.status, answer["refStatus"], answer["status"]) == (200, "accepted", "refunded")
    assert answer["slip"]["refundTransactionId"] == answer["refTransactionId"]
    assert answer["slip"]["totalAmount"] == 72000
    assert till.status(transaction)["status"] == "refunded"
    assert till.bank.ledger.net(transaction_id=transaction) == 0
    assert till.bank.ledger.refunded() == 72000


@pytest.mark.parametrize(("shows_refund", "amount"), [(False, 72000), (True, 9000)])
def test_partial_refunds_and_what_their_slip_shows(shows_refund: bool, amount: int) -> None:
    """partial_refunded while something is left; the slip's sum is the paid one or, by a setting, the refund's."""
    till = Till(BankSettings(refund_slip_shows_refund=shows_refund))
    transaction = till.paid()
    first = till.refund(transaction, [item(quantity=1, totalAmount=9000)])
    assert (first["status"], first["slip"]["totalAmount"]) == ("partial_refunded", amount)
    assert till.refund(transaction, [item(quantity=2, totalAmount=18000)])["status"] == "partial_refunded"
    assert till.refund(transaction, [CHEESE])["status"] == "refunded"
    assert till.bank.ledger.net() == 0


def _refused(till: Till, transaction: str, **changes: Any) -> tuple[int, str, str, str]:
    answer = till.refund(transaction, **changes)
    return answer.status, answer["refStatus"], answer["status"], answer["errorCode"]


def test_refund_of_what_was_not_paid() -> None:
    """No money was taken, so none goes back."""
    till = Till()
    assert _refused(till, till.waiting()) == (200, "rejected", "new", "PAYMENT_TRANSACTION_IS_NOT_PAID")


def test_refund_of_what_has_ended() -> None:
    """Cancelled, rejected, or returned in full before."""
    till = Till()
    canceled, refunded = till.waiting("SESSION1"), till.paid("SESSION2")
    till.cancel(canceled)
    till.refund(refunded)
    till.bank.queue_customer(Customer(Action.DECLINE), card_session="SESSION3")
    rejected = till.checkout("SESSION3")["transactionId"]
    code = "TERMINAL_STATE_OF_PAYMENT_TRANSACTION"
    assert _refused(till, canceled) == (200, "rejected", "canceled", code)
    assert _refused(till, refunded) == (200, "rejected", "refunded", code)
    assert _refused(till, rejected) == (200, "rejected", "rejected", code)
    assert till.bank.ledger.refunded() == 72000


def test_refund_of_an_unknown_payment() -> None:
    """422, as everywhere."""
    till = Till()
    answer = till.refund("nobody")
    assert (answer.status, answer["code"]) == (422, "UNKNOWN_TRANSACTION_ID")


def test_a_slow_refund_and_a_second_one_meanwhile() -> None:
    """refunding until it is decided; another refund is refused until then and allowed after."""
    till = Till(BankSettings(refund_takes_ms=5_000))
    transaction = till.paid()
    running = till.refund(transaction, [CHEESE])
    assert (running["refStatus"], running["status"]) == ("new", "refunding")
    refused = _refused(till, transaction, items=[MILK])
    assert refused == (200, "rejected", "refunding", "PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY")
    seen = till.status(transaction)
    assert (seen["refTransactionId"], seen["refStatus"]) == (running["refTransactionId"], "new")
    assert till.bank.ledger.refunded() == 0
    till.later(5_000)
    seen = till.status(ref=running["refTransactionId"])
    assert (seen["refStatus"], seen["status"]) == ("accepted", "partial_refunded")
    assert till.refund(transaction, [MILK])["refStatus"] == "new"


def test_more_than_is_left_is_refused_by_sum_and_by_line() -> None:
    """The sum of refunds never exceeds the payment, nor the line."""
    code = (200, "rejected", "REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE")
    till = Till()
    transaction = till.paid()
    tries: list[dict[str, Any]] = [
        {"amount": 72001},
        {"items": [item(quantity=4, totalAmount=27000)]},
        {"items": [item(quantity=3, totalAmount=27001)]},
        {"items": [item(quantity=2, totalAmount=18000), item(quantity=2, totalAmount=9000)]},
    ]
    for refused in tries:
        status, ref_status, _, error = _refused(till, transaction, **refused)
        assert (status, ref_status, error) == code
    till.refund(transaction, [CHEESE])
    for refused in ({"items": [CHEESE], "amount": 1}, {"items": [MILK], "amount": 27001}):
        status, ref_status, _, error = _refused(till, transaction, **refused)
        assert (status, ref_status, error) == code
    assert till.bank.ledger.refunded() == 45000


@pytest.mark.parametrize(("first", "second"), [((2, 100), (2, 100)), ((1, 20000), (1, 9000))])
def test_a_line_remembers_what_came_back(first: tuple[int, int], second: tuple[int, int]) -> None:
    """By quantity and by sum, over several refunds, although the payment as a whole has money left."""
    till = Till()
    transaction = till.paid()
    assert till.refund(transaction, [item(quantity=first[0], totalAmount=first[1])])["refStatus"] == "accepted"
    again = till.refund(transaction, [item(quantity=second[0], totalAmount=second[1])])
    assert again["errorCode"] == "REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE"


def test_goods_by_weight_go_back_whole_or_not_at_all() -> None:
    """Half of the cheese and goods that were never sold break the form; nothing moves."""
    till = Till()
    transaction = till.paid()
    half = till.refund(transaction, [item(CHEESE, quantity=625, totalAmount=22500)])
    assert (half.status, half["code"]) == (422, "SANDBOX_INVALID_REQUEST")
    assert "items[0]" in half["details"]
    other = till.refund(transaction, [item(CHEESE, article="other")])
    assert (other.status, other["code"]) == (422, "SANDBOX_INVALID_REQUEST")
    assert till.status(transaction)["status"] == "accepted"
    assert till.refund(transaction, [CHEESE])["refStatus"] == "accepted"


def test_equal_lines_of_a_bill_are_refunded_as_one() -> None:
    """Two scans of one article are two lines; the refund's elements must be unique, so it names them once."""
    till = Till()
    transaction = till.paid(items=[item(quantity=1, totalAmount=9000), item(quantity=1, totalAmount=9000)])
    twice = till.refund(transaction, [item(quantity=1, totalAmount=9000)] * 2)
    assert (twice.status, twice["code"]) == (422, "SANDBOX_INVALID_REQUEST")
    assert till.refund(transaction, [item(quantity=2, totalAmount=18000)])["status"] == "refunded"


def test_equal_weighed_lines_go_back_one_by_one() -> None:
    """Each piece of cheese is a position of its own."""
    till = Till()
    transaction = till.paid(items=[CHEESE, CHEESE])
    assert till.refund(transaction, [CHEESE])["status"] == "partial_refunded"
    assert till.refund(transaction, [CHEESE])["status"] == "refunded"


@pytest.mark.parametrize(
    "code", ["EXTERNAL_PROVIDER_ERROR", "UNEXPECTED_REFUND_AMOUNT_LEFT_FROM_EXTERNAL_PROVIDER", "PAYMENT_ORDER_IS_NOT_FOUND"]
)
def test_the_bank_refuses_a_refund(code: str) -> None:
    """At once, or after a while as new; then it can be tried again."""
    till = Till()
    transaction = till.paid()
    till.bank.add_fault(till.now, Fault(FaultKind.REFUSE_REFUND, params={"error_code": code}))
    assert _refused(till, transaction) == (200, "rejected", "accepted", code)
    till.bank.add_fault(till.now, Fault(FaultKind.REFUSE_REFUND, params={"error_code": code, "after_ms": 2_000}))
    slow = till.refund(transaction)
    assert (slow["refStatus"], slow["status"], slow.get("errorCode")) == ("new", "refunding", None)
    till.later(2_000)
    seen = till.status(ref=slow["refTransactionId"])
    assert (seen["refStatus"], seen["status"], seen["errorCode"]) == ("rejected", "accepted", code)
    assert till.refund(transaction)["status"] == "refunded"


def test_a_refused_second_refund_returns_to_partial() -> None:
    """The payment goes back to the state it came from."""
    till = Till()
    transaction = till.paid()
    till.refund(transaction, [CHEESE])
    till.bank.add_fault(till.now, Fault(FaultKind.REFUSE_REFUND))
    assert till.refund(transaction, [MILK])["status"] == "partial_refunded"


def test_status_can_keep_silent_about_references() -> None:
    """Whether a read by transactionId names the refund is not public: both ways can be had."""
    till = Till(BankSettings(status_shows_reference=False))
    transaction = till.paid()
    reference = till.refund(transaction, [CHEESE])["refTransactionId"]
    assert "refTransactionId" not in till.status(transaction).body
    assert till.status(ref=reference)["refStatus"] == "accepted"


def test_the_price_is_compared_as_a_number() -> None:
    """40.5 and 40.50 are one price, whatever their spelling."""
    till = Till()
    transaction = till.paid()
    body = json.dumps(till.refund_body(transaction, [CHEESE])).replace("40.5", "40.50").encode()
    assert till.send(Operation.REFUND, body)["refStatus"] == "accepted"
