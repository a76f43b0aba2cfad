"""``show``: everything about one sale or payout. Looking never counts as handing an answer to a register."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from agent.cli import columns
from agent.cli.common import Context, Exit, say, table, till
from agent.cli.reading import ask_or_read
from agent.core.fold import replay
from agent.core.model import SaleId
from agent.core.money import roubles
from agent.core.payout.fold import replay as replay_payout
from agent.core.payout.name import is_payout, key_of
from agent.core.payout.stored import decode as decode_payout
from agent.core.ports import Entry
from agent.core.stored import decode
from agent.edges import replies
from agent.edges.journal import Reader
from agent.edges.payout_replies import payout_record_reply
from agent.edges.telling import facts_of, value_text
from agent.texts import N_, Translate, translator
from drivers.client import Client

REFUNDS, STORY = N_("Refunds"), N_("Story (UTC)")
NO_SALE = N_("there is no sale {key} of this till in the journal")


@click.command("show")
@click.argument("key")
@click.option("--store", help="storeId.")
@click.option("--terminal", help="terminalId.")
@click.option("--events/--no-events", default=True, show_default=True, help="The whole story of the sale.")
@click.pass_obj
def show_command(context: Context, key: str, store: str | None, terminal: str | None, events: bool) -> None:
    """Everything about one sale, or about the payout KEY as payout:KEY. Works with the daemon down, too."""
    store_id, terminal_id = till(context, store, terminal)
    named = SaleId(store_id, terminal_id, key)

    async def ask(client: Client) -> dict[str, Any]:
        method, own = ("payout.show", key_of(named)) if is_payout(named) else ("operation.show", key)
        return await client.call(method, storeId=store_id, terminalId=terminal_id, key=own, events=events)

    async def read(journal: Reader) -> dict[str, Any]:
        entries = await journal.stream(named)
        if entries is None:
            context.fail(Exit.USAGE, "NOT_FOUND", say(NO_SALE).format(key=key))
        story = {"events": replies.story(entries)} if events else {}
        return _recorded(named, entries, translator(context.settings().language)) | story | {"offline": True}

    answer = ask_or_read(context, ask, read)
    context.show(answer, lambda: _print_sale(answer))


def _recorded(named: SaleId, entries: Sequence[Entry], translate: Translate) -> dict[str, Any]:
    """What the file says of a sale or a payout."""
    if is_payout(named):
        payout = replay_payout(named, ((decode_payout(entry.kind, entry.body), entry.stamp) for entry in entries))
        return payout_record_reply(payout, translate)
    return replies.record_reply(replay(named, ((decode(entry.kind, entry.body), entry.stamp) for entry in entries)), translate)


def _print_sale(answer: dict[str, Any]) -> None:
    print_sale(answer)
    if "slip" in answer:
        click.echo(answer["slip"]["text"]["42"] + "\n")
    print_story(answer.get("events", []))


def print_sale(answer: Mapping[str, Any]) -> None:
    """A sale and its refunds, or a payout, for people."""
    hidden = {"events", "slip", "refunds", "message"}
    rows = [[name, value_text(name, value)] for name, value in answer.items() if name not in hidden and value is not None]
    rows += [[f"slip.{name}", value_text(name, value)] for name, value in answer.get("slip", {}).items() if name != "text"]
    table(answer["message"], ["", ""], rows)
    if answer.get("refunds"):
        heads = [columns.REFUND, columns.AMOUNT, columns.STATE, columns.REASON, "refTransactionId"]
        refunds = [
            [one.get("refundKey", one["cause"]), roubles(one["amount"]), one["state"], one["reason"] or "", one.get("refTransactionId", "")]
            for one in answer["refunds"]
        ]
        table(say(REFUNDS), heads, refunds)


def print_story(events: Sequence[Mapping[str, Any]]) -> None:
    """What happened to a sale, for people."""
    if events:
        table(say(STORY), [columns.AT, columns.EVENT, ""], [[one["at"][11:23], one["event"], facts_of(one)] for one in events])
