"""What a payment system that pays money out must be able to say. Pure, like ``agent.core.contract``: an operation becomes a request, an
answer becomes a verdict.

A payout has no customer beside it who would notice a second one, and what was paid out does not come back. So the core trusts less than
with a payment: it sends a payout once, and what it is not sure of it searches for by its own id and reads. Whatever a provider cannot
prove is ``PayoutStatus.UNKNOWN`` or ``Garbled``, and neither is an end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from agent.core.money import Kopecks
from agent.core.verdict import Denied, Garbled, Operation, Refused, Reply, Request


class PayoutStatus(StrEnum):
    """State of a payout at the provider. ABSENT: it says that it knows no such payout. PARTIAL: a part was paid, or a part of it was taken
    back. UNKNOWN: a word we do not know, never final."""

    NEW = "new"
    PENDING = "pending"
    PROCESSED = "processed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """What is to be paid out: ``amount`` kopecks, by the provider's ``service``. Who gets it is no part of it: the recipient's data are
    secrets, named by ``recipient_secret``."""

    amount: Kopecks
    currency: str
    service: str
    description: str


@dataclass(frozen=True, slots=True)
class PayoutSeen:
    """The provider described a payout. ``reference``: our own id of it (the ``request_id``), as repeated; ``amount`` kopecks;
    ``resolution``: the provider's word of why, for people, decides nothing. None: not told."""

    status: PayoutStatus
    transaction_id: str | None = None
    reference: str | None = None
    amount: Kopecks | None = None
    currency: str | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutsFound:
    """What a search by our own id brought: each with at least its transaction. Empty: the provider knows no such payout."""

    matches: tuple[PayoutSeen, ...] = ()


PayoutVerdict = PayoutSeen | Refused | Denied | Garbled
PayoutFinding = PayoutsFound | Refused | Denied | Garbled

RECIPIENT = "recipient."


def recipient_secret(field: str) -> str:
    """The name under which a field of the recipient (as the provider's service calls it) is kept."""
    return RECIPIENT + field


@runtime_checkable
class PaysOut(Protocol):
    """A provider that pays out. Every request names ``request_id`` as our own id, fixed for ever by the record before the first byte
    leaves; wherever a recipient's field belongs the body holds ``secret(recipient_secret(field))``."""

    payout_searches: int
    """How often a payout that may have been sent is searched for before the program gives up and asks a person."""

    payout_search_pause_ms: int
    """The pause before each search: the provider may show a payout only a while after it took it (inferred; configurable)."""

    def check_payout(self, order: PayoutOrder, field_lengths: Mapping[str, int]) -> None:
        """Refuse what the provider would refuse, before anything is stored. ``field_lengths``: characters of each given field of the
        recipient, by the service's names. Raises ``contract.Unacceptable``; its text never holds a secret."""

    def payout(self, request_id: str, order: PayoutOrder, field_names: frozenset[str]) -> Request:
        """The request that pays out (``Operation.PAYOUT``). ``field_names``: the recipient's fields, by the service's names."""

    def payout_status(self, transaction_id: str) -> Request:
        """Read one (``Operation.PAYOUT_STATUS``)."""

    def find_payout(self, request_id: str) -> Request:
        """Search by our own id (``Operation.PAYOUT_FIND``)."""

    def read_payout(self, operation: Operation, reply: Reply) -> PayoutVerdict:
        """The answer to PAYOUT or PAYOUT_STATUS. Never raises. ``Refused``: a definite refusal of *this* request; what a refused repeat of
        an id may look like is never ``Refused`` (then Garbled, and the core searches)."""

    def read_found_payouts(self, reply: Reply) -> PayoutFinding:
        """The answer to PAYOUT_FIND. Never raises: an answer of which a part cannot be understood is Garbled as a whole."""


# --- advice: what can be paid out by ---


@dataclass(frozen=True, slots=True)
class RecipientField:
    """What a service asks for of the recipient. ``key``: its name in ``fields``; ``pattern``: what it must match as a whole, if that is
    told and usable."""

    key: str
    required: bool
    label: str = ""
    example: str = ""
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutService:
    """A way to pay out. Limits in kopecks; None where none is told. ``available``: False where the provider says that it is not."""

    code: str
    currency: str
    available: bool
    fields: tuple[RecipientField, ...] = ()
    least: Kopecks | None = None
    most: Kopecks | None = None


@dataclass(frozen=True, slots=True)
class PayoutServices:
    """Advice for a till; nothing is promised by it, nothing is stored of it."""

    services: tuple[PayoutService, ...] = ()


PayoutAdvice = PayoutServices | Refused | Denied | Garbled


@runtime_checkable
class AdvisesPayouts(PaysOut, Protocol):
    """A provider that can be asked which services pay out."""

    def ask_payout_services(self, amount: Kopecks) -> Request | None:
        """The question (``Operation.AVAILABILITY``); None where the configuration cannot ask it (no public key)."""

    def read_payout_services(self, reply: Reply) -> PayoutAdvice:
        """Never raises."""
