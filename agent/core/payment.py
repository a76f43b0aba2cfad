"""The payment machine: from an accepted checkout to an answer the cashier can rely on.

Three things make this table what it is.

A timeout is not a refusal. From the moment an attempt is lost (``UNKNOWN``) no refusal of a *repeat* may end the sale, because the
first copy may have charged: there is no way from UNKNOWN to DECLINED but through an answer that names the transaction (PENDING).

Cancel is a phase, not an end. ``CANCELING`` is entered by the cashier, by the wait limit, by X unanswered attempts, by the deadline of a
sale that may have been sent, and by a reboot. It ends where the *provider's status* says: canceled, declined, or - the race that the
customer won - paid. As long as the transaction's id is unknown, canceling means repeating the same request until it is known.

Told is frozen. A finished answer that no POS has seen may still turn out better (canceled -> paid); one that was handed out never
changes: money found after it (``LATE_MONEY``) leaves the state alone and goes back as a refund. The table holds both moves; ``told``
decides which of them may be made, and folding checks it (see ``sale``).

``ATTENTION`` is the honest end of what a machine can find out. It is not finished: later evidence, or an operator, moves it on.
``ELSEWHERE`` is a sale this journal does not hold (another till, a lost disk): it was given by the POS, only to be refunded.
"""

from enum import StrEnum

from agent.core.machine import Table


class PaymentState(StrEnum):
    QUEUED = "queued"  # durable; nothing of it was ever sent
    SENDING = "sending"  # the first attempt is under way
    UNKNOWN = "unknown"  # an attempt may have been sent, no transaction is known
    PENDING = "pending"  # the provider has it, or the customer makes it by opening our link: he decides
    CANCELING = "canceling"
    ATTENTION = "attention"
    PAID = "paid"
    DECLINED = "declined"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REVERSED = "reversed"
    ELSEWHERE = "elsewhere"


class PaymentEvent(StrEnum):
    SENT = "sent"
    HELD = "held"
    LOST = "lost"
    KNOWN = "known"  # the provider named the transaction
    OFFERED = "offered"  # the customer can make the payment by a link of ours
    CANCEL_WANTED = "cancel_wanted"
    PAID = "paid"
    DECLINED = "declined"
    CANCELED = "canceled"
    EXPIRED = "expired"
    LATE_MONEY = "late_money"
    REVERSED = "reversed"
    ATTENTION = "attention"


FINISHED = frozenset(
    {PaymentState.PAID, PaymentState.DECLINED, PaymentState.CANCELED, PaymentState.EXPIRED, PaymentState.REVERSED, PaymentState.ELSEWHERE}
)
NOT_PAID = frozenset({PaymentState.DECLINED, PaymentState.CANCELED, PaymentState.EXPIRED})
IN_LANE = frozenset({PaymentState.QUEUED, PaymentState.SENDING, PaymentState.UNKNOWN, PaymentState.PENDING})

_S = PaymentState
_E = PaymentEvent

TABLE = Table(
    "payment",
    {
        (_S.QUEUED, _E.SENT): _S.SENDING,
        (_S.QUEUED, _E.CANCELED): _S.CANCELED,  # nothing was sent: the cashier's word is enough
        (_S.QUEUED, _E.DECLINED): _S.DECLINED,  # the door is shut (401, ...), or the card has no session
        (_S.QUEUED, _E.EXPIRED): _S.EXPIRED,
        (_S.QUEUED, _E.ATTENTION): _S.ATTENTION,  # restored from a backup: "never sent" cannot be proven any more
        (_S.SENDING, _E.HELD): _S.QUEUED,
        (_S.SENDING, _E.LOST): _S.UNKNOWN,
        (_S.SENDING, _E.KNOWN): _S.PENDING,
        (_S.SENDING, _E.OFFERED): _S.PENDING,
        (_S.SENDING, _E.DECLINED): _S.DECLINED,  # a definite refusal of the only copy
        (_S.SENDING, _E.CANCEL_WANTED): _S.CANCELING,
        (_S.UNKNOWN, _E.SENT): _S.UNKNOWN,
        (_S.UNKNOWN, _E.HELD): _S.UNKNOWN,
        (_S.UNKNOWN, _E.LOST): _S.UNKNOWN,
        (_S.UNKNOWN, _E.KNOWN): _S.PENDING,
        (_S.UNKNOWN, _E.OFFERED): _S.PENDING,
        (_S.UNKNOWN, _E.CANCEL_WANTED): _S.CANCELING,
        (_S.UNKNOWN, _E.ATTENTION): _S.ATTENTION,  # what a repeat needs is gone
        (_S.PENDING, _E.KNOWN): _S.PENDING,  # the customer has opened a link of ours, and so made the payment
        (_S.PENDING, _E.PAID): _S.PAID,
        (_S.PENDING, _E.DECLINED): _S.DECLINED,
        (_S.PENDING, _E.CANCELED): _S.CANCELED,  # the customer, or a provider that only withdraws its link
        (_S.PENDING, _E.CANCEL_WANTED): _S.CANCELING,
        (_S.PENDING, _E.ATTENTION): _S.ATTENTION,
        (_S.CANCELING, _E.SENT): _S.CANCELING,
        (_S.CANCELING, _E.HELD): _S.CANCELING,
        (_S.CANCELING, _E.LOST): _S.CANCELING,
        (_S.CANCELING, _E.KNOWN): _S.CANCELING,
        (_S.CANCELING, _E.CANCEL_WANTED): _S.CANCELING,  # the cashier joins a cancel that the wait limit began
        (_S.CANCELING, _E.PAID): _S.PAID,
        (_S.CANCELING, _E.DECLINED): _S.DECLINED,
        (_S.CANCELING, _E.CANCELED): _S.CANCELED,  # proven, or nobody can ever have seen the link of what may have been made
        (_S.CANCELING, _E.ATTENTION): _S.ATTENTION,
        (_S.ATTENTION, _E.KNOWN): _S.CANCELING,  # a late answer named the transaction: cancel it at once
        (_S.ATTENTION, _E.PAID): _S.PAID,
        (_S.ATTENTION, _E.DECLINED): _S.DECLINED,
        (_S.ATTENTION, _E.CANCELED): _S.CANCELED,
        (_S.ATTENTION, _E.ATTENTION): _S.ATTENTION,  # more is known of what is wrong
        (_S.CANCELED, _E.KNOWN): _S.CANCELED,  # its link was never shown; found later, it is watched
        (_S.CANCELED, _E.PAID): _S.PAID,  # only while told to nobody
        (_S.CANCELED, _E.ATTENTION): _S.ATTENTION,  # only while told to nobody
        (_S.CANCELED, _E.LATE_MONEY): _S.CANCELED,  # only after it was told
        (_S.DECLINED, _E.PAID): _S.PAID,
        (_S.DECLINED, _E.ATTENTION): _S.ATTENTION,
        (_S.DECLINED, _E.LATE_MONEY): _S.DECLINED,
        (_S.PAID, _E.REVERSED): _S.REVERSED,  # only while told to nobody
    },
    start=PaymentState.QUEUED,
)

CHANGES_ANSWER = frozenset({PaymentEvent.PAID, PaymentEvent.ATTENTION, PaymentEvent.REVERSED})  # forbidden once a finished answer was told
