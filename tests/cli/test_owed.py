"""Goal: who removes the agent from a till is told what is owed, and never that nothing is when it cannot be known. Method: the real command
over a real journal, beside the daemon and without it."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.cli.common import Exit
from tests.support.patience import until
from tests.support.stand import STORE, TERMINAL, Stand


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
