"""``status``: is the agent well, what is open, what is owed. One row for each thing, in the person's language; what needs somebody is in
capitals. States, codes, names of sales and what other programs said are values and stay as they are."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from agent.cli.common import Context, say, table
from agent.cli.mistakes import mistake
from agent.reasons import explain
from agent.running.configuration import NOT_TAKEN
from agent.texts import N_, Translate
from drivers.client import Client

Row = tuple[str, str]

ENVIRONMENTS = {"test": N_("test (not real money)"), "production": N_("production")}
LINES = {
    "unplugged": N_("unplugged: there is no such port"),
    "busy": N_("busy: another program has the port"),
    "failed": N_("cannot be used"),
    "waiting": N_("open, nothing heard yet"),
    "heard": N_("open, heard"),
}
COUNTS = {
    "refundsOpen": N_("refunds not settled"),
    "receiptsOpen": N_("receipts not delivered"),
    "toldUnconfirmed": N_("told, not confirmed"),
    "paidUntold": N_("paid, told to nobody"),
}
READY, YES, NO = N_("ready"), N_("yes"), N_("NO")
VERSION, ENVIRONMENT = N_("version"), N_("environment")
CONNECTION, UP, DOWN = N_("connection to {system}"), N_("up"), N_("DOWN")
NOT_KNOWN = N_("not known: nothing was asked of it yet, or it did not answer")
TURNED_AWAY = N_("TURNED AWAY by {system}")
LAST_BACKUP, NONE, BACKUP = N_("last backup"), N_("none"), N_("BACKUP FAILED")
RESTORED, BEGUN_ANEW = N_("RESTORED"), N_("BEGUN ANEW, OR AN OLDER ONE")
JOURNAL = N_("JOURNAL")
GONE = N_("the file is removed or exchanged, new sales are refused: do not stop the service, sudo koshelek-agent doctor says what saves it")
WAITS = N_("waits for koshelek-agent release; sales that are still looked up: {count}")
DIFFERENT = N_("DIFFERENT")
DISK, FULL = N_("DISK"), N_("full: new sales are refused until there is room")
CONFIGURATION = N_("CONFIGURATION")
OPEN, PAYOUTS = N_("open: {state}"), N_("payouts not settled")
ALARM, PARKED = N_("ALARM"), N_("SET ASIDE")
SECONDS_AGO, DAMAGED = N_("{seconds} s ago"), N_("damaged frames: {count}")


@click.command("status")
@click.pass_obj
def status_command(context: Context) -> None:
    """Is the agent well, what is open, what is owed."""

    async def ask(client: Client) -> dict[str, Any]:
        return await client.call("agent.status")

    answer = context.ask(ask)
    context.show(answer, lambda: table("koshelek-agent", ["", ""], list(rows(answer, say))))


def rows(answer: Mapping[str, Any], say: Translate) -> Iterator[Row]:
    """A status for people: what, and how it is."""
    details = answer.get("details", {})
    yield say(READY), say(YES if answer["ready"] else NO)
    yield say(VERSION), answer["version"]
    yield say(ENVIRONMENT), say(ENVIRONMENTS[answer["environment"]])
    for name, one in answer.get("providers", {}).items():
        yield say(CONNECTION).format(system=name), say(NOT_KNOWN if not one.get("known", True) else UP if one["reachable"] else DOWN)
        if "reason" in one:
            yield say(TURNED_AWAY).format(system=name), f"{one['reason']}: {explain(one['reason'], say)}"
    yield from _care(answer, say)
    for line in details.get("lines", []):
        yield line["name"], _line(line, say)
    for state, count in sorted(details.get("open", {}).items()):
        yield say(OPEN).format(state=state), str(count)
    for name, text in COUNTS.items():
        yield say(text), str(details.get(name, 0))
    if details.get("payoutsOpen"):  # most tills pay nothing out
        yield say(PAYOUTS), str(details["payoutsOpen"])
    for one in details.get("alarms", []):
        yield say(ALARM), f"{one['sale']}: {', '.join(one['codes'])}"
    for one in details.get("parked", []):
        yield say(PARKED), f"{one['sale']}: {one['reason']}"


def _care(answer: Mapping[str, Any], say: Translate) -> Iterator[Row]:
    """Backup, restore, disk, configuration: what an operator has to do with."""
    if backup := answer.get("backup"):
        yield say(LAST_BACKUP), backup["last"] or say(NONE)
        if backup["problem"]:
            yield say(BACKUP), backup["problem"]
    if restore := answer.get("details", {}).get("restore"):
        yield say(RESTORED if restore.get("file") else BEGUN_ANEW), say(WAITS).format(count=restore["lookingAt"])
        for name in restore["differences"]:
            yield say(DIFFERENT), name
    if not answer.get("journal", {}).get("inPlace", True):
        yield say(JOURNAL), say(GONE)
    if answer.get("disk", {}).get("full"):
        yield say(DISK), say(FULL)
    configuration = answer.get("configuration", {})
    if configuration.get("problem"):
        yield say(CONFIGURATION), say(NOT_TAKEN)
        for one in configuration.get("problems", []):
            yield "", mistake(one, say)


def _line(line: Mapping[str, Any], say: Translate) -> str:
    """A serial line: what is known of its other end, and how much came damaged."""
    parts = [say(LINES.get(str(line["state"]), str(line["state"])))]
    if "heardSecondsAgo" in line:
        parts[0] += f" {say(SECONDS_AGO).format(seconds=line['heardSecondsAgo'])}"
    if line["damagedFrames"]:
        parts.append(say(DAMAGED).format(count=line["damagedFrames"]))
    return ", ".join(parts) + (f" ({line['problem']})" if "problem" in line else "")
