"""PayCore's payouts: what a request must look like, and how a payout is shown.

The request is in the vendor's text, flat; wrapped it is taken as well, for no source says which endpoint takes which. The answer is not
shown anywhere: it is played like that about a payment, with the statuses that the vendor lists for payouts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.sandbox.faults import FaultBook, FaultKind
from agent.sandbox.paycore.documents import Attributes, wrong
from agent.sandbox.payouts import Payout, PayoutStatus
from agent.sandbox.shapes import EXTRA_FIELDS, RUB, kopecks, roubles
from agent.sandbox.words import Operation

SERVICE = "payout_card_rub"
CARD = r"^\d{16}$"
TEST_SERVICE = "test_rub"  # as the vendor's test service: the wished status stands in a field
LEAST, MOST = "1.00000000", "75000.00000000"

WORDS: Mapping[PayoutStatus, str] = {
    PayoutStatus.CREATED: "created",
    PayoutStatus.PENDING: "process_pending",
    PayoutStatus.PROCESSED: "processed",
    PayoutStatus.PARTLY_PROCESSED: "partially_processed",
    PayoutStatus.FAILED: "process_failed",
    PayoutStatus.EXPIRED: "expired",
    PayoutStatus.TERMINATED: "terminated",
    PayoutStatus.CANCELING: "canceling",
    PayoutStatus.CANCELED: "canceled",
    PayoutStatus.PARTLY_CANCELED: "partially_canceled",
    PayoutStatus.CANCEL_FAILED: "cancel_failed",
}
PAYOUT_RESOLUTIONS: Mapping[str, str] = {
    "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER": "DECLINED_ERROR",
    "NOT_ENOUGH_LIMIT_TO_PAY": "INSUFFICIENT_FUNDS",
    "EXTERNAL_PROVIDER_ERROR": "PROCESSING_ERROR",
}
"""The bank's reasons in PayCore's words."""

_NEEDED: Mapping[str, type] = {
    "test_mode": bool,
    "currency": str,
    "amount": object,
    "reference_id": str,
    "service": str,
    "fields": dict,
}
_MORE: Mapping[str, type] = {"description": str}


def payout_problems(attributes: Attributes) -> list[str]:
    """Error codes of a create; empty if it can be carried out."""
    found = wrong(attributes, _NEEDED, _MORE)
    if found:
        return found
    if attributes["currency"] != RUB:
        found.append("currency_not_enabled")
    amount, least, most = (kopecks(value) or 0 for value in (attributes["amount"], LEAST, MOST))
    if not least <= amount <= most:
        found.append("limit_violation")
    return [*found, *_fields_problems(attributes["service"], attributes["fields"])]


def _fields_problems(service: str, fields: Mapping[str, Any]) -> list[str]:
    if service == TEST_SERVICE:
        return [] if set(fields) <= {"status", "resolution"} and fields.get("status") in WORDS.values() else ["fields.status_invalid"]
    if service != SERVICE:
        return ["service_not_found"]
    number = fields.get("card_number")
    fits = set(fields) == {"card_number"} and isinstance(number, str) and re.fullmatch(CARD, number)
    return [] if fits else ["fields.card_number_invalid"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What an answer says of a payout; as ``shapes.Seen`` of a payment."""

    status: PayoutStatus
    amount: int
    currency: str
    key: str
    word: str | None = None
    extra: bool = False


def honest_payout(payout: Payout) -> Shown:
    """A payout as it is: what a callback tells."""
    return Shown(payout.status, payout.amount, RUB, payout.key)


def seen_payout(book: FaultBook, operation: Operation, payout: Payout) -> Shown | None:
    """A payout as an answer shows it, faults and all; None for a read that does not find it. Uses up the faults: once per answer."""

    def hit(*kinds: FaultKind) -> Any:
        return book.take(operation, *kinds, system=payout.system)

    reading = operation is not Operation.PAYOUT
    if reading and hit(FaultKind.ABSENT_STATUS):
        return None
    stale = reading and len(payout.history) > 1 and hit(FaultKind.STALE_STATUS)
    amount, currency, key = hit(FaultKind.WRONG_AMOUNT), hit(FaultKind.WRONG_CURRENCY), hit(FaultKind.WRONG_ORDER)
    word = hit(FaultKind.UNKNOWN_STATUS_VALUE)
    return Shown(
        status=payout.history[-2] if stale else payout.status,
        amount=payout.amount + (amount.number("delta") if amount else 0),
        currency=currency.word("currency") if currency else RUB,
        key=key.word("order_id") if key else payout.key,
        word=word.word("value") if word else None,
        extra=hit(FaultKind.EXTRA_FIELDS) is not None,
    )


def payout_document(payout: Payout, shown: Shown, now_ms: int) -> dict[str, Any]:
    """``data`` of an answer or a callback."""
    paid = roubles(payout.paid + shown.amount - payout.amount) if payout.paid and shown.status is payout.status else None
    part = {"id": "po_" + payout.id.removeprefix("cpoi_"), "rrn": None, "amount": paid, "currency": shown.currency, "status": "processed"}
    attributes = {
        "serial_number": payout.id.removeprefix("cpoi_"),
        "status": shown.word or WORDS[shown.status],
        "resolution": _resolution(payout),
        "moderation_required": False,
        "amount": roubles(shown.amount),
        "currency": shown.currency,
        "fee": 0,
        "processed": now_ms // 1000 if paid is not None else None,
        "processed_amount": paid,
        "reference_id": shown.key,
        "description": payout.description or None,
        "test_mode": payout.facts["test_mode"],
        "payouts": [] if paid is None else [part],
        "metadata": [],
        "created": payout.created_ms // 1000,
        "updated": now_ms // 1000,
        **(EXTRA_FIELDS if shown.extra else {}),
    }
    shape = {"type": "payout-invoices", "id": payout.id, "attributes": attributes}
    return {**shape, "relationships": [], "links": {"self": f"/api/payout-invoices/{payout.id}"}}


def _resolution(payout: Payout) -> str:
    """Of payouts they come in capitals."""
    if payout.facts["resolution"]:
        return str(payout.facts["resolution"])
    return "ok" if payout.error_code is None else PAYOUT_RESOLUTIONS.get(payout.error_code, payout.error_code)


def payout_offer(test_mode: bool, currency: str) -> dict[str, Any]:
    """The answer to a prerequest of payouts. Older samples nest the maps under ``attributes``: this one does."""
    card = {
        "key": "card_number",
        "type": "card-number",
        "label": {"ru": "Номер карты", "en": "Card number"},
        "hint": [],
        "example": "2200000000000004",
        "regexp": CARD.replace("\\", "\\\\"),
        "required": True,
        "position": 1,
    }
    common = {"currency": RUB, "status": "available", "amount_min": LEAST, "amount_max": MOST, "exchange_rate": 1}
    services = {SERVICE: {"code": SERVICE, "method": "payout_card", "fields": [card], **common}} if currency == RUB else []
    attributes = {"currency": currency, "test_mode": test_mode, "services": services, "methods": []}
    return {"data": {"type": "payout-prerequest", "attributes": attributes}}
