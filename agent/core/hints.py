"""What a payment system pushes to us, and how little that means. Pure.

A postback or webhook is a hint (promise P8): it says *which* sale to look at, and nothing of what it says about that sale is believed.
So a ``Hint`` has room for names alone, and for the amount only because money rule 11 finds a sale by it. There is no status in it: what is
not there cannot be trusted by mistake.

Each provider says with ``ReadsHooks`` how a message proves where it comes from. Proving comes before parsing, over the raw bytes of the
body, and in constant time: a message of which the proof fails is never looked into further than that proof needs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from agent.core.money import MAX_KOPECKS, Kopecks
from agent.core.sale import Sale

MAX_NAME_CHARS = 256  # of an id in a hint; the longest of the four systems is Koshelek's terminalId
MAX_NAME_DIGITS = 20  # of an id that is a number; more is no id, and slow to write as text


class Unheard(StrEnum):
    """Why a message is no hint."""

    UNSIGNED = "unsigned"  # no proof at all, or not in the form that the provider gives it
    FORGED = "forged"  # a proof that none of today's secrets makes
    GARBLED = "garbled"  # proven, and not understood: not what the provider promises to send
    IRRELEVANT = "irrelevant"  # proven and understood, and about nothing that a till does: thanked for and dropped (``Unrelated``)


@dataclass(frozen=True, slots=True)
class Hint:
    """The names in a proven message. Each may be missing, not all of them (``names_something``).

    ``transaction_id``: the provider's id of the payment. ``reference``: our own id of it (the ``request_id`` of its checkout).
    ``order_id``, ``store_id``, ``terminal_id``, ``amount``: of the slip, as our checkout had them. ``payout``: both ids are those of a
    payout, and no sale is meant.
    """

    transaction_id: str | None = None
    reference: str | None = None
    order_id: str | None = None
    store_id: str | None = None
    terminal_id: str | None = None
    amount: Kopecks | None = None
    payout: bool = False

    @property
    def names_something(self) -> bool:
        """A sale can be found by this: by an id, or by an order."""
        return bool(self.transaction_id or self.reference or self.order_id)


@dataclass(frozen=True, slots=True)
class HookRefused:
    """A message that is no hint. ``reason`` never holds anything that the message said."""

    reason: Unheard


@dataclass(frozen=True, slots=True)
class Unrelated(HookRefused):
    """A proven message about nothing that a till does. ``about``: the names in it, for the log: somebody may miss what it led to."""

    about: Hint


@runtime_checkable
class ReadsHooks(Protocol):
    """One provider's way of proving and naming."""

    def read_hook(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
        """Never raises. ``secrets``: those that are valid now, at least one; a message proven by any of them is proven, and each is tried
        whether or not another fitted, with ``hmac.compare_digest`` over the raw ``body``. ``headers``: names in lower case; of one that
        came twice, both values with ", " between, so that it fits no proof."""


def name_of(value: object) -> str | None:
    """An id as it stands in a message, text or whole number, as text; None if it is absent, empty, too long or something else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int) and abs(value) < 10**MAX_NAME_DIGITS:
        return str(value)
    if isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARS and value.isprintable():
        return value
    return None


def amount_of(value: int | None) -> Kopecks | None:
    """An amount that a sale can have, in kopecks; None for any other."""
    return Kopecks(value) if value is not None and 0 <= value <= MAX_KOPECKS else None


# --- which sale ---

_READABLE = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}")  # an id that is asked for as one step of a path, and leads nowhere else


@dataclass(frozen=True, slots=True)
class KeptHint:
    """A hint that waits for its sale, or for the read that it asks for (money rule 11). ``number``: its own among all that are kept;
    ``at``: when it came, in UTC, because a wait of a day may outlast a boot."""

    number: int
    provider: str
    at: datetime
    hint: Hint


def names_unknown(hint: Hint, provider: str, sale: Sale) -> bool:
    """Whether a message of ``provider`` says by our own id that a payment is this sale's of which its record knows nothing."""
    if sale.call is None or sale.binding.provider != provider or not _READABLE.fullmatch(hint.transaction_id or ""):
        return False
    return hint.reference == sale.call.request_id and hint.transaction_id != sale.transaction_id


def points_at(hint: Hint, provider: str, sale: Sale) -> bool:
    """Whether a message of ``provider`` is about this sale: by the payment's id, else by our own id of it, else by order, store, terminal
    and amount as far as the message tells them. Two payments of one order differ in the ids, so where both are known an id decides."""
    if sale.binding.provider != provider:
        return False
    if hint.transaction_id is not None and sale.transaction_id is not None:
        return hint.transaction_id == sale.transaction_id
    if hint.reference is not None and sale.call is not None:
        return hint.reference == sale.call.request_id
    ours = {
        "order_id": sale.checkout.invoice.order_id,
        "store_id": sale.id.store_id,
        "terminal_id": sale.id.terminal_id,
        "amount": sale.amount,
    }
    return hint.order_id is not None and all(getattr(hint, name) in (None, value) for name, value in ours.items())
