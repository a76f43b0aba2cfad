"""Goal: what is not sent is not told. An answer that its way in does not carry is refused before anything is stored, and a list hands out
what there is room for.

Method: requests to the desk of a simulated shop by callers whose way in carries little; then a real daemon with such a line.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agent.core import events
from agent.edges.pos.front import SPARE_BYTES
from agent.sandbox.customer import Action
from drivers.caller import Caller
from drivers.client import CallFailed, Client
from drivers.limits import Limits
from drivers.messages import Request
from drivers.session import TooLong
from drivers.strictjson import dumps
from tests.edges.http.support import ask, serving
from tests.edges.test_pos import Desk, sale_id, told
from tests.engine.support import Shop, play
from tests.simulation.stories import customer
from tests.simulation.till import Pos
from tests.simulation.world import STORE, TILL
from tests.support.stand import STORE as REAL_STORE
from tests.support.stand import TERMINAL, Line, Plan, Stand
from tests.support.wires import PATIENT

SALES = 6
REAL_SALES = 20
REAL_ANSWER_BYTES = SPARE_BYTES + 5_000  # some six lines of a list
NARROW = f"import drivers.line; drivers.line.MAX_SERIAL_ANSWER_BYTES = {REAL_ANSWER_BYTES}; from agent.cli import main; main()"


def with_room(size: int) -> Caller:
    """A register whose way in carries a result of so many bytes."""
    return Caller("uid:1001", tills=frozenset({(STORE, TILL)}), answer_bytes=SPARE_BYTES + size)


async def untold_sales(desk: Desk) -> dict[str, Any]:
    """So many sales, paid and told to nobody; the parameters of a list of them."""
    for number in range(SALES):
        await desk.sell(f"K{number}")
        await asyncio.sleep(5)
    return {"storeId": STORE, "terminalId": TILL, "limit": 500}


def test_a_list_hands_out_what_there_is_room_for(fast_folder: Path) -> None:
    """Page after page, each as long as an answer may be; what a page does not name is not told; an operator's list is cut as well."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        wanted = await untold_sales(desk)
        line = len(dumps((await desk.ask("operation.list", desk.operator, **wanted))["operations"][0]))
        narrow, seen, pages, next_ = with_room(int(line * 2.5)), list[str](), list[int](), dict[str, Any]()
        while True:
            page = await desk.ask("operation.list", narrow, **wanted, **next_)
            assert len(dumps(page)) <= narrow.answer_bytes
            seen += [one["key"] for one in page["operations"]]
            pages.append(len(page["operations"]))
            assert all(one["told"] for one in page["operations"])
            assert [bool(await told(shop, f"K{number}")) for number in range(SALES)] == [f"K{number}" in seen for number in range(SALES)]
            if not page["more"]:
                break
            next_ = {"before": page["next"]}
        assert (seen, pages) == ([f"K{number}" for number in reversed(range(SALES))], [2, 2, 2])
        operator = Caller("uid:0", operator=True, answer_bytes=narrow.answer_bytes)
        cut = await desk.ask("operation.list", operator, storeId=STORE)
        assert (len(cut["operations"]), cut["more"]) == (2, True)

    play(tale, fast_folder)


def test_where_not_one_line_has_room_nothing_is_told(fast_folder: Path) -> None:
    """LIMIT, and every sale is still there for the next who asks; an empty list has room."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        wanted = await untold_sales(desk)
        assert (await refused(desk, "operation.list", with_room(100), **wanted)).code == "LIMIT"
        assert [await told(shop, f"K{number}") for number in range(SALES)] == [[]] * SALES
        assert (await desk.ask("operation.list", with_room(100), **wanted, orderId="none"))["operations"] == []

    play(tale, fast_folder)


async def refused(desk: Desk, method: str, caller: Caller, **params: Any) -> TooLong:
    with pytest.raises(TooLong) as caught:
        await desk.ask(method, caller, **params)
    return caught.value


@pytest.mark.parametrize("method", ["checkout.get", "checkout.create", "checkout.cancel", "operation.last"])
def test_a_sale_that_cannot_be_sent_is_not_told(method: str, fast_folder: Path) -> None:
    """LIMIT and no telling; whoever has room for it is told. The narrow way in sees open sales as ever."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        customer(shop, "order-K1", Action.WAIT)
        await desk.sell()
        whole = await desk.ask("checkout.get", **desk.sale())
        assert await desk.ask("checkout.get", with_room(len(dumps(whole))), **desk.sale()) == whole
        await asyncio.sleep(600)
        params = desk.bill() if method == "checkout.create" else {"storeId": STORE, "terminalId": TILL}
        params |= {"key": "K1"} if method.startswith("checkout.") else {}
        before = await shop.events(sale_id())
        await refused(desk, method, with_room(300), **params)
        assert (await told(shop), await shop.events(sale_id())) == ([], before)
        assert (await desk.ask(method, **params))["told"] is True

    play(tale, fast_folder)


def test_what_cannot_be_answered_is_not_confirmed(fast_folder: Path) -> None:
    """The refusal says that nothing was stored, and so it is."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell(wait=20)
        await refused(desk, "checkout.confirm", with_room(300), **desk.sale())
        assert not [one for one in await shop.events(sale_id()) if isinstance(one, events.Confirmed)]
        assert (await desk.ask("checkout.confirm", **desk.sale()))["confirmed"] is True

    play(tale, fast_folder)


def test_a_slip_that_is_not_there_tells_nothing(fast_folder: Path) -> None:
    """Of a sale that was not paid, or of a mistyped refund: NOT_FOUND, which stores nothing."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        customer(shop, "order-K1", Action.DECLINE, after_ms=0)
        await desk.sell("K1")
        await desk.sell("K2")
        await asyncio.sleep(10)
        for asked in (desk.sale("K1"), {**desk.sale("K2"), "refundKey": "R9"}):
            assert (await desk.refused("operation.slip", **asked)).code == "NOT_FOUND"
            assert await told(shop, asked["key"]) == []
        assert (await desk.ask("operation.slip", **desk.sale("K2")))["copy"] is True
        assert await told(shop, "K2") == ["uid:1001"]

    play(tale, fast_folder)


async def test_http_says_that_the_answer_is_too_long() -> None:
    """The handler knows the bound of the listener; its refusal is 413, as where the answer itself turns out too long."""

    async def handle(caller: Caller, request: Request) -> dict[str, Any]:
        if caller.answer_bytes == 1_000:
            raise TooLong
        return {}

    async with serving(handle, limits=Limits(answer_bytes=1_000)) as port:
        reply = await asyncio.to_thread(ask, port, "GET", "/v1/status")
    assert (reply.status, reply.code) == (413, "LIMIT")


async def test_a_real_line_loses_no_sale() -> None:
    """A register on a line that carries little asks for everything untold: after each page exactly the rest is still untold, and at the end
    it has seen every sale."""
    with Stand(Plan(lines=(Line("line", options={"requests_per_s": 1000}),)), (sys.executable, "-c", NARROW)) as stand:
        till: dict[str, Any] = {"storeId": REAL_STORE, "terminalId": TERMINAL}
        with stand.connect() as pos:
            for number in range(REAL_SALES):
                pos.call("checkout.create", **till, **bill(number))
        await paid(stand)
        async with await Client.connect_serial(stand.line("line"), rules=PATIENT, answer_seconds=20.0) as register:
            seen: list[str] = []
            while page := (await untold(register, till))["operations"]:
                seen += [one["key"] for one in page]
                left = stand.call("operation.list", "admin", **till, untold=True)["operations"]
                assert {one["key"] for one in left} == {f"K{number}" for number in range(REAL_SALES)} - set(seen)
        assert (len(seen), len(set(seen))) == (REAL_SALES, REAL_SALES)


async def untold(register: Client, till: dict[str, Any]) -> dict[str, Any]:
    try:
        return await register.call("operation.list", **till, untold=True, limit=500)
    except CallFailed as error:
        raise AssertionError(f"the list was refused: {error}") from error


async def paid(stand: Stand) -> None:
    """Until every sale is; only an operator looks."""
    end_at = time.monotonic() + 20
    while len(stand.call("operation.list", "admin", storeId=REAL_STORE, untold=True)["operations"]) < REAL_SALES:
        assert time.monotonic() < end_at
        await asyncio.sleep(0.1)


def bill(number: int) -> dict[str, Any]:
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    invoice = {"orderId": f"order-{number}", "totalAmount": 9000, "items": [item]}
    user = {"user": {"loyaltyId": "2900000012345"}, "cardSession": f"FAST{number:02}", "token": "till-03-token"}
    return {"key": f"K{number}", "checkoutInvoice": invoice, **user}
