"""Goal: a backup is in order only if it can be used and is of these days. Method: copies that the journal itself makes, and what else may
lie under such a name."""

import asyncio
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.edges.journal import SqliteJournal
from agent.ops.doctor import Grade
from agent.ops.doctor.copies import look
from agent.running.backups import NAME
from agent.running.projecting import PLAN
from tests.ops.stage import bad, examined, says
from tests.support.stand import Stand
from tests.system import require

NOBODY = 65_534


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Stand]:
    """The files of a till with a journal and a folder for backups; nothing runs."""
    made = Stand()
    made._write_files()
    tmp_path.chmod(0o700)
    made.config.write_text(f'{made.config.read_text()}\n[backup]\ndirectory = "{tmp_path}"\n')
    asyncio.run(begun(made.journal))
    yield made
    made.close()


async def begun(journal: Path) -> None:
    """A journal with a first record, so that it is told from another."""
    async with await SqliteJournal.open(journal, allow_volatile=True, plan=PLAN) as made:
        await made.note("note", "text")


def copy(till: Stand, folder: Path, days: float) -> Path:
    """A copy that was made so many days ago."""
    made = folder / (datetime.now(UTC) - timedelta(days=days)).strftime(NAME)
    shutil.copy(till.journal, made)
    return made


def test_a_backup_of_these_days_is_in_order(till: Stand, tmp_path: Path) -> None:
    """Of yesterday, as every night: nothing is wrong. None at all is told as before."""
    (never,) = bad(examined(till.config, "backup"), "backup")
    says(never, Grade.WARNING, "no backup in.*yet", "[Кк]опи")
    fresh = copy(till, tmp_path, 1)
    (found,) = examined(till.config, "backup")
    assert (found.grade, str(fresh) in str(found.what)) == (Grade.OK, True)


def test_an_old_backup_is_told_by_its_age(till: Stand, tmp_path: Path) -> None:
    """Nobody has made one for ten days; a name of the future is a wrong clock and not the newest."""
    old = copy(till, tmp_path, 10)
    copy(till, tmp_path, -400)
    (aged,) = bad(examined(till.config, "backup"), "backup")
    says(aged, Grade.WARNING, f"10 days old: {old}.*koshelek-agent backup", f"10 дн.: {old}.*koshelek-agent backup")


def test_a_copy_that_cannot_be_used_is_no_backup(till: Stand, tmp_path: Path) -> None:
    """Garbage under the newest name: a fault that names the usable one; the journal's remedies name that one as well."""
    good, garbage = copy(till, tmp_path, 1), copy(till, tmp_path, 0.5)
    garbage.write_bytes(b"not a database " * 1000)
    (spoilt,) = bad(examined(till.config, "backup"), "backup")
    says(spoilt, Grade.FAULT, f"{garbage} cannot be used.*can be: {good}", f"{garbage} воспользоваться нельзя.*можно: {good}")
    till.journal.unlink()
    (lost,) = bad(examined(till.config, "journal"), "journal")
    says(lost, Grade.FAULT, f"restore {good}", f"restore {good}")
    good.write_bytes(b"")
    found = bad(examined(till.config, "backup"), "backup")
    assert [("can be: none" in str(one.means), one.grade) for one in found] == [(True, Grade.FAULT)] * 2


@pytest.mark.system
def test_a_folder_that_is_shut_holds_no_verdict(till: Stand, tmp_path: Path) -> None:
    """A person who is not root cannot look into it: that is said, and not that there are none."""
    require("root")
    copy(till, tmp_path, 1)
    tmp_path.chmod(0o700)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        with pytest.raises(PermissionError):
            look(tmp_path, datetime.now(UTC))
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_the_table_that_is_advised_can_be_pasted(till: Stand, tmp_path: Path) -> None:
    """The command of the line, run as it stands, makes a configuration with that table."""
    till.config.write_text(till.config.read_text().replace(f'\n[backup]\ndirectory = "{tmp_path}"\n', ""))
    (missing,) = bad(examined(till.config, "backup"), "backup")
    says(missing, Grade.WARNING, "no table.*sudo tee -a", "нет таблицы.*sudo tee -a")
    command = str(missing.remedy).removeprefix("Run: ").partition(" && ")[0].replace("sudo ", "")
    subprocess.run(["sh", "-c", command], check=True, stdout=subprocess.DEVNULL)
    assert tomllib.loads(till.config.read_text())["backup"] == {"directory": "/var/backups/koshelek-agent"}
