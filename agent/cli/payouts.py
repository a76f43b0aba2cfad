"""``payout``: money paid out by hand. Whoever uses it *is* the register: what it shows is handed out.

Who gets the money never comes as an argument: the arguments of a process can be read by everybody on the machine.
"""

import json
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agent.cli import columns
from agent.cli.common import Context, Exit, say, table, till
from agent.cli.deciding import CONFIRM, DECIDED, RELEASED, WOULD_BE, print_state, who
from agent.cli.selling import POLL_S, Roubles
from agent.core.money import roubles
from agent.texts import N_
from drivers.client import Client
from drivers.payout import RESOLUTIONS

NO_OBJECT = N_('{file} must hold one JSON object of texts, for example {{"card_number": "2200000000000004"}}')
_STORE = click.option("--store", help="storeId; needed if the configuration has several tills.")
_TERMINAL = click.option("--terminal", help="terminalId.")


@click.group("payout")
def payout_group() -> None:
    """Pay money out, and see what became of it."""


@payout_group.command("create")
@click.argument("amount", type=Roubles())
@click.option(
    "--fields-from",
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="File with the recipient's data, a JSON object by the service's names; - reads it from standard input.",
)
@click.option("--description", required=True, help="What the payout is for.")
@click.option("--service", help="The service's code; without it the configured one.")
@click.option("--key", help="Key of the payout; made up if not given. Use the same key to ask again.")
@click.option("--provider", help="The payment system; without it the till's.")
@_STORE
@_TERMINAL
@click.pass_obj
def create_command(
    context: Context, /, amount: int, fields_from: str, key: str | None, store: str | None, terminal: str | None, **given: Any
) -> None:
    """Pay out AMOUNT roubles, and show how it goes for a minute."""
    store_id, terminal_id = till(context, store, terminal)
    key = key or f"out-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    names = {"storeId": store_id, "terminalId": terminal_id, "key": key}
    params = {**names, "amount": amount, "fields": _fields(fields_from), "description": given["description"]}
    params |= {name: given[name] for name in ("service", "provider") if given[name]}

    async def pay_out(client: Client) -> dict[str, Any]:
        answer = await client.call("payout.create", **params)
        return await _until_settled(context, client, answer, names)

    _print(context, context.ask(pay_out, key=key))


@payout_group.command("get")
@click.argument("key")
@_STORE
@_TERMINAL
@click.pass_obj
def get_command(context: Context, key: str, store: str | None, terminal: str | None) -> None:
    """How is the payout KEY?"""
    store_id, terminal_id = till(context, store, terminal)

    async def ask(client: Client) -> dict[str, Any]:
        return await client.call("payout.get", storeId=store_id, terminalId=terminal_id, key=key)

    _print(context, context.ask(ask, key=key))


@payout_group.command("cancel")
@click.argument("key")
@_STORE
@_TERMINAL
@click.pass_obj
def cancel_command(context: Context, key: str, store: str | None, terminal: str | None) -> None:
    """Cancel the payout KEY while it is not sent; later nothing is changed."""
    store_id, terminal_id = till(context, store, terminal)

    async def ask(client: Client) -> dict[str, Any]:
        return await client.call("payout.cancel", storeId=store_id, terminalId=terminal_id, key=key)

    answer = context.ask(ask, key=key)
    context.show(answer, lambda: _say(answer))
    sys.exit(Exit.OK if answer["state"] == "canceled" else _status(answer))


@payout_group.command("services")
@click.argument("amount", type=Roubles())
@click.option("--provider", help="The payment system; without it the till's.")
@_STORE
@_TERMINAL
@click.pass_obj
def services_command(context: Context, amount: int, provider: str | None, store: str | None, terminal: str | None) -> None:
    """By which services AMOUNT roubles can be paid out, and what each asks for."""
    store_id, terminal_id = till(context, store, terminal)
    named = {"provider": provider} if provider else {}

    async def ask(client: Client) -> dict[str, Any]:
        return await client.call("payout.services", storeId=store_id, terminalId=terminal_id, amount=amount, wait=10, **named)

    answer = context.ask(ask)
    context.show(answer, lambda: _print_services(answer))
    sys.exit(Exit.OK if answer["services"] else Exit.UNRESOLVED)


@payout_group.command("resolve")
@click.argument("key")
@click.argument("resolution", required=False, type=click.Choice(RESOLUTIONS))
@click.option("--reason", help="Why, in a few words.")
@click.option("--transaction", help="The payment system's id of the payout, where the agent does not know it.")
@click.option("--confirmation", help="The word of the first step.")
@_STORE
@_TERMINAL
@click.pass_obj
def resolve_command(context: Context, /, key: str, resolution: str | None, store: str | None, terminal: str | None, **given: Any) -> None:
    """Decide what becomes of the payout KEY, in two steps. Without RESOLUTION: what can be decided."""
    store_id, terminal_id = till(context, store, terminal)
    named = {"resolution": resolution, "reason": given["reason"], "transactionId": given["transaction"]}
    named |= {"confirmation": given["confirmation"], "who": who() if resolution else None}
    params = {name: value for name, value in named.items() if value is not None}

    async def decide(client: Client) -> dict[str, Any]:
        return await client.call("payout.resolve", storeId=store_id, terminalId=terminal_id, key=key, **params)

    answer = context.ask(decide, key=key)
    context.show(answer, lambda: _print_decided(answer))


def _print_decided(answer: Mapping[str, Any]) -> None:
    print_state(answer)
    if answer["done"]:
        click.secho(say(DECIDED if "payout" in answer else RELEASED), bold=True)
    elif "confirmation" in answer:
        if "after" in answer:
            after = answer["after"]
            click.echo(say(WOULD_BE).format(state=after["state"], money=after["money"], message=after["message"]))
        click.echo(say(CONFIRM).format(seconds=answer["validS"], word=answer["confirmation"]))


def _print_services(answer: Mapping[str, Any]) -> None:
    rows = [
        [one["service"], one["currency"], _limits(one), ", ".join(f"{field['name']} ({field['label']})" for field in one["fields"])]
        for one in answer["services"]
    ]
    table(answer.get("message", answer["state"]), [columns.SERVICE, columns.CURRENCY, columns.LIMITS, columns.FIELDS], rows)


def _limits(one: Mapping[str, Any]) -> str:
    return f"{roubles(one.get('leastAmount', 0))} - {roubles(one['mostAmount']) if 'mostAmount' in one else '?'}"


def _fields(source: str) -> dict[str, str]:
    text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise click.UsageError(say(NO_OBJECT).format(file=source))
    return found


async def _until_settled(context: Context, client: Client, answer: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """For a minute: a payout may wait for people at the payment system."""
    for _ in range(int(60 / POLL_S)):
        if answer["finished"] or answer.get("next") == "person":
            break
        if not context.as_json:
            click.echo(f"… {answer['state']}: {answer['message']}", err=True)
        answer = await client.call("payout.get", **names, wait=POLL_S)
    return answer


def _print(context: Context, answer: dict[str, Any]) -> None:
    context.show(answer, lambda: _say(answer))
    sys.exit(_status(answer))


def _status(answer: Mapping[str, Any]) -> Exit:
    if not answer["finished"]:
        return Exit.UNRESOLVED
    return Exit.OK if answer["success"] else Exit.NOT_PAID


def _say(answer: Mapping[str, Any]) -> None:
    colour = "green" if answer["success"] else "red" if answer["finished"] else "yellow"
    click.secho(f"{answer['state'].upper()}  {roubles(answer['amount'])}  ({answer['key']})", fg=colour, bold=True)
    click.echo(answer["message"])
