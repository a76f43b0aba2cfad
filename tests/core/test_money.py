"""Money is an integer number of kopecks, and nothing else (design rule: no float near an amount)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.money import MAX_KOPECKS, BadAmount, Kopecks, kopecks, roubles, share


@pytest.mark.parametrize("value", [0, 1, 45_000, MAX_KOPECKS, Decimal(45000), Decimal("45000.00"), Decimal("4.5E+4")])
def test_whole_numbers_of_kopecks_are_amounts(value: object) -> None:
    """A whole number of at most ten digits is an amount, however it was written."""
    amount = kopecks(value)
    assert type(amount) is int
    assert amount == value


@pytest.mark.parametrize(
    "value",
    [
        -1,
        MAX_KOPECKS + 1,
        450.0,
        "45000",
        True,
        None,
        Decimal("0.5"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1E+99"),
    ],
)
def test_everything_else_is_refused(value: object) -> None:
    """Floats, fractions, texts, booleans and what has more than ten digits are no amounts."""
    with pytest.raises(BadAmount, match="an amount"):
        kopecks(value)


@given(st.integers(0, MAX_KOPECKS), st.integers(1, 10_000), st.data())
def test_shares_never_exceed_the_whole(total: int, whole: int, data: st.DataObject) -> None:
    """Rule 8: the parts of a line never add up to more than the line, and all units are all of it."""
    cut = data.draw(st.integers(0, whole))
    assert 0 <= share(Kopecks(total), cut, whole) + share(Kopecks(total), whole - cut, whole) <= total
    assert share(Kopecks(total), whole, whole) == total
    assert share(Kopecks(total), 0, whole) == 0


@pytest.mark.parametrize(("part", "whole"), [(-1, 2), (3, 2), (0, 0)])
def test_a_part_lies_within_its_whole(part: int, whole: int) -> None:
    """More units than a line has are no part of it."""
    with pytest.raises(BadAmount, match="no part of a line"):
        share(Kopecks(100), part, whole)


def test_people_read_roubles() -> None:
    """Amounts are shown with kopecks, always two digits."""
    assert [roubles(45_000), roubles(5), roubles(100)] == ["450.00", "0.05", "1.00"]
