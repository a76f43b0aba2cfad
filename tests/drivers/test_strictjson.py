"""JSON with exact numbers and one meaning."""

import json
import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.strictjson import MAX_DEPTH, BadJson, NotWritable, dumps, loads


def test_fractions_stay_exact() -> None:
    """No binary float is made of any number."""
    assert loads(b"[40.1, 1e3, 7, -0.0, -0]") == [Decimal("40.1"), Decimal("1e3"), 7, Decimal(0), 0]
    assert str(loads(b"0.10")) == "0.10"
    assert str(loads(b"-0.0")) == "0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"NaN", "NaN is not JSON"),
        (b"[Infinity]", "Infinity"),
        (b"-Infinity", "-Infinity"),
        (b"", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b"{} {}", "not JSON"),
        (b'"a\tb"', "not JSON"),
        (b'\xff"', "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'{"a":1,"a":1}', "twice"),
        (b'[{"a":{"b":1,"b":2}}]', "twice"),
        (rb'"\ud800"', "surrogate"),
        (rb'{"\uDFFF":1}', "surrogate"),
        (rb'{"a":[1.5,"\udc00\ud800"]}', "surrogate"),
        (b"1" * 21, "at most 20 digits"),
        (b"-" + b"1" * 21, "at most 20 digits"),
        (b"0." + b"1" * 20, "at most 20 digits"),
        (b"1e21", "exponent"),
        (b"1e-21", "exponent"),
        (b"1e999999999", "exponent"),
        (b"[" * 33 + b"]" * 33, "deeper"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "deeper"),
        (b"[" * 60_000, "deeper"),
    ],
)
def test_what_is_refused(text: bytes, words: str) -> None:
    """Each leniency of the standard parser is an error that says which."""
    with pytest.raises(BadJson, match=words):
        loads(text)


def test_a_byte_order_mark_is_passed_over() -> None:
    """Before the text alone, and once: no way in depends on whether its framing drops it."""
    assert loads(b'\xef\xbb\xbf{"a":1}') == {"a": 1}
    for text in (b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 2 + b"{}", b"{}\xef\xbb\xbf"):
        with pytest.raises(BadJson, match="not JSON"):
            loads(text)


def test_what_is_not_refused() -> None:
    """The limits themselves are permitted, and brackets or escapes in texts are just text."""
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert loads(b"-" + b"9" * 20) == -(10**20 - 1)
    assert loads(b"1e20") == Decimal("1e20")
    assert loads(b"[" + b",".join([b"[]"] * 100) + b"]") == [[]] * 100
    assert loads(rb'"\ud83d\ude00"') == "😀"
    brackets = "[{" * 40 + '\\"[{'
    assert loads(json.dumps([brackets]).encode()) == [brackets]


@pytest.mark.parametrize("text", [b'{"cardSession":"SECRET",}', b'"SECRET\\ud800"', b'"SECRET\xff"', b'{"a":"SECRET","a":"SECRET"}'])
def test_no_error_quotes_the_text(text: bytes) -> None:
    """Neither the error nor its causes hold what was received: secrets would end in a log."""
    with pytest.raises(BadJson) as caught:
        loads(text)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


BRACKETS = b"[]" * 40  # so that the depth is looked at


@pytest.mark.parametrize(
    "text", [BRACKETS + b'"' + b'\\"' * 32_000, b'[[["' * 16_000, BRACKETS + b'"\\' * 21_000, b"[" * 30 + BRACKETS + b'"' * 60_000]
)
def test_hostile_text_takes_linear_time(text: bytes) -> None:
    """64 KiB of the worst nesting, quotes and escapes are refused in milliseconds."""
    began = time.perf_counter()
    with pytest.raises(BadJson):
        loads(text)
    assert time.perf_counter() - began < 0.5


def test_decimals_are_written_as_numbers() -> None:
    """Digit by digit, never as text and never through a float."""
    assert (
        dumps({"price": Decimal("40.10"), "a": [1, None, True, "Сыр", Decimal("1E+3")]})
        == '{"price":40.10,"a":[1,null,true,"Сыр",1000]}'.encode()
    )
    assert dumps({"a": 1}) == b'{"a":1}'
    assert dumps({"a": 1.5, "b": (Decimal(2),)}) == b'{"a":1.5,"b":[2]}'


def test_a_damaged_text_of_a_provider_does_not_hide_the_answer() -> None:
    """Half a surrogate pair becomes a question mark, in both writers."""
    assert dumps({"state": "paid", "text": "\ud800"}) == b'{"state":"paid","text":"?"}'
    assert dumps({"amount": Decimal(1), "text": "\ud800"}) == b'{"amount":1,"text":"?"}'


def endless() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


def deep() -> object:
    value: object = Decimal(1)
    for _ in range(MAX_DEPTH + 2):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        {"a": [float("inf"), Decimal(1)]},
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+999999"),
        b"bytes",
        {"a": object()},
        {1: Decimal(1)},
        endless(),
        deep(),
    ],
)
def test_what_cannot_be_written(value: object) -> None:
    """A value of ours without JSON text is reported as ours."""
    with pytest.raises(NotWritable):
        dumps(value)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20) + 1, 10**20 - 1)
    | st.decimals(allow_nan=False, allow_infinity=False, places=4, max_value=10**12, min_value=-(10**12))
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(values)
def test_what_is_written_is_read_back(value: object) -> None:
    """Writing and reading change nothing, and a message is one line."""
    line = dumps(value)
    assert b"\n" not in line
    assert loads(line) == value


@settings(max_examples=2000, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ud80eE+-.0123456789aNI \n', max_size=80).map(str.encode))
def test_any_bytes(text: bytes) -> None:
    """A value or BadJson, nothing else; and what is read can be written."""
    try:
        value = loads(text)
    except BadJson:
        return
    assert loads(dumps(value)) == value
