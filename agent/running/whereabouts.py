"""Whether the file under the journal's name is still the one that is written.

A clean-up that removes or renames it stops nothing: SQLite goes on writing to a file without a name, all of which is gone with the process.
So it is looked for all the while, and the log, the status page and the figures say it, each with what saves the record.
"""

import asyncio
import os
import pwd
from collections.abc import Mapping
from pathlib import Path

import structlog

from agent.running.rescue import rescue
from agent.texts import N_, Message, message

LOOK_S = 2.0  # what is written meanwhile is lost with the rest, so sooner saves nothing; a person acts within minutes

GONE = N_("The journal's file {path} was removed or exchanged while the agent works with it (process {pid}).")
GONE_MEANS = N_("The agent goes on writing to a file without a name: with its end, or a power cut, the whole record is gone.")


def gone(path: Path, pid: int) -> Mapping[str, Message]:
    """``problem`` and ``meaning`` of a journal that was taken from under the agent with this process id; what to do says ``rescue``."""
    return {"problem": message(GONE, path=path, pid=pid), "meaning": message(GONE_MEANS)}


class Whereabouts:
    """Made while the journal at ``path`` is open, before anybody can have taken it away."""

    def __init__(self, path: Path) -> None:
        self.path, self.in_place = path, True
        self._own = _identity(path)
        self._told: Mapping[str, Message] = {}

    def told(self) -> Mapping[str, Message]:
        """As ``gone``, and the ``remedy``; nothing while the file is there."""
        return self._told

    async def watch(self) -> None:
        """Look for the file for ever. The beginning and the end of its absence are one line each."""
        while True:
            self._learn(await asyncio.to_thread(self._is_in_place))
            await asyncio.sleep(LOOK_S)

    def _is_in_place(self) -> bool:
        try:
            return _identity(self.path) == self._own
        except OSError:
            return self.in_place  # that cannot be seen now

    def _learn(self, in_place: bool) -> None:
        if in_place is self.in_place:
            return
        self.in_place, log = in_place, structlog.get_logger()
        if in_place:
            self._told = {}
            log.info("journal.in_place", path=str(self.path))
        else:
            self._told = {**gone(self.path, os.getpid()), "remedy": rescue(self.path, os.getpid(), _user())}
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
