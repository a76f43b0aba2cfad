"""The stories at the other payment systems, whose customers pay on a page behind a link.

The register is given the link, and shows it as a QR code, drawn for what it has: a screen, a receipt printer, or a display of its own. The
customer's phone does the rest. How money goes back is different everywhere: by a call, by people, or only in the cabinet.
"""

import asyncio
import base64
from urllib.parse import urlsplit

from agent.demo.goods import BREAD, COFFEE, LAMP, UMBRELLA, bill
from agent.demo.house import EndedOtherwise, Scene, expect
from agent.demo.means import Page
from agent.demo.phone import open_and_pay
from agent.demo.register import Answer, Sale
from agent.sandbox.customer import Action
from agent.settings import PAYCONNECT, PAYCORE, SOFTLINE
from drivers.client import CallFailed

CUSTOMER_S = 1.5  # he takes his phone, reads the code, and presses the button


async def partly_back(scene: Scene) -> None:
    """PayCore.io. Money goes back by a call."""
    sale = scene.sale("till-8", bill("D-11", COFFEE, BREAD), Page())
    await _sell(scene, sale, PAYCORE, "svg")
    answer, path = await sale.refund("back-1", [{"line": 0, "quantity": 1}])
    expect(answer, state="refunded", success=True, amount=COFFEE["totalAmount"])
    await sale.ask()
    expect(sale.answer, state="paid", money="charged")
    line = scene.lines[0]
    line.saw, line.state, line.amount = f"{', '.join(sale.path)}; then: {', '.join(path)}", answer["state"], answer["amount"]


async def asked_back(scene: Scene) -> None:
    """Softline Payments. It wants to know who pays, and people return the money: that is asked for, and not done before they say so."""
    buyer = {"email": "buyer@mail.example", "firstName": "Иван", "lastName": "Петров"}
    sale = scene.sale("till-9", bill("D-12", UMBRELLA), Page({"customer": buyer}))
    await _sell(scene, sale, SOFTLINE, "escpos")
    asked, _ = await sale.refund("back-1", until="requested")
    expect(asked, state="requested", finished=False, success=None)
    await sale.ask()
    expect(sale.answer, money="returning")
    await scene.house.director.people_return(sale.answer["transactionId"])
    scene.house.show("people", sale.order_id, "at Softline return the money; a technician does not wait for tomorrow's look and asks now")
    await scene.house.technician_retries(sale)
    answer, path = await sale.refund("back-1")
    expect(answer, state="refunded", success=True, amount=UMBRELLA["totalAmount"])
    await sale.ask()
    expect(sale.answer, state="paid", money="returned")
    scene.lines[0].saw, scene.lines[0].state = f"{', '.join(sale.path)}; then: {', '.join(path)}", answer["state"]


async def by_name(scene: Scene) -> None:
    """PayConnect. Its till has no system of its own: the checkout names one."""
    sale = scene.sale("till-10", bill("D-13", LAMP), Page({"provider": PAYCONNECT}))
    await _sell(scene, sale, PAYCONNECT, "matrix")


async def _sell(scene: Scene, sale: Sale, system: str, form: str) -> None:
    """Paid on the page, by whoever has read the code."""
    await scene.customer(sale, Action.WAIT)  # nobody pays who has not opened the page
    await sale.create()
    await sale.wait_until(lambda answer: "paymentUrl" in answer or answer["finished"])
    expect(sale.answer, state="pending", provider=system, success=None)
    link = sale.answer["paymentUrl"]
    sale.register.show(sale.order_id, f"given paymentUrl {_without_secret(link)} and {_drawn(await sale.code(form))}")
    await asyncio.sleep(CUSTOMER_S)
    await open_and_pay(link)
    scene.house.show("phone", sale.order_id, "has read the code, opened the page behind it, and paid there")
    expect(await sale.finish(), state="paid", success=True, money="charged", paymentUrl=None)
    try:
        await sale.code(form)
    except CallFailed as refused:
        if refused.code != "NO_LINK":
            raise
    else:
        raise EndedOtherwise("a link that has been paid was shown again")


def _without_secret(link: str) -> str:
    """Whoever has the link can pay: no log and no screen but the customer's shows it whole."""
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}/..."


def _drawn(code: Answer) -> str:
    """The code in a few words."""
    match code["format"]:
        case "matrix":
            return f"a QR code for its display: {len(code['modules'])} by {len(code['modules'])} modules"
        case "escpos":
            return f"a QR code for its receipt printer: {len(base64.b64decode(code['base64']))} bytes of ESC/POS"
        case form:
            return f"a QR code for its screen: {len(code['text'])} characters of {form.upper()}"
