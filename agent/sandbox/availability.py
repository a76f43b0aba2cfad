"""Which means of payment a buyer can use, as the bank tells a till that asks before it takes the money.

By default the list is the answer (200). The vendor's older way is there by a switch: 201 with the name of a task, then looks until it is
done. What the list says is the director's to set; it binds nobody: a payment may still be declined.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.sandbox.faults import FaultBook, FaultKind
from agent.sandbox.ledger import Ledger, Violation, ViolationKind
from agent.sandbox.words import API_PREFIX, LOOK_PATH, Answer, Method, Operation, json_answer

MAX_TASKS = 1_000  # lists that were to come later; older ones are forgotten
MAX_MESSAGE_CHARS = 1_000

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What every buyer can use. ``is_default``: he has chosen Koshelek Pay as the usual way. ``unavailable``: a message for each means that
    he cannot use. ``asynchronous``: the older way; the first look not before ``timeout_ms``, the list there after ``ready_after_ms``.
    Raises ValueError."""

    is_default: bool = False
    unavailable: Mapping[Method, str] = field(default_factory=dict)
    asynchronous: bool = False
    timeout_ms: int = 350  # of the vendor's example
    ready_after_ms: int = 500

    def __post_init__(self) -> None:
        if self.is_default and len(self.unavailable) == len(Method):
            raise ValueError("is_default promises that at least one means is available")
        if self.timeout_ms < 0 or self.ready_after_ms < 0:
            raise ValueError("times must not be negative")
        if any(len(message) > MAX_MESSAGE_CHARS for message in self.unavailable.values()):
            raise ValueError(f"a message has at most {MAX_MESSAGE_CHARS} characters")

    def listed(self) -> dict[str, Any]:
        """The fields of an answer."""
        means = [
            {"paymentType": method.value, "available": method not in self.unavailable, "message": self.unavailable.get(method, "")}
            for method in Method
        ]
        return {"koshelekPayIsDefault": self.is_default, "paymentTypeAvailabilityInfoList": means}


@dataclass(slots=True)
class _Task:
    """A list that comes later. It says what was true when it was asked for."""

    offer: Offer
    ready_ms: int
    next_look_ms: int


class AvailabilityDesk:
    """Answers both requests about the list. ``offer`` may be exchanged at any time."""

    def __init__(self, offer: Offer, tolerance_ms: int, book: FaultBook, ledger: Ledger, new_id: Callable[[], str]) -> None:
        self.offer = offer
        self._tolerance_ms = tolerance_ms
        self._book = book
        self._ledger = ledger
        self._new_id = new_id
        self._tasks: dict[str, _Task] = {}

    def ask(self, now_ms: int) -> Answer:
        """The list, or the name under which it will be found."""
        offer = self.offer
        if not offer.asynchronous:
            return json_answer(200, self._spoil(Operation.AVAILABILITY, offer.listed()))
        name = self._new_id()
        self._tasks[name] = _Task(offer, now_ms + offer.ready_after_ms, now_ms + offer.timeout_ms)
        if len(self._tasks) > MAX_TASKS:
            del self._tasks[next(iter(self._tasks))]
        body = self._spoil(Operation.AVAILABILITY, {"availabilityInfoId": name, "timeout": offer.timeout_ms})
        return json_answer(201, body, {"location": f"{API_PREFIX}{LOOK_PATH}{name}"})  # the vendor's: without the partner's part

    def look(self, now_ms: int, name: str) -> Answer:
        """Is the list ready?"""
        task = self._tasks.get(name)
        if task is None:
            return json_answer(404, {"code": "SANDBOX_NO_SUCH_TASK"})
        early_ms = task.next_look_ms - now_ms
        if early_ms > self._tolerance_ms:
            detail = f"{early_ms} ms before it was told to"
            self._ledger.complain(Violation(now_ms, ViolationKind.POLLED_TOO_SOON, Operation.AVAILABILITY_LOOK, name, detail))
        body: dict[str, Any] = {"availabilityInfoId": name, "computationComplete": now_ms >= task.ready_ms}
        if now_ms >= task.ready_ms:
            body |= task.offer.listed()
        else:
            task.next_look_ms = now_ms + task.offer.timeout_ms
            body["pollingTimeout"] = task.offer.timeout_ms
        return json_answer(200, self._spoil(Operation.AVAILABILITY_LOOK, body))

    def _spoil(self, operation: Operation, body: dict[str, Any]) -> dict[str, Any]:
        if self._book.take(operation, FaultKind.EXTRA_FIELDS):
            body |= {"loyaltyBonus": {"points": 12, "levels": [1, None]}, "trace": None}
            for one in body.get("paymentTypeAvailabilityInfoList", []):
                one["bankComment"] = "Оплата по СБП"
        return body
