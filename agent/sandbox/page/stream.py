"""What an open page is told: server-sent events, each with the rows that are new or changed since the last one.

Nothing is polled: a stream sleeps until the ``Bell`` rings (a request changed something) or until the bank's own agenda has something
to do. A stream begins with every row, so a page that lost its connection, or met a new sandbox at the old address, is right again by
connecting.
"""

import asyncio
import json
from collections.abc import Callable, Sequence

from agent.sandbox.asgi import Receive, Send
from agent.sandbox.bank import Bank
from agent.sandbox.page.rows import Region

MAX_STREAMS = 16  # pages open at once: a handful of phones and tabs; each costs a rendering for every change
PAUSE_S = 0.1  # between two events of a stream: what happens faster is told together
TICK_S = 10.0  # a sign of life when nothing changes: the script takes three missing ones for a dead connection
RETRY_MS = 500  # after which a browser tries again by itself

HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # a proxy of the developer's must not collect events
}


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
        """The sandbox ends: so do the streams."""
        self.closed = True
        self.ring()


class Changes:
    """What one page has been shown."""

    def __init__(self) -> None:
        self._shown: dict[str, dict[str, str]] = {}

    def to(self, regions: Sequence[Region]) -> dict[str, object]:
        """By region: all ids in order, and the HTML of those that are not as they were. Regions that are as they were are left out."""
        changed: dict[str, object] = {}
        for region in regions:
            now = {row.id: row.html for row in region.rows}
            before = self._shown.get(region.id)
            if before is None or list(before.items()) != list(now.items()):
                fresh = {id_: html for id_, html in now.items() if (before or {}).get(id_) != html}
                changed[region.id] = {"order": list(now), "rows": fresh}
                self._shown[region.id] = dict(now)
        return changed


async def stream(
    receive: Receive, send: Send, bell: Bell, bank: Callable[[], Bank], now_ms: Callable[[], int], look: Callable[[], Sequence[Region]]
) -> None:
    """Events until the page is closed or the sandbox ends. ``look``: the regions as they are now."""
    changes = Changes()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(name.encode(), value.encode()) for name, value in HEADERS.items()]}
    )
    await _write(send, f"retry: {RETRY_MS}\n\n")
    gone = asyncio.create_task(_gone(receive))
    try:
        while not gone.done() and not bell.closed:
            rung = bell.next()
            changed = changes.to(look())
            await _write(send, f"event: {'update' if changed else 'tick'}\ndata: {json.dumps(changed)}\n\n")
            await _any(gone, rung, _sleep_s(bank(), now_ms()))
            await _any(gone, None, PAUSE_S)
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


def _sleep_s(bank: Bank, now_ms: int) -> float:
    """Until something happens by itself; the end of an outage is such a thing."""
    moments = [at_ms for at_ms in (bank.next_due(), bank.outage_until_ms()) if at_ms is not None and at_ms > now_ms]
    return min([TICK_S, *((at_ms - now_ms) / 1000 for at_ms in moments)])
