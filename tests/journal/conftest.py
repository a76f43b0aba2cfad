"""Shared by the journal's tests: whatever fails, nothing stays open."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent.core.ports import JournalError
from agent.edges.journal import SqliteJournal


@pytest.fixture(autouse=True)
async def nothing_stays_open(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A journal that a failing test leaves open has threads, and the tests would wait for their end for ever instead of telling of it."""
    plain, begun = SqliteJournal.open, list[SqliteJournal]()

    async def noted(*places: Any, **options: Any) -> SqliteJournal:
        journal = await plain(*places, **options)
        if asyncio.get_running_loop() is loop:  # one of another loop can be closed there alone
            begun.append(journal)
        return journal

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(SqliteJournal, "open", noted)
    yield
    for journal in begun:
        with contextlib.suppress(JournalError):  # told when the test closed it
            await journal.close()
