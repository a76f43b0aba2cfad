"""Goal: when the payment system asks for silence, a sale is silent (promise P19). Method: 429 with ``Retry-After`` for a status read and
for a cancel, in virtual time; the bank's log tells when it was reached.
"""

import asyncio
from itertools import pairwise
from pathlib import Path

from agent.core.payment import PaymentState
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import Shop, create, finished, order, play
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos

SILENCE_S = 7


def silences(shop: Shop) -> list[float]:
    """Seconds from each request that was turned away to the next request of any kind."""
    log = [one for one in shop.bank.log if one.operation is not Operation.CHECKOUT]
    return [(after.at_ms - one.at_ms) / 1_000 for one, after in pairwise(log) if one.fault is FaultKind.TOO_MANY]


def test_a_read_that_is_turned_away_waits(fast_folder: Path) -> None:
    """The next read comes when it may, and finds the payment made."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.CONFIRM, 4_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(2)
        fault(shop, FaultKind.TOO_MANY, Operation.STATUS, retry_after_s=SILENCE_S)
        assert (await finished(shop, steward.sale.id)).payment is PaymentState.PAID
        (silence,) = silences(shop)
        assert SILENCE_S <= silence < 1.25 * SILENCE_S + 0.1

    play(tale, fast_folder)


def test_a_cancel_that_is_turned_away_silences_the_reads(fast_folder: Path) -> None:
    """Neither the cancel nor a status read before the time is over; then both, and the payment is canceled."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.WAIT)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(2)
        fault(shop, FaultKind.TOO_MANY, Operation.CANCEL, retry_after_s=SILENCE_S)
        await shop.desk.cancel(steward.sale.id)
        assert (await finished(shop, steward.sale.id)).payment is PaymentState.CANCELED
        (silence,) = silences(shop)
        assert SILENCE_S <= silence < 1.25 * SILENCE_S + 0.1

    play(tale, fast_folder)
