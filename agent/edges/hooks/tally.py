"""What led to nothing, counted and told now and then: whoever can reach the port can send anything as often as he likes, and neither the
log nor the disk may grow with it."""

from collections import Counter
from collections.abc import Callable

from agent.core.hints import Hint

TOLD_EVERY_S = 60.0  # the first refusal is told at once, those that follow together

Report = Callable[[str, str, int], None]  # payment system ("" where the path names none), why, how many since the last time
ReportUnrelated = Callable[[str, str, Hint, int], None]  # payment system, why, the names in the newest, how many since the last time


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


class Passed:
    """Proven messages that concern no till, each payment system's for itself. ``clock`` as above."""

    def __init__(self, report: ReportUnrelated, clock: Callable[[], float]) -> None:
        self._report, self._clock = report, clock
        self._untold: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}

    def noted(self, provider: str, reason: str, about: Hint) -> None:
        """One more."""
        self._untold[provider] += 1
        now, last = self._clock(), self._told_at.get(provider)
        if last is None or now - last >= TOLD_EVERY_S:
            self._told_at[provider] = now
            self._report(provider, reason, about, self._untold.pop(provider))
