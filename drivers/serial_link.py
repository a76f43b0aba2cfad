"""A register at the end of a serial line: the port is opened, served, lost and awaited again, for months.

A port that is not there is no error: it is told once, and looked for again and again. What happens to it is told to the observer when it
changes, and ``status`` tells the truth at any moment. One session at a time speaks on a line; a register that starts anew gets a new one.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from drivers.exchange import Exchange
from drivers.frame_line import FrameLine
from drivers.framing import Fault, RemoteError
from drivers.limits import Limits
from drivers.line import LineSpeed, LineState, LineStatus
from drivers.observer import Observer
from drivers.pty_port import PtyPort
from drivers.rules import Rules
from drivers.serial_port import NoPort, Port, PortAbsent, PortBusy, PortForbidden, open_port_aside
from drivers.session import Session

REOPEN_SECONDS = 0.5  # a register that was plugged in again is served within a second
TEND_SECONDS = 1.0
TELL_SILENCE_SECONDS = 300.0  # a register that works asks for something long before
TELL_DAMAGE_SECONDS = 60.0  # a line with noise on it would fill the log
STOP_SECONDS = 5.0


class Place(Protocol):
    """Where a line's port comes from."""

    async def open(self) -> Port:
        """Raises NoPort: it is tried again; CannotListen: it is not."""


@dataclass(frozen=True, slots=True)
class Tty:
    """A serial port of the machine."""

    path: Path
    speed: LineSpeed

    async def open(self) -> Port:
        """Raises NoPort."""
        return await open_port_aside(self.path, self.speed)


@dataclass(frozen=True, slots=True)
class Pty:
    """A pseudo-terminal of the agent's own."""

    path: Path
    user_id: int | None = None
    group_id: int | None = None

    async def open(self) -> Port:
        """Raises CannotListen."""
        return PtyPort(self.path, self.user_id, self.group_id)


class LineListener:
    """Serves one line. ``admit`` makes a fresh Session for whoever speaks on it."""

    def __init__(
        self, name: str, place: Place, admit: Callable[[], Session], *, limits: Limits, rules: Rules, observer: Observer | None = None
    ) -> None:
        self.name = name
        self._place = place
        self._admit = admit
        self._limits = limits
        self._rules = rules
        self._observer = observer or Observer()
        self._state, self._problem = LineState.UNPLUGGED, ""
        self._holders: tuple[str, ...] = ()
        self._forbidden = False
        self._told = False
        self._line: FrameLine | None = None
        self._session: Session | None = None
        self._stopping = False
        self._serving: asyncio.Task[None] | None = None
        self._damaged_frames = 0
        self._untold = 0
        self._last_damage: RemoteError | None = None
        self._told_at: float | None = None

    @property
    def status(self) -> LineStatus:
        """What is known of the line now."""
        state, heard = self._state, None
        if self._line is not None and self._line.heard_at is not None:
            state, heard = LineState.HEARD, asyncio.get_running_loop().time() - self._line.heard_at
        return LineStatus(self.name, state, heard, self._problem, self._holders, self._damaged_frames, self._forbidden)

    async def start(self) -> None:
        """Begin to serve. A port that is not there is awaited. Raises CannotListen for a pseudo-terminal that cannot be made."""
        port = await self._try()
        self._serving = asyncio.create_task(self._serve(port))

    async def stop(self, grace_seconds: float = STOP_SECONDS) -> None:
        """Let requests at work be answered for so long, then end everything."""
        self._stopping = True
        if self._serving is None:
            return
        if self._session is not None:
            self._session.stop()
            await asyncio.wait({self._serving}, timeout=grace_seconds)
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)

    # --- the port ---

    async def _serve(self, port: Port | None) -> None:
        while not self._stopping:
            try:
                if port is not None:
                    await self._serve_port(port)
                await asyncio.sleep(REOPEN_SECONDS)
                port = await self._try()
            except Exception as error:  # noqa: BLE001  the task's boundary: whatever happens, a register must be able to come back
                port = None
                self._observer.failed(None, secrets.token_hex(4), self.name, error)
                await asyncio.sleep(REOPEN_SECONDS)

    async def _try(self) -> Port | None:
        self._forbidden = False
        try:
            port = await self._place.open()
        except PortAbsent as absent:
            self._change(LineState.UNPLUGGED, str(absent))
        except PortBusy as busy:
            self._change(LineState.BUSY, str(busy), busy.holders)
        except NoPort as failed:
            self._forbidden = isinstance(failed, PortForbidden)
            self._change(LineState.FAILED, str(failed))
        else:
            self._change(LineState.WAITING)
            return port
        return None

    def _change(self, state: LineState, problem: str = "", holders: tuple[str, ...] = ()) -> None:
        changed = state is not self._state or (state is not LineState.UNPLUGGED and problem != self._problem) or not self._told
        self._told = True
        self._state, self._problem, self._holders = state, problem, holders
        if changed:
            self._observer.line_changed(self.status)

    async def _serve_port(self, port: Port) -> None:
        """Until it is lost, or the agent stops."""
        try:
            port.flush()
            self._line = FrameLine(port.fileno(), Exchange(self._rules), self._limits, damaged=self._note_damage, flush=port.flush)
            tending = asyncio.create_task(self._tend(port))
            try:
                await self._converse(self._line)
            finally:
                tending.cancel()
                self._line.close(hang_up=True)
                self._line = None
                await asyncio.gather(tending, return_exceptions=True)
        finally:
            self._tell_damage()
            port.close()
        if not self._stopping:
            self._change(LineState.UNPLUGGED, "the port was lost")

    async def _converse(self, line: FrameLine) -> None:
        """One register program after the other."""
        while not (line.lost or self._stopping):
            await line.heard()
            if line.lost:
                return
            self._session = self._admit()
            try:
                await self._session.run(line.converse())
            finally:
                self._session = None

    async def _tend(self, port: Port) -> None:
        opened_at, unheard_bytes, told = asyncio.get_running_loop().time(), 0, False
        while True:
            await asyncio.sleep(TEND_SECONDS)
            unheard_bytes = self._look_for_noise(unheard_bytes)
            heard_at = self._line.heard_at if self._line is not None else None
            quiet_seconds = asyncio.get_running_loop().time() - (heard_at or opened_at)
            with contextlib.suppress(OSError):
                port.tend(quiet_seconds)
            if heard_at is None and quiet_seconds >= TELL_SILENCE_SECONDS and not told:
                told = True
                self._observer.line_silent(self.name, quiet_seconds)

    # --- damage ---

    def _look_for_noise(self, before: int) -> int:
        """Bytes that were no frame and have ended, as a wrong speed makes them: nothing in them even looks like the beginning of one.
        ``before``: how many there were a moment ago; returns how many there are."""
        line = self._line
        if line is not None and line.unheard_bytes and line.unheard_bytes == before:
            self._note_damage(RemoteError(Fault.NOISE, "bytes came of which nothing makes sense"))
        return line.unheard_bytes if line is not None else 0

    def _note_damage(self, error: RemoteError) -> None:
        self._damaged_frames += 1
        if self._line is not None:
            self._line.unheard_bytes = 0  # they are told
        self._untold += 1
        self._last_damage = error
        now = asyncio.get_running_loop().time()
        if self._told_at is None or now - self._told_at >= TELL_DAMAGE_SECONDS:
            self._told_at = now
            self._tell_damage()

    def _tell_damage(self) -> None:
        if self._untold and self._last_damage is not None:
            self._observer.line_damaged(self.name, self._untold, self._last_damage)
            self._untold = 0
