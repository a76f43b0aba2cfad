"""Goal: who may ask what, and what counts as handed out (money rule 5; promises P4, P17, P22).

Method: requests as a register writes them go to the desk of a simulated shop; the journal tells what was recorded as told.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent.core import events
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.ports import RESTORED_NOTE, Append, Corrupt, JournalBroken, JournalFull
from agent.edges.pos import PosDesk
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from drivers import messages
from drivers.caller import Caller
from drivers.session import Refused
from drivers.validation import parse
from tests.engine.support import TILL_2, Shop, play
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos
from tests.simulation.world import STORE, TILL

ITEM = {"name": "Хлеб", "article": "1", "price": Decimal("100.50"), "quantity": 2, "totalAmount": 20100, "tax": "vat10"}


class Desk:
    """The desk, asked as over the wire."""

    def __init__(self, shop: Shop) -> None:
        self.desk = PosDesk(shop.living)
        self.till_1 = Caller("uid:1001", tills=frozenset({(STORE, TILL)}), payouts=True)
        self.till_2 = Caller("uid:1002", tills=frozenset({(STORE, TILL_2)}))
        self.operator = Caller("uid:0", operator=True, payouts=True)

    async def ask(self, method: str, caller: Caller | None = None, **params: Any) -> Mapping[str, Any]:
        return await self.desk.handle(caller or self.till_1, parse(method, params))

    async def refused(self, method: str, caller: Caller | None = None, **params: Any) -> Refused:
        with pytest.raises(Refused) as caught:
            await self.ask(method, caller, **params)
        assert caught.value.data["message"].endswith(".")
        return caught.value

    async def code(self, method: str, caller: Caller, **params: Any) -> str:
        """How it is answered: the code of its refusal, or "done"."""
        try:
            await self.ask(method, caller, **params)
        except Refused as refused:
            return refused.code
        return "done"

    async def sell(self, key: str = "K1", caller: Caller | None = None, wait: int = 0, **more: Any) -> Mapping[str, Any]:
        return await self.ask("checkout.create", caller, **self.bill(key), wait=wait, **more)

    def bill(self, key: str = "K1", order_id: str | None = None, terminal: str = TILL) -> dict[str, Any]:
        return {
            **self.sale(key, terminal),
            "checkoutInvoice": {"orderId": order_id or f"order-{key}", "totalAmount": 20100, "items": [ITEM]},
            "user": {"loyaltyId": "290000111"},
            "cardSession": f"S{key}",
            "token": "pos-token",
        }

    def receipt(self, key: str = "K1", receipt_id: str = "F1", terminal: str = TILL, **changes: Any) -> dict[str, Any]:
        """A fiscal receipt of the bill; ``changes`` are made in ``invoice``."""
        invoice = {
            "orderId": f"order-{key}",
            "merchantName": "ООО Акме",
            "merchantAddress": "Санкт-Петербург, ул. Ленина, 1",
            "inn": "7707083893",
            "dateTime": "2026-03-02T11:00:10+03:00",
            "shift": "5",
            "cashier": "Иванова",
            "receiptType": "debit",
            "totalAmount": 20100,
            "items": [ITEM],
        }
        return {**self.sale(key, terminal), "receiptId": receipt_id, "invoice": {**invoice, **changes}}

    def sale(self, key: str = "K1", terminal: str = TILL) -> dict[str, Any]:
        return {"storeId": STORE, "terminalId": terminal, "key": key}


def sale_id(key: str = "K1") -> SaleId:
    return SaleId(STORE, TILL, key)


async def told(shop: Shop, key: str = "K1") -> list[str]:
    """By whom the sale was recorded as told."""
    return [one.by for one in await shop.events(sale_id(key)) if isinstance(one, events.Told)]


FOR_OPERATORS = {"operation.show", "operation.resolve", "operation.retry", "payout.show", "payout.resolve"}


def requests_of(desk: Desk, terminal: str) -> dict[str, dict[str, Any]]:
    """One request of every method about a till."""
    till = {"storeId": STORE, "terminalId": terminal}
    sale = desk.sale("K1", terminal)
    found = {
        "availability.create": desk.bill("K1", terminal=terminal),
        "checkout.create": desk.bill("K1", terminal=terminal),
        "checkout.qr": {**sale, "format": "svg"},
        "refund.create": {**sale, "refundKey": "R1"},
        "refund.get": {**sale, "refundKey": "R1"},
        "receipt.create": desk.receipt("K1", terminal=terminal),
        "receipt.get": {**sale, "receiptId": "F1"},
        "payout.services": {**till, "amount": 40_000},
        "payout.create": {**sale, "amount": 40_000, "fields": {"card_number": "2200000000000004"}, "description": "Deposit"},
        "operation.last": till,
        "operation.list": till,
        "operation.report": till,
        "agent.status": {},
    }
    return found | {method: sale for method in messages.REQUESTS if method not in found and not method.startswith("agent.")}


# --- permissions ---


def test_a_register_acts_for_its_own_terminals_only(fast_folder: Path) -> None:
    """Every method about another till is FORBIDDEN and leaves no trace; about the own one none is."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        for method, params in requests_of(desk, TILL_2).items():
            if method != "agent.status":
                assert (await desk.refused(method, desk.till_1, **params)).code == "FORBIDDEN", method
        assert (await desk.ask("operation.list", desk.operator, storeId=STORE))["operations"] == []
        found = {method: await desk.code(method, desk.till_1, **params) for method, params in requests_of(desk, TILL).items()}
        assert {method for method, code in found.items() if code == "FORBIDDEN"} == FOR_OPERATORS

    play(tale, fast_folder)


def test_an_operator_acts_for_all(fast_folder: Path) -> None:
    """No method is forbidden on the operator's socket, at any till."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        for terminal in (TILL, TILL_2):
            found = {method: await desk.code(method, desk.operator, **params) for method, params in requests_of(desk, terminal).items()}
            assert "FORBIDDEN" not in found.values()

    play(tale, fast_folder)


def test_only_an_operator_sees_a_whole_store(fast_folder: Path) -> None:
    """A list without a terminal would show other tills' sales."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        refused = await desk.refused("operation.list", storeId=STORE)
        assert (refused.code, refused.data["path"]) == ("FORBIDDEN", "terminalId")
        assert (await desk.ask("operation.list", desk.operator, storeId=STORE)) == {"operations": [], "more": False}

    play(tale, fast_folder)


def test_a_terminal_that_is_not_configured_is_unknown(fast_folder: Path) -> None:
    """A technician reads that the terminal is missing from the configuration, not that the user may not, and a register not that its sale
    was never accepted."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        for method, params in requests_of(desk, "till-9").items():
            if method not in {"agent.status"} | FOR_OPERATORS:
                assert (await desk.refused(method, **params)).code == "UNKNOWN_TERMINAL", method

    play(tale, fast_folder)


def test_a_terminal_that_was_taken_out_keeps_its_sales(fast_folder: Path) -> None:
    """What it began can be asked for, ended and returned; nothing new begins, and of a key that is not there nobody hears "not found"."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell("K1", wait=20)
        customer(shop, "order-K2", Action.WAIT)
        await desk.sell("K2")
        engine = shop.living
        left = {name: one for name, one in engine.setup.terminals.items() if name != (STORE, TILL)}
        engine.reconfigure(replace(engine.setup, terminals=left), engine.ports.card)
        till = {"storeId": STORE, "terminalId": TILL}
        assert (await desk.ask("checkout.get", **desk.sale()))["state"] == "paid"
        assert (await desk.ask("checkout.confirm", **desk.sale()))["confirmed"] is True
        assert (await desk.ask("operation.last", **till))["key"] == "K2"
        assert [one["key"] for one in (await desk.ask("operation.list", **till))["operations"]] == ["K2", "K1"]
        await desk.ask("checkout.cancel", **desk.sale("K2"))
        assert (await desk.ask("checkout.get", **desk.sale("K2"), wait=20))["state"] == "canceled"
        assert (await desk.ask("refund.create", **desk.sale(), refundKey="R1", token="t", wait=20))["state"] == "refunded"
        for caller in (desk.till_1, desk.operator):
            assert (await desk.refused("checkout.get", caller, **desk.sale("nobody"))).code == "UNKNOWN_TERMINAL"
            assert (await desk.refused("checkout.create", caller, **desk.bill("K3"))).code == "UNKNOWN_TERMINAL"
        refused = await desk.refused("checkout.get", desk.till_2, **desk.sale())
        assert (refused.code, refused.data["message"][:26]) == ("UNKNOWN_TERMINAL", "Эта касса не настроена в п")
        assert (await desk.refused("operation.show", desk.operator, **desk.sale("nobody"))).code == "NOT_FOUND"

    play(tale, fast_folder)


def test_a_method_without_a_rule_is_forbidden_to_everybody(fast_folder: Path) -> None:
    """A request that somebody adds later is closed until somebody says who may."""

    class Novelty(messages.Request):
        method = "novelty"

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        for caller in (desk.till_1, desk.operator):
            with pytest.raises(Refused) as caught:
                await desk.desk.handle(caller, Novelty())
            assert caught.value.code == "FORBIDDEN"

        class Nameless(messages.TillRequest):
            method = "nameless"

        with pytest.raises(AssertionError, match="no handler"):
            await desk.desk.handle(desk.operator, Nameless(store_id=STORE, terminal_id=TILL))

    play(tale, fast_folder)


# --- what counts as told ---


def test_a_finished_answer_is_told_before_it_leaves(fast_folder: Path) -> None:
    """``create`` with a wait answers paid, and at that moment the journal holds by whom it was heard; confirming comes after."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        found = await desk.sell(wait=20)
        assert (found["state"], found["success"], found["told"], found["confirmed"]) == ("paid", True, True, False)
        assert await told(shop) == ["uid:1001"]
        assert (await desk.ask("checkout.confirm", **desk.sale()))["confirmed"] is True
        assert (await desk.ask("checkout.get", **desk.sale()))["slip"] == found["slip"]
        assert await told(shop) == ["uid:1001"]

    play(tale, fast_folder)


def test_an_unfinished_answer_is_not_told(fast_folder: Path) -> None:
    """Polling an open sale records nothing."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        customer(shop, "order-K1", Action.WAIT)
        await desk.sell()
        await asyncio.sleep(1)
        before = await shop.events(sale_id())
        for _ in range(5):
            found = await desk.ask("checkout.get", **desk.sale())
            assert (found["state"], found["next"], found["success"]) == ("pending", "poll", None)
        assert await shop.events(sale_id()) == before

    play(tale, fast_folder)


HANDED_OUT: dict[str, dict[str, Any]] = {
    "checkout.get": {"key": "K1"},
    "checkout.cancel": {"key": "K1"},
    "operation.last": {},
    "operation.list": {},
    "checkout.create": {},
}


@pytest.mark.parametrize("method", HANDED_OUT)
def test_whatever_shows_a_register_a_finished_sale_hands_it_out(method: str, fast_folder: Path) -> None:
    """Get, cancel, the last one, a list, the same create again: each is recorded as told."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell()
        await asyncio.sleep(10)
        assert await told(shop) == []
        params = desk.bill() if method == "checkout.create" else {"storeId": STORE, "terminalId": TILL, **HANDED_OUT[method]}
        found = await desk.ask(method, **params)
        line = found["operations"][0] if method == "operation.list" else found
        assert (line["state"], line["told"]) == ("paid", True)
        assert await told(shop) == ["uid:1001"]

    play(tale, fast_folder)


def test_what_an_operator_looks_at_is_not_told(fast_folder: Path) -> None:
    """Last, list, show and status on the operator's socket record nothing; acting as a register there does."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell()
        await asyncio.sleep(10)
        till: dict[str, Any] = {"storeId": STORE, "terminalId": TILL}
        looked = [
            await desk.ask("operation.last", desk.operator, **till),
            (await desk.ask("operation.list", desk.operator, **till))["operations"][0],
            await desk.ask("operation.show", desk.operator, **desk.sale(), events=True),
        ]
        await desk.ask("agent.status", desk.operator)
        assert [(one["state"], one["told"]) for one in looked] == [("paid", False)] * 3
        assert await told(shop) == []
        await desk.ask("checkout.get", desk.operator, **desk.sale())
        assert await told(shop) == ["uid:0"]

    play(tale, fast_folder)


def test_nothing_is_told_to_somebody_who_has_gone(fast_folder: Path) -> None:
    """The register hung up while the customer paid: the sale stays untold, by a poll and by a list."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        asking = asyncio.ensure_future(desk.sell(wait=20))
        await asyncio.sleep(1)
        desk.till_1.presence.leave()
        await asking
        await asyncio.sleep(10)
        await desk.ask("checkout.get", **desk.sale(), wait=20)
        await desk.ask("operation.list", storeId=STORE, terminalId=TILL)
        await desk.ask("operation.last", storeId=STORE, terminalId=TILL)
        assert await told(shop) == []

    play(tale, fast_folder)


def test_a_sale_of_elsewhere_is_never_told(fast_folder: Path) -> None:
    """A sale that is only refunded here has no answer to hand out, and is not what a restarted register waits for."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell(wait=20)
        bill = desk.bill("F1", "order-elsewhere")["checkoutInvoice"]
        given = {"transactionId": "T-elsewhere", **bill}
        await desk.ask("refund.create", **desk.sale("F1"), refundKey="R1", sale=given, token="t")
        found = await desk.ask("checkout.get", **desk.sale("F1"))
        assert (found["state"], found["told"]) == ("elsewhere", False)
        lines = (await desk.ask("operation.list", storeId=STORE, terminalId=TILL))["operations"]
        assert [(one["key"], one["state"]) for one in lines] == [("F1", "elsewhere"), ("K1", "paid")]
        assert (await desk.ask("operation.last", storeId=STORE, terminalId=TILL))["key"] == "K1"
        assert await told(shop, "F1") == []

    play(tale, fast_folder)


# --- waiting ---


def test_a_long_poll_ends_early_when_the_service_stops(fast_folder: Path) -> None:
    """Hurried: what is known is answered at once, of a sale and of a refund."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell("K0", wait=20)
        customer(shop, "order-K1", Action.WAIT)
        fault(shop, FaultKind.LOSE_ANSWER, Operation.REFUND, hang_ms=60_000)
        polls = [
            asyncio.ensure_future(desk.sell("K1", wait=60)),
            asyncio.ensure_future(desk.ask("refund.create", **desk.sale("K0"), refundKey="R1", token="t", wait=60)),
        ]
        await asyncio.sleep(2)
        assert not any(one.done() for one in polls)
        began = shop.loop.time()
        desk.till_1.presence.hurry()
        sale, refund = await asyncio.gather(*polls)
        assert shop.loop.time() == began
        assert (sale["state"], refund["state"]) == ("pending", "sending")
        again = await desk.ask("checkout.get", **desk.sale("K1"), wait=60)
        assert (again["state"], shop.loop.time()) == ("pending", began)

    play(tale, fast_folder)


def test_a_key_that_is_being_accepted_is_found(fast_folder: Path) -> None:
    """Asked for while its create is still on the way to the disk: not NOT_FOUND, which would make a cashier take the money again."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)

        async def slow(step: Append) -> None:
            await asyncio.sleep(2)

        shop.doors.on_append = slow
        creating = asyncio.ensure_future(desk.sell())
        await asyncio.sleep(0.1)
        assert (await desk.ask("checkout.get", **desk.sale()))["state"] == "queued"
        await creating
        assert (await desk.refused("checkout.get", **desk.sale("nobody"))).code == "NOT_FOUND"

    play(tale, fast_folder)


# --- refunds ---


def test_a_refund_is_answered_and_found_again(fast_folder: Path) -> None:
    """Create with a wait answers refunded; get says the same, and so does the sale."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell(wait=20)
        asked = {**desk.sale(), "refundKey": "R1", "items": [{"line": 0, "quantity": 1}], "refundAmount": 10050}
        made = await desk.ask("refund.create", **asked, wait=20)
        assert (made["state"], made["success"], made["amount"], made["key"], made["orderId"]) == ("refunded", True, 10050, "K1", "order-K1")
        assert await desk.ask("refund.get", **desk.sale(), refundKey="R1", wait=20) == made
        sale = await desk.ask("checkout.get", **desk.sale())
        assert (sale["state"], sale["success"], sale["refunds"][0]["refundKey"]) == ("paid", True, "R1")
        assert (await desk.refused("refund.get", **desk.sale(), refundKey="R2")).code == "NOT_FOUND"
        refused = await desk.refused("refund.create", **desk.sale(), refundKey="R2", items=[{"line": 0, "quantity": 2}])
        assert (refused.code, refused.data["path"]) == ("NOT_REFUNDABLE", "items[0].quantity")
        said = "Это больше, чем осталось вернуть."
        assert (refused.data["reason"], refused.data["message"].startswith(said)) == ("MORE_THAN_LEFT", True)

    play(tale, fast_folder)


def test_a_refund_without_token_says_what_it_waits_for(fast_folder: Path) -> None:
    """Queued with TOKEN_UNAVAILABLE, until the same request comes with a token."""

    def without_helper(shop: Shop) -> None:
        shop.with_card = False

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell(wait=20)
        asked = {**desk.sale(), "refundKey": "R1"}
        waits = await desk.ask("refund.create", **asked, wait=5)
        assert (waits["state"], waits["reason"], waits["next"]) == ("queued", "TOKEN_UNAVAILABLE", "poll")
        assert (await desk.ask("refund.create", **asked, token="t", wait=20))["state"] == "refunded"

    play(tale, fast_folder, prepare=without_helper)


def test_a_refund_behind_another_says_what_it_waits_for(fast_folder: Path) -> None:
    """Tried again with a new key while the first waits for its token: EARLIER_REFUND, with or without a token of its own; then both go."""

    def without_helper(shop: Shop) -> None:
        shop.with_card = False

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell(wait=20)
        first, second = ({**desk.sale(), "refundKey": key, "items": [{"line": 0, "quantity": 1}]} for key in ("R1", "R2"))
        await desk.ask("refund.create", **first, wait=5)
        behind = await desk.ask("refund.create", **second, token="t", wait=5)
        assert (behind["state"], behind["reason"], behind["next"]) == ("queued", "EARLIER_REFUND", "poll")
        assert "Не начинайте новый возврат." in behind["message"]
        assert (await desk.ask("refund.create", **first, token="t", wait=20))["reason"] is None
        done = await desk.ask("refund.get", **desk.sale(), refundKey="R2", wait=20)
        assert (done["state"], done["reason"]) == ("refunded", None)

    play(tale, fast_folder, prepare=without_helper)


# --- lists and status ---


def test_a_list_is_narrowed_and_cut(fast_folder: Path) -> None:
    """Filters, the limit, and ``more``."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        for number in range(3):
            await desk.sell(f"K{number}", wait=20)
        till: dict[str, Any] = {"storeId": STORE, "terminalId": TILL}
        first = await desk.ask("operation.list", **till, limit=2)
        assert ([one["key"] for one in first["operations"]], first["more"]) == (["K2", "K1"], True)
        one = await desk.ask("operation.list", **till, orderId="order-K0", state="paid", amount=20100, date="2026-03-02")
        assert [line["key"] for line in one["operations"]] == ["K0"]
        qrc = one["operations"][0]["qrcId"]
        assert [line["key"] for line in (await desk.ask("operation.list", **till, qrcId=qrc))["operations"]] == ["K0"]
        assert (await desk.ask("operation.list", **till, kzo="none"))["operations"] == []
        assert (await desk.refused("operation.last", desk.till_2, storeId=STORE, terminalId=TILL_2)).code == "NOT_FOUND"

    play(tale, fast_folder)


def test_a_damaged_sale_does_not_spoil_a_list(fast_folder: Path) -> None:
    """Its record cannot be used, so it cannot be handed out: the list comes without it, and asking for it says why."""

    async def tale(shop: Shop, pos: Pos) -> None:
        before = Desk(shop)
        for key in ("K1", "K2"):
            await before.sell(key)
            await asyncio.sleep(150)  # unclaimed by now: the next life does not load it by itself
        await shop.restart()
        desk = Desk(shop)
        damaged = ["stream"]

        def corrupt(name: str) -> None:
            if name in damaged:
                damaged.remove(name)
                raise Corrupt("event 7 does not match its hash")

        shop.doors.reads = corrupt
        found = (await desk.ask("operation.list", storeId=STORE, terminalId=TILL))["operations"]
        assert [(one["key"], one["told"]) for one in found] == [("K1", True)]
        assert (await desk.refused("checkout.get", **desk.sale("K2"))).code == "RECORD_DAMAGED"
        assert await told(shop, "K2") == []
        seen = (await desk.ask("operation.list", desk.operator, storeId=STORE))["operations"]
        assert [one["key"] for one in seen] == ["K2", "K1"]

    play(tale, fast_folder)


def test_an_operator_is_told_where_nobody_knows_whether_a_system_can_be_reached(fast_folder: Path) -> None:
    """Before the first answer the yes is a guess: a register goes on acting by it, a person is told."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        before = [(await desk.ask("agent.status", caller))["providers"]["koshelek"] for caller in (desk.till_1, desk.operator)]
        assert before == [{"reachable": True}, {"reachable": True, "known": False}]
        await desk.sell(wait=20)
        assert (await desk.ask("agent.status", desk.operator))["providers"]["koshelek"] == {"reachable": True}

    play(tale, fast_folder)


def test_status_tells_a_register_little_and_an_operator_all(fast_folder: Path) -> None:
    """Ready, version, environment and links for everybody; open sales, alarms and parked ones for the operator."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        fault(shop, FaultKind.WRONG_AMOUNT, Operation.STATUS, delta=1)
        await desk.sell("K1", wait=20)
        await desk.sell("K2", wait=20)
        customer(shop, "order-K3", Action.WAIT)
        await desk.sell("K3")
        await asyncio.sleep(1)
        short = await desk.ask("agent.status")
        assert set(short) == {"ready", "version", "environment", "providers"}
        assert (short["ready"], short["environment"], short["providers"]) == (True, "test", {"koshelek": {"reachable": True}})
        details = (await desk.ask("agent.status", desk.operator))["details"]
        assert details["open"] == {"attention": 1, "pending": 1}
        assert (details["toldUnconfirmed"], details["restored"], details["parked"]) == (1, False, [])
        assert [one["codes"] for one in details["alarms"]] == [["AMOUNT_MISMATCH"]]
        shop.living.set_aside(await shop.desk.find(sale_id("K3")), ZeroDivisionError("a bug"))
        await asyncio.sleep(0.1)
        details = (await desk.ask("agent.status", desk.operator))["details"]
        assert [one["sale"] for one in details["parked"]] == [str(sale_id("K3"))]
        assert details["open"] == {"attention": 1}
        await shop.doors.note(RESTORED_NOTE, "2026-03-02")
        assert (await desk.ask("agent.status"))["ready"] is False

    play(tale, fast_folder)


# --- refusals ---


def test_an_old_key_brings_its_old_answer(fast_folder: Path) -> None:
    """KEY_REUSED carries what became of the old sale, as data and not as a result."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        first = await desk.sell(wait=20)
        await asyncio.sleep(90_000)
        refused = await desk.refused("checkout.create", **desk.bill())
        assert (refused.code, refused.data["key"]) == ("KEY_REUSED", "K1")
        assert {**refused.data["answer"], "told": True} == first

    play(tale, fast_folder)


def test_a_full_disk_is_not_said_of_what_was_done(fast_folder: Path) -> None:
    """Paid, but the disk is too full to record that it is handed out: BUSY, ask again - never DISK_FULL, "nothing was stored"."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)

        async def full(step: Append) -> None:
            if any(entry.kind == "told" for entry in step.entries):
                raise JournalFull("no space left on the device")

        shop.doors.on_append = full
        assert (await desk.refused("checkout.create", **desk.bill(), wait=20)).code == "BUSY"
        for method in ("checkout.get", "checkout.cancel"):
            assert (await desk.refused(method, **desk.sale())).code == "BUSY"
        assert (await desk.refused("operation.list", storeId=STORE, terminalId=TILL)).code == "BUSY"
        shop.doors.on_append = None
        assert (await desk.sell())["success"] is True
        assert shop.bank.ledger.charged() == 20_100

    play(tale, fast_folder)


def test_a_full_disk_refuses_what_is_new(fast_folder: Path) -> None:
    """Nothing was stored, nothing will be sent: DISK_FULL."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)

        async def full(step: Append) -> None:
            raise JournalFull("no space left on the device")

        shop.doors.on_append = full
        assert (await desk.refused("checkout.create", **desk.bill())).code == "DISK_FULL"
        shop.doors.on_append = None
        assert (await desk.refused("checkout.get", **desk.sale())).code == "NOT_FOUND"

    play(tale, fast_folder)


@pytest.mark.parametrize("call", ["neighbours", "stream"])
def test_a_broken_journal_is_busy(call: str, fast_folder: Path) -> None:
    """The agent restarts: it is open what was stored, so the register asks again."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)

        def broken(name: str) -> None:
            if name == call:
                raise JournalBroken("disk I/O error")

        shop.doors.reads = broken
        method, wish = ("checkout.create", desk.bill()) if call == "neighbours" else ("checkout.get", desk.sale("unknown"))
        assert (await desk.refused(method, **wish)).code == "BUSY"
        assert shop.living.failed.done()

    play(tale, fast_folder)


def test_a_damaged_record_is_called_so(fast_folder: Path) -> None:
    """Whatever read of the journal meets damage, the register hears RECORD_DAMAGED and not a fault of ours."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell(wait=20)

        def corrupt(name: str) -> None:
            raise Corrupt("event 7 does not match its hash")

        shop.doors.reads = corrupt
        refused = await desk.refused("operation.show", desk.operator, **desk.sale(), events=True)
        assert refused.code == "RECORD_DAMAGED"
        assert (await desk.refused("checkout.create", **desk.bill("K2"))).code == "RECORD_DAMAGED"

    play(tale, fast_folder)


def test_show_tells_the_whole_story_without_the_bill(fast_folder: Path) -> None:
    """Events with their moments; the bill and the requests are not repeated, and no secret is among them."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell(wait=20)
        found = await desk.ask("operation.show", desk.operator, **desk.sale(), events=True)
        kinds = [one["event"] for one in found["events"]]
        assert kinds[:3] == ["accepted", "attempt_started", "attempt_answered"]
        assert kinds[-2:] == ["paid", "told"]
        assert not any({"checkout", "request", "rows"} & set(one) for one in found["events"])
        assert not any(secret in str(found) for secret in ("290000111", "SK1", "pos-token"))
        assert "events" not in await desk.ask("operation.show", desk.operator, **desk.sale())

    play(tale, fast_folder)


def test_what_a_register_sends_arrives_at_the_bank(fast_folder: Path) -> None:
    """Prices with fractions, discounts, methods and the loyalty number go out as they came in."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        bill = desk.bill()
        bill["checkoutInvoice"] |= {"discountAmount": 100, "subTotalAmount": 20200}
        bill["paymentMethods"] = [{"type": "DOLYAME"}, {"type": "SBP", "paymentPurpose": "Хлеб"}]
        await desk.ask("checkout.create", **bill, wait=20)
        (started, *_) = [one for one in await shop.events(sale_id()) if isinstance(one, events.AttemptStarted)]
        assert started.request is not None
        body = started.request.body
        invoice = body["checkoutInvoice"]
        assert (str(invoice["items"][0]["price"]), invoice["discountAmount"], invoice["subTotalAmount"]) == ("100.5", 100, 20200)
        assert body["paymentMethods"] == [{"type": "DOLYAME"}, {"type": "SBP", "paymentPurpose": "Хлеб"}]
        assert body["user"] == {"loyaltyId": {"$secret": "loyaltyId"}}
        steward = await shop.desk.find(sale_id())
        assert steward.sale.checkout.merchant.legal_name == "ООО Акме"
        assert steward.sale.payment is PaymentState.PAID

    play(tale, fast_folder)
