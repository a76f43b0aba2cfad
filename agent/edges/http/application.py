"""The application: an HTTP request comes in, passes the guard, shows its token, becomes a request of the protocol and goes to the desk.

The same desk serves sockets and HTTP; nothing is decided about payments here. A request is carried out even if its client hangs up: the
server does not cancel it, a long poll ends by itself (its presence is over), and to somebody who has gone nothing is told.

``pages`` are what a browser or a monitor may look at beside the API, by path. Those of ``guarded`` want the token of a client, like the
API; each of the others checks by itself who may see it.
"""

import asyncio
import base64
import functools
import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.edges.http import faults, openapi
from agent.edges.http.faults import Fault
from agent.edges.http.guard import Guard
from agent.edges.http.pace import Pace
from agent.edges.http.presence import HttpPresence, made_known
from agent.edges.http.reading import body_of, request_of
from agent.edges.http.routes import Route, at
from agent.edges.keyring import Holder, Keyring
from drivers import messages
from drivers.answers import Created
from drivers.caller import Caller, Presence
from drivers.limits import Limits
from drivers.observer import Observer
from drivers.ratelimit import TokenBucket
from drivers.session import Handler, Refused, TooLong
from drivers.strictjson import dumps

WRONG_TOKEN_SECONDS = 1.0  # until a wrong token is answered
MAX_WRONG_TOKENS = 16  # answered at a time; so many guesses a second at most
DOCUMENT_PATH = "/openapi.json"
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="koshelek-agent"'}
JSON = "application/json"

Page = Callable[[Request], Awaitable[Response]]


class Site(Protocol):
    """Pages for people: many paths, streams, and buttons. It checks by itself who may look and who may act."""

    def takes(self, path: str) -> bool:
        """Whether a path is one of its."""

    async def answer(self, request: Request, own: bool, holder: Callable[[], Awaitable[Holder]], strangers: Pace) -> Response:
        """``own``: no page of another origin asks. ``holder``: whose token the request carries; raises Fault. ``strangers``: what all who
        show nothing share. Raises Fault."""

    def hurry(self) -> None:
        """The door closes: streams should end."""


class Application:
    """One for each listener. ``api`` False: the site and the pages are all there is."""

    knows_tokens: ClassVar[bool] = True

    def __init__(
        self,
        handler: Handler,
        keyring: Keyring,
        guard: Guard,
        limits: Limits,
        observer: Observer,
        pages: Mapping[str, Page] | None = None,
        guarded: Collection[str] = (),
        site: Site | None = None,
        api: bool = True,
    ) -> None:
        self._handler = handler
        self._keyring = keyring
        self._guard = guard
        self._limits = limits
        self._observer = observer
        self._pages: dict[str, Page] = {**({DOCUMENT_PATH: _describe} if api else {}), **(pages or {})}
        self._site, self._api = site, api
        self._guarded = frozenset(guarded)
        self._buckets: dict[str, TokenBucket] = {}
        self._at_work: dict[str, set[Presence]] = {}
        self._strangers = Pace()
        self._wrong_tokens = 0
        self._hurried = False

    def hurry(self) -> None:
        """The agent is about to stop: long polls should answer now."""
        self._hurried = True
        if self._site is not None:
            self._site.hurry()
        for presences in self._at_work.values():
            for presence in presences:
                presence.hurry()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request, origin = Request(scope, receive), None
        try:
            origin = self._guard.check(request.headers)
            response = await self._answer(request, origin)
        except Fault as fault:
            response = faults.response(fault)
        except ClientDisconnect:
            return  # before its request was complete
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            response = self._failed(None, "", error)  # something inside was cancelled, not we: the client still waits
        except Exception as error:  # noqa: BLE001  the boundary of the request's task: its fault is told by reference, never by text
            response = self._failed(None, "", error)
        self._guard.sign(response, origin)
        await response(scope, receive, send)

    async def _answer(self, request: Request, origin: str | None) -> Response:
        if self._site is not None and self._site.takes(request.url.path):
            holding = functools.partial(self._holder, request)
            return await self._site.answer(request, self._guard.is_own(origin), holding, self._strangers)
        page = self._pages.get(request.url.path)
        raw_path: bytes = request.scope["raw_path"]
        routes, in_path = at(raw_path.decode("latin-1")) if self._api else ({}, {})
        verbs = ["GET"] if page else sorted(routes)
        if request.method == "OPTIONS" and origin is not None and "access-control-request-method" in request.headers and verbs:
            return self._guard.preflight(request.headers, verbs)
        holder = None
        if page is None or request.url.path in self._guarded or "authorization" in request.headers:
            holder = await self._holder(request)
        else:
            await self._strangers.take()
        if not verbs:
            raise Fault("INVALID", "there is no such path in this API: see /openapi.json", status=HTTPStatus.NOT_FOUND)
        if request.method not in verbs:
            allowed = {"Allow": ", ".join(verbs)}
            raise Fault("INVALID", f"this path takes {allowed['Allow']}", status=HTTPStatus.METHOD_NOT_ALLOWED, headers=allowed)
        if page is not None or holder is None:
            return await self._pages[request.url.path](request)
        route = next(one for verb, one in routes.items() if verb == request.method)
        return await self._serve(holder, route, in_path, request)

    # --- who ---

    async def _holder(self, request: Request) -> Holder:
        """Whose token it is, and that he asks no more often than he may. Raises Fault."""
        given = request.headers.getlist("authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token.strip():
            text = "the request needs the header Authorization: Bearer, with the token of a configured client"
            await self._strangers.take()
            raise Fault("FORBIDDEN", text, status=HTTPStatus.UNAUTHORIZED, headers=CHALLENGE)
        holder = self._keyring.holder(token.strip())
        if holder is None:
            await self._delay_guesses()
            raise Fault("FORBIDDEN", "no client of this agent has this token", status=HTTPStatus.UNAUTHORIZED, headers=CHALLENGE)
        made_known(request)
        now = asyncio.get_running_loop().time()
        bucket = self._buckets.get(holder.name)
        if bucket is None:
            bucket = self._buckets[holder.name] = TokenBucket(self._limits.request_burst, self._limits.requests_per_second, now)
        if (pause := bucket.take(now)) > 0:
            text = f"at most {self._limits.requests_per_second:g} requests a second of one client"
            raise Fault("LIMIT", text, headers={"Retry-After": str(math.ceil(pause))})
        return holder

    async def _delay_guesses(self) -> None:
        self._observer.turned_away(None, "FORBIDDEN")
        if self._wrong_tokens >= MAX_WRONG_TOKENS:
            raise Fault("LIMIT", "too many wrong tokens at once")
        self._wrong_tokens += 1
        try:
            await asyncio.sleep(WRONG_TOKEN_SECONDS)
        finally:
            self._wrong_tokens -= 1

    # --- what ---

    async def _serve(self, holder: Holder, route: Route, in_path: Mapping[str, str], request: Request) -> Response:
        try:
            body = await body_of(request.headers, request.stream())
            asked = request_of(route, in_path, request.scope["query_string"], request.headers, body)
        except Fault as fault:
            caller = Caller(holder.name, tills=holder.tills, operator=holder.operator, payouts=holder.payouts)
            places = ", ".join(str(problem["path"]) for problem in fault.data.get("details", [])[:5])
            self._observer.refused(caller, route.method, fault.code, places)
            raise
        presences = self._at_work.setdefault(holder.name, set())
        if len(presences) >= self._limits.requests_at_work:
            raise Fault("LIMIT", f"at most {self._limits.requests_at_work} requests of one client are worked on at a time")
        presence = HttpPresence(request)
        if self._hurried:
            presence.hurry()
        presences.add(presence)
        try:
            caller = Caller(holder.name, None, holder.tills, holder.operator, holder.payouts, presence, self._limits.answer_bytes)
            return await self._carry_out(caller, presence, route, asked)
        finally:
            presences.discard(presence)

    async def _carry_out(self, caller: Caller, presence: HttpPresence, route: Route, asked: messages.Request) -> Response:
        watch = asyncio.ensure_future(presence.watch())
        try:
            found = await self._handler(caller, asked)
            return self._told(route, found)
        except Refused as refused:
            self._observer.refused(caller, asked.method, refused.code, "")
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if isinstance(refused, TooLong) else None
            raise Fault(refused.code, refused.message, status=status, data=refused.data) from refused
        except Exception as error:  # noqa: BLE001  whose fault it was is known here, and belongs in the log
            return self._failed(caller, asked.method, error)
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    def _told(self, route: Route, found: Mapping[str, Any]) -> Response:
        body = _file(found) if route.media else dumps(found)
        if len(body) > self._limits.answer_bytes:
            raise TooLong
        return Response(body, HTTPStatus.CREATED if isinstance(found, Created) else HTTPStatus.OK, media_type=route.media or JSON)

    def _failed(self, caller: Caller | None, method: str, error: BaseException) -> Response:
        fault = faults.internal()
        self._observer.failed(caller, str(fault.data["reference"]), method, error)
        return faults.response(fault)


def _file(found: Mapping[str, Any]) -> bytes:
    """A drawing as the file that it is."""
    return base64.b64decode(found["base64"]) if "base64" in found else str(found["text"]).encode()


@functools.cache
def _document() -> bytes:
    return dumps(openapi.document())


async def _describe(request: Request) -> Response:
    """The description of the API; nothing in it is a secret."""
    body = await asyncio.to_thread(_document)  # the first time it takes a fifth of a second that sales must not wait for
    return Response(body, media_type=JSON)
