"""A pseudo-terminal with a name that does not change, for a register on this machine that knows only serial ports.

The kernel numbers pseudo-terminals as they come, so the register is given a link to the present one. The agent keeps the register's end
open as well: the register may then open and close it as it likes without the line breaking. The price is that the agent does not learn of
either.

The link is guarded like a socket's name: in a directory that belongs to the agent or to root and that others cannot write to. A link that a
killed agent left behind is replaced; anything else at that place never is. A lock beside it tells a dead agent from a living one.

The kernel gives the numbers of a killed agent's terminals out again, to the next agent first of all: a link that was left behind may lead
to the fresh terminal of another line. So all links that were left behind are taken away before the first terminal is made.
"""

import contextlib
import fcntl
import os
import termios
import tty
from pathlib import Path

from drivers.socket_address import CannotListen, check_directory

QUIET_SECONDS = 5.0  # a register at work asks more often; one that was killed must be able to come back

_TERMINALS = "/dev/pts/"
_OWN_MODE, _GROUP_MODE = 0o600, 0o660


class PtyPort:
    """A pseudo-terminal and its link, until it is closed. Raises CannotListen."""

    def __init__(self, path: Path, user_id: int | None = None, group_id: int | None = None) -> None:
        self._path = path
        _check_path(path)
        with contextlib.ExitStack() as undo:
            self._lock = _lock(path)
            undo.callback(os.close, self._lock)
            self._master, self._slave = os.openpty()
            undo.callback(os.close, self._master)
            undo.callback(os.close, self._slave)
            os.set_blocking(self._master, False)
            tty.setraw(self._slave)
            self.terminal = os.ttyname(self._slave)
            _hand_over(self._slave, path, user_id, group_id)
            _link(path, self.terminal)
            undo.pop_all()

    def fileno(self) -> int:
        return self._master

    def flush(self) -> None:
        """What the register has not read is for a program that is not there any more."""
        with contextlib.suppress(termios.error, OSError):
            termios.tcflush(self._slave, termios.TCIFLUSH)

    def tend(self, quiet_seconds: float) -> None:
        """A register that was killed cannot take back its claim to be alone, and as the agent keeps the terminal open, the kernel does
        not either."""
        if quiet_seconds > QUIET_SECONDS:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._slave, termios.TIOCNXCL)

    def close(self) -> None:
        """Take the link away, if it is still ours, and end the line: whoever has it open is told by the kernel."""
        if _target(self._path) == self.terminal:
            self._path.unlink(missing_ok=True)
        for descriptor in (self._master, self._slave, self._lock):
            os.close(descriptor)


def forget_dead_link(path: Path) -> None:
    """Take away a link that a killed agent left behind at ``path``. One that a living agent serves, and whatever else is there, stays: what
    is wrong with it is told when the terminal is made."""
    with contextlib.suppress(CannotListen, OSError):
        _check_path(path)
        lock = _lock(path)
        try:
            if _is_ours(path):
                path.unlink()
        finally:
            os.close(lock)


def _check_path(path: Path) -> None:
    if not path.is_absolute() or "\0" in os.fspath(path):
        raise CannotListen(f"{path}: the path of a terminal's link is absolute")
    check_directory(path.parent)


def _lock(path: Path) -> int:
    """A lock that lives as long as the agent. Its file stays: removing it would let two agents hold one each."""
    name = path.with_name(f".{path.name}.lock")
    try:
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CannotListen(f"{name}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise CannotListen(f"{path}: another agent serves it") from error
    return lock


def _hand_over(slave: int, path: Path, user_id: int | None, group_id: int | None) -> None:
    try:
        if user_id not in (None, os.fstat(slave).st_uid) or group_id is not None:
            os.fchown(slave, -1 if user_id is None else user_id, -1 if group_id is None else group_id)
        os.fchmod(slave, _OWN_MODE if group_id is None else _GROUP_MODE)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotListen(
            f"{path}: the terminal cannot be given to that user or group ({reason}): the agent's user can give it only to a group that "
            "it is in itself (SupplementaryGroups= of its unit)"
        ) from error


def _link(path: Path, terminal: str) -> None:
    if os.path.lexists(path) and not _is_ours(path):
        raise CannotListen(f"{path}: exists and is no link of the agent to a terminal; it was left alone")
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(terminal)
        fresh.replace(path)
    except OSError as error:
        raise CannotListen(f"{path}: {error.strerror}") from error


def _is_ours(path: Path) -> bool:
    """A link that an agent of this user has made: it leads to a pseudo-terminal, there or not."""
    return (_target(path) or "").startswith(_TERMINALS) and path.lstat().st_uid == os.geteuid()


def _target(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None
