"""The page on the wire: who may look, who may act, how many may watch, and the headers that let it do no more than it must.

The guard of the listener has looked at ``Host`` and ``Origin`` before; here a page of another origin is served nothing at all, although the
configuration may let it call the API. Who may look is a setting of the listener; acting always takes the token of an operator.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.edges.http.faults import Fault
from agent.edges.http.pace import PAGE_COSTS, Pace
from agent.edges.http.presence import made_known
from agent.edges.keyring import Holder
from agent.edges.page import checkup, document, operations, overview, sale
from agent.edges.page.buttons import COOKIE, KEY_HEADER, Buttons
from agent.edges.page.deciding import sign_in
from agent.edges.page.facts import Facts, Overview
from agent.edges.page.house import House
from agent.edges.page.pass_ import Passes
from agent.edges.page.watching import Show, Watching
from agent.edges.page.words import Tongue
from agent.edges.slips import WIDTHS
from agent.engine.errors import Stopped
from agent.texts import N_
from agent.web.files import asset, media_type
from agent.web.html import Child
from agent.web.live import Region, region_element
from agent.web.stream import Bell, stream
from drivers.session import Refused
from drivers.validation import Invalid

MAX_STREAMS = 8  # pages open at once: a till's own screen, some phones; each is a connection that a register cannot have
LOOKS_PER_S, LOOKS_AT_ONCE = 10, 40  # pages that those who signed in ask for: a person with a phone needs two; strangers share as many
SALE_LOOK_S = 2.0  # how often one sale, or a list, is looked at for its page

_OWN, _COMMON = "agent.edges.page", "agent.web"
_ASSETS: Mapping[str, str] = {"base.css": _COMMON, "live.js": _COMMON, "page.css": _OWN, "page.js": _OWN, "icon.svg": _OWN}
_LISTS = frozenset({"found", "latest", "queue", "systems", "tills", "alarms"})  # regions whose rows are items of a list
_NAMES: Mapping[str, frozenset[str]] = {  # what the address of a page may say; the rest is not handed on
    document.OPERATIONS: frozenset({"q", "only", "before"}),
    document.SALE: frozenset({"store", "terminal", "key"}),
}
_UNKNOWN = frozenset({"NOT_FOUND", "RECORD_LOST", "UNKNOWN_TERMINAL"})  # refusals of what an address means and this till does not have
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}

Looking = Literal["open", "token"]


class Site:
    """One for each listener that serves a page. ``looking``: ``open`` to whoever can reach the port, or ``token``. ``secure``: it is served
    behind TLS."""

    def __init__(self, house: House, looking: Looking, secure: bool = False) -> None:
        self._house, self._looking = house, looking
        self._facts, self._passes, self._bell = Facts(house), Passes(), Bell()
        self._known = Pace(LOOKS_AT_ONCE * PAGE_COSTS, LOOKS_PER_S * PAGE_COSTS)
        self._streams = 0
        self._drawn: tuple[Overview, Tongue, Sequence[Region]] | None = None
        self._buttons = Buttons(house, self._passes, self._bell, lambda: self._tongue, secure)

    def takes(self, path: str) -> bool:
        """Whether a path is the page's."""
        return path == document.HOME or path.startswith(document.BELOW)

    def hurry(self) -> None:
        """The agent is about to stop, or this door closes: so do the streams."""
        self._bell.close()

    async def answer(self, request: Request, own: bool, holder: Callable[[], Awaitable[Holder]], strangers: Pace) -> Response:
        """``own``: it is asked by a page of this origin, or by no page. ``holder``: whose token it carries. ``strangers``: the pace of all
        who have not signed in. Raises Fault."""
        if not own:
            raise Fault("FORBIDDEN", "the status page is for pages of its own origin")
        try:
            pace = self._known if self._is_known(request) else strangers
            response = await (self._post(request, holder, pace) if request.method == "POST" else self._get(request, pace))
        except Stopped as stopped:
            raise Fault("BUSY", str(stopped)) from stopped
        response.headers.update(_HEADERS)
        return response

    # --- looking ---

    @property
    def _tongue(self) -> Tongue:
        setup = self._house.engine.setup
        return Tongue(setup.language, setup.timezone)

    async def _get(self, request: Request, pace: Pace) -> Response:
        path, name = request.url.path, request.url.path.removeprefix(document.BELOW)
        if request.method != "GET":
            raise Fault("INVALID", "pages take GET", status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
        if name in _ASSETS:
            await pace.take()
            return Response(asset(_ASSETS[name], name), media_type=media_type(name))  # holds nothing of this till
        await pace.take(PAGE_COSTS)
        if not self._may_look(request):
            return self._page(
                document.HOME, self._tongue(N_("Sign in")), sign_in(self._tongue, unfolded=True), status=HTTPStatus.UNAUTHORIZED
            )
        query = dict(request.query_params)
        try:
            match path:
                case document.HOME | document.OPERATIONS | document.SALE:
                    return await self._live(path, query)
                case document.EVENTS:
                    return self._events(query.get("of", document.HOME), query, request.cookies.get(COOKIE, ""))
                case document.CHECKUP:
                    return self._page(path, self._tongue(N_("Check-up")), checkup.content(self._tongue))
                case document.SLIP:
                    return await self._slip(query)
                case _:
                    return self._problem(HTTPStatus.NOT_FOUND, self._tongue(N_("There is no such page.")))
        except Refused as error:
            status = HTTPStatus.NOT_FOUND if error.code in _UNKNOWN else HTTPStatus.CONFLICT
            return self._problem(status, str(error.data.get("message", error.message)))
        except Invalid as error:
            return self._problem(HTTPStatus.BAD_REQUEST, f"{error.problems[0].path}: {error.problems[0].problem}")

    def _is_known(self, request: Request) -> bool:
        """Whether one asks who has signed in."""
        known = self._passes.stands(request.cookies.get(COOKIE, "")) or self._passes.may_act(request.headers.get(KEY_HEADER, ""))
        if known:
            made_known(request)
        return known

    async def _live(self, path: str, query: Mapping[str, str]) -> Response:
        regions = await self._show(path, query)()
        live = {one.id: region_element("ul" if one.id in _LISTS else "ol" if one.id == "story-events" else "div", one) for one in regions}
        named = {name: value for name, value in query.items() if name in _NAMES.get(path, ())}
        tongue, stream_at = self._tongue, document.address(document.EVENTS, {"of": path, **named})
        match path:
            case document.OPERATIONS:
                content, title = operations.content(query, live, tongue), tongue(N_("Operations"))
            case document.SALE:
                content, title = sale.content(_names(query), live, tongue), sale.title(_names(query), tongue)
            case _:
                content, title = overview.content(live, tongue), tongue(N_("Till"))
        return self._page(path, title, content, stream=stream_at)

    def _show(self, path: str, query: Mapping[str, str]) -> Show:
        """What makes the regions of a page."""

        async def show() -> Sequence[Region]:
            match path:
                case document.OPERATIONS:
                    return await operations.regions(self._facts, query, self._tongue)
                case document.SALE:
                    names = _names(query)
                    return sale.regions(names, await sale.look(self._facts, names), self._facts.now(), self._tongue)
                case _:
                    return await self._first_page()

        return show

    async def _first_page(self) -> Sequence[Region]:
        """Drawn once for all who watch."""
        seen, tongue = await self._facts.overview(), self._tongue
        if self._drawn is None or self._drawn[0] is not seen or self._drawn[1] != tongue:
            self._drawn = seen, tongue, overview.regions(seen, self._house.pulse, tongue)
        return self._drawn[2]

    def _events(self, of: str, query: Mapping[str, str], word: str) -> Response:
        if self._streams >= MAX_STREAMS:
            raise Fault("BUSY", "too many pages are open")
        if of == document.HOME:  # all who watch it share one look, which is rationed where it is made
            looks = Watching(self._show(of, query), self._facts.next_look_s, lambda: 0)
        else:
            looks = Watching(self._show(of, query), lambda: SALE_LOOK_S, lambda: self._streams)
        return _Stream(self, looks, lambda: self._looking == "open" or self._passes.stands(word))

    async def watch(
        self, receive: Receive, send: Send, looks: Watching, headers: Sequence[tuple[bytes, bytes]], allowed: Callable[[], bool]
    ) -> None:
        """One stream, from its first event to its end. ``allowed``: whether whoever opened it may still look."""
        self._streams += 1
        try:
            await stream(receive, send, self._bell, looks.look, looks.sleep_s, headers, allowed)
        finally:
            self._streams -= 1

    async def _slip(self, query: Mapping[str, str]) -> Response:
        names, refund = _names(query), query.get("refund") or None
        copy = await self._facts.ask("operation.slip", **names, **({"refundKey": refund} if refund is not None else {}))
        width = next((one for one in WIDTHS if str(one) == query.get("width")), WIDTHS[1])
        return self._page(document.SLIP, self._tongue(N_("Slip")), sale.slip(names, refund, copy, width, self._tongue))

    def _page(self, path: str, title: str, *children: Child, stream: str | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
        test = any(binding.environment.value == "test" for binding in self._house.engine.setup.bindings.values())
        text = document.document(self._tongue, path, title, *children, stream=stream, test=test)
        return Response(text.encode("utf-8", "replace"), status, media_type="text/html; charset=utf-8")

    async def _post(self, request: Request, holder: Callable[[], Awaitable[Holder]], pace: Pace) -> Response:
        if request.headers.get("origin") is None:  # every browser says so with a POST; a program has the API
            raise Fault("FORBIDDEN", "the status page acts for its own page only")
        if request.url.path != document.PASS or "authorization" not in request.headers:  # who shows a token has the pace of its client
            await pace.take(PAGE_COSTS)
        match request.url.path:
            case document.PASS:
                return await self._buttons.sign(request, holder)
            case document.ACT:
                return await self._buttons.act(request)
            case document.EXAMINE if self._may_look(request):
                return await self._buttons.examine()
            case document.EXAMINE:
                raise Fault("FORBIDDEN", "sign in first", status=HTTPStatus.UNAUTHORIZED)
            case _:
                raise Fault("INVALID", "there is nothing to be done at this path", status=HTTPStatus.NOT_FOUND)

    def _may_look(self, request: Request) -> bool:
        return self._looking == "open" or self._passes.may_look(request.cookies.get(COOKIE, ""))

    def _problem(self, status: HTTPStatus, text: str) -> Response:
        return self._page("", self._tongue(N_("Not shown")), document.section("problem", text), status=status)


class _Stream(Response):
    """A response that lasts."""

    def __init__(self, site: Site, looks: Watching, allowed: Callable[[], bool]) -> None:
        super().__init__()
        self._site, self._looks, self._allowed = site, looks, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [one for one in self.raw_headers if one[0] not in (b"content-length", b"content-type", b"cache-control")]
        await self._site.watch(receive, send, self._looks, headers, self._allowed)


def _names(query: Mapping[str, str]) -> dict[str, str]:
    """The sale or payout that an address means; what is missing is for the desk to refuse."""
    return {"storeId": query.get("store", ""), "terminalId": query.get("terminal", ""), "key": query.get("key", "")}
