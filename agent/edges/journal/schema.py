"""The schema and its versions: creation, numbered migrations with a copy made before, and the comparison at start.

A new file is made from schema.sql at once. An older file takes the migrations after its own version, each in one transaction with
its number. Before the first of them the file is copied by the backup API; the copy holds no secrets, because nobody would erase them there.
"""

import contextlib
import os
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from agent.edges.journal.errors import JournalDamaged, JournalFromFuture, NotAJournal

APPLICATION_ID = 0x4B4F5348  # "KOSH": so that `file` and the agent know whose database this is


@dataclass(frozen=True, slots=True)
class Migration:
    """The way from version ``number - 1`` to ``number``: SQL without transaction control."""

    number: int
    script: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A schema and the migrations that lead to it from version 1."""

    schema: str
    migrations: tuple[Migration, ...] = ()

    def __post_init__(self) -> None:
        numbers = [migration.number for migration in self.migrations]
        assert numbers == list(range(2, len(numbers) + 2)), "migrations are numbered from 2 without gaps"

    @property
    def version(self) -> int:
        return len(self.migrations) + 1


CURRENT = Plan(files(__package__).joinpath("schema.sql").read_text("utf-8"))


def identify(connection: sqlite3.Connection, path: Path, plan: Plan) -> int:
    """The file's version (0: empty), reading only. Raises NotAJournal, JournalFromFuture."""
    version = _number(connection, "user_version")
    application = _number(connection, "application_id")
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if empty and version == 0 and application == 0:
        return 0
    if application != APPLICATION_ID:
        raise NotAJournal(f"{path} is a database of another program. Check the configured path; nothing was changed in it")
    if version > plan.version:
        raise JournalFromFuture(
            f"{path} was written by a newer agent (its version is {version}, this agent knows up to {plan.version}). "
            "Install the newer agent again, or restore the copy it made beside the file before its migration"
        )
    return version


def bring_up_to_date(connection: sqlite3.Connection, path: Path, plan: Plan) -> None:
    """Create or migrate the file, then compare its schema with the plan's. Raises JournalDamaged, sqlite3.Error (rolled back)."""
    version = identify(connection, path, plan)
    if version == 0:
        _run(connection, f"PRAGMA application_id={APPLICATION_ID};\n{plan.schema}", plan.version)
    elif version < plan.version:
        copy_before_migration(connection, Path(f"{path}.before-version-{plan.version}"))
        for migration in plan.migrations[version - 1 :]:
            _run(connection, migration.script, migration.number)
    if spelling(connection) != expected(plan):
        raise JournalDamaged(f"the tables of {path} are not those of version {plan.version}: they were changed. Restore a backup")


def copy_before_migration(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the whole database to ``target`` without its secrets; the copy is complete and flushed before it gets its name."""
    unfinished = Path(f"{target}.part")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    with contextlib.closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE").fetchall()
        copy.execute("PRAGMA secure_delete=ON").fetchall()
        copy.executescript("BEGIN; DELETE FROM secret; UPDATE vault SET taken = 0, content = zeroblob(length(content)); COMMIT;")
    unfinished.rename(target)
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def spelling(connection: sqlite3.Connection) -> Mapping[tuple[str, str], str]:
    """Every table, index and trigger with its SQL, comments and white space aside."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {(kind, name): _normal(sql) for kind, name, sql in rows}


def expected(plan: Plan) -> Mapping[tuple[str, str], str]:
    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        model.executescript(plan.schema)
        return spelling(model)


def _run(connection: sqlite3.Connection, script: str, version: int) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version={version};\nCOMMIT;")
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _normal(sql: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\s*([(),;=<>])\s*", r"\1", re.sub(r"--[^\n]*", "", sql))).strip()
