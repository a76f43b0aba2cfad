"""What there is to say about a serial line: how it is set, and the truth about its other end as far as it can be known from this one.

A line tells nobody that a register has been switched off: only that the port is gone, or taken, or that so long nothing was heard. So
that is what is told, and never "connected".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from drivers.limits import MAX_LINE_BYTES, Limits

Parity = Literal["none", "even", "odd"]

MAX_SERIAL_BYTES_PER_SECOND = 24 * 1024  # the fastest line, 230 400 baud, carries less; USB and pseudo-terminals would carry more
MAX_SERIAL_BYTE_BURST = 16 * 1024
MAX_SERIAL_ANSWER_BYTES = 256 * 1024  # takes 23 s at 115 200 baud, and every other answer waits for it
MAX_SERIAL_UNSENT_BYTES = 2 * MAX_SERIAL_ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class LineSpeed:
    """How a port is set. Eight data bits always, and no XON/XOFF: frames are binary, and would lose the bytes that mean them."""

    baud: int = 115_200
    parity: Parity = "none"
    stop_bits: Literal[1, 2] = 1
    rts_cts: bool = False


class LineState(StrEnum):
    """What is known about the other end."""

    UNPLUGGED = "unplugged"  # there is no such port
    BUSY = "busy"  # another program has it
    FAILED = "failed"  # it is there and cannot be used
    WAITING = "waiting"  # open, and nothing was heard since
    HEARD = "heard"  # open, and a register has spoken


@dataclass(frozen=True, slots=True)
class LineStatus:
    """One line now. ``heard_seconds``: how long ago anything that made sense came; None if nothing did since the port was opened.
    ``holders``: the programs that have a busy port, as far as they may be seen. ``forbidden``: a port that failed is one that we may not
    open. ``damaged_frames`` since the start."""

    name: str
    state: LineState
    heard_seconds: float | None = None
    problem: str = ""
    holders: Sequence[str] = ()
    damaged_frames: int = 0
    forbidden: bool = False


def line_limits(requests_per_second: float) -> Limits:
    """The bounds of one serial line."""
    return Limits(
        line_bytes=MAX_LINE_BYTES,
        requests_per_second=requests_per_second,
        request_burst=max(1, int(2 * requests_per_second)),
        bytes_per_second=MAX_SERIAL_BYTES_PER_SECOND,
        byte_burst=MAX_SERIAL_BYTE_BURST,
        answer_bytes=MAX_SERIAL_ANSWER_BYTES,
        unsent_bytes=MAX_SERIAL_UNSENT_BYTES,
    )
