"""Money: an integer number of kopecks, and nothing else.

``Kopecks`` is the only type an amount has inside the agent. It is made by ``kopecks()``, which refuses floats, booleans and
anything beyond the ten digits that the Pay API allows (reference: objects, "Money").
"""

from decimal import Decimal
from typing import NewType

Kopecks = NewType("Kopecks", int)

MAX_KOPECKS = 9_999_999_999  # ten digits: the Pay API's limit for every amount
RUB = "RUB"


class BadAmount(ValueError):
    """The amount is not a whole, non-negative number of kopecks of at most ten digits."""


def kopecks(value: object) -> Kopecks:
    """Check an amount. Raises BadAmount, whose text can be shown to a POS programmer."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= MAX_KOPECKS and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadAmount(f"an amount is a whole number of kopecks, for example 45000 for 450.00 roubles, not {value!r}")
    if not 0 <= value <= MAX_KOPECKS:
        raise BadAmount(f"an amount lies between 0 and {MAX_KOPECKS} kopecks, not {value}")
    return Kopecks(value)


def share(total: Kopecks, part: int, whole: int) -> Kopecks:
    """The part of a total that belongs to ``part`` of ``whole`` units, rounded down; what is lost goes to the last part returned."""
    if not 0 <= part <= whole or whole <= 0:
        raise BadAmount(f"{part} of {whole} units is no part of a line")
    return Kopecks(total * part // whole)


def roubles(amount: int) -> str:
    """For people: 45000 -> '450.00'."""
    return f"{amount // 100}.{amount % 100:02d}"
