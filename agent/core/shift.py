"""The shift report: what a day's sales and refunds come to, computed from rows and streams. Pure.

A sale belongs to the business day on which it was accepted. A refund belongs to the day on which it was *settled*, which may be another
one; so a day's sales and a day's refunds are two lists, and nothing is counted in both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.core.ports import Row
from agent.core.refund import RefundState
from agent.core.sale import Sale


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """How many of one kind, and their sum in kopecks. ``word``: the state of sales, the cause of refunds."""

    provider: str
    environment: str
    word: str
    count: int
    amount: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A refund that was made: ``cause`` is why."""

    provider: str
    environment: str
    cause: str
    amount: int


@dataclass(frozen=True, slots=True)
class Shift:
    """The figures. ``paid``, ``refunded``: kopecks the customers have paid, and got back because a register asked for it; ``returned``:
    what the agent gave back by itself or by an operator's decision."""

    sales: tuple[Line, ...]
    refunds: tuple[Line, ...]
    paid: int
    refunded: int
    returned: int


BY_POS = "pos"


def refunds_of(sale: Sale, since: datetime, until: datetime) -> list[Settled]:
    """The refunds of a sale that were made in this time; ``until`` is not part of it."""
    return [
        Settled(sale.binding.provider, sale.binding.environment.value, one.cause.value, one.amount)
        for one in sale.refunds
        if one.state is RefundState.REFUNDED and one.settled_at is not None and since <= one.settled_at.wall < until
    ]


def shift(rows: Sequence[Row], refunds: Sequence[Settled]) -> Shift:
    """The figures of the sales in ``rows`` and of ``refunds``. Sales that were only described for a refund are no sales of this till."""
    own = [row for row in rows if row.state != "elsewhere"]
    return Shift(
        _lines((row.provider, row.environment, row.state, row.amount) for row in own),
        _lines((one.provider, one.environment, one.cause, one.amount) for one in refunds),
        paid=sum(row.amount for row in own if row.state == "paid"),
        refunded=sum(one.amount for one in refunds if one.cause == BY_POS),
        returned=sum(one.amount for one in refunds if one.cause != BY_POS),
    )


def _lines(facts: Iterable[tuple[str, str, str, int]]) -> tuple[Line, ...]:
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for provider, environment, word, amount in facts:
        count, total = sums.get((provider, environment, word), (0, 0))
        sums[provider, environment, word] = (count + 1, total + amount)
    return tuple(sorted(Line(*kind, *figures) for kind, figures in sums.items()))
