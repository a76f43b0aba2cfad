"""What a payout owes, and when: a pure function over what is recorded, the time, and what only this process remembers.

There is one way to ``SEND``: out of ``QUEUED``, with the proof that nothing ever left, before the deadline. Whatever may have been sent
owes searches, then reads, and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from agent.core.call import elapsed_ms, jitter
from agent.core.model import Stamp
from agent.core.payout import asked
from agent.core.payout.decide import looks_after_end
from agent.core.payout.machine import PayoutState
from agent.core.payout.payout import Payout
from agent.core.payout.policy import PayoutPolicy

HURRIED_MS = 1_000  # between two looks, however much of a hurry there is


class PayoutDuty(StrEnum):
    SEND = "send"  # the one attempt
    EXPIRE = "expire"
    FIND = "find"  # search by our own id
    READ = "read"
    SLOW = "slow"  # tell the shop


READS = frozenset({PayoutDuty.FIND, PayoutDuty.READ})


@dataclass(frozen=True, slots=True)
class PayoutOwed:
    """A duty and the tick at which it is due. ``why``: a reason code where the duty needs one."""

    duty: PayoutDuty
    at: int
    why: str = ""


@dataclass(slots=True)
class PayoutMemory:
    """What this process remembers of a payout beside its record."""

    leaving: bool = False  # its one sending is under way, or waits for its turn
    reading: bool = False
    last_read: Stamp | None = None
    reads: int = 0  # in a row since the state last changed
    failures: int = 0  # reads in a row that brought nothing
    pause_ms: int = 0  # the system has asked (Retry-After) not to be read for so long after the last read
    hurried: bool = False  # somebody wants the next look now: an operator, or a message of the system
    heard: bool = False  # a message of the system speaks of it: it is looked at, even if it owes no look more


def owes(payout: Payout) -> bool:
    """Whether a start must load the payout: it is not settled, or is looked at again."""
    return not payout.finished or (payout.watched and not payout.watch_over and payout.call is not None)


def obligations(payout: Payout, now: Stamp, memory: PayoutMemory, policy: PayoutPolicy, pause_ms: int) -> list[PayoutOwed]:
    """Everything it owes, soonest first. ``pause_ms``: before each search."""
    return sorted(_Owing(payout, now, memory, policy, pause_ms).owed(), key=lambda owed: owed.at)


@dataclass(frozen=True, slots=True)
class _Owing:
    payout: Payout
    now: Stamp
    memory: PayoutMemory
    policy: PayoutPolicy
    pause_ms: int

    def owed(self) -> Iterator[PayoutOwed]:
        match self.payout.state:
            case PayoutState.QUEUED:
                yield from self._queued()
            case PayoutState.UNKNOWN:
                yield from self._unknown()
            case PayoutState.PENDING:
                yield from self._pending()
            case _ if self.payout.watched:
                yield from self._watch()
        if self.memory.heard and self.payout.call is not None and not self.payout.call.open:
            yield from self._look(PayoutDuty.READ if self.payout.transaction_id is not None else PayoutDuty.FIND, self.now.ticks)

    def _queued(self) -> Iterator[PayoutOwed]:
        payout, deadline = self.payout, self.payout.deadline
        passed = deadline.passed(self.now)
        yield PayoutOwed(PayoutDuty.EXPIRE, self.now.ticks if passed else deadline.ticks, payout.reason or "SEND_DEADLINE")
        due = payout.call.next_try(self.now, self.policy.backoff) if payout.call else self.now.ticks
        if not passed and due < deadline.ticks and payout.never_sent and not self.memory.leaving:
            yield PayoutOwed(PayoutDuty.SEND, due)

    def _unknown(self) -> Iterator[PayoutOwed]:
        payout, call = self.payout, self.payout.call
        assert call is not None
        since = payout.searched or call.last or payout.updated
        yield self._slow(call.last or payout.updated)
        yield from self._look(PayoutDuty.FIND, self._after(since, self.pause_ms))

    def _pending(self) -> Iterator[PayoutOwed]:
        answered = self.payout.answered
        assert answered is not None
        if asked.SLOW not in self.payout.alarms:
            yield self._slow(answered)
        slower = min(self.policy.read_interval_ms << min(self.memory.reads // 10, 12), self.policy.read_cap_ms)
        first = self._after(answered, self.policy.first_read_ms)
        yield from self._look(PayoutDuty.READ, first, max(slower, self.policy.read_interval_ms))

    def _watch(self) -> Iterator[PayoutOwed]:
        """The looks after the end, on wall time: they may outlast a boot."""
        payout, plan = self.payout, looks_after_end(self.payout, self.policy)
        if payout.ended is None or payout.call is None or payout.watch_over or payout.rereads >= len(plan):
            return
        age = elapsed_ms(payout.ended, self.now)
        due = self.now.ticks + (0 if age is None else max(plan[payout.rereads] - age, 0))
        duty = PayoutDuty.READ if payout.transaction_id is not None else PayoutDuty.FIND
        yield from self._look(duty, due, self.policy.read_interval_ms)

    def _look(self, duty: PayoutDuty, due: int, interval_ms: int = 0) -> Iterator[PayoutOwed]:
        """The next look: at ``due``, not sooner than ``interval_ms`` after the last, later after failures, now if somebody wants it now."""
        memory, last = self.memory, self.memory.last_read
        if memory.reading:
            return
        here = last is not None and last.boot == self.now.boot
        if memory.hurried:
            due = self.now.ticks
            interval_ms = HURRIED_MS
        elif memory.failures:
            interval_ms = min(max(self.policy.read_interval_ms, interval_ms) << min(memory.failures, 12), self.policy.read_cap_ms)
            interval_ms += int(interval_ms * jitter(str(self.payout.id), memory.failures))
        if here and last is not None:
            due = max(due, last.ticks + max(interval_ms, memory.pause_ms))
        yield PayoutOwed(duty, due)

    def _slow(self, since: Stamp) -> PayoutOwed:
        age = elapsed_ms(since, self.now)
        return PayoutOwed(PayoutDuty.SLOW, self.now.ticks + (0 if age is None else max(self.policy.slow_ms - age, 0)))

    def _after(self, since: Stamp, wait_ms: int) -> int:
        """So long after a moment; of another boot: now."""
        return since.ticks + wait_ms if since.boot == self.now.boot else self.now.ticks
