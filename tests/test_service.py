"""Goal: the unit is well formed, keeps its promises and is hardened. Method: systemd's own tools, and the file itself read. The package
ships this file as it is (tests/package), and there it is lived with."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system import require

UNIT = Path(__file__).parents[1] / "systemd" / "koshelek-agent.service"
PROGRAM = "/opt/koshelek-agent/bin/koshelek-agent"
NAMED = {("koshelek", "password"), ("paycore", "key"), ("softline", "password"), ("payconnect", "key")}
MAX_EXPOSURE = 15  # tenths: promise P26
MAX_HANG_S = 30  # a queue of customers waits that long before a hanging agent is started again
HARDENING = """
UMask=0077
MemoryMax=256M
TasksMax=64
LimitCORE=0
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
SecureBits=noroot-locked
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
DevicePolicy=closed
DeviceAllow=char-ttyS rw
DeviceAllow=char-ttyUSB rw
DeviceAllow=char-ttyACM rw
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources @obsolete
SystemCallErrorNumber=EPERM
"""


def settings() -> dict[str, str]:
    """The unit's lines; a repeated key keeps its values one after the other."""
    found: dict[str, str] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found[key] = f"{found[key]} {value}" if key in found else value
    return found


def directives(text: str) -> dict[str, list[str]]:
    """The values of each key in their order: of most keys the last one counts."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_no_directive_of_the_hardening_is_missing() -> None:
    """Exposure is a sum in which one may go unnoticed; each is there, once and as it was meant. System calls may be allowed one by one
    after the two lines that forbid the rest; a directive that is new is added here as well."""
    text, wanted = UNIT.read_text(), directives(HARDENING)
    found = directives(text)
    allowed = found["SystemCallFilter"][len(wanted["SystemCallFilter"]) :]
    assert {key: found.get(key) for key in wanted} == wanted | {"SystemCallFilter": [*wanted["SystemCallFilter"], *allowed]}
    assert not [one for one in allowed if "@" in one]
    assert directives(text[text.index("NoNewPrivileges=") : text.index("[Install]")]).keys() <= wanted.keys()


@pytest.mark.system
def test_exposure_is_at_most_the_promised() -> None:
    """``systemd-analyze security`` of the unit alone gives at most 1.5."""
    require("systemd-analyze")
    command = ["systemd-analyze", "security", "--offline=yes", f"--threshold={MAX_EXPOSURE}", "--no-pager", str(UNIT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-200:] + result.stderr


@pytest.mark.system
def test_systemd_accepts_every_line(tmp_path: Path) -> None:
    """``systemd-analyze verify`` has nothing to say, with a program that exists here; a misspelt key is found (control)."""
    require("systemd-analyze")
    unit = tmp_path / UNIT.name

    def verify(text: str) -> str:
        unit.write_text(text.replace(PROGRAM, sys.executable))
        result = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
        return "\n".join(line for line in result.stderr.splitlines() if UNIT.name in line)

    assert verify(UNIT.read_text()) == ""
    assert "Restrat" in verify(UNIT.read_text().replace("Restart=", "Restrat="))


def test_what_the_code_relies_on_is_there() -> None:
    """Ready by notification, restarted for ever except when the configuration is wrong, private files, the password handed over."""
    unit = settings()
    assert unit["Type"] == "notify"
    assert (unit["Restart"], unit["RestartPreventExitStatus"], unit["StartLimitIntervalSec"]) == ("always", "78", "0")
    assert unit["ExecStart"] == f"{PROGRAM} run --config /etc/koshelek-agent/koshelek-agent.toml"
    assert (unit["StateDirectory"], unit["StateDirectoryMode"], unit["UMask"]) == ("koshelek-agent", "0700", "0077")
    assert 0 < int(unit["WatchdogSec"]) <= MAX_HANG_S


def test_the_credentials_of_every_payment_system_are_there_to_be_switched_on() -> None:
    """Each name that the annotated configuration gives to a password has its line. Those of the payment systems are in force, and a file
    that is not there keeps no service from starting: a till has one system or two."""
    example = (UNIT.parents[1] / "config" / "koshelek-agent.toml").read_text()
    names = re.findall(r'^(?:# Example: )?(?:password|token)_credential = "([^"]+)"', example, re.MULTILINE)
    assert {f"{system}-{kind}" for system, kind in NAMED} <= set(names)
    lines = re.findall(r"^(?:# )?LoadCredential=(.+)$", UNIT.read_text(), re.MULTILINE)
    assert {f"{name}:/etc/koshelek-agent/{name}" for name in names} <= set(lines)
    in_force = re.findall(r"^LoadCredential=([^:]+):", UNIT.read_text(), re.MULTILINE)
    assert set(in_force) == {f"{system}-{kind}" for system, kind in NAMED}
    assert set(re.findall(r"^SetCredential=([^:]+):\\n$", UNIT.read_text(), re.MULTILINE)) == set(in_force)


@pytest.mark.parametrize("key", ["PrivateUsers", "ProcSubset", "PrivateDevices", "IPAddressDeny"])
def test_what_would_break_the_agent_or_a_promise_is_not_there(key: str) -> None:
    """Peer ids, the boot id and pseudo-terminals must stay visible."""
    assert key not in settings()
