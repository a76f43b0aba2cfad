"""Writes a group of jobs in one transaction, on the thread of the writer's connection.

Every job runs inside its own savepoint: one that does not fit is taken back alone, and the others of its group are committed
together. The end of the chain moves only when the commit has succeeded.
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from agent.core.ports import Conflict, JournalBroken, JournalError, JournalFull
from agent.edges.journal import chain, rows, vault
from agent.edges.journal.chain import Head
from agent.edges.journal.errors import translate
from agent.edges.journal.steps import Anchoring, Forgetting, Hinting, Job, Noting, Parking, Step

ANCHOR_EVENTS = 1000  # a start verifies at most about this many events: some 30 ms
DAY_CHARACTERS = 10  # of an ISO 8601 moment

SALE_BY_NAME = " ".join(("SELECT id,", rows.COLUMN_LIST, "FROM sale WHERE store_id = ? AND terminal_id = ? AND key = ?"))
INSERT_SALE = " ".join(("INSERT INTO sale (", rows.COLUMN_LIST, ", hash) VALUES (", ", ".join("?" * (len(rows.COLUMNS) + 1)), ")"))
INSERT_EVENT = "INSERT INTO event (number, sale, position, kind, wall, boot, ticks, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_ANCHOR = "INSERT INTO anchor (number, event_hash, at, hash) VALUES (?, ?, ?, ?)"
PUT_META = (
    "INSERT INTO meta (name, value, hash) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value, hash = excluded.hash"
)
PUT_PARKED = (
    "INSERT INTO parked (store_id, terminal_id, key, reason, at, released, hash) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (store_id, terminal_id, key)"
    " DO UPDATE SET reason = excluded.reason, at = excluded.at, released = excluded.released, hash = excluded.hash"
)
PUT_HINT = (
    "INSERT INTO hint (number, provider, at, transaction_id, reference, order_id, store_id, terminal_id, amount, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Ledger:
    """The writing end of the file. ``group`` and ``outcomes`` are handed over by the writer task before and after ``write``."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, key: bytes, head: Head, anchored: tuple[int, str], clock: Callable[[], datetime]
    ) -> None:
        """``anchored`` is the number of the last anchored event and the day (UTC) of that anchor."""
        self._connection, self._path, self._key, self._clock = connection, path, key, clock
        self.head, self.anchored = head, anchored
        self.group: Sequence[Job] = ()
        self.outcomes: Sequence[JournalError | None] = ()
        self.commits = 0

    def write(self) -> None:
        """Write ``group``; ``outcomes`` then holds, job by job, None for "on disk" or the error."""
        self.outcomes = self._write(self.group)

    def _write(self, jobs: Sequence[Job]) -> list[JournalError | None]:
        try:
            return self._commit(jobs)
        except sqlite3.Error as error:
            failure: JournalError = translate(error, self._path)
        if not self._roll_back():
            failure = JournalBroken(f"{self._path}: a failed transaction could not be rolled back")
        if isinstance(failure, JournalFull) and len(jobs) > 1:  # what is small, or frees something, may still fit
            return self._one_by_one(jobs)
        return [failure] * len(jobs)

    def _one_by_one(self, jobs: Sequence[Job]) -> list[JournalError | None]:
        outcomes: list[JournalError | None] = []
        for job in jobs:
            broken = outcomes and isinstance(outcomes[-1], JournalBroken)
            outcomes += outcomes[-1:] if broken else self._write([job])
        return outcomes

    def _commit(self, jobs: Sequence[Job]) -> list[JournalError | None]:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        head, outcomes = self.head, list[JournalError | None]()
        for job in jobs:
            execute("SAVEPOINT job")
            try:
                head = self._apply(job, head)
                outcomes.append(None)
            except (Conflict, sqlite3.IntegrityError) as error:
                execute("ROLLBACK TO job")
                outcomes.append(error if isinstance(error, Conflict) else translate(error, self._path))
            execute("RELEASE job")
        anchored = self._anchor(head, at_once=any(isinstance(job, Anchoring) for job in jobs))
        execute("COMMIT")
        self.head, self.anchored = head, anchored
        self.commits += 1
        return outcomes

    def _apply(self, job: Job, head: Head) -> Head:
        match job:
            case Step():
                return self._append(job, head)
            case Parking():
                self._connection.execute(PUT_PARKED, (*job.values, job.hash))
                vault.erase_recipient(self._connection, job.values[:3])
            case Noting(value=None):
                self._connection.execute("DELETE FROM meta WHERE name = ?", (job.name,))
            case Noting():
                self._connection.execute(PUT_META, (job.name, job.value, job.hash))
            case Hinting():
                self._connection.execute(PUT_HINT, (*job.values, job.hash))
            case Forgetting():
                self._connection.executemany("DELETE FROM hint WHERE number = ?", [(number,) for number in job.numbers])
            case _:
                assert isinstance(job, Anchoring)  # done after the whole group
        return head

    def _append(self, step: Step, head: Head) -> Head:
        sale = self._update(step, self._stored(step)) if step.position else self._insert(step)
        records = []
        for position, event in enumerate(step.events, step.position):
            head = Head(head.number + 1, chain.event_hash(head.hash, step.sale, position, event))
            records.append((head.number, sale, position, event.kind, event.wall, event.boot, event.ticks, event.body, head.hash))
        self._connection.executemany(INSERT_EVENT, records)
        for secret, value in step.put:
            vault.put(self._connection, self._key, step.sale, sale, secret, value, fresh=not step.position)
        for secret in step.drop:
            vault.erase(self._connection, sale, secret)
        return head

    def _stored(self, step: Step) -> tuple[object, ...] | None:
        """The sale's row. Raises Conflict when its stream has another length than the step thinks."""
        name = (step.sale.store_id, step.sale.terminal_id, step.sale.key)
        stored: tuple[object, ...] | None = self._connection.execute(SALE_BY_NAME, name).fetchone()
        length = stored[-1] if stored else 0
        if length != step.position:
            raise Conflict(f"sale {step.sale} has {length} events and not {step.position}")
        return stored

    def _insert(self, step: Step) -> int:
        """A sale that begins is not looked for: if it is there already, the table says so."""
        try:
            sale = self._connection.execute(INSERT_SALE, (*step.values, step.hash)).lastrowid
        except sqlite3.IntegrityError:
            self._stored(step)  # the same sale, or another one that stands in its way?
            raise
        assert sale is not None
        return sale

    def _update(self, step: Step, stored: tuple[object, ...] | None) -> int:
        """Only columns that changed are named: the indexes of the others are not touched, which spares most of the log."""
        assert stored is not None, "its length is above zero"
        sale, *old = stored
        assert isinstance(sale, int)
        changed = [(column, new) for column, was, new in zip(rows.COLUMNS, old, step.values, strict=True) if was != new]
        columns, values = [*(column for column, _ in changed), "hash"], [*(value for _, value in changed), step.hash]
        statement = " ".join(("UPDATE sale SET", ", ".join(f"{column} = ?" for column in columns), "WHERE id = ?"))
        self._connection.execute(statement, (*values, sale))
        return sale

    def _anchor(self, head: Head, *, at_once: bool) -> tuple[int, str]:
        number, day = self.anchored
        now = chain.spell_moment(self._clock())
        due = at_once or head.number - number >= ANCHOR_EVENTS or now[:DAY_CHARACTERS] != day
        if head.number == number or not due:
            return self.anchored
        values = (head.number, head.hash, now)
        self._connection.execute(INSERT_ANCHOR, (*values, chain.values_hash(values)))
        return head.number, now[:DAY_CHARACTERS]

    def _roll_back(self) -> bool:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            return False
        return True
