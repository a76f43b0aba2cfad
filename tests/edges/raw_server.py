"""The other party: a server that answers byte by byte as a test tells it, well or badly, and remembers what it was sent."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.core.model import Binding, Environment
from agent.core.verdict import Operation, Outcome, Request
from agent.edges.authorization import BasicLogin
from agent.edges.transport import Account, HttpTransport, TransportLimits

ACCOUNT = "test-account"
BINDING = Binding("koshelek", Environment.TEST, ACCOUNT)
LOGIN = "till-login"
PASSWORD = "Pa55-canary-c0ffee"
FAST = TransportLimits(
    connect_limit_ms=400,
    write_limit_ms=400,
    read_limit_ms=400,
    pool_limit_ms=100,
    answer_limit_ms=1_000,
    flight_limit_ms=2_000,
    probe_limit_ms=500,
)


class Exchange:
    """One connection as a behaviour sees it."""

    def __init__(self, server: "RawServer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """Read one whole request and remember it. Raises IncompleteReadError at the end of the connection."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self._server.received += head
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        body = await self.reader.readexactly(length)
        self._server.received += body
        self._server.requests.append(head + body)
        return head + body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection by RST."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Behaviour = Callable[[Exchange], Awaitable[None]]


class RawServer:
    """Listens on a free loopback port; ``behaviour`` runs once for each connection (TLS: once its handshake is through)."""

    def __init__(self, behaviour: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self._behaviour = behaviour
        self._context = context
        self._handlers: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.received = bytearray()
        self.requests: list[bytes] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for task in self._handlers:
            task.cancel()
        if self._handlers:
            await asyncio.wait(self._handlers)

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._behaviour(Exchange(self, reader, writer))
        except asyncio.CancelledError:
            pass  # the test is over; start_server would report the cancelled task as a failure
        finally:
            writer.transport.abort()


def answer(status: str = "200 OK", body: bytes = b"{}", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def always(data: bytes) -> Behaviour:
    """Answer every request on the connection with ``data``."""

    async def behave(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.send(data)

    return behave


def account(base_url: str, ca_file: Path | None = None) -> Account:
    return Account(base_url, BasicLogin(lambda: LOGIN, lambda: PASSWORD), ca_file=ca_file, plain_http=base_url.startswith("http:"))


def transport(base_url: str, limits: TransportLimits = FAST, ca_file: Path | None = None) -> HttpTransport:
    return HttpTransport({ACCOUNT: account(base_url, ca_file)}, limits)


def request(path: str = "/api/v1/merchant/checkout", **body: object) -> Request:
    return Request(Operation.CHECKOUT, "POST", path, body or {"requestId": "1"})


def never_late(outcome: Outcome) -> None:
    raise AssertionError(f"nothing may come late here, but {outcome} did")


async def once(base_url: str, limits: TransportLimits = FAST, ca_file: Path | None = None, wanted: Request | None = None) -> Outcome:
    """One attempt on a transport of its own."""
    sender = transport(base_url, limits, ca_file)
    try:
        return await sender.exchange(BINDING, wanted or request(), {}, never_late)
    finally:
        await sender.aclose(0)
