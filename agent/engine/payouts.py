"""The payouts that are alive, beside the sales and out of their way.

Their stewards, tasks and places on the wire are their own: a payout's outage never delays a sale, nor the reverse. What they share with the
sales is the journal, what is set aside, and the end of the process when the journal breaks.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agent.core import events as shared
from agent.core.machine import IllegalTransition
from agent.core.model import SaleId
from agent.core.payout import asked, stored
from agent.core.payout.answer import row
from agent.core.payout.events import Event
from agent.core.payout.fold import replay
from agent.core.payout.payout import Payout
from agent.core.ports import Corrupt, JournalBroken, JournalFull
from agent.engine.aside import Aside
from agent.engine.errors import Refusal, Stopped
from agent.engine.payout_duties import PayoutDuties
from agent.engine.payout_places import PayoutPlaces
from agent.engine.payout_steward import PayoutSteward
from agent.engine.roster import Roster
from agent.engine.rounds import Rounds
from agent.engine.setup import Ports, Setup

STOP_LIMIT_S = 2.0  # for tasks to notice that they are cancelled
UNMARKED = "the journal was restored, and the disk of this till is too full to record what that means"


class Payouts:
    """Drives every unsettled payout to its end. ``fail``: the journal is broken, and the process must end."""

    def __init__(
        self, ports: Ports, setup: Callable[[], Setup], aside: Aside, fail: Callable[[BaseException], None], rounds: Rounds
    ) -> None:
        self._ports, self._setup, self._aside, self._fail, self._rounds = ports, setup, aside, fail, rounds
        self.on_news: Callable[[PayoutSteward], None] = lambda steward: None  # one was taken in, or has changed (see hints)
        self._roster = Roster[PayoutSteward]()
        self.places = PayoutPlaces()
        self._tasks: dict[SaleId, asyncio.Task[None]] = {}
        self.taking = asyncio.Lock()  # one new payout at a time: together two could pass a limit that each of them keeps
        self._loading = asyncio.Lock()
        self._working = False

    # --- life ---

    @property
    def alive(self) -> Sequence[PayoutSteward]:
        return tuple(steward for steward in self._roster if not steward.parked)

    @property
    def flights(self) -> Sequence[asyncio.Task[Any]]:
        """What is under way: an orderly stop waits for it."""
        return [flight for steward in self._roster for flight in steward.flights]

    def run_all(self) -> None:
        """Recovery is over: let every steward work."""
        self._working = True
        for steward in self.alive:
            self._run(steward)

    def rouse(self) -> None:
        """The configuration was exchanged."""
        for steward in self._roster:
            steward.rouse()

    async def stop(self) -> None:
        """Begin nothing more."""
        self.places.close()
        tending = list(self._tasks.values())
        self._rest()
        if tending:
            await asyncio.wait(tending, timeout=STOP_LIMIT_S)

    def _rest(self) -> None:
        """No steward does anything more."""
        self._working = False
        for task in tuple(self._tasks.values()):
            if task is not asyncio.current_task():
                task.cancel()

    # --- recovery ---

    async def recover(self, payout_id: SaleId, restore: str | None) -> bool:
        """Whether the payout has its steward. ``restore``: of a journal that is not released yet, what it says of its restore. One poisoned
        record must not keep the till from starting (promise P20). Raises JournalBroken."""
        try:
            steward = await self.load(payout_id)
        except (Corrupt, IllegalTransition, ValueError) as error:
            self._aside.put(payout_id, str(error))
            return False
        assert steward is not None, "the journal named it"
        try:
            await self._mark(steward, restore)
        except JournalBroken:
            raise
        except Exception as error:  # noqa: BLE001 - the payout's boundary, as at work: whatever is wrong with it is its own affair
            self.set_aside(steward, error)
            return False
        return True

    async def _mark(self, steward: PayoutSteward, restore: str | None) -> None:
        """Before anything else is decided: what the last process left open may have been sent, and after a restore nothing counts as never
        sent. A full disk must not keep the till from starting (promise P13): until there is room to say so, the payout stands still."""

        def marks(payout: Payout) -> Sequence[Event]:
            return asked.marked(payout, restore, self._ports.clock.now())

        async def mark_in_time() -> None:
            await steward.insist(marks)
            steward.unmarked = False
            self._run(steward)

        try:
            await steward.record(marks)
        except JournalFull:
            steward.unmarked = True
            steward.spawn(mark_in_time())

    # --- stewards ---

    def adopt(self, payout: Payout, secret_names: frozenset[str]) -> PayoutSteward:
        """Put a payout under a steward. One that has a steward already keeps it."""
        known = self._roster.get(payout.id)
        if known is not None:
            return known
        steward = PayoutSteward(self._ports, self._setup, payout, secret_names, self._changed, self.set_aside)
        self._roster.add(steward)
        self._run(steward)
        self._roster.forget_idle(self._tasks)
        self.on_news(steward)
        return steward

    def _run(self, steward: PayoutSteward) -> None:
        if not self._working or steward.parked or steward.unmarked or steward.id in self._tasks or not steward.owing:
            return
        task = asyncio.ensure_future(self._tend(steward))
        self._tasks[steward.id] = task
        task.add_done_callback(lambda _: self._tended(steward))

    def hear(self, steward: PayoutSteward) -> bool:
        """A message of the system speaks of this payout. Whether a look follows."""
        heard = steward.hear()
        self._run(steward)
        return heard

    def _tended(self, steward: PayoutSteward) -> None:
        self._tasks.pop(steward.id, None)
        self._run(steward)

    async def _tend(self, steward: PayoutSteward) -> None:
        try:
            duties = PayoutDuties(steward, self.places)
            while steward.owing:
                steward.wake.clear()
                owed = steward.owed()
                if owed and owed[0].at <= self._ports.clock.now().ticks:
                    with self._rounds.duty(steward.id):
                        await duties.perform(owed[0])
                else:
                    await steward.sleep_until(owed[0].at if owed else None)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the task's boundary: one payout must not take the others with it
            self.set_aside(steward, error)

    def set_aside(self, steward: PayoutSteward, error: BaseException) -> None:
        """A broken journal ends the process; a payout that cannot be handled is parked and blocks nobody (promise P20)."""
        if isinstance(error, JournalBroken):
            self._rest()
            self._fail(error)
            return
        steward.parked = True
        task = self._tasks.pop(steward.id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        self._aside.put(steward.id, repr(error))
        steward.rouse()

    def _changed(self, steward: PayoutSteward, found: Sequence[Event]) -> None:
        for event in found:
            self._tell_people(steward.payout, event)
        self._run(steward)
        self._roster.forget_idle(self._tasks)
        if found:
            self.on_news(steward)

    def _tell_people(self, payout: Payout, event: Event) -> None:
        if isinstance(event, shared.AttemptStarted):
            event = replace(event, request=None)  # the journal holds it
        kind, body = stored.encode(event)
        level = "alarm" if isinstance(event, shared.AlarmRaised) else "payout"
        now = {"state": payout.state.value, "money": row(payout).money}
        self._ports.notice(f"{level}.{kind}", payout.id, **{**body, "provider": payout.binding.provider, **now})

    # --- finding payouts ---

    def at_hand(self, payout_id: SaleId) -> PayoutSteward | None:
        """The steward of a payout that is in memory. Raises Refusal RECORD_DAMAGED DISK_FULL."""
        self._aside.refuse(payout_id)
        steward = self._roster.get(payout_id)
        if steward is not None and steward.unmarked:
            raise Refusal("DISK_FULL", UNMARKED)
        return steward

    async def open(self, payout_id: SaleId) -> PayoutSteward | None:
        """The steward of a stored payout; None if there is no such payout. Raises Refusal RECORD_DAMAGED DISK_FULL, Stopped."""
        steward = self.at_hand(payout_id)
        if steward is not None:
            return steward
        try:
            async with self._loading:  # read while another is at work on it, a record would be old when it is taken over
                return self.at_hand(payout_id) or await self.load(payout_id)
        except JournalBroken as error:
            self._fail(error)
            raise Stopped("the journal is broken; the agent restarts") from error
        except (Corrupt, IllegalTransition, ValueError) as error:
            self._aside.put(payout_id, str(error))
            self._aside.refuse(payout_id)
            raise

    async def load(self, payout_id: SaleId) -> PayoutSteward | None:
        """Read, verify and fold a stored payout. Raises Corrupt, IllegalTransition, ValueError, JournalBroken."""
        entries = await self._ports.journal.stream(payout_id)
        if entries is None:
            return None
        payout = replay(payout_id, ((stored.decode(entry.kind, entry.body), entry.stamp) for entry in entries))
        return self.adopt(payout, frozenset(await self._ports.journal.secrets(payout_id)))
