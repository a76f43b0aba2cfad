"""The parts of a long message put together again. No input or output here.

Only the last part may complete it, and nothing incomplete is ever a message: a part that does not fit drops what was collected. The length
in the heads also tells the parts of one message from those of another, which a line that delays or doubles frames may bring in between:
their numbers are alike.
"""

from drivers.framing import Fault, RemoteError
from drivers.parts import Part, read_part
from drivers.rules import Rules


class Collection:
    """What has been collected of one message: never more than the longest message and one byte."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._collected: bytearray | None = None
        self._parts = 0
        self._length: int | None = None  # of the whole message, as its first part tells
        self._last: bytes | None = None

    @property
    def begun(self) -> bool:
        """A first part is there."""
        return self._collected is not None

    def add(self, data: bytes) -> bytes | RemoteError | None:
        """The data of one part: the whole message if it was the last, None if more must come, or what is wrong. A message that is too
        long comes with one byte more than permitted."""
        part = read_part(data)
        if part is None:
            return RemoteError(Fault.OUT_OF_ORDER, "the head of a part cannot be read")
        if self._collected is not None and data == self._last:
            return None  # its ACK was lost
        if part.number == 1:
            self._collected, self._parts, self._length = bytearray(), 0, part.length
        elif self._collected is None:
            if part.number == 0 and self._rules.lone_parts:
                return part.piece
            return RemoteError(Fault.OUT_OF_ORDER, "the first part of a message is missing")
        elif part.number not in (0, self._parts + 1):
            self.drop()
            return RemoteError(Fault.OUT_OF_ORDER, "a part of a message is missing")
        elif self._rules.lengths and part.length != self._length:
            self.drop()
            return RemoteError(Fault.OUT_OF_ORDER, "a part belongs to another message than the parts before it")
        self._collected += part.piece[: self._rules.max_message_bytes + 1 - len(self._collected)]
        self._parts, self._last = self._parts + 1, data
        return self._whole(self._collected, part) if part.number == 0 else None

    def drop(self) -> None:
        """Forget what was collected."""
        self._collected, self._parts, self._last = None, 0, None

    def _whole(self, collected: bytearray, last: Part) -> bytes | RemoteError:
        self.drop()
        too_long = len(collected) > self._rules.max_message_bytes
        if self._rules.lengths and last.length != len(collected) and not too_long:
            return RemoteError(Fault.OUT_OF_ORDER, "the parts of a message do not add up to the length in their heads")
        return bytes(collected)
