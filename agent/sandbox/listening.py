"""The HTTP server's sockets: uvicorn, with the three things it has no words for.

1. *Refusing connections for a while.* The listening socket is closed and its port is held by a socket that is bound but does not
   listen: connects are refused as with a dead machine, and nobody else can take the port meanwhile.
2. *Dropping one connection without an answer.* ``SandboxProtocol`` puts its transport into the request's ``state``, where
   ``hang_up`` finds it.
3. *A second port* for the control API that stays open throughout.
"""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.sandbox.asgi import Application, Receive, Scope

_TRANSPORT = "sandbox.transport"
_KEEP_ALIVE_S = 75  # longer than a client's pool keeps a connection: the client decides when it goes stale
_GRACE_S = 1  # a hanging or dripping answer must not hold up the end
_BACKLOG_CONNECTIONS = 128
_ELSEWHERE = ("192.0.2.1", 9)  # reserved for examples: only the way there is looked up


class SandboxProtocol(H11Protocol):
    """One connection, whose requests can name it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base class
        self.app_state = {**self.app_state, _TRANSPORT: transport}
        super().connection_made(transport)


def cut(scope: Scope) -> None:
    """End the connection of this request at once; what is not sent yet is lost."""
    transport: asyncio.Transport = scope["state"][_TRANSPORT]
    transport.abort()


async def hang_up(scope: Scope, receive: Receive, *, flush: bool) -> None:
    """End the connection of this request. ``flush``: after what was sent; otherwise at once. Returns when it is gone, so that the server
    does not take the missing end of the answer for a mistake."""
    if flush:
        scope["state"][_TRANSPORT].close()
    else:
        cut(scope)
    while (await receive())["type"] != "http.disconnect":
        pass


def bind(host: str, port: int) -> socket.socket:
    """A socket that holds an address and does not listen yet. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def own_address() -> str:
    """The address under which the network knows this machine; its name, if it is in no network. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


class Listener(uvicorn.Server):
    """A server on one main socket and perhaps one control socket. Signals are the caller's business."""

    def __init__(self, app: Application, main: socket.socket, control: socket.socket | None, certificate: tuple[str, str] | None) -> None:
        certfile, keyfile = certificate or (None, None)
        super().__init__(
            uvicorn.Config(
                app,
                http=SandboxProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",  # a bound method would be taken for the old interface
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
                ssl_certfile=certfile,
                ssl_keyfile=keyfile,
            )
        )
        self.address: tuple[Any, ...] = main.getsockname()
        self._main, self._control = main, control
        self._held: socket.socket | None = None
        self._up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([self._main])
        if self._control is not None:
            await self._serve_on(self._control, main=False)
        self._up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self._held is not None:
            self._held.close()

    async def wait_up(self) -> None:
        await self._up.wait()

    @property
    def refusing(self) -> bool:
        return self._held is not None

    def refuse_connections(self) -> None:
        """Stop listening on the main socket and end its connections; an answer that is complete still gets out."""
        if self.refusing:
            return
        self.servers.pop(0).close()
        self._held = bind(str(self.address[0]), int(self.address[1]))
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if isinstance(connection, SandboxProtocol) and transport.get_extra_info("sockname")[1] == self.address[1]:
                idle = connection.cycle is None or connection.cycle.response_complete
                (transport.close if idle else transport.abort)()

    async def accept_connections(self) -> None:
        """Listen on the main socket again."""
        if self._held is not None:
            held, self._held = self._held, None
            await self._serve_on(held, main=True)

    async def _serve_on(self, bound: socket.socket, *, main: bool) -> None:
        """Known to ``shutdown`` before it listens, so that being cancelled here loses nothing. The main server stays the first."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            self._connection,
            sock=bound,
            ssl=self.config.ssl if main else None,
            backlog=_BACKLOG_CONNECTIONS,
            start_serving=False,
        )
        self.servers.insert(0 if main else len(self.servers), server)
        await server.start_serving()

    def _connection(self) -> SandboxProtocol:
        return SandboxProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
