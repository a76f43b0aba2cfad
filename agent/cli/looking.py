"""``show``: everything about one sale. Looking never counts as handing an answer to a register."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from agent.cli.common import Context, Exit, say, table, till
from agent.cli.reading import ask_or_read
from agent.core.fold import replay
from agent.core.model import SaleId
from agent.core.money import roubles
from agent.core.stored import decode
from agent.edges import replies
from agent.edges.journal import Reader
from agent.texts import N_, translator
from drivers.client import Client

REFUNDS, STORY = N_("Refunds"), N_("Story (UTC)")
NO_SALE = N_("there is no sale {key} of this till in the journal")
AMOUNTS = frozenset({"amount", "totalAmount", "total_amount", "refundedAmount", "refunded", "surplus"})
"""Members of a sale and of its story that are kopecks: people read roubles."""


@click.command("show")
@click.argument("key")
@click.option("--store", help="storeId.")
@click.option("--terminal", help="terminalId.")
@click.option("--events/--no-events", default=True, show_default=True, help="The whole story of the sale.")
@click.pass_obj
def show_command(context: Context, key: str, store: str | None, terminal: str | None, events: bool) -> None:
    """Everything about one sale. Works with the daemon down, too."""
    store_id, terminal_id = till(context, store, terminal)

    async def ask(client: Client) -> dict[str, Any]:
        return await client.call("operation.show", storeId=store_id, terminalId=terminal_id, key=key, events=events)

    async def read(journal: Reader) -> dict[str, Any]:
        sale_id = SaleId(store_id, terminal_id, key)
        entries = await journal.stream(sale_id)
        if entries is None:
            context.fail(Exit.USAGE, "NOT_FOUND", say(NO_SALE).format(key=key))
        sale = replay(sale_id, ((decode(entry.kind, entry.body), entry.stamp) for entry in entries))
        story = {"events": replies.story(entries)} if events else {}
        return replies.record_reply(sale, translator(context.settings().language)) | story | {"offline": True}

    answer = ask_or_read(context, ask, read)
    context.show(answer, lambda: _print_sale(answer))


def _print_sale(answer: dict[str, Any]) -> None:
    print_sale(answer)
    if "slip" in answer:
        click.echo(answer["slip"]["text"]["42"] + "\n")
    print_story(answer.get("events", []))


def print_sale(answer: Mapping[str, Any]) -> None:
    """A sale and its refunds, for people."""
    hidden = {"events", "slip", "refunds", "message"}
    rows = [[name, _text(name, value)] for name, value in answer.items() if name not in hidden and value is not None]
    rows += [[f"slip.{name}", _text(name, value)] for name, value in answer.get("slip", {}).items() if name != "text"]
    table(answer["message"], ["", ""], rows)
    if answer["refunds"]:
        columns = ["refundKey", "amount", "state", "reason", "refTransactionId"]
        refunds = [
            [one.get("refundKey", one["cause"]), roubles(one["amount"]), one["state"], one["reason"] or "", one.get("refTransactionId", "")]
            for one in answer["refunds"]
        ]
        table(say(REFUNDS), columns, refunds)


def print_story(events: Sequence[Mapping[str, Any]]) -> None:
    """What happened to a sale, for people."""
    if events:
        table(say(STORY), ["at", "event", ""], [[one["at"][11:23], one["event"], _facts(one)] for one in events])


def _facts(event: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_text(name, value)}" for name, value in event.items() if name not in ("at", "event"))


def _text(name: str, value: object) -> str:
    """A value for people, with amounts in roubles wherever they stand in it."""
    match value:
        case bool() | None:
            return str(value)
        case int() if name in AMOUNTS:
            return roubles(value)
        case Mapping():
            return "{" + ", ".join(f"{key}: {_text(str(key), one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(_text(name, one) for one in value) + "]"
        case _:
            return str(value)
