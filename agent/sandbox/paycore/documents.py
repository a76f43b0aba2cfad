"""PayCore's documents: what a request must look like, and how a payment is shown.

Requests come wrapped or flat, as the vendor's samples show both; everything else is strict: names that nobody knows are refused, as a
misspelt one would be a payment without what it was to say. Empty maps are shown as ``[]``, as the API shows them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from agent.sandbox.shapes import EXTRA_FIELDS, RUB, Seen, kopecks, roubles
from agent.sandbox.transaction import PAID, WAITING, Purpose, Reference, Transaction
from agent.sandbox.words import RefStatus, Status

Attributes = Mapping[str, Any]

MAX_TEXT_CHARS = 255  # no limit is public, one is needed
SERVICE = "payment_card_rub_hpp"
LEAST, MOST = "1.00000000", "150000.00000000"  # of the service, in the API's spelling
PROMO = r"^\d{4}$"  # what its one field must look like

WORDS: Mapping[Status, str] = {
    Status.NEW: "created",
    Status.PENDING: "process_pending",
    Status.ACCEPTED: "processed",
    Status.REJECTED: "process_failed",
    Status.CANCELED: "terminated",
    Status.EXPIRED: "expired",
    Status.REFUNDING: "refunding",
    Status.PARTIAL_REFUNDED: "partially_refunded",
    Status.REFUNDED: "refunded",
}
RESOLUTIONS: Mapping[str, str] = {
    "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER": "issuer_decline",
    "NOT_ENOUGH_LIMIT_TO_PAY": "insufficient_funds",
    "EXTERNAL_PROVIDER_ERROR": "provider_error",
}
"""The bank's reasons in PayCore's words; others are shown in small letters."""

_CREATE = {"reference_id": str, "amount": object, "currency": str, "test_mode": bool}
_CREATE_MORE: Mapping[str, type] = {
    **dict.fromkeys(("service", "description", "flow", "return_url", "callback_url", "token"), str),
    **dict.fromkeys(("fields", "return_urls", "customer", "metadata", "gateway_options"), dict),
}
_REFUND = {"amount": object}
_REFUND_MORE: Mapping[str, type] = {"reference_id": str, "description": str}


def attributes_of(document: Any, kind: str) -> Attributes | None:
    """What a request says, wrapped or flat; None for neither."""
    if not isinstance(document, dict):
        return None
    if set(document) != {"data"}:
        return document
    data = document["data"]
    if not isinstance(data, dict) or data.get("type") != kind or not isinstance(data.get("attributes"), dict):
        return None
    return dict(data["attributes"])


def create_problems(attributes: Attributes) -> list[str]:
    """Error codes of a create; empty if it can be carried out."""
    found = wrong(attributes, _CREATE, _CREATE_MORE)
    if attributes.get("currency") != RUB:
        found.append("currency_not_enabled")
    if attributes.get("service", SERVICE) != SERVICE:
        found.append("service_not_found")
    elif "service" in attributes:
        found += _service_problems(attributes)
    customer = attributes.get("customer")
    if isinstance(customer, dict) and not isinstance(customer.get("reference_id"), str):
        found.append("customer.reference_id_required")
    return found


def _service_problems(attributes: Attributes) -> list[str]:
    """What the service's own entry in the list of services forbids."""
    amount, fields = kopecks(attributes.get("amount")), attributes.get("fields", {})
    least, most = kopecks(LEAST), kopecks(MOST)
    assert least is not None
    assert most is not None
    found = [] if amount is None or least <= amount <= most else ["amount_limit"]
    for name, value in fields.items() if isinstance(fields, dict) else ():
        fits = name == "promo" and isinstance(value, str) and re.fullmatch(PROMO, value)
        found += [] if fits else [f"fields.{name[:MAX_TEXT_CHARS]}_invalid"]
    return found


def names_other(document: Any, transaction_id: str) -> bool:
    """Whether the envelope of a refund names another payment than its path."""
    data = document.get("data") if isinstance(document, dict) else None
    return isinstance(data, dict) and data.get("id", transaction_id) != transaction_id


def refund_problems(attributes: Attributes) -> list[str]:
    """Error codes of a refund."""
    return wrong(attributes, _REFUND, _REFUND_MORE)


def wrong(attributes: Attributes, needed: Mapping[str, type], more: Mapping[str, type]) -> list[str]:
    """Error codes of names that are missing, unknown, or of another kind."""
    missing = [f"{name}_required" for name in needed if name not in attributes]
    strange = [f"{name[:MAX_TEXT_CHARS]}_unknown" for name in attributes if name not in {*needed, *more}]
    kinds = {**needed, **more}
    invalid = [f"{name}_invalid" for name, value in attributes.items() if name in kinds and not _fits(value, kinds[name])]
    amount = kopecks(attributes.get("amount"))
    if "amount" in attributes and (amount is None or amount <= 0):
        invalid.append("amount_invalid")
    return [*missing, *strange, *invalid]


def _fits(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not (isinstance(value, str) and not 1 <= len(value) <= MAX_TEXT_CHARS)


# --- what is shown ---


def invoice(transaction: Transaction, seen: Seen, now_ms: int, page: str) -> dict[str, Any]:
    """``data`` of an answer. With a service the next step is a link of its own; without one the customer goes to the payment page."""
    facts = transaction.facts
    paid = seen.status in PAID
    shown_paid = paid and transaction.slip_from_ms is not None and now_ms >= transaction.slip_from_ms
    amount, returned = roubles(seen.amount), _returned(transaction, seen.status)
    step = {"action": page, "method": "GET", "params": [], "metadata": {"sid": transaction.link_id, "token": ""}}
    attributes = {
        "serial_number": transaction.id.removeprefix("cpi_"),
        "status": seen.word or _word(transaction, seen.status),
        "resolution": _resolution(transaction, seen.status),
        "moderation_required": False,
        "amount": amount,
        "payment_amount": amount,
        "currency": seen.currency,
        "service_amount": amount,
        "payment_service_amount": amount,
        "service_currency": seen.currency,
        "exchange_rate": 1,
        "fee": 0,
        "deposit": amount,
        "processed": transaction.operated_ms // 1000 if paid and transaction.operated_ms is not None else None,
        "processed_amount": amount if shown_paid else None,
        "processed_fee": 0 if shown_paid else None,
        "processed_deposit": amount if shown_paid else None,
        "refunded": transaction.references[-1].at_ms // 1000 if returned else None,
        "refunded_amount": roubles(returned) if returned else None,
        "refunded_fee": 0,
        "charged_back_amount": None,
        "reference_id": seen.key,
        "description": transaction.order_id,
        "descriptor": None,
        "metadata": facts["metadata"] or [],
        "test_mode": facts["test_mode"],
        "flow": "hpp",
        "payment_flow": "charge",
        "flow_data": step if facts["service"] and seen.status in WAITING else [],
        "payload": {"client_ip": "192.0.2.1", "card": "512381******0000"} if shown_paid else [],
        "rrn": transaction.facts["rrn"] if shown_paid else None,
        "approval_code": transaction.facts["approval_code"] if shown_paid else None,
        **facts["urls"],
        "return_urls": [],
        "callback_logs": [],
        "original_data": [],
        "created": transaction.created_ms // 1000,
        "updated": now_ms // 1000,
        **(EXTRA_FIELDS if seen.extra else {}),
    }
    shown: dict[str, Any] = {"type": "payment-invoices", "id": transaction.id, "attributes": attributes}
    return {**shown, "relationships": [], "links": {"self": f"/api/payment-invoices/{transaction.id}"}}


def failed_refund(transaction: Transaction) -> bool:
    """Was the last refund turned down by the bank? That is final."""
    last = _last_refund(transaction)
    return last is not None and last.status is RefStatus.REJECTED


def _last_refund(transaction: Transaction) -> Reference | None:
    return next((one for one in reversed(transaction.references) if one.purpose is Purpose.REFUND), None)


def _returned(transaction: Transaction, status: Status) -> int:
    """A read that shows an older state shows the older sum as well."""
    last = _last_refund(transaction)
    stale = status is not transaction.status and last is not None and last.status is RefStatus.ACCEPTED
    return transaction.refunded - (last.amount if stale and last is not None else 0)


def _word(transaction: Transaction, status: Status) -> str:
    if status in (Status.ACCEPTED, Status.PARTIAL_REFUNDED) and status is transaction.status and failed_refund(transaction):
        return "refund_failed"
    return WORDS[status]


def _resolution(transaction: Transaction, status: Status) -> str:
    if status is not Status.REJECTED or transaction.error_code is None:
        return "ok"
    return RESOLUTIONS.get(transaction.error_code, transaction.error_code.lower())


# --- what an account offers ---


def offer(test_mode: bool, currency: str) -> dict[str, Any]:
    """The answer to a prerequest: one service, whose regular expressions come with doubled backslashes, as the API's do."""
    field = {
        "key": "promo",
        "type": "text",
        "label": {"ru": "Промокод", "en": "Promo code"},
        "hint": [],
        "example": "1234",
        "regexp": PROMO.replace("\\", "\\\\"),
        "required": False,
        "position": 1,
    }
    service = {
        "code": SERVICE,
        "method": "payment_card",
        "flow": "hpp",
        "currency": RUB,
        "status": "available",
        "fields": [field],
        "amount_min": LEAST,
        "amount_max": MOST,
        "exchange_rate": 1,
    }
    services = {SERVICE: service} if currency == RUB else []
    return {"data": {"currency": currency, "test_mode": test_mode, "services": services, "methods": []}}


def balances(account_id: str, held: int) -> dict[str, Any]:
    """The accounts of a commerce account, one for each currency. That amounts are text is public, their names are ours."""
    amounts = {"balance": f"{roubles(held):f}", "reserved": "0.00"}
    attributes = {"currency": RUB, **amounts, "commerce_account": account_id}
    return {"data": [{"type": "currency-accounts", "id": "comca_sandbox", "attributes": attributes}], "links": [], "meta": []}


def errors(request_id: str, codes: Iterable[str]) -> dict[str, Any]:
    """The body of a refusal: of it only these three names are public."""
    return {"request_id": request_id, "error_type": "validation_error", "error_codes": list(codes)}
