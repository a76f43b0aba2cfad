"""The steward: one task per unsettled sale that asks what is owed, does it, records the result, and asks again.

A steward is the only writer of its sale's stream, so positions never collide; requests of the POS record through it, under the same lock.
It holds nothing that a crash may not take: kill it anywhere, replay the stream, and the new one owes what the old one owed.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agent.core import answer, stored
from agent.core.duty import Duty, Memory, Owed
from agent.core.events import Event
from agent.core.fold import fold, open_sale
from agent.core.model import SaleId, Stamp
from agent.core.obligations import obligations, owes
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.ports import Append, Conflict, Entry, JournalFull
from agent.core.sale import Sale
from agent.engine.setup import Ports, Setup

MAX_NAP_S = 30.0  # look at the clock at least this often: a suspended till wakes up with deadlines behind it
FULL_DISK_RETRY_S = 1.0  # a result that could not be recorded is tried again this often
Decider = Callable[[Sale], Sequence[Event]]


@dataclass(slots=True, eq=False, weakref_slot=True)
class Steward:
    """The live form of a sale: its state, what this process remembers, and the means to change both."""

    ports: Ports
    current: Callable[[], Setup]  # asked anew each time: a reload exchanges the configuration under the sales at work
    sale: Sale
    memory: Memory
    secret_names: frozenset[str]
    on_change: Callable[["Steward", Sequence[Event]], None]
    on_failure: Callable[["Steward", BaseException], None]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    holds: dict[Duty, int] = field(default_factory=dict)
    flights: set[asyncio.Task[object]] = field(default_factory=set)
    watchers: set[asyncio.Event] = field(default_factory=set)
    shown_to: set[str] = field(default_factory=set)  # callers that were given the payment link by this process
    parked: bool = False
    unmarked: bool = False  # what a restore means for it is not on the disk yet: it may not work, and nobody may ask of it

    @property
    def setup(self) -> Setup:
        """The configuration in force now. A sale's policy may change between two of its calls, its binding never (money rule 10)."""
        return self.current()

    @property
    def policy(self) -> Policy:
        return self.setup.policy(self.sale.id.store_id, self.sale.id.terminal_id, self.sale.binding.provider)

    def hold(self, duty: Duty, wait_ms: int) -> None:
        """Do not try this duty again for a while: nothing was recorded that would delay it."""
        self.holds[duty] = self.ports.clock.now().ticks + wait_ms

    def owed(self) -> list[Owed]:
        """What the sale owes now, soonest first, with this process's own delays."""
        caps = self.setup.capabilities(self.sale.binding.provider)
        found = obligations(self.sale, self.ports.clock.now(), self.memory, self.policy, caps)
        held = [replace(one, at=max(one.at, self.holds.get(one.duty, one.at))) for one in found]
        return sorted(held, key=lambda one: one.at)

    async def record(self, decider: Decider, put_secrets: Mapping[str, str] | None = None) -> Sequence[Event]:
        """Decide on the present state and store the outcome in one step; empty if nothing changes. A caller that is cancelled does not
        take the step back: it is recorded all the same. Raises JournalFull, JournalBroken."""
        return await asyncio.shield(asyncio.ensure_future(self._record(decider, put_secrets or {})))

    async def _record(self, decider: Decider, put_secrets: Mapping[str, str]) -> Sequence[Event]:
        async with self.lock:
            found = decider(self.sale)
            if not found and not put_secrets:
                return ()
            step, sale = self._step(found, self.ports.clock.now(), put_secrets)
            await self.ports.journal.append(step)
            self.sale = sale
            self.secret_names = (self.secret_names | step.put_secrets.keys()) - step.drop_secrets
        self._changed(found)
        return found

    def _step(self, found: Sequence[Event], now: Stamp, put_secrets: Mapping[str, str]) -> tuple[Append, Sale]:
        sale = self.sale
        for event in found:
            sale = fold(sale, event, now)
        keep = answer.needed_secrets(sale, self.setup.capabilities(sale.binding.provider).needs_token)
        put = {name: value for name, value in put_secrets.items() if name in keep}
        return append_of(sale, self.sale.position, found, now, put, self.secret_names - keep), sale

    def _changed(self, found: Sequence[Event]) -> None:
        if found:
            self.memory.reads = 0
            self.memory.read_failures = 0
            self.holds.clear()
        self.on_change(self, found)
        self.rouse()

    def rouse(self) -> None:
        """Let everybody who waits for a change look again."""
        self.wake.set()
        for watcher in self.watchers:
            watcher.set()

    async def insist(self, decider: Decider, put_secrets: Mapping[str, str] | None = None) -> Sequence[Event]:
        """Record what must not be lost: while the disk is full, try again. A payment that meets another one of its order goes back."""
        wanted, full = decider, False
        while True:
            try:
                found = await self.record(wanted, put_secrets)
            except JournalFull:
                if not full:  # its beginning and its end are a line each
                    self.ports.notice("journal.full", self.sale.id)
                full = True
                await asyncio.sleep(FULL_DISK_RETRY_S)
            except Conflict:
                if wanted is not decider:
                    raise
                wanted = superseding(decider, self.ports.clock.now())
            else:
                if full:
                    self.ports.notice("journal.room", self.sale.id)
                return found

    async def changed_within(self, seconds: float) -> None:
        """Wait until the sale changes, at most so long."""
        watcher = asyncio.Event()
        self.watchers.add(watcher)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # not wait_for: before Python 3.12 it can swallow a cancellation
                    await watcher.wait()
        finally:
            self.watchers.discard(watcher)

    async def nap(self, owed: Sequence[Owed]) -> None:
        """Sleep until the next duty is due, something changes, or it is time to look at the clock."""
        seconds = MAX_NAP_S
        if owed:
            seconds = min(seconds, max(0, owed[0].at - self.ports.clock.now().ticks) / 1000)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wake.wait()

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Let something run beside the steward's task; an orderly stop waits for it."""
        task = asyncio.ensure_future(work)
        self.flights.add(task)
        task.add_done_callback(self.flight_ended)

    def flight_ended(self, task: asyncio.Task[object]) -> None:
        """A request's task is over; what it could not handle is the engine's to judge."""
        self.flights.discard(task)
        self.wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.on_failure(self, error)

    @property
    def settled(self) -> bool:
        """Nothing is owed or can be done, nothing is under way, nobody looks: the sale may leave the memory."""
        return (self.parked or not owes(self.sale)) and not self.flights and not self.watchers


def superseding(decider: Decider, now: Stamp) -> Decider:
    """A not-paid sale that nobody was told of turns out paid, but its order is paid or open elsewhere by now: the POS has moved on, so it
    is decided anew as if the not-paid answer had been handed out, and the money goes back."""

    def decide_again(sale: Sale) -> Sequence[Event]:
        if sale.payment not in (PaymentState.CANCELED, PaymentState.DECLINED) or sale.told is not None:
            raise Conflict(f"{sale.id}: the record does not take {[type(event).__name__ for event in decider(sale)]}")
        told = answer.told_now(sale, by="superseded")
        return [told, *decider(fold(sale, told, now))]

    return decide_again


def append_of(sale: Sale, position: int, found: Sequence[Event], now: Stamp, put: Mapping[str, str], drop: frozenset[str]) -> Append:
    """The journal's step that takes a stream from ``position`` to ``sale``."""
    entries = []
    for event in found:
        kind, body = stored.encode(event)
        entries.append(Entry(kind, now, body))
    return Append(sale.id, position, entries, answer.row(sale), put, drop)


def first_step(sale_id: SaleId, found: Sequence[Event], now: Stamp, secrets: Mapping[str, str]) -> tuple[Append, Sale]:
    """The step that begins a stream."""
    sale = open_sale(sale_id, found[0], now)
    for event in found[1:]:
        sale = fold(sale, event, now)
    return append_of(sale, 0, found, now, secrets, frozenset()), sale
