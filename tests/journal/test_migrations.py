"""Goal: a file of any earlier version becomes what a new file is, also when the table of sales changes, and nothing of its record is lost.
Method: a frozen schema of version 1, and a migration that exists in these tests alone."""

import contextlib
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.core import answer
from agent.core.events import Accepted, Confirmed
from agent.core.model import SaleId, Stamp
from agent.core.payment import PaymentState
from agent.core.ports import Corrupt, Entry, JournalError, Query, Row
from agent.core.stored import encode
from agent.edges.journal import CURRENT, JournalDamaged, JournalFromFuture, Plan, chain, rows, schema
from agent.edges.journal.schema import Migration
from agent.engine.steward import first_step
from agent.running.projecting import PLAN, project
from tests.core.book import book_in
from tests.journal.support import BOOT, NOW, opened, row, sale_id, step

FROZEN = Path(__file__).with_name("schema_v1.sql")  # the schema of the first release; until then it follows schema.sql
GONE = ("alarms", "kzo")  # columns that the imagined version 1 does not have: one with a default, one that may be absent
SMALL = "\n".join(line for line in CURRENT.schema.splitlines() if not re.search(rf"^\s+({'|'.join(GONE)}) |ON sale \(kzo\)", line))

AT = Stamp(NOW, BOOT, 1000)


def projected(name: SaleId, entries: Sequence[Entry]) -> Row:
    """What these tests take the meaning of events to be."""
    if entries[0].kind == "nonsense":
        raise Corrupt("what is that?")
    return row(name, kzo=f"KZO{len(entries)}", alarms="UNCLAIMED", amount=entries[0].body["amount"])


GROWING = Plan(CURRENT.schema, (Migration(2, "CREATE TABLE extra (a TEXT) STRICT;\nDROP TABLE extra;", rebuild=True),), projected)


async def version_1(path: Path, sales: int, *, damaged: bool = False) -> None:
    """A journal as version 1 would have left it; ``damaged``: with a further sale whose event was changed."""
    async with await opened(path) as journal:
        for number in range(sales):
            name = sale_id(number)
            await journal.append(step(name, put={"token": "MARK-SECRET"}))
            await journal.append(step(name, 1, state="sending"))
        if damaged:
            await journal.append(step(sale_id(99)))
    plan = Plan(SMALL)
    kept = [name for name in rows.COLUMNS if name not in GONE]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        stored = connection.execute(" ".join(("SELECT id,", ", ".join(kept), "FROM sale"))).fetchall()
        connection.executescript("PRAGMA foreign_keys=OFF; PRAGMA legacy_alter_table=ON; BEGIN")
        schema.make_room(connection, plan.schema)
        insert = " ".join(("INSERT INTO sale (id,", ", ".join(kept), ", hash) VALUES (", ", ".join("?" * (len(kept) + 2)), ")"))
        for number, *values in stored:
            connection.execute(insert, (number, *values, chain.values_hash(values)))
        connection.execute("DROP TABLE sale_before")
        if damaged:
            connection.execute("DROP TRIGGER event_is_never_changed")
            connection.execute("UPDATE event SET kind = 'nonsense' WHERE sale = (SELECT max(id) FROM sale)")
            connection.execute(next(sql for (_, name), sql in triggers(SMALL).items() if name == "event_is_never_changed"))
        connection.execute("COMMIT")
        assert schema.spelling(connection) == schema.expected(plan)


def triggers(text: str) -> dict[tuple[str, str], str]:
    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        model.executescript(text)
        return {(kind, name): sql for kind, name, sql in model.execute("SELECT type, name, sql FROM sqlite_schema WHERE type = 'trigger'")}


async def test_a_file_of_the_first_release_becomes_what_a_new_one_is(tmp_path: Path) -> None:
    """The frozen schema and the migrations since lead to the present one: whoever changes schema.sql must bring a migration."""
    path = tmp_path / "journal.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA application_id={schema.APPLICATION_ID};\n{FROZEN.read_text()};PRAGMA user_version=1;")
    path.chmod(0o600)
    await (await opened(path, plan=PLAN)).close()


async def test_a_new_column_is_filled_from_the_events(tmp_path: Path) -> None:
    """Every row is written anew with the columns it did not have, under the same number; events, secrets and constraints are as they
    were, the whole file verifies, and a copy of version 1 lies beside it."""
    path = tmp_path / "journal.db"
    await version_1(path, 2)
    async with await opened(path, plan=GROWING) as journal:
        found = await journal.find(Query())
        assert [(one.id, one.kzo, one.alarms) for one in found] == [(sale_id(n), "KZO2", "UNCLAIMED") for n in (1, 0)]
        assert (await journal.secrets(sale_id(0)))["token"] == "MARK-SECRET"
        await journal.append(step(sale_id(0), 2, state="pending"))
        with pytest.raises(JournalError, match="UNIQUE"):
            await journal.append(step(sale_id(7), order_id=found[0].order_id))
        assert (await journal.verify_all()).damages == ()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert schema.spelling(connection) == schema.expected(GROWING)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    async with await opened(tmp_path / "journal.db.before-version-2", plan=Plan(SMALL)) as old:
        assert len(await old.stream(sale_id(0)) or ()) == 2


async def test_a_damaged_sale_does_not_stop_a_migration(tmp_path: Path) -> None:
    """Its row keeps what it said and has no hash that holds: it is refused when it is asked for, the others are as new."""
    path = tmp_path / "journal.db"
    await version_1(path, 2, damaged=True)
    async with await opened(path, plan=GROWING) as journal:
        assert [one.id for one in await journal.find(Query())] == [sale_id(1), sale_id(0)]
        with pytest.raises(Corrupt):
            await journal.stream(sale_id(99))
        assert sale_id(99) in [one.id for one in await journal.parked()]


async def test_a_migration_that_is_cut_short_leaves_the_old_file(tmp_path: Path) -> None:
    """Something fails at the second sale: the file is of version 1 as before, and the next start goes on from there."""
    path = tmp_path / "journal.db"
    await version_1(path, 2)

    def dying(name: SaleId, entries: Sequence[Entry]) -> Row:
        if name == sale_id(1):
            raise sqlite3.OperationalError("the disk went away")
        return projected(name, entries)

    with pytest.raises(JournalError, match="went away"):
        await opened(path, plan=Plan(GROWING.schema, GROWING.migrations, dying))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert schema.spelling(connection) == schema.expected(Plan(SMALL))
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    async with await opened(path, plan=GROWING) as journal:
        assert len(await journal.find(Query())) == 2


async def test_an_older_agent_refuses_the_newer_file(tmp_path: Path) -> None:
    """It says which copy can be restored instead."""
    path = tmp_path / "journal.db"
    await version_1(path, 1)
    await (await opened(path, plan=GROWING)).close()
    with pytest.raises(JournalFromFuture, match="copy it made"):
        await opened(path)


async def test_a_migration_must_lead_to_the_schema(tmp_path: Path) -> None:
    """A script that leaves something behind is noticed, and one without its last semicolon cannot even be planned."""
    path = tmp_path / "journal.db"
    await version_1(path, 1)
    with pytest.raises(AssertionError):
        Plan(CURRENT.schema, (Migration(2, "SELECT 1", rebuild=True),), projected)
    with pytest.raises(JournalDamaged, match="tables"):
        await opened(path, plan=Plan(CURRENT.schema, (Migration(2, "CREATE TABLE extra (a TEXT) STRICT;", rebuild=True),), projected))


def test_the_function_of_the_agent_projects_what_the_engine_would() -> None:
    """The row made from a stream is the row that was written with it; events that do not fit each other are refused as damaged."""
    shop = book_in(PaymentState.PAID)
    name = shop.sale.id
    first, sale = first_step(
        name, [Accepted(shop.sale.checkout, shop.sale.binding, shop.sale.deadline, shop.sale.business_date, "pos")], AT, {}
    )
    assert project(name, first.entries) == first.row == answer.row(sale)
    kind, body = encode(Confirmed("pos"))
    with pytest.raises(Corrupt, match="do not fit"):
        project(name, [*first.entries, Entry(kind, AT, body)])
    with pytest.raises(ValueError, match="no events"):
        project(name, [])
