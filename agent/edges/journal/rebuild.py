"""Writing the rows of all sales anew from their events: the way to a new column.

A row is a projection, and its hash covers every column, so no script can add one. But a row is also only a cache: everything in it
follows from the events. So a migration that changes the table of sales makes the table of the new schema and has each sale projected once
more, by a function that is handed in, for what a sale means is not known here.

A sale whose events cannot be used keeps what its old row says, without a hash that holds: it is refused when somebody asks for it, as it
would have been before, and keeps nobody from starting (promises P14 and P20).
"""

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields

from agent.core.model import SaleId
from agent.core.ports import Corrupt, Entry, Row
from agent.edges.journal import chain, queries, rows
from agent.edges.journal.chain import Value
from agent.edges.journal.reader import entries_of

Project = Callable[[SaleId, Sequence[Entry]], Row]
"""The row of a sale from its events. Raises ValueError, Corrupt, or what else it cannot make sense of as a subclass of these."""

BEFORE = "sale_before"
STREAM_BEFORE = queries.STREAM.replace(" FROM sale ", f" FROM {BEFORE} AS sale ")
NAMES = "SELECT id, store_id, terminal_id, key FROM sale_before WHERE id > ? ORDER BY id LIMIT 500"
OLD_ROW = "SELECT * FROM sale_before WHERE id = ?"
INSERT = " ".join(("INSERT INTO sale (id,", rows.COLUMN_LIST, ", hash) VALUES (", ", ".join("?" * (len(rows.COLUMNS) + 2)), ")"))
NO_HASH = bytes(chain.HASH_BYTES)


def make_room(connection: sqlite3.Connection, schema: str) -> None:
    """Put the table of sales aside and make the one of ``schema``, with its indexes and triggers. Inside a transaction that was begun with
    foreign keys off and the old way of renaming, so that the references of other tables stay what they say."""
    for kind, name in connection.execute(
        "SELECT type, name FROM sqlite_schema WHERE tbl_name = 'sale' AND type <> 'table' AND sql <> ''"
    ).fetchall():
        connection.execute(f"DROP {kind} {name}")
    connection.execute(f"ALTER TABLE sale RENAME TO {BEFORE}")
    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        model.executescript(schema)
        wanted = model.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = 'sale' AND sql <> '' ORDER BY type = 'table' DESC, rowid")
        for (statement,) in wanted.fetchall():
            connection.execute(statement)


def rebuild(connection: sqlite3.Connection, project: Project) -> None:
    """Fill the new table from the events of every sale, and drop the old one. Raises sqlite3.Error."""
    last = 0
    while names := connection.execute(NAMES, (last,)).fetchall():
        for number, *name in names:
            values, stored = _row_of(connection, number, SaleId(*(rows.printable(one) for one in name)), project)
            connection.execute(INSERT, (number, *values, stored))
            last = number
    connection.execute(f"DROP TABLE {BEFORE}")


def _row_of(connection: sqlite3.Connection, number: int, sale_id: SaleId, project: Project) -> tuple[Sequence[Value], bytes]:
    records = connection.execute(STREAM_BEFORE, queries.name_values(sale_id)).fetchall()
    try:
        values = rows.pack(project(sale_id, entries_of(sale_id, records)), len(records))
    except (Corrupt, ValueError):
        return _old_values(connection, number), NO_HASH
    return values, chain.values_hash(values)


def _old_values(connection: sqlite3.Connection, number: int) -> Sequence[Value]:
    """What the old row says; a column that it did not have gets the default of its field, or nothing."""
    found = connection.execute(OLD_ROW, (number,))
    names = [column[0] for column in found.description]
    old: Mapping[str, Value] = dict(zip(names, found.fetchone(), strict=True))
    return [old.get(name, _DEFAULTS.get(name)) for name in rows.COLUMNS]


_DEFAULTS: Mapping[str, Value] = {
    field.name: int(field.default) if isinstance(field.default, bool) else field.default
    for field in fields(Row)
    if field.default is not MISSING
}
