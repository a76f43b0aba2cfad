"""Goal: a backup is in order only if it can be used and is of these days. Method: copies that the journal itself makes, and what else may
lie under such a name."""

import asyncio
import errno
import itertools
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.edges.journal import SqliteJournal, health
from agent.ops.doctor import Finding, Grade, copies, shelf
from agent.ops.doctor.case import Case
from agent.ops.doctor.copies import MAX_OPENED, READING_LIMIT_S, Copies, backup, look
from agent.ops.doctor.daemons import Running
from agent.running.backups import NAME
from agent.running.projecting import PLAN
from agent.settings import load
from agent.settings.load import SYSTEM_FILE
from tests.ops.stage import NOBODY, bad, examined, says, stranger, systemctl_says
from tests.support.stand import Stand
from tests.system import require


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


def test_some_spoilt_copies_do_not_hide_a_good_one(till: Stand, tmp_path: Path) -> None:
    """Four nights in which a disk spoilt them; more are not opened, for so many are no accident."""
    good = copy(till, tmp_path, 9)
    for night in range(1, MAX_OPENED):
        copy(till, tmp_path, night).write_bytes(b"not a database " * 1000)
    found = look(tmp_path, datetime.now(UTC))
    assert (found.usable, len(found.spoilt)) == (good, 4)
    copy(till, tmp_path, 8).write_bytes(b"not a database " * 1000)
    found = look(tmp_path, datetime.now(UTC))
    assert (found.usable, len(found.spoilt)) == (None, 5)


def test_a_copy_that_takes_long_is_not_called_spoilt(till: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A year of a busy till on a slow disk: nothing was found to be wrong with it, so it is the one to restore."""
    monkeypatch.setattr(health, "STEPS_BETWEEN_LOOKS", 1)
    newest = copy(till, tmp_path, 1)
    copy(till, tmp_path, 2)
    slow = itertools.count(0.0, READING_LIMIT_S)
    with pytest.raises(health.TimeIsUp):
        health.examine(newest, lambda: True, PLAN)
    assert look(tmp_path, datetime.now(UTC), lambda: next(slow)) == Copies(newest)


@pytest.mark.system
def test_a_folder_that_is_shut_holds_no_verdict(till: Stand) -> None:
    """A person who is not root cannot look into it: that is said, and not that there are none."""
    require("root")
    with tempfile.TemporaryDirectory() as made:  # the test's own folders are shut to everybody else
        folder = Path(made) / "copies"
        folder.mkdir(mode=0o700)
        copy(till, folder, 1)
        Path(made).chmod(0o755)
        till.config.write_text(re.sub(r"(?m)^directory = .*$", f'directory = "{folder}"', till.config.read_text()))
        case = Case(till.config, load(till.config, machine=False), own=Running(1, 0, None))
        with stranger():
            (found,) = asyncio.run(backup(case))
    says(found, Grade.WARNING, f"{folder} cannot be looked at.*could not be seen.*as root", f"не видно {folder}.*root")


def test_a_disk_that_fails_holds_no_verdict(till: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither while the folder is looked at nor while its list is read: what the system says, and not that there is no copy yet."""
    case = Case(till.config, load(till.config, machine=False))
    for module, name in ((copies, "look"), (shelf, "place_of")):

        def failing(*_: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(module, name, failing)
        (found,) = asyncio.run(backup(case))
        says(found, Grade.WARNING, f"{tmp_path} cannot be looked at: Input/output error.*dmesg", "не удалось посмотреть: .*dmesg")


def test_the_table_that_is_advised_can_be_pasted(till: Stand, tmp_path: Path) -> None:
    """The command of the line, run as it stands, makes a configuration with that table."""
    till.config.write_text(till.config.read_text().replace(f'\n[backup]\ndirectory = "{tmp_path}"\n', ""))
    (missing,) = bad(examined(till.config, "backup"), "backup")
    says(missing, Grade.WARNING, "no table.*sudo tee -a", "нет таблицы.*sudo tee -a")
    command = str(missing.remedy).removeprefix("Run: ").partition(" && ")[0].replace("sudo ", "")
    subprocess.run(["sh", "-c", command], check=True, stdout=subprocess.DEVNULL)
    assert tomllib.loads(till.config.read_text())["backup"] == {"directory": "/var/backups/koshelek-agent"}


def test_a_folder_that_no_copy_can_go_to_is_told(till: Stand, tmp_path: Path) -> None:
    """Not there, no folder, or somebody else's too: the command that the line gives mends it, run as it stands."""
    folder = tmp_path / "disk" / "copies"
    till.config.write_text(till.config.read_text().replace(f'"{tmp_path}"', f'"{folder}"'))
    (missing,) = bad(examined(till.config, "backup"), "backup")
    says(missing, Grade.FAULT, f"no folder {folder}.*mount it.*sudo install -d -m 0700 -o", f"Нет папки {folder}.*подключите.*sudo install")
    command = str(missing.remedy).partition("run: ")[2].replace("sudo ", "")
    subprocess.run(["sh", "-c", command], check=True)
    says(bad(examined(till.config, "backup"), "backup")[0], Grade.WARNING, "no backup in", "[Кк]опи")
    folder.chmod(0o755)
    (shared,) = bad(examined(till.config, "backup"), "backup")
    says(shared, Grade.FAULT, f"{folder} belongs to.*mode 0755.*install -d", "принадлежит.*0755.*install -d")
    folder.rmdir()
    folder.write_text("")
    says(bad(examined(till.config, "backup"), "backup")[0], Grade.FAULT, "is no folder", "не папка")


@pytest.mark.system
def test_a_folder_must_be_within_the_agents_reach() -> None:
    """It is judged for the user of the service, who is not root: his own, and with open folders above it."""
    require("root")
    with tempfile.TemporaryDirectory() as made:  # the test's own folders are shut to everybody else
        folder = Path(made) / "copies"
        folder.mkdir(mode=0o700)
        folder.parent.chmod(0o755)
        foreign = shelf.place_of(folder, NOBODY)
        assert foreign is not None
        says(foreign, Grade.FAULT, "belongs to root.*nobody must have it", "принадлежит пользователю root.*nobody")
        os.chown(folder, NOBODY, NOBODY)
        assert shelf.place_of(folder, NOBODY) is None
        folder.parent.chmod(0o700)
        shut = shelf.place_of(folder, NOBODY)
        assert shut is not None
        says(shut, Grade.FAULT, f"cannot get to {folder}: {folder.parent} is shut", f"не может добраться до {folder}.*закрыт")


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's unit, as systemd tells of it."""
    told = "LoadState=loaded\nProtectSystem=strict\nReadWritePaths=-/var/backups/koshelek-agent -/srv/allowed"
    monkeypatch.setenv("PATH", systemctl_says(tmp_path, told))


@pytest.mark.usefixtures("unit")
def test_a_folder_that_the_unit_keeps_shut_is_told(tmp_path: Path) -> None:
    """Another one than the package's must be named to systemd: the line gives the commands, and what they write lets the service start
    without that folder as well. Of a till that is not the service's nothing is said."""

    def kept(folder: str, file: Path = SYSTEM_FILE) -> Finding | None:
        return asyncio.run(shelf.unit_of(Path(folder), file))

    closed = kept("/srv/50% of it/o'copies")
    assert closed is not None
    says(closed, Grade.FAULT, "may not write.*ReadWritePaths=.*restart koshelek-agent", "нельзя писать.*ReadWritePaths=.*restart")
    command = str(closed.remedy).removeprefix("Run: ").partition(" && ")[0].replace("sudo ", "")
    assert command.endswith(shelf.DROP_IN)
    subprocess.run(["sh", "-c", command.replace(shelf.DROP_IN, str(tmp_path / "drop" / "in"))], check=True)
    assert (tmp_path / "drop" / "in").read_text() == '[Service]\nReadWritePaths="-/srv/50%% of it/o\'copies"\n'
    assert shelf.setting(Path("/srv/copies")) == "-/srv/copies"
    for fine in ("/srv/allowed/below", "/var/backups/koshelek-agent", "/var/lib/koshelek-agent/copies"):
        assert kept(fine) is None
    assert kept("/srv/copies", tmp_path / "own.toml") is None
    home = f"{shelf.UNSEEN_BY_SERVICE[0]}/copies"
    hidden = kept(home)
    assert hidden is not None
    says(hidden, Grade.FAULT, f"cannot see {home}.*another folder", f"не видит {home}.*другую папку")


def test_a_folder_that_has_just_been_allowed_waits_for_a_restart(till: Stand) -> None:
    """The running service still says that it cannot write there: neither the folder nor, at first, the disk is to blame."""
    settings, problem = load(till.config, machine=False), f"the backup cannot be written: {os.strerror(errno.EROFS)}"
    case = Case(till.config, settings, status={"backup": {"problem": problem}})
    (found,) = asyncio.run(backup(case))
    says(found, Grade.FAULT, "Read-only.*restart koshelek-agent.*disk has errors", "Read-only.*restart koshelek-agent.*на диске ошибки")
