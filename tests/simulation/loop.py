"""An event loop whose time jumps: when nothing is left to do but to wait, the clock moves to the next timer.

A day of polls, waits and back-offs passes in milliseconds, while the journal underneath is the real one, with its real thread and its real
file: as long as that thread is at work the loop waits for it in earnest and no virtual time passes.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

STUCK_AFTER_S = 30.0  # real seconds without any event: the simulation hangs


class Stuck(Exception):
    """Nothing can happen any more: every task waits for something that will never come."""


class VirtualSelector(selectors.DefaultSelector):
    """Instead of waiting for a timeout it moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.busy: Callable[[], bool] = lambda: False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None or self.busy():
            ready = super().select(STUCK_AFTER_S)
            if not ready:
                raise Stuck("no event for a long time")
            return ready
        self.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` is virtual seconds since the loop was made."""

    def __init__(self) -> None:
        self.virtual = VirtualSelector()
        super().__init__(self.virtual)

    def time(self) -> float:
        return self.virtual.now_s


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a simulation to its end on a loop of its own."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main(loop))
    finally:
        left = asyncio.all_tasks(loop)  # the dead, who wait for ever
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()
