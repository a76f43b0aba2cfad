"""Goal: a poisoned record, or a steward that fails, is set aside, shown, and blocks nobody (promises P14, P20).

Method: stored bytes are changed in the real file, and bugs are put into duties; the neighbours must not notice.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from unittest import mock

import pytest

from agent.core import decide_asked
from agent.core.events import Event
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.ports import JournalBroken, JournalFull
from agent.core.sale import Sale
from agent.engine import recover
from agent.engine.duties import Duties
from agent.engine.errors import Refusal, Stopped
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import TILL_2, Shop, create, finished, order, play, refusal
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos

PAID = PaymentState.PAID


def poison(path: Path, key: str, kind: str = "accepted") -> None:
    """Change a byte of a stored event, as a worn disk does: past the triggers, which only guard against programs."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TRIGGER event_is_never_changed")
        file.execute(
            "UPDATE event SET body = replace(body, 'vat10', 'vat20') WHERE kind = ? AND sale = (SELECT id FROM sale WHERE key = ?)",
            (kind, key),
        )
        assert file.execute("SELECT changes()").fetchone() == (1,)
        file.execute(
            "CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event\n"
            "BEGIN\n    SELECT RAISE(ABORT, 'an event is never changed');\nEND"
        )
        file.commit()


@contextmanager
def failing(key: str, method: str) -> Iterator[None]:
    """A bug: a method of one sale's duties raises."""
    real = getattr(Duties, method)

    def method_with_bug(self: Duties, *given: object) -> object:
        result = real(self, *given) if method == "__init__" else None
        if self._steward.sale.id.key == key:
            raise ZeroDivisionError("a bug")
        return result if method == "__init__" else real(self, *given)

    with mock.patch.object(Duties, method, method_with_bug):
        yield


async def stopped(shop: Shop) -> None:
    """The first half of a restart."""
    assert shop.journal is not None
    assert shop._undertaker is not None
    shop._undertaker.cancel()
    shop._up.clear()
    await shop.living.stop(1)
    await shop.truly(shop.journal.close())


async def parked(shop: Shop) -> list[tuple[str, str]]:
    assert shop.journal is not None
    await asyncio.sleep(0.1)
    return [(one.id.key, one.reason) for one in await shop.truly(shop.journal.parked())]


def test_a_damaged_record_is_parked_at_the_start(fast_folder: Path) -> None:
    """An unsettled sale whose events no longer match: the till starts, shows it, refuses it, and sells."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.OUTAGE, ms=20_000)
        bad = (await create(shop, order("bad"))).sale.id
        good = (await create(shop, order("good"))).sale.id
        await stopped(shop)
        poison(shop.path, "bad")
        await shop.start()
        assert [key for key, _ in await parked(shop)] == ["bad"]
        assert (await refusal(shop.desk.find(bad))).code == "RECORD_DAMAGED"
        assert (await finished(shop, good)).payment is PAID
        assert shop.noticed("sale.parked")
        assert (await refusal(create(shop, order("new", "order-bad")))).code == "ORDER_IN_DOUBT"

    play(tale, fast_folder)


def test_a_damaged_record_is_parked_when_it_is_met(fast_folder: Path) -> None:
    """A settled sale is damaged on the disk: whoever asks for it hears RECORD_DAMAGED, it is shown, and stays so after the next start."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await pos.sell("bad")
        await pos.result("bad")
        await stopped(shop)
        poison(shop.path, "bad")
        await shop.start()
        bad = pos.sale_id("bad")
        for _ in range(2):
            assert (await refusal(shop.desk.get(bad, 0))).code == "RECORD_DAMAGED"
        assert (await refusal(create(shop, order("bad")))).code == "RECORD_DAMAGED"
        assert [key for key, _ in await parked(shop)] == ["bad"]
        await shop.restart()
        assert (await refusal(shop.desk.cancel(bad))).code == "RECORD_DAMAGED"
        assert len(shop.noticed("sale.parked")) == 1

    play(tale, fast_folder)


def test_many_who_ask_for_a_damaged_record_are_all_refused(fast_folder: Path) -> None:
    """Ten questions at once: ten refusals, parked once."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await pos.sell("bad")
        await pos.result("bad")
        await stopped(shop)
        poison(shop.path, "bad")
        await shop.start()
        found = await asyncio.gather(*(refusal(shop.desk.find(pos.sale_id("bad"))) for _ in range(10)))
        assert {one.code for one in found} == {"RECORD_DAMAGED"}
        assert len(shop.noticed("sale.parked")) == 1

    play(tale, fast_folder)


@pytest.mark.parametrize("method", ["_send_checkout", "_read", "_understood", "_decide", "__init__"])
def test_a_steward_that_fails_is_parked_and_its_lane_goes_on(method: str, fast_folder: Path) -> None:
    """A bug in any duty of one sale: that sale is parked and refused, the next of its lane and the other till are paid."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-bad", Action.WAIT)
        bad = await create(shop, order("bad"))
        await asyncio.sleep(5)
        behind = await create(shop, order("K1"))
        beside = await create(shop, order("K2", terminal=TILL_2))
        assert (await finished(shop, beside.sale.id)).payment is PAID
        assert (await finished(shop, behind.sale.id)).payment is PAID
        ((key, reason),) = await parked(shop)
        assert (key, reason) == ("bad", "ZeroDivisionError('a bug')")
        assert (await refusal(shop.desk.get(bad.sale.id, 5))).code == "RECORD_DAMAGED"
        assert bad not in shop.living.alive

    with failing("bad", method):
        play(tale, fast_folder)


def test_a_parked_sale_stays_parked_after_a_restart(fast_folder: Path) -> None:
    """The bug is repaired and the agent started anew: a person looks first, nothing is sent on its own."""

    async def tale(shop: Shop, pos: Pos) -> None:
        with failing("bad", "_send_checkout"):
            bad = (await create(shop, order("bad"))).sale.id
            await asyncio.sleep(1)
        await shop.restart()
        assert (await refusal(shop.desk.get(bad, 0))).code == "RECORD_DAMAGED"
        await asyncio.sleep(60)
        assert shop.bank.transactions() == []

    play(tale, fast_folder)


def test_a_long_poll_ends_when_its_sale_is_parked(fast_folder: Path) -> None:
    """A register that waits is not kept for the rest of its patience."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-bad", Action.WAIT)
        bad = await create(shop, order("bad"))
        waiting = asyncio.ensure_future(shop.desk.get(bad.sale.id, 60))
        await asyncio.sleep(5)
        with failing("bad", "_read"):
            await asyncio.sleep(1)
        assert waiting.done()

    play(tale, fast_folder)


def test_a_sale_that_fails_in_recovery_does_not_stop_the_start(fast_folder: Path) -> None:
    """A record that folds and still cannot be recovered is parked; the sale after it is recovered and paid."""

    def interrupted(sale: Sale) -> Sequence[Event]:
        if sale.id.key == "bad":
            raise LookupError("no such provider")
        return ()

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.OUTAGE, ms=20_000)
        await create(shop, order("bad"))
        good = (await create(shop, order("good"))).sale.id
        with mock.patch.object(recover, "interrupted", interrupted):
            await shop.restart()
        assert [key for key, _ in await parked(shop)] == ["bad"]
        assert (await finished(shop, good)).payment is PAID

    play(tale, fast_folder)


def test_a_journal_that_breaks_in_recovery_ends_the_start(fast_folder: Path) -> None:
    """An I/O error while attempts are marked as lost is nobody's own affair: nothing is parked, the start fails."""

    async def tale(shop: Shop, pos: Pos) -> None:
        def broken(sale: Sale) -> Sequence[Event]:
            raise JournalBroken("disk I/O error")

        fault(shop, FaultKind.OUTAGE, ms=20_000)
        await create(shop, order("K1"))
        await stopped(shop)
        with mock.patch.object(recover, "interrupted", broken), pytest.raises(JournalBroken):
            await shop.start()
        assert await parked(shop) == []

    play(tale, fast_folder)


def test_a_sale_is_parked_as_soon_as_the_disk_has_room(fast_folder: Path) -> None:
    """The disk is full when a steward fails: until it has room the process alone knows, and refuses the sale all the same."""

    async def tale(shop: Shop, pos: Pos) -> None:
        def full() -> None:
            raise JournalFull("no space left on the device")

        shop.doors.parks = full
        with failing("bad", "_send_checkout"):
            bad = await create(shop, order("bad"))
            await asyncio.sleep(30)
        assert await parked(shop) == []
        assert (await refusal(shop.desk.find(bad.sale.id))).code == "RECORD_DAMAGED"
        shop.doors.parks = lambda: None
        await asyncio.sleep(2)
        assert [key for key, _ in await parked(shop)] == ["bad"]

    play(tale, fast_folder)


def test_a_journal_that_breaks_while_a_sale_is_parked_ends_the_engine(fast_folder: Path) -> None:
    """An I/O error while parking is an I/O error."""

    async def tale(shop: Shop, pos: Pos) -> None:
        def broken() -> None:
            raise JournalBroken("disk I/O error")

        shop.doors.parks = broken
        with failing("bad", "_send_checkout"):
            await create(shop, order("bad"))
            await asyncio.sleep(1)
        assert isinstance(shop.living.failed.result(), JournalBroken)

    play(tale, fast_folder)


def test_a_damaged_secret_parks_its_sale(fast_folder: Path) -> None:
    """A secret that does not match its MAC is not sent anywhere."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.OUTAGE, ms=10_000)
        steward = await create(shop, order("K1"))
        await stopped(shop)
        change(shop.path, "UPDATE vault SET content = zeroblob(1024)")
        await shop.start()
        assert (await refusal(shop.desk.find(steward.sale.id))).code == "RECORD_DAMAGED"
        await asyncio.sleep(60)
        assert shop.bank.transactions() == []

    play(tale, fast_folder)


@pytest.mark.parametrize("sent", [True, False])
def test_a_secret_that_is_gone_is_not_guessed(sent: bool, fast_folder: Path) -> None:
    """Nothing was sent yet: the sale is declined. An answer was lost: it needs a person, and the alarm says why."""

    async def tale(shop: Shop, pos: Pos) -> None:
        if sent:
            fault(shop, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
        else:
            fault(shop, FaultKind.OUTAGE, ms=10_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(0.1)
        await stopped(shop)
        change(shop.path, "DELETE FROM secret WHERE name = 'cardSession'")
        await shop.start()
        sale = await finished(shop, steward.sale.id)
        assert sale.reason == "SECRET_LOST"
        assert sale.payment is (PaymentState.ATTENTION if sent else PaymentState.DECLINED)
        assert ("SECRET_LOST" in sale.alarms) is sent
        assert len(shop.bank.transactions()) == int(sent)

    play(tale, fast_folder)


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute(statement)
        file.commit()


def test_the_last_word_of_a_broken_journal_is_stopped(fast_folder: Path) -> None:
    """A steward meets an I/O error: the engine fails once, its notice is there, callers are turned away, reads of memory still answer."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await create(shop, order("K1"))
        await asyncio.sleep(0.5)

        async def broken(step: object) -> None:
            raise JournalBroken("disk I/O error")

        shop.doors.on_append = broken
        await asyncio.sleep(10)
        assert isinstance(shop.living.failed.result(), JournalBroken)
        assert len(shop.noticed("engine.failed")) == 1
        with pytest.raises(Stopped):
            await shop.desk.cancel(steward.sale.id)
        assert (await shop.desk.get(steward.sale.id, 5)).sale.payment is PaymentState.PENDING
        with pytest.raises(Refusal):
            await shop.desk.find(SaleId("s", "t", "nobody"))
        assert await parked(shop) == []

    play(tale, fast_folder)


def test_telling_on_a_broken_journal_is_stopped(fast_folder: Path) -> None:
    """A finished answer that cannot be recorded as handed out is not handed out."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await create(shop, order("K1"))
        await finished(shop, steward.sale.id)

        async def broken(step: object) -> None:
            raise JournalBroken("disk I/O error")

        shop.doors.on_append = broken
        with pytest.raises(Stopped):
            await shop.living.tell(steward, "pos")
        assert steward.sale.told is None
        assert shop.living.failed.done()

    play(tale, fast_folder)


def test_nothing_is_decided_from_a_step_that_failed(fast_folder: Path) -> None:
    """The decision of a step that was not stored leaves no trace in memory."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.WAIT)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(1)

        async def full(step: object) -> None:
            raise JournalFull("no space left on the device")

        shop.doors.on_append = full
        assert (await refusal(shop.desk.cancel(steward.sale.id))).code == "DISK_FULL"
        assert steward.sale.payment is PaymentState.PENDING
        assert decide_asked.cancel_asked(steward.sale, shop.provider().capabilities)

    play(tale, fast_folder)
