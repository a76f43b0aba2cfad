"""Goal: the engine knows whether it gets on. Method: virtual time, and one step of a sale held up on its way to the disk."""

import asyncio
from pathlib import Path

from agent.core.payout.name import payout_id
from agent.core.ports import Append
from agent.engine.keeper import MAX_NAP_S
from agent.running.watchdog import STANDSTILL_S
from tests.engine.support import TILL_2, Shop, create, gate, order, play
from tests.simulation.payer import Mishap
from tests.simulation.payout_till import PayoutTill
from tests.simulation.till import Pos
from tests.simulation.world import STORE, TILL


def test_the_engine_knows_how_long_it_stands_still(fast_folder: Path) -> None:
    """Without sales it never does; a sale that waits for its customer goes round; one whose step is never written does not."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await asyncio.sleep(1_000)
        assert shop.living.standstill_s == 0
        await create(shop, order("K1"))
        for _ in range(20):
            await asyncio.sleep(MAX_NAP_S / 10)
            assert shop.living.standstill_s <= MAX_NAP_S
        await asyncio.sleep(600)
        async with gate() as door:

            async def held(step: Append) -> None:
                await door.wait()

            second = order("K2", order_id="other")
            await create(shop, second)
            shop.doors.on_append = held
            await asyncio.sleep(STANDSTILL_S + 1)
            assert shop.living.standstill_s > STANDSTILL_S

    play(tale, fast_folder)


def test_one_that_stands_still_is_not_hidden_by_the_others(fast_folder: Path) -> None:
    """A step of one sale is never written, while others come, wait and are paid: it is seen to stand, and the engine as a whole to get on;
    of the others none stands."""

    async def tale(shop: Shop, pos: Pos) -> None:
        first = order("K1")
        await create(shop, first)
        await asyncio.sleep(600)
        async with gate() as door:

            async def held(step: Append) -> None:
                if step.id == second.id:
                    await door.wait()

            second = order("K2", order_id="other")
            await create(shop, second)
            shop.doors.on_append = held
            for number in range(4):
                await create(shop, order(f"N{number}", order_id=f"n{number}", terminal=TILL_2))
                await asyncio.sleep(STANDSTILL_S / 3)
                assert shop.living.standstill_s < STANDSTILL_S
            assert {name: seconds > STANDSTILL_S for name, seconds in shop.living.standing.items()} == {second.id: True}
        await asyncio.sleep(MAX_NAP_S)
        assert shop.living.standing == {}

    play(tale, fast_folder)


def test_a_payout_that_stands_still_is_seen(fast_folder: Path) -> None:
    """Its expiry is never written; sales that are paid meanwhile do not hide it, and the engine gets on."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.payer.mishaps += [Mishap.REFUSED] * 50
        await PayoutTill(pos).pay("P1")
        name = payout_id(STORE, TILL, "P1")
        await asyncio.sleep(5)
        async with gate() as door:

            async def held(step: Append) -> None:
                if step.id == name and any("expired" in entry.kind for entry in step.entries):
                    await door.wait()

            shop.doors.on_append = held
            for number in range(8):
                await create(shop, order(f"N{number}", order_id=f"n{number}", terminal=TILL_2))
                await asyncio.sleep(STANDSTILL_S / 3)
                assert shop.living.standstill_s < STANDSTILL_S
            assert {one: seconds > STANDSTILL_S for one, seconds in shop.living.standing.items()} == {name: True}

    play(tale, fast_folder)
