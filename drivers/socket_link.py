"""The edge to POS programs on the same machine: a Unix socket whose peers the kernel identifies.

The listener knows who connects (SO_PEERCRED cannot be forged) and asks ``admit`` for a session; it enforces how many may
be connected, and hands bytes to and fro. What the bytes mean is the session's business.
"""

import asyncio
import contextlib
import select
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from drivers.caller import Peer
from drivers.limits import Limits
from drivers.link import LinkLost
from drivers.observer import Observer
from drivers.session import Session, farewell
from drivers.socket_address import CannotListen, identity, listen, remove

__all__ = ["CannotListen", "SocketListener", "peer_of"]

READ_BYTES = 8 * 1024  # few enough to be taken apart in milliseconds whatever they are
ACCEPT_PAUSE_SECONDS = 0.1  # after accept failed for want of descriptors or memory
SOCKET_MODE = 0o660  # the owner and one group: the users of the registers

_SO_PEERGROUPS = 59  # Linux, not among the constants of Python; other numbers on two dead architectures
_MAX_GROUPS_BYTES = 1024  # what Python's getsockopt reads: 256 groups
_CREDENTIALS = struct.Struct("iII")


def peer_of(connection: socket.socket) -> Peer:
    """Who connected. Raises OSError when the kernel cannot tell."""
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    groups = frozenset[int]()
    with contextlib.suppress(OSError):  # an old kernel, or a peer in more groups than fit: it then counts by its first group alone
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _MAX_GROUPS_BYTES)
        groups = frozenset(group for (group,) in struct.iter_unpack("I", raw))
    return Peer(pid, uid, gid, groups | {gid})


class SocketLink:
    """One accepted connection as a ``Link``. Unsent bytes are bounded, in number and in time."""

    def __init__(self, connection: socket.socket, limits: Limits) -> None:
        self._socket = connection
        self._limits = limits
        self._turn = asyncio.Lock()
        self._unsent_bytes = 0
        self._cut_off = False

    async def receive(self) -> bytes:
        try:
            return await asyncio.get_running_loop().sock_recv(self._socket, READ_BYTES)
        except OSError as error:
            raise LinkLost("the connection was reset") from error

    async def send(self, data: bytes) -> None:
        if self._unsent_bytes + len(data) > self._limits.unsent_bytes:
            raise LinkLost("the peer does not read")
        self._unsent_bytes += len(data)
        try:
            async with self._turn:
                await self._send_in_turn(data)
        finally:
            self._unsent_bytes -= len(data)

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
        poll = select.poll()
        poll.register(self._socket, 0)
        return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))


class SocketListener:
    """Listens at ``path``. ``admit`` decides by peer: a fresh Session for this connection, or None to turn it away."""

    def __init__(
        self,
        path: Path,
        admit: Callable[[Peer], Session | None],
        *,
        mode: int = SOCKET_MODE,
        group_id: int | None = None,
        limits: Limits | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._path = path
        self._admit = admit
        self._mode = mode
        self._group_id = group_id
        self._limits = limits or Limits()
        self._observer = observer or Observer()
        self._listener: socket.socket | None = None
        self._made: tuple[int, int] | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connections: dict[asyncio.Task[None], tuple[int, Session]] = {}

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def start(self) -> None:
        """Begin to accept. Raises CannotListen."""
        self._listener = listen(self._path, self._mode, self._group_id)
        self._made = identity(self._path)
        self._accepting = asyncio.create_task(self._accept(self._listener))

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Stop accepting, let requests at work be answered for so long, then end everything."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._accepting = None
        if self._listener is not None:
            remove(self._path, self._made)
            self._listener.close()
            self._listener = None
        for _, session in self._connections.values():
            session.stop()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:  # no descriptors, no memory, or a peer that has already gone
                self._observer.failed(None, "accept", "", error)
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            try:
                self._welcome(connection)
            except Exception as error:  # noqa: BLE001  one connection must not end the listener
                connection.close()
                self._observer.failed(None, "admit", "", error)
            await asyncio.sleep(0)  # a storm of connections must not starve those that are served

    def _welcome(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        peer = peer_of(connection)
        same_user = sum(1 for uid, _ in self._connections.values() if uid == peer.uid)
        if len(self._connections) >= self._limits.connections or same_user >= self._limits.connections_per_user:
            self._turn_away(connection, peer, "LIMIT", "too many connections: close those that are not needed")
            return
        session = self._admit(peer)
        if session is None:
            self._turn_away(connection, peer, "FORBIDDEN", f"user {peer.uid} may not use this socket")
            return
        task = asyncio.create_task(session.run(SocketLink(connection, self._limits)))
        self._connections[task] = (peer.uid, session)
        task.add_done_callback(lambda done: self._forget(done, connection))

    def _forget(self, task: asyncio.Task[None], connection: socket.socket) -> None:
        connection.close()
        self._connections.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            self._observer.failed(None, "session", "", error)

    def _turn_away(self, connection: socket.socket, peer: Peer, code: str, message: str) -> None:
        with contextlib.closing(connection), contextlib.suppress(OSError):  # it may not wait for the reason
            connection.send(farewell(code, message))
        self._observer.turned_away(peer, code)
