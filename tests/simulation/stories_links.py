"""Stories of customers who pay on a page behind a link: at the three payment systems that work so, and by links that the till has written.
Short: every call is a place to die at.

The customer pays as soon as the till has shown him the link, and nobody can take it away from him again: he may have photographed it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from agent.core.answer import Money
from agent.core.ask_refund import Wanted
from agent.core.payment import PaymentState
from agent.core.policy import BackOff, Policy
from agent.core.refund import RefundState
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import FaultKind
from agent.sandbox.payconnect.knobs import PayConnectKnobs
from agent.sandbox.softline.knobs import SoftlineKnobs
from agent.sandbox.transaction import Purpose
from agent.sandbox.words import Operation
from tests.simulation.office import Office
from tests.simulation.story import Story, fault, state
from tests.simulation.systems import LINK_LIFE_MS, METHOD, OWN_LINKS, PAYCONNECT, PAYCORE, SOFTLINE
from tests.simulation.till import Pos
from tests.simulation.world import World

ORDER = "order-K1"
# Few reads, and a short patience: what is repeated without a change is a death like the last.
POLICY = Policy(
    first_read_ms=1_500,
    read_interval_ms=4_000,
    wait_limit_ms=20_000,
    window_after_deadline_ms=10_000,
    window_after_reachable_ms=10_000,
    window_limit_ms=90_000,
    blind_repeat_ms=30_000,
    checkout_backoff=BackOff(500, 4_000),
    settle_backoff=BackOff(2_000, 60_000),
)
BANK: dict[str, Any] = {
    "customer": Customer(Action.WAIT),
    "softline": SoftlineKnobs(methods=frozenset({METHOD}), link_life_ms=LINK_LIFE_MS, visible_after_ms=1_000),
    "payconnect": PayConnectKnobs(session_ms=LINK_LIFE_MS),
}
DAY_S = 90_000


async def _paid(world: World, pos: Pos) -> None:
    await pos.sell("K1")
    await pos.result("K1")
    await pos.confirm("K1")


async def _withdrawn(world: World, pos: Pos) -> None:
    """The cashier takes the link back, and nobody ever pays."""
    pos.shopper = Customer(Action.WAIT)
    await pos.sell("K1")
    await asyncio.sleep(3)
    await pos.cancel("K1")
    await pos.result("K1")


async def _paid_late(world: World, pos: Pos) -> None:
    """The wait is over, "not paid" is told, and then he pays."""
    pos.shopper = Customer(Action.CONFIRM, 40_000)
    await pos.sell("K1")
    await pos.result("K1")


async def _paid_late_and_nobody_returns(world: World, pos: Pos) -> None:
    await _paid_late(world, pos)
    await asyncio.sleep(60)
    await pos.poll("K1")


async def _paid_late_and_returned_by_people(world: World, pos: Pos) -> None:
    await _paid_late(world, pos)
    await asyncio.sleep(60)

    async def is_back() -> bool:
        return (await pos.poll("K1")).money is Money.RETURNED

    await _people(world, is_back)


async def _answer_lost(world: World, pos: Pos) -> None:
    fault(world, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
    await _paid(world, pos)


async def _search_lost(world: World, pos: Pos) -> None:
    """The search that goes before a link of our own: without its answer nothing is shown."""
    fault(world, FaultKind.LOSE_ANSWER, Operation.FIND)
    await _paid(world, pos)


async def _never_opened(world: World, pos: Pos) -> None:
    """The customer walks away: nothing is ever made."""
    pos.shopper = Customer(Action.CONFIRM, 3_000_000)  # long after the link's end
    await pos.sell("K1")
    await pos.result("K1")


async def _first_copy_late(world: World, pos: Pos) -> None:
    """The searches find nothing, so the payment is made again; then the first copy arrives after all."""
    fault(world, FaultKind.LATE_FIRST_COPY, Operation.CHECKOUT, ms=40_000)
    await _paid(world, pos)


async def _canceled_in_the_dark(world: World, pos: Pos) -> None:
    """Nobody has seen the link when the cashier gives up; the payment is found, and watched to its end."""
    fault(world, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
    await pos.sell("K1")
    await asyncio.sleep(0.5)
    await pos.cancel("K1")
    await pos.result("K1")


async def _answer_too_late(world: World, pos: Pos) -> None:
    """The answer comes when the sale is over: what it names is watched, and its link is shown to nobody."""
    fault(world, FaultKind.DELAY, Operation.CHECKOUT, ms=8_000)
    await pos.sell("K1")
    await asyncio.sleep(6)
    await pos.cancel("K1")
    await pos.result("K1")


async def _paid_in_the_dark(world: World, pos: Pos) -> None:
    """The power goes while he reads the page; his phone goes on. He is not told that he has not paid."""
    pos.shopper = Customer(Action.CONFIRM, 8_000)
    await pos.sell("K1")
    await asyncio.sleep(2)
    await pos.poll("K1")
    await world.reboot(15)
    await pos.result("K1")


async def _refunds(world: World, pos: Pos) -> None:
    """A part, whose answer is lost, and then the rest."""
    await _paid(world, pos)
    if state(pos, "K1") is not PaymentState.PAID:
        return
    fault(world, FaultKind.LOSE_ANSWER, Operation.REFUND)
    await pos.refund("K1", "R1", [Wanted(0, 1)])
    await pos.refunded("K1", "R1")
    await pos.refund("K1", "R2", [Wanted(0, 2)])
    await pos.refunded("K1", "R2")


async def _refund_lost_on_its_way(world: World, pos: Pos) -> None:
    """Nothing was returned, which the sum tells, so it is asked for again."""
    await _paid(world, pos)
    if state(pos, "K1") is not PaymentState.PAID:
        return
    fault(world, FaultKind.LOSE_REQUEST, Operation.REFUND)
    await pos.refund("K1", "R1")
    await pos.refunded("K1", "R1")


async def _refund_by_people(world: World, pos: Pos) -> None:
    await _paid(world, pos)
    if state(pos, "K1") is PaymentState.PAID:
        await pos.refund("K1", "R1")
        await _people(world, _is_refunded(pos))


async def _refund_by_people_answer_lost(world: World, pos: Pos) -> None:
    """Whether they were asked nobody knows, and they take their time: when it is asked for again, they still think."""
    fault(world, FaultKind.LOSE_ANSWER, Operation.REFUND)
    await _paid(world, pos)
    if state(pos, "K1") is PaymentState.PAID:
        await pos.refund("K1", "R1")
        await asyncio.sleep(100)
        await _people(world, _is_refunded(pos))


def _is_refunded(pos: Pos) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await pos.refunded("K1", "R1", patience_s=0) is RefundState.REFUNDED

    return ask


async def _people(world: World, is_done: Callable[[], Awaitable[bool]]) -> None:
    """They return what they are asked to. An operator has it looked at: by itself that would be once a day."""
    for pause_s in range(5, 65, 5):
        for payment in world.bank.transactions():
            asked = payment.running(Purpose.REFUND)
            if asked is not None:
                world.bank.decide_reference(world.now_ms(), asked.id)
        await Office(world).hurry()
        await asyncio.sleep(pause_s)
        if await is_done():
            return


def _ends(expected: PaymentState, charged: int = 0, net: int | None = None) -> Callable[[World, Pos], None]:
    def check(world: World, pos: Pos) -> None:
        assert state(pos, "K1") is expected, state(pos, "K1")
        ledger = world.bank.ledger
        assert (ledger.charged(order_id=ORDER), ledger.net(order_id=ORDER)) == (charged, charged if net is None else net)

    return check


def _refunds_made(world: World, pos: Pos) -> None:
    _ends(PaymentState.PAID, 30_000, 0)(world, pos)
    assert {one[1] for one in pos.book["K1"].refunds.values()} == {RefundState.REFUNDED}


def _made_twice(world: World, pos: Pos) -> None:
    _ends(PaymentState.PAID, 30_000)(world, pos)
    assert len(world.bank.transactions()) == 2, "the first copy should have arrived"
    assert len({url for url, _ in pos.book["K1"].links}) == 1


def _never_shown(world: World, pos: Pos) -> None:
    _ends(PaymentState.CANCELED)(world, pos)
    assert pos.book["K1"].links == []
    assert len(world.bank.transactions()) == 1, "there should be a payment that nobody was shown"


def _watched(world: World, pos: Pos) -> None:
    """It could still be paid, so it was looked after."""
    _never_shown(world, pos)
    assert any(one.operation is Operation.STATUS for one in world.bank.log)


def _nothing_made(world: World, pos: Pos) -> None:
    """And that is what the cashier is told."""
    _ends(PaymentState.CANCELED)(world, pos)
    assert world.bank.transactions() == []
    final = pos.book["K1"].final
    assert final is not None
    assert final.reason == "LINK_NOT_OPENED"


def _handed_over(world: World, pos: Pos) -> None:
    """Only a person can return it, and one has been called."""
    _ends(PaymentState.CANCELED, 30_000)(world, pos)
    assert pos.book["K1"].answers[-1].money is Money.STUCK


def _story(system: str, name: str, tell: Callable[[World, Pos], Awaitable[None]], plain: Callable[[World, Pos], None]) -> Story:
    return Story(f"{system}: {name}", tell, plain, policy=POLICY, system=system, bank=BANK)


_NOT_PAID, _IS_PAID = _ends(PaymentState.CANCELED), _ends(PaymentState.PAID, 30_000)
_RETURNED = _ends(PaymentState.CANCELED, 30_000, 0)

LINK_STORIES = (
    _story(PAYCORE, "paid", _paid, _IS_PAID),
    _story(PAYCORE, "withdrawn", _withdrawn, _NOT_PAID),
    _story(PAYCORE, "paid late", _paid_late, _RETURNED),
    _story(PAYCORE, "answer lost", _answer_lost, _IS_PAID),
    _story(PAYCORE, "canceled in the dark", _canceled_in_the_dark, _watched),
    _story(PAYCORE, "paid in the dark", _paid_in_the_dark, _IS_PAID),
    _story(PAYCORE, "refunds", _refunds, _refunds_made),
    _story(PAYCORE, "refund lost on its way", _refund_lost_on_its_way, _refunds_made),
    _story(OWN_LINKS, "search lost", _search_lost, _IS_PAID),
    _story(OWN_LINKS, "paid late", _paid_late, _RETURNED),
    replace(_story(OWN_LINKS, "withdrawn", _withdrawn, _NOT_PAID), every_death=False),
    replace(_story(OWN_LINKS, "paid in the dark", _paid_in_the_dark, _IS_PAID), every_death=False),
    replace(_story(OWN_LINKS, "never opened", _never_opened, _nothing_made), every_death=False),
    _story(SOFTLINE, "paid", _paid, _IS_PAID),
    _story(SOFTLINE, "withdrawn", _withdrawn, _NOT_PAID),
    replace(_story(SOFTLINE, "paid late", _paid_late_and_returned_by_people, _RETURNED), settle_s=DAY_S),
    _story(SOFTLINE, "answer lost", _answer_lost, _IS_PAID),
    _story(SOFTLINE, "first copy late", _first_copy_late, _made_twice),
    replace(_story(SOFTLINE, "refund", _refund_by_people, _refunds_made), settle_s=DAY_S),
    replace(_story(SOFTLINE, "refund, answer lost", _refund_by_people_answer_lost, _refunds_made), settle_s=DAY_S),
    _story(PAYCONNECT, "paid", _paid, _IS_PAID),
    _story(PAYCONNECT, "withdrawn", _withdrawn, _NOT_PAID),
    replace(_story(PAYCONNECT, "paid late", _paid_late_and_nobody_returns, _handed_over), attention=True),
    _story(PAYCONNECT, "answer lost", _answer_lost, _never_shown),
    _story(PAYCONNECT, "answer too late", _answer_too_late, _watched),
)
