"""How Softline Payments shows a payment: a read, and a webhook with its signature. Dates are Moscow's."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from agent.sandbox.outbox import Change
from agent.sandbox.shapes import EXTRA_FIELDS, Seen, roubles
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import Status

NOT_PAID, PAID, DELETED = "not paid", "paid", "deleted"
STATUSES: Mapping[Status, str] = {
    Status.NEW: NOT_PAID,
    Status.PENDING: NOT_PAID,
    Status.ACCEPTED: PAID,
    Status.REFUNDING: PAID,  # people have not decided yet
    Status.PARTIAL_REFUNDED: PAID,
    Status.REFUNDED: DELETED,
    Status.EXPIRED: DELETED,
    Status.REJECTED: NOT_PAID,
    Status.CANCELED: DELETED,
}

EVENTS: Mapping[Change, str] = {
    Change.CREATED: "order.created",
    Change.PAID: "order.payment.succeeded",
    Change.FAILED_TRY: "order.payment.failed",
    Change.REFUNDED: "product.returned",
}
"""All that concern payments. A refund that people refuse is told by none."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOSCOW = timezone(timedelta(hours=3))


def date_of(at_ms: int) -> str:
    """The vendor's spelling: seconds, and the zone as hours and minutes."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(_MOSCOW).isoformat(timespec="seconds")


def moment_of(text: object) -> int | None:
    """The milliseconds of such a date; None for what is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return None if moment.tzinfo is None else int((moment - _EPOCH) / timedelta(milliseconds=1))


def order(transaction: Transaction, shown: Seen, address: str, *, bare: bool) -> dict[str, Any]:
    """The answer to a read. ``bare``: without what is known of webhooks only."""
    document: dict[str, Any] = {
        "order_id": int(transaction.id),
        "order_name": f"SL-{transaction.id}",
        "status": shown.word or STATUSES[shown.status],
        "external_id": shown.key,
        "create_date": date_of(transaction.created_ms),
    }
    if not bare:
        document |= _blocks(transaction, shown, address)
    return {**document, **(EXTRA_FIELDS if shown.extra else {})}


def webhook(transaction: Transaction, shown: Seen, address: str, event: str, at_ms: int) -> dict[str, Any]:
    """What the vendor posts to an endpoint."""
    return {"event": event, "event_date": date_of(at_ms), **order(transaction, shown, address, bare=False), "document_part": "1-of-1"}


def signature(secret: str, document: Mapping[str, Any]) -> str:
    """The header of a webhook: lower-case hex SHA-512 of the secret and six values of the body."""
    payment, customer = document["payment"], document["customer"]
    values = [document["event"], document["order_id"], document["create_date"]]
    values += [payment["payment_method"], document["currency"], customer["email"]]
    return hashlib.sha512(";".join(map(str, [secret, *values])).encode()).hexdigest()


def _blocks(transaction: Transaction, shown: Seen, address: str) -> dict[str, Any]:
    facts = transaction.facts
    paid_ms = transaction.operated_ms
    return {
        "pay_date": "" if paid_ms is None or shown.status in (Status.NEW, Status.PENDING) else date_of(paid_ms),
        "currency": shown.currency,
        "locale": facts["locale"],
        "recurring_indicator": facts["recurring"],
        "order_detail_url": address,
        "customer": {"type": "physical", "phone": "", "vat_number": "", "company_name": "", **facts["customer"]},
        "product": {"id": 1, "name": transaction.order_id, "quantity": 1, "amount": str(roubles(shown.amount))},
        "payment": {"payment_method": facts["method"], "payment_system_name": "MIR", "card_last_4": "4242" if paid_ms else None},
        "additional_data": facts["additional_data"],
    }
