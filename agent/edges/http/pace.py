"""How often those may ask who show no token: all of them together, so that no number of programs takes the time of the registers.

Who asks too often waits for his refusal: told at once, a program in a loop would ask again at once, and refusing costs almost what
answering does.
"""

import asyncio
import math

from agent.edges.http.faults import Fault
from drivers.ratelimit import TokenBucket

REQUESTS_PER_S, REQUESTS_AT_ONCE = 30, 120  # of all strangers: a page comes with five files, and a person looks at a few in a minute
PAGE_COSTS = 3  # of these, since it is made anew: ten pages a second
REFUSAL_S = 1.0  # until it is told
MAX_REFUSALS = 64  # that wait at a time; the others are told at once


class Pace:
    """One for each listener."""

    def __init__(self, at_once: int = REQUESTS_AT_ONCE, per_s: float = REQUESTS_PER_S) -> None:
        self._at_once, self._per_s = at_once, per_s
        self._bucket: TokenBucket | None = None
        self._refusing = 0

    async def take(self, cost: float = 1.0) -> None:
        """Raises Fault LIMIT."""
        now = asyncio.get_running_loop().time()
        self._bucket = self._bucket or TokenBucket(self._at_once, self._per_s, now)
        pause = self._bucket.take(now, cost)
        if pause <= 0:
            return
        if self._refusing < MAX_REFUSALS:
            self._refusing += 1
            try:
                await asyncio.sleep(REFUSAL_S)
            finally:
                self._refusing -= 1
        raise Fault("LIMIT", "too many requests", headers={"Retry-After": str(math.ceil(pause))})
