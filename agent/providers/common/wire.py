"""Bytes of an answer become plain values, or Unreadable. Bounded and strict where money is read, tolerant where it is not.

The standard reader alone will not do: it keeps the last of two equal names (so two readers of one answer could see two statuses), it
follows nesting until the stack ends, turns 0.1 into a binary float, accepts NaN, and lets half of a surrogate pair through, which no
database stores later. Texts of this module's errors name fields, never contents: they end in logs.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from agent.core.money import MAX_KOPECKS, Kopecks

MAX_BODY_BYTES: Final = 65_536  # the longest known answer has under 1 KiB; sixty times that leaves room for fields yet to come
MAX_DEPTH: Final = 16  # the deepest known answer has two levels
MAX_NUMBER_CHARACTERS: Final = 32  # an amount has ten digits; an unknown field may be a long id, but not an endless one
MAX_TEXT_CHARACTERS: Final = 256  # of a text we keep; terminalId is the longest one with a known limit

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # possessive, end optional: linear on any input
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,10}(?:\.0{1,10})?")


class Unreadable(ValueError):
    """The answer cannot be trusted. The text is a short reason in snake case that names the field."""


def read_object(body: bytes, most_bytes: int = MAX_BODY_BYTES) -> Mapping[str, Any]:
    """The JSON object in an answer's body. Raises Unreadable for anything else, too long, too deep or ambiguous."""
    if not body.strip():
        raise Unreadable("empty_body")
    if len(body) > most_bytes:
        raise Unreadable("body_too_long")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise Unreadable("not_utf8") from problem
    if _depth(text) > MAX_DEPTH:
        raise Unreadable("body_too_deep")
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_decimal, parse_constant=_constant, object_pairs_hook=_unique)
    except Unreadable:
        raise
    except ValueError as problem:
        raise Unreadable("not_json") from problem
    if not isinstance(value, dict):
        raise Unreadable("not_an_object")
    return value


def at(fields: Mapping[str, Any], way: str) -> Any:
    """The value at ``product.amount``; None where a part of the way is missing or no object."""
    value: Any = fields
    for name in way.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def identifier(fields: Mapping[str, Any], name: str) -> str | None:
    """An id that we store and send back: printable text of bounded length; None when absent, null or empty. Raises Unreadable."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not _is_plain(value):
        raise Unreadable(f"bad_{name}")
    return str(value)


def loose_text(fields: Mapping[str, Any], name: str) -> str | None:
    """A text that is kept for people: numbers are written out, and what is absent, empty or cannot be kept is None."""
    value = fields.get(name)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        value = str(value)
    return str(value) if value and _is_plain(value) else None


def word(fields: Mapping[str, Any], name: str) -> str | None:
    """A word of an enumeration: text of any content, "" when null, None when absent. Raises Unreadable for other types."""
    if name not in fields:
        return None
    value = fields[name]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"bad_{name}")
    return value


def amount(fields: Mapping[str, Any], name: str) -> Kopecks | None:
    """Whole kopecks of at most ten digits, as a number or as quoted digits; None when absent or null. Raises Unreadable."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= MAX_KOPECKS:
        # The range comes first: 1e999999999 is a short number, but has a thousand million digits once it is an int.
        raise Unreadable(f"bad_{name}")
    if value != int(value):
        raise Unreadable(f"bad_{name}")
    return Kopecks(int(value))


def _is_plain(value: object) -> bool:
    # isprintable refuses control characters and lone surrogates alike
    return isinstance(value, str) and len(value) <= MAX_TEXT_CHARACTERS and value.isprintable()


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in _STRING.sub("", text):
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _integer(text: str) -> int:
    return int(_bounded(text))


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(_bounded(text))
    except InvalidOperation as problem:  # an exponent beyond what Decimal can hold; not a ValueError by itself
        raise Unreadable("number_too_large") from problem


def _bounded(text: str) -> str:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise Unreadable("number_too_long")
    return text


def _constant(name: str) -> object:
    raise Unreadable("not_a_number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable("duplicate_name")
    return fields
