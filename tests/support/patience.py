"""Waiting for what has to come to pass, with an end. For state of the product that has no event which tests could wait for."""

import asyncio
import time
from collections.abc import Callable

LOOK_S = 0.02


def until(condition: Callable[[], object], seconds: float = 15.0, pause_s: float = LOOK_S) -> None:
    """Wait until something is so, and look every ``pause_s``. Raises AssertionError when it is not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(pause_s)


async def soon(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """The same beside other tasks. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  see above: there is no event
            await asyncio.sleep(LOOK_S / 4)
