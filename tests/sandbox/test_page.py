"""The page without a browser: who gets it, what it may do, how many may watch, and that no text on it is markup."""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from starlette.requests import Request

from agent.cli import cli
from agent.sandbox.availability import Offer
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import PARAMETERS, Fault, FaultKind
from agent.sandbox.gate import Gate
from agent.sandbox.listening import own_address
from agent.sandbox.page.document import regions
from agent.sandbox.page.payouts import STATES as PAYOUT_STATES
from agent.sandbox.page.routes import PAGE, preferred
from agent.sandbox.page.rows import MAX_SHOWN
from agent.sandbox.page.stream import MAX_STREAMS
from agent.sandbox.page.words import FAULTS, OPERATIONS, Tongue
from agent.sandbox.page.words import PARAMETERS as PARAMETER_NAMES
from agent.sandbox.payouts import PayoutStatus
from agent.sandbox.settings import SandboxSettings
from agent.sandbox.words import Method, Operation
from agent.web.html import Html, tag, told
from agent.web.live import Changes, Region, row
from agent.web.stream import Bell
from tests.sandbox.running import House, running
from tests.sandbox.till import HEADERS, Till

ENGLISH = Tongue("en")
RUSSIAN = Tongue("ru")
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a developer with a phone asks for
HOSTILE = "<b onclick='x'>\"&"


@asynccontextmanager
async def beside(**changes: Any) -> AsyncIterator[House]:
    """A sandbox with a control port."""
    async with running(control_port=0, **changes) as house:
        yield house


async def page(house: House, path: str = "", **options: Any) -> httpx.Response:
    return await house.client.get(house.sandbox.control_url + PAGE + path, **options)


@asynccontextmanager
async def watching(house: House, **options: Any) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The updates of one stream."""
    async with house.client.stream("GET", house.sandbox.control_url + PAGE + "events", **options) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        yield updates(answer)


async def updates(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


# --- who and what ---


async def test_the_page_is_whole_and_closed() -> None:
    """All that it needs comes from here, no style or script stands in it, and no other page may frame it."""
    async with beside() as house:
        answer = await page(house)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert not re.search(r"<style|<script(?! src=)| style=| on\w+=|https?:", answer.text)
        assets = re.findall(r'(?:href|src)="([^"#]+)"', answer.text)
        assert {asset.rpartition(".")[2] for asset in assets} >= {"css", "js"}
        for asset in assets:
            assert (await page(house, asset)).status_code == 200, asset
        assert (await page(house, "nothing")).status_code == 404
        assert (await house.client.post(house.sandbox.control_url + PAGE)).status_code == 405
        for short in ("/", PAGE.rstrip("/")):
            led = await house.client.get(house.sandbox.control_url + short, follow_redirects=True)
            assert (led.status_code, led.url.path) == (200, PAGE)


async def test_without_a_control_port_the_page_is_beside_the_pay_api() -> None:
    """Under its path; the bare address stays the Pay API's."""
    async with running() as house:
        assert house.sandbox.page_url == house.sandbox.control_url + PAGE
        assert (await page(house)).status_code == 200
        assert (await house.client.get(house.sandbox.control_url + "/")).status_code == 404


FOREIGN = [
    {"host": "evil.example"},
    {"host": "["},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_another_page_in_the_browser_is_not_let_in(headers: dict[str, str]) -> None:
    """Neither to the page, nor to its stream, nor to the control API behind its buttons."""
    async with beside() as house:
        assert (await page(house, headers=headers)).status_code == 403
        assert (await page(house, "events", headers=headers)).status_code == 403
        assert (await house.control("POST", "/reset", headers=headers)).status_code in (400, 403)


async def test_a_link_may_lead_to_the_page_but_not_press_its_buttons() -> None:
    """A person follows a link of the documentation."""
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    async with beside() as house:
        assert (await page(house, headers=followed)).status_code == 200
        assert (await house.control("POST", "/reset", headers=followed)).status_code == 403


def request_from(client: str, *, query: str = "", **headers: str) -> Request:
    named = {"host": "192.0.2.7:8098", **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": PAGE,
            "query_string": query.encode(),
            "headers": raw,
            "client": (client, 1),
        }
    )


@pytest.mark.parametrize(
    ("client", "query", "headers", "admitted"),
    [
        ("192.0.2.9", "", {}, False),
        ("192.0.2.9", "code=wrong", {}, False),
        ("192.0.2.9", "code=", {}, False),
        ("192.0.2.9", "code=right", {}, True),
        ("192.0.2.9", "", {"x_access_code": "right"}, True),
        ("192.0.2.9", "", {"x_access_code": "right", "origin": "http://evil.example"}, False),
        ("192.0.2.9", "", {"host": "127.0.0.1"}, False),
        ("127.0.0.1", "", {"host": "localhost:8098"}, True),
        ("127.0.0.1", "", {"host": "evil.example"}, False),
    ],
)
def test_the_network_needs_the_code(client: str, query: str, headers: dict[str, str], admitted: bool) -> None:
    """In the address or in a header; this machine needs none. Without a code the network stays out."""
    asked = request_from(client, query=query, **headers)
    assert Gate("right").admits(asked) is admitted
    assert Gate(None).admits(asked) is (client == "127.0.0.1" and admitted)


async def test_open_to_the_network_every_start_has_its_own_code() -> None:
    """The address that is printed leads in; the same one without its code does not, and the code of another start neither."""
    async with beside(control_host=EVERYWHERE) as house, beside(control_host=EVERYWHERE) as other:
        url = httpx.URL(house.sandbox.page_url)
        assert len(url.params["code"]) == 10
        assert url.host == own_address()
        assert url.params["code"] != httpx.URL(other.sandbox.page_url).params["code"]
        assert house.sandbox.control_url.startswith("http://127.0.0.1:")
        if own_address().startswith("127.") or not own_address()[0].isdigit():
            pytest.skip("this machine is in no network")
        assert (await house.client.get(url)).status_code == 200
        assert (await house.client.get(url.copy_with(params={}))).status_code == 403
        assert (await house.client.post(url.copy_with(path="/sandbox/reset", params={}))).status_code == 403
        code = {"X-Access-Code": url.params["code"]}
        assert (await house.client.post(url.copy_with(path="/sandbox/reset", params={}), headers=code)).status_code == 204


def test_the_command_refuses_a_network_without_a_control_port() -> None:
    """The control API must not stand open beside the Pay API by a slip."""
    with pytest.raises(ValueError, match="control port"):
        SandboxSettings(control_host=EVERYWHERE)
    ran = CliRunner().invoke(cli, ["sandbox", "--control-host", EVERYWHERE])
    assert (ran.exit_code, "control port" in ran.output) == (2, True)


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "ru"),
        ("de", "ru"),
        ("en-US,en;q=0.9", "en"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("fr, EN;q=0.5, ru;q=0.1", "en"),
        (";;,,", "ru"),
    ],
)
def test_the_language_is_the_browsers(asked: str, language: str) -> None:
    """The first one that we speak; otherwise the product's own."""
    assert preferred(asked) == language


async def test_the_language_can_be_told() -> None:
    """The option goes before the browser's wish."""
    async with beside(language="en") as house:
        assert '<html lang="en">' in (await page(house, headers={"accept-language": "ru"})).text


# --- the stream ---


async def test_a_stream_tells_what_changed_and_nothing_else() -> None:
    """First everything; then the rows of a new payment, in its region; what did not change is not said again."""
    async with beside() as house, watching(house) as events:
        first = await anext(events)
        assert {"waiting", "books", "totals", "faults", "network", "usual", "queued"} <= set(first)
        await house.checkout("WAIT01")
        second = await anext(events)
        assert set(second) >= {"waiting", "books"}
        assert not set(second) & {"faults", "network", "usual", "queued", "totals"}
        (shown,) = second["waiting"]["order"]
        assert "S12-000345" in second["waiting"]["rows"][shown]
        await house.checkout("WAIT02")
        while len((third := await anext(events)).get("waiting", {}).get("order", [])) < 2:
            pass
        assert shown in third["waiting"]["order"]


async def test_streams_are_few_and_end_with_the_sandbox() -> None:
    """One too many is sent away, with a time to come again; one that leaves makes room; a stop does not wait for anybody."""
    client = httpx.AsyncClient(trust_env=False, timeout=5, limits=httpx.Limits(max_connections=2 * MAX_STREAMS))
    async with beside(client=client) as house, AsyncExitStack() as stack:
        async with watching(house) as leaving:
            events = [await stack.enter_async_context(watching(house)) for _ in range(MAX_STREAMS - 1)]
            for one in (leaving, *events):
                await anext(one)
            refused = await page(house, "events")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert (await page(house)).status_code == 200
        assert await has_room(house)
        async with asyncio.timeout(1):
            await house.sandbox.stop()
            for one in events:
                assert [event async for event in one] == []


async def has_room(house: House) -> bool:
    """Is another stream let in, soon? The server learns a moment later that one has left."""
    for _ in range(100):
        async with house.client.stream("GET", house.sandbox.control_url + PAGE + "events") as answer:
            if answer.status_code == 200:
                return True
        await asyncio.sleep(0.02)
    return False


def test_changes_are_rows() -> None:
    """New, changed, moved and removed ones; nothing when nothing changed."""
    changes = Changes()
    one, two = row("li", "one", "1"), row("li", "two", "2")
    assert changes.to([Region("list", [one, two])]) == {"list": {"order": ["one", "two"], "rows": {"one": one.html, "two": two.html}}}
    assert changes.to([Region("list", [one, two])]) == {}
    assert changes.to([Region("list", [two, one])]) == {"list": {"order": ["two", "one"], "rows": {}}}
    other = row("li", "one", "other")
    assert changes.to([Region("list", [other])]) == {"list": {"order": ["one"], "rows": {"one": other.html}}}
    assert changes.to([Region("list", [])]) == {"list": {"order": [], "rows": {}}}


async def test_a_ring_between_looking_and_waiting_is_heard() -> None:
    """Whoever took the bell before he looked misses nothing."""
    bell = Bell()
    rung = bell.next()
    bell.ring()
    async with asyncio.timeout(1):
        await rung.wait()
    assert not bell.next().is_set()


# --- what stands on it ---


def test_text_is_escaped_and_markup_is_not() -> None:
    """Strings always, as children and as values; a string made of markup is a string again."""
    assert tag("p", HOSTILE) == "<p>&lt;b onclick=&#x27;x&#x27;&gt;&quot;&amp;</p>"
    assert tag("input", value=HOSTILE) == '<input value="&lt;b onclick=&#x27;x&#x27;&gt;&quot;&amp;">'
    assert (
        tag("p", [None, tag("b", "x"), ["y"]], hidden=True, id=None, data_call="z", class_="c")
        == '<p hidden data-call="z" class="c"><b>x</b>y</p>'
    )
    assert tag("p", tag("b") + "x") == "<p>&lt;b&gt;&lt;/b&gt;x</p>"
    assert told("<") == "<bdi>&lt;</bdi>"
    assert isinstance(tag("br"), Html)


def test_money_and_times() -> None:
    """In both ways of writing; spaces inside an amount do not break."""
    assert [ENGLISH.roubles(kopecks) for kopecks in (0, 5, 123456789, -150)] == ["₽0.00", "₽0.05", "₽1,234,567.89", "−₽1.50"]
    assert RUSSIAN.roubles(123456789) == "1\u00a0234\u00a0567,89\u00a0₽"
    assert [ENGLISH.seconds(milliseconds) for milliseconds in (0, 500, 1000, 1250)] == ["0", "0.5", "1", "1.25"]


def test_everything_has_a_name() -> None:
    """Every kind of fault, every parameter and every operation is called something that is no code."""
    assert {kind for group in FAULTS.values() for kind in group} == set(FaultKind)
    assert {name for parameters in PARAMETERS.values() for name in parameters} == set(PARAMETER_NAMES)
    assert set(OPERATIONS) == set(Operation)


class Still:
    """A bank at one moment, for the page's rows."""

    def __init__(self, till: Till) -> None:
        self._till, self.bank = till, till.bank

    def now_ms(self) -> int:
        return self._till.now


def shown(till: Till, region: str) -> list[str]:
    (found,) = [one for one in regions(Still(till), ENGLISH) if one.id == region]
    return [one.html for one in found.rows]


def test_what_a_till_may_offer_is_said() -> None:
    """Each means of payment with the director's own words, which are no markup; what is not as usual is named."""
    till = Till()
    assert shown(till, "offer") == ['<ul id="offer-now"><li>SBP can be used.</li><li>Dolyame can be used.</li></ul>']
    till.bank.offer = Offer(is_default=True, unavailable={Method.DOLYAME: HOSTILE}, asynchronous=True)
    (now,) = shown(till, "offer")
    assert f"Dolyame cannot be used. <bdi>{html.escape(HOSTILE)}</bdi>" in now
    assert "usual way to pay" in now
    assert "The list is there after 0.5 s; the first look after 0.35 s." in now


def test_a_fault_of_messages_names_no_request() -> None:
    """Every other says what it hits."""
    till = Till()
    for kind in (FaultKind.FORGE_MESSAGE, FaultKind.LOSE_ANSWER):
        till.bank.add_fault(till.now, Fault(kind, system="paycore" if kind is FaultKind.FORGE_MESSAGE else None))
    forged, lost = shown(till, "faults")
    assert ("<p>PayCore.io · times: 1</p>" in forged, "The message is forged" in forged) == (True, True)
    assert "<p>any request · times: 1</p>" in lost


def test_a_payout_and_what_can_become_of_it() -> None:
    """A button for every state that may follow, none at its end; the client's words are no markup; every state has a name."""
    till = Till()
    assert shown(till, "payouts") == ['<li id="payouts-none" class="none">No payout yet.</li>']
    till.bank.queue_customer(Customer(Action.WAIT), order_id=HOSTILE)
    body = {
        "test_mode": True,
        "currency": "RUB",
        "amount": 450,
        "reference_id": "p-1",
        "service": "payout_card_rub",
        "description": HOSTILE,
    }
    content = json.dumps({**body, "fields": {"card_number": "2200000000000004"}}).encode()
    headers = {"Authorization": HEADERS["Authorization"]}
    assert till.bank.handle(till.now, "POST", "/paycore/api/payout-invoices", headers, content).status == 201
    (payout,) = till.bank.payouts()

    def buttons() -> list[str]:
        (card,) = shown(till, "payouts")
        assert f"<bdi>{html.escape(HOSTILE)}</bdi>" in card
        return re.findall(rf'data-call="POST /sandbox/payouts/{payout.id}/(\w+)"', card)

    assert buttons() == ["processed", "partly_processed", "failed", "expired", "terminated", "canceled"]
    till.bank.move_payout(till.now, payout.id, PayoutStatus.PROCESSED)
    assert buttons() == ["canceling", "canceled", "partly_canceled", "cancel_failed"]
    till.bank.move_payout(till.now, payout.id, PayoutStatus.CANCELED)
    assert buttons() == []
    assert set(PAYOUT_STATES) == set(PayoutStatus)


def test_long_lists_are_cut_and_say_so() -> None:
    """The newest payments are shown, and how many are not; the sums hold all."""
    till = Till()
    for number in range(MAX_SHOWN + 5):
        till.paid(f"Q{number}", f"S12-{number}")
    books = shown(till, "books")
    assert len(books) == MAX_SHOWN + 1
    assert f"S12-{MAX_SHOWN + 4}" in books[0]
    assert "and 5 more" in books[-1]
    assert ENGLISH.roubles(72000 * (MAX_SHOWN + 5)) in shown(till, "totals")[0]


def test_the_books_tell_what_the_bank_hides() -> None:
    """A double charge stands in the sums of its payment; a broken rule of the API is told; a refused return has its code."""
    till = Till()
    till.send(Operation.STATUS, till.status_body(till.waiting("WAIT1")))
    assert "Rules of the API that the register broke: 1" in shown(till, "violations")[0]
    till.bank.add_fault(till.now, Fault(FaultKind.DOUBLE_CHARGE))
    paid = till.paid("Q2", "S12-2")
    assert "₽1,440.00" in shown(till, "books")[0]
    for _ in range(2):
        till.refund(paid)
    assert "Return ₽720.00: done" in shown(till, "books")[0]
    assert "Return ₽720.00: refused <code>TERMINAL_STATE_OF_PAYMENT_TRANSACTION" in shown(till, "books")[0]


@pytest.mark.parametrize("text", ["\x00", "\ud800", "\u202e", "A" * 36])
async def test_strange_texts_do_not_break_the_page(text: str) -> None:
    """A NUL, half a character, a text that turns the direction: shown somehow, beside everything else."""
    till = Till()
    till.send(Operation.CHECKOUT, till.checkout_body("WAIT1", text))
    async with beside() as house:
        answer = await house.client.post(
            house.sandbox.base_url + "/api/v1/merchant/checkout",
            content=json.dumps(till.checkout_body("WAIT2", text)),
            headers={"authorization": "Basic c2FuZGJveDpzYW5kYm94", "content-type": "application/json", "token": "t"},
        )
        assert answer.status_code in (200, 422)
        assert (await page(house)).status_code == 200
        async with watching(house) as events:
            assert "waiting" in await anext(events)
