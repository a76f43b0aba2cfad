"""Goal: what an operator asks for is done once, by an operator alone, and seen by everybody afterwards, also after a restart (promises
P3, P4, P6).

Method: requests as the command line writes them go to the desk of a simulated shop; the process may be killed between two of them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.core import events
from agent.core.policy import Unclaimed
from agent.core.ports import Conflict, JournalFull, Query
from agent.engine.confirmations import LIFE_MS, MAX_WORDS, Confirmations
from agent.engine.operator import Operator
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.edges.test_pos import Desk, sale_id, told
from tests.engine.support import Shop, play
from tests.simulation.stories import POLICY, customer, fault
from tests.simulation.till import Pos
from tests.simulation.world import STORE, TILL

WHY = {"reason": "seen in the registry", "who": "ivanov"}


async def in_attention(shop: Shop, key: str = "K1") -> Desk:
    """A sale whose slip never matches: charged, and a person is needed."""
    fault(shop, FaultKind.WRONG_AMOUNT, Operation.STATUS, times=2, delta=100)
    desk = Desk(shop)
    answer = await desk.sell(key, wait=30)
    assert (answer["state"], answer["next"]) == ("attention", "person")
    return desk


async def step(desk: Desk, resolution: str, key: str = "K1", **more: Any) -> Mapping[str, Any]:
    return await desk.ask("operation.resolve", desk.operator, **desk.sale(key), resolution=resolution, **WHY, **more)


async def decide(desk: Desk, resolution: str, key: str = "K1", **more: Any) -> Mapping[str, Any]:
    """Both steps."""
    shown = await step(desk, resolution, key, **more)
    return await step(desk, resolution, key, **more, confirmation=shown["confirmation"])


async def restart(shop: Shop) -> Desk:
    """The plug is pulled, and the till comes back on what lies on the disk."""
    await shop.reboot(5)
    await shop.up()
    return Desk(shop)


# --- two steps ---


def test_two_steps_show_and_then_do(fast_folder: Path) -> None:
    """First the story, the choices and what would be; nothing is recorded or told. Then it is done, with who and why in the stream."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await in_attention(shop)
        looked = await desk.ask("operation.resolve", desk.operator, **desk.sale())
        assert [one["resolution"] for one in looked["choices"]] == ["paid", "return", "returned", "acknowledge"]
        assert looked["alarms"] == ["AMOUNT_MISMATCH"]
        shown = await step(desk, "paid", proof={"qrcId": "Q1"})
        assert (shown["done"], shown["sale"]["state"], shown["after"]["state"], shown["after"]["money"]) == (
            False,
            "attention",
            "paid",
            "charged",
        )
        assert shown["events"][-1]["event"] == "alarm_raised"
        assert await told(shop) == []
        done = await step(desk, "paid", proof={"qrcId": "Q1"}, confirmation=shown["confirmation"].lower())
        assert (done["done"], done["sale"]["state"], done["sale"]["reason"], done["alarms"]) == (True, "paid", "OPERATOR", [])
        assert await told(shop) == []
        last = done["events"][-1]
        assert (last["event"], last["by"], last["reason"], last["resolution"]) == (
            "resolved",
            "uid:0 (ivanov)",
            "seen in the registry",
            "paid",
        )
        answer = await desk.ask("checkout.get", **desk.sale())
        assert (answer["state"], answer["success"], answer["slip"]["qrcId"]) == ("paid", True, "Q1")

    play(tale, fast_folder)


def test_the_word_is_good_for_one_thing_once_and_not_for_long(fast_folder: Path) -> None:
    """Another resolution, another reason, another sale, a second use, a late use, and a sale that has changed meanwhile: CONFLICT."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await in_attention(shop)

        async def void(word: str, resolution: str = "paid", **more: Any) -> None:
            given = {**WHY, **more}
            refused = await desk.refused(
                "operation.resolve", desk.operator, **desk.sale(), resolution=resolution, confirmation=word, **given
            )
            assert refused.code == "CONFLICT"

        await void("BCDFGH")
        word = (await step(desk, "paid"))["confirmation"]
        await void(word, "return")
        await void(word, reason="another")
        shop.loop.virtual.now_s += LIFE_MS / 1000
        await void(word)
        word = (await step(desk, "paid"))["confirmation"]
        changed = (await step(desk, "acknowledge"))["confirmation"]
        assert (await step(desk, "acknowledge", confirmation=changed))["done"]
        await void(word)
        word = (await step(desk, "paid"))["confirmation"]
        assert (await step(desk, "paid", confirmation=word))["done"]
        await void(word)
        assert len([one for one in await shop.events(sale_id()) if isinstance(one, events.Resolved)]) == 2

    play(tale, fast_folder)


def test_the_sale_changes_between_the_word_and_the_record(fast_folder: Path) -> None:
    """Two operators confirm at the same moment: one decision is made."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await in_attention(shop)
        words = [(await step(desk, what))["confirmation"] for what in ("paid", "return")]
        both = await asyncio.gather(
            *(step(desk, what, confirmation=word) for what, word in zip(("paid", "return"), words, strict=True)), return_exceptions=True
        )
        assert [isinstance(one, Mapping) for one in both].count(True) == 1
        assert len([one for one in await shop.events(sale_id()) if isinstance(one, events.Resolved)]) == 1

    play(tale, fast_folder)


def test_words_are_bounded(fast_folder: Path) -> None:
    """The oldest of too many is forgotten."""

    async def tale(shop: Shop, pos: Pos) -> None:
        words = Confirmations(shop.living.ports.clock, shop.living.ports.chance)
        given = [words.give(place) for place in range(MAX_WORDS + 1)]
        assert len(set(given)) == MAX_WORDS + 1
        assert not words.take(given[0], 0)
        assert words.take(given[-1], MAX_WORDS)

    play(tale, fast_folder)


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"resolution": "paid"}, "INVALID", "reason"),
        ({"resolution": "not_paid", "reason": "x"}, "INVALID", "resolution"),
        ({"resolution": "release", "reason": "x"}, "INVALID", "resolution"),
        ({"resolution": "drop", "reason": "x", "refundKey": "R", "receiptId": "1"}, "INVALID", "receiptId"),
        ({"resolution": "drop", "reason": "x", "receiptId": "1"}, "INVALID", "resolution"),
        ({"resolution": "paid", "reason": "x", "proof": {"transactionId": "other"}}, "INVALID", "proof.transactionId"),
    ],
)
def test_what_makes_no_sense_is_refused(fast_folder: Path, given: dict[str, Any], code: str, path: str) -> None:
    """With the field at fault."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await in_attention(shop)
        refused = await desk.refused("operation.resolve", desk.operator, **desk.sale(), **given)
        assert (refused.code, refused.data["path"]) == (code, path)

    play(tale, fast_folder)


def test_a_transaction_of_another_sale_is_refused(fast_folder: Path) -> None:
    """A mistyped id must not give another customer's money back."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        paid = await desk.sell("K0", wait=10)
        fault(shop, FaultKind.LOSE_ANSWER, Operation.CHECKOUT, times=None)
        await desk.sell("K1")
        await asyncio.sleep(900)
        assert (await desk.ask("checkout.get", **desk.sale()))["state"] == "attention"
        proof = {"transactionId": paid["transactionId"]}
        refused = await desk.refused("operation.resolve", desk.operator, **desk.sale(), resolution="return", **WHY, proof=proof)
        assert (refused.code, refused.data["key"]) == ("CONFLICT", "K0")

    play(tale, fast_folder)


def test_a_full_disk_and_a_second_paid_sale_refuse_the_decision(fast_folder: Path) -> None:
    """Nothing is stored, and the operator hears why; with room again the same decision is taken."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await in_attention(shop)

        def failing(error: Exception) -> Any:
            async def fail(_: object) -> None:
                raise error

            return fail

        for error, code in ((JournalFull("full"), "DISK_FULL"), (Conflict("paid"), "ORDER_PAID")):
            word = (await step(desk, "paid"))["confirmation"]
            shop.doors.on_append = failing(error)
            refused = await desk.refused("operation.resolve", desk.operator, **desk.sale(), resolution="paid", **WHY, confirmation=word)
            assert refused.code == code
            shop.doors.on_append = None
        assert (await decide(desk, "paid"))["done"]

    play(tale, fast_folder)


def test_a_request_under_way_is_waited_for(fast_folder: Path) -> None:
    """A cancel that hangs: the first step waits a moment for its end; if it does not come, BUSY."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        customer(shop, "order-K1", Action.WAIT)
        fault(shop, FaultKind.DELAY, Operation.CANCEL, times=None, ms=3_000, before=True)
        await desk.sell("K1", wait=2)
        await desk.ask("checkout.cancel", **desk.sale())
        await asyncio.sleep(0.5)
        shown = await step(desk, "paid")
        assert shown["sale"]["state"] in ("canceling", "canceled")

    play(tale, fast_folder)


# --- after a restart ---


def test_a_decision_survives(fast_folder: Path) -> None:
    """Returned by decision: killed at once, and again; the money goes back once, and the answer stays."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await in_attention(shop)
        assert (await decide(desk, "return"))["sale"]["money"] == "returning"
        desk = await restart(shop)
        await asyncio.sleep(30)
        answer = await desk.ask("checkout.get", **desk.sale())
        assert (answer["state"], answer["reason"], answer["money"]) == ("canceled", "OPERATOR", "returned")
        assert shop.bank.ledger.net(order_id="order-K1") == 0
        assert shop.bank.ledger.refunded(order_id="order-K1") == 20_100

    play(tale, fast_folder)


async def stuck_return(shop: Shop) -> Desk:
    """Late money over another sum: its return is before a person."""
    customer(shop, "order-K1", Action.WAIT)
    fault(shop, FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=30_000)
    desk = Desk(shop)
    await desk.sell("K1", wait=60)
    fault(shop, FaultKind.WRONG_AMOUNT, Operation.STATUS, times=None, delta=100)
    await asyncio.sleep(100)
    answer = await desk.ask("checkout.get", **desk.sale())
    assert (answer["state"], answer["money"], answer["refunds"][0]["state"]) == ("canceled", "stuck", "attention")
    return desk


def test_alarms_are_there_after_a_restart(fast_folder: Path) -> None:
    """Status, list and the start itself know of a stuck return; once it is dropped nobody does, and it is not performed."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await stuck_return(shop)
        desk = await restart(shop)
        details = (await desk.ask("agent.status", desk.operator))["details"]
        assert (details["alarms"], details["attention"]) == ([{"sale": str(sale_id()), "codes": ["LATE_MONEY"]}], 1)
        listed = (await desk.ask("operation.list", desk.operator, attention=True))["operations"]
        assert [(one["key"], one["alarms"]) for one in listed] == [("K1", ["LATE_MONEY"])]
        assert [row.money for row in await shop.doors.find(Query(owing=True))] == ["stuck"]
        dropped = await decide(desk, "drop", refundKey="~return")
        assert dropped["sale"]["refunds"][0]["state"] == "declined"
        desk = await restart(shop)
        await asyncio.sleep(600)
        assert (await desk.ask("agent.status", desk.operator))["details"]["alarms"] == []
        assert await shop.doors.find(Query(owing=True)) == []
        assert shop.bank.ledger.refunded(order_id="order-K1") == 0

    play(tale, fast_folder)


def test_a_stuck_return_is_tried_again(fast_folder: Path) -> None:
    """Retry: the payment is read, and what was charged by us goes back."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await stuck_return(shop)
        shop.bank.clear_faults()
        assert (await decide(desk, "retry", refundKey="~return"))["sale"]["money"] == "returning"
        await asyncio.sleep(30)
        assert (await desk.ask("checkout.get", **desk.sale()))["money"] == "returned"

    play(tale, fast_folder)


def test_an_alarm_of_a_settled_sale_waits_for_its_acknowledgement(fast_folder: Path) -> None:
    """Paid, and nobody asked: the alarm outlives the process and the sale's own end, until it is told."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell("K1")
        await asyncio.sleep(200)
        desk = await restart(shop)
        details = (await desk.ask("agent.status", desk.operator))["details"]
        assert (details["alarms"][0]["codes"], details["paidUntold"]) == (["UNCLAIMED"], 1)
        await desk.ask("checkout.get", **desk.sale())
        details = (await desk.ask("agent.status", desk.operator))["details"]
        assert (details["alarms"], details["paidUntold"], details["toldUnconfirmed"]) == ([], 0, 1)
        await decide(desk, "acknowledge")
        assert (await desk.ask("agent.status", desk.operator))["details"]["toldUnconfirmed"] == 0

    play(tale, fast_folder, policy=replace(POLICY, unclaimed=Unclaimed.KEEP))


# --- records that are not used ---


def test_a_parked_record_is_released(fast_folder: Path) -> None:
    """It no longer keeps the account from being changed, and stays unused; who released it stands in the record."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = await in_attention(shop)
        await shop.doors.park(sale_id(), "its record is damaged", shop.now().wall)
        desk = await restart(shop)
        assert (await desk.refused("checkout.get", **desk.sale())).code == "RECORD_DAMAGED"
        assert (await desk.refused("operation.resolve", desk.operator, **desk.sale(), resolution="paid", **WHY)).code == "RECORD_DAMAGED"
        assert [row.id.key for row in await shop.doors.find(Query(owing=True))] == ["K1"]
        looked = await desk.ask("operation.resolve", desk.operator, **desk.sale())
        assert (looked["parked"]["reason"], looked["choices"][0]["resolution"]) == ("its record is damaged", "release")
        wrong = await desk.refused("operation.resolve", desk.operator, **desk.sale(), resolution="release", **WHY, confirmation="BCDFGH")
        assert wrong.code == "CONFLICT"
        done = await decide(desk, "release")
        assert "ivanov): seen in the registry" in done["parked"]["released"]
        assert await shop.doors.find(Query(owing=True)) == []
        desk = await restart(shop)
        listed = await desk.ask("operation.list", desk.operator, parked=True)
        assert [(one["key"], "released" in one) for one in listed["parked"]] == [("K1", True)]
        assert [one["key"] for one in listed["operations"]] == ["K1"]
        assert (await desk.refused("checkout.get", **desk.sale())).code == "RECORD_DAMAGED"
        assert (await desk.ask("agent.status", desk.operator))["details"]["parked"] == []

    play(tale, fast_folder)


# --- now ---


def test_what_waits_is_done_now(fast_folder: Path) -> None:
    """A look that is due in an hour is made at once, for one sale or for all; what is not owed is not done."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        customer(shop, "order-K1", Action.WAIT)
        await desk.sell("K1", wait=60)
        await desk.sell("K2", wait=60)
        await asyncio.sleep(100)
        for given, expected in (({}, [str(sale_id("K1"))]), (desk.sale("K1"), [str(sale_id("K1"))]), (desk.sale("K2"), [])):
            before = len(shop.bank.log)
            assert (await desk.ask("operation.retry", desk.operator, **given))["sales"] == expected
            await asyncio.sleep(2)
            assert len(shop.bank.log) - before == len(expected)
        refused = await desk.refused("operation.retry", desk.operator, storeId=STORE, terminalId=TILL)
        assert refused.code == "INVALID"

    play(tale, fast_folder)


# --- lists, slips, reports ---


def test_lists_by_everything_page_by_page(fast_folder: Path) -> None:
    """Every filter finds the sale it describes and no other; a cursor goes on where the page ended, whatever came meanwhile."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        for key in ("K1", "K2", "K3"):
            await desk.sell(key, wait=20)
        customer(shop, "order-K4", Action.WAIT)
        await desk.sell("K4")
        row = (await desk.ask("operation.list", desk.operator, storeId=STORE, orderId="order-K2"))["operations"][0]
        for name in ("qrcId", "kzo", "operationId", "transactionId"):
            found = (await desk.ask("operation.list", desk.operator, **{name: row[name]}))["operations"]
            assert [one["key"] for one in found] == ["K2"], name
        for given, expected in (
            ({"open": True}, ["K4"]),
            ({"state": "paid", "unconfirmed": True}, ["K3", "K2", "K1"]),
            ({"owing": True}, ["K4"]),
            ({"untold": True}, []),
            ({"attention": True}, []),
            ({"amount": 1}, []),
            ({"date": "2026-03-01"}, []),
        ):
            found = (await desk.ask("operation.list", desk.operator, storeId=STORE, **given))["operations"]
            assert [one["key"] for one in found] == expected, given
        pages, cursor = [], {}
        while True:
            page = await desk.ask("operation.list", desk.till_1, storeId=STORE, terminalId=TILL, limit=2, **cursor)
            pages.append([one["key"] for one in page["operations"]])
            await desk.sell(f"N{len(pages)}", wait=20)
            if not page["more"]:
                break
            cursor = {"before": page["next"]}
        assert pages == [["K4", "K3"], ["K2", "K1"]]
        for wrong in ("a", "e30", "WzEsMiwzXQ"):
            refused = await desk.refused("operation.list", desk.operator, storeId=STORE, before=wrong)
            assert (refused.code, refused.data["path"]) == ("INVALID", "before")

    play(tale, fast_folder)


def test_a_slip_once_more(fast_folder: Path) -> None:
    """The same text under a mark, in every width; of a refund too. A register that asks is told the answer; an operator is not the one
    who is told."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.sell("K1")
        await asyncio.sleep(5)
        assert (await desk.refused("operation.slip", desk.operator, **desk.sale())).code == "NOT_FOUND"
        copy = await desk.ask("operation.slip", **desk.sale())
        assert await told(shop) == ["uid:1001"]
        slip = (await desk.ask("checkout.get", **desk.sale()))["slip"]["text"]
        assert copy["text"].keys() == slip.keys() >= {"42"}
        for width, text in copy["text"].items():
            mark, rest = text.split("\n", 1)
            assert (mark.strip(), rest, len(mark) <= int(width)) == ("*** КОПИЯ ***", slip[width], True)
        await desk.ask("refund.create", **desk.sale(), refundKey="R1", token="t", wait=20)
        again = await desk.ask("operation.slip", desk.operator, **desk.sale(), refundKey="R1")
        assert (again["refundKey"], "ВОЗВРАЩЕНО" in again["text"]["42"].upper()) == ("R1", True)
        assert (await desk.refused("operation.slip", **desk.sale(), refundKey="R2")).code == "NOT_FOUND"

    play(tale, fast_folder)


def test_the_report_of_a_day(fast_folder: Path) -> None:
    """Counts and sums; a refund belongs to the day on which it was made; what is not settled is named, on whatever day."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        for key in ("K1", "K2"):
            await desk.sell(key, wait=20)
        customer(shop, "order-K3", Action.DECLINE)
        await desk.sell("K3", wait=20)
        first = await desk.ask("operation.report", desk.operator, storeId=STORE, date="2026-03-02")
        assert [(one["kind"], one["count"], one["amount"]) for one in first["sales"]] == [("declined", 1, 20_100), ("paid", 2, 40_200)]
        assert (first["paid"], first["refunded"], first["net"], first["refunds"]) == (40_200, 0, 40_200, [])
        assert sorted(one["key"] for one in first["unconfirmed"]) == ["K1", "K2", "K3"]
        await asyncio.sleep(86_400)
        await desk.ask("refund.create", **desk.sale("K1"), refundKey="R1", token="t", wait=20)
        await in_attention(shop, "K4")
        await decide(desk, "returned", "K4")
        second = await desk.ask("operation.report", desk.till_1, storeId=STORE, terminalId=TILL)
        assert second["date"] == "2026-03-03"
        assert [(one["kind"], one["count"], one["amount"]) for one in second["refunds"]] == [("operator", 1, 20_100), ("pos", 1, 20_100)]
        assert (second["paid"], second["refunded"], second["returned"], second["net"]) == (0, 20_100, 20_100, -20_100)
        again = await desk.ask("operation.report", desk.operator, storeId=STORE, date="2026-03-02")
        assert (again["paid"], again["refunded"]) == (40_200, 0)
        for width, text in second["text"].items():
            assert max(map(len, text.split("\n"))) <= int(width)
        assert "ОТЧЁТ ЗА СМЕНУ" in second["text"]["42"]
        other = await desk.ask("operation.report", desk.till_2, storeId=STORE, terminalId="till-2")
        assert (other["sales"], other["refunds"], other["unconfirmed"]) == ([], [], [])
        assert (await desk.refused("operation.report", desk.till_1, storeId=STORE)).code == "FORBIDDEN"

    play(tale, fast_folder)


def test_a_report_names_what_it_cannot_read(fast_folder: Path) -> None:
    """A damaged record costs its own line and not the report."""

    async def tale(shop: Shop, pos: Pos) -> None:
        from agent.core.ports import Corrupt

        desk = Desk(shop)
        await desk.sell("K1", wait=20)
        await desk.ask("refund.create", **desk.sale("K1"), refundKey="R1", token="t", wait=20)

        def broken(name: str) -> None:
            if name == "stream":
                raise Corrupt("a changed byte")

        shop.doors.reads = broken
        made = await desk.ask("operation.report", desk.operator, storeId=STORE)
        assert (made["unreadable"], made["refunds"], made["paid"]) == ([str(sale_id())], [], 20_100)
        assert "till-1/K1" in made["text"]["48"]

    play(tale, fast_folder)


def test_operator_exists_for_the_engine_alone(fast_folder: Path) -> None:
    """Without a desk, too: the engine's own interface is enough (used by the simulation)."""

    async def tale(shop: Shop, pos: Pos) -> None:
        assert shop.counter is not None
        assert await Operator(shop.living, shop.counter).parked(sale_id()) is None

    play(tale, fast_folder)
