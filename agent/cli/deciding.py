"""``resolve`` and ``retry``: a person decides what nothing else can decide, or wants what is owed done now."""

import getpass
import os
from collections.abc import Mapping
from functools import partial
from typing import Any

import click

from agent.cli import columns
from agent.cli.common import Context, Exit, say, table, till
from agent.cli.confirming import confirmed
from agent.cli.looking import print_sale, print_story
from agent.texts import N_
from drivers.client import CallFailed, Client
from drivers.operator import RESOLUTIONS

PROOFS = {  # option -> member of the protocol's proof, help
    "--transaction": ("transactionId", "transactionId of the payment, where the agent does not know it."),
    "--ref-transaction": ("refTransactionId", "Transaction of the refund."),
    "--payment-type": ("paymentType", "Means of payment, for example SBP."),
    "--qrc": ("qrcId", "qrcId of SBP."),
    "--kzo": ("kzo", "Control value of SBP."),
    "--operation": ("operationId", "operationId of the bank."),
    "--operation-time": ("operationDateTime", "When the bank did it, with its zone."),
}

REASON = N_("Reason (will stand in the record)")
WOULD_BE = N_("It would become: {state}, money: {money}. {message}")
SURE = N_("Decide {resolution}? This cannot be undone")
NOTHING_DECIDED = N_("Nothing was decided.")
CHANGED = N_("The sale has changed meanwhile, or it took too long. This is how it is now:")
ALARM, DECIDED, RELEASED = N_("ALARM"), N_("DECIDED"), N_("RELEASED")
NOT_USED = N_("This record is not used: {reason}")
TAKEN_OVER, STILL_KEEPS = N_("Released: {by}"), N_("It still keeps the account from being changed.")
CHOICES, OF_THE, MEANS, NO_CHOICE = N_("What can be decided"), N_("of the"), N_("what it means"), N_("There is nothing to decide.")
CONFIRM = N_("Nothing was decided yet. Confirm within {seconds} s with --confirmation {word}")
NOTHING_WAITS = N_("Nothing waits.")


def _with_proof(command: Any) -> Any:
    for option, (name, text) in reversed(PROOFS.items()):
        command = click.option(option, name, help=text)(command)
    return command


@click.command("resolve")
@click.argument("key")
@click.argument("resolution", required=False, type=click.Choice(RESOLUTIONS))
@click.option("--reason", help="Why, in a few words; asked for if not given.")
@click.option("--refund-key", help="The refund it is about; ~return is the agent's own.")
@click.option("--receipt-id", help="The fiscal receipt it is about.")
@_with_proof
@click.option("--confirmation", help="The word of the first step, for scripts; people are asked.")
@click.option("--store", help="storeId.")
@click.option("--terminal", help="terminalId.")
@click.pass_obj
def resolve_command(
    context: Context, /, key: str, resolution: str | None, store: str | None, terminal: str | None, confirmation: str | None, **given: Any
) -> None:
    """Decide what becomes of the sale KEY, in two steps. Without RESOLUTION: what can be decided."""
    store_id, terminal_id = till(context, store, terminal)
    params: dict[str, Any] = {"storeId": store_id, "terminalId": terminal_id, "key": key}
    if resolution is None:
        answer = context.ask(lambda client: client.call("operation.resolve", **params))
        context.show(answer, lambda: print_state(answer))
        return
    asks = confirmation is None and not context.as_json
    reason = given["reason"] or (click.prompt(say(REASON), err=True) if asks else None)
    named = {"refundKey": given["refund_key"], "receiptId": given["receipt_id"], "reason": reason, "who": who()}
    proof = {name: given[name] for name, _ in PROOFS.values() if given[name] is not None}
    params |= {name: value for name, value in named.items() if value is not None} | ({"proof": proof} if proof else {})
    params["resolution"] = resolution
    answer = _by_hand(context, params) if asks else _step(context, params, confirmation)
    context.show(answer, lambda: _print_done(answer))


def _step(context: Context, params: dict[str, Any], confirmation: str | None) -> dict[str, Any]:
    word = {"confirmation": confirmation} if confirmation is not None else {}
    return context.ask(lambda client: client.call("operation.resolve", **params, **word), key=params["key"])


def _by_hand(context: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Show, ask, do; and if the sale has changed meanwhile, from the beginning."""

    async def decide(client: Client, word: str) -> dict[str, Any] | None:
        try:
            return await client.call("operation.resolve", **params, confirmation=word)
        except CallFailed as error:
            if error.code != "CONFLICT":
                raise
            return None

    while True:
        shown = _step(context, params, None)
        print_state(shown)
        if "after" in shown:
            after = shown["after"]
            click.echo(say(WOULD_BE).format(state=after["state"], money=after["money"], message=after["message"]))
        if not confirmed(say(SURE).format(resolution=params["resolution"])):
            context.fail(Exit.UNRESOLVED, "INTERRUPTED", say(NOTHING_DECIDED))
        done = context.ask(partial(decide, word=shown["confirmation"]), key=params["key"])
        if done is not None:
            return done
        click.echo(say(CHANGED), err=True)


def print_state(answer: Mapping[str, Any]) -> None:
    """A sale or a payout, and what can be decided of it."""
    if "parked" not in answer:
        print_sale(answer["sale"] if "sale" in answer else answer["payout"])
        print_story(answer["events"])
        if answer["alarms"]:
            click.secho(f"{say(ALARM)}: {' '.join(answer['alarms'])}", fg="red", bold=True)
    else:
        parked = answer["parked"]
        click.echo(say(NOT_USED).format(reason=parked["reason"]))
        click.echo(say(TAKEN_OVER).format(by=parked["released"]) if "released" in parked else say(STILL_KEEPS))
    if answer["choices"]:
        rows = [
            [one["resolution"], one["what"], one.get("refundKey", one.get("receiptId", "")), one["message"]] for one in answer["choices"]
        ]
        table(say(CHOICES), [columns.DECISION, say(OF_THE), columns.KEY, say(MEANS)], rows)
    else:
        click.echo(say(NO_CHOICE))


def _print_done(answer: Mapping[str, Any]) -> None:
    if not answer["done"]:
        print_state(answer)
        click.echo(say(CONFIRM).format(seconds=answer["validS"], word=answer["confirmation"]))
    elif "sale" in answer:
        sale = answer["sale"]
        click.secho(f"{say(DECIDED)}  {sale['key']}: {sale['state']}, money: {sale['money']}", bold=True)
        click.echo(sale["message"])
    else:
        click.secho(say(RELEASED), bold=True)


def who() -> str | None:
    """Who sits there: root is many people."""
    name = os.environ.get("SUDO_USER")
    try:
        return (name or getpass.getuser())[:64]
    except (KeyError, OSError):  # a user without a name
        return None


@click.command("retry")
@click.argument("key", required=False)
@click.option("--store", help="storeId.")
@click.option("--terminal", help="terminalId.")
@click.pass_obj
def retry_command(context: Context, key: str | None, store: str | None, terminal: str | None) -> None:
    """Do now what is owed and waits for its time: of the sale KEY, or without it of all sales."""
    named = dict(zip(("storeId", "terminalId", "key"), (*till(context, store, terminal), key), strict=True)) if key else {}
    answer = context.ask(lambda client: client.call("operation.retry", **named))
    context.show(answer, lambda: click.echo("\n".join(answer["sales"]) or say(NOTHING_WAITS)))
