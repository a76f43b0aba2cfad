"""What of a page is live: regions, each a list of rows with ids. A row that did not change is not sent again and not touched in the
browser, so that no finger misses a button because something else happened at that moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.web.html import Child, Html, join, tag


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a region. ``id`` is unique on the page and goes into the element by ``row``."""

    id: str
    html: Html


@dataclass(frozen=True, slots=True)
class Region:
    """A list that changes by itself. ``id`` is that of its element on the page."""

    id: str
    rows: Sequence[Row]


def row(element: str, id_: str, *children: Child, class_: str | None = None) -> Row:
    return Row(id_, tag(element, *children, id=id_, class_=class_))


def region_element(element: str, region: Region) -> Html:
    """A region as it stands in a document that is sent whole."""
    return tag(element, join(one.html for one in region.rows), id=region.id, class_="region")


class Changes:
    """What one page has been shown."""

    def __init__(self) -> None:
        self._shown: dict[str, dict[str, str]] = {}

    def to(self, regions: Sequence[Region]) -> dict[str, object]:
        """By region: all ids in order, and the HTML of those that are not as they were. Regions that are as they were are left out."""
        changed: dict[str, object] = {}
        for region in regions:
            now = {row.id: row.html for row in region.rows}
            before = self._shown.get(region.id)
            if before is None or list(before.items()) != list(now.items()):
                fresh = {id_: html for id_, html in now.items() if (before or {}).get(id_) != html}
                changed[region.id] = {"order": list(now), "rows": fresh}
                self._shown[region.id] = dict(now)
        return changed
