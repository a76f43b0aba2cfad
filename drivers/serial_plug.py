"""The register's end of a serial line, for a client: a module of its own, because the command line never needs it and pays for every
import."""

from dataclasses import replace
from pathlib import Path
from typing import Self

from drivers.exchange import Exchange
from drivers.frame_line import FrameLine
from drivers.limits import MAX_ANSWER_BYTES, MAX_REQUESTS_PER_SECOND
from drivers.line import LineSpeed, line_limits
from drivers.rules import Rules
from drivers.serial_port import NoPort, Port, open_port_aside

__all__ = ["NoPort", "SerialPlug"]


class SerialPlug:
    """A serial port, or the register's end of a pseudo-terminal. Opening and closing it tell the agent that a program begins or ends."""

    def __init__(self, port: Port, rules: Rules) -> None:
        exchange = Exchange(replace(rules, max_message_bytes=MAX_ANSWER_BYTES))
        exchange.hang_up()  # what the agent may still owe is for somebody before us
        self._port = port
        self._line = FrameLine(port.fileno(), exchange, line_limits(MAX_REQUESTS_PER_SECOND), flush=port.flush)
        self._talk = self._line.converse()

    @classmethod
    async def open(cls, path: Path, speed: LineSpeed, rules: Rules) -> Self:
        """Raises NoPort."""
        port = await open_port_aside(path, speed, alone=False)  # the agent has its own pseudo-terminal open
        return cls(port, rules.paced(speed.baud))

    async def receive(self) -> bytes:
        """One message; none at the end. Raises LinkLost."""
        return await self._talk.receive()

    async def send(self, data: bytes) -> None:
        """Return when the agent has acknowledged it. Raises LinkLost."""
        await self._talk.send(data)

    def close(self) -> None:
        self._line.close(hang_up=True)
        self._port.close()
