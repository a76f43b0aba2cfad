"""Opening a serial port for ourselves alone, and saying who has it if we cannot.

Two programs that read one port each get half of every message, and both look broken. So the port is locked (``flock``, which decent
programs respect), marked exclusive (``TIOCEXCL``, which the kernel makes others respect), and given up at once if somebody has it open
already. Who that is can be seen in ``/proc`` where permissions allow it.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import termios
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

import serial

from drivers.line import LineSpeed

DRAIN_SECONDS = 0.03  # the last three bytes at 1200 baud; the event loop waits for it
MAX_HOLDERS = 5  # told by name; more would help nobody

_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_ABSENT = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR})
_TAKEN = frozenset({errno.EBUSY, errno.EAGAIN})


class NoPort(Exception):
    """The port cannot be opened now. It is tried again; the text says what a technician may do about it."""


class PortAbsent(NoPort):
    """There is no such port: unplugged."""


class PortBusy(NoPort):
    """Another program has it. ``holders`` names those that may be seen."""

    def __init__(self, message: str, holders: Sequence[str]) -> None:
        super().__init__(message)
        self.holders = tuple(holders)


class PortForbidden(NoPort):
    """The kernel does not let this user open it."""


class Port(Protocol):
    """An open port: its descriptor, which does not block."""

    def fileno(self) -> int: ...

    def flush(self) -> None:
        """Throw away what was written and has not been read. Never blocks, never raises."""

    def close(self) -> None: ...

    def tend(self, quiet_seconds: float) -> None:
        """Called now and then; ``quiet_seconds`` is how long nothing has been heard."""


class SerialPort:
    """An open tty. Make it with ``open_port``."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port

    def fileno(self) -> int:
        return self._port.fileno()

    def flush(self) -> None:
        with contextlib.suppress(termios.error, OSError, serial.SerialException):
            termios.tcflush(self.fileno(), termios.TCOFLUSH)

    def close(self) -> None:
        """Close it. What is still unsent after a moment is thrown away first: the kernel would wait for it, for half a minute."""
        until = time.monotonic() + DRAIN_SECONDS
        while self._unsent_bytes() and time.monotonic() < until:
            time.sleep(DRAIN_SECONDS / 10)
        if self._unsent_bytes():
            self.flush()
        with contextlib.suppress(OSError):
            self._port.close()

    def _unsent_bytes(self) -> int:
        with contextlib.suppress(OSError, serial.SerialException):
            return int(self._port.out_waiting)
        return 0

    def tend(self, quiet_seconds: float) -> None:
        """There is nothing to do for a real port."""


def open_port(path: Path, speed: LineSpeed, *, alone: bool = True) -> SerialPort:
    """Open and lock a port; may block for as long as its driver takes. ``alone``: refuse it if anybody else has it open, and keep others
    out. Raises NoPort."""
    try:
        port = serial.Serial(
            str(path),
            baudrate=speed.baud,
            parity=_PARITIES[speed.parity],
            stopbits=speed.stop_bits,
            rtscts=speed.rts_cts,
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )
    except (serial.SerialException, OSError, ValueError, termios.error) as error:  # the last: a port without parity, as a pty is
        raise _reason(path, error) from error
    if alone:
        with contextlib.suppress(OSError):  # not every driver knows it
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
        if others := holders(path, but=os.getpid()):
            port.close()
            raise PortBusy(_busy(path, others), others)
    return SerialPort(port)


async def open_port_aside(path: Path, speed: LineSpeed, *, alone: bool = True) -> SerialPort:
    """The same without stopping the event loop: a driver whose device is dying takes seconds. Raises NoPort."""
    opening = asyncio.get_running_loop().run_in_executor(None, lambda: open_port(path, speed, alone=alone))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise


def _close_unwanted(opened: "asyncio.Future[SerialPort] | Future[SerialPort]") -> None:
    """Nobody waits for the port any more."""
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()


def _reason(path: Path, error: Exception) -> NoPort:
    number = getattr(error, "errno", None)
    if number in _ABSENT:
        return PortAbsent(f"{path}: there is no such port")
    if number in _TAKEN:
        found = holders(path)
        return PortBusy(_busy(path, found), found)
    if number in (errno.EACCES, errno.EPERM):
        return PortForbidden(f"{path}: the agent's user may not open it (is it in the port's group, usually dialout?)")
    if number == errno.EIO:
        return NoPort(f"{path}: there is no device behind this port")
    return NoPort(f"{path}: cannot be used as a serial port: {os.strerror(number) if number else error}")


def _busy(path: Path, found: Sequence[str]) -> str:
    return f"{path}: another program has this port: {', '.join(found) if found else 'which one, the agent may not see'}"


def holders(path: Path, but: int | None = None) -> list[str]:
    """The programs that have the device open, as ``name (pid 123)``, as far as they may be seen. ``but`` is a process to leave out."""
    device = path.resolve()
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and int(entry.name) != but and _has_open(entry.path, device):
            name = ""
            with contextlib.suppress(OSError):
                name = Path(entry.path, "comm").read_text(errors="replace").strip()
            found.append(f"{name or 'unknown'} (pid {entry.name})")
    return found[:MAX_HOLDERS]


def _has_open(process: str, device: Path) -> bool:
    """By the names of its descriptors alone: looking at the files behind them could hang on a dead network disk."""
    with contextlib.suppress(OSError):
        for descriptor in Path(process, "fd").iterdir():
            with contextlib.suppress(OSError):  # it was closed meanwhile
                if descriptor.readlink() == device:
                    return True
    return False
