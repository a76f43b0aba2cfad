"""Payouts of PayCore over real HTTP, and the bank's books equal the journal's after each case.

As with payments (``test_contract``) the cases run together in one event loop, each in a shop of its own.
"""

import asyncio
import traceback
from pathlib import Path

import pytest

from tests.contract.payout_cases import CASES, Payer
from tests.contract.shop import opened
from tests.contract.test_contract import AT_ONCE

NAME = "test_payouts_keep_the_contract"


async def _told(name: str, folder: Path, room: asyncio.Semaphore) -> str:
    """What went wrong; empty: nothing."""
    play, kit, wishes = CASES[name]
    async with room:
        try:
            async with opened(kit, folder, wishes) as shop:
                payer = Payer(shop)
                try:
                    await play(payer)
                    await payer.check_books()
                except Exception as error:
                    error.add_note("\n".join(shop.notices[-40:]))
                    raise
        except Exception:  # noqa: BLE001 - the boundary of a case: its test fails with this text, the others go on
            return traceback.format_exc()
    return ""


async def _all(names: list[str], folder: Path) -> dict[str, str]:
    room = asyncio.Semaphore(AT_ONCE)
    return dict(zip(names, await asyncio.gather(*(_told(name, folder / name, room) for name in names)), strict=True))


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What went wrong in each case that is to be run."""
    wanted = {item.name for item in request.session.items}
    names = [name for name in CASES if f"{NAME}[{name}]" in wanted]
    return asyncio.run(_all(names, tmp_path_factory.mktemp("payouts")))


@pytest.mark.parametrize("case", CASES)
def test_payouts_keep_the_contract(told: dict[str, str], case: str) -> None:
    """One case; what it shows says its own docstring."""
    if told[case]:
        pytest.fail(told[case], pytrace=False)
