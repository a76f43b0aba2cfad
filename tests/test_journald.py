"""Goal: a line of the log can be found by its sale in systemd's journal. Method: a real process writes to a socket that is read as the
journal reads it, byte by byte of its protocol; then the unit's log is searched by a real journalctl in a machine with a real systemd.
"""

import json
import shlex
import socket
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

from agent import journald
from agent.journald import MAX_VALUE_CHARACTERS, datagram, fields_of
from tests.support.machine import CannotBoot, Machine
from tests.support.stand import ROOT
from tests.system import lacking, require

UNIT = "koshelek-agent.service"
PROGRAM = """
import os, sys
from pathlib import Path
import structlog
from agent import journald, log
{prepare}
log.configure(level="info")
said = structlog.get_logger()
said.bind(sale="S12/till-03/k-1").warning("sale.declined", reason="OFFLINE", state="declined", token="tok-canary", money="none")
said.info("agent.ready", environment="test", text="two\\nlines")
said.info("sale.huge", sale="S12/till-03/k-2", texts=["x" * 4000] * 100)
try:
    raise RuntimeError("password: canary-pass")
except RuntimeError:
    said.exception("pos.failed", reason="y\\nz")
"""
AS_JOURNAL = """
status = os.fstat(1)
os.environ["JOURNAL_STREAM"] = f"{{status.st_dev}}:{{status.st_ino}}"
journald.SOCKET = Path({path!r})
"""


def entries(data: list[bytes]) -> list[list[tuple[str, str]]]:
    """What the journal would store of datagrams, by the rules of its protocol."""
    return [list(_fields(one)) for one in data]


def _fields(data: bytes) -> list[tuple[str, str]]:
    found = []
    while data:
        line, _, data = data.partition(b"\n")
        name, sign, value = line.partition(b"=")
        if not sign:
            size = int.from_bytes(data[:8], "little")
            value, data = data[8 : 8 + size], data[8 + size :]
            assert data[:1] == b"\n"
            data = data[1:]
        found.append((name.decode(), value.decode()))
    return found


def run(prepare: str) -> list[str]:
    """The lines of the program on its standard output."""
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(prepare=prepare)], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.splitlines()


def test_lines_go_to_the_journal_with_their_fields(tmp_path: Path) -> None:
    """The message is the JSON line, redacted; the sale is a field under its full name and its key; what is too long for a datagram, and
    only that, comes to standard output, where the journal reads it as well."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(str(path))
        reader.settimeout(1)
        rest = run(AS_JOURNAL.format(path=str(path)))
        sent = entries([reader.recv(1 << 20) for _ in range(3)])
    declined, ready, failed = sent
    message = json.loads(dict(declined)["MESSAGE"])
    assert (message["event"], message["sale"], message["token"]) == ("sale.declined", "S12/till-03/k-1", "***")
    assert sorted(declined[1:]) == sorted(
        [
            ("SYSLOG_IDENTIFIER", "koshelek-agent"),
            ("PRIORITY", "4"),
            *(("CHECKOUT", "S12/till-03/k-1"), ("CHECKOUT", "k-1"), ("STORE", "S12"), ("TERMINAL", "till-03")),
            *(("EVENT", "sale.declined"), ("REASON", "OFFLINE"), ("STATE", "declined"), ("MONEY", "none")),
        ]
    )
    assert {"CHECKOUT", "STORE", "TERMINAL"}.isdisjoint(dict(ready))
    assert (dict(failed)["PRIORITY"], dict(failed)["REASON"]) == ("3", "y\nz")
    assert "canary" not in str(sent)
    assert [json.loads(line)["event"] for line in rest] == ["sale.huge"]


EVERY = ["sale.declined", "agent.ready", "sale.huge", "pos.failed"]


def test_where_the_journal_is_not_there_all_is_as_ever() -> None:
    """Every line is JSON on standard output."""
    assert [json.loads(line)["event"] for line in run(AS_JOURNAL.format(path="/nowhere/socket"))] == EVERY


def test_a_stream_that_is_not_the_journals_is_left_alone(tmp_path: Path) -> None:
    """The variable is inherited by whoever is started under systemd; what he writes to a file or a pipe belongs there, all of it."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(str(path))
        reader.setblocking(False)
        lines = run(f'os.environ["JOURNAL_STREAM"] = "1:1"\njournald.SOCKET = Path({str(path)!r})')
        with pytest.raises(BlockingIOError):
            reader.recv(1)
    assert [json.loads(line)["event"] for line in lines] == EVERY


def test_fields_are_few_and_short() -> None:
    """Only named keys become fields; values of other kinds and empty ones do not; long ones are cut; what is no sale's name is whole."""
    event = {"event": "x" * 300, "state": None, "reason": "", "code": 5, "password": "p", "level": "strange", "sale": "odd"}
    found = list(fields_of(event))
    assert found == [
        ("SYSLOG_IDENTIFIER", "koshelek-agent"),
        ("PRIORITY", "6"),
        ("CHECKOUT", "odd"),
        ("EVENT", "x" * MAX_VALUE_CHARACTERS),
    ]
    assert datagram("a\nb", [("N", "\ud800=")]) == b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\nN=?=\n"


def test_a_full_journal_makes_nobody_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nobody reads, sending ends with False at once instead of blocking the loop."""
    monkeypatch.setattr(journald, "SOCKET", tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(str(tmp_path / "socket"))
        taken = [journald.send("line", []) for _ in range(5_000)]
    assert taken[0] is True
    assert taken[-1] is False


@pytest.mark.system
def test_journalctl_finds_a_sale() -> None:
    """In a machine with a real systemd: ``journalctl CHECKOUT=`` by key and by full name, beside ``--unit``, with the priority; and the
    archive for support has them."""
    for tool in ("root", "unshare", "nsenter", "setpriv", "journalctl"):
        require(tool)
    site, base = sysconfig.get_path("purelib"), sys.base_prefix
    python = f"/opt/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    begin = f"LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/tree:/opt/site exec {python} -P"
    unit = "[Service]\nType=oneshot\nExecStart=sh /opt/said\nDynamicUser=yes\nRestrictAddressFamilies=AF_UNIX\nProtectSystem=strict\n"
    files = {"/opt/said": f"{begin} -c {shlex.quote(PROGRAM.format(prepare=''))}\n", "/opt/agent": f'{begin} -m agent "$@"\n'}
    files[f"/etc/systemd/system/{UNIT}"] = unit
    try:
        with Machine(Path("/"), files, {ROOT: "/opt/tree", Path(base): "/opt/python", Path(site): "/opt/site"}) as machine:
            began = machine.run("systemctl", "start", UNIT)
            assert began.returncode == 0, began.stderr + machine.run("journalctl", f"--unit={UNIT}", "--no-pager").stdout
            machine.run("journalctl", "--sync")
            _finds(machine)
            _bundles(machine)
    except CannotBoot as refused:
        lacking(f"this machine does not let another one be booted in it: {refused}")


def _finds(machine: Machine) -> None:
    def found(*match: str) -> list[dict[str, object]]:
        lines = machine.run("journalctl", "--output=json", f"--unit={UNIT}", *match).stdout.splitlines()
        return [json.loads(line) for line in lines]

    for name in ("k-1", "S12/till-03/k-1"):
        (one,) = found(f"CHECKOUT={name}")
        assert (one["EVENT"], one["PRIORITY"], one["STATE"], one["_SYSTEMD_UNIT"]) == ("sale.declined", "4", "declined", UNIT)
    assert found("CHECKOUT=k-3") == []
    events = [one.get("EVENT") for one in found()]
    assert [event for event in events if event] == ["sale.declined", "agent.ready", "pos.failed"]
    assert "sale.huge" in str(found())


def _bundles(machine: Machine) -> None:
    """The archive for support has the unit's state and its log, with the lines that came as fields and those that came as text."""
    made = machine.run("sh", "/opt/agent", "bundle", "/tmp/bundle.tar.gz", "--json")
    problems = {one["name"]: one["problem"] for one in json.loads(made.stdout)["parts"]}
    assert problems["service.txt"] is problems["log.txt"] is None, made.stdout
    with tarfile.open(machine.inside("/tmp/bundle.tar.gz")) as tar:
        found = {Path(one.name).name: tar.extractfile(one).read().decode() for one in tar}  # type: ignore[union-attr]  # all are files
    assert "LoadState=loaded" in found["service.txt"]
    assert [
        event for event in ("sale.declined", "agent.ready", "sale.huge", "pos.failed") if f'"event": "{event}"' not in found["log.txt"]
    ] == []
    assert "canary" not in found["log.txt"]
