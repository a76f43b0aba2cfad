"""From answers to what is done with them: judged by the real checks, then put into place and judged once more as the service's user."""

import json
import os
import secrets
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.ops.doctor.finding import Finding as Seen
from agent.ops.setup import outside
from agent.ops.setup.commit import CONFIGURATION_MODE, Change, Done, commit
from agent.ops.setup.configured import Answers, Configured, answers_of, configured
from agent.ops.setup.machine import Machine, known, stored, stored_password
from agent.ops.setup.script import Known
from agent.ops.setup.writing import written
from agent.secrets import Secret
from agent.settings.load import innermost, judge, parse, read_text
from agent.settings.places import Place
from agent.settings.problems import Finding, key_path
from agent.settings.providers import SYSTEMS
from agent.texts import Translate

CHECK_LIMIT_S = 60
TOKEN_BYTES = 24
MAX_MISTAKES = 500


class CheckFailed(Exception):
    """The configuration was written, refused by its own check, and taken back. ``problems``: as ``config check --json`` tells them."""

    def __init__(self, problems: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


@dataclass(slots=True)
class Plan:
    """``present``: today's configuration as far as it is right; ``dropped``: what was not. ``exists``: whether there is a file at all."""

    machine: Machine
    known: Known
    present: dict[str, Any]
    exists: bool
    dropped: Sequence[str] = ()
    secrets: dict[Place, Secret] = field(default_factory=dict)

    def configured(self, answers: Answers) -> Configured:
        """The configuration that the answers give."""
        return configured(answers, self.present, self.machine.locate, self.known.sockets)

    def mistakes(self, answers: Answers, place: Place) -> list[Finding]:
        """What the checks say of one answer, while others are still missing."""
        made = self.configured(answers)
        _, findings = judge(made.data)
        hidden = set(made.secrets.values())
        mine = [one for one in innermost(findings) if made.origin.get(_without_numbers(one.place)) == place and place not in hidden]
        return [_renamed(one, place) for one in mine]

    def all_mistakes(self, answers: Answers) -> list[tuple[Place | None, Finding]]:
        """What the checks say of everything, each with the answer that it comes from: None for a setting that nobody is asked about. Of
        secrets, which are not written yet, nothing."""
        made = self.configured(answers)
        _, findings = judge(made.data)
        found = [(self._answer_of(made, one.place), one) for one in innermost(findings)]
        return [(place, _renamed(one, place)) for place, one in found if place not in made.secrets.values()]

    def _answer_of(self, made: Configured, place: Place) -> Place | None:
        exact = made.origin.get(_without_numbers(place))
        return exact or (None if _is_there(self.present, place) else made.answer_of(place))

    async def look(self, answers: Answers, place: Place) -> list[Seen]:
        """What is found outside where an answer points."""
        passwords = {str(name): secret for (name, *_), secret in self.secrets.items() if name in SYSTEMS}
        for system in SYSTEMS:
            if system not in passwords and (kept := stored_password(self.machine, self.present, system)) is not None:
                passwords[system] = kept
        user = self.machine.service[0] if self.machine.service is not None else None
        return await outside.look(place, self.configured(answers).data, self.present, passwords, self.machine.config, user)

    def unchanged(self, answers: Answers) -> bool:
        """Whether the answers give the configuration that is there, and no secret is new."""
        made = self.configured(answers)
        if not self.exists or self.dropped or self._secrets_of(made):
            return False
        before, _ = judge(self.present, machine=False)
        after, _ = judge(made.data, machine=False)
        return before is not None and before == after

    def write(self, answers: Answers, translate: Translate, now: datetime) -> Done:
        """Put everything into place and have it checked. Raises CheckFailed and OSError; then nothing is changed."""
        made = self.configured(answers)
        changes = [self._secret(where, secret) for where, secret in self._secrets_of(made).items()]
        text = written(made.data, translate)
        assert tomllib.loads(text) == made.data, "what is written is what was meant"
        changes.append(Change(self.machine.config, text.encode(), CONFIGURATION_MODE, keep=True))
        return commit(changes, now, self._check)

    def files(self, answers: Answers) -> list[Path]:
        """Where the secrets go that ``write`` writes."""
        return [self.machine.file_of(where) for where in self._secrets_of(self.configured(answers))]

    def _secrets_of(self, made: Configured) -> dict[str, Secret]:
        """By their places: what was given and is not there yet, and a new token for each client that has none."""
        found: dict[str, Secret] = {}
        for where, place in made.secrets.items():
            kept, given = stored(self.machine, where), self.secrets.get(place)
            if given is not None and given != kept:
                found[where] = given
            elif given is None and kept is None and place[0] == "connection":
                found[where] = Secret(secrets.token_hex(TOKEN_BYTES))
        return found

    def _secret(self, where: str, secret: Secret) -> Change:
        """A credential is root's: systemd hands it over. A file is the agent's."""
        owner = self.machine.service if where.startswith("/") else None
        return Change(self.machine.file_of(where), f"{secret.reveal()}\n".encode(), owner=owner)

    def _check(self) -> None:
        """The real ``config check``, by the user who runs the agent."""
        command = [sys.executable, "-P", "-m", "agent", "--config", str(self.machine.config), "config", "check", "--json"]
        user: dict[str, Any] = {}
        if self.machine.service is not None:
            number, group = self.machine.service
            user = {"user": number, "group": group, "extra_groups": []}
        environment = {name: value for name, value in os.environ.items() if name != "CREDENTIALS_DIRECTORY"}
        try:
            done = subprocess.run(  # noqa: S603 - this very program, with no word of anybody else
                command, capture_output=True, cwd="/", env=environment, timeout=CHECK_LIMIT_S, check=False, **user
            )
        except (OSError, subprocess.SubprocessError) as error:  # the agent's user may not even run the program
            raise CheckFailed(_problems(b"", str(error).encode())) from error
        if done.returncode != 0:
            raise CheckFailed(_problems(done.stdout, done.stderr))


def plan_of(machine: Machine, language: str) -> Plan:
    """A plan that begins with what is there. Raises BadSettings for a file that cannot be read or is no TOML: nobody should guess then."""
    present: dict[str, Any] = {}
    exists = machine.config.exists()
    if exists:
        present = parse(machine.config, read_text(machine.config))
    dropped = _drop_mistakes(present) if exists else []
    return Plan(machine, known(machine, present, answers_of(present), language), present, exists, dropped)


def _drop_mistakes(data: dict[str, Any]) -> list[str]:
    """Take out what the checks refuse, so that it is asked for anew; the names of what was taken out."""
    names: list[str] = []
    for _ in range(MAX_MISTAKES):
        _, findings = judge(data, machine=False)
        place = next((one.place for one in findings if _is_there(data, one.place)), None)
        if place is None:
            break
        names.append(key_path(place))
        holder: Any = data
        for part in place[:-1]:
            holder = holder[part]
        del holder[place[-1]]
    return names


def _is_there(data: Any, place: Place) -> bool:
    for part in place:
        try:
            data = data[part]
        except (LookupError, TypeError):
            return False
    return True


def _without_numbers(place: Place) -> Place:
    """The setting whose member is meant: of ``users#2`` it is ``users``."""
    while place and isinstance(place[-1], int):
        place = place[:-1]
    return place


def _renamed(finding: Finding, place: Place | None) -> Finding:
    """Its example under the name of the answer, which need not be that of the setting."""
    if finding.example is None or place is None or " = " not in finding.example:
        return finding
    return replace(finding, example=f"{_without_numbers(place)[-1]} = {finding.example.partition(' = ')[2]}")


def _problems(answer: bytes, complaint: bytes) -> Sequence[Mapping[str, Any]]:
    try:
        found: Sequence[Mapping[str, Any]] = json.loads(answer)["error"]["problems"]
    except (ValueError, LookupError, TypeError):
        return [
            {"file": "koshelek-agent config check", "line": None, "key": "", "problem": complaint.decode(errors="replace").strip()[-500:]}
        ]
    return found
