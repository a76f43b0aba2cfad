"""How the bank's state looks in an answer, and the faults that make it look otherwise."""

from collections.abc import Mapping
from typing import Any

from agent.sandbox.faults import FaultBook, FaultKind
from agent.sandbox.settings import BankSettings
from agent.sandbox.transaction import WITH_SLIP, Reference, Transaction, slip
from agent.sandbox.words import Method, Operation, RefStatus, Status

Document = Mapping[str, Any]


class Views:
    """Bodies of a 200."""

    def __init__(self, settings: BankSettings, book: FaultBook) -> None:
        self._settings = settings
        self._book = book

    def checkout(self, now_ms: int, document: Document, transaction: Transaction) -> dict[str, Any]:
        body: dict[str, Any] = {
            "requestId": document["requestId"],
            "transactionId": transaction.id,
            "status": transaction.status,
        }
        if transaction.error_code is not None:
            body["errorCode"] = transaction.error_code
        self._add_slip(body, now_ms, transaction, None, transaction.status)
        return self._spoil(Operation.CHECKOUT, body)

    def status(self, now_ms: int, document: Document, transaction: Transaction, asked: Reference | None) -> dict[str, Any]:
        """``asked``: the reference that was asked for by its own id."""
        stale = len(transaction.history) > 1 and self._book.take(Operation.STATUS, FaultKind.STALE_STATUS) is not None
        shown = transaction.history[-2] if stale else transaction.status
        reference = asked or self._last_reference(transaction)
        body: dict[str, Any] = {"requestId": document["requestId"], "transactionId": transaction.id, "status": shown}
        if stale:
            if asked is not None:
                body |= {"refTransactionId": asked.id, "refStatus": RefStatus.NEW}
        elif reference is not None:
            body |= {"refTransactionId": reference.id, "refStatus": reference.status}
        body |= _group(transaction.method)
        error = transaction.error_code or (reference.error_code if reference and reference.status is RefStatus.REJECTED else None)
        if error is not None and not stale:
            body["errorCode"] = error
        self._add_slip(body, now_ms, transaction, None if stale else reference, shown)
        return self._spoil(Operation.STATUS, body)

    def absent(self, document: Document) -> dict[str, Any]:
        """The answer about a transaction that is not found."""
        echo = {name: document[name] for name in ("requestId", "transactionId", "refTransactionId") if name in document}
        return self._spoil(Operation.STATUS, {**echo, "status": self._settings.empty_status})

    def reference(
        self, operation: Operation, now_ms: int, document: Document, transaction: Transaction, reference: Reference
    ) -> dict[str, Any]:
        """The answer to a cancel or a refund."""
        body: dict[str, Any] = {
            "requestId": document["requestId"],
            "refTransactionId": reference.id,
            "refStatus": reference.status,
            "transactionId": transaction.id,
            "status": transaction.status,
        }
        if reference.status is RefStatus.REJECTED and reference.error_code is not None:
            body["errorCode"] = reference.error_code
        self._add_slip(body, now_ms, transaction, reference, transaction.status)
        return self._spoil(operation, body)

    def _last_reference(self, transaction: Transaction) -> Reference | None:
        """The one that is still undecided, else the latest."""
        if not self._settings.status_shows_reference or not transaction.references:
            return None
        undecided = [reference for reference in transaction.references if reference.status is RefStatus.NEW]
        return undecided[0] if undecided else transaction.references[-1]

    def _add_slip(self, body: dict[str, Any], now_ms: int, transaction: Transaction, reference: Reference | None, shown: Status) -> None:
        visible = transaction.slip_from_ms is not None and now_ms >= transaction.slip_from_ms
        if self._settings.slip_always or (visible and shown in WITH_SLIP):
            shows_refund = self._settings.refund_slip_shows_refund
            body["slip"] = slip(transaction, reference, now_ms=now_ms, shows_refund=shows_refund)

    def _spoil(self, operation: Operation, body: dict[str, Any]) -> dict[str, Any]:
        """Faults that change what is said, whatever is true."""
        slip_shown = body.get("slip")
        if slip_shown is not None:
            self._spoil_slip(operation, slip_shown)
        unknown = self._book.take(operation, FaultKind.UNKNOWN_STATUS_VALUE)
        if unknown is not None:
            body[unknown.word("field")] = unknown.word("value")
        if self._book.take(operation, FaultKind.EXTRA_FIELDS):
            body |= {"loyaltyBonus": {"points": 12, "levels": [1, None]}, "trace": None}
            if slip_shown is not None:
                slip_shown["bankComment"] = "Оплата по СБП"
        return body

    def _spoil_slip(self, operation: Operation, shown: dict[str, Any]) -> None:
        amount = self._book.take(operation, FaultKind.WRONG_AMOUNT)
        if amount is not None:
            shown["totalAmount"] += amount.number("delta")
        order = self._book.take(operation, FaultKind.WRONG_ORDER)
        if order is not None:
            shown["orderId"] = order.word("order_id")
        currency = self._book.take(operation, FaultKind.WRONG_CURRENCY)
        if currency is not None:
            shown["currency"] = currency.word("currency")


def _group(method: Method | None) -> dict[str, str]:
    match method:
        case None:
            return {}
        case Method.SBP:
            return {"paymentGroup": "SBP"}
        case Method.DOLYAME:
            return {"paymentGroup": "INSTALLMENT", "paymentProvider": "DOLYAME"}
