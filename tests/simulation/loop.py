"""An event loop whose time jumps: when nothing is left to do but to wait, the clock moves to the next timer.

A day of polls, waits and back-offs passes in milliseconds, while the journal underneath is the real one, with its real thread and its real
file: as long as that thread is at work the loop waits for it in earnest and no virtual time passes. While none is at work nothing can come
from outside, so the kernel is not even asked: that would be half of the simulation's time.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

STUCK_AFTER_S = 30.0  # real seconds without any event: the simulation hangs


class Stuck(Exception):
    """Nothing can happen any more: every task waits for something that will never come."""


class _Lasting(ThreadPoolExecutor):
    """The threads of all simulations: starting new ones for each costs as much as a short story."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """A loop that closes would end them; the end of the process does."""


_THREADS = _Lasting(4)


class VirtualSelector(selectors.DefaultSelector):
    """Instead of waiting for a timeout it moves the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.busy: Callable[[], bool] = lambda: False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and not self.busy():
            self.now_s += max(timeout, 0)
            return []
        due = timeout is not None and timeout <= 0
        ready = super().select(0 if due else STUCK_AFTER_S)
        if not ready and not due:
            raise Stuck("no event for a long time")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` is virtual seconds since the loop was made."""

    def __init__(self) -> None:
        self.virtual = VirtualSelector()
        super().__init__(self.virtual)
        self.set_default_executor(_THREADS)

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
