"""Whether the caller of an HTTP request still waits for its answer.

The server tells when a connection has closed, but it stops reading while a client that hurries has sent its next request ahead. So the
socket itself is asked as well, at the moment it counts: before a finished answer is recorded as told (money rule 5).
"""

import asyncio
import select
from collections.abc import Callable

from starlette.requests import Request

from drivers.caller import Presence
from drivers.stream_link import GONE, hung_up

TRANSPORT = "agent.transport"  # where the connection's transport stands in a request's state
KNOWN = "agent.known"  # and what to call once it has shown a good token


def made_known(request: Request) -> None:
    """The request showed a good token, so its connection does not give way to those of strangers."""
    known: Callable[[], None] | None = request.scope.get("state", {}).get(KNOWN)
    if known is not None:
        known()


class HttpPresence(Presence):
    """One for each request."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._request = request
        self._transport: asyncio.BaseTransport | None = request.scope.get("state", {}).get(TRANSPORT)

    @property
    def gone(self) -> bool:
        return super().gone or self._closed()

    async def watch(self) -> None:
        """Leave as soon as the client does. Begin after the body was read; to be cancelled when the answer is there."""
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self.leave()

    def _closed(self) -> bool:
        if self._transport is None:
            return False
        if self._transport.is_closing():
            return True
        descriptor: int = self._transport.get_extra_info("socket").fileno()
        return descriptor < 0 or hung_up(descriptor, GONE | select.POLLRDHUP)
