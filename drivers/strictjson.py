"""JSON without surprises: exact numbers, one meaning per text, bounded depth.

The standard parser is lenient where money cannot be: it rounds numbers to binary floats, takes NaN, lets the last of two equal names win
(a proxy or log may have believed the first), recurses as deep as the text asks, and makes strings that cannot be written as
UTF-8. Here each of these is a ``BadJson`` whose text says where and quotes nothing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from drivers.problems import shorten

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAX_DEPTH = 32  # a checkout needs 5; deeper nesting is a mistake or an attack
MAX_NUMBER_DIGITS = 20  # twice the longest amount
MAX_EXPONENT = 20  # so that no short text stands for a number of a million digits

_BRACKETS_AND_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)  # the last quote is optional: keeps it linear
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD]")


class BadJson(ValueError):
    """The text is no JSON, or JSON that could be read in two ways. The peer's programmer must react."""


class NotWritable(ValueError):
    """A value of ours has no JSON text: our mistake."""


def loads(text: bytes) -> Any:
    """Read one JSON text: numbers become ``int`` or ``Decimal``. A byte order mark before it is passed over, whichever the way in: some
    runtimes write one whether asked or not. Raises BadJson."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    _check_depth(text)
    try:
        value = _READER.decode(text.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise BadJson(f"not JSON: {error.msg} at character {error.pos}") from None  # the cause holds the whole text
    except UnicodeDecodeError as error:
        raise BadJson(f"not UTF-8: byte {error.start}") from None  # the cause holds the whole text
    if _SURROGATE_ESCAPE.search(text):
        _check_surrogates(value)
    return value


def dumps(value: object) -> bytes:
    """Write one line of JSON. A ``Decimal`` is written digit by digit. Half a surrogate pair (it can only come from a provider's text)
    becomes a question mark: a damaged message must not make the state of a payment unreadable. Raises NotWritable."""
    try:
        text = _fast(value)
    except TypeError:  # the fast writer knows no decimals, and cannot be taught to write them as numbers
        text = _write(value, 0)
    except (ValueError, RecursionError) as error:
        raise NotWritable("the value contains itself, is nested too deep, or holds a number that is not finite") from error
    return text.encode("utf-8", errors="replace")


def _check_depth(text: bytes) -> None:
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _BRACKETS_AND_STRINGS.finditer(text):
        match token[0]:
            case b"[" | b"{":
                depth += 1
            case b"]" | b"}":
                depth -= 1
        if depth > MAX_DEPTH:
            raise BadJson(f"nested deeper than {MAX_DEPTH} levels")


def _check_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        raise BadJson("a text holds half of a surrogate pair") from None  # the cause holds the text


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_NUMBER_DIGITS:
        raise BadJson(f"a number has at most {MAX_NUMBER_DIGITS} digits")
    return int(text)


def _decimal(text: str) -> Decimal:
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa.lstrip("-").replace(".", "")) > MAX_NUMBER_DIGITS:
        raise BadJson(f"a number has at most {MAX_NUMBER_DIGITS} digits")
    if len(exponent) > len("-20") or abs(int(exponent or "0")) > MAX_EXPONENT:
        raise BadJson(f"an exponent lies between -{MAX_EXPONENT} and {MAX_EXPONENT}")
    return Decimal(text) or Decimal(0)  # no negative zero


def _constant(name: str) -> object:
    raise BadJson(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadJson(f'the name "{shorten(name)}" stands twice in one object')
        found[name] = value
    return found


def _write(value: object, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise NotWritable(f"nested deeper than {MAX_DEPTH} levels")
    match value:
        case Decimal():
            return _write_decimal(value)
        case Mapping():
            return "{" + ",".join(f"{_write_name(name)}:{_write(item, depth + 1)}" for name, item in value.items()) + "}"
        case Sequence() if not isinstance(value, str | bytes | bytearray):
            return "[" + ",".join(_write(item, depth + 1) for item in value) + "]"
        case _:
            try:
                return json.dumps(value, ensure_ascii=False, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise NotWritable(f"{type(value).__name__} has no JSON text") from error


def _write_name(name: object) -> str:
    if not isinstance(name, str):
        raise NotWritable(f"a name in an object is text, not {type(name).__name__}")
    return json.dumps(name, ensure_ascii=False)


def _write_decimal(value: Decimal) -> str:
    if not value.is_finite() or abs(value.adjusted()) > 2 * MAX_EXPONENT:
        raise NotWritable("a decimal of ours is finite and of sensible size")
    return format(value, "f")


# Made once: the functions of the module would make one for every text.
_READER = json.JSONDecoder(parse_float=_decimal, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_object)
_fast = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
