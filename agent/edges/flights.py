"""Requests under way: tasks of their own, in a bounded set, that nobody's impatience ends.

A wait limit ends our waiting, never the request (money rule 13). Cutting a request off would lose an answer that may be on its way,
and it would also harm the client: the pool of httpx loses a connection slot for good when a request is cancelled at the wrong moment.
So no task here is ever cancelled; a caller that stops waiting, or is itself cancelled, leaves an address for the late answer.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from agent.core.verdict import Outcome, Unclear

_MILLISECONDS = 1_000


class Flights:
    """At most ``most`` requests at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: set[asyncio.Task[Outcome]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def full(self) -> bool:
        return len(self._tasks) >= self._most

    def launch(self, work: Coroutine[Any, Any, Outcome]) -> asyncio.Task[Outcome]:
        """Start ``work``, which raises nothing. The caller has checked ``full``."""
        assert not self.full
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def wait(self, task: asyncio.Task[Outcome], limit_ms: int, late: Callable[[Outcome], None]) -> Outcome:
        """The outcome if it comes in time, else Unclear("timeout"). In that case, and if the waiter is cancelled, ``late`` is called
        exactly once with the outcome when there is one."""
        try:
            done, _ = await asyncio.wait({task}, timeout=limit_ms / _MILLISECONDS)
        except asyncio.CancelledError:
            _tell_later(task, late)
            raise
        if done:
            return outcome_of(task)
        _tell_later(task, late)
        return Unclear("timeout", f"no answer within {limit_ms} ms; the request is still under way")

    async def land(self, limit_ms: int) -> bool:
        """Wait until nothing is under way, at most ``limit_ms``. True if so."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=limit_ms / _MILLISECONDS)
        return not self._tasks


def outcome_of(task: asyncio.Task[Outcome]) -> Outcome:
    """What a finished task came to. One that was cancelled (the loop is being torn down) may have sent its request."""
    return Unclear("closed", "the agent stopped while the request was under way") if task.cancelled() else task.result()


def _tell_later(task: asyncio.Task[Outcome], late: Callable[[Outcome], None]) -> None:
    task.add_done_callback(lambda landed: late(outcome_of(landed)))
