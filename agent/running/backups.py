"""Backups of the journal: every day at a set time, or when an operator asks; the oldest go when there are enough.

A failure is shown in ``agent.status`` until a backup succeeds. A day that was missed, because the till was off, is made up for soon after
the start.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from agent.core.ports import RESTORED_NOTE, JournalBroken, JournalError
from agent.edges.journal import Copied, SqliteJournal, said
from agent.settings import Settings
from agent.texts import N_, Message, translator

NO_DIRECTORY = N_("no directory for backups is configured: add a table [backup]")
NAME = "koshelek-agent-%Y%m%dT%H%M%SZ.sqlite3"
PATTERN = "koshelek-agent-*Z.sqlite3"
FIRST_S = 60.0  # after a start the till has better things to do
LOOK_S = 30.0  # the clock may be set, and the configuration changed
RETRY = timedelta(hours=1)


def last_due(now: datetime, at: str, zone: ZoneInfo) -> datetime:
    """The latest moment not after ``now`` at which a backup was due."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), time.fromisoformat(at), zone)
    return (today if today <= local else today - timedelta(days=1)).astimezone(UTC)


def newest(directory: Path, now: datetime) -> Path | None:
    """The newest backup in a directory by its name, leaving out those of the future: the clock was wrong then. None without any."""
    return max((path for path in directory.glob(PATTERN) if made_at(path) <= now), default=None)


def made_at(path: Path) -> datetime:
    """When a backup was made, from its name; another program's file is as old as can be."""
    try:
        return datetime.strptime(path.name, NAME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


async def back_up(journal: SqliteJournal, directory: Path, keep: int | None, now: datetime) -> Copied:
    """One backup; then the oldest beyond ``keep`` are removed (None: none). Raises CannotCopy, JournalUnusable, JournalBroken.

    While the journal waits for its release, all are kept: it came from a backup or was begun anew, and what is missing in it may be in the
    older ones alone.
    """
    copied = await journal.backup(directory / now.strftime(NAME))
    if keep is not None and await journal.noted(RESTORED_NOTE) is None:
        await asyncio.to_thread(_thin_out, directory, keep)
    return copied


def _thin_out(directory: Path, keep: int) -> None:
    for old in sorted(directory.glob(PATTERN))[:-keep]:
        old.unlink(missing_ok=True)


class Backups:
    """``settings`` gives the configuration in force."""

    def __init__(self, journal: SqliteJournal, settings: Callable[[], Settings], clock: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self._journal, self._settings, self._clock = journal, settings, clock
        self._turn = asyncio.Lock()
        self._failed: tuple[datetime, Message] | None = None

    async def run(self) -> None:
        """Make one whenever it is due; what fails is tried again within the hour."""
        await asyncio.sleep(FIRST_S)
        while True:
            if self._due():
                try:
                    await self.make()
                except JournalBroken:
                    return  # the journal's own watch ends the process
                except JournalError:
                    pass  # told and remembered already
            await asyncio.sleep(LOOK_S)

    async def make(self) -> Mapping[str, Any]:
        """Make one now. Raises CannotCopy, JournalUnusable, JournalBroken; LookupError without a directory."""
        settings = self._settings().backup
        if settings is None:
            raise LookupError(NO_DIRECTORY)
        log = structlog.get_logger()
        async with self._turn:
            now = self._clock()
            try:
                copied = await back_up(self._journal, settings.directory, settings.keep, now)
            except JournalError as error:
                self._failed = (now, said(error))
                log.error("backup.failed", problem=said(error))
                raise
            self._failed = None
        found = {"file": str(copied.path), "bytes": copied.bytes, "sales": copied.sales, "events": copied.events}
        log.info("backup.made", **found)
        return found

    def report(self) -> Mapping[str, Any] | None:
        """For an operator, in the language of the configuration; None if no backups are configured."""
        settings = self._settings()
        if settings.backup is None:
            return None
        last = newest(settings.backup.directory, self._clock())
        return {
            "last": made_at(last).isoformat().replace("+00:00", "Z") if last else None,
            "file": str(last) if last else None,
            "problem": self._failed[1].text(translator(settings.language)) if self._failed else None,
        }

    def _due(self) -> bool:
        settings = self._settings()
        if settings.backup is None:
            return False
        now = self._clock()
        if self._failed is not None and timedelta() <= now - self._failed[0] < RETRY:
            return False
        last = newest(settings.backup.directory, now)
        return last is None or made_at(last) < last_due(now, settings.backup.at, ZoneInfo(settings.timezone))
