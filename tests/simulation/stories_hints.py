"""Stories of messages that the payment system sends: one that says nothing true yet, and one that alone can find late money."""

import asyncio
from dataclasses import replace

from agent.core.hints import Hint
from agent.core.payment import PaymentState
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.simulation.story import PATIENT, POLICY, Story, customer, fault, state
from tests.simulation.till import Pos
from tests.simulation.world import World

ORDER = "order-K1"


def _payment(world: World) -> str | None:
    """The bank's id of the payment, if the bank has one."""
    return next((one.id for one in world.bank.transactions() if one.order_id == ORDER), None)


async def _too_early(world: World, pos: Pos) -> None:
    """Messages before the sale and while the customer thinks; then he refuses. Whoever believes them tells the till of money not there."""
    customer(world, ORDER, Action.DECLINE, 4_000)
    await world.listen()
    await world.hint(Hint(order_id=ORDER))
    await pos.sell("K1")
    await asyncio.sleep(1)
    await world.hint(Hint(transaction_id=_payment(world), order_id=ORDER))
    await pos.result("K1")


async def _late_and_unwatched(world: World, pos: Pos) -> None:
    """The only planned look is over when the canceled payment is charged: without the message nobody would find the money."""
    customer(world, ORDER, Action.WAIT)
    fault(world, FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=60_000)
    await world.listen()
    await pos.sell("K1")
    await pos.result("K1")
    await asyncio.sleep(70)
    await world.hint(Hint(transaction_id=_payment(world), order_id=ORDER))


def _declined(world: World, pos: Pos) -> None:
    assert state(pos, "K1") is PaymentState.DECLINED
    assert [name for name, _, _ in world.notices].count("hint.heard") >= 1, "the messages must have led somewhere"


def _returned(world: World, pos: Pos) -> None:
    assert state(pos, "K1") is PaymentState.CANCELED
    assert world.bank.ledger.charged(order_id=ORDER) == 30_000
    assert world.bank.ledger.net(order_id=ORDER) == 0


HINT_STORIES = (
    Story("a message too early", _too_early, _declined, policy=replace(POLICY, read_interval_ms=1_500)),
    Story("a message finds late money", _late_and_unwatched, _returned, policy=replace(PATIENT, rereads_ms=(10_000,))),
)
