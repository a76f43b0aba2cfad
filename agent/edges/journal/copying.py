"""A copy of the journal while it is at work: whole, without secrets, proved before it gets its name.

The copy is read through a connection of its own that cannot write, inside one read transaction: all of it shows the same moment, and
the writer goes on meanwhile. It is written in slices with pauses, each flushed, so that the flush of a sale never waits behind a
mountain of pages. Then the secrets are erased in it (promise P21), the whole chain is verified, and only then is it renamed.

What that means after a restore: a request that must be repeated has lost its secrets and needs a person; money that went out is found by
its transaction all the same.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.core.ports import JournalError
from agent.edges.journal import chain, checks, connect, daily, pages, place, readonly, schema
from agent.edges.journal.errors import JournalDamaged, translate, translate_at_start
from agent.edges.journal.reserve import free_bytes
from agent.edges.journal.schema import CURRENT, Plan
from agent.edges.journal.verify import Verification
from agent.texts import N_, message

PAUSE_S = 0.01  # between slices; a year of a busy till is copied in half a minute
ALONE = "mode=ro&immutable=1"  # a file that nobody writes to: nothing is made beside it
SPARE_BYTES = 8 * 1024 * 1024  # left over beside the copy: the journal may lie on the same device

CANNOT_WRITE = N_("the backup {path} cannot be written: {error}")
CANNOT_READ = N_("{path} and the log beside it cannot be read: {error}")
NO_ROOM = N_("the backup needs {needed} MB in {folder}, and {free} MB are free")


class CannotCopy(JournalError):
    """The copy was not made. Nothing was lost; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was made and proved."""

    path: Path
    bytes: int
    sales: int
    events: int


async def copy(source: Path, target: Path, key: bytes, plan: Plan = CURRENT, pause_s: float = PAUSE_S) -> Copied:
    """Copy the journal at ``source`` to ``target``, which must not exist. Cancelled, it leaves nothing behind.

    Raises CannotCopy, JournalBroken.
    """
    stop = threading.Event()
    work = asyncio.create_task(asyncio.to_thread(_copy, source, target, stop, pause_s))
    unfinished = Path(f"{target}{pages.UNFINISHED}")
    try:
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.gather(work, return_exceptions=True)
            raise
        found = await verified(unfinished, plan, key)
        size = await asyncio.to_thread(_name, unfinished, target)
        return Copied(target, size, found.sales, found.events)
    except BaseException:
        pages.discard(unfinished)  # also when cancelled
        raise


@contextlib.contextmanager
def whole(path: Path) -> Iterator[str]:
    """The URI of a journal that nobody uses as SQLite would see it: with what lies in a log beside it, which the agent that wrote it had no
    time to move into the file. Nothing is written to either, or made beside them. Raises CannotCopy, JournalPlaceRefused."""
    path = path.resolve()  # the log lies beside the file itself, not beside a link to it
    log = Path(f"{path}-wal")
    with contextlib.ExitStack() as stack:
        try:
            logged = log.exists() and log.stat().st_size > 0
            uri = stack.enter_context(readonly.readable(path)) if logged else f"{connect.file_uri(path)}?{ALONE}"
        except OSError as error:
            raise CannotCopy(message(CANNOT_READ, path=path, error=error.strerror)) from error
        yield uri


async def verified(path: Path, plan: Plan = CURRENT, key: bytes | None = None, uri: str | None = None) -> Verification:
    """Prove every record of a copy that nobody uses; of an older version's copy its events. ``key``: the digest key that it must have;
    ``uri``: how it is opened, if there is more to it than the file.

    Raises JournalUnusable: damaged, of another program, of a newer agent.
    """
    uri = uri or f"{connect.file_uri(path)}?{ALONE}"
    found_key, version = await asyncio.to_thread(_identity, uri, path, plan)
    if key is not None and found_key != key:
        raise JournalDamaged(message(N_("{path} has another digest key than the journal it was copied from"), path=path))
    found = await daily.verify_all(path, found_key, uri=uri, rows=version == plan.version)
    if found.damages:
        raise JournalDamaged(
            message(N_("{path} does not hold what was written: {found}. Take another backup"), path=path, found=found.damages[0].reason)
        )
    return found


def _identity(uri: str, path: Path, plan: Plan) -> tuple[bytes, int]:
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.text_factory = chain.decode
            version = schema.identify(connection, path, plan)
            return checks.read_key(connection, path), version
    except sqlite3.Error as error:
        raise translate_at_start(error, path) from error


def _copy(source: Path, target: Path, stop: threading.Event, pause_s: float) -> None:
    """On a thread of its own, and gently."""
    unfinished = Path(f"{target}{pages.UNFINISHED}")
    try:
        _check_room(source, target)
        descriptor = pages.new_file(unfinished)
        try:
            with contextlib.closing(_snapshot(source)) as snapshot:
                pages.copy_pages(snapshot, unfinished, lambda: _pause(descriptor, stop, pause_s))
        finally:
            os.close(descriptor)
    except sqlite3.Error as error:
        raise CannotCopy(message(CANNOT_WRITE, path=target, error=translate(error, target))) from error
    except OSError as error:
        raise CannotCopy(message(CANNOT_WRITE, path=target, error=error.strerror)) from error


def _snapshot(source: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{connect.file_uri(source)}?mode=ro", uri=True, isolation_level=None)
    connection.text_factory = chain.decode
    connect.configure(connection, connect.READER_SETTINGS)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # from here on it sees this moment
    return connection


def _pause(descriptor: int, stop: threading.Event, pause_s: float) -> None:
    if stop.is_set():
        raise InterruptedError("the agent stops")
    os.fdatasync(descriptor)
    time.sleep(pause_s)


def _check_room(source: Path, target: Path) -> None:
    place.check_directory(target.parent)
    needed = source.stat().st_size + Path(f"{source}-wal").stat().st_size + SPARE_BYTES
    free = free_bytes(target.parent)
    if free < needed:
        raise CannotCopy(message(NO_ROOM, folder=target.parent, needed=needed >> 20, free=free >> 20))
    if target.exists():
        raise CannotCopy(message(N_("{path} exists already"), path=target))


def _name(unfinished: Path, target: Path) -> int:
    pages.put_in_place(unfinished, target)
    return target.stat().st_size
