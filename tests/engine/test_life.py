"""Goal: stops, starts and restores lose nothing and invent nothing (money rules 2, 5, 10; promises P2, P5, P6, P11).

Method: the engine is stopped in the middle of things and started on the same file, on a copy of an older one, or with a note of a restore.
"""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core import events
from agent.core.answer import Money, money
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.policy import Unclaimed
from agent.core.ports import RESTORED_NOTE, Append, JournalFull
from agent.core.refund import RefundCause, RefundState
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import Shop, create, finished, hear, order, play, refusal
from tests.simulation.stories import POLICY, customer, fault
from tests.simulation.till import Pos

PAID = PaymentState.PAID
RETURN = replace(POLICY, unclaimed=Unclaimed.RETURN)


# --- stopping ---


def test_an_orderly_stop_records_what_is_in_flight(fast_folder: Path) -> None:
    """The bank needs three seconds for its answer; the stop waits for it, and the record holds the transaction."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.DELAY, Operation.CHECKOUT, ms=3_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(0.5)
        assert steward.sale.payment is PaymentState.SENDING
        await shop.living.stop(12)
        assert shop.loop.time() == pytest.approx(3.1, abs=0.2)
        assert (await shop.desk.find(steward.sale.id)).sale.payment is PaymentState.PENDING
        assert type((await shop.events(steward.sale.id))[-1]) is events.TransactionKnown

    play(tale, fast_folder)


def test_a_stop_waits_for_an_answer_that_was_given_up(fast_folder: Path) -> None:
    """The wait limit of an attempt passes while the agent stops; its late answer is recorded before the end."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.DELAY, Operation.CHECKOUT, times=None, ms=7_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(6.9)  # the first attempt was given up, the second is under way
        await shop.living.stop(12)
        assert steward.sale.transaction_id is not None

    play(tale, fast_folder)


def test_a_stop_does_not_wait_longer_than_its_grace(fast_folder: Path) -> None:
    """An answer that does not come is left to the next start: maybe sent, the same requestId, one transaction."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.DELAY, Operation.CHECKOUT, ms=4_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(0.5)
        await shop.restart()
        assert shop.loop.time() < 2
        sale = await finished(shop, steward.sale.id)
        assert sale.payment is PAID
        assert len(shop.bank.transactions()) == 1
        lost = [one for one in await shop.events(steward.sale.id) if isinstance(one, events.AttemptLost)]
        assert [one.reason for one in lost] == ["restart"]

    play(tale, fast_folder)


def test_a_stop_lets_a_step_that_is_being_stored_finish(fast_folder: Path) -> None:
    """Stopped while the intent of a sending is on its way to the disk: recorded, not sent, resolved by the next life."""

    async def tale(shop: Shop, pos: Pos) -> None:
        async def slow(step: Append) -> None:
            if step.position == 1:
                await asyncio.sleep(0.5)

        shop.doors.on_append = slow
        steward = await create(shop, order("K1"))
        await asyncio.sleep(0.2)
        await shop.living.stop(1)
        await asyncio.sleep(1)
        assert not shop.bank.log
        await shop.restart()
        assert (await finished(shop, steward.sale.id)).payment is PAID
        assert len(shop.bank.transactions()) == 1

    play(tale, fast_folder)


def test_every_unsettled_part_goes_on_after_a_restart(fast_folder: Path) -> None:
    """A cancel and a refund that were under way when the agent stopped are settled by the next life."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await pos.sell("K1")
        await pos.result("K1")
        customer(shop, "order-K2", Action.WAIT)
        await pos.sell("K2")
        await asyncio.sleep(1)
        fault(shop, FaultKind.LOSE_ANSWER, Operation.CANCEL, hang_ms=60_000)
        fault(shop, FaultKind.LOSE_ANSWER, Operation.REFUND, hang_ms=60_000)
        await pos.cancel("K2")
        await pos.refund("K1", "R1")
        await asyncio.sleep(0.5)
        await shop.restart()
        assert await pos.refunded("K1", "R1") is RefundState.REFUNDED
        assert (await pos.result("K2")).state is PaymentState.CANCELED
        assert shop.bank.ledger.refunded() == 30_000

    play(tale, fast_folder)


def test_a_start_on_a_full_disk_answers_at_once(fast_folder: Path) -> None:
    """Killed in the middle of a sending, and the disk is full at the next start: the till is up, refuses what is new, sends nothing, and
    goes on by itself when there is room."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.LOSE_ANSWER, Operation.CHECKOUT, hang_ms=60_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(0.5)

        async def full(step: Append) -> None:
            raise JournalFull("no space left on the device")

        shop.from_the_start = full
        await shop.restart()
        assert shop.loop.time() < 2
        assert (await shop.desk.get(steward.sale.id, 0)).sale.payment is PaymentState.SENDING
        assert (await refusal(create(shop, order("K2")))).code == "DISK_FULL"
        await asyncio.sleep(10)
        assert len(shop.bank.log) == 1
        shop.doors.on_append = None
        assert (await finished(shop, steward.sale.id)).payment is PAID
        assert len(shop.bank.transactions()) == 1

    play(tale, fast_folder)


# --- restored from a backup ---


def test_after_a_restore_nothing_counts_as_never_sent(fast_folder: Path) -> None:
    """The backup holds a queued sale that was paid after it was made: the restored agent does not send it again, a person decides. What
    has a transaction is followed; new checkouts are refused until the release."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.CONFIRM, 20_000)
        first = (await create(shop, order("K1"))).sale.id
        second = (await create(shop, order("K2"))).sale.id
        await asyncio.sleep(1)
        await shop.restart()  # a stopped journal is one file: its copy is the backup
        backup = fast_folder / "backup.db"
        assert shop.journal is not None
        await shop.living.stop(1)
        await shop.truly(shop.journal.close())
        shutil.copy(shop.path, backup)
        await shop.start()
        assert (await finished(shop, second)).payment is PAID

        await shop.living.stop(1)
        await shop.truly(shop.journal.close())
        shop.generation += 1
        shop.path.parent.mkdir(mode=0o700)
        shutil.copy(backup, shop.path)
        shop.path.chmod(0o600)
        await shop.start()
        await shop.doors.note(RESTORED_NOTE, "2026-03-02")
        await shop.restart()

        sale = (await shop.desk.find(second)).sale
        assert (sale.payment, sale.reason, money(sale)) == (PaymentState.ATTENTION, "RESTORED", Money.POSSIBLE)
        assert (await finished(shop, first)).payment is PAID
        assert (await refusal(create(shop, order("K3")))).code == "BUSY"
        await asyncio.sleep(600)
        assert [one.order_id for one in shop.bank.transactions()] == ["order-K1", "order-K2"]
        assert shop.bank.ledger.charged() == 60_000
        await shop.restart()  # a second start marks nothing twice
        assert [type(one) for one in await shop.events(second)].count(events.Restored) == 1

    play(tale, fast_folder)


# --- paid, and nobody asks ---


async def unclaimed_sale(shop: Shop, key: str = "K1") -> SaleId:
    steward = await create(shop, order(key))
    assert (await finished(shop, steward.sale.id)).payment is PAID
    return steward.sale.id


def test_a_payment_nobody_asks_for_is_kept_with_an_alarm(fast_folder: Path) -> None:
    """The default: after two minutes an alarm, the sale stays paid, and whoever asks later is told so."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await unclaimed_sale(shop)
        await asyncio.sleep(115)
        assert not (await shop.desk.find(sale_id)).sale.alarms
        await asyncio.sleep(10)
        assert "UNCLAIMED" in (await shop.desk.find(sale_id)).sale.alarms
        assert (await hear(shop, sale_id)).success is True
        assert await shop.kept_secrets(sale_id) == frozenset()
        assert shop.bank.ledger.net() == 30_000

    play(tale, fast_folder)


def test_a_payment_nobody_asks_for_goes_back_where_the_till_says_so(fast_folder: Path) -> None:
    """``unclaimed: return``: reversed and refunded in one commit; whoever asks later hears ``reversed`` and never ``paid``."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await unclaimed_sale(shop)
        await asyncio.sleep(180)
        heard = await hear(shop, sale_id)
        assert (heard.state, heard.success, heard.money) == (PaymentState.REVERSED, False, Money.RETURNED)
        (one,) = (await shop.desk.find(sale_id)).sale.refunds
        assert one.cause is RefundCause.UNCLAIMED
        assert shop.bank.ledger.net() == 0
        kinds = [type(event) for event in await shop.events(sale_id)]
        assert kinds.index(events.RefundOpened) == kinds.index(events.Reversed) + 1

    play(tale, fast_folder, policy=RETURN)


def test_a_payment_that_was_told_is_never_unclaimed(fast_folder: Path) -> None:
    """Told after a minute, confirmed never: it stays paid, without an alarm."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await unclaimed_sale(shop)
        await asyncio.sleep(100)
        await hear(shop, sale_id)
        await asyncio.sleep(600)
        sale = (await shop.desk.find(sale_id)).sale
        assert (sale.payment, sale.alarms) == (PAID, frozenset())

    play(tale, fast_folder, policy=RETURN)


def test_the_two_minutes_are_counted_anew_after_a_start(fast_folder: Path) -> None:
    """The agent was down while the register asked: it gets its full two minutes again."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await unclaimed_sale(shop)
        await asyncio.sleep(100)
        await shop.restart(dark_s=300)
        await asyncio.sleep(115)
        assert (await shop.desk.find(sale_id)).sale.payment is PAID
        await asyncio.sleep(10)
        assert (await shop.desk.find(sale_id)).sale.payment is PaymentState.REVERSED

    play(tale, fast_folder, policy=RETURN)


def test_a_payment_the_cashier_wanted_canceled_goes_back_whatever_the_till_says(fast_folder: Path) -> None:
    """The customer was faster than the cancel, and no register asks: the money goes back although the policy is to keep."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.CONFIRM, 3_005)
        fault(shop, FaultKind.DELAY, Operation.CANCEL, ms=600, before=True)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(2.9)
        await shop.desk.cancel(steward.sale.id)
        assert (await finished(shop, steward.sale.id)).payment is PAID
        await asyncio.sleep(180)
        assert steward.sale.payment is PaymentState.REVERSED
        assert shop.bank.ledger.net() == 0

    play(tale, fast_folder)


# --- deadlines ---


def test_a_disk_that_is_slower_than_the_deadline_sends_nothing(fast_folder: Path) -> None:
    """The intent is on disk only after the send deadline: nothing leaves, the sale expires."""

    async def tale(shop: Shop, pos: Pos) -> None:
        async def slow(step: Append) -> None:
            if step.position == 1:
                await asyncio.sleep(40)

        shop.doors.on_append = slow
        steward = await create(shop, order("K1"))
        sale = await finished(shop, steward.sale.id)
        assert (sale.payment, sale.reason) == (PaymentState.EXPIRED, "SEND_DEADLINE")  # the link is not to blame
        assert not shop.bank.log

    play(tale, fast_folder)


def test_a_queued_sale_of_another_boot_expires(fast_folder: Path) -> None:
    """The power was off: nobody can say for how long, so what was never sent is never sent."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.OUTAGE, ms=60_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(1)
        await shop.reboot(2)
        await asyncio.sleep(3)
        await shop.up()
        assert (await finished(shop, steward.sale.id)).payment is PaymentState.EXPIRED
        shop.bank.end_outage()
        await asyncio.sleep(60)
        assert shop.bank.transactions() == []

    play(tale, fast_folder)
