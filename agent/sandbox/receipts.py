"""Fiscal receipts at the bank: their form, and the drawer they end in. They move no money and are shown to the buyer, no more.

Which id the receipt of a refund comes with no document says, so both are taken: the payment's and the refund's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

REQUIRED_TEXTS: Mapping[str, int] = {
    "orderId": 36,
    "receiptId": 36,
    "merchantName": 999,
    "merchantAddress": 999,
    "shift": 32,
    "cashier": 256,
}
"""Texts of the Invoice that must be there, with their most characters."""

OPTIONAL_TEXTS: Mapping[str, int] = {"kktRegNumber": 64, "fnNumber": 64, "fdNumber": 64, "fpd": 64, "website": 64, "qr": 999}
OPTIONAL_AMOUNTS = ("discountAmount", "subTotalAmount", "taxAmount")
TAXATIONS = ("osn", "usn_income", "usn_income_out", "envd", "esn", "patent")
RECEIPT_TYPES = ("debit", "credit", "refund")

_INN = re.compile(r"[0-9]{12}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})")


def inn(path: str, value: Any) -> list[str]:
    """Exactly twelve digits: those of a legal entity begin with 00."""
    fits = isinstance(value, str) and _INN.fullmatch(value)
    return [] if fits else [f"{path}: must have exactly 12 digits (of a legal entity: 00 first)"]


def moment(path: str, value: Any) -> list[str]:
    """A date and time of the calendar, with its offset."""
    complaint = [f"{path}: must be a date and time with its offset"]
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return complaint
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return complaint
    return []


@dataclass(frozen=True, slots=True)
class ReceiptEntry:
    """A receipt that was taken. ``transaction_id``: the payment; ``ref_transaction_id``: the refund, if it came under its id."""

    at_ms: int
    request_id: str
    transaction_id: str
    ref_transaction_id: str | None
    store_id: str
    terminal_id: str
    receipt_id: str
    receipt_type: str
    total_amount: int
    invoice: Mapping[str, Any]
    meta: Mapping[str, Any] | None = None


def entry(at_ms: int, document: Mapping[str, Any], transaction_id: str, ref_transaction_id: str | None) -> ReceiptEntry:
    """The entry of a well-formed request."""
    invoice = document["invoice"]
    return ReceiptEntry(
        at_ms=at_ms,
        request_id=document["requestId"],
        transaction_id=transaction_id,
        ref_transaction_id=ref_transaction_id,
        store_id=document["storeId"],
        terminal_id=document["terminalId"],
        receipt_id=invoice["receiptId"],
        receipt_type=invoice["receiptType"],
        total_amount=invoice["totalAmount"],
        invoice=invoice,
        meta=document.get("meta"),
    )


def shown(receipt: ReceiptEntry) -> dict[str, Any]:
    """For lists: without the receipt's whole text, which may name a cashier."""
    return {
        "at_ms": receipt.at_ms,
        "request_id": receipt.request_id,
        "transaction_id": receipt.transaction_id,
        "ref_transaction_id": receipt.ref_transaction_id,
        "store_id": receipt.store_id,
        "terminal_id": receipt.terminal_id,
        "receipt_id": receipt.receipt_id,
        "receipt_type": receipt.receipt_type,
        "total_amount": receipt.total_amount,
    }


def whole(receipt: ReceiptEntry) -> dict[str, Any]:
    """The receipt as it came, with all its text."""
    return {**shown(receipt), "invoice": _written(receipt.invoice), "meta": _written(receipt.meta)}


def _written(value: Any) -> Any:
    """A price with a fraction as text, digit by digit: the standard writer of JSON does not know such numbers."""
    match value:
        case dict():
            return {name: _written(item) for name, item in value.items()}
        case list():
            return [_written(item) for item in value]
        case Decimal():
            return int(value) if value == value.to_integral_value() else str(value)
        case _:
            return value
