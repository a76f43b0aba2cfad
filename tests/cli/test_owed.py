"""Goal: who removes the agent from a till is told what is owed, and never that nothing is when it cannot be known. Method: the real command
over a real journal, beside the daemon and without it."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli import cli
from agent.cli.common import Exit
from agent.edges.journal import SqliteJournal
from agent.running.beginning import expect_release, know_again
from agent.running.projecting import PLAN
from tests.journal.support import sale_id, step
from tests.support.patience import until
from tests.support.stand import STORE, TERMINAL, Stand
from tests.system import require

NOBODY = 65_534


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with Stand() as made:
        yield made


def sell(stand: Stand, key: str, card: str, wait: float) -> dict[str, Any]:
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    invoice = {"orderId": f"order-{key}", "totalAmount": 9000, "items": [item]}
    rest = {"checkoutInvoice": invoice, "user": {"loyaltyId": "0"}, "cardSession": card, "token": "t-1"}
    return stand.call("checkout.create", storeId=STORE, terminalId=TERMINAL, key=key, wait=wait, **rest)


def owed(stand: Stand, status: Exit, config: Path | None = None) -> Any:
    ran: subprocess.CompletedProcess[str] = stand.cli("owed", "--json", config=config)
    assert ran.returncode == status, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def test_what_is_owed_is_told_with_and_without_the_daemon(stand: Stand) -> None:
    """Paid and told: nothing. A customer who has not confirmed: that sale, also by the file of a killed daemon, and by a configuration that
    is wrong elsewhere. Once it is cancelled, nothing, though the payment system is still asked now and then."""
    assert sell(stand, "paid", "FAST1", 10)["state"] == "paid"
    until(lambda: stand.cli("owed").returncode == Exit.OK)
    sell(stand, "open", "WAIT1", 0.5)
    assert [one["key"] for one in owed(stand, Exit.UNRESOLVED)["owed"]] == ["open"]
    stand.kill()
    wrong = stand.folder / "wrong.toml"
    wrong.write_text(stand.config.read_text().replace('environment = "test"', 'environment = "tset"'))
    assert [one["key"] for one in owed(stand, Exit.UNRESOLVED, wrong)["owed"]] == ["open"]
    shown = stand.cli("owed", LANG="ru_RU.UTF-8")
    assert "Есть незавершённые платежи или возвраты" in shown.stdout
    assert "open" in shown.stdout
    stand.start()
    stand.call("checkout.cancel", storeId=STORE, terminalId=TERMINAL, key="open")
    until(lambda: stand.cli("owed").returncode == Exit.OK)
    assert owed(stand, Exit.OK) == {"journal": str(stand.journal), "there": True, "owed": [], "parked": []}
    assert stand.call("agent.status", socket_name="admin")["details"]["open"] == {}


def test_without_a_journal_nothing_is_owed(stand: Stand, tmp_path: Path) -> None:
    """Neither with a configuration that names one which was never made, nor without any."""
    config = tmp_path / "koshelek-agent.toml"
    config.write_text(stand.config.read_text().replace(str(stand.journal), str(tmp_path / "never.sqlite3")))
    assert owed(stand, Exit.OK, config)["there"] is False
    assert owed(stand, Exit.OK, tmp_path / "none.toml")["there"] is False


def test_what_cannot_be_read_is_not_taken_for_nothing(stand: Stand, tmp_path: Path) -> None:
    """A journal that is no journal: status 1, and the reason."""
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"no database at all" * 1000)
    config = tmp_path / "koshelek-agent.toml"
    config.write_text(stand.config.read_text().replace(str(stand.journal), str(broken)))
    answer = owed(stand, Exit.INTERNAL, config)
    assert answer["error"]["code"] == "JOURNAL"
    assert str(broken) in answer["error"]["message"]


def test_nothing_is_owed_only_where_that_can_be_known(stand: Stand, tmp_path: Path) -> None:
    """Status 1: a configuration that does not tell where the journal is (no TOML, thousands of brackets, no path, a pipe), a folder that is
    not there, and a journal that is gone while its lock lies there."""
    config, text = tmp_path / "koshelek-agent.toml", stand.config.read_text()
    for wrong in (f"{text}\n[[[", "a = " + "[" * 5000, text.replace(f'"{stand.journal}"', "7"), "journal = 7"):
        config.write_text(wrong)
        assert owed(stand, Exit.INTERNAL, config)["error"]["code"] == "CONFIGURATION"
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    assert owed(stand, Exit.INTERNAL, pipe)["error"]["code"] == "CONFIGURATION"
    config.write_text(text.replace(str(stand.journal), str(tmp_path / "not" / "mounted.sqlite3")))
    assert "mounted" in owed(stand, Exit.INTERNAL, config)["error"]["message"]
    config.write_text(text.replace(str(stand.journal), str(tmp_path / "gone.sqlite3")))
    (tmp_path / "gone.sqlite3.lock").touch()
    assert "lost" in owed(stand, Exit.INTERNAL, config)["error"]["message"]


def test_a_journal_that_is_gone_with_its_lock_is_missed_by_its_backups(stand: Stand, tmp_path: Path) -> None:
    """All of its folder was cleaned out: one backup says that an agent has worked here. An empty folder of backups says nothing."""
    backups, config = tmp_path / "backups", tmp_path / "koshelek-agent.toml"
    text = stand.config.read_text().replace(str(stand.journal), str(tmp_path / "gone.sqlite3"))
    config.write_text(f'{text}\n[backup]\ndirectory = "{backups}"\n')
    assert owed(stand, Exit.OK, config)["there"] is False
    backups.mkdir()
    assert owed(stand, Exit.OK, config)["there"] is False
    (backups / "koshelek-agent-20260101T040000Z.sqlite3").touch()
    assert "lost" in owed(stand, Exit.INTERNAL, config)["error"]["message"]


async def kept(path: Path, *sales: int, lost: bool = False) -> None:
    """A journal as a start opens it, with its mark, and some sales that are declined."""
    end = {"state": "declined", "money": "none", "finished": True, "open": False, "owes": False}
    async with await SqliteJournal.open(path, allow_volatile=True, plan=PLAN) as made:
        await know_again(made, path, datetime.now(UTC), lost=lost)
        for number in sales:
            await made.append(step(sale_id(number), **end))
        made.keep_mark()


def test_a_journal_that_is_not_the_one_from_before_does_not_say_that_nothing_is_owed(stand: Stand, tmp_path: Path) -> None:
    """Begun anew in the place of a lost one, or an older copy put there: what the other held nobody knows, until it is released."""
    journal, config = tmp_path / "journal.sqlite3", tmp_path / "koshelek-agent.toml"
    tmp_path.chmod(0o700)
    config.write_text(stand.config.read_text().replace(str(stand.journal), str(journal)))
    asyncio.run(kept(journal, 1))
    assert owed(stand, Exit.OK, config)["there"] is True
    older = shutil.copy(journal, tmp_path / "older")
    asyncio.run(kept(journal, 2))
    assert owed(stand, Exit.OK, config)["owed"] == []
    shutil.copy(older, journal)
    assert "nobody has released it" in owed(stand, Exit.INTERNAL, config)["error"]["message"]
    for one in tmp_path.glob("journal.sqlite3*"):
        one.unlink()
    asyncio.run(kept(journal, lost=True))
    assert "nobody has released it" in owed(stand, Exit.INTERNAL, config)["error"]["message"]
    for one in tmp_path.glob("journal.sqlite3*"):
        one.unlink()
    asyncio.run(kept(journal))
    expect_release(journal)
    assert "nobody has released it" in owed(stand, Exit.INTERNAL, config)["error"]["message"]


@pytest.mark.system
def test_whoever_asks_hears_of_the_service(stand: Stand, open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cashier's account may not read the service's journal, and is sent to root: it does not ask a journal of its own, which is not
    there."""
    require("root")
    state, config = open_folder / "state", open_folder / "koshelek-agent.toml"
    lines = stand.config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if not line.startswith("path =") or ".sqlite3" not in line))
    state.mkdir(mode=0o700)
    asyncio.run(kept(state / "journal.sqlite3"))
    monkeypatch.setattr(sys.modules["agent.settings.load"], "SYSTEM_FILE", config)
    monkeypatch.setattr("agent.settings.model.SERVICE_STATE", state)
    monkeypatch.setenv("STATE_DIRECTORY", "as it was")
    monkeypatch.delenv("STATE_DIRECTORY")
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        ran = CliRunner().invoke(cli, ["--config", str(config), "owed"], env={"LANG": "en_US.UTF-8"})
    finally:
        os.seteuid(0)
        os.setegid(0)
    assert (ran.exit_code, f"{state / 'journal.sqlite3'} cannot be read by this user. Run: sudo" in ran.stderr) == (1, True), ran.output
