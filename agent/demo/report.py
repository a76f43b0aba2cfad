"""The programme, the books and what is wrong with them, for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent.core.money import roubles
from agent.demo.actor import Actor
from agent.demo.books import NOTHING, Books, Difference, Line, Owner, orders, total
from agent.demo.configuration import KIOSK, OTHER_SYSTEMS, TILLS
from agent.demo.house import House
from agent.demo.plants import PLANTS
from agent.demo.screen import Screen
from agent.demo.stage import Stage
from agent.demo.ways import WAYS, Way
from agent.sandbox.ledger import EntryKind
from agent.sandbox.page.words import SYSTEMS

_DID = {EntryKind.CHARGE: "charged", EntryKind.REFUND: "returned", EntryKind.CANCEL: "canceled"}


def opening(screen: Screen, plant: str | None) -> None:
    screen.line(
        "A shop for a minute: a bank of play money with four payment systems (the sandbox), the agent with its journal, and the", "bold"
    )
    screen.line(
        f"software of {len(TILLS)} tills and a {KIOSK}, each knowing nothing but its way to the agent. Three processes, no mocks.", "bold"
    )
    for way in Way:
        screen.line(f"  {way:12} {', '.join(till for till, its in WAYS.items() if its is way)}")
    others = ", ".join(f"{SYSTEMS[system]} at {till}" for till, system in OTHER_SYSTEMS.items())
    screen.line(f"Payments go through Koshelek Pay, but through {others}, and through the one that a register names.")
    if plant is not None:
        screen.line(f"Planted bug: {plant}. {PLANTS[plant]}", "bold yellow")
    screen.line()


def programme(screen: Screen, house: House, entries: Sequence[Mapping[str, Any]]) -> None:
    """A line for every sale. What the bank did is said by its ledger, not by the agent."""
    lines = sorted(house.lines, key=lambda line: (line.scene, line.sale.order_id))
    rows = [
        [
            str(line.scene),
            line.title,
            WAYS[line.sale.register.terminal],
            line.sale.order_id,
            line.saw,
            line.state,
            line.money,
            roubles(line.amount),
            _done(entries, line.sale.order_id),
            str(line.ms),
        ]
        for line in lines
    ]
    columns = ["", "scene", "by", "order", "the cashier saw", "state", "money", "amount", "the bank", "ms"]
    screen.table("What happened", columns, rows, numbers=("", "amount", "ms"))


def _done(entries: Iterable[Mapping[str, Any]], order_id: str) -> str:
    done = [_DID[EntryKind(entry["kind"])] for entry in entries if entry["order_id"] == order_id]
    return ", ".join(done) or "nothing"


def books(screen: Screen, found: Books) -> None:
    """By order and in all: what was charged, returned, and is left. A row names the books that say so: all of them in one row, or it
    does not add up."""
    rows = [
        row for order_id in orders(found) for row in _said(order_id, {owner: book.get(order_id, NOTHING) for owner, book in found.items()})
    ]
    rows += _said("all", {owner: total(book) for owner, book in found.items()})
    columns = ["order", "charged", "returned", "net", "in the books of"]
    screen.table("Three books, in roubles", columns, rows, numbers=("charged", "returned", "net"))


def _said(name: str, lines: Mapping[Owner, Line]) -> list[list[str]]:
    """One row for each thing that is said."""
    distinct = list(dict.fromkeys(lines.values()))
    rows = []
    for line in distinct:
        owners = ", ".join(owner for owner in lines if lines[owner] == line)
        mark = "" if len(distinct) == 1 else "  <- DIFFERS"
        rows.append([name, roubles(line.charged), roubles(line.returned), _signed(line.net), owners + mark])
    return rows


def _signed(amount: int) -> str:
    return f"-{roubles(-amount)}" if amount < 0 else roubles(amount)


def findings(screen: Screen, flaws: Sequence[str], differences: Sequence[Difference], violations: Sequence[Mapping[str, Any]]) -> None:
    """Everything that is not as it should be, by name. A broken rule of the payment API is told but not counted: it moves no money, and on
    a slow machine a poll may look too soon that was sent in time."""
    for one in violations:
        screen.line(f"The bank complains: {one['kind']} in {one['operation']} {one['request_id']} {one['detail']}", "yellow")
    for flaw in flaws:
        screen.line(f"Ended otherwise: {flaw}", "bold red")
    for difference in differences:
        screen.line(f"Unaccounted: {difference}", "bold red")
    if not flaws and not differences:
        screen.line("Every scene ended as it should, and the three books agree to the kopeck.", "green")


def logs(screen: Screen, stage: Stage) -> None:
    """The last lines of both processes, for whoever looks for the reason."""
    actors: tuple[Actor, ...] = (stage.bank, stage.agent)
    for actor in actors:
        screen.heading(f"The last of {actor.log}")
        screen.line(actor.tail() or "(nothing)")
