"""What is wrong with a configuration, said so that a technician can put it right without a manual."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.settings.places import Place
from agent.texts import N_, Message, Translate, message, translator

EXAMPLE = N_("Example: {example}")


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at a place of the file, before lines are known. ``example`` is a line of TOML that would be right."""

    place: Place
    problem: Message
    hint: Message | None = None
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as it is shown. ``key_path`` is the dotted path with tables of an array counted from 1: ``store#2.account``."""

    file: Path
    line: int | None
    key_path: str
    problem: Message
    hint: Message | None = None
    example: str | None = None


class BadSettings(Exception):
    """The configuration cannot be used. A technician must change it; every problem found is in ``problems``."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(describe(problems, "en"))
        self.problems = tuple(problems)


def key_path(place: Place) -> str:
    """A place in words: ``("store", 1, "account")`` becomes ``store#2.account``."""
    path = ""
    for part in place:
        path += f"#{part + 1}" if isinstance(part, int) else f".{part}" if path else part
    return path


def told(problem: Problem, translate: Translate) -> dict[str, Any]:
    """For programs, in a language: ``file``, ``line``, ``key``, ``problem``; and, where there are any, ``hint`` and ``example``."""
    found: dict[str, Any] = {"file": str(problem.file), "line": problem.line, "key": problem.key_path}
    found["problem"] = problem.problem.text(translate)
    found |= {"hint": problem.hint.text(translate)} if problem.hint else {}
    return found | ({"example": problem.example} if problem.example else {})


def describe(problems: Sequence[Problem], language: str) -> str:
    """All problems as text for the terminal, in the order of the file."""
    translate = translator(language)
    paragraphs = []
    for problem in problems:
        place = problem.file if problem.line is None else message(N_("{file}, line {line}"), file=problem.file, line=problem.line)
        where = place.text(translate) if isinstance(place, Message) else str(place)
        lines = [f"{where}: {problem.key_path}" if problem.key_path else where, f"  {problem.problem.text(translate)}"]
        if problem.hint:
            lines.append(f"  {problem.hint.text(translate)}")
        if problem.example:
            lines.append(f"  {message(EXAMPLE, example=problem.example).text(translate)}")
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)
