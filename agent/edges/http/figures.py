"""``/metrics``: the figures for a monitoring system, for whoever has the token of one of the listener's clients."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from agent.edges.http.faults import Fault
from drivers.session import Refused

PATH = "/metrics"

Page = Callable[[Request], Awaitable[Response]]


def metrics_page(figures: Callable[[], Awaitable[bytes]], content_type: str) -> Page:
    """The page that answers with what ``figures`` gives."""

    async def page(request: Request) -> Response:
        try:
            found = await figures()
        except Refused as refused:
            raise Fault(refused.code, refused.message) from refused
        return Response(found, media_type=None, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return page
