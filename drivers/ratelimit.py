"""A token bucket: so many at once, so many per second. Pure: the time is passed in, so it can be tested without waiting.

It does not refuse, it says how long to wait. A session that waits stops reading its socket, and the kernel makes the peer
wait: nothing has to be answered, stored or thrown away, and a flood costs the agent no more than the permitted rate.
"""


class TokenBucket:
    """``capacity`` tokens at most, refilled by ``rate_per_second``. ``now`` is any clock in seconds that does not run backwards."""

    def __init__(self, capacity: int, rate_per_second: float, now: float) -> None:
        if capacity < 1 or rate_per_second <= 0:
            raise ValueError("a bucket needs room for one token, and a rate above zero")
        self._capacity = float(capacity)
        self._rate = rate_per_second
        self._tokens = float(capacity)
        self._at = now

    def take(self, now: float, tokens: float = 1.0) -> float:
        """Take ``tokens``: 0.0. Too few there: the seconds until there are enough, and nothing is taken. More than the capacity would never
        be there, so they cost the capacity."""
        tokens = min(tokens, self._capacity)
        passed = max(0.0, now - self._at)
        self._at = max(self._at, now)
        self._tokens = min(self._capacity, self._tokens + passed * self._rate)
        if self._tokens >= tokens:
            self._tokens -= tokens
            return 0.0
        return (tokens - self._tokens) / self._rate
