"""What bytes that came over a line tell of its other end: its dialect, or that the speed is wrong. Pure.

A frame proves itself by its CRC, so one whole frame is enough: the speed is right and frames are spoken. Text without frames shows that the
speed is right and the dialect is another one. Bytes of which nothing makes sense are what a wrong speed or parity makes of anything.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from drivers.frames import Block, Control, Scanner, frame

QUESTION = frame(b"")[:-1] + bytes([frame(b"")[-1] ^ 0xFF])
"""An empty frame whose CRC is wrong. Whoever speaks frames answers it with NAK and does nothing else: there is nothing in it, and what does
not prove itself is not believed. To everybody else it is five bytes of noise."""

TEXT_SHARE = 0.9  # of printable bytes in what is taken for text: noise has about a third
LEAST_TEXT_BYTES = 8
_TEXT = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}


class Dialect(StrEnum):
    """What is spoken, the best first."""

    JSON_FRAMES = "json_frames"  # what this agent speaks
    FRAMES = "frames"  # frames, and something else in them, as payment terminals speak
    ANSWERS = "answers"  # somebody answered our question as those do who speak frames
    XML = "xml"  # text that begins like XML
    TEXT = "text"  # text without frames
    NOISE = "noise"  # bytes of which nothing makes sense
    SILENCE = "silence"


ORDER = tuple(Dialect)
SURE = frozenset({Dialect.JSON_FRAMES, Dialect.FRAMES, Dialect.ANSWERS})
"""These cannot be heard at a wrong speed."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard with one setting of the line. ``count``: bytes; ``frames``: whole ones."""

    dialect: Dialect
    count: int = 0
    frames: int = 0


def judge(data: bytes) -> Heard:
    """What all the bytes that came with one setting amount to."""
    if not data:
        return Heard(Dialect.SILENCE)
    scanner = Scanner()
    found = [*scanner.receive(data, 0.0), *scanner.expire(1e9)]
    blocks = [one for one in found if isinstance(one, Block)]
    if blocks:
        spoken = Dialect.JSON_FRAMES if any(_is_json(one) for one in blocks) else Dialect.FRAMES
        return Heard(spoken, len(data), len(blocks))
    if set(data) == {Control.NAK}:
        return Heard(Dialect.ANSWERS, len(data))
    if len(data) >= LEAST_TEXT_BYTES and sum(byte in _TEXT for byte in data) >= TEXT_SHARE * len(data):
        return Heard(Dialect.XML if data.lstrip().startswith(b"<") else Dialect.TEXT, len(data))
    return Heard(Dialect.NOISE, len(data))


def _is_json(block: Block) -> bool:
    """A part of a longer message cannot be read by itself; its beginning tells."""
    if block.part:
        return b'{"jsonrpc"' in block.data[:64]
    try:
        return isinstance(json.loads(block.data), dict)
    except ValueError:
        return False
