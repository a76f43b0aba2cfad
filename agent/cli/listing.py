"""``list``: which sales there are. The filters are those of the POS protocol; with the daemon down the file answers the same request."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from agent.cli import columns
from agent.cli.common import Context, Exit, say, table
from agent.cli.reading import ask_or_read
from agent.core.money import roubles
from agent.edges import replies
from agent.edges.journal import Reader
from agent.edges.pos.listing import cursor, parked_reply, query_of
from agent.engine.errors import Refusal
from agent.texts import N_, translator
from drivers.client import Client
from drivers.messages import OperationList
from drivers.validation import Invalid, parse

F = TypeVar("F", bound=Callable[..., Any])

STATE_COLOURS = {
    "paid": "green",
    "declined": "red",
    "canceled": "yellow",
    "expired": "yellow",
    "reversed": "yellow",
    "attention": "bold red",
    "paid_out": "green",
    "failed": "red",
    "returned": "yellow",
}
METHOD = "operation.list"
HEADS = (columns.ACCEPTED, columns.TILL, columns.KEY, columns.ORDER, columns.AMOUNT, columns.STATE, columns.MONEY)
SALES, SET_ASIDE = N_("Sales (UTC)"), N_("Set aside")
FROM_FILE = N_("Sales (UTC), read from the file: the daemon is not running")
MORE = N_("There are more: narrow the list, raise --limit, or go on with --before {next}")
TEXTS = {  # option -> parameter of the protocol, help
    "--terminal": ("terminalId", "terminalId."),
    "--state": ("state", "State, for example paid or attention."),
    "--order": ("orderId", "orderId."),
    "--qrc": ("qrcId", "qrcId of SBP."),
    "--kzo": ("kzo", "Control value of SBP."),
    "--operation": ("operationId", "operationId of the bank."),
    "--transaction": ("transactionId", "transactionId of the payment system."),
    "--before": ("before", "Go on where an earlier list ended: what it printed as next."),
}
FLAGS = {
    "--open": ("open", "Not finished, or in attention."),
    "--attention": ("attention", "A person must look: in attention, a return stuck, or an alarm."),
    "--unconfirmed": ("unconfirmed", "Handed out as finished, and not confirmed by the register."),
    "--untold": ("untold", "Paid, and handed out to no register."),
    "--owing": ("owing", "The agent still has something to do for it."),
    "--parked": ("parked", "Set aside: its record is not used."),
    "--payouts": ("payouts", "Payouts instead of sales."),
}


def _with_filters(command: F) -> F:
    for option, (name, text) in reversed({**TEXTS, **FLAGS}.items()):
        command = click.option(option, name, is_flag=option in FLAGS, help=text)(command)
    return command


@click.command("list")
@click.option("--store", help="storeId; without it all stores.")
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Business date.")
@click.option("--amount", type=int, help="Amount in kopecks.")
@_with_filters
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@click.pass_obj
def list_command(context: Context, /, store: str | None, date: datetime | None, **given: Any) -> None:
    """Sales, newest first; every option narrows the list. Works with the daemon down, too."""
    wanted = {name: value for name, value in given.items() if value is not None and value is not False}
    wanted |= {"date": date.date().isoformat()} if date else {}

    async def ask(client: Client) -> dict[str, Any]:
        stores = {one.store_id for one in context.settings().store} if store is None else {store}
        whose = {"storeId": stores.pop()} if len(stores) == 1 else {}
        return await client.call(METHOD, **whose, **wanted)

    async def read(journal: Reader) -> dict[str, Any]:
        try:
            request = parse(METHOD, {**wanted, **({"storeId": store} if store else {})})
            assert isinstance(request, OperationList)
            query = query_of(request)
        except (Invalid, Refusal) as error:
            context.fail(Exit.USAGE, "INVALID", str(error))
        rows = await journal.find(query)
        translate, page, more = translator(context.settings().language), rows[: request.limit], len(rows) > request.limit
        found: dict[str, Any] = {"operations": [replies.row_reply(row, translate) for row in page], "more": more, "offline": True}
        found |= {"next": cursor(page[-1].id)} if more else {}
        return found | ({"parked": [parked_reply(one) for one in await journal.parked()]} if request.parked else {})

    answer = ask_or_read(context, ask, read)
    context.show(answer, lambda: _print_list(answer))


def _print_list(answer: dict[str, Any]) -> None:
    rows = [
        [
            one["acceptedAt"][:19].replace("T", " "),
            f"{one['storeId'][-8:]}/{one['terminalId']}",
            one["key"],
            one["orderId"],
            roubles(one["amount"]),
            (one["state"], STATE_COLOURS.get(one["state"], "cyan")),
            one["money"],
            one["reason"] or "",
            one.get("qrcId", ""),
            (" ".join(one.get("alarms", [])), "bold red"),
        ]
        for one in answer["operations"]
    ]
    table(
        say(FROM_FILE if answer.get("offline") else SALES),
        [*HEADS, columns.REASON, "qrcId", columns.ALARMS],
        rows,
    )
    if "parked" in answer:
        parked = [
            [f"{one['storeId']}/{one['terminalId']}/{one['key']}", one["reason"], one.get("released", "")] for one in answer["parked"]
        ]
        table(say(SET_ASIDE), [columns.SALE, columns.REASON, columns.RELEASED], parked)
    if answer["more"]:
        click.echo(say(MORE).format(next=answer["next"]))
