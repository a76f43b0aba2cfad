"""Goal: payouts are driven like sales and apart from them: stops, starts, restores, full disks, broken records (P2, P5, P13, P20)."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core import canonical
from agent.core.hints import Hint
from agent.core.model import Binding, Environment
from agent.core.money import Kopecks
from agent.core.payout import asked, events, stored
from agent.core.payout.answer import row
from agent.core.payout.contract import PayoutServices
from agent.core.payout.machine import PayoutState
from agent.core.payout.name import payout_id
from agent.core.payout.payout import Payout
from agent.core.ports import RESTORED_NOTE, Append, Corrupt, JournalBroken, JournalFull, Query
from agent.core.verdict import NotSent, Outcome, Reply, Request, Unclear
from agent.core.verdict import Operation as Asks
from agent.engine.couriers import MAX_COURIERS
from agent.engine.errors import Refusal, Stopped
from agent.engine.operator import Operator
from agent.engine.payout_advice import PayoutAdvisor
from agent.engine.payout_counter import PayoutCounter, Wish
from agent.engine.payout_hints import heard
from agent.engine.payout_operator import PayoutOperator
from agent.engine.payout_steward import PayoutSteward
from agent.engine.setup import Setup
from agent.running.bindings import check_bindings
from agent.running.errors import CannotStart
from agent.running.projecting import project
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import Shop, create, order, play
from tests.simulation.payer import NAME, Mishap, PaysByPayer
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


async def told_of(shop: Shop, reference: str | None) -> None:
    """The system's message about a payout."""
    assert await heard(shop.living, NAME, Hint(transaction_id="po-1", reference=reference, payout=True))


def offline(shop: Shop, times: int) -> None:
    """The next requests cannot be sent."""
    transport = shop.living.ports.transport

    async def exchange(*arguments: object) -> Outcome:
        nonlocal times
        times -= 1
        if not times:
            del vars(transport)["exchange"]
        return NotSent("dns")

    vars(transport)["exchange"] = exchange


def test_a_message_about_what_is_over_leads_to_a_look(fast_folder: Path) -> None:
    """Expired and told: made after all. A person's, and the looks are over: it clears up. A look that brings nothing is made again."""

    async def expired(shop: Shop, pos: Pos) -> None:
        till = await paying(shop, pos, *[Mishap.REFUSED] * 50)
        assert await till.result("P1") == "expired"
        await asyncio.sleep(1_000)
        call = steward_of(shop).payout.call
        assert call is not None
        shop.payer.mishaps.clear()
        shop.payer._make({"reference": call.request_id, "fields": {"card_number": CARD}, "amount": 40_000, "currency": "RUB"}, None)
        await told_of(shop, call.request_id)
        await asyncio.sleep(10)
        (found,) = await shop.truly(shop.journal.find(Query(payouts=True)))
        assert (found.state, found.alarms, found.money) == ("expired", "PAYOUT_FOUND", "possible")
        await told_of(shop, call.request_id)
        await asyncio.sleep(10)
        (found,) = await shop.truly(shop.journal.find(Query(payouts=True)))
        assert (found.state, found.alarms, found.money) == ("expired", "PAYOUT_FOUND PAYOUT_LATE", "paid_out")
        assert (await till.pay("P2", 50_000)).refused is None
        assert (await till.pay("P3", 10_001)).refused == "OVER_LIMIT", "its money has gone: it counts"

    async def undecided(shop: Shop, pos: Pos) -> None:
        shop.payer.late_ms = 9 * 86_400_000
        till = await paying(shop, pos, Mishap.LATE_COPY)
        assert await till.result("P1") == "attention"
        await asyncio.sleep(10 * 86_400)
        assert steward_of(shop).owed() == []
        call = steward_of(shop).payout.call
        assert call is not None
        offline(shop, 2)
        await told_of(shop, call.request_id)
        await asyncio.sleep(100)
        assert state(shop) is PayoutState.PAID_OUT

    for number, tale in enumerate((expired, undecided)):
        (fast_folder / str(number)).mkdir()
        play(tale, fast_folder / str(number))


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


def test_who_is_paid_is_forgotten_with_what_is_set_aside(fast_folder: Path) -> None:
    """Nothing of it is sent any more; its recipient is in the vault no longer, whatever the record says."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await paying(shop, pos, *[Mishap.REFUSED] * 50)
        await asyncio.sleep(1)
        assert await shop.kept_secrets(ID)
        shop.living.payouts.set_aside(steward_of(shop), ValueError("a bug"))
        await asyncio.sleep(1)
        assert await shop.kept_secrets(ID) == frozenset()

    play(tale, fast_folder)


def test_what_is_set_aside_counts_for_the_limit_of_the_day(fast_folder: Path) -> None:
    """Its row is damaged: by its record. Its record is damaged: as the most that it can have been, until somebody has taken it over."""

    def damage(shop: Shop, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(shop.path)) as connection, connection:
            connection.executescript(statement)

    async def tale(shop: Shop, pos: Pos) -> None:
        till = PayoutTill(pos)
        shop.payer.mishaps.append(Mishap.FAIL)
        for key, amount in (("P0", 45_000), ("P1", 20_000)):
            await till.pay(key, amount)
            await till.result(key)
        assert shop.journal is not None
        await shop.truly(shop.journal.checkpoint())
        damage(shop, "UPDATE sale SET updated_at = updated_at || ' '")
        await shop.restart()
        assert (await till.pay("P2", 45_000)).refused is None
        assert (await till.pay("P3", 35_001)).refused == "OVER_LIMIT"
        await till.result("P2")
        await shop.truly(shop.journal.checkpoint())
        its_events = "sale = (SELECT id FROM sale WHERE key = 'payout:P1')"
        damage(shop, f"DROP TRIGGER event_is_never_changed; UPDATE event SET body = body || ' ' WHERE {its_events}")  # noqa: S608 - our own text
        assert (await till.pay("P3", 5_001)).refused == "OVER_LIMIT", "45_000, and 50_000 for what nobody knows"
        operator = Operator(shop.living, shop.desk)
        parked = await operator.parked(ID)
        assert parked is not None
        word = (await operator.release(parked, "seen", "uid:0", None)).word
        await operator.release(parked, "seen", "uid:0", word)
        assert (await till.pay("P4", 50_000)).refused is None

    play(tale, fast_folder)


def test_of_the_recipient_the_record_holds_two_bytes(fast_folder: Path) -> None:
    """Whoever has a backup, which holds the key, cannot find the card by trying them all: of 65536 one fits. A mistake still shows."""

    async def tale(shop: Shop, pos: Pos) -> None:
        counter, terms, key = PayoutCounter(shop.living), shop.living.setup.payouts[NAME], shop.living.ports.journal.digest_key

        def digest(card: str, description: str = "Deposit") -> str:
            wish = Wish(ID, Kopecks(1), "card", description, {"card_number": card}, NAME, "pos")
            assert card not in repr(wish)
            return counter._digest(wish, counter._order(wish, terms), NAME)

        seen: dict[str, str] = {}
        cards = (f"22{number:014}" for number in range(10_000))
        one, other = next((seen[part], card) for card in cards if seen.setdefault(part := _two_bytes(card, key), card) != card)
        assert digest(one) == digest(other), "by two bytes they are the same"
        assert len({digest(card) for card in list(seen.values())[:50]}) == 50
        assert digest(one) != digest(one, "Else")

    play(tale, fast_folder)


def _two_bytes(card: str, key: bytes) -> str:
    return canonical.digest([["card_number", card]], key)[:4]


class Advises(PaysByPayer):
    """The system can be asked which services pay out."""

    def ask_payout_services(self, amount: Kopecks) -> Request:
        return Request(Asks.AVAILABILITY, "POST", "/services", {})

    def read_payout_services(self, reply: Reply) -> PayoutServices:
        return PayoutServices()


def test_advice_keeps_its_place_until_it_has_truly_ended(fast_folder: Path) -> None:
    """A system that answers nothing is asked one thing at a time, however often registers ask; at a stop nobody waits for it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        setup = shop.living.setup
        asked_of = {name: replace(one, provider=Advises()) for name, one in setup.payouts.items()}
        shop.living.reconfigure(replace(setup, payouts=asked_of), None)
        most = silent(shop, 60)
        advisor = PayoutAdvisor(shop.living, PayoutCounter(shop.living))
        questions = [advisor.ask(ID, Kopecks(1_000 + number), None) for number in range(4)]
        await asyncio.sleep(50)
        assert (most, [one.reason for one in questions]) == ([1], ["PROVIDER_UNAVAILABLE", None, None, None])
        await asyncio.sleep(25)
        assert (most, questions[1].reason) == ([1], "PROVIDER_UNAVAILABLE")
        shop.living.payouts.places.close()
        await asyncio.sleep(0.1)
        assert [one.reason for one in questions] == ["PROVIDER_UNAVAILABLE"] * 4

    play(tale, fast_folder)


def test_two_operators_cannot_name_one_transaction(fast_folder: Path) -> None:
    """At the same moment: the second is refused."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.payer.mishaps += [Mishap.LOSE_REQUEST] * 2
        till = PayoutTill(pos)
        for key in ("P1", "P2"):
            await till.pay(key, 1_000)
        names = [payout_id(STORE, TILL, key) for key in ("P1", "P2")]
        assert [await till.result(key) for key in ("P1", "P2")] == ["attention"] * 2
        operator = PayoutOperator(shop.living, PayoutCounter(shop.living))
        decision = asked.Decision(events.PayoutResolution.PAID_OUT, "support", "uid:0", "po-9")
        words = [(await operator.propose(one, decision)).word or "" for one in names]
        both = await asyncio.gather(
            *(operator.resolve(one, decision, word) for one, word in zip(names, words, strict=True)), return_exceptions=True
        )
        (refused,) = [one for one in both if isinstance(one, Refusal)]
        assert refused.code == "CONFLICT"

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


def taken_as(shop: Shop, change: Callable[[Setup], Setup]) -> None:
    """As soon as a payout is stored, another configuration comes into force: before it has left."""
    asked_for = shop.living.setup

    async def after(step: Append) -> None:
        shop.doors.after_append = None
        shop.living.reconfigure(change(asked_for), None)

    shop.doors.after_append = after


def real_money(setup: Setup) -> Setup:
    return replace(setup, bindings={name: replace(one, environment=Environment.PRODUCTION) for name, one in setup.bindings.items()})


def test_taken_as_play_money_it_never_leaves_as_real(fast_folder: Path) -> None:
    """Its side, or its account, was exchanged before it left: it waits, and expires. One that has a request already is told by its own."""

    async def tale(shop: Shop, pos: Pos) -> None:
        taken_as(shop, real_money)
        till = await paying(shop, pos)
        assert await till.result("P1") == "expired"
        assert (shop.payer.asked, steward_of(shop).payout.call) == ([], None)

    play(tale, fast_folder)


def switched_off(setup: Setup) -> Setup:
    return replace(setup, payouts={name: replace(one, policy=replace(PAYOUTS, enabled=False)) for name, one in setup.payouts.items()})


@pytest.mark.parametrize("change", [real_money, switched_off, lambda setup: replace(setup, payouts={})], ids=["side", "off", "gone"])
@pytest.mark.parametrize("when", ["in the queue", "at the vault"])
def test_what_waits_for_its_turn_asks_again_whether_it_may_leave(fast_folder: Path, change: Callable[[Setup], Setup], when: str) -> None:
    """A reload while it waits for a place, or while its recipient is read: what is in force as the attempt is recorded decides."""

    async def tale(shop: Shop, pos: Pos) -> None:
        payouts, setup = shop.living.payouts, shop.living.setup
        for _ in range(MAX_COURIERS):
            await payouts.places.sending.__aenter__()
        till = await paying(shop, pos)
        await asyncio.sleep(1)
        assert steward_of(shop).memory.leaving

        def reading(name: str) -> None:
            shop.living.reconfigure(change(setup), None)

        if when == "in the queue":
            shop.living.reconfigure(change(setup), None)
        else:
            shop.doors.reads = reading
        for _ in range(MAX_COURIERS):
            await payouts.places.sending.__aexit__(None, None, None)
        await asyncio.sleep(1)
        assert (shop.payer.asked, steward_of(shop).payout.state) == ([], PayoutState.QUEUED)
        shop.doors.reads = lambda name: None
        shop.living.reconfigure(setup, None)
        assert await till.result("P1") == "paid_out"

    play(tale, fast_folder)


def silent(shop: Shop, life_s: float) -> list[int]:
    """The system answers nothing: each request lives on long after nobody waits for it. How many are alive, and the most that were."""
    alive, most = [0], [0]

    async def exchange(
        binding: Binding, request: Request, secrets: object, late: Callable[[Outcome], None], not_after: object = None
    ) -> Outcome:
        alive[0] += 1
        most[0] = max(most[0], alive[0])

        def end() -> None:
            alive[0] -= 1
            late(Unclear("reset"))

        shop.loop.call_later(life_s, end)
        await asyncio.sleep(10)
        return Unclear("timeout")

    vars(shop.living.ports.transport)["exchange"] = exchange
    return most


def test_looks_keep_their_places_until_they_have_truly_ended(fast_folder: Path) -> None:
    """A system that answers nothing gets two looks at a time, however many payouts it has; what is to leave has places of its own."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.payer.mishaps += [Mishap.LOSE_ANSWER] * 8
        till = PayoutTill(pos)
        for number in range(8):
            await till.pay(f"H{number}", 1_000)
        await asyncio.sleep(2)
        most = silent(shop, 120)
        await asyncio.sleep(400)
        assert most == [MAX_COURIERS]
        await till.pay("P1", 1_000)
        await asyncio.sleep(1)
        assert (most, state(shop)) == ([MAX_COURIERS + 1], PayoutState.SENDING)

    play(tale, fast_folder)
