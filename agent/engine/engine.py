"""The engine: the sales that are alive, their stewards, and the way in for the POS.

Everything a POS can do passes here and is on disk before it is answered (promise P10). ``open`` finds a sale whether it is alive or only
stored; there is never more than one steward for one sale. What a broken journal means is decided here too: nothing more is taken, and
``failed`` tells the runtime to end the process, for only a new start can know what was stored (promise P12).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from agent.core import answer, events, stored
from agent.core.duty import Memory
from agent.core.events import Event
from agent.core.fold import replay
from agent.core.machine import IllegalTransition
from agent.core.model import SaleId, Stamp
from agent.core.obligations import owes
from agent.core.payment import IN_LANE, PaymentState
from agent.core.payout.name import is_payout
from agent.core.ports import Append, Card, Corrupt, JournalBroken
from agent.core.sale import Sale
from agent.engine.aside import Aside
from agent.engine.availability import Availability
from agent.engine.couriers import Couriers
from agent.engine.duties import Duties
from agent.engine.errors import Refusal, Stopped
from agent.engine.lanes import Lanes
from agent.engine.payouts import Payouts
from agent.engine.roster import Roster
from agent.engine.rounds import Rounds
from agent.engine.setup import Ports, Setup
from agent.engine.steward import Decider, Steward

T = TypeVar("T")

STOP_LIMIT_S = 2.0  # for tasks to notice that they are cancelled


class Engine:
    """Drives every unsettled sale to its end. ``start`` recovers what is owed before anything new may be taken."""

    def __init__(self, ports: Ports, setup: Setup) -> None:
        self.ports = ports
        self.setup = setup
        self.started: Stamp = ports.clock.now()
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self.lanes = Lanes(self._became_head)
        self.aside = Aside(ports, self.fail)
        self.availability = Availability(ports, lambda: self.setup)
        self.rounds = Rounds()
        self.payouts = Payouts(ports, lambda: self.setup, self.aside, self.fail, self.rounds)
        self.on_news: Callable[[Steward], None] = lambda steward: None  # a sale was taken in, or has changed (see hints)
        self._roster = Roster[Steward]()
        self._couriers = Couriers()
        self._tasks: dict[SaleId, asyncio.Task[None]] = {}
        self._loading: dict[SaleId, asyncio.Task[Steward | None]] = {}
        self.lasting: Callable[[], bool] = lambda: True  # whether what is recorded now will be found after this process
        self._closing = False
        self._recovered = False
        self._held = 0  # reasons to take no new wishes just now
        self._writing = 0  # wishes of a POS that are being recorded
        self._written = asyncio.Event()

    # --- life ---

    @property
    def alive(self) -> Sequence[Steward]:
        """The stewards at work: what is owed, and what was asked for lately."""
        return tuple(steward for steward in self._roster if not steward.parked)

    @property
    def closing(self) -> bool:
        return self._closing

    def check_running(self) -> None:
        """Raises Stopped when nothing may be taken: before recovery is over, and once the agent stops."""
        if not self._recovered or self._closing or self.failed.done():
            raise Stopped("the agent is starting or stopping; ask again in a moment")
        if self._held:
            raise Stopped("the agent is taking over a changed configuration; ask again in a moment")

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Inside, no new wish of a POS is taken and none is half recorded: what the journal says holds until the end of the block."""
        self._held += 1
        try:
            while self._writing:
                self._written.clear()
                await self._written.wait()
            yield
        finally:
            self._held -= 1

    def reconfigure(self, setup: Setup, card: Card | None) -> None:
        """From now on this configuration is in force, for the sales at work too. Their bindings do not change (money rule 10)."""
        self.setup = setup
        self.ports.card = card
        for steward in self._roster:
            steward.rouse()
        self.payouts.rouse()

    async def stop(self, grace_s: float) -> None:
        """Take nothing more, let what is in flight end and be recorded for at most ``grace_s`` seconds, then let go."""
        self._closing = True
        self._couriers.close()
        tending = list(self._tasks.values())
        for task in tending:
            task.cancel()
        if tending:
            await asyncio.wait(tending, timeout=STOP_LIMIT_S)
        await self.payouts.stop()
        await self.availability.stop()
        self.ports.scans.clear()
        loop = asyncio.get_running_loop()
        end = loop.time() + grace_s
        while (flights := self._flights()) and (left := end - loop.time()) > 0:  # again, because a late answer lands as a flight of its own
            await asyncio.wait(flights, timeout=left)
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights, timeout=STOP_LIMIT_S)

    def _flights(self) -> Sequence[asyncio.Task[Any]]:
        return [*self.aside.tasks, *self.payouts.flights, *(flight for steward in self._roster for flight in steward.flights)]

    def fail(self, error: BaseException) -> None:
        """Take nothing more, and end the process: only a new start can know what was stored."""
        self._closing = True
        if not self.failed.done():
            self.ports.notice("engine.failed", problem=repr(error))
            self.failed.set_result(error)

    @property
    def standstill_s(self) -> float:
        """For how many seconds no steward, of sales or of payouts, has done anything of what is due; 0 when nothing is due."""
        return self.rounds.still_s

    @property
    def standing(self) -> Mapping[SaleId, float]:
        """The sales and payouts with a due duty that is being done, and for how many seconds."""
        return self.rounds.due

    # --- stewards ---

    def adopt(self, sale: Sale, secret_names: frozenset[str]) -> Steward:
        """Put a sale under a steward; its task runs while something is owed, once recovery is over. A sale that has one already keeps it:
        whoever read the disk meanwhile may have been faster."""
        known = self._roster.get(sale.id)
        if known is not None:
            return known
        memory = Memory(self.started)
        steward = Steward(self.ports, lambda: self.setup, sale, memory, secret_names, self._changed, self.set_aside)
        self._roster.add(steward)
        if sale.payment in IN_LANE:
            self.lanes.enter(sale.id, sale.binding.provider)
        memory.head = self.lanes.is_head(sale.id)
        self._run(steward)
        self._roster.forget_idle(self._tasks)
        self.on_news(steward)
        return steward

    def run_all(self) -> None:
        """Recovery is over: let every steward work."""
        self._recovered = True
        for steward in self.alive:
            self._run(steward)
        self.payouts.run_all()

    def marked(self, steward: Steward) -> None:
        """What a restore means for the sale is on the disk: it may work."""
        steward.unmarked = False
        self._run(steward)

    def _run(self, steward: Steward) -> None:
        sale_id = steward.sale.id
        if not self._recovered or self._closing or steward.parked or steward.unmarked or sale_id in self._tasks or not owes(steward.sale):
            return
        task = asyncio.ensure_future(self._tend(steward))
        self._tasks[sale_id] = task
        task.add_done_callback(lambda _: self._tended(steward))

    def _tended(self, steward: Steward) -> None:
        """The task is over. Something may have become owed while it was ending."""
        self._tasks.pop(steward.sale.id, None)
        self._run(steward)

    async def _tend(self, steward: Steward) -> None:
        try:
            duties = Duties(steward, self._couriers)
            while owes(steward.sale):
                steward.wake.clear()
                owed = steward.owed()
                if owed and owed[0].at <= self.ports.clock.now().ticks:
                    with self.rounds.duty(steward.sale.id):
                        await duties.perform(owed[0])
                else:
                    await steward.nap(owed)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the task's boundary: one sale must not take the others with it
            self.set_aside(steward, error)

    def set_aside(self, steward: Steward, error: BaseException) -> None:
        """A broken journal ends the process; a sale that cannot be handled is parked and blocks nobody (promise P20)."""
        if isinstance(error, JournalBroken):
            self.fail(error)
            return
        steward.parked = True
        sale_id = steward.sale.id
        self.lanes.leave(sale_id)
        task = self._tasks.pop(sale_id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        self.aside.put(sale_id, repr(error))
        steward.rouse()

    def _changed(self, steward: Steward, found: Sequence[Event]) -> None:
        sale = steward.sale
        for event in found:
            self._tell_people(sale, event)
        self.lanes.follow(sale.id, sale.payment)
        steward.memory.head = self.lanes.is_head(sale.id)
        self._run(steward)
        self._roster.forget_idle(self._tasks)
        if found:
            self.on_news(steward)

    def _tell_people(self, sale: Sale, event: Event) -> None:
        if isinstance(event, events.AttemptStarted):
            event = replace(event, request=None)  # the journal holds it; a log line does not need the bill
        kind, body = stored.encode(event)
        body.pop("rows", None)
        body.pop("invoice", None)  # of a fiscal receipt: it may name a cashier
        body.pop("link", None)  # whoever has it can pay
        level = "alarm" if isinstance(event, events.AlarmRaised) else "sale"
        now = {"state": sale.payment.value, "money": answer.money(sale).value}
        self.ports.notice(f"{level}.{kind}", sale.id, **{**body, "provider": sale.binding.provider, **now})

    def _became_head(self, sale_id: SaleId) -> None:
        steward = self._roster.get(sale_id)
        if steward is not None:
            steward.memory.head = True
            steward.wake.set()

    # --- finding sales ---

    def at_hand(self, sale_id: SaleId) -> Steward | None:
        """The steward of a sale that is in memory. Raises Refusal RECORD_DAMAGED DISK_FULL."""
        self.aside.refuse(sale_id)
        steward = self._roster.get(sale_id)
        if steward is not None and steward.unmarked:
            raise Refusal("DISK_FULL", "the journal was restored, and the disk of this till is too full to record what that means")
        return steward

    async def open(self, sale_id: SaleId) -> Steward | None:
        """The steward of a stored sale; None if there is no such sale. Raises Refusal RECORD_DAMAGED DISK_FULL, Stopped."""
        steward = self.at_hand(sale_id)
        if steward is not None:
            return steward
        loading = self._loading.get(sale_id)
        if loading is None:
            loading = asyncio.ensure_future(self.load(sale_id))
            self._loading[sale_id] = loading
            loading.add_done_callback(lambda _: self._loading.pop(sale_id, None))
        try:
            return await self.reading(asyncio.shield(loading))
        except (Corrupt, IllegalTransition, ValueError) as error:
            self.aside.put(sale_id, str(error))
            self.aside.refuse(sale_id)
            raise

    async def load(self, sale_id: SaleId) -> Steward | None:
        """Read, verify and fold a stored sale; a payout is none. Raises Corrupt, IllegalTransition, ValueError."""
        if is_payout(sale_id):
            return None
        entries = await self.ports.journal.stream(sale_id)
        if entries is None:
            return None
        sale = replay(sale_id, ((stored.decode(entry.kind, entry.body), entry.stamp) for entry in entries))
        names = frozenset(await self.ports.journal.secrets(sale_id))
        return self.adopt(sale, names)

    async def reading(self, work: Awaitable[T]) -> T:
        """Work of the journal for a request of a POS: a broken journal ends the engine. Raises Stopped."""
        try:
            return await work
        except JournalBroken as error:
            self.fail(error)
            raise Stopped("the journal is broken; the agent restarts") from error

    async def append(self, step: Append) -> None:
        """Store a first step. Raises Conflict, JournalFull; a broken journal ends the engine."""
        with self._recording():
            await self.reading(self.ports.journal.append(step))

    # --- for the POS ---

    async def tell(self, steward: Steward, by: str) -> None:
        """Hand a finished answer out: from now on it is frozen (money rule 5). Nothing happens to an unfinished one."""
        if steward.sale.finished and steward.sale.told is None and steward.sale.payment is not PaymentState.ELSEWHERE:
            await self.record(steward, lambda sale: [answer.told_now(sale, by)] if sale.finished and sale.told is None else [])

    async def record(self, steward: Steward, decider: Decider, secrets: Mapping[str, str] | None = None) -> Sequence[Event]:
        """``Steward.record`` for requests of a POS: a broken journal ends the engine. Raises JournalFull, Stopped."""
        return await self.writing(steward.record(decider, secrets))

    async def writing(self, work: Awaitable[T]) -> T:
        """A record of the journal for a request of a POS, of a sale or a payout. Raises JournalFull, Stopped."""
        with self._recording():
            return await self.reading(work)

    @contextmanager
    def _recording(self) -> Iterator[None]:
        self._writing += 1
        try:
            yield
        finally:
            self._writing -= 1
            self._written.set()

    async def wait(self, steward: Steward, seconds: float, for_link: bool = False) -> None:
        """Until the sale is finished or needs a person, at most so long; ``for_link``: also until the customer has a link to pay by. Never
        touches the network."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not steward.sale.finished and steward.sale.payment is not PaymentState.ATTENTION:
            left = end - loop.time()
            if left <= 0 or steward.parked or self.failed.done() or (for_link and answer.payable_link(steward.sale)):
                return
            await steward.changed_within(left)
