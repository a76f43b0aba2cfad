"""Goal: a changed byte is found before the record is used. Method: bytes of the closed file are changed, then everything is read."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from agent.core.ports import Append, Corrupt, JournalError, Query
from agent.edges.journal import JournalDamaged, SqliteJournal, chain, open_read_only, verify
from agent.edges.journal.connect import guard
from tests.journal.support import NOW, entry, opened, paid, read, row, sale_id, step, write

ONE, TWO = sale_id(1), sale_id(2)


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A journal with something in every table, cleanly closed."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.append(Append(ONE, 0, [entry("accepted", note="MARK-BODY")], row(ONE, reason="MARK-ROW"), {"token": "MARK-SECRET"}))
        await journal.append(step(TWO, put={"token": "fine"}))
        await journal.append(Append(ONE, 1, [entry("sent", 1, note="MARK-LAST")], row(ONE, reason="MARK-ROW", kzo="k1")))
        await journal.park(sale_id(9), "MARK-PARKED", NOW)
        await journal.note("restored", "MARK-NOTE")
    return path


def change(path: Path, found: bytes, offset: int = 0) -> None:
    """Flip one bit inside the first place that holds ``found``."""
    data = bytearray(path.read_bytes())
    place = data.find(found)
    assert place >= 0, found
    data[place + offset] ^= 0x04
    path.write_bytes(data)


def stored(path: Path, query: str) -> Any:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchone()[0]
    finally:
        connection.close()


@pytest.mark.parametrize("mark", [b"MARK-BODY", b"MARK-LAST"])
async def test_a_changed_event_costs_its_sale_only(path: Path, mark: bytes) -> None:
    """The stream raises Corrupt, other sales are served, the full verification names the sale and ``parked`` shows it."""
    change(path, mark)
    async with await opened(path) as journal:
        with pytest.raises(Corrupt, match="does not match its hash"):
            await journal.stream(ONE)
        assert len(await journal.stream(TWO) or ()) == 1
        await journal.append(step(TWO, 1))
        verification = await journal.verify_all()
        assert [damage.sale for damage in verification.damages] == [ONE]
        assert [parked.id for parked in await journal.parked()] == [sale_id(9), ONE]


async def test_a_changed_byte_that_is_no_text_any_more(path: Path) -> None:
    """A byte that breaks the UTF-8 of an event is found like any other, in the stream and in the verification."""
    data = read(path)
    write(path, data.replace(b"MARK-BODY", b"MARK\xffBODY").replace(b"MARK-PARKED", b"MARK\xffPARKED"))
    async with await opened(path) as journal:
        with pytest.raises(Corrupt):
            await journal.stream(ONE)
        assert {damage.sale for damage in (await journal.verify_all()).damages} == {ONE, sale_id(9)}


async def test_a_changed_hash_is_found_too(path: Path) -> None:
    """The hash of an event is as protected as its text; the event after it, which is chained to it, is not trusted either."""
    change(path, stored(path, "SELECT hash FROM event WHERE number = 2"))
    async with await opened(path) as journal:
        with pytest.raises(Corrupt):
            await journal.stream(TWO)
        with pytest.raises(Corrupt):
            await journal.stream(ONE)


async def test_events_after_the_last_anchor_are_verified_at_start(path: Path) -> None:
    """A damaged event that no anchor covers is known when the journal opens, and the chain goes on behind it."""
    copy = path.with_name("copy.db")
    async with await opened(path) as journal:
        await journal.append(step(sale_id(3), 0, [entry("accepted", note="MARK-NEW")]))
        await journal.append(step(sale_id(4)))
        await journal.checkpoint()
        copyfile(path, copy)
    copy.chmod(0o600)
    change(copy, b"MARK-NEW")
    async with await opened(copy) as journal:
        assert [parked.id for parked in await journal.parked()] == [sale_id(9), sale_id(3)]
        await journal.append(step(sale_id(5)))
        assert len(await journal.stream(sale_id(5)) or ()) == 1


@pytest.mark.parametrize("count", [5, 50])
async def test_a_changed_row(path: Path, count: int) -> None:
    """Raises for the one who asks for this order; in a list it is left out and marked; writing it anew heals it."""
    async with await opened(path) as journal:
        for number in range(10, 10 + count):
            await journal.append(step(sale_id(number)))
    change(path, b"MARK-ROW")
    async with await opened(path) as journal:
        with pytest.raises(Corrupt, match="row"):
            await journal.neighbours(ONE, "elsewhere")
        with pytest.raises(Corrupt, match="row"):
            await journal.neighbours(sale_id(7), "order-key-1")
        assert len(await journal.neighbours(TWO, "order-key-2")) == 1
        assert len(await journal.find(Query(limit=100))) == count + 1
        assert [parked.id for parked in await journal.parked()] == [sale_id(9), ONE]
        assert ONE in await journal.owing()
        assert [damage.sale for damage in (await journal.verify_all()).damages] == [ONE]
        await journal.append(step(ONE, 2))
        assert [parked.id for parked in await journal.parked()] == [sale_id(9)]
        assert len(await journal.find(Query(limit=100))) == count + 2
        assert (await journal.verify_all()).damages == ()


async def test_a_changed_secret(path: Path) -> None:
    """Raises Corrupt for its sale; other secrets are served."""
    change(path, b"MARK-SECRET")
    async with await opened(path) as journal:
        with pytest.raises(Corrupt, match="MAC"):
            await journal.secrets(ONE)
        assert await journal.secrets(TWO) == {"token": "fine"}
        assert [damage.sale for damage in (await journal.verify_all()).damages] == [ONE]


async def test_a_lost_block_of_a_secret(path: Path) -> None:
    """A secret whose block is not its own any more raises Corrupt."""
    connection = sqlite3.connect(path)
    connection.execute("UPDATE vault SET taken = 0 WHERE slot = 1")
    connection.commit()
    connection.close()
    async with await opened(path) as journal:
        with pytest.raises(Corrupt, match="lost a block"):
            await journal.secrets(ONE)


async def test_a_changed_note(path: Path) -> None:
    """A note that is not what was kept raises Corrupt and is named by the verification."""
    change(path, b"MARK-NOTE")
    async with await opened(path) as journal:
        with pytest.raises(Corrupt, match="note"):
            await journal.noted("restored")
        assert ["note.restored" in damage.reason for damage in (await journal.verify_all()).damages] == [True]


async def test_a_changed_parked_record(path: Path) -> None:
    """It is still shown, with another reason, and blocks nobody."""
    change(path, b"MARK-PARKED")
    async with await opened(path) as journal:
        assert [(parked.id, "itself damaged" in parked.reason) for parked in await journal.parked()] == [(sale_id(9), True)]
        assert len((await journal.verify_all()).damages) == 1


def of_key(path: Path) -> bytes:
    key = stored(path, "SELECT value FROM meta WHERE name = 'digest_key'")
    assert isinstance(key, bytes)
    return key


def of_anchor(path: Path) -> bytes:
    found = stored(path, "SELECT hash FROM anchor ORDER BY number DESC LIMIT 1")
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize(("needle", "says"), [(of_key, "digest key"), (of_anchor, "anchor")])
async def test_damage_of_the_whole_file_refuses_the_start(path: Path, needle: Callable[[Path], bytes], says: str) -> None:
    """Without its key or its anchor the file cannot be trusted: the error says what and what to do; the file is not touched."""
    change(path, needle(path))
    before = read(path)
    with pytest.raises(JournalDamaged, match=says) as caught:
        await opened(path)
    assert str(path) in str(caught.value)
    assert "estore a backup" in str(caught.value)
    assert read(path) == before


TAMPERINGS = {
    "events at the end": ("DROP TRIGGER event_is_kept; DELETE FROM event WHERE number = 3;", "event_is_kept", "missing or not the one"),
    "the schema": ("DROP TRIGGER event_is_kept;", "", "tables"),
    "the key": ("DELETE FROM meta;", "", "digest key"),
    "an index": ("PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'sale_kzo';", "", "damaged"),
    "an anchored event": (
        "DROP TRIGGER event_is_never_changed; UPDATE event SET hash = zeroblob(32) WHERE number = 3;",
        "event_is_never_changed",
        "not the one",
    ),
    "a gap": (
        "DROP TRIGGER event_is_kept; DROP TRIGGER anchor_is_kept; DELETE FROM anchor; DELETE FROM event WHERE number = 2;",
        "event_is_kept anchor_is_kept",
        "events 2 to 2 are missing",
    ),
}


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_tampering_refuses_the_start(path: Path, what: str) -> None:
    """Somebody with the right tools removes records, protection or both: the start notices."""
    script, triggers, says = TAMPERINGS[what]
    connection = sqlite3.connect(path)
    kept = [connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()[0] for name in triggers.split()]
    connection.executescript(";".join([script, *kept]))
    connection.close()
    with pytest.raises(JournalDamaged, match=says):
        await opened(path)


async def test_a_missing_event_in_the_middle_is_found_by_its_sale(path: Path) -> None:
    """A hole before the last anchor is found when the sale is read, and by the full verification."""
    connection = sqlite3.connect(path)
    trigger = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'event_is_kept'").fetchone()[0]
    connection.executescript(";".join(["DROP TRIGGER event_is_kept", "DELETE FROM event WHERE number = 1", trigger]))
    connection.close()
    async with await opened(path) as journal:
        with pytest.raises(Corrupt, match="missing"):
            await journal.stream(ONE)
        reasons = [damage.reason for damage in (await journal.verify_all()).damages]
        assert any("events 1 to 0" in reason or "events 1 to 1 are missing" in reason for reason in reasons)
        assert any("2 were written" in reason for reason in reasons)


async def test_a_stream_that_lost_its_end_is_found(path: Path) -> None:
    """A sale knows how many events it has: the last one cannot vanish, even where the chain is not read."""
    async with await opened(path) as journal:
        await journal.append(step(TWO, 1))
        await journal.append(step(sale_id(3)))
    connection = sqlite3.connect(path)
    trigger = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'event_is_kept'").fetchone()[0]
    connection.executescript(";".join(["DROP TRIGGER event_is_kept", "DELETE FROM event WHERE number = 4", trigger]))
    connection.close()
    async with await opened(path) as journal:
        with pytest.raises(Corrupt, match="missing"):
            await journal.stream(TWO)


@pytest.mark.parametrize("mark", [b"note.restored", b"key-1", b"till"])
async def test_nothing_becomes_absent(path: Path, mark: bytes) -> None:
    """A name is changed in one of the places it is stored in, the indexes among them: refused, never taken for "there is no such thing"."""
    original, place = read(path), -1
    places = 0
    while (place := original.find(mark, place + 1)) >= 0:
        data = bytearray(original)
        data[place + len(mark) - 1] ^= 0x02
        write(path, bytes(data))
        places += 1
        try:
            async with await opened(path) as journal:
                assert await journal.noted("restored") == "MARK-NOTE"
                for name in (ONE, TWO):
                    assert await journal.stream(name)
                    assert await journal.secrets(name)
        except (JournalDamaged, Corrupt):
            continue
        finally:
            remove_companions(path)
    assert places >= 2


async def test_a_destroyed_page_of_events_refuses_the_start(path: Path) -> None:
    """A page of old events that no sale in progress needs is missing: the start notices, not the customer."""
    async with await opened(path) as journal:
        await journal.append(step(sale_id(3), 0, [entry("e", number, text="x" * 500) for number in range(100)]))
    data = bytearray(read(path))
    page = data.find(b"x" * 500) // 4096 + 3
    data[page * 4096 : (page + 1) * 4096] = bytes(4096)
    write(path, bytes(data))
    with pytest.raises(JournalDamaged, match="damaged"):
        await opened(path)


async def test_the_full_verification_checks_anchors_and_pages(path: Path) -> None:
    """An anchor that was changed, one that lost its event, and an index that disagrees with its table are all named."""
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO anchor VALUES (2, zeroblob(32), 'x', zeroblob(32))")
    values = (99, bytes(32), "x")
    connection.execute("INSERT INTO anchor VALUES (?, ?, ?, ?)", (*values, chain.values_hash(values)))
    connection.executescript(
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'sale_state')"
        " WHERE name = 'vault_free'"
    )
    connection.close()
    async with await open_read_only(path) as reader:
        key = reader.digest_key
    connection = sqlite3.connect(path)
    reasons = [damage.reason for piece in verify.everything(connection, key) for damage in piece.damages]
    connection.close()
    assert reasons[:2] == ["the anchor of event 2 does not match its hash", "event 99 is missing or not the one that was anchored"]
    assert any("vault_free" in reason or "page" in reason for reason in reasons[2:])


def remove_companions(path: Path) -> None:
    for left in path.parent.glob(f"{path.name}?*"):
        left.unlink()


async def everything(journal: SqliteJournal) -> dict[str, Any]:
    """All that can be read. A record that is refused is left out: that is what detection means."""
    seen: dict[str, Any] = {"rows": {found.id: found for found in await journal.find(Query())}}
    for name in (ONE, TWO):
        for what in ("stream", "secrets"):
            try:
                seen[f"{what} {name}"] = await getattr(journal, what)(name)
            except Corrupt:
                continue
    seen["owing"] = list(await journal.owing())
    try:
        seen["note"] = await journal.noted("restored")
    except Corrupt:
        seen.pop("note", None)
    return seen


async def test_no_changed_byte_is_ever_believed(path: Path, tmp_path: Path) -> None:
    """Bits all over the file are flipped: what is read is what was written, or it is refused; nothing else."""
    async with await opened(path) as journal:
        true = await everything(journal)
    original, chance = read(path), random.Random(7)
    used = [place for place, byte in enumerate(original) if byte]
    copy, refused = tmp_path / "copy.db", 0
    for place in chance.sample(used, 150):
        data = bytearray(original)
        data[place] ^= 1 << chance.randrange(8)
        write(copy, bytes(data))
        copy.chmod(0o600)
        try:
            async with await opened(copy) as journal:
                seen = await everything(journal)
        except JournalError:
            refused += 1
            continue
        finally:
            remove_companions(copy)
        rows = seen.pop("rows")
        assert rows.items() <= true["rows"].items(), place
        assert seen.items() <= true.items(), place
    assert refused > 10


def test_damaged_types_do_not_match() -> None:
    """A damaged record header can turn text into a blob, a number into a float, a hash into nothing: that is a mismatch, not a crash."""
    assert not chain.matches([1.5], b"")  # type: ignore[list-item]  # as a damaged file gives it
    assert chain.matches(["x", None, 1, b"2"], chain.values_hash(["x", None, 1, b"2"]))
    text = chain.EventText("kind", "wall", "boot", 1, "{}")
    assert not verify.link_holds(b"", [1.5, "till", "key"], 0, text, b"")  # type: ignore[list-item]  # as a damaged file gives it
    assert not verify.link_holds(None, ["store", "till", "key"], 0, text, b"")  # type: ignore[arg-type]  # as a damaged file gives it


def test_a_guard_of_no_file_is_none(tmp_path: Path) -> None:
    """Where there is no file there is nothing to guard, and a file that is no database is only opened."""
    assert guard(tmp_path / "nothing.db") is None
    (tmp_path / "text.db").write_text("no database, but text that is long enough to have a header" * 10)
    found = guard(tmp_path / "text.db")
    assert found is not None
    found.close()


async def test_paid_rows_are_found_by_the_verification(tmp_path: Path) -> None:
    """A file of many pieces verifies piece by piece without a finding."""
    async with await opened(tmp_path / "journal.db") as journal:
        await asyncio.gather(*(journal.append(Append(sale_id(n), 0, [entry("paid", n)], paid(sale_id(n)))) for n in range(1100)))
        verification = await journal.verify_all()
        assert (verification.events, verification.sales, verification.damages) == (1100, 1100, ())
