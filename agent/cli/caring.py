"""``reload``, ``backup``, ``restore``, ``release``: an operator looks after the daemon itself."""

import asyncio
import os
import pwd
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agent.cli import columns
from agent.cli.common import Context, Exit, say, table
from agent.cli.confirming import confirmed
from agent.cli.mistakes import mistake
from agent.core.money import roubles
from agent.core.ports import JournalError
from agent.edges.journal import CannotCopy, NoJournal, SqliteJournal, restore, said
from agent.running.backups import NO_DIRECTORY, back_up
from agent.running.beginning import LOST, is_lost, is_unreleased
from agent.running.projecting import PLAN
from agent.settings import Settings
from agent.texts import N_, message
from drivers.client import CallFailed, Client, Unreachable

TAKEN = N_("The configuration is in force: {file}")
RESTART = N_("Waits for a restart of the service: {tables}")
BACKED_UP = N_("The backup is made and verified: {file} ({sales} sales)")
LOST_NOW = N_("{lost} There is nothing to back up, and the backups stay as they are. What to do: sudo koshelek-agent doctor")
SURE = N_("Put {file} in the place of the journal? What came after this backup will be missing there.")
NOTHING_DONE = N_("Nothing was done.")
RESTORED = N_(
    "The backup is in place ({sales} sales). The journal from before is kept: {aside}. Start the service; new payments wait until "
    "koshelek-agent status shows nothing more to look at and koshelek-agent release lets them in."
)
UNREADABLE = N_("The journal from before cannot be read, so it is not known what is missing: compare with the payment system's registry.")
DIFFERENCES = N_("In the journal from before, and not so in the backup")
EARLIER = N_("as it was earlier")
MISSING = N_("missing")
BY_HAND = N_(
    "Before koshelek-agent release: settle each sale that is missing in the backup as the payment system's registry says, and clear it at "
    "its register, which may still hold it open."
)
RELEASED = N_("New payments are taken again.")
WRONG_USER = N_("Run this as the user {user}, to whom the journal belongs: sudo -u {user} koshelek-agent ...")
EXCHANGE_S = 1.0  # closing a door and opening another takes less, unless a register is being answered just then


@click.command("reload")
@click.pass_obj
def reload_command(context: Context) -> None:
    """Let the daemon take over the changed configuration, without a restart; or say what is wrong with it."""

    async def ask(client: Client) -> dict[str, Any]:
        """The door we came through may be exchanged under us: asking again through the new one is harmless, and tells the end of it."""
        try:
            return await client.call("agent.reload")
        except (CallFailed, Unreachable) as error:
            if isinstance(error, CallFailed) and error.code != "BUSY":
                raise
        await asyncio.sleep(EXCHANGE_S)
        async with await Client.connect(context.socket()) as again:
            return await again.call("agent.reload")

    answer = context.ask(ask)
    context.show(answer, lambda: _print_configuration(answer))
    if answer["problems"]:
        raise SystemExit(Exit.CONFIGURATION)


def _print_configuration(answer: dict[str, Any]) -> None:
    for one in answer["problems"]:
        click.echo(mistake(one, say), err=True)
    if answer["problem"]:
        click.echo(answer["problem"], err=True)
        return
    click.echo(say(TAKEN).format(file=answer["file"]))
    if answer["needsRestart"]:
        click.echo(say(RESTART).format(tables=", ".join(answer["needsRestart"])))


@click.command("backup")
@click.pass_obj
def backup_command(context: Context) -> None:
    """Write a backup of the journal into the directory of [backup]. Works with the daemon down, too."""

    async def ask() -> dict[str, Any]:
        async with await Client.connect(context.socket()) as client:
            return await client.call("agent.backup")

    try:
        answer = asyncio.run(ask())
    except CallFailed as error:
        context.refused(error)
    except Unreachable as unreachable:
        if context.socket_path:
            context.fail(Exit.UNREACHABLE, "UNREACHABLE", context.gone(unreachable))
        answer = _journal_work(context, _back_up_offline(context.settings()))
    context.show(answer, lambda: click.echo(say(BACKED_UP).format(**answer)))


async def _back_up_offline(settings: Settings) -> dict[str, Any]:
    if settings.backup is None:
        raise CannotCopy(message(NO_DIRECTORY))
    path, folder = settings.journal_path(), settings.backup.directory
    _must_own(path)
    try:
        journal = await SqliteJournal.open(path, allow_volatile=settings.journal.allow_volatile, plan=PLAN, create=False)
    except NoJournal as none:
        if not is_lost(path, folder):
            raise
        raise CannotCopy(message(LOST_NOW, lost=message(LOST, path=path))) from none
    async with journal:
        foreign = journal.continues is False or is_unreleased(path)  # which the next start notes in it; until then it does not say so
        copied = await back_up(journal, folder, None if foreign else settings.backup.keep, datetime.now(UTC))
    return {"file": str(copied.path), "bytes": copied.bytes, "sales": copied.sales, "events": copied.events, "offline": True}


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def restore_command(context: Context, file: str, yes: bool) -> None:
    """Put a backup in the place of the journal. The service must be stopped; the present journal is kept aside.

    What came after the backup is lost to this till: new payments wait until the unsettled ones have been looked up and an operator has let
    them in again (koshelek-agent release).
    """
    if not yes and not confirmed(say(SURE).format(file=file)):
        context.fail(Exit.USAGE, "INTERRUPTED", say(NOTHING_DONE))
    journal = context.settings().journal_path()
    answer = _journal_work(context, _restore(Path(file).absolute(), journal))
    context.show(answer, lambda: _print_restored(answer))


async def _restore(file: Path, journal: Path) -> dict[str, Any]:
    _must_own(journal)
    done = await restore(file, journal, datetime.now(UTC))
    differences = None
    if done.differences is not None:
        differences = [
            {"sale": str(one.row.id), "known": one.known, "orderId": one.row.order_id, "state": one.row.state, "money": one.row.money}
            | {"amount": one.row.amount, "refundedAmount": one.row.refunded_amount}
            for one in done.differences
        ]
    return {"journal": str(journal), "aside": str(done.aside) if done.aside else None, "sales": done.sales, "differences": differences}


def _print_restored(answer: dict[str, Any]) -> None:
    click.echo(say(RESTORED).format(**answer))
    if answer["differences"] is None:
        click.echo(say(UNREADABLE))
        return
    heads = [columns.SALE, columns.ORDER, columns.AMOUNT, columns.REFUNDED, columns.STATE, columns.MONEY, columns.IN_THE_BACKUP]
    rows = []
    for one in answer["differences"]:
        amounts = (roubles(one["amount"]), roubles(one["refundedAmount"]))
        rows.append([one["sale"], one["orderId"], *amounts, one["state"], one["money"], say(EARLIER) if one["known"] else say(MISSING)])
    table(say(DIFFERENCES), heads, rows)
    if not all(one["known"] for one in answer["differences"]):
        click.echo(say(BY_HAND))


@click.command("release")
@click.option("--reason", required=True, help="Why new payments may be taken again; it stays in the journal.")
@click.pass_obj
def release_command(context: Context, reason: str) -> None:
    """After a restore: let new payments in again."""

    async def ask(client: Client) -> dict[str, Any]:
        return await client.call("agent.release", reason=reason)

    answer = context.ask(ask)
    context.show(answer, lambda: click.echo(say(RELEASED)))


def _must_own(journal: Path) -> None:
    """Files made by another user could not be used by the agent afterwards."""
    try:
        owner = journal.parent.stat().st_uid
    except OSError:
        return  # what is wrong with it is told when it is opened
    if owner != os.geteuid():
        raise CannotCopy(message(WRONG_USER, user=pwd.getpwuid(owner).pw_name))


def _journal_work(context: Context, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    try:
        return asyncio.run(work)
    except JournalError as error:
        context.fail(Exit.INTERNAL, "JOURNAL", said(error).text(say))
