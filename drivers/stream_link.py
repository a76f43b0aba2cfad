"""One accepted stream connection as a ``Link``: a Unix socket or a TCP connection. Unsent bytes are bounded, in number and in time."""

import asyncio
import select
import socket

from drivers.limits import Limits
from drivers.link import LinkLost

READ_BYTES = 8 * 1024  # few enough to be taken apart in milliseconds whatever they are
GONE = select.POLLHUP | select.POLLERR  # both halves are closed, or the connection was reset


def hung_up(descriptor: int, signs: int = GONE) -> bool:
    """Whether the connection shows any of these signs now. Waits for nothing."""
    poll = select.poll()
    poll.register(descriptor, signs)
    return any(event & signs for _, event in poll.poll(0))


class SocketLink:
    """A connection. ``received`` are bytes that somebody has read from it already: they come first."""

    _gone = GONE

    def __init__(self, connection: socket.socket, limits: Limits, received: bytes = b"") -> None:
        self._socket = connection
        self._limits = limits
        self._received = received
        self._turn = asyncio.Lock()
        self._unsent_bytes = 0
        self._cut_off = False

    async def receive(self) -> bytes:
        if self._received:
            received, self._received = self._received, b""
            return received
        try:
            return await asyncio.get_running_loop().sock_recv(self._socket, READ_BYTES)
        except OSError as error:
            raise LinkLost("the connection was reset") from error

    async def send(self, data: bytes) -> None:
        if self._unsent_bytes + len(data) > self._limits.unsent_bytes:
            raise LinkLost("the peer does not read")
        if not self._unsent_bytes and not self._cut_off:
            data = data[self._send_now(data) :]
            if not data:
                return
        self._unsent_bytes += len(data)
        try:
            async with self._turn:
                await self._send_in_turn(data)
        finally:
            self._unsent_bytes -= len(data)

    def _send_now(self, data: bytes) -> int:
        """What the kernel takes at once, in bytes: nearly always all of it."""
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            raise LinkLost("the peer has gone or does not read") from error
        return sent

    async def _send_in_turn(self, data: bytes) -> None:
        if self._cut_off:
            raise LinkLost("a line was cut off")
        self._cut_off = True  # until all of it is out: half a line cannot be taken back, and nothing may follow it
        try:
            async with asyncio.timeout(self._limits.unread_seconds):
                await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except OSError as error:  # TimeoutError is one
            raise LinkLost("the peer has gone or does not read") from error
        self._cut_off = False

    def hung_up(self) -> bool:
        return hung_up(self._socket.fileno(), self._gone)
