"""A till for the sandbox's tests: builds requests that are well formed, speaks to a bank in memory, counts ids and time."""

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.sandbox.bank import Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.delivery import Delivery
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Answer, Operation

STORE, TERMINAL = "KOSHELEK-42", "till-03"
PATHS = {
    Operation.CHECKOUT: "/api/v1/merchant/checkout",
    Operation.STATUS: "/api/v1/merchant/transaction/status",
    Operation.CANCEL: "/api/v1/merchant/transaction/cancel",
    Operation.REFUND: "/api/v1/merchant/transaction/refund",
    Operation.RECEIPT: "/api/v1/merchant/transaction/receipt",
    Operation.AVAILABILITY: "/api/v1/merchant/availability-info/task",
}
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(b"sandbox:sandbox").decode(),
    "Content-Type": "application/json",
    "token": "fingerprint123",
}
START_MS = 1_700_000_000_000

CHEESE = {
    "name": "Сыр",
    "article": "100200",
    "price": 40.5,
    "quantity": 1250.0,
    "measure": "GRAM",
    "totalAmount": 45000,
    "discountAmount": 5625,
    "subTotalAmount": 50625,
    "tax": "vat10",
}
MILK = {"name": "Молоко", "article": "7", "price": 9000, "quantity": 3, "totalAmount": 27000, "tax": "vat10"}


def item(template: dict[str, Any] = MILK, **changes: Any) -> dict[str, Any]:
    return {**template, **changes}


@dataclass
class Heard:
    """An answer, unpacked."""

    status: int
    body: dict[str, Any]
    raw: bytes

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    def get(self, name: str) -> Any:
        return self.body.get(name)


class Till:
    """Talks past the wire (``handle``) or over it (``over_the_wire``). Every request gets a fresh requestId unless one is given."""

    def __init__(self, settings: BankSettings | None = None, chance: Callable[[], float] | None = None) -> None:
        numbers = itertools.count(1)
        self.bank = Bank(settings or BankSettings(), lambda: f"id-{next(numbers)}", chance)
        self.now = START_MS
        self._requests = itertools.count(1)

    def request_id(self) -> str:
        return f"request-{next(self._requests)}"

    def later(self, milliseconds: int) -> None:
        self.now += milliseconds

    def send(self, operation: Operation, document: Any, headers: dict[str, str] | None = None, prefix: str = "") -> Heard:
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        return heard(self.bank.handle(self.now, "POST", prefix + PATHS[operation], HEADERS if headers is None else headers, raw))

    def over_the_wire(self, operation: Operation, document: Any) -> tuple[Delivery, Answer | None]:
        delivery = self.bank.plan(self.now, operation)
        self.later(delivery.before_ms)
        answer = self.bank.act(self.now, delivery, "POST", PATHS[operation], HEADERS, json.dumps(document).encode())
        self.later(delivery.after_ms)
        return delivery, answer

    def checkout_body(self, session: str = "Q7W2E9", order: str = "S12-000345", **changes: Any) -> dict[str, Any]:
        items = changes.pop("items", [CHEESE, MILK])
        total = changes.pop("total", sum(line["totalAmount"] for line in items))
        return {
            "requestId": self.request_id(),
            "cardSession": session,
            "storeId": STORE,
            "terminalId": TERMINAL,
            "checkoutInvoice": {"orderId": order, "totalAmount": total, "items": items},
            "user": {"loyaltyId": "2900000012345"},
            "paymentMethods": [{"type": "SBP"}, {"type": "DOLYAME"}],
            **changes,
        }

    def availability_body(self, session: str = "Q7W2E9", **changes: Any) -> dict[str, Any]:
        body = self.checkout_body(session, **changes)
        del body["cardSession"], body["paymentMethods"]
        return {"cardsession": session, **body}

    def look(self, name: str, headers: dict[str, str] | None = None) -> Heard:
        given = HEADERS if headers is None else headers
        return heard(self.bank.handle(self.now, "GET", f"/api/v1/merchant/availability-info/{name}", given, b""))

    def cancel_body(self, transaction_id: str, **changes: Any) -> dict[str, Any]:
        place = {"storeId": STORE, "terminalId": TERMINAL}
        return {"requestId": self.request_id(), **place, "transactionId": transaction_id, **changes}

    def refund_body(self, transaction_id: str, items: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
        items = [CHEESE, MILK] if items is None else items
        amount = changes.pop("amount", sum(line["totalAmount"] for line in items))
        return self.cancel_body(transaction_id, refundAmount=amount, items=items, **changes)

    def receipt_body(self, transaction_id: str, receipt_id: str = "6789", **changes: Any) -> dict[str, Any]:
        invoice = {
            "orderId": "S12-000345",
            "receiptId": receipt_id,
            "merchantName": "ООО Торговая сеть №1",
            "merchantAddress": "Санкт-Петербург, ул. Ленина, 1",
            "inn": "001234567891",
            "dateTime": "2020-05-20T20:50:00+03:00",
            "shift": "5",
            "cashier": "Иванов Иван Иванович",
            "receiptType": "debit",
            "totalAmount": 72000,
            "items": [CHEESE, MILK],
        }
        return self.cancel_body(transaction_id, invoice={**invoice, **changes})

    def status_body(self, transaction_id: str | None = None, ref: str | None = None) -> dict[str, Any]:
        named = {"transactionId": transaction_id, "refTransactionId": ref}
        return {"requestId": self.request_id(), **{name: value for name, value in named.items() if value is not None}}

    def checkout(self, session: str = "Q7W2E9", order: str = "S12-000345", **changes: Any) -> Heard:
        return self.send(Operation.CHECKOUT, self.checkout_body(session, order, **changes))

    def availability(self, session: str = "Q7W2E9", **changes: Any) -> Heard:
        return self.send(Operation.AVAILABILITY, self.availability_body(session, **changes))

    def status(self, transaction_id: str | None = None, ref: str | None = None) -> Heard:
        return self.send(Operation.STATUS, self.status_body(transaction_id, ref))

    def cancel(self, transaction_id: str) -> Heard:
        return self.send(Operation.CANCEL, self.cancel_body(transaction_id))

    def refund(self, transaction_id: str, items: list[dict[str, Any]] | None = None, **changes: Any) -> Heard:
        return self.send(Operation.REFUND, self.refund_body(transaction_id, items, **changes))

    def receipt(self, transaction_id: str, receipt_id: str = "6789", **changes: Any) -> Heard:
        return self.send(Operation.RECEIPT, self.receipt_body(transaction_id, receipt_id, **changes))

    def paid(self, session: str = "Q7W2E9", order: str = "S12-000345", **changes: Any) -> str:
        """A payment that was confirmed at once; its transactionId."""
        self.bank.queue_customer(Customer(Action.CONFIRM), card_session=session)
        answer = self.checkout(session, order, **changes)
        assert answer["status"] == "accepted"
        return str(answer["transactionId"])

    def waiting(self, session: str = "Q7W2E9", order: str = "S12-000345", **changes: Any) -> str:
        """A payment that the customer leaves alone; its transactionId."""
        self.bank.queue_customer(Customer(Action.WAIT), card_session=session)
        return str(self.checkout(session, order, **changes)["transactionId"])


def heard(answer: Answer) -> Heard:
    document = json.loads(answer.body) if answer.body else {}
    assert isinstance(document, dict)
    return Heard(answer.status, document, answer.body)
