"""Everything that is read, over a connection that cannot write. Every record is proved before it is given out.

A damaged stream, secret or neighbour raises Corrupt: whoever asked for this one sale must not go on with it. In a list a damaged row is
left out and its sale is *marked*: ``parked`` shows it with the reason, and nobody else's list fails because of it. Marks live in memory;
the engine parks for good when it meets the sale itself.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosqlite

from agent.core import canonical
from agent.core.hints import Hint, KeptHint
from agent.core.model import SaleId, Stamp
from agent.core.ports import Corrupt, Entry, JournalBroken, Parked, Query, Row
from agent.edges.journal import chain, queries, rows, vault, verify
from agent.edges.journal.chain import GENESIS, EventText
from agent.edges.journal.errors import translate
from agent.edges.journal.steps import NOTE_PREFIX
from agent.edges.journal.verify import Damage
from agent.edges.journal.watermark import Watermark, inode

INLINE_ROWS = 32  # proving a row takes 50 us; more of them are proved on another thread, so that nobody waits for a long list


def utc_now() -> datetime:
    """The clock of marks and anchors."""
    return datetime.now(UTC)


class Reader:
    """The reading half of the journal."""

    def __init__(
        self,
        connection: aiosqlite.Connection,
        path: Path,
        digest_key: bytes,
        clock: Callable[[], datetime],
        clean_up: Callable[[], None] = lambda: None,
    ) -> None:
        """``clean_up`` runs after closing."""
        self._connection, self._path, self._key, self._clock, self._clean_up = connection, path, digest_key, clock, clean_up
        self._marked: dict[SaleId, Parked] = {}
        self.on_failure: Callable[[JournalBroken], None] | None = None

    @property
    def digest_key(self) -> bytes:
        """The key of keyed digests, made when the file was."""
        return self._key

    async def stream(self, sale_id: SaleId) -> Sequence[Entry] | None:
        """The verified events of a sale in order; None if there is none. Raises Corrupt, JournalBroken."""
        records = await self._fetch(queries.STREAM, queries.name_values(sale_id))
        if not records:
            return None
        if len(records) <= INLINE_ROWS:
            return entries_of(sale_id, records)
        return await asyncio.to_thread(entries_of, sale_id, records)

    async def secrets(self, sale_id: SaleId) -> Mapping[str, str]:
        """What is kept beside the sale by name. Raises Corrupt, JournalBroken."""
        return dict(vault.read(self._key, sale_id, await self._fetch(vault.SECRETS_OF, queries.name_values(sale_id))))

    async def owing(self) -> Sequence[SaleId]:
        """Sales whose row says ``owes``, in order of acceptance, without the parked ones. Raises JournalBroken."""
        return [SaleId(*name) for name in await self._fetch(queries.OWING)]

    async def goes_on_from(self, mark: Watermark) -> bool:
        """Whether this is the record that the mark was made of: by the newest event that was seen on disk then; where there was none yet,
        by the file. Raises JournalBroken."""
        if mark.head.number == 0:
            return mark.file == inode(self._path)
        return await self._fetch(queries.HASH_OF, (mark.head.number,)) == [(mark.head.hash,)]

    async def neighbours(self, sale_id: SaleId, order_id: str) -> Sequence[Row]:
        """Rows that decide about a new sale. One of them damaged raises Corrupt: this order, and no other, is not served."""
        records = await self._fetch(queries.NEIGHBOURS, (*queries.name_values(sale_id), order_id, sale_id.store_id))
        return [rows.unpack(record).row for record in records]

    async def find(self, query: Query) -> Sequence[Row]:
        """Rows, newest first. Damaged ones are left out and marked. Raises ValueError, JournalBroken."""
        records = await self._fetch(*queries.find(query))
        found, damages = _sound(records) if len(records) <= INLINE_ROWS else await asyncio.to_thread(_sound, records)
        self.mark(damages)
        return found

    async def refunded(self, since: datetime, until: datetime) -> Sequence[SaleId]:
        """Sales with an event about a settled refund in this time. Raises ValueError for a naive moment, JournalBroken."""
        return [SaleId(*name) for name in await self._fetch(queries.REFUNDED, (chain.spell_moment(since), chain.spell_moment(until)))]

    async def recent(self, events: int) -> Sequence[SaleId]:
        """The sales of the newest so many events, newest first. Raises JournalBroken."""
        return [SaleId(*name) for name in await self._fetch(queries.RECENT, (events,))]

    async def parked(self) -> Sequence[Parked]:
        """Sales whose record cannot be used: the parked ones, then those marked since the start. Raises JournalBroken."""
        stored = {entry.id: entry for entry in map(_parked, await self._fetch(queries.PARKED))}
        return [*stored.values(), *(mark for sale, mark in self._marked.items() if sale not in stored)]

    async def noted(self, name: str) -> str | None:
        """A small fact about the whole journal. Raises Corrupt, JournalBroken."""
        stored_name = NOTE_PREFIX + name
        for value, stored in await self._fetch(queries.META, (stored_name,)):
            if not chain.matches((stored_name, value), stored):
                raise Corrupt(f"the note {name!r} does not match its hash")
            return str(value, "utf-8")
        return None

    async def hints(self) -> Sequence[KeptHint]:
        """Messages that wait for their sale, oldest first, without the damaged ones. Raises JournalBroken."""
        return [_kept(values) for *values, stored in await self._fetch(queries.HINTS) if chain.matches(values, stored)]

    async def come_round(self) -> None:
        """Returns when the thread of the connection has come to this. Raises JournalBroken."""
        await self._fetch("PRAGMA user_version")

    def mark(self, damages: Sequence[Damage]) -> None:
        """Show damaged sales among the parked ones."""
        for damage in damages:
            if damage.sale is not None:
                self._marked.setdefault(damage.sale, Parked(damage.sale, damage.reason, self._clock()))

    def unmark(self, sale_id: SaleId) -> None:
        """The sale was read, proved and written anew."""
        self._marked.pop(sale_id, None)

    async def close(self) -> None:
        try:
            await self._connection.close()
        finally:
            self._clean_up()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _fetch(self, query: str, values: tuple[str | int, ...] = ()) -> list[Any]:
        try:
            return list(await self._connection.execute_fetchall(query, values))
        except sqlite3.Error as error:
            failure = translate(error, self._path)
            assert isinstance(failure, JournalBroken), failure  # reading fills no disk and breaks no constraint
            if self.on_failure is not None:
                self.on_failure(failure)
            raise failure from error


def entries_of(sale_id: SaleId, records: Sequence[Any]) -> Sequence[Entry]:
    """The proved events of a sale from the rows of ``queries.STREAM``. Raises Corrupt."""
    entries = []
    for expected, (length, *rest) in enumerate(records):
        name, (number, position, stored, *texts), before = rest[:3], rest[3:-1], rest[-1]
        previous = GENESIS if number == 1 else before
        if tuple(name) != queries.name_values(sale_id) or position != expected or length != len(records):
            raise Corrupt(f"events of sale {sale_id} are missing, or its name was changed")
        event = EventText(*texts)
        if not verify.link_holds(previous, name, position, event, stored):
            raise Corrupt(f"event {number} of sale {sale_id} does not match its hash")
        stamp = Stamp(datetime.fromisoformat(event.wall), event.boot, event.ticks)
        entries.append(Entry(event.kind, stamp, canonical.loads(event.body)))
    return entries


def _sound(records: Sequence[Any]) -> tuple[list[Row], list[Damage]]:
    found, damages = [], []
    for record in records:
        try:
            found.append(rows.unpack(record).row)
        except Corrupt as error:
            damages.append(Damage(str(error), rows.name_of(record)))
    return found, damages


def _kept(values: Sequence[Any]) -> KeptHint:
    number, provider, at, *named = values
    return KeptHint(number, provider, datetime.fromisoformat(at), Hint(*named))


def _parked(record: Sequence[Any]) -> Parked:
    *values, stored = record
    if chain.matches(values, stored):
        return Parked(SaleId(*values[:3]), values[3], datetime.fromisoformat(values[4]), values[5])
    return Parked(rows.name_of(values), "the record of this parked sale is itself damaged", datetime.fromtimestamp(0, UTC))
