"""Goal: who waits for the journal to come round knows that it gets on. Method: the real file, and one of its threads held up."""

import asyncio
import threading
from pathlib import Path

import pytest

from agent.core.ports import JournalBroken
from tests.journal.support import bytes_of, opened, sale_id, step


async def test_a_round_comes_after_what_was_queued_and_writes_nothing(tmp_path: Path) -> None:
    """A step and two rounds of one group: the step is stored, and the second and third time nothing changes in the files."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await asyncio.gather(journal.append(step(sale_id(1))), journal.come_round())
        assert await journal.stream(sale_id(1)) is not None
        before = bytes_of(path)
        await journal.come_round()
        await journal.come_round()
        assert bytes_of(path) == before


@pytest.mark.parametrize("half", ["_writer", "_reader"])
async def test_a_thread_that_hangs_lets_nobody_come_round(tmp_path: Path, half: str) -> None:
    """The loop goes on, and the round does not end before the thread goes on."""
    async with await opened(tmp_path / "journal.db") as journal:
        stuck = threading.Event()
        holding = asyncio.ensure_future(getattr(journal, half)._connection._execute(stuck.wait))
        await asyncio.sleep(0)
        coming = asyncio.ensure_future(journal.come_round())
        try:
            await asyncio.wait([coming], timeout=0.2)
            assert not coming.done()
        finally:
            stuck.set()
        await coming
        await holding


async def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    journal = await opened(tmp_path / "journal.db")
    await journal.close()
    with pytest.raises(JournalBroken):
        await journal.come_round()
