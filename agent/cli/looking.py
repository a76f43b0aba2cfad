"""``status``, ``list``, ``show``: what is so. Looking never counts as handing an answer to a register."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from agent.cli.common import Context, Exit, table, till
from agent.core.events import decode, plain
from agent.core.fold import replay
from agent.core.model import SaleId
from agent.core.money import roubles
from agent.core.ports import JournalError, Query
from agent.edges import replies
from agent.edges.journal import Reader, open_read_only
from agent.texts import translator
from drivers.client import CallFailed, Client, Unreachable

T = TypeVar("T")

STATE_COLOURS = {
    "paid": "green",
    "declined": "red",
    "canceled": "yellow",
    "expired": "yellow",
    "reversed": "yellow",
    "attention": "bold red",
}


@click.command("status")
@click.pass_obj
def status_command(context: Context) -> None:
    """Is the agent well, what is open, what is owed."""

    async def ask(client: Client) -> dict[str, Any]:
        return await client.call("agent.status")

    answer = context.ask(ask)
    context.show(answer, lambda: _print_status(answer))


def _print_status(answer: dict[str, Any]) -> None:
    details = answer.get("details", {})
    rows = [
        ["ready", "yes" if answer["ready"] else "NO"],
        ["version", answer["version"]],
        ["environment", answer["environment"] + (" (not real money)" if answer["environment"] == "test" else "")],
    ]
    rows += [[f"link to {name}", "up" if one["reachable"] else "DOWN"] for name, one in answer.get("providers", {}).items()]
    rows += [[f"open: {state}", str(count)] for state, count in sorted(details.get("open", {}).items())]
    rows += [
        ["refunds not settled", str(details.get("refundsOpen", 0))],
        ["told, not confirmed", str(details.get("toldUnconfirmed", 0))],
        ["paid, told to nobody", str(details.get("paidUntold", 0))],
    ]
    rows += [["ALARM", f"{one['sale']}: {', '.join(one['codes'])}"] for one in details.get("alarms", [])]
    rows += [["PARKED", f"{one['sale']}: {one['reason']}"] for one in details.get("parked", [])]
    table("koshelek-agent", ["", ""], rows)


@click.command("list")
@click.option("--store", help="storeId.")
@click.option("--terminal", help="terminalId.")
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="Business date.")
@click.option("--state", help="State, for example paid or attention.")
@click.option("--order", help="orderId.")
@click.option("--qrc", help="qrcId of SBP.")
@click.option("--kzo", help="Control value of SBP.")
@click.option("--amount", type=int, help="Amount in kopecks.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@click.pass_obj
def list_command(context: Context, /, store: str | None, terminal: str | None, date: datetime | None, limit: int, **given: Any) -> None:
    """Sales, newest first; every option narrows the list. Works with the daemon down, too."""
    filters = {"state": given["state"], "orderId": given["order"], "qrcId": given["qrc"], "kzo": given["kzo"], "amount": given["amount"]}
    wanted = {name: value for name, value in filters.items() if value is not None}
    if terminal:
        wanted["terminalId"] = terminal
    if date:
        wanted["date"] = date.date().isoformat()

    async def ask(client: Client) -> dict[str, Any]:
        stores = [store] if store else sorted({one.store_id for one in context.settings().store})
        found: list[dict[str, Any]] = []
        more = False
        for name in stores:
            answer = await client.call("operation.list", storeId=name, limit=limit, **wanted)
            found += answer["operations"]
            more = more or answer["more"]
        found.sort(key=lambda one: str(one["acceptedAt"]), reverse=True)
        return {"operations": found[:limit], "more": more or len(found) > limit}

    async def read(journal: Reader) -> dict[str, Any]:
        query = Query(
            store_id=store,
            terminal_id=terminal,
            business_date=date.date() if date else None,
            state=given["state"],
            order_id=given["order"],
            qrc_id=given["qrc"],
            kzo=given["kzo"],
            amount=given["amount"],
            limit=limit + 1,
        )
        rows = await journal.find(query)
        translate = translator(context.settings().language)
        return {"operations": [replies.row_reply(row, translate) for row in rows[:limit]], "more": len(rows) > limit, "offline": True}

    answer = _ask_or_read(context, ask, read)
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
        ]
        for one in answer["operations"]
    ]
    title = "Sales (UTC)" + (", read from the file: the daemon is not running" if answer.get("offline") else "")
    table(title, ["accepted", "till", "key", "order", "amount", "state", "money", "reason", "qrcId"], rows)
    if answer["more"]:
        click.echo("There are more: narrow the list or raise --limit.")


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
            context.fail(Exit.USAGE, "NOT_FOUND", f"there is no sale {key!r} of this till in the journal")
        sale = replay(sale_id, ((decode(entry.kind, entry.body), entry.stamp) for entry in entries))
        story = [{"at": entry.stamp.wall.isoformat(), "event": entry.kind, **plain(entry.body)} for entry in entries]
        return replies.sale_reply(sale, translator(context.settings().language)) | ({"events": story} if events else {}) | {"offline": True}

    answer = _ask_or_read(context, ask, read)
    context.show(answer, lambda: _print_sale(answer))


def _print_sale(answer: dict[str, Any]) -> None:
    hidden = {"events", "slip", "refunds", "message"}
    rows = [[name, str(value)] for name, value in answer.items() if name not in hidden and value is not None]
    rows += [[f"slip.{name}", str(value)] for name, value in answer.get("slip", {}).items() if name != "text"]
    table(answer["message"], ["", ""], rows)
    if answer["refunds"]:
        columns = ["refundKey", "amount", "state", "reason", "refTransactionId"]
        refunds = [
            [one.get("refundKey", one["cause"]), roubles(one["amount"]), one["state"], one["reason"] or "", one.get("refTransactionId", "")]
            for one in answer["refunds"]
        ]
        table("Refunds", columns, refunds)
    if "slip" in answer:
        click.echo(answer["slip"]["text"]["42"] + "\n")
    if "events" in answer:
        told = [[one["at"][11:23], one["event"], _facts(one)] for one in answer["events"]]
        table("Story (UTC)", ["at", "event", ""], told)


def _facts(event: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in event.items() if name not in ("at", "event"))


def _ask_or_read(context: Context, ask: Callable[[Client], Awaitable[T]], read: Callable[[Reader], Awaitable[T]]) -> T:
    """Ask the daemon; if none answers, read its file."""

    async def talk() -> T:
        async with await Client.connect(context.socket()) as client:
            return await ask(client)

    async def look() -> T:
        journal = await open_read_only(context.settings().journal_path())
        try:
            return await read(journal)
        finally:
            await journal.close()

    try:
        return asyncio.run(talk())
    except CallFailed as error:
        context.refused(error)
    except Unreachable as unreachable:
        if context.socket_path:
            context.fail(Exit.UNREACHABLE, "UNREACHABLE", str(unreachable))
    try:
        return asyncio.run(look())
    except (JournalError, OSError) as error:
        context.fail(Exit.UNREACHABLE, "UNREACHABLE", f"no daemon answers, and its journal cannot be read: {error}")
