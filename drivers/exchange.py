"""Messages over a line that loses frames: who acknowledges what, who repeats, who gives up. No input or output here, and no clock.

Both sides do the same. A frame is sent and its ACK awaited; NAK, or no ACK in time, and it is sent again, so many times; then the other
side counts as gone, and everything still to be sent is dropped. One frame at a time is under way in each direction; the directions do not
wait for each other, so an answer may come before the next request is acknowledged. ACK says "this frame arrived whole", and nothing about
what is in it.

ACK has no number, and that has consequences which no cleverness at this level removes:

* An ACK may be lost. Then the same frame comes twice, is acknowledged twice, and delivered once: a frame equal to the last one is taken for
  its repeat until a message that was begun after it has been acknowledged (a register that had its answer may well ask the same again).
* An ACK may come late, after its frame was repeated, and be taken for that of the next frame. After a repeat the sender therefore lets the
  line settle, and parts tell the length of the whole message. What remains is caught above: an answer that does not come is asked for
  again by its key.

EOT (or ETX), twice in a row, resets: whoever sends it has nothing more to say and wants to hear no more. A register sends it when it
starts, because what the agent still owes is for a program that is no longer there. Once would not do: one bit makes an EOT of an ACK. Three
are sent, so that one may be lost.

Back-pressure is an ACK that is held back: when ``MAX_UNTAKEN`` messages wait to be taken, the next one is kept without an ACK until there
is room. Whoever waits for the ACK waits; whoever does not loses what he sends.
"""

from collections import deque
from dataclasses import dataclass

from drivers.collection import Collection
from drivers.frames import Block, Control, Scanner
from drivers.framing import Fault, RemoteError
from drivers.outbox import Outbox
from drivers.rules import ACK_SECONDS, REPEATS, Rules

MAX_UNTAKEN = 8  # messages: with 64 KiB each half a megabyte
RESET_CONTROLS = 2  # in a row are a reset
RESET_SENT = 3
MAX_OWED_BYTES = 16  # ACKs and NAKs: more are owed only to a peer that does not wait for them


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message can be taken."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The message that ``send`` gave this number has been acknowledged to its end."""

    number: int


@dataclass(frozen=True, slots=True)
class Reset:
    """The peer starts anew: what was to be sent is dropped. After the messages that came before, ``take`` gives None once."""


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The peer does not acknowledge: what was to be sent is dropped."""


Event = Arrived | Delivered | Reset | GaveUp | RemoteError


class Exchange:
    """One end of one line. Whatever is done to it, ``owed`` may have bytes to write afterwards, and ``due`` may have changed."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._scanner = Scanner(self.rules.max_data_bytes, self.rules.silence_seconds)
        self._controls = bytearray()
        self._outbox = Outbox(self.rules)
        self._untaken: deque[bytes | None] = deque()
        self._held = False  # the last of them has not been acknowledged yet
        self._accepted = 0
        self._last: Block | None = None  # accepted last
        self._last_at = 0.0
        self._collection = Collection(self.rules)
        self._ends = 0  # EOT or ETX, in a row
        self.heard_at: float | None = None  # when something made sense

    # --- sending ---

    def send(self, message: bytes) -> int:
        """Queue a message; the number that ``Delivered`` will tell."""
        return self._outbox.add(message)

    def hang_up(self) -> None:
        """Send nothing more but a reset."""
        self._outbox.clear()
        self._controls += bytes([Control.EOT]) * RESET_SENT

    def owed(self, now: float) -> bytes:
        """What to write now. To be asked only when everything before has been written: ACKs go out between frames, never inside of one."""
        owed = bytes(self._controls)
        self._controls.clear()
        return owed + self._outbox.next(now, self._accepted)

    @property
    def due(self) -> float | None:
        """When ``tick`` or ``owed`` wants to be called, if nothing comes before."""
        return min((time for time in (self._scanner.due, self._outbox.due) if time is not None), default=None)

    def _acknowledged(self, now: float) -> list[Event]:
        delivered = self._outbox.acknowledged(now)
        if delivered is None:
            return []
        if delivered.begun_after == self._accepted:  # the peer may ask the same again: it has had its answer
            self._last = None
        return [Delivered(delivered.number)]

    def _unless_hopeless(self, hopeless: bool) -> list[Event]:
        if not hopeless:
            return []
        self.hang_up()
        self._last = None
        return [GaveUp()]

    # --- receiving ---

    def receive(self, data: bytes, now: float) -> list[Event]:
        """What the line delivered."""
        return self._look(self._scanner.receive(data, now), now)

    def tick(self, now: float) -> list[Event]:
        """The time has come (see ``due``)."""
        events = self._look(self._scanner.expire(now), now)
        return events + self._unless_hopeless(self._outbox.overdue(now))

    def take(self) -> bytes | None:
        """The next message; None where the peer started anew. Raises IndexError when there is nothing (see ``waiting``)."""
        taken = self._untaken.popleft()
        if self._held:
            self._held = False
            self._owe(Control.ACK)
        return taken

    @property
    def waiting(self) -> bool:
        """Something can be taken."""
        return bool(self._untaken)

    @property
    def at_end(self) -> bool:
        """What can be taken next is not a message, but the end of a conversation."""
        return bool(self._untaken) and self._untaken[0] is None

    @property
    def ending(self) -> bool:
        """A reset waits to be taken: messages before it belong to a conversation that is over."""
        return None in self._untaken

    def _look(self, found: list[Block | Control | RemoteError], now: float) -> list[Event]:
        events: list[Event] = []
        for one in found:
            self._ends = self._ends + 1 if one in (Control.EOT, Control.ETX) else 0
            match one:
                case RemoteError():
                    self._owe(Control.NAK)
                    events.append(one)
                case Block():
                    self.heard_at = now
                    events += self._take_in(one, now)
                case Control.ACK:
                    self.heard_at = now
                    events += self._acknowledged(now)
                case Control.NAK:
                    self.heard_at = now
                    events += self._unless_hopeless(self._outbox.refused())
                case Control.EOT | Control.ETX if self._ends == RESET_CONTROLS:
                    events += self._reset()
                case _:
                    pass  # an EOT or ETX that is alone, or one of many
        return events

    def _reset(self) -> list[Event]:
        self._outbox.clear()
        self._collection.drop()
        self._last = None
        if self._held:  # whoever waited for its ACK has gone; what it asked is carried out
            self._held = False
        if not self._untaken or self._untaken[-1] is not None:
            self._untaken.append(None)
        return [Reset()]

    def _take_in(self, block: Block, now: float) -> list[Event]:
        if self._outbox.sending(block.data):
            return [RemoteError(Fault.ECHO, "the line sends back what is sent: switch its echo off")]
        if not self._collection.begun and self._repeated(block, now):
            self._last_at = now
            if not self._held:
                self._owe(Control.ACK)
            return []
        message = self._collection.add(block.data) if block.part else block.data
        if isinstance(message, RemoteError):
            self._owe(Control.NAK)
            return [message]
        if message is None:
            self._owe(Control.ACK)
            return []
        return self._accept(message, block, now)

    def _repeated(self, block: Block, now: float) -> bool:
        """Whether it is the last frame again. After the longest possible series of repeats it is a new one."""
        series = (self.rules.repeats + 1) * (self.rules.ack_seconds + len(block.data) * self.rules.seconds_per_byte)
        return block == self._last and now - self._last_at <= max(series, 2 * ACK_SECONDS * (REPEATS + 1))

    def _accept(self, message: bytes, block: Block, now: float) -> list[Event]:
        self._collection.drop()
        if self._held or len(self._untaken) > MAX_UNTAKEN:
            return [RemoteError(Fault.IMPATIENT, "a frame came before the last one was acknowledged, and there is no room for it")]
        self._last, self._last_at = block, now
        self._accepted += 1
        self._held = len(self._untaken) >= MAX_UNTAKEN
        self._untaken.append(message)
        if not self._held:
            self._owe(Control.ACK)
        return [Arrived()]

    def _owe(self, control: Control) -> None:
        if len(self._controls) < MAX_OWED_BYTES:
            self._controls.append(control)
