"""The page on the wire: its address, its parts, and the headers that let it do no more than it must."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from agent.sandbox.asgi import Receive, Scope, Send
from agent.sandbox.control import PREFIX
from agent.sandbox.gate import Gate
from agent.sandbox.page.document import document, regions
from agent.sandbox.page.paying import paying
from agent.sandbox.page.rows import House
from agent.sandbox.page.stream import MAX_STREAMS, sleep_s
from agent.sandbox.page.words import Tongue
from agent.texts import LANGUAGES
from agent.web.files import asset, media_type
from agent.web.live import Region
from agent.web.stream import Bell, Look, stream

PAGE = f"{PREFIX}/page/"

_OWN, _COMMON = "agent.sandbox.page", "agent.web"
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
_HEADERS = {
    "content-security-policy": f"{_POLICY}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",  # the address may hold the access code
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_ASSETS: Mapping[str, str] = {"base.css": _COMMON, "live.js": _COMMON, "page.css": _OWN, "page.js": _OWN, "icon.svg": _OWN}
_LATER_S = 5


class Page:
    """An ASGI application for paths under PAGE. ``language`` None: what the browser asks for."""

    def __init__(self, house: House, gate: Gate, bell: Bell, language: str | None) -> None:
        self._house, self._gate, self._bell, self._language = house, gate, bell, language
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        name = scope["path"].removeprefix(PAGE)
        if name == "events" and request.method == "GET" and self._lets_in(request) and self._streams < MAX_STREAMS:
            await self._stream(request, receive, send)
            return
        response = self._answer(request, name)
        response.headers.update(_HEADERS)
        await response(scope, receive, send)

    async def lead_there(self, scope: Scope, receive: Receive, send: Send) -> None:
        """From the bare address of the control port to the page."""
        query = Request(scope).url.query
        await RedirectResponse(PAGE + (f"?{query}" if query else ""), status_code=303, headers=_HEADERS)(scope, receive, send)

    def _answer(self, request: Request, name: str) -> Response:
        if request.method != "GET":
            return PlainTextResponse("GET only", status_code=405, headers={"allow": "GET"})
        if name in _ASSETS:
            return Response(asset(_ASSETS[name], name), media_type=media_type(name))  # holds nothing of this sandbox
        if not self._lets_in(request):
            return PlainTextResponse("Only from this machine, or with the access code that the sandbox printed.", status_code=403)
        if name == "events":
            return PlainTextResponse("Too many pages are open.", status_code=503, headers={"retry-after": str(_LATER_S)})
        if name:
            return PlainTextResponse("There is no such page.", status_code=404)
        text = document(self._house, self._tongue(request))
        return Response(text.encode("utf-8", "replace"), media_type="text/html; charset=utf-8")

    def _lets_in(self, request: Request) -> bool:
        try:
            return self._gate.admits(request)
        except ValueError:
            return False  # a Host that is no host

    async def _stream(self, request: Request, receive: Receive, send: Send) -> None:
        tongue = self._tongue(request)
        self._streams += 1
        try:
            await stream(receive, send, self._bell, self._look(tongue), lambda: sleep_s(self._house.bank, self._house.now_ms()))
        finally:
            self._streams -= 1

    def _look(self, tongue: Tongue) -> Look:
        async def look() -> Sequence[Region]:
            return regions(self._house, tongue)

        return look

    async def pay(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The page behind a payment link, for anybody who has the link."""
        await paying(scope, receive, send, self._house.bank, self._house.now_ms(), self._tongue(Request(scope)))
        self._bell.ring()

    def _tongue(self, request: Request) -> Tongue:
        return Tongue(self._language or preferred(request.headers.get("accept-language", "")))


def preferred(accept_language: str) -> str:
    """The first language of ours in a browser's list, which browsers sort by preference; without one the product's own."""
    for part in accept_language.split(","):
        language = part.split(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]
