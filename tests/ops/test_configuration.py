"""Goal: a file that is not there, or no TOML any more, hides neither the healthy agent nor what to do. Method: the real daemon and
commands."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli.common import Context
from agent.cli.examining import doctor_command
from agent.ops import doctor
from agent.ops.doctor import Finding, Grade, case
from agent.ops.doctor.configuration import configuration
from agent.ops.doctor.daemons import lock_holder
from agent.settings.model import SERVICE_STATE, STATE_VARIABLE, default_journal
from tests.ops.stage import bad, examined, says, stranger
from tests.support.patience import until
from tests.support.stand import Stand
from tests.system import require


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """A till that works."""
    with Stand() as made:
        yield made


@pytest.fixture
def broken(stand: Stand) -> Iterator[Stand]:
    """Somebody has forgotten a quotation mark."""
    whole = stand.config.read_text()
    stand.config.write_text(whole.replace('login = "sandbox"', 'login = "sandbox'))
    yield stand
    stand.config.write_text(whole)


def test_before_the_setup_it_is_named(tmp_path: Path) -> None:
    """No file at all: neither a check of it nor a start would help."""
    found = examined(tmp_path / "nothing.toml", "configuration", "agent")
    assert [one.check for one in found] == ["configuration", "agent"]
    for one in found:
        says(one, Grade.FAULT, "sudo koshelek-agent setup", "sudo koshelek-agent setup")
    assert "cannot be read" not in str(found[0].what)


def test_a_file_that_is_no_toml_hides_nothing(broken: Stand) -> None:
    """The agent works with the file from before: it is asked at the socket that the lines name, and nothing false is said of that."""
    found = examined(broken.config, "configuration", "agent")
    assert [(one.check, one.grade) for one in found] == [("configuration", Grade.FAULT), ("agent", Grade.OK)]
    says(
        found[0],
        Grade.FAULT,
        "line [0-9]+: This is not TOML.*Correct it.*config check.*login = ",
        "строка [0-9]+: Это не TOML.*Исправьте.*config check.*login = ",
    )
    status = broken.cli("status")
    assert (status.returncode, "ready" in status.stdout) == (0, True), status.stderr


def test_an_agent_of_which_nothing_is_known_is_no_fault_of_its_own(broken: Stand) -> None:
    """Not even its sockets can be told: it is known by the file that it was started with, and that the configuration comes first is said,
    neither that nobody runs nor that it lacks a socket."""
    unreadable(broken)
    (found,) = bad(examined(broken.config, "agent"), "agent")
    says(
        found,
        Grade.WARNING,
        "process [0-9]+.*where to ask it.*lines about the configuration first",
        "процесс [0-9]+.*где его спросить.*настройк",
    )


def test_the_services_agent_is_asked_where_the_setup_put_its_socket(broken: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with the file of the system: the usual socket is there, and it answers."""
    unreadable(broken)
    monkeypatch.setattr(case, "SYSTEM_FILE", broken.config)
    monkeypatch.setattr(case, "SERVICE_SOCKET", broken.admin)
    (found,) = examined(broken.config, "agent")
    assert (found.grade, "takes payments" in str(found.what)) == (Grade.OK, True)
    monkeypatch.setattr(case, "SERVICE_SOCKET", broken.config)
    (found,) = bad(examined(broken.config, "agent"), "agent")
    assert "where to ask it" in str(found.what)


def unreadable(stand: Stand) -> None:
    """Not even the lines of its listeners can be guessed."""
    stand.config.write_text(stand.config.read_text().replace("[[listener]]", "[listener]"))


def test_a_socket_that_was_renamed_in_the_file_is_no_fault(stand: Stand) -> None:
    """The file was changed and not reloaded: the agent sells, and is not to be restarted before it was told to read the file. What the
    line says mends it."""
    whole = stand.config.read_text()
    stand.config.write_text(whole.replace("admin.sock", "operator.sock"))
    try:
        (found,) = bad(examined(stand.config, "agent"), "agent")
        says(found, Grade.WARNING, "cannot be asked at.*operator.*Run: sudo systemctl reload", "спросить.*operator.*systemctl reload")
        assert "nobody can pay" not in str(found.means)
        assert stand.call("agent.status")["ready"]
        pid = lock_holder(Path(f"{stand.journal}.lock"))
        assert pid is not None
        os.kill(pid, signal.SIGHUP)  # as the unit does it
        until(stand.socket("operator").exists)
        assert bad(examined(stand.config, "agent"), "agent") == []
    finally:
        stand.config.write_text(whole)
        stand.cli("reload", "--socket", str(stand.socket("operator")))
        until(stand.admin.exists)


async def test_only_a_socket_at_which_nobody_listens_is_mute(tmp_path: Path) -> None:
    """A socket that its agent left behind is; one that is not there, or that this user may not use, says nothing of the agent."""
    left = tmp_path / "left"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(left))
    for path, mute, moved in ((left, True, False), (tmp_path / "nothing", False, True)):
        seen = case.Case(tmp_path / "x", socket=path)
        await case._ask(seen)
        assert (seen.mute, seen.moved) == (mute, moved)


@pytest.mark.system
async def test_who_is_turned_away_does_not_call_the_agent_mute(shut: Path) -> None:
    """A person who may not use the socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(shut / "socket"))
        listener.listen()
        seen = case.Case(shut / "x", socket=shut / "socket")
        with stranger():
            await case._ask(seen)
    assert (seen.mute, seen.moved) == (False, False)
    assert "may not use it" in str(seen.silence)


@pytest.mark.system
def test_a_file_that_this_user_may_not_see_is_not_missing(shut: Path) -> None:
    """A folder that is shut to him: neither that nothing is set up nor that the file is wrong."""
    with stranger():
        (found,) = asyncio.run(configuration(case.Case(shut / "till.toml")))
    says(found, Grade.WARNING, "cannot be looked at by this user.*as root", "не видно.*root")


@pytest.fixture
def shut() -> Iterator[Path]:
    """A folder of root's alone, below others that everybody may enter."""
    require("root")
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def started(config: Path, *arguments: str) -> tuple[int, str]:
    """A command as systemd starts it: its standard error is the journal, and it has no language."""
    said = config.parent / "said"
    with said.open("wb") as stream:
        status = os.fstat(stream.fileno())
        environment = {**os.environ, "LANG": "C.UTF-8", "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        command = [sys.executable, "-m", "agent", *arguments, "--config", str(config)]
        ran = subprocess.run(command, stderr=stream, stdout=subprocess.DEVNULL, check=False, timeout=30, env=environment)
    return ran.returncode, said.read_text()


@pytest.mark.parametrize("arguments", [("run",), ("config", "check")])
def test_a_service_without_a_configuration_speaks_russian_and_loudly(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A file that is not there, and one that is no TOML: each line is an error for systemd's journal, in the language of the default."""
    config = tmp_path / "till.toml"
    for text in (None, 'environment = "test\n'):
        if text is not None:
            config.write_text(text)
        status, said = started(config, *arguments)
        assert status == 78
        assert said.splitlines()
        assert [line for line in said.splitlines() if not line.startswith("<3>")] == []
        assert "не" in said
    config.write_text('language = "en"\nenvironment = "test\n')
    assert "not TOML" in started(config, *arguments)[1]


def test_whoever_asks_judges_the_services_till(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file of the system: its journal is the service's, also for a person who is not root and has a folder of his own."""
    file, seen = tmp_path / "till.toml", list[Path]()

    async def looked(file: Path) -> list[Finding]:
        seen.append(default_journal())
        return []

    monkeypatch.setattr(sys.modules["agent.settings.load"], "SYSTEM_FILE", file)
    monkeypatch.setattr(doctor, "examine", looked)
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    monkeypatch.setenv(STATE_VARIABLE, "to be restored afterwards")
    monkeypatch.delenv(STATE_VARIABLE)
    CliRunner().invoke(doctor_command, obj=Context(str(file), None, True))
    assert [one.parent for one in seen] == [SERVICE_STATE]
