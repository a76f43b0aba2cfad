"""The few words of ASGI that the sandbox's server uses, and reading a body within a limit."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from agent.sandbox.words import Answer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 2**20  # no checkout comes near; whoever sends more is told so


class BodyTooLarge(Exception):
    """More than MAX_BODY_BYTES came."""


class Gone(Exception):
    """The client left before its request was complete."""


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises BodyTooLarge, Gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return bytes(body)


def headers_of(scope: Scope) -> dict[str, str]:
    """Lower-case names. Of a repeated header the last one counts."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def start(send: Send, answer: Answer) -> None:
    """Status line and headers of an answer, with the length of its whole body."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers.append((b"content-length", str(len(answer.body)).encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})


async def respond(send: Send, answer: Answer) -> None:
    """A whole answer."""
    await start(send, answer)
    await send({"type": "http.response.body", "body": answer.body})
