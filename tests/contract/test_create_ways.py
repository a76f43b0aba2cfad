"""PayCore's other two ways to make a payment keep the contract as well: by the till with the public key alone, and by the customer who
opens a link that holds the bill. Happy path, refusals and lost answers; the books equal the journal's after each.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from agent.core.payment import PaymentState
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.contract.cases import CASES, Case, Play
from tests.contract.kits import KITS, Kit
from tests.contract.shop import POLICY, Shop, Wishes, pay_on_the_page
from tests.contract.test_contract import AT_ONCE, told_of

NAME = "test_every_way_to_make_a_payment"
_PAYCORE = next(kit for kit in KITS if kit.name == "paycore")
_KEY = '\npublic_key = "pk_test_sandbox"\npublic_base_url = "{root}/paycore/public-api"\n'
PUBLIC = replace(_PAYCORE, table=f'{_PAYCORE.table}{_KEY}create = "public"\n')
HPP = replace(_PAYCORE, table=f'{_PAYCORE.table}{_KEY}create = "hpp"\n')
_SHORT_DEADLINE = Wishes(replace(POLICY, send_deadline_ms=2_500))


async def opened_and_declined(shop: Shop) -> None:
    """The customer opens the link, which makes the payment, and his bank refuses it."""
    await shop.sell()
    link = (await shop.pending()).link
    assert link is not None
    assert shop.payments() == []
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as phone:
        assert (await phone.get(link.url)).status_code == 200
    shop.decide(Action.DECLINE)
    assert (await shop.end()).payment is PaymentState.DECLINED


async def canceled_unopened(shop: Shop) -> None:
    """The till takes the link back that nobody has opened: nothing was ever made."""
    await shop.sell()
    await shop.pending()
    await shop.cancel()
    assert (await shop.end()).payment is PaymentState.CANCELED
    assert shop.payments() == []


def search_lost(times: int) -> Play:
    """The search that comes before the link is lost so often: it makes nothing, so it is made again, and the link is shown and paid by."""

    async def play(shop: Shop) -> None:
        shop.fault(FaultKind.LOSE_ANSWER, Operation.FIND, times)
        await shop.sell()
        link = (await shop.pending()).link
        assert link is not None
        await pay_on_the_page(link.url, shop.trusted)
        await shop.until(PaymentState.PAID)
        assert shop.received(Operation.CHECKOUT) == 0, "the till makes nothing itself"

    return play


async def never_searched(shop: Shop) -> None:
    """No search is ever answered: no link is shown, and nobody can have paid."""
    shop.fault(FaultKind.LOSE_ANSWER, Operation.FIND, None)
    await shop.sell()
    ended = await shop.end()
    assert (ended.payment, ended.link, shop.payments()) == (PaymentState.CANCELED, None, [])


def refused_search() -> Play:
    """The account's key may not search: no link is shown that nobody could follow up."""

    async def play(shop: Shop) -> None:
        shop.fault(FaultKind.UNAUTHORIZED, Operation.FIND, None, status=403)
        await shop.sell()
        ended = await shop.end()
        assert (ended.payment, ended.link, shop.payments()) == (PaymentState.DECLINED, None, [])

    return play


WAYS: dict[str, tuple[Kit, Case]] = {
    **{
        f"public-{name}": (PUBLIC, CASES[name])
        for name in (
            "happy_path",
            "refused_by_the_customer",
            "refused_by_the_system",
            "create_lost_first",
            "create_lost_middle",
            "create_lost_last",
            "create_5xx",
        )
    },
    "hpp-happy_path": (HPP, CASES["happy_path"]),
    "hpp-declined": (HPP, Case(opened_and_declined, Wishes())),
    "hpp-canceled_unopened": (HPP, Case(canceled_unopened, Wishes())),
    "hpp-search_lost_first": (HPP, Case(search_lost(1), Wishes())),
    "hpp-search_lost_last": (HPP, Case(search_lost(POLICY.unanswered_attempts), Wishes())),
    "hpp-never_searched": (HPP, Case(never_searched, Wishes(replace(POLICY, send_deadline_ms=2_500, window_limit_ms=3_500)))),
    "hpp-refused_search": (HPP, Case(refused_search(), _SHORT_DEADLINE)),
}


async def _all(names: list[str], folder: Callable[[str], Path]) -> dict[str, str]:
    room = asyncio.Semaphore(AT_ONCE)
    return dict(zip(names, await asyncio.gather(*(told_of(*WAYS[name], folder(name), room) for name in names)), strict=True))


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What went wrong in each case that is to be run."""
    wanted, root = {item.name for item in request.session.items}, tmp_path_factory.mktemp("ways")
    return asyncio.run(_all([name for name in WAYS if f"{NAME}[{name}]" in wanted], lambda name: root / name))


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_make_a_payment(told: dict[str, str], way: str) -> None:
    """One case of one way; what it shows says its own docstring."""
    if told[way]:
        pytest.fail(told[way], pytrace=False)
