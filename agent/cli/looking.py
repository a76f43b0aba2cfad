"""``status``, ``show``: what is so. Looking never counts as handing an answer to a register."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from agent.cli.common import Context, Exit, ask_or_read, table, till
from agent.core.fold import replay
from agent.core.model import SaleId
from agent.core.money import roubles
from agent.core.stored import decode
from agent.edges import replies
from agent.edges.journal import Reader
from agent.texts import translator
from drivers.client import Client


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
    if backup := answer.get("backup"):
        rows += [["last backup", backup["last"] or "none"], *([["BACKUP", backup["problem"]]] if backup["problem"] else [])]
    if restore := details.get("restore"):
        rows += [["RESTORED", f"waits for koshelek-agent release; {restore['lookingAt']} sales are still looked up"]]
        rows += [["DIFFERENT", name] for name in restore["differences"]]
    rows += [["DISK", "full: new sales are refused until there is room"]] if answer.get("disk", {}).get("full") else []
    rows += [["CONFIGURATION", answer["configuration"]["problem"]]] if answer.get("configuration", {}).get("problem") else []
    rows += [[one["name"], _line(one)] for one in details.get("lines", [])]
    rows += [[f"open: {state}", str(count)] for state, count in sorted(details.get("open", {}).items())]
    rows += [
        ["refunds not settled", str(details.get("refundsOpen", 0))],
        ["receipts not delivered", str(details.get("receiptsOpen", 0))],
        ["told, not confirmed", str(details.get("toldUnconfirmed", 0))],
        ["paid, told to nobody", str(details.get("paidUntold", 0))],
    ]
    rows += [["ALARM", f"{one['sale']}: {', '.join(one['codes'])}"] for one in details.get("alarms", [])]
    rows += [["PARKED", f"{one['sale']}: {one['reason']}"] for one in details.get("parked", [])]
    table("koshelek-agent", ["", ""], rows)


def _line(line: dict[str, Any]) -> str:
    """A serial line: what is known of its other end, and how much came damaged."""
    state = f"heard {line['heardSecondsAgo']} s ago" if "heardSecondsAgo" in line else str(line["state"])
    damaged = f", {line['damagedFrames']} frames damaged" if line["damagedFrames"] else ""
    return f"{state}{damaged}" + (f" ({line['problem']})" if "problem" in line else "")


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


def print_story(events: Sequence[Mapping[str, Any]]) -> None:
    """What happened to a sale, for people."""
    if events:
        table("Story (UTC)", ["at", "event", ""], [[one["at"][11:23], one["event"], _facts(one)] for one in events])


def _facts(event: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in event.items() if name not in ("at", "event"))
