"""Goal: a technician sees on one page how the till is and why, and an operator decides there, with a mouse, a finger or a keyboard. Method:
the real daemon, the sandbox behind it and a real Chromium; what the page says is compared with what the daemon's own socket says."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.page.support import SCREENSHOTS, Shop, axe
from tests.sandbox.test_page_browser import CONTRASTS, LEAST_CONTRAST, LEAST_TARGET_PX
from tests.support.browser import ENTER, TAB, Browser
from tests.support.patience import until
from tests.support.stand import STORE, TERMINAL, Plan, Port, Stand
from tests.system import require

pytestmark = pytest.mark.system

HOSTILE = "<img src=x onerror=window.hit=1>"
OFFLINE_MS = 600_000
PAGES = ("/", "/page/operations", "/page/checkup")
SOURCE = "return document.documentElement.outerHTML"
ACCOUNT_PASSWORD = "canary-of-the-account"
TILL_SCREEN, PHONE = (1024, 600), (360, 640)


class GuardedStand(Stand):
    """The password of the account is a word that stands nowhere else."""

    def _write_files(self) -> None:
        super()._write_files()
        password = self.folder / "password"
        password.write_text(ACCOUNT_PASSWORD)
        self.sandbox_options = ["--password-file", str(password)]


@pytest.fixture(scope="module")
def house() -> Iterator[Shop]:
    """One daemon, one sandbox and one browser for the module. No test needs the sale of another: workers may share the module out."""
    require("chromium")
    require("chromedriver")
    with GuardedStand(Plan(ports=(Port("web", "http", "admin"),))) as stand, Browser() as browser:
        browser.open("about:blank")  # ends the browser's own first page
        yield Shop(stand, browser)


@pytest.fixture
def shop(house: Shop) -> Iterator[Shop]:
    """Afterwards the console is silent, and nobody but the daemon was asked for anything."""
    house.browser.complaints()
    house.browser.requested()
    house.browser.run("try { sessionStorage.clear() } catch {}")
    yield house
    assert [one for one in house.browser.complaints() if "ERR_" not in one and "status of 4" not in one] == []
    assert {url for url in house.browser.requested() if not url.startswith(house.url)} == set()


def sign_in(shop: Shop) -> None:
    """As the operator whose token the listener knows."""
    shop.browser.tap("#sign-in summary")
    shop.browser.fill("#sign-in-form [name=token]", shop.stand.plan.ports[0].token)
    shop.browser.tap("#sign-in-form button")
    shop.browser.sees("#said", "Signed in as an operator.")


# --- looking ---


def test_a_sale_appears_by_itself(shop: Shop) -> None:
    """With the till that was heard, the sums of the day, both drawings and the speed of the answers; nothing loads the page again."""
    browser = shop.browser
    shop.look()
    browser.sees("#state", "New payments are taken.")
    browser.sees("#systems", "Koshelek Pay")
    key = shop.sell()
    browser.sees("#latest", f"order-{shop.number}", "₽90.00", "Paid")
    browser.sees("#tills", f"{STORE}/{TERMINAL}", "register heard")
    browser.sees("#sums", "Koshelek Pay", "Paid", "₽90.00")
    browser.sees("#systems", "can be reached", "Answers: half within")
    browser.wait(lambda: browser.count("#plot-outcomes rect.paid") == 1, "a bar")
    browser.wait(lambda: browser.count("#plot-koshelek .median-dot") >= 1, "a point of the speed")
    assert shop.record(key)["told"], "the register was told, by its own request"
    shop.never_reloaded()


def test_what_a_page_shows_counts_as_told_to_nobody(shop: Shop) -> None:
    """Money rule 5: a result that was seen on the page alone was handed to no register."""
    key = shop.sell(wait=0)
    shop.look(shop.path(key))
    shop.browser.sees("#standing", "Paid")
    assert not shop.record(key)["told"]
    shop.look()
    shop.browser.sees("#alarms", "paid, told to nobody: 1")
    shop.stand.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key=key)
    shop.browser.wait(lambda: "told to nobody" not in shop.browser.text("#alarms"), "the register was told")


def test_the_network_is_cut_and_comes_back(shop: Shop) -> None:
    """While somebody watches: the payment system cannot be reached, why, what waits and what is next; then it is all done."""
    browser = shop.browser
    shop.look()
    with shop.stand.outage():
        key = shop.sell(wait=0)
        browser.sees(
            "#systems", "CANNOT BE REACHED", "Last error: the server refuses connections on this port", "What to do: Compare test_base_url"
        )
        browser.sees("#queue", f"order-{shop.number}", "old", "next: send the payment")
    browser.wait(lambda: "CANNOT" not in browser.text("#systems"), "it can be reached again")
    until(lambda: shop.record(key)["finished"])
    browser.sees("#queue", "next: decide about a result that nobody asked for")
    shop.stand.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key=key)
    browser.wait(lambda: f"order-{shop.number}" not in browser.text("#queue"), "nothing waits")
    browser.sees("#latest", f"order-{shop.number}")
    shop.never_reloaded()


def test_the_page_survives_the_agent(shop: Shop) -> None:
    """Stopped, it is said to be gone; started again it is shown as it is now, without anybody loading the page."""
    shop.look()
    with shop.stand.down():
        shop.browser.sees("#link", "No connection to the agent. Trying again…")
    shop.is_live()
    shop.browser.sees("#link", "Live.")
    shop.sell()
    shop.browser.sees("#latest", f"order-{shop.number}")
    shop.never_reloaded()


@pytest.mark.parametrize("name", ["orderId", "qrcId", "kzo", "transactionId", "amount"])
def test_a_sale_is_found_by_what_is_on_its_slip(shop: Shop, name: str) -> None:
    """By each of the five; a word that nothing has finds nothing."""
    key, order = shop.some_sale()
    record = shop.record(key)
    words = {"orderId": order, "amount": "90.00", "transactionId": record["transactionId"]}
    word = words.get(name) or record["slip"][name]
    browser = shop.browser
    shop.look("/page/operations")
    browser.fill("#search [name=q], form[role=search] [name=q]", word)
    browser.press(ENTER)
    browser.sees("#found", order)
    browser.fill("form[role=search] [name=q]", f"{word}1")
    browser.press(ENTER)
    browser.sees("#found", "There is no such payment here.")


def test_the_story_is_what_show_tells(shop: Shop) -> None:
    """Every event of the record stands on the timeline, in its order, and the facts of the sale beside it."""
    key, _ = shop.some_sale()
    shop.look()
    shop.browser.tap(f"#latest a[href$='key={key}']")
    shop.is_live()
    record = shop.record(key)
    shown = shop.browser.run("return [...document.querySelectorAll('#story-events code')].map(one => one.innerText)")
    assert shown == [one["event"] for one in record["events"]]
    for word in (record["transactionId"], record["slip"]["qrcId"], record["slip"]["kzo"], key, "money was taken"):
        assert word in shop.browser.text("#standing")
    assert "The register handed the payment over" in shop.browser.text("#story-events")


def test_a_slip_is_printed_again(shop: Shop) -> None:
    """Letter by letter the copy that the protocol gives, in three widths; the button prints it."""
    key, _ = shop.some_sale()
    copy = shop.stand.call("operation.slip", "admin", storeId=STORE, terminalId=TERMINAL, key=key)
    shop.look(shop.path(key))
    shop.browser.tap("#standing a.button")
    shop.browser.sees("pre", "*** COPY ***")
    assert shop.browser.run("return document.querySelector('pre').textContent") == copy["text"]["42"]
    shop.browser.tap(".filters a")
    shop.browser.wait(lambda: shop.browser.run("return document.querySelector('pre').textContent") == copy["text"]["32"], "32 columns")
    shop.browser.run("window.print = () => { window.printed = true }")
    shop.browser.tap("button[data-print]")
    assert shop.browser.run("return window.printed") is True


# --- acting ---


def test_nobody_acts_without_the_token_of_an_operator(shop: Shop) -> None:
    """A button without it asks for it; a wrong one opens nothing; after signing out it is asked for again."""
    browser = shop.browser
    shop.look()
    assert visible(browser) == {"sign-in": True, "sign-out": False}
    browser.tap("#hurry-all summary")
    browser.tap("#hurry-all button")
    browser.sees("#failed", "Sign in as an operator first.")
    browser.fill("#sign-in-form [name=token]", "token-of-nobody-0123456789")
    browser.tap("#sign-in-form button")
    browser.sees("#failed", "This is not the token of an operator.")
    browser.fill("#sign-in-form [name=token]", shop.stand.plan.ports[0].token)
    browser.tap("#sign-in-form button")
    browser.sees("#said", "Signed in as an operator.")
    assert visible(browser) == {"sign-in": False, "sign-out": True}
    browser.tap("#hurry-all button")
    browser.sees("#step", "Nothing waits.")
    browser.tap("#sign-out")
    browser.sees("#said", "Signed out.")
    browser.tap("#hurry-all button")
    browser.sees("#failed", "Sign in as an operator first.")
    stored = browser.run("return [document.cookie, localStorage.length, JSON.stringify(sessionStorage)]")
    assert stored == ["", 0, "{}"]


def visible(browser: Browser) -> dict[str, bool]:
    """Which of the two a person sees."""
    found: dict[str, bool] = browser.run(
        "return Object.fromEntries(['sign-in', 'sign-out'].map(id => [id, document.getElementById(id).checkVisibility()]))"
    )
    return found


def test_an_operator_decides_by_keyboard_alone(shop: Shop) -> None:
    """From the alarm on the first page to the decision in the record: two steps, a reason, a name, and not one tap."""
    browser = shop.browser
    shop.stand.fault("wrong_amount")
    key = shop.sell()
    shop.look()
    browser.sees("#alarms", "a person must look: 1")
    walk(browser, "a person must look: 1")
    browser.press(ENTER)
    browser.sees("#found", f"order-{shop.number}", "ALARM")
    shop.is_live()
    walk(browser, f"order-{shop.number}")
    browser.press(ENTER)
    browser.sees("#standing", "NEED A PERSON")
    shop.is_live()
    browser.run("window.mark = 'same page'")
    walk(browser, "Sign in as an operator")
    browser.press(ENTER, TAB, *shop.stand.plan.ports[0].token, ENTER)
    browser.sees("#said", "Signed in as an operator.")
    walk(browser, "Give the money back")
    browser.press(ENTER, TAB, *"compared with the registry", TAB, *"ivanov", ENTER)
    browser.sees("#step", "Second step", "It would become: Canceled, money is on its way back")
    assert "reversed" not in {one["event"] for one in shop.record(key)["events"]}, "the first step changes nothing"
    walk(browser, "Decide")
    browser.press(ENTER)
    browser.sees("#step", "Decided. It stands in the record.")
    browser.sees("#story-events", "Decided by a person")
    (decided,) = (one for one in shop.record(key)["events"] if one["event"] == "resolved")
    assert (decided["by"], decided["reason"]) == ("client:web (ivanov)", "compared with the registry")
    acted = [json.loads(line) for line in shop.stand.log.read_text().splitlines() if "operator.acted" in line and key in line]
    assert [(one["by"], one["resolution"], one["step"]) for one in acted] == [("client:web", "return", 1), ("client:web", "return", 2)]
    until(lambda: shop.record(key)["money"] == "returned")
    browser.sees("#standing", "money went back")
    shop.never_reloaded()


def walk(browser: Browser, words: str) -> None:
    """Press Tab until what has the focus says these words."""
    for _ in range(80):
        if str(browser.run("return document.activeElement.innerText || ''")).startswith(words):
            assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid", "the focus can be seen"
            return
        browser.press(TAB)
    raise AssertionError(f"Tab never comes to {words!r}")


def test_a_word_of_the_first_step_does_not_outlive_a_change(shop: Shop) -> None:
    """Somebody else decides between the steps: nothing is done, and the page says to look again."""
    browser = shop.browser
    shop.stand.fault("wrong_amount")
    key = shop.sell()
    shop.look(shop.path(key))
    sign_in(shop)
    browser.tap("#choice-return summary")
    browser.fill("#choice-return [name=reason]", "the registry")
    browser.tap("#choice-return form button")
    browser.sees("#step", "Second step")
    decide(shop, key, "acknowledge")
    browser.tap("#step button.no")
    browser.sees("#failed", "Not done. the confirmation does not hold")
    assert "reversed" not in {one["event"] for one in shop.record(key)["events"]}
    decide(shop, key, "returned")


def decide(shop: Shop, key: str, resolution: str) -> None:
    """As another operator, at the command line."""
    names = {"storeId": STORE, "terminalId": TERMINAL, "key": key, "resolution": resolution, "reason": "by hand"}
    shown = shop.stand.call("operation.resolve", "admin", **names)
    shop.stand.call("operation.resolve", "admin", **names, confirmation=shown["confirmation"])


def test_the_doctor_is_asked_by_a_button(shop: Shop) -> None:
    """Every finding with its grade, and what to do about those that are not in order."""
    shop.look_still("/page/checkup")
    shop.browser.tap("button[data-examine]")
    until(lambda: shop.browser.count("#findings li") > 3, seconds=40)
    shop.browser.sees("#findings", "journal", "ok")
    assert shop.browser.count("#findings .grade.fault") == 0 or "What to do:" in shop.browser.text("#findings")


# --- everybody can use it ---


@pytest.mark.parametrize("size", [TILL_SCREEN, PHONE], ids=["till", "phone"])
def test_it_fits_the_screen(shop: Shop, size: tuple[int, int]) -> None:
    """Nothing to scroll sideways, nothing too small to hit, on every page with everything unfolded."""
    browser, (width, height) = shop.browser, size
    key, _ = shop.some_sale()
    browser.phone(width, height)
    try:
        for path in (*PAGES, shop.path(key), f"/page/slip?store={STORE}&terminal={TERMINAL}&key={key}"):
            browser.open(shop.url + path)
            browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
            assert browser.run("return document.documentElement.scrollWidth") <= width, path
            targets = browser.run(
                """return [...document.querySelectorAll("a, button, input, summary")].filter(one => one.checkVisibility())
                  .map(one => ({name: one.innerText || one.name, ...one.getBoundingClientRect().toJSON()}))"""
            )
            assert [one for one in targets if min(one["width"], one["height"]) < LEAST_TARGET_PX] == [], path
    finally:
        browser.devtools("Emulation.clearDeviceMetricsOverride")
        browser.devtools("Emulation.setTouchEmulationEnabled", enabled=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(shop: Shop, scheme: str) -> None:
    """axe objects to nothing on any page, and every text stands out, in light and dark; dark is dark."""
    script, browser = axe() if scheme == "light" else "", shop.browser
    browser.prefers(scheme)
    key, _ = shop.some_sale()
    for path in (*PAGES, shop.path(key), f"/page/slip?store={STORE}&terminal={TERMINAL}&key={key}", "/page/nothing"):
        browser.open(shop.url + path)
        browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
        if script:  # what it looks at beside contrasts is the same in the dark
            assert shop.violations(script) == [], path
        assert [text for contrast, text in browser.run(CONTRASTS) if contrast < LEAST_CONTRAST] == [], path
    ground = re.findall(r"\d+", browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert (int(ground[0]) < 128) is (scheme == "dark")


def test_it_speaks_russian(shop: Shop) -> None:
    """By the language of the configuration, after a reload too; no English is left but codes and names. Pictures are taken if wanted."""
    key, _ = shop.some_sale()
    english = shop.stand.config.read_text()
    shop.stand.config.write_text(english.replace('language = "en"', 'language = "ru"'))
    shop.stand.call("agent.reload", "admin")
    try:
        speaks_russian(shop, key)
    finally:
        shop.stand.config.write_text(english)
        shop.stand.call("agent.reload", "admin")


def speaks_russian(shop: Shop, key: str) -> None:
    """On the first page and on that of a sale."""
    browser = shop.browser
    shop.look()
    assert browser.run("return document.documentElement.lang") == "ru"
    browser.sees("body", "Новые платежи принимаются.", "Последние операции", "На связи.", "90,00\u00a0₽", "Оплачено")
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
    for english in ("Payment", "Sign", "Operation", "heard", "Answers", "person"):
        assert english not in browser.text()
    shop.look(shop.path(key))
    browser.sees("body", "Касса передала платёж", "деньги списаны")
    if os.environ.get("SCREENSHOTS"):
        take_pictures(shop, key)


def take_pictures(shop: Shop, key: str) -> None:
    """For the documentation: the pages as people see them, on both screens, in light and dark."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    shown: list[tuple[str, str, tuple[int, int], str]] = [
        ("overview", "/", TILL_SCREEN, "light"),
        ("overview-dark", "/", TILL_SCREEN, "dark"),
        ("overview-phone", "/", PHONE, "light"),
        ("day", "/", TILL_SCREEN, "light"),
        ("operations", "/page/operations", TILL_SCREEN, "light"),
        ("sale", shop.path(key), TILL_SCREEN, "light"),
        ("sale-phone", shop.path(key), PHONE, "dark"),
    ]
    for name, path, (width, height), scheme in shown:
        metrics: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        shop.browser.devtools("Emulation.setDeviceMetricsOverride", **metrics)
        shop.browser.prefers(scheme)
        shop.look(path)
        shop.browser.run("if (arguments[0]) document.getElementById('today').scrollIntoView()", name == "day")
        (SCREENSHOTS / f"{name}.png").write_bytes(shop.browser.picture())
    shop.browser.devtools("Emulation.clearDeviceMetricsOverride")


def test_what_a_register_sends_stays_text(shop: Shop) -> None:
    """Markup in an order is text on every page, live and whole, and a script that got in all the same would not run."""
    browser = shop.browser
    shop.look()
    key = shop.sell(order=HOSTILE)
    browser.sees("#latest", HOSTILE)
    for path in ("/", "/page/operations?q=" + "%3Cimg%20src%3Dx%20onerror%3Dwindow.hit%3D1%3E", shop.path(key)):
        browser.open(shop.url + path)
        browser.sees("main", HOSTILE)
        assert browser.count("main img, main script") == 0
    browser.run("const s = document.createElement('script'); s.textContent = 'window.hit = 2'; document.body.append(s)")
    assert browser.run("return window.hit") is None
    assert any("Content Security Policy" in one for one in browser.complaints())


def test_nothing_secret_is_on_a_page(shop: Shop) -> None:
    """Neither token nor card session nor loyalty number of a sale that stands there, nor the password of the account, nor the token of a
    client; as a page opens, and as it is kept up."""
    token, session, loyalty = "canary-of-the-token", "FASTcanarycard", "2900009876543"
    browser = shop.browser
    shop.look()
    key = shop.sell(session, token=token, user={"loyaltyId": loyalty})
    order = f"order-{shop.number}"
    assert shop.record(key)["state"] == "paid"
    browser.sees("#latest", order)
    secrets = [token, session, loyalty, ACCOUNT_PASSWORD, shop.stand.plan.ports[0].token]
    sources = {"kept up": browser.run(SOURCE)}
    for path in (*PAGES, shop.path(key), f"/page/slip?store={STORE}&terminal={TERMINAL}&key={key}"):
        browser.open(shop.url + path)
        sources[path] = browser.run(SOURCE)
    assert {path for path, source in sources.items() if order not in source} == {"/page/checkup"}
    assert [(path, one) for path, source in sources.items() for one in secrets if one in source] == []
