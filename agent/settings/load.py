"""Find the configuration, read it, and either have all of it right or say everything that is wrong with it."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_config_path
from pydantic import ValidationError

from agent.settings.checks import check
from agent.settings.explain import explain
from agent.settings.machine import check_machine
from agent.settings.model import Settings
from agent.settings.places import Place, line_of, places
from agent.settings.problems import BadSettings, Finding, Problem, key_path
from agent.settings.tables import tables
from agent.texts import N_, message

MAX_FILE_BYTES = 256 * 1024  # a thousand tills fit ten times over
FILE_NAME = "koshelek-agent.toml"
SYSTEM_FILE = Path("/etc/koshelek-agent") / FILE_NAME

_SYNTAX_PLACE = re.compile(r"^(?P<problem>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL)


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
    text = _read(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSettings([_syntax_problem(path, text, error)]) from error
    findings = check(data) + (check_machine(data) if machine else [])
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        findings += [explain(detail, data) for detail in details]
        raise BadSettings(_problems(path, text, findings)) from None  # the chain would quote the values
    if findings:
        raise BadSettings(_problems(path, text, findings))
    return settings


def unchecked_sockets(path: Path) -> list[tuple[Path, str]]:
    """Paths and roles of the Unix listeners in a file that may be wrong elsewhere: the running daemon, with the configuration from before,
    most likely listens there, and can tell what is wrong. Empty if nothing can be read."""
    try:
        data = tomllib.loads(_read(path))
    except (BadSettings, tomllib.TOMLDecodeError):
        return []
    found = [table for _, table in tables(data, "listener") if table.get("kind") == "unix" and isinstance(table.get("path"), str)]
    return [(Path(table["path"]), str(table.get("role", "pos"))) for table in found]


def _read(path: Path) -> str:
    """The text of the file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
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
    return Problem(path, number, "", problem, message(N_("The line reads: {text}"), text=shown))


def _problems(path: Path, text: str, findings: Iterable[Finding]) -> list[Problem]:
    """One problem per place (the first: checks across settings know more than kinds of values), sorted by line.

    A problem of a whole list or table is dropped when a part of it has one: pydantic calls a list with a wrong member too short as well.
    """
    lines = places(text)
    chosen: dict[Place, Finding] = {}
    for finding in findings:
        chosen.setdefault(finding.place, finding)
    inside = {place[:length] for place in chosen for length in range(1, len(place))}
    chosen = {place: finding for place, finding in chosen.items() if place not in inside}
    problems = [
        Problem(path, line_of(lines, finding.place), key_path(finding.place), finding.problem, finding.hint, finding.example)
        for finding in chosen.values()
    ]
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.key_path))
