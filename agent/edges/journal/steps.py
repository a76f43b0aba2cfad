"""What the writer is asked to do, in the spelling in which it is stored. Made by the caller, so that a value that cannot be stored is the
caller's error and never meets other people's steps. Pure.
"""

from dataclasses import dataclass
from datetime import datetime

from agent.core import canonical
from agent.core.hints import KeptHint
from agent.core.model import SaleId
from agent.core.ports import Append, Entry
from agent.edges.journal import chain, rows
from agent.edges.journal.chain import EventText, Value

MAX_BODY_BYTES = 4 * 1024 * 1024  # the longest provider answer is 1 MiB, and escapes can make it longer
MAX_SECRET_BYTES = 16 * 1024  # a `token` is a hardware description in base64: some KiB; HTTP headers end here as well
MAX_NOTE_BYTES = 64 * 1024  # small facts about the whole journal


@dataclass(frozen=True, slots=True)
class Step:
    """An ``Append``, packed. ``values`` are those of ``rows.COLUMNS``, ``hash`` covers them."""

    sale: SaleId
    position: int
    events: tuple[EventText, ...]
    values: tuple[Value, ...]
    hash: bytes
    put: tuple[tuple[str, str], ...]
    drop: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parking:
    """A sale is set aside."""

    values: tuple[str, str, str, str, str, str | None]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Noting:
    """A fact about the file is kept, or removed when ``value`` is None."""

    name: str
    value: bytes | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The end of the chain is marked."""


@dataclass(frozen=True, slots=True)
class Hinting:
    """A proven message is kept."""

    values: tuple[Value, ...]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Messages that are kept no longer, by their numbers."""

    numbers: tuple[int, ...]


Job = Step | Parking | Noting | Hinting | Forgetting | Anchoring


def begins(job: Job) -> bool:
    """Whether the job takes up something new: the first step of a sale, or a hint. The last room of a disk is not for it."""
    return isinstance(job, Hinting) or (isinstance(job, Step) and job.position == 0)


def step_of(append: Append) -> Step:
    """Pack a step. Raises ValueError for what cannot be stored: no event in a new stream, broken Unicode, a naive moment, a size."""
    if append.row.id != append.id:
        raise ValueError(f"the row of {append.row.id} cannot go with a step of {append.id}")
    events = tuple(_event_of(entry) for entry in append.entries)
    length = append.position + len(events)
    if not 0 <= append.position <= length or length == 0:
        raise ValueError("a stream begins with an event, at position 0")
    for name, value in append.put_secrets.items():
        if not 0 < len(value.encode()) <= MAX_SECRET_BYTES:
            raise ValueError(f"the secret {name!r} must have between 1 and {MAX_SECRET_BYTES} bytes")
        rows.check_storable(name)
    values = rows.pack(append.row, length)
    put, drop = tuple(append.put_secrets.items()), tuple(sorted(append.drop_secrets))
    return Step(append.id, append.position, events, values, chain.values_hash(values), put, drop)


def parking_of(sale: SaleId, reason: str, at: datetime, released: str | None) -> Parking:
    """Pack a parked sale. The name may come from a damaged record: it is made storable. Raises ValueError for a naive moment."""
    texts = (sale.store_id, sale.terminal_id, sale.key, reason)
    store_id, terminal_id, key, why = (rows.printable(text) for text in texts)
    values = (store_id, terminal_id, key, why, chain.spell_moment(at), None if released is None else rows.printable(released))
    return Parking(values, chain.values_hash(values))


def noting_of(name: str, value: str | None) -> Noting:
    """Pack a note. Raises ValueError for broken Unicode or a size."""
    rows.check_storable(name)
    data = None if value is None else value.encode()
    if data is not None and len(data) > MAX_NOTE_BYTES:
        raise ValueError(f"the note {name!r} is longer than {MAX_NOTE_BYTES} bytes")
    stored_name = NOTE_PREFIX + name
    return Noting(stored_name, data, chain.values_hash((stored_name, data)))


def hinting_of(kept: KeptHint) -> Hinting:
    """Pack a hint. Raises ValueError for what cannot be stored."""
    hint = kept.hint
    names = (hint.transaction_id, hint.reference, hint.order_id, hint.store_id, hint.terminal_id)
    values: tuple[Value, ...] = (kept.number, kept.provider, chain.spell_moment(kept.at), *names, hint.amount)
    for value in values:
        rows.check_storable(value)
    return Hinting(values, chain.values_hash(values))


NOTE_PREFIX = "note."  # notes share a table with the file's own facts and cannot name those


def _event_of(entry: Entry) -> EventText:
    body = canonical.dumps(entry.body)
    if len(body.encode()) > MAX_BODY_BYTES:
        raise ValueError(f"the body of {entry.kind} is longer than {MAX_BODY_BYTES} bytes")
    event = EventText(entry.kind, chain.spell_moment(entry.stamp.wall), entry.stamp.boot, entry.stamp.ticks, body)
    for value in (event.kind, event.boot, event.ticks):
        rows.check_storable(value)
    return event
