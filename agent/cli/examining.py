"""``doctor``: what is wrong with this till, what it means, what to do."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.common import Context, say
from agent.secrets import CREDENTIALS_VARIABLE
from agent.texts import N_

if TYPE_CHECKING:
    from agent.ops.doctor import Finding

CREDENTIALS = Path("/run/credentials/koshelek-agent.service")  # where systemd keeps what it hands to the service, for root's eyes

GRADES = {"ok": (N_("ok"), "green"), "warning": (N_("WARNING"), "yellow"), "fault": (N_("FAULT"), "red")}
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"
DO = N_("What to do: {remedy}")
WELL = N_("The till is well: {count} checks in order.")
NOT_WELL = N_("Faults: {faults}. Warnings: {warnings}. In order: {well}.")


@click.command("doctor")
@click.pass_obj
def doctor_command(context: Context) -> None:
    """Say what is wrong with this till, what it means and what to do. Moves no money, changes nothing.

    The exit status is 0 if all is in order, 10 with a warning, 11 with a fault.
    """
    from agent.ops.doctor import EXIT_STATUS, examine, worst

    if CREDENTIALS_VARIABLE not in os.environ and os.access(CREDENTIALS, os.X_OK):
        os.environ[CREDENTIALS_VARIABLE] = str(CREDENTIALS)  # the passwords that the service has: so they can be tried
    found = asyncio.run(examine(context.file_in_any_case()))  # that it is not there is the first finding
    told = [_told(one) for one in found]
    context.show({"grade": worst(found).value, "findings": told}, lambda: _print(found))
    raise SystemExit(EXIT_STATUS[worst(found)])


def _told(one: "Finding") -> Mapping[str, str]:
    """Names of other programs and their files are in it, and those are chosen by whoever runs them: nothing of it may reach a terminal as a
    command, or make a line that is not ours."""
    return {name: "".join(map(_plain, text)) for name, text in one.told(say).items()}


def _plain(letter: str) -> str:
    return letter if letter.isprintable() else " " if letter.isspace() else UNPRINTABLE


def _print(found: Sequence["Finding"]) -> None:
    counts = {grade: sum(1 for one in found if one.grade == grade) for grade in GRADES}
    for one in found:
        told, (grade, colour) = _told(one), GRADES[one.grade.value]
        click.echo(f"{click.style(say(grade), fg=colour, bold=True)}  {told['check']}: {told['what']}")
        if told["means"]:
            click.echo(f"    {told['means']}")
            click.echo(f"    {say(DO).format(remedy=told['remedy'])}")
    if counts["ok"] == len(found):
        click.echo(say(WELL).format(count=len(found)))
    else:
        click.echo(say(NOT_WELL).format(faults=counts["fault"], warnings=counts["warning"], well=counts["ok"]))
