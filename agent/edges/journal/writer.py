"""The one task that writes.

Callers hand over a job and wait for its answer behind a shield: a caller that is cancelled stops waiting and changes nothing else. The
task takes all that is waiting, has it written and flushed as one transaction, and answers everybody: under load many steps share one flush.
In the quiet it moves the log into the file and empties it, which also ends what erased secrets left there.

The first I/O error ends the task for good. Whoever waits then, or comes later, gets JournalBroken.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import aiosqlite

from agent.core.ports import JournalBroken, JournalError, JournalFull
from agent.edges.journal.chain import Head
from agent.edges.journal.errors import translate
from agent.edges.journal.ledger import Ledger
from agent.edges.journal.reserve import LOOK_EVERY_S, Reserve
from agent.edges.journal.steps import Anchoring, Job, begins

MAX_GROUP_JOBS = 256  # keeps a commit to some milliseconds, so that the first of a flood is not kept waiting for the last
MAX_WAITING_JOBS = 4096  # more callers than this wait outside; a till has some dozens of tasks
COMMITS_PER_CHECKPOINT = 200  # under load the log is moved into the file this often ...
MAX_LOG_BYTES = 4 * 1024 * 1024  # ... and emptied when it is this long: a start after a power cut has to read all of it
IDLE_BEFORE_CHECKPOINT_S = 2.0  # longer than the pause between two steps of a sale in progress


@dataclass(frozen=True, slots=True)
class Statistics:
    """For status output. ``events`` are all in the file; the others count since the start.

    ``commits`` are transactions, ``groups`` those of more than one job; ``log_bytes`` is the present size of the write-ahead log. ``room``:
    the reserve against a full disk lies there; without it no sale may begin."""

    events: int
    jobs: int
    commits: int
    groups: int
    refused_full: int
    checkpoints: int
    log_bytes: int
    room: bool


class Checkpoint(Enum):
    """How far a checkpoint goes. PASSIVE moves what it can and waits for nobody; TRUNCATE also empties the log."""

    PASSIVE = "PASSIVE"
    TRUNCATE = "TRUNCATE"


@dataclass(frozen=True, slots=True)
class Round:
    """Nothing to write: come round, through the thread of the connection. Whoever waits for it knows that the writer gets on."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job | Checkpoint | Round
    answer: asyncio.Future[bool]


class Writer:
    """Owns the writing connection between ``start`` and ``stop``."""

    def __init__(self, connection: aiosqlite.Connection, ledger: Ledger, path: Path, idle_s: float, reserve: Reserve) -> None:
        self._connection, self._ledger, self._path, self._idle_s, self._reserve = connection, ledger, path, idle_s, reserve
        self._log = Path(f"{path}-wal")
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        self._places = asyncio.Semaphore(MAX_WAITING_JOBS)
        self._group: list[_Waiting] = []
        self._stopping = False
        self._failure: JournalBroken | None = None
        self._failed = asyncio.Event()
        self._since_checkpoint = 0
        self._long_reads = 0
        self._unmoved = False  # the log holds commits that a TRUNCATE would empty
        self._jobs = self._groups = self._refused_full = self._checkpoints = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Empty the log that an earlier run left and begin to serve. Raises JournalBroken."""
        await self._checkpoint(Checkpoint.TRUNCATE, warm=True)
        self.refuse_if_broken()
        self._task = asyncio.create_task(self._run(), name="journal-writer")

    async def submit(self, job: Job | Checkpoint | Round) -> bool:
        """Wait until the job is on disk; of a checkpoint, whether it was complete. Raises Conflict, JournalFull, JournalBroken."""
        async with self._places:
            self.refuse_if_broken()
            if self._stopping:
                raise JournalBroken(f"{self._path}: the journal is closed")
            waiting = _Waiting(job, asyncio.get_running_loop().create_future())
            self._queue.put_nowait(waiting)
            return await asyncio.shield(waiting.answer)

    async def stop(self) -> None:
        """Write what is queued, anchor the chain, empty the log, end. Never raises: ``failure`` tells whether all went well."""
        if not self._stopping:
            self._stopping = True
            self._queue.put_nowait(None)
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Close the connection, after ``stop``."""
        await self._connection.close()

    @property
    def failure(self) -> JournalBroken | None:
        return self._failure

    async def failed(self) -> JournalBroken:
        """Returns when the journal breaks, also if nobody was writing: the daemon must then stop."""
        await self._failed.wait()
        assert self._failure is not None
        return self._failure

    def refuse_if_broken(self) -> None:
        """Raises JournalBroken once anything has broken."""
        if self._failure is not None:
            raise JournalBroken(str(self._failure)) from self._failure

    def fail(self, failure: JournalBroken) -> None:
        """Nothing more is written. The first failure counts."""
        if self._failure is None:
            self._failure = failure
            self._failed.set()

    @contextmanager
    def long_read(self) -> Iterator[None]:
        """Inside, somebody reads for a long time: the log is moved and not emptied, for that waits for readers, and steps wait with it."""
        self._long_reads += 1
        try:
            yield
        finally:
            self._long_reads -= 1

    @property
    def head(self) -> Head:
        """The newest event on disk."""
        return self._ledger.head

    def statistics(self) -> Statistics:
        return Statistics(
            events=self._ledger.head.number,
            jobs=self._jobs,
            commits=self._ledger.commits,
            groups=self._groups,
            refused_full=self._refused_full,
            checkpoints=self._checkpoints,
            log_bytes=self._log_bytes(),
            room=not self._reserve.wanted,
        )

    # --- the task ---

    async def _run(self) -> None:
        try:
            while self._failure is None and await self._next_group():
                await self._serve()
            if self._failure is None:
                await self._write([Anchoring()])
                await self._checkpoint(Checkpoint.TRUNCATE, warm=False)
        except BaseException as error:
            broken = JournalBroken(f"{self._path}: the writer failed: {error!r}. The agent must start again and read")
            broken.__cause__ = error
            self.fail(broken)
            if not isinstance(error, Exception):
                raise
        finally:
            self._stopping = True
            self._turn_away()

    async def _next_group(self) -> bool:
        """Collect what is waiting into ``_group``. False when the writer shall end."""
        first = await self._next()
        taken = deque([first])
        while taken[-1] is not None and len(taken) < MAX_GROUP_JOBS and not self._queue.empty():
            taken.append(self._queue.get_nowait())
        self._group = [waiting for waiting in taken if waiting is not None]
        if taken[-1] is None and self._group:
            self._queue.put_nowait(None)  # first the group, then the end
        return bool(self._group)

    async def _next(self) -> _Waiting | None:
        while (self._unmoved or self._reserve.wanted) and self._failure is None:
            try:
                async with asyncio.timeout(LOOK_EVERY_S if self._reserve.wanted else self._idle_s):
                    return await self._queue.get()
            except TimeoutError:
                if self._unmoved:
                    await self._checkpoint(Checkpoint.TRUNCATE, warm=True)
                await self._look_for_room()
        return await self._queue.get()

    async def _serve(self) -> None:
        jobs = [(waiting, waiting.job) for waiting in self._group if not isinstance(waiting.job, Checkpoint | Round)]
        if jobs:
            outcomes = await self._write([job for _, job in jobs])
            for (waiting, _), outcome in zip(jobs, outcomes, strict=True):
                _answer(waiting, outcome)
        for waiting in self._group:
            if isinstance(waiting.job, Checkpoint):
                complete = self._failure is None and await self._checkpoint(waiting.job, warm=True)
                _answer(waiting, self._failure or complete)
            elif isinstance(waiting.job, Round):
                await self._connection.execute_fetchall("PRAGMA user_version")
                _answer(waiting, self._failure or True)
        self._group = []
        if self._since_checkpoint >= COMMITS_PER_CHECKPOINT:
            long = self._log_bytes() >= MAX_LOG_BYTES
            await self._checkpoint(Checkpoint.TRUNCATE if long else Checkpoint.PASSIVE, warm=False)

    async def _look_for_room(self) -> None:
        if self._reserve.wanted:
            await asyncio.to_thread(self._reserve.look)

    async def _write(self, jobs: list[Job]) -> list[JournalError | None]:
        """What becomes of each job. The first one that finds the device full gives the reserve up; what is in flight is then written into
        its room, and sales that would begin are turned away until the reserve lies there again."""
        await self._look_for_room()
        refused = JournalFull(f"{self._path}: the device is full; what room is left is kept for the sales in flight")
        outcomes: list[JournalError | None] = [refused if self._reserve.wanted and begins(job) else None for job in jobs]
        self._refused_full += len([one for one in outcomes if one])
        await self._commit(jobs, [place for place, outcome in enumerate(outcomes) if outcome is None], outcomes)
        full = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, JournalFull)]
        if full and not self._reserve.wanted and await asyncio.to_thread(self._reserve.release):
            await self._commit(jobs, [place for place in full if not begins(jobs[place])], outcomes)
        return outcomes

    async def _commit(self, jobs: Sequence[Job], places: Sequence[int], outcomes: list[JournalError | None]) -> None:
        """Write the jobs at these places as one group and put down what became of them."""
        if places:
            for place, outcome in zip(places, await self._write_group([jobs[place] for place in places]), strict=True):
                outcomes[place] = outcome

    async def _write_group(self, jobs: list[Job]) -> list[JournalError | None]:
        self._ledger.group = jobs
        await self._connection.commit()
        outcomes = list(self._ledger.outcomes)
        self._jobs += outcomes.count(None)
        self._groups += len(jobs) > 1
        self._since_checkpoint += 1
        self._unmoved = True
        for outcome in outcomes:
            if isinstance(outcome, JournalBroken):
                self.fail(outcome)
            self._refused_full += isinstance(outcome, JournalFull)
        return outcomes

    async def _checkpoint(self, mode: Checkpoint, *, warm: bool) -> bool:
        """Move the log into the file. A full device is no failure: all is in the log, and the next quiet tries again.

        ``warm``: after emptying, write one block at once. A log that begins anew costs one more flush: the quiet pays it, not a customer.
        """
        if self._failure is not None:
            return False
        put_off = self._long_reads > 0 and mode is Checkpoint.TRUNCATE
        if put_off:
            mode = Checkpoint.PASSIVE
        try:
            ((busy, _, _),) = await self._connection.execute_fetchall(f"PRAGMA wal_checkpoint({mode.value})")
            self._checkpoints += 1
            self._since_checkpoint = 0
            complete = not busy and not put_off
            if mode is Checkpoint.TRUNCATE:
                self._unmoved = not complete
                if complete and warm:
                    ((version,),) = await self._connection.execute_fetchall("PRAGMA user_version")
                    await self._connection.execute_fetchall(f"PRAGMA user_version={int(version)}")
        except sqlite3.Error as error:
            failure = translate(error, self._path)
            if isinstance(failure, JournalBroken):
                self.fail(failure)
            return False
        return complete

    def _turn_away(self) -> None:
        """Nobody is left waiting."""
        waiting = deque(self._group)
        while not self._queue.empty():
            left = self._queue.get_nowait()
            if left is not None:
                waiting.append(left)
        for each in waiting:
            _answer(each, self._failure or JournalBroken(f"{self._path}: the journal is closed"))

    def _log_bytes(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0


def _answer(waiting: _Waiting, outcome: JournalError | bool | None) -> None:
    if waiting.answer.done():
        return
    if isinstance(outcome, JournalError):
        own = type(outcome)(*outcome.args)  # one exception raised in many tasks would gather all their tracebacks
        own.__cause__ = outcome
        waiting.answer.set_exception(own)
        waiting.answer.exception()  # a caller that was cancelled will not ask: that is no "exception never retrieved"
    else:
        waiting.answer.set_result(outcome is not False)
