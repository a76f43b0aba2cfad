"""Looking at a journal without touching it, also beside the daemon that writes it: is it the record that was written?

The same questions as at a start (``checks``), but through one connection that can only read, and with an end when the time is up: a till
that sells must not wait for the one who looks. Blocking; for a thread of its own.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.core.ports import JournalBroken
from agent.edges.journal import chain, checks, connect, schema
from agent.edges.journal.errors import BAD_SCHEMA, DAMAGED, JournalDamaged, translate_at_start
from agent.edges.journal.lock import SUFFIX
from agent.edges.journal.readonly import readable
from agent.edges.journal.schema import CURRENT, Plan
from agent.edges.journal.verify import Damage
from agent.texts import message

STEPS_BETWEEN_LOOKS = 20_000  # of SQLite's machine: some milliseconds


class TimeIsUp(JournalBroken):
    """The file is larger than the time that was given for it. Nothing is known to be wrong."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was found. ``version`` of the schema (0: an empty file); ``damages`` of single sales since the last anchor; ``began``: the hash
    of the very first event, which tells one journal from another."""

    version: int
    events: int
    sales: int
    damages: tuple[Damage, ...]
    began: bytes | None


def library_version() -> tuple[int, int, int]:
    """Of the SQLite library that is loaded. Raises SqliteUnfit if the journal cannot be kept with it."""
    connect.check_version(sqlite3.sqlite_version_info)
    return sqlite3.sqlite_version_info


def examine(path: Path, stop: Callable[[], bool] = lambda: False, plan: Plan = CURRENT) -> Health:
    """Pages, identity, chain since the last anchor, key. ``stop``: asked now and then; True ends it with TimeIsUp.
    Raises a JournalUnusable that says what is wrong, JournalBroken."""
    with readable(path) as uri:
        try:
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
                connection.text_factory = chain.decode
                connection.set_progress_handler(stop, STEPS_BETWEEN_LOOKS)
                return _examine(connection, path, plan)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                raise TimeIsUp(f"{path}: not read to its end") from error
            raise translate_at_start(error, path) from error
        except UnicodeDecodeError as error:  # see ``connect.Connector``
            raise JournalDamaged(message(BAD_SCHEMA, path=path)) from error


def beginning(path: Path) -> bytes | None:
    """The hash of the first event of a journal or backup; None without any. Raises like ``examine``."""
    with readable(path) as uri:
        try:
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                return _began(connection)
        except sqlite3.Error as error:
            raise translate_at_start(error, path) from error


def was_here(path: Path) -> bool:
    """Whether an agent has worked with a journal at this place: its lock stays behind for good."""
    return Path(f"{path}{SUFFIX}").exists()


def _examine(connection: sqlite3.Connection, path: Path, plan: Plan) -> Health:
    connect.configure(connection, connect.READER_SETTINGS)
    version = schema.identify(connection, path, plan)
    if version == 0:
        return Health(0, 0, 0, (), None)
    found = [text for (text,) in connection.execute("PRAGMA quick_check").fetchall()]
    if found != ["ok"]:
        raise JournalDamaged(message(DAMAGED, path=path, found="; ".join(found[: checks.MAX_FINDINGS_SHOWN])))
    head, _, damages = checks.check_chain(connection, path)
    checks.read_key(connection, path)
    (sales,) = connection.execute("SELECT count(*) FROM sale").fetchone()
    return Health(version, head.number, sales, damages, _began(connection))


def _began(connection: sqlite3.Connection) -> bytes | None:
    row = connection.execute("SELECT hash FROM event ORDER BY number LIMIT 1").fetchone()
    return None if row is None else bytes(row[0])
