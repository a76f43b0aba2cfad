"""Goal: a person without any other tool can be the customer and break the network, on a phone, with a keyboard, in both languages. Method:
the real command in a process of its own, payments over its Pay API, and a real Chromium that taps and types like a person."""

import contextlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest

from agent.sandbox.faults import FaultKind
from agent.sandbox.listening import own_address
from agent.sandbox.words import Operation
from tests.sandbox.till import HEADERS, MILK, PATHS, Till, item
from tests.support.browser import ENTER, SHIFT, SPACE, TAB, Browser
from tests.support.stand import ROOT, Stand, end, free_port, http_request
from tests.system import require

pytestmark = pytest.mark.system

LEAST_TARGET_PX = 44
LEAST_CONTRAST = 4.5  # WCAG 2.2, AA, for text
LONG_MS = 600_000
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a developer with a phone asks for


@dataclass
class Shop:
    """The sandbox, a register that pays there, and the page in front of a person."""

    stand: Stand
    browser: Browser
    bodies: Till

    @property
    def url(self) -> str:
        return f"{self.stand.control_url}/page/"

    def look(self) -> None:
        """Open the page and wait until it is live. The mark is gone if anything loads the page again."""
        self.browser.open(self.url)
        self.is_live()
        self.browser.run("window.mark = 'same page'")

    def is_live(self) -> None:
        self.browser.wait(lambda: not self.browser.count("body.offline"), "the page is live")

    def send(self, operation: Operation, body: dict[str, Any]) -> tuple[int, Any]:
        """One request to the Pay API, under an id that no test before has used."""
        sent = json.dumps({**body, "requestId": str(uuid.uuid4())}).encode()
        status, text = http_request(self.stand.sandbox_port, "POST", "/acme" + PATHS[operation], sent, HEADERS)
        return status, json.loads(text) if text.startswith(b"{") else text

    def checkout(self, session: str = "WAIT", order: str = "S12-000345", **changes: Any) -> str:
        """A payment; its id."""
        status, answer = self.send(Operation.CHECKOUT, self.bodies.checkout_body(session + uuid.uuid4().hex[:12], order, **changes))
        assert status == HTTPStatus.OK, answer
        return str(answer["transactionId"])

    def pays_again(self) -> bool:
        """Does the payment system take a payment? It listens again a moment after the outage is over."""
        try:
            return bool(self.checkout())
        except ConnectionRefusedError:
            return False

    def status(self, transaction: str) -> dict[str, Any]:
        """What a till is told."""
        answer = self.send(Operation.STATUS, self.bodies.status_body(transaction))[1]
        assert isinstance(answer, dict)
        return answer

    def waiting(self, transaction: str) -> str:
        """The selector of the payment's card on the phone; it is there."""
        card = f"#waiting-{transaction}"
        self.browser.wait(lambda: self.browser.count(card), card)
        return card


@pytest.fixture(scope="module")
def house() -> Iterator[Shop]:
    """One sandbox and one browser for the module."""
    require("chromium")
    require("chromedriver")
    stand = Stand()
    try:
        stand.start_sandbox()
        with Browser(own_address()) as browser:
            browser.open("about:blank")  # ends the browser's own first page
            yield Shop(stand, browser, Till())
    finally:
        stand.close()


@pytest.fixture
def shop(house: Shop) -> Iterator[Shop]:
    """A fresh bank and a live page. Afterwards: nothing loaded the page again, the console is silent, and nobody else was asked."""
    browser = house.browser
    house.stand.control("POST", "/reset")
    browser.complaints()
    browser.requested()
    house.look()
    yield house
    assert browser.run("return window.mark") == "same page"
    assert browser.complaints() == []
    assert {url for url in browser.requested() if not url.startswith(house.stand.control_url)} == set()


# --- being the customer ---


@pytest.mark.parametrize(
    ("tapped", "status", "word"),
    [
        (".yes", {"status": "accepted", "paymentGroup": "SBP"}, "paid"),
        (".yes + .yes", {"status": "accepted", "paymentGroup": "INSTALLMENT", "paymentProvider": "DOLYAME"}, "paid"),
        (".no", {"status": "rejected", "errorCode": "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER"}, "declined"),
        (".no + button", {"status": "canceled"}, "canceled"),
    ],
)
def test_the_customer_decides(shop: Shop, tapped: str, status: dict[str, str], word: str) -> None:
    """A payment appears by itself; a tap, and the till is told so, the card is gone and the books show it."""
    transaction = shop.checkout()
    card = shop.waiting(transaction)
    shop.browser.sees(card, "₽720.00", "S12-000345", "KOSHELEK-42", "till-03", "Сыр × 1250 GRAM", "SBP, Dolyame", "you are the customer")
    shop.browser.tap(f"{card} {tapped}")
    shop.browser.is_gone(card)
    assert shop.status(transaction).items() >= status.items()
    shop.browser.sees(f"#payment-{transaction}", word)
    shop.browser.sees("#totals", "₽720.00" if word == "paid" else "₽0.00")
    shop.browser.sees("#said", "Done.")


def test_only_what_the_till_offers_can_be_chosen(shop: Shop) -> None:
    """No button for a means of payment that was not offered."""
    transaction = shop.checkout(paymentMethods=[{"type": "DOLYAME"}])
    card = shop.waiting(transaction)
    assert shop.browser.run("return [...document.querySelectorAll(arguments[0])].map(b => b.innerText)", f"{card} .yes") == [
        "Pay with Dolyame"
    ]


def test_a_customer_who_was_going_to_pay_can_be_made_to_wait(shop: Shop) -> None:
    """The script of his card session is shown with its time, and does not happen."""
    shop.stand.control("POST", "/customers", {"order_id": "S12-7", "action": "confirm", "after_ms": 1200})
    transaction = shop.checkout("Q", "S12-7")
    card = shop.waiting(transaction)
    shop.browser.sees(f"{card} .script", "Planned: the customer pays at")
    shop.browser.tap(f"{card} .buttons button:last-child")
    shop.browser.sees(f"{card} .script", "Nothing is planned")
    time.sleep(1.3)
    assert shop.status(transaction)["status"] == "pending"
    assert shop.browser.count(card) == 1


def test_what_happens_by_itself_is_shown_without_a_request(shop: Shop) -> None:
    """The customer pays in his own time; then the till gives some of it back and sends the receipt of the sale."""
    transaction = shop.checkout("PAY")
    shop.waiting(transaction)
    shop.browser.sees(f"#payment-{transaction}", "paid", "₽720.00")
    status, answer = shop.send(Operation.REFUND, shop.bodies.refund_body(transaction, [MILK]))
    assert (status, answer["refStatus"]) == (HTTPStatus.OK, "accepted")
    shop.browser.sees(f"#payment-{transaction}", "partly returned", "Return ₽270.00: done", "₽450.00")
    shop.browser.sees("#totals", "Charged\n₽720.00", "Returned\n₽270.00", "Net\n₽450.00")


def test_customers_to_come(shop: Shop) -> None:
    """For one order, and for everybody from now on."""
    shop.browser.tap("#queue-form summary")
    shop.browser.fill("#queue-form [name=order_id]", "S12-8")
    shop.browser.choose("#queue-form [name=action]", "decline")
    shop.browser.choose("#queue-form [name=error_code]", "NOT_ENOUGH_LIMIT_TO_PAY")
    shop.browser.fill("#queue-form [name=after_ms]", "0")
    shop.browser.tap("#queue-form [type=submit]")
    shop.browser.sees("#queued", "S12-8", "NOT_ENOUGH_LIMIT_TO_PAY")
    assert shop.status(shop.checkout("Q", "S12-8"))["errorCode"] == "NOT_ENOUGH_LIMIT_TO_PAY"
    shop.browser.sees("#queued", "Nobody is on his way.")
    shop.browser.tap("#usual-form summary")
    shop.browser.choose("#usual-form [name=method]", "DOLYAME")
    shop.browser.fill("#usual-form [name=after_ms]", "0.5")
    shop.browser.tap("#usual-form [type=submit]")
    shop.browser.sees("#usual", "Every customer: pays · Dolyame · after 0.5 s.")
    transaction = shop.checkout("Q", "S12-9")
    shop.browser.sees(f"#payment-{transaction}", "paid", "Dolyame")
    shop.stand.control("POST", "/customers", {"card_session": "Q1", "action": "wait"})
    shop.browser.sees("#queued", "Card session Q1")
    shop.browser.tap("#queue-form button[data-call^=DELETE]")
    shop.browser.sees("#queued", "Nobody is on his way.")


def test_a_card_under_the_finger_stays(shop: Shop) -> None:
    """Neither another payment nor a new stream, which begins with everything, puts another element in its place."""
    card = shop.waiting(shop.checkout())
    shop.browser.run("document.querySelector(arguments[0]).touched = true", card)
    shop.waiting(shop.checkout(order="S12-2"))
    shop.browser.run("document.dispatchEvent(new Event('visibilitychange'))")  # as when the phone is unlocked: a new stream
    shop.waiting(shop.checkout(order="S12-3"))
    assert shop.browser.run("return document.querySelector(arguments[0]).touched", card) is True


# --- breaking things ---


def test_a_fault_is_planned_happens_and_is_removed(shop: Shop) -> None:
    """With its parameters, for one operation, so many times."""
    shop.browser.tap("#fault-form summary")
    shop.browser.choose("#fault-form [name=kind]", "error_5xx")
    shop.browser.fill("[data-kind=error_5xx] [name='params.status']", "503")
    shop.browser.choose("#fault-form [name=operation]", "checkout")
    shop.browser.fill("#fault-form [name=times]", "2")
    shop.browser.tap("#fault-form [type=submit]")
    shop.browser.sees("#fault-1", "Server error", "a payment · times: 2", "status 503")
    assert shop.send(Operation.CHECKOUT, shop.bodies.checkout_body("WAIT5XX"))[0] == HTTPStatus.SERVICE_UNAVAILABLE
    shop.browser.sees("#fault-1", "times: 1")
    shop.browser.tap("#fault-1 button")
    shop.browser.sees("#faults", "No fault is planned.")
    shop.checkout()


def test_every_kind_of_fault_can_be_planned(shop: Shop) -> None:
    """As the form offers it, with the parameters as they stand there; then all are removed at once."""
    shop.browser.tap("#fault-form summary")
    for kind in FaultKind:
        shop.browser.run(
            """const form = document.querySelector("#fault-form form"), kind = form.querySelector("[name=kind]");
            kind.value = arguments[0]; kind.dispatchEvent(new Event("change", {bubbles: true}));
            document.querySelector("#said").textContent = ""; form.requestSubmit();""",
            kind,
        )
        shop.browser.sees("#said", "Done.")
    planned = [fault["kind"] for fault in shop.stand.control("GET", "/faults")["planned"]]
    assert planned == [kind for kind in FaultKind if kind is not FaultKind.OUTAGE]
    shop.browser.sees("#network", "Outage")
    shop.browser.sees("#faults", *planned)
    assert not [
        text for text in shop.browser.run("return [...document.querySelectorAll('#faults strong')].map(e => e.innerText)") if "_" in text
    ]
    shop.browser.tap("button[data-call='DELETE /sandbox/faults']")
    shop.browser.sees("#faults", "No fault is planned.")


def test_what_a_till_may_offer_is_switched(shop: Shop) -> None:
    """Koshelek Pay as a whole by a tap and back by another; one means of payment with the reason that the cashier reads; the vendor's older
    way. The till that asks is told so, and a promise that cannot be kept is refused in words."""
    browser = shop.browser
    browser.sees("#offer", "SBP can be used.", "Dolyame can be used.")
    browser.tap("button.no[data-call='POST /sandbox/availability']")
    browser.sees("#offer", "SBP cannot be used. Koshelek Pay cannot be used now", "Dolyame cannot be used.")
    assert offered(shop) == {"SBP": (False, "Koshelek Pay cannot be used now"), "DOLYAME": (False, "Koshelek Pay cannot be used now")}
    browser.tap("button.no[data-call='POST /sandbox/availability'] + button")
    browser.sees("#offer", "SBP can be used.", "Dolyame can be used.")
    assert offered(shop) == {"SBP": (True, ""), "DOLYAME": (True, "")}
    browser.tap("#offer-form summary")
    browser.fill("#offer-form [name='unavailable.DOLYAME']", "Not with these goods")
    browser.tap("#offer-form [name=is_default]")
    browser.tap("#offer-form [type=submit]")
    browser.sees("#offer", "Dolyame cannot be used. Not with these goods", "usual way to pay")
    assert offered(shop, is_default=True) == {"SBP": (True, ""), "DOLYAME": (False, "Not with these goods")}
    browser.fill("#offer-form [name='unavailable.SBP']", "Closed")
    browser.tap("#offer-form [type=submit]")
    browser.sees("#failed", "Not done. is_default promises")
    (complaint,) = browser.wait(browser.complaints, "the console's remark")
    assert "400 (Bad Request)" in complaint
    browser.tap("#offer-form [name=is_default]")
    browser.tap("#offer-form [name=asynchronous]")
    browser.fill("#offer-form [name=ready_after_ms]", "2.5")
    browser.tap("#offer-form [type=submit]")
    browser.sees("#offer", "SBP cannot be used. Closed", "The list is there after 2.5 s; the first look after 0.35 s.")
    status, task = shop.send(Operation.AVAILABILITY, shop.bodies.availability_body())
    assert (status, task["timeout"]) == (HTTPStatus.CREATED, 350)


def offered(shop: Shop, *, is_default: bool = False) -> dict[str, tuple[bool, str]]:
    """What a till is told of each means of payment."""
    status, answer = shop.send(Operation.AVAILABILITY, shop.bodies.availability_body())
    assert (status, answer["koshelekPayIsDefault"]) == (HTTPStatus.OK, is_default)
    return {one["paymentType"]: (one["available"], one["message"]) for one in answer["paymentTypeAvailabilityInfoList"]}


def test_a_wrong_number_is_refused_in_words(shop: Shop) -> None:
    """What the control API says is wrong stands on the page, as an alert; nothing is planned."""
    shop.browser.tap("#fault-form summary")
    shop.browser.choose("#fault-form [name=kind]", "unauthorized")
    shop.browser.fill("[data-kind=unauthorized] [name='params.status']", "418")
    shop.browser.tap("#fault-form [type=submit]")
    shop.browser.sees("#failed", "Not done. unauthorized: status cannot be 418")
    shop.browser.sees("#faults", "No fault is planned.")
    (complaint,) = shop.browser.wait(shop.browser.complaints, "the console's remark")
    assert "400 (Bad Request)" in complaint


def test_an_outage_begins_and_ends(shop: Shop) -> None:
    """The till is refused, the page goes on; it ends by a tap, and by itself."""
    shop.browser.tap("form[data-call='POST /sandbox/outage'] [type=submit]")
    shop.browser.sees("#network", "Outage: connections are refused until")
    with pytest.raises(ConnectionRefusedError):
        shop.checkout()
    shop.browser.tap("button[data-call='DELETE /sandbox/outage']")
    shop.browser.sees("#network", "can be reached")
    shop.browser.wait(shop.pays_again, "a payment")
    shop.stand.control("POST", "/outage", {"ms": 400})
    shop.browser.sees("#network", "Outage")
    shop.browser.sees("#network", "can be reached")


def test_the_page_survives_the_sandbox(shop: Shop) -> None:
    """Killed, it is said to be gone; started again it is shown as it is now, without anybody loading the page."""
    shop.checkout()
    shop.browser.sees("#waiting", "S12-000345")
    process = shop.stand._sandbox
    assert process is not None
    end(process)
    shop.browser.sees("#link", "No connection to the sandbox. Trying again…")
    shop.stand.start_sandbox()
    shop.is_live()
    shop.browser.sees("#waiting", "No payment waits")
    shop.browser.tap(f"{shop.waiting(shop.checkout())} .yes")
    shop.browser.sees("#books", "paid")
    assert [complaint for complaint in shop.browser.complaints() if "events" not in complaint] == []


# --- everybody can use it ---


def test_a_phone_in_one_hand(shop: Shop) -> None:
    """360 x 640, everything unfolded, a text without a space: nothing to scroll sideways, and nothing too small to hit."""
    browser = shop.browser
    browser.phone(360, 640)
    try:
        shop.waiting(shop.checkout("LATE", "W" * 36, items=[item(name="Щ" * 120)]))
        shop.checkout("DECL")
        for kind in FaultKind:
            shop.stand.control(
                "POST", "/faults", {"kind": kind, "operation": "refund", "params": {"ms": 1}} if kind == "delay" else {"kind": kind}
            )
        browser.wait(lambda: browser.count("#faults li") > 20, "faults")
        browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert browser.run("return [innerWidth, document.documentElement.scrollWidth]") == [360, 360]
        targets = browser.run(
            """const target = one => one.type === "checkbox" ? one.closest("label") : one;
            return [...document.querySelectorAll("a, button, input, select, summary")].map(target)
              .filter(one => one.checkVisibility())
              .map(one => ({name: one.innerText || one.name, ...one.getBoundingClientRect().toJSON()}))"""
        )
        assert len(targets) > 50
        assert [target for target in targets if min(target["width"], target["height"]) < LEAST_TARGET_PX] == []
        assert [target for target in targets if target["left"] < 0 or target["right"] > 360] == []
    finally:
        browser.devtools("Emulation.clearDeviceMetricsOverride")
        browser.devtools("Emulation.setTouchEmulationEnabled", enabled=False)


CONTRASTS = """
const numbers = color => color.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const ground = one => { for (; one; one = one.parentElement) { const c = numbers(getComputedStyle(one).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c } return [255, 255, 255] };
const seen = [...document.querySelectorAll("body *")].filter(one => one.checkVisibility() &&
  (["INPUT", "SELECT"].includes(one.tagName) || [...one.childNodes].some(n => n.nodeType === 3 && n.data.trim())));
return seen.map(one => { const [a, b] = [light(numbers(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
  return [(a + .05) / (b + .05), one.tagName + " " + one.innerText] });
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(shop: Shop, scheme: str) -> None:
    """Every text stands out from what is behind it; dark is dark."""
    browser = shop.browser
    browser.prefers(scheme)
    shop.waiting(shop.checkout())
    for session in ("FAST", "DECL"):
        shop.checkout(session)
    shop.stand.control("POST", "/outage", {"ms": LONG_MS})
    browser.sees("#network", "Outage")
    browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
    measured = browser.run(CONTRASTS)
    assert len(measured) > 80
    assert [text for contrast, text in measured if contrast < LEAST_CONTRAST] == []
    dark = browser.run("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark is (scheme == "dark")
    shop.stand.control("DELETE", "/outage")


def test_a_keyboard_is_enough(shop: Shop) -> None:
    """Tab reaches the buttons, Enter and Space press them; the focus stays near when its card is gone, and on its button when another
    payment comes."""
    browser = shop.browser
    focused = "return document.activeElement.innerText.split('\\n')[0]"
    transaction = shop.checkout()
    card = shop.waiting(transaction)
    for _ in range(6):  # five sections, then the first payment
        browser.press(TAB)
    assert browser.run(focused) == "Pay with SBP"
    assert browser.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    second = shop.waiting(shop.checkout("LATE", "S12-2"))
    assert browser.run(focused) == "Pay with SBP"
    browser.press(TAB, TAB)
    assert browser.run(focused) == "Decline"
    browser.press(TAB, held=SHIFT)
    browser.press(ENTER)
    browser.is_gone(card)
    assert shop.status(transaction)["paymentGroup"] == "INSTALLMENT"
    assert browser.run(focused) == "Waiting for the customer"
    browser.press(*[TAB] * 5, SPACE)
    browser.sees(f"{second} .script", "Nothing is planned")
    assert browser.run(focused) == "Waiting for the customer"


def test_every_control_has_a_name(shop: Shop) -> None:
    """For those who hear the page: what the browser tells a screen reader."""
    shop.waiting(shop.checkout())
    shop.browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
    nodes = shop.browser.devtools("Accessibility.getFullAXTree")["nodes"]
    controls = {"button", "link", "textbox", "spinbutton", "combobox", "checkbox", "DisclosureTriangle"}
    seen = [node for node in nodes if not node["ignored"] and node["role"]["value"] in controls]
    assert len(seen) > 30
    assert [node["role"]["value"] for node in seen if not node.get("name", {}).get("value")] == []
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert {"main", "navigation", "status", "alert", "region", "heading", "list"} <= set(roles)


def test_the_page_speaks_russian(shop: Shop) -> None:
    """For a browser that asks for it: the page, its live rows and the script's own words; no English left but codes and names."""
    browser = shop.browser
    agent = browser.run("return navigator.userAgent")
    browser.devtools("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage="ru-RU,en;q=0.5")
    try:
        shop.look()
        assert browser.run("return document.documentElement.lang") == "ru"
        browser.sees("body", "Телефон покупателя", "Песочница: деньги ненастоящие.", "На связи.", "Сбоев не запланировано.")
        card = shop.waiting(shop.checkout())
        browser.sees(card, "720,00\u00a0₽", "Предложено: СБП, Долями", "Оплатить через СБП")
        browser.tap(f"{card} .yes")
        browser.sees("#said", "Готово.")
        browser.sees("#books", "оплачен", "Списано")
        browser.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
        for english in ("Fault", "Order", "customer", "Seconds", "Pay with"):
            assert english not in browser.text()
    finally:
        browser.devtools("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage="en-US,en")


HOSTILE = "<img src=x onerror=window.hit=1>"


def test_what_a_register_sends_stays_text(shop: Shop) -> None:
    """Markup and quotes in order, goods, shop, till, refusals of the control API and the parameters of a fault."""
    browser = shop.browser
    body = {"items": [item(name=f"{HOSTILE}\"'><script>window.hit=1</script>")], "storeId": '"><b>S', "terminalId": "<i>t"}
    transaction = shop.checkout(order=HOSTILE, **body)
    card = shop.waiting(transaction)
    browser.sees(card, HOSTILE, "<script>window.hit=1</script>", '"><b>S', "<i>t")
    shop.stand.fault("wrong_order", order_id=HOSTILE)
    shop.stand.control("POST", "/customers", {"order_id": HOSTILE, "action": "wait"})
    browser.sees("#faults", f"order_id {HOSTILE}")
    browser.sees("#queued", HOSTILE)
    browser.tap(f"{card} .yes")
    browser.sees(f"#payment-{transaction}", HOSTILE, "paid")
    browser.open(shop.url)  # the same, rendered whole
    browser.sees("#books", HOSTILE)
    browser.run("window.mark = 'same page'")
    assert browser.count("main img, main script, main b, main i") == 0
    assert browser.run("return window.hit") is None


def test_a_script_in_the_page_would_not_run(shop: Shop) -> None:
    """The control of the policy: even markup that got in would be dead, and nothing could be loaded from elsewhere."""
    browser = shop.browser
    browser.run(
        """document.querySelector("#said").innerHTML = "<img src=/sandbox/page/no.png onerror=window.hit=1>";
        const script = document.createElement("script"); script.textContent = "window.hit = 2"; document.body.append(script);
        const far = document.createElement("script"); far.src = "http://127.0.0.2:9/x.js"; document.body.append(far);"""
    )
    said: list[str] = []

    def all_refused() -> bool:
        said.extend(browser.complaints())
        violations = [one for one in said if "violates the following Content Security Policy" in one]
        handler_and_scripts, picture = len(violations) >= 3, any("no.png" in one and "404" in one for one in said)
        return handler_and_scripts and picture and any("x.js" in one for one in violations)

    browser.wait(all_refused, "three violations of the policy")
    assert browser.run("return window.hit") is None
    assert {url for url in browser.requested() if not url.startswith(shop.stand.control_url)} == {"http://127.0.0.2:9/x.js"}


@contextlib.contextmanager
def open_to_the_network(port: int) -> Iterator[str]:
    """A sandbox as for a real phone: the address of its page, as it prints it."""
    command = [sys.executable, "-m", "agent", "sandbox", "--port", "0", "--control-port", str(port), "--control-host", EVERYWHERE]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    try:
        assert process.stdout is not None
        yield next(line for line in process.stdout if line.startswith("page: ")).removeprefix("page: ").strip()
    finally:
        end(process)
        if process.stdout is not None:
            process.stdout.close()


def test_a_phone_in_the_network_needs_the_printed_address(house: Shop) -> None:
    """With its code it shows, is live and acts; without, it does not open; after a new start it says that there is a new address."""
    if own_address().startswith("127.") or not own_address()[0].isdigit():
        pytest.skip("this machine is in no network")
    browser, port = house.browser, free_port()
    with open_to_the_network(port) as url:
        browser.open(url)
        house.is_live()
        browser.tap("form[data-call='POST /sandbox/outage'] [type=submit]")
        browser.sees("#network", "Outage")
    browser.sees("#link", "No connection")
    with open_to_the_network(port) as other:
        browser.sees("#link", "does not accept this address any more")
        browser.open(other.partition("?")[0])
        browser.sees("body", "with the access code")
