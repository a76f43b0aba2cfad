"""The shared call machine: one logical request to a provider, however many attempts it takes.

A network cannot say "I delivered this and the answer was lost". So a call keeps, attempt by attempt, the one thing that can be known:
whether it is *proven* that nothing was sent. ``IDLE`` means that proof exists for every attempt so far; once a single attempt is lost the
call can never be idle again, and only a readable answer settles it (money rule 2). An attempt that is open when the process dies has no
recorded result, and recovery records it as lost: that is why ``STARTED`` is on disk before the first byte leaves.

The machine knows nothing of what is asked. Payment and refund own a call each and look only at its state; the request, its id and
its body are fixed by the first attempt and never change (same ``requestId``, same body).

================  ==========================================================
IDLE              never started, or every attempt proven unsent
FLYING            first attempt(s) open, everything before proven unsent
LOST              some attempt may have been sent, none is open
REPEATING         open again after a loss
ANSWERED          the provider's answer was read; nothing more is recorded
================  ==========================================================
"""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

from agent.core.machine import Table
from agent.core.model import Stamp
from agent.core.policy import BackOff
from agent.core.verdict import Request


class CallState(StrEnum):
    IDLE = "idle"
    FLYING = "flying"
    LOST = "lost"
    REPEATING = "repeating"
    ANSWERED = "answered"


class CallEvent(StrEnum):
    STARTED = "started"  # an attempt is about to leave
    HELD = "held"  # it is proven that nothing of it was sent, or the door was shut (401, 403, ...)
    LOST = "lost"  # it may have been sent and no readable answer came
    ANSWERED = "answered"  # an answer was read; it may be late


TABLE = Table(
    "call",
    {
        (CallState.IDLE, CallEvent.STARTED): CallState.FLYING,
        (CallState.FLYING, CallEvent.HELD): CallState.IDLE,
        (CallState.FLYING, CallEvent.LOST): CallState.LOST,
        (CallState.FLYING, CallEvent.ANSWERED): CallState.ANSWERED,
        (CallState.LOST, CallEvent.STARTED): CallState.REPEATING,
        (CallState.LOST, CallEvent.ANSWERED): CallState.ANSWERED,
        (CallState.REPEATING, CallEvent.HELD): CallState.LOST,
        (CallState.REPEATING, CallEvent.LOST): CallState.LOST,
        (CallState.REPEATING, CallEvent.ANSWERED): CallState.ANSWERED,
    },
    start=CallState.IDLE,
)


@dataclass(frozen=True, slots=True)
class Call:
    """State of one call. ``lost``: attempts that may have been sent and brought nothing. ``failures``: bad ends in a row, for the back-off.
    ``reachable_since``: when the provider was first reached after it was not (None: not since the last failure to connect)."""

    request_id: str
    request: Request
    state: CallState = CallState.IDLE
    lost: int = 0
    failures: int = 0
    first_sent: Stamp | None = None
    last: Stamp | None = None
    reachable_since: Stamp | None = None
    retry_after_ms: int = 0

    @property
    def open(self) -> bool:
        return self.state in (CallState.FLYING, CallState.REPEATING)

    @property
    def awaited(self) -> bool:
        """An answer may still come, if only late: something may have been sent, and nothing was read yet."""
        return self.state not in (CallState.IDLE, CallState.ANSWERED)

    @property
    def settled(self) -> bool:
        return self.state is CallState.ANSWERED

    @property
    def proven_unsent(self) -> bool:
        return self.state is CallState.IDLE

    def started(self, now: Stamp) -> "Call":
        state = TABLE.next(self.state, CallEvent.STARTED)
        return replace(self, state=state, first_sent=self.first_sent or now, last=now, retry_after_ms=0)

    def held(self, now: Stamp, retry_after_ms: int = 0, reached: bool = False) -> "Call":
        """``reached``: the provider answered and shut the door (401, 429, ...), so it is reachable."""
        state = TABLE.next(self.state, CallEvent.HELD)
        first = None if state is CallState.IDLE else self.first_sent
        since = (self.reachable_since or now) if reached else None
        return replace(
            self,
            state=state,
            failures=self.failures + 1,
            first_sent=first,
            last=now,
            reachable_since=since,
            retry_after_ms=retry_after_ms,
        )

    def lost_at(self, now: Stamp, retry_after_ms: int = 0, reached: bool = True) -> "Call":
        state = TABLE.next(self.state, CallEvent.LOST)
        since = (self.reachable_since or now) if reached else None
        return replace(
            self,
            state=state,
            lost=self.lost + 1,
            failures=self.failures + 1,
            last=now,
            reachable_since=since,
            retry_after_ms=retry_after_ms,
        )

    def answered(self, now: Stamp) -> "Call":
        return replace(self, state=TABLE.next(self.state, CallEvent.ANSWERED), last=now)

    def next_try(self, now: Stamp, back_off: BackOff) -> int:
        """Ticks of the boot of ``now`` at which the next attempt is due. What was left by another boot is due at once."""
        if self.last is None or self.last.boot != now.boot:
            return now.ticks
        wait = max(back_off.after(self.failures), self.retry_after_ms)
        return self.last.ticks + wait + int(wait * jitter(self.request_id, self.failures))


def may_start(call: Call | None, request_id: str) -> bool:
    """Whether an attempt of ``request_id`` may begin on top of this call: a repeat while it is unanswered, another id once it is answered.
    An answer that came late, while the attempt was made ready, has settled the call: then nothing may leave."""
    if call is None or call.request_id != request_id:
        return call is None or call.settled
    return not call.open and not call.settled


MAX_JITTER = 0.25  # of the wait: enough to spread a thousand tills that come back together over many seconds


def jitter(request_id: str, failures: int) -> float:
    """A fraction in [0, MAX_JITTER) that differs from till to till and from try to try, yet is the same at every look: request ids are
    random, so their digests spread, and no randomness has to reach the pure core."""
    seed = hashlib.sha256(f"{request_id}/{failures}".encode()).digest()
    return int.from_bytes(seed[:4], "big") / 2**32 * MAX_JITTER


def elapsed_ms(since: Stamp, now: Stamp) -> int | None:
    """Milliseconds between two stamps: by CLOCK_BOOTTIME within one boot, else by wall time. None: implausible, the clock went back."""
    if since.boot == now.boot:
        return now.ticks - since.ticks
    wall = int((now.wall - since.wall).total_seconds() * 1000)
    return wall if wall >= 0 else None
