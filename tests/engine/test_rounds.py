"""Goal: the engine knows whether it gets on. Method: virtual time, and one step of a sale held up on its way to the disk."""

import asyncio
from pathlib import Path

from agent.core.ports import Append
from agent.engine.keeper import MAX_NAP_S
from agent.running.watchdog import STANDSTILL_S
from tests.engine.support import Shop, create, gate, order, play
from tests.simulation.till import Pos


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
