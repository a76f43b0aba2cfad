"""What is asked of the file. Pure: queries and their values, nothing runs here."""

from agent.core.model import SaleId
from agent.core.ports import Query
from agent.edges.journal import rows

MAX_FOUND_ROWS = 10_000  # a whole day of a busy shop, for the comparison with the provider's registry

SELECT_ROWS = " ".join(("SELECT", rows.COLUMN_LIST, ", hash FROM sale"))

STREAM = (
    "SELECT sale.events, sale.store_id, sale.terminal_id, sale.key,"
    " event.number, event.position, event.hash, event.kind, event.wall, event.boot, event.ticks, event.body, before.hash"
    " FROM sale LEFT JOIN event ON event.sale = sale.id LEFT JOIN event AS before ON before.number = event.number - 1"
    " WHERE sale.store_id = ? AND sale.terminal_id = ? AND sale.key = ? ORDER BY event.position"
)
OWING = (
    "SELECT store_id, terminal_id, key FROM sale WHERE owes = 1 AND NOT EXISTS (SELECT 1 FROM parked"
    " WHERE parked.store_id = sale.store_id AND parked.terminal_id = sale.terminal_id AND parked.key = sale.key) ORDER BY id"
)
NEIGHBOURS = " ".join(
    (
        SELECT_ROWS,
        "WHERE id IN (SELECT id FROM sale WHERE store_id = ? AND terminal_id = ? AND key = ?",
        "UNION SELECT id FROM sale WHERE order_id = ? AND store_id = ? AND (open = 1 OR paid_unreturned = 1)) ORDER BY id",
    )
)
PARKED = "SELECT store_id, terminal_id, key, reason, at, hash FROM parked ORDER BY rowid"
META = "SELECT value, hash FROM meta WHERE name = ?"


def name_values(sale: SaleId) -> tuple[str, str, str]:
    return sale.store_id, sale.terminal_id, sale.key


def find(query: Query) -> tuple[str, tuple[str | int, ...]]:
    """The statement of a Query and its values. "Newest" is the order in which the file took the sales, whatever the clocks said.

    Unconfirmed means: handed out as finished, and not confirmed since. Raises ValueError for a limit out of range."""
    if not 0 < query.limit <= MAX_FOUND_ROWS:
        raise ValueError(f"between 1 and {MAX_FOUND_ROWS} sales can be listed, not {query.limit}")
    wanted: list[tuple[str, str | int | None]] = [
        ("store_id = ?", query.store_id),
        ("terminal_id = ?", query.terminal_id),
        ("business_date = ?", query.business_date.isoformat() if query.business_date else None),
        ("state = ?", query.state),
        ("order_id = ?", query.order_id),
        ("qrc_id = ?", query.qrc_id),
        ("kzo = ?", query.kzo),
        ("transaction_id = ?", query.transaction_id),
        ("amount = ?", query.amount),
    ]
    given = [(condition, value) for condition, value in wanted if value is not None]
    conditions = [condition for condition, _ in given]
    conditions += ["told = 1 AND confirmed = 0"] if query.unconfirmed else []
    conditions += ["owes = 1"] if query.owing else []
    where = " AND ".join(conditions) or "1 = 1"
    values = tuple(value for _, value in given)
    for value in values:
        rows.check_storable(value)
    return " ".join((SELECT_ROWS, "WHERE", where, "ORDER BY id DESC LIMIT ?")), (*values, query.limit)
