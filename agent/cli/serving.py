"""``run``, ``config check``, ``config services``, ``balances``: the daemon, and what is asked before it is started."""

import asyncio
import sys
from pathlib import Path

import click

from agent.cli.common import Context, Exit, say
from agent.settings import BadSettings, find, load
from agent.texts import N_

OK = N_("ok")


@click.command("run")
@click.pass_obj
def run_command(context: Context) -> None:
    """Run the daemon in the foreground (systemd does this)."""
    from agent.lean import without_unused

    without_unused()
    from agent import log
    from agent.core.ports import JournalError
    from agent.runtime import CannotStart, run

    settings = context.settings(machine=True)
    log.configure(level=settings.log.level)
    try:
        status = asyncio.run(run(settings, context.file()))
    except CannotStart as error:
        click.echo(error.text.text(say), err=True)
        status = Exit.CONFIGURATION
    except JournalError as error:
        click.echo(str(error), err=True)
        status = Exit.INTERNAL
    sys.exit(status)


@click.group("config")
def config_group() -> None:
    """About the configuration."""


@config_group.command("check")
@click.pass_obj
def check_command(context: Context) -> None:
    """Check the configuration: everything that is wrong, at once, with what would be right."""
    try:
        path = find(Path(context.config_file) if context.config_file else None)
        load(path)
    except BadSettings as error:
        context.bad_settings(error)
    context.show({"ok": True, "file": str(path)}, lambda: click.echo(f"{path}: {say(OK)}"))


@config_group.command("services")
@click.pass_obj
def services_command(context: Context) -> None:
    """Show which means of payment the PayCore account offers, and whether the configuration fits."""
    from agent.cli.services import services  # with an HTTP client, which no other command of this module needs

    services(context)


@click.command("balances")
@click.pass_obj
def balances_command(context: Context) -> None:
    """Show what stands on the accounts at PayCore. Reads; moves nothing."""
    from agent.cli.balances import balances  # with an HTTP client, as above

    balances(context)
