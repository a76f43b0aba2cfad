"""Blocking work beside the event loop, that may hang for ever without keeping the program from ending.

Name servers that do not answer, a disk that has died, a dead network mount: a doctor meets them all. The loop's own threads are waited for
at the end of a program; these are not.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises. Cancelled, nobody waits for it any more; it goes on alone."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(give: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(lambda: None if future.done() else give())

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - boundary of a thread: it is raised where it is waited for
            failure = error
            tell(lambda: future.set_exception(failure))
        else:
            tell(lambda: future.set_result(result))

    threading.Thread(target=run, name="aside", daemon=True).start()
    return await future
