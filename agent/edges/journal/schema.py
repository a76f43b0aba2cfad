"""The schema and its versions: creation, numbered migrations with a copy made before, and the comparison at start.

A new file is made from schema.sql at once. An older file takes the migrations after its own version, each in one transaction with its
number; where the table of sales changes, its rows are written anew from their events (rebuild). Before the first of them the file is copied
by the backup API; the copy holds no secrets, because nobody would erase them there.
"""

import contextlib
import functools
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from agent.edges.journal import pages
from agent.edges.journal.errors import JournalDamaged, JournalFromFuture, NotAJournal
from agent.edges.journal.rebuild import Project, make_room, rebuild
from agent.texts import N_, message

APPLICATION_ID = 0x4B4F5348  # "KOSH": so that `file` and the agent know whose database this is

OTHER_PROGRAM = N_("{path} is a database of another program. Check the configured path; nothing was changed in it")
FROM_FUTURE = N_(
    "{path} was written by a newer agent (its version is {version}, this agent knows up to {known}). "
    "Install the newer agent again, or restore the copy it made beside the file before its migration"
)
OTHER_TABLES = N_("the tables of {path} are not those of version {version}: they were changed. Restore a backup")


@dataclass(frozen=True, slots=True)
class Migration:
    """The way from version ``number - 1`` to ``number``: SQL without transaction control. ``rebuild``: the table of sales is then made as
    the plan's schema says, and its rows are written anew from their events; the script leaves it alone."""

    number: int
    script: str = ""
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A schema and the migrations that lead to it from version 1. ``project`` makes the row of a sale from its events; migrations that
    rebuild need it."""

    schema: str
    migrations: tuple[Migration, ...] = ()
    project: Project | None = None

    def __post_init__(self) -> None:
        numbers = [migration.number for migration in self.migrations]
        assert numbers == list(range(2, len(numbers) + 2)), "migrations are numbered from 2 without gaps"
        for migration in self.migrations:
            list(_statements(migration.script) if migration.rebuild else ())

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
        raise NotAJournal(message(OTHER_PROGRAM, path=path))
    if version > plan.version:
        raise JournalFromFuture(message(FROM_FUTURE, path=path, version=version, known=plan.version))
    return version


def bring_up_to_date(connection: sqlite3.Connection, path: Path, plan: Plan) -> None:
    """Create or migrate the file, then compare its schema with the plan's. Raises JournalDamaged, sqlite3.Error (rolled back)."""
    version = identify(connection, path, plan)
    if version == 0:
        _run(connection, f"PRAGMA application_id={APPLICATION_ID};\n{plan.schema}", plan.version)
    elif version < plan.version:
        copy_before_migration(connection, Path(f"{path}.before-version-{plan.version}"))
        for migration in plan.migrations[version - 1 :]:
            _migrate(connection, migration, plan)
    if spelling(connection) != expected(plan):
        raise JournalDamaged(message(OTHER_TABLES, path=path, version=plan.version))


def copy_before_migration(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the whole database to ``target`` without its secrets; the copy is complete and flushed before it gets its name."""
    unfinished = Path(f"{target}{pages.UNFINISHED}")
    os.close(pages.new_file(unfinished))
    pages.copy_pages(connection, unfinished)
    pages.put_in_place(unfinished, target)


def spelling(connection: sqlite3.Connection) -> Mapping[tuple[str, str], str]:
    """Every table, index and trigger with its SQL, comments and white space aside."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {(kind, name): _normal(sql) for kind, name, sql in rows}


@functools.cache  # a plan never changes, and building its model takes longer than the rest of an opening
def expected(plan: Plan) -> Mapping[tuple[str, str], str]:
    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        model.executescript(plan.schema)
        return spelling(model)


def _migrate(connection: sqlite3.Connection, migration: Migration, plan: Plan) -> None:
    if not migration.rebuild:
        _run(connection, migration.script, migration.number)
        return
    assert plan.project is not None, "rows cannot be made anew without a function that projects a sale"
    connection.executescript("PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON;")
    try:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _statements(migration.script):
            connection.execute(statement)
        make_room(connection, plan.schema)
        rebuild(connection, plan.project)
        connection.execute(f"PRAGMA user_version={migration.number}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.executescript("PRAGMA legacy_alter_table=OFF; PRAGMA foreign_keys=ON;")


def _statements(script: str) -> Iterator[str]:
    """One by one, because ``executescript`` would commit first."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip(), "the last statement of a migration ends with a semicolon"


def _run(connection: sqlite3.Connection, script: str, version: int) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version={version};\nCOMMIT;")
    except sqlite3.Error:
        with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


@functools.lru_cache(maxsize=256)  # a schema has some thirty texts
def _normal(sql: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\s*([(),;=<>])\s*", r"\1", re.sub(r"--[^\n]*", "", sql))).strip()
