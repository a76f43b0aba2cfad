"""The near ends of a client's connections. A client asks no questions of its limits: what it sends is small, and what comes is its own
agent's."""

import asyncio
import socket
from typing import Protocol

from drivers.link import LinkLost

_READ_BYTES = 64 * 1024


class Plug(Protocol):
    """A connection that its client may close."""

    async def receive(self) -> bytes:
        """Some bytes, or one message; none at the end. Raises LinkLost."""

    async def send(self, data: bytes) -> None:
        """All of ``data``. Raises LinkLost."""

    def close(self) -> None: ...


class SocketPlug:
    """A connected socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    async def receive(self) -> bytes:
        """Some bytes. Raises LinkLost."""
        try:
            return await asyncio.get_running_loop().sock_recv(self._socket, _READ_BYTES)
        except OSError as error:
            raise LinkLost("the connection was reset") from error

    async def send(self, data: bytes) -> None:
        """All of ``data``. Raises LinkLost."""
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except OSError as error:
            raise LinkLost("the connection was reset") from error

    def close(self) -> None:
        self._socket.close()
