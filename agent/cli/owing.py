"""``owed``: is money owed or possible? Asked before the agent is removed from a till: who takes the journal must not take a debt with it.

Read from the file alone, whether the daemon runs or not, with whatever configuration there is: also with a wrong one, or none. "Nothing is
owed" is said of a journal that was read, and where no agent ever worked; whoever cannot look has to say that.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from agent.cli import columns
from agent.cli.common import Context, Exit, say, table
from agent.core.money import roubles
from agent.core.ports import JournalError, Query, Row
from agent.edges.journal import Reader, open_read_only, said
from agent.edges.pos.listing import parked_reply
from agent.edges.replies import row_reply
from agent.running.beginning import LOST, is_lost
from agent.running.bindings import OWED_MONEY, moves_money, pages
from agent.settings import BadSettings, certain_journal
from agent.settings.model import SERVICE_STATE, default_journal
from agent.texts import N_

NOTHING = N_("No money is owed, and none is possible: {journal}")
NO_JOURNAL = N_("There is no journal, so nothing is owed: {journal}")
OWED = N_("Money is owed or possible: {journal}")
NOT_KNOWN = N_("It cannot be known whether money is owed: {problem}")
NO_FOLDER = N_("the folder of the journal is not there: {folder} (a disk that is not mounted?)")
WHAT_TO_DO = N_(
    "Let the agent finish: koshelek-agent status shows what it waits for. What waits for a person: koshelek-agent show KEY, then "
    "koshelek-agent resolve."
)
SET_ASIDE = N_("set aside: {reason}")
MAX_SHOWN = 50  # for people; a script takes --json, which has all of them


@click.command("owed")
@click.pass_obj
def owed_command(context: Context) -> None:
    """Is money owed or possible? Exit status 0: no; 4: yes, and for which sales; 1: it cannot be known. Reads the journal's file; the
    service may be stopped."""
    try:
        journal = _journal(context)
        answer = asyncio.run(_look(journal)) if journal.exists() else _never(context, journal)
    except BadSettings as error:
        first = error.problems[0]
        _unknown(context, "CONFIGURATION", f"{first.file}: {first.problem.text(say)}")
    except (JournalError, OSError) as error:
        _unknown(context, "JOURNAL", said(error).text(say) if isinstance(error, JournalError) else str(error))
    context.show(answer, lambda: _print(answer))
    if answer["owed"] or answer["parked"]:
        raise SystemExit(Exit.UNRESOLVED)


def _journal(context: Context) -> Path:
    """Raises BadSettings if there is a configuration that does not tell."""
    try:
        file = context.file()
    except BadSettings as error:  # there is no file: the default holds
        file = error.problems[0].file
    return certain_journal(file)


def _never(context: Context, journal: Path) -> dict[str, Any]:
    """There is no journal: because none was ever begun, or because it is not where it was. Only systemd's own folder comes with the first
    start; any other was there when it was named."""
    if is_lost(journal):
        _unknown(context, "JOURNAL", say(LOST).format(path=journal))
    if not journal.parent.exists() and journal.parent not in (SERVICE_STATE, default_journal().parent):
        _unknown(context, "JOURNAL", say(NO_FOLDER).format(folder=journal.parent))
    return {"journal": str(journal), "there": False, "owed": [], "parked": []}


def _unknown(context: Context, code: str, problem: str) -> NoReturn:
    context.fail(Exit.INTERNAL, code, say(NOT_KNOWN).format(problem=problem))


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
    heads = [columns.TILL, columns.KEY, columns.ORDER, columns.AMOUNT, columns.STATE, columns.MONEY]
    table(say(OWED).format(**answer), heads, rows[:MAX_SHOWN])
    click.echo(say(WHAT_TO_DO))
