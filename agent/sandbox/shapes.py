"""What the shapes of most payment APIs are made of: kopecks as roubles, tokens, parameters of a path, and the faults that make an
answer say something else than what is true."""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from agent.sandbox.faults import FaultBook, FaultKind
from agent.sandbox.transaction import PAID, Transaction
from agent.sandbox.words import JSON_TYPE, Answer, Operation, Status

MAX_TOKENS = 1_000  # a client that logs in without end is a mistake; the oldest go
RUB = "RUB"


# --- money ---


def roubles(kopecks: int) -> Decimal:
    """11250 is 112.50, with both digits."""
    return Decimal(kopecks).scaleb(-2).quantize(Decimal("0.01"))


def kopecks(value: object) -> int | None:
    """``112.5``, ``"112.50"`` or ``112`` as whole kopecks; None for what is no such amount."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        amount = Decimal(value).scaleb(2)
    except ArithmeticError:
        return None
    return int(amount) if amount.is_finite() and abs(amount.adjusted()) <= 15 and amount == int(amount) else None


def write(document: object) -> str:
    """JSON with decimals written digit for digit, as no float could."""
    match document:
        case Decimal():
            return f"{document:f}"
        case Mapping():
            return "{" + ",".join(f"{json.dumps(str(name))}:{write(value)}" for name, value in document.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(write, document)) + "]"
        case _:
            return json.dumps(document, ensure_ascii=False)


def exact_answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with decimals in it."""
    return Answer(status, write(document).encode("utf-8", "backslashreplace"), {"content-type": JSON_TYPE, **(headers or {})})


# --- the door ---


def basic(header: str) -> tuple[str, str] | None:
    """Login and password of HTTP Basic; None for anything else."""
    scheme, _, given = header.partition(" ")
    try:
        login, colon, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (login, password) if scheme.lower() == "basic" and colon else None


def bearer(header: str) -> str:
    """What follows ``Bearer``; empty for anything else."""
    scheme, _, given = header.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def same(given: str, wanted: str) -> bool:
    """Compared so that the time it takes tells nothing."""
    return hmac.compare_digest(given.encode(), wanted.encode())


class Tokens:
    """Tokens that were given out for a login. ``life_ms``: how long each is good for."""

    def __init__(self, new_id: Callable[[], str], life_ms: int) -> None:
        self._new_id, self.life_ms = new_id, life_ms
        self._until: dict[str, int] = {}

    def give(self, now_ms: int) -> str:
        token = self._new_id()
        self._until[token] = now_ms + self.life_ms
        if len(self._until) > MAX_TOKENS:
            del self._until[next(iter(self._until))]
        return token

    def good(self, now_ms: int, token: str) -> bool:
        return now_ms < self._until.get(token, 0)

    def forget(self) -> None:
        """None is good any more."""
        self._until.clear()


def query_of(query: str) -> dict[str, str]:
    """The parameters after a question mark, decoded; of a repeated one the last counts."""
    return dict(parse_qsl(query, keep_blank_values=True))


# --- what is said ---


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer says of a payment. ``word``: in place of the status, one that nobody knows. ``amount`` is what was asked for, in
    kopecks; ``key`` the client's own. ``extra``: with fields that nobody knows."""

    status: Status
    amount: int
    currency: str
    key: str
    word: str | None
    extra: bool


def seen(book: FaultBook, operation: Operation, transaction: Transaction) -> Seen | None:
    """A payment as an answer shows it, faults and all; None for a read that does not find it. Uses up the faults: once per answer."""

    def hit(*kinds: FaultKind) -> Any:
        return book.take(operation, *kinds, system=transaction.system)

    if operation in (Operation.STATUS, Operation.FIND) and hit(FaultKind.ABSENT_STATUS):
        return None
    reading = operation in (Operation.STATUS, Operation.FIND)
    stale = reading and len(transaction.history) > 1 and hit(FaultKind.STALE_STATUS)
    status = transaction.history[-2] if stale else transaction.status
    lies = (FaultKind.WRONG_AMOUNT, FaultKind.WRONG_CURRENCY, FaultKind.WRONG_ORDER)  # of what was paid: of no other can a client tell
    amount, currency, order = (hit(kind) if status in PAID else None for kind in lies)
    word = hit(FaultKind.UNKNOWN_STATUS_VALUE)
    return Seen(
        status=status,
        amount=transaction.amount + (amount.number("delta") if amount else 0),
        currency=currency.word("currency") if currency else RUB,
        key=order.word("order_id") if order else transaction.key,
        word=word.word("value") if word else None,
        extra=hit(FaultKind.EXTRA_FIELDS) is not None,
    )


def honest(transaction: Transaction) -> Seen:
    """A payment as it is: what a message of the bank's own tells."""
    return Seen(transaction.status, transaction.amount, RUB, transaction.key, None, extra=False)


EXTRA_FIELDS: Mapping[str, object] = {"loyaltyBonus": {"points": 12, "levels": [1, None]}, "trace": None}
"""What ``extra`` adds."""
