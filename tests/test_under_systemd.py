"""Goal: the unit does under a real systemd what it promises. Method: a machine of its own is booted once; in it are the unit as shipped,
the program at its place, and the sandbox as the payment system.
"""

import re
import shlex
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.machine import CannotBoot, Machine
from tests.support.pos import Pos
from tests.support.stand import PASSWORD, ROOT, STORE, TERMINAL
from tests.system import lacking, require

UNIT = "koshelek-agent.service"
HOME = "/opt/koshelek-agent"
SETTINGS = "/etc/koshelek-agent/"
CONFIG = f"{SETTINGS}koshelek-agent.toml"
SOCKET = "/run/koshelek-agent/pos.sock"
PATIENCE_S = 20.0
SANDBOX_PORT = 8099

CONFIGURATION = f"""
environment = "test"
language = "en"
[journal]
allow_volatile = true
[provider.koshelek]
test_base_url = "http://127.0.0.1:{SANDBOX_PORT}/acme"
login = "sandbox"
password_credential = "koshelek-password"
[[store]]
store_id = "{STORE}"
brand_name = "Romashka"
legal_name = "Romashka LLC"
legal_id = "LB0000000001"
merchant_id = "MA0000000001"
account = "40702810000000000001"
member_id = "100000000001"
[[terminal]]
store_id = "{STORE}"
terminal_id = "{TERMINAL}"
[[listener]]
kind = "unix"
path = "{SOCKET}"
users = ["root"]
terminals = ["*/*"]
"""

SANDBOX = f"""
[Service]
Type=exec
ExecStart={HOME}/bin/koshelek-agent sandbox --partner acme --port {SANDBOX_PORT}
"""


def programs() -> dict[str, str]:
    """The command at its place: what the tests run on, mounted where the unit's user may read it."""
    found = {"LD_LIBRARY_PATH": f"{HOME}/python/lib", "PYTHONPATH": f"{HOME}/tree:{HOME}/site"}
    words = " ".join(f"{name}={shlex.quote(value)}" for name, value in found.items())
    python = f"{HOME}/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    return {f"{HOME}/bin/koshelek-agent": f'#!/bin/sh\n{words} exec {python} -P -m agent "$@"\n'}


def machine() -> Machine:
    """As a technician leaves it: unit, configuration, a password for each credential that the unit loads."""
    unit = (ROOT / "systemd" / UNIT).read_text()
    passwords = dict.fromkeys(re.findall(r"^LoadCredential=[^:]+:(\S+)$", unit, re.MULTILINE), PASSWORD)
    units = {f"/etc/systemd/system/{UNIT}": unit, "/etc/systemd/system/sandbox.service": SANDBOX}
    places = {ROOT: f"{HOME}/tree", Path(sys.base_prefix): f"{HOME}/python", Path(sysconfig.get_path("purelib")): f"{HOME}/site"}
    return Machine({CONFIG: CONFIGURATION} | units | programs(), places, passwords)


def shown(machine: Machine, *names: str) -> list[str]:
    """What systemd says of the service."""
    lines = machine.run("systemctl", "show", UNIT, f"--property={','.join(names)}").stdout.splitlines()
    found = dict(line.split("=", 1) for line in lines)
    return [found[name] for name in names]


def until(machine: Machine, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, machine.run("journalctl", "--unit", UNIT, "--no-pager", "--lines=30").stdout
        time.sleep(0.05)


def sell(machine: Machine, key: str, card: str) -> str:
    """Sell, and what the cashier is told."""
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    invoice = {"orderId": f"order-{key}", "totalAmount": 9000, "items": [item]}
    with Pos(machine.inside(SOCKET)) as pos:
        request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "0"}, "cardSession": card, "token": "t-1"}
        told = pos.call("checkout.create", storeId=STORE, terminalId=TERMINAL, key=key, wait=PATIENCE_S, **request)
    assert told["state"] == "paid", told
    return str(told["message"])


def stored(machine: Machine, key: str) -> object:
    """The state of an earlier sale."""
    with Pos(machine.inside(SOCKET)) as pos:
        return pos.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key=key)["state"]


@pytest.mark.system
def test_a_life_under_systemd() -> None:
    """Ready is told; a changed file is taken by a reload without a restart, a wrong one is not, which the reload and the status line say;
    killed it comes back with its sales; a stop is orderly; with a wrong file it stays down instead of starting for ever."""
    for tool in ("root", "unshare", "nsenter", "setpriv", "systemctl", "systemd-sysusers"):
        require(tool)
    try:
        with machine() as made:
            made.run("systemctl", "start", "--no-block", "sandbox")
            _begins(made)
            _reloads(made)
            _comes_back(made)
            _ends(made)
    except CannotBoot as refused:
        lacking(f"this machine does not let another one be booted in it: {refused}")


def _begins(machine: Machine) -> None:
    """ "systemctl start" waits for READY: when it returns the door is open."""
    began = machine.run("systemctl", "start", UNIT)
    assert (began.returncode, shown(machine, "ActiveState", "StatusText")) == (0, ["active", "test"]), began.stderr
    assert sell(machine, "k1", "PAY001") == "Paid."


def _reloads(machine: Machine) -> None:
    config, running = machine.inside(CONFIG), shown(machine, "MainPID", "NRestarts")
    good = config.read_text().replace('language = "en"', 'language = "ru"')
    config.write_text(good)
    taken = machine.run("systemctl", "reload", UNIT)
    assert (taken.returncode, shown(machine, "StatusText")) == (0, ["test"]), taken.stderr
    assert sell(machine, "k2", "PAY002") == "Оплачено."
    config.write_text(good.replace('"ru"', '"de"'))
    assert machine.run("systemctl", "reload", UNIT).returncode != 0
    active, status = shown(machine, "ActiveState", "StatusText")
    assert (active, "NOT USED" in status) == ("active", True), status
    assert sell(machine, "k3", "PAY003") == "Оплачено."
    config.write_text(good)
    assert machine.run("systemctl", "reload", UNIT).returncode == 0
    assert shown(machine, "StatusText", "MainPID", "NRestarts") == ["test", *running]


def _comes_back(machine: Machine) -> None:
    (before,) = shown(machine, "MainPID")
    machine.run("systemctl", "kill", "--signal=KILL", UNIT)
    until(machine, lambda: shown(machine, "NRestarts", "ActiveState") == ["1", "active"])
    assert shown(machine, "MainPID") != [before]
    assert [stored(machine, key) for key in ("k1", "k2", "k3")] == ["paid"] * 3


def _ends(machine: Machine) -> None:
    machine.run("systemctl", "stop", UNIT)
    assert shown(machine, "ActiveState", "Result", "ExecMainStatus") == ["inactive", "success", "0"]
    machine.inside(CONFIG).write_text("environment = 7")
    assert machine.run("systemctl", "start", UNIT).returncode != 0
    assert shown(machine, "ActiveState", "ExecMainStatus", "NRestarts") == ["failed", "78", "0"]
