"""Goal: what is asked is what is answered, with the agent running, stopped or killed. Method: queries against a list; real processes."""

import asyncio
import contextlib
import signal
import sqlite3
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from shutil import copyfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.model import SaleId
from agent.core.ports import Append, JournalBroken, Query, Row
from agent.edges.journal import JournalDamaged, JournalPlaceRefused, SqliteJournal, open_read_only, steps
from agent.edges.journal import queries as statements
from agent.edges.journal.schema import CURRENT, Migration, Plan
from tests.journal.support import NOW, entry, names_in, opened, paid, read, row, run_python, sale_id, size_of, step, write

ROWS = [
    row(sale_id(1), order_id="o1", state="queued", split=True),
    row(sale_id(2), order_id="o1", state="sending", qrc_id="q1", owes=False, split=True),
    row(sale_id(3, terminal="till-2"), order_id="o2", kzo="k1", amount=100, attention=True, alarms="SLIP_MISSING"),
    paid(sale_id(4), order_id="o3", told=True, transaction_id="t1"),
    paid(sale_id(5), order_id="o4", told=True, confirmed=True, business_date=date(2026, 11, 21)),
    paid(sale_id(6, store="store-2"), order_id="o1", qrc_id="q1", operation_id="b1"),
    paid(sale_id(7), order_id="o5", paid_unreturned=False, refunded_amount=45_000, state="declined"),
]

queries = st.builds(
    Query,
    store_id=st.sampled_from([None, "store", "store-2", "x"]),
    terminal_id=st.sampled_from([None, "till", "till-2"]),
    business_date=st.sampled_from([None, date(2026, 11, 21), date(2026, 11, 22)]),
    state=st.sampled_from([None, "queued", "paid"]),
    order_id=st.sampled_from([None, "o1", "o2"]),
    qrc_id=st.sampled_from([None, "q1"]),
    kzo=st.sampled_from([None, "k1"]),
    transaction_id=st.sampled_from([None, "t1"]),
    operation_id=st.sampled_from([None, None, "b1"]),
    amount=st.sampled_from([None, 100, 45_000]),
    open=st.booleans(),
    attention=st.sampled_from([False, False, True]),
    untold=st.sampled_from([False, False, True]),
    unconfirmed=st.booleans(),
    owing=st.booleans(),
    limit=st.integers(1, 10),
)


def fits(one: Row, query: Query) -> bool:
    wanted = {
        name: getattr(query, name)
        for name in ("business_date", "state", "order_id", "qrc_id", "kzo", "operation_id", "transaction_id", "amount")
    }
    place = {"store_id": query.store_id, "terminal_id": query.terminal_id}
    return (
        all(value is None or getattr(one, name) == value for name, value in wanted.items())
        and all(value is None or getattr(one.id, name) == value for name, value in place.items())
        and (not query.unconfirmed or (one.told and not one.confirmed))
        and (not query.owing or one.owes)
        and (not query.open or one.open)
        and (not query.attention or one.attention)
        and (not query.untold or (one.state == "paid" and not one.told))
    )


async def filled(path: Path) -> SqliteJournal:
    journal = await opened(path)
    for one in ROWS:
        await journal.append(Append(one.id, 0, [entry("accepted")], one))
    return journal


def test_every_query_finds_what_a_list_would(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any combination of fields gives the newest fitting rows, newest first."""
    loop = asyncio.new_event_loop()
    journal = loop.run_until_complete(filled(tmp_path_factory.mktemp("find") / "journal.db"))

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(queries)
    def check(query: Query) -> None:
        found = loop.run_until_complete(journal.find(query))
        assert list(found) == [one for one in reversed(ROWS) if fits(one, query)][: query.limit]

    try:
        check()
    finally:
        loop.run_until_complete(journal.close())
        loop.close()


@pytest.mark.parametrize("limit", [0, -1, 10_001])
async def test_a_list_has_a_limit(tmp_path: Path, limit: int) -> None:
    """No answer is unbounded, and text that is no Unicode is the caller's error."""
    async with await opened(tmp_path / "journal.db") as journal:
        with pytest.raises(ValueError, match="listed"):
            await journal.find(Query(limit=limit))
        with pytest.raises(ValueError):
            await journal.find(Query(order_id="\udc80"))


async def test_neighbours_are_the_sale_and_what_holds_its_order(tmp_path: Path) -> None:
    """The sale itself whatever its order, and every open or paid sale of the order in the same store."""
    async with await filled(tmp_path / "journal.db") as journal:
        assert [one.id for one in await journal.neighbours(sale_id(1), "o1")] == [sale_id(1), sale_id(2)]
        assert [one.id for one in await journal.neighbours(sale_id(7), "o3")] == [sale_id(4), sale_id(7)]
        assert [one.id for one in await journal.neighbours(sale_id(99), "o5")] == []
        assert [one.id for one in await journal.neighbours(sale_id(99), "nothing")] == []


async def test_the_sales_of_the_newest_events(tmp_path: Path) -> None:
    """Each once, the one with the newest event first, though it began long before; of no more events than were asked for."""
    path = tmp_path / "journal.db"
    async with await filled(path) as journal:
        await journal.append(Append(sale_id(2), 1, [entry("told", 1)], ROWS[1]))
        async with await open_read_only(path) as reader:
            assert list(await reader.recent(3)) == [sale_id(2), sale_id(7), sale_id(6, store="store-2")]
            assert [one.key for one in await reader.recent(100)] == [sale_id(number).key for number in (2, 7, 6, 5, 4, 3, 1)]


async def test_owing_is_in_order_of_acceptance_without_the_parked(tmp_path: Path) -> None:
    """Parking a sale takes it out of what is owed; parking again changes the reason only; any name can be parked."""
    async with await filled(tmp_path / "journal.db") as journal:
        assert list(await journal.owing()) == [sale_id(1), sale_id(3, terminal="till-2")]
        await journal.park(sale_id(1), "broken", NOW)
        await journal.park(sale_id(1), "still broken", NOW)
        await journal.park(SaleId("s", "t", "\udc80"), "not even a name", NOW)
        assert list(await journal.owing()) == [sale_id(3, terminal="till-2")]
        assert [(one.id.key, one.reason, one.at) for one in await journal.parked()] == [
            ("key-1", "still broken", NOW),
            ("?", "not even a name", NOW),
        ]
        with pytest.raises(ValueError):
            await journal.park(sale_id(1), "when?", datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test


async def test_a_released_sale_is_no_longer_owing(tmp_path: Path) -> None:
    """Who took it over stands beside the reason, over a restart; it stays set aside."""
    path = tmp_path / "journal.db"
    async with await filled(path) as journal:
        await journal.park(sale_id(1), "broken", NOW)
        assert sale_id(1) in {one.id for one in await journal.find(Query(owing=True))}
        await journal.park(sale_id(1), "broken", NOW, "uid:0: seen \udc80")
        assert sale_id(1) not in {one.id for one in await journal.find(Query(owing=True))}
    async with await opened(path) as journal:
        assert [(one.reason, one.released) for one in await journal.parked()] == [("broken", "uid:0: seen ?")]
        assert [one.id for one in await journal.find(Query(parked=True))] == [sale_id(1)]


async def test_a_page_begins_where_the_last_one_ended(tmp_path: Path) -> None:
    """Whatever comes meanwhile; before a sale that nobody knows there is nothing."""
    async with await filled(tmp_path / "journal.db") as journal:
        whole = [one.id for one in await journal.find(Query())]
        first = [one.id for one in await journal.find(Query(limit=3))]
        await journal.append(step(sale_id(50)))
        assert [one.id for one in await journal.find(Query(before=first[-1]))] == whole[3:]
        assert await journal.find(Query(before=sale_id(99))) == []


async def test_settled_refunds_are_found_by_their_time(tmp_path: Path) -> None:
    """By the moment of the event, whatever the sale's own day: from its beginning, before its end, each sale once."""
    async with await opened(tmp_path / "journal.db") as journal:
        for number, kind in enumerate(("refunded", "resolved", "paid")):
            await journal.append(step(sale_id(number), entries=[entry("accepted"), entry(kind, 1000 * number), entry(kind, 1000 * number)]))
        second = timedelta(seconds=1)
        assert list(await journal.refunded(NOW, NOW + 9 * second)) == [sale_id(0), sale_id(1)]
        assert list(await journal.refunded(NOW, NOW + second)) == [sale_id(0)]
        assert list(await journal.refunded(NOW + second, NOW + 9 * second)) == [sale_id(1)]
        with pytest.raises(ValueError, match="time zone"):
            await journal.refunded(datetime(2026, 1, 1), NOW)  # noqa: DTZ001 - the mistake under test


@pytest.mark.parametrize(
    "query",
    [Query(attention=True), Query(owing=True), Query(unconfirmed=True), Query(untold=True), Query(transaction_id="x"), Query(qrc_id="x")],
)
def test_what_is_asked_often_has_an_index(query: Query) -> None:
    """A hundred thousand sales are not read for a handful (promise P11)."""
    statement, values = statements.find(query)
    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        model.executescript(CURRENT.schema)
        plan = " ".join(str(line[3]) for line in model.execute(f"EXPLAIN QUERY PLAN {statement}", values))
        assert "USING INDEX" in plan, plan
        days = " ".join(str(line[3]) for line in model.execute(f"EXPLAIN QUERY PLAN {statements.REFUNDED}", ("a", "b")))
        assert "event_refunded" in days, days


async def test_notes(tmp_path: Path) -> None:
    """Kept, replaced, removed, over a restart; they cannot touch the file's own facts; their size has a limit."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        assert await journal.noted("restored") is None
        await asyncio.gather(*(journal.note("restored", value) for value in ("one", None, "два")))
        await journal.note("digest_key", "mine")
        key = journal.digest_key
        with pytest.raises(ValueError, match="longer"):
            await journal.note("long", "x" * (steps.MAX_NOTE_BYTES + 1))
    async with await opened(path) as journal:
        assert await journal.noted("restored") == "два"
        await journal.note("restored", None)
        assert await journal.noted("restored") is None
        assert journal.digest_key == key


# --- read only ---


def state_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


async def check_readable(path: Path) -> None:
    before = state_of(path.parent)
    async with await open_read_only(path) as reader:
        assert len(await reader.stream(sale_id(1)) or ()) == 1
        assert len(await reader.find(Query())) == 1
        assert list(await reader.owing()) == [sale_id(1)]
        assert await reader.noted("n") is None
        assert await reader.parked() == []
    assert state_of(path.parent) == before


READING = """
import asyncio, sys
from pathlib import Path
from agent.core.ports import Query
from agent.edges.journal import open_read_only
async def main():
    async with await open_read_only(Path(sys.argv[1])) as reader:
        print(len(await reader.find(Query())))
asyncio.run(main())
"""


async def test_reading_beside_a_running_agent(tmp_path: Path) -> None:
    """The command line, a process of its own, sees the last step of the running agent; no file comes or goes; the agent writes on."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        for number in range(3):
            await journal.append(step(sale_id(number)))
            before = names_in(tmp_path)
            child = await asyncio.to_thread(run_python, READING, path)
            assert int(child.stdout) == number + 1
            assert names_in(tmp_path) == before
        assert await journal.checkpoint()


async def test_reading_after_a_clean_end(tmp_path: Path) -> None:
    """One file, no log: nothing is created beside it."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(1)))
    assert names_in(tmp_path) == ["journal.db", "journal.db.lock"]
    await check_readable(path)


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.journal.support import NOW, entry, names_in, opened, paid, read, row, run_python, sale_id, size_of, step, write
async def main():
    journal = await opened(Path(sys.argv[1]))
    await journal.append(step(sale_id(1)))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def test_reading_after_a_kill(tmp_path: Path) -> None:
    """With the log and its index left behind, and with the log alone: the last step is seen, and no file changes."""
    path = tmp_path / "killed" / "journal.db"
    path.parent.mkdir(mode=0o700)
    child = run_python(KILLED, path)
    assert child.returncode == -signal.SIGKILL
    assert size_of(f"{path}-wal") > 0
    await check_readable(path)
    alone = tmp_path / "copied" / "journal.db"
    alone.parent.mkdir(mode=0o700)
    for suffix in ("", "-wal"):
        copyfile(f"{path}{suffix}", f"{alone}{suffix}")
    await check_readable(alone)
    async with await opened(path) as journal:
        assert len(await journal.stream(sale_id(1)) or ()) == 1


async def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    """No file; a file of an older version, which only the agent may migrate, also as a copy with its log."""
    path = tmp_path / "journal.db"
    with pytest.raises(JournalPlaceRefused, match="no journal"):
        await open_read_only(path)
    await (await opened(path)).close()
    newer = Plan(f"{CURRENT.schema}; CREATE TABLE extra (a);", (Migration(2, "CREATE TABLE extra (a)"),))
    with pytest.raises(JournalDamaged, match="start the agent once, it migrates"):
        await open_read_only(path, plan=newer)
    assert names_in(tmp_path) == ["journal.db", "journal.db.lock"]
    write(path.with_name("journal.db-wal"), b"not a log")
    with pytest.raises(JournalDamaged, match="start the agent once, it migrates"):
        await open_read_only(path, plan=newer)


async def test_an_unreadable_page_breaks_the_reading(tmp_path: Path) -> None:
    """A file that loses its end while it is read: JournalBroken; damaged rows are marked with the present time."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        for number in range(200):
            await journal.append(step(sale_id(number), reason=f"MARK-{number}"))
    write(path, read(path).replace(b"MARK-150", b"MARK-15O"))
    async with await open_read_only(path) as reader:
        assert len(await reader.find(Query(limit=3))) == 3
        assert len(await reader.find(Query(limit=200))) == 199
        assert [parked.id for parked in await reader.parked()] == [sale_id(150)]
    async with await open_read_only(path) as reader:
        with path.open("r+b") as file:
            file.truncate(4096 * 20)
        with pytest.raises(JournalBroken):
            await reader.find(Query(limit=200))


async def test_rows_keep_their_moment(tmp_path: Path) -> None:
    """A row read back equals the one stored, field by field, for every row of these tests."""
    async with await filled(tmp_path / "journal.db") as journal:
        assert list(await journal.find(Query())) == [replace(one) for one in reversed(ROWS)]
