"""Taking and giving back a name in the file system for a Unix socket.

The directory guards the socket: whoever may write there could replace it and play the agent to the POS. So it must belong to us
or to root and be closed to others. A socket that a killed agent left behind is replaced; one that somebody listens on, or a file that
is no socket, never is. Abstract sockets are not offered: they have no owner and no permissions.
"""

import os
import socket
import stat
from pathlib import Path

MAX_PATH_BYTES = 107  # sun_path of Linux holds 108 with the NUL
BACKLOG = 128  # more wait in connect() until there is room


class CannotListen(Exception):
    """The socket cannot be set up. A technician must react; the text says what to change."""


def listen(path: Path, mode: int, group_id: int | None) -> socket.socket:
    """A listening, non-blocking socket at ``path``. Nobody can connect before owner and mode are set. Raises CannotListen."""
    _check_path(path)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(os.fspath(path))
        if group_id is not None:
            os.chown(path, -1, group_id, follow_symlinks=False)
        path.chmod(mode)
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:  # the latter for a group that cannot exist
        ours = identity(path) if listener.getsockname() else None
        listener.close()
        remove(path, ours)
        raise CannotListen(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    return listener


def identity(path: Path) -> tuple[int, int] | None:
    """What is at ``path`` now, as (device, inode)."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def remove(path: Path, ours: tuple[int, int] | None) -> None:
    """Remove the socket at ``path`` if it is still the one we made."""
    if ours is not None and identity(path) == ours:
        path.unlink(missing_ok=True)


def _check_path(path: Path) -> None:
    if not path.is_absolute() or "\0" in os.fspath(path):
        raise CannotListen(f"{path}: the path of a socket is absolute")
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise CannotListen(f"{path}: the path of a socket has at most {MAX_PATH_BYTES} bytes")
    check_directory(path.parent)


def check_directory(directory: Path) -> None:
    """Only we and root may put names there. Raises CannotListen."""
    try:
        found = directory.lstat()
    except OSError as error:
        raise CannotListen(f"{directory}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise CannotListen(f"{directory}: not a directory (a link to one will not do)")
    if found.st_uid not in (0, os.geteuid()):
        raise CannotListen(f"{directory}: belongs to user {found.st_uid}, must belong to the agent or to root")
    if found.st_mode & stat.S_IWOTH:
        raise CannotListen(f"{directory}: everybody may write there and could replace the socket")


def _remove_stale(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise CannotListen(f"{path}: {error.strerror}") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise CannotListen(f"{path}: exists and is no socket; it was left alone")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full backlog answers EAGAIN: somebody listens
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass
        except OSError as error:
            raise CannotListen(f"{path}: {error.strerror}") from error
    raise CannotListen(f"{path}: another process listens there")
