"""What an open page is told: server-sent events, each with the rows that are new or changed since the last one.

A stream sleeps until the ``Bell`` rings (something changed) or until its owner's next look is due. It begins with every row, so a page
that lost its connection, or met a new process at the old address, is right again by connecting.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from agent.web.live import Changes, Region

PAUSE_S = 0.1  # between two events of a stream: what happens faster is told together
TICK_S = 10.0  # a sign of life when nothing changes: the script takes three missing ones for a dead connection
RETRY_MS = 500  # after which a browser tries again by itself

HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # a proxy must not collect events
}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Look = Callable[[], Awaitable[Sequence[Region]]]
"""The regions as they are now. Raises Blind."""


class Blind(Exception):
    """How it is now cannot be seen: the page must not say that it shows it."""


class Bell:
    """Tells streams that something may have changed. Take ``next`` before looking, so that nothing is missed in between."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.closed = False

    def next(self) -> asyncio.Event:
        """Set by the next ring."""
        return self._event

    def ring(self) -> None:
        rung, self._event = self._event, asyncio.Event()
        rung.set()

    def close(self) -> None:
        """The process ends: so do the streams."""
        self.closed = True
        self.ring()


async def stream(
    receive: Receive,
    send: Send,
    bell: Bell,
    look: Look,
    sleep_s: Callable[[], float],
    headers: Sequence[tuple[bytes, bytes]] = (),
    allowed: Callable[[], bool] = lambda: True,
) -> None:
    """Events until the page is closed, the process ends or nothing can be seen any more: the browser then says that the connection is lost,
    and tries again. ``sleep_s``: seconds after which it is looked again without a ring.
    ``headers`` come beside those that make it a stream. ``allowed`` is asked before each look; once it is False, the stream ends."""
    changes, own = Changes(), [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    await send({"type": "http.response.start", "status": 200, "headers": [*own, *headers]})
    await _write(send, f"retry: {RETRY_MS}\n\n")
    gone = asyncio.create_task(_gone(receive))
    try:
        while not gone.done() and not bell.closed and allowed():
            rung = bell.next()
            changed = changes.to(await look())
            await _write(send, f"event: {'update' if changed else 'tick'}\ndata: {json.dumps(changed)}\n\n")
            await _any(gone, rung, sleep_s())
            await _any(gone, None, PAUSE_S)
    except Blind:
        pass  # nothing more is said, and no tick calls old rows live
    finally:
        gone.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode("ascii"), "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _any(gone: asyncio.Task[None], rung: asyncio.Event | None, seconds: float) -> None:
    """Until the page is gone, the bell rings, or the time is over."""
    waits = [gone] if rung is None else [gone, asyncio.create_task(_rings(rung))]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits[1:]:
            wait.cancel()


async def _rings(rung: asyncio.Event) -> None:
    await rung.wait()
