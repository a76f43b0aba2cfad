"""What an HTTP listener shows beside the API: for monitors, by its configuration. Imported where such a listener is opened."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agent.settings import HttpListener, PageListener

if TYPE_CHECKING:  # a web server is behind it, which tills without such a listener do not need
    from agent.edges.http.application import Page, Site
    from agent.edges.page.house import House
    from agent.running.measuring import Measuring


class Pages:
    """Pages by path, for each listener."""

    def __init__(self, measuring: "Measuring", house: "House") -> None:
        self._measuring, self._house = measuring, house

    def of(self, listener: HttpListener) -> Mapping[str, "Page"]:
        """Those that the listener's settings ask for."""
        if not listener.metrics:
            return {}
        from agent.edges.http.figures import PATH, metrics_page

        return {PATH: metrics_page(*self._measuring.exposition())}

    def site(self, listener: HttpListener | PageListener) -> "Site | None":
        """The status page, for whom the listener's settings say."""
        if isinstance(listener, HttpListener) and listener.page == "off":
            return None
        from agent.edges.page.site import Site

        if isinstance(listener, HttpListener):
            return Site(self._house, "open" if listener.page == "open" else "token")
        return Site(self._house, "token", secure=listener.certificate_file is not None)
