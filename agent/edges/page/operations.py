"""The list of operations: the newest, those that need somebody, or those that a person looks for.

One field searches by whatever is on a slip or in a registry: order, qrcId, control value, transaction, amount. Each is an index of the
journal, so a search costs the same among a million sales as among ten.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agent.core.model import SaleId
from agent.core.payout.name import is_payout
from agent.edges.page.document import OPERATIONS, SALE, address, section
from agent.edges.page.facts import Facts
from agent.edges.page.trouble import troubles
from agent.edges.page.words import MONEY, PAYOUT_MONEY, Tongue
from agent.texts import N_
from agent.web.html import Child, Html, tag, told
from agent.web.live import Region, Row, row
from drivers.validation import Invalid

LIMIT = 25  # sales of one page: what a person looks through
MAX_WORD_CHARACTERS = 64  # the longest name that is searched for
NAMES = ("orderId", "qrcId", "kzo", "transactionId")  # in which a word is looked for

FILTERS: Mapping[str, str] = {
    "": N_("All"),
    "open": N_("Not finished"),
    "attention": N_("A person must look"),
    "untold": N_("Paid, told to nobody"),
    "unconfirmed": N_("Told, not confirmed"),
    "parked": N_("Set aside"),
    "payouts": N_("Payouts"),
}
_ROUBLES = re.compile(r"(\d{1,9})(?:[.,](\d{1,2}))?")
_KOPECKS_IN_A_ROUBLE = 100


async def regions(facts: Facts, query: Mapping[str, str], tongue: Tongue) -> list[Region]:
    """The rows of the list that a query asks for. Raises drivers.session.Refused for a place in a list that is none."""
    word, now = query.get("q", "").strip()[:MAX_WORD_CHARACTERS], facts.now()
    if word:
        found = await _search(facts, word)
        more: Child = tag("p", tongue(N_("Only the newest are shown: look for something rarer."))) if len(found) >= LIMIT else None
    else:
        listed = await facts.ask("operation.list", limit=LIMIT, **_narrowed(query))
        found = listed["operations"]
        following = {**query, "before": listed.get("next", "")}
        more = tag("a", tongue(N_("Older ones")), href=address(OPERATIONS, following), class_="button") if listed["more"] else None
    rows = [operation_row(one, now, tongue) for one in found[:LIMIT]]
    nothing = [row("li", "found-none", tongue(N_("There is no such payment here.")), class_="none")]
    return [Region("found", rows or nothing), Region("more", [row("div", "found-more", more)])]


def content(query: Mapping[str, str], live: Mapping[str, Html], tongue: Tongue) -> list[Html]:
    """What stands in the page."""
    word, only = query.get("q", ""), query.get("only", "")
    field = tag(
        "input", name="q", type="search", value=word, maxlength=MAX_WORD_CHARACTERS, autocomplete="off", aria_describedby="search-help"
    )
    search = tag(
        "form",
        tag("label", tongue(N_("Order, qrcId, control value (kzo), transaction or amount")), field),
        tag("p", tongue(N_("An amount in roubles: 720 or 720.50")), id="search-help", class_="soft"),
        tag("button", tongue(N_("Search")), class_="main"),
        role="search",
        method="get",
        action=OPERATIONS,
    )
    filters = [
        tag("a", tongue(text), href=address(OPERATIONS, {"only": name or None}), aria_current="true" if name == only and not word else None)
        for name, text in FILTERS.items()
    ]
    return [
        section("search", tongue(N_("Search")), search, tag("nav", filters, aria_label=tongue(N_("Which operations")), class_="filters")),
        section("operations", tongue(N_("Operations")), live["found"], live["more"]),
    ]


def operation_row(one: Mapping[str, Any], now: datetime, tongue: Tongue) -> Row:
    """One sale of a list, as the desk answers it."""
    href = address(SALE, {"store": one["storeId"], "terminal": one["terminalId"], "key": one["key"]})
    accepted = datetime.fromisoformat(one["acceptedAt"])
    payout = is_payout(SaleId(one["storeId"], one["terminalId"], one["key"]))
    return row(
        "li",
        f"sale-{one['storeId']}/{one['terminalId']}/{one['key']}",
        tag(
            "p",
            tag("a", told(one["orderId"]), " ", tag("strong", tongue.roubles(one["amount"])), href=href),
            " ",
            tag("span", tongue.state(one["state"]), class_=f"state {one['state']}"),
        ),
        tag("p", " · ".join(_about(one, accepted, now, tongue, payout=payout)), class_="soft"),
        tag("p", one["message"]) if one["reason"] else None,
        troubles(one, one.get("alarms", []), tongue, payout=payout),
        class_="card",
    )


def _about(one: Mapping[str, Any], accepted: datetime, now: datetime, tongue: Tongue, *, payout: bool) -> Sequence[str]:
    refunded = tongue(N_("went back: {amount}"), amount=tongue.roubles(one["refundedAmount"])) if one["refundedAmount"] else ""
    kind, money = (tongue(N_("PAYOUT")), PAYOUT_MONEY) if payout else ("", MONEY)
    place = f"{one['storeId']}/{one['terminalId']}"
    shown = (tongue.moment(accepted, now), place, tongue.system(one["provider"]), kind, tongue.money(one["money"], money), refunded)
    return [part for part in shown if part]


def _narrowed(query: Mapping[str, str]) -> dict[str, Any]:
    """The filter of a list, and where it goes on."""
    only, before = query.get("only", ""), query.get("before", "")
    return ({only: True} if only in FILTERS and only else {}) | ({"before": before} if before else {})


async def _search(facts: Facts, word: str) -> list[Mapping[str, Any]]:
    """Sales in which the word stands, newest first."""
    wanted: list[dict[str, Any]] = [{name: word} for name in NAMES]
    if amount := _ROUBLES.fullmatch(word.replace("\u00a0", "").replace(" ", "").removesuffix("₽")):
        whole, part = int(amount[1]), (amount[2] or "").ljust(2, "0")
        wanted.append({"amount": whole * _KOPECKS_IN_A_ROUBLE + int(part)})
    found: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for one in wanted:
        try:
            listed = await facts.ask("operation.list", limit=LIMIT, **one)
        except Invalid:  # the word is no such name: too long for one, zero for an amount
            continue
        found |= {(sale["storeId"], sale["terminalId"], sale["key"]): sale for sale in listed["operations"]}
    return sorted(found.values(), key=lambda sale: str(sale["acceptedAt"]), reverse=True)[:LIMIT]
