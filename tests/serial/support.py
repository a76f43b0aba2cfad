"""A listener on a wire with a desk that a test can steer, and what it tells its observer."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from drivers.caller import Caller
from drivers.framing import MessageFraming, RemoteError
from drivers.limits import Limits
from drivers.line import LineState, LineStatus, line_limits
from drivers.messages import CheckoutCreate, Request
from drivers.rules import Rules
from drivers.serial_link import LineListener, Place
from drivers.session import Session
from tests.drivers.support import Agent, Recorder
from tests.support.wires import QUICK


class Desk(Agent):
    """Creates are answered at once and counted by key; gets wait for ``release`` as long as their caller does."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def handle(self, caller: Caller, request: Request) -> Mapping[str, Any]:
        if isinstance(request, CheckoutCreate):
            self.asked.append(request.key)
            return {"key": request.key, "filler": "ж" * 700}
        return await super().handle(caller, request)


class LineRecorder(Recorder):
    """Keeps what happened to the line as well."""

    def line_changed(self, status: LineStatus) -> None:
        self.events.append(("line", status.state))

    def line_damaged(self, name: str, frames: int, error: RemoteError) -> None:
        self.events.append(("damaged", frames))

    @property
    def states(self) -> list[LineState]:
        return self.of("line")


@asynccontextmanager
async def serving(
    place: Place, desk: Agent, *, recorder: LineRecorder | None = None, limits: Limits | None = None, rules: Rules = QUICK
) -> AsyncIterator[LineListener]:
    """A listener at work on ``place``."""
    limits = limits or replace(line_limits(50), bytes_per_second=256 * 1024)
    observer = recorder or LineRecorder()

    def admit() -> Session:
        return Session(Caller("serial:test"), desk.handle, limits, observer, MessageFraming(limits.line_bytes))

    listener = LineListener("serial:test", place, admit, limits=limits, rules=rules, observer=observer)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(0.3)


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def text(method: str, call_id: int = 1, **params: Any) -> bytes:
    """A request as it stands in a frame."""
    return json.dumps({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}).encode()


async def read_for(descriptor: int, seconds: float) -> bytes:
    """Everything that comes within so many seconds."""
    found = b""
    until = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < until:
        try:
            found += os.read(descriptor, 65536)
        except BlockingIOError:
            await asyncio.sleep(0.01)
    return found
