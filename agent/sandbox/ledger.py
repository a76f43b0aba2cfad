"""The bank's books: what really happened to the money, which fiscal receipts came, and which rules of the API a client broke.

Tests compare the agent's word with these rows. Entries are only ever added.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from agent.sandbox.receipts import ReceiptEntry
from agent.sandbox.words import KOSHELEK, Operation


class EntryKind(StrEnum):
    """CHARGE and REFUND move money of customers, CANCEL ends a payment before it did (amount 0). PAYOUT sends money of the shop to a
    recipient, PAYOUT_RETURN brings it back."""

    CHARGE = "charge"
    REFUND = "refund"
    CANCEL = "cancel"
    PAYOUT = "payout"
    PAYOUT_RETURN = "payout_return"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One booking. ``amount`` in kopecks, never negative; the kind tells the direction."""

    at_ms: int
    kind: EntryKind
    amount: int
    store_id: str
    terminal_id: str
    order_id: str
    transaction_id: str
    ref_transaction_id: str | None = None
    system: str = KOSHELEK


class ViolationKind(StrEnum):
    """What a client must not do. POLLED_TOO_SOON: a first status read or a next one before 250 ms have passed."""

    OTHER_BODY = "other_body"
    OTHER_TOKEN = "other_token"  # noqa: S105 - a name, not a token
    POLLED_TOO_SOON = "polled_too_soon"


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule that the API itself lets pass in silence."""

    at_ms: int
    kind: ViolationKind
    operation: Operation
    request_id: str
    detail: str = ""


class Ledger:
    """All bookings and violations since the bank was opened."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        self.violations: list[Violation] = []
        self.receipts: list[ReceiptEntry] = []

    def book(self, entry: LedgerEntry) -> None:
        self.entries.append(entry)

    def file(self, receipt: ReceiptEntry) -> None:
        self.receipts.append(receipt)

    def complain(self, violation: Violation) -> None:
        self.violations.append(violation)

    def select(
        self,
        kind: EntryKind | None = None,
        *,
        order_id: str | None = None,
        transaction_id: str | None = None,
        store_id: str | None = None,
        system: str | None = None,
    ) -> list[LedgerEntry]:
        """Entries in order of time that match everything given."""
        wanted = {"order_id": order_id, "transaction_id": transaction_id, "store_id": store_id, "system": system, "kind": kind}
        given = {name: value for name, value in wanted.items() if value is not None}
        return [entry for entry in self.entries if all(getattr(entry, name) == value for name, value in given.items())]

    def charged(
        self, *, order_id: str | None = None, transaction_id: str | None = None, store_id: str | None = None, system: str | None = None
    ) -> int:
        """Kopecks taken from customers."""
        found = self.select(EntryKind.CHARGE, order_id=order_id, transaction_id=transaction_id, store_id=store_id, system=system)
        return sum(entry.amount for entry in found)

    def refunded(
        self, *, order_id: str | None = None, transaction_id: str | None = None, store_id: str | None = None, system: str | None = None
    ) -> int:
        """Kopecks given back."""
        found = self.select(EntryKind.REFUND, order_id=order_id, transaction_id=transaction_id, store_id=store_id, system=system)
        return sum(entry.amount for entry in found)

    def net(
        self, *, order_id: str | None = None, transaction_id: str | None = None, store_id: str | None = None, system: str | None = None
    ) -> int:
        """Kopecks that customers are out of pocket: charged less refunded, payouts apart. Without arguments of the whole bank."""
        found = self.select(order_id=order_id, transaction_id=transaction_id, store_id=store_id, system=system)
        signs = {EntryKind.CHARGE: 1, EntryKind.REFUND: -1}
        return sum(signs.get(entry.kind, 0) * entry.amount for entry in found)

    def paid_out(self, *, transaction_id: str | None = None, system: str | None = None) -> int:
        """Kopecks that recipients have: paid out less returned."""
        found = self.select(transaction_id=transaction_id, system=system)
        signs = {EntryKind.PAYOUT: 1, EntryKind.PAYOUT_RETURN: -1}
        return sum(signs.get(entry.kind, 0) * entry.amount for entry in found)

    def as_rows(self) -> list[dict[str, Any]]:
        """Entries as plain dictionaries, oldest first."""
        return [asdict(entry) for entry in self.entries]
