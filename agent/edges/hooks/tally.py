"""What was turned away, counted and told now and then: whoever can reach the port can send anything as often as he likes, and neither the
log nor the disk may grow with it."""

from collections import Counter
from collections.abc import Callable

TOLD_EVERY_S = 60.0  # the first refusal is told at once, those that follow together

Report = Callable[[str, str, int], None]  # payment system ("" where the path names none), why, how many since the last time


class Tally:
    """Counts refusals by payment system and reason. ``clock``: any clock in seconds that does not run backwards."""

    def __init__(self, report: Report, clock: Callable[[], float]) -> None:
        self._report, self._clock = report, clock
        self.counts: Counter[tuple[str, str]] = Counter()
        self._untold: Counter[tuple[str, str]] = Counter()
        self._told_at: float | None = None

    def refused(self, provider: str, reason: str) -> None:
        """One more."""
        self.counts[provider, reason] += 1
        self._untold[provider, reason] += 1
        now = self._clock()
        if self._told_at is None or now - self._told_at >= TOLD_EVERY_S:
            self._told_at = now
            for (name, why), count in sorted(self._untold.items()):
                self._report(name, why, count)
            self._untold.clear()
