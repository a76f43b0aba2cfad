"""What fiscal receipts owe: each is handed over, on its own."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agent.core.delivery import Delivery
from agent.core.duty import Duty, Owed
from agent.core.owing import Owing
from agent.core.policy import BackOff

# Every sale has a receipt, no customer waits for one, and each try is two records on the disk: what was not taken for minutes (a service
# that is not there) is tried ever more rarely, with the default back-off once an hour: hundreds of them must not fill the till's disk.
RECEIPT_PATIENCE_TRIES = 10
RECEIPT_PATIENCE_DOUBLINGS = 7


@dataclass(frozen=True, slots=True)
class OfReceipts(Owing):
    """The duties of receipts that are not delivered yet."""

    def owed(self) -> Iterator[Owed]:
        """Each on its own: one that cannot be delivered does not hold up the others, and none waits for money or is waited for by it."""
        for one in self.sale.deliveries:
            under_way = one.key in self.memory.carried or (one.call is not None and one.call.open)
            if one.unsettled and not under_way:
                yield Owed(Duty.RECEIPT, self._receipt_due(one), receipt=one.key)

    def _receipt_due(self, one: Delivery) -> int:
        if one.call is None:
            return self.now.ticks
        call = replace(one.call, failures=one.closed) if one.call.settled else one.call
        settle = self.policy.settle_backoff
        doublings = min(max(call.failures - RECEIPT_PATIENCE_TRIES, 0), RECEIPT_PATIENCE_DOUBLINGS)
        return call.next_try(self.now, BackOff(settle.base_ms, settle.cap_ms << doublings))
