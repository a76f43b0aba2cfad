"""What stands on the accounts of a commerce account, for a person who asks. Pure.

Known from companies on the same platform are the path and that amounts are text such as ``"0.00"``; which amounts an account has, and their
names, nobody publishes. So each that is a decimal is handed on under the name that the provider gives it, digit for digit: they are looked
at, and never reckoned with.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from agent.core.verdict import Reply
from agent.providers.common import wire
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.invoice import mapping
from agent.providers.paycore.reading import MAX_BODY_BYTES

MAX_ACCOUNTS: Final = 200  # there is one for each currency
MAX_AMOUNTS: Final = 50  # of one account

_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,30})?")
_CURRENCY: Final = re.compile(r"[A-Z0-9]{3,10}")


@dataclass(frozen=True, slots=True)
class Balance:
    """One account. ``amounts``: by the provider's names, in its currency's major units, exactly as written."""

    id: str
    currency: str
    amounts: Mapping[str, str]


def read_balances(reply: Reply) -> tuple[Balance, ...]:
    """The accounts, in the provider's order. Raises Unreadable for an answer that is none, or of which an account has no currency."""
    if reply.status != 200:
        raise Unreadable(f"http_{reply.status}")
    found = tuple(_accounts(wire.read_object(reply.body, MAX_BODY_BYTES)))
    if len(found) > MAX_ACCOUNTS:
        raise Unreadable("long_list")
    return found


def _accounts(answer: Mapping[str, Any]) -> Iterator[Balance]:
    """``data`` may be a list of accounts, wrapped or flat, or one object that holds such a list as ``balances``."""
    if "data" not in answer:
        raise Unreadable("no_data")
    data = answer["data"]
    inner = _fields(data).get("balances") if isinstance(data, Mapping) else None
    listed = inner if inner is not None else data
    if isinstance(listed, Mapping) and listed is data:
        listed = [data]
    if not isinstance(listed, list):
        raise Unreadable("no_list")
    for one in listed:
        outer = mapping(one, "account")
        yield _account(outer, _fields(outer))


def _fields(outer: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(outer.get("attributes"), "attributes") or outer


def _account(outer: Mapping[str, Any], fields: Mapping[str, Any]) -> Balance:
    currency = wire.identifier(fields, "currency")
    if currency is None or not _CURRENCY.fullmatch(currency):
        raise Unreadable("no_currency")
    amounts = {name: text for name, value in fields.items() if name != "id" and (text := _amount(value)) is not None}
    if not amounts or len(amounts) > MAX_AMOUNTS:
        raise Unreadable("no_amounts")
    return Balance(wire.loose_text(outer, "id") or "", currency, amounts)


def _amount(value: object) -> str | None:
    """A decimal as text, or as a number with a point; whole numbers are ids and times as well, so they are none."""
    text = f"{value:f}" if isinstance(value, Decimal) else value
    return text if isinstance(text, str) and "." in text and _DECIMAL.fullmatch(text) else None
