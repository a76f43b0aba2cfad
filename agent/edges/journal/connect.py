"""Connections: how they are opened, which settings they must keep, and how work gets to their thread in one hop.

aiosqlite runs every call on a thread of its own; a round trip costs 0.1 ms, as much as the flush itself. It takes a class for the
raw connection, and it calls that class's ``commit`` on the thread: ``WriterConnection.commit`` writes a whole group of steps there, so a
group costs one round trip. Start-up work (settings, migrations, checks) runs inside the connector for the same reason.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote

import aiosqlite

from agent.core.ports import JournalError
from agent.edges.journal import chain
from agent.edges.journal.errors import BAD_SCHEMA, JournalDamaged, SqliteUnfit, translate_at_start
from agent.texts import N_, message

MIN_SQLITE = (3, 37, 0)  # STRICT tables
WRITER_BUSY_MS = 100  # nobody else writes; a TRUNCATE checkpoint waits this long for a reader, and so do the steps behind it
READER_BUSY_MS = 1000  # a reader waits only while another connection opens or closes the log
CACHED_STATEMENTS = 256  # an UPDATE names only the columns that changed, so there are many spellings
FETCH_ROWS = 64  # aiosqlite's chunk when iterating; unused, everything here is fetched at once

Settings = Sequence[tuple[str, str, frozenset[object]]]

_COMMON: Settings = (
    ("trusted_schema", "OFF", frozenset({0})),
    ("cell_size_check", "ON", frozenset({1})),  # a damaged page is noticed when it is read
    ("temp_store", "MEMORY", frozenset({2})),  # statement journals would carry secrets to /var/tmp
    ("mmap_size", "0", frozenset({0, None})),  # an I/O error in a mapping is a SIGBUS; without the feature there is no row
)
WRITER_SETTINGS: Settings = (
    ("journal_mode", "WAL", frozenset({"wal"})),
    ("synchronous", "FULL", frozenset({2})),  # NORMAL loses acknowledged commits at a power cut
    ("foreign_keys", "ON", frozenset({1})),
    ("wal_autocheckpoint", "0", frozenset({0})),  # automatic checkpoints hide their I/O errors
    ("secure_delete", "ON", frozenset({1})),
    ("busy_timeout", str(WRITER_BUSY_MS), frozenset({WRITER_BUSY_MS})),
    *_COMMON,
)
READER_SETTINGS: Settings = (
    ("query_only", "ON", frozenset({1})),
    ("busy_timeout", str(READER_BUSY_MS), frozenset({READER_BUSY_MS})),
    *_COMMON,
)


class Writing(Protocol):
    """What a WriterConnection does when it is told to commit."""

    def write(self) -> None: ...


class WriterConnection(sqlite3.Connection):
    """The one connection that writes and checkpoints. ``commit`` runs ``ledger.write`` on the connection's thread."""

    ledger: Writing

    def commit(self) -> None:
        self.ledger.write()


RawT = TypeVar("RawT", bound=sqlite3.Connection)
ResultT = TypeVar("ResultT")


@dataclass
class Connector(Generic[RawT, ResultT]):
    """Opens a connection and prepares it, all on its thread. What goes wrong is kept in ``failure`` instead of being raised: after a
    connector that raises, aiosqlite leaves its thread to a race with the end of the loop."""

    uri: str
    path: Path
    factory: type[RawT]
    prepare: Callable[[RawT], ResultT]
    raw: RawT | None = None
    result: ResultT | None = None
    failure: JournalError | None = None
    guard: sqlite3.Connection | None = field(default=None, repr=False)

    def __call__(self) -> sqlite3.Connection:
        try:
            self.raw = sqlite3.connect(self.uri, uri=True, isolation_level=None, factory=self.factory, cached_statements=CACHED_STATEMENTS)
            self.raw.text_factory = chain.decode
            self.result = self.prepare(self.raw)
        except sqlite3.Error as error:
            self.failure = translate_at_start(error, self.path)
        except UnicodeDecodeError as error:  # SQLite quotes a damaged schema in its message, and Python cannot decode the message
            self.failure = JournalDamaged(message(BAD_SCHEMA, path=self.path))
            self.failure.__cause__ = error
        except JournalError as error:
            self.failure = error
        if self.failure is not None and self.factory is WriterConnection:
            self.guard = guard(self.path)
        return self.raw if self.raw is not None else sqlite3.connect(":memory:")


async def connect(
    uri: str, path: Path, factory: type[RawT], prepare: Callable[[RawT], ResultT]
) -> tuple[aiosqlite.Connection, RawT, ResultT]:
    """Open and prepare a connection. Raises what ``prepare`` raises, and JournalBroken; then the file is left as it was.

    Not to be cancelled: the caller shields it, or the connection's thread would outlive the process's wish to end.
    """
    connector = Connector(uri, path, factory, prepare)
    connection = await aiosqlite.Connection(connector, FETCH_ROWS)
    if connector.failure is not None:
        await connection.close()
        await asyncio.to_thread(_close, connector.guard)
        raise connector.failure
    assert connector.raw is not None
    assert connector.result is not None
    return connection, connector.raw, connector.result


def guard(path: Path) -> sqlite3.Connection | None:
    """A second, read-only connection: while it is open, closing the writer does not checkpoint, so the file stays as it is found."""
    try:
        connection = sqlite3.connect(f"{file_uri(path)}?mode=ro", uri=True, check_same_thread=False)
    except sqlite3.Error:
        return None
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
        connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
    return connection


def configure(connection: sqlite3.Connection, settings: Settings) -> None:
    """Set every pragma, read it back and compare. Raises SqliteUnfit. Results are always fetched: un-fetched errors are swallowed."""
    for name, value, accepted in settings:
        connection.execute(f"PRAGMA {name}={value}").fetchall()
        row = connection.execute(f"PRAGMA {name}").fetchone()
        found = row[0] if row else None
        if found not in accepted:
            lost = N_("SQLite {version} does not keep {name}={value} (it says {found}): not safe")
            raise SqliteUnfit(message(lost, version=sqlite3.sqlite_version, name=name, value=value, found=repr(found)))


def check_version(version: tuple[int, int, int]) -> None:
    """Raises SqliteUnfit for a library without STRICT tables."""
    if version < MIN_SQLITE:
        found, needed = (".".join(map(str, numbers)) for numbers in (version, MIN_SQLITE))
        old = N_("SQLite {found} is too old, {needed} or newer is needed: install a newer system or another Python")
        raise SqliteUnfit(message(old, found=found, needed=needed))


def has_wal_reset_bug(version: tuple[int, int, int]) -> bool:
    """Whether two connections that write and checkpoint at the same moment can corrupt the file (fixed in 3.51.3, 3.50.7 and 3.44.6).

    The journal writes and checkpoints with one connection and is not affected; whoever opens the file beside it must not write.
    3.52.0 was withdrawn and counts as affected.
    """
    match version:
        case (3, 52, 0):
            return True
        case (3, 50, patch):
            return patch < 7
        case (3, 44, patch):
            return patch < 6
        case _:
            return version < (3, 51, 3)


def library_has_wal_reset_bug() -> bool:
    """The same of the library that is loaded."""
    return has_wal_reset_bug(sqlite3.sqlite_version_info)


def file_uri(path: Path) -> str:
    return f"file:{quote(str(path.absolute()))}"


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()
