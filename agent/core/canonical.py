"""One spelling for one value: the JSON text that is hashed, digested, stored and sent.

The standard encoder cannot write a ``Decimal`` as a JSON number, and a per-gram price may have a fraction that a binary
float would change. So numbers are written here: integers and finite decimals, digit by digit; a float is refused.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

MAX_DEPTH = 32  # deeper nesting is an attack or a mistake, never a checkout


class NotCanonical(ValueError):
    """The value has a type, a number or a depth that has no canonical JSON text."""


def _from_text(value: object) -> object:
    return loads(value) if isinstance(value, str) else value


# An object of free form inside an event: stored as its canonical text, so that numbers come back digit for digit.
JsonObject = Annotated[
    Mapping[str, Any],
    BeforeValidator(_from_text),
    PlainSerializer(lambda value: dumps(value), return_type=str, when_used="json"),
]


def dumps(value: object) -> str:
    """Canonical JSON text: keys sorted, no blanks, UTF-8 kept as it is. Raises NotCanonical."""
    return _write(value, 0)


def loads(text: str | bytes) -> Any:
    """Read back what ``dumps`` wrote, decimals exact. For our own texts: what others wrote goes through a strict, bounded parser first.
    Raises ValueError (its text names the place)."""
    return _READER.decode(text if isinstance(text, str) else text.decode())


def digest(value: object, key: bytes = b"") -> str:
    """Hex SHA-256 of the canonical text; with a key, its HMAC: for values that must not be found by trying them all."""
    data = dumps(value).encode()
    return hmac.new(key, data, hashlib.sha256).hexdigest() if key else hashlib.sha256(data).hexdigest()


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


# Made once: ``json.dumps`` and ``json.loads`` would make one for every text, and there are hundreds in a sale.
_quote = encode_basestring  # what an encoder writes for a text, without its detours
_READER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


def _write(value: object, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH} levels")
    if type(value) is str:  # by far the most there is
        return _quote(value)
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return _quote(value)
        case int():
            return str(int(value))
        case Decimal():
            return _number(value)
        case Mapping():
            pairs = sorted((_key(name), item) for name, item in value.items())
            return "{" + ",".join(f"{_quote(name)}:{_write(item, depth + 1)}" for name, item in pairs) + "}"
        case Sequence() if not isinstance(value, bytes | bytearray):
            return "[" + ",".join(_write(item, depth + 1) for item in value) + "]"
        case _:
            raise NotCanonical(f"{type(value).__name__} has no canonical JSON text")


def _key(name: object) -> str:
    if not isinstance(name, str):
        raise NotCanonical(f"a key must be text, not {type(name).__name__}")
    return name


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise NotCanonical(f"{value} is not a JSON number")
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
