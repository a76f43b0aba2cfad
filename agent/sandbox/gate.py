"""Who may direct the sandbox: programs and people on this machine, and whoever knows the access code.

A browser carries the requests of any web page to loopback, so being on this machine is not enough: a request that says it comes from a page
must come from the sandbox's own. The marks are the browser's and a page cannot forge them: ``Origin`` on everything that changes
something, ``Sec-Fetch-Site`` on the rest, ``Host`` against a page whose name was made to point here. The access code stands in the address
of the page and nowhere else: no cookie carries it along with another page's request.
"""

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from agent.sandbox.settings import is_loopback

CODE_HEADER = "x-access-code"
CODE_PARAMETER = "code"  # for what cannot send a header: opening the page, and its stream of events
_OWN_SITE = (None, "same-origin", "none")  # none: typed by a person; absent: no browser, or one that does not trust plain HTTP


class Gate:
    """``code`` None: only this machine."""

    def __init__(self, code: str | None) -> None:
        self.code = code

    def admits(self, request: Request) -> bool:
        return _is_no_other_page(request) and (_is_local(request) or self._is_told_the_code(request))

    def _is_told_the_code(self, request: Request) -> bool:
        given = request.headers.get(CODE_HEADER) or request.query_params.get(CODE_PARAMETER, "")
        return self.code is not None and hmac.compare_digest(given.encode(), self.code.encode())


def _is_local(request: Request) -> bool:
    """A loopback client that calls us by a loopback name."""
    host = request.headers.get("host", "")
    return request.client is not None and is_loopback(request.client.host) and is_loopback(urlsplit(f"//{host}").hostname or "")


def _is_no_other_page(request: Request) -> bool:
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    followed_link = request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"
    return (origin is None or origin == f"{request.url.scheme}://{host}") and (
        request.headers.get("sec-fetch-site") in _OWN_SITE or followed_link
    )
