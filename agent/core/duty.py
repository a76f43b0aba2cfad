"""The words for what a sale owes: the duties, when one is due, and what only this process remembers of a sale."""

from dataclasses import dataclass, field
from enum import StrEnum

from agent.core.model import Stamp
from agent.core.policy import Policy

HURRIED_READ_MS = 1_000  # four times what the strictest of the four systems allows


class Duty(StrEnum):
    """Something the engine must do for a sale."""

    SEND = "send"  # the first attempt of the checkout, or its repeat
    EXPIRE = "expire"  # never sent, and its deadline is here
    BEGIN_CANCEL = "begin_cancel"  # record that the sale is to be canceled, and why
    CANCEL = "cancel"  # send (or repeat) the cancel
    READ = "read"  # read the payment's status
    FIND = "find"  # search for the payment by our own key
    GIVE_UP = "give_up"  # no way left to find out: attention
    UNCLAIMED = "unclaimed"  # paid, and told to nobody for too long
    HAND_OVER = "hand_over"  # a return that no call can make: a person must
    REFUND = "refund"  # send (or repeat) the refund at work
    CHECK_REFUND = "check_refund"  # read the payment before the refund may be repeated
    READ_REFUND = "read_refund"  # read the state of a refund transaction
    RECEIPT = "receipt"  # hand over (or hand over again) a fiscal receipt


READS = frozenset({Duty.READ, Duty.FIND, Duty.CHECK_REFUND, Duty.READ_REFUND})
WAITING = READS | {Duty.SEND, Duty.CANCEL, Duty.REFUND, Duty.RECEIPT}  # what waits out a back-off or a watch; the others are decisions


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty and the tick at which it is due. ``why`` is a reason code where the duty needs one; ``refund`` the refund's key; ``receipt``
    the receipt's."""

    duty: Duty
    at: int
    why: str = ""
    refund: str = ""
    receipt: str = ""


@dataclass(slots=True)
class Memory:
    """What this process remembers of a sale beside its record. ``reads``: status reads in a row since the state last changed."""

    started: Stamp
    head: bool = True  # first in its lane, or out of it
    reading: bool = False
    last_read: Stamp | None = None
    seen: Stamp | None = None  # when the last read that brought an answer about the payment was begun
    reads: int = 0
    read_failures: int = 0
    read_pause_ms: int = 0  # the provider has asked (Retry-After) not to be read for so long after the last read
    obstacle: str = ""  # why the first attempt could not even be made, as a reason code
    hurried: set[Duty] = field(default_factory=set)  # an operator wants these done now, once, however long they would wait
    nameless: set[str] = field(default_factory=set)  # calls whose last attempt could not say who it came from
    turned_away: dict[str, int] = field(default_factory=dict)  # calls whose last attempt was refused for who we are, and the tick of that
    carried: set[str] = field(default_factory=set)  # receipts that are on their way, or wait for their turn


def least_pause_ms(memory: Memory, policy: Policy) -> int:
    """Milliseconds from a read to one in a hurry: an interval longer than the shortest that is allowed may be cut short, a pause that the
    payment system asked for may not."""
    return max(min(policy.read_interval_ms, HURRIED_READ_MS), memory.read_pause_ms)
