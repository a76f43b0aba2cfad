"""``payout.*`` as a register and an operator ask: taken once, limited, told, shown, decided; and in nobody's list of sales."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.core.hints import Hint
from agent.core.payout.contract import PayoutAdvice, PayoutService, PayoutServices, RecipientField
from agent.core.payout.name import payout_id
from agent.core.ports import RESTORED_NOTE, Append, JournalFull, Query
from agent.core.verdict import Denied, Operation, Refusal, Refused, Reply, Request
from agent.engine.payout_hints import heard
from agent.engine.setup import PayoutTerms, Setup
from drivers.answers import Created
from drivers.caller import Caller
from tests.edges.test_pos import Desk
from tests.engine.support import Shop, play
from tests.simulation.payer import NAME, Mishap, PaysByPayer
from tests.simulation.payout_till import CARD
from tests.simulation.till import Pos
from tests.simulation.world import PAYOUTS, STORE, TILL

LONG_S = 60
ID = payout_id(STORE, TILL, "P1")


def wish(key: str = "P1", **changes: Any) -> dict[str, Any]:
    body = {"storeId": STORE, "terminalId": TILL, "key": key, "amount": 40_000, "service": "card", "description": "Deposit"}
    return {**body, "fields": {"card_number": CARD}, "provider": NAME, **changes}


def named(key: str = "P1") -> dict[str, Any]:
    return {"storeId": STORE, "terminalId": TILL, "key": key}


def asking() -> dict[str, Any]:
    return {"storeId": STORE, "terminalId": TILL, "amount": 40_000}


def altered(change: Callable[[PayoutTerms], PayoutTerms]) -> Callable[[Setup], Setup]:
    return lambda setup: replace(setup, payouts={NAME: change(setup.payouts[NAME])})


def test_a_payout_is_taken_made_and_told(fast_folder: Path) -> None:
    """Stored first; paid out once; its answer is frozen; nothing of the recipient stands in any answer, and its vault is empty."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        given = await desk.ask("payout.create", **wish())
        assert isinstance(given, Created)
        assert (given["state"], given["finished"], given["success"], given["money"], given["next"]) == (
            "queued",
            False,
            None,
            "none",
            "poll",
        )
        found = await desk.ask("payout.get", **named(), wait=LONG_S)
        assert (found["state"], found["success"], found["money"], found["told"], found["transactionId"]) == (
            *("paid_out", True, "paid_out", True),
            "po-1",
        )
        assert found["message"] == "Выплачено."
        again = await desk.ask("payout.create", **wish())
        assert (again, isinstance(again, Created)) == (found, False)
        shown = await desk.ask("payout.show", desk.operator, **named(), events=True)
        assert [one["event"] for one in shown["events"]][:3] == ["payout_accepted", "attempt_started", "attempt_answered"]
        assert shown["fields"] == ["card_number"]
        assert shop.payer.recipients == [CARD]
        assert CARD not in f"{found}{shown}{shop.notices}"
        assert await shop.living.ports.journal.secrets(ID) == {}

    play(tale, fast_folder)


def test_the_same_key_is_the_same_payout_for_ever(fast_folder: Path) -> None:
    """At the same time, afterwards, and while payouts are switched off: one payout. Another amount, recipient or service is a conflict."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        both = await asyncio.gather(*(desk.ask("payout.create", **wish(), wait=LONG_S) for _ in range(2)))
        assert both[0] == both[1]
        assert [isinstance(one, Created) for one in both].count(True) == 1
        others = ({"amount": 39_999}, {"fields": {"card_number": "2200000000000012"}}, {"service": "phone"}, {"description": "Else"})
        for other in others:
            assert (await desk.refused("payout.create", **wish(**other))).code == "CONFLICT"
        off = altered(lambda terms: replace(terms, policy=replace(PAYOUTS, enabled=False)))
        shop.living.reconfigure(off(shop.living.setup), None)
        assert (await desk.ask("payout.create", **wish()))["state"] == "paid_out"
        assert (await desk.refused("payout.create", **wish("P2"))).code == "UNSUPPORTED"
        assert len(shop.payer.made) == 1

    play(tale, fast_folder)


def test_limits_of_one_payout_and_of_a_day(fast_folder: Path) -> None:
    """What is made or may have been counts, of every till; what was refused or canceled does not."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        too_much = await desk.refused("payout.create", **wish(amount=50_001))
        assert (too_much.code, too_much.data["limit"]) == ("OVER_LIMIT", 50_000)
        shop.payer.mishaps += [Mishap.DENY, Mishap.LOSE_REQUEST]
        assert (await desk.ask("payout.create", **wish("P0"), wait=LONG_S))["state"] == "failed"
        assert (await desk.ask("payout.create", **wish("P1"), wait=LONG_S))["next"] == "person"
        assert (await desk.ask("payout.create", **wish("P2", amount=50_000), wait=LONG_S))["success"] is True
        full = await desk.refused("payout.create", **wish("P3", amount=10_001))
        assert (full.code, full.data["limit"], full.data["path"]) == ("OVER_LIMIT", 100_000, "amount")
        assert (await desk.ask("payout.create", **wish("P3", amount=10_000), wait=LONG_S))["success"] is True

    play(tale, fast_folder)


def test_what_is_refused_before_anything_is_stored(fast_folder: Path) -> None:
    """Not allowed, not configured, not complete, restored, no room: each has its code, and nothing is on the disk."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        plain = Caller("uid:1001", tills=frozenset({(STORE, TILL)}))
        assert (await desk.refused("payout.create", plain, **wish())).code == "FORBIDDEN"
        assert (await desk.refused("payout.get", plain, **named())).code == "FORBIDDEN"
        assert (await desk.refused("payout.create", **wish(provider="paycore"))).code == "UNSUPPORTED"
        body = wish()
        del body["service"]
        assert (await desk.refused("payout.create", **body)).data["path"] == "service"
        assert (await desk.refused("payout.create", **wish(fields={"phone": "1"}))).data["details"][0]["path"] == "fields.card_number"
        assert (await desk.refused("payout.get", **named())).code == "NOT_FOUND"

        async def full(step: Append) -> None:
            raise JournalFull

        shop.doors.on_append = full
        assert (await desk.refused("payout.create", **wish())).code == "DISK_FULL"
        shop.doors.on_append = None
        await shop.living.ports.journal.note(RESTORED_NOTE, '{"at": "2026-03-01T00:00:00+00:00"}')
        assert (await desk.refused("payout.create", **wish())).code == "BUSY"
        assert (await desk.refused("payout.get", **named())).code == "BUSY"
        assert await shop.living.ports.journal.find(Query(payouts=True)) == []

    play(tale, fast_folder)


def test_the_tills_own_service_and_system_are_used_unless_others_are_named(fast_folder: Path) -> None:
    """One system that pays out is enough: nobody has to name it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.change = altered(lambda terms: replace(terms, policy=replace(PAYOUTS, service="phone")))
        shop.living.reconfigure(shop.setup(), None)
        desk, body = Desk(shop), wish()
        del body["service"], body["provider"]
        found = await desk.ask("payout.create", **body)
        assert (found["service"], found["provider"]) == ("phone", NAME)
        assert (await desk.ask("payout.create", **body))["key"] == "P1"

    play(tale, fast_folder)


def test_a_cancel_before_it_leaves(fast_folder: Path) -> None:
    """While nothing was sent it is canceled; afterwards it answers how it is."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        shop.payer.mishaps += [Mishap.REFUSED] * 3
        await desk.ask("payout.create", **wish())
        await asyncio.sleep(1)
        assert (await desk.ask("payout.get", **named()))["reason"] == "OFFLINE"
        assert (await desk.ask("payout.cancel", **named()))["state"] == "canceled"
        await desk.ask("payout.create", **wish("P2"), wait=LONG_S)
        assert (await desk.ask("payout.cancel", **named("P2")))["state"] == "paid_out" or shop.payer.mishaps

    play(tale, fast_folder)


def test_a_payout_is_in_no_list_of_sales(fast_folder: Path) -> None:
    """Not the last operation, not in the day's list, not in its report. It is in the lists of what needs somebody, and in its own."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        till: dict[str, Any] = {"storeId": STORE, "terminalId": TILL}
        shop.payer.mishaps.append(Mishap.LOSE_REQUEST)
        assert (await desk.ask("payout.create", **wish(), wait=LONG_S))["state"] == "attention"
        assert (await desk.refused("operation.last", **till)).code == "NOT_FOUND"
        assert (await desk.ask("operation.list", **till))["operations"] == []
        report = await desk.ask("operation.report", **till)
        assert (report["sales"], report["open"], report["untold"], report["unconfirmed"]) == ([], [], [], [])
        assert [one["key"] for one in report["attention"]] == ["payout:P1"]
        for filters in ({"payouts": True}, {"attention": True}, {"owing": True}, {"payouts": True, "state": "attention"}):
            (row,) = (await desk.ask("operation.list", **till, **filters))["operations"]
            assert (row["key"], row["state"], row["money"]) == ("payout:P1", "attention", "possible")
            assert "Не выплачивайте повторно" in row["message"]
        status = (await desk.ask("agent.status", desk.operator))["details"]
        assert (status["payoutsOpen"], status["open"], status["paidUntold"]) == (1, {}, 0)
        assert status["alarms"] == [{"sale": f"{STORE}/{TILL}/payout:P1", "codes": ["PAYOUT_NOT_FOUND"]}]
        # an order that is called like it is not in doubt because of it
        sold = await desk.ask("checkout.create", **desk.bill("K1", "payout:P1"), wait=LONG_S)
        assert sold["state"] == "paid"

    play(tale, fast_folder)


def test_a_list_hands_a_finished_payout_out(fast_folder: Path) -> None:
    """A register that may pay out reads its end in a list, so it is told; one that may not sees no payout at all; no look parks it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        till: dict[str, Any] = {"storeId": STORE, "terminalId": TILL}
        await desk.ask("payout.create", **wish())
        await asyncio.sleep(10)
        plain = Caller("uid:1001", tills=frozenset({(STORE, TILL)}))
        assert (await desk.ask("operation.list", plain, **till, payouts=True))["operations"] == []
        (row,) = (await desk.ask("operation.list", desk.operator, **till, payouts=True))["operations"]
        assert (row["state"], row["told"]) == ("paid_out", False)
        (row,) = (await desk.ask("operation.list", **till, payouts=True))["operations"]
        assert (row["state"], row["success"], row["told"]) == ("paid_out", True, True)
        assert await shop.living.open(ID) is None
        assert await shop.living.ports.journal.parked() == []

    play(tale, fast_folder)


def test_an_operator_decides_in_two_steps(fast_folder: Path) -> None:
    """He sees what can be decided and what it would do; the word does it once; another payout's transaction is not his to name."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        shop.payer.mishaps += [Mishap.LOSE_REQUEST]
        await desk.ask("payout.create", **wish(), wait=LONG_S)
        await desk.ask("payout.create", **wish("P2"), wait=LONG_S)
        looked = await desk.ask("payout.resolve", desk.operator, **named())
        assert [one["resolution"] for one in looked["choices"]] == ["paid_out", "not_made", "acknowledge"]
        decision = {**named(), "resolution": "not_made", "reason": "the system's support says so"}
        assert (await desk.refused("payout.resolve", desk.operator, **named(), resolution="not_made")).data["path"] == "reason"
        assert (await desk.refused("payout.resolve", desk.operator, **decision, transactionId="po-1")).code == "CONFLICT"
        assert (await desk.refused("payout.resolve", desk.operator, **{**decision, "resolution": "release"})).code == "INVALID"
        shown = await desk.ask("payout.resolve", desk.operator, **decision, who="ivanov")
        assert (shown["done"], shown["after"]["state"], shown["payout"]["state"]) == (False, "failed", "attention")
        word = {"confirmation": shown["confirmation"]}
        assert (await desk.refused("payout.resolve", desk.operator, **decision, **word)).code == "CONFLICT", "another decision: no who"
        done = await desk.ask("payout.resolve", desk.operator, **decision, who="ivanov", **word)
        assert (done["done"], done["payout"]["state"], done["payout"]["reason"]) == (True, "failed", "OPERATOR")
        assert done["events"][-1]["by"] == "uid:0 (ivanov)"
        assert (await desk.refused("payout.resolve", desk.operator, **decision)).code == "INVALID"

    play(tale, fast_folder)


def test_a_record_that_is_not_used_can_only_be_released(fast_folder: Path) -> None:
    """A payout that is set aside is refused to everybody, and keeps the account until somebody takes it over."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        shop.payer.mishaps.append(Mishap.LOSE_REQUEST)
        await desk.ask("payout.create", **wish(), wait=LONG_S)
        steward = await shop.living.payouts.open(ID)
        assert steward is not None
        shop.living.payouts.set_aside(steward, ValueError("damaged"))
        await asyncio.sleep(1)
        assert (await desk.refused("payout.get", **named())).code == "RECORD_DAMAGED"
        looked = await desk.ask("payout.resolve", desk.operator, **named())
        assert [one["resolution"] for one in looked["choices"]] == ["release"]
        release = {**named(), "resolution": "release", "reason": "asked the support"}
        assert (await desk.refused("payout.resolve", desk.operator, **{**release, "resolution": "paid_out"})).code == "RECORD_DAMAGED"
        word = (await desk.ask("payout.resolve", desk.operator, **release))["confirmation"]
        assert (await desk.ask("payout.resolve", desk.operator, **release, confirmation=word))["done"] is True

    play(tale, fast_folder)


def test_a_message_makes_the_next_look_due_now(fast_folder: Path) -> None:
    """By the system's id or by ours; one about nothing of ours is not about payouts. "Now" for everything hurries them, too."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        shop.payer.work_ms = 2_000
        await desk.ask("payout.create", **wish())
        await asyncio.sleep(2.2)
        for hint in (Hint(transaction_id="po-9"), Hint(reference="no-such")):
            assert not await heard(shop.living, NAME, hint)
        assert not await heard(shop.living, "paycore", Hint(transaction_id="po-1"))
        assert await heard(shop.living, NAME, Hint(transaction_id="po-1", reference=shop.payer.made[0].reference))
        await asyncio.sleep(0.2)
        assert (await desk.ask("payout.get", **named()))["state"] == "paid_out"
        assert (await desk.ask("operation.retry", desk.operator))["sales"] == [f"{STORE}/{TILL}/payout:P1"]

    play(tale, fast_folder)


class Advising(PaysByPayer):
    """A system that tells its services."""

    def __init__(self, told: PayoutAdvice | None) -> None:
        self.told = told

    def ask_payout_services(self, amount: int) -> Request | None:
        return None if self.told is None else Request(Operation.PAYOUT_FIND, "GET", "/find/services", {})

    def read_payout_services(self, reply: Reply) -> PayoutAdvice:
        assert self.told is not None
        return self.told


CARDS = PayoutService(
    "card", "RUB", True, (RecipientField("card_number", True, "Card", "2200", "[0-9]{16}"), RecipientField("name", False))
)


@pytest.mark.parametrize(
    ("told", "state", "reason"),
    [
        (PayoutServices((CARDS,)), "ready", None),
        (Refused("INVALID_REQUEST", Refusal.CONFIGURATION), "unavailable", "INVALID_REQUEST"),
        (Denied(403), "unavailable", "ACCESS_DENIED"),
    ],
    ids=["ready", "refused", "denied"],
)
def test_services_are_advice(told: PayoutAdvice, state: str, reason: str | None, fast_folder: Path) -> None:
    """Pending at once, then the list with what each asks for, or why there is none; nothing is stored."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.living.reconfigure(altered(lambda terms: replace(terms, provider=Advising(told)))(shop.living.setup), None)
        desk, asks = Desk(shop), asking()
        assert (await desk.ask("payout.services", **asks))["state"] == "pending"
        found = await desk.ask("payout.services", **asks, wait=5)
        assert (found["state"], found["reason"], found["finished"]) == (state, reason, True)
        if state == "ready":
            (service,) = found["services"]
            assert (service["service"], [one["name"] for one in service["fields"]]) == ("card", ["card_number", "name"])
            assert service["fields"][0]["pattern"] == "[0-9]{16}"

    play(tale, fast_folder)


def test_services_that_cannot_be_asked_for(fast_folder: Path) -> None:
    """The configuration has no key for it, or the system does not tell."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk, asks = Desk(shop), asking()
        assert (await desk.refused("payout.services", **asks)).code == "UNSUPPORTED"
        shop.living.reconfigure(altered(lambda terms: replace(terms, provider=Advising(None)))(shop.living.setup), None)
        assert (await desk.refused("payout.services", **asks)).code == "UNSUPPORTED"

    play(tale, fast_folder)
