"""The whole page, as a browser gets it first: complete, so that it shows something before its script has run."""

from collections.abc import Sequence

from agent.sandbox.control import PREFIX
from agent.sandbox.page.books import books
from agent.sandbox.page.forms import fault_form, offer_details, offer_form, outage_form, queue_form, usual_form
from agent.sandbox.page.payouts import payouts
from agent.sandbox.page.rows import House, button
from agent.sandbox.page.switches import switches
from agent.sandbox.page.waiting import waiting
from agent.sandbox.page.words import Tongue
from agent.texts import N_
from agent.web.html import Child, Html, tag
from agent.web.live import Region, region_element

_ELEMENTS = {"waiting": "ul", "books": "ul", "faults": "ul", "queued": "ul", "payouts": "ul"}  # of the regions; the others are a div


def regions(house: House, tongue: Tongue) -> list[Region]:
    """Everything on the page that changes by itself, as it is now."""
    house.bank.tick(house.now_ms())
    return [*waiting(house, tongue), *switches(house, tongue), *payouts(house, tongue), *books(house, tongue)]


def document(house: House, tongue: Tongue) -> str:
    """The HTML document."""
    live = {region.id: region_element(_ELEMENTS.get(region.id, "div"), region) for region in regions(house, tongue)}
    body = tag("body", _top(tongue, live), tag("main", _sections(tongue, live), id="main"), _texts(tongue), class_="offline")
    return "<!DOCTYPE html>" + tag("html", _head(tongue), body, lang=tongue.language)


def _head(tongue: Tongue) -> Html:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", tongue(N_("The customer's phone"))),
        tag("link", rel="icon", type="image/svg+xml", href="icon.svg"),
        tag("link", rel="stylesheet", href="base.css"),
        tag("link", rel="stylesheet", href="page.css"),
        tag("script", src="page.js", type="module"),
    )


def _top(tongue: Tongue, live: dict[str, Html]) -> Html:
    sections = (
        ("payments", N_("Payments")),
        ("customers", N_("Customers")),
        ("faults-title", N_("Faults")),
        ("payouts-title", N_("Payouts")),
        ("ledger", N_("Books")),
    )
    return tag(
        "header",
        tag("h1", tongue(N_("The customer's phone"))),
        tag("p", tongue(N_("Sandbox: this money is not real.")), class_="test"),
        tag("nav", [tag("a", tongue(text), href=f"#{id_}") for id_, text in sections], aria_label=tongue(N_("Sections"))),
        tag("p", tongue(N_("Connecting…")), id="link", role="status"),
        tag("div", live["network"], role="status"),
        tag("p", id="said", role="status"),
        tag("p", id="failed", role="alert"),
        tag("noscript", tag("p", tongue(N_("The buttons need JavaScript.")))),
    )


def _sections(tongue: Tongue, live: dict[str, Html]) -> Sequence[Html]:
    again = tag("p", tongue(N_("Forgets all payments, books, faults and customers.")))
    return [
        _section(
            "payments",
            tongue(N_("Waiting for the customer")),
            tag("div", live["waiting-count"], role="status"),
            live["waiting"],
        ),
        _section(
            "customers",
            tongue(N_("Customers to come")),
            tag("p", tongue(N_("A card session that stands for a customer (PAY…, WAIT…) goes before the usual one."))),
            live["usual"],
            _fold("usual-form", tongue(N_("Change what every customer does")), usual_form(tongue)),
            tag("h3", tongue(N_("The next one of an order"))),
            live["queued"],
            _fold("queue-form", tongue(N_("Queue a customer")), queue_form(tongue)),
        ),
        _section(
            "faults-title",
            tongue(N_("Faults")),
            outage_form(tongue),
            live["faults"],
            _fold("fault-form", tongue(N_("Plan a fault")), fault_form(tongue)),
            button(tongue(N_("Remove all faults")), f"DELETE {PREFIX}/faults"),
            tag("h3", tongue(N_("What the till is told it can offer"))),
            live["offer"],
            offer_form(tongue),
            _fold("offer-form", tongue(N_("Change the means of payment")), offer_details(tongue)),
        ),
        _section("payouts-title", tongue(N_("Payouts")), live["payouts"]),
        _section("ledger", tongue(N_("Books")), live["totals"], live["violations"], live["books"]),
        _fold("start-over", tongue(N_("Start over")), again, button(tongue(N_("Forget everything")), f"POST {PREFIX}/reset", class_="no")),
    ]


def _section(id_: str, title: str, *children: Child) -> Html:
    """The heading takes the focus when what had it is gone."""
    return tag("section", tag("h2", title, id=id_, tabindex=-1), children, aria_labelledby=id_)


def _fold(id_: str, title: str, *children: Child) -> Html:
    return tag("details", tag("summary", title), children, id=id_)


def _texts(tongue: Tongue) -> Html:
    """What the script has to say, in the language of the page."""
    return tag(
        "template",
        id="texts",
        data_live=tongue(N_("Live.")),
        data_lost=tongue(N_("No connection to the sandbox. Trying again…")),
        data_shut=tongue(N_("The sandbox does not accept this address any more. Open the one that it printed at its start.")),
        data_done=tongue(N_("Done.")),
        data_failed=tongue(N_("Not done.")),
        data_late=tongue(N_("This payment does not wait any more.")),
    )
