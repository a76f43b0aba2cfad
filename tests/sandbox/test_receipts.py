"""Fiscal receipts at the bank: taken with an empty answer, filed, refused by rule, and subject to every fault of the wire."""

import pytest

from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.words import Operation
from tests.sandbox.running import running
from tests.sandbox.till import CHEESE, MILK, Till


def test_a_receipt_is_taken_and_answered_with_nothing() -> None:
    """200 without a body; it is filed with its content, and the books of money stay as they were."""
    till = Till()
    transaction = till.paid()
    before = till.bank.ledger.as_rows()
    body = till.receipt_body(transaction)
    answer = till.send(Operation.RECEIPT, {**body, "meta": {"bonus": 12.5}})
    assert (answer.status, answer.raw) == (200, b"")
    (filed,) = till.bank.ledger.receipts
    assert (filed.transaction_id, filed.ref_transaction_id, filed.receipt_id, filed.total_amount) == (transaction, None, "6789", 72000)
    assert (filed.invoice["cashier"], filed.meta) == ("Иванов Иван Иванович", {"bonus": 12.5})
    assert till.bank.ledger.as_rows() == before


def test_a_repeat_is_answered_and_not_filed_again() -> None:
    """The same requestId is the same receipt; another one files it again, which a client must not do."""
    till = Till()
    body = till.receipt_body(till.paid())
    for _ in range(3):
        assert till.send(Operation.RECEIPT, body).status == 200
    assert len(till.bank.ledger.receipts) == 1
    till.send(Operation.RECEIPT, {**body, "requestId": "another"})
    assert [one.receipt_id for one in till.bank.ledger.receipts] == ["6789", "6789"]


def test_what_was_never_paid_has_no_receipt() -> None:
    """An unknown payment, one that waits, one that was canceled."""
    till = Till()
    waiting = till.waiting()
    assert till.receipt("nobody")["code"] == "UNKNOWN_TRANSACTION_ID"
    assert till.receipt(waiting)["code"] == "PAYMENT_TRANSACTION_IS_NOT_PAID"
    till.cancel(waiting)
    assert till.receipt(waiting)["code"] == "PAYMENT_TRANSACTION_IS_NOT_PAID"
    assert till.bank.ledger.receipts == []


def test_a_refund_has_a_receipt_under_either_id() -> None:
    """Which one is right no document says: the payment's and the refund's are both taken."""
    till = Till()
    transaction = till.paid()
    refund = till.refund(transaction, [MILK])["refTransactionId"]
    assert till.receipt(transaction, "6790", receiptType="refund", items=[MILK], totalAmount=27000).status == 200
    assert till.receipt(refund, "6791", receiptType="refund", items=[MILK], totalAmount=27000).status == 200
    assert [(one.transaction_id, one.ref_transaction_id) for one in till.bank.ledger.receipts] == [
        (transaction, None),
        (transaction, refund),
    ]


BAD = {
    "inn": ["7707083893", "00770708389", "0077070838931", "00770708389x", 770708389312],
    "dateTime": ["2020-05-20", "2020-05-20T20:50:00", "2020-02-30T20:50:00+03:00", 0],
    "receiptType": ["sale", ""],
    "taxation": ["OSN", ""],
    "items": [[], [{**CHEESE, "tax": "vat5"}]],
    "totalAmount": ["72000", -1, 10**10, 1.5],
    "taxAmount": ["55"],
    "currency": ["USD"],
    "cashier": ["", "x" * 257],
    "shift": ["x" * 33],
    "qr": ["x" * 1000],
    "QR": ["t=1"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_wrong_field_is_named(name: str, value: object) -> None:
    """One wrong field is one complaint, and nothing is filed."""
    till = Till()
    answer = till.receipt(till.paid(), **{name: value})
    assert (answer.status, answer["code"]) == (422, "SANDBOX_INVALID_REQUEST")
    assert f"invoice.{name}" in answer["details"]
    assert till.bank.ledger.receipts == []


@pytest.mark.parametrize("name", ["orderId", "receiptId", "merchantName", "merchantAddress", "inn", "dateTime", "shift", "cashier"])
def test_a_missing_field_is_named(name: str) -> None:
    """Everything but what is optional must be there; the sum of taxes is."""
    till = Till()
    body = till.receipt_body(till.paid())
    del body["invoice"][name]
    assert f"invoice.{name}: is required" in till.send(Operation.RECEIPT, body)["details"]


def test_faults_of_the_wire_hit_receipts_too() -> None:
    """A lost request files nothing, a lost answer files; a planned refusal and a 5xx come instead of the bank's word."""
    till = Till()
    transaction = till.paid()
    plans = [(FaultKind.LOSE_REQUEST, 0), (FaultKind.REFUSE_422, 0), (FaultKind.ERROR_5XX, 0), (FaultKind.LOSE_ANSWER, 1)]
    for kind, filed in plans:
        till.bank.add_fault(till.now, Fault(kind, Operation.RECEIPT))
        before = len(till.bank.ledger.receipts)
        till.over_the_wire(Operation.RECEIPT, till.receipt_body(transaction, kind.value))
        assert len(till.bank.ledger.receipts) - before == filed, kind
    till.bank.add_fault(till.now, Fault(FaultKind.OUTAGE, params={"ms": 1000}))
    delivery, _ = till.over_the_wire(Operation.RECEIPT, till.receipt_body(transaction))
    assert delivery.refuse


async def test_over_http_it_can_be_looked_at() -> None:
    """An empty body arrives as such; the control API lists what came, and shows each whole."""
    async with running() as house:
        transaction = (await house.checkout("FAST01")).json()["transactionId"]
        answer = await house.pay(Operation.RECEIPT, house.bodies.receipt_body(transaction))
        assert (answer.status_code, answer.content) == (200, b"")
        (listed,) = (await house.control("GET", "/ledger")).json()["receipts"]
        assert (listed["receipt_id"], listed["total_amount"], "invoice" in listed) == ("6789", 72000, False)
        (shown,) = (await house.control("GET", "/receipts")).json()
        assert [line["price"] for line in shown["invoice"]["items"]] == ["40.5", 9000]
        assert shown["invoice"]["cashier"] == "Иванов Иван Иванович"
