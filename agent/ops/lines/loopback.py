"""Does a port carry both ways? With its pins 2 and 3 bridged, everything sent comes back.

Should a register hang on the line after all, it hears letters and no control character: no protocol begins with one of those.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from drivers.line import LineSpeed
from drivers.serial_port import SerialPort, open_port_aside

PATTERN = bytes(range(0x20, 0x7F)) + b"UU**" * 8  # every pattern of the lower seven bits, and the hardest ones for a bad cable
BITS_PER_BYTE = 10
SPARE_S = 0.5  # for the driver of a USB port
LOOK_S = 0.01
READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Echo:
    """What came back of ``sent`` bytes."""

    speed: LineSpeed
    sent: int
    returned: int
    same: bool


async def loopback(path: Path, speed: LineSpeed) -> Echo:
    """Send the pattern once and wait for it. Raises NoPort."""
    port = await open_port_aside(path, speed)
    try:
        return await _echo(port, speed)
    finally:
        port.close()


async def _echo(port: SerialPort, speed: LineSpeed) -> Echo:
    loop = asyncio.get_running_loop()
    end = loop.time() + SPARE_S + 2 * len(PATTERN) * BITS_PER_BYTE / speed.baud
    unsent, back = PATTERN, bytearray()
    while loop.time() < end and len(back) < len(PATTERN):
        try:
            unsent = unsent[os.write(port.fileno(), unsent) :] if unsent else unsent
            back += os.read(port.fileno(), READ_BYTES)
        except BlockingIOError:
            pass
        except OSError:  # unplugged
            break
        await asyncio.sleep(LOOK_S)
    return Echo(speed, len(PATTERN), len(back), bytes(back) == PATTERN)
