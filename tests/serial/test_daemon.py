"""Goal: the daemon sells over serial lines. Method: the real daemon and sandbox as processes, a real register program on the other end."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drivers.client import CallFailed
from drivers.rules import Rules
from tests.docs.pages import Page
from tests.support.patience import soon
from tests.support.stand import STORE, TERMINAL, Line, Plan, Stand
from tests.support.wires import PATIENT, NullModem, Register, lossy

TILL = {"storeId": STORE, "terminalId": TERMINAL}


def bill(key: str) -> dict[str, Any]:
    item = {"name": "Сыр", "article": "1", "price": 45000, "quantity": 1, "totalAmount": 45000, "tax": "vat10"}
    invoice = {"orderId": f"order-{key}", "totalAmount": 45000, "items": [item]}
    secrets = {"cardSession": f"SESSION{key.replace('-', '')}", "token": "TOKEN"}
    return {**TILL, "key": key, "checkoutInvoice": invoice, "user": {"loyaltyId": "2900000000001"}, **secrets}


async def sell(register: Register, key: str) -> dict[str, Any]:
    """One sale to its end, as the protocol says it is done."""
    answer = await register.insist("checkout.create", **bill(key))
    while not answer["finished"]:
        answer = await register.insist("checkout.get", **TILL, key=key, wait=1)
    assert answer["success"], answer
    return await register.insist("checkout.confirm", **TILL, key=key)


def lines(stand: Stand) -> list[dict[str, Any]]:
    found = stand.call("agent.status", "admin")["details"]["lines"]
    assert isinstance(found, list)
    return found


def told(stand: Stand) -> list[dict[str, Any]]:
    """The log's lines about lines."""
    return [entry for text in stand.log.read_text().splitlines() if (entry := json.loads(text))["event"].startswith(("line.", "pos."))]


async def test_a_day_at_a_till_with_lines(tmp_path: Path) -> None:
    """Sales over a pseudo-terminal, over a bad serial line, across pulled plugs and a killed agent; the operator sees the lines; only the
    line's tills may be used; nothing of the register's secrets is in the log."""
    serial = {"path": str(tmp_path / "tty-agent"), "ack_limit_ms": 300, "repeats": 8}
    plan = Plan(
        lines=[Line("till"), Line("cable", "serial", options=serial), Line("other", terminals=[f"{STORE}/till-04"])],
        tills={TERMINAL: {}, "till-04": {}},
    )
    quick = Rules(ack_seconds=0.3, repeats=8)
    modem = NullModem(tmp_path, lossy, seed=3)
    with Stand(plan) as stand:
        names = [f"pty:{stand.line('till')}", f"serial:{modem.agent}", f"pty:{stand.line('other')}"]
        assert [(line["name"], line["state"]) for line in lines(stand)] == list(
            zip(names, ["waiting", "unplugged", "waiting"], strict=True)
        )
        async with Register(lambda: connect(stand.line("till"), PATIENT)) as register:
            assert (await sell(register, "pty-1"))["confirmed"]
        with modem:
            await soon(lambda: lines(stand)[1]["state"] == "waiting", 10)
            async with Register(lambda: modem.connect(quick, 10.0)) as register:
                assert (await sell(register, "serial-1"))["confirmed"]
            heard = lines(stand)[1]
            assert (heard["state"], heard["heardSecondsAgo"] < 20) == ("heard", True)
        await soon(lambda: lines(stand)[1]["state"] == "unplugged", 10)
        stand.restart()
        async with Register(lambda: connect(stand.line("till"), PATIENT)) as register:
            assert (await register.insist("checkout.get", **TILL, key="serial-1"))["success"]
            assert (await sell(register, "pty-2"))["confirmed"]
        async with Register(lambda: connect(stand.line("other"), PATIENT)) as register:
            with pytest.raises(CallFailed) as refused:
                await register.insist("checkout.get", **TILL, key="pty-1")
            assert refused.value.code == "FORBIDDEN"
        assert stand.stop() == 0
        assert not stand.line("till").is_symlink()
        events = {(entry["event"], entry.get("line") or entry.get("caller")) for entry in told(stand)}
        assert {("line.opened", names[0]), ("line.unplugged", names[1]), ("line.opened", names[1]), ("pos.connected", names[1])} <= events
        assert "SESSION" not in stand.log.read_text()


def test_no_terminal_is_made_while_a_dead_agents_links_stand() -> None:
    """The kernel gives old numbers out again: a link left behind would lead to the fresh terminal of another line. A killed daemon's links
    are all gone before the first door opens, seen here at a start that fails at its first line."""
    with Stand(Plan(lines=[Line("first"), Line("second")])) as stand:
        stand.kill()
        assert stand.line("second").is_symlink()
        stand.line("first").unlink()
        stand.line("first").write_text("precious")
        refused = stand.cli("run")
        assert "left alone" in refused.stdout + refused.stderr
        assert not stand.line("second").is_symlink()
        assert stand.line("first").read_text() == "precious"


async def connect(path: Path, rules: Rules) -> Any:
    from drivers.client import Client

    return await Client.connect_serial(path, rules=rules, answer_seconds=20.0)


LONG_BILL = """
milk = {"name": "Молоко питьевое пастеризованное", "article": "1", "price": 1, "quantity": 1, "totalAmount": 1, "tax": "vat10"}
bill = {"orderId": "S12-1", "totalAmount": 300, "items": [milk] * 300}
assert len(json.dumps(bill, ensure_ascii=False).encode()) > 10 * 4000
secrets = {"user": {"loyaltyId": "2900000012345"}, "cardSession": "PAY001", "token": "t"}
print(ask(2, "checkout.create", storeId="S12", terminalId="till-03", key="long", checkoutInvoice=bill, **secrets)["result"]["state"])
"""


def test_the_program_of_the_page_works_and_people_see_the_lines(tmp_path: Path) -> None:
    """The register program of the page runs as it stands, its answer in parts, and sells a bill of many parts; ``koshelek-agent status``
    shows how each line is."""
    (program,) = [block.text for block in Page("pos-serial.md").blocks() if block.language == "py"]
    doors = [Line("till", options={"part_bytes": 64}), Line("cable", "serial", options={"path": str(tmp_path / "none")})]
    with Stand(Plan(lines=doors)) as stand:
        assert "open, nothing heard yet" in stand.cli("status").stdout
        program = program.replace("/run/koshelek-agent/till-01.tty", str(stand.line("till")))
        program = program.replace('["ready"])\n', f'["ready"])\n{LONG_BILL}')
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
        shown = re.sub(r"\s+", " ", stand.cli("status").stdout)
    assert (ran.returncode, ran.stdout) == (0, "True\nqueued\n"), ran.stderr
    assert "open, heard" in shown
    assert "unplugged: there is no such port" in shown
