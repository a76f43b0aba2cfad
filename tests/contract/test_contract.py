"""Every payment system passes the same cases over real HTTP, and the bank's books equal the journal's after each of them.

The cases of one system run together in one event loop, each in a shop of its own: they wait far more than they work. Every case is a test
of its own all the same.
"""

import asyncio
import traceback
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.contract.cases import CASES, Case
from tests.contract.kits import KITS, Kit
from tests.contract.shop import opened

NAME = "test_every_system_keeps_the_contract"
AT_ONCE = 16  # shops that are open: enough to fill the waits of each other, few enough to leave every one of them its time


async def told_of(kit: Kit, case: Case, folder: Path, room: asyncio.Semaphore) -> str:
    """What went wrong; empty: nothing."""
    async with room:
        try:
            async with opened(kit, folder, case.wishes) as shop:
                try:
                    await case.play(shop)
                    await shop.check_books()
                except Exception as error:
                    error.add_note(shop.story())
                    raise
        except Exception:  # noqa: BLE001 - the boundary of a case: its test fails with this text, the others go on
            return traceback.format_exc()
    return ""


async def _all(kit: Kit, names: Sequence[str], folder: Path) -> dict[str, str]:
    room = asyncio.Semaphore(AT_ONCE)
    told = await asyncio.gather(*(told_of(kit, CASES[name], folder / name, room) for name in names))
    return dict(zip(names, told, strict=True))


@pytest.fixture(scope="module", params=KITS, ids=lambda kit: kit.name)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What went wrong in each case of one system that is to be run."""
    kit: Kit = request.param
    ours = [item.name for item in request.session.items if item.name.startswith(f"{NAME}[{kit.name}-")]
    wanted = [name for name in CASES if f"{NAME}[{kit.name}-{name}]" in ours]
    return asyncio.run(_all(kit, wanted, tmp_path_factory.mktemp(kit.name)))


@pytest.mark.parametrize("case", CASES)
def test_every_system_keeps_the_contract(told: dict[str, str], case: str) -> None:
    """One case of one system; what it shows says its own docstring."""
    if told[case]:
        pytest.fail(told[case], pytrace=False)
