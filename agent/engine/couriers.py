"""Couriers: fiscal receipts on their way, few at a time, so that however many are owed they never take a sale's place on the wire.

The transport carries a bounded number of requests. After an outage every sale may owe a receipt, and a service that answers none would
keep each request for minutes: sales would find no room. So a receipt waits for its turn first, and keeps it until its request has truly
ended, also when nobody waits for the answer any more (money rule 13).
"""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType

from agent.core import events
from agent.core.decide_receipt import receipt_call
from agent.core.delivery import Delivery
from agent.core.receipt import TakesReceipts
from agent.core.sale import Sale
from agent.core.verdict import Outcome, Request, Unclear
from agent.engine.steward import Steward

MAX_COURIERS = 2  # of the 16 requests that an account's connections carry; a till makes a receipt every half minute
LATE_LIMIT_S = 600.0  # the longest life a request can be given by configuration: after that no late answer will come

Landed = Callable[[str, str, Request, Outcome, bool], Coroutine[object, object, None]]
"""What records the end of an attempt: call, requestId, request, outcome, whether it is late."""


class Couriers:
    """``async with`` one of them: waits for its turn. One for the whole engine; once closed none leaves any more."""

    def __init__(self, most: int = MAX_COURIERS) -> None:
        self._free = asyncio.Semaphore(most)
        self._closed = asyncio.Event()

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def close(self) -> None:
        """The agent stops: what has not left stays owed, and nobody waits for late answers."""
        self._closed.set()

    async def __aenter__(self) -> None:
        await self._free.acquire()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._free.release()

    async def wait(self, ended: asyncio.Event) -> None:
        """Until a request that was given up as lost has ended after all, or cannot any more."""
        waiting = [asyncio.ensure_future(ended.wait()), asyncio.ensure_future(self._closed.wait())]
        try:
            await asyncio.wait(waiting, timeout=LATE_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()


class Courier:
    """Carries the receipts of one sale. ``landed`` records how an attempt ended."""

    def __init__(self, steward: Steward, couriers: Couriers, landed: Landed) -> None:
        self._steward = steward
        self._couriers = couriers
        self._landed = landed

    def carry(self, key: str) -> None:
        """Begin an attempt, as soon as there is room. Until it has ended the sale owes no other for this receipt."""
        self._steward.memory.carried.add(key)
        self._steward.spawn(self._carry(key))

    async def _carry(self, key: str) -> None:
        try:
            async with self._couriers:
                if not self._couriers.closed:
                    await self._attempt(key)
        finally:
            self._steward.memory.carried.discard(key)

    async def _attempt(self, key: str) -> None:
        steward, sale, name = self._steward, self._steward.sale, receipt_call(key)
        one = sale.delivery(key)
        assert one is not None
        if one.call is None or one.call.settled:
            request_id = steward.ports.chance.request_id()
            request = self._request(sale, one, request_id)
            start = events.AttemptStarted(name, request_id, request)
        else:
            request_id, request = one.call.request_id, one.call.request
            start = events.AttemptStarted(name, request_id)
        if await steward.insist(lambda now: [start] if _may_leave(now, key) else []):
            await self._fly(name, request_id, request)

    def _request(self, sale: Sale, one: Delivery, request_id: str) -> Request:
        provider = self._steward.setup.provider(sale.binding.provider)
        assert isinstance(provider, TakesReceipts), "a receipt is taken over only for a provider that takes receipts"
        assert sale.transaction_id is not None
        refund = sale.refund(one.refund) if one.refund is not None else None
        return provider.receipt(sale.id, request_id, sale.transaction_id, refund.ref_transaction_id if refund else None, one.receipt)

    async def _fly(self, name: str, request_id: str, request: Request) -> None:
        steward, ended = self._steward, asyncio.Event()

        def late(outcome: Outcome) -> None:
            ended.set()
            steward.spawn(self._landed(name, request_id, request, outcome, True))

        outcome = await steward.ports.transport.exchange(steward.sale.binding, request, {}, late)
        await self._landed(name, request_id, request, outcome, False)
        if isinstance(outcome, Unclear) and outcome.reason == "timeout":
            await self._couriers.wait(ended)


def _may_leave(sale: Sale, key: str) -> bool:
    """A late answer may have settled it while the disk was slow."""
    one = sale.delivery(key)
    return one is not None and one.unsettled and (one.call is None or not one.call.open)
