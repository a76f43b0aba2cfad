"""The refund machine: money on its way back, asked for by the POS or owed by ourselves. One machine for both.

A refund is a list of *attempts*, each with its own ``requestId`` and so its own call. While an attempt is unclear its id is the
only one that may be used: a new id would be a new refund. After ten minutes even the same id is not safe (how long a provider
remembers ids is unknown), so then the payment's status is read first: nothing changed - repeat; a refund we do not know - adopt it;
cannot tell - ``ATTENTION`` (money rule 8). A definite refusal closes the attempt: it ends a refund that was asked for
(``DECLINED``), while one that is owed opens the next attempt (``REOPENED``), for what is owed stays owed. Before that next attempt, and
before a refusal is believed of which the provider itself was not sure, the payment is read.

``REQUESTED`` is the state of providers where people decide: it must never be shown as money returned.
"""

from dataclasses import dataclass
from enum import StrEnum

from agent.core.call import Call
from agent.core.machine import Table
from agent.core.model import RefundLine, Slip, Stamp
from agent.core.money import Kopecks


class RefundState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    PENDING = "pending"
    REQUESTED = "requested"
    REFUNDED = "refunded"
    DECLINED = "declined"
    ATTENTION = "attention"


class RefundEvent(StrEnum):
    SENT = "sent"
    HELD = "held"
    LOST = "lost"
    KNOWN = "known"  # the provider named the refund's transaction, or we found it
    REQUESTED = "requested"
    REOPENED = "reopened"  # this attempt is closed for good, the next one will have a new id
    REFUNDED = "refunded"
    DECLINED = "declined"
    ATTENTION = "attention"
    RETRIED = "retried"  # an operator has the unclear attempt of a stuck refund looked at again
    DROPPED = "dropped"  # an operator gave it up


class RefundCause(StrEnum):
    """Why money goes back. All but POS are owed and cannot be declined away."""

    POS = "pos"
    LATE_MONEY = "late_money"
    UNCLAIMED = "unclaimed"
    OPERATOR = "operator"


SETTLED = frozenset({RefundState.REFUNDED, RefundState.DECLINED, RefundState.ATTENTION})
COUNTED = frozenset(RefundState) - {RefundState.DECLINED}  # refunds that hold a part of the charge: sent, maybe sent, or to be sent

_S = RefundState
_E = RefundEvent

TABLE = Table(
    "refund",
    {
        (_S.QUEUED, _E.SENT): _S.SENDING,
        (_S.QUEUED, _E.KNOWN): _S.PENDING,  # read before a new attempt: the closed one had done its work
        (_S.QUEUED, _E.REFUNDED): _S.REFUNDED,
        (_S.QUEUED, _E.DECLINED): _S.DECLINED,  # refused with a doubt that a read has cleared
        (_S.QUEUED, _E.ATTENTION): _S.ATTENTION,
        (_S.SENDING, _E.HELD): _S.QUEUED,
        (_S.SENDING, _E.LOST): _S.UNKNOWN,
        (_S.SENDING, _E.KNOWN): _S.PENDING,
        (_S.SENDING, _E.REQUESTED): _S.REQUESTED,
        (_S.SENDING, _E.REOPENED): _S.QUEUED,
        (_S.SENDING, _E.REFUNDED): _S.REFUNDED,
        (_S.SENDING, _E.DECLINED): _S.DECLINED,
        (_S.UNKNOWN, _E.SENT): _S.UNKNOWN,
        (_S.UNKNOWN, _E.HELD): _S.UNKNOWN,
        (_S.UNKNOWN, _E.LOST): _S.UNKNOWN,
        (_S.UNKNOWN, _E.KNOWN): _S.PENDING,
        (_S.UNKNOWN, _E.REQUESTED): _S.REQUESTED,
        (_S.UNKNOWN, _E.REOPENED): _S.QUEUED,
        (_S.UNKNOWN, _E.REFUNDED): _S.REFUNDED,
        (_S.UNKNOWN, _E.DECLINED): _S.DECLINED,
        (_S.UNKNOWN, _E.ATTENTION): _S.ATTENTION,
        (_S.PENDING, _E.REFUNDED): _S.REFUNDED,
        (_S.PENDING, _E.DECLINED): _S.DECLINED,
        (_S.PENDING, _E.REOPENED): _S.QUEUED,
        (_S.REQUESTED, _E.REFUNDED): _S.REFUNDED,
        (_S.REQUESTED, _E.ATTENTION): _S.ATTENTION,
        (_S.ATTENTION, _E.REFUNDED): _S.REFUNDED,  # found later, or decided by a person
        (_S.ATTENTION, _E.REOPENED): _S.QUEUED,  # an operator wants another attempt
        (_S.ATTENTION, _E.RETRIED): _S.UNKNOWN,
        (_S.ATTENTION, _E.DROPPED): _S.DECLINED,
        (_S.QUEUED, _E.DROPPED): _S.DECLINED,
        (_S.UNKNOWN, _E.DROPPED): _S.DECLINED,
        (_S.PENDING, _E.DROPPED): _S.DECLINED,
        (_S.REQUESTED, _E.DROPPED): _S.DECLINED,
    },
    start=RefundState.QUEUED,
)


@dataclass(frozen=True, slots=True)
class Refund:
    """State of one refund. ``call`` is that of the attempt at work; ``closed`` counts the attempts ended by a definite refusal.
    ``checked``: when a status read last showed that an unclear attempt had changed nothing. ``check_first``: something said of a repeat
    makes it likely that the first copy did its work, so the status is read before the next one whatever the time. ``refused``: the closed
    attempt was refused in a way that a read must confirm. ``rejected``: refund transactions of closed attempts, never to be adopted.
    ``resolved``: an operator decided how it ended. ``doubtful``: he gave it up while an attempt may have done its work, so its part of the
    charge stays taken (promise P7)."""

    key: str
    amount: Kopecks
    lines: tuple[RefundLine, ...]
    cause: RefundCause
    digest: str
    opened: Stamp
    state: RefundState = RefundState.QUEUED
    call: Call | None = None
    closed: int = 0
    closed_at: Stamp | None = None
    checked: Stamp | None = None
    check_first: bool = False
    refused: bool = False
    rejected: frozenset[str] = frozenset()
    ref_transaction_id: str | None = None
    slip: Slip | None = None
    reason: str | None = None
    settled_at: Stamp | None = None
    resolved: bool = False
    doubtful: bool = False

    @property
    def counted(self) -> bool:
        """It holds a part of the charge."""
        return self.state in COUNTED or self.doubtful

    @property
    def owed(self) -> bool:
        return self.cause is not RefundCause.POS

    @property
    def unsettled(self) -> bool:
        return self.state not in SETTLED


def may_be_made(one: Refund) -> bool:
    """Nobody can rule out that an attempt of an unsettled refund has done, or will yet do, its work."""
    return one.check_first or (one.call is not None and one.state is not RefundState.QUEUED)
