"""Goal: what it means that a journal does not hold a record, when it is not the journal that always was. Method: the living engine with a
real journal file, and the notes that a restore leaves."""

import json
from pathlib import Path

from agent.core.payout.name import payout_id
from agent.core.ports import LAST_RESTORED_NOTE, RESTORED_NOTE
from agent.engine.payout_counter import PayoutCounter
from tests.engine.support import Shop, play, refusal
from tests.simulation.till import Pos
from tests.simulation.world import STORE, TILL

DAY_S = 86_400


def test_what_is_not_there_after_a_restore(fast_folder: Path) -> None:
    """Never accepted; not known before the release; perhaps lost for seven days; never accepted again. The same of a payout."""

    async def tale(shop: Shop, pos: Pos) -> None:
        payouts = PayoutCounter(shop.living)

        async def codes() -> set[str]:
            return {
                (await refusal(shop.desk.find(pos.sale_id("K1")))).code,
                (await refusal(payouts.find(payout_id(STORE, TILL, "P1")))).code,
            }

        assert await codes() == {"NOT_FOUND"}
        at = json.dumps({"at": shop.living.ports.clock.now().wall.isoformat(), "file": ""})
        for name in (RESTORED_NOTE, LAST_RESTORED_NOTE):
            await shop.doors.note(name, at)
        assert await codes() == {"BUSY"}
        await shop.doors.note(RESTORED_NOTE, None)
        shop.wall_shift_s = 7 * DAY_S - 60
        assert await codes() == {"RECORD_LOST"}
        lost = await refusal(shop.desk.find(pos.sale_id("K1")))
        assert lost.data["restored"] == json.loads(at)["at"]
        shop.wall_shift_s = 7 * DAY_S + 60
        assert await codes() == {"NOT_FOUND"}

    play(tale, fast_folder)
