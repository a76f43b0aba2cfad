"""Putting a backup in the place of the journal, so that no moment of it can be lost (money rule 10).

Three files make a journal, and no system call exchanges three. So a proved copy is first laid beside the journal under a name that
means "this is to be restored". From then on the restore *will* happen: whoever opens the journal next, this process or one after a power
cut, first brings it to its end. The present files are moved aside, never removed; the copy takes their place with one rename. It already
says in itself that it was restored, so nothing in it can pass for never sent.
"""

import asyncio
import contextlib
import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from agent.core.ports import LAST_RESTORED_NOTE, RESTORED_NOTE, JournalError, Query, Row
from agent.edges.journal import chain, pages, place
from agent.edges.journal.copying import CannotCopy, verified, whole
from agent.edges.journal.errors import NoJournal
from agent.edges.journal.health import was_here
from agent.edges.journal.ledger import PUT_META
from agent.edges.journal.lock import FileLock
from agent.edges.journal.place import COMPANIONS
from agent.edges.journal.queries import MAX_FOUND_ROWS
from agent.edges.journal.reader import Reader, utc_now
from agent.edges.journal.readonly import NONE, attach, open_read_only
from agent.edges.journal.schema import CURRENT, Plan
from agent.edges.journal.steps import NOTE_PREFIX
from agent.texts import N_, message

READY = ".to-be-restored"
ASIDE = ".before-restore-"
STAMP = "%Y%m%dT%H%M%SZ"
STAMPED = timedelta(seconds=1)  # what the names of two restores differ by

CANNOT_LAY = N_("{backup} cannot be copied beside {journal}: {error}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a restored journal comes from. ``at``: the moment of the restore, UTC."""

    at: datetime
    file: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A sale of the present journal that the backup does not hold (``known`` false), or holds as it was earlier."""

    row: Row
    known: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore that was made. ``aside``: where the journal from before is kept; ``differences`` from it, None if it cannot be read."""

    aside: Path | None
    sales: int
    differences: Sequence[Difference] | None


async def restore(backup: Path, journal: Path, at: datetime, plan: Plan = CURRENT) -> Restored:
    """Put ``backup``, with what lies in a log beside it, in the place of ``journal``, which no agent may be using. Raises JournalUnusable,
    CannotCopy, JournalBroken."""
    place.prepare(journal, allow_volatile=True)
    if not was_here(journal):  # the lock stays for good and says that there was a journal: a slip of the pen must not leave it behind
        with whole(backup) as uri:
            await verified(backup, plan, uri=uri)
    with contextlib.closing(_Held(FileLock(journal))):
        await asyncio.to_thread(finish, journal)
        with whole(backup) as uri:
            found = await verified(backup, plan, uri=uri)
            differences = await _differences(uri, backup, journal, plan)
            await asyncio.to_thread(lay_ready, uri, backup, journal, Origin(_unused(journal, at), str(backup)))
        aside = await asyncio.to_thread(finish, journal)
    return Restored(aside, found.sales, differences)


async def _differences(uri: str, backup: Path, journal: Path, plan: Plan) -> Sequence[Difference] | None:
    """By what both files say of their newest sales. The journal may be the reason for the restore: then nothing can be said."""
    try:
        async with await attach(uri, backup, utc_now, plan) as old, await open_read_only(journal, plan=plan) as present:
            before = {row.id: row for row in await _newest(old)}
            now = await _newest(present)
    except (JournalError, OSError):
        return None
    return [Difference(row, row.id in before) for row in now if before.get(row.id) != row]


async def _newest(journal: Reader) -> list[Row]:
    """The sales, and the payouts after them."""
    return [row for payouts in (False, True) for row in await journal.find(Query(payouts=payouts, limit=MAX_FOUND_ROWS))]


class _Held:
    """A lock as something to close."""

    def __init__(self, lock: FileLock) -> None:
        self.close = lock.release


def lay_ready(uri: str, backup: Path, journal: Path, origin: Origin) -> None:
    """Lay a marked copy of ``backup``, which SQLite reads by ``uri`` (proved by the caller, who holds the journal's lock), beside the
    journal. Raises CannotCopy."""
    unfinished = Path(f"{journal}{READY}{pages.UNFINISHED}")
    try:
        os.close(pages.new_file(unfinished))
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as source:
            pages.copy_pages(source, unfinished)
        _mark(unfinished, origin)
        pages.put_in_place(unfinished, Path(f"{journal}{READY}"))
    except (OSError, sqlite3.Error) as error:
        pages.discard(unfinished)
        raise CannotCopy(message(CANNOT_LAY, backup=backup, journal=journal, error=error)) from error


def finish(journal: Path) -> Path | None:
    """Bring a restore that was begun to its end; where the files from before are now, None if there was nothing to do. The caller holds the
    lock. May be cut short at any place and be called again."""
    ready = Path(f"{journal}{READY}")
    pages.discard(Path(f"{ready}{pages.UNFINISHED}"))  # cut short before it was meant
    if not ready.exists():
        return None
    aside = _aside(journal, _restored_at(ready))
    for suffix in COMPANIONS:  # never the log first: a database without its log would be taken for whole by somebody who only looks
        present, kept = Path(f"{journal}{suffix}"), Path(f"{aside}{suffix}")
        if present.exists():
            present.rename(kept)
    pages.flush_directory(journal.parent)
    ready.rename(journal)
    pages.flush_directory(journal.parent)
    return aside


def is_coming(journal: Path) -> bool:
    """Whether a restored journal lies ready, and the next start puts it in place."""
    return Path(f"{journal}{READY}").exists()


def _aside(journal: Path, at: datetime) -> Path:
    return Path(f"{journal}{ASIDE}{at.strftime(STAMP)}")


def _unused(journal: Path, at: datetime) -> datetime:
    """The first moment from ``at`` on under whose name nothing is kept: what an earlier restore kept must not be overwritten."""
    while any(Path(f"{_aside(journal, at)}{suffix}").exists() for suffix in COMPANIONS):
        at += STAMPED
    return at


def expect(journal: Path) -> None:
    """There is a journal, or one that was restored lies ready. To be asked before the lock is taken, whose file would stay for good and say
    that there was one. Raises JournalPlaceRefused; NoJournal."""
    if is_coming(journal):
        return
    place.check_whole(journal, None)
    if not place.is_there(journal):
        raise NoJournal(message(NONE, path=journal))


def _mark(path: Path, origin: Origin) -> None:
    value = json.dumps({"at": origin.at.isoformat(), "file": origin.file}, ensure_ascii=False).encode()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        for name in (RESTORED_NOTE, LAST_RESTORED_NOTE):
            stored = NOTE_PREFIX + name
            connection.execute(PUT_META, (stored, value, chain.values_hash((stored, value))))
        connection.execute("COMMIT")


def _restored_at(ready: Path) -> datetime:
    with contextlib.closing(sqlite3.connect(f"{ready.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        ((value,),) = connection.execute("SELECT value FROM meta WHERE name = ?", (NOTE_PREFIX + RESTORED_NOTE,)).fetchall()
    return datetime.fromisoformat(json.loads(value)["at"])
