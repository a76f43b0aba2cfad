"""Goal: a backup is whole, proved and without secrets, and a restore makes nobody pay or be paid twice. Method: the real daemon and the
sandbox, whose own books are the witness; the command line as an operator uses it."""

import json
import os
import pwd
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import until
from tests.support.pos import Failed, Pos
from tests.support.stand import STORE, TERMINAL, Plan, Stand

AMOUNT = 9000
PATIENCE_S = 20.0


@pytest.fixture
def stand() -> Iterator[Stand]:
    with Stand(Plan(tills={TERMINAL: {}, "till-04": {}})) as made:
        folder = made.folder / "backups"
        folder.mkdir(mode=0o700)
        made.config.write_text(made.config.read_text().replace("[log]", f'[backup]\ndirectory = "{folder}"\nkeep = 2\n[log]'))
        assert made.cli("reload").returncode == 0
        yield made


def ran(stand: Stand, *arguments: str, status: int = 0) -> dict[str, Any]:
    """The JSON a command prints."""
    done = stand.cli(*arguments, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def sell(pos: Pos, key: str, card: str, terminal: str = TERMINAL, wait: float = 15, lines: int = 1) -> dict[str, Any]:
    item = {"name": "Milk", "article": "1", "price": AMOUNT, "quantity": 1, "totalAmount": AMOUNT, "tax": "vat10"}
    invoice = {"orderId": f"order-{key}", "totalAmount": AMOUNT * lines, "items": [item] * lines}
    request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "2900001"}, "cardSession": card, "token": "t-secret-1", "wait": wait}
    return pos.call("checkout.create", storeId=STORE, terminalId=terminal, key=key, **request)


def refund(pos: Pos, key: str, refund_key: str, **more: Any) -> dict[str, Any]:
    names = {"storeId": STORE, "terminalId": TERMINAL, "key": key, "refundKey": refund_key}
    return pos.call("refund.create", **names, token="t-secret-2", wait=10, **more)


def code(work: Any, *arguments: Any) -> str:
    with pytest.raises(Failed) as refused:
        work(*arguments)
    return refused.value.code


def bank(stand: Stand) -> dict[str, tuple[str, int]]:
    """By order: what became of it at the bank, and the kopecks that went back."""
    return {one["order_id"]: (one["status"], one["refunded"]) for one in stand.control("GET", "/transactions")}


def status(stand: Stand) -> dict[str, Any]:
    return stand.call("agent.status", "admin")


def test_a_backup_is_whole_and_holds_no_secret(stand: Stand) -> None:
    """By command, with a payment open: its file is private, no secret of the open payment is in it, nothing else is left in the directory;
    with the daemon down the same command does the same, and the oldest goes when there are more than enough."""
    with stand.connect() as pos:
        sell(pos, "k1", "PAY001")
        sell(pos, "open", "WAIT77", wait=1)
    made = ran(stand, "backup")
    file = Path(made["file"])
    assert (made["sales"], file.stat().st_mode & 0o777) == (2, 0o600)
    journal = b"".join(one.read_bytes() for one in stand.journal.parent.glob("journal.sqlite3*"))
    assert b"t-secret-1" in journal  # the control: it is there to be found
    assert not re.search(b"WAIT77|t-secret|2900001", file.read_bytes())
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    assert status(stand)["backup"]["file"] == str(file)
    stand.stop()
    older = [file.parent / f"koshelek-agent-2020010{day}T000000Z.sqlite3" for day in (1, 2)]
    for one in older:
        one.touch(0o600)
    assert ran(stand, "backup")["offline"] is True
    assert len(list(file.parent.iterdir())) == 2
    assert not any(one.exists() for one in older)


def test_what_keeps_a_backup_from_being_made_is_told(stand: Stand) -> None:
    """A directory that others may read: the command fails with what to do, status shows it until a backup succeeds."""
    folder = stand.folder / "backups"
    folder.chmod(0o755)
    assert "chmod 0700" in ran(stand, "backup", status=6)["error"]["message"]
    assert "chmod 0700" in status(stand)["backup"]["problem"]
    assert "BACKUP" in stand.cli("status").stdout
    folder.chmod(0o700)
    ran(stand, "backup")
    assert status(stand)["backup"]["problem"] is None


def test_a_lost_folder_is_told_in_russian_with_the_command_that_makes_it_anew(stand: Stand) -> None:
    """By the command and in status: the command is right as it stands, also for root, who must make the folder the agent's. Without the
    table it is the table that is missing."""
    text = stand.config.read_text().replace('language = "en"', 'language = "ru"')
    stand.config.write_text(text)
    assert stand.cli("reload").returncode == 0
    folder, user = stand.folder / "backups", pwd.getpwuid(os.getuid()).pw_name
    folder.rmdir()
    remedy = f"выполните от имени root: install -d -m 0700 -o {user} {folder}"
    told = ran(stand, "backup", status=6)["error"]["message"]
    assert remedy in told
    assert remedy in status(stand)["backup"]["problem"]
    subprocess.run(told.partition("root: ")[2].split(), check=True)
    assert ran(stand, "backup")["sales"] == 0
    stand.config.write_text(re.sub(r"\[backup\]\n.*\nkeep = 2\n", "", text))
    assert stand.cli("reload").returncode == 0
    assert "добавьте таблицу [backup]" in ran(stand, "backup", status=2)["error"]["message"]


def test_after_a_restore_nothing_is_charged_or_refunded_twice(stand: Stand) -> None:
    """Sold, backed up, sold and refunded more, restored: the differences are named, new checkouts wait for the release, an unknown key is
    not called unknown, what was open is resolved, and no refund is made a second time."""
    with stand.connect() as pos:
        sell(pos, "part", "PAY001", lines=2)
        sell(pos, "whole", "PAY002")
        sell(pos, "open", "WAIT03", "till-04", wait=1)
        file = ran(stand, "backup")["file"]
        assert refund(pos, "part", "r1", items=[{"line": 0, "quantity": 1}])["state"] == "refunded"
        assert refund(pos, "whole", "r1")["state"] == "refunded"
        sell(pos, "later", "PAY004")
    stand.stop()
    books = bank(stand)
    done = ran(stand, "restore", file, "--yes")
    assert {one["sale"].split("/")[-1] for one in done["differences"]} >= {"part", "whole", "later"}
    assert [one["known"] for one in done["differences"] if one["sale"].endswith("later")] == [False]
    assert Path(done["aside"]).stat().st_size > 0
    stand.start()
    shown = status(stand)
    assert (shown["ready"], shown["details"]["restored"]) == (False, True)
    with stand.connect() as pos:
        assert code(sell, pos, "new", "PAY005") == "BUSY"
        assert code(lambda: pos.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key="later")) == "BUSY"
        assert pos.call("checkout.get", storeId=STORE, terminalId="till-04", key="open", wait=45)["state"] == "canceled"
        until(lambda: status(stand)["details"]["restore"]["lookingAt"] == 0, PATIENCE_S)
        named = {one.split("/")[-1] for one in status(stand)["details"]["restore"]["differences"]}
        assert (named, status(stand)["details"]["restore"]["file"]) == ({"part", "whole"}, file)
        assert refund(pos, "part", "r2", items=[{"line": 0, "quantity": 1}])["state"] == "attention"
        assert refund(pos, "whole", "r2")["state"] == "refunded"
        assert {order: books[order] for order in ("order-part", "order-whole", "order-later")}.items() <= bank(stand).items()
        assert ran(stand, "release", "--reason", "compared with the registry")["reason"] == "compared with the registry"
        ran(stand, "release", "--reason", "again", status=2)
        assert sell(pos, "new", "PAY005")["state"] == "paid"
        assert code(lambda: pos.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key="later")) == "RECORD_LOST"
    assert "restore.released" in stand.log.read_text()


def test_a_restore_is_refused_while_the_daemon_runs_and_for_a_damaged_file(stand: Stand) -> None:
    """The lock tells that an agent works; one changed byte in the backup is enough; the journal stays what it was."""
    with stand.connect() as pos:
        sell(pos, "k1", "PAY001")
        file = Path(ran(stand, "backup")["file"])
        assert "in use by another agent" in ran(stand, "restore", str(file), "--yes", status=1)["error"]["message"]
        stand.stop()
    before = stand.journal.read_bytes()
    data = file.read_bytes()
    place = data.index(b"order-k1")
    file.write_bytes(data[:place] + b"X" + data[place + 1 :])
    assert "does not hold what was written" in ran(stand, "restore", str(file), "--yes", status=1)["error"]["message"]
    assert stand.journal.read_bytes() == before
