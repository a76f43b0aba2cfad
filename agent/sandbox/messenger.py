"""Carries the bank's messages to those who asked for them, beside everything else: an address that is slow or gone holds up no answer.

Of one system one message is on its way at a time, so that they arrive in the order in which the bank sends them, as long as none has to be
repeated. A message is one plain HTTP/1.1 request on a connection of its own; of the answer only the status counts.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

from agent.sandbox.bank import Bank
from agent.sandbox.outbox import Message
from agent.sandbox.page.rows import House
from agent.sandbox.page.stream import Bell

ANSWER_LIMIT_S = 5.0  # for a message from the connection to the status; real systems wait for up to a minute
IDLE_S = 60.0  # between two looks when nothing is planned
LEAST_NAP_S = 0.001  # a moment that has just come is not waited for in circles

_log = logging.getLogger(__name__)
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: .*)?\r?\n?", re.DOTALL)
_PORTS = {"http": 80, "https": 443}


async def carry(house: House, bell: Bell, systems: Iterable[str]) -> None:
    """Send what these systems have to say, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for system in systems:
            group.create_task(_courier(house, bell, system))


async def _courier(house: House, bell: Bell, system: str) -> None:
    try:
        while True:
            rung = bell.next()
            bank, now_ms = house.bank, house.now_ms()
            bank.tick(now_ms)  # nobody else may come by when the customer acts
            sending = bank.outbox.take(now_ms, system)
            if sending is None:
                await _nap(rung, bank, system, now_ms)
                continue
            status = await post(sending.url, sending.message)
            bank.outbox.answered(house.now_ms(), sending, status)
    except Exception:  # noqa: BLE001 - the task's boundary: the others go on
        _log.exception("the messages of %s are not sent any more: the sandbox itself failed", system)


async def _nap(rung: asyncio.Event, bank: Bank, system: str, now_ms: int) -> None:
    """Until something may be due: by the plan, or because somebody did something."""
    moments = [bank.next_due(), bank.outbox.next_due(system), bank.outage_until_ms()]
    coming = [at_ms - now_ms for at_ms in moments if at_ms is not None and at_ms > now_ms]
    try:
        async with asyncio.timeout(max(min([IDLE_S, *(wait_ms / 1000 for wait_ms in coming)]), LEAST_NAP_S)):
            await rung.wait()
    except TimeoutError:
        return


async def post(url: str, message: Message) -> int | None:
    """The status of the answer; None if none came in time that can be read."""
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            return await _exchange(url, message)
    except (OSError, ValueError):  # ValueError: a line without end; TimeoutError and the errors of TLS are OSErrors
        return None


async def _exchange(url: str, message: Message) -> int | None:
    parts = urlsplit(url)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or _PORTS[parts.scheme], ssl=context)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"host": parts.netloc, **message.headers, "content-length": str(len(message.body)), "connection": "close"}
        lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode("latin-1") + message.body)
        await writer.drain()
        found = _STATUS_LINE.fullmatch(await reader.readline())
        return int(found[1]) if found else None
    finally:
        writer.transport.abort()  # nothing more is wanted of it, and closing in good order may take as long as the other side likes
