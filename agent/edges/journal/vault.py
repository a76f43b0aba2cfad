"""Secrets that can be erased.

SQLite's ``secure_delete`` zeroes what is deleted, but rows are also *moved* when a table's pages are balanced, and the place they leave
is not zeroed (measured: of some thousand deleted values one or two could still be found in the file). So a value lies in blocks of one
size, in a table whose rows are appended once and afterwards only overwritten in place: nothing there ever moves. The first bytes of a
secret's first block are its MAC, so that this goes with it. What the log holds is gone with its next TRUNCATE checkpoint.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from agent.core.model import SaleId
from agent.core.payout.contract import RECIPIENT
from agent.core.ports import Corrupt
from agent.edges.journal import chain
from agent.edges.journal.chain import HASH_BYTES

BLOCK_BYTES = 1024  # three to a page; most secrets need one. The schema checks it

SECRETS_OF = (
    "SELECT secret.name, secret.size, vault.content FROM secret LEFT JOIN vault ON vault.slot = secret.slot AND vault.taken = 1"
    " WHERE secret.sale = (SELECT id FROM sale WHERE store_id = ? AND terminal_id = ? AND key = ?) ORDER BY secret.name, secret.part"
)

RECIPIENT_OF = (
    "SELECT DISTINCT secret.sale, secret.name FROM secret JOIN sale ON sale.id = secret.sale"
    " WHERE sale.store_id = ? AND sale.terminal_id = ? AND sale.key = ?"
    " AND substr(secret.name, 1, ?) = ?"
)


def put(connection: sqlite3.Connection, key: bytes, sale: SaleId, number: int, name: str, value: str, *, fresh: bool) -> None:
    """Store a secret of the sale with row ``number``, erasing an older value of the same name; a ``fresh`` sale has none."""
    if not fresh:
        erase(connection, number, name)
    data = chain.encode(value)
    payload = chain.values_mac(key, (*_place(sale, name), data)) + data
    for part, offset in enumerate(range(0, len(payload), BLOCK_BYTES)):
        block = payload[offset : offset + BLOCK_BYTES]
        slot = _fill_slot(connection, block.ljust(BLOCK_BYTES, b"\0"))
        connection.execute(
            "INSERT INTO secret (sale, name, part, size, slot) VALUES (?, ?, ?, ?, ?)", (number, name, part, len(block), slot)
        )


def erase(connection: sqlite3.Connection, number: int, name: str) -> None:
    """Overwrite and give back the blocks of a secret; one that is not there is no error."""
    slots = connection.execute("SELECT slot FROM secret WHERE sale = ? AND name = ?", (number, name)).fetchall()
    connection.executemany("UPDATE vault SET taken = 0, content = zeroblob(length(content)) WHERE slot = ?", slots)
    connection.execute("DELETE FROM secret WHERE sale = ? AND name = ?", (number, name))


def erase_recipient(connection: sqlite3.Connection, sale: tuple[str, str, str]) -> None:
    """Of a payout that is set aside nothing is sent any more, so nothing of whom it was for is kept (promise P21)."""
    for number, name in connection.execute(RECIPIENT_OF, (*sale, len(RECIPIENT), RECIPIENT)).fetchall():
        erase(connection, number, name)


def read(key: bytes, sale: SaleId, records: Iterable[Sequence[Any]]) -> Iterator[tuple[str, str]]:
    """Names and values from the rows of ``SECRETS_OF``. Raises Corrupt."""
    for name, parts in groupby(records, key=itemgetter(0)):
        blocks = [(size, content) for _, size, content in parts]
        if not all(isinstance(size, int) and isinstance(content, bytes) for size, content in blocks):
            raise Corrupt(f"a secret of sale {sale} has lost a block")
        payload = b"".join(content[:size] for size, content in blocks)
        mac, data = payload[:HASH_BYTES], payload[HASH_BYTES:]
        if chain.values_mac(key, (*_place(sale, name), data)) != mac:
            raise Corrupt(f"a secret of sale {sale} does not match its MAC")
        yield name, data.decode()


def _fill_slot(connection: sqlite3.Connection, content: bytes) -> int:
    free = connection.execute("SELECT slot FROM vault WHERE taken = 0 ORDER BY slot LIMIT 1").fetchone()
    if free is not None:
        connection.execute("UPDATE vault SET taken = 1, content = ? WHERE slot = ?", (content, free[0]))
        return int(free[0])
    slot = connection.execute("INSERT INTO vault (taken, content) VALUES (1, ?)", (content,)).lastrowid
    assert slot is not None
    return slot


def _place(sale: SaleId, name: str) -> tuple[str, str, str, str]:
    return sale.store_id, sale.terminal_id, sale.key, name
