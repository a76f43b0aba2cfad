"""A payment at the bank and what refers to it: states as a table, the cancels and refunds, the slip.

Kopecks everywhere; moments are milliseconds since 1970-01-01 UTC.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from agent.sandbox.customer import Intention
from agent.sandbox.words import KOSHELEK, Method, RefStatus, Status

MOVES: Mapping[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.PENDING, Status.REJECTED, Status.CANCELED, Status.EXPIRED}),
    Status.PENDING: frozenset({Status.ACCEPTED, Status.REJECTED, Status.CANCELED, Status.EXPIRED}),
    Status.ACCEPTED: frozenset({Status.REFUNDING}),
    Status.REFUNDING: frozenset({Status.ACCEPTED, Status.PARTIAL_REFUNDED, Status.REFUNDED}),
    Status.PARTIAL_REFUNDED: frozenset({Status.REFUNDING}),
    Status.REJECTED: frozenset(),
    Status.CANCELED: frozenset(),
    Status.REFUNDED: frozenset(),
    Status.EXPIRED: frozenset(),
}
"""Where a payment can go. REFUNDING goes back to where it came from when the refund is refused."""

WAITING = frozenset({Status.NEW, Status.PENDING})
PAID = frozenset({Status.ACCEPTED, Status.REFUNDING, Status.PARTIAL_REFUNDED, Status.REFUNDED})
REFUNDABLE = frozenset({Status.ACCEPTED, Status.PARTIAL_REFUNDED})
WITH_SLIP = PAID | {Status.REJECTED}  # the operation went through the bank


class IllegalMove(AssertionError):
    """The model tried a step that its own table forbids: a fault of the sandbox."""


class Purpose(StrEnum):
    """What a reference is."""

    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(slots=True)
class Line:
    """A line of the sale and how much of it is back. Equal lines of counted goods are one line here; weighed ones never are."""

    key: tuple[object, ...]
    counted: bool
    quantity: int
    total: int
    returned_quantity: int = 0
    returned_total: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What a refund takes out of one line (its place in the transaction's lines)."""

    line: int
    quantity: int
    total: int


@dataclass(slots=True)
class Reference:
    """A cancel or refund transaction. A cancel's amount is the payment's."""

    id: str
    purpose: Purpose
    amount: int
    at_ms: int
    parts: tuple[Part, ...] = ()
    status: RefStatus = RefStatus.NEW
    error_code: str | None = None
    slip_id: str = ""
    key: str = ""  # the client's own, where it has one


@dataclass(slots=True)
class Transaction:
    """One payment. ``slip_from_ms``: since when its slip is shown (None: never); ``history``: all states, oldest first; ``intention``:
    what the customer will do by himself, None for nothing.

    What a system does not tell the bank stays empty. Of payments in an app: ``card_session``, and ``offered``, what the till lets the
    customer pay with. Of payments on a page: ``key``, the client's own; ``link_id``, by which the page is found; ``expires_ms``;
    ``patient``: a refusal ends the customer's try and not the payment; ``by_people``: its returns are decided by people; ``facts``: what
    else its system keeps of it."""

    id: str
    amount: int
    created_ms: int
    system: str = KOSHELEK
    slip_id: str = ""
    store_id: str = ""
    terminal_id: str = ""
    order_id: str = ""
    card_session: str = ""
    method: Method | None = None
    offered: tuple[Method, ...] = ()
    merchant_id: str = ""
    lines: list[Line] = field(default_factory=list)
    key: str = ""
    link_id: str = ""
    expires_ms: int | None = None
    patient: bool = False
    by_people: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    history: list[Status] = field(default_factory=lambda: [Status.NEW])
    references: list[Reference] = field(default_factory=list)
    error_code: str | None = None
    operated_ms: int | None = None
    slip_from_ms: int | None = None
    last_read_ms: int | None = None
    refunded: int = 0
    intention: Intention | None = None

    @property
    def status(self) -> Status:
        return self.history[-1]

    @property
    def left(self) -> int:
        """Kopecks that can still go back."""
        return self.amount - self.refunded

    def move(self, to: Status, *, forced: bool = False) -> None:
        """Raises IllegalMove. ``forced`` is for the fault that charges a cancelled payment."""
        if not forced and to not in MOVES[self.status]:
            raise IllegalMove(f"{self.id}: {self.status} to {to}")
        self.history.append(to)

    def reference(self, reference_id: str) -> Reference | None:
        return next((found for found in self.references if found.id == reference_id), None)

    def running(self, purpose: Purpose) -> Reference | None:
        """The reference of this purpose that is not decided yet."""
        return next((found for found in self.references if found.purpose is purpose and found.status is RefStatus.NEW), None)


def lines_of(items: list[dict[str, Any]]) -> list[Line]:
    """The lines of a bill. ``items`` have passed ``strict``."""
    lines: list[Line] = []
    for item in items:
        key, counted = line_key(item), is_counted(item)
        known = next((line for line in lines if counted and line.key == key), None)
        if known is None:
            lines.append(Line(key, counted, int(item["quantity"]), item["totalAmount"]))
        else:
            known.quantity += int(item["quantity"])
            known.total += item["totalAmount"]
    return lines


def line_key(item: Mapping[str, Any]) -> tuple[object, ...]:
    """What makes two items the same goods."""
    return (item["article"], item["name"], Decimal(item["price"]), item["tax"], item.get("measure") or "PIECE")


def is_counted(item: Mapping[str, Any]) -> bool:
    return (item.get("measure") or "PIECE") == "PIECE"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_ms: int) -> str:
    """The slip's spelling: milliseconds, always Z."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def slip(transaction: Transaction, reference: Reference | None, *, now_ms: int, shows_refund: bool) -> dict[str, Any]:
    """The bank operation's data. Bank numbers are drawn from the transaction's id, so that a run can be repeated."""
    refund = reference if reference is not None and reference.purpose is Purpose.REFUND and reference.status is RefStatus.ACCEPTED else None
    operated = refund.at_ms if refund else transaction.operated_ms
    numbers = hashlib.sha256(transaction.id.encode()).hexdigest().upper()
    result: dict[str, Any] = {
        "id": refund.slip_id if refund else transaction.slip_id,
        "paymentType": transaction.method,
        "storeId": transaction.store_id,
        "terminalId": transaction.terminal_id,
        "orderId": transaction.order_id,
        "paymentTransactionId": transaction.id,
        "merchantId": transaction.merchant_id,
        "operationDateTime": moment(now_ms if operated is None else operated),
        "totalAmount": refund.amount if refund and shows_refund else transaction.amount,
        "currency": "RUB",
    }
    if refund:
        result["refundTransactionId"] = refund.id
    if transaction.method is Method.SBP:
        result |= {"qrcId": f"AD{numbers[:30]}", "operationId": f"A{numbers[30:50]}", "kzo": numbers[50:58]}
    return result
