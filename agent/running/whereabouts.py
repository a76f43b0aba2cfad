"""Whether the file under the journal's name is still the one that is written.

A clean-up that removes or renames it stops nothing: SQLite goes on writing to a file without a name, all of which is gone with the process.
So it is looked for all the while, and the log, the status page and the figures say it, each with what saves the record.
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import structlog

from agent.texts import N_, Message, message

LOOK_S = 2.0  # what is written meanwhile is lost with the rest, so sooner saves nothing; a person acts within minutes

GONE = N_("The journal's file {path} was removed or exchanged while the agent works with it (process {pid}).")
GONE_MEANS = N_("The agent goes on writing to a file without a name: with its end, or a power cut, the whole record is gone.")
GONE_REMEDY = N_(
    "Do not stop the service and do not restart the till. Take no more payments. As root copy what process {pid} has open: "
    "cp /proc/{pid}/fd/N, where N leads to the journal (ls -l /proc/{pid}/fd), and call support."
)


def gone(path: Path, pid: int) -> Mapping[str, Message]:
    """``problem``, ``meaning`` and ``remedy`` of a journal that was taken from under the agent with this process id."""
    return {
        "problem": message(GONE, path=path, pid=pid),
        "meaning": message(GONE_MEANS),
        "remedy": message(GONE_REMEDY, pid=pid),
    }


class Whereabouts:
    """Made while the journal at ``path`` is open, before anybody can have taken it away."""

    def __init__(self, path: Path) -> None:
        self.path, self.in_place = path, True
        self._own = _identity(path)

    def told(self) -> Mapping[str, Message]:
        """As ``gone``; nothing while the file is there."""
        return {} if self.in_place else gone(self.path, os.getpid())

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
            log.info("journal.in_place", path=str(self.path))
        else:
            log.error("journal.gone", path=str(self.path), **self.told())


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells one file from another; None if there is none of this name. Raises OSError if that cannot be seen."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
