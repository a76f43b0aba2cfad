"""Goal: a till serves one customer after the other, and nobody waits for somebody else's till (promise P20).

Method: several tills of one shop in virtual time; what the bank saw, and when, is the evidence.
"""

import asyncio
from pathlib import Path

import pytest

from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.ports import Append
from agent.engine.lanes import Lanes
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import TILL_2, Shop, create, finished, gate, order, play
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos

PAID = PaymentState.PAID
A, B, C = (SaleId("s", "t", key) for key in "ABC")
ELSEWHERE = SaleId("s", "u", "A")


# --- the lanes themselves ---


def test_a_lane_keeps_its_order_and_tells_who_is_first() -> None:
    """First come, first served; leaving from the middle changes nothing for the first; the next first is told once."""
    heads: list[SaleId] = []
    lanes = Lanes(heads.append)
    for one in (A, B, B, C, ELSEWHERE):
        lanes.enter(one, "koshelek")
    assert [lanes.is_head(one) for one in (A, B, C, ELSEWHERE)] == [True, False, False, True]
    assert (lanes.length("s", "t"), lanes.length("s", "u"), lanes.length("s", "v")) == (3, 1, 0)
    lanes.leave(B)
    assert heads == []
    lanes.leave(A)
    lanes.leave(A)
    assert heads == [C]
    assert lanes.is_head(A)  # who is in no lane waits for nobody
    lanes.leave(C)
    assert lanes.length("s", "t") == 0


def test_payment_systems_have_lanes_of_their_own() -> None:
    """Who waits for one system holds up nobody who goes to another; the till's sales are counted together, and a sale stays where it is."""
    heads: list[SaleId] = []
    lanes = Lanes(heads.append)
    for one, provider in ((A, "paycore"), (B, "koshelek"), (C, "paycore"), (B, "paycore")):
        lanes.enter(one, provider)
    assert [lanes.is_head(one) for one in (A, B, C)] == [True, True, False]
    assert (lanes.length("s", "t"), lanes.length("s", "u")) == (3, 0)
    lanes.leave(B)
    assert heads == []
    lanes.leave(A)
    assert heads == [C]


@pytest.mark.parametrize("state", PaymentState)
def test_a_sale_stays_in_its_lane_only_while_its_customer_is_served(state: PaymentState) -> None:
    """Waiting, on its way, unclear or with the customer: in the lane. Everything else makes room."""
    lanes = Lanes(lambda _: None)
    lanes.enter(A, "koshelek")
    lanes.follow(A, state)
    stays = state in (PaymentState.QUEUED, PaymentState.SENDING, PaymentState.UNKNOWN, PaymentState.PENDING)
    assert lanes.length("s", "t") == (1 if stays else 0)


# --- in the shop ---


def arrivals(shop: Shop) -> list[str]:
    """The orders in the sequence in which the bank took them."""
    return [one.order_id for one in shop.bank.transactions()]


def test_one_customer_after_the_other(fast_folder: Path) -> None:
    """Three checkouts at once: each goes out when the one before is finished, in the order of acceptance."""

    async def tale(shop: Shop, pos: Pos) -> None:
        stewards = [await create(shop, order(f"K{number}")) for number in (1, 2, 3)]
        for place, steward in enumerate(stewards):
            assert (await finished(shop, steward.sale.id)).payment is PAID
            assert all(later.sale.payment is not PAID for later in stewards[place + 1 :])
        assert arrivals(shop) == ["order-K1", "order-K2", "order-K3"]
        assert shop.loop.time() == pytest.approx(6.6, abs=1.0)

    play(tale, fast_folder)


def test_a_customer_who_thinks_does_not_hold_up_the_next_till(fast_folder: Path) -> None:
    """A sale that waits at one till for 30 s: the other till sells ten times meanwhile."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-stuck", Action.WAIT)
        stuck = await create(shop, order("stuck"))
        for number in range(10):
            steward = await create(shop, order(f"K{number}", terminal=TILL_2))
            assert (await finished(shop, steward.sale.id)).payment is PAID
        assert stuck.sale.payment is PaymentState.PENDING
        assert shop.loop.time() < 30

    play(tale, fast_folder)


def test_an_unanswered_sale_does_not_hold_up_the_next_till(fast_folder: Path) -> None:
    """The bank swallows every answer to one till's checkout: the other till is not a moment slower."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.LOSE_ANSWER, Operation.CHECKOUT, times=3, hang_ms=60_000)
        await create(shop, order("stuck"))
        await asyncio.sleep(20)
        began = shop.loop.time()
        steward = await create(shop, order("K1", terminal=TILL_2))
        assert (await finished(shop, steward.sale.id)).payment is PAID
        assert shop.loop.time() - began < 3

    play(tale, fast_folder)


def test_a_step_that_cannot_be_stored_holds_up_its_own_sale_alone(fast_folder: Path) -> None:
    """One sale's append hangs for ever: another till's sale is paid."""

    async def tale(shop: Shop, pos: Pos) -> None:
        async with gate() as door:

            async def hold(step: Append) -> None:
                if step.id.key == "stuck" and step.position > 0:
                    await door.wait()

            shop.doors.on_append = hold
            await create(shop, order("stuck"))
            steward = await create(shop, order("K1", terminal=TILL_2))
            assert (await finished(shop, steward.sale.id)).payment is PAID

    play(tale, fast_folder)


def test_after_an_accepted_cancel_the_next_customer_is_served(fast_folder: Path) -> None:
    """The cancel's answers are lost for minutes: the next customer pays meanwhile, and the cancel is settled after all."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.WAIT)
        fault(shop, FaultKind.LOSE_REQUEST, Operation.CANCEL, times=4)
        first = await create(shop, order("K1"))
        second = await create(shop, order("K2"))
        await asyncio.sleep(1)
        await shop.desk.cancel(first.sale.id)
        assert first.sale.payment is PaymentState.CANCELING
        assert (await finished(shop, second.sale.id)).payment is PAID
        assert first.sale.payment is PaymentState.CANCELING
        assert (await finished(shop, first.sale.id)).payment is PaymentState.CANCELED

    play(tale, fast_folder)


def test_a_sale_in_attention_makes_room(fast_folder: Path) -> None:
    """A slip over another amount needs a person; the next customer is served."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.WRONG_AMOUNT, Operation.STATUS, delta=1)
        first = await create(shop, order("K1"))
        second = await create(shop, order("K2"))
        assert (await finished(shop, first.sale.id)).payment is PaymentState.ATTENTION
        assert (await finished(shop, second.sale.id)).payment is PAID

    play(tale, fast_folder)


def test_an_expired_sale_makes_room(fast_folder: Path) -> None:
    """The first of the lane expires offline; the one after it still has time and is sent when the link is back."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.OUTAGE, ms=40_000)
        first = await create(shop, order("K1"))
        await asyncio.sleep(20)
        second = await create(shop, order("K2"))
        assert (await finished(shop, second.sale.id)).payment is PAID
        assert first.sale.payment is PaymentState.EXPIRED

    play(tale, fast_folder)


def test_a_customer_who_waits_behind_another_may_cancel_at_once(fast_folder: Path) -> None:
    """A queued sale is canceled without a word to the bank, and the lane goes on without it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        stewards = [await create(shop, order(f"K{number}")) for number in (1, 2, 3)]
        await shop.desk.cancel(stewards[1].sale.id)
        assert stewards[1].sale.payment is PaymentState.CANCELED
        assert (await finished(shop, stewards[2].sale.id)).payment is PAID
        assert arrivals(shop) == ["order-K1", "order-K3"]

    play(tale, fast_folder)


def test_a_lane_keeps_its_order_over_a_restart(fast_folder: Path) -> None:
    """Stopped while two wait offline: after the start they go out in the order of acceptance."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.OUTAGE, ms=10_000)
        first = (await create(shop, order("K2"))).sale.id
        second = (await create(shop, order("K1"))).sale.id
        await asyncio.sleep(1)
        await shop.restart()
        assert (await finished(shop, second)).payment is PAID
        assert (await finished(shop, first)).payment is PAID
        assert arrivals(shop) == ["order-K2", "order-K1"]

    play(tale, fast_folder)
