"""The token bucket, with the time in the test's hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ratelimit import TokenBucket


def test_a_burst_then_the_rate() -> None:
    """Ten at once, then two a second; asking in vain takes nothing."""
    bucket = TokenBucket(10, 2.0, now=100.0)
    assert [bucket.take(100.0) for _ in range(10)] == [0.0] * 10
    assert bucket.take(100.0) == pytest.approx(0.5)
    assert bucket.take(100.25) == pytest.approx(0.25)
    assert bucket.take(100.5) == 0.0
    assert bucket.take(100.5) > 0


def test_it_never_holds_more_than_its_capacity() -> None:
    """A quiet hour earns no more than one burst."""
    bucket = TokenBucket(3, 1.0, now=0.0)
    assert [bucket.take(3600.0) == 0.0 for _ in range(4)] == [True, True, True, False]


def test_more_than_the_capacity_costs_the_capacity() -> None:
    """A small bucket slows a large portion down; it never blocks it for ever."""
    bucket = TokenBucket(10, 10.0, now=0.0)
    assert bucket.take(0.0, 25) == 0.0
    assert bucket.take(0.0, 25) == pytest.approx(1.0)
    assert bucket.take(1.0, 25) == 0.0


def test_a_clock_that_steps_back_gives_nothing() -> None:
    """Tokens come from time that passed, and time that steps back is not paid twice."""
    bucket = TokenBucket(1, 1.0, now=50.0)
    assert bucket.take(50.0) == 0.0
    assert bucket.take(10.0) == pytest.approx(1.0)
    assert bucket.take(50.5) == pytest.approx(0.5)


@pytest.mark.parametrize(("capacity", "rate"), [(0, 1.0), (1, 0.0), (1, -1.0)])
def test_an_impossible_bucket(capacity: int, rate: float) -> None:
    """A bucket that could never give a token is a mistake of configuration."""
    with pytest.raises(ValueError):
        TokenBucket(capacity, rate, 0.0)


@given(st.lists(st.floats(0, 5), max_size=60), st.integers(1, 20), st.floats(0.5, 20))
def test_never_more_than_burst_and_rate(pauses: list[float], capacity: int, rate: float) -> None:
    """In any time, no more tokens than the capacity and what the rate gave."""
    now = 0.0
    bucket = TokenBucket(capacity, rate, now)
    taken = 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now) == 0.0
    assert taken <= capacity + now * rate + 1e-6
