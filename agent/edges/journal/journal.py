"""The journal as the engine sees it: the writing half, the reading half, the lock, and the order in which they open and close."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.core.hints import KeptHint
from agent.core.model import SaleId
from agent.core.ports import Append, Entry, JournalBroken, Parked, Query, Row
from agent.edges.journal import checks, connect, copying, daily, place, readonly, restoring, steps
from agent.edges.journal.checks import Entropy
from agent.edges.journal.connect import WriterConnection, file_uri
from agent.edges.journal.copying import Copied
from agent.edges.journal.ledger import Ledger
from agent.edges.journal.lock import FileLock
from agent.edges.journal.reader import Reader, utc_now
from agent.edges.journal.reserve import Reserve
from agent.edges.journal.schema import CURRENT, Plan
from agent.edges.journal.verify import Verification
from agent.edges.journal.watermark import Watermark, inode
from agent.edges.journal.writer import IDLE_BEFORE_CHECKPOINT_S, Checkpoint, Round, Statistics, Writer


class SqliteJournal:
    """Implements ``agent.core.ports.Journal`` on one SQLite file. Made by ``open``; unclosed, its threads keep the process alive.

    ``continues``: whether this is the record that was last worked with here, or an older copy of it or another one (False); None if nothing
    was marked here before."""

    def __init__(self, path: Path, lock: FileLock, writer: Writer, reader: Reader) -> None:
        self._path, self._lock, self._writer, self._reader = path, lock, writer, reader
        self._closing: asyncio.Task[None] | None = None
        self.continues: bool | None = None
        self._marked: Watermark | None = None
        self._notes: dict[str, str | None] = {}  # as read or written by this process, which alone writes; every checkout asks for one
        reader.on_failure = writer.fail

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        allow_volatile: bool = False,
        clock: Callable[[], datetime] = utc_now,
        entropy: Entropy = secrets.token_bytes,
        idle_s: float = IDLE_BEFORE_CHECKPOINT_S,
        plan: Plan = CURRENT,
        reserve: Callable[[Path], Reserve] = lambda path: Reserve(path, 0),
        create: bool = True,
    ) -> Self:
        """Check the place, lock, migrate, verify, and be ready. Creates the file if there is none; without ``create`` that is a NoJournal.
        ``reserve`` makes what is kept against a full disk; by default nothing is.

        Raises a JournalUnusable that says what to do, JournalFull or JournalBroken. An ``open`` that is cancelled closes what it opened.
        """
        opening = asyncio.create_task(cls._open(path, allow_volatile, clock, entropy, idle_s, plan, reserve(path), create))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait([opening])
            if opening.exception() is None:
                await opening.result().close()
            raise

    @classmethod
    async def _open(
        cls,
        path: Path,
        allow_volatile: bool,
        clock: Callable[[], datetime],
        entropy: Entropy,
        idle_s: float,
        plan: Plan,
        reserve: Reserve,
        create: bool,
    ) -> Self:
        place.prepare(path, allow_volatile=allow_volatile)
        if not create:
            restoring.expect(path)
        async with contextlib.AsyncExitStack() as stack:
            lock = FileLock(path)
            stack.callback(lock.release)
            await asyncio.to_thread(restoring.finish, path)
            mark = lock.mark()
            place.check_whole(path, mark)
            if create:
                place.create(path)
            await asyncio.to_thread(reserve.prepare)
            check = partial(checks.prepare_writer, path=path, plan=plan, entropy=entropy)
            connection, raw, opened = await connect.connect(f"{file_uri(path)}?mode=rw", path, WriterConnection, check)
            stack.push_async_callback(connection.close)
            reader = await readonly.attach(f"{file_uri(path)}?mode=ro", path, clock, plan)
            raw.ledger = Ledger(raw, path, opened.digest_key, opened.head, opened.anchored, clock)
            stack.pop_all()
        journal = cls(path, lock, Writer(connection, raw.ledger, path, idle_s, reserve), reader)
        reader.mark(opened.damages)
        try:
            journal.continues = None if mark is None else await reader.goes_on_from(mark)
            await journal._writer.start()
        except JournalBroken:
            await journal.close()
            raise
        return journal

    async def close(self) -> None:
        """Write what is queued, anchor, empty the log, release the file. A second call waits for the first.

        Raises JournalBroken if this failed; what was acknowledged before is stored. A cancelled ``close`` goes on by itself.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        before = self._writer.failure
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._lock.release)
            await self._writer.stop()
            if self._marked is not None and self._writer.failure is None:
                with contextlib.suppress(OSError):  # the mark of a moment ago proves nearly as much
                    self.keep_mark()
            # The last connection to close moves the log into the file, hiding errors. There is nothing left to move if all went well;
            # after an I/O error nothing may be written, so then the last one is the connection that cannot.
            first, last = (self._reader, self._writer) if self._writer.failure is None else (self._writer, self._reader)
            stack.push_async_callback(last.close)
            stack.push_async_callback(first.close)
        if before is None:
            self._writer.refuse_if_broken()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    # --- writing ---

    async def append(self, step: Append) -> None:
        """Returns when the step is on disk. Raises Conflict, JournalFull, JournalBroken, and ValueError for what cannot be stored."""
        await self._writer.submit(steps.step_of(step))
        self._reader.unmark(step.id)

    async def park(self, sale_id: SaleId, reason: str, at: datetime, released: str | None = None) -> None:
        """Set a sale aside for good; again replaces what was said of it. ``released``: who took over what it owes. Raises JournalFull,
        JournalBroken."""
        await self._writer.submit(steps.parking_of(sale_id, reason, at, released))

    async def note(self, name: str, value: str | None) -> None:
        """Keep a small fact about the whole journal (None removes it). Raises JournalFull, JournalBroken, ValueError."""
        self._notes.pop(name, None)
        await self._writer.submit(steps.noting_of(name, value))
        self._notes[name] = value

    async def keep_hint(self, kept: KeptHint) -> None:
        """Keep a proven message until its sale is known. Raises JournalFull, JournalBroken, and ValueError for what cannot be stored."""
        await self._writer.submit(steps.hinting_of(kept))

    async def drop_hints(self, numbers: Collection[int]) -> None:
        """Keep these no longer. Raises JournalFull, JournalBroken."""
        await self._writer.submit(steps.Forgetting(tuple(numbers)))

    async def checkpoint(self) -> bool:
        """Move everything into the file and empty the log, which ends what erased secrets left there. False if a reader was in the way
        or the device is full; the writer tries again by itself. Raises JournalBroken."""
        return await self._writer.submit(Checkpoint.TRUNCATE)

    # --- reading ---

    @property
    def digest_key(self) -> bytes:
        return self._reader.digest_key

    async def stream(self, sale_id: SaleId) -> Sequence[Entry] | None:
        self._writer.refuse_if_broken()
        return await self._reader.stream(sale_id)

    async def secrets(self, sale_id: SaleId) -> Mapping[str, str]:
        self._writer.refuse_if_broken()
        return await self._reader.secrets(sale_id)

    async def owing(self) -> Sequence[SaleId]:
        self._writer.refuse_if_broken()
        return await self._reader.owing()

    async def neighbours(self, sale_id: SaleId, order_id: str) -> Sequence[Row]:
        self._writer.refuse_if_broken()
        return await self._reader.neighbours(sale_id, order_id)

    async def find(self, query: Query) -> Sequence[Row]:
        self._writer.refuse_if_broken()
        return await self._reader.find(query)

    async def refunded(self, since: datetime, until: datetime) -> Sequence[SaleId]:
        self._writer.refuse_if_broken()
        return await self._reader.refunded(since, until)

    async def parked(self) -> Sequence[Parked]:
        self._writer.refuse_if_broken()
        return await self._reader.parked()

    async def noted(self, name: str) -> str | None:
        self._writer.refuse_if_broken()
        if name not in self._notes:
            self._notes.setdefault(name, await self._reader.noted(name))  # what was written meanwhile is newer
        return self._notes[name]

    async def hints(self) -> Sequence[KeptHint]:
        self._writer.refuse_if_broken()
        return await self._reader.hints()

    # --- care ---

    async def verify_all(self) -> Verification:
        """Verify every stored record, beside the daily work. Damaged sales are marked: ``parked`` shows them. Raises JournalBroken."""
        self._writer.refuse_if_broken()
        verification = await daily.verify_all(self._path, self.digest_key)
        self._reader.mark(verification.damages)
        return verification

    async def backup(self, target: Path) -> Copied:
        """Write a proved copy without secrets to ``target``, beside the daily work. Raises CannotCopy, JournalUnusable, JournalBroken."""
        self._writer.refuse_if_broken()
        with self._writer.long_read():
            return await copying.copy(self._path, target, self.digest_key)

    async def come_round(self) -> None:
        """Returns when the writing task and the threads of both connections have come to this and done it. Writes nothing. Raises
        JournalBroken."""
        await self._writer.submit(Round())
        await self._reader.come_round()

    def keep_mark(self) -> None:
        """Write down beside the file how far the record is, if it has gone on since: a start with an older copy of it, or with another, is
        told by that. For the first time right after ``open``, while the files are surely ours; from then on also done at the close. Blocks
        for a moment. Raises OSError."""
        if self._marked is None:
            mark = Watermark(self._writer.head, inode(self._path), inode(Path(f"{self._path}-wal")))
        else:
            mark = replace(self._marked, head=self._writer.head)
        if mark != self._marked:
            self._lock.put_mark(mark)
            self._marked = mark

    async def failed(self) -> JournalBroken:
        """Returns when the journal breaks, also in the quiet: the daemon must then exit non-zero and start again."""
        return await self._writer.failed()

    def statistics(self) -> Statistics:
        """Counters for status output."""
        return self._writer.statistics()

    @property
    def wal_reset_bug(self) -> bool:
        """Whether this SQLite can corrupt the file if a second program writes to it at the same time: worth a line in the log."""
        return connect.library_has_wal_reset_bug()
