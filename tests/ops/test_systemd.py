"""Goal: what systemd says of the service and of its passwords reaches the doctor's lines, and only those of the till that is the service's.
Method: programs in the place of systemd's that say what a unit would; the checks themselves. (With systemd itself: tests/package.)"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from agent.ops.doctor import Finding, Grade, network, service, storage
from agent.ops.doctor.case import Case
from agent.ops.doctor.daemons import Running
from agent.ops.doctor.sources import Source, sources
from agent.settings import load
from agent.texts import message
from tests.ops.stage import says
from tests.support.stand import Stand

DYING = {
    "LoadState": "loaded",
    "ActiveState": "activating",
    "SubState": "auto-restart",
    "NRestarts": "5",
    "MainPID": "7",
    "ExecMainStatus": "1",
    "InvocationID": "this-run",
}
LONG_AGO_US = "1000000000"
ASKED = "asked"  # of journalctl, beside it


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str], str, str], None]:
    """Says such properties of the service, if asked for them, such a unit, and such lines of its log."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)  # who may read the log

    def say(properties: Mapping[str, str], unit: str = "", log: str = "") -> None:
        for name, text in (("show", "\n".join(f"{key}={value}" for key, value in properties.items())), ("cat", unit), ("log", log)):
            (tmp_path / name).write_text(f"{text}\n")
        named = f'while read -r line; do case ",${{3#--property=}}," in *,"${{line%%=*}}",*) echo "$line";; esac; done < {tmp_path}/show'
        program(tmp_path / "systemctl", f'case "$*" in\n"show koshelek-agent.service "*) {named};;\ncat*) cat {tmp_path}/cat;;\nesac')
        program(
            tmp_path / "journalctl",
            f'touch {tmp_path / ASKED}\ncase "$*" in\n*--unit=koshelek-agent.service*) cat {tmp_path}/log;;\nesac',
        )

    return say


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of the service."""
    made = tmp_path / "till.toml"
    made.touch()
    for module in (service, network, storage):
        monkeypatch.setattr(module, "SYSTEM_FILE", made)
    return made


def of_agent(file: Path, own: Running | None = None) -> Finding:
    """What is said of an agent that does not answer."""
    return asyncio.run(service.agent(Case(file, own=own, socket=file.parent / "x.sock", silence=message("nobody"), mute=True)))[0]


Say = Callable[..., None]


def test_what_systemd_says_is_told_of_its_own_process_alone(systemd: Say, file: Path) -> None:
    """The same facts, of the service's process, of another one with its file, and of a till with a file of its own."""
    systemd(DYING)
    assert "again and again, 5 times" in str(of_agent(file).what)
    assert "again and again, 5 times" in str(of_agent(file, Running(7, 0, None)).what)
    assert "process 8) does not answer" in str(of_agent(file, Running(8, 0, None)).what)
    other = file.with_name("other.toml")
    other.touch()
    assert "No agent runs" in str(of_agent(other).what)
    systemd(DYING | {"LoadState": "not-found"})
    assert "No agent runs" in str(of_agent(file).what)


def test_the_last_words_of_the_run_that_died_are_told(systemd: Say, file: Path) -> None:
    """Those of an earlier run are old; of a service that is starting, the log is not even asked for."""
    entry = {"_PID": "7", "SYSLOG_IDENTIFIER": "koshelek-agent", "__REALTIME_TIMESTAMP": LONG_AGO_US}
    old = entry | {"MESSAGE": "an old complaint", "_SYSTEMD_INVOCATION_ID": "an-earlier-run"}
    new = entry | {"MESSAGE": "the port is taken", "_SYSTEMD_INVOCATION_ID": "this-run"}
    systemd(DYING, log=f"{json.dumps(old)}\n{json.dumps(new)}")
    says(of_agent(file), Grade.FAULT, 'said last: "the port is taken"', "«?the port is taken")
    systemd(DYING, log=json.dumps(old))
    says(of_agent(file), Grade.FAULT, "again and again.*journalctl", "снова и снова.*journalctl")
    (file.parent / ASKED).unlink()
    systemd(DYING | {"SubState": "start"}, log=json.dumps(new))
    says(of_agent(file), Grade.WARNING, "process 7.*again before, 5 times", "процесс 7.*5")
    assert not (file.parent / ASKED).exists()


async def test_the_sources_are_those_that_the_unit_names(systemd: Say, tmp_path: Path) -> None:
    """As ``systemctl cat`` shows it with its drop-ins; without systemd there are none."""
    systemd({}, unit="[Service]\nLoadCredential = koshelek-password:/etc/x")
    assert await sources() == {"koshelek-password": Source("koshelek-password", Path("/etc/x"))}
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    assert await sources() == {}


@pytest.fixture
def till() -> Iterator[Stand]:
    """The files of a till whose password is a credential; nothing runs."""
    made = Stand()
    made._write_files()
    lines = made.config.read_text().splitlines()
    named = ['password_credential = "koshelek-password"' if one.startswith("password_file") else one for one in lines]
    made.config.write_text("\n".join(named))
    yield made
    made.close()


def test_a_password_that_the_unit_names_and_nobody_wrote(
    systemd: Say, till: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the service's till: the file that is missing is named, then who may use it. Of another till nothing is said of that."""
    source = tmp_path / "password"
    systemd({}, unit=f"LoadCredential=koshelek-password:{source}")

    async def found() -> list[Finding]:
        case = Case(till.config, load(till.config, machine=False))
        try:
            return [*await network.credentials(case), *await storage.rights(case)]
        finally:
            await case.close()

    def named() -> list[str]:
        return [str(one.what) for one in asyncio.run(found()) if str(source) in str(one.what)]

    assert named() == []
    for module in (network, storage):
        monkeypatch.setattr(module, "SYSTEM_FILE", till.config)
    assert named() == [f"koshelek: the service gets no password: there is no file {source}."]
    source.write_text("sandbox\n")
    source.chmod(0o644)
    assert "can be used by others" in named()[0]
