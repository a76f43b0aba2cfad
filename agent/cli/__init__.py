"""The command line: one group of commands, each in the module of its kind.

Commands talk to the running daemon through its socket. With the daemon down, what can be read is read from the journal's file, and says so.
The exit status tells a script what happened; ``--json`` prints the same objects as the POS protocol.
"""

import sys

import click

from agent import __version__
from agent.cli.caring import backup_command, release_command, reload_command, restore_command
from agent.cli.common import COMMON_OPTIONS, Context, with_common_options
from agent.cli.deciding import resolve_command, retry_command
from agent.cli.listing import list_command
from agent.cli.looking import show_command, status_command
from agent.cli.printing import report_command, reprint_command
from agent.cli.selling import cancel_command, pay_command, refund_command
from agent.cli.serving import config_group, demo_command, run_command, sandbox_command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, params=list(COMMON_OPTIONS))
@click.pass_context
def cli(context: click.Context, config_file: str | None, socket_path: str | None, as_json: bool) -> None:
    """Payment agent of a till: takes checkouts of the register software and carries them to the payment system.

    \b
    Exit status: 0 paid or done, 1 internal error, 2 wrong usage, 3 not paid, 4 not settled,
    5 agent not reachable, 6 conflict or refused, 78 configuration.
    """
    context.obj = Context(config_file, socket_path, as_json)


@click.command("version")
@click.pass_obj
def version_command(context: Context) -> None:
    """Print the version."""
    context.show({"version": __version__}, lambda: click.echo(f"koshelek-agent {__version__}"))


for command in (
    run_command,
    sandbox_command,
    demo_command,
    config_group,
    reload_command,
    backup_command,
    restore_command,
    release_command,
    status_command,
    list_command,
    show_command,
    report_command,
    reprint_command,
    resolve_command,
    retry_command,
    pay_command,
    refund_command,
    cancel_command,
    version_command,
):
    cli.add_command(with_common_options(command))


def main() -> None:
    """Entry point of the installed command."""
    cli(prog_name="koshelek-agent", args=sys.argv[1:])
