"""The service itself: does an agent run, is it the only one, does systemd watch it, which versions are at work?"""

import os
import platform
from collections.abc import Iterator, Mapping

from agent import __version__
from agent.ops.aside import aside
from agent.ops.doctor.case import Case
from agent.ops.doctor.daemons import Running
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.ops.doctor.unit import unit_facts
from agent.settings import BadSettings, SerialListener, Settings, load
from agent.settings.load import SYSTEM_FILE
from agent.texts import N_, message

AGENT, VERSIONS, WATCHDOG = "agent", "versions", "watchdog"
MANY_RESTARTS = 3

RUNS = N_("The agent runs (process {pid}) and takes payments.")
ANSWERS = N_("The agent runs and takes payments.")
NOT_RUNNING = N_("No agent runs with this configuration.")
NOT_RUNNING_MEANS = N_("Registers get no answer: nobody can pay. What is owed does not go out.")
START = N_("Run: sudo systemctl start koshelek-agent. If it ends again, read why: journalctl -u koshelek-agent -n 50")
SILENT = N_("The agent runs (process {pid}) and cannot be asked at {socket}: {problem}.")
SILENT_MEANS = N_("What only the running agent knows is not checked.")
NOT_ADMITTED = N_("Run the doctor as root: sudo koshelek-agent doctor. If it says so then as well: sudo systemctl restart koshelek-agent")
NO_SOCKET = N_("The configuration has no Unix socket by which the agent could be asked.")
ADD_SOCKET = N_('Add a [[listener]] with kind = "unix" and role = "admin", as the annotated example shows.')
NOT_READY = N_("The agent runs and takes no new payments.")
NOT_READY_MEANS = N_("Registers are refused. What is under way is finished.")
NOT_READY_REMEDY = N_("koshelek-agent status says why: a full disk, or a restored journal that waits for koshelek-agent release.")
TWO = N_("Two agents work for the same till or port: process {first} ({first_file}) and process {second} ({second_file}).")
TWO_MEANS = N_("Each knows only its own payments: an order could be paid twice, and on a serial line each reads half of what comes.")
TWO_REMEDY = N_(
    "Find out which one is the service: systemctl status koshelek-agent. End the other: sudo kill {second}, and see to it that nothing "
    "starts it again."
)

VERSION = N_("koshelek-agent {version}, Python {python}.")
OTHER_VERSION = N_("The running agent is {running}, installed is {installed}.")
OTHER_MEANS = N_("The update has no effect yet.")
RESTART = N_("When there is no customer: sudo systemctl restart koshelek-agent")

WATCHED = N_("systemd watches the agent ({seconds} s) and starts it again; restarts so far: {count}.")
NO_SYSTEMD = N_("The agent is not a service of systemd here.")
UNWATCHED = N_("systemd does not watch whether the agent still works (WatchdogSec= is not set).")
UNWATCHED_MEANS = N_("An agent that hangs would stay so until somebody notices.")
UNIT_REMEDY = N_("Install the package's unit anew, or add WatchdogSec=30 to it: sudo systemctl edit koshelek-agent")
RESTARTS = N_("systemd had to start the agent again {count} times.")
RESTARTS_MEANS = N_("Something ends it again and again.")
READ_LOG = N_("Read why: journalctl -u koshelek-agent -p warning -n 50")
FAILED = N_("systemd has given the service up ({state}).")
DISABLED = N_("The service does not start with the till.")
DISABLED_MEANS = N_("After the next power cut nobody can pay until somebody starts it by hand.")
ENABLE = N_("Run: sudo systemctl enable koshelek-agent")


async def agent(case: Case) -> list[Finding]:
    """One agent runs, answers, and takes payments."""
    found = list(_running(case))
    found += await aside(lambda: list(_others(case)))
    return found


async def versions(case: Case) -> list[Finding]:
    """What is installed, and whether it is what runs."""
    running = (case.status or {}).get("version")
    if running not in (None, __version__):
        return [warning(VERSIONS, message(OTHER_VERSION, running=running, installed=__version__), message(OTHER_MEANS), message(RESTART))]
    return [ok(VERSIONS, message(VERSION, version=__version__, python=platform.python_version()))]


async def watchdog(case: Case) -> list[Finding]:
    """What systemd says of the service."""
    facts = await unit_facts()
    if facts.get("LoadState") != "loaded":
        return [ok(WATCHDOG, message(NO_SYSTEMD))]
    return list(_unit(facts))


def _unit(facts: Mapping[str, str]) -> Iterator[Finding]:
    count = int(facts.get("NRestarts", "0") or 0)
    seconds = facts.get("WatchdogUSec", "0")
    if facts.get("ActiveState") == "failed":
        yield fault(WATCHDOG, message(FAILED, state=facts["ActiveState"]), message(NOT_RUNNING_MEANS), message(START))
    if facts.get("UnitFileState") == "disabled":
        yield warning(WATCHDOG, message(DISABLED), message(DISABLED_MEANS), message(ENABLE))
    if count >= MANY_RESTARTS:
        yield warning(WATCHDOG, message(RESTARTS, count=count), message(RESTARTS_MEANS), message(READ_LOG))
    if seconds in ("0", "infinity"):
        yield warning(WATCHDOG, message(UNWATCHED), message(UNWATCHED_MEANS), message(UNIT_REMEDY))
    elif count < MANY_RESTARTS:
        yield ok(WATCHDOG, message(WATCHED, seconds=seconds, count=count))


def _running(case: Case) -> Iterator[Finding]:
    if case.status is not None:
        if not case.status["ready"]:
            yield fault(AGENT, message(NOT_READY), message(NOT_READY_MEANS), message(NOT_READY_REMEDY))
        elif case.own is not None:
            yield ok(AGENT, message(RUNS, pid=case.own.pid))
        else:
            yield ok(AGENT, message(ANSWERS))
    elif case.own is None:
        yield fault(AGENT, message(NOT_RUNNING), message(NOT_RUNNING_MEANS), message(START))
    elif case.socket is None:
        yield warning(AGENT, message(NO_SOCKET), message(SILENT_MEANS), message(ADD_SOCKET))
    else:
        what = message(SILENT, pid=case.own.pid, socket=case.socket, problem=case.silence)
        yield warning(AGENT, what, message(SILENT_MEANS), message(NOT_ADMITTED))


def _others(case: Case) -> Iterator[Finding]:
    """Other agents that do the same work. One with another configuration and another till is nobody's business."""
    own, settings = case.own, case.settings
    if own is None or settings is None:
        return
    mine = _claims(settings)
    for other in case.running:
        if other.pid == own.pid or other.pid == os.getpid():
            continue
        if mine & _claims_of(other, case):
            places = {"first": own.pid, "first_file": own.config or SYSTEM_FILE, "second": other.pid}
            what = message(TWO, **places, second_file=other.config or SYSTEM_FILE)
            yield fault(AGENT, what, message(TWO_MEANS), message(TWO_REMEDY, second=other.pid))


def _claims_of(other: Running, case: Case) -> set[tuple[str, ...]]:
    try:
        return _claims(load(other.config or SYSTEM_FILE, machine=False))
    except BadSettings:  # it started with a file that has changed since, or that we may not read
        return set()


def _claims(settings: Settings) -> set[tuple[str, ...]]:
    """What only one agent can have: the tills of an account, the serial ports, the journal."""
    found: set[tuple[str, ...]] = {("journal", str(settings.journal_path()))}
    for till in settings.terminal:
        system = settings.provider_of(till)
        url = settings.provider.configured[system].base_url(settings.environment)
        found.add((system, url, till.store_id, till.terminal_id))
    return found | {("port", os.path.realpath(one.path)) for one in settings.listener if isinstance(one, SerialListener)}
