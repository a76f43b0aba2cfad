"""Where a message begins and ends. No input or output here: bytes go in, frames come out.

A link (a socket, a serial line) delivers bytes in portions that mean nothing: half a message, three messages and a half,
one byte at a time. A *frame* is the unit the peer meant: the bytes of exactly one message. Turning the one into the other is
the only job of this module, and it is kept apart from the link because it is where hostile or broken input arrives first.
Without a socket in the way, a test can feed any bytes in any portions and see that

* the memory taken is bounded by the longest permitted frame, whatever comes;
* a damaged frame is reported exactly once, as a ``RemoteError``: the peer's fault, never an exception of ours;
* the damage does not spread: the next frame boundary ends it. This is *resynchronisation*, and it is what makes a bad
  register annoying instead of fatal.

What a boundary is depends on the dialect. Sockets carry lines: one JSON text, one newline. JSON never contains a raw newline, so the
boundary cannot be forged from inside a message and needs no escaping. Serial lines carry frames that begin with STX, give their length
and end with a CRC (``frames``); they are acknowledged and repeated, which takes timers and an answer of its own for each, so that is done
below the session, by a link that delivers whole messages (``exchange``, ``frame_line``). To the session both are a ``Framing``:
``receive`` takes what the link delivered and gives what it completed, ``end`` says that no more will come, ``send`` wraps a message for
the link, and ``unfinished`` names the frame that has begun and is not complete, so that the pump can limit the time a peer takes for it.

``receive`` never raises for what a peer sent. ``send`` raises ``ValueError`` for what *we* should not have tried to send.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from drivers.limits import MAX_LINE_BYTES

_NEWLINE = b"\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK = b" \t\r"


class Fault(StrEnum):
    """What was wrong with a frame."""

    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"
    INCOMPLETE = "incomplete"
    BAD_CHECKSUM = "bad_checksum"
    OUT_OF_ORDER = "out_of_order"
    IMPATIENT = "impatient"
    ECHO = "echo"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Frame:
    """The bytes of one message, without what the wire put around it. Not in the repr: a message may carry secrets."""

    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoteError:
    """The peer broke the protocol once. ``explanation`` is for its programmer and quotes nothing that was received."""

    fault: Fault
    explanation: str


class Framing(Protocol):
    """One direction-less framing of one link; it keeps the state of what is half received."""

    @property
    def unfinished(self) -> int | None:
        """A number that names the frame begun and not complete; None between frames."""

    def receive(self, data: bytes) -> list[Frame | RemoteError]: ...

    def end(self) -> list[Frame | RemoteError]: ...

    def send(self, message: bytes) -> bytes: ...


class LineFraming:
    """One message per line, ended by a newline (a carriage return before it is dropped).

    Blank lines mean nothing (a person at a terminal, a keep-alive). A byte order mark at the start of a line is dropped: some
    runtimes write one whether asked or not. A NUL byte means that the peer speaks UTF-16 or another protocol: the line is an error.
    A carriage return alone ends nothing.
    """

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._buffer = bytearray()
        self._discarding = False
        self._line = 0

    @property
    def unfinished(self) -> int | None:
        return self._line if self._buffer or self._discarding else None

    @property
    def buffered_bytes(self) -> int:
        """What is held of an unfinished line: never more than ``max_line_bytes``."""
        return len(self._buffer)

    def receive(self, data: bytes) -> list[Frame | RemoteError]:
        """The frames and faults that ``data`` completes, in their order."""
        events: list[Frame | RemoteError] = []
        *ends, rest = data.split(_NEWLINE)
        for piece in ends:
            if piece or self._buffer or self._discarding:  # a flood of newlines must cost next to nothing
                self._collect(piece, events)
                self._finish(events)
        self._collect(rest, events)
        return events

    def end(self) -> list[Frame | RemoteError]:
        """The peer will send no more. A line without its newline may be cut off, so it is never taken for a message."""
        incomplete = bool(self._buffer.strip(_BLANK))
        self._buffer.clear()
        self._discarding = False
        if incomplete:
            return [RemoteError(Fault.INCOMPLETE, "the connection ended inside a line: end every message with a newline")]
        return []

    def send(self, message: bytes) -> bytes:
        """The message as a line. Raises ValueError when it contains a newline or a NUL byte."""
        if _NEWLINE in message or b"\0" in message:
            raise ValueError("a message on a line contains no newline and no NUL byte")
        return message + _NEWLINE

    def _collect(self, piece: bytes, events: list[Frame | RemoteError]) -> None:
        if self._discarding:
            return
        if len(self._buffer) + len(piece) > self._max_line_bytes:
            self._buffer.clear()
            self._discarding = True
            events.append(RemoteError(Fault.TOO_LONG, f"a line has at most {self._max_line_bytes} bytes"))
            return
        self._buffer += piece

    def _finish(self, events: list[Frame | RemoteError]) -> None:
        line = bytes(self._buffer)
        discarded = self._discarding
        self._buffer.clear()
        self._discarding = False
        self._line += 1
        line = line.removeprefix(_BYTE_ORDER_MARK).strip(_BLANK)
        if discarded or not line:
            return
        if b"\0" in line:
            events.append(RemoteError(Fault.NOT_TEXT, "a line is UTF-8 text and contains no NUL byte"))
        else:
            events.append(Frame(line))


class MessageFraming:
    """For a link that keeps the messages apart itself: what it delivers is one message, and longer ones than ``max_message_bytes`` are
    faults."""

    unfinished: int | None = None

    def __init__(self, max_message_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_message_bytes = max_message_bytes

    def receive(self, data: bytes) -> list[Frame | RemoteError]:
        """The message, or its fault."""
        if len(data) > self._max_message_bytes:
            return [RemoteError(Fault.TOO_LONG, f"a message has at most {self._max_message_bytes} bytes")]
        return [Frame(data)]

    def end(self) -> list[Frame | RemoteError]:
        """Nothing can be unfinished here."""
        return []

    def send(self, message: bytes) -> bytes:
        """The message as it is."""
        return message
