"""What the commands share: finding the configuration and the daemon, printing, exit statuses."""

import asyncio
import copy
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from agent.cli.configured import of_service, spoken_in
from agent.texts import N_, translator
from drivers.client import CallFailed, Client, Unreachable

if TYPE_CHECKING:  # the models of the configuration take a quarter of a second, and not every command needs one
    from agent.settings import BadSettings, Settings

T = TypeVar("T")

NOT_THERE = N_("{problem}. Is the service running? systemctl status koshelek-agent.")
NO_AGENT = N_("no agent at {socket}: {why}")
ASK_AGAIN = N_("It may have been done: ask again with the same key ({names}).")
STOPPED = N_("Stopped waiting; the agent goes on.")
NO_LANGUAGE = ("", "C", "POSIX")  # of a locale: not that somebody wants English, but that nobody has said anything
NO_SOCKET = N_('The command line talks to the agent over a Unix socket: add a [[listener]] with kind = "unix" and role = "admin".')


class Exit(IntEnum):
    """Exit statuses: a contract with scripts."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    NOT_PAID = 3
    UNRESOLVED = 4
    UNREACHABLE = 5
    CONFLICT = 6
    CONFIGURATION = 78


@dataclass(slots=True)
class Context:
    """The options before the command."""

    config_file: str | None
    socket_path: str | None
    as_json: bool
    connected: bool = False
    _tongue: str | None = None

    def file(self) -> Path:
        """The configuration's file. Raises BadSettings if there is none."""
        return self.named().absolute()

    def named(self) -> Path:
        """The same as it was named, for what is told about it. Raises BadSettings."""
        from agent.settings import find

        return of_service(find(Path(self.config_file) if self.config_file else None))

    def file_in_any_case(self) -> Path:
        """The same, also where there is none: then where it would be."""
        from agent.settings import BadSettings

        try:
            return self.file()
        except BadSettings as error:
            return of_service(error.problems[0].file)

    def tongue(self) -> str | None:
        """The language of the configuration, by default too; None without one."""
        if self._tongue is None:
            from agent.settings import BadSettings, Settings

            try:
                file = self.named()
            except BadSettings:
                return None
            if os.path.lexists(file):
                self._tongue = spoken_in(file, str(Settings.model_fields["language"].default))
        return self._tongue

    def settings(self) -> "Settings":
        """The configuration; ends the command with status 78 if it cannot be used."""
        from agent.settings import BadSettings, load

        try:
            return load(self.named(), machine=False)
        except BadSettings as error:
            self.bad_settings(error)

    def bad_settings(self, error: "BadSettings", tongue: str | None = None) -> NoReturn:
        """Say what is wrong with the configuration and end. ``tongue``: of a service, which has no language of its own."""
        from agent.settings import describe
        from agent.settings.problems import told

        if self.as_json:
            problems = [told(one, say) for one in error.problems]
            click.echo(json.dumps({"error": {"code": "CONFIGURATION", "problems": problems}}, ensure_ascii=False))
        else:
            click.echo(describe(error.problems, tongue or language()), err=True)
        sys.exit(Exit.CONFIGURATION)

    def socket(self) -> Path:
        """The daemon's socket: the one named, else the operator's in the configuration, else the first."""
        if self.socket_path:
            return Path(self.socket_path)
        from agent.settings import BadSettings, UnixListener, load, unchecked_sockets

        try:
            file = self.file()
            listeners = [(one.path, str(one.role)) for one in load(file, machine=False).listener if isinstance(one, UnixListener)]
        except BadSettings as error:
            listeners = unchecked_sockets(error.problems[0].file)
            if not listeners:
                self.bad_settings(error)
        if not listeners:
            self.fail(Exit.CONFIGURATION, "CONFIGURATION", say(NO_SOCKET))
        return next((path for path, role in listeners if role == "admin"), listeners[0][0])

    def ask(self, conversation: Callable[[Client], Awaitable[T]], **names: str) -> T:
        """Talk to the daemon; ends the command when it is not there (5) or refuses (6, or 2 for a request it does not understand).
        ``names``: what the conversation is about, if it may have changed something; told with the error, to ask again by."""
        again = " " + say(ASK_AGAIN).format(names=", ".join(names.values())) if names else ""
        try:
            return asyncio.run(self._talk(conversation))
        except Unreachable as error:
            self.fail(Exit.UNREACHABLE, "UNREACHABLE", self.gone(error) + (again if self.connected else ""), **names)
        except KeyboardInterrupt:
            self.fail(Exit.UNRESOLVED, "INTERRUPTED", say(STOPPED) + again, **names)
        except CallFailed as error:
            self.refused(error)

    def gone(self, error: Unreachable) -> str:
        """Nobody answers, or nobody does any more."""
        from agent.ops.unreached import unreached

        why = unreached(error).text(say)
        problem = why if self.connected else say(NO_AGENT).format(socket=self.socket(), why=why)
        return say(NOT_THERE).format(problem=problem)

    async def _talk(self, conversation: Callable[[Client], Awaitable[T]]) -> T:
        async with await Client.connect(self.socket()) as client:
            self.connected = True
            return await conversation(client)

    def refused(self, error: CallFailed) -> NoReturn:
        """End the command with what the daemon refused: for a program in its words, for a person in the person's."""
        details = [f"  {one.get('path')}: {one.get('problem')}" for one in error.data.get("details", []) if isinstance(one, dict)]
        usage = dict.fromkeys(("INVALID", "NOT_FOUND", "UNKNOWN_TERMINAL"), Exit.USAGE)
        status = {**usage, "INTERNAL": Exit.INTERNAL}.get(error.code, Exit.CONFLICT)
        text = error.message
        if not self.as_json:
            from agent.cli.refusals import refusal

            text = refusal(error.code, error.message, error.data, say)
        self.fail(status, error.code, "\n".join([text, *details]), **error.data)

    def fail(self, status: Exit, code: str, text: str, /, **data: object) -> NoReturn:
        """End the command. ``data`` may hold what a refusal of the daemon holds, ``code`` and ``message`` too."""
        if self.as_json:
            click.echo(json.dumps({"error": {**data, "code": code, "message": text}}, ensure_ascii=False))
        else:
            click.echo(f"{code}: {text}", err=True)
        sys.exit(status)

    def show(self, result: Mapping[str, Any], human: Callable[[], None]) -> None:
        """Print a result: JSON for programs, or as ``human`` does."""
        if self.as_json:
            click.echo(json.dumps(result, ensure_ascii=False))
        else:
            human()


COMMON_OPTIONS = (
    click.Option(["--config", "config_file"], type=click.Path(dir_okay=False), help="Configuration file."),
    click.Option(["--socket", "socket_path"], type=click.Path(), help="Socket of the daemon, instead of the one in the configuration."),
    click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for programs."),
)


def with_common_options(command: click.Command) -> click.Command:
    """Let the common options stand behind the command's name as well: people put them where they think of them."""
    if isinstance(command, click.Group):
        for one in command.commands.values():
            with_common_options(one)
        return command
    for option in COMMON_OPTIONS:
        behind = copy.copy(option)
        behind.callback, behind.expose_value = _take, False
        command.params.append(behind)
    return command


def _take(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value:
        setattr(context.find_object(Context), str(parameter.name), value)


def language() -> str:
    """The language of the person at the terminal; that of the configuration where the terminal names none, as root's often does."""
    chosen = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    if re.split(r"[._@]", chosen)[0] in NO_LANGUAGE:
        context = click.get_current_context(silent=True)
        asked = context.find_object(Context) if context is not None else None
        return (asked.tongue() if asked is not None else None) or "en"
    return "ru" if chosen.startswith("ru") else "en"


def table(title: str, columns: list[str], rows: Sequence[Sequence[str | tuple[str, str]]]) -> None:
    """A table for people; heads are said in their language, a cell is a text, or a text and its colour. rich is imported here alone: the
    daemon must not pay for it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=Text(title), title_justify="left")
    for column in columns:
        drawn.add_column(column and say(column), overflow="fold")
    for row in rows:  # as Text, because an order number may look like markup
        drawn.add_row(*(Text(cell) if isinstance(cell, str) else Text(*cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160).print(drawn)


def status_of(answer: Mapping[str, Any]) -> Exit:
    """The exit status that tells a checkout's or refund's outcome."""
    if not answer.get("finished"):
        return Exit.UNRESOLVED
    return Exit.OK if answer.get("success") else Exit.NOT_PAID


def say(text: str) -> str:
    """A text in the person's language."""
    return translator(language())(text)


PICK_ONE = N_("Name the till: --store and --terminal (the configuration has more than one).")


def till(context: Context, store: str | None, terminal: str | None) -> tuple[str, str]:
    """The till meant by the options; with a single one configured nothing need be said."""
    if store and terminal:
        return store, terminal
    tills = [
        (one.store_id, one.terminal_id)
        for one in context.settings().terminal
        if store in (None, one.store_id) and terminal in (None, one.terminal_id)
    ]
    if len(tills) != 1:
        raise click.UsageError(say(PICK_ONE))
    return tills[0]
