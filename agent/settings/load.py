"""Find the configuration, read it, and either have all of it right or say everything that is wrong with it."""

import errno
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from platformdirs import user_config_path
from pydantic import BaseModel, ValidationError

from agent.settings.checks import check
from agent.settings.explain import explain
from agent.settings.machine import check_machine
from agent.settings.model import Settings, default_journal
from agent.settings.places import Place, line_of, places
from agent.settings.problems import BadSettings, Finding, Problem, key_path
from agent.settings.shape import shape_of
from agent.settings.tables import tables
from agent.texts import N_, message

MAX_FILE_BYTES = 256 * 1024  # a thousand tills fit ten times over
FILE_NAME = "koshelek-agent.toml"
SYSTEM_FILE = Path("/etc/koshelek-agent") / FILE_NAME
SERVICE_SOCKET = Path("/run/koshelek-agent/admin.sock")  # of the operator, as setup writes it

UNPLACED = N_("Where the journal lies cannot be told: this is no path.")
ENDLESS = N_("This is no configuration: too many brackets within each other, or a number of thousands of digits.")

M = TypeVar("M", bound=BaseModel)

_SIMPLE_LINE = re.compile(r'^\s*(\w+)\s*=\s*"([^"\\]*)"', re.MULTILINE)
_SYNTAX_PLACE = re.compile(r"^(?P<problem>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL)
_NO_VALUE = "Invalid value"  # how tomllib calls what begins like none
_BARE_WORD = re.compile(r"(?P<key>[A-Za-z0-9_.-]+)\s*=\s*(?P<word>[^\s\"'#\[{][^\"'#\\]*?)\s*(#.*)?")  # a text without its quotes


def find(explicit: Path | None = None) -> Path:
    """The file to read: the one named on the command line, else the machine's, else the user's. Raises BadSettings if there is none."""
    if explicit is not None:
        return explicit
    candidates = (SYSTEM_FILE, user_config_path("koshelek-agent", appauthor=False) / FILE_NAME)
    for candidate in candidates:
        if candidate.exists():
            return candidate
    hint = message(N_("Looked for: {paths}. Another file is named with --config."), paths=", ".join(map(str, candidates)))
    raise BadSettings([Problem(SYSTEM_FILE, None, "", message(N_("There is no configuration file.")), hint)])


def load(path: Path, *, machine: bool = True) -> Settings:
    """Read and check the file. Raises BadSettings with all problems, in the order of the file.

    ``machine``: also check what depends on this machine (users, groups, files, passwords); off for a file meant for another one.
    """
    text = read_text(path)
    data = parse(path, text)
    settings, findings = judge(data, machine=machine)
    if settings is None or findings:
        raise BadSettings(problems(path, text, findings))
    return settings


def judge(data: Mapping[str, Any], *, machine: bool = True) -> tuple[Settings | None, list[Finding]]:
    """A file as read: its settings, and everything that is wrong with it. They can be used only if there is nothing."""
    findings = check(data) + (check_machine(data) if machine else [])
    settings, mistakes = validate(Settings, data)
    return settings, findings + mistakes


def validate(model: type[M], data: Mapping[str, Any]) -> tuple[M | None, list[Finding]]:
    """The same by a model alone: what each value may be. The values themselves are quoted nowhere but in the findings."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        return None, [explain(detail, data, shape_of(model)) for detail in details]


def parse(path: Path, text: str) -> dict[str, Any]:
    """A text as TOML. Raises BadSettings."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSettings([_syntax_problem(path, text, error)]) from error
    except (RecursionError, ValueError):  # ValueError: Python refuses a number of thousands of digits
        raise BadSettings([Problem(path, None, "", message(ENDLESS))]) from None  # a traceback of a thousand equal lines helps nobody


def unchecked_sockets(path: Path) -> list[tuple[Path, str]]:
    """Paths and roles of the Unix listeners in a file that may be wrong elsewhere: the running daemon, with the configuration from before,
    most likely listens there, and can tell what is wrong. Empty if nothing can be read."""
    try:
        text = read_text(path)
    except BadSettings:
        return []
    try:
        data = parse(path, text)
    except BadSettings:
        return _guessed_sockets(text)
    found = [table for _, table in tables(data, "listener") if table.get("kind") == "unix" and isinstance(table.get("path"), str)]
    return [(Path(table["path"]), str(table.get("role", "pos"))) for table in found]


def _guessed_sockets(text: str) -> list[tuple[Path, str]]:
    """The same of a text that is no TOML, for a quotation mark that is missing somewhere: by its lines."""
    found = []
    for table in re.split(r"^(?=\s*\[)", text, flags=re.MULTILINE):
        values = dict(_SIMPLE_LINE.findall(table))
        if table.lstrip().startswith("[[listener]]") and values.get("kind") == "unix" and "path" in values:
            found.append((Path(values["path"]), values.get("role", "pos")))
    return found


def unchecked_journal(path: Path) -> Path:
    """Where the journal most likely lies, by a file that may be wrong, or not be there at all."""
    try:
        return certain_journal(path)
    except (BadSettings, OSError):
        return default_journal()


def certain_journal(path: Path) -> Path:
    """Where the journal lies, by a file that may be wrong elsewhere, or not be there at all. Raises BadSettings if it is there and does not
    tell; OSError if it cannot be known whether it is there."""
    try:
        text = read_text(path)
    except BadSettings:
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return default_journal()
        raise
    table = parse(path, text).get("journal", {})
    named = table.get("path", str(default_journal())) if isinstance(table, dict) else None
    if not isinstance(named, str) or not named:
        raise BadSettings(problems(path, text, [Finding(("journal", "path"), message(UNPLACED))]))
    return Path(named)


def read_regular(path: Path, limit: int) -> bytes:
    """Up to ``limit`` bytes and one more of a regular file. Raises NotRegular, OSError.

    Opening a pipe or a device can wait for ever or begin something: it is opened without waiting, and refused.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegular(errno.EINVAL, "not a regular file", str(path))
        return file.read(limit + 1)


class NotRegular(OSError):
    """A pipe, a device, a socket or a folder where a file should be."""


def read_text(path: Path) -> str:
    """The text of the file. Raises BadSettings."""
    try:
        data = read_regular(path, MAX_FILE_BYTES)
    except NotRegular as error:
        raise BadSettings([Problem(path, None, "", message(N_("{path} is not a file."), path=path))]) from error
    except FileNotFoundError as error:
        raise BadSettings([Problem(path, None, "", message(N_("There is no file {path}."), path=path))]) from error
    except OSError as error:
        problem = message(N_("The file {path} cannot be read: {error}."), path=path, error=error.strerror or error)
        raise BadSettings([Problem(path, None, "", problem)]) from error
    if len(data) > MAX_FILE_BYTES:
        raise BadSettings([Problem(path, None, "", message(N_("The file is longer than {limit} bytes."), limit=MAX_FILE_BYTES))])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        hint = message(N_("Save the file in the encoding UTF-8."))
        raise BadSettings([Problem(path, line, "", message(N_("The file is not UTF-8 text.")), hint)]) from error


def _syntax_problem(path: Path, text: str, error: tomllib.TOMLDecodeError) -> Problem:
    """tomllib names the place at the end of its message."""
    found = _SYNTAX_PLACE.match(str(error))
    line, column = (found["line"], found["column"]) if found else (None, None)
    detail = found["problem"] if found else str(error)
    number = int(line) if line else max(1, len(text.splitlines()))
    if column is None:
        return Problem(path, number, "", message(N_("The file ends too early: {detail}."), detail=detail))
    shown = text.splitlines()[number - 1].strip()[:80] if number <= len(text.splitlines()) else ""
    problem = message(N_("This is not TOML, at character {column} of the line: {detail}."), column=column, detail=detail)
    bare = _BARE_WORD.fullmatch(shown)
    if bare is not None and detail == _NO_VALUE:
        return Problem(path, number, "", problem, message(N_("A text must stand in quotes.")), f'{bare["key"]} = "{bare["word"]}"')
    return Problem(path, number, "", problem, message(N_("The line reads: {text}"), text=shown))


def problems(path: Path, text: str, findings: Iterable[Finding]) -> list[Problem]:
    """Findings with their lines, sorted by them."""
    lines = places(text)
    found = [
        Problem(path, line_of(lines, finding.place), key_path(finding.place), finding.problem, finding.hint, finding.example)
        for finding in innermost(findings)
    ]
    return sorted(found, key=lambda problem: (problem.line or 0, problem.key_path))


def innermost(findings: Iterable[Finding]) -> list[Finding]:
    """One finding per place (the first: checks across settings know more than kinds of values).

    That of a whole list or table is dropped when a part of it has one: pydantic calls a list with a wrong member too short as well.
    """
    chosen: dict[Place, Finding] = {}
    for finding in findings:
        chosen.setdefault(finding.place, finding)
    inside = {place[:length] for place in chosen for length in range(1, len(place))}
    return [finding for place, finding in chosen.items() if place not in inside]
