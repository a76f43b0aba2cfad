"""Goal: a step is stored whole or not at all, in its place, beside others. Method: one real file, read back through the journal."""

import asyncio
import gc
import hashlib
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import canonical
from agent.core.model import Stamp
from agent.core.ports import Append, Conflict, Entry, JournalBroken, Query
from agent.edges.journal import SqliteJournal, chain, steps
from tests.journal.support import BOOT, NOW, entry, opened, paid, row, sale_id, step


async def test_a_stream_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Entries keep their order, kinds, stamps and bodies, decimals included; instants keep their moment in another zone."""
    name = sale_id(1)
    moscow = NOW.astimezone(timezone(timedelta(hours=3)))
    first = [Entry("accepted", Stamp(moscow, BOOT, 7), {"price": Decimal("40.5"), "text": "Сыр \0 \u2028", "deep": [{"a": None}]})]
    second = [entry("sent", 2), entry("paid", 3, ok=True)]
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(step(name, 0, first))
        await journal.append(step(name, 1, second))
        assert await journal.stream(name) == [*first, *second]
        assert await journal.stream(sale_id(2)) is None
    async with await opened(tmp_path / "journal.db") as journal:
        assert await journal.stream(name) == [*first, *second]


async def test_a_long_stream_is_read_on_another_thread(tmp_path: Path) -> None:
    """A stream of more events than are proved in the loop comes back the same way."""
    entries = [entry("read", number) for number in range(100)]
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(step(sale_id(1), 0, entries))
        assert await journal.stream(sale_id(1)) == entries


async def test_every_column_of_a_row_survives(tmp_path: Path) -> None:
    """A row with every field set is found as it was stored, and again after its update."""
    name = sale_id(1)
    full = paid(
        name,
        told=True,
        confirmed=True,
        split=True,
        reason="because",
        told_at=NOW,
        transaction_id="tx",
        payment_type="SBP",
        qrc_id="qrc",
        kzo="kzo",
        operation_id="op",
        operation_date_time="2026-11-22T10:00:00.000Z",
        refunded_amount=100,
    )
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(Append(name, 0, [entry("accepted")], row(name)))
        assert list(await journal.find(Query())) == [row(name)]
        await journal.append(Append(name, 1, [entry("paid")], full))
        assert list(await journal.find(Query())) == [full]


@pytest.mark.parametrize("position", [0, 2])
async def test_a_step_at_another_position_is_a_conflict(tmp_path: Path, position: int) -> None:
    """A stream of one event takes a step at position 1 and no other, and the refused step leaves nothing."""
    name = sale_id(1)
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(step(name))
        with pytest.raises(Conflict, match="has 1 events"):
            await journal.append(step(name, position, state="sending", put={"token": "x"}))
        assert len(await journal.stream(name) or ()) == 1
        assert (await journal.find(Query()))[0].state == "queued"
        assert await journal.secrets(name) == {}
        await journal.append(step(name, 1))


async def test_a_step_without_events_changes_secrets_only(tmp_path: Path) -> None:
    """Secrets can be erased without an event, at the right position only."""
    name = sale_id(1)
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(step(name, put={"token": "x"}))
        with pytest.raises(Conflict):
            await journal.append(step(name, 2, [], drop=frozenset({"token"})))
        await journal.append(step(name, 1, [], drop=frozenset({"token"})))
        assert await journal.secrets(name) == {}


async def test_one_open_and_one_paid_sale_per_order(tmp_path: Path) -> None:
    """The file itself refuses a second charge of an order; split payments, other stores and other days are free."""
    one, two, three = sale_id(1), sale_id(2), sale_id(3)
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(step(one, order_id="order"))
        with pytest.raises(Conflict, match="UNIQUE"):
            await journal.append(step(two, order_id="order"))
        await journal.append(step(two, order_id="order", split=True))
        await journal.append(step(sale_id(1, store="other"), order_id="order"))
        await journal.append(Append(one, 1, [entry("paid")], paid(one, order_id="order")))
        await journal.append(step(three, order_id="order"))
        with pytest.raises(Conflict, match="UNIQUE"):
            await journal.append(Append(three, 1, [entry("paid")], paid(three, order_id="order")))
        tomorrow = NOW.date() + timedelta(days=1)
        await journal.append(Append(three, 1, [entry("paid")], paid(three, order_id="order", business_date=tomorrow)))


@pytest.mark.parametrize(
    "changes",
    [{"refunded_amount": 45_001}, {"amount": -1}, {"amount": 10_000_000_000}, {"open": False}, {"environment": "elsewhere"}, {"state": ""}],
    ids=lambda changes: str(changes),
)
async def test_the_file_refuses_an_impossible_row(tmp_path: Path, changes: Mapping[str, Any]) -> None:
    """More returned than charged, unfinished but closed, an unknown side: a Conflict, whatever the program thinks."""
    async with await opened(tmp_path / "journal.db") as journal:
        with pytest.raises(Conflict, match="CHECK"):
            await journal.append(step(sale_id(1), **changes))


BAD_STEPS = {
    "no event": lambda: step(sale_id(1), 0, []),
    "negative position": lambda: step(sale_id(1), -1),
    "foreign row": lambda: Append(sale_id(1), 0, [entry("accepted")], row(sale_id(2))),
    "naive moment": lambda: step(sale_id(1), 0, [Entry("accepted", Stamp(datetime(2026, 1, 1), BOOT, 1), {})]),  # noqa: DTZ001 - the mistake under test
    "naive row": lambda: step(sale_id(1), told_at=datetime(2026, 1, 1)),  # noqa: DTZ001 - the mistake under test
    "broken text": lambda: step(sale_id(1), 0, [entry("accepted", text="\udc80")]),
    "broken kind": lambda: step(sale_id(1), 0, [entry("\udc80")]),
    "broken column": lambda: step(sale_id(1), state="\ud800"),
    "broken secret": lambda: step(sale_id(1), put={"token": "\udc80"}),
    "broken secret name": lambda: step(sale_id(1), put={"\udc80": "x"}),
    "float": lambda: step(sale_id(1), 0, [entry("accepted", price=1.5)]),
    "float column": lambda: step(sale_id(1), amount=1.5),
    "huge ticks": lambda: step(sale_id(1), 0, [Entry("accepted", Stamp(NOW, BOOT, 2**63), {})]),
    "huge amount": lambda: step(sale_id(1), amount=2**64),
    "long secret": lambda: step(sale_id(1), put={"token": "x" * (steps.MAX_SECRET_BYTES + 1)}),
    "empty secret": lambda: step(sale_id(1), put={"token": ""}),
    "long body": lambda: step(sale_id(1), 0, [entry("accepted", text="x" * steps.MAX_BODY_BYTES)]),
}


@pytest.mark.parametrize("what", BAD_STEPS)
async def test_what_cannot_be_stored_is_the_callers_error(tmp_path: Path, what: str) -> None:
    """A ValueError at the caller, before anything reaches the writer; the journal goes on."""
    async with await opened(tmp_path / "journal.db") as journal:
        with pytest.raises(ValueError):
            await journal.append(BAD_STEPS[what]())
        await journal.append(step(sale_id(1)))


async def test_two_hundred_at_once_share_commits(tmp_path: Path) -> None:
    """All are stored, the chain is whole, and there were far fewer commits than steps."""
    async with await opened(tmp_path / "journal.db") as journal:
        before = journal.statistics()
        await asyncio.gather(*(journal.append(step(sale_id(number), put={"token": f"t{number}"})) for number in range(200)))
        after = journal.statistics()
        assert after.events == after.jobs == 200
        assert after.commits - before.commits < 20
        assert after.groups >= 1
        assert len(await journal.find(Query(limit=1000))) == 200
        assert (await journal.verify_all()).damages == ()


async def test_a_conflict_fails_alone(tmp_path: Path) -> None:
    """In one group of forty steps the wrong ones are refused and all others stored, in one transaction."""
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(step(sale_id(0)))
        before = journal.statistics().commits
        steps_at_once = [step(sale_id(number % 30)) for number in range(40)]
        results = await asyncio.gather(*map(journal.append, steps_at_once), return_exceptions=True)
        assert [isinstance(result, Conflict) for result in results] == [number == 0 or number >= 30 for number in range(40)]
        assert journal.statistics().commits - before <= 2
        assert (await journal.verify_all()).damages == ()
        assert journal.statistics().events == 30


async def test_steps_of_one_sale_in_one_group_keep_their_order(tmp_path: Path) -> None:
    """Ten steps of one sale handed over at once follow each other; a secret put, erased and put again ends as put."""
    name = sale_id(1)
    async with await opened(tmp_path / "journal.db") as journal:
        at_once = [step(name, position, [entry("e", position)]) for position in range(8)]
        at_once += [step(name, 8, put={"s": "one"}), step(name, 9, drop=frozenset({"s"})), step(name, 10, put={"s": "two"})]
        await asyncio.gather(*map(journal.append, at_once))
        assert len(await journal.stream(name) or ()) == 11
        assert await journal.secrets(name) == {"s": "two"}


async def test_a_cancelled_caller_changes_nothing(tmp_path: Path) -> None:
    """Callers cancelled at every moment: each step is either stored whole or absent, the others are answered, the chain is whole."""
    async with await opened(tmp_path / "journal.db") as journal:
        tasks = [asyncio.create_task(journal.append(step(sale_id(number)))) for number in range(60)]
        for number, task in enumerate(tasks):
            if number % 3 == 0:
                if number % 2:
                    await asyncio.sleep(0.0005)
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await journal.append(step(sale_id(1000)))
        stored = {found.id for found in await journal.find(Query(limit=1000))}
        assert {type(result) for result in results} == {type(None), asyncio.CancelledError}
        for number, result in enumerate(results):
            assert sale_id(number) in stored or result is not None
        assert (await journal.verify_all()).damages == ()


async def test_a_cancelled_caller_whose_step_was_wrong(tmp_path: Path) -> None:
    """Its Conflict reaches nobody, and nobody complains about that: the loop's handler of forgotten errors stays silent."""
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(step(sale_id(1)))
        task = asyncio.create_task(journal.append(step(sale_id(1))))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await journal.append(step(sale_id(2)))
    del task
    gc.collect()
    assert complaints == []


async def test_close_finishes_what_is_queued(tmp_path: Path) -> None:
    """Steps handed over before ``close`` are stored and answered; steps after it are refused; a second close does nothing."""
    journal = await opened(tmp_path / "journal.db")
    tasks = [asyncio.create_task(journal.append(step(sale_id(number)))) for number in range(600)]
    await asyncio.sleep(0)
    await asyncio.gather(journal.close(), journal.close())
    assert await asyncio.gather(*tasks) == [None] * 600
    with pytest.raises(JournalBroken, match="closed"):
        await journal.append(step(sale_id(1000)))
    async with await opened(tmp_path / "journal.db") as again:
        assert again.statistics().events == 600


async def test_a_cancelled_close_closes(tmp_path: Path) -> None:
    """Cancelling the one who closes does not leave the file locked."""
    journal = await opened(tmp_path / "journal.db")
    closing = asyncio.create_task(journal.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await journal.close()
    await (await opened(tmp_path / "journal.db")).close()


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("turns", [1, 3])
async def test_a_cancelled_open_closes(tmp_path: Path, turns: int, fails: bool) -> None:
    """Cancelling ``open`` leaves neither a thread nor the lock, also if it would have failed."""

    def entropy(count: int) -> bytes:
        if fails:
            raise JournalBroken("no randomness")
        return bytes(count)

    opening = asyncio.create_task(SqliteJournal.open(tmp_path / "journal.db", allow_volatile=True, entropy=entropy))
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await (await opened(tmp_path / "journal.db")).close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET kind = 'x'",
        "DELETE FROM event",
        "INSERT OR REPLACE INTO event SELECT * FROM event WHERE number = 1",
        "INSERT INTO event SELECT number + 2, sale, position + 1, kind, wall, boot, ticks, body, hash FROM event",
        "INSERT INTO event SELECT number + 1, sale, position + 2, kind, wall, boot, ticks, body, hash FROM event",
        "DELETE FROM sale",
        "UPDATE sale SET key = 'other'",
        "UPDATE sale SET finished = 2",
        "UPDATE anchor SET at = 'x'",
        "DELETE FROM anchor",
        "DELETE FROM vault",
    ],
)
async def test_the_schema_forbids(tmp_path: Path, statement: str) -> None:
    """Rewriting the past fails in the file itself, whoever tries."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(1), put={"token": "x"}))
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()


@given(st.lists(st.none() | st.integers() | st.text(st.characters(codec="utf-8")), max_size=8))
def test_values_are_spelt_canonically(values: list[Any]) -> None:
    """The fast spelling of a row's values is their canonical JSON text."""
    assert chain.values_hash(values) == hashlib.sha256(canonical.dumps(values).encode()).digest()


async def test_a_step_that_fails_half_way_leaves_no_half(tmp_path: Path) -> None:
    """The row fits, the first event fits, the second does not: neither row nor event nor secret of that step is stored, its group is."""
    name = sale_id(1)
    async with await opened(tmp_path / "journal.db") as journal:
        await journal.append(step(name))
        half = step(name, 1, [entry("fine", 1), entry("", 2)], put={"token": "x"}, state="sending")
        results = await asyncio.gather(journal.append(half), journal.append(step(sale_id(2))), return_exceptions=True)
        assert [type(result) for result in results] == [Conflict, type(None)]
        assert [found.state for found in await journal.find(Query())] == ["queued", "queued"]
        assert [one.kind for one in await journal.stream(name) or ()] == ["accepted"]
        assert await journal.secrets(name) == {}
        assert (await journal.verify_all()).damages == ()
