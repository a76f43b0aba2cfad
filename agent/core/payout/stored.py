"""Events of payouts as they are stored. The kinds that a sale has too are spelled as there."""

from collections.abc import Mapping
from typing import Any

from agent.core import stored
from agent.core.payout import events

_SHARED = (
    *("transaction_known", "searched", "canceled", "expired", "attention_needed", "reread", "alarm_raised", "restored"),
    *("attempt_started", "attempt_held", "attempt_lost", "attempt_answered"),
)
KINDS: dict[str, type[Any]] = {
    "payout_accepted": events.PayoutAccepted,
    "paid_out": events.PaidOut,
    "payout_failed": events.PayoutFailed,
    "payout_returned": events.PayoutReturned,
    "payout_told": events.PayoutTold,
    "payout_resolved": events.PayoutResolved,
    **{kind: stored.KINDS[kind] for kind in _SHARED},
}
_CODEC = stored.Codec(KINDS)


def encode(event: events.Event) -> tuple[str, dict[str, Any]]:
    """Kind and JSON body of an event."""
    return _CODEC.encode(event)


def decode(kind: str, body: Mapping[str, Any]) -> events.Event:
    """The event of a stored record. Raises UnknownEvent."""
    event: events.Event = _CODEC.decode(kind, body)
    return event
