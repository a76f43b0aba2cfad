"""Money rule 10: neither environment nor account may change while money is owed or possible.

Which binding was in force last stands in the journal, so a *change* can be told from a past one: late money that turns up at an account
that was left long ago must go back, not keep the agent from starting. Only what is still watched or owed needs its old account, and that
must then be listed as ``retired``.
"""

import json
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from agent.core.model import Binding, SaleId
from agent.core.payment import PaymentState
from agent.core.ports import Corrupt, Journal, Query, Row
from agent.running.errors import CannotStart
from agent.texts import N_, message

BINDINGS_NOTE = "bindings"  # {provider: [environment, account]} as last in force
PAGE_ROWS = 1_000  # read at a time; a till has dozens of sales that owe something, months of receipts nobody takes make many more
_NO_PROVIDER = N_("The sale {sale} is not settled, but its payment system {provider} is no longer configured. Put it back.")
_OWED = N_(
    "The journal still owes money in {environment} at {account} (sale {sale}, money: {money}), but the configuration says "
    "{new_environment} at {new_account}. Put the old values back, let the agent finish (koshelek-agent status), then change them."
)
_WATCHED = N_(
    "The sale {sale} is still watched in {environment} at {account}. List that account as [[provider.{provider}.retired]] until the "
    "watch is over: how long that is depends on the payment system."
)
OWED_MONEY = frozenset({"possible", "returning", "stuck"})


class Finds(Protocol):
    """The journal, or its reading half alone."""

    async def find(self, query: Query) -> Sequence[Row]: ...


async def check_bindings(
    bindings: Mapping[str, Binding], accounts: Container[str], journal: Journal, in_force: Mapping[str, Binding] | None = None
) -> None:
    """May these bindings come into force? ``accounts``: all that would be configured, retired ones included. ``in_force``: those that are,
    where that is known better than from the note. Raises CannotStart."""
    current, before = _plain(bindings), await _last(journal) if in_force is None else _plain(in_force)
    async for row in pages(journal, Query(owing=True)):
        wanted, bound = current.get(row.provider), [row.environment, row.account]
        if wanted == bound:
            continue
        if wanted is None:
            raise CannotStart(message(_NO_PROVIDER, sale=row.id, provider=row.provider))
        places = {"sale": row.id, "environment": row.environment, "account": row.account}
        if moves_money(row) and before.get(row.provider) != wanted:
            raise CannotStart(message(_OWED, **places, money=row.money, new_environment=wanted[0], new_account=wanted[1]))
        if row.account not in accounts:
            raise CannotStart(message(_WATCHED, **places, provider=row.provider))


async def note_bindings(bindings: Mapping[str, Binding], journal: Journal) -> None:
    """These are in force from now on. Raises JournalFull, JournalBroken."""
    if await _last(journal) != _plain(bindings):
        await journal.note(BINDINGS_NOTE, json.dumps(_plain(bindings), sort_keys=True))


async def pages(journal: Finds, query: Query) -> AsyncIterator[Row]:
    """Everything a query finds, however much it is: an old sale must not hide behind newer ones."""
    before: SaleId | None = None
    while rows := await journal.find(replace(query, before=before, limit=PAGE_ROWS)):
        for row in rows:
            yield row
        before = rows[-1].id


def moves_money(row: Row) -> bool:
    """Whether money of this sale is owed or possible."""
    unclaimed = row.state == PaymentState.PAID and not row.told  # it may yet have to go back by itself (money rule 5)
    return row.money in OWED_MONEY or unclaimed


def _plain(bindings: Mapping[str, Binding]) -> dict[str, list[str]]:
    return {name: [binding.environment.value, binding.account] for name, binding in bindings.items()}


async def _last(journal: Journal) -> dict[str, list[str]]:
    """Empty when it is not known: then every difference counts as a change."""
    try:
        noted = await journal.noted(BINDINGS_NOTE)
    except Corrupt:
        return {}
    found: dict[str, list[str]] = json.loads(noted) if noted is not None else {}
    return found
