"""The whole evening: set the stage, play the scenes, compare the books, say how much nobody can account for.

What happens at the same time, and what must not, is decided here: the scenes of the first act meet no fault that another one could take;
the money that comes late is awaited while the next scenes play; the network is cut last, for it is cut for everybody.
"""

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.core.fold import replay
from agent.core.machine import IllegalTransition
from agent.core.ports import JournalError, Query
from agent.core.sale import Sale
from agent.core.stored import UnknownEvent, decode
from agent.demo import report
from agent.demo.books import Books, Owner, bank_book, compare, journal_book, register_book
from agent.demo.director import Director
from agent.demo.house import House, Scene
from agent.demo.plants import FAULTS
from agent.demo.scenes import PROGRAMME
from agent.demo.screen import Screen
from agent.demo.stage import Stage, StageFailed
from agent.edges.journal import open_read_only
from drivers.client import CallFailed, Client, Unreachable

TOTAL_LIMIT_S = 170.0  # from the first line to the end of the last scene, on a slow machine that is busy; usually it takes 40 s
QUIET_LIMIT_S = 20.0  # for what is still owed when the last scene has ended
QUIET_PAUSE_S = 0.2
MAX_SALES = 500
INTERRUPTED = 130  # as a shell says it

FIRST_ACT = frozenset({1, 2, 3, 4, 9, 10, 11, 12, 13})
LATE_MONEY = 8
LOST_ANSWER = 5
KILLED = 7
OUTAGE = 6


def play(plant: str | None, keep: bool, scenes: Collection[int] = frozenset(PROGRAMME)) -> int:
    """Play ``scenes``, with the bug ``plant`` if one is named. Returns the exit status: 0 only when every scene ended as its story says and
    every kopeck is accounted for. ``keep``: leave the folder with configuration, journal and logs behind; so does a failure."""
    screen, stage = Screen(), Stage(keep)
    try:
        with stage:
            unaccounted = _evening(screen, stage, plant, scenes)
            failed = unaccounted is None or (unaccounted > 0 and plant is None)
            if failed:
                stage.keep = True
                report.logs(screen, stage)
    except KeyboardInterrupt:
        screen.line("\nEnded early; no process is left behind.")
        return INTERRUPTED
    finally:
        if stage.keep:
            screen.line(f"\nConfiguration, journal and logs are in {stage.folder}")
    if unaccounted is None:
        return 1
    screen.line(f"{unaccounted} unaccounted", "bold green" if unaccounted == 0 else "bold red")
    return 1 if unaccounted else 0


@dataclass(slots=True)
class Records:
    """What is left when the scenes have ended."""

    house: House
    ledger: dict[str, Any] = field(default_factory=dict)


def _evening(screen: Screen, stage: Stage, plant: str | None, scenes: Collection[int]) -> int | None:
    """How many differences and flaws there are; None if it could not be played to its end."""
    try:
        report.opening(screen, plant)
        stage.open_bank()
        stage.open_agent()
        stage.wait_for_agent()
        screen.happened("the bank and the agent are ready")
        records = asyncio.run(_perform(screen, stage, plant, scenes))
        flaws = [f"scene {number}: {text}" for number, text in sorted(records.house.flaws.items())]
        status = stage.agent.stop()
        if status != 0:
            flaws.append(f"the agent did not end in good order, its exit status is {status}")
        sales = asyncio.run(_read(stage.journal))
    except (StageFailed, Unreachable, JournalError, UnknownEvent, IllegalTransition) as error:
        _broken_off(screen, str(error))
        return None
    except TimeoutError:
        _broken_off(screen, f"the scenes did not end within {TOTAL_LIMIT_S:g} s")
        return None
    books: Books = {
        Owner.REGISTER: register_book(records.house.book.sales.values(), records.house.book.refunds.values()),
        Owner.JOURNAL: journal_book(sales),
        Owner.BANK: bank_book(records.ledger["entries"]),
    }
    differences = compare(books)
    report.programme(screen, records.house, records.ledger["entries"])
    report.books(screen, books)
    report.findings(screen, flaws, differences, records.ledger["violations"])
    return len(flaws) + len(differences)


def _broken_off(screen: Screen, why: str) -> None:
    screen.line(f"\nThe demonstration broke off: {why}.", "bold red")


# --- the scenes ---


async def _perform(screen: Screen, stage: Stage, plant: str | None, scenes: Collection[int]) -> Records:
    async with asyncio.timeout(TOTAL_LIMIT_S - screen.seconds), Director(stage.control_url) as director:
        if plant is not None:
            await director.fault(FAULTS[plant].kind, FAULTS[plant].operation, FAULTS[plant].system)
        records = Records(House(stage, director, screen.told))
        try:
            await _acts(screen, records.house, scenes)
            await _quiet(stage)
            records.ledger = await director.ledger()
        finally:
            await records.house.close()
        return records


async def _acts(screen: Screen, house: House, scenes: Collection[int]) -> None:
    async def scene(number: int) -> None:
        if number in scenes:
            entry = PROGRAMME[number]
            await house.play(Scene(house, number, entry.title), entry.story)

    async def act(number: int, heading: str) -> None:
        if number in scenes:
            screen.heading(heading)
            await scene(number)

    async with asyncio.TaskGroup() as evening:
        screen.heading("All tills at once")
        late = evening.create_task(scene(LATE_MONEY))
        await asyncio.gather(*(scene(number) for number in sorted(FIRST_ACT)))
        await act(LOST_ANSWER, "The bank takes a payment, and its answer is lost on the way")
        await act(KILLED, "The agent is killed while a customer pays")
        if not late.done():
            screen.heading("Waiting for the money that comes after its cancel")
        await late
        await act(OUTAGE, "The network is cut for 20 s, and two customers come")


async def _quiet(stage: Stage) -> None:
    """Until the agent owes nothing any more, or long enough: what is still open then shows in the books."""
    end = time.monotonic() + QUIET_LIMIT_S
    try:
        async with await Client.connect(stage.admin_socket) as operator:
            while time.monotonic() < end:
                details = (await operator.call("agent.status"))["details"]
                if not details["open"] and not details["refundsOpen"]:
                    return
                await asyncio.sleep(QUIET_PAUSE_S)
    except CallFailed as error:
        raise StageFailed(f"the agent does not say what it still owes: {error}") from error


# --- the journal ---


async def _read(path: Path) -> list[Sale]:
    """Every sale of a journal that no agent uses any more, each event proved by its hash. Raises JournalError."""
    async with await open_read_only(path) as journal:
        sales = []
        for row in await journal.find(Query(limit=MAX_SALES)):
            entries = await journal.stream(row.id) or ()
            sales.append(replay(row.id, ((decode(entry.kind, entry.body), entry.stamp) for entry in entries)))
        return sales
