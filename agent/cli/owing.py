"""``owed``: is money owed or possible? Asked before the agent is removed from a till: who takes the journal must not take a debt with it.

Read from the file alone, whether the daemon runs or not, with whatever configuration there is: also with a wrong one, or none. "Nothing is
owed" is said of a journal that was read, and where no agent ever worked; whoever cannot look has to say that.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from agent.cli import columns
from agent.cli.common import Context, Exit, say, table
from agent.core.money import roubles
from agent.core.ports import RESTORED_NOTE, JournalError, Query, Row
from agent.edges.journal import Reader, open_read_only, said
from agent.edges.journal.lock import marked
from agent.edges.journal.place import check_whole, is_there
from agent.edges.journal.watermark import Watermark
from agent.edges.pos.listing import parked_reply
from agent.edges.replies import row_reply
from agent.running.beginning import LOST, is_lost, is_unreleased
from agent.running.bindings import OWED_MONEY, moves_money, pages
from agent.settings import BadSettings, certain_journal
from agent.settings.load import parse, read_text
from agent.settings.model import SERVICE_STATE, default_journal
from agent.texts import N_

NOTHING = N_("No money is owed, and none is possible: {journal}")
NO_JOURNAL = N_("There is no journal, so nothing is owed: {journal}")
OWED = N_("Money is owed or possible: {journal}")
NOT_KNOWN = N_("It cannot be known whether money is owed: {problem}")
NOT_READABLE = N_("{path} cannot be read by this user. Run: sudo koshelek-agent owed")
NOT_WHOLE = N_(
    "the journal {journal} came from a backup, or was begun anew or put in the place of another, and nobody has released it: what the one "
    "before held is not in it. Compare it with the payment system's registry, then: koshelek-agent release"
)
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
    file = context.file_in_any_case()
    try:
        journal = certain_journal(file)
        answer = asyncio.run(_look(context, journal)) if is_there(journal) else _never(context, journal, _backups(file))
    except BadSettings as error:
        first = error.problems[0]
        _unknown(context, "CONFIGURATION", f"{first.file}: {first.problem.text(say)}")
    except PermissionError as error:
        _unknown(context, "JOURNAL", say(NOT_READABLE).format(path=error.filename))
    except (JournalError, OSError) as error:
        _unknown(context, "JOURNAL", said(error).text(say) if isinstance(error, JournalError) else str(error))
    context.show(answer, lambda: _print(answer))
    if answer["owed"] or answer["parked"]:
        raise SystemExit(Exit.UNRESOLVED)


def _backups(file: Path) -> Path | None:
    """The folder of the backups, by a file that may be wrong elsewhere or not be there; None if it names none. Raises BadSettings, OSError
    if it names one that cannot be looked into."""
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    table = parse(file, read_text(file)).get("backup")
    named = table.get("directory") if isinstance(table, dict) else None
    if not isinstance(named, str):
        return None
    folder = Path(named)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # as before the first backup
        next(folder.iterdir(), None)  # a pattern alone would find nothing in one that is shut
    return folder


def _never(context: Context, journal: Path, backups: Path | None) -> dict[str, Any]:
    """There is no journal: because none was ever begun, or because it is not where it was. Only systemd's own folder comes with the first
    start; any other was there when it was named. Raises JournalPlaceRefused, OSError."""
    check_whole(journal, marked(journal))
    if is_lost(journal, backups):
        _unknown(context, "JOURNAL", say(LOST).format(path=journal))
    if not journal.parent.exists() and journal.parent not in (SERVICE_STATE, default_journal().parent):
        _unknown(context, "JOURNAL", say(NO_FOLDER).format(folder=journal.parent))
    return {"journal": str(journal), "there": False, "owed": [], "parked": []}


def _unknown(context: Context, code: str, problem: str) -> NoReturn:
    context.fail(Exit.INTERNAL, code, say(NOT_KNOWN).format(problem=problem))


async def _look(context: Context, journal: Path) -> dict[str, Any]:
    mark = marked(journal)  # before the file, which may be written meanwhile
    async with await open_read_only(journal) as reader:
        parked = [one for one in await reader.parked() if one.released is None]
        aside = {one.id for one in parked}
        found = [row_reply(row, say) for row in await _unsettled(reader) if row.id not in aside]
        if not found and not parked and not await _is_whole(reader, journal, mark):
            _unknown(context, "JOURNAL", say(NOT_WHOLE).format(journal=journal))
        return {"journal": str(journal), "there": True, "owed": found, "parked": [parked_reply(one) for one in parked]}


async def _is_whole(reader: Reader, journal: Path, mark: Watermark | None) -> bool:
    """Whether it is the record that was kept here: not an older one, nor one in the place of a lost one, that nobody has compared yet."""
    if is_unreleased(journal) or await reader.noted(RESTORED_NOTE) is not None:
        return False
    return mark is None or await reader.goes_on_from(mark)


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
