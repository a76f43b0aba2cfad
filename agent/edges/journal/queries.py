"""What is asked of the file. Pure: queries and their values, nothing runs here."""

from dataclasses import fields
from datetime import date

from agent.core.model import SaleId
from agent.core.payout.name import PREFIX
from agent.core.ports import Query
from agent.edges.journal import rows

MAX_FOUND_ROWS = 10_000  # a whole day of a busy shop, for the comparison with the provider's registry

_PAYOUT = f"key GLOB '{PREFIX}*'"
SELECT_ROWS = " ".join(("SELECT", rows.COLUMN_LIST, ", hash FROM sale"))

STREAM = (
    "SELECT sale.events, sale.store_id, sale.terminal_id, sale.key,"
    " event.number, event.position, event.hash, event.kind, event.wall, event.boot, event.ticks, event.body, before.hash"
    " FROM sale LEFT JOIN event ON event.sale = sale.id LEFT JOIN event AS before ON before.number = event.number - 1"
    " WHERE sale.store_id = ? AND sale.terminal_id = ? AND sale.key = ? ORDER BY event.position"
)
HASH_OF = "SELECT hash FROM event WHERE number = ?"
OWING = (
    "SELECT store_id, terminal_id, key FROM sale WHERE owes = 1 AND NOT EXISTS (SELECT 1 FROM parked"
    " WHERE parked.store_id = sale.store_id AND parked.terminal_id = sale.terminal_id AND parked.key = sale.key) ORDER BY id"
)
NEIGHBOURS = " ".join(
    (
        SELECT_ROWS,
        "WHERE id IN (SELECT id FROM sale WHERE store_id = ? AND terminal_id = ? AND key = ?",
        "UNION SELECT id FROM sale WHERE order_id = ? AND store_id = ? AND (open = 1 OR paid_unreturned = 1)",
        f"AND NOT {_PAYOUT}) ORDER BY id",
    )
)
PARKED = "SELECT store_id, terminal_id, key, reason, at, released, hash FROM parked ORDER BY rowid"
REFUNDED = (
    "SELECT DISTINCT store_id, terminal_id, key FROM event JOIN sale ON sale.id = event.sale"
    " WHERE kind IN ('refunded', 'resolved') AND wall >= ? AND wall < ? ORDER BY sale.id"
)
RECENT = (
    "SELECT store_id, terminal_id, key FROM (SELECT sale AS id, max(number) AS newest FROM"
    " (SELECT sale, number FROM event ORDER BY number DESC LIMIT ?) GROUP BY sale) JOIN sale USING (id) ORDER BY newest DESC"
)
HINTS = "SELECT number, provider, at, transaction_id, reference, order_id, store_id, terminal_id, amount, hash FROM hint ORDER BY number"
META = "SELECT value, hash FROM meta WHERE name = ?"


def name_values(sale: SaleId) -> tuple[str, str, str]:
    return sale.store_id, sale.terminal_id, sale.key


_SET_ASIDE = (
    "EXISTS (SELECT 1 FROM parked WHERE (parked.store_id, parked.terminal_id, parked.key) = (sale.store_id, sale.terminal_id, sale.key)"
)
_FLAGS = {  # written out, because only so does SQLite see that a partial index fits
    "open": "open = 1",
    "attention": "attention = 1",
    "unconfirmed": "told = 1 AND confirmed = 0",
    "untold": "told = 0 AND finished = 1 AND state = 'paid'",
    "owing": f"owes = 1 AND NOT {_SET_ASIDE} AND released IS NOT NULL)",
    "parked": f"{_SET_ASIDE})",
}
_BOTH = ("attention", "owing", "parked")  # whoever asks for these must miss nothing
_EQUAL = tuple(field.name for field in fields(Query) if field.name in rows.COLUMNS and field.name not in _FLAGS)
_OLDER = "id < (SELECT id FROM sale WHERE store_id = ? AND terminal_id = ? AND key = ?)"


def find(query: Query) -> tuple[str, tuple[str | int, ...]]:
    """The statement of a Query and its values. "Newest" is the order in which the file took the sales, whatever the clocks said.

    Raises ValueError for a limit out of range."""
    if not 0 < query.limit <= MAX_FOUND_ROWS:
        raise ValueError(f"between 1 and {MAX_FOUND_ROWS} sales can be listed, not {query.limit}")
    given = [(name, getattr(query, name)) for name in _EQUAL if getattr(query, name) is not None]
    conditions = [*(f"{name} = ?" for name, _ in given), *(condition for name, condition in _FLAGS.items() if getattr(query, name))]
    if query.payouts or not any(getattr(query, name) for name in _BOTH):
        conditions.append(_PAYOUT if query.payouts else f"NOT {_PAYOUT}")
    values: list[str | int] = [value.isoformat() if isinstance(value, date) else value for _, value in given]
    if query.before is not None:
        conditions.append(_OLDER)
        values += name_values(query.before)
    for value in values:
        rows.check_storable(value)
    where = " AND ".join(conditions) or "1 = 1"
    return " ".join((SELECT_ROWS, "WHERE", where, "ORDER BY id DESC LIMIT ?")), (*values, query.limit)
