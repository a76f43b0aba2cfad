"""The stories that are told again and again while the process dies at every possible place."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from agent.core.answer import Money
from agent.core.ask_refund import Wanted
from agent.core.delivery import DeliveryState
from agent.core.payment import PaymentState
from agent.core.policy import BackOff, Policy, Unclaimed
from agent.core.refund import RefundState
from agent.sandbox.availability import Offer
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.simulation.stories_hints import HINT_STORIES
from tests.simulation.stories_links import LINK_STORIES
from tests.simulation.stories_operator import OPERATOR_STORIES
from tests.simulation.stories_payouts import PAYOUT_STORIES
from tests.simulation.story import PATIENT as PATIENT
from tests.simulation.story import POLICY as POLICY
from tests.simulation.story import REREADS_MS as REREADS_MS
from tests.simulation.story import SELDOM as SELDOM
from tests.simulation.story import Story as Story
from tests.simulation.story import customer as customer
from tests.simulation.story import fault as fault
from tests.simulation.story import state as state
from tests.simulation.till import Pos
from tests.simulation.world import World


async def _sale(world: World, pos: Pos) -> None:
    await pos.sell("K1")
    await pos.result("K1")
    await pos.confirm("K1")


async def _means_beside(world: World, pos: Pos) -> None:
    """Lists of means are asked for while a payment runs: one comes in two steps, one never."""
    world.bank.offer = Offer(asynchronous=True)
    async with asyncio.TaskGroup() as others:
        others.create_task(pos.means("A1"))
        await pos.sell("K1")
        await asyncio.sleep(1)
        fault(world, FaultKind.LOSE_REQUEST, Operation.AVAILABILITY, hang_ms=20_000)
        others.create_task(pos.means("A2"))
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
    fault(world, FaultKind.OUTAGE, ms=720_000)
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


async def _paid_at_once(world: World, pos: Pos, key: str) -> bool:
    customer(world, f"order-{key}", Action.CONFIRM, after_ms=0)
    await pos.sell(key)
    return (await pos.result(key)).state is PaymentState.PAID


async def _receipt(world: World, pos: Pos) -> None:
    if await _paid_at_once(world, pos, "K1"):
        await pos.receipt("K1", "F1")
        await pos.delivered("K1", "F1")


async def _receipt_offline(world: World, pos: Pos) -> None:
    if await _paid_at_once(world, pos, "K1"):
        fault(world, FaultKind.OUTAGE, ms=3_000)
        await pos.receipt("K1", "F1")
        await pos.delivered("K1", "F1")


async def _receipt_answer_lost(world: World, pos: Pos) -> None:
    fault(world, FaultKind.LOSE_ANSWER, Operation.RECEIPT, times=2)
    if await _paid_at_once(world, pos, "K1"):
        await pos.receipt("K1", "F1")
        await _paid_at_once(world, pos, "K2")
        await pos.delivered("K1", "F1")


async def _receipt_refused(world: World, pos: Pos) -> None:
    fault(world, FaultKind.REFUSE_422, Operation.RECEIPT, code="UNKNOWN_TRANSACTION_ID")
    if await _paid_at_once(world, pos, "K1"):
        await pos.receipt("K1", "F1")
        await pos.delivered("K1", "F1")


async def _receipts_and_refund(world: World, pos: Pos) -> None:
    if not await _paid_at_once(world, pos, "K1"):
        return
    fault(world, FaultKind.LOSE_ANSWER, Operation.RECEIPT)
    await pos.receipt("K1", "F1")
    await pos.refund("K1", "R1", [Wanted(0, 1)])
    if await pos.refunded("K1", "R1") is RefundState.REFUNDED:
        await pos.receipt("K1", "F2", "R1")
    for receipt in pos.book["K1"].receipts:
        await pos.delivered("K1", receipt)


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


def _receipts(**states: DeliveryState) -> Callable[[World, Pos], None]:
    def check(world: World, pos: Pos) -> None:
        assert {entry.final.state for entry in pos.book.values() if entry.final} == {PaymentState.PAID}
        assert pos.book["K1"].receipts == states
        arrived = [one.receipt_id for one in world.bank.ledger.receipts]
        assert arrived == [name for name, state in states.items() if state is DeliveryState.DELIVERED]

    return check


def _next_customer_first(world: World, pos: Pos) -> None:
    """The next sale was paid while the receipt of the one before was still on its way."""
    _receipts(F1=DeliveryState.DELIVERED)(world, pos)
    answered = [one.at_ms for one in world.bank.log if one.operation is Operation.RECEIPT and one.fault is None]
    paid = [one.at_ms for one in world.bank.ledger.select(order_id="order-K2")]
    assert paid < answered, (paid, answered)


STORIES = {
    story.name: story
    for story in (
        Story("sale", _sale, _ends("K1", PaymentState.PAID)),
        Story("means of payment", _means_beside, _ends("K1", PaymentState.PAID)),
        Story("declined", _declined, _ends("K1", PaymentState.DECLINED)),
        Story("cashier cancels", _cashier_cancels, _ends("K1", PaymentState.CANCELED)),
        Story("race lost", _race_lost, _ends("K1", PaymentState.PAID)),
        Story("answer lost", _answer_lost, _ends("K1", PaymentState.PAID)),
        Story("never answered", _never_answered, _ends("K1", PaymentState.CANCELED)),
        Story(
            "a whole day", _late_day, _returned, policy=replace(PATIENT, rereads_ms=Policy().rereads_ms), settle_s=90_000, every_death=False
        ),
        Story("silent bank", _silent_bank, _in_doubt, policy=SELDOM, attention=True),
        Story("lost, then offline", _lost_then_offline, _ends("K1", PaymentState.PAID, PaymentState.CANCELED), policy=SELDOM),
        Story("cancel answer lost", _cancel_answer_lost, _ends("K1", PaymentState.CANCELED), policy=PATIENT),
        Story("late money", _late_money, _returned, policy=PATIENT),
        Story("queue and expiry", _queue_and_expiry, _both, policy=replace(POLICY, checkout_backoff=BackOff(500, 8_000))),
        Story("partial refund", _partial_refund, _refunds_made),
        Story("forgotten refund", _forgotten_refund, _refunds_made, policy=SELDOM, bank={"forget_after_ms": 600_000}),
        Story("unclaimed", _unclaimed, _reversed, policy=replace(POLICY, unclaimed=Unclaimed.RETURN)),
        Story("return refused", _refund_refused, _returned, policy=PATIENT),
        Story("wrong amount", _wrong_amount, _attention, attention=True),
        Story("late copy", _late_copy, _ends("K1", PaymentState.PAID)),
        Story("power cut", _power_cut, _ends("K1", PaymentState.CANCELED)),
        Story("receipt", _receipt, _receipts(F1=DeliveryState.DELIVERED)),
        Story("receipt, then offline", _receipt_offline, _receipts(F1=DeliveryState.DELIVERED)),
        Story("receipt answer lost", _receipt_answer_lost, _next_customer_first),
        Story("receipt refused", _receipt_refused, _receipts(F1=DeliveryState.REFUSED)),
        Story("receipts and refund", _receipts_and_refund, _receipts(F1=DeliveryState.DELIVERED, F2=DeliveryState.DELIVERED)),
        *OPERATOR_STORIES,
        *HINT_STORIES,
        *LINK_STORIES,
        *PAYOUT_STORIES,
    )
}
