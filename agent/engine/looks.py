"""One read of a sale beside what it owes: of one that ended without money, told or not, in memory or not.

A look is none of the watch's own, so it never ends a watch; and customers come before it: one at a time for each payment system, with a
pause between two.
"""

import asyncio
from collections.abc import Callable, Sequence

from agent.core import decide
from agent.core.contract import FindsByKey
from agent.core.decide import Result, SearchResult
from agent.core.events import Event, Reread
from agent.core.model import SaleId
from agent.core.sale import Sale
from agent.core.verdict import Denied, Found, Garbled, Observed, Refused, Reply
from agent.engine.engine import Engine
from agent.engine.steward import Steward
from agent.engine.waiting import Entry

LOOK_PAUSE_S = 0.25  # between two looks at sales of one payment system

Asking = Callable[[SaleId], Sequence[Entry]]  # who waits for a look at this sale
Looked = Callable[[SaleId, Sequence[Entry], bool], None]  # the sale, who waited when the look began, whether it was answered


class Looks:
    """Makes them, each as a task of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turns: dict[str, asyncio.Lock] = {}
        self._coming: set[SaleId] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def coming(self) -> int:
        """How many are to come."""
        return len(self._coming)

    def comes(self, sale_id: SaleId) -> bool:
        """Whether a look at the sale is to come: it will see whatever has happened until now."""
        return sale_id in self._coming

    def begin(self, steward: Steward, asking: Asking, looked: Looked) -> None:
        """Look as soon as it is the sale's turn, then tell ``looked``."""
        self._coming.add(steward.sale.id)
        task = asyncio.ensure_future(self._look(steward, asking, looked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End them all; what they were asked for is still known to who asked."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look(self, steward: Steward, asking: Asking, looked: Looked) -> None:
        sale_id, provider = steward.sale.id, steward.sale.binding.provider
        async with self._turns.setdefault(provider, asyncio.Lock()):
            self._coming.discard(sale_id)
            entries = asking(sale_id)
            try:
                answered = not steward.memory.reading and await self._read(steward)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - the task's boundary: one sale must not take the others with it
                self._engine.set_aside(steward, error)
                return
            looked(sale_id, entries, answered)
            await asyncio.sleep(LOOK_PAUSE_S)

    async def _read(self, steward: Steward) -> bool:
        """Whether the payment system answered, or there is nothing to ask it by."""
        memory, sale, ports = steward.memory, steward.sale, self._engine.ports
        provider = steward.setup.provider(sale.binding.provider)
        if sale.transaction_id is not None:
            request = provider.status(sale.id, ports.chance.request_id(), sale.transaction_id, None)
        elif isinstance(provider, FindsByKey) and sale.call is not None:
            request = provider.find(sale.id, sale.call.request_id, (sale.call.first_sent or sale.accepted).wall)
        else:
            return True
        memory.reading = True
        try:
            outcome = await ports.transport.exchange(sale.binding, request, {}, lambda _: None)
            result: Result | SearchResult
            if not isinstance(outcome, Reply):
                result = outcome
            elif sale.transaction_id is None and isinstance(provider, FindsByKey):
                result = provider.read_found(outcome)
            else:
                result = provider.read(request.operation, outcome)
            await steward.insist(lambda now: self._meaning(steward, now, result))
            answered = isinstance(result, Observed | Found | Refused)
            memory.last_read = ports.clock.now()
            memory.read_failures = 0 if answered else memory.read_failures + 1
            memory.read_pause_ms = (result.retry_after_s or 0) * 1_000 if isinstance(result, Denied | Garbled) else 0
        finally:
            memory.reading = False
            steward.wake.set()
        return answered

    def _meaning(self, steward: Steward, sale: Sale, result: Result | SearchResult) -> list[Event]:
        now, policy = self._engine.ports.clock.now(), steward.policy
        caps = steward.setup.capabilities(sale.binding.provider)
        plan = policy.rereads_ms if caps.cancel else caps.rereads_ms
        if isinstance(result, Found):
            request_id = sale.call.request_id if sale.call is not None else ""
            found = decide.search_result(sale, request_id, result, now, plan, policy)
        else:
            found = decide.status_result(sale, result, now, policy, plan)
        return [one for one in found if not isinstance(one, Reread)]
