"""Goal: the journal names the bindings that are in force, whatever the disk and the doors say, and no owing sale escapes the question of
rule 10. Method: the daemon's own start in this process, on a real journal whose notes may find the disk full."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agent.core.model import Binding, Environment
from agent.core.ports import JournalFull
from agent.edges.journal import SqliteJournal
from agent.running import bindings, reload
from agent.running.bindings import BINDINGS_NOTE, check_bindings
from agent.running.configuration import Configuration
from agent.running.errors import CannotStart
from agent.runtime import Daemon, _start
from agent.sdnotify import Notifier
from agent.settings import load
from tests.journal.support import opened, sale_id, step
from tests.support.stand import Socket, Stand

OLD = "https://api.example/acme"
TRIES = 500  # 10 s


class Disk:
    """Whether the journal's notes find room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        truly = SqliteJournal.note

        async def note(journal: SqliteJournal, name: str, value: str | None) -> None:
            if self.full:
                raise JournalFull("no space left on the device")
            await truly(journal, name, value)

        monkeypatch.setattr(SqliteJournal, "note", note)
        monkeypatch.setattr(reload, "NOTE_RETRY_S", 0.02)
        monkeypatch.setattr(reload.log, "configure", lambda **_: None)  # this process's log is the tests'


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[tuple[Stand, Daemon, SqliteJournal]]:
    """A daemon in this process; its payment system is not there."""
    stand = Stand()
    stand._write_files()
    journal = await opened(stand.journal)
    try:
        configuration = Configuration(stand.config, load(stand.config))
        daemon = await _start(configuration, journal, Notifier({}), asyncio.Event())
        try:
            yield stand, daemon, journal
        finally:
            await daemon.close()
    finally:
        await journal.close()
        stand.close()


def move(stand: Stand, more: str = "") -> None:
    """Another account in the file."""
    stand.config.write_text(stand.config.read_text().replace("/acme", "/beta") + more)


async def account(journal: SqliteJournal) -> str:
    """What the journal names, its end."""
    noted = await journal.noted(BINDINGS_NOTE)
    return "" if noted is None else str(json.loads(noted)["koshelek"][1].rsplit("/")[-1])


async def until(journal: SqliteJournal, wanted: Callable[[str], bool]) -> None:
    for _ in range(TRIES):
        if wanted(await account(journal)):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it was not noted")


async def test_a_change_of_account_that_cannot_be_noted_is_refused(disk: Disk) -> None:
    """All or nothing: on a full disk the old account stays in force and is what the journal names; with room the same file is taken."""
    async with started() as (stand, daemon, journal):
        await until(journal, lambda name: name == "acme")
        disk.full = True
        move(stand)
        report = await daemon.reloader.reload()
        assert "full" in report["problems"][0]["problem"]
        assert daemon.engine.setup.bindings["koshelek"].account.endswith("/acme")
        disk.full = False
        assert (await daemon.reloader.reload())["problems"] == []
        assert daemon.engine.setup.bindings["koshelek"].account.endswith("/beta")
        assert await account(journal) == "beta"


async def test_a_change_of_account_that_comes_to_nothing_is_not_left_noted(disk: Disk) -> None:
    """A door of the changed file does not open after the new account was noted: the journal names the one in force again."""
    async with started() as (stand, daemon, journal):
        stand.socket("blocked").write_text("not a socket")
        move(stand, stand.listener_text(Socket("blocked")))
        assert "blocked.sock" in (await daemon.reloader.reload())["problems"][0]["problem"]
        assert daemon.engine.setup.bindings["koshelek"].account.endswith("/acme")
        await until(journal, lambda name: name == "acme")


async def test_a_start_on_a_full_disk_notes_its_account_once_there_is_room(disk: Disk) -> None:
    """The till starts; what is in force is named as soon as it can be."""
    disk.full = True
    async with started() as (_, _, journal):
        await asyncio.sleep(0.1)
        assert await account(journal) == ""
        disk.full = False
        await until(journal, lambda name: name == "acme")


async def test_an_owing_sale_does_not_hide_behind_newer_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Money is possible in the oldest of many sales that owe something: the account may not change."""
    monkeypatch.setattr(bindings, "PAGE_ROWS", 2)
    journal = await opened(tmp_path / "journal.sqlite3")
    try:
        await journal.append(step(sale_id(0), state="pending", money="possible"))
        for number in range(1, 6):  # receipts that nobody takes
            await journal.append(step(sale_id(number), state="paid", money="charged", finished=True, open=False, told=True))
        moved = {"koshelek": Binding("koshelek", Environment.TEST, "https://api.example/beta")}
        with pytest.raises(CannotStart, match="key-0"):
            await check_bindings(moved, {OLD, "https://api.example/beta"}, journal)
        same = {"koshelek": Binding("koshelek", Environment.TEST, OLD)}
        await check_bindings(same, {OLD}, journal)
    finally:
        await journal.close()
