"""The hashes that make a changed byte visible. SQLite does not checksum its pages.

Every event carries SHA-256(hash of the event before it || its own canonical text): changing, removing or swapping one breaks its own link
and nobody else's, so a damaged event costs one sale and not the file. Rows, notes and anchors carry a hash of their values, secrets a MAC.
Text that is read back is decoded with ``surrogateescape``: a byte that is no UTF-8 survives into the hash and is found there, instead of
failing the read of everything around it.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agent.core import canonical
from agent.core.model import SaleId

HASH_BYTES = 32  # SHA-256
GENESIS = bytes(HASH_BYTES)  # what the first event is chained to

Value = str | int | bytes | None


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the number and the hash of the last event (0 and GENESIS of an empty file)."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class EventText:
    """An event in the spelling in which it is hashed and stored. ``wall`` is UTC, ISO 8601; ``body`` is canonical JSON."""

    kind: str
    wall: str
    boot: str
    ticks: int
    body: str


def event_hash(previous: bytes, sale: SaleId, position: int, event: EventText) -> bytes:
    """The hash of an event at ``position`` of its sale's stream. Raises canonical.NotCanonical for a value of a foreign type."""
    facts = [sale.store_id, sale.terminal_id, sale.key, position, event.kind, event.wall, event.boot, event.ticks]
    text = f"{canonical.dumps(facts)[:-1]},{event.body}]"  # the body is canonical already: no need to read it again
    return hashlib.sha256(previous + encode(text)).digest()


def values_hash(values: Sequence[Value]) -> bytes:
    """The hash of a row's values in the order of its columns."""
    return hashlib.sha256(_spell(values)).digest()


def values_mac(key: bytes, values: Sequence[Value]) -> bytes:
    """The same with a key, for values that must not be found by trying them all."""
    return hmac.digest(key, _spell(values), hashlib.sha256)


def matches(values: Sequence[Value], stored: object) -> bool:
    """Whether values read from the file are those that were written, whatever types a damaged record gives."""
    return values_hash(values) == stored


def encode(text: str) -> bytes:
    """UTF-8, giving back exactly the bytes that ``decode`` read."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """UTF-8 with damaged bytes kept: never raises."""
    return data.decode("utf-8", "surrogateescape")


def spell_moment(moment: datetime) -> str:
    """UTC with microseconds: one length, so that the order of texts is the order of moments. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be recorded")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _spell(values: Sequence[Value]) -> bytes:
    """The canonical text of a flat list of texts and integers is what the standard encoder writes, ten times faster than ours."""
    plain = [f"0x{value.hex()}" if isinstance(value, bytes) else value for value in values]
    return encode(_write(plain))


_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # made once, not for every row
