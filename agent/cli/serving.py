"""``run``, ``config ...``, ``balances``: the daemon, and what is asked before it is started."""

import asyncio
import faulthandler
import sys
from pathlib import Path

import click

from agent.cli.common import Context, Exit, language, say
from agent.settings import BadSettings, find, load
from agent.texts import LANGUAGES, N_, translator

OK = N_("ok")


@click.command("run")
@click.pass_obj
def run_command(context: Context) -> None:
    """Run the daemon in the foreground (systemd does this)."""
    from agent.lean import without_unused

    without_unused()
    from agent import log
    from agent.core.ports import JournalError
    from agent.edges.journal import JournalFromFuture, said
    from agent.runtime import CannotStart, run

    faulthandler.enable()  # systemd's watchdog ends a process that hangs with SIGABRT: where it hung is worth a traceback in the log
    settings = context.settings(machine=True)
    tell = translator(settings.language)  # a service has no language of its own
    log.configure(level=settings.log.level, language=settings.language)
    try:
        status = asyncio.run(run(settings, context.file()))
    except CannotStart as error:
        click.echo(error.text.text(tell), err=True)
        status = Exit.CONFIGURATION
    except JournalFromFuture as error:  # an older package than the one before: another start would not help, a technician must
        click.echo(said(error).text(tell), err=True)
        status = Exit.CONFIGURATION
    except JournalError as error:
        click.echo(said(error).text(tell), err=True)
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


@config_group.command("explain")
@click.argument("key")
@click.option("--language", "chosen", type=click.Choice(LANGUAGES), help="Language of the texts, instead of the terminal's.")
@click.pass_obj
def explain_command(context: Context, key: str, chosen: str | None) -> None:
    """Say what a setting is, what may stand there, and what it is set to."""
    from agent.cli.explaining import explain

    explain(context, key, translator(chosen or language()))


@config_group.command("schema")
@click.option("--language", "chosen", type=click.Choice(LANGUAGES), help="Language of the texts, instead of the terminal's.")
@click.pass_obj
def schema_command(context: Context, chosen: str | None) -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from agent.cli.explaining import schema

    schema(context, translator(chosen or language()))


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
