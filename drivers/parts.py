"""A message that is too long for one frame, in parts: how they are made and taken apart. No input or output here.

A part begins with a head of entries (tag, length, decimal digits): the version, the number of the part - from 1, the last one has 0 - and
the length of the whole message. The last one is our own addition: the number of the last part does not tell how many came before it, and
a part lost in the middle would go unnoticed. Others pass over tags they do not know.
"""

from dataclasses import dataclass, field

from drivers.frames import SOH, frame

PART_BYTES = 507  # of data in one part, as terminals in the field send them: an ACK for the peer never waits longer than one part

_VERSION, _NUMBER, _LENGTH = 1, 2, 3  # tags in the head of a part
_MAX_DIGITS = 9  # of a number in the head of a part


@dataclass(frozen=True, slots=True)
class Part:
    """A part taken apart. ``number`` counts from 1, the last part has 0; ``length`` in bytes is the whole message's, if the head tells
    it."""

    number: int
    length: int | None
    piece: bytes = field(repr=False)


def parts(message: bytes, part_bytes: int = PART_BYTES, *, lengths: bool = True) -> list[bytes]:
    """``message`` as frames of at most ``part_bytes`` of data each: one STX frame if it fits, else parts. ``lengths``: the heads tell the
    length of the whole message, so that a lost part in the middle is noticed (not every dialect knows that tag)."""
    if len(message) <= part_bytes:
        return [frame(message)]
    made: list[bytes] = []
    taken, number = 0, 1
    while taken < len(message):
        head = _head(number, len(message) if lengths else None)
        room = part_bytes - 2 - len(head)
        if taken + room >= len(message):
            head = _head(0, len(message) if lengths else None)
        made.append(frame(len(head).to_bytes(2, "little") + head + message[taken : taken + room], SOH))
        taken, number = taken + room, number + 1
    return made


def _head(number: int, length: int | None) -> bytes:
    head = _entry(_VERSION, 1) + _entry(_NUMBER, number)
    return head if length is None else head + _entry(_LENGTH, length)


def _entry(tag: int, value: int) -> bytes:
    text = b"%d" % value
    return bytes([tag]) + len(text).to_bytes(2, "little") + text


def read_part(data: bytes) -> Part | None:
    """The data of a part taken apart; None if it has no head that can be read. Unknown tags are passed over."""
    end = 2 + int.from_bytes(data[:2], "little")
    if len(data) < end:
        return None
    entries: dict[int, bytes] = {}
    place = 2
    while place < end:
        value_at = place + 3
        value_end = value_at + int.from_bytes(data[place + 1 : value_at], "little")
        if value_end > end:
            return None
        entries[data[place]] = data[value_at:value_end]
        place = value_end
    number, length = _number(entries.get(_NUMBER)), _number(entries.get(_LENGTH))
    if number is None or (length is None and _LENGTH in entries):
        return None
    return Part(number, length, data[end:])


def _number(text: bytes | None) -> int | None:
    return int(text) if text and len(text) <= _MAX_DIGITS and text.isdigit() else None
