"""What can have happened to a sale, in the past tense. These values, in order, *are* the sale; everything else is computed from them.

An event says what was decided or learned, never what to do. Its JSON form is stored for years, so names and fields here only ever grow:
a new field has a default, a field is never renamed, an event is never removed from ``stored.KINDS``.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from agent.core.model import Binding, Checkout, Deadline, PaymentLink, RefundLine, Slip
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.receipt import FiscalReceipt
from agent.core.refund import RefundCause
from agent.core.resolution import Resolution
from agent.core.verdict import Request


class CancelCause(StrEnum):
    """Who or what asked for a cancel. The value is the reason code of the sale that ends canceled."""

    CASHIER = "CANCELED_BY_CASHIER"
    WAIT_LIMIT = "WAIT_LIMIT"
    NO_ANSWER = "NO_ANSWER"
    DEADLINE = "SEND_DEADLINE"
    REBOOTED = "REBOOTED"
    FOUND_LATE = "FOUND_LATE"
    LINK_LOST = "LINK_LOST"
    NOT_OPENED = "LINK_NOT_OPENED"


# --- the sale ---


@dataclass(frozen=True, slots=True)
class Accepted:
    """A checkout of a POS was taken. ``owner`` is the local user that handed it in."""

    checkout: Checkout
    binding: Binding
    deadline: Deadline
    business_date: date
    owner: str = ""


@dataclass(frozen=True, slots=True)
class SaleGiven:
    """A sale this journal does not hold was described by a POS, to be refunded (money rule 8)."""

    checkout: Checkout
    binding: Binding
    business_date: date
    transaction_id: str


@dataclass(frozen=True, slots=True)
class TransactionKnown:
    """The provider named the payment. ``link``: where the customer pays; it is recorded here before anybody is shown it."""

    transaction_id: str
    link: PaymentLink | None = None


@dataclass(frozen=True, slots=True)
class LinkKnown:
    """The link of a payment that was found by a search, which did not tell it."""

    link: PaymentLink


@dataclass(frozen=True, slots=True)
class LinkOffered:
    """A link that we wrote ourselves: whoever opens it makes the payment. It is recorded here before anybody is shown it."""

    link: PaymentLink


@dataclass(frozen=True, slots=True)
class Searched:
    """The provider was asked for payments made by the checkout ``request_id``, and knows none."""

    request_id: str


@dataclass(frozen=True, slots=True)
class ChargeSeen:
    """The provider says accepted, without a slip that proves it (money rule 3)."""


@dataclass(frozen=True, slots=True)
class CancelWanted:
    cause: CancelCause


@dataclass(frozen=True, slots=True)
class CancelAnswered:
    """The provider answered a cancel. Only a status read proves what became of the payment."""

    ref_status: str | None = None
    ref_transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    slip: Slip


@dataclass(frozen=True, slots=True)
class Declined:
    reason: str


@dataclass(frozen=True, slots=True)
class Canceled:
    """``withdrawn``: the provider has no cancel; its link was taken back, or never shown, and the payment is watched (money: possible)."""

    reason: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Expired:
    reason: str


@dataclass(frozen=True, slots=True)
class AttentionNeeded:
    """A person must decide. ``charged``: the provider said that money was taken."""

    reason: str
    charged: bool = False
    slip: Slip | None = None


@dataclass(frozen=True, slots=True)
class LateMoneyFound:
    """Money was found after a not-paid answer was handed out."""

    slip: Slip | None = None


@dataclass(frozen=True, slots=True)
class Reversed:
    """Paid, but never handed to any POS; the money goes back."""


@dataclass(frozen=True, slots=True)
class Reread:
    """The status was read again after a not-paid end or in attention; ``count`` of the planned looks are done, ``last``: all of them."""

    count: int
    last: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A finished answer was handed to a POS: from here on it is frozen. ``rows`` are the lines of the slip text as label and value."""

    state: PaymentState
    success: bool
    reason: str | None
    rows: tuple[tuple[str, str], ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    by: str = ""


@dataclass(frozen=True, slots=True)
class AlarmRaised:
    """A person must look. ``surplus``: with ``OVERPAID`` the kopecks that were taken beyond what had to be paid."""

    code: str
    surplus: Kopecks | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """The journal came back from a backup: for this sale nothing counts as never sent any more (money rule 10). ``restore``: which restore
    it was, as the journal notes it; empty when a start was not what found it."""

    restore: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """An operator decided. ``what``: ``payment``, ``refund:KEY``, ``receipt:KEY`` or ``sale``. ``reason`` is his own text, ``by`` who he
    is. The ids and the slip are what he could prove."""

    what: str
    resolution: Resolution
    reason: str
    by: str
    transaction_id: str | None = None
    ref_transaction_id: str | None = None
    slip: Slip | None = None


# --- calls ---


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """An attempt is about to leave. ``call`` is ``checkout``, ``cancel``, ``refund:KEY`` or ``receipt:KEY``. The first attempt of a
    ``request_id`` carries the request; repeats send the very same."""

    call: str
    request_id: str
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class AttemptHeld:
    """Proven not sent, or the door was shut: ``denied`` is that HTTP status."""

    call: str
    request_id: str
    reason: str
    denied: int | None = None
    retry_after_ms: int = 0


@dataclass(frozen=True, slots=True)
class AttemptLost:
    """It may have been sent, and no answer was understood. ``reached``: the provider's host was there."""

    call: str
    request_id: str
    reason: str
    reached: bool = True
    retry_after_ms: int = 0
    check_first: bool = False


@dataclass(frozen=True, slots=True)
class AttemptAnswered:
    """A readable answer; ``answer`` is its status or code, for people."""

    call: str
    request_id: str
    answer: str


# --- refunds ---


@dataclass(frozen=True, slots=True)
class RefundOpened:
    refund: str
    amount: Kopecks
    lines: tuple[RefundLine, ...]
    cause: RefundCause
    digest: str = ""


@dataclass(frozen=True, slots=True)
class RefundKnown:
    """``adopted``: found by reading the payment, not answered to us."""

    refund: str
    ref_transaction_id: str
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class RefundChecked:
    """A status read showed that nothing was returned so far: the unclear request may go out again, or a new attempt may begin."""

    refund: str


@dataclass(frozen=True, slots=True)
class RefundReopened:
    """The attempt is closed for good. ``busy``: only because another one was at work; else the status is read before the next."""

    refund: str
    reason: str
    busy: bool = False


@dataclass(frozen=True, slots=True)
class RefundRequested:
    refund: str
    ref_transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refunded:
    refund: str
    slip: Slip | None = None
    ref_transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class RefundDeclined:
    refund: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundNeedsAttention:
    refund: str
    reason: str


# --- receipts ---


@dataclass(frozen=True, slots=True)
class ReceiptGiven:
    """A fiscal receipt was taken over from a POS; ``receipt`` is its number. ``refund``: the key of the refund it is about."""

    receipt: str
    digest: str
    invoice: FiscalReceipt
    refund: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptReopened:
    """The provider said "later": the attempt is closed, a new one is owed."""

    receipt: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReceiptDelivered:
    receipt: str


@dataclass(frozen=True, slots=True)
class ReceiptRefused:
    receipt: str
    reason: str


Event = (
    Accepted
    | SaleGiven
    | TransactionKnown
    | LinkKnown
    | LinkOffered
    | Searched
    | ChargeSeen
    | CancelWanted
    | CancelAnswered
    | Paid
    | Declined
    | Canceled
    | Expired
    | AttentionNeeded
    | LateMoneyFound
    | Reversed
    | Reread
    | Told
    | Confirmed
    | AlarmRaised
    | Restored
    | Resolved
    | AttemptStarted
    | AttemptHeld
    | AttemptLost
    | AttemptAnswered
    | RefundOpened
    | RefundKnown
    | RefundChecked
    | RefundReopened
    | RefundRequested
    | Refunded
    | RefundDeclined
    | RefundNeedsAttention
    | ReceiptGiven
    | ReceiptReopened
    | ReceiptDelivered
    | ReceiptRefused
)
