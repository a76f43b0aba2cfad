"""Goal: the vendor's library behind a helper command supplies card sessions and tokens; its faults cost no money and no other customer
(money rules 6, 12). Method: a helper that answers, refuses, fails and hangs, in virtual time.
"""

import asyncio
from pathlib import Path

import pytest

from agent.core.payment import PaymentState
from agent.engine.steward import Steward
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import Helper, Shop, create, finished, order, play
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos

PAID = PaymentState.PAID


async def scan(shop: Shop, key: str, barcode: str) -> Steward:
    return await create(shop, order(key, cardSession="", token="", barcode=barcode))


def test_a_barcode_becomes_a_card_session(fast_folder: Path) -> None:
    """The helper reads the code and makes the token; both are kept only as long as they are needed."""
    helper = Helper(CM1="SESSION1")

    def prepare(shop: Shop) -> None:
        shop.card = helper

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.CONFIRM, 5_000)
        fault(shop, FaultKind.LOSE_REQUEST, Operation.CHECKOUT)
        steward = await scan(shop, "K1", "CM1")
        await asyncio.sleep(0.2)
        assert await shop.kept_secrets(steward.sale.id) == {"barcode", "cardSession", "token", "loyaltyId"}
        await asyncio.sleep(2)
        assert await shop.kept_secrets(steward.sale.id) == {"token"}  # money may have to go back
        assert (await finished(shop, steward.sale.id)).payment is PAID
        assert helper.asked == ["verify CM1", "token"]  # a repeat takes what the first attempt took
        assert [one.card_session for one in shop.bank.transactions()] == ["SESSION1"]

    play(tale, fast_folder, prepare=prepare)


def test_a_card_without_a_session_is_declined(fast_folder: Path) -> None:
    """An ordinary loyalty card: declined at once, nothing sent, and the lane is free."""

    def prepare(shop: Shop) -> None:
        shop.card = Helper(CM1=None)

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await scan(shop, "K1", "CM1")
        sale = await finished(shop, steward.sale.id)
        assert (sale.payment, sale.reason) == (PaymentState.DECLINED, "CARD_SESSION_UNAVAILABLE")
        assert shop.loop.time() < 1
        assert not shop.bank.log
        assert await shop.kept_secrets(steward.sale.id) == frozenset()
        assert (await finished(shop, (await create(shop, order("K2"))).sale.id)).payment is PAID

    play(tale, fast_folder, prepare=prepare)


def test_a_helper_that_fails_is_asked_again_until_the_deadline(fast_folder: Path) -> None:
    """Broken throughout: the sale expires with HELPER_FAILED; repaired in time: it is paid."""
    helper = Helper(CM1="SESSION1", CM2="SESSION2")
    helper.broken = True

    def prepare(shop: Shop) -> None:
        shop.card = helper

    async def tale(shop: Shop, pos: Pos) -> None:
        first = await scan(shop, "K1", "CM1")
        await asyncio.sleep(20)
        second = await scan(shop, "K2", "CM2")
        sale = await finished(shop, first.sale.id)
        assert (sale.payment, sale.reason) == (PaymentState.EXPIRED, "HELPER_FAILED")
        assert shop.loop.time() < 30.1
        assert 10 <= len(helper.asked) <= 16
        assert not shop.bank.log
        helper.broken = False
        assert (await finished(shop, second.sale.id)).payment is PAID
        assert shop.noticed("helper.failed")

    play(tale, fast_folder, prepare=prepare)


def test_a_helper_that_hangs_does_not_keep_the_lane(fast_folder: Path) -> None:
    """It never answers: the sale expires at its deadline all the same, and the customer behind it is served."""
    helper = Helper()
    helper.hanging = True

    def prepare(shop: Shop) -> None:
        shop.card = helper

    async def tale(shop: Shop, pos: Pos) -> None:
        stuck = await scan(shop, "K1", "CM1")
        await asyncio.sleep(20)
        behind = await create(shop, order("K2"))
        sale = await finished(shop, stuck.sale.id)
        assert (sale.payment, sale.reason) == (PaymentState.EXPIRED, "HELPER_FAILED")
        assert shop.loop.time() < 30.1
        assert (await finished(shop, behind.sale.id)).payment is PAID

    play(tale, fast_folder, prepare=prepare)


def test_a_cancel_while_the_helper_works_sends_nothing(fast_folder: Path) -> None:
    """The cashier gives up while the helper thinks: canceled at once, and what the helper answers later is not sent."""
    helper = Helper(CM1="SESSION1")

    def prepare(shop: Shop) -> None:
        shop.card = helper

    async def tale(shop: Shop, pos: Pos) -> None:
        helper.hanging = True
        steward = await scan(shop, "K1", "CM1")
        await asyncio.sleep(1)
        await shop.desk.cancel(steward.sale.id)
        assert steward.sale.payment is PaymentState.CANCELED
        await asyncio.sleep(60)
        assert not shop.bank.log

    play(tale, fast_folder, prepare=prepare)


@pytest.mark.parametrize("scanned", [True, False])
def test_a_helper_that_was_taken_away_declines_what_was_never_sent(scanned: bool, fast_folder: Path) -> None:
    """Accepted with a helper, started without one, a card session or a token missing: declined, and a person can read why."""

    def prepare(shop: Shop) -> None:
        helper = Helper(CM1="SESSION1")
        helper.broken = True
        shop.card = helper

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await scan(shop, "K1", "CM1") if scanned else await create(shop, order("K1", token=""))
        await asyncio.sleep(1)
        shop.with_card = False
        await shop.restart()
        sale = await finished(shop, steward.sale.id)
        assert (sale.payment, sale.reason) == (PaymentState.DECLINED, "SECRET_LOST")
        assert not shop.bank.log

    play(tale, fast_folder, prepare=prepare)
