"""HTML that cannot be forgotten to be escaped: a ``str`` is text, an ``Html`` is markup, and only ``tag`` makes the second from the first.

Order numbers and names of goods come from whoever writes a register, and the page shows them beside buttons that move (play) money. With
two types a text that was not escaped has no way into the page: children and values of attributes that are plain strings are always escaped.
"""

import html
from collections.abc import Iterable

_VOID = frozenset({"br", "input", "link", "meta"})


class Html(str):
    """Markup, finished. Joined with a plain string it is a plain string again, and will be escaped."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
Value = str | int | bool | None


def tag(name: str, /, *children: Child, **attributes: Value) -> Html:
    """One element. ``data_call`` is written ``data-call``, ``class_`` and ``for_`` lose their line; True is an attribute without a value,
    False and None are no attribute. A child None is left out, an iterable is taken apart."""
    shown = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    start = f"<{name}{shown}>"
    return Html(start if name in _VOID else f"{start}{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """Children one after another, without an element around them."""
    return Html("".join(_child(child) for child in children))


def told(text: str) -> Html:
    """A text of somebody else's, kept from turning the writing direction of what stands around it, and from running out of the page."""
    return tag("bdi", text)


def _child(child: Child) -> str:
    match child:
        case None:
            return ""
        case Html():
            return child
        case str():
            return html.escape(child)
        case _:
            return join(child)


def _attribute(name: str, value: Value) -> str:
    match value:
        case None | False:
            return ""
        case True:
            return f" {name}"
        case _:
            return f' {name}="{html.escape(str(value))}"'
