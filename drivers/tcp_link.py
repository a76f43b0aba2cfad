"""The edge to POS programs that know no Unix sockets: a TCP port of this machine, and a token that says who speaks.

Nobody vouches for a TCP peer: any program of the machine may connect, and so may any web page in its browser. So the first line of a
connection must be ``session.open`` with the token of a client; what follows is the same session as on a Unix socket. A browser begins
with a line of HTTP, and whoever begins with anything that is not JSON-RPC hears nothing and is gone. Wrong tokens cost time, and only few
strangers are listened to at once, so that guessing leads nowhere and crowds out nobody who is in.

A TCP peer that has closed its sending half cannot be told from one that has gone, and telling a result to somebody who has gone is
not telling it: here the one counts as the other.
"""

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable

from drivers.acceptor import Acceptor, Guest
from drivers.framing import Frame, LineFraming
from drivers.jsonrpc import Call, ErrorNumber, Failure, Notification, read, write_failure, write_result
from drivers.limits import Limits
from drivers.link import OPEN
from drivers.observer import Observer
from drivers.session import Session, farewell
from drivers.socket_address import BACKLOG, CannotListen
from drivers.stream_link import GONE, READ_BYTES, SocketLink

MAX_STRANGERS = 16  # connections that have not shown a token yet; the others are kept for those who have
MAX_OPENING_BYTES = 8 * 1024  # the first line: a token of 4096 characters with room
WRONG_TOKEN_SECONDS = 1.0  # until a wrong token is answered: sixteen guesses a second at most
LINGER_SECONDS = 0.5  # for a peer that was turned away to read why

_FIRST = f'the first request on this connection must be {OPEN}, its params {{"token": "..."}} with the token of a configured client'


class TcpLink(SocketLink):
    """A TCP connection as a ``Link``."""

    _gone = GONE | select.POLLRDHUP


class _TurnedAway(Exception):
    """The peer may not come in. ``line`` is what it is told; nothing, if it does not speak this protocol."""

    def __init__(self, code: str, line: bytes = b"") -> None:
        super().__init__(code)
        self.code = code
        self.line = line


class PortRefused(CannotListen):
    """The kernel gives us no port ``port`` of the address ``host``. ``number``: its error number."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(f"{host} port {port}: {error.strerror or error}")
        self.host, self.port, self.number = host, port, error.errno


def bind(host: str, port: int) -> socket.socket:
    """A listening, non-blocking TCP socket. Raises PortRefused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves TCP_NODELAY off: 40 ms an answer
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart must not wait for the old connections to be forgotten
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortRefused(host, port, error) from error
    return listener


class TcpListener(Acceptor):
    """Listens at ``host`` and ``port`` (0: any free one). ``admit`` decides by token: a fresh Session for this connection, or None."""

    def __init__(
        self,
        host: str,
        port: int,
        admit: Callable[[str], Session | None],
        *,
        limits: Limits | None = None,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(limits, observer)
        self._host = host
        self._port = port
        self._admit = admit

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return self._port

    def _listen(self) -> socket.socket:
        listener = bind(self._host, self._port)
        self._port = int(listener.getsockname()[1])
        return listener

    def _leave_address(self) -> None:
        """A port is given back with its socket."""

    def _welcome(self, connection: socket.socket) -> None:
        strangers = sum(1 for guest in self._guests.values() if guest.session is None)
        if self._full() or strangers >= MAX_STRANGERS:
            with contextlib.closing(connection):
                _say(connection, farewell("LIMIT", "too many connections: close those that are not needed"))
            self._observer.turned_away(None, "LIMIT")
            return
        guest = Guest()
        self._serve(connection, guest, self._entertain(connection, guest))

    async def _entertain(self, connection: socket.socket, guest: Guest) -> None:
        """One connection from its first line to its end."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            line, rest = await self._first_line(connection)
            call, session = await self._introduced(line)
            if self._full_for(session.caller.name):
                text = "too many connections of this client: close those that are not needed"
                raise _TurnedAway("LIMIT", _refusal(call.id, "LIMIT", text))
        except _TurnedAway as turned_away:
            self._observer.turned_away(None, turned_away.code)
            if turned_away.line:
                _say(connection, turned_away.line)
                await _let_go(connection)
            return
        guest.whose, guest.session = session.caller.name, session
        opened = {"caller": session.caller.name, "operator": session.caller.operator}
        link = TcpLink(connection, self._limits, rest)
        _say(connection, LineFraming().send(write_result(call.id, opened)))
        await session.run(link)

    async def _first_line(self, connection: socket.socket) -> tuple[bytes, bytes]:
        """The first line, and what came after it. Raises _TurnedAway."""
        framing, taken = LineFraming(MAX_OPENING_BYTES), 0
        try:
            async with asyncio.timeout(self._limits.line_seconds):
                while data := await asyncio.get_running_loop().sock_recv(connection, READ_BYTES):
                    while data:
                        piece, newline, data = data.partition(b"\n")
                        taken += len(piece) + len(newline)
                        for event in framing.receive(piece + newline):
                            if isinstance(event, Frame):
                                return event.payload, data
                            raise _TurnedAway("INVALID")
                        if taken > MAX_OPENING_BYTES:
                            raise _TurnedAway("INVALID")
        except TimeoutError:
            text = f"{OPEN} must come within {self._limits.line_seconds:g} seconds"
            raise _TurnedAway("LIMIT", farewell("LIMIT", text)) from None
        except OSError as error:
            raise _TurnedAway("GONE") from error
        raise _TurnedAway("GONE")

    async def _introduced(self, line: bytes) -> tuple[Call, Session]:
        """Who it is. No text repeats what came: it may be somebody's token. Raises _TurnedAway."""
        match read(line):
            case Call(method=method, params={"token": str() as token, **others}) as call if method == OPEN and not others:
                session = self._admit(token)
                if session is None:
                    await asyncio.sleep(WRONG_TOKEN_SECONDS)
                    raise _TurnedAway("FORBIDDEN", _refusal(call.id, "FORBIDDEN", "no client of this agent has this token"))
                return call, session
            case Failure(number=ErrorNumber.NOT_JSON):
                raise _TurnedAway("INVALID")
            case Call(id=call_id) | Failure(id=call_id):
                raise _TurnedAway("FORBIDDEN", _refusal(call_id, "FORBIDDEN", _FIRST))
            case Notification():
                raise _TurnedAway("FORBIDDEN", _refusal(None, "FORBIDDEN", _FIRST))


def _refusal(call_id: str | int | None, code: str, message: str) -> bytes:
    return LineFraming().send(write_failure(Failure(call_id, ErrorNumber.REFUSED, message, {"code": code})))


async def _let_go(connection: socket.socket) -> None:
    """Read away, for a moment, what the peer sent behind its first line: closing over unread bytes would reset the connection, and the
    line it is sent might never be seen."""
    with contextlib.suppress(OSError):  # TimeoutError is one
        connection.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(LINGER_SECONDS):
            while await asyncio.get_running_loop().sock_recv(connection, READ_BYTES):
                pass


def _say(connection: socket.socket, line: bytes) -> None:
    """One short line into an empty buffer: it fits, or nobody is there. The kernel keeps it for the peer when the connection closes."""
    with contextlib.suppress(OSError):
        connection.send(line)
