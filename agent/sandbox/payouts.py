"""Payouts at the bank: what a client sends to somebody, and what becomes of it. Whoever's system they came through.

They are no payments: nobody confirms anything on a phone. Who stands for the recipient's bank is the same script as for a customer (queued
for the payout's description): CONFIRM makes the payout, DECLINE fails it, CANCEL ends it unmade, WAIT leaves it in work. The director can
put it into any state that its table allows, also those that only people at the payment system bring about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from agent.sandbox.agenda import Agenda, PayoutActs
from agent.sandbox.customer import Action, Customer
from agent.sandbox.ledger import EntryKind, Ledger, LedgerEntry


class PayoutStatus(StrEnum):
    """State of a payout. CANCELED: what was made is taken back, or never was; both PARTLY ones mean half of it."""

    CREATED = "created"
    PENDING = "pending"
    PROCESSED = "processed"
    PARTLY_PROCESSED = "partly_processed"
    FAILED = "failed"
    EXPIRED = "expired"
    TERMINATED = "terminated"
    CANCELING = "canceling"
    CANCELED = "canceled"
    PARTLY_CANCELED = "partly_canceled"
    CANCEL_FAILED = "cancel_failed"


_OPEN = frozenset({PayoutStatus.CREATED, PayoutStatus.PENDING})
_MADE = frozenset({PayoutStatus.PROCESSED, PayoutStatus.CANCELING, PayoutStatus.CANCEL_FAILED})
AFTER_MADE = frozenset({PayoutStatus.CANCELING, PayoutStatus.CANCELED, PayoutStatus.PARTLY_CANCELED, PayoutStatus.CANCEL_FAILED})
_OTHER_ENDS = frozenset({PayoutStatus.FAILED, PayoutStatus.EXPIRED, PayoutStatus.TERMINATED})

MOVES: Mapping[PayoutStatus, frozenset[PayoutStatus]] = {
    **dict.fromkeys(
        _OPEN, frozenset({PayoutStatus.PENDING, PayoutStatus.PROCESSED, PayoutStatus.PARTLY_PROCESSED, PayoutStatus.CANCELED}) | _OTHER_ENDS
    ),
    PayoutStatus.PARTLY_PROCESSED: frozenset({PayoutStatus.PROCESSED, PayoutStatus.FAILED}),
    PayoutStatus.PROCESSED: AFTER_MADE,
    PayoutStatus.CANCELING: AFTER_MADE,
}
"""Where a payout can go; from a state that is not named, nowhere."""


class PayoutFinal(ValueError):
    """It cannot go there from where it is."""


@dataclass(slots=True)
class Payout:
    """One payout. ``paid``: kopecks that the recipient has. ``fields`` of him are not kept, but for their names. ``facts``: what else its
    system keeps of it."""

    id: str
    system: str
    key: str
    amount: int
    created_ms: int
    service: str
    description: str
    fields: tuple[str, ...] = ()
    paid: int = 0
    error_code: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    history: list[PayoutStatus] = field(default_factory=lambda: [PayoutStatus.CREATED])

    @property
    def status(self) -> PayoutStatus:
        return self.history[-1]


class PayoutDesk:
    """All payouts. ``tell`` hears what becomes of one, once that is so."""

    def __init__(self, ledger: Ledger, agenda: Agenda, tell: Callable[[int, Payout], None]) -> None:
        self._ledger, self._agenda, self._tell = ledger, agenda, tell
        self.payouts: dict[str, Payout] = {}
        self._keys: dict[tuple[str, str], list[Payout]] = {}

    def take_in(self, now_ms: int, payout: Payout, script: Customer) -> None:
        """A payout begins, and takes its course."""
        self.payouts[payout.id] = payout
        self._keys.setdefault((payout.system, payout.key), []).append(payout)
        if script.action is Action.WAIT or script.after_ms:
            self.move(now_ms, payout, PayoutStatus.PENDING)
        if script.action is not Action.WAIT:
            self._agenda.plan(now_ms + script.after_ms, PayoutActs(payout.id, script))
            if not script.after_ms:
                self.happen(now_ms, PayoutActs(payout.id, script))

    def find(self, payout_id: str, system: str) -> Payout | None:
        """A payout of this system."""
        found = self.payouts.get(payout_id)
        return found if found is not None and found.system == system else None

    def by_key(self, key: str, system: str) -> list[Payout]:
        """Those that were made with a key of the client's."""
        return list(self._keys.get((system, key), ()))

    def happen(self, at_ms: int, event: PayoutActs) -> None:
        """Its script goes on, unless it was overtaken."""
        payout = self.payouts[event.payout_id]
        if payout.status not in _OPEN:
            return
        ends = {Action.CONFIRM: PayoutStatus.PROCESSED, Action.DECLINE: PayoutStatus.FAILED, Action.CANCEL: PayoutStatus.TERMINATED}
        payout.error_code = event.script.error_code if event.script.action is Action.DECLINE else None
        self.move(at_ms, payout, ends[event.script.action])

    def move(self, at_ms: int, payout: Payout, to: PayoutStatus) -> None:
        """Put it into a state, and the money where that state has it. Raises PayoutFinal."""
        if to not in MOVES.get(payout.status, frozenset()):
            raise PayoutFinal(f"{payout.id} is {payout.status}, it cannot become {to}")
        payout.history.append(to)
        half = payout.amount // 2
        has = {PayoutStatus.PROCESSED: payout.amount, PayoutStatus.PARTLY_PROCESSED: half, PayoutStatus.PARTLY_CANCELED: half}
        kept = payout.paid if to in _MADE else 0
        self._book(at_ms, payout, has.get(to, kept) - payout.paid)
        self._tell(at_ms, payout)

    def _book(self, at_ms: int, payout: Payout, more: int) -> None:
        payout.paid += more
        if more:
            kind = EntryKind.PAYOUT if more > 0 else EntryKind.PAYOUT_RETURN
            self._ledger.book(LedgerEntry(at_ms, kind, abs(more), "", "", payout.description, payout.id, system=payout.system))


def show_payout(payout: Payout) -> dict[str, Any]:
    """A payout for people and tests; nothing of the recipient but which fields were told."""
    names = ("id", "system", "key", "amount", "paid", "service", "description", "fields", "status", "history", "error_code", "created_ms")
    return {name: getattr(payout, name) for name in names}
