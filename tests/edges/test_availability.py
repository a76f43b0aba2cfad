"""Goal: a register can ask which means of payment a buyer can use, and is told in words for programs and for people. Method: requests as a
register writes them go to the desk of a simulated shop.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.core.availability import Advice, AvailabilityState, Means, MeansList, unavailable
from agent.core.model import Binding, Deadline, Environment, SaleId, Stamp
from agent.edges.advice import availability_reply
from agent.engine.inquiry import Question
from agent.sandbox.availability import Offer
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Method, Operation
from agent.texts import translator
from drivers.answers import Created
from drivers.caller import Caller
from drivers.validation import Invalid, parse
from tests.edges.test_pos import Desk
from tests.engine.support import Shop, play
from tests.simulation.stories import fault
from tests.simulation.till import Pos
from tests.simulation.world import STORE, TILL


def question(desk: Desk, key: str = "A1", **more: Any) -> dict[str, Any]:
    return {**desk.bill(key), **more}


def test_a_register_is_told_what_the_buyer_can_use(fast_folder: Path) -> None:
    """Pending at once, the list with a wait; the second time it is no new question; nothing becomes an operation."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        shop.bank.offer = Offer(is_default=True, unavailable={Method.DOLYAME: "Не сегодня"})
        first = await desk.ask("availability.create", **question(desk))
        assert isinstance(first, Created)
        names = {"storeId": STORE, "terminalId": TILL, "key": "A1"}
        where = {"provider": "koshelek", "environment": "test", "test": True}
        assert first == {
            **names,
            **where,
            "state": "pending",
            "finished": False,
            "success": None,
            "reason": None,
            "message": "Узнаём у платёжной системы, как покупатель может заплатить.",
            "koshelekPayIsDefault": False,
            "paymentTypeAvailabilityInfoList": [],
            "next": "poll",
        }
        told = await desk.ask("availability.get", **names, wait=20)
        assert told == {
            **names,
            **where,
            "state": "ready",
            "finished": True,
            "success": True,
            "reason": None,
            "message": "Покупатель может заплатить в приложении: это его основной способ оплаты.",
            "koshelekPayIsDefault": True,
            "paymentTypeAvailabilityInfoList": [
                {"paymentType": "SBP", "available": True},
                {"paymentType": "DOLYAME", "available": False, "message": "Не сегодня"},
            ],
        }
        again = await desk.ask("availability.create", **question(desk), wait=20)
        assert again == told
        assert not isinstance(again, Created)
        assert (await desk.ask("operation.list", storeId=STORE, terminalId=TILL))["operations"] == []

    play(tale, fast_folder)


def test_the_key_of_the_sale_will_do(fast_folder: Path) -> None:
    """A question and a payment of one key know nothing of each other."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        assert (await desk.ask("availability.create", **question(desk, "K1"), wait=20))["state"] == "ready"
        assert (await desk.sell("K1", wait=20))["state"] == "paid"
        assert (await desk.ask("availability.get", **desk.sale("K1")))["state"] == "ready"

    play(tale, fast_folder)


def test_refusals_have_their_codes(fast_folder: Path) -> None:
    """Another body, an unknown key, another register's till."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        await desk.ask("availability.create", **question(desk))
        refused = await desk.refused("availability.create", **question(desk, cardSession="SOTHER"))
        assert (refused.code, refused.data["key"]) == ("CONFLICT", "A1")
        assert (await desk.refused("availability.get", **desk.sale("A2"))).code == "NOT_FOUND"
        for method, params in (("availability.create", question(desk)), ("availability.get", desk.sale("A1"))):
            assert (await desk.refused(method, desk.till_2, **params)).code == "FORBIDDEN"
        await shop.living.stop(0)
        assert (await desk.refused("availability.create", **question(desk, "A3"))).code == "BUSY"

    play(tale, fast_folder)


def test_who_hangs_up_or_is_in_a_hurry_is_not_waited_for(fast_folder: Path) -> None:
    """A long poll ends with its caller; the question goes on."""

    async def tale(shop: Shop, pos: Pos) -> None:
        desk = Desk(shop)
        fault(shop, FaultKind.DELAY, Operation.AVAILABILITY, ms=2_000)
        caller = Caller("uid:1001", tills=frozenset({(STORE, TILL)}))
        polling = asyncio.ensure_future(desk.ask("availability.create", caller, **question(desk), wait=20))
        await asyncio.sleep(0.5)
        caller.presence.hurry()
        assert (await polling)["state"] == "pending"
        assert shop.loop.time() < 0.6
        assert (await desk.ask("availability.get", caller, **desk.sale("A1"), wait=20))["state"] == "pending"
        assert (await desk.ask("availability.get", **desk.sale("A1"), wait=20))["state"] == "ready"

    play(tale, fast_folder)


def test_one_card_is_given_in_one_way() -> None:
    """As for a checkout: cardSession or barcode, exactly one of them."""
    base: Mapping[str, Any] = {
        "storeId": STORE,
        "terminalId": TILL,
        "key": "A1",
        "user": {"loyaltyId": "29"},
        "checkoutInvoice": {
            "orderId": "1",
            "totalAmount": 1,
            "items": [{"name": "x", "article": "1", "price": 1, "quantity": 1, "totalAmount": 1, "tax": "none"}],
        },
    }
    for card in ({}, {"cardSession": "Q7W2E9", "barcode": "29"}):
        with pytest.raises(Invalid, match="exactly one of cardSession and barcode"):
            parse("availability.create", {**base, **card})
    parse("availability.create", {**base, "barcode": "29"})


SBP, NOT_SBP = Means("SBP", True), Means("SBP", False)


@pytest.mark.parametrize(
    ("advice", "message"),
    [
        (Advice(AvailabilityState.READY, MeansList(False, (SBP,))), "Покупатель может заплатить в приложении."),
        (
            Advice(AvailabilityState.READY, MeansList(False, (NOT_SBP,))),
            "Покупатель сейчас не может заплатить в приложении. Предложите другой способ оплаты.",
        ),
        (
            unavailable("TOO_SLOW"),
            "Оплата в приложении сейчас недоступна. Предложите другой способ оплаты. Платёжная система не ответила вовремя.",
        ),
        (unavailable("CARD_SESSION_UNAVAILABLE"), "Этой картой оплатить нельзя. Предложите другой способ оплаты."),
    ],
)
def test_the_cashier_reads_what_to_do(advice: Advice, message: str) -> None:
    """The state first, then why; where the reason says it all, it stands alone."""
    binding = Binding("koshelek", Environment.TEST, "https://pay.example/acme")
    now = Stamp(datetime(2026, 3, 2, tzinfo=UTC), "boot", 0)
    asked = Question(SaleId(STORE, TILL, "A1"), binding, "digest", now, Deadline("boot", 1), advice)
    assert availability_reply(asked, translator("ru"))["message"] == message
