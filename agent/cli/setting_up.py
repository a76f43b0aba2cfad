"""``setup``: a technician is asked, or a file answers; the configuration is written and checked, and what comes next is said."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from platformdirs import user_config_path

from agent.cli.common import Context, Exit
from agent.cli.interviewing import DROPPED, MARKS, NotAskedHere, Person
from agent.cli.mistakes import mistake, unwritten
from agent.ops.doctor.finding import Finding as Seen
from agent.ops.doctor.finding import Grade
from agent.ops.doctor.shelf import Barrier, allowing, barrier
from agent.ops.setup.commit import Done
from agent.ops.setup.machine import encrypted, this_machine
from agent.ops.setup.plan import CheckFailed, Plan, plan_of
from agent.ops.setup.question import Value
from agent.ops.setup.rollout import FROM, answered
from agent.settings import BadSettings, Problem, describe, find
from agent.settings.load import FILE_NAME, SYSTEM_FILE, parse, problems, read_text
from agent.settings.places import Place
from agent.settings.problems import Finding, told
from agent.settings.providers import PAYCORE
from agent.texts import LANGUAGES, N_, Translate, message, translator

UNCHANGED = N_("The configuration is the same as before: nothing was written.")
WRITTEN = N_("Written and checked: {file}")
COPY = N_("The one from before: {file}")
LEFT = N_("A setup that was cut off has left this file; look whether it is still wanted, then remove it: {file}")
SECRET_WRITTEN = N_("Written, readable by nobody else: {file}")
ENCRYPT = N_("The service still takes the old password from {file}: encrypt the new one, as at the installation.")
TOKEN = N_("The register's program needs its token: sudo cat {file}")
UNASKED = N_("Of what is wrong, something is not asked here: correct it in {file} first. Nothing was changed.")
REFUSED = N_("The check refused the configuration, so everything is as it was before:")
NOTHING_DONE = N_("Nothing was changed.")
EXPOSED = N_("Others can read {file}: remove it when the tills are set up.")
NEXT = N_("What comes next:")
START = N_("sudo systemctl enable --now koshelek-agent   starts the service, now and whenever the till starts")
RESTART = N_("sudo systemctl restart koshelek-agent   takes the changes over, passwords as well")
ALLOW = N_("{command}   lets the service write its copies there")
RUN = N_("koshelek-agent --config {file} run   runs the agent in this terminal")
DOCTOR = N_("sudo koshelek-agent doctor   looks whether everything works; it moves no money")
MOVED = N_("Side or account have changed: the agent refuses that while money is owed or possible. To see it: koshelek-agent owed")
CANNOT_WRITE = N_("{folder} cannot be written to. Run this as root: sudo koshelek-agent setup; or name another file with --config.")
NO_TERMINAL = N_("setup asks questions, so it needs a terminal; without one: --answers FILE.")
NO_JSON = N_("--json goes with --answers alone.")
OUTSIDE_HINT = N_("{means} {remedy} To write the configuration in spite of it: --force.")


@click.command("setup")
@click.option("--answers", type=click.Path(exists=True, dir_okay=False), help="A file that answers the questions, for rollouts (TOML).")
@click.option("--language", "chosen", type=click.Choice(LANGUAGES), default="ru", show_default=True, help="Language of the questions.")
@click.option("--offline", is_flag=True, help="Do not look whether addresses, passwords and ports work.")
@click.option("--force", is_flag=True, help="With --answers: write even if an address, a password or a port does not work.")
@click.pass_obj
def setup_command(context: Context, answers: str | None, chosen: str, offline: bool, force: bool) -> None:
    """Set the till up: asks what must be known, checks each answer at once, and writes the configuration.

    Run it again to change something: it begins with the configuration that is there. Nothing is written before the end, and nothing is
    started.
    """
    _Setup(context, translator(chosen), chosen).run(answers, offline=offline, force=force)


class _Setup:
    def __init__(self, context: Context, translate: Translate, language: str) -> None:
        self._context = context
        self._translate = translate
        self._language = language

    def say(self, msgid: str, **values: object) -> str:
        return message(msgid, **values).text(self._translate)

    def run(self, answers: str | None, *, offline: bool, force: bool) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):  # a line that breaks is no reason to leave anything behind
            signal.signal(number, _interrupted)
        file = self._file()
        folder = next(one for one in file.parents if one.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            self._context.fail(Exit.USAGE, "FORBIDDEN", self.say(CANNOT_WRITE, folder=folder))
        try:
            plan = plan_of(this_machine(file), self._language)
            if answers is not None:
                self._roll_out(plan, Path(answers), offline=offline, force=force)
            else:
                self._ask(plan, offline=offline)
        except BadSettings as error:
            self._bad(error.problems)
        except (KeyboardInterrupt, EOFError):
            click.echo(err=True)
            self._context.fail(Exit.USAGE, "INTERRUPTED", self.say(NOTHING_DONE))

    def _file(self) -> Path:
        """The file named, else the one that is there, else the machine's; for a user of his own his."""
        if self._context.config_file:
            return Path(self._context.config_file).resolve()
        try:
            return find().resolve()
        except BadSettings:
            return SYSTEM_FILE if os.geteuid() == 0 else user_config_path("koshelek-agent", appauthor=False) / FILE_NAME

    # --- a person ---

    def _ask(self, plan: Plan, *, offline: bool) -> None:
        if self._context.as_json:
            raise click.UsageError(self.say(NO_JSON))
        if not sys.stdin.isatty():
            raise click.UsageError(self.say(NO_TERMINAL))
        person = Person(plan, self._translate, offline=offline)
        try:
            answers = person.asked()
        except NotAskedHere:
            self._context.fail(Exit.CONFIGURATION, "CONFIGURATION", self.say(UNASKED, file=plan.machine.config))
        if plan.unchanged(answers):
            click.echo(self.say(UNCHANGED))
        else:
            self._write(plan, answers)
        self._next(plan, answers)

    # --- a file ---

    def _roll_out(self, plan: Plan, file: Path, *, offline: bool, force: bool) -> None:
        """Every mistake of the file at once, and nothing written; or everything done."""
        text = read_text(file)
        played = answered(parse(file, text), plan.known)
        plan.secrets = played.secrets
        wrong = {one.place for one in played.findings}
        found = list(played.findings)
        for origin, one in plan.all_mistakes(played.answers):
            where = origin or one.place
            if where not in wrong and (origin is not None or not wrong):
                found.append(Finding((*where, *_numbers(one.place)), one.problem, one.hint, one.example))
        seen: list[Seen] = []
        if not found and not offline:
            seen = self._look_at_all(plan, played.answers, found, force=force)
        if found:
            self._bad(problems(file, text, found))
        if plan.unchanged(played.answers):
            self._context.show({"file": str(plan.machine.config), "written": []}, lambda: click.echo(self.say(UNCHANGED)))
            return
        self._write(plan, played.answers, seen)
        for exposed in played.exposed:
            click.echo(self.say(EXPOSED, file=exposed), err=True)
        if not self._context.as_json:
            self._next(plan, played.answers)

    def _look_at_all(self, plan: Plan, answers: Mapping[Place, Value], found: list[Finding], *, force: bool) -> list[Seen]:
        """What does not work outside is a mistake of its answer, unless it is to be written in spite of that."""

        async def look() -> list[tuple[Place, Seen]]:
            seen = [(place, one) for place in answers for one in await plan.look(answers, place)]
            away = {place[0] for place, one in seen if one.grade is Grade.FAULT}
            there = [(system, "password") for system in answers["systems",] if system not in away]
            return seen + [(place, one) for place in there for one in await plan.look(answers, place)]

        seen = asyncio.run(look())
        for place, one in seen:
            if one.grade is Grade.FAULT and not force:
                where = (*place[:-1], f"{place[-1]}{FROM}") if place[-1] == "password" else place
                found.append(Finding(where, one.what, message(OUTSIDE_HINT, means=one.means, remedy=one.remedy)))
            elif one.grade is not Grade.OK and not self._context.as_json:
                click.echo(f"{self._translate(MARKS[one.grade])}: {one.what.text(self._translate)}", err=True)
        return [one for _, one in seen]

    # --- both ---

    def _write(self, plan: Plan, answers: Mapping[Place, Value], seen: Sequence[Seen] = ()) -> None:
        secrets = plan.files(answers)
        texts = translator(str(answers["language",]))
        try:
            done = plan.write(answers, texts, datetime.now(UTC))
        except CheckFailed as failed:
            self._check_failed(failed)
        except OSError as error:
            code, problem = unwritten(error, plan.machine.config, self._translate)
            self._context.fail(Exit.INTERNAL, code, f"{problem} {self.say(NOTHING_DONE)}")
        told = {"file": str(plan.machine.config), "written": [str(plan.machine.config), *map(str, secrets)]}
        more: dict[str, Any] = {"copies": [str(one) for one in done.copies], "dropped": list(plan.dropped)}
        more["leftovers"] = [str(one) for one in done.leftovers]
        more["findings"] = [one.told(self._translate) for one in seen]
        self._context.show(told | more, lambda: self._print(plan, done, secrets))

    def _print(self, plan: Plan, done: Done, secrets: Sequence[Path]) -> None:
        click.echo(f"\n{self.say(WRITTEN, file=plan.machine.config)}")
        for copy in done.copies:
            click.echo(self.say(COPY, file=copy))
        for left in done.leftovers:
            click.echo(self.say(LEFT, file=left))
        if plan.dropped:
            click.echo(self.say(DROPPED, names=", ".join(plan.dropped)))
        for one in secrets:
            click.echo(self.say(SECRET_WRITTEN, file=one))
            if encrypted(one).exists():
                click.echo(self.say(ENCRYPT, file=encrypted(one)))

    def _next(self, plan: Plan, answers: Mapping[Place, Value]) -> None:
        """The commands that follow. The service is started by a person, who then looks at it."""
        made, lines = plan.configured(answers), []
        for where, place in made.secrets.items():
            if place[0] == "connection":
                lines.append(self.say(TOKEN, file=plan.machine.file_of(where)))
        folder = made.data.get("backup", {}).get("directory")
        if plan.machine.unit and folder and asyncio.run(barrier(Path(folder), plan.machine.config)) is Barrier.NOT_NAMED:
            lines.append(self.say(ALLOW, command=allowing(Path(folder))))
        if plan.machine.unit:
            lines += [self.say(RESTART if plan.exists else START), self.say(DOCTOR)]
        else:
            lines.append(self.say(RUN, file=plan.machine.config))
        if _moved(plan, made.data):
            click.echo(self.say(MOVED))
        click.echo("\n".join([self.say(NEXT), *(f"  {line}" for line in lines)]))

    def _check_failed(self, failed: CheckFailed) -> NoReturn:
        if self._context.as_json:
            self._context.fail(Exit.CONFIGURATION, "CONFIGURATION", self.say(REFUSED), problems=list(failed.problems))
        click.echo("\n".join([self.say(REFUSED), *(mistake(one, self._translate) for one in failed.problems)]), err=True)
        sys.exit(Exit.CONFIGURATION)

    def _bad(self, found: Sequence[Problem]) -> NoReturn:
        """Mistakes of a file: each with its line; nothing was written."""
        if self._context.as_json:
            listed = [told(one, self._translate) for one in found]
            self._context.fail(Exit.CONFIGURATION, "CONFIGURATION", self.say(NOTHING_DONE), problems=listed)
        click.echo(f"{describe(found, self._language)}\n\n{self.say(NOTHING_DONE)}", err=True)
        sys.exit(Exit.CONFIGURATION)


def _interrupted(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _numbers(place: Place) -> Place:
    """The number of the member that is meant, at the end of a place."""
    return place[-1:] if place and isinstance(place[-1], int) else ()


def _moved(plan: Plan, data: Mapping[str, Any]) -> bool:
    """Whether money that is still under way would belong to another side or account."""
    before = plan.present
    if not before:
        return False
    key = f"{before.get('environment')}_base_url"
    same_side = before.get("environment") == data.get("environment")
    return not (same_side and _accounts(before, key).items() <= _accounts(data, key).items())


def _accounts(data: Mapping[str, Any], key: str) -> Mapping[str, object]:
    """What a sale is bound to, by system: the address, and where accounts share one the login as well."""
    provider: Mapping[str, Any] = data.get("provider", {})
    return {name: (table.get(key), table.get("login") if name == PAYCORE else None) for name, table in provider.items()}
