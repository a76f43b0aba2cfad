"""Goal: planted faults of the record and of the file with the settings, by which the daemon does not start or stops: the doctor and the
daemon itself name the cause and the remedy, in Russian and in English. Method: real files, a real small file system in memory, real
pseudo-terminals; what the daemon says is taken where it is made, the opening of its journal and of its ports."""

import asyncio
import contextlib
import io
import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import log
from agent.core.ports import JournalError
from agent.edges.journal import Reserve, SqliteJournal, connect, said
from agent.lines import told
from agent.ops.doctor import Grade
from agent.ops.doctor.ports import _serial
from agent.running.beginning import is_lost
from agent.running.care import watch_disk
from agent.running.projecting import PLAN
from agent.settings import BadSettings, describe, load
from agent.texts import Message, message
from drivers.line import LineSpeed, LineState, LineStatus
from drivers.serial_port import PortForbidden, open_port
from tests.ops.stage import bad, examined, fill, mounted, said_in_both, says
from tests.support.patience import soon
from tests.support.stand import Stand
from tests.system import require

NOBODY = 65_534


@pytest.fixture
def till() -> Iterator[Stand]:
    """The files of a till; nothing runs. Its journal lies on the disk that the tests have."""
    made = Stand()
    made._write_files()
    yield made
    made.close()


def opened(till: Stand, volatile: bool = True) -> Message | None:
    """What the daemon says when it opens its journal; None if it can. Blocks."""

    async def attempt() -> None:
        async with await SqliteJournal.open(till.journal, allow_volatile=volatile, plan=PLAN):
            pass

    try:
        asyncio.run(attempt())
    except JournalError as error:
        return said(error)
    return None


def spoken(till: Stand, volatile: bool = True) -> Message:
    """What it says when it cannot."""
    found = opened(till, volatile)
    assert found is not None
    return found


@pytest.fixture
def memory(till: Stand) -> Iterator[Path]:
    """The journal's folder on a file system in memory of its own, of 12 MB."""
    require("root")
    require("mount")
    with mounted(till.journal.parent, 12):
        yield till.journal.parent


@pytest.mark.system
def test_a_journal_in_memory(till: Stand, memory: Path) -> None:
    """The daemon refuses it, and the doctor calls it a fault unless trials are allowed."""
    said_in_both(spoken(till, volatile=False), "type tmpfs.*power fails.*ext4", "типа tmpfs.*питания.*ext4")
    allowed = bad(examined(till.config, "disk"), "disk")[0]
    says(allowed, Grade.WARNING, "tmpfs.*trials only.*local disk", "tmpfs.*только для проб.*локальном диске")
    till.config.write_text(till.config.read_text().replace("allow_volatile = true", "allow_volatile = false"))
    refused = bad(examined(till.config, "disk"), "disk")[0]
    says(refused, Grade.FAULT, "tmpfs.*money could be taken twice.*local disk", "tmpfs.*деньги могут взять дважды.*локальном диске")


async def until_full(till: Stand, stream: io.StringIO) -> None:
    """The daemon's journal meets a full disk, and the disk's watch tells of it."""

    def reserve(path: Path) -> Reserve:
        return Reserve(path, 2**20)

    async with await SqliteJournal.open(till.journal, allow_volatile=True, plan=PLAN, reserve=reserve) as journal:
        watching = asyncio.create_task(watch_disk(journal))
        fill(till.journal.parent)
        with contextlib.suppress(JournalError):
            for number in range(1_000):
                await journal.note(f"note {number}", "x" * 10_000)
        await soon(lambda: "disk.full" in stream.getvalue())
        watching.cancel()


@pytest.mark.system
def test_a_full_disk(till: Stand, memory: Path) -> None:
    """The doctor says how much is left and how to make room; the daemon's log the same, once."""
    for language, pattern in (("ru", "диск полон.*Освободите место"), ("en", "the disk is full.*Make room")):
        stream = io.StringIO()
        log.configure(log.Mode.JSON, "info", stream, language)
        asyncio.run(until_full(till, stream))
        (line,) = [json.loads(line) for line in stream.getvalue().splitlines() if "disk.full" in line]
        assert re.search(pattern, f"{line['meaning']} {line['remedy']}")
        for one in memory.iterdir():  # the journal with its log, which a full disk kept from being put into it
            one.unlink()
    fill(memory)
    (full,) = [one for one in bad(examined(till.config, "disk"), "disk") if "MB are free" in str(one.what)]
    says(
        full,
        Grade.FAULT,
        "Only 0 MB.*DISK_FULL.*200 MB more.*vacuum.*Delete no file of koshelek-agent",
        "только 0 МБ.*DISK_FULL.*ещё 200 МБ.*vacuum.*Не удаляйте файлы koshelek-agent",
    )


@pytest.mark.system
def test_a_disk_that_became_read_only(till: Stand, memory: Path) -> None:
    """As a disk with errors does."""
    assert opened(till) is None
    subprocess.run(["mount", "-o", "remount,ro", str(memory)], check=True)
    said_in_both(spoken(till), "read-only.*dmesg", "только для чтения.*dmesg")
    (locked,) = [one for one in bad(examined(till.config, "disk"), "disk") if "read-only" in str(one.what)]
    says(locked, Grade.FAULT, "read-only.*takes no payments.*dmesg", "только для чтения.*не принимает платежей.*dmesg")


def test_a_mistake_in_the_configuration(till: Stand) -> None:
    """A misspelt setting: its line, and what was meant; the other checks are made all the same."""
    till.config.write_text(till.config.read_text().replace("login =", "logn ="))
    found = bad(examined(till.config, "configuration", "sqlite"), "configuration")
    says(found[1], Grade.FAULT, "line 1[0-9].*logn.*Unknown.*login", "строка 1[0-9].*logn.*login")
    with pytest.raises(BadSettings) as refused:
        load(till.config)
    assert "logn" in describe(refused.value.problems, "ru")
    till.config.write_text(till.config.read_text().replace('language = "en"', 'language = "ru"'))
    started = till.cli("run", LANG="C.UTF-8")  # as systemd starts it: the service has no language but the configuration's
    assert (started.returncode, "Неизвестная настройка" in started.stderr) == (78, True)
    assert "config check" in str(found[0].remedy)


def test_a_damaged_page_of_the_journal(till: Stand) -> None:
    """Bytes in the middle of the file are others than were written."""
    assert opened(till) is None
    data = bytearray(till.journal.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 16] = b"\xff" * 16
    till.journal.write_bytes(data)
    (damaged,) = bad(examined(till.config, "journal"), "journal")
    says(damaged, Grade.FAULT, "damaged.*restore", "повреждён.*restore")
    said_in_both(spoken(till), "damaged.*restore a backup", "повреждён.*восстановите резервную копию")


def test_a_lost_journal(till: Stand, tmp_path: Path) -> None:
    """Gone, with a backup and without; begun anew beside a backup of the old one. A first start is no loss (control)."""
    (fresh,) = bad(examined(till.config, "journal"), "journal")
    says(fresh, Grade.WARNING, "no journal.*systemctl start", "Журнала .* нет.*systemctl start")
    assert opened(till) is None
    assert bad(examined(till.config, "journal"), "journal") == []
    whole = till.journal.read_bytes()
    till.journal.unlink()
    assert is_lost(till.journal)
    (lost,) = bad(examined(till.config, "journal"), "journal")
    says(lost, Grade.FAULT, "is lost.*taken twice.*Do not start", "потерян.*взять дважды.*Не запускайте")
    tmp_path.chmod(0o700)
    till.config.write_text(f'{till.config.read_text()}\n[backup]\ndirectory = "{tmp_path}"\n')
    backup = tmp_path / "koshelek-agent-20260101T040000Z.sqlite3"
    backup.write_bytes(whole)
    (lost,) = bad(examined(till.config, "journal"), "journal")
    says(lost, Grade.FAULT, f"is lost.*restore {backup}", f"потерян.*restore {backup}")


def test_a_file_of_the_journal_that_is_none(till: Stand, tmp_path: Path) -> None:
    """A link in the place of the file or of its log, or a pipe: the doctor says what the daemon says, word by word. Nobody whose log is a
    link is told to name that as the journal."""
    elsewhere, log = tmp_path / "elsewhere", Path(f"{till.journal}-wal")
    for path, make, text in (
        (till.journal, lambda: till.journal.symlink_to(elsewhere), f'path = "{elsewhere}"'),
        (log, lambda: log.symlink_to(elsewhere), "put this one back"),
        (till.journal, lambda: os.mkfifo(till.journal, 0o600), "no regular file"),
    ):
        make()
        (found,) = bad(examined(till.config, "rights"), "rights")
        says(found, Grade.FAULT, f"{re.escape(str(path))} is .*{text}.*Delete nothing", "Ничего не удаляйте")
        assert (found.what, "[journal]" in str(found.what)) == (spoken(till), path == till.journal)
        path.unlink()


def test_a_library_that_is_too_old(till: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite before 3.37 knows no STRICT tables."""
    monkeypatch.setattr(connect.sqlite3, "sqlite_version_info", (3, 34, 1))
    (old,) = bad(examined(till.config, "sqlite"), "sqlite")
    says(old, Grade.FAULT, "SQLite 3.34.1 is too old.*Debian 12", "SQLite 3.34.1 слишком старая.*Debian 12")
    said_in_both(spoken(till), "3.37.0 or newer.*install", "3.37.0 или новее.*установите")


async def test_a_second_agent_on_one_journal(till: Stand) -> None:
    """The daemon that comes second says which process has it, and how to stop that one."""
    async with await SqliteJournal.open(till.journal, allow_volatile=True, plan=PLAN):
        with pytest.raises(JournalError) as refused:
            await SqliteJournal.open(till.journal, allow_volatile=True, plan=PLAN)
    said_in_both(said(refused.value), f"process {os.getpid()}.*systemctl stop", f"процесс {os.getpid()}.*systemctl stop")


def test_a_port_that_the_user_may_not_open() -> None:
    """A real terminal of another group: the doctor names group and command; the driver is refused by the kernel, and the log says why."""
    require("root")
    master, slave = pty.openpty()
    path = Path(os.ttyname(slave))
    try:
        os.chown(slave, 0, 20)  # dialout on Debian
        path.chmod(0o660)
        (forbidden,) = [one for one in _serial(path, None, NOBODY, frozenset({NOBODY})) if "may not open" in str(one.what)]
        says(
            forbidden,
            Grade.FAULT,
            "may not open.*group dialout.*usermod -aG dialout",
            "нельзя открыть.*группе dialout.*usermod -aG dialout",
        )
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        try:
            with pytest.raises(PortForbidden):
                open_port(path, LineSpeed())
        finally:
            os.seteuid(0)
            os.setegid(0)
    finally:
        os.close(master)
        os.close(slave)
    words = told(LineStatus(f"serial:{path}", LineState.FAILED, forbidden=True))
    said_in_both(
        message("{a} {b}", a=words["problem"], b=words["remedy"]),
        "may not open.*usermod -aG dialout",
        "нельзя открыть.*usermod -aG dialout",
    )


def test_a_port_that_two_programs_have() -> None:
    """The agent opened it, and somebody else did as well: both are said to have it, and not that the agent leaves it alone."""
    master, slave = pty.openpty()
    path = Path(os.ttyname(slave))
    other = subprocess.Popen(["sleep", "60"], stdin=slave)
    try:
        (both,) = [one for one in _serial(path, os.getpid(), os.geteuid(), frozenset()) if one.grade is Grade.FAULT]
        says(
            both, Grade.FAULT, rf"at once: .*pid {other.pid}.*gets half.*End that", rf"сразу у агента.*pid {other.pid}.*половину.*Завершите"
        )
        assert "leaves it alone" not in str(both.means)
        (held,) = [one for one in _serial(path, os.getpid(), os.geteuid(), frozenset(), left=True) if one.grade is Grade.FAULT]
        says(held, Grade.FAULT, f"Another program.*pid {other.pid}.*leaves it alone", f"другая программа.*pid {other.pid}")
    finally:
        other.kill()
        other.wait()
        os.close(master)
        os.close(slave)


def test_a_journal_that_is_a_link(till: Stand) -> None:
    """As after a move to another disk: the daemon refuses it, and the doctor says the same, in the daemon's words."""
    assert opened(till) is None
    real = till.journal.with_name("real.sqlite3")
    till.journal.rename(real)
    till.journal.symlink_to(real)
    (link,) = bad(examined(till.config, "rights"), "rights")
    assert str(link.what) == str(spoken(till))
    says(link, Grade.FAULT, f"is a link to {real}.*Delete nothing", f"{real}.*Ничего не удаляйте")


@pytest.mark.system
def test_a_folder_that_is_shut_is_not_called_in_order(till: Stand) -> None:
    """Who may not look into the journal's folder is sent to root: neither that all is in order nor that there was never a journal."""
    require("root")
    till.journal.parent.chmod(0o700)
    os.chown(till.journal.parent, NOBODY + 1, 0)
    till.folder.chmod(0o755)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        found = examined(till.config, "rights", "journal")
    finally:
        os.seteuid(0)
        os.setegid(0)
    assert {(one.check, one.grade) for one in found} == {("rights", Grade.WARNING), ("journal", Grade.WARNING)}
    assert ["sudo koshelek-agent doctor" in str(one.remedy) for one in found] == [True] * len(found)
