"""The payout machine: money that leaves the shop, once.

There is no way from ``UNKNOWN`` back to ``SENDING``, and that is the whole point. A payment that is made twice has a customer who sees two
of them and a call that gives one back; a payout that is made twice is gone. So what may have been sent is never sent again by the program:
it is searched for by our own id, and what the searches do not find is a person's to decide (``ATTENTION``).

Nothing but an answer that names the payout leads on from ``UNKNOWN``. Nothing but the system's own final word, with our amount, currency
and id in it, ends a payout as paid out. And ``PAID_OUT`` is not quite an end: the system may cancel what it has processed. Before the
answer was handed out that makes it ``RETURNED``; afterwards the answer stands and only where the money is changes (see ``fold``).
"""

from enum import StrEnum

from agent.core.machine import Table


class PayoutState(StrEnum):
    QUEUED = "queued"  # durable; nothing of it was ever sent
    SENDING = "sending"  # its only copy is under way
    UNKNOWN = "unknown"  # it may have been sent; it is searched for
    PENDING = "pending"  # the system has it
    ATTENTION = "attention"
    PAID_OUT = "paid_out"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    RETURNED = "returned"


class PayoutEvent(StrEnum):
    SENT = "sent"
    HELD = "held"
    LOST = "lost"
    KNOWN = "known"  # the system named it
    PAID_OUT = "paid_out"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    ATTENTION = "attention"
    RETURNED = "returned"  # what was paid out came back


FINISHED = frozenset(
    {PayoutState.PAID_OUT, PayoutState.FAILED, PayoutState.CANCELED, PayoutState.EXPIRED, PayoutState.RETURNED},
)
NOT_MADE = frozenset({PayoutState.FAILED, PayoutState.CANCELED, PayoutState.EXPIRED})

_S = PayoutState
_E = PayoutEvent

TABLE = Table(
    "payout",
    {
        (_S.QUEUED, _E.SENT): _S.SENDING,
        (_S.QUEUED, _E.CANCELED): _S.CANCELED,  # nothing was sent: the register's word is enough
        (_S.QUEUED, _E.FAILED): _S.FAILED,  # the door is shut (401, ...), or the recipient's data are gone
        (_S.QUEUED, _E.EXPIRED): _S.EXPIRED,
        (_S.QUEUED, _E.LOST): _S.UNKNOWN,  # restored from a backup, and it has an id: it may have been sent since
        (_S.QUEUED, _E.ATTENTION): _S.ATTENTION,  # restored, and there is no id to search for
        (_S.SENDING, _E.HELD): _S.QUEUED,
        (_S.SENDING, _E.LOST): _S.UNKNOWN,
        (_S.SENDING, _E.KNOWN): _S.PENDING,
        (_S.SENDING, _E.FAILED): _S.FAILED,  # a definite refusal of the only copy
        (_S.UNKNOWN, _E.KNOWN): _S.PENDING,
        (_S.UNKNOWN, _E.ATTENTION): _S.ATTENTION,
        (_S.PENDING, _E.PAID_OUT): _S.PAID_OUT,
        (_S.PENDING, _E.FAILED): _S.FAILED,
        (_S.PENDING, _E.CANCELED): _S.CANCELED,
        (_S.PENDING, _E.ATTENTION): _S.ATTENTION,
        (_S.ATTENTION, _E.KNOWN): _S.PENDING,  # found after all
        (_S.ATTENTION, _E.PAID_OUT): _S.PAID_OUT,
        (_S.ATTENTION, _E.FAILED): _S.FAILED,
        (_S.ATTENTION, _E.CANCELED): _S.CANCELED,
        (_S.ATTENTION, _E.ATTENTION): _S.ATTENTION,  # more is known of what is wrong
        (_S.PAID_OUT, _E.RETURNED): _S.RETURNED,  # only while told to nobody
    },
    start=PayoutState.QUEUED,
)
