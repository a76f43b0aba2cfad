"""Goal: `backup` and `restore` never make less of a record than there is: no empty journal in the place of a lost one, none of its backups
pushed out, no newest sale left behind in a log. Method: the real commands over the files of a real daemon that was killed."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.cli.common import Exit
from agent.running.backups import NAME
from tests.support.patience import until
from tests.support.pos import Failed
from tests.support.stand import STORE, TERMINAL, Stand

ITEM = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
OLDER = "koshelek-agent-2025010{day}T040000Z.sqlite3"


@pytest.fixture(scope="module")
def killed() -> Iterator[Stand]:
    """A till that keeps two backups. Its daemon was killed: the sale ``old`` is in a backup, ``newest`` only in the journal's log."""
    with Stand() as stand:
        copies(stand).mkdir(mode=0o700)
        stand.config.write_text(f'{stand.config.read_text()}\n[backup]\ndirectory = "{copies(stand)}"\nkeep = 2\n')
        assert stand.cli("reload").returncode == 0
        assert sell(stand, "old") == "paid"
        made = Path(ran(stand, "backup")["file"])
        made.rename(made.with_name(OLDER.format(day=2)))  # made long ago: no two are made within one second
        assert sell(stand, "newest") == "paid"
        stand.kill()
        for folder in (stand.journal.parent, copies(stand)):
            shutil.copytree(folder, saved(folder))
        yield stand


@pytest.fixture
def till(killed: Stand) -> Iterator[Stand]:
    """The same, with every file as it was."""
    for folder in (killed.journal.parent, copies(killed)):
        shutil.rmtree(folder)
        shutil.copytree(saved(folder), folder)
    killed.log.write_text("")
    yield killed
    killed.kill()


def saved(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.saved")


def copies(stand: Stand) -> Path:
    return stand.folder / "backups"


def backup_of(stand: Stand) -> Path:
    return copies(stand) / OLDER.format(day=2)


def sell(stand: Stand, key: str) -> str:
    """The state that a sale comes to, or the code of its refusal."""
    invoice = {"orderId": f"order-{key}", "totalAmount": 9000, "items": [ITEM]}
    request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "0"}, "cardSession": f"PAY{key}", "token": "t-1", "wait": 20}
    return asked(stand, "checkout.create", key, **request)


def asked(stand: Stand, method: str, key: str, **params: object) -> str:
    try:
        return str(stand.call(method, storeId=STORE, terminalId=TERMINAL, key=key, **params)["state"])
    except Failed as refused:
        return refused.code


def ran(stand: Stand, *arguments: str, status: int = 0) -> dict[str, Any]:
    """The JSON a command prints."""
    done = stand.cli(*arguments, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def backed_up(stand: Stand) -> dict[str, Any]:
    """What ``backup`` prints. Their names go by the second: the next one must not meet this one's."""
    made = ran(stand, "backup")
    until(lambda: datetime.now(UTC).strftime(NAME) != Path(made["file"]).name)
    return made


def files(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def events(stand: Stand) -> list[str]:
    return [json.loads(line)["event"] for line in stand.log.read_text().splitlines() if line.startswith("{")]


# --- backup with the daemon down ---


def removed(stand: Stand) -> None:
    """Its lock stays behind."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{stand.journal}{suffix}").unlink()


def cleaned_out(stand: Stand) -> None:
    """The folder is empty; there are backups of what lay in it."""
    for one in stand.journal.parent.iterdir():
        one.unlink()


def emptied(stand: Stand) -> None:
    """A copy that failed on a full disk left nothing but a name."""
    cleaned_out(stand)
    stand.journal.touch(mode=0o600)


def headless(stand: Stand) -> None:
    """The newest records are there, the file is not."""
    stand.journal.unlink()


def never_there(stand: Stand) -> None:
    """Nothing was sold here yet."""
    cleaned_out(stand)
    backup_of(stand).unlink()


LOST = "The journal is lost"


@pytest.mark.parametrize(
    ("lose", "says"),
    [(removed, LOST), (cleaned_out, LOST), (emptied, LOST), (headless, "Put the file back"), (never_there, "there is no journal")],
)
def test_a_backup_makes_no_journal(till: Stand, lose: Callable[[Stand], None], says: str) -> None:
    """The command fails, says what is wrong, and every file is what it was: the backup with the sale in it above all. Nor is there a new
    lock, by which the first start would say that an agent has worked there before."""
    lose(till)
    before = files(till.journal.parent), files(copies(till))
    told = ran(till, "backup", status=Exit.INTERNAL)["error"]
    assert (told["code"], says in told["message"]) == ("JOURNAL", True), told
    assert (files(till.journal.parent), files(copies(till))) == before


# --- which backups go ---


def test_backups_of_a_journal_begun_anew_push_out_none_of_the_lost_one(till: Stand) -> None:
    """By the daemon and without it, until somebody released the new one; from then on there are as many as ``keep`` says."""
    good = backup_of(till)
    removed(till)
    older = good.rename(good.with_name(OLDER.format(day=1)))
    shutil.copyfile(older, good)
    till.start()
    assert "journal.lost" in events(till)
    assert backed_up(till)["sales"] == 0
    till.kill()
    assert backed_up(till)["offline"] is True
    assert (older.exists(), good.exists(), len(list(copies(till).iterdir()))) == (True, True, 4)
    till.start()
    assert till.cli("release", "--reason", "compared with the registry").returncode == 0
    backed_up(till)
    assert len(list(copies(till).iterdir())) == 2


def test_a_start_that_died_before_it_noted_the_loss_lets_no_backup_go(till: Stand) -> None:
    """The journal in place does not say so yet; what lies beside it does. Without that the oldest goes (control)."""
    mark = Path(f"{till.journal}.lost")
    mark.touch(mode=0o600)
    older = copies(till) / OLDER.format(day=1)
    shutil.copyfile(backup_of(till), older)
    backed_up(till)
    assert older.exists()
    mark.unlink()
    backed_up(till)
    assert not older.exists()


# --- what is restored ---


def test_what_a_restore_kept_aside_is_put_back_with_its_log(till: Stand) -> None:
    """A backup is put in the place of a killed daemon's journal, which tells what is missing in it and what to do, and is exchanged for
    that journal again: the newest sale, which is only in its log, is there."""
    told = till.cli("restore", str(backup_of(till)), "--yes").stdout
    assert ("newest" in told, "clear it at its register" in told) == (True, True), told
    (aside,) = till.journal.parent.glob("*.before-restore-*Z")
    kept = {name: content for name, content in files(till.journal.parent).items() if name.startswith(aside.name)}
    assert sorted(kept) == [f"{aside.name}{suffix}" for suffix in ("", "-shm", "-wal")]
    second = ran(till, "restore", str(aside), "--yes")
    assert (second["sales"], second["differences"]) == (2, [])
    assert kept.items() <= files(till.journal.parent).items()
    till.start()
    assert [asked(till, "checkout.get", key) for key in ("old", "newest")] == ["paid", "paid"]


@pytest.mark.parametrize("link", [False, True])
def test_a_log_without_its_index_is_restored_with_its_file(till: Stand, link: bool) -> None:
    """As somebody copies them who knows of the log; also by a link, beside which there is none. The copies stay what they are."""
    folder = till.folder / f"away-{link}"
    folder.mkdir(mode=0o700)
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{till.journal}{suffix}", folder / f"old.sqlite3{suffix}")
    source, before = folder / "old.sqlite3", files(folder)
    if link:
        source = till.folder / "link.sqlite3"
        source.symlink_to(folder / "old.sqlite3")
    cleaned_out(till)
    assert ran(till, "restore", str(source), "--yes")["sales"] == 2
    assert files(folder) == before


def test_a_file_that_is_no_backup_leaves_no_trace_on_a_new_till(till: Stand) -> None:
    """Above all no lock: the first start would say that an agent has worked there before, and sell nothing. A backup is put in place there
    as anywhere."""
    kept = backup_of(till).rename(till.folder / "kept.sqlite3")
    cleaned_out(till)
    wrong = till.folder / "wrong.txt"
    wrong.write_text("no journal at all")
    ran(till, "restore", str(wrong), "--yes", status=Exit.INTERNAL)
    assert files(till.journal.parent) == {}
    till.start()
    assert sell(till, "first") == "paid"
    till.kill()
    cleaned_out(till)
    assert ran(till, "restore", str(kept), "--yes")["sales"] == 1
    till.start()
    assert [asked(till, "checkout.get", "old"), sell(till, "second")] == ["paid", "BUSY"]
