"""A bank that does wrong with money and does not say so: every answer looks right, only the ledger tells."""

import pytest

from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.words import Operation
from tests.sandbox.till import CHEESE, MILK, Till

TOTAL = 45_000 + 27_000  # of cheese and milk


def plan(till: Till, kind: FaultKind, operation: Operation | None = None) -> None:
    till.bank.add_fault(till.now, Fault(kind, operation))


def test_a_phantom_refund_is_told_and_not_made() -> None:
    """Accepted, and refunded by every later status; the ledger has no such entry. The next one is real."""
    till = Till()
    transaction = till.paid()
    plan(till, FaultKind.PHANTOM_REFUND)
    answer = till.refund(transaction, [MILK])
    assert (answer["refStatus"], answer["status"]) == ("accepted", "partial_refunded")
    till.later(1_000)
    assert till.status(transaction)["status"] == "partial_refunded"
    assert (till.bank.ledger.charged(), till.bank.ledger.refunded()) == (TOTAL, 0)
    assert till.refund(transaction, [CHEESE])["status"] == "refunded"
    assert till.bank.ledger.refunded() == CHEESE["totalAmount"]


def test_a_double_charge_is_told_once() -> None:
    """One accepted payment of the right amount; the ledger has two. The next payment is charged once."""
    till = Till()
    plan(till, FaultKind.DOUBLE_CHARGE)
    transaction = till.paid()
    assert till.status(transaction)["slip"]["totalAmount"] == TOTAL
    assert till.bank.ledger.charged(transaction_id=transaction) == 2 * TOTAL
    till.paid("OTHER")
    assert till.bank.ledger.charged() == 3 * TOTAL


@pytest.mark.parametrize(
    ("action", "operation", "status"),
    [
        (Action.DECLINE, Operation.CHECKOUT, "rejected"),
        (Action.CANCEL, Operation.CHECKOUT, "canceled"),
        (Action.WAIT, Operation.CANCEL, "canceled"),
    ],
)
def test_a_silent_charge_never_shows(action: Action, operation: Operation, status: str) -> None:
    """Whether the customer's bank, the customer or the till ended the payment: its state says unpaid for ever, the money is gone."""
    till = Till()
    plan(till, FaultKind.SILENT_CHARGE, operation)
    till.bank.queue_customer(Customer(action), card_session="Q7W2E9")
    transaction = till.checkout()["transactionId"]
    if action is Action.WAIT:
        assert till.cancel(transaction)["refStatus"] == "accepted"
    till.later(60_000)
    assert till.status(transaction)["status"] == status
    assert till.bank.ledger.charged() == TOTAL


def test_a_silent_charge_waits_for_its_operation() -> None:
    """One that is meant for a cancel leaves a declined payment alone."""
    till = Till()
    plan(till, FaultKind.SILENT_CHARGE, Operation.CANCEL)
    till.bank.queue_customer(Customer(Action.DECLINE), card_session="Q7W2E9")
    till.checkout()
    assert till.bank.ledger.charged() == 0
