"""So many requests a minute from one address, shared fairly by all who send from it; what moves money goes first.

Two rules beside the limit itself. A part of it is kept for the urgent (creates, cancels, refunds, logins), which reads may never use; a
smaller part is kept for reads, so that a rush of sales cannot hide their results. And reads are spread over the minute: spent in its first
seconds they would leave every customer without a result for the rest of it. Reads for which nobody stands at the till share the reads'
part, and take of it what the others leave.

``Allowance`` is pure: the time is passed in. ``RateLimit`` waits by it.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

MIN_PER_MINUTE = 4  # below this nothing can be kept for anybody
WINDOW_MS = 61_000  # a second above the minute: what was let go first may arrive after what was let go next
MAX_WAITING = 256  # callers; each has a limit of its own, this is the bound on the memory
URGENT_PART = 4  # one in so many requests is kept for the urgent
READS_PART = 10  # one in so many is kept for reads
BURST_PART = 6  # one in so many reads may be made at once: ten seconds' worth

_MILLISECONDS = 1_000


class Urgency(Enum):
    """What goes first when not all can go."""

    URGENT = "urgent"
    READ = "read"
    LAST = "last"  # a read that can wait until no other does


@dataclass(frozen=True, slots=True)
class Rate:
    """The limit of one address. Accounts whose ``address`` is the same share one limit. Raises ValueError if it is too low to share."""

    address: str
    per_minute: int

    def __post_init__(self) -> None:
        if self.per_minute < MIN_PER_MINUTE:
            raise ValueError(f"at least {MIN_PER_MINUTE} requests per minute are needed")


class Allowance:
    """What may go now. At most ``per_minute`` in any window, whenever it begins."""

    def __init__(self, per_minute: int, window_ms: int = WINDOW_MS) -> None:
        self._window_ms = window_ms
        self._next_read_ms = -window_ms  # long ago
        self._gone: dict[Urgency, deque[int]] = {urgency: deque() for urgency in Urgency}
        self.become(per_minute)

    def become(self, per_minute: int) -> None:
        """From now on another limit holds; what has been let go counts."""
        reads = per_minute - max(1, per_minute // URGENT_PART)
        self._all = per_minute
        self._most_urgent = per_minute - max(1, per_minute // READS_PART)
        burst = max(1, reads // BURST_PART)
        self._pause_ms = -(-self._window_ms // (reads - burst))  # rounded up: a burst and steady reads after it make ``reads`` a window
        self._ahead_ms = (burst - 1) * self._pause_ms

    def take(self, now_ms: int, urgency: Urgency) -> int:
        """Take one: 0. Not allowed yet: the milliseconds until it is worth asking again, and nothing is taken."""
        self._forget(now_ms)
        wait_ms = self._wait_ms(now_ms, urgency)
        if wait_ms > 0:
            return wait_ms
        self._gone[urgency].append(now_ms)
        if urgency is not Urgency.URGENT:
            self._next_read_ms = max(now_ms, self._next_read_ms) + self._pause_ms
        return 0

    def _forget(self, now_ms: int) -> None:
        for gone in self._gone.values():
            while gone and gone[0] <= now_ms - self._window_ms:
                gone.popleft()

    def _wait_ms(self, now_ms: int, urgency: Urgency) -> int:
        urgent = self._gone[Urgency.URGENT]
        everything = sorted(itertools.chain.from_iterable(self._gone.values()))
        free_at = [now_ms]
        if len(everything) >= self._all:
            free_at.append(everything[-self._all] + self._window_ms)
        if urgency is not Urgency.URGENT:
            free_at.append(self._next_read_ms - self._ahead_ms)
        elif len(urgent) >= self._most_urgent:
            free_at.append(urgent[-self._most_urgent] + self._window_ms)
        return max(free_at) - now_ms


class RateLimit:
    """The allowance of one address. ``now_ms``: any clock in milliseconds that does not run backwards."""

    def __init__(self, per_minute: int, now_ms: Callable[[], int], window_ms: int = WINDOW_MS) -> None:
        self._now_ms = now_ms
        self._allowance = Allowance(per_minute, window_ms)
        self._waiting: dict[Urgency, deque[asyncio.Future[None]]] = {urgency: deque() for urgency in Urgency}  # the urgent come first
        self._timer: asyncio.TimerHandle | None = None

    def become(self, per_minute: int) -> None:
        """From now on another limit holds; what was sent before counts."""
        self._allowance.become(per_minute)

    async def enter(self, urgency: Urgency, limit_s: float) -> bool:
        """Wait for a place, in the order of asking, at most ``limit_s``. False: there was none in time, nothing may be sent."""
        queue = self._waiting[urgency]
        if len(queue) >= MAX_WAITING:
            return False
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._serve()
        try:
            if not turn.done() and limit_s > 0:
                await asyncio.wait({turn}, timeout=limit_s)
            return turn.done()
        finally:
            if turn in queue:
                queue.remove(turn)

    def _serve(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waits_ms = [wait_ms for urgency, queue in self._waiting.items() if queue and (wait_ms := self._serve_queue(urgency, queue))]
        if waits_ms:
            self._timer = asyncio.get_running_loop().call_later(min(waits_ms) / _MILLISECONDS, self._serve)

    def _serve_queue(self, urgency: Urgency, queue: deque[asyncio.Future[None]]) -> int:
        """Let go all that may go: 0. Else the milliseconds until the next one may."""
        while queue and not (urgency is Urgency.LAST and self._waiting[Urgency.READ]):
            wait_ms = self._allowance.take(self._now_ms(), urgency)
            if wait_ms > 0:
                return wait_ms
            queue.popleft().set_result(None)
        return 0
