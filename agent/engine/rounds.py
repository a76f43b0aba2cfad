"""When the engine last went round: by this, and not by a timer, is told whether it gets on."""

import asyncio


class Rounds:
    """Counts by the loop's own clock, which stands still while the machine sleeps."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.turned()

    def turned(self) -> None:
        """A steward has asked what its sale owes."""
        self._at = self._loop.time()

    @property
    def still_s(self) -> float:
        """Seconds since then."""
        return self._loop.time() - self._at
