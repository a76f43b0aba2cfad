"""Three books about the same money, and what is not the same in them. Pure.

Each party writes its own: the register what it was *told*, the journal what the agent *recorded*, the bank what it *did*. Nobody copies
from anybody, so a wrong entry anywhere shows as a difference. All amounts in kopecks; a book has a line per order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agent.core.answer import Money
from agent.core.money import roubles
from agent.core.sale import Sale
from agent.sandbox.ledger import EntryKind


class Owner(StrEnum):
    """Whose book it is."""

    REGISTER = "register"
    JOURNAL = "journal"
    BANK = "bank"


class Movement(StrEnum):
    """The two ways money goes."""

    CHARGED = "charged"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Line:
    """What a book says of an order: taken from the customer, given back to him."""

    charged: int = 0
    returned: int = 0

    @property
    def net(self) -> int:
        return self.charged - self.returned

    def __add__(self, other: "Line") -> "Line":
        return Line(self.charged + other.charged, self.returned + other.returned)

    def amount(self, movement: Movement) -> int:
        return self.charged if movement is Movement.CHARGED else self.returned


Book = Mapping[str, Line]
Books = Mapping[Owner, Book]
NOTHING = Line()
TAKEN = frozenset(Money) - {Money.NONE, Money.POSSIBLE}  # what an answer calls money that was taken, wherever it is now


# --- writing ---


def register_book(sales: Iterable[Mapping[str, Any]], refunds: Iterable[Mapping[str, Any]]) -> Book:
    """What a register was told: the last answer about each of its sales and about each refund it asked for. Returns that the agent
    made by itself have no key of their own and stand in the sale's answer."""
    lines: dict[str, Line] = {}
    for answer in sales:
        charged = answer["amount"] if answer["money"] in TAKEN else 0
        returned = sum(one["amount"] for one in answer["refunds"] if one["success"] and "refundKey" not in one)
        _add(lines, answer["orderId"], Line(charged, returned))
    for answer in refunds:
        _add(lines, answer["orderId"], Line(returned=answer["amount"] if answer["success"] else 0))
    return lines


def journal_book(sales: Iterable[Sale]) -> Book:
    """What the agent recorded."""
    lines: dict[str, Line] = {}
    for sale in sales:
        _add(lines, sale.checkout.invoice.order_id, Line(sale.amount if sale.charged else 0, sale.refunded))
    return lines


def bank_book(entries: Iterable[Mapping[str, Any]]) -> Book:
    """What the bank did, from the entries of its ledger."""
    lines: dict[str, Line] = {}
    for entry in entries:
        match entry["kind"]:
            case EntryKind.CHARGE:
                _add(lines, entry["order_id"], Line(charged=entry["amount"]))
            case EntryKind.REFUND:
                _add(lines, entry["order_id"], Line(returned=entry["amount"]))
            case _:
                _add(lines, entry["order_id"], NOTHING)
    return lines


def _add(lines: dict[str, Line], order_id: str, line: Line) -> None:
    lines[order_id] = lines.get(order_id, NOTHING) + line


# --- comparing ---


@dataclass(frozen=True, slots=True)
class Difference:
    """One movement of one order that the books do not agree on."""

    order_id: str
    movement: Movement
    says: Mapping[Owner, int]

    @property
    def kopecks(self) -> int:
        """How far they are apart."""
        return max(self.says.values()) - min(self.says.values())

    def __str__(self) -> str:
        """Who says what; a single one that stands against the rest is named first, with what is wrong if the others are right."""
        votes = Counter(self.says.values())
        odd = [owner for owner, amount in self.says.items() if votes[amount] == 1]
        if len(odd) != 1:
            said = ", ".join(f"{owner} {roubles(amount)}" for owner, amount in self.says.items())
            return f"{self.order_id}, {self.movement}: no two books agree: {said}"
        amount, rest = self.says[odd[0]], next(amount for amount in votes if votes[amount] > 1)
        others = " and ".join(owner for owner in self.says if owner is not odd[0])
        apart = f"{roubles(self.kopecks)} {'too much' if amount > rest else 'missing'}"
        return f"{self.order_id}, {self.movement}: {odd[0]} says {roubles(amount)}, {others} say {roubles(rest)}: {apart} at the {odd[0]}"


def orders(books: Books) -> list[str]:
    """Every order that any book knows, sorted."""
    return sorted({order_id for book in books.values() for order_id in book})


def compare(books: Books) -> list[Difference]:
    """Every difference, by order. An order that a book does not know counts as nothing charged and nothing returned there."""
    found = (
        Difference(order_id, movement, {owner: book.get(order_id, NOTHING).amount(movement) for owner, book in books.items()})
        for order_id in orders(books)
        for movement in Movement
    )
    return [difference for difference in found if difference.kopecks]


def total(book: Book) -> Line:
    return sum(book.values(), NOTHING)
