"""Goal: whether the service is up is said as it is, and nothing is advised that loses the record. Method: the real daemon, held or without
its journal; what systemd says of it by its words."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.ops.doctor import Grade, service, words
from agent.ops.doctor.case import Case
from agent.ops.doctor.daemons import Running, lock_holder
from agent.ops.doctor.finding import Finding, fault
from agent.running.rescue import opened, rescue
from agent.texts import message, translator
from tests.ops.stage import bad, examined, says, sell
from tests.support.stand import Stand

DEAD = {"LoadState": "loaded", "ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "5", "WatchdogUSec": "30s"}
STARTING = {"LoadState": "loaded", "ActiveState": "activating", "SubState": "start", "NRestarts": "0", "MainPID": "7"}


@pytest.fixture
def stand() -> Iterator[Stand]:
    """A till that works."""
    with Stand() as made:
        yield made


@pytest.fixture
def still() -> Iterator[Stand]:
    """The files of a till; nothing runs."""
    made = Stand()
    made._write_files()
    yield made
    made.close()


def test_an_agent_that_hangs_is_a_fault(stand: Stand) -> None:
    """It is there, and nobody at its socket: it sells nothing, whoever asks."""
    pid = lock_holder(Path(f"{stand.journal}.lock"))
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        (mute,) = bad(examined(stand.config, "agent"), "agent")
        says(mute, Grade.FAULT, f"process {pid}.*does not answer.*nobody can pay.*journalctl", f"процесс {pid}.*не отвечает.*journalctl")
    finally:
        os.kill(pid, signal.SIGCONT)


def told(facts: dict[str, str], said: str = "", own: Running | None = None, mute: bool = True) -> Finding:
    """What is said of an agent that does not answer."""
    (found,) = service._running(Case(Path("/x"), own=own, socket=Path("/s"), silence=message("no answer"), mute=mute), facts, said)
    return found


def test_a_service_that_dies_again_and_again_is_a_fault() -> None:
    """Between two starts a process may be seen and nobody answers: what systemd counts is told, with the service's last words."""
    own = Running(7, 0, None)
    says(told(DEAD, "the port is taken", own), Grade.FAULT, "again and again, 5 times.*port is taken", "снова и снова.*5.*port is taken")
    says(told(DEAD), Grade.FAULT, "again and again.*journalctl", "снова и снова.*journalctl")
    says(told(DEAD | {"ExecMainStatus": "243"}), Grade.FAULT, "password.*243/CREDENTIALS", "пароль.*243/CREDENTIALS")
    says(told(DEAD | {"ExecMainStatus": "226"}), Grade.FAULT, "folder.*226/NAMESPACE.*minus.*daemon-reload", "папки.*226/NAMESPACE.*минус")
    failed = DEAD | {"ActiveState": "failed", "ExecMainStatus": "78"}
    says(told(failed), Grade.FAULT, "status 78", "кодом 78")
    says(told(failed | {"ExecMainStatus": "243"}), Grade.FAULT, "243/CREDENTIALS", "243/CREDENTIALS")
    queued = DEAD | {"SubState": "auto-restart-queued"}
    says(told(queued), Grade.FAULT, "again and again", "снова и снова")
    says(told(DEAD | {"NRestarts": "0"}), Grade.FAULT, "No agent runs with", "Ни один агент не работает")


def test_a_service_that_is_starting_is_not_said_to_fail() -> None:
    """After a kill and an ordinary restart, or with a mistake just mended: it may come up, and is not to be disturbed; how often it was
    started before is told. Also where its process cannot be seen."""
    own = Running(7, 0, None)
    for seen in (own, None):
        says(
            told(STARTING, own=seen), Grade.WARNING, "process 7.*is starting|is starting.*process 7", "запускается.*процесс 7.*через минуту"
        )
    again = told(STARTING | {"NRestarts": "1"}, own=own)
    says(again, Grade.WARNING, "is starting.*again before, 1 times.*in a minute.*journalctl", "запускается.*1.*через минуту.*journalctl")
    assert "restart koshelek-agent" not in str(again.remedy)
    says(told({}, own=own, mute=False), Grade.WARNING, "cannot be asked.*as root", "спросить.*root")


def test_of_two_agents_the_one_that_is_not_the_service_is_to_be_ended() -> None:
    """Whichever of them holds the journal; where neither is known to be the service, a person finds out."""
    for main, other in (("7", 9), ("9", 7)):
        told = service._ending(7, 9, main)
        assert f"service is process {main}, leave it alone. End the other: sudo kill {other}," in str(told)
        assert f"Служба — процесс {main}, его не трогайте. Завершите другой: sudo kill {other}," in told.text(translator("ru"))
    for main in ("", "0", "11"):
        assert "Find out which one is the service" in str(service._ending(7, 9, main))


def test_the_count_of_restarts_can_be_begun_anew() -> None:
    """systemd counts until it is told not to: mended, the warning would stand for ever."""
    (many,) = [one for one in service._unit(DEAD | {"ActiveState": "active"}) if one.grade is not Grade.OK]
    says(many, Grade.WARNING, "5 times.*reset-failed", "5.*reset-failed")


@pytest.mark.parametrize("state", ["failed", "activating", "inactive"])
def test_what_does_not_run_is_not_called_watched(state: str) -> None:
    """Neither that systemd watches it nor that it does not: of a service that is not running systemd does not tell."""
    found = list(service._unit(DEAD | {"NRestarts": "0", "ActiveState": state, "WatchdogUSec": "infinity"}))
    assert not [one for one in found if "watches the agent" in str(one.what) or "does not watch" in str(one.what)]


def test_the_last_words_are_those_of_the_last_process() -> None:
    """Lines of one start are one text; a line of our log is what it says to people; it has an end."""
    entries = [{"_PID": "1", "MESSAGE": "old"}, {"_PID": "2", "MESSAGE": "x.toml,  line 3"}, {"_PID": "2", "MESSAGE": "  not TOML"}]
    assert words.complaint(entries) == "x.toml, line 3 not TOML"
    assert words.complaint([{"_PID": "1", "MESSAGE": '{"event": "a.b", "problem": "the disk"}'}]) == "the disk"
    assert words.complaint([{"_PID": "1", "MESSAGE": "x" * 1000}]) == "x" * words.MAX_CHARACTERS + "…"
    assert words.complaint([]) == ""
    mine = {"_SYSTEMD_INVOCATION_ID": "a", "__REALTIME_TIMESTAMP": "1000000000"}
    assert words.is_current(mine, "a", 9_000.0)
    assert (words.is_current(mine, "b", 1_003.0), words.is_current(mine, "b", 9_000.0)) == (True, False)


def test_nobody_is_told_to_start_over_a_lost_journal(still: Stand) -> None:
    """The first line says that the journal comes first; the lines that say start or restart say it nowhere. Without the loss it does."""
    (down,) = bad(examined(still.config, "agent", "journal"), "agent")
    says(down, Grade.FAULT, "systemctl start", "systemctl start")
    Path(f"{still.journal}.lock").touch()
    found = examined(still.config, "agent", "journal")
    (down,) = bad(found, "agent")
    says(down, Grade.FAULT, "Do not start the service yet.*journal", "не запускайте службу.*journal")
    assert not [one for one in found if "systemctl start" in str(one.remedy)]
    (lost,) = bad(found, "journal")
    _, later = service.journal_first([lost, fault("x", lost.what, lost.what, message(service.RESTART))])
    says(later, Grade.FAULT, "Not before", "Только после")


def test_a_log_without_its_journal_is_not_thrown_away(still: Stand) -> None:
    """The file is gone and its newest records are beside where it was: the daemon refuses, and so does the doctor."""
    Path(f"{still.journal}-wal").write_bytes(b"x" * 100)
    (lost,) = bad(examined(still.config, "journal"), "journal")
    says(lost, Grade.FAULT, "is gone or empty, and.*-wal.*Do not start", "-wal.*Не запускайте")


def test_a_removed_journal_is_saved_by_the_commands_that_are_told(stand: Stand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All files are removed under the working agent; what the doctor says is done word by word, and the newest sale is there afterwards."""
    monkeypatch.setattr("agent.running.rescue.SAFE", str(tmp_path))
    assert sell(stand) == "paid"
    (before,) = stand.call("operation.list", socket_name="admin")["operations"]
    shutil.rmtree(stand.journal.parent)
    (gone,) = bad(examined(stand.config, "journal"), "journal")
    steps = "cp /proc.*cp /proc.*cmp /proc.*install -d"
    says(gone, Grade.FAULT, f"Do not stop.*{steps}", f"Не останавливайте.*{steps}")
    assert gone.remedy is not None
    saving, back = str(gone.remedy).split(" (if the last ")
    commands = saving.partition("in this order: ")[2]
    assert [part.endswith("-wal") for part in commands.split("; ")] == [True, False, True], "the log first, and compared in the end"
    subprocess.run(["sh", "-ec", commands], check=True)
    log = Path(f"{tmp_path}/{stand.journal.name}-wal")
    log.write_bytes(log.read_bytes() + b"x")  # as if the agent had written in between
    again = subprocess.run(["sh", "-c", commands.rpartition("; ")[2]], check=False, capture_output=True)
    assert again.returncode == 1, again
    subprocess.run(["sh", "-ec", commands], check=True)
    assert Path(f"{tmp_path}/{stand.journal.name}-wal").stat().st_size > 0
    stand.kill()
    (place,) = re.findall(r"stop koshelek-agent; (.*); systemctl start", back)
    subprocess.run(["sh", "-ec", place], check=True)
    stand.start()
    assert [one["key"] for one in stand.call("operation.list", socket_name="admin")["operations"]] == [before["key"]]


def test_a_renamed_journal_gets_its_name_back(tmp_path: Path) -> None:
    """Its descriptors do not tell which it is: what to look for is said, the log first."""
    path = tmp_path / "journal.sqlite3"
    with path.open("w"), Path(f"{path}-wal").open("w"):
        assert set(opened(path, os.getpid())) == {"", "-wal"}
        path.rename(tmp_path / "other")
        assert set(opened(path, os.getpid())) == {"-wal"}
        said = rescue(path, os.getpid())
    assert "its name back" in str(said)
    assert "прежнее (mv)" in said.text(translator("ru"))
    assert opened(path, 2**22 + 1) == {}
