"""The customer in front of the till: what he will do with the payment on his phone, and when.

Who he is, is settled once per checkout: an explicit queue for the card session or the order goes first, then a magic card
session, then the default of the settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from agent.sandbox.words import ErrorCode, Method


class Action(StrEnum):
    """CONFIRM pays, DECLINE is a refusal by him or his bank, CANCEL takes the payment back in the application, WAIT does nothing."""

    CONFIRM = "confirm"
    DECLINE = "decline"
    CANCEL = "cancel"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Customer:
    """A script for one payment. ``after_ms`` counts from the checkout's execution; 0 decides before the checkout is answered.

    ``method`` is what he pays with; None or a method the till did not offer means the first one offered.
    """

    action: Action
    after_ms: int = 0
    error_code: ErrorCode = ErrorCode.PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER
    method: Method | None = None

    def __post_init__(self) -> None:
        if self.after_ms < 0:
            raise ValueError(f"after_ms must not be negative, not {self.after_ms}")


@dataclass(frozen=True, slots=True)
class Intention:
    """What a customer will do by himself with the payment on his phone. ``at_ms``: milliseconds since 1970-01-01 UTC."""

    at_ms: int
    customer: Customer


_SOON_MS = 1_000  # long enough to see the payment pending, short enough for work by hand
_LATE_MS = 45_000  # after the till's longest wait of 30 s and its cancel

MAGIC_SESSIONS: Mapping[str, Customer] = {
    "PAY": Customer(Action.CONFIRM, _SOON_MS),
    "FAST": Customer(Action.CONFIRM, 0),
    "DOLY": Customer(Action.CONFIRM, _SOON_MS, method=Method.DOLYAME),
    "DECL": Customer(Action.DECLINE, _SOON_MS),
    "LIMIT": Customer(Action.DECLINE, _SOON_MS, ErrorCode.NOT_ENOUGH_LIMIT_TO_PAY),
    "WAIT": Customer(Action.WAIT),
    "LATE": Customer(Action.CONFIRM, _LATE_MS),
    "CANC": Customer(Action.CANCEL, _SOON_MS),
}
"""By the beginning of the card session, for work by hand: type ``PAY001`` and the payment is confirmed after a second.
A session that begins with UNKN is unknown to the bank (``refused_prefixes`` of the settings)."""


def magic(card_session: str) -> Customer | None:
    """The customer that a card session's beginning stands for."""
    for prefix, customer in MAGIC_SESSIONS.items():
        if card_session.startswith(prefix):
            return customer
    return None
