"""What refunds owe: the one at work is sent, looked up before it may be repeated, and read until its end is known."""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.core.ask_refund import must_be_whole
from agent.core.call import Call, elapsed_ms
from agent.core.capability import Refunds
from agent.core.duty import Duty, Owed
from agent.core.owing import Owing
from agent.core.payment import FINISHED
from agent.core.refund import Refund, RefundState

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class OfRefunds(Owing):
    """The duties of the refund at work."""

    def owed(self) -> Iterator[Owed]:
        one = self.sale.active_refund()
        if one is None or self.sale.payment not in FINISHED:
            return
        match one.state:
            case RefundState.QUEUED:
                if self.caps.refunds is Refunds.NONE:
                    yield Owed(Duty.HAND_OVER, self.now.ticks, refund=one.key)
                elif one.check_first or must_be_whole(self.sale, one, self.caps.refunds):
                    yield from self._refund_read(Duty.CHECK_REFUND, one)
                else:
                    yield Owed(Duty.REFUND, self._refund_due(one), refund=one.key)
            case RefundState.UNKNOWN:
                yield from self._unclear_refund(one)
            case RefundState.PENDING:
                yield from self._refund_read(Duty.READ_REFUND, one)
            case RefundState.REQUESTED:
                yield from self._refund_read(Duty.READ_REFUND, one, daily=True)
            case _:
                return

    def _refund_due(self, one: Refund) -> int:
        if one.call is None:
            return self.now.ticks
        if not one.call.settled:
            return one.call.next_try(self.now, self.policy.settle_backoff)
        if one.closed_at is None or one.closed_at.boot != self.now.boot:
            return self.now.ticks
        return one.closed_at.ticks + self.policy.settle_backoff.after(one.closed + 2)

    def _unclear_refund(self, one: Refund) -> Iterator[Owed]:
        call = one.call
        assert call is not None
        if call.open:
            return
        if not self.caps.idempotent_refund:
            yield from self._second_refund(one, call)
            return
        assert call.first_sent is not None
        age = elapsed_ms(call.first_sent, self.now)
        late = age is None or age >= self.policy.blind_repeat_ms
        if one.check_first or (late and one.checked is None):
            yield from self._refund_read(Duty.CHECK_REFUND, one)
        else:
            yield Owed(Duty.REFUND, call.next_try(self.now, self.policy.settle_backoff), refund=one.key)

    def _second_refund(self, one: Refund, call: Call) -> Iterator[Owed]:
        """A repeat would be a second refund: wait until the first copy has surely arrived or died, look, and only then repeat. The wait is
        counted by a clock that nobody sets; of another boot nobody knows how long it lasted, so it counts anew. A hurried look
        proves nothing about a copy that was still under way."""
        assert call.last is not None
        begun = call.last if call.last.boot == self.now.boot else self.memory.started
        arrived = begun.ticks + self.policy.blind_repeat_ms
        looked = one.checked is not None and one.checked.boot == self.now.boot and one.checked.ticks >= arrived
        if one.check_first:
            yield from self._refund_read(Duty.CHECK_REFUND, one)
        elif self.now.ticks < arrived:
            yield Owed(Duty.CHECK_REFUND, arrived, refund=one.key)
        elif not looked:
            yield from self._refund_read(Duty.CHECK_REFUND, one)
        else:
            yield Owed(Duty.REFUND, call.next_try(self.now, self.policy.settle_backoff), refund=one.key)

    def _refund_read(self, duty: Duty, one: Refund, daily: bool = False) -> Iterator[Owed]:
        memory = self.memory
        if memory.reading:
            return
        due = self.now.ticks
        if memory.last_read is not None and memory.last_read.boot == self.now.boot:
            due = max(due, memory.last_read.ticks + (_DAY_MS if daily else self.pause(memory.reads - 10)))
        yield Owed(duty, self.unless_silenced(due, one.call), refund=one.key)
