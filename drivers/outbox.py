"""What one end of a line has to send: one frame under way at a time, repeated until it is acknowledged or hopeless. No clock here."""

from collections import deque
from dataclasses import dataclass, field

from drivers.frames import DATA
from drivers.parts import parts
from drivers.rules import Rules

NAKS_BEFORE_RESTART = 2  # of one part in a row: the receiver has lost the parts before it


@dataclass(slots=True)
class Outgoing:
    """One message on its way. ``begun_after`` is how many messages had been accepted from the peer when its first byte went out."""

    number: int
    frames: list[bytes] = field(repr=False)
    begun_after: int = -1
    place: int = 0
    tries: int = 0  # of the frame at ``place``
    naks: int = 0  # in a row
    restarts: int = 0
    under_way: bool = False
    answer_by: float = 0.0
    late: bool = False  # it was repeated because no ACK came in time


class Outbox:
    """The messages to send, in their order."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._messages: deque[Outgoing] = deque()
        self._added = 0
        self._not_before = 0.0

    def add(self, message: bytes) -> int:
        """Queue a message; its number."""
        self._added += 1
        self._messages.append(Outgoing(self._added, parts(message, self._rules.part_bytes, lengths=self._rules.lengths)))
        return self._added

    def clear(self) -> None:
        """Forget everything."""
        self._messages.clear()
        self._not_before = 0.0

    def sending(self, data: bytes) -> bool:
        """Whether a frame with this data is under way."""
        return bool(self._messages) and self._messages[0].frames[self._messages[0].place][DATA] == data

    @property
    def due(self) -> float | None:
        """When ``next`` or ``overdue`` wants to be called."""
        if not self._messages:
            return None
        return self._messages[0].answer_by if self._messages[0].under_way else self._not_before

    def next(self, now: float, accepted: int) -> bytes:
        """The frame to write now, or nothing. ``accepted`` counts the messages that came from the peer."""
        if not self._messages or now < self._not_before or self._messages[0].under_way:
            return b""
        message = self._messages[0]
        message.under_way = True
        message.tries += 1
        if message.begun_after < 0:
            message.begun_after = accepted
        frame = message.frames[message.place]
        message.answer_by = now + self._rules.ack_seconds + (len(frame) + self._rules.part_bytes) * self._rules.seconds_per_byte
        return frame

    def acknowledged(self, now: float) -> Outgoing | None:
        """An ACK came: the message, if that was its last frame. One for which nothing waits is a late one, or noise."""
        if not self._messages or not self._messages[0].tries:
            return None
        message = self._messages[0]
        if message.late:
            self._not_before = now + self._rules.settle_seconds
        message.place += 1
        message.tries, message.naks, message.under_way, message.late = 0, 0, False, False
        return self._messages.popleft() if message.place == len(message.frames) else None

    def refused(self) -> bool:
        """A NAK came: whether it is hopeless."""
        if not self._messages or not self._messages[0].under_way:
            return False
        message = self._messages[0]
        message.naks += 1
        if message.naks >= NAKS_BEFORE_RESTART and message.place:
            message.place, message.tries, message.naks = 0, 0, 0
            message.restarts += 1
        return self._again(message)

    def overdue(self, now: float) -> bool:
        """The time has come to look for an ACK that did not come: whether it is hopeless."""
        if not self._messages or not self._messages[0].under_way or now < self._messages[0].answer_by:
            return False
        self._messages[0].late = True
        return self._again(self._messages[0])

    def _again(self, message: Outgoing) -> bool:
        message.under_way = False
        return message.tries > self._rules.repeats or message.restarts > self._rules.repeats
