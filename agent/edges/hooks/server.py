"""The listener: the HTTP server of the registers' way in, with its limits on connections and slow requests, and TLS where it is wanted."""

import asyncio
import socket
import ssl

from agent.edges.hooks.tls import end_handshakes, gate_for
from agent.edges.http.server import HttpServer, Served
from drivers.limits import Limits
from drivers.observer import Observer


class HookServer(HttpServer):
    """Serves messages on a listening socket. ``context`` None: in the clear, on this machine or behind a proxy."""

    def __init__(
        self,
        application: Served,
        listening: socket.socket,
        limits: Limits,
        observer: Observer,
        grace_s: int,
        context: ssl.SSLContext | None,
    ) -> None:
        self._shaking: set[asyncio.Task[None]] = set()
        if context is None:
            super().__init__(application, listening, limits, observer, grace_s)
        else:
            super().__init__(application, listening, limits, observer, grace_s, gate_for(context, self._shaking))

    async def stop(self) -> None:
        """Stop accepting, answer what is at work, then end everything."""
        await end_handshakes(self._shaking)
        await super().stop()
