"""Reading a journal without touching it: for the command line, also while no agent runs, and for the agent's own reading half.

A reader of a write-ahead log needs the shared index (``-shm``) beside it, and SQLite likes to create it. Here nothing is created:
- the index exists (an agent runs, or was killed): it is only read (``readonly_shm``); after a kill SQLite reads the log into memory;
- no index and no log (closed cleanly): the file is complete by itself and opened as ``immutable``;
- a log but no index (a copy of the files): both are copied to a private directory and read there.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
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


async def open_read_only(path: Path, *, plan: Plan = CURRENT) -> Reader:
    """Open for reading only; takes no lock, writes nothing. Must be closed (or used as an async context manager).

    Raises a JournalUnusable, or JournalBroken. Should the agent start just now, a record may look damaged: ask again.
    """
    companions = await asyncio.to_thread(_companions, path)
    if companions is _Companions.ONLY_LOG:
        return await _attach_copy(path, plan)
    how = "readonly_shm=1" if companions is _Companions.INDEX else "immutable=1"
    return await attach(f"{file_uri(path)}?mode=ro&{how}", path, utc_now, plan)


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
        raise JournalPlaceRefused(f"there is no journal at {path}. Check the configured path, or start the agent once")
    if Path(f"{path}-shm").exists():
        return _Companions.INDEX
    log = Path(f"{path}-wal")
    return _Companions.ONLY_LOG if log.exists() and log.stat().st_size else _Companions.NONE


async def _attach_copy(path: Path, plan: Plan) -> Reader:
    directory = tempfile.TemporaryDirectory(prefix="koshelek-agent-")  # mode 0700: the files hold secrets
    try:
        copy = Path(directory.name, path.name)
        await asyncio.to_thread(copyfile, path, copy)
        await asyncio.to_thread(copyfile, f"{path}-wal", f"{copy}-wal")
        return await attach(f"{file_uri(copy)}?mode=ro", copy, utc_now, plan, directory.cleanup)
    except BaseException:
        directory.cleanup()
        raise
