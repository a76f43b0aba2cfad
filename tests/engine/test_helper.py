"""Goal: the vendor's library behind a helper command supplies card sessions and tokens; its faults cost no money and no other customer
(money rules 6, 12). Method: a helper that answers, refuses, fails and hangs, in virtual time.
"""

import asyncio
from pathlib import Path

import pytest

from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.ports import HelperFailed
from agent.engine import scans
from agent.engine.inquiry import Wish
from agent.engine.scans import MAX_KEPT, Scans
from agent.engine.steward import Steward
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import TILL_2, Helper, Shop, create, finished, order, play
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos, bill
from tests.simulation.world import STORE, TILL

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


# --- a code is read once ---


class Halting(Helper):
    """It reads codes, and makes no token while ``halted``."""

    halted = False

    async def token(self) -> str:
        token = await super().token()
        if self.halted:
            raise HelperFailed("no token")
        return token


def test_a_code_read_for_a_list_is_not_read_again_for_its_checkout(fast_folder: Path) -> None:
    """Nor after the list was asked for twice; the next checkout with the same code has it read, and so has another till."""
    helper = Helper(CM1="SESSION1")

    def prepare(shop: Shop) -> None:
        shop.card = helper

    async def tale(shop: Shop, pos: Pos) -> None:
        for key in ("A1", "A2"):
            wish = Wish(SaleId(STORE, TILL, key), bill("order-K1").invoice, {"barcode": "CM1", "loyaltyId": "2900001", "token": "t"})
            question, _ = shop.living.availability.ask(wish)
            await shop.living.availability.wait(question, 60)
        assert (await finished(shop, (await scan(shop, "K1", "CM1")).sale.id)).payment is PAID
        assert helper.asked == ["verify CM1", "token"]
        assert [one.card_session for one in shop.bank.transactions()] == ["SESSION1"]
        assert len(shop.living.ports.scans) == 0
        helper.asked.clear()
        await create(shop, order("K2", cardSession="", token="", barcode="CM1", terminal=TILL_2))
        await scan(shop, "K3", "CM1")
        await asyncio.sleep(2)
        assert helper.asked.count("verify CM1") == 2

    play(tale, fast_folder, prepare=prepare)


def test_a_code_is_read_once_however_long_the_token_takes(fast_folder: Path) -> None:
    """Every further try asks for the token alone."""
    helper = Halting(CM1="SESSION1")
    helper.halted = True

    def prepare(shop: Shop) -> None:
        shop.card = helper

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await scan(shop, "K1", "CM1")
        await asyncio.sleep(9)
        helper.halted = False
        assert (await finished(shop, steward.sale.id)).payment is PAID
        assert (helper.asked.count("verify CM1"), helper.asked.count("token") > 3) == (1, True)

    play(tale, fast_folder, prepare=prepare)


async def test_two_who_ask_at_once_have_a_code_read_once() -> None:
    """A list and its checkout: the second waits for the first. One who is told nothing, or gives up, leaves the turn to the next."""
    kept, read = Scans(), list[str]()

    async def ask(session: str | None, pause: float = 0.01) -> str | None:
        async with kept.turn("code"):
            if (known := kept.find("code")) is not None:
                return known
            read.append(str(session))
            await asyncio.sleep(pause)
            if session is not None:
                kept.keep("code", session)
            return session

    given_up = asyncio.create_task(ask("LATE", 60))
    others = [asyncio.create_task(ask(session)) for session in (None, "SESSION1", "SESSION2")]
    await asyncio.sleep(0)
    given_up.cancel()
    assert await asyncio.gather(*others) == [None, "SESSION1", "SESSION1"]
    assert (read, kept._turns) == (["LATE", "None", "SESSION1"], {})
    kept.clear()


async def test_what_was_read_is_kept_for_a_while_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes when there are too many, each when its time is over, all at the end."""
    monkeypatch.setattr(scans, "LIFE_S", 0.05)
    kept = Scans()
    for number in range(MAX_KEPT + 1):
        kept.keep(f"code {number}", f"SESSION{number}")
    assert (len(kept), kept.find("code 0"), kept.find("code 1")) == (MAX_KEPT, None, "SESSION1")
    kept.keep("code 1", "SESSION1")
    assert len(kept) == MAX_KEPT
    for _ in range(500):
        await asyncio.sleep(0.01 if len(kept) else 0)
    assert len(kept) == 0
    kept.keep("code", "SESSION")
    kept.clear()
    assert kept.find("code") is None
