"""Frames for lines that lose bytes: where one begins, where it ends, and whether it is whole. No input or output here.

A socket loses nothing, so a newline is boundary enough there. A serial line has nobody behind it who repeats what noise has eaten:
bytes vanish, change, or appear from nothing when a plug is pulled. So a message travels in frames that prove themselves::

    STX  length (2, low byte first)  data (length bytes)            CRC-16 (2, high byte first)
    SOH  length (2, low byte first)  head length (2), head, piece   CRC-16 (2, high byte first)

The first form carries a whole message, the second one part of a longer one; the head of a part says which. The receiver answers a whole
frame with ACK and a damaged one with NAK. This is the framing that payment terminals and registers speak among each other, so a register
that brings it already brings the hard part. What is *in* the data is the dialect's business: JSON here, tag-length-value in others.

Three thoughts made this scanner what it is.

*A boundary can be forged.* Data may contain the byte STX, and a damaged length points anywhere. So nothing is believed before its CRC
agrees. When one does not, only the first byte of the supposed frame is thrown away, and the search goes on with the next. The remains of a
damaged frame are full of false beginnings that wait for thousands of bytes; so after damage the scanner looks ahead, and takes an intact
frame as soon as its last byte is there, whatever waits before it. That is *resynchronisation*: damage costs the frame it hit, and no other.
What waits for bytes that never come is given up when the line falls silent.

*A control byte has no proof.* ACK is one byte, and so is every byte of a frame whose beginning was lost; an ACK that is believed wrongly
makes the sender forget what never arrived. So after anything that made no sense, control bytes are ignored until a whole frame or silence
has shown where things begin.

*Searching must be cheap.* A hostile peer can make every third byte the beginning of a frame of thousands of bytes; checking each anew
would take its length times. How one check costs the same for any length is told in ``crc``.

``Scanner`` turns bytes into ``Block`` (one of the two forms), ``Control`` and ``RemoteError``; ``frame`` is the way back. What is in a part
is told in ``parts``, who acknowledges, repeats and gives up in ``exchange``.
"""

import heapq
from dataclasses import dataclass, field
from enum import IntEnum

from drivers.crc import advanced, crc, registers
from drivers.framing import Fault, RemoteError

SOH, STX = 0x01, 0x02

MAX_DATA_BYTES = 4000  # registers reserve about that; below 4090 the CRC notices any two flipped bits
SILENCE_SECONDS = 1.0  # between two bytes of one frame: the usual patience of registers with a terminal

_HEAD_BYTES = 3  # STX or SOH, length
_CRC_BYTES = 2
DATA = slice(_HEAD_BYTES, -_CRC_BYTES)  # of a frame


class Control(IntEnum):
    """A byte that is a message by itself."""

    ETX = 0x03
    EOT = 0x04
    ACK = 0x06
    NAK = 0x15


_CONTROLS = frozenset(Control)


@dataclass(frozen=True, slots=True)
class Block:
    """The data of one whole frame, and whether it was a part of something longer. Not in the repr: it may carry secrets."""

    data: bytes = field(repr=False)
    part: bool = False


def frame(data: bytes, begin: int = STX) -> bytes:
    """``data`` as one frame. Raises OverflowError above 65 535 bytes."""
    body = bytes([begin]) + len(data).to_bytes(2, "little") + data
    return body + crc(body).to_bytes(_CRC_BYTES, "big")


class Scanner:
    """Finds frames and control bytes in what a line delivers. ``now`` is any clock in seconds that does not run backwards."""

    def __init__(self, max_data_bytes: int = MAX_DATA_BYTES, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._max_data_bytes = max_data_bytes
        self._silence_seconds = silence_seconds
        self._buffer = bytearray()
        self._registers: list[int] = []  # the CRC register before each byte of the buffer
        self._register = 0  # and behind the last
        self._base = 0  # how many bytes came before the buffer
        self._looked = 0  # how many bytes of all have been looked at for frames ahead
        self._ahead: list[tuple[int, int]] = []  # a heap of what may be frames there: end and beginning, counted like that
        self._heard_at = 0.0
        self._lost = False  # something made no sense: control bytes are not believed
        self._told = False  # and that was reported

    @property
    def buffered_bytes(self) -> int:
        """What is held of an unfinished frame: never as much as the longest frame."""
        return len(self._buffer)

    @property
    def due(self) -> float | None:
        """When ``expire`` wants to be called, if nothing comes before."""
        return self._heard_at + self._silence_seconds if self._buffer or self._lost else None

    def receive(self, data: bytes, now: float) -> list[Block | Control | RemoteError]:
        """What ``data`` completes, in its order. Every damage is reported once."""
        found = self.expire(now)
        self._heard_at = now
        *before, self._register = registers(data, self._register)
        self._registers += before
        self._buffer += data
        self._drop(self._scan(0, found))
        return found

    def expire(self, now: float) -> list[Block | Control | RemoteError]:
        """What silence completes: a frame whose rest does not come is given up, and what lies behind its beginning is looked at."""
        found: list[Block | Control | RemoteError] = []
        if self.due is None or now < self.due:
            return found
        place = 0
        while place < len(self._buffer):
            self._damage(Fault.INCOMPLETE, f"the rest of a frame did not come within {self._silence_seconds:g} seconds", found)
            place = self._scan(place + 1, found)
        self._drop(place)
        self._lost = self._told = False
        return found

    def _scan(self, place: int, found: list[Block | Control | RemoteError]) -> int:
        """Take from ``place`` on what is complete; the place of what is not."""
        place = self._scan_in_order(place, found)
        while self._lost and (ahead := self._look_ahead(place)) is not None:
            self._damage(Fault.BAD_CHECKSUM, "the checksum of a frame is wrong", found)
            place = self._scan_in_order(ahead, found)
        return place

    def _look_ahead(self, place: int) -> int | None:
        """The place of a whole frame behind the one at ``place`` that is not complete. Every byte is looked at once."""
        buffer, last = self._buffer, len(self._buffer) - _HEAD_BYTES
        for begin in range(max(self._looked - self._base, place + 1), last + 1):
            if buffer[begin] in (STX, SOH) and (length := self._length(begin)) <= self._max_data_bytes:
                at = self._base + begin
                heapq.heappush(self._ahead, (at + _HEAD_BYTES + length + _CRC_BYTES, at))
        self._looked = max(self._looked, self._base + last + 1)
        while self._ahead and self._ahead[0][0] <= self._base + len(buffer):
            end, at = heapq.heappop(self._ahead)
            if at > self._base + place and self._whole(at - self._base, end - self._base):
                return at - self._base
        return None

    def _length(self, begin: int) -> int:
        return self._buffer[begin + 1] | self._buffer[begin + 2] << 8

    def _scan_in_order(self, place: int, found: list[Block | Control | RemoteError]) -> int:
        buffer = self._buffer
        while place < len(buffer):
            byte = buffer[place]
            if byte in (STX, SOH):
                if len(buffer) - place < _HEAD_BYTES:
                    break
                length = self._length(place)
                end = place + _HEAD_BYTES + length + _CRC_BYTES
                if length > self._max_data_bytes:
                    self._damage(Fault.TOO_LONG, f"a frame has at most {self._max_data_bytes} bytes of data", found)
                elif end > len(buffer):
                    break
                elif self._whole(place, end):
                    found.append(Block(bytes(buffer[place + _HEAD_BYTES : end - _CRC_BYTES]), byte == SOH))
                    self._lost = self._told = False
                    place = end
                    continue
                else:
                    self._damage(Fault.BAD_CHECKSUM, "the checksum of a frame is wrong", found)
            elif byte in _CONTROLS and not self._lost:
                found.append(Control(byte))
            else:
                self._lost = True
            place += 1
        return place

    def _whole(self, begin: int, end: int) -> bool:
        """Whether the bytes from ``begin`` to ``end`` are a frame with a right CRC; ``crc`` tells why this is so."""
        behind = self._registers[end] if end < len(self._registers) else self._register
        return behind == advanced(self._registers[begin], end - begin)

    def _damage(self, fault: Fault, explanation: str, found: list[Block | Control | RemoteError]) -> None:
        if not self._told:
            found.append(RemoteError(fault, explanation))
        self._lost = self._told = True

    def _drop(self, count: int) -> None:
        self._base += count
        del self._buffer[:count]
        del self._registers[:count]
