"""What will happen at the bank by itself, in order of time. Plain data, so that a bank can be copied in the middle of a run."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from agent.sandbox.customer import Customer
from agent.sandbox.words import Request


@dataclass(frozen=True, slots=True)
class TurnsPending:
    """The payment reaches the customer's phone."""

    transaction_id: str


@dataclass(frozen=True, slots=True)
class CustomerActs:
    """The customer does what his script says."""

    transaction_id: str
    customer: Customer


@dataclass(frozen=True, slots=True)
class ReferenceDecided:
    """A cancel or refund that was ``new`` is decided."""

    transaction_id: str
    reference_id: str


@dataclass(frozen=True, slots=True)
class ChargedAfterCancel:
    """The fault: a cancelled payment is charged all the same."""

    transaction_id: str


@dataclass(frozen=True, slots=True)
class LinkExpires:
    """Nobody can pay on the page any more."""

    transaction_id: str


@dataclass(frozen=True, slots=True)
class LateCopy:
    """A copy of a request that was held up on its way."""

    request: Request


@dataclass(frozen=True, slots=True)
class PayoutActs:
    """A payout takes the course of its script."""

    payout_id: str
    script: Customer


OfPayment = TurnsPending | CustomerActs | ReferenceDecided | ChargedAfterCancel | LinkExpires
Event = OfPayment | PayoutActs | LateCopy


class Agenda:
    """Events by time; of one moment, in the order they were planned."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Event]] = []
        self._planned = 0

    def plan(self, at_ms: int, event: Event) -> None:
        self._planned += 1
        heapq.heappush(self._heap, (at_ms, self._planned, event))

    def due(self, now_ms: int) -> Iterator[tuple[int, Event]]:
        """Take what is due, one by one: an event may plan others that are due as well."""
        while self._heap and self._heap[0][0] <= now_ms:
            at_ms, _, event = heapq.heappop(self._heap)
            yield at_ms, event

    def next_due(self) -> int | None:
        return self._heap[0][0] if self._heap else None
