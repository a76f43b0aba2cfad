"""What every kind of duty is reckoned with: the sale, the time, and the pauses that a payment system is owed between two requests."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agent.core.call import Call, jitter
from agent.core.capability import Capabilities
from agent.core.duty import READS, Duty, Memory, Owed, least_pause_ms
from agent.core.fold import call_of
from agent.core.model import Stamp
from agent.core.payment import PaymentState
from agent.core.policy import BackOff, Policy
from agent.core.sale import CANCEL_CALL, CHECKOUT_CALL, RECEIPT_CALL, REFUND_CALL, Sale

_AS_ASKED = BackOff(0, 0)  # no wait of our own beside the provider's
_LINK_CAP_MS = 5_000  # between reads that fail while a customer has a link before him: the limit must not find us asleep


def rereads(policy: Policy, caps: Capabilities) -> tuple[int, ...]:
    """When to look again, in milliseconds after the end: the policy's plan for providers with a cancel, else the provider's own."""
    return policy.rereads_ms if caps.cancel else caps.rereads_ms


@dataclass(frozen=True, slots=True)
class Owing:
    """A sale at one moment. Those who know the duties of its payment, its refunds and its receipts are made from the same five."""

    sale: Sale
    now: Stamp
    memory: Memory
    policy: Policy
    caps: Capabilities

    def hurried(self, owed: Owed) -> Owed:
        """What an operator wants now is due now: neither sooner than the provider allows reads to follow each other, nor before the time it
        has itself asked us to wait (``Retry-After``)."""
        if owed.duty not in self.memory.hurried:
            return owed
        return replace(owed, at=min(owed.at, max(self._earliest(owed), self.now.ticks)))

    def _earliest(self, owed: Owed) -> int:
        if owed.duty in READS:
            if self.memory.last_read is None and self.sale.payment is PaymentState.PENDING:
                return self.first_read()
            last, pause_ms = self.memory.last_read, least_pause_ms(self.memory, self.policy)
        else:
            names = {Duty.SEND: CHECKOUT_CALL, Duty.CANCEL: CANCEL_CALL, Duty.REFUND: f"{REFUND_CALL}:{owed.refund}"}
            call = call_of(self.sale, names.get(owed.duty, f"{RECEIPT_CALL}:{owed.receipt}"))
            last, pause_ms = (call.last, call.retry_after_ms) if call is not None else (None, 0)
        return last.ticks + pause_ms if last is not None and last.boot == self.now.boot else self.now.ticks

    def first_read(self) -> int:
        """Never sooner after the provider's first answer than it allows, however much of a hurry there is."""
        answered = self.sale.answered
        assert answered is not None
        if answered.boot != self.now.boot:
            return self.now.ticks
        return max(self.now.ticks, answered.ticks + self.policy.first_read_ms)

    def look_for(self, due: int, call: Call) -> Iterator[Owed]:
        """The next search for the payment that ``call`` may have made: at ``due``, later after failures."""
        last = self.memory.last_read
        if self.memory.reading:
            return
        if last is not None and last.boot == self.now.boot:
            due = max(due, last.ticks + self.pause(0))
        yield Owed(Duty.FIND, self.unless_silenced(due, call))

    def read(self, first: int, slow_down_after: int | None) -> Iterator[Owed]:
        """The next status read: at ``first``, then at the interval; slower after failures, and after some reads where nobody waits."""
        memory = self.memory
        if not self.caps.read or memory.reading:
            return
        due = first
        if memory.last_read is not None and memory.last_read.boot == self.now.boot:
            due = max(first, memory.last_read.ticks + self.pause(0 if slow_down_after is None else memory.reads - slow_down_after))
        yield Owed(Duty.READ, self.unless_silenced(due, self.sale.cancel_call))

    def unless_silenced(self, due: int, call: Call | None) -> int:
        """Not before the silence is over that the provider asked for in its answer to that call: it means reads, too (promise P19)."""
        return max(due, call.next_try(self.now, _AS_ASKED)) if call is not None and call.retry_after_ms else due

    def pause(self, slow: int) -> int:
        """Milliseconds from a read to the next: while reads fail ever longer and different from till to till, and never shorter than the
        provider has asked for (promise P19)."""
        memory, policy = self.memory, self.policy
        doublings = min(max(slow, memory.read_failures, 0), 12)
        cap_ms = policy.read_cap_ms if self.caps.cancel or slow else min(policy.read_cap_ms, _LINK_CAP_MS)
        wait = max(min(policy.read_interval_ms << doublings, cap_ms), policy.read_interval_ms, memory.read_pause_ms)
        spread = jitter(f"{self.sale.id}/{self.sale.transaction_id}", memory.read_failures) if memory.read_failures else 0
        return wait + int(wait * spread)
