"""Serial lines that tests are made of: two ends with a relay between them that may spoil what it carries.

``NullModem`` is made of pseudo-terminals, gives both ends names in the file system, as udev does, and can be unplugged and plugged in
again; ``MemoryWire`` needs neither. Both give a listener its ``place`` and a register a ``connect``. The relay is a thread, so that tests
with and without an event loop, and whole processes, can use it. What it does to the bytes is a ``Spoiler``: seeded, so that a failure can
be played again. ``Register`` does what every register has to do on a bad wire.
"""

import contextlib
import heapq
import os
import random
import select
import socket
import threading
import time
import tty
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from drivers.client import Client, Unreachable
from drivers.framing import MessageFraming
from drivers.limits import MAX_ANSWER_BYTES
from drivers.line import LineSpeed
from drivers.rules import Rules
from drivers.serial_link import Place, Tty
from drivers.serial_plug import SerialPlug
from drivers.serial_port import Port

Portions = Sequence[tuple[float, bytes]]  # what to deliver, and after how many seconds
Spoiler = Callable[[random.Random, bytes], Portions]

QUICK = Rules(ack_seconds=0.06, silence_seconds=0.03, settle_seconds=0.02, repeats=8)  # a bad line must not make a slow test
PATIENT = Rules(settle_seconds=0.02, silence_seconds=2.0, ack_seconds=4.0)  # a good one must not be blamed for a loaded machine
STEP_S = 0.01


def ideal(chance: random.Random, data: bytes) -> Portions:
    """Everything, at once."""
    return [(0.0, data)]


def bytewise(chance: random.Random, data: bytes) -> Portions:
    """One byte at a time."""
    return [(0.0, bytes([byte])) for byte in data]


def lossy(chance: random.Random, data: bytes) -> Portions:
    """One portion in five is lost, cut off, or has a byte changed."""
    if chance.random() > 0.2:
        return [(0.0, data)]
    place = chance.randrange(len(data))
    match chance.choice(["lost", "cut", "changed"]):
        case "lost":
            return []
        case "cut":
            return [(0.0, data[:place])]
        case _:
            return [(0.0, data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :])]


def late(chance: random.Random, data: bytes) -> Portions:
    """Every portion is late, some overtake others, one in five comes twice."""
    found = [(chance.uniform(0.0, 0.02), data)]
    return [*found, (chance.uniform(0.0, 0.04), data)] if chance.random() < 0.2 else found


SPOILERS: Mapping[str, Spoiler] = {"ideal": ideal, "bytewise": bytewise, "lossy": lossy, "late": late}


class Relay:
    """Carries bytes between two descriptors until it is stopped. It closes neither."""

    def __init__(self, one: int, other: int, spoiler: Spoiler = ideal, seed: int = 1) -> None:
        self._ends = {one: other, other: one}
        self._spoiler = spoiler
        self._chance = random.Random(seed)
        self._due: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        for end in self._ends:
            os.set_blocking(end, False)
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped:
            heard = False
            for end in select.select(list(self._ends), [], [], self._patience())[0]:
                with contextlib.suppress(OSError):  # nobody has the other side open
                    if data := os.read(end, 4096):
                        heard = True
                        self._carry(self._ends[end], data)
            while self._due and self._due[0][0] <= time.monotonic():
                _, _, end, data = heapq.heappop(self._due)
                self._write(end, data)
            if not heard:
                time.sleep(0.001)  # an end that nobody has open is readable for ever

    def _patience(self) -> float:
        return min(STEP_S, max(0.0, self._due[0][0] - time.monotonic())) if self._due else STEP_S

    def _carry(self, end: int, data: bytes) -> None:
        for delay, portion in self._spoiler(self._chance, data):
            self._count += 1
            heapq.heappush(self._due, (time.monotonic() + delay, self._count, end, portion))

    def _write(self, end: int, data: bytes) -> None:
        until = time.monotonic() + 1.0
        while data and not self._stopped and time.monotonic() < until:
            try:
                data = data[os.write(end, data) :]
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                return


class Wire(Protocol):
    """A line: where the agent's end is opened, and a client at the register's end."""

    @property
    def place(self) -> Place: ...

    async def connect(self, rules: Rules = QUICK, answer_seconds: float = 5.0) -> Client: ...


class NullModem:
    """A cable between ``agent`` and ``register``, two names in ``folder``. Use it in ``with``."""

    def __init__(self, folder: Path, spoiler: Spoiler = ideal, seed: int = 1) -> None:
        self.agent, self.register = folder / "tty-agent", folder / "tty-register"
        self._spoiler, self._seed = spoiler, seed
        self._relay: Relay | None = None
        self._masters: list[int] = []

    @property
    def place(self) -> Place:
        return Tty(self.agent, LineSpeed())

    async def connect(self, rules: Rules = QUICK, answer_seconds: float = 5.0) -> Client:
        """A register at the other end. Raises Unreachable."""
        return await Client.connect_serial(self.register, rules=rules, answer_seconds=answer_seconds)

    def plug(self) -> None:
        """Both ends are there, under their names."""
        for name in (self.agent, self.register):
            master, slave = os.openpty()
            tty.setraw(slave)
            fresh = name.with_suffix(".new")
            fresh.symlink_to(os.ttyname(slave))
            os.close(slave)
            fresh.replace(name)
            self._masters.append(master)
        self._relay = Relay(*self._masters, self._spoiler, self._seed)

    def unplug(self) -> None:
        """Both ends are gone, and whoever had one open is hung up on."""
        if self._relay is not None:
            self._relay.stop()
            self._relay = None
        for name in (self.agent, self.register):
            name.unlink(missing_ok=True)
        while self._masters:
            os.close(self._masters.pop())

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.unplug()


class _End:
    """One end of a pair of sockets as a port."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        end.setblocking(False)

    def fileno(self) -> int:
        return self._end.fileno()

    def flush(self) -> None:
        pass

    def tend(self, quiet_seconds: float) -> None:
        pass

    def close(self) -> None:
        self._end.close()


class MemoryWire:
    """A line that is only bytes: nothing can be unplugged, and one register has it to the end. Use it in ``with``."""

    def __init__(self, folder: Path, spoiler: Spoiler = ideal, seed: int = 1) -> None:
        self._agent, one = socket.socketpair()
        self._register, other = socket.socketpair()
        self._inner = (one, other)
        self._relay = Relay(one.fileno(), other.fileno(), spoiler, seed)

    @property
    def place(self) -> Place:
        return self

    async def open(self) -> Port:
        """The agent's end."""
        return _End(self._agent.dup())

    async def connect(self, rules: Rules = QUICK, answer_seconds: float = 5.0) -> Client:
        """A register at the other end."""
        return Client(SerialPlug(_End(self._register.dup()), rules), answer_seconds, MessageFraming(MAX_ANSWER_BYTES))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._relay.stop()
        for end in (*self._inner, self._agent, self._register):
            end.close()


WIRES: Mapping[str, type[NullModem] | type[MemoryWire]] = {"memory": MemoryWire, "pty": NullModem}


class Register:
    """A register that does what the protocol asks of it: after any doubt, the same request again, on a new connection."""

    def __init__(self, connect: Callable[[], Awaitable[Client]]) -> None:
        self._connect = connect
        self._client: Client | None = None
        self.doubts = 0

    async def insist(self, method: str, /, **params: Any) -> dict[str, Any]:
        """The result, however often it must be asked for. Raises CallFailed."""
        while True:
            try:
                if self._client is None:
                    self._client = await self._connect()
                return await self._client.call(method, **params)
            except Unreachable:
                self.doubts += 1
                await self.close()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
