"""Goal: money rule 10 for a record that is gone - whoever cannot know which orders are paid takes no money, and tells no register that its
sale was never accepted, until a person has compared and released it. Method: the real daemon, whose journal somebody removes."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.edges.journal import SqliteJournal
from agent.running.projecting import PLAN
from tests.support.patience import until
from tests.support.pos import Failed
from tests.support.stand import STORE, TERMINAL, Stand

ITEM = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}


@pytest.fixture
def till() -> Iterator[Stand]:
    """A till with a paid sale, ``old``, whose agent is stopped."""
    with Stand() as stand:
        assert sell(stand, "old") == "paid"
        stand.stop()
        yield stand


def sell(stand: Stand, key: str, order: str | None = None) -> str:
    """The state that a sale comes to, or the code of its refusal."""
    invoice = {"orderId": order or f"order-{key}", "totalAmount": 9000, "items": [ITEM]}
    request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "0"}, "cardSession": f"PAY{key}", "token": "t-1", "wait": 20}
    return asked(stand, "checkout.create", key, **request)


def asked(stand: Stand, method: str, key: str | None = None, **params: object) -> str:
    """The state that it answers, or the code of its refusal."""
    named = {"key": key} if key is not None else {}
    try:
        return str(stand.call(method, storeId=STORE, terminalId=TERMINAL, **named, **params)["state"])
    except Failed as refused:
        return refused.code


def charged(stand: Stand) -> int:
    """How often money was taken, as the bank says."""
    return sum(one["kind"] == "charge" for one in stand.control("GET", "/ledger")["entries"])


def events(stand: Stand) -> list[str]:
    return [json.loads(line)["event"] for line in stand.log.read_text().splitlines() if line.startswith("{")]


def gone(stand: Stand) -> None:
    """Its lock stays behind."""
    stand.journal.unlink()


def gone_with_its_lock(stand: Stand) -> None:
    """The whole folder was cleaned out; there are backups of it."""
    for one in stand.journal.parent.iterdir():
        one.unlink()
    backups = stand.folder / "backups"
    backups.mkdir(mode=0o700)
    (backups / "koshelek-agent-20260101T040000Z.sqlite3").touch()
    stand.config.write_text(f'{stand.config.read_text()}\n[backup]\ndirectory = "{backups}"\n')


def emptied(stand: Stand) -> None:
    """As a repaired file system leaves a file whose blocks it lost."""
    os.truncate(stand.journal, 0)


@pytest.mark.parametrize("lose", [gone, gone_with_its_lock, emptied])
def test_nothing_is_sold_on_an_empty_record_in_the_place_of_a_lost_one(till: Stand, lose: Callable[[Stand], None]) -> None:
    """The same order is not charged again, under its key or a new one; a sale of the lost record is not "never accepted"; the page of the
    matter is closed by ``release``, over a restart as well."""
    lose(till)
    till.start()
    assert "journal.lost" in events(till)
    for _ in range(2):
        assert [sell(till, "old"), sell(till, "new", "order-old"), asked(till, "checkout.get", "old")] == ["BUSY"] * 3
        assert [asked(till, f"operation.{what}") for what in ("last", "list", "report")] == ["BUSY"] * 3
        assert till.call("agent.status")["ready"] is False
        till.restart()
    assert till.cli("release", "--reason", "compared with the registry").returncode == 0
    assert sell(till, "after") == "paid"
    assert [asked(till, f"checkout.{method}", "old") for method in ("get", "cancel")] == ["RECORD_LOST"] * 2
    assert charged(till) == 2


def begun(journal: Path) -> None:
    """A new one in its place, by a start that was cut short before it noted the loss."""

    async def opened() -> None:
        await (await SqliteJournal.open(journal, allow_volatile=True, plan=PLAN)).close()

    asyncio.run(opened())


def test_a_start_that_was_cut_short_before_it_noted_the_loss(till: Stand) -> None:
    """The new file is there, empty, and nothing in it says so; what lies beside it does: the mark of the record that was here, or that of
    the loss. Without a trace of an older record it is a first start (control)."""
    lock, loss = Path(f"{till.journal}.lock"), Path(f"{till.journal}.lost")
    till.journal.unlink()
    begun(till.journal)
    till.start()
    assert sell(till, "second", "order-old") == "BUSY"
    till.stop()
    for one in (till.journal, lock):
        one.unlink()
    begun(till.journal)
    lock.unlink()
    loss.touch(mode=0o600)
    till.start()
    assert sell(till, "second", "order-old") == "BUSY"
    assert not loss.exists(), "it stands in the record now"
    till.restart()
    assert sell(till, "second", "order-old") == "BUSY"
    till.stop()
    for one in (till.journal, lock):
        one.unlink()
    till.start()
    assert sell(till, "first") == "paid"


def test_a_log_without_its_journal_is_kept(till: Stand) -> None:
    """The file was moved away under the agent, and the agent died: it does not start, and with the file back the sale is there."""
    till.start()
    assert sell(till, "newest") == "paid"
    moved = till.folder / "moved.sqlite3"
    till.journal.rename(moved)
    till.kill()
    before = Path(f"{till.journal}-wal").read_bytes()
    assert before
    started = till.cli("run")
    assert (started.returncode, "Put the file back" in started.stderr) == (1, True), started.stderr
    assert Path(f"{till.journal}-wal").read_bytes() == before
    moved.rename(till.journal)
    till.start()
    assert asked(till, "checkout.get", "newest") == "paid"
    assert "journal.lost" not in events(till)
    assert sell(till, "after") == "paid", "nothing was lost, so nothing waits for a release"


def test_an_older_copy_in_the_place_of_the_journal(till: Stand) -> None:
    """Put there by hand, whole in itself: what was sold since is neither "never accepted" nor sold again, until a release; the newer file
    put back is taken as it is."""
    copy, newer = till.folder / "copy.sqlite3", till.folder / "newer.sqlite3"
    shutil.copy(till.journal, copy)
    till.start()
    assert sell(till, "since") == "paid"
    till.stop()
    till.journal.rename(newer)
    shutil.copy(copy, till.journal)
    for _ in range(2):
        till.start()
        assert "journal.lost" in events(till)
        assert [asked(till, "checkout.get", "since"), sell(till, "again", "order-since")] == ["BUSY"] * 2
        assert asked(till, "checkout.get", "old") == "paid"
        till.stop()
    newer.replace(till.journal)
    till.start()
    assert [asked(till, "checkout.get", "since"), sell(till, "after")] == ["paid"] * 2
    till.stop()
    shutil.copy(copy, till.journal)
    till.start()
    assert till.cli("release", "--reason", "compared with the registry").returncode == 0
    assert [asked(till, "checkout.get", "since"), sell(till, "other")] == ["RECORD_LOST", "paid"]
    till.restart()
    assert sell(till, "further") == "paid", "it is the record from now on"


def test_a_folder_that_is_emptied_while_the_agent_works(till: Stand) -> None:
    """Its lock goes with it, and there is no backup: that there was a journal is still known at the next start."""
    till.start()
    for one in till.journal.parent.iterdir():
        one.unlink()
    until(lambda: "journal.gone" in events(till))
    till.kill()
    till.start()
    assert [asked(till, "checkout.get", "old"), sell(till, "new", "order-old")] == ["BUSY"] * 2


def test_a_log_that_is_taken_away_is_moved_into_the_journal_in_time(till: Stand) -> None:
    """The agent ends by itself, and the newest sale is in the file."""
    till.start()
    assert sell(till, "newest") == "paid"
    Path(f"{till.journal}-wal").unlink()
    until(lambda: "journal.log_gone" in events(till))
    assert till.ended() == 1
    till.start()
    assert [asked(till, "checkout.get", "newest"), sell(till, "after")] == ["paid"] * 2


def test_a_log_is_not_put_upon_another_journal(till: Stand) -> None:
    """The old file comes back over the log of one that was begun in its place: the start is refused, and neither is touched."""
    old = till.folder / "old.sqlite3"
    till.journal.rename(old)
    till.start()
    assert till.cli("release", "--reason", "compared with the registry").returncode == 0
    assert sell(till, "new") == "paid"
    till.kill()
    before = (old.read_bytes(), Path(f"{till.journal}-wal").read_bytes())
    assert before[1]
    old.replace(till.journal)
    started = till.cli("run")
    assert (started.returncode, "is not the file" in started.stderr) == (1, True), started.stderr
    assert (till.journal.read_bytes(), Path(f"{till.journal}-wal").read_bytes()) == before
    for suffix in ("-wal", "-shm"):
        Path(f"{till.journal}{suffix}").rename(till.folder / f"aside{suffix}")
    till.start()
    assert [asked(till, "checkout.get", "old"), sell(till, "more")] == ["paid", "BUSY"], "it does not hold what was sold since"


def test_nothing_new_is_recorded_in_a_file_without_a_name(till: Stand) -> None:
    """The file is moved away under the agent: what would be lost with the process is not begun, what is known is told; with the file back
    the till goes on by itself."""
    till.start()
    moved = till.folder / "moved.sqlite3"
    till.journal.rename(moved)
    assert [sell(till, "new"), asked(till, "checkout.get", "old")] == ["BUSY", "paid"], "from the first moment on"
    until(lambda: "journal.gone" in events(till))
    assert [sell(till, "new"), asked(till, "checkout.get", "old")] == ["BUSY", "paid"]
    refund = {"key": "old", "refundKey": "r1", "token": "t-1", "wait": 20}
    assert asked(till, "refund.create", **refund) == "BUSY", "it would be forgotten, and made a second time"
    assert till.call("agent.status")["ready"] is False
    moved.rename(till.journal)
    until(lambda: "journal.in_place" in events(till))
    assert asked(till, "refund.create", **refund) == "refunded"
    assert sell(till, "new") == "paid"
