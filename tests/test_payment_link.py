"""Goal: the customer can pay by what the register shows him, and the link is nowhere it need not be.

Method: the real daemon with PayCore.io at the sandbox; a decoder reads the codes, and the page behind what it read is paid on. Then the
log, the command line's output and the answers are searched for the link.
"""

import asyncio
import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from drivers.client import Client
from tests.edges.http.support import ask
from tests.support import codes
from tests.support.pos import Failed
from tests.support.stand import STORE, TERMINAL, Line, Plan, Port, Stand, http_request
from tests.test_canary import Canaries, leaks

WEB, LINE = Port("web", "http"), Line("line")
PAYCORE = {"service": "payment_card_rub_hpp", "first_read_ms": 500, "poll_interval_ms": 500}
SALES = f"/v1/stores/{STORE}/terminals/{TERMINAL}/checkouts"


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    plan = Plan(tills={TERMINAL: {"provider": "paycore"}}, ports=(WEB,), lines=(LINE,), systems={"paycore": PAYCORE})
    with Stand(plan) as made:
        made.control("POST", "/customers/default", {"action": "wait"})
        yield made


def bill(order: str) -> dict[str, Any]:
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    return {"checkoutInvoice": {"orderId": order, "totalAmount": 9000, "items": [item]}}


def names(key: str) -> dict[str, str]:
    return {"storeId": STORE, "terminalId": TERMINAL, "key": key}


def sell(stand: Stand, key: str) -> str:
    """A sale that waits for its customer: the link."""
    answer = stand.call("checkout.create", **names(key), **bill(key), wait=20)
    assert answer["state"] == "pending", answer
    return str(answer["paymentUrl"])


def pay(stand: Stand, url: str) -> None:
    """What the customer does who opened it."""
    parts = urlsplit(url)
    assert parts.port == stand.sandbox_port
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _ = http_request(stand.sandbox_port, "POST", parts.path, b"action=confirm", form)
    assert status < 400


def test_the_customer_pays_by_what_he_scanned(stand: Stand) -> None:
    """Over HTTP in all four kinds; then the page is paid on, the long poll brings the result, and the code is gone."""
    port = stand.ports["web"]
    made = ask(port, "PUT", f"{SALES}/web-1?wait=20", bill("web-1"), token=WEB.token)
    assert (made.status, made.json["state"]) == (201, "pending")
    link = made.json["paymentUrl"]
    files = {ending: ask(port, "GET", f"{SALES}/web-1/qr.{ending}", token=WEB.token).body for ending in ("svg", "png", "txt", "escpos")}
    grids = [codes.of_svg(files["svg"].decode()), codes.of_png(files["png"]), codes.of_text(files["txt"].decode())]
    assert [codes.read(grid) for grid in (*grids, codes.of_escpos(files["escpos"]))] == [[link]] * 4
    (scanned,) = codes.read(grids[1])
    pay(stand, scanned)
    paid = ask(port, "GET", f"{SALES}/web-1?wait=20", token=WEB.token).json
    assert (paid["state"], "paymentUrl" in paid) == ("paid", False)
    gone = ask(port, "GET", f"{SALES}/web-1/qr.png", token=WEB.token)
    assert (gone.status, gone.code) == (409, "NO_LINK")
    assert ask(port, "GET", f"{SALES}/web-2/qr.png", token=WEB.token).code == "NOT_FOUND"


async def test_a_register_on_a_serial_line_gets_the_code(stand: Stand) -> None:
    """As modules, as a picture, and as what its receipt printer takes."""
    link = await asyncio.to_thread(sell, stand, "line-1")
    async with await Client.connect_serial(stand.line("line")) as client:
        matrix = await client.call("checkout.qr", **names("line-1"), format="matrix")
        printed = await client.call("checkout.qr", **names("line-1"), format="escpos", scale=4)
        picture = await client.call("checkout.qr", **names("line-1"), format="png", level="H")
        shown = await client.call("checkout.get", **names("line-1"), wait=20)
        await client.call("checkout.cancel", **names("line-1"))
    assert codes.read(codes.enlarged(matrix["modules"])) == [link]
    assert codes.read(codes.of_escpos(base64.b64decode(printed["base64"]))) == [link]
    assert codes.read(codes.of_png(base64.b64decode(picture["base64"]))) == [link]
    assert shown["paymentUrl"] == link


def test_the_link_survives_a_power_cut_and_is_the_same(stand: Stand) -> None:
    """It was recorded before it was shown: after a kill the register gets it again, from the record, and the customer can pay by it."""
    link = sell(stand, "cut-1")
    stand.restart()
    with pytest.raises(Failed) as conflict:
        stand.call("checkout.create", **names("cut-1"), **bill("another"))
    assert "paymentUrl" not in str(conflict.value)
    again = stand.call("checkout.create", **names("cut-1"), **bill("cut-1"), wait=20)
    if again["state"] == "pending":
        assert again["paymentUrl"] == link
    pay(stand, link)
    ended = stand.call("checkout.get", **names("cut-1"), wait=30)
    while not ended["finished"]:
        ended = stand.call("checkout.get", **names("cut-1"), wait=30)
    assert (ended["state"], ended["success"]) == ("paid", True)


def test_the_link_is_nowhere_it_need_not_be(stand: Stand) -> None:
    """Not in the log, at any level; not in what a technician is shown, while the customer may pay and afterwards, with the daemon and
    without it. That it is there, and whether it can be used, is shown."""
    link = sell(stand, "show-1")
    secret = link.rsplit("/", 1)[1]
    assert len(secret) >= 8
    outputs = {}
    for state, options in (("open", ()), ("closed", ("--json",))):
        ran = stand.cli("show", "show-1", *options)
        outputs[f"show while it is {state}"] = ran.stdout + ran.stderr
        assert ran.returncode == 0
        assert state in ran.stdout
        assert "transaction_known" in ran.stdout
        stand.call("checkout.cancel", **names("show-1"))
    outputs["list"] = str(stand.call("operation.list", storeId=STORE, terminalId=TERMINAL))
    with stand.down():
        outputs["show from the file"] = stand.cli("show", "show-1").stdout
    assert "closed" in outputs["show from the file"]
    outputs["log"] = stand.log.read_text()
    assert "transaction_known" in outputs["log"]
    assert leaks(Canaries({"the link": link, "its page": secret}), {name: text.encode() for name, text in outputs.items()}) == []
