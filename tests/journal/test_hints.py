"""Goal: messages that wait for their sale outlast the process, decide nothing, and go. Method: the real file."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.hints import Hint, KeptHint
from agent.core.money import Kopecks
from agent.core.ports import JournalError, Query
from tests.journal.support import NOW, opened, row, sale_id, step

WHOLE = KeptHint(1, "koshelek", NOW, Hint("t-1", "r-1", "order", "store", "till", Kopecks(45_000)))
BARE = KeptHint(2, "paycore", NOW, Hint(transaction_id="cpi_1"))


async def test_they_come_back_as_they_were(tmp_path: Path) -> None:
    """Over a restart, oldest first; dropped ones do not, and dropping what is not there changes nothing."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.keep_hint(BARE)
        await journal.keep_hint(WHOLE)
        assert await journal.hints() == [WHOLE, BARE]
    async with await opened(path) as journal:
        assert await journal.hints() == [WHOLE, BARE]
        await journal.drop_hints([1, 99])
        assert await journal.hints() == [BARE]
        assert (await journal.verify_all()).damages == ()


async def test_a_number_is_used_once(tmp_path: Path) -> None:
    """A second message under the same number is refused, and everybody else's step of that moment is stored."""
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.keep_hint(BARE)
        with pytest.raises(JournalError, match="UNIQUE"):
            await journal.keep_hint(replace(WHOLE, number=2))
        await journal.append(step(sale_id(1)))
        assert await journal.hints() == [BARE]


async def test_what_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    """Half of a letter, a number beyond SQLite's."""
    async with await opened(tmp_path / "journal.db") as journal:
        for wrong in (Hint(order_id="\ud800"), Hint(order_id="o", amount=Kopecks(2**63))):
            with pytest.raises(ValueError, match=r"surrogates|64-bit"):
                await journal.keep_hint(replace(WHOLE, hint=wrong))


async def test_a_damaged_one_is_left_out_and_named(tmp_path: Path) -> None:
    """It decides nothing, so nothing stops because of it; the daily verification tells of it (promise P14)."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.keep_hint(WHOLE)
        await journal.keep_hint(BARE)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE hint SET transaction_id = 't-2' WHERE number = 1")
    async with await opened(path) as journal:
        assert await journal.hints() == [BARE]
        assert ["waits for its sale" in damage.reason for damage in (await journal.verify_all()).damages] == [True]


async def test_sales_are_found_by_the_id_we_gave(tmp_path: Path) -> None:
    """What a message may know that knows no other id."""
    async with await opened(tmp_path / "journal.db") as journal:
        for number, request_id in ((1, "r-1"), (2, "r-2"), (3, None)):
            name = sale_id(number)
            await journal.append(replace(step(name), row=row(name, request_id=request_id)))
        assert [one.id for one in await journal.find(Query(request_id="r-2"))] == [sale_id(2)]
