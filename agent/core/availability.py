"""Which means of payment a buyer can use, as a payment system tells it: advice for the till, never a promise and never money.

Nothing here is journalled (money rule 14). The answer to the question is a *finding*, in words that no provider owns: the list itself,
"come back later" (an older, asynchronous way of answering), or one of the refusals that every request can meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, assert_never, runtime_checkable

from agent.core.model import Invoice, SaleId
from agent.core.verdict import TOO_MANY_REQUESTS, Denied, Garbled, Refused, Reply, Request


@dataclass(frozen=True, slots=True)
class Means:
    """One means of payment (PaymentTypeAvailabilityInfo of the Pay API). ``message``: why not, or whatever else the provider says of it."""

    payment_type: str
    available: bool
    message: str | None = None


@dataclass(frozen=True, slots=True)
class MeansList:
    """The list. ``is_default``: the buyer has chosen this system as the usual way to pay, so the till may start the payment by itself."""

    is_default: bool
    means: Sequence[Means]

    @property
    def usable(self) -> bool:
        """At least one means is available."""
        return any(one.available for one in self.means)


@dataclass(frozen=True, slots=True)
class Later:
    """The list is not ready. ``task_id`` names it at the provider; None: it keeps the name it has. ``after_ms``: not before."""

    task_id: str | None
    after_ms: int


Finding = MeansList | Later | Refused | Denied | Garbled


class AvailabilityState(StrEnum):
    """Where a question stands. UNAVAILABLE: the list could not be had, so the till goes on to other means of payment."""

    PENDING = "pending"
    READY = "ready"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Advice:
    """What a till is told. Once finished it does not change. ``listed`` is there when READY, ``reason`` when UNAVAILABLE."""

    state: AvailabilityState
    listed: MeansList | None = None
    reason: str | None = None

    @property
    def finished(self) -> bool:
        return self.state is not AvailabilityState.PENDING

    @property
    def success(self) -> bool | None:
        """Can the buyer pay with this system? None while that is not known."""
        return (self.listed is not None and self.listed.usable) if self.finished else None


PENDING = Advice(AvailabilityState.PENDING)


def advice(finding: Finding) -> Advice:
    """What an answer of the provider comes to. ``Later`` here means that it was put off too often."""
    match finding:
        case MeansList():
            return Advice(AvailabilityState.READY, finding)
        case Refused(code=code):
            return unavailable(code)
        case Denied(status=status) if status != TOO_MANY_REQUESTS:
            return unavailable("ACCESS_DENIED")
        case Denied() | Garbled():
            return unavailable("PROVIDER_UNAVAILABLE")
        case Later():
            return unavailable("TOO_SLOW")
        case _:
            assert_never(finding)


def unavailable(reason: str) -> Advice:
    """The list cannot be had, and why."""
    return Advice(AvailabilityState.UNAVAILABLE, reason=reason)


@runtime_checkable
class TellsAvailability(Protocol):
    """What a provider with the capability ``availability`` can do beside ``contract.Provider``. Pure, like all of it."""

    def ask_availability(self, sale_id: SaleId, request_id: str, invoice: Invoice, secret_names: frozenset[str]) -> Request:
        """Ask for the list for this bill and this buyer. ``sale_id`` carries store, terminal and the POS's key."""

    def look_at_availability(self, task_id: str) -> Request:
        """Look whether a list that was to come later is ready."""

    def read_availability(self, reply: Reply) -> Finding:
        """What an answer to either request says. Never raises: what cannot be understood is Garbled."""
