"""Goal: the doctor of a till that is well says so, moves no money, writes nothing, and cannot be stopped by one of its checks. Method: the
real daemon and sandbox with all payment systems, the real commands; the single checks by what they are told."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.cli.examining import _print as print_findings
from agent.cli.examining import _told as told_finding
from agent.core.model import SaleId
from agent.edges.journal import health
from agent.ops.aside import aside
from agent.ops.doctor import NAMES, Check, Finding, Grade, examine, ports, registers, service, storage, work, worst
from agent.ops.doctor.case import Case, case_of
from agent.ops.doctor.configuration import configuration
from agent.ops.doctor.daemons import Running, are_hidden, config_of, distinct, is_daemon, listener_of, lock_holder, running
from agent.ops.doctor.finding import fault, ok
from agent.ops.doctor.ports import group_number, groups_of_process, may_open
from agent.ops.doctor.work import _attention, _open, _owing, _parked
from agent.running.projecting import PLAN
from agent.settings import SerialListener, load
from agent.texts import message, translator
from tests.journal.support import row
from tests.ops.stage import bad, examined, says
from tests.support.patience import until
from tests.support.stand import STORE, TERMINAL, Plan, Stand
from tests.system import require
from tests.test_assembly import PAYCORE, SOFTLINE
from tests.test_two_systems import card, sell

NOBODY = 65_534
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """A till with all payment systems that has sold once, and keeps backups."""
    with Stand(Plan(systems={"paycore": PAYCORE, "softline": SOFTLINE, "payconnect": {}})) as made:
        backups = made.folder / "backups"
        backups.mkdir(mode=0o700)
        made.config.write_text(f'{made.config.read_text()}\n[backup]\ndirectory = "{backups}"\n')
        assert made.cli("reload").returncode == 0
        with made.connect() as pos:
            assert sell(pos, "one", **card("001"), wait=15)["state"] == "paid"
            pos.call("checkout.confirm", storeId=STORE, terminalId=TERMINAL, key="one")
        assert made.cli("backup").returncode == 0
        yield made


def record(stand: Stand) -> tuple[object, ...]:
    """All that could show that something was written or moved: the journal's sales and events, the bank's books and complaints."""
    return health.examine(stand.journal, plan=PLAN), json.dumps(stand.control("GET", "/ledger"), sort_keys=True)


def test_a_till_that_is_well(stand: Stand) -> None:
    """Everything is in order with all four payment systems (but for the test's file system), the exit status says so, and neither the
    journal nor the bank's books have changed."""
    before = record(stand)
    asked = stand.cli("doctor", "--json")
    assert record(stand) == before
    told = json.loads(asked.stdout)
    wrong = [one for one in told["findings"] if one["grade"] != "ok" and one["check"] != "disk"]
    assert wrong == []
    assert asked.returncode == {"ok": 0, "warning": 10, "fault": 11}[told["grade"]]
    let_in = [one["what"] for one in told["findings"] if one["check"] == "credentials"]
    assert [text.split(":")[0] for text in let_in] == ["koshelek", "paycore", "softline", "payconnect"]
    assert {one["check"] for one in told["findings"]} >= {"journal", "clock", "register", "obligations", "versions", "backup"}


def test_a_wrong_password_is_seen_with_every_system(stand: Stand) -> None:
    """Each is asked once, and each refusal is told; the one that is asked by a search as well as those that log in."""
    password = stand.folder / "password"
    try:
        password.write_text("wrong")
        found = bad(examined(stand.config, "credentials"), "credentials")
        assert [str(one.what).split(":")[0] for one in found] == ["koshelek", "paycore", "softline", "payconnect"]
        assert {one.grade for one in found} == {Grade.FAULT}
        password.unlink()
        found = bad(examined(stand.config, "credentials"), "credentials")
        says(
            found[0],
            Grade.WARNING,
            "cannot be read.*sudo koshelek-agent doctor",
            "логин или пароль прочитать нельзя.*sudo koshelek-agent doctor",
        )
    finally:
        password.write_text("sandbox")
        password.chmod(0o600)


@pytest.mark.system
def test_a_clock_that_is_a_day_off(stand: Stand) -> None:
    """The till's wall clock runs a day ahead of the world; one line for each payment system, and exit status 11."""
    require("faketime")
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    asked = stand.cli("doctor", "--json", LD_PRELOAD=str(library), FAKETIME="+1d", FAKETIME_DONT_FAKE_MONOTONIC="1")
    wrong = [one for one in json.loads(asked.stdout)["findings"] if one["check"] == "clock"]
    assert (asked.returncode, len(wrong), {one["grade"] for one in wrong}) == (11, 4, {"fault"})
    assert "1 days ahead" in wrong[0]["what"]


def test_with_the_service_stopped_it_reads_the_file(stand: Stand) -> None:
    """In Russian, exit status 11; the daemon's absence is the fault, and what is open is known all the same."""
    with stand.down():
        asked = stand.cli("doctor", LC_ALL="ru_RU.UTF-8")
    assert asked.returncode == 11
    assert "НЕИСПРАВНОСТЬ  agent: Ни один агент не работает" in asked.stdout
    assert "Что делать: Выполните: sudo systemctl start koshelek-agent" in asked.stdout
    assert "Журнал цел: продаж 1" in asked.stdout


def test_without_a_configuration(tmp_path: Path, stand: Stand) -> None:
    """That is the first finding, and what needs none is checked."""
    found = examined(tmp_path / "nothing.toml")
    assert found[0].check == "configuration"
    assert (worst(found), {one.check for one in found} >= {"sqlite", "versions", "proxy"}) == (Grade.FAULT, True)


def test_a_file_that_was_changed_since(stand: Stand) -> None:
    """The running agent does not know it yet, or refused it."""
    stand.config.write_text(stand.config.read_text() + "# changed\n")
    (changed,) = bad(examined(stand.config, "configuration"), "configuration")
    says(changed, Grade.WARNING, "changed after.*koshelek-agent reload", "изменён после.*koshelek-agent reload")
    assert stand.cli("reload").returncode == 0
    assert bad(examined(stand.config, "configuration"), "configuration") == []


async def test_a_broken_check_does_not_stop_the_others(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """One raises, one never ends - neither keeps the third from being made, and both are told."""

    async def raises(case: Case) -> Sequence[Finding]:
        raise ZeroDivisionError("by zero")

    async def hangs(case: Case) -> Sequence[Finding]:
        await asyncio.Event().wait()
        return []

    async def well(case: Case) -> Sequence[Finding]:
        return [ok("well", message("well"))]

    checks = (Check("raises", 1.0, raises), Check("hangs", 0.05, hangs), Check("well", 1.0, well))
    monkeypatch.setitem(examine.__globals__, "CHECKS", checks)
    broken, overdue, fine = await examine(stand.config, ["raises", "hangs", "well"])
    assert (broken.grade, "ZeroDivisionError: by zero" in str(broken.what)) == (Grade.WARNING, True)
    assert (overdue.check, overdue.grade, fine.grade) == ("hangs", Grade.WARNING, Grade.OK)


async def test_blocking_work_is_not_waited_for() -> None:
    """What it returns or raises comes through; cancelled, it goes on alone."""
    assert await aside(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await aside(lambda: 1 // 0)
    done = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await aside(lambda: done.wait(5))
    done.set()


def test_a_finding_that_is_not_in_order_says_what_to_do() -> None:
    """It cannot be made without; the worst one counts."""
    with pytest.raises(ValueError, match="what to do"):
        Finding("disk", Grade.FAULT, message("full"))
    assert worst([]) is Grade.OK
    assert worst([ok("a", message("a")), fault("b", message("b"), message("c"), message("d"))]) is Grade.FAULT
    assert len(set(NAMES)) == len(NAMES)


def test_daemons_are_known_by_their_command_lines(tmp_path: Path, stand: Stand) -> None:
    """The program by its name or as a module, with ``run``; its file as it would find it; the holder of a lock as the kernel says."""
    assert is_daemon(["/opt/koshelek-agent/bin/python3", "/opt/koshelek-agent/bin/koshelek-agent", "run"])
    assert is_daemon(["python3", "-m", "agent", "--config", "x", "run"])
    assert not is_daemon(["koshelek-agent", "doctor"])
    assert not is_daemon(["vim", "run"])
    assert config_of(["koshelek-agent", "run", "--config=/etc/x.toml"], Path("/proc/self")) == Path("/etc/x.toml")
    assert config_of(["koshelek-agent", "run", "--config", "x.toml"], Path("/proc/self")) == Path.cwd() / "x.toml"
    assert config_of(["koshelek-agent", "run"], Path("/proc/self")) is None
    (pid,) = [one.pid for one in running() if one.config == stand.config]
    assert lock_holder(Path(f"{stand.journal}.lock")) == pid
    assert lock_holder(tmp_path / "nothing") is None
    (tmp_path / "free").touch()
    assert lock_holder(tmp_path / "free") is None


@contextlib.contextmanager
def disguised(words: Sequence[str], user: int | None = None) -> Iterator[int]:
    """A process with somebody else's command line."""
    shell = ["koshelek-agent", "-c", "sleep 60; :", *words]
    process = subprocess.Popen(shell, executable="/bin/sh", user=user, start_new_session=True)
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def started(pid: int) -> int:
    """When a process began, in ticks since the boot: numbers of processes begin anew one day."""
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])


@pytest.mark.system
async def test_nobody_else_can_pass_for_the_agent(stand: Stand) -> None:
    """A stranger's process with the agent's command line, older than the agent: it is not the agent and not a second one, nothing is
    advised against the real one. Root's is a second one, and still not the agent."""
    require("root")
    names = ["run", "--config", str(stand.config)]
    with contextlib.ExitStack() as strangers:
        with stand.down():
            fake = strangers.enter_context(disguised(names, NOBODY))
            second = strangers.enter_context(disguised(names))
        case = await case_of(stand.config)
        assert case.own is not None
        assert (case.own.pid, case.user) == (lock_holder(Path(f"{stand.journal}.lock")), os.geteuid())
        assert started(fake) <= started(second) <= started(case.own.pid)
        assert [one.pid for one in case.running if one.config == stand.config] == sorted([second, case.own.pid])
        found = await examine(stand.config, ["agent", "rights", "journal"])
        wrong = [one for one in found if one.grade is not Grade.OK]
        assert [(one.check, f"kill {second}" in str(one.remedy)) for one in wrong] == [("agent", True)]


@pytest.mark.system
def test_a_wrapper_is_no_second_agent(tmp_path: Path) -> None:
    """``timeout 60 koshelek-agent run``: the innermost counts; and of an agent and its child with the same words, the agent."""
    require("timeout")
    program = tmp_path / "koshelek-agent"
    program.write_text("#!/bin/sh\nsleep 60; :\n")
    program.chmod(0o755)
    outer = subprocess.Popen(["timeout", "60", program, "run", "--config", tmp_path / "till.toml"], start_new_session=True)
    try:
        until(lambda: len(named(tmp_path)) == 2)
        wrapper, inner = sorted(named(tmp_path), key=lambda one: one.pid != outer.pid)
        assert distinct([wrapper, inner], None) == [inner]
        assert distinct([wrapper, inner], inner) == [inner]
        assert distinct([wrapper, inner], wrapper) == [wrapper]
    finally:
        os.killpg(outer.pid, signal.SIGKILL)
        outer.wait()


def named(folder: Path) -> list[Running]:
    return [one for one in running() if one.config == folder / "till.toml"]


def test_who_listens_at_a_socket(stand: Stand, tmp_path: Path) -> None:
    """As the kernel says; nobody where there is no socket."""
    assert listener_of(stand.admin) == lock_holder(Path(f"{stand.journal}.lock"))
    assert listener_of(tmp_path / "none") is None


async def test_what_cannot_be_seen_from_here_is_told(stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where other users' processes are hidden, as from the service, no second agent is excluded; and only root sees who has a port."""
    (tmp_path / "7").mkdir()
    assert (are_hidden(tmp_path), are_hidden()) == (True, False)
    case = await case_of(stand.config)
    assert case.settings is not None
    line = SerialListener(kind="serial", path=Path("/dev/ttyNO"), terminals=["*/*"])
    case.settings = case.settings.model_copy(update={"listener": [line]})
    seen = [*await service.agent(case), *await ports.port(case)]
    monkeypatch.setattr(service, "are_hidden", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    second, held = [*await service.agent(case), *await ports.port(case)][1::2]
    assert len(seen) == 2
    assert (second.check, held.check, second.grade, held.grade) == ("agent", "port", Grade.OK, Grade.OK)
    for one, english, russian in ((second, "a second agent", "второй агент"), (held, "the user nobody", "пользователю nobody")):
        assert re.search(f"{english}.*sudo koshelek-agent doctor", str(one.what))
        assert re.search(f"{russian}.*sudo koshelek-agent doctor", one.told(translator("ru"))["what"])


def test_what_is_told_is_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Names that strangers chose can neither command the terminal nor forge a line, whatever is asked for."""
    evil = "\x1b]0;owned\x07\nFAULT \x9b31m\u202e\udcff"
    found = [fault("agent", message("{x} ok", x=evil), message("a"), message("b"))]
    print_findings(found)
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 4
    assert [letter for letter in said + told_finding(found[0])["what"] if not letter.isprintable() and letter != "\n"] == []
    assert "]0;owned" in said


def test_ownership_is_offered_to_the_service_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal of another owner: a command if the service's user must get it, else only the question whose it must be."""
    journal = tmp_path / "journal.sqlite3"
    journal.touch(0o600)
    (first, *_) = storage._journal_rights(journal, NOBODY)
    says(first, Grade.FAULT, "belongs to.*nobody.*Find out whose", "принадлежит.*nobody.*Выясните, чьим")
    monkeypatch.setattr(storage, "service_user", lambda: NOBODY)
    (first, *_) = storage._journal_rights(journal, NOBODY)
    assert str(first.remedy) == f"Run: sudo chown nobody: {tmp_path}"


SOUND = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0", "WatchdogUSec": "30s"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"ActiveState": "failed"}, ["given the service up"]),
        ({"UnitFileState": "disabled"}, ["does not start with the till"]),
        ({"NRestarts": "7"}, ["again 7 times"]),
        ({"WatchdogUSec": "0"}, ["does not watch"]),
    ],
)
def test_what_systemd_says_of_the_service(facts: dict[str, str], expected: list[str]) -> None:
    """Given up, not enabled, restarted again and again, not watched; a sound unit is in order."""
    found = [one for one in service._unit(SOUND | facts) if one.grade is not Grade.OK]
    assert [text in str(one.what) for text, one in zip(expected, found, strict=True)] == [True] * len(expected)
    assert all(one.remedy is not None for one in found)


async def told(**status: Any) -> list[Finding]:
    """What the checks of registers and lines make of a status."""
    case = Case(Path("/nowhere"), status=status)
    return [*await registers.register(case), *await registers.line(case)]


async def test_registers_and_lines_by_what_the_agent_tells() -> None:
    """Heard, never heard, heard long ago; busy, unusable, damaged now and then."""
    tills = [{"storeId": "S", "terminalId": "1", "heardSecondsAgo": age} for age in (5, 600, 10_000, None, 200_000)]
    found = await told(registers=tills)
    assert [one.grade.value for one in found] == ["ok", "ok", "ok", "warning", "warning"]
    assert [text in str(one.what) for text, one in zip(("5 s", "10 min", "2 h"), found, strict=False)] == [True] * 3
    lines = [
        {"name": "serial:/dev/a", "state": "busy", "damagedFrames": 0, "problem": "x"},
        {"name": "serial:/dev/b", "state": "failed", "damagedFrames": 0, "problem": "x"},
        {"name": "serial:/dev/c", "state": "unplugged", "damagedFrames": 0},
        {"name": "serial:/dev/d", "state": "heard", "heardSecondsAgo": 1, "damagedFrames": 50},
    ]
    found = await told(details={"lines": lines})
    assert [one.grade.value for one in found] == ["fault", "fault", "fault", "ok", "warning"]


async def test_a_configuration_that_the_agent_refused(stand: Stand) -> None:
    """And a table that waits for a restart."""
    told = {"loadedAt": NOW.isoformat(), "problem": "not used", "file": "elsewhere", "needsRestart": ["journal"]}
    case = Case(stand.config, settings=await aside(lambda: load(stand.config)), status={"configuration": told})
    _, refused, waits = await configuration(case)
    assert ("refused the file" in str(refused.what), "journal" in str(waits.what)) == (True, True)


def test_work_by_its_age() -> None:
    """A payment under way is no news for ten minutes; money that is going back neither; what waits for a person is a fault at once."""
    fresh = replace(row(SaleId("S", "1", "k")), state="pending", money="possible", accepted_at=NOW - timedelta(seconds=60))
    old = replace(fresh, accepted_at=NOW - timedelta(hours=3))
    assert [_open(rows, NOW).grade.value for rows in ([], [fresh], [old])] == ["ok", "ok", "warning"]
    back = replace(old, money="returning")
    assert [_owing(rows, NOW).grade.value for rows in ([], [old], [back])] == ["ok", "ok", "warning"]
    assert [one.grade.value for one in (*_attention([]), *_attention([old]))] == ["ok", "fault"]
    assert [one.grade.value for one in _parked({"parked": [{}]})] == ["fault"]


def test_of_a_long_list_no_more_is_said_than_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole, the oldest sale that waits for a person is named; cut, there are "so many or more", and the oldest is older than that."""
    rows = [
        replace(row(SaleId("S", "1", key)), state="pending", money="returning", accepted_at=NOW - timedelta(hours=hours))
        for key, hours in (("newest", 3), ("older", 4), ("oldest", 5))
    ]
    (waits,) = _attention(rows)
    says(waits, Grade.FAULT, "person: 3; the oldest: oldest", "человека: 3; самая давняя: oldest")
    monkeypatch.setattr(work, "MAX_ROWS", 2)
    read = rows[:2]
    (waits,) = _attention(read)
    says(waits, Grade.FAULT, "person: 2 or more; one of them: older", "человека: 2 или больше; одна из них: older")
    says(_open(read, NOW), Grade.WARNING, "under way for more than 4 h: older", "уже больше 4 ч: older")
    says(_owing(read, NOW), Grade.WARNING, "to do for more than 4 h: older", "уже больше 4 ч не может .*: older")
    fresh = [replace(one, accepted_at=NOW, money="possible") for one in read]
    assert "under way: 2 or more; the oldest for more than 0 s" in str(_open(fresh, NOW).what)
    assert "for 2 or more sales, the oldest for more than 0 s" in str(_owing(fresh, NOW).what)


def test_who_may_open_a_device(tmp_path: Path) -> None:
    """By owner, group and others, as the kernel does; the super-user always."""
    device = tmp_path / "device"
    device.touch()
    device.chmod(0o660)
    status = device.stat()
    assert may_open(status, status.st_uid, frozenset())
    assert may_open(status, status.st_uid + 1, frozenset({status.st_gid}))
    assert not may_open(status, status.st_uid + 1, frozenset())
    assert may_open(status, 0, frozenset())
    assert groups_of_process(os.getpid()) == {*os.getgroups(), os.getegid()}
    assert (groups_of_process(2**22 + 1), group_number("root"), group_number("no such group")) == (None, 0, None)


def test_a_large_journal_is_given_up_in_time(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who looks stops when the time is up; nothing is said about the file."""
    monkeypatch.setattr(health, "STEPS_BETWEEN_LOOKS", 1)
    with pytest.raises(health.TimeIsUp):
        health.examine(stand.journal, lambda: True)
