"""What of the page is live: regions, each a list of rows with ids. A row that did not change is not sent again and not touched in the
browser, so that no finger misses a button because something else happened at that moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.sandbox.bank import Bank
from agent.sandbox.page.html import Child, Html, tag
from agent.sandbox.page.words import Tongue
from agent.texts import N_

MAX_SHOWN = 100  # payments, faults, customers of one list: the newest; a load test must not make a page that no phone can show


class House(Protocol):
    """What the page shows."""

    @property
    def bank(self) -> Bank: ...

    def now_ms(self) -> int: ...


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


def button(text: str, call: str, body: str | None = None, *, class_: str | None = None, about: str | None = None) -> Html:
    """A button that asks the control API: ``call`` is method and path, ``body`` JSON. ``about``: id of what it is about, for those who
    hear the page."""
    return tag("button", text, type="button", class_=class_, data_call=call, data_body=body, aria_describedby=about)


def none_yet(tongue: Tongue, id_: str, msgid: str) -> Row:
    """The one row of an empty list."""
    return row("li", id_, tongue(msgid), class_="none")


def left_out(tongue: Tongue, id_: str, number: int) -> list[Row]:
    """The row that owns up to the rows that are not shown."""
    return [row("li", id_, tongue(N_("and {number} more"), number=number), class_="none")] if number > 0 else []
