"""One agent per journal: an flock on a file beside it. The kernel releases it when the process dies, however it dies."""

import contextlib
import errno
import fcntl
import os
from pathlib import Path

from agent.edges.journal.errors import JournalLocked, JournalPlaceRefused
from agent.edges.journal.place import FILE_MODE
from agent.texts import N_, message

SUFFIX = ".lock"
READ_ONLY = N_(
    "{name} cannot be written: the file system is read-only. Look why in dmesg (a disk with errors is mounted read-only to save it); have "
    "it checked or exchanged, or name a folder that can be written: path in [journal]"
)
MAX_PID_BYTES = 32  # a process id in digits


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
            taken = N_("{path} is in use by another agent, process {holder}. Stop that one first (systemctl stop koshelek-agent)")
            raise JournalLocked(message(taken, path=path, holder=holder)) from error
        with contextlib.suppress(OSError):  # a full disk must not keep the till from starting; the number is only for a message
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
