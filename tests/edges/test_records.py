"""Goal: nobody begins, decides or believes anything on a record that will be lost, or that does not hold what the one before it held (money
rule 10). Method: requests of a register and of an operator to the desk of a simulated shop, whose journal's file is gone, or whose
backup is put in place."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.core.ports import RESTORED_NOTE
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.edges.test_pos import Desk, sale_id
from tests.edges.test_pos_payouts import named, wish
from tests.engine.support import Shop, play
from tests.engine.test_afterwards import backed_up, put_backup_in_place
from tests.simulation.payer import Mishap
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos
from tests.simulation.world import STORE, TILL

WHY = {"reason": "seen in the registry", "who": "ivanov"}
DAY_S = 86_400
LONG_S = 60
TILL_NAMED = {"storeId": STORE, "terminalId": TILL}
LINE = [{"line": 0, "quantity": 1}]


def refund(desk: Desk, refund_key: str = "R1", key: str = "K1") -> dict[str, Any]:
    return {**desk.sale(key), "refundKey": refund_key, "items": LINE, "token": "t"}


async def paid(shop: Shop, key: str = "K1") -> Desk:
    desk = Desk(shop)
    customer(shop, f"order-{key}", Action.CONFIRM, after_ms=0)
    assert (await desk.sell(key, wait=LONG_S))["state"] == "paid"
    return desk


# --- a file that is gone ---


def test_no_refund_begins_in_a_file_without_a_name(fast_folder: Path) -> None:
    """A new one would be forgotten with the process, and be made a second time: nothing goes out. One that is known is answered; with the
    file back the new one is made, once. Receipts likewise."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        assert (await desk.ask("refund.create", **refund(desk), wait=LONG_S))["state"] == "refunded"
        await desk.ask("receipt.create", **desk.receipt(), wait=LONG_S)
        returned = shop.bank.ledger.refunded()
        shop.living.lasting = lambda: False
        assert (await desk.refused("refund.create", **refund(desk, "R2"))).code == "BUSY"
        assert (await desk.refused("receipt.create", **desk.receipt(receipt_id="F2"))).code == "BUSY"
        assert (await desk.ask("refund.create", **refund(desk)))["state"] == "refunded"
        assert (await desk.refused("refund.create", **{**refund(desk), "items": [{"line": 0, "quantity": 2}]})).code == "CONFLICT"
        assert (await desk.ask("receipt.create", **desk.receipt()))["state"] == "delivered"
        await asyncio.sleep(30)
        assert shop.bank.ledger.refunded() == returned
        shop.living.lasting = lambda: True
        assert (await desk.ask("refund.create", **refund(desk, "R2"), wait=LONG_S))["state"] == "refunded"
        assert shop.bank.ledger.refunded() == 2 * returned

    play(tale, fast_folder)


def test_nothing_is_decided_in_a_file_without_a_name(fast_folder: Path) -> None:
    """No return begins, and no word of a person is taken that nobody would remember: of a sale, of a payout, of a record set aside; not
    even with a word from before. What there is can be looked at."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.WRONG_AMOUNT, Operation.STATUS, times=2, delta=100)
        desk = Desk(shop)
        assert (await desk.sell("K1", wait=30))["state"] == "attention"
        shop.payer.mishaps += [Mishap.LOSE_REQUEST]
        assert (await desk.ask("payout.create", **wish(), wait=LONG_S))["state"] == "attention"
        await desk.sell("K2", wait=30)
        shop.living.aside.put(sale_id("K2"), "a test")
        await asyncio.sleep(1)
        decisions: list[tuple[str, Mapping[str, Any]]] = [
            ("operation.resolve", {**desk.sale("K1"), "resolution": "return", **WHY}),
            ("payout.resolve", {**named(), "resolution": "not_made", **WHY}),
            ("operation.resolve", {**desk.sale("K2"), "resolution": "release", **WHY}),
        ]
        words = [(await desk.ask(method, desk.operator, **params))["confirmation"] for method, params in decisions]
        shop.living.lasting = lambda: False
        for (method, params), word in zip(decisions, words, strict=True):
            assert (await desk.refused(method, desk.operator, **params)).code == "BUSY"
            assert (await desk.refused(method, desk.operator, **params, confirmation=word)).code == "BUSY"
            looked = {name: value for name, value in params.items() if name not in {"resolution", *WHY}}
            assert (await desk.ask(method, desk.operator, **looked))["done"] is False
        await asyncio.sleep(30)
        assert shop.bank.ledger.refunded() == 0
        shop.living.lasting = lambda: True
        for (method, params), word in zip(decisions, words, strict=True):
            assert (await desk.ask(method, desk.operator, **params, confirmation=word))["done"] is True

    play(tale, fast_folder)


# --- a record that is not whole ---


def test_before_the_release_a_register_hears_of_no_last_operation(fast_folder: Path) -> None:
    """An older sale is not the newest one, and what there is in the backup is not all: not the last, no list, no report. An operator, who
    has to compare, sees them."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await paid(shop, "K1")
        await backed_up(shop, fast_folder / "backup.db")
        await paid(shop, "K2")
        await put_backup_in_place(shop, fast_folder / "backup.db")
        desk = Desk(shop)
        asked = ("operation.last", "operation.list", "operation.report")
        assert [(await desk.refused(method, **TILL_NAMED)).code for method in asked] == ["BUSY"] * 3
        assert (await desk.ask("operation.last", desk.operator, **TILL_NAMED))["key"] == "K1"
        assert [one["key"] for one in (await desk.ask("operation.list", desk.operator, **TILL_NAMED))["operations"]] == ["K1"]
        assert (await desk.ask("checkout.get", **desk.sale("K1")))["state"] == "paid"
        await shop.doors.note(RESTORED_NOTE, None)
        assert (await desk.ask("operation.last", **TILL_NAMED))["key"] == "K1"
        for method in asked[1:]:
            await desk.ask(method, **TILL_NAMED)

    play(tale, fast_folder)


def test_a_refund_or_receipt_that_the_lost_journal_may_have_held(fast_folder: Path) -> None:
    """Made after the backup: not known before the release, perhaps lost for seven days after it, and never "not asked for". Of a sale from
    after the restore the record is whole; what a backup holds is told."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        await desk.ask("refund.create", **refund(desk, "R0"), wait=LONG_S)
        await backed_up(shop, fast_folder / "backup.db")
        desk = Desk(shop)
        await desk.ask("refund.create", **refund(desk), wait=LONG_S)
        await desk.ask("receipt.create", **desk.receipt(), wait=LONG_S)
        await put_backup_in_place(shop, fast_folder / "backup.db")
        desk = Desk(shop)

        async def codes(key: str) -> set[str]:
            asked = [
                ("refund.get", {"refundKey": "R1"}),
                ("operation.slip", {"refundKey": "R1"}),
                ("receipt.get", {"receiptId": "F1"}),
                ("receipt.create", {**desk.receipt(key, "F2", receiptType="refund"), "refundKey": "R1"}),
            ]
            return {(await desk.refused(method, **{**desk.sale(key), **more})).code for method, more in asked}

        assert await codes("K1") == {"BUSY"}
        assert (await desk.ask("refund.get", **desk.sale(), refundKey="R0"))["state"] == "refunded"
        await shop.doors.note(RESTORED_NOTE, None)
        assert await codes("K1") == {"RECORD_LOST"}
        await asyncio.sleep(1)
        await paid(shop, "K2")
        assert await codes("K2") == {"NOT_FOUND"}
        shop.wall_shift_s = 7 * DAY_S + 60
        assert await codes("K1") == {"NOT_FOUND"}

    play(tale, fast_folder)


def test_a_refund_under_a_described_sale_that_the_lost_journal_may_have_held(fast_folder: Path) -> None:
    """The sale was sold and refunded after the backup and has been described since: another refund of it may be lost all the same."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await backed_up(shop, fast_folder / "backup.db")
        desk = await paid(shop)
        sale = (await shop.desk.find(sale_id())).sale
        bill = desk.bill()["checkoutInvoice"]
        described = {**bill, "transactionId": sale.transaction_id}
        await desk.ask("refund.create", **refund(desk), wait=LONG_S)
        await put_backup_in_place(shop, fast_folder / "backup.db")
        await shop.doors.note(RESTORED_NOTE, None)
        desk = Desk(shop)
        await asyncio.sleep(1)
        await desk.ask("refund.create", **refund(desk, "R2"), sale=described)
        assert (await desk.refused("refund.get", **desk.sale(), refundKey="R1")).code == "RECORD_LOST"

    play(tale, fast_folder)
