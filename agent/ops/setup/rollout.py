"""The script played to a file: the same questions by the same names, for a chain that sets up many tills.

Names are those of the questions: ``environment``, ``koshelek.login``, ``store`` and so on, tables of a list in their order. What has a
default may be left out. A password is never written into such a file: ``password_from`` (``token_from``) names the file that holds it.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.ops.setup.question import Kind, NoAnswer, Question, Value, checked, right
from agent.ops.setup.script import Known, play
from agent.secrets import BadSecret, Secret, read_brought
from agent.settings.places import Place
from agent.settings.problems import Finding, key_path
from agent.texts import N_, message

STAND_IN = "stand-in"  # for an answer that is missing, so that the questions after it are known; never written anywhere
FROM = "_from"  # behind the name of a secret: the file it is copied from


@dataclass(slots=True)
class Rollout:
    """What a file answers, and what is wrong with it, by places of the file. ``exposed``: files of secrets that others can read."""

    answers: dict[Place, Value] = field(default_factory=dict)
    secrets: dict[Place, Secret] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    exposed: list[Path] = field(default_factory=list)


def answered(data: Mapping[str, Any], known: Known) -> Rollout:
    """Play the script to a file as ``tomllib`` read it."""
    work = _Play(data)
    play(work.answer, known)
    work.unasked(data, ())
    return work.made


class _Play:
    def __init__(self, data: Mapping[str, Any]) -> None:
        self.made = Rollout()
        self._data = data
        self._asked: set[Place] = set()

    def answer(self, question: Question) -> Value:
        place = question.place
        if place[-1] == "another":
            return self._at((str(place[0]), int(place[1]) + 1)) is not None
        if question.kind is Kind.SECRET:
            return self._secret(question)
        self._asked.add(place)
        value = self._at(place)
        if value is None:
            value = self._left_out(question)
        else:
            try:
                value = checked(question, value)
            except NoAnswer as wrong:
                self.made.findings.append(Finding(place, wrong.problem, wrong.hint))
                value = _stand_in(question)
        self.made.answers[place] = value
        return value

    def _left_out(self, question: Question) -> Value:
        if question.default is not None or question.optional:
            return question.default
        self.made.findings.append(
            Finding(question.place, message(N_("This answer is missing: {question}."), question=question.text), right(question))
        )
        return _stand_in(question)

    def _secret(self, question: Question) -> None:
        place = (*question.place[:-1], f"{question.place[-1]}{FROM}")
        self._asked.add(place)
        path = self._at(place)
        if path is None:
            if not question.optional:
                example = f'{place[-1]} = "/media/usb/{key_path(question.place).replace(".", "-")}"'
                self.made.findings.append(
                    Finding(place, message(N_("This answer is missing: {question}."), question=question.text), None, example)
                )
            return
        try:
            if not isinstance(path, str) or not Path(path).is_absolute():
                raise BadSecret(message(N_("A path must begin with a slash: {path}."), path=path))
            self.made.secrets[question.place], exposed = read_brought(Path(path))
            if exposed:
                self.made.exposed.append(Path(path))
        except BadSecret as bad:
            self.made.findings.append(Finding(place, bad.problem, bad.hint))

    def _at(self, place: Place) -> Any:
        value: Any = self._data
        for part in place:
            try:
                value = value[part]
            except (LookupError, TypeError):
                return None
        return value

    def unasked(self, value: Any, place: Place) -> None:
        """Answers to questions that nobody asks."""
        members = value.items() if isinstance(value, dict) else enumerate(value) if _are_tables(value) else ()
        for part, inner in members:
            here = (*place, part)
            if here in self._asked:
                continue
            if any(asked[: len(here)] == here for asked in self._asked) and isinstance(inner, dict | list):
                self.unasked(inner, here)
            else:
                self.made.findings.append(Finding(here, message(N_("Nothing asks for this answer.")), self._meant(here)))

    def _meant(self, place: Place) -> Any:
        name, around = str(place[-1]), place[:-1]
        known = [str(asked[-1]) for asked in self._asked if asked[:-1] == around]
        if f"{name}{FROM}" in known:
            return message(N_("A secret is never written here: put it into a file and name that with {name}."), name=f"{name}{FROM}")
        if close := difflib.get_close_matches(name, known, n=1):
            return message(N_("Did you mean {name}?"), name=close[0])
        return message(N_("Known here are: {names}."), names=", ".join(sorted(known))) if known else None


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _stand_in(question: Question) -> Value:
    match question.kind:
        case Kind.NUMBER:
            return 1
        case Kind.WORDS:
            return [STAND_IN]
        case Kind.CHOICE:
            return question.options[0].value
        case Kind.SEVERAL:
            return [question.options[0].value]
        case _:
            return STAND_IN
