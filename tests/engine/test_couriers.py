"""Fiscal receipts on the wire: few at a time, whatever the other side does, so that a sale always finds its place (promise P20)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.delivery import DeliveryState
from agent.core.payment import PaymentState
from agent.engine import couriers
from agent.engine.couriers import MAX_COURIERS, Couriers
from agent.engine.receipts import ReceiptOrder, Receipts
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import Shop, create, finished, hear, order, play
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos, fiscal

SALES = 5


async def paid(shop: Shop, key: str, order_id: str | None = None) -> Shop:
    """A sale that was paid at once and told."""
    customer(shop, order_id or f"order-{key}", Action.CONFIRM, after_ms=0)
    await create(shop, order(key))
    sale = await finished(shop, order(key).id)
    assert sale.payment is PaymentState.PAID
    await hear(shop, sale.id)
    return shop


async def give(shop: Shop, key: str) -> None:
    await Receipts(shop.living).give(ReceiptOrder(order(key).id, fiscal(f"order-{key}", f"F-{key}")))


async def ended(shop: Shop, key: str) -> DeliveryState:
    _, one = await Receipts(shop.living).get(order(key).id, f"F-{key}", 3_600)
    return one.state


async def most_flights(shop: Shop, seconds: float, until: Callable[[], bool] = lambda: False) -> int:
    """The most requests that were under way together, looked at all the time."""
    most = 0
    for _ in range(int(seconds * 4)):
        most = max(most, len(shop.flights))
        if until():
            break
        await asyncio.sleep(0.25)
    return most


def test_receipts_that_hang_leave_room_for_sales(fast_folder: Path) -> None:
    """A service that keeps every request for a minute: two at a time are on the wire, not one more, though their answers are long given
    up; a sale is paid meanwhile; and each receipt is delivered once."""

    async def tale(shop: Shop, pos: Pos) -> None:
        keys = [f"K{number}" for number in range(SALES)]
        for key in keys:
            await paid(shop, key)
        fault(shop, FaultKind.DELAY, Operation.RECEIPT, times=SALES, ms=60_000, before=False)
        for key in keys:
            await give(shop, key)
        assert await most_flights(shop, 45) == MAX_COURIERS
        began = shop.loop.time()
        await paid(shop, "K9")
        assert shop.loop.time() - began < 1
        assert await most_flights(shop, 300) == MAX_COURIERS
        assert {await ended(shop, key) for key in keys} == {DeliveryState.DELIVERED}
        assert sorted(one.receipt_id for one in shop.bank.ledger.receipts) == [f"F-{key}" for key in keys]

    play(tale, fast_folder)


def test_a_late_answer_is_enough(fast_folder: Path) -> None:
    """An answer that comes after it was given up settles the receipt: nothing is sent a second time."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await paid(shop, "K1")
        fault(shop, FaultKind.DELAY, Operation.RECEIPT, ms=20_000, before=False)
        await give(shop, "K1")
        assert await ended(shop, "K1") is DeliveryState.DELIVERED
        assert [one.operation for one in shop.bank.log].count(Operation.RECEIPT) == 1

    play(tale, fast_folder)


def test_what_never_ends_frees_its_place_in_the_end(fast_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose end is never told (a fault of ours) does not keep a courier for ever."""
    monkeypatch.setattr(couriers, "LATE_LIMIT_S", 30.0)

    async def tale(shop: Shop, pos: Pos) -> None:
        keys = [f"K{number}" for number in range(MAX_COURIERS + 1)]
        for key in keys:
            await paid(shop, key)
        fault(shop, FaultKind.DELAY, Operation.RECEIPT, times=MAX_COURIERS, ms=100_000_000, before=False)
        for key in keys:
            await give(shop, key)
        assert await ended(shop, keys[-1]) is DeliveryState.DELIVERED
        for flight in shop.flights:
            flight.cancel()

    play(tale, fast_folder)


def test_a_stop_does_not_wait_for_receipts(fast_folder: Path) -> None:
    """What has not left stays owed, nobody waits for a late answer, and the next start delivers everything."""

    async def tale(shop: Shop, pos: Pos) -> None:
        keys = [f"K{number}" for number in range(MAX_COURIERS + 2)]
        for key in keys:
            await paid(shop, key)
        fault(shop, FaultKind.DELAY, Operation.RECEIPT, times=MAX_COURIERS, ms=3_600_000, before=False)
        for key in keys:
            await give(shop, key)
        await asyncio.sleep(10)  # the first ones are given up and waited for, the others wait for their turn
        began = shop.loop.time()
        await shop.living.stop(60)
        assert shop.loop.time() - began < 1
        assert [one.operation for one in shop.bank.log].count(Operation.RECEIPT) == MAX_COURIERS
        for flight in shop.flights:
            flight.cancel()

    play(tale, fast_folder)


def test_a_receipt_that_is_settled_meanwhile_stays_at_home(fast_folder: Path) -> None:
    """It waited for its turn, and somebody gave it up: nothing is sent."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await paid(shop, "K1")
        for _ in range(MAX_COURIERS):
            await shop.living._couriers.__aenter__()
        await give(shop, "K1")
        await asyncio.sleep(1)
        steward = await shop.desk.find(order("K1").id)
        (one,) = steward.sale.deliveries
        steward.sale = replace(steward.sale, deliveries=(replace(one, state=DeliveryState.REFUSED),))
        for _ in range(MAX_COURIERS):
            await shop.living._couriers.__aexit__(None, None, None)
        await asyncio.sleep(5)
        assert (shop.bank.ledger.receipts, steward.memory.carried) == ([], set())

    play(tale, fast_folder)


async def test_couriers_are_few() -> None:
    """As many as there are leave; the next one waits until one is back."""
    office, inside = Couriers(), 0

    async def errand() -> None:
        nonlocal inside
        async with office:
            inside += 1
            await asyncio.sleep(0.01)
            assert inside <= MAX_COURIERS
            inside -= 1

    await asyncio.gather(*(errand() for _ in range(5)))
    assert not office.closed
