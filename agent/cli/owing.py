"""``owed``: is money owed or possible? Asked before the agent is removed from a till: who takes the journal must not take a debt with it.

Read from the file alone, whether the daemon runs or not, with whatever configuration there is: also with a wrong one, or none.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agent.cli.common import Context, Exit, say, table
from agent.core.money import roubles
from agent.core.ports import JournalError, Query, Row
from agent.edges.journal import Reader, open_read_only, said
from agent.edges.pos.listing import parked_reply
from agent.edges.replies import row_reply
from agent.running.bindings import OWED_MONEY, moves_money, pages
from agent.settings import BadSettings, unchecked_journal
from agent.texts import N_

NOTHING = N_("No money is owed, and none is possible: {journal}")
NO_JOURNAL = N_("There is no journal, so nothing is owed: {journal}")
OWED = N_("Money is owed or possible: {journal}")
NOT_KNOWN = N_("It cannot be known whether money is owed: {problem}")
WHAT_TO_DO = N_(
    "Let the agent finish: koshelek-agent status shows what it waits for. What waits for a person: koshelek-agent show KEY, then "
    "koshelek-agent resolve."
)
SET_ASIDE = N_("set aside: {reason}")
MAX_SHOWN = 50  # for people; a script takes --json, which has all of them


@click.command("owed")
@click.pass_obj
def owed_command(context: Context) -> None:
    """Is money owed or possible? Exit status 0: no; 4: yes, and for which sales. Reads the journal's file; the service may be stopped."""
    journal = _journal(context)
    try:
        answer = asyncio.run(_look(journal)) if journal.exists() else {"journal": str(journal), "there": False, "owed": [], "parked": []}
    except (JournalError, OSError) as error:
        problem = said(error).text(say) if isinstance(error, JournalError) else str(error)
        context.fail(Exit.INTERNAL, "JOURNAL", say(NOT_KNOWN).format(problem=problem))
    context.show(answer, lambda: _print(answer))
    if answer["owed"] or answer["parked"]:
        raise SystemExit(Exit.UNRESOLVED)


def _journal(context: Context) -> Path:
    try:
        return unchecked_journal(context.file())
    except BadSettings as error:  # there is no file: the default holds
        return unchecked_journal(error.problems[0].file)


async def _look(journal: Path) -> dict[str, Any]:
    async with await open_read_only(journal) as reader:
        parked = [one for one in await reader.parked() if one.released is None]
        aside = {one.id for one in parked}
        found = [row_reply(row, say) for row in await _unsettled(reader) if row.id not in aside]
        return {"journal": str(journal), "there": True, "owed": found, "parked": [parked_reply(one) for one in parked]}


async def _unsettled(reader: Reader) -> Sequence[Row]:
    """Sales and payouts that are not finished, wait for a person, or whose money may yet come or go. A mere watch does not count (money
    rule 10)."""
    opened = {row.id: row for payouts in (False, True) async for row in pages(reader, Query(open=True, payouts=payouts))}
    moving = {row.id: row async for row in pages(reader, Query(owing=True)) if moves_money(row)}
    stuck = {row.id: row async for row in pages(reader, Query(attention=True)) if row.money in OWED_MONEY}
    return [*(opened | moving | stuck).values()]


def _print(answer: dict[str, Any]) -> None:
    if not answer["owed"] and not answer["parked"]:
        click.echo(say(NOTHING if answer["there"] else NO_JOURNAL).format(**answer))
        return
    rows = [
        [f"{one['storeId']}/{one['terminalId']}", one["key"], one["orderId"], roubles(one["amount"]), one["state"], one["money"]]
        for one in answer["owed"]
    ]
    rows += [
        [f"{one['storeId']}/{one['terminalId']}", one["key"], "", "", say(SET_ASIDE).format(reason=one["reason"]), ""]
        for one in answer["parked"]
    ]
    table(say(OWED).format(**answer), ["till", "key", "order", "amount", "state", "money"], rows[:MAX_SHOWN])
    click.echo(say(WHAT_TO_DO))
