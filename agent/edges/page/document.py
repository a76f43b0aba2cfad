"""A whole document, as a browser gets it first: complete, so that it shows something before its script has run."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from agent.edges.page.words import Tongue
from agent.texts import N_
from agent.web.html import Child, Html, tag

HOME, BELOW = "/", "/page/"
OPERATIONS, SALE, SLIP, CHECKUP, EVENTS = (BELOW + name for name in ("operations", "sale", "slip", "checkup", "events"))
ACT, PASS, EXAMINE = (BELOW + name for name in ("act", "pass", "examine"))

_MENU = ((HOME, N_("Overview")), (OPERATIONS, N_("Operations")), (CHECKUP, N_("Check-up")))


def document(tongue: Tongue, here: str, title: str, *children: Child, stream: str | None = None, test: bool = False) -> str:
    """``here``: the path of the page, for the menu. ``stream``: the address of its events. ``test``: the money is not real."""
    body = tag(
        "body",
        _top(tongue, here, title, test, live=stream is not None),
        tag("main", children, id="main", tabindex=-1),
        _texts(tongue),
        class_="offline" if stream is not None else None,
        data_stream=stream,
    )
    return "<!DOCTYPE html>" + tag("html", _head(title), body, lang=tongue.language)


def address(path: str, query: Mapping[str, str | None]) -> str:
    """A path with a query, without what is None."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def section(id_: str, title: str, *children: Child) -> Html:
    """The heading takes the focus when what had it is gone."""
    return tag("section", tag("h2", title, id=id_, tabindex=-1), children, aria_labelledby=id_)


def facts(pairs: Sequence[tuple[str, Child]]) -> Html:
    """Names and values, one pair a line; values that are None are left out."""
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs if value is not None], class_="facts")


def _head(title: str) -> Html:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} - koshelek-agent"),
        tag("link", rel="icon", type="image/svg+xml", href=f"{BELOW}icon.svg"),
        tag("link", rel="stylesheet", href=f"{BELOW}base.css"),
        tag("link", rel="stylesheet", href=f"{BELOW}page.css"),
        tag("script", src=f"{BELOW}page.js", type="module"),
    )


def _top(tongue: Tongue, here: str, title: str, test: bool, live: bool) -> Html:
    menu = [tag("a", tongue(text), href=path, aria_current="page" if path == here else None) for path, text in _MENU]
    return tag(
        "header",
        tag("h1", title),
        tag("nav", menu, aria_label=tongue(N_("Pages"))),
        tag("p", tongue(N_("Connecting…")) if live else "", id="link", role="status"),
        tag("p", tongue(N_("Test: this money is not real.")), class_="test") if test else None,
        tag("p", id="said", role="status"),
        tag("p", id="failed", role="alert"),
        tag("noscript", tag("p", tongue(N_("Without JavaScript this page is a picture of the moment, and its buttons do nothing.")))),
    )


def _texts(tongue: Tongue) -> Html:
    """What the script has to say, in the language of the page."""
    return tag(
        "template",
        id="texts",
        data_live=tongue(N_("Live.")),
        data_lost=tongue(N_("No connection to the agent. Trying again…")),
        data_shut=tongue(N_("Sign in again: load this page anew.")),
        data_wrong=tongue(N_("This is not the token of an operator.")),
        data_in=tongue(N_("Signed in as an operator.")),
        data_out=tongue(N_("Signed out.")),
        data_needed=tongue(N_("Sign in as an operator first.")),
        data_working=tongue(N_("Working…")),
        data_failed=tongue(N_("Not done.")),
    )
