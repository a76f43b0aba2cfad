"""How often hints may lead to reads of one sale: at once, and then ever more rarely while they keep coming. And how often a line of the log
may tell of them.

Whoever can send one valid message can send it a thousand times. What a later one might have meant is not lost: a hint that comes too early
is answered by the read that is due anyway, and that read comes after it.
"""

from agent.core.model import SaleId

FIRST_PAUSE_MS = 1_000  # between two reads of one sale that hints asked for; each further one waits twice as long ...
MAX_PAUSE_MS = 60_000  # ... up to this: late money is found within a minute whatever else comes
QUIET_MS = 600_000  # without a hint for so long, the sale begins anew
MAX_LINES = 20  # in a minute, of each payment system: all of a busy shop, and no flood
MINUTE_MS = 60_000
_MAX_DOUBLINGS = 16  # far above what leads to the longest pause


class Pace:
    """When the next read of a sale may be. Times are ticks of this boot; nothing of it need outlast the process."""

    def __init__(self) -> None:
        self._reads: dict[SaleId, tuple[int, int]] = {}  # how many in a row, and when the last one was

    def next(self, sale_id: SaleId, now: int) -> int:
        """The tick at which a read that is asked for now may be made."""
        count, last = self._reads.get(sale_id, (0, now))
        if not count or now - last >= QUIET_MS:
            return now
        return max(now, last + min(FIRST_PAUSE_MS << min(count - 1, _MAX_DOUBLINGS), MAX_PAUSE_MS))

    def made(self, sale_id: SaleId, now: int) -> None:
        """A read is made now."""
        count, last = self._reads.get(sale_id, (0, now))
        self._reads[sale_id] = (1 if now - last >= QUIET_MS else count + 1), now

    def forget_quiet(self, now: int) -> None:
        """Drop what no longer counts."""
        self._reads = {sale_id: one for sale_id, one in self._reads.items() if now - one[1] < QUIET_MS}


class Telling:
    """Whether a line may tell of what strangers bring about: some in a minute, and the others are counted with the next that may."""

    def __init__(self) -> None:
        self._minutes: dict[str, tuple[int, int]] = {}  # when the minute began, and how many lines it has
        self._untold: dict[str, int] = {}

    def due(self, what: str, now: int) -> int | None:
        """How many went untold since the last line, if one may be written now."""
        begun, lines = self._minutes.get(what, (now, 0))
        if now - begun >= MINUTE_MS:
            begun, lines = now, 0
        if lines >= MAX_LINES:
            self._untold[what] = self._untold.get(what, 0) + 1
            return None
        self._minutes[what] = begun, lines + 1
        return self._untold.pop(what, 0)
