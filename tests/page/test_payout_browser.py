"""Goal: what a person decides about a payout he decides on the page, as about a sale, and nobody else does. Method: the real daemon and a
sandbox that loses payouts, a real Chromium, the keyboard; what came of it is asked of the daemon's own socket."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from agent.core.payout.name import PREFIX
from tests.page.support import Shop, axe
from tests.page.test_page_browser import walk
from tests.support.browser import ENTER, TAB, Browser
from tests.support.stand import TERMINAL, Plan, Port, Socket
from tests.system import require
from tests.test_payouts import CARD, PayingStand, made, named, wish

pytestmark = pytest.mark.system

REASON, WHO = "the support: not received", "ivanov"


@pytest.fixture(scope="module")
def house() -> Iterator[Shop]:
    """One daemon whose till pays out, one sandbox and one browser for the module."""
    require("chromium")
    require("chromedriver")
    sockets = (Socket("pos", options={"payouts": True}), Socket("admin", "admin", options={"payouts": True}))
    plan = Plan({TERMINAL: {"provider": "paycore"}}, sockets, (Port("web", "http", "admin"),), systems={"paycore": {}})
    with PayingStand(plan) as stand, Browser() as browser:
        browser.open("about:blank")  # ends the browser's own first page
        yield Shop(stand, browser)


@pytest.fixture
def shop(house: Shop) -> Shop:
    """Before a page of the agent, with nobody signed in."""
    house.look_still("/page/checkup")
    house.browser.run("sessionStorage.clear()")
    return house


def lose(shop: Shop, key: str) -> None:
    """A payout whose request never arrived: searched for, then a person's."""
    shop.stand.fault("lose_request", "payout")
    assert shop.stand.call("payout.create", **wish(key, wait=40))["state"] == "attention"


def record(shop: Shop, key: str) -> dict[str, Any]:
    return shop.stand.call("payout.show", "admin", **named(key), events=True)


def decisions(shop: Shop, key: str) -> list[dict[str, Any]]:
    return [one for one in record(shop, key)["events"] if one["event"] == "payout_resolved"]


def acts(shop: Shop, key: str) -> list[tuple[str, str, str, int]]:
    """What the log says of an operator's attempts."""
    lines = [json.loads(line) for line in shop.stand.log.read_text().splitlines() if '"operator.' in line]
    return [(one["event"], one["by"], one["resolution"], one["step"]) for one in lines if f"{PREFIX}{key}" in one.get("sale", "")]


def test_an_operator_decides_a_payout_by_keyboard_alone(shop: Shop) -> None:
    """From the alarm on the first page to the decision in the record, and not one tap; the page shows the new state by itself, the register
    is told it, and no recipient stands anywhere."""
    browser, key = shop.browser, "D1"
    lose(shop, key)
    shop.look()
    browser.sees("#alarms", "a person must look: 1", "payouts not settled: 1")
    for words, place in (("payouts not settled: 1", "#found"), (f"{PREFIX}{key}", "#standing")):
        walk(browser, words)
        browser.press(ENTER)
        browser.sees(place, "NEED A PERSON", "money may have been paid out")
        shop.is_live()
    assert shop.violations(axe()) == []
    browser.run("window.mark = 'same page'")
    walk(browser, "Sign in as an operator")
    browser.press(ENTER, TAB, *shop.stand.plan.ports[0].token, ENTER)
    browser.sees("#said", "Signed in as an operator.")
    walk(browser, "It was not paid out")
    browser.press(ENTER, TAB, *REASON, TAB, *WHO, TAB, *"cpoi_1", ENTER)
    browser.sees("#step", "Second step", "It would become: Not made, no money has left.")
    assert decisions(shop, key) == [], "the first step changes nothing"
    walk(browser, "Decide")
    browser.press(ENTER)
    browser.sees("#step", "Decided. It stands in the record.")
    browser.sees("#standing", "Not made", "no money has left", "cpoi_1")
    browser.sees("#story-events", "Decided by a person")
    browser.sees("#choices", "There is nothing to decide.")
    shop.never_reloaded()
    (decided,) = decisions(shop, key)
    assert (decided["by"], decided["reason"], decided["transaction_id"]) == (f"client:web ({WHO})", REASON, "cpoi_1")
    assert acts(shop, key) == [("operator.acted", "client:web", "not_made", 1), ("operator.acted", "client:web", "not_made", 2)]
    assert CARD not in browser.run("return document.documentElement.outerHTML")
    assert not record(shop, key)["told"], "what a page shows was handed to no register"
    assert shop.stand.call("payout.get", **named(key))["success"] is False
    assert made(shop.stand, key) == []


def test_what_is_not_an_operators_or_is_over_is_refused(shop: Shop) -> None:
    """Without a token nothing is done; nor with a word from before somebody else decided, nor by a page where the choice still stands."""
    browser, key = shop.browser, "D2"
    lose(shop, key)
    shop.look(shop.path(PREFIX + key))
    choose(browser, "#choice-paid_out")
    browser.sees("#failed", "Sign in as an operator first.")
    assert acts(shop, key) == []
    browser.fill("#sign-in-form [name=token]", shop.stand.plan.ports[0].token)
    browser.tap("#sign-in-form button")
    browser.sees("#said", "Signed in as an operator.")
    browser.tap("#choice-paid_out form button")
    browser.sees("#step", "It would become: Paid out, money was paid out.")
    browser.run("const old = document.getElementById('choice-paid_out').cloneNode(true); old.id = 'old'; document.body.append(old)")
    decide_elsewhere(shop, key)
    browser.sees("#standing", "Not made")
    browser.tap("#step button.no")
    browser.sees("#failed", "Not done. the confirmation does not hold: the payout has changed since")
    browser.is_gone("#choice-paid_out")
    browser.tap("#old form button")
    browser.sees("#failed", "Not done. 'paid_out' makes no sense in the state the payout is in")
    assert [one["by"].startswith("client:web") for one in decisions(shop, key)] == [False]
    traced = [(event.removeprefix("operator."), step) for event, _, _, step in acts(shop, key)]
    assert traced == [("acted", 1), ("refused", 2), ("refused", 1)]


def choose(browser: Browser, choice: str) -> None:
    """The first step of a decision."""
    browser.tap(f"{choice} summary")
    browser.fill(f"{choice} [name=reason]", REASON)
    browser.tap(f"{choice} form button")


def decide_elsewhere(shop: Shop, key: str) -> None:
    """As another operator, at the command line."""
    names = {**named(key), "resolution": "not_made", "reason": "by hand"}
    shown = shop.stand.call("payout.resolve", "admin", **names)
    shop.stand.call("payout.resolve", "admin", **names, confirmation=shown["confirmation"])
