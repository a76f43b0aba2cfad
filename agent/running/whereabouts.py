"""Whether the files under the journal's names are still those that are written.

A clean-up that removes or renames it stops nothing: SQLite goes on writing to a file without a name, all of which is gone with the process.
So it is looked for all the while, and the log, the status page and the figures say it, each with what saves the record.

Its log (``-wal``) is another matter: what it holds can be moved into the file, which is still there. So the agent ends in order, which does
that, and is started again.
"""

import asyncio
import os
import pwd
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from agent.core.ports import JournalBroken
from agent.running.beginning import expect_nothing, expect_release
from agent.running.rescue import rescue
from agent.texts import N_, Message, message

LOOK_S = 2.0  # a person acts within minutes; whether something new may begin is looked at at once

GONE = N_("The journal's file {path} was removed or exchanged while the agent works with it (process {pid}).")
GONE_MEANS = N_("The agent goes on writing to a file without a name: with its end, or a power cut, the whole record is gone.")
LOG_GONE = N_("{path} was removed or exchanged while the agent works with it.")
LOG_GONE_MEANS = N_(
    "The newest records would be gone with a power cut. The agent ends now, which moves them into the journal, and systemd starts it again."
)
LOG_GONE_REMEDY = N_("Find out what removes files from {folder}, and keep it away: they are records of money.")


def gone(path: Path, pid: int) -> Mapping[str, Message]:
    """``problem`` and ``meaning`` of a journal that was taken from under the agent with this process id; what to do says ``rescue``."""
    return {"problem": message(GONE, path=path, pid=pid), "meaning": message(GONE_MEANS)}


class Whereabouts:
    """Made while the journal at ``path`` is open, before anybody can have taken it away. ``keep_mark``: of the journal; ``give_up`` ends
    the agent."""

    def __init__(self, path: Path, keep_mark: Callable[[], None] = lambda: None) -> None:
        self.path, self.in_place = path, True
        self.give_up: Callable[[Exception], None] = lambda _: None
        self._log, self._keep_mark = Path(f"{path}-wal"), keep_mark
        self._own, self._own_log = _identity(path), _identity(self._log)
        self._told: Mapping[str, Message] = {}

    def told(self) -> Mapping[str, Message]:
        """As ``gone``, and the ``remedy``; nothing while the file is there."""
        return self._told

    def lasting(self) -> bool:
        """Whether what is written now will be found again. One look at the file's name."""
        return self.in_place and self._is_in_place()

    async def watch(self) -> None:
        """Look for the file for ever. The beginning and the end of its absence are one line each."""
        while True:
            in_place, log_in_place = await asyncio.to_thread(lambda: (self._is_in_place(), self._is_log_in_place()))
            self._learn(in_place)
            if in_place and not log_in_place:
                self._leave()
                return
            with suppress(OSError):  # the disk is full: the mark of before proves nearly as much
                self._keep_mark()
            await asyncio.sleep(LOOK_S)

    def _is_in_place(self) -> bool:
        try:
            return _identity(self.path) == self._own
        except OSError:
            return self.in_place  # that cannot be seen now

    def _is_log_in_place(self) -> bool:
        try:
            return _identity(self._log) == self._own_log
        except OSError:
            return True

    def _leave(self) -> None:
        problem, folder = message(LOG_GONE, path=self._log), self._log.parent
        told = {"problem": problem, "meaning": message(LOG_GONE_MEANS), "remedy": message(LOG_GONE_REMEDY, folder=folder)}
        structlog.get_logger().error("journal.log_gone", path=str(self._log), **told)
        self.give_up(JournalBroken(str(problem)))

    def _learn(self, in_place: bool) -> None:
        if in_place is self.in_place:
            return
        self.in_place, log = in_place, structlog.get_logger()
        if in_place:
            self._told = {}
            expect_nothing(self.path)
            log.info("journal.in_place", path=str(self.path))
        else:
            self._told = {**gone(self.path, os.getpid()), "remedy": rescue(self.path, os.getpid(), _user())}
            expect_release(self.path)
            log.error("journal.gone", path=str(self.path), **self._told)


def _user() -> str:
    """Whose the saved file must be."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container gives numbers without names
        return str(os.geteuid())


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells one file from another; None if there is none of this name. Raises OSError if that cannot be seen."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
