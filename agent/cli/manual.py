"""The manual page, written from the commands themselves: ``python -m agent.cli.manual`` prints it for man(1).

A page that is written by hand is wrong after the next option. This one is made when the package is built, from the same objects that read
the command line.
"""

import inspect
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from agent import __version__
from agent.cli import cli
from agent.cli.common import COMMON_OPTIONS, Exit
from agent.settings.load import SYSTEM_FILE
from agent.settings.model import JOURNAL_NAME, SERVICE_STATE

EXITS = {
    Exit.OK: "Paid, or done.",
    Exit.INTERNAL: "An error inside the agent.",
    Exit.USAGE: "Wrong usage.",
    Exit.NOT_PAID: "Not paid.",
    Exit.UNRESOLVED: "Not settled yet; of owed: money is owed or possible.",
    Exit.UNREACHABLE: "The agent cannot be reached.",
    Exit.CONFLICT: "A conflict, or refused.",
    Exit.CONFIGURATION: "The configuration or the version is wrong: a technician is needed, a restart does not help.",
}
FILES = {
    str(SYSTEM_FILE): "The configuration. An annotated one: /usr/share/doc/koshelek-agent/examples.",
    str(SERVICE_STATE / JOURNAL_NAME): "The journal: every payment of this till.",
    "/etc/udev/rules.d/61-koshelek-agent.rules": "Names of serial lines that stay.",
    "/usr/share/doc/koshelek-agent/ru/": "Installation, configuration, diagnosis and update, in Russian.",
}


def manual() -> str:
    """The whole page. The date is that of the build: SOURCE_DATE_EPOCH if it is set, so that two builds are the same."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    day = datetime.fromtimestamp(int(seconds), UTC) if seconds else datetime.now(UTC)
    return "\n".join(_lines(day)) + "\n"


def _lines(day: datetime) -> Iterator[str]:
    yield f'.TH KOSHELEK\\-AGENT 1 "{day:%Y-%m-%d}" "koshelek-agent {__version__}"'
    yield from (".SH NAME", "koshelek-agent \\- payment agent of a till")
    yield from (".SH SYNOPSIS", ".B koshelek-agent", "[options] command [options] [arguments]")
    yield from (".SH DESCRIPTION", *_paragraphs(cli))
    yield ".SH OPTIONS"
    yield "These may stand before a command or behind it."
    for option in COMMON_OPTIONS:
        yield from _option(option, click.Context(cli))
    yield ".SH COMMANDS"
    for name, command in commands(cli):
        yield from _command(name, command)
    yield ".SH EXIT STATUS"
    for status in Exit:
        yield from _item(str(int(status)), EXITS[status])
    yield ".SH FILES"
    for name, meaning in FILES.items():
        yield from _item(name, meaning)
    yield from (".SH SEE ALSO", "systemctl(1), journalctl(1)")


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name, in the order of the alphabet."""
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        assert command is not None, name
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def _command(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"koshelek-agent {name}")
    common = {word for option in COMMON_OPTIONS for word in option.opts}
    yield f".SS {_escaped(name)}"
    yield f".B koshelek-agent {_escaped(name)}"
    yield _escaped(" ".join(command.collect_usage_pieces(context)))
    yield ".PP"
    yield from _paragraphs(command)
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.opts[0] not in common:
            yield from _option(parameter, context)


def _option(option: click.Option, context: click.Context) -> Iterator[str]:
    record = option.get_help_record(context)
    if record is not None:  # a hidden one has none
        yield from _item(*record)


def _item(term: str, meaning: str) -> Iterator[str]:
    yield from (".TP", f".B {_escaped(term)}", _escaped(meaning) or "\\&")


def _paragraphs(command: click.Command) -> Iterator[str]:
    """The help text: paragraphs flow, those marked with ``\\b`` keep their lines."""
    for place, paragraph in enumerate(inspect.cleandoc(command.help or "").split("\n\n")):
        if place:
            yield ".PP"
        kept = paragraph.startswith("\b")
        lines = [_escaped(line.strip()) for line in paragraph.lstrip("\b\n").splitlines()]
        yield from "\n.br\n".join(lines).splitlines() if kept else lines


def _escaped(text: str) -> str:
    """For roff: a backslash, a hyphen that is to be copied, and a line that would begin with a request."""
    flat = re.sub(r"\s+", " ", text).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{flat}" if flat.startswith((".", "'")) else flat


if __name__ == "__main__":
    click.echo(manual(), nl=False)
