"""Fiscal receipts: their limits, checked before anything is stored, and the request that hands one over.

The limits are the vendor's; sums are not among them. A receipt may be rounded, or be about goods that were paid in several ways, and no
document says what the server adds up.
"""

import re
from datetime import datetime
from typing import Any

from agent.core import canonical
from agent.core.model import SaleId
from agent.core.money import RUB
from agent.core.receipt import FiscalReceipt
from agent.core.verdict import Operation, Request
from agent.providers.common.findings import Findings
from agent.providers.koshelek.check import check_item, check_meta
from agent.providers.koshelek.request import item_body, without_absent
from agent.providers.koshelek.settings import KoshelekSettings, Limits

INN_CHARACTERS = 12  # of the wire: a person's; a legal entity's ten digits are padded with zeros in front

_INN = re.compile(r"[0-9]{10}(?:[0-9]{2})?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")
_SOME_ID = "0" * 36  # as long as a real one: only the size of the body is of interest


def receipt_request(
    settings: KoshelekSettings,
    sale_id: SaleId,
    request_id: str,
    transaction_id: str,
    ref_transaction_id: str | None,
    receipt: FiscalReceipt,
) -> Request:
    """Hand a receipt over. Which id the receipt of a refund goes with no document says: ``refund_receipt_names_refund`` decides."""
    about = ref_transaction_id if settings.refund_receipt_names_refund and ref_transaction_id else transaction_id
    body: dict[str, Any] = {
        "requestId": request_id,
        "transactionId": about,
        "storeId": sale_id.store_id,
        "terminalId": sale_id.terminal_id,
        "invoice": _invoice(settings, receipt),
        "meta": receipt.meta,
    }
    return Request(Operation.RECEIPT, "POST", f"{settings.path_prefix}/transaction/receipt", without_absent(body))


def _invoice(settings: KoshelekSettings, receipt: FiscalReceipt) -> dict[str, Any]:
    body: dict[str, Any] = {
        "orderId": receipt.order_id,
        "receiptId": receipt.receipt_id,
        "merchantName": receipt.merchant_name,
        "merchantAddress": receipt.merchant_address,
        "inn": receipt.inn.zfill(INN_CHARACTERS),
        "dateTime": receipt.date_time,
        "shift": receipt.shift,
        "cashier": receipt.cashier,
        "taxation": receipt.taxation,
        "kktRegNumber": receipt.kkt_reg_number,
        "fnNumber": receipt.fn_number,
        "fdNumber": receipt.fd_number,
        "fpd": receipt.fpd,
        "website": receipt.website,
        "receiptType": receipt.receipt_type.value,
        "totalAmount": receipt.total_amount,
        "discountAmount": receipt.discount_amount,
        "subTotalAmount": receipt.sub_total_amount,
        "taxAmount": receipt.tax_amount,
        "currency": receipt.currency if settings.send_currency else None,
        "qr": receipt.qr,  # one published example spells it QR, the schema does not
        "items": [item_body(item) for item in receipt.items],
    }
    return without_absent(body)


def check_receipt(settings: KoshelekSettings, sale_id: SaleId, receipt: FiscalReceipt) -> None:
    """Raises Unacceptable with every problem found. Paths are the register's: ``receiptId`` and ``meta`` stand beside ``invoice`` there."""
    found, limits = Findings(), settings.limits
    found.name("receiptId", receipt.receipt_id, limits.receipt_id_characters)
    _check_head(found, limits, receipt)
    _check_amounts(found, receipt)
    if receipt.taxation is not None:
        found.member("invoice.taxation", receipt.taxation, settings.taxations)
    if not 1 <= len(receipt.items) <= limits.items:
        found.add("invoice.items", f"must have 1 to {limits.items} lines, has {len(receipt.items)}")
    for index, item in enumerate(receipt.items[: limits.items]):
        check_item(found, settings, f"invoice.items[{index}]", item)
    if receipt.meta is not None:
        check_meta(found, "meta", receipt.meta, limits.meta_bytes)
    if not found:  # only a receipt without other faults is sure to have a JSON text
        body = receipt_request(settings, sale_id, _SOME_ID, _SOME_ID, None, receipt).body
        found.size("invoice", len(canonical.dumps(body).encode()), limits.body_bytes)
    found.raise_any()


def _check_head(found: Findings, limits: Limits, receipt: FiscalReceipt) -> None:
    found.name("invoice.orderId", receipt.order_id, limits.order_id_characters)
    found.text("invoice.merchantName", receipt.merchant_name, limits.merchant_characters)
    found.text("invoice.merchantAddress", receipt.merchant_address, limits.merchant_characters)
    if not _INN.fullmatch(receipt.inn):
        found.add("invoice.inn", "must have 10 digits (a legal entity) or 12 (a person)")
    if not _is_moment(receipt.date_time):
        found.add("invoice.dateTime", "must be a date and time with its offset, as 2026-01-31T20:50:00+03:00")
    found.text("invoice.shift", receipt.shift, limits.shift_characters)
    found.text("invoice.cashier", receipt.cashier, limits.cashier_characters)
    numbers = {
        "kktRegNumber": receipt.kkt_reg_number,
        "fnNumber": receipt.fn_number,
        "fdNumber": receipt.fd_number,
        "fpd": receipt.fpd,
        "website": receipt.website,
    }
    for name, value in numbers.items():
        if value is not None:
            found.text(f"invoice.{name}", value, limits.fiscal_number_characters)
    if receipt.qr is not None:
        found.text("invoice.qr", receipt.qr, limits.qr_characters)


def _check_amounts(found: Findings, receipt: FiscalReceipt) -> None:
    if receipt.currency != RUB:
        found.add("invoice.currency", f"must be {RUB}")
    found.amount("invoice.totalAmount", receipt.total_amount)
    found.amount("invoice.discountAmount", receipt.discount_amount)
    found.amount("invoice.subTotalAmount", receipt.sub_total_amount)
    found.amount("invoice.taxAmount", receipt.tax_amount)


def _is_moment(text: str) -> bool:
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:  # the 31st of February
        return False
    return True
