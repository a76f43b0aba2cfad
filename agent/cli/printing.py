"""``report`` and ``reprint``: strips of paper once more. Both work with the daemon down."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from agent.cli.common import Context, Exit, say, till
from agent.cli.reading import ask_or_read
from agent.core.fold import replay
from agent.core.model import SaleId
from agent.core.stored import decode
from agent.edges import replies
from agent.edges.journal import Reader
from agent.edges.shift_slip import report_reply
from agent.edges.slips import WIDTHS
from agent.engine.report import Wanted, report
from agent.texts import N_, translator
from drivers.client import Client

NAME_STORE = N_("Name the store with --store: {stores}")
NO_SLIP = N_("there is no slip that was handed out")
_WIDTH = click.option("--width", type=click.Choice([str(width) for width in WIDTHS]), default="42", show_default=True, help="Paper width.")


@click.command("report")
@click.option("--store", help="storeId; needed if the configuration has several stores.")
@click.option("--terminal", help="terminalId; without it the whole store.")
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Business date; default: the day that is.")
@_WIDTH
@click.pass_obj
def report_command(context: Context, store: str | None, terminal: str | None, date: datetime | None, width: str) -> None:
    """The shift report: what a business day came to, and what is not settled."""
    store_id = _store(context, store)

    async def ask(client: Client) -> dict[str, Any]:
        wanted = {"terminalId": terminal, "date": date.date().isoformat() if date else None}
        return await client.call("operation.report", storeId=store_id, **{name: one for name, one in wanted.items() if one is not None})

    async def read(journal: Reader) -> dict[str, Any]:
        settings = context.settings()
        zone = ZoneInfo(settings.timezone)
        now = datetime.now(UTC).astimezone(zone)
        made = await report(journal, Wanted(store_id, terminal, date.date() if date else now.date()), zone)
        return report_reply(made, now, translator(settings.language)) | {"offline": True}

    answer = ask_or_read(context, ask, read)
    context.show(answer, lambda: click.echo(answer["text"][width]))


def _store(context: Context, store: str | None) -> str:
    stores = [one.store_id for one in context.settings().store]
    if store is None and len(stores) != 1:
        raise click.UsageError(say(NAME_STORE).format(stores=", ".join(stores)))
    return store or stores[0]


@click.command("reprint")
@click.argument("key")
@click.option("--store", help="storeId.")
@click.option("--terminal", help="terminalId.")
@click.option("--refund-key", help="The slip of this refund; ~return is the agent's own.")
@_WIDTH
@click.pass_obj
def reprint_command(context: Context, key: str, store: str | None, terminal: str | None, refund_key: str | None, width: str) -> None:
    """The slip of the sale KEY once more, as it was handed out, marked as a copy."""
    store_id, terminal_id = till(context, store, terminal)

    async def ask(client: Client) -> dict[str, Any]:
        named = {"refundKey": refund_key} if refund_key is not None else {}
        return await client.call("operation.slip", storeId=store_id, terminalId=terminal_id, key=key, **named)

    async def read(journal: Reader) -> dict[str, Any]:
        sale_id = SaleId(store_id, terminal_id, key)
        entries = await journal.stream(sale_id)
        sale = replay(sale_id, ((decode(entry.kind, entry.body), entry.stamp) for entry in entries)) if entries else None
        found = replies.copy_reply(sale, refund_key) if sale is not None else None
        if found is None:
            context.fail(Exit.USAGE, "NOT_FOUND", say(NO_SLIP))
        return found | {"offline": True}

    answer = ask_or_read(context, ask, read)
    context.show(answer, lambda: click.echo(answer["text"][width]))
