"""The command line: one group of commands, each in the module of its kind.

Commands talk to the running daemon through its socket. With the daemon down, what can be read is read from the journal's file, and says so.
The exit status tells a script what happened; ``--json`` prints the same objects as the POS protocol.
"""

import importlib
import sys

import click

from agent import __version__
from agent.cli.common import COMMON_OPTIONS, Context, with_common_options

# By name: the module and what it calls the command. A module is imported when its command is wanted: together they take longer than the
# slowest command, and the daemon would keep all of them in memory.
COMMANDS = {
    "run": "serving:run_command",
    "sandbox": "trying:sandbox_command",
    "demo": "trying:demo_command",
    "config": "serving:config_group",
    "setup": "setting_up:setup_command",
    "reload": "caring:reload_command",
    "backup": "caring:backup_command",
    "restore": "caring:restore_command",
    "release": "caring:release_command",
    "status": "status:status_command",
    "bundle": "bundling:bundle_command",
    "doctor": "examining:doctor_command",
    "ports": "lines:ports_command",
    "probe": "lines:probe_command",
    "loopback": "lines:loopback_command",
    "balances": "serving:balances_command",
    "list": "listing:list_command",
    "owed": "owing:owed_command",
    "show": "looking:show_command",
    "report": "printing:report_command",
    "reprint": "printing:reprint_command",
    "resolve": "deciding:resolve_command",
    "retry": "deciding:retry_command",
    "pay": "selling:pay_command",
    "refund": "selling:refund_command",
    "cancel": "selling:cancel_command",
    "payout": "payouts:payout_group",
}


class Commands(click.Group):
    """Imports what it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*COMMANDS, *self.commands])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS and name not in self.commands:
            module, _, attribute = COMMANDS[name].partition(":")
            self.add_command(with_common_options(getattr(importlib.import_module(f"agent.cli.{module}"), attribute)))
        return self.commands.get(name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}, params=list(COMMON_OPTIONS))
@click.version_option(__version__, "--version", "-V", prog_name="koshelek-agent", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, config_file: str | None, socket_path: str | None, as_json: bool) -> None:
    """Payment agent of a till: takes checkouts of the register software and carries them to the payment system.

    \b
    Exit status: 0 paid or done, 1 internal error, 2 wrong usage, 3 not paid, 4 not settled,
    5 agent not reachable, 6 conflict or refused, 78 configuration.
    """
    context.obj = Context(config_file, socket_path, as_json)


@cli.command("version")
@click.pass_obj
def version_command(context: Context) -> None:
    """Print the version."""
    context.show({"version": __version__}, lambda: click.echo(f"koshelek-agent {__version__}"))


with_common_options(version_command)


def main() -> None:
    """Entry point of the installed command."""
    cli(prog_name="koshelek-agent", args=sys.argv[1:])
