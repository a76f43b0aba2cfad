"""``pay``, ``refund``, ``cancel``: a register operated by hand. Whoever uses it *is* the register: what it shows is handed out.

Card session, token and loyalty number never come as arguments: the arguments of a process can be read by everybody on the machine.
"""

import os
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from agent.cli.common import Context, Exit, say, status_of, till
from agent.core.capability import TABLE, Approval
from agent.core.money import MAX_KOPECKS, roubles
from agent.texts import N_
from drivers.client import CallFailed, Client

POLL_S = 2.0  # a long poll of the progress display
IN_HANDS = "requested"  # of a refund that people make: it takes them days, and nobody waits for it at a terminal
TOO_NARROW = N_("The terminal is too narrow for the code the customer pays by: it needs {columns} columns.")
SHOWN_ON_TERMINALS = N_("The customer pays by a code. It is shown on a terminal only.")


class Roubles(click.ParamType[int]):
    """An amount for people: roubles with at most two decimals; becomes kopecks."""

    name = "roubles"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            kopecks = Decimal(str(value).replace(",", ".")) * 100
        except InvalidOperation:
            self.fail(f"{value!r} is no amount; write roubles, for example 450.00", param, ctx)
        if kopecks != kopecks.to_integral_value() or not 0 < kopecks <= MAX_KOPECKS:
            self.fail(f"{value!r} is no amount in roubles and kopecks, for example 450.00", param, ctx)
        return int(kopecks)


def secret_from(source: str | None, prompt: str) -> str:
    """A secret from a file, from standard input ("-"), or typed at the prompt."""
    if source == "-":
        return sys.stdin.readline().strip()
    if source is not None:
        return Path(source).read_text(encoding="utf-8").strip()
    return str(click.prompt(prompt, hide_input=sys.stdin.isatty(), err=True)).strip()


_SECRET = click.Path(exists=True, dir_okay=False, allow_dash=True)
_STORE = click.option("--store", help="storeId; needed if the configuration has several tills.")
_TERMINAL = click.option("--terminal", help="terminalId.")


@click.command("pay")
@click.argument("amount", type=Roubles())
@click.option("--order", help="orderId; made up if not given.")
@click.option("--key", help="Key of the sale; made up if not given. Use the same key to ask again.")
@click.option("--card-session-from", type=_SECRET, metavar="FILE", help="File with the card session; - reads it from standard input.")
@click.option(
    "--token-from", type=_SECRET, metavar="FILE", help="File with the token, if no helper command makes it; - for standard input."
)
@click.option("--loyalty-from", type=_SECRET, metavar="FILE", help="File with the loyalty number; without it a test number is sent.")
@click.option(
    "--provider", help="The payment system; without it the till's. Where customers pay by a payment link, no card session is asked for."
)
@click.option("--method", type=click.Choice(["SBP", "DOLYAME"]), multiple=True, help="Means of payment offered; default: the store's.")
@_STORE
@_TERMINAL
@click.pass_obj
def pay_command(
    context: Context, /, amount: int, order: str | None, key: str | None, store: str | None, terminal: str | None, **given: Any
) -> None:
    """Take a payment of AMOUNT roubles, and show how it goes until it is settled."""
    store_id, terminal_id = till(context, store, terminal)
    key = key or f"hand-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    params: dict[str, Any] = {
        "storeId": store_id,
        "terminalId": terminal_id,
        "key": key,
        "checkoutInvoice": {
            "orderId": order or key[:36],
            "totalAmount": amount,
            "items": [{"name": "Hand-driven sale", "article": "0", "price": amount, "quantity": 1, "totalAmount": amount, "tax": "none"}],
        },
        "user": {"loyaltyId": secret_from(given["loyalty_from"], "") if given["loyalty_from"] else "0"},
    }
    if given["card_session_from"] or _by_app(context, given["provider"], store_id, terminal_id):
        params["cardSession"] = secret_from(given["card_session_from"], "Card session (from the customer's phone)")
    if given["provider"]:
        params["provider"] = given["provider"]
    if given["token_from"]:
        params["token"] = secret_from(given["token_from"], "")
    if given["method"]:
        params["paymentMethods"] = [{"type": method} for method in given["method"]]
    names = {"storeId": store_id, "terminalId": terminal_id, "key": key}

    async def sell(client: Client) -> dict[str, Any]:
        show, shown = _progress(context), False
        answer = await client.call("checkout.create", **params)
        while not answer["finished"] and answer.get("next") != "person":
            show(f"{answer['state']}: {answer['message']}")
            if "paymentUrl" in answer and not shown and not context.as_json:
                await _show_code(client, names)
                shown = True
            answer = await client.call("checkout.get", **names, wait=POLL_S)
        if answer["finished"]:
            answer = await client.call("checkout.confirm", **names)
        return answer

    answer = context.ask(sell, key=key)
    context.show(answer, lambda: _print_outcome(answer, roubles(amount)))
    sys.exit(status_of(answer))


def _by_app(context: Context, provider: str | None, store_id: str, terminal_id: str) -> bool:
    """Whether the customer shows a card and confirms in the app, as far as this side can tell; the other way he pays by a link."""
    if provider is None and not context.socket_path:
        settings = context.settings()
        terminal = settings.terminal_named(store_id, terminal_id)
        provider = settings.provider_of(terminal) if terminal else None
    known = TABLE.get(provider or "koshelek")
    return known is None or known.approval is Approval.APP


async def _show_code(client: Client, names: dict[str, str]) -> None:
    """What the customer scans to pay, with colours of its own: a code must be dark on light whatever the terminal's colours are. On a
    terminal alone: in a file it would be a way to pay that lies about."""
    if not sys.stderr.isatty():
        click.echo(f"… {say(SHOWN_ON_TERMINALS)}", err=True)
        return
    try:
        code = await client.call("checkout.qr", **names, format="text", level="L", quietZone=2)
    except CallFailed as failed:  # it ended meanwhile, or the link is not one for a code: the sale goes on
        click.echo(f"… {failed.data.get('message', failed.message)}", err=True)
        return
    lines = str(code["text"]).splitlines()
    if 0 < os.get_terminal_size(sys.stderr.fileno()).columns < len(lines[0]):  # broken lines are no code; 0: it does not say
        click.echo(f"… {say(TOO_NARROW).format(columns=len(lines[0]))}", err=True)
        return
    for line in lines:
        click.secho(line, fg="bright_white", bg="black", err=True)


@click.command("cancel")
@click.argument("key")
@_STORE
@_TERMINAL
@click.pass_obj
def cancel_command(context: Context, key: str, store: str | None, terminal: str | None) -> None:
    """Cancel the sale KEY, and show what became of it. A finished sale is not changed."""
    store_id, terminal_id = till(context, store, terminal)
    names = {"storeId": store_id, "terminalId": terminal_id, "key": key}

    async def cancel(client: Client) -> dict[str, Any]:
        answer = await client.call("checkout.cancel", **names)
        return await _until_settled(context, client, "checkout.get", answer, names)

    answer = context.ask(cancel, key=key)
    context.show(answer, lambda: _print_outcome(answer, roubles(answer["amount"])))
    done = answer["finished"] and answer["state"] in ("canceled", "expired", "declined")
    sys.exit(Exit.OK if done else Exit.UNRESOLVED if not answer["finished"] else Exit.NOT_PAID)


@click.command("refund")
@click.argument("key")
@click.option("--refund-key", help="Key of the refund; made up if not given. Use the same to ask again.")
@click.option("--line", "lines", multiple=True, metavar="LINE:QUANTITY", help="0-based line and units; without: all that is left.")
@click.option(
    "--token-from", type=_SECRET, metavar="FILE", help="File with the token, if no helper command makes it; - for standard input."
)
@_STORE
@_TERMINAL
@click.pass_obj
def refund_command(
    context: Context,
    key: str,
    refund_key: str | None,
    lines: tuple[str, ...],
    token_from: str | None,
    store: str | None,
    terminal: str | None,
) -> None:
    """Return the money of the sale KEY, whole or by lines, and show what became of it."""
    store_id, terminal_id = till(context, store, terminal)
    refund_key = refund_key or f"back-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    names = {"storeId": store_id, "terminalId": terminal_id, "key": key, "refundKey": refund_key}
    params: dict[str, Any] = dict(names)
    if lines:
        params["items"] = [_line(text) for text in lines]
    if token_from:
        params["token"] = secret_from(token_from, "")

    async def give_back(client: Client) -> dict[str, Any]:
        answer = await client.call("refund.create", **params)
        return await _until_settled(context, client, "refund.get", answer, names)

    answer = context.ask(give_back, key=key, refundKey=refund_key)
    context.show(answer, lambda: _print_outcome(answer, roubles(answer["amount"])))
    sys.exit(status_of(answer))


def _line(text: str) -> dict[str, int]:
    line, _, quantity = text.partition(":")
    if not (line.isdecimal() and quantity.isdecimal()):
        raise click.UsageError(f"--line {text!r}: write LINE:QUANTITY, for example 0:1")
    return {"line": int(line), "quantity": int(quantity)}


async def _until_settled(context: Context, client: Client, method: str, answer: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    show = _progress(context)
    while not answer["finished"] and answer.get("next") != "person" and answer["state"] != IN_HANDS:
        show(f"{answer['state']}: {answer['message']}")
        answer = await client.call(method, **names, wait=POLL_S)
    return answer


def _progress(context: Context) -> Callable[[str], None]:
    """Shows each new text once; nothing for programs."""
    last: list[str] = []

    def show(text: str) -> None:
        if not context.as_json and last[-1:] != [text]:
            last.append(text)
            click.echo(f"… {text}", err=True)

    return show


def _print_outcome(answer: dict[str, Any], amount: str) -> None:
    colour = "green" if answer["success"] else "red" if answer["finished"] else "yellow"
    key = answer.get("refundKey") or answer["key"]
    click.secho(f"{answer['state'].upper()}  {amount}  ({key})", fg=colour, bold=True)
    click.echo(answer["message"])
    if "slip" in answer:
        click.echo("\n" + answer["slip"]["text"]["42"])
