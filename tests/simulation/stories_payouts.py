"""Stories of payouts: each is short, and every call of it is a place to die at."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.simulation.payer import Mishap
from tests.simulation.payout_till import AMOUNT, PayoutTill
from tests.simulation.story import Story
from tests.simulation.till import Pos
from tests.simulation.world import World

Tell = Callable[[World, PayoutTill], Awaitable[None]]


async def _paid(world: World, till: PayoutTill) -> None:
    await till.pay("P1")
    await till.result("P1")


def _with(*mishaps: Mishap) -> Tell:
    async def tell(world: World, till: PayoutTill) -> None:
        world.payer.mishaps += mishaps
        await _paid(world, till)

    return tell


async def _canceled(world: World, till: PayoutTill) -> None:
    """Nobody is there, and the cashier thinks better of it."""
    world.payer.mishaps += [Mishap.REFUSED] * 10
    await till.pay("P1")
    await asyncio.sleep(3)
    await till.cancel("P1")
    await till.result("P1")


async def _late_copy(world: World, till: PayoutTill) -> None:
    """The searches are over before it arrives: a person has been called, and the next look finds it."""
    await _with(Mishap.LATE_COPY)(world, till)
    await asyncio.sleep(400)
    await till.poll("P1")


async def _dark(world: World, till: PayoutTill) -> None:
    """The power goes while the answer is under way."""
    await till.pay("P1")
    await asyncio.sleep(0.04)
    await world.reboot(15)
    await till.result("P1")


async def _taken_back(world: World, till: PayoutTill) -> None:
    """The system cancels what it has paid out, when the register has long been told."""
    await _paid(world, till)
    for one in world.payer.made:
        one.taken_back = True
    await asyncio.sleep(200)
    await till.poll("P1")


async def _twice(world: World, till: PayoutTill) -> None:
    """Two tries of one register, and one that is too much for the day."""
    await _paid(world, till)
    await till.pay("P1")
    await till.pay("P2", AMOUNT * 2)
    await till.result("P1")


def _ends(state: str, paid: int) -> Callable[[World, Pos], None]:
    def check(world: World, pos: Pos) -> None:
        assert pos.payouts is not None
        assert pos.payouts.book["P1"].told[-1][0] == state, pos.payouts.book["P1"].told
        assert sum(world.payer.paid(one) for one in set(world.payer.asked)) == paid

    return check


def _story(name: str, tell: Tell, state: str, paid: int, every_death: bool = True) -> Story:
    async def played(world: World, pos: Pos) -> None:
        await tell(world, PayoutTill(pos))

    return Story(f"payout: {name}", played, _ends(state, paid), attention=True, every_death=every_death)


PAYOUT_STORIES = (
    _story("paid out", _paid, "paid_out", AMOUNT),
    _story("offline at first", _with(Mishap.REFUSED), "paid_out", AMOUNT, every_death=False),
    _story("answer lost", _with(Mishap.LOSE_ANSWER), "paid_out", AMOUNT),
    _story("request lost", _with(Mishap.LOSE_REQUEST), "attention", 0),
    _story("late copy", _late_copy, "paid_out", AMOUNT),
    _story("other amount", _with(Mishap.OTHER_AMOUNT), "attention", AMOUNT * 10, every_death=False),
    _story("failed", _with(Mishap.FAIL), "failed", 0, every_death=False),
    _story("shut door", _with(Mishap.DENY), "failed", 0, every_death=False),
    _story("canceled", _canceled, "canceled", 0),
    _story("power cut", _dark, "paid_out", AMOUNT),
    _story("taken back", _taken_back, "paid_out", 0),
    _story("asked twice", _twice, "paid_out", AMOUNT),
)
