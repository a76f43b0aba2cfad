"""Goal: a technician can decide, look and print at the command line, also with the daemon down. Method: the real command as a process of
its own, against a real agent and a real sandbox."""

import json
from collections.abc import Iterator

import pytest

from agent.cli.common import Exit
from tests.cli.test_cli import pay, sell, told
from tests.support.stand import Plan, Socket, Stand


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """One stand for the module: keys and orders differ, so the tests do not meet."""
    with Stand(Plan(sockets=(Socket("pos"), Socket("admin", "admin")))) as made:
        (made.folder / "token").write_text("till-03-token\n")
        yield made


def in_attention(stand: Stand, key: str, session: str) -> None:
    stand.fault("wrong_amount")
    assert pay(stand, session, key).returncode == Exit.UNRESOLVED


def test_a_decision_by_hand(stand: Stand) -> None:
    """The story and what would be are shown, the reason is asked for, and a yes; no is no. The register then gets the decision."""
    in_attention(stand, "hand-1", "FAST11")
    shown = stand.cli("resolve", "hand-1")
    assert (shown.returncode, "ALARM: AMOUNT_MISMATCH" in shown.stdout, "What can be decided" in shown.stdout) == (0, True, True)
    refused = stand.cli("resolve", "hand-1", "paid", given="seen in the registry\nn\n")
    assert (refused.returncode, "Nothing was decided" in refused.stderr) == (Exit.UNRESOLVED, True)
    done = stand.cli("resolve", "hand-1", "paid", "--qrc", "QRC1", given="seen in the registry\ny\n")
    assert done.returncode == 0, done.stderr
    assert "It would become: paid, money: charged" in done.stdout
    assert "DECIDED  hand-1: paid" in done.stdout
    assert stand.cli("resolve", "hand-1").stdout.count("There is nothing to decide.") == 1
    slip = stand.call("checkout.get", storeId="S12", terminalId="till-03", key="hand-1")["slip"]
    assert slip["qrcId"] == "QRC1"


def test_a_decision_by_a_script(stand: Stand) -> None:
    """Two calls with a word between them; nothing is asked. Without a reason, or with a wrong word, it is refused."""
    in_attention(stand, "script-1", "FAST12")
    assert stand.cli("resolve", "script-1", "paid", "--json").returncode == Exit.USAGE
    why = ("--reason", "seen in the registry", "--json")
    assert stand.cli("resolve", "script-1", "paid", *why, "--confirmation", "BCDFGH").returncode == Exit.CONFLICT
    word = told(stand.cli("resolve", "script-1", "paid", *why))["confirmation"]
    printed = stand.cli("resolve", "script-1", "paid", "--reason", "seen in the registry", "--confirmation", word)
    assert (printed.returncode, "DECIDED" in printed.stdout) == (0, True)


def test_paper(stand: Stand) -> None:
    """A report and a copy of a slip for people; what there is no slip of is said."""
    sell(stand, "FAST07", "paper-1")
    report = stand.cli("report", "--width", "32")
    assert "SHIFT REPORT: CASHLESS" in report.stdout
    assert max(map(len, report.stdout.splitlines())) <= 32
    copy = stand.cli("reprint", "paper-1")
    assert copy.stdout.split("\n")[0].strip() == "*** COPY ***"
    assert stand.cli("reprint", "nobody", "--json").returncode == Exit.USAGE
    assert stand.cli("retry").stdout == "Nothing waits.\n"


def test_lists_for_people(stand: Stand) -> None:
    """What needs a person is named with its alarm; a wrong state is refused with the right ones; a page leads to the next."""
    in_attention(stand, "listed-1", "FAST13")
    found = stand.cli("list", "--attention")
    assert ("listed-1" in found.stdout, "AMOUNT_MISMATCH" in found.stdout) == (True, True)
    wrong = stand.cli("list", "--state", "payed")
    assert (wrong.returncode, "one of queued, sending" in wrong.stderr) == (Exit.USAGE, True)
    page = stand.cli("list", "--limit", "1")
    cursor = page.stdout.split("--before ")[1].strip()
    assert told(stand.cli("list", "--limit", "1", "--before", cursor, "--json"))["operations"][0]["key"] != "listed-1"
    assert "Set aside" in stand.cli("list", "--parked").stdout


def test_the_heads_of_tables_are_in_the_person_s_language(stand: Stand) -> None:
    """Lists, what is owed, the story and the decisions; what the protocol calls so stays."""
    in_attention(stand, "heads-1", "FAST14")
    shown = "".join(stand.cli(*words, LANG="ru_RU.UTF-8").stdout for words in (("list", "--parked"), ("owed",), ("resolve", "heads-1")))
    heads = {cell.strip() for line in shown.splitlines() if line.startswith("┃") for cell in line.split("┃")} - {""}
    assert {"принято", "ключ", "сумма", "состояние", "событие", "решение", "снято"} <= heads
    assert {head for head in heads if head.isascii()} == {"qrcId"}


def test_everything_that_is_only_read_works_without_the_daemon() -> None:
    """List, report and copy come from the file and say so; a decision does not."""
    with Stand(Plan(sockets=(Socket("pos"), Socket("admin", "admin")))) as stand:
        (stand.folder / "token").write_text("till-03-token\n")
        sell(stand, "FAST01", "off-1")
        online = {name: told(stand.cli(*words, "--json")) for name, words in WORDS.items()}
        stand.stop()
        for name, words in WORDS.items():
            offline = told(stand.cli(*words, "--json"))
            assert offline.pop("offline") is True
            for answer in (offline, online[name]):
                answer.pop("madeAt", None)
                answer.pop("text", None)
            assert offline == online[name], name
        assert told(stand.cli("reprint", "nobody", "--json"))["error"]["code"] == "NOT_FOUND"
        assert told(stand.cli("list", "--before", "e30", "--json"))["error"]["code"] == "INVALID"
        assert stand.cli("resolve", "off-1").returncode == Exit.UNREACHABLE


WORDS = {
    "report": ("report", "--terminal", "till-03"),
    "reprint": ("reprint", "off-1"),
    "list": ("list", "--unconfirmed", "--parked", "--order", "off-1"),
    "page": ("list", "--limit", "1", "--date", "2026-01-01"),
}


def test_json_is_one_line(stand: Stand) -> None:
    """Whatever is printed for people otherwise."""
    for words in (("report",), ("retry",), ("list", "--open")):
        ran = stand.cli(*words, "--json")
        assert isinstance(json.loads(ran.stdout), dict)
        assert ran.stderr == ""
