"""The rule of the repeated requestId: the first answer comes again, byte for byte.

Known from the vendor: a repeat is answered like the first call. Not known, and so settings or faults: how long ids live. Ids are kept
apart by operation. A repeat with another body or token also gets the first answer; who sends such a thing is recorded elsewhere.
"""

from dataclasses import dataclass
from typing import Any

from agent.sandbox.words import Answer, Operation

MAX_STATUS_ANSWERS = 10_000  # of reads, which move nothing and come by the hundred; the oldest may go

_READS = frozenset({Operation.STATUS, Operation.AVAILABILITY})


@dataclass(frozen=True, slots=True)
class Remembered:
    """A first call and its answer."""

    at_ms: int
    document: Any
    token: str | None
    answer: Answer


class RequestMemory:
    """Answers by operation and requestId. ``forget_after_ms`` None: for ever."""

    def __init__(self, forget_after_ms: int | None) -> None:
        self._forget_after_ms = forget_after_ms
        self._kept: dict[Operation, dict[str, Remembered]] = {operation: {} for operation in Operation}

    def recall(self, now_ms: int, operation: Operation, request_id: str) -> Remembered | None:
        found = self._kept[operation].get(request_id)
        if found is not None and self._forget_after_ms is not None and now_ms - found.at_ms >= self._forget_after_ms:
            del self._kept[operation][request_id]
            return None
        return found

    def keep(self, operation: Operation, request_id: str, remembered: Remembered) -> None:
        kept = self._kept[operation]
        kept[request_id] = remembered
        if operation in _READS and len(kept) > MAX_STATUS_ANSWERS:
            del kept[next(iter(kept))]

    def forget_all(self) -> None:
        for kept in self._kept.values():
            kept.clear()
