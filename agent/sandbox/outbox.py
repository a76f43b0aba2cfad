"""Messages that the bank sends by itself when something becomes of a payment: postbacks and webhooks, each in its system's own words.

The model's half, without a clock or a socket: what is to be sent where and when, and the faults that befall it. A carrier (``messenger``)
takes what is due, one at a time for each system, and says what came of it. A message says what is true at the moment of which it
tells, however late it is sent. It is written once: a repeat is the same, byte for byte.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from agent.sandbox.faults import Fault, FaultBook, FaultKind

MAX_WAITING_MESSAGES = 1_000  # of all systems; an address that never answers must not fill the memory
MAX_KEPT_MESSAGES = 1_000  # for those who look; older ones are forgotten
MAX_URL_CHARACTERS = 2_048
RETRY_PAUSES_MS = (1_000, 2_000, 4_000, 8_000)  # real systems go on for days; a developer waits for less
TAKEN_STATUS = 200  # any other is a failure: PayCore says so of itself, of the others nothing is known


class Change(StrEnum):
    """What becomes of a payment. A FAILED_TRY leaves it as it was, and so does a refund that is refused, but for what is left of it."""

    CREATED = "created"
    PAID = "paid"
    FAILED_TRY = "failed_try"
    DECLINED = "declined"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    REFUND_REFUSED = "refund_refused"


class Fate(StrEnum):
    """LOST on the way by a fault, GIVEN_UP after the last repeat, DROPPED because too many waited."""

    WAITING = "waiting"
    TAKEN = "taken"
    LOST = "lost"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a system sends its messages, and the secret that proves them. Raises ValueError."""

    url: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)  # which raises ValueError for some
        bad = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or "@" in parts.netloc or parts.fragment
        if bad or len(self.url) > MAX_URL_CHARACTERS or not self.url.isascii() or not self.url.isprintable() or " " in self.url:
            raise ValueError(f"not an address for messages: {self.url}; one is http://HOST:PORT/PATH")
        if not self.secret:
            raise ValueError("the secret is empty")


@dataclass(frozen=True, slots=True)
class Message:
    """One in a system's own words. Header names are lower case; among them is the proof, so they are shown nowhere."""

    event: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(slots=True, eq=False)
class Sending:
    """A message and what came of it. ``turn`` orders those of one moment; ``status`` is that of the last answer, None without one."""

    id: int
    at_ms: int
    system: str
    transaction_id: str
    url: str
    message: Message
    due_ms: int
    turn: int
    fault: FaultKind | None = None
    fate: Fate = Fate.WAITING
    attempts: int = 0
    status: int | None = None


Write = Callable[[str], Message | None]  # a message proven by this secret; None: of this the system says nothing

MISHAPS = (FaultKind.LOSE_MESSAGE, FaultKind.DUPLICATE_MESSAGE, FaultKind.REORDER_MESSAGES, FaultKind.FORGE_MESSAGE)


class Outbox:
    """What is to be sent. ``sendings``: the latest, oldest first."""

    def __init__(self, webhooks: Mapping[str, Webhook], book: FaultBook) -> None:
        self._webhooks, self._book = webhooks, book
        self.sendings: deque[Sending] = deque(maxlen=MAX_KEPT_MESSAGES)
        self._waiting: list[Sending] = []
        self._held: dict[str, Sending] = {}
        self._turns = 0
        self._ids = 0

    def put(self, now_ms: int, system: str, transaction_id: str, write: Write) -> None:
        """Something became of a payment: tell it, if somebody wants to know, and if the system speaks of such things."""
        webhook = self._webhooks.get(system)
        message = None if webhook is None else write(webhook.secret)
        if webhook is None or message is None:
            return
        delays = self._book.take_all(None, FaultKind.DELAY_MESSAGE, system=system)
        mishap = self._book.take(None, *MISHAPS, system=system)
        due_ms = now_ms + sum(fault.number("ms") for fault in delays)
        kind = mishap.kind if mishap else delays[0].kind if delays else None
        if kind is FaultKind.FORGE_MESSAGE:
            message = write(f"not-{webhook.secret}") or message
        sending = self._add(now_ms, system, transaction_id, webhook.url, message, due_ms, kind)
        earlier = self._held.pop(system, None)
        if earlier is not None:  # it goes now, behind this one
            earlier.due_ms, earlier.turn = due_ms, self._turn()
        if mishap is not None:
            self._befall(now_ms, sending, mishap)

    def take(self, now_ms: int, system: str) -> Sending | None:
        """The next one that is due of a system; tell ``answered`` what came of it. During an outage nothing leaves the house."""
        due = [] if self._book.out(now_ms) else [one for one in self._waiting if one.system == system and one.due_ms <= now_ms]
        if not due:
            return None
        first = min(due, key=lambda one: (one.due_ms, one.turn))
        self._waiting.remove(first)
        if self._held.get(system) is first:
            del self._held[system]
        return first

    def answered(self, now_ms: int, sending: Sending, status: int | None) -> None:
        """It was sent. ``status``: of the answer; None: there was none in time."""
        sending.attempts, sending.status = sending.attempts + 1, status
        if status == TAKEN_STATUS:
            sending.fate = Fate.TAKEN
        elif sending.attempts > len(RETRY_PAUSES_MS):
            sending.fate = Fate.GIVEN_UP
        else:
            sending.due_ms = now_ms + RETRY_PAUSES_MS[sending.attempts - 1]
            self._waiting.append(sending)

    def next_due(self, system: str) -> int | None:
        """When the next one of a system is due; None: none waits."""
        return min((one.due_ms for one in self._waiting if one.system == system), default=None)

    def _befall(self, now_ms: int, sending: Sending, mishap: Fault) -> None:
        match mishap.kind:
            case FaultKind.LOSE_MESSAGE if sending in self._waiting:
                self._waiting.remove(sending)
                sending.fate = Fate.LOST
            case FaultKind.DUPLICATE_MESSAGE:
                due_ms = sending.due_ms + mishap.number("after_ms")
                self._add(now_ms, sending.system, sending.transaction_id, sending.url, sending.message, due_ms, mishap.kind)
            case FaultKind.REORDER_MESSAGES:
                sending.due_ms += mishap.number("ms")
                self._held[sending.system] = sending

    def _add(
        self, now_ms: int, system: str, transaction_id: str, url: str, message: Message, due_ms: int, fault: FaultKind | None
    ) -> Sending:
        self._ids += 1
        sending = Sending(self._ids, now_ms, system, transaction_id, url, message, due_ms, self._turn(), fault)
        self.sendings.append(sending)
        if len(self._waiting) < MAX_WAITING_MESSAGES:
            self._waiting.append(sending)
        else:
            sending.fate = Fate.DROPPED
        return sending

    def _turn(self) -> int:
        self._turns += 1
        return self._turns
