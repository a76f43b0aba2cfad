"""What the stewards of all streams share: one writer per stream, recording under a lock, and patience.

A keeper is the only writer of its stream, so positions never collide; requests of the POS record through it, under the same lock. It holds
nothing that a crash may not take: kill it anywhere, replay the stream, and the new one owes what the old one owed.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

from agent.core.model import SaleId, Stamp
from agent.core.ports import Append, Conflict, JournalFull
from agent.engine.setup import Ports, Setup

S = TypeVar("S")  # the state that the stream folds into
E = TypeVar("E")  # its events

MAX_NAP_S = 30.0  # look at the clock at least this often: a suspended till wakes up with deadlines behind it
FULL_DISK_RETRY_S = 1.0  # a result that could not be recorded is tried again this often


class Keeper(ABC, Generic[S, E]):
    """The live form of a stream: its state, and the means to change it. ``current``: the configuration, asked anew each time, for a reload
    exchanges it under what is at work."""

    def __init__(
        self,
        ports: Ports,
        current: Callable[[], Setup],
        state: S,
        secret_names: frozenset[str],
        on_change: Callable[[Self, Sequence[E]], None],
        on_failure: Callable[[Self, BaseException], None],
    ) -> None:
        self.ports, self.current, self.state, self.secret_names = ports, current, state, secret_names
        self.on_change: Callable[[Any, Sequence[E]], None] = on_change
        self.on_failure: Callable[[Any, BaseException], None] = on_failure
        self.lock = asyncio.Lock()
        self.wake = asyncio.Event()
        self.flights: set[asyncio.Task[object]] = set()
        self.watchers: set[asyncio.Event] = set()
        self.parked = False
        self.unmarked = False  # what a restore means for it is not on the disk yet: it may not work, and nobody may ask of it

    @property
    def setup(self) -> Setup:
        """The configuration in force now. A policy may change between two of its calls, a binding never (money rule 10)."""
        return self.current()

    @property
    @abstractmethod
    def id(self) -> SaleId:
        """The stream's name."""

    @property
    @abstractmethod
    def owing(self) -> bool:
        """Something is owed, or may be found out."""

    @abstractmethod
    def _step(self, found: Sequence[E], now: Stamp, put_secrets: Mapping[str, str]) -> tuple[Append, S]:
        """The journal's step for these events, and the state they lead to."""

    @abstractmethod
    def _recorded(self) -> None:
        """Something was recorded: forget what was only true before it."""

    def _after_conflict(self, decider: Callable[[S], Sequence[E]]) -> Callable[[S], Sequence[E]] | None:
        """How to decide when the journal's constraints forbid what was decided. None: there is no other way."""
        return None

    async def record(self, decider: Callable[[S], Sequence[E]], put_secrets: Mapping[str, str] | None = None) -> Sequence[E]:
        """Decide on the present state and store the outcome in one step; empty if nothing changes. A caller that is cancelled does not
        take the step back: it is recorded all the same. Raises JournalFull, JournalBroken."""
        return await asyncio.shield(asyncio.ensure_future(self._record(decider, put_secrets or {})))

    async def _record(self, decider: Callable[[S], Sequence[E]], put_secrets: Mapping[str, str]) -> Sequence[E]:
        async with self.lock:
            found = decider(self.state)
            if not found and not put_secrets:
                return ()
            step, state = self._step(found, self.ports.clock.now(), put_secrets)
            await self.ports.journal.append(step)
            self.state = state
            self.secret_names = (self.secret_names | step.put_secrets.keys()) - step.drop_secrets
        if found:
            self._recorded()
        self.on_change(self, found)
        self.rouse()
        return found

    async def insist(self, decider: Callable[[S], Sequence[E]], put_secrets: Mapping[str, str] | None = None) -> Sequence[E]:
        """Record what must not be lost: while the disk is full, try again."""
        wanted, full = decider, False
        while True:
            try:
                found = await self.record(wanted, put_secrets)
            except JournalFull:
                if not full:  # its beginning and its end are a line each
                    self.ports.notice("journal.full", self.id)
                full = True
                await asyncio.sleep(FULL_DISK_RETRY_S)
            except Conflict:
                again = self._after_conflict(decider)
                if wanted is not decider or again is None:
                    raise
                wanted = again
            else:
                if full:
                    self.ports.notice("journal.room", self.id)
                return found

    def rouse(self) -> None:
        """Let everybody who waits for a change look again."""
        self.wake.set()
        for watcher in self.watchers:
            watcher.set()

    async def changed_within(self, seconds: float) -> None:
        """Wait until the state changes, at most so long."""
        watcher = asyncio.Event()
        self.watchers.add(watcher)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # not wait_for: before Python 3.12 it can swallow a cancellation
                    await watcher.wait()
        finally:
            self.watchers.discard(watcher)

    async def sleep_until(self, tick: int | None) -> None:
        """Sleep until then (None: as long as may be), until something changes, or until it is time to look at the clock."""
        seconds = MAX_NAP_S
        if tick is not None:
            seconds = min(seconds, max(0, tick - self.ports.clock.now().ticks) / 1000)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wake.wait()

    def spawn(self, work: Coroutine[object, object, object]) -> None:
        """Let something run beside the keeper's task; an orderly stop waits for it."""
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
        """Nothing is owed or can be done, nothing is under way, nobody looks: it may leave the memory."""
        return (self.parked or not self.owing) and not self.flights and not self.watchers
