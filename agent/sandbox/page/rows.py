"""What the rows of the page have in common: whose they are, how many there may be, and the button that makes a request."""

from typing import Protocol

from agent.sandbox.bank import Bank
from agent.sandbox.page.words import Tongue
from agent.texts import N_
from agent.web.html import Html, tag
from agent.web.live import Row, row

MAX_SHOWN = 100  # payments, faults, customers of one list: the newest; a load test must not make a page that no phone can show


class House(Protocol):
    """What the page shows."""

    @property
    def bank(self) -> Bank: ...

    def now_ms(self) -> int: ...


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
