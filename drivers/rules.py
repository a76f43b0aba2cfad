"""How a line of frames is spoken: sizes, patience, repeats. Both ends of a line may differ in all of it but the two that say so.

Nothing published says how often and when to repeat; registers in the field wait 1 to 5 s for an ACK, and the usual advice is three repeats
some seconds apart. So these are choices, not facts, and can be set.
"""

from dataclasses import dataclass, replace

from drivers.frames import MAX_DATA_BYTES, SILENCE_SECONDS
from drivers.limits import MAX_LINE_BYTES
from drivers.parts import PART_BYTES

ACK_SECONDS = 2.0  # registers answer within one, and some take their time
REPEATS = 5  # one frame in five lost each way: one message in five hundred still fails
SETTLE_SECONDS = 0.2  # for the ACK of a frame that was repeated meanwhile: a USB line delivers within 16 ms

BITS_PER_BYTE = 10  # on a serial line, with start and stop bit


@dataclass(frozen=True, slots=True)
class Rules:
    """How one line is spoken. Both ends must agree on ``lengths``; the rest is each side's own business."""

    part_bytes: int = PART_BYTES
    max_data_bytes: int = MAX_DATA_BYTES
    max_message_bytes: int = MAX_LINE_BYTES
    ack_seconds: float = ACK_SECONDS
    repeats: int = REPEATS
    silence_seconds: float = SILENCE_SECONDS
    settle_seconds: float = SETTLE_SECONDS
    seconds_per_byte: float = 0.0  # how slow the line is: an ACK can come only after the frame, and after a frame of the peer's
    lengths: bool = True  # the heads of parts tell the message's length, and a message without is refused
    lone_parts: bool = False  # a single part with the number of the last one is a message

    def paced(self, baud: int) -> "Rules":
        """The same for a line of this speed."""
        return replace(self, seconds_per_byte=BITS_PER_BYTE / baud)
