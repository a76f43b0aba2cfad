"""Goal: payouts are driven like sales and apart from them: stops, starts, restores, full disks, broken records (P2, P5, P13, P20)."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.payout import asked, events, stored
from agent.core.payout.answer import row
from agent.core.payout.machine import PayoutState
from agent.core.payout.name import payout_id
from agent.core.payout.payout import Payout
from agent.core.ports import RESTORED_NOTE, Append, Corrupt, JournalBroken, JournalFull, Query
from agent.engine.errors import Refusal, Stopped
from agent.engine.payout_counter import PayoutCounter
from agent.engine.payout_operator import PayoutOperator
from agent.engine.payout_steward import PayoutSteward
from agent.running.bindings import check_bindings
from agent.running.errors import CannotStart
from agent.running.projecting import project
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import Shop, create, order, play
from tests.simulation.payer import Mishap
from tests.simulation.payout_till import CARD, PayoutTill
from tests.simulation.stories import fault
from tests.simulation.till import Pos
from tests.simulation.world import PAYOUTS, STORE, TILL

ID = payout_id(STORE, TILL, "P1")
YESTERDAY = json.dumps({"at": "2026-03-01T00:00:00+00:00", "file": "backup"})


async def full(step: Append) -> None:
    raise JournalFull("no room")


async def paying(shop: Shop, pos: Pos, *mishaps: Mishap) -> PayoutTill:
    """A payout that was just handed over."""
    shop.payer.mishaps += mishaps
    till = PayoutTill(pos)
    await till.pay("P1")
    return till


def steward_of(shop: Shop) -> PayoutSteward:
    found = shop.living.payouts.at_hand(ID)
    assert found is not None
    return found


def state(shop: Shop) -> PayoutState:
    return steward_of(shop).payout.state


def test_an_orderly_stop_records_what_is_in_flight(fast_folder: Path) -> None:
    """The answer is recorded before the process ends; the next one reads on."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos)
        await asyncio.sleep(0.01)
        assert state(shop) is PayoutState.SENDING
        await shop.restart()
        assert state(shop) is PayoutState.PENDING
        assert await till.result("P1") == "paid_out"
        assert shop.payer.recipients == [CARD]

    play(tale, fast_folder)


def test_what_was_never_sent_expires_in_the_dark(fast_folder: Path) -> None:
    """Nobody is there until its deadline; also over a start. Nothing is sent afterwards."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos, *[Mishap.REFUSED] * 50)
        await asyncio.sleep(5)
        await shop.restart(dark_s=70)
        assert await till.result("P1") == "expired"
        await asyncio.sleep(100)
        assert shop.payer.made == []

    play(tale, fast_folder)


def test_switched_off_it_is_not_sent_and_expires(fast_folder: Path) -> None:
    """A reload switches payouts off while one waits: what was begun is brought to its end, and that is not to send it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos, Mishap.REFUSED)
        await asyncio.sleep(0.1)
        terms = shop.living.setup.payouts
        off = {name: replace(one, policy=replace(PAYOUTS, enabled=False)) for name, one in terms.items()}
        shop.living.reconfigure(replace(shop.living.setup, payouts=off), None)
        assert await till.result("P1", 200) == "expired"
        assert shop.payer.made == []

    play(tale, fast_folder)


def test_without_its_recipient_it_is_not_made(fast_folder: Path) -> None:
    """The vault lost what the request needs: a failed payout, not one to nobody."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos, Mishap.REFUSED)
        await asyncio.sleep(0.5)
        steward = steward_of(shop)
        steward.state = replace(steward.payout, fields=frozenset({"card_number", "name"}))
        assert await till.result("P1") == "failed"
        assert (steward.payout.reason, shop.payer.made) == ("SECRET_LOST", [])

    play(tale, fast_folder)


def test_a_system_that_left_the_configuration_is_waited_for(fast_folder: Path) -> None:
    """Nothing is done for the payout, and nothing goes wrong; when it is back, it is read on."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos, Mishap.LOSE_ANSWER)
        await asyncio.sleep(1)
        setup = shop.living.setup
        shop.living.reconfigure(replace(setup, payouts={}), None)
        await asyncio.sleep(100)
        assert state(shop) is PayoutState.UNKNOWN
        shop.living.reconfigure(setup, None)
        assert await till.result("P1") == "paid_out"

    play(tale, fast_folder)


def test_a_message_during_a_look_leads_to_another(fast_folder: Path) -> None:
    """The look under way may have been answered before the message was made."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.payer.work_ms = 30_000
        await paying(shop, pos)
        await asyncio.sleep(4.5)
        steward = steward_of(shop)
        assert steward.hurry()
        await asyncio.sleep(0.01)
        assert steward.memory.reading
        before = steward.memory.reads
        assert steward.hurry()
        await asyncio.sleep(1.2)
        assert steward.memory.reads == before + 2

    play(tale, fast_folder)


def test_neither_waits_for_the_other(fast_folder: Path) -> None:
    """A payout system that hangs delays no sale, and a bank that hangs no payout."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.payer.work_ms = 10_000_000
        for key in ("P1", "P2"):
            await PayoutTill(pos).pay(key)
        assert (await pos.sell("K1")).refused is None
        assert (await pos.result("K1")).success is True
        till = PayoutTill(pos)
        shop.payer.work_ms = 0
        fault(shop, FaultKind.DELAY, Operation.CHECKOUT, times=None, ms=600_000)
        await pos.sell("K2")
        await till.pay("P3", 1_000)
        assert await till.result("P3") == "paid_out"

    play(tale, fast_folder)


def test_a_restored_journal_sends_nothing_again(fast_folder: Path) -> None:
    """Queued in the backup: a person's. Held back with an id: searched for, and found. New ones wait for the release."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos, Mishap.REFUSED)
        await asyncio.sleep(0.5)
        assert state(shop) is PayoutState.QUEUED
        await shop.living.ports.journal.note(RESTORED_NOTE, YESTERDAY)
        await shop.restart()
        assert state(shop) is PayoutState.UNKNOWN
        assert await till.result("P1") == "attention"
        assert shop.payer.asked == []
        assert (await till.pay("P2")).refused == "BUSY"
        await shop.restart()
        assert sum(1 for one in await kinds(shop) if one == "restored") == 1

    play(tale, fast_folder)


async def kinds(shop: Shop) -> list[str]:
    assert shop.journal is not None
    return [one.kind for one in await shop.truly(shop.journal.stream(ID)) or ()]


def test_a_full_disk_at_the_start_lets_it_stand_still(fast_folder: Path) -> None:
    """What a restore means cannot be recorded: the payout does nothing and answers nobody until there is room (promise P13)."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos, Mishap.REFUSED)
        await asyncio.sleep(0.5)
        await shop.living.ports.journal.note(RESTORED_NOTE, YESTERDAY)
        shop.from_the_start = full
        await shop.restart()
        with pytest.raises(Refusal, match="too full"):
            await shop.living.payouts.open(ID)
        await asyncio.sleep(60)
        assert shop.payer.asked == []
        shop.doors.on_append = shop.from_the_start = None
        await asyncio.sleep(2)
        assert await till.result("P1") == "attention"

    play(tale, fast_folder)


def test_a_result_waits_for_room_on_the_disk(fast_folder: Path) -> None:
    """An answer that cannot be recorded is recorded later; what cannot be told is not handed out."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos)
        await asyncio.sleep(0.01)
        shop.doors.on_append = full
        await asyncio.sleep(5)
        assert state(shop) is PayoutState.SENDING
        shop.doors.on_append = None
        await asyncio.sleep(10)
        shop.doors.on_append = full
        counter = PayoutCounter(shop.living)
        with pytest.raises(Refusal) as caught:
            await counter.tell(steward_of(shop), "pos")
        assert caught.value.code == "BUSY"
        with pytest.raises(Refusal) as caught:
            await counter.record(steward_of(shop), lambda payout: asked.told_now(payout, "pos"))
        assert caught.value.code == "DISK_FULL"
        shop.doors.on_append = None
        assert await till.result("P1") == "paid_out"

    play(tale, fast_folder)


def test_a_poisoned_record_keeps_nobody_from_starting(fast_folder: Path) -> None:
    """A stream that cannot be read, and one that cannot be marked, are set aside; the rest goes on (promise P20)."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await paying(shop, pos, Mishap.LOSE_REQUEST)
        await asyncio.sleep(1)
        payouts = shop.living.payouts

        def poisoned(name: str) -> None:
            raise Corrupt("a changed byte")

        shop.doors.reads = poisoned
        other = payout_id(STORE, TILL, "P2")
        assert not await payouts.recover(other, None)
        with pytest.raises(Refusal) as caught:
            await payouts.open(payout_id(STORE, TILL, "P3"))
        assert caught.value.code == "RECORD_DAMAGED"
        shop.doors.reads = lambda name: None
        assert await payouts.open(payout_id(STORE, TILL, "P4")) is None

        async def odd(step: Append) -> None:
            raise ZeroDivisionError("a bug")

        shop.doors.on_append = odd
        assert not await payouts.recover(ID, YESTERDAY)
        with pytest.raises(Refusal):
            payouts.at_hand(ID)

    play(tale, fast_folder)


def test_a_broken_journal_ends_the_process(fast_folder: Path) -> None:
    """At a start, at work, and when a register asks (promise P12)."""

    async def broken(step: Append) -> None:
        raise JournalBroken("I/O error")

    async def at_work(shop: Shop, pos: Pos) -> None:
        await paying(shop, pos)
        shop.doors.on_append = broken
        await asyncio.sleep(5)
        assert isinstance(shop.living.failed.result(), JournalBroken)

    async def at_a_start(shop: Shop, pos: Pos) -> None:
        await paying(shop, pos, Mishap.LOSE_REQUEST)
        await asyncio.sleep(1)
        shop.doors.on_append = broken
        with pytest.raises(JournalBroken):
            await shop.living.payouts.recover(ID, YESTERDAY)

    async def asked_for(shop: Shop, pos: Pos) -> None:
        def fails(name: str) -> None:
            raise JournalBroken("I/O error")

        shop.doors.reads = fails
        with pytest.raises(Stopped):
            await shop.living.payouts.open(ID)

    for folder, tale in (("work", at_work), ("start", at_a_start), ("asked", asked_for)):
        (fast_folder / folder).mkdir()
        play(tale, fast_folder / folder)


def test_what_drives_a_payout_fails(fast_folder: Path) -> None:
    """It is set aside and parked; nothing else stops."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await paying(shop, pos, Mishap.LOSE_REQUEST)
        await asyncio.sleep(1)
        steward = steward_of(shop)
        steward.state = replace(steward.payout, call=None)
        steward.rouse()
        await asyncio.sleep(1)
        assert [one.id for one in await shop.living.ports.journal.parked()] == [ID]
        shop.living.payouts.set_aside(steward, ValueError("again"))
        assert [one.reason[:14] for one in await shop.living.ports.journal.parked()] == ["AssertionError"]

    play(tale, fast_folder)


def test_the_account_may_not_change_while_a_payout_is_open(fast_folder: Path) -> None:
    """Money rule 10 holds for payouts: what may have been sent keeps the account."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos, Mishap.LOSE_REQUEST)
        assert await till.result("P1") == "attention"
        bindings = shop.living.setup.bindings
        other = {name: replace(one, account="https://pay.example/other") for name, one in bindings.items()}
        accounts = {one.account for one in bindings.values()}
        assert shop.journal is not None
        with pytest.raises(CannotStart, match="payout:P1"):
            await shop.truly(check_bindings(other, accounts, shop.journal, bindings))
        with pytest.raises(CannotStart, match="payout:P1"):
            await shop.truly(check_bindings({}, accounts, shop.journal, bindings))

    play(tale, fast_folder)


def test_the_row_can_be_written_anew_from_the_record(fast_folder: Path) -> None:
    """A migration that rebuilds the rows knows payouts, and refuses what does not fit."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos)
        await till.result("P1")
        assert shop.journal is not None
        entries = await shop.truly(shop.journal.stream(ID))
        assert entries is not None
        (stored_row,) = await shop.truly(shop.journal.find(Query(payouts=True)))
        assert project(ID, entries) == stored_row == row(steward_of(shop).payout)
        with pytest.raises(Corrupt, match="do not fit"):
            project(ID, [*entries, entries[0]])

    play(tale, fast_folder)


def test_a_word_is_void_when_the_payout_has_moved(fast_folder: Path) -> None:
    """The second step does only what the first has shown; a request under way comes first."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos, Mishap.LATE_COPY)
        assert await till.result("P1") == "attention"
        operator = PayoutOperator(shop.living, PayoutCounter(shop.living))
        decision = asked.Decision(events.PayoutResolution.NOT_MADE, "support", "uid:0")
        shown = await operator.propose(ID, decision)
        assert shown.word is not None
        await asyncio.sleep(200)
        with pytest.raises(Refusal) as caught:
            await operator.resolve(ID, decision, shown.word)
        assert caught.value.code == "CONFLICT"
        assert await till.result("P1") == "paid_out"
        moved = await operator.look(ID)
        assert (moved.payout.state, moved.choices) == (PayoutState.PAID_OUT, ())

    play(tale, fast_folder)


def test_idle_payouts_leave_the_memory_and_come_back(fast_folder: Path) -> None:
    """A settled payout that is asked for is read from the file, verified and folded; two who ask at once get one steward."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos)
        assert await till.result("P1") == "paid_out"
        await asyncio.sleep(300)
        await till.poll("P1")
        await shop.restart()
        one, other = await asyncio.gather(shop.living.payouts.open(ID), shop.living.payouts.open(ID))
        assert one is other
        assert one is not None
        assert one.payout.told is not None

    play(tale, fast_folder)


def test_a_sale_and_a_payout_may_have_one_key(fast_folder: Path) -> None:
    """They are of two books: neither answers for the other."""

    async def tale(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos)
        sale = await create(shop, order("P1"))
        assert await till.result("P1") == "paid_out"
        assert (await pos.result("P1") if "P1" in pos.book else sale.sale) is not None
        assert isinstance(steward_of(shop).payout, Payout)
        assert stored.decode("paid_out", {}) == events.PaidOut()

    play(tale, fast_folder)
