"""Reading a journal without touching it: for the command line, also while no agent runs, and for the agent's own reading half.

A reader of a write-ahead log needs the shared index (``-shm``) beside it, and SQLite likes to create it. Here nothing is created:
- the index exists (an agent runs, or was killed): it is only read (``readonly_shm``); after a kill SQLite reads the log into memory;
- no index and no log (closed cleanly): the file is complete by itself and opened as ``immutable``;
- a log but no index (a copy of the files): both are copied to a private directory and read there.
"""

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum
from functools import partial
from pathlib import Path
from shutil import copyfile

from agent.edges.journal import checks, connect
from agent.edges.journal.connect import file_uri
from agent.edges.journal.errors import JournalPlaceRefused
from agent.edges.journal.reader import Reader, utc_now
from agent.edges.journal.schema import CURRENT, Plan
from agent.texts import N_, message

NONE = N_("there is no journal at {path}. Check the configured path, or start the agent once")


async def open_read_only(path: Path, *, plan: Plan = CURRENT) -> Reader:
    """Open for reading only; takes no lock, writes nothing. Must be closed (or used as an async context manager).

    Raises a JournalUnusable, or JournalBroken. Should the agent start just now, a record may look damaged: ask again.
    """
    with contextlib.ExitStack() as stack:
        uri = await asyncio.to_thread(lambda: stack.enter_context(readable(path)))
        reader = await attach(uri, path, utc_now, plan, stack.close)
        stack.pop_all()
    return reader


@contextlib.contextmanager
def readable(path: Path) -> Iterator[str]:
    """The URI by which SQLite may read the journal at ``path``; it holds while the context lasts. Raises JournalPlaceRefused, OSError."""
    companions = _companions(path)
    if companions is _Companions.ONLY_LOG:
        with tempfile.TemporaryDirectory(prefix="koshelek-agent-") as directory:  # mode 0700: the files hold secrets
            copy = Path(directory, path.name)
            copyfile(path, copy)
            copyfile(f"{path}-wal", f"{copy}-wal")
            yield f"{file_uri(copy)}?mode=ro"
    else:
        yield f"{file_uri(path)}?mode=ro&{'readonly_shm=1' if companions is _Companions.INDEX else 'immutable=1'}"


async def attach(uri: str, path: Path, clock: Callable[[], datetime], plan: Plan, clean_up: Callable[[], None] = lambda: None) -> Reader:
    """A reader over a new connection. Raises a JournalUnusable, or JournalBroken."""
    connection, _, key = await connect.connect(uri, path, sqlite3.Connection, partial(checks.prepare_reader, path=path, plan=plan))
    return Reader(connection, path, key, clock, clean_up)


class _Companions(Enum):
    NONE = "none"
    INDEX = "index"
    ONLY_LOG = "only log"


def _companions(path: Path) -> _Companions:
    if not path.is_file():
        raise JournalPlaceRefused(message(NONE, path=path))
    if Path(f"{path}-shm").exists():
        return _Companions.INDEX
    log = Path(f"{path}-wal")
    return _Companions.ONLY_LOG if log.exists() and log.stat().st_size else _Companions.NONE
