"""Who gets on: by what each steward has done of what was due, and not by a timer, is told whether the engine works.

A steward that waits for the clock, its customer or an answer is at no duty. One that has begun a duty is at it until it is recorded or
under way, which takes moments: one that does not get there stands still, and so that it is seen each has a stamp of its own. That others
go round does not hide it; and only what others have *done* shows that it is not the engine as a whole.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from agent.core.model import SaleId


class Rounds:
    """Counts by the loop's own clock, which stands still while the machine sleeps."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begun: dict[SaleId, float] = {}
        self._done = self._loop.time()

    @contextmanager
    def duty(self, name: SaleId) -> Iterator[None]:
        """Inside, the steward of this sale or payout does what is due."""
        self._begun[name] = self._loop.time()
        try:
            yield
        finally:
            self._begun.pop(name, None)  # one that was set aside and released may have begun anew
            self._done = self._loop.time()

    @property
    def due(self) -> Mapping[SaleId, float]:
        """For how many seconds each that is at a duty has been at it."""
        now = self._loop.time()
        return {name: now - begun for name, begun in self._begun.items()}

    @property
    def still_s(self) -> float:
        """For how many seconds nothing has been done of what is due; 0 when nothing is."""
        return min([*self.due.values(), self._loop.time() - self._done]) if self._begun else 0.0
