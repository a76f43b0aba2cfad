"""Goal: money rule 10 for a record that is gone - whoever cannot know which orders are paid takes no money, and tells no register that its
sale was never accepted, until a person has compared and released it. Method: the real daemon, whose journal somebody removes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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


def asked(stand: Stand, method: str, key: str, **params: object) -> str:
    try:
        return str(stand.call(method, storeId=STORE, terminalId=TERMINAL, key=key, **params)["state"])
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


@pytest.mark.parametrize("lose", [gone, gone_with_its_lock])
def test_nothing_is_sold_on_an_empty_record_in_the_place_of_a_lost_one(till: Stand, lose: Callable[[Stand], None]) -> None:
    """The same order is not charged again, under its key or a new one; a sale of the lost record is not "never accepted"; the page of the
    matter is closed by ``release``, over a restart as well."""
    lose(till)
    till.start()
    assert "journal.lost" in events(till)
    for _ in range(2):
        assert [sell(till, "old"), sell(till, "new", "order-old"), asked(till, "checkout.get", "old")] == ["BUSY"] * 3
        assert till.call("agent.status")["ready"] is False
        till.restart()
    assert till.cli("release", "--reason", "compared with the registry").returncode == 0
    assert sell(till, "after") == "paid"
    assert asked(till, "checkout.get", "old") == "NOT_FOUND"
    assert charged(till) == 2


def test_a_start_that_was_cut_short_before_it_noted_the_loss(till: Stand) -> None:
    """The new file is there, empty, and nothing in it says so; what lies beside it does."""
    till.journal.unlink()
    Path(f"{till.journal}.lock").unlink()
    till.start()
    assert sell(till, "first") == "paid", "without a trace of an older record it is a first start (control)"
    till.stop()
    Path(f"{till.journal}.lost").touch(mode=0o600)
    till.start()
    assert sell(till, "second") == "BUSY"
    assert not Path(f"{till.journal}.lost").exists(), "it stands in the record now"
    till.restart()
    assert sell(till, "second") == "BUSY"


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


def test_nothing_new_is_recorded_in_a_file_without_a_name(till: Stand) -> None:
    """The file is moved away under the agent: what would be lost with the process is not begun, what is known is told; with the file back
    the till goes on by itself."""
    till.start()
    moved = till.folder / "moved.sqlite3"
    till.journal.rename(moved)
    until(lambda: "journal.gone" in events(till))
    assert [sell(till, "new"), asked(till, "checkout.get", "old")] == ["BUSY", "paid"]
    assert till.call("agent.status")["ready"] is False
    moved.rename(till.journal)
    until(lambda: "journal.in_place" in events(till))
    assert sell(till, "new") == "paid"
