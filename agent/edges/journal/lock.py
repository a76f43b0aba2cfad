"""One agent per journal: an flock on a file beside it. The kernel releases it when the process dies, however it dies. In it stand the
holder's process id and the journal's watermark.
"""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from agent.edges.journal import watermark
from agent.edges.journal.errors import JournalLocked, JournalPlaceRefused
from agent.edges.journal.place import FILE_MODE
from agent.edges.journal.watermark import Watermark
from agent.texts import N_, message

SUFFIX = ".lock"
READ_ONLY = N_(
    "{name} cannot be written: the file system is read-only. Look why in dmesg (a disk with errors is mounted read-only to save it); have "
    "it checked or exchanged, or name a folder that can be written: path in [journal]"
)
MAX_PID_BYTES = watermark.AT  # a process id in digits, and spaces


class FileLock:
    """Holds the lock until ``release``. The file stays: removing it would let two holders lock two different files."""

    def __init__(self, path: Path) -> None:
        """Take the lock of the journal at ``path``. Raises JournalLocked, whose text names the holder."""
        name = f"{path}{SUFFIX}"
        try:
            self._file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            if error.errno == errno.EROFS:
                raise JournalPlaceRefused(message(READ_ONLY, name=name)) from error
            raise JournalPlaceRefused(
                message(N_("the lock file {name} cannot be opened: {error}"), name=name, error=error.strerror)
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._file, MAX_PID_BYTES).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            taken = N_(
                "{path} is in use by another agent, process {holder}. Stop that one first: systemctl stop koshelek-agent, or, if it is not "
                "the service: kill {holder}"
            )
            raise JournalLocked(message(taken, path=path, holder=holder)) from error
        with contextlib.suppress(OSError):  # a full disk must not keep the till from starting; the number is only for a message
            os.pwrite(self._file, f"{os.getpid():<{MAX_PID_BYTES - 1}}\n".encode(), 0)

    def mark(self) -> Watermark | None:
        """How far the journal had come when that was last written down; None if it never was."""
        return watermark.read(self._file)

    def put_mark(self, mark: Watermark) -> None:
        """Write down how far it is now. Raises OSError."""
        watermark.write(self._file, mark)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def marked(path: Path) -> Watermark | None:
    """The mark of the journal at ``path``, whoever holds the lock. None without one, or if it cannot be looked at."""
    try:
        file = os.open(f"{path}{SUFFIX}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return watermark.read(file)
    finally:
        os.close(file)
