"""The delivery machine: a fiscal receipt on its way to the provider, so that the buyer's application can show it. No money moves here.

A receipt may come hours after its sale and must never stand in the way of one: it is owed from the moment the POS hands it over, is sent
whenever the link returns, and a definite refusal ends it. Repeating is harmless (same ``requestId``), so lost attempts simply repeat. The
receipt itself is part of the record: the request is built from it, and built anew after an attempt that was answered "later".
"""

from dataclasses import dataclass
from enum import StrEnum

from agent.core.call import Call
from agent.core.machine import Table
from agent.core.model import Stamp
from agent.core.receipt import FiscalReceipt


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    REFUSED = "refused"


class DeliveryEvent(StrEnum):
    SENT = "sent"
    HELD = "held"
    LOST = "lost"
    REOPENED = "reopened"  # answered "later": a new attempt is owed
    DELIVERED = "delivered"
    REFUSED = "refused"
    DROPPED = "dropped"  # an operator gave it up


SETTLED = frozenset({DeliveryState.DELIVERED, DeliveryState.REFUSED})

_S = DeliveryState
_E = DeliveryEvent

TABLE = Table(
    "delivery",
    {
        (_S.QUEUED, _E.SENT): _S.SENDING,
        (_S.SENDING, _E.HELD): _S.QUEUED,
        (_S.SENDING, _E.LOST): _S.UNKNOWN,
        (_S.SENDING, _E.REOPENED): _S.QUEUED,
        (_S.SENDING, _E.DELIVERED): _S.DELIVERED,
        (_S.SENDING, _E.REFUSED): _S.REFUSED,
        (_S.UNKNOWN, _E.SENT): _S.UNKNOWN,
        (_S.UNKNOWN, _E.HELD): _S.UNKNOWN,
        (_S.UNKNOWN, _E.LOST): _S.UNKNOWN,
        (_S.UNKNOWN, _E.DELIVERED): _S.DELIVERED,
        (_S.UNKNOWN, _E.REFUSED): _S.REFUSED,
        (_S.QUEUED, _E.DROPPED): _S.REFUSED,
        (_S.UNKNOWN, _E.DROPPED): _S.REFUSED,
    },
    start=DeliveryState.QUEUED,
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """State of one receipt. ``refund``: the key of the refund it is about. ``reason``: why it waits, or why it was refused."""

    key: str
    digest: str
    given: Stamp
    receipt: FiscalReceipt
    refund: str | None = None
    state: DeliveryState = DeliveryState.QUEUED
    call: Call | None = None
    reason: str | None = None
    closed: int = 0  # attempts that were answered "later", for the back-off

    @property
    def unsettled(self) -> bool:
        return self.state not in SETTLED
