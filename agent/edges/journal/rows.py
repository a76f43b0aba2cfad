"""The projection of a sale as a row of SQLite, and back. Pure.

The columns are the fields of ``Row`` under their own names (the sale's id is three of them), then ``events``, the length of its stream.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, get_type_hints

from agent.core.model import SaleId
from agent.core.ports import Corrupt, Row
from agent.edges.journal import chain
from agent.edges.journal.chain import Value

MAX_INTEGER = 2**63 - 1  # SQLite's integers; a larger one would fail inside a group of other people's steps

_FIELDS = tuple(field.name for field in fields(Row) if field.name != "id")
COLUMNS = ("store_id", "terminal_id", "key", *_FIELDS, "events")
COLUMN_LIST = ", ".join(COLUMNS)

_KINDS: Mapping[Any, Callable[[Any], object]] = {
    bool: bool,
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    datetime | None: lambda text: None if text is None else datetime.fromisoformat(text),
}
_READERS = tuple((name, _KINDS.get(get_type_hints(Row)[name])) for name in _FIELDS)


@dataclass(frozen=True, slots=True)
class Stored:
    """A row as it lies in the file, proved by its hash."""

    row: Row
    events: int


def pack(row: Row, events: int) -> tuple[Value, ...]:
    """The values of ``COLUMNS``. Raises ValueError for what SQLite cannot hold."""
    values: list[Value] = [row.id.store_id, row.id.terminal_id, row.id.key]
    values += [_plain(getattr(row, name)) for name in _FIELDS]
    values.append(events)
    for value in values:
        check_storable(value)
    return tuple(values)


def unpack(record: Sequence[Any]) -> Stored:
    """Read values of ``COLUMNS`` and the row's hash. Raises Corrupt if they do not belong together."""
    *values, stored_hash = record
    if not chain.matches(values, stored_hash):
        raise Corrupt(f"the row of sale {name_of(record)} does not match its hash")
    *texts, events = values
    facts: dict[str, Any] = {name: value if read is None else read(value) for (name, read), value in zip(_READERS, texts[3:], strict=True)}
    return Stored(Row(id=SaleId(*texts[:3]), **facts), events)


def name_of(record: Sequence[Any]) -> SaleId:
    """The sale's name as it lies in the file: it may itself be what is damaged, so it is made printable."""
    return SaleId(*(printable(value) for value in record[:3]))


def printable(value: object) -> str:
    """Text for people and for other stores, whatever a damaged record gives."""
    return str(value).encode("utf-8", "replace").decode()


def check_storable(value: Value) -> None:
    """Raises ValueError for text that is no Unicode and for integers SQLite cannot hold."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise ValueError(f"{value} does not fit a 64-bit integer")


def _plain(value: object) -> Value:
    match value:
        case None | str():
            return value
        case bool() | int():
            return int(value)
        case datetime():
            return chain.spell_moment(value)
        case date():
            return value.isoformat()
        case _:
            raise ValueError(f"{type(value).__name__} is no column of a sale")
