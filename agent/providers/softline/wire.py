"""Values inside Softline's answers: order ids, decimal sums, and the list of errors.

Reading the JSON itself, bounded and strict, is ``common.wire``'s. Texts of errors name fields, never contents: they end in logs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from agent.core.money import MAX_KOPECKS, Kopecks
from agent.providers.common.answers import code_of
from agent.providers.common.wire import Unreadable, read_object
from agent.providers.softline.codes import MISPRINTS

MAX_IDS: Final = 20  # of one search by a key that only one sale has: a search that brings more does not search
MAX_ERRORS: Final = 50  # a bill has fewer fields
MAX_ROUBLES: Final = (MAX_KOPECKS + 1) // 100  # the least sum that does not fit
MAX_FRACTION_DIGITS: Final = 8  # "100.00000000" is the longest spelling known of any of these systems

_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_ROUBLES: Final = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,8})?")
_FIELD_NAMED: Final = re.compile(r": \[?([a-z][a-z0-9_]{0,40}(?:\.[a-z][a-z0-9_]{0,40})?)\]?\.?$")
_ERROR: Final = re.compile(r"[0-9]{1,6}")


def order_id(value: object) -> str:
    """The id of a payment, a number or text, as text that is safe in a path. Raises Unreadable."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Unreadable("bad_order_id")
    return value


def order_ids(body: bytes) -> tuple[str, ...]:
    """The ids of a search, oldest first, each once. INFERRED: ids grow with time, so that the smallest number is the oldest.

    The vendor says that they come as a list in ``ids``, and nothing of its shape. Taken are a list of numbers or texts, the same under
    keys (as some servers write a list with gaps), and a bare list without a name. An answer without any list proves nothing."""
    bare = body.lstrip().startswith(b"[")
    fields = read_object(b'{"ids":' + body + b"}" if bare else body)
    if bare and len(fields) != 1:
        raise Unreadable("not_json")
    found = fields.get("ids")
    if isinstance(found, Mapping):
        found = list(found.values())
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise Unreadable("no_ids")
    if len(found) > MAX_IDS:
        raise Unreadable("too_many_ids")
    ids = tuple(dict.fromkeys(order_id(value) for value in found))
    return tuple(sorted(ids, key=int)) if all(one.isdecimal() for one in ids) else ids


def amount(value: object) -> Kopecks | None:
    """Kopecks of a sum in roubles: ``100``, ``100.0``, ``"100.00"``; None when absent, null or empty. Raises Unreadable."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and _ROUBLES.fullmatch(value):
        value = Decimal(value)
    # The range comes first: 1e999999999 is a short number, but has a thousand million digits once it is written out.
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value < MAX_ROUBLES:
        raise Unreadable("bad_amount")
    exact = Decimal(value)
    exponent = exact.as_tuple().exponent
    assert isinstance(exponent, int), "a finite decimal has a number for exponent"
    if exponent < -MAX_FRACTION_DIGITS or exact * 100 != int(exact * 100):  # at most 16 digits: exact
        raise Unreadable("bad_amount")
    return Kopecks(int(exact * 100))


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of a list of errors. ``field``: what it names, for people; "" if nothing that could be read."""

    code: str
    field: str

    def __str__(self) -> str:
        return f"{self.code} {self.field}".rstrip()


def faults(body: bytes) -> tuple[Fault, ...]:
    """The entries of ``{"errors": [{"error": 6010, "message": ...}, ...]}`` in their order, misprints put right. Empty where the body is no
    such list. Never raises: why something was refused is of interest, that it was the HTTP status has said."""
    try:
        errors = read_object(body).get("errors")
    except Unreadable:
        return ()
    if not isinstance(errors, Sequence) or isinstance(errors, str):
        return ()
    entries = [(str(one.get("error")), _field(one.get("message"))) for one in errors[:MAX_ERRORS] if isinstance(one, Mapping)]
    return tuple(Fault(MISPRINTS.get(code, code), field) for code, field in entries if _ERROR.fullmatch(code))


def _field(message: object) -> str:
    """The name at the end of ``Invalid field value: [name]``. No other text is kept: it might quote the buyer."""
    found = _FIELD_NAMED.search(message) if isinstance(message, str) else None
    return (code_of(found[1]) or "") if found else ""
