"""Who may knock at all: a browser on the till carries the requests of any page it shows, and can reach ports of this machine.

Two questions keep such pages out (promise P22). *Which name was asked for?* A page whose name was made to mean this machine (DNS rebinding)
asks for its own name; only the names of this machine are served. *Which page asks?* A browser says so in ``Origin``, and a page cannot
lie about it; only pages of this very port and those that the configuration names are served. What a page embeds (a picture, a frame)
comes without ``Origin``; a browser says so in ``Sec-Fetch-Site``, and only a link that a person follows is served. The token comes after
that: it keeps out other programs, and pages, too, since no browser adds it by itself.
"""

from collections.abc import Collection
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import Response

from agent.edges.http.faults import Fault

NAMES = ("127.0.0.1", "localhost", "[::1]")
DEFAULT_PORTS = (80, 443)  # in the clear and behind TLS: browsers leave them out
PREFLIGHT_SECONDS = 600  # for which a browser need not ask again
ALLOWED_HEADERS = "Authorization, Content-Type"
OWN_SITES = frozenset({"same-origin", "none"})  # a page of this very port, or a person at the address bar
FOLLOWED_LINK = ("navigate", "document")  # of another page, in a window of its own
EXPOSED_HEADERS = "Retry-After, WWW-Authenticate"
PLAIN_HEADERS = {  # with every answer: it is about money, for the asker alone, and never a page
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Looks at the headers that browsers cannot be made to forge. ``origins``: pages beside our own that may call. ``names``: those of this
    machine; ``secure``: it is asked behind TLS."""

    def __init__(self, port: int, origins: Collection[str], names: Collection[str] = NAMES, *, secure: bool = False) -> None:
        known = {name.lower() for name in names}
        self._hosts = {f"{name}:{port}" for name in known} | (known if port == DEFAULT_PORTS[secure] else set())
        self._own = {f"{'https' if secure else 'http'}://{host}" for host in self._hosts}
        self._origins = self._own | {origin.lower() for origin in origins}

    def check(self, headers: Headers) -> str | None:
        """The page that asks, if a page asks. Raises Fault FORBIDDEN."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise Fault("FORBIDDEN", f"the Host of a request must be {' or '.join(sorted(self._hosts))}")
        if not origins:
            if not _nobody_embeds(headers):
                raise Fault("FORBIDDEN", "pages of other origins may not embed the agent")
            return None
        if len(origins) > 1 or origins[0].lower() not in self._origins:
            raise Fault("FORBIDDEN", "pages of this origin may not call the agent: it is not among the listener's origins")
        return origins[0]

    def is_own(self, origin: str | None) -> bool:
        """Whether a page of this very port asks, or no page at all. The origin has passed ``check``."""
        return origin is None or origin.lower() in self._own

    def preflight(self, headers: Headers, verbs: Collection[str]) -> Response:
        """What a browser asks before it sends a page's request. The page has passed ``check``."""
        found = {
            "Access-Control-Allow-Methods": ", ".join(verbs),
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
        if headers.get("access-control-request-private-network") == "true":
            found["Access-Control-Allow-Private-Network"] = "true"
        return Response(None, HTTPStatus.NO_CONTENT, found)

    def sign(self, response: Response, origin: str | None) -> None:
        """Add what every answer carries, and what lets the page read it."""
        for name, value in PLAIN_HEADERS.items():
            response.headers.setdefault(name, value)
        if origin is not None:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            response.headers["Vary"] = "Origin"


def _nobody_embeds(headers: Headers) -> bool:
    """Programs and old browsers say nothing of it."""
    sites, modes, goals = (headers.getlist(f"sec-fetch-{name}") for name in ("site", "mode", "dest"))
    return OWN_SITES.issuperset(site.lower() for site in sites) or (*modes, *goals) == FOLLOWED_LINK
