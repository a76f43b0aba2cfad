"""What an operator can decide, in words: the only way to an end of a sale that no answer of the provider proves (promises P3 and P6).

A decision is one event, ``events.Resolved``, in the sale's own stream: what it was about, what was decided, why, and by whom. It is never
undone: what the provider says afterwards is compared with it, and a contradiction raises an alarm.
"""

from dataclasses import dataclass
from enum import StrEnum

PAYMENT = "payment"  # subjects of a decision: the payment, a part of the sale by its key, or the sale as a whole
REFUND = "refund"
RECEIPT = "receipt"
SALE = "sale"


class Resolution(StrEnum):
    """A decision. Which of them make sense in a state stands in ``decide_operator.choices``."""

    PAID = "paid"  # the payment was made: there is proof outside of this agent
    NOT_PAID = "not_paid"  # no money was taken
    RETURN = "return"  # money was taken and goes back: the agent owes the return
    RETURNED = "returned"  # money was taken and has been returned outside of this agent
    REFUNDED = "refunded"  # this refund was made
    DROP = "drop"  # this refund or receipt is given up: nothing more is sent for it
    RETRY = "retry"  # this refund is tried again, after a look at the payment
    ACKNOWLEDGE = "acknowledge"  # its alarms have been seen, or its missing confirmation does not matter


def refund_subject(key: str) -> str:
    """The refund of this key as the subject of a decision."""
    return f"{REFUND}:{key}"


def receipt_subject(key: str) -> str:
    """The receipt of this key as the subject of a decision."""
    return f"{RECEIPT}:{key}"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the operator knows of the bank's side, as far as he gives it: from the provider's registry or its support."""

    transaction_id: str | None = None
    ref_transaction_id: str | None = None
    payment_type: str | None = None
    qrc_id: str | None = None
    kzo: str | None = None
    operation_id: str | None = None
    operation_date_time: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as it is asked for. ``reason`` is the operator's own text, ``by`` who he is."""

    what: str
    resolution: Resolution
    reason: str
    by: str
    proof: Proof = Proof()
