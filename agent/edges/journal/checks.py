"""What must be true before the journal is used, in the order in which it is asked. Runs on the thread of the connection it checks.

Damage of the file as a whole (pages, tables, a missing end of the chain) refuses the start: nothing in it can be relied upon, and the
constraints against a second charge least of all. A single event that does not match its hash refuses only its own sale.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.edges.journal import chain, connect, schema, verify
from agent.edges.journal.chain import Head
from agent.edges.journal.errors import DAMAGED, NOT_WHOLE, JournalDamaged
from agent.edges.journal.ledger import DAY_CHARACTERS, PUT_META
from agent.edges.journal.schema import Plan
from agent.edges.journal.verify import Damage
from agent.texts import N_, message

DIGEST_KEY = "digest_key"
DIGEST_KEY_BYTES = 32  # HMAC-SHA-256
INDEXED_TABLES = ("sale", "meta", "parked", "secret", "vault")
MAX_FINDINGS_SHOWN = 3  # in an error text; the first says enough

Entropy = Callable[[int], bytes]  # so many random bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """What is known of a file that passed: its key, the end of its chain, the last anchor (number and UTC day), damaged sales."""

    digest_key: bytes
    head: Head
    anchored: tuple[int, str]
    damages: tuple[Damage, ...]


def prepare_writer(connection: sqlite3.Connection, path: Path, plan: Plan, entropy: Entropy) -> Opened:
    """Settings, identity, migrations, pages, key and chain. Raises a JournalUnusable that says what to do, or sqlite3.Error."""
    connect.check_version(sqlite3.sqlite_version_info)
    version = schema.identify(connection, path, plan)  # before any setting: that would already change a file that is not ours
    connect.configure(connection, connect.WRITER_SETTINGS)
    if version:
        check_pages(connection, path)
    schema.bring_up_to_date(connection, path, plan)
    head, anchored, damages = check_chain(connection, path)
    if head == verify.START and connection.execute("SELECT count(*) FROM meta").fetchone()[0] == 0:
        key = entropy(DIGEST_KEY_BYTES)
        connection.execute(PUT_META, (DIGEST_KEY, key, chain.values_hash((DIGEST_KEY, key))))
    return Opened(read_key(connection, path), head, anchored, damages)


def prepare_reader(connection: sqlite3.Connection, path: Path, plan: Plan) -> bytes:
    """Settings, identity and key for a connection that only reads. Returns the digest key."""
    connect.configure(connection, connect.READER_SETTINGS)
    if schema.identify(connection, path, plan) != plan.version:
        other = N_("{path} has another version than {version}: start the agent once, it migrates the file")
        raise JournalDamaged(message(other, path=path, version=plan.version))
    return read_key(connection, path)


def check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Pages of the whole file, and that indexes agree with their tables: what an index misses would be taken for absent.

    Except for ``event``, the large one: there a sale knows how many events it has. Both take time with the years, and run side by side, the
    pages on a connection that only reads. Raises JournalDamaged.
    """
    with ThreadPoolExecutor(1) as beside:
        pages = beside.submit(_pages, path)
        for table in INDEXED_TABLES:
            _expect_ok(connection, f"integrity_check('{table}')", path)
        pages.result()


def _pages(path: Path) -> None:
    with closing(sqlite3.connect(f"{connect.file_uri(path)}?mode=ro", uri=True)) as reader:
        connect.configure(reader, connect.READER_SETTINGS)
        _expect_ok(reader, "quick_check", path)


def _expect_ok(connection: sqlite3.Connection, pragma: str, path: Path) -> None:
    findings = [text for (text,) in connection.execute(f"PRAGMA {pragma}").fetchall()]
    if findings != ["ok"]:
        shown = "; ".join(findings[:MAX_FINDINGS_SHOWN])
        raise JournalDamaged(message(DAMAGED, path=path, found=shown))


def check_chain(connection: sqlite3.Connection, path: Path) -> tuple[Head, tuple[int, str], tuple[Damage, ...]]:
    """Verify the events since the last anchor. Raises JournalDamaged when the anchor or events are missing."""
    anchor = connection.execute("SELECT number, event_hash, at FROM anchor ORDER BY number DESC LIMIT 1").fetchone()
    for damage in verify.anchors(connection, since=anchor[0]) if anchor else ():
        raise _lost(path, damage.reason)
    head = Head(anchor[0], anchor[1]) if anchor else verify.START
    anchored = (anchor[0], anchor[2][:DAY_CHARACTERS]) if anchor else (0, "")
    damages: list[Damage] = []
    while True:
        reached, found = verify.events(connection, head)
        damages += found
        if reached == head:
            break
        head = reached
    for damage in damages:
        if damage.sale is None:
            raise _lost(path, damage.reason)
    return head, anchored, tuple(damages)


def read_key(connection: sqlite3.Connection, path: Path) -> bytes:
    """The key of keyed digests. Raises JournalDamaged: without it no repeated checkout could be recognised."""
    row = connection.execute("SELECT value, hash FROM meta WHERE name = ?", (DIGEST_KEY,)).fetchone()
    if row is None or not chain.matches((DIGEST_KEY, row[0]), row[1]):
        keyless = N_("{path} has no sound digest key: repeated checkouts could not be recognised. Restore a backup")
        raise JournalDamaged(message(keyless, path=path))
    key: bytes = row[0]
    return key


def _lost(path: Path, reason: str) -> JournalDamaged:
    return JournalDamaged(message(NOT_WHOLE, path=path, found=reason))
