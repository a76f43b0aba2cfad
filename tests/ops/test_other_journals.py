"""Goal: a journal that is whole, but not the one from before, is told as what it is, with the remedy of that and of nothing else. Method:
real journals and copies of a till where nothing runs."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.core.ports import RESTORED_NOTE
from agent.edges.journal import CURRENT, SqliteJournal
from agent.edges.journal.restoring import restore
from agent.ops.doctor import Grade, service
from agent.running.backups import NAME
from agent.running.beginning import know_again
from agent.running.projecting import PLAN
from agent.texts import translator
from tests.journal.support import sale_id, step
from tests.ops.stage import bad, examined, says
from tests.support.stand import Stand

DONE = {"state": "declined", "money": "none", "finished": True, "open": False, "owes": False}


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Stand]:
    """The files of a till with a journal in which there is a sale, and a backup of it; nothing runs."""
    made = Stand()
    made._write_files()
    tmp_path.chmod(0o700)
    made.config.write_text(f'{made.config.read_text()}\n[backup]\ndirectory = "{tmp_path}"\n')
    asyncio.run(sold(made.journal, 1))
    shutil.copy(made.journal, tmp_path / datetime.now(UTC).strftime(NAME))
    yield made
    made.close()


async def sold(journal: Path, number: int, *, lost: bool = False) -> None:
    async with await SqliteJournal.open(journal, allow_volatile=True, plan=PLAN) as made:
        await know_again(made, journal, datetime.now(UTC), lost=lost)
        await made.append(step(sale_id(number), **DONE))


async def released(journal: Path) -> None:
    async with await SqliteJournal.open(journal, allow_volatile=True, plan=PLAN) as made:
        await made.note(RESTORED_NOTE, None)


def begin_anew(till: Stand) -> None:
    """Somebody removed all of it, and the agent was started."""
    for one in till.journal.parent.iterdir():
        one.unlink()
    asyncio.run(sold(till.journal, 2, lost=True))


def test_a_journal_of_a_newer_agent_is_not_called_damaged(till: Stand, tmp_path: Path) -> None:
    """After a package older than the one before: the newer one is to be installed again, and no backup is restored; what is open is not
    said to be a matter of root's, who asks; a backup of the newer agent is kept."""
    for one in (till.journal, *tmp_path.glob("*.sqlite3")):
        with closing(sqlite3.connect(one)) as connection:
            connection.execute(f"PRAGMA user_version={CURRENT.version + 1}")
    found = examined(till.config, "journal", "work", "backup")
    (newer,) = bad(found, "journal")
    says(
        newer,
        Grade.FAULT,
        "newer agent.*nothing is lost.*no daily backup. Install the newer.*before-version",
        "более новым агентом.*ничего не потеряно.*Ежедневную копию не восстанавливайте.*before-version",
    )
    (unread,) = bad(found, "queue")
    says(unread, Grade.WARNING, "cannot be used.*line about the journal", "нельзя воспользоваться.*строке о журнале")
    (kept,) = bad(found, "backup")
    says(kept, Grade.WARNING, "made by a newer agent.*can: none.*Keep it", "агент новее.*Сохраните")


def test_a_journal_begun_anew_says_so_until_it_is_released(till: Stand, tmp_path: Path) -> None:
    """Without backups, where nothing else tells; with them it is the worse loss, and the old record is to be looked for."""
    assert not bad(examined(till.config, "journal"), "journal"), "the one from before (control)"
    begin_anew(till)
    (another,) = bad(examined(till.config, "journal"), "journal")
    says(another, Grade.FAULT, "not the one that.*not taken until.*restore", "не тот.*не принимаются.*restore")
    for one in tmp_path.glob("*.sqlite3"):
        one.unlink()
    (anew,) = bad(examined(till.config, "journal"), "journal")
    says(
        anew,
        Grade.FAULT,
        "begun anew.*nobody has released it.*koshelek-agent release",
        "начат заново.*не разрешены.*koshelek-agent release",
    )
    assert not service.forbids_start(anew)
    asyncio.run(released(till.journal))
    assert not bad(examined(till.config, "journal"), "journal")


def test_after_the_release_nobody_is_told_that_payments_wait(till: Stand) -> None:
    """A backup of the lost journal is still there: that is a warning, which a backup of the new one ends."""
    begin_anew(till)
    asyncio.run(released(till.journal))
    (left,) = bad(examined(till.config, "journal"), "journal")
    says(left, Grade.WARNING, "begun anew and released.*koshelek-agent backup", "начат заново и разрешён.*koshelek-agent backup")
    assert "not taken" not in str(left.means)


def test_a_restored_journal_waits_for_its_release(till: Stand, tmp_path: Path) -> None:
    """With the name of the backup."""
    (copy,) = tmp_path.glob("*.sqlite3")
    asyncio.run(restore(copy, till.journal, datetime.now(UTC), PLAN))
    (waits,) = bad(examined(till.config, "journal"), "journal")
    says(waits, Grade.FAULT, f"restored from {copy}.*status.*release", f"восстановлен из копии {copy}.*status.*release")
    assert not service.forbids_start(waits)


def test_a_spoilt_backup_is_not_told_to_be_restored(till: Stand, tmp_path: Path) -> None:
    """What is wrong with it is said, and not what to do about a journal in which that is wrong."""
    (copy,) = tmp_path.glob("*.sqlite3")
    copy.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    (torn,) = bad(examined(till.config, "backup"), "backup")
    says(torn, Grade.FAULT, "cannot be used: it is damaged.*Move it", "нельзя: она повреждена.*Перенесите")
    copy.write_bytes(b"not a database " * 1000)
    (foreign,) = bad(examined(till.config, "backup"), "backup")
    says(foreign, Grade.FAULT, "it is no record of the agent", "это не журнал агента")
    for one in (torn, foreign):
        told = " ".join(one.told(translator("en")).values())
        assert "restore a backup" not in told.lower()
