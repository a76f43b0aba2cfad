"""``run``, ``config ...``, ``balances``: the daemon, and what is asked before it is started."""

import asyncio
import faulthandler
import os
import pwd
import sys
from pathlib import Path
from typing import NoReturn

import click

from agent.cli.common import Context, Exit, language, say
from agent.cli.configured import spoken_in
from agent.journald import is_journal
from agent.secrets import SERVICE_USER
from agent.settings import BadSettings, Settings, describe, load
from agent.settings.load import SYSTEM_FILE
from agent.texts import LANGUAGES, N_, translator

OK = N_("ok")
BY_SERVICE = N_("Users and the files of passwords were not looked at: sudo -u {user} koshelek-agent config check")
ERROR_MARK = "<3>"  # by it systemd's journal knows a line for an error, and "journalctl -p warning" shows it


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
    settings = _settings(context)
    tell = translator(settings.language)  # a service has no language of its own
    log.configure(level=settings.log.level, language=settings.language)
    try:
        status = asyncio.run(run(settings, context.file()))
    except CannotStart as error:
        _complain(error.text.text(tell))
        status = Exit.INTERNAL if error.passing else Exit.CONFIGURATION
    except JournalFromFuture as error:  # an older package than the one before: another start would not help, a technician must
        _complain(said(error).text(tell))
        status = Exit.CONFIGURATION
    except JournalError as error:
        _complain(said(error).text(tell))
        status = Exit.INTERNAL
    sys.exit(status)


def _settings(context: Context) -> Settings:
    """The configuration for the daemon; ends the command with status 78 if it cannot be used."""
    try:
        return load(context.named(), machine=True)
    except BadSettings as error:
        _refuse(context, error, spoken_in(error.problems[0].file))


def _refuse(context: Context, error: BadSettings, tongue: str | None) -> NoReturn:
    """Say what is wrong with the configuration and end. ``tongue`` None: it does not say in what language; a service then speaks
    as it does by default."""
    if context.as_json or not _is_service():
        context.bad_settings(error, tongue)
    _complain(describe(error.problems, tongue or Settings.model_fields["language"].default))
    sys.exit(Exit.CONFIGURATION)


def _complain(text: str) -> None:
    """Say why it does not start, so that whoever looks for errors in systemd's journal finds it."""
    mark = ERROR_MARK if _is_service() else ""
    click.echo("\n".join(f"{mark}{line}" for line in text.splitlines() if line), err=True)


def _is_service() -> bool:
    """Whether what we say goes to systemd's journal, and nobody is at a terminal."""
    return is_journal(sys.stderr, os.environ)


@click.group("config")
def config_group() -> None:
    """About the configuration."""


@config_group.command("check")
@click.pass_obj
def check_command(context: Context) -> None:
    """Check the configuration: everything that is wrong, at once, with what would be right."""
    try:
        path = context.named()
        whole = _may_judge(path)
        load(path, machine=whole)
    except BadSettings as error:
        _refuse(context, error, spoken_in(error.problems[0].file) if _is_service() else None)
    told = f"{path}: {say(OK)}" if whole else f"{path}: {say(OK)}. {say(BY_SERVICE).format(user=SERVICE_USER)}"
    answer = {"ok": True, "file": str(path)} | ({} if whole else {"machine": False})
    context.show(answer, lambda: click.echo(told))


def _may_judge(file: Path) -> bool:
    """Whether what this machine has to do with a file (users, files of passwords) can be judged by us: of the service's only by root and by
    its own user, whom everybody else's rights say nothing about."""
    if file.absolute() != SYSTEM_FILE or os.geteuid() == 0:
        return True
    try:
        return os.geteuid() == pwd.getpwnam(SERVICE_USER).pw_uid
    except KeyError:  # no service here
        return True


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
