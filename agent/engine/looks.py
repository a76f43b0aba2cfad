"""One read of a sale beside what it owes: of one that ended without money, told or not, in memory or not.

A look is none of the watch's own, so it never ends a watch; and customers come before it: one at a time for each payment system, with a
pause between two.

A message may name, beside our own id, a payment that the record of the sale does not know: its answer was lost, or it is a second one. Then
that payment is read, and what the payment system says of it decides whether it is ours. What it says moves neither the back-off nor the
plan of the sale's own reads: whoever made the name up must not slow them down.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum

from agent.core import decide
from agent.core.contract import FindsByKey
from agent.core.decide import Result, SearchResult
from agent.core.events import Event, Reread, TransactionKnown
from agent.core.hints import names_unknown
from agent.core.model import SaleId
from agent.core.owing import rereads
from agent.core.sale import Sale
from agent.core.verdict import Denied, Found, Garbled, Observed, Operation, Refused, Reply
from agent.engine.engine import Engine
from agent.engine.steward import Steward
from agent.engine.waiting import Entry

LOOK_PAUSE_S = 0.25  # between two looks at sales of one payment system
MAX_ABSENCES = 6  # of a payment that a message names: by the pace of hints half a minute, for what was just made may not be shown yet

Asking = Callable[[SaleId], Sequence[Entry]]  # who waits for a look at this sale
Looked = Callable[[SaleId, Sequence[Entry], bool], None]  # the sale, who waited for this look when it began, whether it was answered


class Ending(Enum):
    """What became of a look."""

    ANSWERED = "answered"
    ABSENT = "absent"  # the payment system knows no such payment
    UNANSWERED = "unanswered"


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
            unknown, entries = _what_to_read(steward.sale, asking(sale_id))
            try:
                ending = await self._ending(steward, unknown)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - the task's boundary: one sale must not take the others with it
                self._engine.set_aside(steward, error)
                return
            for entry in entries if ending is Ending.ABSENT else ():
                entry.absent += 1
            given_up = ending is Ending.ABSENT and all(entry.absent >= MAX_ABSENCES for entry in entries)
            if given_up:
                self._engine.ports.notice("hint.given_up", sale_id, transaction=unknown)
            looked(sale_id, entries, ending is Ending.ANSWERED or given_up)
            await asyncio.sleep(LOOK_PAUSE_S)

    async def _ending(self, steward: Steward, unknown: str | None) -> Ending:
        if steward.memory.reading:
            return Ending.UNANSWERED
        if unknown is not None:
            return await self._read_unknown(steward, unknown)
        return Ending.ANSWERED if await self._read(steward) else Ending.UNANSWERED

    async def _read_unknown(self, steward: Steward, transaction_id: str) -> Ending:
        """Read a payment that a message says is this sale's."""
        memory, sale, ports = steward.memory, steward.sale, self._engine.ports
        provider = steward.setup.provider(sale.binding.provider)
        request = provider.status(sale.id, ports.chance.request_id(), transaction_id, None)
        memory.reading = True
        try:
            answer = await ports.transport.exchange(sale.binding, request, {}, lambda _: None)
            result = provider.read(Operation.STATUS, answer) if isinstance(answer, Reply) else answer
            found = await steward.insist(lambda now: self._meaning_of_unknown(steward, now, transaction_id, result))
            if isinstance(result, Denied | Garbled) and result.retry_after_s:
                memory.read_pause_ms = result.retry_after_s * 1_000
        finally:
            memory.reading = False
            steward.wake.set()
        call = steward.sale.call
        if isinstance(result, Observed) and call is not None and not call.open:
            led_to = ("adopted" if any(isinstance(one, TransactionKnown) for one in found) else "alarm") if found else "nothing"
            ports.notice("hint.followed", sale.id, transaction=transaction_id, led_to=led_to)
            return Ending.ANSWERED
        absent = isinstance(result, Refused) or (isinstance(result, Denied) and result.status == decide.NO_SUCH_THING)
        return Ending.ABSENT if absent else Ending.UNANSWERED

    def _meaning_of_unknown(self, steward: Steward, sale: Sale, transaction_id: str, result: Result) -> list[Event]:
        plan = rereads(steward.policy, steward.setup.capabilities(sale.binding.provider))
        return decide.named_result(sale, transaction_id, result, self._engine.ports.clock.now(), plan, steward.policy)

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
        plan = rereads(policy, steward.setup.capabilities(sale.binding.provider))
        if isinstance(result, Found):
            request_id = sale.call.request_id if sale.call is not None else ""
            found = decide.search_result(sale, request_id, result, now, plan, policy)
        else:
            found = decide.status_result(sale, result, now, policy, plan)
        return [one for one in found if not isinstance(one, Reread)]


def _what_to_read(sale: Sale, entries: Sequence[Entry]) -> tuple[str | None, Sequence[Entry]]:
    """The payment to be read, None for the sale's own, and who waits for that. The sale's own comes first: its money may be late."""
    unknown = {one.kept.number: one.kept.hint.transaction_id for one in entries if names_unknown(one.kept.hint, one.kept.provider, sale)}
    own = [one for one in entries if one.kept.number not in unknown]
    first = None if own else next(iter(unknown.values()), None)
    return first, own or [one for one in entries if unknown[one.kept.number] == first]
