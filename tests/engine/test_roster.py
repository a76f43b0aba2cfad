"""Goal: one steward for one sale, and no memory without end. Method: more sales than the limit, some of them held by a request."""

import asyncio
import gc
from pathlib import Path
from typing import cast
from unittest import mock

import pytest

from agent.core.decide import Result
from agent.core.duty import Duty, Owed
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.verdict import Denied, Garbled, NotSent, Observed, RefStatus, Refusal, Refused, Status, Unclear
from agent.engine import roster
from agent.engine.couriers import Couriers
from agent.engine.duties import Duties, describe
from agent.engine.steward import Steward
from tests.engine.support import Shop, create, finished, hear, order, play
from tests.simulation.till import Pos


def test_settled_sales_leave_the_memory(fast_folder: Path) -> None:
    """Old sales that somebody only looks at do not pile up, and are found again."""

    async def tale(shop: Shop, pos: Pos) -> None:
        for number in range(8):
            await pos.sell(f"K{number}")
            await pos.result(f"K{number}")
        for _ in range(2):
            for number in range(8):
                assert (await hear(shop, pos.sale_id(f"K{number}"))).success is True
        assert len(shop.living.alive) <= 4

    with mock.patch.multiple(roster, MAX_IDLE_SALES=3, GROWTH_SALES=1):
        play(tale, fast_folder)


def test_what_is_owed_is_never_forgotten(fast_folder: Path) -> None:
    """Unsettled sales stay however many there are."""

    async def tale(shop: Shop, pos: Pos) -> None:
        stewards = [await create(shop, order(f"K{number}")) for number in range(8)]
        assert set(stewards) <= set(shop.living.alive)
        assert (await finished(shop, stewards[-1].sale.id)).payment is PaymentState.PAID

    with mock.patch.multiple(roster, MAX_IDLE_SALES=3, GROWTH_SALES=1):
        play(tale, fast_folder)


def test_a_steward_that_a_request_holds_stays_the_only_one(fast_folder: Path) -> None:
    """Forgotten by the engine while a request still holds it: the next request gets the very same, and both tell one answer."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await pos.sell("held", tell=False)
        held = await shop.desk.get(pos.sale_id("held"), 60)
        await asyncio.sleep(130)  # unclaimed by now: nothing more is owed
        for number in range(8):
            await pos.sell(f"K{number}")
            await pos.result(f"K{number}")
        assert held not in shop.living.alive
        assert await shop.desk.find(held.sale.id) is held
        await asyncio.gather(*(hear(shop, held.sale.id) for _ in range(5)))
        assert held.sale.told is not None

    with mock.patch.multiple(roster, MAX_IDLE_SALES=3, GROWTH_SALES=1):
        play(tale, fast_folder)


def test_a_steward_nobody_holds_is_freed(fast_folder: Path) -> None:
    """The weak hold is weak: what is forgotten costs nothing."""

    async def tale(shop: Shop, pos: Pos) -> None:
        for number in range(8):
            await pos.sell(f"K{number}")
            await pos.result(f"K{number}")
        gc.collect()
        assert len(shop.living._roster._held) <= 4

    with mock.patch.multiple(roster, MAX_IDLE_SALES=3, GROWTH_SALES=1):
        play(tale, fast_folder)


DESCRIBED = [
    (Observed(Status.ACCEPTED, "T"), "accepted"),
    (Observed(Status.CANCELED, "T", RefStatus.REJECTED, error_code="X"), "canceled rejected X"),
    (NotSent("refused"), "not sent: refused"),
    (Unclear("timeout"), "unclear: timeout"),
    (Refused("UNKNOWN_SESSION_ID", Refusal.SESSION), "refused: UNKNOWN_SESSION_ID"),
    (Denied(401), "denied: 401"),
    (Garbled("http_500"), "garbled: http_500"),
]


@pytest.mark.parametrize(("result", "words"), DESCRIBED)
def test_every_result_has_words_for_the_log(result: Result, words: str) -> None:
    """A technician reads what came of an attempt."""
    assert describe(result) == words


def test_a_duty_that_is_no_decision_is_a_mistake_of_ours(fast_folder: Path) -> None:
    """A new duty without its doing is noticed, not skipped."""

    async def tale(shop: Shop, pos: Pos) -> None:
        duties = Duties(await create(shop, order("K1")), Couriers())
        with pytest.raises(AssertionError, match="no decision"):
            await duties._decide(Owed(Duty.SEND, 0))

    play(tale, fast_folder)


def test_many_unsettled_sales_are_not_gone_through_at_every_change() -> None:
    """While nothing can leave, the roster looks again only after it has grown; once something can, it leaves."""
    looked = 0

    class Settling:
        def __init__(self, number: int) -> None:
            self.id = SaleId("S", "T", f"K{number}")
            self.over = False

        @property
        def settled(self) -> bool:
            nonlocal looked
            looked += 1
            return self.over

    book, many = roster.Roster[Steward](), [Settling(number) for number in range(roster.MAX_IDLE_SALES + 2 * roster.GROWTH_SALES)]
    for one in many:
        book.add(cast("Steward", one))
        book.forget_idle(())
    assert looked < 4 * len(many)
    for one in many:
        one.over = True
    extra = [Settling(len(many) + number) for number in range(roster.GROWTH_SALES)]
    for one in extra:
        book.add(cast("Steward", one))
        book.forget_idle(())
    assert len(list(book)) <= roster.MAX_IDLE_SALES + roster.GROWTH_SALES
