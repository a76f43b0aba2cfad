"""A listener for messages with real sockets, and a sender that writes raw bytes."""

import asyncio
import contextlib
import json
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from agent.core.hints import Hint
from agent.edges.hooks.application import Endpoint, Hear, HookApplication
from agent.edges.hooks.server import HookServer
from agent.edges.hooks.tally import Passed, Tally
from agent.providers.koshelek.hook import KoshelekHook
from agent.providers.paycore import hook as paycore
from agent.providers.softline import hook as softline
from agent.secrets import Secret
from drivers.limits import Limits
from drivers.observer import Observer
from drivers.tcp_link import bind

OLD, NEW = "MARK-old-password", "MARK-new-password"
PAYCORE_KEY, SOFTLINE_KEY = "sk_test_example", "secret_key"
BAD_WORDS = {"no such path", "method", "too long", "too many", "come again"}  # beside the reasons of readers
STATUS = {"requestId": "r-1", "transactionId": "t-1", "status": "accepted", "slip": {"orderId": "S12-1", "totalAmount": 45000}}


@dataclass
class Listening:
    """An open listener. ``heard``: what came through; ``reported``: what was told of refusals."""

    port: int
    heard: list[tuple[str, Hint]] = field(default_factory=list)
    reported: list[tuple[str, str, int]] = field(default_factory=list)
    passed: list[tuple[str, str, Hint, int]] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)
    tally: Tally | None = None


def endpoints() -> Mapping[str, Endpoint]:
    return {
        "/koshelek": Endpoint("koshelek", KoshelekHook("acme"), (Secret(OLD), Secret(NEW)), 'Basic realm="x"', b""),
        "/paycore": Endpoint("paycore", paycore, (Secret("another"), Secret(PAYCORE_KEY))),
        "/softline": Endpoint("softline", softline, (Secret(SOFTLINE_KEY),)),
    }


@contextlib.asynccontextmanager
async def listening(
    limits: Limits | None = None, context: ssl.SSLContext | None = None, requests_per_s: int = 100, hear: Hear | None = None
) -> AsyncIterator[Listening]:
    bound = bind("127.0.0.1", 0)
    here = Listening(bound.getsockname()[1])

    async def note(provider: str, hint: Hint) -> None:
        here.heard.append((provider, hint))

    here.tally = Tally(lambda *told: here.reported.append(told), time.monotonic)
    passed = Passed(lambda *told: here.passed.append(told), time.monotonic)
    application = HookApplication(endpoints(), hear or note, requests_per_s, here.tally, here.failed.append, time.monotonic, passed)
    server = HookServer(application, bound, limits or Limits(), Observer(), 1, context)
    await server.start()
    try:
        yield here
    finally:
        await server.stop()


def basic(password: str = NEW, login: str = "acme", scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {b64encode(f'{login}:{password}'.encode()).decode()}"}


def request(path: str = "/koshelek", body: bytes | None = None, headers: Mapping[str, str] | None = None, method: str = "POST") -> bytes:
    """A whole request as bytes; the status answer of t-1 with today's password unless told otherwise."""
    body = json.dumps(STATUS).encode() if body is None else body
    lines = {"Host": "x", "Content-Length": str(len(body)), **(basic() if headers is None else headers)}
    head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


@dataclass(frozen=True)
class Answered:
    """An answer. ``closed``: the connection was ended after it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def send(port: int, raw: bytes, context: ssl.SSLContext | None = None) -> Answered:
    """Send bytes over a connection of their own and read the answer. Status 0: the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost" if context else None)
    try:
        writer.write(raw)
        return await answer(reader)
    finally:
        await close(writer)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


async def answer(reader: asyncio.StreamReader) -> Answered:
    async with asyncio.timeout(10):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return Answered(0, {}, b"")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Answered(int(first.split()[1]), headers, body)


def silent(port: int) -> socket.socket:
    """A connection that says nothing."""
    return socket.create_connection(("127.0.0.1", port))
