"""Events as they are stored: a kind and a JSON body. What ``events`` says of names and fields holds for ``KINDS``: it only ever grows."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agent.core import events

KINDS: dict[str, type[Any]] = {
    "accepted": events.Accepted,
    "sale_given": events.SaleGiven,
    "transaction_known": events.TransactionKnown,
    "link_known": events.LinkKnown,
    "link_offered": events.LinkOffered,
    "searched": events.Searched,
    "charge_seen": events.ChargeSeen,
    "cancel_wanted": events.CancelWanted,
    "cancel_answered": events.CancelAnswered,
    "paid": events.Paid,
    "declined": events.Declined,
    "canceled": events.Canceled,
    "expired": events.Expired,
    "attention_needed": events.AttentionNeeded,
    "late_money_found": events.LateMoneyFound,
    "reversed": events.Reversed,
    "reread": events.Reread,
    "told": events.Told,
    "confirmed": events.Confirmed,
    "alarm_raised": events.AlarmRaised,
    "restored": events.Restored,
    "resolved": events.Resolved,
    "attempt_started": events.AttemptStarted,
    "attempt_held": events.AttemptHeld,
    "attempt_lost": events.AttemptLost,
    "attempt_answered": events.AttemptAnswered,
    "refund_opened": events.RefundOpened,
    "refund_known": events.RefundKnown,
    "refund_checked": events.RefundChecked,
    "refund_reopened": events.RefundReopened,
    "refund_requested": events.RefundRequested,
    "refunded": events.Refunded,
    "refund_declined": events.RefundDeclined,
    "refund_needs_attention": events.RefundNeedsAttention,
    "receipt_given": events.ReceiptGiven,
    "receipt_reopened": events.ReceiptReopened,
    "receipt_delivered": events.ReceiptDelivered,
    "receipt_refused": events.ReceiptRefused,
}


class UnknownEvent(ValueError):
    """The record holds an event this version does not know, or one whose fields do not fit. It must not be used."""


class Codec:
    """Events of one kind of stream to stored bodies and back. ``kinds``: the name of each."""

    def __init__(self, kinds: Mapping[str, type[Any]]) -> None:
        self._kinds = kinds
        self._kind_of = {cls: kind for kind, cls in kinds.items()}

    def encode(self, event: object) -> tuple[str, dict[str, Any]]:
        """Kind and JSON body of an event; what has its default value is left out."""
        kind = self._kind_of[type(event)]
        return kind, _adapter(self._kinds[kind]).dump_python(event, mode="json", exclude_defaults=True)

    def decode(self, kind: str, body: Mapping[str, Any]) -> Any:
        """The event of a stored record. Raises UnknownEvent."""
        if kind not in self._kinds:
            raise UnknownEvent(f"event {kind!r} is not known to this version")
        try:
            return _adapter(self._kinds[kind]).validate_python(dict(body))
        except ValidationError as error:
            raise UnknownEvent(f"event {kind!r} does not fit: {error.errors(include_input=False, include_url=False)}") from error


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Made when an event of the kind is first met: each takes some milliseconds and 150 KiB, and most tills never meet most of them."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


_CODEC = Codec(KINDS)


def encode(event: events.Event) -> tuple[str, dict[str, Any]]:
    """Kind and JSON body of an event; what has its default value is left out."""
    return _CODEC.encode(event)


def decode(kind: str, body: Mapping[str, Any]) -> events.Event:
    """The event of a stored record. Raises UnknownEvent."""
    event: events.Event = _CODEC.decode(kind, body)
    return event


def plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """An event for people: its stored fields, without the bill and the requests, which the sale's own answer shows better, and without
    the fiscal receipt, which may name a cashier."""
    return {name: value for name, value in body.items() if name not in ("checkout", "request", "rows", "invoice")}
