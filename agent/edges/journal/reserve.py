"""Room kept for what is in flight: a file beside the journal that is given up when the device is full (promise P13).

A full disk must not leave a payment without its record. So a file of some megabytes lies beside the journal; the first step that finds
no room lets it go, and what was freed belongs to the sales at work, their cancels and returns: sales that would begin are refused until
the reserve lies there again. It is made anew when there is room for it and as much again, so that a disk at its edge does not flap.

Everything here happens on the writer's own time: it is the writer that meets the full device.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from agent.edges.journal.place import FILE_MODE

SUFFIX = ".reserve"
DEFAULT_RESERVE_BYTES = 16 * 1024 * 1024  # some thousand steps, and the log that they need before it is emptied
MIN_RESERVE_BYTES = 1024 * 1024  # the settings' floor: a hundred sales can still be brought to their end
NEEDED_AT_START_BYTES = 256 * 1024  # the log's index, an anchor, the marks of lost attempts
LOOK_EVERY_S = 1.0  # for room again

Free = Callable[[Path], int]  # bytes that this process may still write where a path lies


def free_bytes(path: Path) -> int:
    """What the device of ``path`` has left for us. Raises OSError."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


class Reserve:
    """``held``: it lies there, so new sales may begin. ``size`` 0: none, and nothing is refused before the device itself refuses."""

    def __init__(self, journal: Path, size: int, free: Free = free_bytes, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: seconds. Nothing is written before ``prepare``."""
        self._path = Path(f"{journal}{SUFFIX}")
        self._size, self._free, self._clock = size, free, clock
        self._looked = clock()
        self.held = False

    @property
    def wanted(self) -> bool:
        """There should be one and there is none: sales that would begin are refused."""
        return self._size > 0 and not self.held

    def prepare(self) -> None:
        """At a start, before the database is opened: make the reserve, or give it up at once if the database could not even be opened."""
        self.held = self._size > 0 and self._lies()
        if self._room() < NEEDED_AT_START_BYTES:
            self.release()
        elif self._size:
            self.held = self.held or self._make()
        else:
            self._path.unlink(missing_ok=True)

    def release(self) -> bool:
        """Give the room back; whether there was any to give. The file is emptied before it goes: a name may need a block of its own."""
        if not self._path.exists():
            self.held = False
            return False
        with contextlib.suppress(OSError):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.ftruncate(descriptor, 0)
                os.fsync(descriptor)  # blocks come free when this is on disk
            finally:
                os.close(descriptor)
            self._path.unlink()
        self.held, self._looked = False, self._clock()
        return True

    def look(self) -> bool:
        """If it is time: make the reserve again where there is room for it twice. Whether it has just come back."""
        if not self.wanted or self._clock() - self._looked < LOOK_EVERY_S:
            return False
        self._looked = self._clock()
        self.held = self._room() >= 2 * self._size and self._make()
        return self.held

    def _room(self) -> int:
        try:
            return self._free(self._path.parent)
        except OSError:
            return 0

    def _lies(self) -> bool:
        try:
            return self._path.lstat().st_size == self._size and self._path.lstat().st_blocks * 512 >= self._size
        except OSError:
            return False

    def _make(self) -> bool:
        """Real blocks, not a hole. Whether it worked; else nothing is left of it."""
        self._path.unlink(missing_ok=True)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            return False
        return True
