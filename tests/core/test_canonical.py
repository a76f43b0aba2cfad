"""One spelling for one value: what is hashed, digested, stored and sent is the same text everywhere."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import canonical
from agent.core.canonical import MAX_DEPTH, NotCanonical
from agent.core.model import Environment

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | DECIMALS | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_text_and_back(value: Any) -> None:
    """Reading back gives the same value, numbers digit for digit, and writing again gives the same text."""
    text = canonical.dumps(value)
    assert canonical.loads(text) == value
    assert canonical.dumps(canonical.loads(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "Сыр"]}, '{"a":[true,null,"Сыр"],"b":1}'),
        ([Decimal("40.50"), Decimal("0.000"), Decimal("1E+3"), Decimal(100), Decimal("-0.10")], "[40.5,0,1000,100,-0.1]"),
        ((1, 2), "[1,2]"),
        (Environment.TEST, '"test"'),
        ({}, "{}"),
    ],
)
def test_one_spelling(value: object, text: str) -> None:
    """Keys are sorted, nothing is padded, and equal numbers are written alike."""
    assert canonical.dumps(value) == text


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), b"bytes", bytearray(b"x"), {1: 2}, {"a": object()}, Decimal("NaN"), Decimal("-Infinity")]
)
def test_what_has_no_canonical_text_is_refused(value: object) -> None:
    """A float, bytes, a key that is no text and a number that JSON does not have are mistakes, not texts."""
    with pytest.raises(NotCanonical):
        canonical.dumps(value)


def test_depth_is_limited() -> None:
    """Nesting beyond the limit is refused, up to it not."""
    nested: object = 1
    for _ in range(MAX_DEPTH):
        nested = [nested]
    canonical.dumps(nested)
    with pytest.raises(NotCanonical, match=f"{MAX_DEPTH} levels"):
        canonical.dumps([nested])


@pytest.mark.parametrize("text", ["[NaN]", "[Infinity]", "{", "", b"\xff"])
def test_bad_texts_are_refused(text: str | bytes) -> None:
    """What our own writer cannot have written is an error."""
    with pytest.raises(ValueError):
        canonical.loads(text)


def test_digest_follows_value_and_key() -> None:
    """Equal bodies have equal digests; without the key nobody can find a value by trying them all."""
    body, same = {"a": 1, "b": Decimal("2.0")}, {"b": 2, "a": 1}
    assert canonical.digest(body) == canonical.digest(same)
    assert canonical.digest(body, b"key") == canonical.digest(same, b"key")
    assert len({canonical.digest(body), canonical.digest(body, b"key"), canonical.digest(body, b"other"), canonical.digest([body])}) == 4
