"""One sale or payout: how it stands, its slip, its story as a timeline, and what can be decided about it. The same facts as the command
``show``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agent.edges.page.deciding import PAYOUT, decisions, kind_of, step_region
from agent.edges.page.document import SLIP, address, facts, section
from agent.edges.page.facts import Facts
from agent.edges.page.trouble import troubles
from agent.edges.page.words import LOUD, PAYOUT_MONEY, Tongue
from agent.edges.slips import WIDTHS
from agent.edges.telling import facts_of
from agent.texts import N_
from agent.web.html import Child, Html, tag, told
from agent.web.live import Region, Row, row

SHOWN = ("transactionId", "paymentType", "provider", "environment", "reason", "told", "confirmed")
OF_A_PAYOUT = ("transactionId", "referenceId", "service", "description", "provider", "environment", "reason", "told", "resolution")
OF_THE_SLIP = ("qrcId", "kzo", "operationId", "operationDateTime", "merchantId")
MAX_EVENTS = 400  # of one story: a sale that was looked at for months; the command show has them all

Names = Mapping[str, str]
"""``storeId``, ``terminalId``, ``key``."""


async def look(facts_: Facts, names: Names) -> Mapping[str, Any]:
    """The sale or payout, its story and what can be decided, as an operator is shown it. Raises Refused, Invalid (of drivers)."""
    kind, known = kind_of(names)
    return await facts_.ask(kind.method, **known)


def title(names: Names, tongue: Tongue) -> str:
    """What the page is about."""
    return tongue(N_("Payout")) if kind_of(names)[0] is PAYOUT else tongue(N_("Sale"))


def regions(names: Names, seen: Mapping[str, Any], now: datetime, tongue: Tongue) -> list[Region]:
    """Everything about the sale or payout that changes by itself."""
    refunds, events = seen.get("sale", {}).get("refunds", []), seen.get("events", [])
    story = [_event(index, one, now, tongue) for index, one in enumerate(events)][-MAX_EVENTS:]
    untold = tongue(N_("Its record is not used, so nothing is told of it."))
    return [
        Region("standing", [_now(seen, now, tongue)]),
        Region("refunds", [_refund(names, index, one, tongue) for index, one in enumerate(refunds)]),
        Region("story-events", story or [row("li", "story-none", untold, class_="none")]),
        Region("choices", decisions(names, seen["choices"], tongue)),
    ]


def content(names: Names, live: Mapping[str, Html], tongue: Tongue) -> list[Html]:
    """What stands in the page."""
    return [
        section("sale", title(names, tongue), live["standing"], live["refunds"]),
        section("story", tongue(N_("Story")), live["story-events"]),
        section("operator", tongue(N_("Operator")), *step_region(names, live["choices"], tongue)),
    ]


def _now(seen: Mapping[str, Any], now: datetime, tongue: Tongue) -> Row:
    if "parked" in seen:
        return _set_aside(seen["parked"], now, tongue)
    draw, found = (_payout, seen["payout"]) if "payout" in seen else (_standing, seen["sale"])
    return draw(found, seen["alarms"], now, tongue)


def _standing(sale: Mapping[str, Any], alarms: list[str], now: datetime, tongue: Tongue) -> Row:
    state = tag("span", tongue.state(sale["state"]), class_=f"state {sale['state']}")
    accepted = datetime.fromisoformat(sale["acceptedAt"])
    slip = sale.get("slip", {})
    pairs: list[tuple[str, Child]] = [
        (tongue(N_("Money")), tongue.money(sale["money"])),
        (tongue(N_("Till")), told(f"{sale['storeId']}/{sale['terminalId']}")),
        (tongue(N_("Key")), told(sale["key"])),
        (tongue(N_("Taken over")), tongue.moment(accepted, now)),
        *((name, _value(sale.get(name))) for name in SHOWN),
        *((name, _value(slip.get(name))) for name in OF_THE_SLIP),
    ]
    return row(
        "div",
        "standing-now",
        tag("p", tag("strong", told(sale["orderId"]), " ", tongue.roubles(sale["amount"])), " ", state, class_="title"),
        tag("p", sale["message"]),
        troubles(sale, alarms, tongue, payout=False),
        facts(pairs),
        tag("a", tongue(N_("Print the slip again")), href=_slip_address(sale, None), class_="button") if slip.get("text") else None,
    )


def _payout(payout: Mapping[str, Any], alarms: list[str], now: datetime, tongue: Tongue) -> Row:
    """Who gets the money is in no answer, and so not here."""
    pairs: list[tuple[str, Child]] = [
        (tongue(N_("Money")), tongue.money(payout["money"], PAYOUT_MONEY)),
        (tongue(N_("Till")), told(f"{payout['storeId']}/{payout['terminalId']}")),
        (tongue(N_("Key")), told(payout["key"])),
        (tongue(N_("Taken over")), tongue.moment(datetime.fromisoformat(payout["acceptedAt"]), now)),
        *((name, _value(payout.get(name))) for name in OF_A_PAYOUT),
    ]
    state = tag("span", tongue.state(payout["state"]), class_=f"state {payout['state']}")
    return row(
        "div",
        "standing-now",
        tag("p", tag("strong", tongue(N_("PAYOUT")), " ", tongue.roubles(payout["amount"])), " ", state, class_="title"),
        tag("p", payout["message"]),
        troubles(payout, alarms, tongue, payout=True),
        facts(pairs),
    )


def _value(value: object) -> Child:
    match value:
        case None | "":
            return None
        case bool():
            return "✓" if value else "—"
        case _:
            return told(str(value))


def _slip_address(names: Mapping[str, Any], refund_key: str | None, width: int | None = None) -> str:
    columns = None if width is None else str(width)
    named = {"store": names["storeId"], "terminal": names["terminalId"], "key": names["key"]}
    return address(SLIP, {**named, "refund": refund_key, "width": columns})


def _refund(names: Names, index: int, one: Mapping[str, Any], tongue: Tongue) -> Row:
    slip = one.get("slip", {}).get("text") and one.get("refundKey")
    return row(
        "div",
        f"refund-{index}",
        tag("p", tag("strong", tongue(N_("Return")), " ", tongue.roubles(one["amount"])), " ", tag("span", one["state"], class_="state")),
        tag("p", one["message"]),
        tag("a", tongue(N_("Print the slip again")), href=_slip_address(names, one["refundKey"]), class_="button") if slip else None,
        class_="card",
    )


def _set_aside(parked: Mapping[str, Any], now: datetime, tongue: Tongue) -> Row:
    released = parked.get("released")
    return row(
        "div",
        "standing-now",
        tag("p", tongue(N_("This record is not used: {reason}"), reason=parked["reason"]), class_="loud"),
        tag("p", tongue(N_("Released: {by}"), by=released) if released else tongue(N_("It still keeps the account from being changed."))),
        tag("p", tongue.moment(datetime.fromisoformat(parked["at"]), now), class_="soft"),
    )


def _event(index: int, one: Mapping[str, Any], now: datetime, tongue: Tongue) -> Row:
    kind, held = str(one["event"]), facts_of(one)
    return row(
        "li",
        f"event-{index}",
        tag("time", tongue.moment(datetime.fromisoformat(one["at"]), now), datetime=one["at"]),
        tag(
            "div",
            tag("p", tag("strong", tongue.event(kind)), " ", tag("code", kind)),
            tag("p", told(held), class_="soft") if held else None,
        ),
        class_="loud" if kind in LOUD else None,
    )


def slip(names: Names, refund_key: str | None, copy: Mapping[str, Any], width: int, tongue: Tongue) -> list[Html]:
    """The copy of a slip, to be printed by the browser."""
    widths = [
        tag("a", str(one), href=_slip_address(names, refund_key, one), aria_current="true" if one == width else None) for one in WIDTHS
    ]
    return [
        tag("nav", widths, aria_label=tongue(N_("Characters in a line")), class_="filters"),
        tag("pre", copy["text"][str(width)], class_="slip", tabindex=0, aria_label=tongue(N_("Slip"))),
        tag("button", tongue(N_("Print")), type="button", class_="main", data_print=True),
    ]
