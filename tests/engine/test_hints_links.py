"""Goal: messages of payment systems whose customers pay on a page do what they should: they find late money long before the next look, and
a payment of which no answer came. Method: the real engine with Softline's provider and its bank, in virtual time."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.core.answer import Money
from agent.core.duty import HURRIED_READ_MS
from agent.core.hints import Hint
from agent.core.payment import PaymentState
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import FaultKind
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Operation
from tests.engine.support import Shop, finished, hear, play
from tests.engine.test_hints import KEY, fault, kept
from tests.simulation.stories_links import BANK, POLICY
from tests.simulation.systems import LOGIN, PASSWORD, PAYCORE, SOFTLINE
from tests.simulation.till import Pos


def at(system: str) -> Callable[[Shop], None]:
    def prepare(shop: Shop) -> None:
        shop.system = system

    return prepare


def bank() -> BankSettings:
    return BankSettings(login=LOGIN, password=PASSWORD, partner="acme", magic_sessions=False, **BANK)


def asked(shop: Shop, operation: Operation) -> int:
    return [one.operation for one in shop.bank.log].count(operation)


@pytest.mark.parametrize("system", [PAYCORE, SOFTLINE])
def test_late_money_is_found_at_once(system: str, tmp_path: Path) -> None:
    """The link was taken back and "not paid" was told; he pays all the same, and the message comes long before the next planned look."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        pos.shopper = Customer(Action.CONFIRM, 45_000)
        await pos.sell("K1")
        assert (await pos.result("K1")).state is PaymentState.CANCELED
        steward = await shop.desk.find(KEY)
        await asyncio.sleep(48 - shop.loop.time())
        before = asked(shop, Operation.STATUS)
        await shop.hint(Hint(transaction_id=steward.sale.transaction_id))
        await asyncio.sleep(2)
        assert asked(shop, Operation.STATUS) > before
        assert (await hear(shop, KEY)).money in (Money.RETURNING, Money.RETURNED)
        assert await kept(shop) == []

    play(tale, tmp_path, POLICY, bank(), at(system))


def test_a_payment_without_an_answer_is_searched_for(tmp_path: Path) -> None:
    """Neither the create nor any search was answered, and the till gave up: the message names our own id, and a search finds it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        pos.shopper = Customer(Action.WAIT)
        for lost in (Operation.CHECKOUT, Operation.FIND):
            fault(shop, FaultKind.LOSE_ANSWER, lost, None)
        await pos.sell("K1")
        sale = await finished(shop, KEY)
        assert (sale.payment, sale.transaction_id, sale.withdrawn) == (PaymentState.CANCELED, None, True)
        assert sale.call is not None
        shop.bank.clear_faults()
        before = asked(shop, Operation.FIND)
        await shop.hint(Hint(reference=sale.call.request_id))
        await asyncio.sleep(3)
        found = (await shop.desk.find(KEY)).sale
        assert asked(shop, Operation.FIND) == before + 1
        assert found.transaction_id is not None
        assert found.payment is PaymentState.CANCELED
        assert await kept(shop) == []

    play(tale, tmp_path, POLICY, bank(), at(SOFTLINE))


def test_a_search_before_a_repeat_is_never_hurried(tmp_path: Path) -> None:
    """Its pauses let a first copy arrive: messages in between do not cut them short, so that no second payment is made."""

    def played(messages: int) -> tuple[int, int, float]:
        async def tale(shop: Shop, pos: Pos) -> tuple[int, int, float]:
            await shop.listen()
            fault(shop, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
            pos.shopper = Customer(Action.CONFIRM, 2_000)
            await pos.sell("K1")
            for _ in range(messages):
                await asyncio.sleep(0.3)
                await shop.hint(Hint(order_id="order-K1"))
            await finished(shop, KEY)
            return asked(shop, Operation.CHECKOUT), asked(shop, Operation.FIND), shop.loop.time()

        folder = tmp_path / str(messages)
        folder.mkdir()
        return play(tale, folder, POLICY, bank(), at(SOFTLINE))

    quiet, loud = played(0), played(8)
    assert loud[:2] == quiet[:2] == (1, 1)
    assert loud[2] <= quiet[2] + 1.1 * HURRIED_READ_MS / 1_000, "what was hurried moves the looks after it by its own pause at most"
