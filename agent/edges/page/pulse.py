"""How long payment systems took to answer over the last day, and how often they did not: a ring of counters, nothing that grows.

Kept in memory alone: what it counts is about the network, not about money, and a start begins anew.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

SLOT_S = 600  # of one point of the drawing: ten minutes hold enough requests for a percentile
SLOTS = 144  # a day of them
BOUNDS_MS = (10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 30_000)
MAX_ACCOUNTS = 32  # four systems and the accounts that were left; what comes beyond is not counted


@dataclass(slots=True)
class Slot:
    """``number`` counts slots since the epoch. ``answers``: by upper bound of the time, the last is beyond all bounds."""

    number: int
    answers: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    failures: int = 0

    @property
    def answered(self) -> int:
        return sum(self.answers)

    def percentile_ms(self, share: float) -> int:
        """The bound below which at least this share of the answers came; 0 without one."""
        wanted, seen = share * self.answered, 0
        for bound, count in zip((*BOUNDS_MS, BOUNDS_MS[-1]), self.answers, strict=True):
            seen += count
            if count and seen >= wanted:
                return bound
        return 0


@dataclass(frozen=True, slots=True)
class Beat:
    """What is drawn of one slot. ``at_s``: when it began, seconds since the epoch."""

    at_s: int
    median_ms: int
    slow_ms: int  # nine of ten answers came sooner
    answered: int
    failures: int


class Pulse:
    """One for the process. ``clock``: seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._slots: dict[str, list[Slot]] = {}

    def observe(self, account: str, outcome: str, milliseconds: int) -> None:
        """An attempt has ended. ``outcome`` is its class: ``reply.2xx``, ``not_sent.REASON``, ``unclear.REASON``."""
        if account not in self._slots and len(self._slots) >= MAX_ACCOUNTS:
            return
        slots, number = self._slots.setdefault(account, []), int(self._clock()) // SLOT_S
        if not slots or slots[-1].number != number:
            slots.append(Slot(number))
            del slots[:-SLOTS]
        if outcome.startswith("reply."):
            place = next((index for index, bound in enumerate(BOUNDS_MS) if milliseconds <= bound), len(BOUNDS_MS))
            slots[-1].answers[place] += 1
        else:
            slots[-1].failures += 1

    def day(self, account: str) -> Sequence[Beat]:
        """The slots of the last day in which anything happened, oldest first."""
        oldest = int(self._clock()) // SLOT_S - SLOTS
        return [
            Beat(slot.number * SLOT_S, slot.percentile_ms(0.5), slot.percentile_ms(0.9), slot.answered, slot.failures)
            for slot in self._slots.get(account, ())
            if slot.number > oldest
        ]
