"""``receipt.*`` as a register asks: taken, repeated, refused, delivered whenever the link returns, and never in the way of a sale."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from agent.core.capability import PAYCORE
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.ports import Append, JournalFull
from agent.engine.setup import Setup
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from drivers.answers import Created
from tests.edges.test_pos import Desk, sale_id
from tests.engine.support import Shop, play
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos, bill
from tests.simulation.world import STORE

LONG_S = 60


async def paid(shop: Shop, key: str = "K1") -> Desk:
    """A desk, and a sale that is paid and told."""
    desk = Desk(shop)
    customer(shop, f"order-{key}", Action.CONFIRM, after_ms=0)
    assert (await desk.sell(key, wait=LONG_S))["state"] == "paid"
    return desk


def arrived(shop: Shop) -> list[str]:
    return [one.receipt_id for one in shop.bank.ledger.receipts]


def test_a_receipt_is_taken_and_delivered(fast_folder: Path) -> None:
    """Stored first, delivered next; the sale's own answer is, to the letter, what it was."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        sale = await desk.ask("checkout.get", **desk.sale())
        given = await desk.ask("receipt.create", **desk.receipt())
        assert isinstance(given, Created)
        assert (given["state"], given["finished"], given["success"], given["next"]) == ("queued", False, None, "poll")
        found = await desk.ask("receipt.get", **desk.sale(), receiptId="F1", wait=LONG_S)
        assert found == {
            "key": "K1",
            "orderId": "order-K1",
            "receiptId": "F1",
            "state": "delivered",
            "finished": True,
            "success": True,
            "reason": None,
            "message": "Платёжная система получила чек.",
        }
        (filed,) = shop.bank.ledger.receipts
        assert (filed.invoice["inn"], filed.invoice["cashier"], filed.terminal_id) == ("007707083893", "Иванова", "till-1")
        assert await desk.ask("checkout.get", **desk.sale()) == sale

    play(tale, fast_folder)


def test_the_same_again_is_the_same_receipt(fast_folder: Path) -> None:
    """Repeated, also at the same time and after it was delivered: one receipt, the same answer. Another body is a conflict."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        both = await asyncio.gather(*(desk.ask("receipt.create", **desk.receipt(), wait=LONG_S) for _ in range(2)))
        assert both[0] == both[1]
        assert [isinstance(one, Created) for one in both].count(True) == 1
        again = await desk.ask("receipt.create", **desk.receipt())
        assert (again, isinstance(again, Created)) == (both[0], False)
        other = [desk.receipt(cashier="Петрова"), {**desk.receipt(), "meta": {"bonus": "1"}}, {**desk.receipt(), "refundKey": "R1"}]
        for body in other:
            assert (await desk.refused("receipt.create", **body)).code == "CONFLICT"
        assert arrived(shop) == ["F1"]

    play(tale, fast_folder)


def test_it_waits_for_the_link_and_for_a_restart(fast_folder: Path) -> None:
    """Offline it says so; after a restart it is still owed, and goes out when the link is back. No sale waits for it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        fault(shop, FaultKind.OUTAGE, ms=3_600_000)
        waiting = await desk.ask("receipt.create", **desk.receipt(), wait=5)
        assert (waiting["state"], waiting["reason"]) == ("queued", "OFFLINE")
        assert waiting["message"].startswith("Чек сохранён и ждёт отправки")
        await shop.restart()
        desk = Desk(shop)
        shop.bank.end_outage()
        assert (await desk.sell("K2", wait=LONG_S))["state"] == "paid"
        found = await desk.ask("receipt.get", **desk.sale(), receiptId="F1", wait=LONG_S)
        assert (found["state"], found["reason"], arrived(shop)) == ("delivered", None, ["F1"])

    play(tale, fast_folder)


def test_a_definite_refusal_ends_it(fast_folder: Path) -> None:
    """The code is the reason; the payment is as paid as before, and nothing is owed any more."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        fault(shop, FaultKind.REFUSE_422, Operation.RECEIPT, code="UNKNOWN_TRANSACTION_ID")
        found = await desk.ask("receipt.create", **desk.receipt(), wait=LONG_S)
        assert (found["state"], found["success"], found["reason"]) == ("refused", False, "UNKNOWN_TRANSACTION_ID")
        assert found["message"] == "Чек не приняли или перестали отправлять. На саму оплату это не влияет."
        assert (await desk.ask("checkout.get", **desk.sale()))["money"] == "charged"
        assert shop.living.alive == () or not any(one.owed() for one in shop.living.alive)

    play(tale, fast_folder)


def test_a_door_that_is_shut_is_an_alarm_and_no_end(fast_folder: Path) -> None:
    """401: held, with an alarm for the technician; it goes out once the door is open."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        fault(shop, FaultKind.UNAUTHORIZED, Operation.RECEIPT, times=2)
        held = await desk.ask("receipt.create", **desk.receipt(), wait=1)
        assert (held["state"], held["reason"]) == ("queued", "ACCESS_DENIED")
        found = await desk.ask("receipt.get", **desk.sale(), receiptId="F1", wait=LONG_S)
        assert (found["state"], arrived(shop), len(shop.noticed("alarm.alarm_raised"))) == ("delivered", ["F1"], 1)

    play(tale, fast_folder)


def test_only_what_is_paid_has_a_receipt(fast_folder: Path) -> None:
    """Still open, declined, never heard of: refused in words that say why; nothing is stored."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        customer(shop, "order-K1", Action.WAIT)
        await desk.sell("K1", wait=2)
        open_ = await desk.refused("receipt.create", **desk.receipt())
        assert (open_.code, open_.data["state"], open_.data["path"]) == ("NOT_PAID", "pending", "key")
        assert "give it once the sale is paid" in str(open_)
        customer(shop, "order-K2", Action.DECLINE, after_ms=0)
        await desk.sell("K2", wait=LONG_S)
        assert (await desk.refused("receipt.create", **desk.receipt("K2"))).data["state"] == "declined"
        assert (await desk.refused("receipt.create", **desk.receipt("K9"))).code == "NOT_FOUND"
        for key in ("K1", "K9"):
            assert (await desk.refused("receipt.get", **desk.sale(key), receiptId="F1")).code == "NOT_FOUND"

    play(tale, fast_folder)


def test_a_refunds_receipt_comes_after_the_refund(fast_folder: Path) -> None:
    """An unknown refund is not found, an unfinished one is refused by its state; of one that is made it goes out, with its own type
    and the payment's id."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        body = {**desk.receipt(receipt_id="F2", receiptType="refund"), "refundKey": "R1"}
        unknown = await desk.refused("receipt.create", **body)
        assert (unknown.code, unknown.data["path"], "state" in unknown.data) == ("NOT_FOUND", "refundKey", False)
        fault(shop, FaultKind.OUTAGE, ms=2_000)
        await desk.ask("refund.create", **desk.sale(), refundKey="R1")
        waiting = await desk.refused("receipt.create", **body)
        assert (waiting.code, waiting.data["path"]) == ("NOT_PAID", "refundKey")
        assert waiting.data["state"] in {"queued", "sending"}, "the refund's, not the sale's"
        assert "give its receipt once the money is returned" in str(waiting)
        assert (await desk.ask("refund.get", **desk.sale(), refundKey="R1", wait=LONG_S))["state"] == "refunded"
        found = await desk.ask("receipt.create", **body, wait=LONG_S)
        assert (found["state"], found["refundKey"]) == ("delivered", "R1")
        (filed,) = shop.bank.ledger.receipts
        assert (filed.receipt_type, filed.transaction_id, filed.ref_transaction_id) == ("refund", shop.bank.transactions()[0].id, None)

    play(tale, fast_folder)


def with_provider(setup: Setup, settings: KoshelekSettings) -> Setup:
    return replace(setup, providers={"koshelek": Koshelek(settings, {STORE: StoreFacts()})})


def test_the_refunds_own_id_by_configuration(fast_folder: Path) -> None:
    """Switched over, the receipt of a refund goes with the refund's id."""

    def prepare(shop: Shop) -> None:
        shop.change = lambda setup: with_provider(setup, KoshelekSettings(refund_receipt_names_refund=True))

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        await desk.ask("refund.create", **desk.sale(), refundKey="R1", wait=LONG_S)
        await desk.ask("receipt.create", **desk.receipt(receiptType="refund"), refundKey="R1", wait=LONG_S)
        reference = shop.bank.transactions()[0].references[0].id
        assert [one.ref_transaction_id for one in shop.bank.ledger.receipts] == [reference]

    play(tale, fast_folder, prepare=prepare)


def test_a_sale_of_another_till_has_receipts_too(fast_folder: Path) -> None:
    """Known here only from its refund, by its transactionId."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk, transaction = Desk(shop), await sold_elsewhere(shop)
        line = {"name": "Хлеб", "article": "1", "price": Decimal(10_000), "quantity": 3, "totalAmount": 30_000, "tax": "vat10"}
        described = {"transactionId": transaction, "orderId": "order-E1", "totalAmount": 30_000, "items": [line]}
        await desk.ask("refund.create", **desk.sale("E1"), refundKey="R1", sale=described, wait=LONG_S)
        for receipt_id, more in (("F1", {}), ("F2", {"refundKey": "R1"})):
            found = await desk.ask("receipt.create", **desk.receipt("E1", receipt_id), **more, wait=LONG_S)
            assert (found["state"], shop.bank.ledger.receipts[-1].transaction_id) == ("delivered", transaction)
        assert (await shop.desk.find(sale_id("E1"))).sale.payment is PaymentState.ELSEWHERE

    play(tale, fast_folder)


async def sold_elsewhere(shop: Shop) -> str:
    """The transactionId of a payment that another till made at the same bank."""
    customer(shop, "order-E1", Action.CONFIRM, after_ms=0)
    secrets = {"cardSession": "SE1", "loyaltyId": "1", "token": "1"}
    request = shop.provider().checkout(SaleId(STORE, "till-9", "X"), "request-x", bill("order-E1"), frozenset(secrets))
    await shop.send(request, secrets)
    return shop.bank.transactions()[-1].id


def test_what_the_provider_would_refuse_is_not_stored(fast_folder: Path) -> None:
    """Every wrong place is named, in the register's own names."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        refused = await desk.refused("receipt.create", **desk.receipt(taxation="osno"), meta={"a": "x" * 5_000})
        assert (refused.code, [one["path"] for one in refused.data["details"]]) == ("INVALID", ["invoice.taxation", "meta"])
        assert (await shop.desk.find(sale_id())).sale.deliveries == ()

    play(tale, fast_folder)


@pytest.mark.parametrize("how", ["switched off", "cannot", "gone"])
def test_a_provider_without_receipts_says_so(how: str, fast_folder: Path) -> None:
    """By configuration, by its nature, or because it is no longer there: UNSUPPORTED, and nothing is owed."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        provider = Koshelek(KoshelekSettings(send_receipts=how != "switched off"), {STORE: StoreFacts()})
        if how == "cannot":
            provider.capabilities = PAYCORE
        shop.living.setup = replace(shop.living.setup, providers={} if how == "gone" else {"koshelek": provider})
        refused = await desk.refused("receipt.create", **desk.receipt())
        assert (refused.code, "takes no fiscal receipts" in str(refused)) == ("UNSUPPORTED", True)

    play(tale, fast_folder)


def test_the_number_of_receipts_is_bounded(fast_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than a sale may have is refused with OVER_LIMIT; what was taken stays taken."""
    monkeypatch.setattr("agent.core.decide_receipt.MAX_RECEIPTS", 2)

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        for number in range(2):
            await desk.ask("receipt.create", **desk.receipt(receipt_id=f"F{number}"))
        assert (await desk.refused("receipt.create", **desk.receipt(receipt_id="F9"))).code == "OVER_LIMIT"
        assert (await desk.ask("receipt.create", **desk.receipt(receipt_id="F1"), wait=LONG_S))["state"] == "delivered"

    play(tale, fast_folder)


def test_a_full_disk_takes_no_receipt(fast_folder: Path) -> None:
    """What could not be stored is refused, and nothing is sent (promise P10)."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)

        async def full(step: Append) -> None:
            raise JournalFull("no space")

        shop.doors.on_append = full
        assert (await desk.refused("receipt.create", **desk.receipt())).code == "DISK_FULL"
        shop.doors.on_append = None
        await asyncio.sleep(5)
        assert arrived(shop) == []

    play(tale, fast_folder)


def test_a_cashiers_name_is_in_no_log(fast_folder: Path) -> None:
    """The record holds the receipt; log lines and the events that an operator is shown do not."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await paid(shop)
        await desk.ask("receipt.create", **desk.receipt(), wait=LONG_S)
        shown = await desk.ask("operation.show", desk.operator, **desk.sale(), events=True)
        assert [one["event"] for one in shown["events"]].count("receipt_given") == 1
        assert shop.noticed("sale.receipt_given") != []
        assert "Иванова" not in repr(shown) + repr(shop.notices)

    play(tale, fast_folder)
