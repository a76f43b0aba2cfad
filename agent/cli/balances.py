"""``balances``: what stands on the accounts at PayCore. One request with the account's key, beside the daemon or without it.

It reads and moves nothing, and no sale waits for it. Neither the journal nor the daemon is asked.
"""

from collections.abc import Sequence
from typing import Any

import click

from agent.assembly import paycore
from agent.cli.asking import UNREACHED, ask, told
from agent.cli.common import Context, Exit, say
from agent.core.verdict import NotSent, Reply
from agent.edges.authorization import BasicLogin
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.balances import Balance, read_balances
from agent.settings import Settings
from agent.texts import N_

NO_PAYCORE = N_("This asks PayCore.io for the balances of its account, and {file} has no [provider.paycore].")
NO_PASSWORD = N_("The API key of [provider.paycore] cannot be read: {problem}.")
UNREACHABLE = N_("PayCore.io cannot be reached at {address}: {error}")
NOT_LET_IN = N_("PayCore.io does not let this account read its balances (HTTP {status}): see to the login, the API key and its rights.")
UNREADABLE = N_("What answers at {address} sent no balances: {error}. Their path is a setting: balances_path.")
NOTHING = N_("The account has no balances.")


def balances(context: Context) -> None:
    """The command."""
    settings = context.settings()
    if settings.provider.paycore is None:
        context.fail(Exit.CONFIGURATION, "CONFIGURATION", say(NO_PAYCORE).format(file=context.file()))
    address = settings.provider.paycore.base_url(settings.environment)
    try:
        reply = _ask(context, settings)
        if reply.status in (401, 403):
            context.fail(Exit.CONFLICT, "ACCESS_DENIED", say(NOT_LET_IN).format(status=reply.status))
        found = read_balances(reply)
    except UNREACHED as error:
        text = say(UNREACHABLE).format(address=address, error=told(error))
        context.fail(Exit.UNREACHABLE, "UNREACHABLE", text)
    except Unreadable as error:
        context.fail(Exit.CONFLICT, "UNREADABLE", say(UNREADABLE).format(address=address, error=error))
    context.show({"balances": [_as_json(one) for one in found]}, lambda: _print(found))


def _ask(context: Context, settings: Settings) -> Reply:
    """The answer of the one request. Raises one of UNREACHED."""
    table = paycore.given(settings)
    account = paycore.accounts_of(settings)[paycore.binding_of(settings).account]
    assert isinstance(account.authorization, BasicLogin)
    header = account.authorization.header()
    if isinstance(header, NotSent):
        context.fail(Exit.CONFIGURATION, "CONFIGURATION", say(NO_PASSWORD).format(problem=header.detail))
    return ask(account, table.balances_path, header=header)


def _as_json(one: Balance) -> dict[str, Any]:
    return {"id": one.id, "currency": one.currency, "amounts": dict(one.amounts)}


def _print(found: Sequence[Balance]) -> None:
    for one in found:
        amounts = "  ".join(f"{name} {amount}" for name, amount in one.amounts.items())
        click.echo(f"{one.currency}  {one.id}  {amounts}")
    if not found:
        click.echo(say(NOTHING))
