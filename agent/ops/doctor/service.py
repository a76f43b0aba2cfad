"""The service itself: does an agent run, is it the only one, does systemd watch it, which versions are at work?"""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from agent import __version__
from agent.ops.aside import aside
from agent.ops.doctor.case import Case, same_file
from agent.ops.doctor.configuration import SET_UP, is_missing
from agent.ops.doctor.daemons import Running, are_hidden
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.ops.doctor.record import JOURNAL, forbids_start
from agent.ops.doctor.unit import unit_facts
from agent.ops.doctor.words import last_words
from agent.settings import BadSettings, SerialListener, Settings, load
from agent.settings.load import SYSTEM_FILE
from agent.texts import N_, Message, message

AGENT, VERSIONS, WATCHDOG = "agent", "versions", "watchdog"
MANY_RESTARTS = 3
NO_CREDENTIALS = "243"  # systemd's exit status CREDENTIALS: it did not get as far as our program
BETWEEN = "auto-restart"  # the state of a service that ended and will be started again; newer systemd has auto-restart-queued as well
NO_NAMESPACE = "226"  # NAMESPACE, likewise: a folder that the unit names is not there

RUNS = N_("The agent runs (process {pid}) and takes payments.")
ANSWERS = N_("The agent runs and takes payments.")
NOT_RUNNING = N_("No agent runs with this configuration.")
NOT_RUNNING_MEANS = N_("Registers get no answer: nobody can pay. What is owed does not go out.")
START = N_("Run: sudo systemctl start koshelek-agent. If it ends again, read why: journalctl -u koshelek-agent -n 50")
STARTS = "systemctl start koshelek-agent"
RESTARTS_IT = "systemctl restart koshelek-agent"
JOURNAL_FIRST = N_("Do not start the service yet. See to the line about the journal first: what is to be done is said there.")
BEFORE_RESTART = N_("Not before what the line about the journal says is done: the service must not be restarted now. Then: {remedy}")
DYING = N_("The service does not come up: systemd starts it again and again, {count} times so far.")
GIVEN_UP = N_("The service does not come up: it ended with status {status}, and systemd does not start it again.")
NO_PASSWORD = N_("The service does not come up: systemd could not hand it a password (status 243/CREDENTIALS).")
PASSWORD_FIRST = N_("See to the line credentials: it says what to write where. Then: sudo systemctl restart koshelek-agent")
NO_FOLDER = N_("The service does not come up: a folder that its unit names is not there (status 226/NAMESPACE).")
FOLDER_FIRST = N_(
    "See which: systemctl cat koshelek-agent shows the lines ReadWritePaths=. Mount or make that folder, or put a minus before its name "
    "(ReadWritePaths=-/...), then the service starts without it. Then: sudo systemctl daemon-reload; sudo systemctl restart koshelek-agent"
)
STARTING = N_("The agent is starting (process {pid}) and does not answer yet.")
STARTING_AGAIN = N_(
    "The agent is starting (process {pid}) and does not answer yet; systemd has had to start it again before, {count} times so far."
)
AGAIN_REMEDY = N_("Run the doctor again in a minute. If it says the same then, read why: journalctl -u koshelek-agent -n 50")
STARTING_REMEDY = N_("Run the doctor again in a minute. A large journal takes its time; payments begin when it is proved.")
MUTE = N_("The agent (process {pid}) does not answer at {socket}: {problem}.")
WHY = N_("Read why: journalctl -u koshelek-agent -n 50. Mend that, then: sudo systemctl restart koshelek-agent")
SAID = N_('It said last: "{words}". Mend that, then: sudo systemctl restart koshelek-agent')
SILENT = N_("The agent runs (process {pid}) and cannot be asked at {socket}: {problem}.")
SILENT_MEANS = N_("What only the running agent knows is not checked.")
NOT_ADMITTED = N_("Run the doctor as root: sudo koshelek-agent doctor. If it says so then as well: sudo systemctl restart koshelek-agent")
MOVED_REMEDY = N_(
    "Run: sudo systemctl reload koshelek-agent. The file may name another socket than before; the agent takes that over by it. If it says "
    "the same then, and there is no customer: sudo systemctl restart koshelek-agent"
)
UNASKED = N_("The agent runs (process {pid}); where to ask it cannot be told while the configuration cannot be read.")
MEND_FIRST = N_("See to the lines about the configuration first.")
NO_SOCKET = N_("The configuration has no Unix socket by which the agent could be asked.")
ADD_SOCKET = N_('Add a [[listener]] with kind = "unix" and role = "admin", as the annotated example shows.')
NOT_READY = N_("The agent runs and takes no new payments.")
NOT_READY_MEANS = N_("Registers are refused. What is under way is finished.")
NOT_READY_REMEDY = N_(
    "koshelek-agent status says why: a full disk, a journal that was removed, or one that waits for koshelek-agent release."
)
TWO = N_("Two agents work for the same till or port: process {first} ({first_file}) and process {second} ({second_file}).")
TWO_MEANS = N_("Each knows only its own payments: an order could be paid twice, and on a serial line each reads half of what comes.")
NOT_THE_SERVICE = N_(
    "The service is process {service}, leave it alone. End the other: sudo kill {other}, and see to it that nothing starts it again."
)
TWO_REMEDY = N_(
    "Find out which one is the service: systemctl status koshelek-agent. End the other: sudo kill {second}, and see to it that nothing "
    "starts it again."
)
UNSEEN = N_(
    "Other users' programs cannot be seen from here: a second agent among them would not be noticed. As root: sudo koshelek-agent doctor"
)

VERSION = N_("koshelek-agent {version}, Python {python}.")
OTHER_VERSION = N_("The running agent is {running}, installed is {installed}.")
OTHER_MEANS = N_("The update has no effect yet.")
RESTART = N_("When there is no customer: sudo systemctl restart koshelek-agent")

WATCHED = N_("systemd watches the agent (WatchdogSec={seconds}) and starts it again; restarts so far: {count}.")
AT_REST = N_("The service is stopped now. When it is started, systemd watches it.")
NO_SYSTEMD = N_("The agent is not a service of systemd here.")
UNWATCHED = N_("systemd does not watch whether the agent still works (WatchdogSec= is not set).")
UNWATCHED_MEANS = N_("An agent that hangs would stay so until somebody notices.")
UNIT_REMEDY = N_("Install the package's unit anew, or add WatchdogSec=30 to it: sudo systemctl edit koshelek-agent")
RESTARTS = N_("systemd had to start the agent again {count} times.")
RESTARTS_MEANS = N_("Something ends it again and again.")
READ_LOG = N_(
    "Read why: journalctl -u koshelek-agent -n 50. When it is mended, begin to count anew: sudo systemctl reset-failed koshelek-agent"
)
FAILED = N_("systemd has given the service up ({state}).")
DISABLED = N_("The service does not start with the till.")
DISABLED_MEANS = N_("After the next power cut nobody can pay until somebody starts it by hand.")
ENABLE = N_("Run: sudo systemctl enable koshelek-agent")

BEFORE_US = {NO_CREDENTIALS: (NO_PASSWORD, PASSWORD_FIRST), NO_NAMESPACE: (NO_FOLDER, FOLDER_FIRST)}  # what it is, and what to do


async def agent(case: Case) -> list[Finding]:
    """One agent runs, answers, and takes payments."""
    facts = await _facts(case)
    words = await last_words(facts.get("InvocationID", "")) if case.status is None and _dead(facts) is not None else ""
    found = await aside(lambda: list(_running(case, facts, words)))
    main = (await unit_facts()).get("MainPID", "")
    found += await aside(lambda: list(_others(case, main)))
    if await aside(are_hidden):
        found.append(ok(AGENT, message(UNSEEN)))
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


def journal_first(findings: Sequence[Finding]) -> list[Finding]:
    """The same, where nothing is said that must not be done while the journal is lost or damaged. People begin at the top."""
    if not any(map(forbids_start, findings)):
        return list(findings)
    return [one if one.check == JOURNAL or one.remedy is None else replace(one, remedy=_patient(one.remedy)) for one in findings]


def _patient(remedy: Message) -> Message:
    said = str(remedy)
    if STARTS in said:
        return message(JOURNAL_FIRST)
    return message(BEFORE_RESTART, remedy=remedy) if RESTARTS_IT in said else remedy


async def _facts(case: Case) -> Mapping[str, str]:
    """What systemd says of the service, if it is the one with this configuration; else nothing."""
    facts = await unit_facts()
    own = case.own is None or str(case.own.pid) == facts.get("MainPID")
    mine = own and facts.get("LoadState") == "loaded" and await aside(lambda: same_file(case.file, SYSTEM_FILE))
    return facts if mine else {}


def _unit(facts: Mapping[str, str]) -> Iterator[Finding]:
    count = int(facts.get("NRestarts", "0") or 0)
    seconds = facts.get("WatchdogUSec", "0")
    if facts.get("ActiveState") == "failed":
        yield fault(WATCHDOG, message(FAILED, state=facts["ActiveState"]), message(NOT_RUNNING_MEANS), message(START))
    if facts.get("UnitFileState") == "disabled":
        yield warning(WATCHDOG, message(DISABLED), message(DISABLED_MEANS), message(ENABLE))
    if count >= MANY_RESTARTS:
        yield warning(WATCHDOG, message(RESTARTS, count=count), message(RESTARTS_MEANS), message(READ_LOG))
    if facts.get("ActiveState") == "inactive":
        yield ok(WATCHDOG, message(AT_REST))
    elif facts.get("ActiveState") not in ("active", "reloading"):
        return  # what does not run is not watched, and systemd tells the time only of what does
    elif seconds in ("0", "infinity"):
        yield warning(WATCHDOG, message(UNWATCHED), message(UNWATCHED_MEANS), message(UNIT_REMEDY))
    elif count < MANY_RESTARTS:
        yield ok(WATCHDOG, message(WATCHED, seconds=seconds, count=count))


def _running(case: Case, facts: Mapping[str, str], words: str) -> Iterator[Finding]:
    if case.status is not None:
        if not case.status["ready"]:
            yield fault(AGENT, message(NOT_READY), message(NOT_READY_MEANS), message(NOT_READY_REMEDY))
        elif case.own is not None:
            yield ok(AGENT, message(RUNS, pid=case.own.pid))
        else:
            yield ok(AGENT, message(ANSWERS))
    elif (dead := _dead(facts)) is not None:
        early = BEFORE_US.get(facts.get("ExecMainStatus", ""))  # no word of ours can be about that
        yield fault(AGENT, dead, message(NOT_RUNNING_MEANS), message(early[1]) if early else _why(words))
    elif (pid := _starting_pid(facts)) is not None:
        yield _starting(pid, facts.get("NRestarts", "0"))
    elif case.own is None:
        remedy = message(SET_UP if case.settings is None and is_missing(case.file) else START)
        yield fault(AGENT, message(NOT_RUNNING), message(NOT_RUNNING_MEANS), remedy)
    elif case.mute:
        what = message(MUTE, pid=case.own.pid, socket=case.socket, problem=case.silence)
        yield fault(AGENT, what, message(NOT_RUNNING_MEANS), message(WHY))
    elif case.socket is None and case.settings is None:
        yield warning(AGENT, message(UNASKED, pid=case.own.pid), message(SILENT_MEANS), message(MEND_FIRST))
    elif case.socket is None:
        yield warning(AGENT, message(NO_SOCKET), message(SILENT_MEANS), message(ADD_SOCKET))
    else:
        what = message(SILENT, pid=case.own.pid, socket=case.socket, problem=case.silence)
        yield warning(AGENT, what, message(SILENT_MEANS), message(MOVED_REMEDY if case.moved else NOT_ADMITTED))


def _starting_pid(facts: Mapping[str, str]) -> str | None:
    """The process of a service that is on its way up; None if it has come up, or rests between two starts."""
    pid = facts.get("MainPID", "0")
    return pid if facts.get("ActiveState") == "activating" and pid not in ("", "0") else None


def _starting(pid: str, count: str) -> Finding:
    """How often it was started before does not tell whether it will come up now: systemd counts on also when a person has mended it."""
    if count == "0":
        return warning(AGENT, message(STARTING, pid=pid), message(SILENT_MEANS), message(STARTING_REMEDY))
    return warning(AGENT, message(STARTING_AGAIN, pid=pid, count=count), message(SILENT_MEANS), message(AGAIN_REMEDY))


def _dead(facts: Mapping[str, str]) -> Message | None:
    """What is wrong with a service that was to run and does not; None if it does, or was never to."""
    count, status = facts.get("NRestarts", "0"), facts.get("ExecMainStatus", "0")
    if facts.get("ActiveState") == "activating" and facts.get("SubState", "").startswith(BETWEEN) and count != "0":
        return message(BEFORE_US[status][0]) if status in BEFORE_US else message(DYING, count=count)
    if facts.get("ActiveState") == "failed":
        return message(BEFORE_US[status][0]) if status in BEFORE_US else message(GIVEN_UP, status=status)
    return None


def _why(words: str) -> Message:
    return message(SAID, words=words) if words else message(WHY)


def _others(case: Case, main: str = "") -> Iterator[Finding]:
    """Other agents that do the same work. One with another configuration and another till is nobody's business. ``main``: the process of
    the service, as systemd says."""
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
            yield fault(AGENT, what, message(TWO_MEANS), _ending(own.pid, other.pid, main))


def _ending(first: int, second: int, main: str) -> Message:
    """Which of two agents is to be ended: the one that is not the service, whichever has the journal."""
    if main not in (str(first), str(second)):
        return message(TWO_REMEDY, second=second)
    return message(NOT_THE_SERVICE, service=main, other=second if main == str(first) else first)


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
