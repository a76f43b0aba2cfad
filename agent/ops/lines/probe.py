"""Finding out how a register speaks: listen with one setting after the other until something proves itself.

Nothing is sent that a register could take for a command (``hearing.QUESTION``), and the port is opened for ourselves alone: while the agent
has it, nothing is tried.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from agent.ops.lines.hearing import ORDER, QUESTION, SURE, Dialect, Heard, judge
from drivers.line import LineSpeed, Parity
from drivers.serial_port import SerialPort, open_port_aside

BAUDS = (115_200, 9_600, 57_600, 38_400, 19_200, 4_800, 2_400, 230_400, 1_200)  # as often as registers use them
LISTEN_S = 2.0  # with each setting; registers that wait for a terminal ask about once a second
MAX_HEARD_BYTES = 64 * 1024  # of one setting: the line is alive, more tells nothing new
LOOK_S = 0.02
READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting, and what it brought."""

    speed: LineSpeed
    heard: Heard


async def probe(path: Path, seconds: float = LISTEN_S, bauds: Sequence[int] = BAUDS) -> AsyncGenerator[Tried, None]:
    """Each setting as it is tried, ``seconds`` long; ends with the first that proves itself. Other parities are tried where anything was
    heard. Raises NoPort."""
    live = []
    for baud in bauds:
        tried = Tried(LineSpeed(baud), await _listen(path, LineSpeed(baud), seconds))
        yield tried
        if tried.heard.dialect in SURE:
            return
        if tried.heard.dialect is Dialect.NOISE:
            live.append(baud)
    for baud, parity in itertools.product(live, get_args(Parity)[1:]):
        speed = LineSpeed(baud, parity)
        tried = Tried(speed, await _listen(path, speed, seconds))
        yield tried
        if tried.heard.dialect in SURE:
            return


def best(tried: Sequence[Tried]) -> Tried:
    """What told most, the earlier of two."""
    return min(tried, key=lambda one: (ORDER.index(one.heard.dialect), -one.heard.frames))


async def _listen(path: Path, speed: LineSpeed, seconds: float) -> Heard:
    port = await open_port_aside(path, speed)
    try:
        return judge(await _collect(port, seconds))
    finally:
        port.close()


async def _collect(port: SerialPort, seconds: float) -> bytes:
    """Ask once, then take what comes until a whole frame is there or the time is up."""
    loop, found = asyncio.get_running_loop(), bytearray()
    _drain(port)  # what came before was sent at another speed
    _write(port, QUESTION)
    end = loop.time() + seconds
    while loop.time() < end and len(found) < MAX_HEARD_BYTES:
        await asyncio.sleep(LOOK_S)
        if fresh := _drain(port):
            found += fresh
            if judge(bytes(found)).frames:
                break
    return bytes(found)


def _drain(port: SerialPort) -> bytes:
    try:
        return os.read(port.fileno(), READ_BYTES)
    except OSError:  # nothing there, or unplugged: then nothing comes any more
        return b""


def _write(port: SerialPort, data: bytes) -> None:
    try:
        os.write(port.fileno(), data)
    except OSError:  # a line that takes nothing can still bring something
        return
