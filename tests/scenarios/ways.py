"""The ways in to one agent, and how a register's program comes in by each of them.

Every way gives the same tiny face, ``Caller``: a method of the protocol, its parameters, its result. What happens behind it (lines, a
token, frames, verbs and paths, a bad wire) is the way's own business.
"""

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agent.demo.web import WebClient
from drivers.client import Client, Unreachable
from drivers.rules import Rules
from tests.support.stand import STORE, Line, Plan, Port, Socket, Stand
from tests.support.wires import PATIENT, SPOILERS, Relay, Spoiler

TCP, HTTP = Port("tcp", "tcp", options={"requests_per_s": 1000}), Port("http", "http", options={"requests_per_s": 1000})
CONNECTIONS = 7  # an agent takes eight of one program
LINES = 5  # of each kind of wire: an agent has at most 32 listeners
BAD_LINE = {"ack_limit_ms": 200, "repeats": 10}
IMPATIENT = Rules(ack_seconds=0.2, silence_seconds=0.05, settle_seconds=0.02, repeats=10)  # the same at the register's end
ANSWER_S = 30.0
DOUBT_S = 8.0  # on a bad wire an answer may be lost for good; the longest poll of a scenario takes 6 s


class Caller(Protocol):
    """A client of any way in. ``call`` raises CallFailed and Unreachable."""

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Way:
    """A way in. ``name`` is five characters long, like every other, so that slips differ in nothing else. ``line``: over a serial line,
    with this wire between (``direct``: none). ``clean``: nothing is lost on it."""

    name: str
    line: str | None = None

    @property
    def clean(self) -> bool:
        return self.line not in ("lossy", "late")

    @property
    def prefix(self) -> str:
        """Every key, order and till of this way begins so."""
        return f"{self.name}-"

    def till(self, scenario: str) -> str:
        return f"{self.prefix}{scenario}"

    def lanes(self, scenarios: Sequence[str]) -> list[list[str]]:
        """What is played one after the other, on one connection: a line has one register."""
        count = LINES if self.line else CONNECTIONS
        return [list(scenarios[start::count]) for start in range(count)]

    async def connect(self, stand: Stand, lane: int, seed: int) -> Caller:
        """A new connection. Raises Unreachable, CallFailed."""
        match self.name:
            case "usock":
                return await Client.connect(stand.pos, answer_seconds=ANSWER_S)
            case "tcptk":
                return await Client.connect_tcp("127.0.0.1", stand.ports[TCP.name], TCP.token, answer_seconds=ANSWER_S)
            case "webht":
                return WebClient(stand.ports[HTTP.name], HTTP.token)
            case _ if self.line == "direct":
                return await Client.connect_serial(stand.line(self.port(lane)), rules=PATIENT, answer_seconds=ANSWER_S)
            case _:
                return await Cable.connect(stand.line(self.port(lane)), SPOILERS[self.line or ""], seed, self.clean)

    def port(self, lane: int) -> str:
        """The name of a line."""
        return f"{self.name}-{lane}"


WAYS = (
    Way("usock"),
    Way("tcptk"),
    Way("webht"),
    Way("tty-0", "direct"),
    Way("tty-1", "ideal"),
    Way("tty-2", "bytewise"),
    Way("tty-3", "lossy"),
    Way("tty-4", "late"),
)


class Cable:
    """A register at the other end of a bad wire: a pseudo-terminal of its own, a relay that spoils what it carries, and the agent's line.

    A new one is laid for every connection, because the agent's end is a new one after a restart of the agent."""

    def __init__(self, client: Client, lay_off: Callable[[], None]) -> None:
        self._client, self._lay_off = client, lay_off
        self.call = client.call

    @classmethod
    async def connect(cls, path: Path, spoiler: Spoiler, seed: int, clean: bool) -> "Cable":
        """Raises Unreachable."""
        with contextlib.ExitStack() as undo:
            try:
                far = os.open(path, os.O_RDWR | os.O_NOCTTY)
            except OSError as error:
                raise Unreachable(f"no line at {path}: {error.strerror}") from error
            undo.callback(os.close, far)
            master, slave = os.openpty()
            undo.callback(os.close, master)
            undo.callback(os.close, slave)  # kept open: a terminal that nobody has open is readable for ever
            tty.setraw(slave)
            relay = Relay(master, far, spoiler, seed)
            undo.callback(relay.stop)
            rules = PATIENT if clean else IMPATIENT
            answer_seconds = ANSWER_S if clean else DOUBT_S
            client = await Client.connect_serial(Path(os.ttyname(slave)), rules=rules, answer_seconds=answer_seconds)
            return cls(client, undo.pop_all().close)

    async def close(self) -> None:
        await self._client.close()
        await asyncio.to_thread(self._lay_off)


def plan(scenarios: Sequence[str], strange_till: str) -> Plan:
    """One agent with all of it: every way may act for its own tills, and nobody for ``strange_till``."""
    tills = {way: [way.till(scenario) for scenario in scenarios] for way in WAYS}

    def allowed(way: Way, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(f"{STORE}/{way.till(name)}" for name in names)

    sockets = (Socket("pos", terminals=allowed(WAYS[0], scenarios), options={"requests_per_s": 1000}), Socket("admin", "admin"))
    ports = tuple(
        Port(one.name, one.kind, terminals=allowed(way, scenarios), options=one.options)
        for one, way in zip((TCP, HTTP), WAYS[1:3], strict=True)
    )
    lines = tuple(
        Line(way.port(number), terminals=allowed(way, names), options={"requests_per_s": 1000} | ({} if way.clean else BAD_LINE))
        for way in WAYS
        if way.line
        for number, names in enumerate(way.lanes(scenarios))
    )
    every_till = [till for names in tills.values() for till in names] + [strange_till]
    return Plan(tills={till: {} for till in every_till}, sockets=sockets, ports=ports, lines=lines)
