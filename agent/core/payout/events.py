"""What can have happened to a payout, in the past tense. As with a sale (``agent.core.events``), names and fields here only ever grow.

Attempts, searches, looks, alarms and the mark of a restore are the same events as a sale's.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from agent.core import events
from agent.core.model import Binding, Deadline
from agent.core.payout.contract import PayoutOrder
from agent.core.payout.machine import PayoutState

PAYOUT_CALL = "payout"  # the one call of a payout, in the events of its attempts


class PayoutResolution(StrEnum):
    """What an operator can decide of a payout. It is never undone; what the system says afterwards is compared with it."""

    PAID_OUT = "paid_out"  # there is proof outside of this agent that the recipient has the money
    NOT_MADE = "not_made"  # there is proof that nothing was paid out
    ACKNOWLEDGE = "acknowledge"  # its alarms have been seen


@dataclass(frozen=True, slots=True)
class PayoutAccepted:
    """A payout of a POS was taken. ``fields``: what is known of the recipient, by name; the values are secrets. ``digest`` is keyed and
    covers the order and those values."""

    order: PayoutOrder
    fields: tuple[str, ...]
    binding: Binding
    deadline: Deadline
    business_date: date
    digest: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class PaidOut:
    """The system processed it: our amount, our currency, our id. ``resolution``: its own word, for people."""

    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutFailed:
    """It was not made, by a definite refusal or by the system's final word."""

    reason: str
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutReturned:
    """The system canceled what it had paid out: the money is back at the shop's account."""

    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutTold:
    """A finished answer was handed to a POS: from here on it is frozen."""

    state: PayoutState
    success: bool
    reason: str | None
    by: str = ""


@dataclass(frozen=True, slots=True)
class PayoutResolved:
    """An operator decided. ``reason`` is his own text, ``by`` who he is."""

    resolution: PayoutResolution
    reason: str
    by: str
    transaction_id: str | None = None


Event = (
    PayoutAccepted
    | PaidOut
    | PayoutFailed
    | PayoutReturned
    | PayoutTold
    | PayoutResolved
    | events.TransactionKnown
    | events.Searched
    | events.Canceled
    | events.Expired
    | events.AttentionNeeded
    | events.Reread
    | events.AlarmRaised
    | events.Restored
    | events.AttemptStarted
    | events.AttemptHeld
    | events.AttemptLost
    | events.AttemptAnswered
)
