"""What the engine needs from the world. The edges implement these; tests put crashes around them.

Only the engine calls a port, and every call is a place where the process may die: crash enumeration walks them all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from agent.core.hints import KeptHint
from agent.core.model import Binding, Deadline, SaleId, Stamp
from agent.core.verdict import Outcome, Request

# --- journal ---


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a sale's stream as it is stored: ``kind`` names it, ``body`` is its JSON."""

    kind: str
    stamp: Stamp
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """The projection of a sale: a cache for queries and constraints, computed from its events (``answer.row``) and written with them.

    ``open``: unfinished or in attention (at most one per order unless split). ``paid_unreturned``: paid and not fully refunded (at most one
    per order and business date unless split). ``owes``: the engine must look at it after a start. ``attention``: a person must look at it.
    ``alarms``: the codes of those that stand, with a blank between them. ``request_id``: the id that we gave the payment.
    """

    id: SaleId
    order_id: str
    amount: int
    currency: str
    provider: str
    environment: str
    account: str
    business_date: date
    state: str
    money: str
    finished: bool
    open: bool
    paid_unreturned: bool
    split: bool
    told: bool
    confirmed: bool
    owes: bool
    accepted_at: datetime
    updated_at: datetime
    reason: str | None = None
    told_at: datetime | None = None
    transaction_id: str | None = None
    payment_type: str | None = None
    qrc_id: str | None = None
    kzo: str | None = None
    operation_id: str | None = None
    operation_date_time: str | None = None
    refunded_amount: int = 0
    attention: bool = False
    alarms: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """One atomic step: events at the end of a stream, the projection they lead to, secrets put and erased.

    ``position`` is the number of events the stream has before this step (0 = a new sale); another number in the file is a Conflict.
    """

    id: SaleId
    position: int
    entries: Sequence[Entry]
    row: Row
    put_secrets: Mapping[str, str] = field(default_factory=dict)
    drop_secrets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Query:
    """What to list, newest first: every given field narrows the result; those named like a field of ``Row`` by equality.

    ``attention``: a person must look. ``unconfirmed``: handed out as finished, and not confirmed since. ``untold``: paid, and handed out to
    nobody. ``owing``: without what an operator has released. ``parked``: set aside. ``before``: only what is older than this sale.
    ``payouts``: payouts instead of sales; what asks for a person or a start (``attention``, ``owing``, ``parked``) lists both without it.
    """

    store_id: str | None = None
    terminal_id: str | None = None
    business_date: date | None = None
    state: str | None = None
    order_id: str | None = None
    qrc_id: str | None = None
    kzo: str | None = None
    operation_id: str | None = None
    transaction_id: str | None = None
    request_id: str | None = None
    amount: int | None = None
    open: bool = False
    attention: bool = False
    unconfirmed: bool = False
    untold: bool = False
    owing: bool = False
    parked: bool = False
    payouts: bool = False
    before: SaleId | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Parked:
    """A sale whose record cannot be used. It is shown and blocks nobody. ``released``: who took over what it may still owe, and why."""

    id: SaleId
    reason: str
    at: datetime
    released: str | None = None


RESTORED_NOTE = "restored_at"  # the journal came from a backup and waits for an operator's release (money rule 10)
LAST_RESTORED_NOTE = "last_restored_at"  # the same, and it stays: what is older may have gone on in the journal that was lost


class JournalError(Exception):
    """Base of everything the journal raises."""


class Conflict(JournalError):
    """The step does not fit the file: the stream is longer than thought, or a constraint forbids the row. Nothing was written."""


class JournalFull(JournalError):
    """No space left on the device. Nothing was written; what is stored is intact."""


class JournalBroken(JournalError):
    """SQLite reported an I/O error. The last steps may or may not be stored: stop, start again, and read (promise P12)."""


class Corrupt(JournalError):
    """A stored record does not match its hash, its chain or its form. It must not be used (promise P14)."""


class Journal(Protocol):
    """The record. ``append`` returns after the step is on disk; it may be awaited by many tasks at once (group commit)."""

    @property
    def digest_key(self) -> bytes: ...

    async def append(self, step: Append) -> None:
        """Raises Conflict, JournalFull, JournalBroken."""

    async def stream(self, sale_id: SaleId) -> Sequence[Entry] | None:
        """The verified events of a sale in order; None if there is none. Raises Corrupt."""

    async def secrets(self, sale_id: SaleId) -> Mapping[str, str]: ...

    async def owing(self) -> Sequence[SaleId]:
        """Sales whose row says ``owes``, in order of acceptance, without the parked ones."""

    async def neighbours(self, sale_id: SaleId, order_id: str) -> Sequence[Row]:
        """The row of ``sale_id`` if it exists, and every row of the same (storeId, orderId) that is open or paid and not returned."""

    async def find(self, query: Query) -> Sequence[Row]: ...

    async def refunded(self, since: datetime, until: datetime) -> Sequence[SaleId]:
        """Sales of which a refund may have been settled, or something decided, in this time; ``until`` is not part of it."""

    async def park(self, sale_id: SaleId, reason: str, at: datetime, released: str | None = None) -> None: ...

    async def parked(self) -> Sequence[Parked]: ...

    async def note(self, name: str, value: str | None) -> None:
        """Keep a small fact about the whole journal (None removes it)."""

    async def noted(self, name: str) -> str | None: ...

    async def keep_hint(self, kept: KeptHint) -> None:
        """Keep a proven message until its sale is known (money rule 11). Raises JournalFull, JournalBroken."""

    async def hints(self) -> Sequence[KeptHint]:
        """What is kept, oldest first; what is damaged is left out: it decides nothing."""

    async def drop_hints(self, numbers: Collection[int]) -> None: ...


# --- the rest of the world ---


class Transport(Protocol):
    """Sends one attempt. Never raises for what the network does. ``late`` is called (from the loop) with the outcome of an attempt that was
    given up as Unclear("timeout") and ended afterwards: a wait limit ends our waiting, never the request (money rule 13). ``not_after``: an
    attempt of which no byte was written by then ends as NotSent("deadline") - connecting may take seconds (promise P5)."""

    async def exchange(
        self,
        binding: Binding,
        request: Request,
        secrets: Mapping[str, str],
        late: Callable[[Outcome], None],
        not_after: Deadline | None = None,
    ) -> Outcome: ...

    def reachable(self, account: str) -> bool:
        """False while the last thing known of the account's host is that it cannot be reached."""

    def known(self, account: str) -> bool:
        """False while ``reachable`` is a mere assumption: nothing was asked of the account's host yet, or it did not answer."""

    def identified(self, account: str) -> bool:
        """False while the account's own secrets cannot be read on this machine: no attempt could say who it comes from."""

    def admits(self, account: str) -> bool:
        """False while the last attempt that said who we are was turned away: a login, password or key that does not open the door."""


class Clock(Protocol):
    """Wall time for records, CLOCK_BOOTTIME for deadlines."""

    def now(self) -> Stamp: ...


class Chance(Protocol):
    """Ids that nobody has had before."""

    def request_id(self) -> str:
        """A fresh UUIDv4."""


class Card(Protocol):
    """The vendor's closed library behind a helper command (money rule 12). Raises HelperFailed."""

    async def token(self) -> str: ...

    async def card_session(self, barcode: str) -> str | None:
        """The card session of a scanned barcode; None when the card has none (ordinary payment then)."""


class HelperFailed(Exception):
    """The helper command is missing, failed, took too long, or printed something else than its JSON."""


class Notice(Protocol):
    """Tells people what happened: a log line, found by the sale's key. The journal, not the notice, is the record."""

    def __call__(self, event: str, sale: SaleId | None = None, **facts: object) -> None: ...
