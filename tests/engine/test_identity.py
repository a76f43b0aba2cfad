"""Goal: a password that cannot be read, or is refused, for long does not fill the journal, and what is owed goes out once it can be.
Method: the engine in virtual time, at a wire that cannot say who it comes from, and before a bank that lets nobody in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from agent.core import events
from agent.core.alarms import standing
from agent.core.duty import Duty
from agent.core.payment import PaymentState
from agent.core.refund import RefundState
from agent.engine.identity import LOOK_EVERY_MS, TRY_EVERY_MS
from agent.engine.receipts import ReceiptOrder, Receipts
from agent.engine.steward import Steward
from agent.sandbox.customer import Action
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import Shop, create, finished, order, play
from tests.simulation.stories import customer
from tests.simulation.till import Pos, fiscal

HOUR_S = 3_600.0
SOON_S = 2 * LOOK_EVERY_MS / 1_000


async def _paid(shop: Shop) -> Steward:
    customer(shop, "order-K1", Action.CONFIRM, 0)
    steward = await create(shop, order("K1"))
    assert (await finished(shop, steward.sale.id)).payment is PaymentState.PAID
    await shop.living.tell(steward, "pos")
    return steward


async def _cancel(shop: Shop, pos: Pos) -> Steward:
    customer(shop, "order-K1", Action.WAIT)
    steward = await create(shop, order("K1"))
    await asyncio.sleep(3)
    shop.nameless = True
    await shop.desk.cancel(steward.sale.id)
    return steward


async def _refund(shop: Shop, pos: Pos) -> Steward:
    steward = await _paid(shop)
    shop.nameless = True
    await pos.refund("K1", "R1", token="refund-token-1")
    return steward


async def _receipt(shop: Shop, pos: Pos) -> Steward:
    steward = await _paid(shop)
    shop.nameless = True
    await Receipts(shop.living).give(ReceiptOrder(pos.sale_id("K1"), fiscal("order-K1", "F1"), None))
    return steward


def _is_canceled(steward: Steward) -> bool:
    return steward.sale.payment is PaymentState.CANCELED


def _is_refunded(steward: Steward) -> bool:
    return [one.state for one in steward.sale.refunds] == [RefundState.REFUNDED]


def _is_delivered(steward: Steward) -> bool:
    return not any(one.unsettled for one in steward.sale.deliveries)


Owes = Callable[[Shop, Pos], Awaitable[Steward]]


@pytest.mark.parametrize(
    ("owes", "is_done", "operation"),
    [
        (_cancel, _is_canceled, Operation.CANCEL),
        (_refund, _is_refunded, Operation.REFUND),
        (_receipt, _is_delivered, Operation.RECEIPT),
    ],
)
def test_an_hour_without_a_password_is_one_attempt(
    owes: Owes, is_done: Callable[[Steward], bool], operation: Operation, fast_folder: Path
) -> None:
    """One attempt is recorded, with an alarm, and nothing more in an hour; a restart records one more; soon after the end it is done."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await owes(shop, pos)
        await asyncio.sleep(60)
        begun = await shop.events(steward.sale.id)
        assert sum(isinstance(one, events.AttemptHeld) for one in begun) == 1
        assert isinstance(begun[-1], events.AlarmRaised)
        assert standing(steward.sale) == (("ACCESS_DENIED",) if operation is not Operation.RECEIPT else ())
        await asyncio.sleep(HOUR_S)
        assert await shop.events(steward.sale.id) == begun
        await shop.restart()
        await asyncio.sleep(HOUR_S)
        again = await shop.events(steward.sale.id)
        assert sum(isinstance(one, events.AttemptHeld) for one in again) == 2
        assert not any(one.operation is operation for one in shop.bank.log)
        shop.nameless = False
        await asyncio.sleep(SOON_S)
        assert is_done(await shop.desk.find(steward.sale.id))

    play(tale, fast_folder)


def test_a_checkout_waits_for_the_password(fast_folder: Path) -> None:
    """Within its deadline it is sent as soon as the password can be read; after it, it ends unsent for this reason."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.nameless = True
        first = await create(shop, order("K1"))
        await asyncio.sleep(12)
        assert (first.sale.payment, first.sale.reason) == (PaymentState.QUEUED, "ACCESS_DENIED")
        shop.nameless = False
        await asyncio.sleep(SOON_S)
        assert (await finished(shop, first.sale.id)).payment is PaymentState.PAID
        shop.nameless = True
        second = await finished(shop, (await create(shop, order("K2"))).sale.id)
        assert (second.payment, second.reason) == (PaymentState.EXPIRED, "ACCESS_DENIED")
        assert sum(isinstance(one, events.AttemptHeld) for one in await shop.events(second.id)) == 1

    play(tale, fast_folder)


def _attempts(history: Sequence[object]) -> int:
    return sum(isinstance(one, events.AttemptStarted) for one in history)


def test_a_refused_login_is_tried_every_few_minutes(fast_folder: Path) -> None:
    """A refund that is owed for an hour makes an attempt in five minutes, not two a minute; when the door opens it is made."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await _paid(shop)
        shop.bank.add_fault(shop.now_ms(), Fault(FaultKind.UNAUTHORIZED, times=None))
        await pos.refund("K1", "R1", token="refund-token-1")
        await asyncio.sleep(60)
        before = _attempts(await shop.events(steward.sale.id))
        await asyncio.sleep(HOUR_S)
        made = _attempts(await shop.events(steward.sale.id)) - before
        assert HOUR_S * 1_000 / TRY_EVERY_MS - 2 <= made <= HOUR_S * 1_000 / TRY_EVERY_MS + 1
        assert standing(steward.sale) == ("ACCESS_DENIED",)
        shop.bank.clear_faults()
        await asyncio.sleep(TRY_EVERY_MS / 1_000 + SOON_S)
        assert _is_refunded(steward)

    play(tale, fast_folder)


def test_a_read_that_is_let_in_ends_the_wait(fast_folder: Path) -> None:
    """Another sale's answer shows that the door is open: the refund goes out within seconds."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await _paid(shop)
        shop.bank.add_fault(shop.now_ms(), Fault(FaultKind.UNAUTHORIZED, times=None))
        await pos.refund("K1", "R1", token="refund-token-1")
        await asyncio.sleep(600)
        shop.bank.clear_faults()
        assert (await finished(shop, (await create(shop, order("K2"))).sale.id)).payment is PaymentState.PAID
        await asyncio.sleep(SOON_S)
        assert _is_refunded(steward)

    play(tale, fast_folder)


def test_an_operator_does_not_wait_before_a_shut_door(fast_folder: Path) -> None:
    """What an operator hurries is tried at once, once."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await _paid(shop)
        shop.bank.add_fault(shop.now_ms(), Fault(FaultKind.UNAUTHORIZED, times=None))
        await pos.refund("K1", "R1", token="refund-token-1")
        await asyncio.sleep(400)
        before = _attempts(await shop.events(steward.sale.id))
        steward.memory.hurried.add(Duty.REFUND)
        steward.holds.clear()
        steward.rouse()
        await asyncio.sleep(2)
        assert _attempts(await shop.events(steward.sale.id)) == before + 1
        assert Duty.REFUND not in steward.memory.hurried

    play(tale, fast_folder)
