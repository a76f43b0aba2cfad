"""Stories in which a person decides: short ones, for every call of them is a place to die at."""

import asyncio

from agent.core.answer import Money
from agent.core.ask_refund import Wanted
from agent.core.payment import PaymentState
from agent.core.refund import RefundState
from agent.core.resolution import Resolution, refund_subject
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.simulation.office import Office
from tests.simulation.stories_links import BANK
from tests.simulation.stories_links import POLICY as LINK_POLICY
from tests.simulation.story import SELDOM, Story, customer, fault, state
from tests.simulation.systems import PAYCORE
from tests.simulation.till import Pos
from tests.simulation.world import World

COPY_MS = 12_000  # how long the first copy of a request that was lost is on its way


async def _wrong_amount(world: World, pos: Pos) -> None:
    customer(world, "order-K1", Action.CONFIRM, after_ms=200)
    fault(world, FaultKind.WRONG_AMOUNT, Operation.STATUS, times=None, delta=100)
    await pos.sell("K1")
    await pos.result("K1")


async def _paid(world: World, pos: Pos) -> None:
    await _wrong_amount(world, pos)
    await Office(world).decide(pos.sale_id("K1"), Resolution.PAID)
    await pos.result("K1")
    await pos.confirm("K1")


async def _return(world: World, pos: Pos) -> None:
    await _wrong_amount(world, pos)
    office = Office(world)
    await office.hurry()
    await office.decide(pos.sale_id("K1"), Resolution.RETURN)
    await pos.result("K1")
    await office.hurry()


async def _not_paid(world: World, pos: Pos) -> None:
    """The request never arrives, whatever is repeated: the machine ends in attention, and the operator has looked in the registry."""
    fault(world, FaultKind.LOSE_REQUEST, Operation.CHECKOUT, times=None)
    await pos.sell("K1")
    await pos.result("K1")
    await Office(world).decide(pos.sale_id("K1"), Resolution.NOT_PAID)
    world.bank.clear_faults()
    await pos.result("K1")


async def _retry(world: World, pos: Pos) -> None:
    """A refund where a repeat is a second one: its first copy is still on the way while the operator, twice, wants it done now."""
    await pos.sell("K1")
    if (await pos.result("K1")).state is not PaymentState.PAID:
        return
    fault(world, FaultKind.LATE_FIRST_COPY, Operation.REFUND, ms=COPY_MS)
    if await pos.refund("K1", "R1", [Wanted(0, 1)]) is None:
        for _ in range(2):
            await asyncio.sleep(3)
            await Office(world).hurry()
        await pos.refunded("K1", "R1")


async def _drop(world: World, pos: Pos) -> None:
    """A refund that never arrives is given up."""
    customer(world, "order-K1", Action.CONFIRM, after_ms=0)
    await pos.sell("K1")
    if (await pos.result("K1")).state is not PaymentState.PAID:
        return
    fault(world, FaultKind.LOSE_REQUEST, Operation.REFUND, times=None)
    if await pos.refund("K1", "R1", [Wanted(0, 1)]) is None:
        await asyncio.sleep(1)
        await Office(world).decide(pos.sale_id("K1"), Resolution.DROP, refund_subject("R1"))
        world.bank.clear_faults()
        await pos.refunded("K1", "R1")


def _dropped(world: World, pos: Pos) -> None:
    assert state(pos, "K1") is PaymentState.PAID
    assert pos.book["K1"].refunds["R1"][1] is RefundState.DECLINED
    assert world.bank.ledger.refunded(order_id="order-K1") == 0


def _hurried(world: World, pos: Pos) -> None:
    """It was looked at because he wanted it, long before its time, and not asked for again."""
    assert pos.book["K1"].refunds["R1"][1] is RefundState.REFUNDED
    assert world.bank.ledger.refunded(order_id="order-K1") == 10_000
    (asked,) = [one.at_ms for one in world.bank.log if one.operation is Operation.REFUND]
    looks = [one.at_ms - asked for one in world.bank.log if one.operation is Operation.STATUS and one.at_ms > asked]
    assert sum(1 for after_ms in looks if after_ms < COPY_MS < LINK_POLICY.blind_repeat_ms) == 2, looks


def _gone_back(world: World, pos: Pos) -> None:
    assert state(pos, "K1") is PaymentState.CANCELED
    assert world.bank.ledger.refunded(order_id="order-K1") == 30_000


def _charged(world: World, pos: Pos) -> None:
    last = pos.book["K1"].answers[-1]
    assert (last.state, last.reason, last.money) == (PaymentState.PAID, "OPERATOR", Money.CHARGED)


def _declined(world: World, pos: Pos) -> None:
    last = pos.book["K1"].answers[-1]
    assert (last.state, last.reason, last.money) == (PaymentState.CANCELED, "OPERATOR", Money.NONE)


OPERATOR_STORIES = (
    Story("operator: paid", _paid, _charged, attention=True),
    Story("operator: not paid", _not_paid, _declined, policy=SELDOM, attention=True),
    Story("operator: return", _return, _gone_back, attention=True),
    Story("operator: drop", _drop, _dropped),
    Story("operator: retry", _retry, _hurried, policy=LINK_POLICY, system=PAYCORE, bank=BANK),
)
