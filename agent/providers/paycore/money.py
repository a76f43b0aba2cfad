"""Kopecks and the provider's decimals, digit by digit: no binary float ever holds an amount.

Amounts come as a number, as text, and with up to eight decimals (``100``, ``100.0``, ``"100.00000000"``); they are whole kopecks or not
understood.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from agent.core.money import MAX_KOPECKS, Kopecks
from agent.providers.common.wire import Unreadable

_NUMBER: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_KOPECKS_IN_ROUBLE: Final = 100


def major_units(amount: Kopecks) -> Decimal:
    """11250 -> Decimal("112.50")."""
    return Decimal(amount).scaleb(-2)


def amount_of(fields: Mapping[str, Any], name: str) -> Kopecks | None:
    """Kopecks; None when absent, null or empty. Raises Unreadable for what is no amount, or no whole number of kopecks."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= MAX_KOPECKS // _KOPECKS_IN_ROUBLE:
        # The range comes first: 1e999999999 is a short number, but has a thousand million digits once it is an int.
        raise Unreadable(f"bad_{name}")
    kopecks = Decimal(value) * _KOPECKS_IN_ROUBLE
    if kopecks != int(kopecks):
        raise Unreadable(f"bad_{name}")
    return Kopecks(int(kopecks))
