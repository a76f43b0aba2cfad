"""Goal: a technician, a cashier and a script can rely on the command line. Method: the real command as a process of its own, against a real
agent and a real sandbox: what it prints, where, and with which exit status. What the page about it shows is tested beside the page."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agent import __version__
from agent.cli.common import Exit
from tests.support.stand import ROOT, STORE, TERMINAL, Plan, Socket, Stand

PATIENCE_S = 10.0
T = TypeVar("T")


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """One stand for the module: keys and orders differ, so the tests do not meet."""
    with Stand(Plan(sockets=(Socket("pos"), Socket("admin", "admin")), koshelek={"unanswered_attempts": 10})) as made:
        (made.folder / "token").write_text("till-03-token\n")
        yield made


def pay(
    stand: Stand, session: str, key: str, *more: str, order: str | None = None, as_json: bool = True
) -> subprocess.CompletedProcess[str]:
    """``pay`` of 90 roubles with the card session on standard input."""
    options = ["--key", key, "--order", order or key, "--card-session-from", "-", "--token-from", str(stand.folder / "token")]
    return stand.cli("pay", "90", *options, *more, *(["--json"] if as_json else []), given=f"{session}\n")


def sell(stand: Stand, session: str, key: str, order: str | None = None) -> dict[str, Any]:
    """A register's sale of 90 roubles, told to it if it waits for the end (all card sessions but WAIT...)."""
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    return stand.call(
        "checkout.create",
        storeId=STORE,
        terminalId=TERMINAL,
        key=key,
        checkoutInvoice={"orderId": order or key, "totalAmount": 9000, "items": [item]},
        user={"loyaltyId": "0"},
        cardSession=session,
        token="till-03-token",
        wait=0 if session.startswith("WAIT") else 20,
    )


def told(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one line of JSON."""
    (line,) = ran.stdout.splitlines()
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def refusal(ran: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """Exit status and code of a failure."""
    return ran.returncode, told(ran)["error"]["code"]


# --- selling ---


def test_a_payment_for_people(stand: Stand) -> None:
    """Progress on standard error, result and slip on standard output; the sale is confirmed, and counts as told."""
    ran = pay(stand, "PAY001", "people-1", as_json=False)
    assert ran.returncode == Exit.OK
    assert "PAID  90.00  (people-1)" in ran.stdout
    assert "TEST, NOT REAL MONEY" in ran.stdout
    assert "queued: The payment is accepted" in ran.stderr
    assert "PAY001" not in ran.stdout + ran.stderr
    sale = stand.call("checkout.get", storeId=STORE, terminalId=TERMINAL, key="people-1")
    assert (sale["state"], sale["told"], sale["confirmed"]) == ("paid", True, True)


def test_asking_again_with_the_same_key_pays_once(stand: Stand) -> None:
    """The second command gets the first one's sale."""
    first, second = (told(pay(stand, "FAST02", "again-1")) for _ in range(2))
    assert first["transactionId"] == second["transactionId"]
    charges = [entry for entry in stand.control("GET", "/ledger")["entries"] if entry["order_id"] == "again-1"]
    assert len(charges) == 1


def test_what_ends_in_attention_is_unresolved(stand: Stand) -> None:
    """The slip shows another amount: exit status 4, and no end of waiting is needed."""
    stand.fault("wrong_amount")
    ran = pay(stand, "FAST03", "attention-1")
    assert (ran.returncode, told(ran)["next"]) == (Exit.UNRESOLVED, "person")


def test_ctrl_c_says_by_which_key_to_ask_again(stand: Stand) -> None:
    """Whoever stops waiting has not canceled: exit status 4, the key, and the agent goes on."""
    command = [sys.executable, "-m", "agent", "--config", str(stand.config), "pay", "90", "--key", "stopped-1", "--json"]
    command += ["--card-session-from", str(stand.folder / "session"), "--token-from", str(stand.folder / "token")]
    (stand.folder / "session").write_text("WAIT04")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"LANG": "C.UTF-8"}, start_new_session=True)
    wait_for(lambda: "stopped-1" in stand.log.read_text())
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == Exit.UNRESOLVED
    assert json.loads(output)["error"] == {"key": "stopped-1", "code": "INTERRUPTED", "message": json.loads(output)["error"]["message"]}
    ended = stand.cli("cancel", "stopped-1", "--json")
    assert (ended.returncode, told(ended)["state"]) == (Exit.OK, "canceled")


def wait_for(condition: Callable[[], T]) -> T:
    """The first value that is true."""
    end_at = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end_at
        time.sleep(0.02)
    return found


def test_a_refund_that_is_refused_or_impossible(stand: Stand) -> None:
    """The payment system says no: 3. There is nothing to return: 6. Nobody knows the sale: 2."""
    assert sell(stand, "FAST05", "back-1")["success"] is True
    stand.fault("refuse_refund", "refund", error_code="TERMINAL_STATE_OF_PAYMENT_TRANSACTION")
    token = ["--token-from", str(stand.folder / "token"), "--json"]
    refused = stand.cli("refund", "back-1", *token)
    assert (refused.returncode, told(refused)["state"]) == (Exit.NOT_PAID, "declined")
    assert sell(stand, "DECL05", "back-2")["success"] is False
    assert refusal(stand.cli("refund", "back-2", *token)) == (Exit.CONFLICT, "NOT_REFUNDABLE")
    assert refusal(stand.cli("refund", "nobody", *token)) == (Exit.USAGE, "NOT_FOUND")


def test_conflicts(stand: Stand) -> None:
    """The same key for another bill, and a key that cannot be one."""
    assert sell(stand, "FAST06", "conflict-1")["success"] is True
    assert refusal(pay(stand, "FAST07", "conflict-1")) == (Exit.CONFLICT, "CONFLICT")
    wrong = pay(stand, "FAST08", "a/b", order="conflict-2")
    assert refusal(wrong) == (Exit.USAGE, "INVALID")
    assert told(wrong)["error"]["details"][0]["path"] == "key"


# --- looking ---


def test_looking_is_not_telling(stand: Stand) -> None:
    """``list`` and ``show`` leave a result to the register it belongs to; an order number that looks like markup does no harm."""
    names = {"storeId": STORE, "terminalId": TERMINAL, "key": "looked-at"}
    sell(stand, "WAIT09", "looked-at", "[/bold] [red]")
    transaction = wait_for(lambda: stand.call("operation.show", "admin", **names).get("transactionId"))
    stand.control("POST", f"/transactions/{transaction}/confirm")
    wait_for(lambda: stand.call("operation.show", "admin", **names)["finished"])
    listed, shown = stand.cli("list", "--order", "[/bold] [red]"), stand.cli("show", "looked-at")
    assert (listed.returncode, shown.returncode) == (0, 0)
    assert "[/bold] [red]" in listed.stdout
    assert "AMOUNT PAID" in shown.stdout
    assert "9000" not in shown.stdout, "people read roubles, also in the story"
    assert stand.call("operation.show", "admin", **names)["told"] is False


def test_the_status_for_people(stand: Stand) -> None:
    """What a technician looks at first."""
    ran = stand.cli("status")
    assert ran.returncode == Exit.OK
    assert all(text in ran.stdout for text in ("ready", "not real money", "connection to koshelek"))
    assert "готов" in stand.cli("status", LC_ALL="ru_RU.UTF-8").stdout


def test_a_system_that_turns_the_till_away_is_seen_in_the_status(stand: Stand) -> None:
    """For people and for programs, after the sale that met it has ended; until an attempt is let in."""
    stand.fault("unauthorized", "checkout")
    assert sell(stand, "FAST13", "turned-away")["reason"] == "ACCESS_DENIED"
    (shut,) = stand.call("agent.status")["providers"].values()
    assert (shut["reachable"], shut["reason"]) == (True, "ACCESS_DENIED")
    assert "its settings are wrong" in shut["message"]
    assert "TURNED AWAY by koshelek" in stand.cli("status").stdout
    assert sell(stand, "FAST14", "let-in")["success"] is True
    assert stand.call("agent.status")["providers"] == {"koshelek": {"reachable": True}}


def test_a_register_s_socket_shows_less(stand: Stand) -> None:
    """``--socket`` names it: ``show`` is for operators, ``list`` wants a terminal."""
    socket = ["--socket", str(stand.pos), "--json"]
    assert refusal(stand.cli("show", "nobody", *socket)) == (Exit.CONFLICT, "FORBIDDEN")
    assert refusal(stand.cli("list", *socket)) == (Exit.CONFLICT, "FORBIDDEN")
    assert told(stand.cli("list", "--terminal", TERMINAL, "--limit", "1", *socket))["operations"] != []


def test_list_and_show_with_the_daemon_down(stand: Stand) -> None:
    """Read from the file, the same answers as before, and marked; nothing in the file changes. Everything else: 5."""
    sell(stand, "FAST10", "down-1")
    online = told(stand.cli("show", "down-1", "--json"))
    with stand.down():
        before = stand.journal.read_bytes()
        assert told(stand.cli("show", "down-1", "--json")) == online | {"offline": True}
        assert "the daemon is not running" in stand.cli("list", "--limit", "1").stdout
        assert refusal(stand.cli("show", "nobody", "--json")) == (Exit.USAGE, "NOT_FOUND")
        assert stand.journal.read_bytes() == before
        assert refusal(stand.cli("status", "--json")) == (Exit.UNREACHABLE, "UNREACHABLE")
        ran = pay(stand, "PAY012", "down-pay")
        assert refusal(ran) == (Exit.UNREACHABLE, "UNREACHABLE")
        assert told(ran)["error"]["key"] == "down-pay"
        assert "may have been done" not in told(ran)["error"]["message"]


def test_list_and_show_after_a_crash(stand: Stand) -> None:
    """What is only in the write-ahead log is read from there."""
    sell(stand, "FAST11", "crash-1")
    stand.kill()
    try:
        shown = told(stand.cli("show", "crash-1", "--json"))
        assert (shown["state"], shown["told"], shown["offline"]) == ("paid", True, True)
        listed = told(stand.cli("list", "--limit", "1", "--json"))
        assert (listed["operations"][0]["key"], listed["offline"]) == ("crash-1", True)
    finally:
        stand.start()


# --- configuration and usage ---


def test_config_check_for_people(stand: Stand) -> None:
    """Good: one line. Bad: every problem with its place on standard error, in the person's language, and exit status 78."""
    assert stand.cli("config", "check").stdout == f"{stand.config}: ok\n"
    bad = stand.folder / "bad.toml"
    bad.write_text(stand.config.read_text().replace('language = "en"', 'language = "de"').replace('member_id = "100000000001"\n', ""))
    ran = stand.cli("config", "check", config=bad)
    assert (ran.returncode, ran.stdout) == (Exit.CONFIGURATION, "")
    assert f"{bad}, line 2: language" in ran.stderr
    assert "store#1.member_id" in ran.stderr
    assert "строка 2: language" in stand.cli("config", "check", config=bad, LC_ALL="ru_RU.UTF-8").stderr
    assert stand.cli("run", config=bad).returncode == Exit.CONFIGURATION


USAGES = [
    ("dance",),
    ("pay",),
    ("pay", "much"),
    ("pay", "1.005"),
    ("pay", "0"),
    ("pay", "90", "--method", "CASH"),
    ("pay", "90", "--card-session-from", "no-such-file"),
    ("refund", "k", "--line", "1"),
    ("list", "--date", "yesterday"),
    ("list", "--limit", "0"),
]
ALL_USAGES = """
import json, sys
from agent.cli import cli
for words in json.loads(sys.argv[1]):
    try:
        cli(words)
    except SystemExit as end:
        print(end.code)
"""


def test_wrong_usage(stand: Stand) -> None:
    """Exit status 2 and a text on standard error, nothing on standard output. One process does for all: each ends before it begins."""
    words = [["--config", str(stand.config), *usage] for usage in USAGES]
    ran = subprocess.run([sys.executable, "-c", ALL_USAGES, json.dumps(words)], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [str(int(Exit.USAGE))] * len(USAGES)
    assert ran.stderr.count("Error: ") == len(USAGES)


def test_two_tills_must_be_told_apart(stand: Stand, tmp_path: Path) -> None:
    """With several tills configured, the till is named; with one it need not be."""
    two = tmp_path / "two.toml"
    two.write_text(stand.config.read_text() + f'\n[[terminal]]\nstore_id = "{STORE}"\nterminal_id = "till-04"\n')
    assert stand.cli("show", "nobody", config=two).returncode == Exit.USAGE
    assert "--terminal" in stand.cli("show", "nobody", config=two).stderr
    assert refusal(stand.cli("show", "nobody", "--terminal", "till-04", "--json", config=two)) == (Exit.USAGE, "NOT_FOUND")


def test_the_version_is_an_option_as_well() -> None:
    """As of every program."""
    ran = subprocess.run([sys.executable, "-m", "agent", "--version"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout == f"koshelek-agent {__version__}\n"


def test_the_service_s_own_command_line_is_understood(tmp_path: Path) -> None:
    """What the unit calls: the option stands behind ``run``."""
    unit = (ROOT / "systemd" / "koshelek-agent.service").read_text()
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    words = line.split()[1:]
    missing = [str(tmp_path / "missing.toml") if word.endswith(".toml") else word for word in words]
    ran = subprocess.run([sys.executable, "-m", "agent", *missing], capture_output=True, text=True, check=False)
    assert ran.returncode == Exit.CONFIGURATION
    assert "missing.toml" in ran.stderr
