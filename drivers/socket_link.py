"""The edge to POS programs on the same machine: a Unix socket whose peers the kernel identifies.

The listener knows who connects (SO_PEERCRED cannot be forged) and asks ``admit`` for a session; it enforces how many may
be connected, and hands bytes to and fro. What the bytes mean is the session's business.
"""

import contextlib
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from drivers.acceptor import Acceptor, Guest
from drivers.caller import Peer
from drivers.limits import Limits
from drivers.observer import Observer
from drivers.session import Session, farewell
from drivers.socket_address import CannotListen, identity, listen, remove
from drivers.stream_link import SocketLink

__all__ = ["CannotListen", "SocketLink", "SocketListener", "peer_of"]

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


class SocketListener(Acceptor):
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
        super().__init__(limits, observer)
        self._path = path
        self._admit = admit
        self._mode = mode
        self._group_id = group_id
        self._made: tuple[int, int] | None = None

    def _listen(self) -> socket.socket:
        listener = listen(self._path, self._mode, self._group_id)
        self._made = identity(self._path)
        return listener

    def _leave_address(self) -> None:
        remove(self._path, self._made)

    def _welcome(self, connection: socket.socket) -> None:
        peer = peer_of(connection)
        if self._full() or self._full_for(peer.uid):
            self._turn_away(connection, peer, "LIMIT", "too many connections: close those that are not needed")
            return
        session = self._admit(peer)
        if session is None:
            self._turn_away(connection, peer, "FORBIDDEN", f"user {peer.uid} may not use this socket")
            return
        self._serve(connection, Guest(peer.uid, session), session.run(SocketLink(connection, self._limits)))

    def _turn_away(self, connection: socket.socket, peer: Peer, code: str, message: str) -> None:
        with contextlib.closing(connection), contextlib.suppress(OSError):  # it may not wait for the reason
            connection.send(farewell(code, message))
        self._observer.turned_away(peer, code)
