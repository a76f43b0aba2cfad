"""What a payment owes after its end: looks at what may still be paid, and that somebody is told of what was."""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.core.call import elapsed_ms
from agent.core.duty import Duty, Owed
from agent.core.owing import Owing, rereads
from agent.core.payment import PaymentState
from agent.core.policy import Unclaimed

WATCH_PATIENCE_READS = 10  # that fail in a row at a planned look; then one an hour
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class OfEnded(Owing):
    """The duties of a payment that has ended, or that a person sees to."""

    def owed(self) -> Iterator[Owed]:
        match self.sale.payment:
            case PaymentState.ATTENTION | PaymentState.CANCELED:
                yield from self._watch()
            case PaymentState.PAID:
                yield from self._unclaimed()
            case _:  # under way; or declined, expired, reversed, elsewhere: nothing is owed but refunds
                return

    def _watch(self) -> Iterator[Owed]:
        """Look again after a not-paid end: late money must not go unnoticed (money rule 5). In attention: evidence may still come."""
        sale = self.sale
        searchable = sale.withdrawn and self.caps.find_by_key
        if sale.late_money or sale.ended is None or not (sale.transaction_id is not None or searchable):
            return
        plan = rereads(self.policy, self.caps)
        if sale.rereads >= len(plan) or sale.watch_over:
            yield from self._beyond_the_plan(plan)
            return
        age = elapsed_ms(sale.ended, self.now)
        wait = 0 if age is None else plan[sale.rereads] - age
        due = self.now.ticks + max(wait, 0)
        last = self.memory.last_read
        if self.memory.read_failures >= WATCH_PATIENCE_READS and last is not None and last.boot == self.now.boot:
            due = max(due, last.ticks + _HOUR_MS)  # a door that stays shut: nobody waits, and a shop has many such sales
        if sale.transaction_id is not None:
            yield from self.read(first=due, slow_down_after=0)
        else:
            assert sale.call is not None, "what was withdrawn was sent"
            yield from self.look_for(due, sale.call)

    def _beyond_the_plan(self, plan: tuple[int, ...]) -> Iterator[Owed]:
        """Nothing, unless the payment can still be made (an operator said "not paid", a link was taken back): the plan's last interval is
        kept up."""
        last = self.memory.last_read
        if self.sale.transaction_id is None:
            return
        if Duty.READ in self.memory.hurried:
            yield from self.read(first=self.now.ticks, slow_down_after=0)
        elif not self.sale.watch_over and self.sale.payment is PaymentState.CANCELED:
            last_interval = plan[-1] - (plan[-2] if len(plan) > 1 else 0)
            wait = last_interval if last is not None and last.boot == self.now.boot else 0
            yield from self.read(first=(last.ticks if last is not None and wait else self.now.ticks) + wait, slow_down_after=0)

    def _unclaimed(self) -> Iterator[Owed]:
        sale = self.sale
        if sale.told is not None or "UNCLAIMED" in sale.alarms or sale.ended is None:
            return
        begin = max(sale.ended.ticks, self.memory.started.ticks) if sale.ended.boot == self.now.boot else self.memory.started.ticks
        back = (sale.cancel_by_pos or self.policy.unclaimed is Unclaimed.RETURN) and sale.decided is None and not sale.restored
        yield Owed(Duty.UNCLAIMED, begin + self.policy.unclaimed_ms, "return" if back else "keep")
