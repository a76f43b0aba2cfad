"""Requests written by hand, to a server in this process with a handler the test steers, or to a real daemon."""

import contextlib
import http.client
import json
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.edges.http.application import Application
from agent.edges.http.guard import Guard
from agent.edges.http.server import HttpServer
from agent.edges.keyring import Holder, Keyring
from agent.secrets import Secret
from drivers.limits import Limits
from drivers.observer import Observer
from drivers.session import Handler
from drivers.tcp_link import bind

TOKEN = "token-of-kassa-1-0123456789"
OTHER = "token-of-kassa-2-0123456789"
PAGE = "http://shop.example:8080"
SALE = "/v1/stores/s/terminals/t/checkouts"


@dataclass(frozen=True)
class Reply:
    """What came back. ``headers`` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of a problem document."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.json["status"] == self.status
        return str(self.json["code"])


def ask(port: int, verb: str, path: str, body: object = None, *, token: str | None = TOKEN, **headers: str) -> Reply:
    """One request on a connection of its own. Headers by name with underscores; ``body`` bytes or JSON."""
    sent = {"Authorization": f"Bearer {token}"} if token is not None else {}
    if body is not None:
        sent["Content-Type"] = "application/json"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request(verb, path, data, sent)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def raw(port: int, data: bytes, seconds: float = 5.0) -> bytes:
    """Send bytes and read until the end of the connection, or until nothing comes for so long."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as wire:
        with contextlib.suppress(OSError):
            wire.sendall(data)
        return rest(wire)


def rest(wire: socket.socket) -> bytes:
    """All that comes until the other side closes, or waits too long."""
    found = b""
    with contextlib.suppress(OSError):
        while data := wire.recv(65536):
            found += data
    return found


def answer(wire: socket.socket) -> int:
    """The status of one whole answer on a connection that goes on."""
    found = http.client.HTTPResponse(wire)
    with contextlib.closing(found):
        found.begin()
        found.read()
        return found.status


def head(verb: str, path: str, *lines: str, port: int = 0, token: str = TOKEN) -> bytes:
    """Request line and headers as bytes."""
    own = [f"{verb} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {token}", *lines]
    return "\r\n".join([*own, "", ""]).encode()


@contextlib.asynccontextmanager
async def serving(handler: Handler, *, limits: Limits | None = None, observer: Observer | None = None, **more: Any) -> AsyncIterator[int]:
    """A server of this process on a free port, which is what is yielded."""
    limits, observer = limits or Limits(), observer or Observer()
    keyring = Keyring([(Holder("client:kassa-1", None, False), Secret(TOKEN)), (Holder("client:kassa-2", None, False), Secret(OTHER))])
    listening = bind("127.0.0.1", 0)
    port = int(listening.getsockname()[1])
    application = Application(handler, keyring, Guard(port, [PAGE]), limits, observer, **more)
    server = HttpServer(application, listening, limits, observer, 1)
    await server.start()
    try:
        yield port
    finally:
        await server.stop()


def closed(schema: Any) -> Any:
    """A description, but that no object has members which it does not name: the agent must answer nothing else, while readers may pass over
    what later versions add."""
    match schema:
        case {"properties": dict() as named, **rest}:
            return {"additionalProperties": False, "properties": {name: closed(one) for name, one in named.items()}} | {
                name: closed(value) for name, value in rest.items()
            }
        case dict():
            return {name: closed(value) for name, value in schema.items()}
        case list():
            return [closed(one) for one in schema]
        case _:
            return schema
