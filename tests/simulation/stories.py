"""The stories that are told again and again while the process dies at every possible place."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from agent.core.answer import Money
from agent.core.decide_refund import Wanted
from agent.core.payment import PaymentState
from agent.core.policy import BackOff, Policy, Unclaimed
from agent.core.refund import RefundState
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.words import Operation
from tests.simulation.till import Pos
from tests.simulation.world import World

# Looks after a cancel up to an hour instead of a day, which costs thousands of naps; "a whole day" below has them all.
REREADS_MS = (60_000, 600_000, 3_600_000)
POLICY = Policy(rereads_ms=REREADS_MS, checkout_backoff=BackOff(500, 4_000), settle_backoff=BackOff(1_000, 20_000))


@dataclass(frozen=True, slots=True)
class Story:
    """``tell`` plays it. ``plain`` checks how it ends when nothing dies. ``attention``: a person may be needed when something does."""

    name: str
    tell: Callable[[World, Pos], Awaitable[None]]
    plain: Callable[[World, Pos], None]
    policy: Policy = POLICY
    attention: bool = False
    settle_s: float = 5_000  # how long after the last word everything must have come to rest: beyond the last look after a cancel
    bank: dict[str, object] = field(default_factory=dict)
    every_death: bool = True  # False: the same calls as another story, only further apart


def fault(world: World, kind: FaultKind, operation: Operation | None = None, times: int | None = 1, **params: int | str | bool) -> None:
    world.bank.add_fault(world.now_ms(), Fault(kind, operation, times, params=params))


def customer(world: World, order_id: str, action: Action, after_ms: int = 2_000) -> None:
    world.bank.queue_customer(Customer(action, after_ms), order_id=order_id)


def state(pos: Pos, key: str) -> PaymentState:
    final = pos.book[key].final
    assert final is not None, f"{key} was never finished"
    return final.state


async def _sale(world: World, pos: Pos) -> None:
    await pos.sell("K1")
    await pos.result("K1")
    await pos.confirm("K1")


async def _declined(world: World, pos: Pos) -> None:
    customer(world, "order-K1", Action.DECLINE)
    await pos.sell("K1")
    await pos.result("K1")


async def _cashier_cancels(world: World, pos: Pos) -> None:
    customer(world, "order-K1", Action.WAIT)
    await pos.sell("K1")
    await asyncio.sleep(3)
    await pos.cancel("K1")
    await pos.result("K1")


async def _race_lost(world: World, pos: Pos) -> None:
    customer(world, "order-K1", Action.CONFIRM, 3_005)
    fault(world, FaultKind.DELAY, Operation.CANCEL, ms=600, before=True)
    await pos.sell("K1")
    await asyncio.sleep(2.9)
    await pos.cancel("K1")
    await pos.result("K1")


async def _answer_lost(world: World, pos: Pos) -> None:
    fault(world, FaultKind.LOSE_ANSWER, Operation.CHECKOUT, times=2)
    await pos.sell("K1")
    await pos.result("K1")


async def _never_answered(world: World, pos: Pos) -> None:
    fault(world, FaultKind.LOSE_ANSWER, Operation.CHECKOUT, times=5)
    customer(world, "order-K1", Action.CONFIRM, 40_000)
    await pos.sell("K1")
    await pos.result("K1")


async def _silent_bank(world: World, pos: Pos) -> None:
    fault(world, FaultKind.LOSE_ANSWER, Operation.CHECKOUT, times=None)
    await pos.sell("K1")
    await pos.result("K1")


async def _lost_then_offline(world: World, pos: Pos) -> None:
    fault(world, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
    await pos.sell("K1")
    await asyncio.sleep(0.2)
    fault(world, FaultKind.OUTAGE, ms=45_000)
    await pos.result("K1")


async def _cancel_answer_lost(world: World, pos: Pos) -> None:
    customer(world, "order-K1", Action.WAIT)
    fault(world, FaultKind.LOSE_ANSWER, Operation.CANCEL, times=2)
    await pos.sell("K1")
    await pos.result("K1")


async def _late_money(world: World, pos: Pos) -> None:
    customer(world, "order-K1", Action.WAIT)
    fault(world, FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=30_000)
    await pos.sell("K1")
    await pos.result("K1")


async def _late_day(world: World, pos: Pos) -> None:
    customer(world, "order-K1", Action.WAIT)
    fault(world, FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=20 * 3_600_000)
    await pos.sell("K1")
    await pos.result("K1")


async def _queue_and_expiry(world: World, pos: Pos) -> None:
    fault(world, FaultKind.OUTAGE, ms=45_000)
    await pos.sell("K1")
    await asyncio.sleep(20)
    await pos.sell("K2")
    await pos.result("K1")
    await pos.result("K2")


async def _partial_refund(world: World, pos: Pos) -> None:
    await pos.sell("K1")
    if (await pos.result("K1")).state is not PaymentState.PAID:
        return
    fault(world, FaultKind.LOSE_ANSWER, Operation.REFUND)
    await pos.refund("K1", "R1", [Wanted(0, 1)], token="refund-token-1")
    await pos.refund("K1", "R2", [Wanted(0, 2)])
    await pos.refunded("K1", "R1")
    await pos.refunded("K1", "R2")


async def _forgotten_refund(world: World, pos: Pos) -> None:
    await pos.sell("K1")
    if (await pos.result("K1")).state is not PaymentState.PAID:
        return
    fault(world, FaultKind.LOSE_ANSWER, Operation.REFUND)
    await pos.refund("K1", "R1", [Wanted(0, 1)])
    await asyncio.sleep(0.5)
    fault(world, FaultKind.OUTAGE, ms=900_000)
    await pos.refunded("K1", "R1")


async def _unclaimed(world: World, pos: Pos) -> None:
    await pos.sell("K1", tell=False)
    await asyncio.sleep(300)


async def _refund_refused(world: World, pos: Pos) -> None:
    customer(world, "order-K1", Action.WAIT)
    fault(world, FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=30_000)
    fault(world, FaultKind.REFUSE_REFUND, Operation.REFUND, error_code="EXTERNAL_PROVIDER_ERROR")
    await pos.sell("K1")
    await pos.result("K1")


async def _wrong_amount(world: World, pos: Pos) -> None:
    fault(world, FaultKind.WRONG_AMOUNT, Operation.STATUS, times=None, delta=100)
    await pos.sell("K1")
    await pos.result("K1")


async def _late_copy(world: World, pos: Pos) -> None:
    fault(world, FaultKind.LATE_FIRST_COPY, Operation.CHECKOUT, ms=70_000)
    await pos.sell("K1")
    await pos.result("K1")


async def _power_cut(world: World, pos: Pos) -> None:
    customer(world, "order-K1", Action.CONFIRM, 20_000)
    await pos.sell("K1")
    await asyncio.sleep(2)
    await world.reboot(15)
    await pos.result("K1")


def _ends(key: str, *states: PaymentState) -> Callable[[World, Pos], None]:
    def check(world: World, pos: Pos) -> None:
        assert state(pos, key) in states, state(pos, key)

    return check


def _refunds_made(world: World, pos: Pos) -> None:
    assert state(pos, "K1") is PaymentState.PAID
    assert {one[1] for one in pos.book["K1"].refunds.values()} == {RefundState.REFUNDED}


def _returned(world: World, pos: Pos) -> None:
    assert state(pos, "K1") is PaymentState.CANCELED
    assert world.bank.ledger.charged(order_id="order-K1") == 30_000
    assert world.bank.ledger.net(order_id="order-K1") == 0


def _reversed(world: World, pos: Pos) -> None:
    assert world.bank.ledger.charged(order_id="order-K1") == 30_000
    assert world.bank.ledger.net(order_id="order-K1") == 0


def _both(world: World, pos: Pos) -> None:
    assert state(pos, "K1") is PaymentState.EXPIRED
    assert state(pos, "K2") is PaymentState.PAID


def _in_doubt(world: World, pos: Pos) -> None:
    last = pos.book["K1"].answers[-1]
    assert (last.state, last.reason, last.money) == (PaymentState.ATTENTION, "WINDOW_CLOSED", Money.POSSIBLE)


def _attention(world: World, pos: Pos) -> None:
    last = pos.book["K1"].answers[-1]
    assert (last.state, last.reason, last.money) == (PaymentState.ATTENTION, "AMOUNT_MISMATCH", Money.CHARGED)


STORIES = {
    story.name: story
    for story in (
        Story("sale", _sale, _ends("K1", PaymentState.PAID)),
        Story("declined", _declined, _ends("K1", PaymentState.DECLINED)),
        Story("cashier cancels", _cashier_cancels, _ends("K1", PaymentState.CANCELED)),
        Story("race lost", _race_lost, _ends("K1", PaymentState.PAID)),
        Story("answer lost", _answer_lost, _ends("K1", PaymentState.PAID)),
        Story("never answered", _never_answered, _ends("K1", PaymentState.CANCELED)),
        Story(
            "a whole day", _late_day, _returned, policy=replace(POLICY, rereads_ms=Policy().rereads_ms), settle_s=90_000, every_death=False
        ),
        Story("silent bank", _silent_bank, _in_doubt, attention=True),
        Story("lost, then offline", _lost_then_offline, _ends("K1", PaymentState.PAID, PaymentState.CANCELED)),
        Story("cancel answer lost", _cancel_answer_lost, _ends("K1", PaymentState.CANCELED)),
        Story("late money", _late_money, _returned),
        Story("queue and expiry", _queue_and_expiry, _both),
        Story("partial refund", _partial_refund, _refunds_made),
        Story("forgotten refund", _forgotten_refund, _refunds_made, bank={"forget_after_ms": 600_000}),
        Story("unclaimed", _unclaimed, _reversed, policy=replace(POLICY, unclaimed=Unclaimed.RETURN)),
        Story("return refused", _refund_refused, _returned),
        Story("wrong amount", _wrong_amount, _attention, attention=True),
        Story("late copy", _late_copy, _ends("K1", PaymentState.PAID)),
        Story("power cut", _power_cut, _ends("K1", PaymentState.CANCELED)),
    )
}
