"""Goal: a register has the link as soon as the customer may pay by it, and nobody has it before it is recorded or after its time.

Method: the desk of a simulated shop whose payment system works with a link; the journal's own file says what was recorded when.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.core import events
from agent.core.model import LinkMethod, PaymentLink
from agent.core.ports import Append
from agent.edges import replies
from agent.engine.setup import Setup
from agent.sandbox.customer import Action, Customer
from agent.texts import translator
from drivers.caller import Caller
from tests.edges.test_pos import Desk, sale_id
from tests.engine.support import Shop, play
from tests.simulation.story import customer
from tests.simulation.till import Pos
from tests.simulation.world import STORE, TILL
from tests.support import codes
from tests.support.linked import Linked

URL = "https://pay.example/p/7b0e0f2e-6a55-4a0c-9a3e-2f6f6f0a1c11?lang=ru"
SECRET = "7b0e0f2e-6a55"
Tale = Callable[[Shop, Desk], Any]


def tell(tale: Tale, folder: Path, link: PaymentLink | None = None) -> None:
    """Tell a tale in a shop with links; the customer thinks about it unless told otherwise."""

    def linked(setup: Setup) -> Setup:
        return replace(setup, providers={"koshelek": Linked(STORE, link or PaymentLink(URL))})

    async def whole(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.WAIT)
        await tale(shop, Desk(shop))

    def prepare(shop: Shop) -> None:
        shop.change = linked

    play(whole, folder, prepare=prepare)


# --- in the answers ---


def test_the_link_is_in_the_answers_while_the_customer_may_pay(fast_folder: Path) -> None:
    """From the answer that names it until the sale ends; ``paymentUrlMethod`` only where a browser must post."""

    async def tale(shop: Shop, desk: Desk) -> None:
        first = await desk.sell()
        assert "paymentUrl" not in first
        shown = await desk.ask("checkout.get", **desk.sale(), wait=20)
        assert (shown["state"], shown["paymentUrl"], "paymentUrlMethod" in shown) == ("pending", URL, False)
        assert (await desk.ask("operation.last", storeId=STORE, terminalId=TILL))["paymentUrl"] == URL
        (row,) = (await desk.ask("operation.list", storeId=STORE, terminalId=TILL))["operations"]
        assert SECRET not in str(row)
        canceled = await desk.ask("checkout.cancel", **desk.sale())
        assert SECRET not in str(canceled)
        assert SECRET not in str(await desk.ask("checkout.get", **desk.sale(), wait=60))

    tell(tale, fast_folder)


def test_a_page_that_must_be_posted_to_says_so(fast_folder: Path) -> None:
    """And is in no code."""

    async def tale(shop: Shop, desk: Desk) -> None:
        shown = await desk.sell(wait=20)
        assert (shown["paymentUrl"], shown["paymentUrlMethod"]) == (URL, "POST")
        for form in ("svg", "png", "text", "escpos", "matrix"):
            refused = await desk.refused("checkout.qr", **desk.sale(), format=form)
            assert (refused.code, SECRET in str(refused.data) + refused.message) == ("LINK_NEEDS_POST", False)

    tell(tale, fast_folder, PaymentLink(URL, LinkMethod.POST))


def test_a_form_comes_with_its_fields(fast_folder: Path) -> None:
    """To the register alone: whoever has them can pay."""

    async def tale(shop: Shop, desk: Desk) -> None:
        shown = await desk.sell(wait=20)
        assert (shown["paymentUrlMethod"], list(shown["paymentUrlFields"].items())) == ("POST", [("MD", SECRET), ("b", "2")])
        looked = [
            await desk.ask("operation.show", desk.operator, **desk.sale(), events=True),
            await desk.ask("operation.resolve", desk.operator, **desk.sale()),
            await desk.ask("operation.last", desk.operator, storeId=STORE, terminalId=TILL),
        ]
        assert SECRET not in str(looked)
        assert SECRET not in str(shop.notices)

    tell(tale, fast_folder, PaymentLink("https://pay.example/go", LinkMethod.POST, (("MD", SECRET), ("b", "2"))))


def test_a_paid_sale_shows_no_link(fast_folder: Path) -> None:
    """The customer has paid: neither the answer nor anything that is asked for afterwards has it."""

    async def tale(shop: Shop, desk: Desk) -> None:
        await desk.sell(wait=20)
        shop.bank.decide(shop.now_ms(), shop.bank.transactions()[0].id, Customer(Action.CONFIRM))
        paid = await desk.ask("checkout.get", **desk.sale(), wait=60)
        assert (paid["state"], SECRET in str(paid)) == ("paid", False)
        assert (await desk.refused("checkout.qr", **desk.sale(), format="svg")).code == "NO_LINK"

    tell(tale, fast_folder)


# --- long polls ---


def test_a_long_poll_ends_when_the_link_appears(fast_folder: Path) -> None:
    """The customer waits for it: the answer to the request that made the sale has it, long before the wait is over."""

    async def tale(shop: Shop, desk: Desk) -> None:
        began = shop.loop.time()
        assert (await desk.sell(wait=60))["paymentUrl"] == URL
        assert shop.loop.time() - began < 2

    tell(tale, fast_folder)


def test_a_poll_that_missed_it_is_answered_at_once_and_the_next_one_waits(fast_folder: Path) -> None:
    """Whoever has the link waits for the end; another register of the till gets it first. A repeat of the request always gets it."""

    async def tale(shop: Shop, desk: Desk) -> None:
        async def took(method: str, caller: Caller | None = None) -> float:
            began = shop.loop.time()
            params = desk.bill() if method == "checkout.create" else desk.sale()
            assert (await desk.ask(method, caller, **params, wait=10))["paymentUrl"] == URL
            return float(shop.loop.time() - began)

        await desk.sell()
        await asyncio.sleep(2)
        assert await took("checkout.get") < 0.1
        assert await took("checkout.get") >= 10
        assert await took("checkout.get", Caller("uid:1003")) < 0.1
        assert await took("checkout.create") < 0.1
        gone = Caller("uid:1004")
        gone.presence.leave()
        await desk.ask("checkout.get", gone, **desk.sale())
        assert await took("checkout.get", Caller("uid:1004")) < 0.1  # what went to nobody was not given
        await shop.restart()
        desk = Desk(shop)
        assert await took("checkout.get") < 0.1  # a new process cannot know who has it

    tell(tale, fast_folder)


def test_a_poll_without_a_link_waits_for_the_end(fast_folder: Path) -> None:
    """Where customers pay in an application a long poll ends as ever."""

    async def main(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.CONFIRM, 5_000)
        assert (await Desk(shop).sell(wait=60))["state"] == "paid"

    play(main, fast_folder)


# --- recorded first ---


def test_nobody_has_the_link_before_it_is_recorded(fast_folder: Path) -> None:
    """While its record is on the way to the disk every question is answered without it (promise P10); then it is there."""

    async def tale(shop: Shop, desk: Desk) -> None:
        heard: list[Mapping[str, Any]] = []

        async def ask_meanwhile(step: Append) -> None:
            if any(entry.kind == "transaction_known" for entry in step.entries):
                poll = asyncio.ensure_future(desk.ask("checkout.get", **desk.sale(), wait=3))
                heard.append(await desk.ask("checkout.get", **desk.sale()))
                assert (await desk.refused("checkout.qr", **desk.sale(), format="svg")).code == "NO_LINK"
                heard.append(await poll)
                stored = await shop.events(sale_id())
                assert not [one for one in stored if isinstance(one, events.TransactionKnown)]

        shop.doors.on_append = ask_meanwhile
        shown = await desk.sell(wait=20)
        assert len(heard) == 2
        assert SECRET not in str(heard)
        assert shown["paymentUrl"] == URL
        (known,) = [one for one in await shop.events(sale_id()) if isinstance(one, events.TransactionKnown)]
        assert known.link == PaymentLink(URL)

    tell(tale, fast_folder)


# --- codes ---


def test_a_code_in_every_form_over_json_rpc(fast_folder: Path) -> None:
    """What a line of the protocol carries: text, base64, or the modules; each holds the link. It fits into what a line takes."""

    async def tale(shop: Shop, desk: Desk) -> None:
        await desk.sell(wait=20)

        async def code(form: str, **more: Any) -> Mapping[str, Any]:
            with shop.in_earnest():  # the drawing thread's time is the machine's
                found = await desk.ask("checkout.qr", **desk.sale(), format=form, **more)
            assert {name: found[name] for name in (*desk.sale(), "format")} == desk.sale() | {"format": form}
            return found

        assert codes.read(codes.of_svg((await code("svg"))["text"])) == [URL]
        assert codes.read(codes.of_text((await code("text", level="L", quietZone=2))["text"])) == [URL]
        assert codes.read(codes.of_png(base64.b64decode((await code("png", scale=3))["base64"]))) == [URL]
        assert codes.read(codes.of_escpos(base64.b64decode((await code("escpos"))["base64"]))) == [URL]
        assert codes.read(codes.enlarged((await code("matrix", level="Q"))["modules"])) == [URL]
        types = {form: (await code(form))["mediaType"] for form in ("svg", "png", "text", "escpos")}
        assert types["png"] == "image/png"
        refused = await desk.refused("checkout.qr", **desk.sale(), format="escpos", scale=32)
        assert (refused.code, refused.data["path"]) == ("INVALID", "scale")

    tell(tale, fast_folder)


def test_a_code_of_what_is_not_there(fast_folder: Path) -> None:
    """Of a sale that does not exist NOT_FOUND, of one that ended NO_LINK; asking tells nothing and hands nothing out."""

    async def tale(shop: Shop, desk: Desk) -> None:
        assert (await desk.refused("checkout.qr", **desk.sale("none"), format="svg")).code == "NOT_FOUND"
        await desk.sell(wait=20)
        await desk.ask("checkout.cancel", **desk.sale())
        await shop.desk.get(sale_id(), 60)
        refused = await desk.refused("checkout.qr", **desk.sale(), format="svg")
        assert (refused.code, "canceled" in str(refused.data) + refused.message) == ("NO_LINK", False)
        assert not [one for one in await shop.events(sale_id()) if isinstance(one, events.Told)]

    tell(tale, fast_folder)


# --- for nobody else ---


def test_people_see_whether_the_link_is_open_and_never_the_link(fast_folder: Path) -> None:
    """``operation.show`` with the whole story, what an operator decides on, and the same read from the file: before and after the end."""

    async def tale(shop: Shop, desk: Desk) -> None:
        await desk.sell(wait=20)
        for state in ("open", "closed"):
            show = await desk.ask("operation.show", desk.operator, **desk.sale(), events=True)
            assert (show["paymentUrlState"], show["paymentUrlMethod"]) == (state, "GET")
            (known,) = [one for one in show["events"] if one["event"] == "transaction_known"]
            assert known["link"] == "GET"
            look = await desk.ask("operation.resolve", desk.operator, **desk.sale())
            last = await desk.ask("operation.last", desk.operator, storeId=STORE, terminalId=TILL)
            steward = await shop.desk.find(sale_id())
            offline = replies.record_reply(steward.sale, translator("ru"))
            assert SECRET not in str([show, look, last, offline])
            await desk.ask("checkout.cancel", **desk.sale())
            await shop.desk.get(sale_id(), 60)

    tell(tale, fast_folder)


def test_no_notice_holds_the_link(fast_folder: Path) -> None:
    """What goes to the log tells that the payment is known, and not where it can be paid."""

    async def tale(shop: Shop, desk: Desk) -> None:
        await desk.sell(wait=20)
        assert shop.noticed("sale.transaction_known")
        assert SECRET not in str(shop.notices)

    tell(tale, fast_folder)
