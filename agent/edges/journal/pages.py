"""Copies of a whole database by SQLite's backup API, without secrets, and the flushes that make a new name last."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from agent.edges.journal.place import FILE_MODE

UNFINISHED = ".part"
SLICE_PAGES = 128  # half a megabyte: written and flushed in some milliseconds
ERASE_SECRETS = "BEGIN; DELETE FROM secret; UPDATE vault SET taken = 0, content = zeroblob(length(content)); COMMIT;"


def new_file(path: Path) -> int:
    """A descriptor of a new, private file at ``path``; what an earlier attempt left there is removed. Raises OSError."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)


def copy_pages(source: sqlite3.Connection, target: Path, pause: Callable[[], None] = lambda: None) -> None:
    """Copy every page of ``source`` into the empty file ``target`` and erase its secrets there. ``pause`` is called between slices and may
    raise; nothing it raises is swallowed."""
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copied:
        source.backup(copied, pages=SLICE_PAGES, progress=lambda *_: pause())
        copied.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, which opens anywhere
        copied.execute("PRAGMA journal_mode=MEMORY").fetchall()  # no second file that would hold what is being erased
        copied.execute("PRAGMA secure_delete=ON").fetchall()
        copied.executescript(ERASE_SECRETS)


def discard(unfinished: Path) -> None:
    """Remove what is left of an attempt; whatever else is wrong was told already."""
    with contextlib.suppress(OSError):
        unfinished.unlink(missing_ok=True)


def put_in_place(unfinished: Path, target: Path) -> None:
    """Give a finished file its name; both outlast a power cut."""
    descriptor = os.open(unfinished, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    unfinished.rename(target)
    flush_directory(target.parent)


def flush_directory(directory: Path) -> None:
    """Make the names in it last."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
