"""A person at a terminal is asked what the setup must know, one question after another, each answer checked at once."""

import asyncio
import getpass
from collections.abc import Mapping, Sequence

import click

from agent.ops.doctor.finding import Finding as Seen
from agent.ops.doctor.finding import Grade, worst
from agent.ops.setup.interview import Interview
from agent.ops.setup.plan import Plan
from agent.ops.setup.question import CLEAR, Kind, NoAnswer, Question, Value, shown, typed
from agent.secrets import Secret
from agent.settings.explain import RIGHT
from agent.settings.places import Place
from agent.settings.problems import EXAMPLE, Finding, key_path
from agent.texts import N_, Message, Translate, message

BACK, EXPLAIN = "<", "?"

WELCOME = N_("Setting up koshelek-agent. The configuration will be {file}; nothing is written before the end.")
KEYS = N_('Enter takes what stands in brackets, "<" goes back, "?" explains, Ctrl-C leaves and changes nothing.')
STARTS_FROM = N_("The answers of today's configuration stand in the brackets.")
DROPPED = N_("Not taken over, because it is wrong in today's configuration: {names}.")
NO_HELP = N_("There is no more to say about this.")
STORED = N_("stored already")
NOTHING = N_("nothing")
OR_NOTHING = N_("{answer}; {key} for nothing")
MARKS = {Grade.OK: N_("in order"), Grade.WARNING: N_("warning"), Grade.FAULT: N_("fault")}
IN_SPITE = N_("Go on in spite of that?")
ALL = N_("These are the answers:")
SECRET_NEW, SECRET_KEPT, TOKEN_KEPT = N_("(as typed)"), N_("(as stored)"), N_("(the stored one, else a new one)")
WRITE = N_("Write the configuration?")
YES, NO = N_("yes"), N_("no")


class NotAskedHere(Exception):
    """Something is wrong in today's configuration that no answer can put right; the person has been told what."""


class Person:
    """Whoever sits at the terminal, for one setup. ``offline``: nothing outside this machine is looked at."""

    def __init__(self, plan: Plan, translate: Translate, *, offline: bool) -> None:
        self._plan, self._translate, self._offline = plan, translate, offline
        self._interview = Interview(plan.known)

    def say(self, msgid: str, **values: object) -> str:
        return message(msgid, **values).text(self._translate)

    def asked(self) -> Mapping[Place, Value]:
        """Every question until all are answered and confirmed; the secrets are in the plan then. Raises NotAskedHere; KeyboardInterrupt or
        EOFError from a person who leaves."""
        click.echo(self.say(WELCOME, file=self._plan.machine.config))
        click.echo(self.say(KEYS))
        if self._plan.exists:
            click.echo(self.say(STARTS_FROM))
        if self._plan.dropped:
            click.echo(self.say(DROPPED, names=", ".join(self._plan.dropped)))
        while True:
            question = self._interview.question
            if question is not None:
                self._one(question)
            elif self._confirmed():
                return self._interview.answers

    def _one(self, question: Question) -> None:
        """Ask one question once; what came of it the interview knows."""
        click.echo()
        click.echo(question.text.text(self._translate))
        for number, option in enumerate(question.options, 1):
            label = f" - {option.label.text(self._translate)}" if option.label else ""
            click.echo(f"  {number}) {option.value}{label}")
        text = self._typed(question)
        if text == BACK:
            self._interview.back()
        elif text == EXPLAIN:
            click.echo(f"  {question.help.text(self._translate) if question.help else self.say(NO_HELP)}")
        else:
            try:
                value = typed(question, text)
            except NoAnswer as wrong:
                click.echo(f"  {wrong.problem.text(self._translate)}")
                if wrong.hint:
                    click.echo(f"  {wrong.hint.text(self._translate)}")
                return
            if self._taken(question, value):
                self._interview.give(question, None if question.kind is Kind.SECRET else value)

    def _typed(self, question: Question) -> str:
        offered = self._shown(question.default) if question.default not in (None, []) else ""
        if question.kind is Kind.SECRET and question.optional and question.place[-1] == "password":
            offered = self.say(STORED)
        elif question.optional:
            offered = self.say(OR_NOTHING, answer=offered, key=CLEAR) if offered else self.say(NOTHING)
        prompt = f"{f'[{offered}]' if offered else ''}> "
        return (getpass.getpass(prompt) if question.kind is Kind.SECRET else input(prompt)).strip()

    def _taken(self, question: Question, value: Value) -> bool:
        """Whether an answer is right; or, where only the world outside contradicts it, whether the technician wants it all the same."""
        place = question.place
        if question.kind is Kind.SECRET:
            self._plan.secrets.pop(place, None)
            if value is not None:
                self._plan.secrets[place] = Secret(value)
            value = None
        answers = {**self._interview.answers, place: value}
        if wrong := self._plan.mistakes(answers, place):
            for one in wrong:
                click.echo(f"  {self._told(one)}")
            return False
        if self._offline:
            return True
        return self._seen(asyncio.run(self._plan.look(answers, place)))

    def _seen(self, findings: Sequence[Seen]) -> bool:
        for one in findings:
            click.echo(f"  {self._translate(MARKS[one.grade])}: {one.what.text(self._translate)}")
            if one.grade is not Grade.OK:
                click.echo("".join(f"    {text.text(self._translate)}\n" for text in (one.means, one.remedy) if text), nl=False)
        if worst(findings) is Grade.OK:
            return True
        return self._yes(Question((), Kind.YES_NO, message(IN_SPITE), default=False)) is True

    def _yes(self, question: Question) -> bool | None:
        """A question of the setup itself; None to go back."""
        while True:
            click.echo(question.text.text(self._translate))
            text = self._typed(question)
            if text == BACK:
                return None
            try:
                return bool(typed(question, text))
            except NoAnswer as wrong:
                click.echo(f"  {wrong.problem.text(self._translate)}")

    def _shown(self, value: Value) -> str:
        return self.say(YES if value else NO) if isinstance(value, bool) else shown(value)

    def _confirmed(self) -> bool:
        """Everything once more; False if something is to be answered anew."""
        click.echo(f"\n{self.say(ALL)}")
        for place, value in self._interview.answers.items():
            if place[-1] in ("password", "token"):
                text = self.say(SECRET_NEW if place in self._plan.secrets else SECRET_KEPT if place[-1] == "password" else TOKEN_KEPT)
            else:
                text = "" if value is None else shown(value)
            if place[-1] != "another" and text:
                click.echo(f"  {key_path(place)} = {text}")
        wrong = self._plan.all_mistakes(self._interview.answers)
        for origin, one in wrong:
            click.echo(f"  {key_path(origin or one.place)}: {self._told(one)}")
        if any(origin is None for origin, _ in wrong):
            raise NotAskedHere
        if wrong:
            first = next((place for place, _ in wrong if place is not None and place in self._interview.answers), ("environment",))
            self._interview.back_to(first)
            return False
        sure = self._yes(Question((), Kind.YES_NO, message(WRITE), default=True))
        if sure is None:
            self._interview.back()
        elif not sure:
            raise KeyboardInterrupt
        return bool(sure)

    def _told(self, one: Finding) -> str:
        """A mistake for somebody who types: quotes are for the file."""
        quotes = one.hint is not None and one.hint.msgid == RIGHT and str(one.hint.values["right"]).startswith("text in quotes")
        example = one.example.partition(" = ")[2].strip('"') if one.example else ""
        parts: list[Message | None] = [one.problem, None if quotes else one.hint, message(EXAMPLE, example=example) if example else None]
        return " ".join(part.text(self._translate) for part in parts if part)
