"""What a request to a provider can end in, in words that no provider owns.

The transport knows *outcomes* of one attempt (was anything sent, did an answer come); a provider reads an answer into a *verdict*.
The machines see only these. Money rule 2 lives in the difference between ``NotSent`` and ``Unclear``, money rule 3 in ``Status.UNKNOWN``
and ``Refusal.UNKNOWN``: a value nobody has heard of is never final.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from agent.core.canonical import JsonObject
from agent.core.model import PaymentLink, Slip
from agent.core.money import Kopecks


class Operation(StrEnum):
    """What a provider can be asked to do."""

    CHECKOUT = "checkout"
    STATUS = "status"
    FIND = "find"
    CANCEL = "cancel"
    REFUND = "refund"
    RECEIPT = "receipt"
    AVAILABILITY = "availability"
    LOGIN = "login"
    PAYOUT = "payout"
    PAYOUT_STATUS = "payout_status"
    PAYOUT_FIND = "payout_find"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it is journalled before its first byte leaves.

    ``path`` is relative to the sale's account. Wherever a secret belongs, ``body`` holds ``{"$secret": NAME}`` and
    ``secret_headers`` maps a header to a secret's name; ``fill`` puts the values in at the last moment. ``Authorization`` is
    today's, added by the transport, never here. ``public``: ``path`` is relative to the account's public address, and the request goes
    there without any such header.
    """

    operation: Operation
    method: str
    path: str
    body: JsonObject
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    public: bool = False

    def secret_names(self) -> frozenset[str]:
        return frozenset(self.secret_headers.values()) | frozenset(_placeholders(self.body))

    def fill(self, secrets: Mapping[str, str]) -> dict[str, Any]:
        """The body as it goes out. Raises KeyError with the name of a secret that is gone."""
        filled = _fill(self.body, secrets)
        assert isinstance(filled, dict)
        return filled


def secret(name: str) -> dict[str, str]:
    """The placeholder of a secret in a journalled body."""
    return {"$secret": name}


def _placeholders(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        if set(value) == {"$secret"}:
            return [str(value["$secret"])]
        return [name for item in value.values() for name in _placeholders(item)]
    if isinstance(value, list | tuple):
        return [name for item in value for name in _placeholders(item)]
    return []


def _fill(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"$secret"}:
            return secrets[value["$secret"]]
        return {name: _fill(item, secrets) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(item, secrets) for item in value]
    return value


TOO_MANY_REQUESTS = 429  # the only closed door that opens by waiting


# --- outcomes of one attempt: the transport's words ---


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer. Header names are lower case; the body is cut off at the transport's limit (then ``Unclear``)."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotSent:
    """Proof that no byte of this attempt reached the provider: refused, no DNS, no TLS, no free connection."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The attempt may have reached the provider and no complete answer came. ``reason`` is a short code: timeout, reset, protocol, ..."""

    reason: str
    detail: str = ""


Outcome = Reply | NotSent | Unclear


# --- verdicts: a provider's reading of a Reply ---


class Status(StrEnum):
    """State of a payment at the provider. ABSENT: it knows no such payment. GONE: it cannot be paid any more, or was paid and all of it is
    back; the provider has one word for both, and only our own record tells them apart. UNKNOWN: a word we do not know, never final."""

    NEW = "new"
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELED = "canceled"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    PARTIAL_REFUNDED = "partial_refunded"
    ABSENT = "absent"
    GONE = "gone"
    UNKNOWN = "unknown"


class RefStatus(StrEnum):
    """State of a cancel or refund transaction at the provider. REQUESTED: people will decide (no machine answer)."""

    NEW = "new"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REQUESTED = "requested"
    UNKNOWN = "unknown"


class Refusal(StrEnum):
    """What a definite refusal means to the machines, whatever code the provider used."""

    SESSION = "session"  # the card session is unknown or already has a transaction
    CONFIGURATION = "configuration"  # merchant, store or account unknown: a technician's fault, alarm
    NOT_FOUND = "not_found"  # no such transaction
    WRONG_STATE = "wrong_state"  # the transaction cannot go there: read its status
    NOT_PAID = "not_paid"  # nothing was paid, nothing to return
    RETURN_REFUSED = "return_refused"  # the bank or provider refused the return for good
    RETURNED_ALREADY = "returned_already"  # closed or returned in full before: read its status
    OVER_LIMIT = "over_limit"  # more than is left to return
    BUSY = "busy"  # in processing, or another refund runs: wait, then ask again
    PROVIDER_ERROR = "provider_error"  # the provider itself stumbled: read the status before anything else
    UNKNOWN = "unknown"  # a code nobody knows: decides nothing


@dataclass(frozen=True, slots=True)
class Observed:
    """The provider described a transaction. ``error_code`` is its reason for a rejection; ``refusal`` what that means for a refund;
    ``refunded`` what it has returned so far, where it says so; ``link`` where the customer pays; ``reference`` our own id of the
    payment (the ``request_id`` of its checkout), where it is repeated; ``amount`` and ``currency`` what the payment is over, where that is
    told, whatever its status; ``surplus`` what was taken beyond what the customer had to pay, if anything was."""

    status: Status
    transaction_id: str | None = None
    ref_status: RefStatus | None = None
    ref_transaction_id: str | None = None
    slip: Slip | None = None
    error_code: str | None = None
    refusal: Refusal | None = None
    refunded: Kopecks | None = None
    link: PaymentLink | None = None
    reference: str | None = None
    amount: Kopecks | None = None
    currency: str | None = None
    surplus: Kopecks | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search by our own key brought, oldest first: each with at least its transaction. Empty: the provider knows no such payment."""

    matches: tuple[Observed, ...] = ()


@dataclass(frozen=True, slots=True)
class Offered:
    """The provider is there and has no payment under our key: this link, written by us, may be shown, and whoever opens it makes one."""

    link: PaymentLink


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider refused the request with a code (422 of the Pay API). ``detail``: for the log and the provider's support; decides
    nothing."""

    code: str
    refusal: Refusal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Denied:
    """401, 403, 404, 405, 429: the attempt was turned away at the door and counts like NotSent (inferred; configurable)."""

    status: int
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Garbled:
    """An answer came and says nothing we can trust (5xx, not JSON, fields missing): the attempt counts as maybe sent."""

    reason: str
    retry_after_s: int | None = None


Verdict = Observed | Refused | Denied | Garbled
Finding = Found | Refused | Denied | Garbled


def failure_in_words(failure: NotSent | Unclear | Refused | Denied | Garbled) -> str:
    """An end of an attempt that described nothing, for logs."""
    match failure:
        case NotSent():
            return f"not sent: {failure.reason}"
        case Unclear():
            return f"unclear: {failure.reason}"
        case Refused():
            return f"refused: {failure.code} {failure.detail}".strip()
        case Denied():
            return f"denied: {failure.status}"
        case _:
            return f"garbled: {failure.reason}"
