"""Verification of stored records, piece by piece: of the chain's end at start, of the whole file once a day."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from agent.core import canonical
from agent.core.model import SaleId
from agent.core.ports import Corrupt
from agent.edges.journal import chain, rows, vault
from agent.edges.journal.chain import GENESIS, EventText, Head
from agent.edges.journal.queries import HINTS

START = Head(0, GENESIS)  # where the verification of everything begins
PIECE = 500  # records per piece: some 20 ms of work, after which others get their turn

EVENTS_AFTER = (
    "SELECT event.number, event.hash, event.position, event.kind, event.wall, event.boot, event.ticks, event.body,"
    " sale.store_id, sale.terminal_id, sale.key FROM event LEFT JOIN sale ON sale.id = event.sale"
    " WHERE event.number > ? ORDER BY event.number LIMIT ?"
)
SALES_AFTER = " ".join(
    (
        "SELECT sale.id, (SELECT count(*) FROM event WHERE event.sale = sale.id),",
        ", ".join(f"sale.{column}" for column in rows.COLUMNS),
        ", sale.hash FROM sale WHERE sale.id > ? ORDER BY sale.id LIMIT ?",
    )
)


@dataclass(frozen=True, slots=True)
class Damage:
    """Something stored is not what was written. Without a sale it concerns the file as a whole."""

    reason: str
    sale: SaleId | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What a full verification found. ``damages`` ends at a limit; one is bad enough."""

    events: int
    sales: int
    damages: tuple[Damage, ...]


def events(connection: sqlite3.Connection, after: Head) -> tuple[Head, list[Damage]]:
    """Verify the next piece of the chain. Returns where it ended (``after`` itself at the end of the chain)."""
    head, damages = after, list[Damage]()
    for number, stored, position, kind, wall, boot, ticks, body, *name in connection.execute(
        EVENTS_AFTER, (after.number, PIECE)
    ).fetchall():
        if number != head.number + 1:
            damages.append(Damage(f"events {head.number + 1} to {number - 1} are missing"))
        elif not link_holds(head.hash, name, position, EventText(kind, wall, boot, ticks, body), stored):
            damages.append(Damage(f"event {number} does not match its hash", rows.name_of(name)))
        head = Head(number, stored)
    return head, damages


def link_holds(previous: bytes, name: list[str], position: int, event: EventText, stored: bytes) -> bool:
    """Whether an event is the one that was chained to ``previous``."""
    try:
        return chain.event_hash(previous, SaleId(*name), position, event) == stored
    except (canonical.NotCanonical, TypeError):  # a damaged record header can give any type
        return False


def sales(connection: sqlite3.Connection, after: int) -> tuple[int, int, list[Damage]]:
    """Verify the next piece of rows: their hashes, and that each has its events. Returns the last row's number and how many they were."""
    records = connection.execute(SALES_AFTER, (after, PIECE)).fetchall()
    damages = []
    for _, counted, *record in records:
        try:
            stored = rows.unpack(record)
        except Corrupt as error:
            damages.append(Damage(str(error), rows.name_of(record)))
            continue
        if stored.events != counted:
            damages.append(Damage(f"{counted} events are stored and {stored.events} were written", stored.row.id))
    return (records[-1][0] if records else after), len(records), damages


def anchors(connection: sqlite3.Connection, since: int = 0) -> Iterator[Damage]:
    """Every anchor from event ``since`` on, against itself and its event."""
    query = (
        "SELECT anchor.number, event_hash, at, anchor.hash, event.hash FROM anchor LEFT JOIN event USING (number)"
        " WHERE anchor.number >= ? ORDER BY anchor.number"
    )
    for number, event_hash, at, stored, found in connection.execute(query, (since,)):
        if not chain.matches((number, event_hash, at), stored):
            yield Damage(f"the anchor of event {number} does not match its hash")
        elif found != event_hash:
            yield Damage(f"event {number} is missing or not the one that was anchored")


def small_tables(connection: sqlite3.Connection, key: bytes) -> Iterator[Damage]:
    """Facts, parked sales and secrets."""
    for name, value, stored in connection.execute("SELECT name, value, hash FROM meta"):
        if not chain.matches((name, value), stored):
            yield Damage(f"the fact {rows.printable(name)!r} does not match its hash")
    for *values, stored in connection.execute("SELECT store_id, terminal_id, key, reason, at, released, hash FROM parked"):
        if not chain.matches(values, stored):
            yield Damage("the record of a parked sale does not match its hash", rows.name_of(values))
    for *values, stored in connection.execute(HINTS):
        if not chain.matches(values, stored):
            yield Damage("a message that waits for its sale does not match its hash")
    owners = connection.execute("SELECT DISTINCT store_id, terminal_id, key FROM secret JOIN sale ON sale.id = secret.sale").fetchall()
    for owner in owners:
        sale = SaleId(*owner)
        try:
            list(vault.read(key, sale, connection.execute(vault.SECRETS_OF, owner)))
        except Corrupt as error:
            yield Damage(str(error), rows.name_of(owner))


def everything(connection: sqlite3.Connection, key: bytes, rows: bool = True) -> Iterator[Verification]:
    """The whole file, piece by piece: each result is what one piece found. Nothing stays locked between two pieces. Without ``rows`` those
    of an older version are not looked at: they will be written anew from their events."""
    head, reached = START, None
    while reached != head:
        reached, (head, damages) = head, events(connection, head)
        yield Verification(head.number - reached.number, 0, tuple(damages))
    last, more = 0, rows
    while more:
        last, counted, damages = sales(connection, last)
        more = counted == PIECE
        yield Verification(0, counted, tuple(damages))
    yield Verification(0, 0, (*anchors(connection), *small_tables(connection, key)))
    yield Verification(0, 0, tuple(pages(connection)))


def pages(connection: sqlite3.Connection) -> Iterator[Damage]:
    """SQLite's own full check: pages, constraints, and that every index says what its table says."""
    for (text,) in connection.execute("PRAGMA integrity_check"):
        if text != "ok":
            yield Damage(text)
