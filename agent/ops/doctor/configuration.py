"""The configuration: is the file right, and is it the one that is in force?"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from agent.ops.aside import aside
from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.ops.doctor.storage import AS_ROOT, HIDDEN, HIDDEN_MEANS
from agent.settings import Problem
from agent.settings.problems import EXAMPLE
from agent.texts import N_, Message, message

CHECK = "configuration"

SOUND = N_("The configuration is in order: {file}, environment {environment}.")
WRONG_AT = N_("{file}, line {line}: {key}: {problem}")
WRONG = N_("{file}: {key} {problem}")
UNFIT_AT = N_("{file}, line {line}: {problem}")
UNFIT = N_("{file}: {problem}")
REFUSED = N_("The agent does not start with this file. If it is running, it goes on with the configuration from before.")
MEND = N_("Correct it, then: koshelek-agent config check.")
NO_FILE = N_("There is no configuration file {file}: nothing is set up yet.")
NO_FILE_MEANS = N_("The agent does not start: it does not know its till.")
SET_UP = N_("Run: sudo koshelek-agent setup. It asks for what is needed and writes the file.")
NOT_TAKEN = N_("The running agent refused the file when it was last told to read it, and works with the configuration from before.")
OLD_MEANS = N_("What was changed since has no effect yet.")
RELOAD = N_("Run: koshelek-agent reload")
NEWER = N_("The file was changed after the running agent read it.")
WAITS = N_("A changed table waits for a restart of the service: {tables}.")
RESTART = N_("When there is no customer: sudo systemctl restart koshelek-agent")
SLOW = N_("{file} could not be read in time.")
DISK = N_("Without its configuration nothing else can be checked.")
LOOK_AT_DISK = N_("Look at the disk: dmesg, smartctl. If it is a network disk, move the file to a local one.")


async def configuration(case: Case) -> list[Finding]:
    """Every mistake of the file by itself."""
    hidden = await aside(lambda: _is_hidden(case.file))
    if hidden:
        return [warning(CHECK, message(HIDDEN, path=case.file), message(HIDDEN_MEANS), message(AS_ROOT))]
    if await aside(lambda: is_missing(case.file)):
        return [fault(CHECK, message(NO_FILE, file=case.file), message(NO_FILE_MEANS), message(SET_UP))]
    found = [_problem(one) for one in case.problems]
    if not found and case.settings is None:
        return [fault(CHECK, message(SLOW, file=case.file), message(DISK), message(LOOK_AT_DISK))]
    if not found and case.settings is not None:
        found = [ok(CHECK, message(SOUND, file=case.file, environment=case.settings.environment.value))]
        found += list(_in_force(case, await aside(lambda: datetime.fromtimestamp(case.file.stat().st_mtime, UTC))))
    return found


def _is_hidden(file: Path) -> bool:
    try:
        file.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(file, os.R_OK)


def is_missing(file: Path) -> bool:
    """Whether there is no such file, as before the first setup; not that it may not be read."""
    try:
        file.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _problem(one: Problem) -> Finding:
    place = {"file": one.file, "key": one.key_path, "problem": one.problem}
    what = message(WRONG, **place) if one.line is None else message(WRONG_AT, line=one.line, **place)
    if not one.key_path:  # the file as a whole, or a line that is no setting
        what = message(UNFIT, **place) if one.line is None else message(UNFIT_AT, line=one.line, **place)
    return fault(CHECK, what, message(REFUSED), _remedy(one))


def _remedy(one: Problem) -> Message:
    hint: Message | str | None = one.hint
    if one.example:
        example = message(EXAMPLE, example=one.example)
        hint = message("{hint} {example}", hint=hint, example=example) if hint else example
    return message("{mend} {hint}", mend=message(MEND), hint=hint) if hint else message(MEND)


def _in_force(case: Case, changed: datetime) -> Iterator[Finding]:
    """Whether the running agent works with this file."""
    told = (case.status or {}).get("configuration")
    if told is None:
        return
    if told.get("problem"):
        yield warning(CHECK, message(NOT_TAKEN), message(OLD_MEANS), message(RELOAD))
    elif told.get("file") == str(case.file) and changed > datetime.fromisoformat(told["loadedAt"]):
        yield warning(CHECK, message(NEWER), message(OLD_MEANS), message(RELOAD))
    if tables := told.get("needsRestart"):
        yield warning(CHECK, message(WAITS, tables=", ".join(tables)), message(OLD_MEANS), message(RESTART))
