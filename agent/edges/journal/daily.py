"""The daily verification of everything that is stored, beside the daily work.

It has a connection of its own, so that nobody waits behind it, and goes piece by piece with pauses: each piece is one short read, so that
no checkpoint waits for it either. Only SQLite's own check of the whole file is one long read.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from agent.edges.journal import chain, connect, verify
from agent.edges.journal.errors import translate
from agent.edges.journal.verify import Verification

MAX_DAMAGES = 1000  # the file is to be replaced long before
PAUSE_S = 0.02  # between pieces: at most half of one core


async def verify_all(path: Path, key: bytes, pause_s: float = PAUSE_S, uri: str | None = None, rows: bool = True) -> Verification:
    """Verify chain, rows, anchors, facts, secrets and pages of the journal at ``path``. ``uri``: how it is opened, if not as one that is
    at work; without ``rows`` only what is the same in every version of the schema. Raises JournalBroken."""
    try:
        connection = await asyncio.to_thread(_connect, uri or f"{connect.file_uri(path)}?mode=ro")
        try:
            return await _all(connection, verify.everything(connection, key, rows), pause_s)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translate(error, path) from error


async def _all(connection: sqlite3.Connection, pieces: Iterator[Verification], pause_s: float) -> Verification:
    total = Verification(0, 0, ())
    while True:
        task = asyncio.create_task(asyncio.to_thread(next, pieces, None))
        try:
            piece = await asyncio.shield(task)
        except asyncio.CancelledError:  # the thread must be out of the connection before this is closed
            connection.interrupt()
            await asyncio.gather(task, return_exceptions=True)  # "interrupted" is no news
            raise
        if piece is None:
            return total
        damages = (*total.damages, *piece.damages)[:MAX_DAMAGES]
        total = Verification(total.events + piece.events, total.sales + piece.sales, damages)
        await asyncio.sleep(pause_s)


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.text_factory = chain.decode
    connect.configure(connection, connect.READER_SETTINGS)
    return connection
