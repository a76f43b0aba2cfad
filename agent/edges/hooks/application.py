"""The application: a message comes in, is bounded, proven over its raw bytes, and handed to the engine as a hint.

The order is that of cost: the path and the method, how many have come, how long it is, the proof, and only then what it says. What
fails is answered with a status and a word, never with anything of the message or of a secret. 200 means that the sender may forget the
message; whatever else, that he should send it again or need not have sent it.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.core.hints import Hint, HookRefused, ReadsHooks, Unheard, Unrelated
from agent.edges.hooks.tally import Passed, Tally
from agent.engine.errors import Refusal, Stopped
from agent.secrets import Secret
from drivers.ratelimit import TokenBucket

MAX_HOOK_BYTES = 256 * 1024  # the longest known message has some KiB
BURST_FACTOR = 2  # so many seconds' worth of messages at once
HEARING_LIMIT_S = 5.0  # for the engine to take a message; it is held in memory even if this is not enough
RETRY_S = 30  # after which a message that could not be taken should come again

Hear = Callable[[str, Hint], Awaitable[None]]  # raises Refusal, Stopped
FaultReport = Callable[[BaseException], None]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A payment system's path. ``challenge``: what a 401 says of the way to prove oneself; ``thanks``: the body of a 200."""

    provider: str
    reader: ReadsHooks
    secrets: tuple[Secret, ...]
    challenge: str | None = None
    thanks: bytes = b"OK"


class Turned(Exception):
    """The message is not taken. ``reason``: the word for the counters and, where it has none of its own, for the sender."""

    def __init__(self, status: HTTPStatus, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, dict(headers or {})


class HookApplication:
    """One for the listener. ``endpoints`` by their exact path."""

    knows_tokens: ClassVar[bool] = False  # each message proves by itself whose it is

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        hear: Hear,
        requests_per_s: int,
        tally: Tally,
        failed: FaultReport,
        clock: Callable[[], float],
        passed: Passed,
    ) -> None:
        self._endpoints, self._hear, self._tally, self._failed, self._clock = endpoints, hear, tally, failed, clock
        self._passed = passed
        self._buckets = {path: TokenBucket(BURST_FACTOR * requests_per_s, requests_per_s, clock()) for path in endpoints}

    def hurry(self) -> None:
        """The agent is about to stop: no message takes long."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["raw_path"].decode("latin-1")
        endpoint = self._endpoints.get(path)
        try:
            body = await self._take(endpoint, path, Request(scope, receive))
            response = Response(body, HTTPStatus.OK, media_type="text/plain")
        except Turned as turned:
            self._tally.refused(endpoint.provider if endpoint else "", turned.reason)
            response = Response(turned.reason.encode(), turned.status, turned.headers, "text/plain")
        except ClientDisconnect:
            return  # before the message was complete
        except Exception as error:  # noqa: BLE001  the boundary of the request's task: its fault is told to the log alone
            self._failed(error)
            response = Response(b"failed", HTTPStatus.INTERNAL_SERVER_ERROR, media_type="text/plain")
        response.headers["Cache-Control"] = "no-store"
        await response(scope, receive, send)

    async def _take(self, endpoint: Endpoint | None, path: str, request: Request) -> bytes:
        """The body of the thanks. Raises Turned, ClientDisconnect."""
        if endpoint is None:
            raise Turned(HTTPStatus.NOT_FOUND, "no such path")
        if request.method != "POST":
            raise Turned(HTTPStatus.METHOD_NOT_ALLOWED, "method", {"Allow": "POST"})
        if (pause_s := self._buckets[path].take(self._clock())) > 0:
            raise Turned(HTTPStatus.TOO_MANY_REQUESTS, "too many", {"Retry-After": str(math.ceil(pause_s))})
        body = await _body_of(request)
        secrets = [secret.reveal() for secret in endpoint.secrets]
        found = endpoint.reader.read_hook(secrets, _headers_of(request), body)
        if isinstance(found, HookRefused):
            return self._refused(endpoint, found)
        await self._heard(endpoint, found)
        return endpoint.thanks

    def _refused(self, endpoint: Endpoint, found: HookRefused) -> bytes:
        match found.reason:
            case Unheard.UNSIGNED | Unheard.FORGED:
                challenge = {"WWW-Authenticate": endpoint.challenge} if endpoint.challenge else {}
                raise Turned(HTTPStatus.UNAUTHORIZED, found.reason.value, challenge)
            case Unheard.GARBLED:
                raise Turned(HTTPStatus.BAD_REQUEST, found.reason.value)
            case Unheard.IRRELEVANT:  # its sender did nothing wrong, and must not send it a hundred times
                about = found.about if isinstance(found, Unrelated) else Hint()
                self._passed.noted(endpoint.provider, found.reason.value, about)
                return endpoint.thanks

    async def _heard(self, endpoint: Endpoint, hint: Hint) -> None:
        again = {"Retry-After": str(RETRY_S)}
        try:
            async with asyncio.timeout(HEARING_LIMIT_S):
                await self._hear(endpoint.provider, hint)
        except (Refusal, Stopped, TimeoutError) as error:
            raise Turned(HTTPStatus.SERVICE_UNAVAILABLE, "come again", again) from error


async def _body_of(request: Request) -> bytes:
    """The raw bytes. Raises Turned, ClientDisconnect."""
    too_long = Turned(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long", {"Connection": "close"})  # what is left of it is not read
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > MAX_HOOK_BYTES:
        raise too_long
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_HOOK_BYTES:
            raise too_long
    return bytes(body)


def _headers_of(request: Request) -> Mapping[str, str]:
    """By name in lower case; of one that came twice both values, which is no proof."""
    return {name: ", ".join(request.headers.getlist(name)) for name in request.headers.keys()}  # noqa: SIM118  Headers iterates keys with repeats
