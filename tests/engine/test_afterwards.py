"""Goal: after a restore the provider is asked what the backup cannot know (money rule 10). Method: a backup is taken in the middle of a
simulated day, the day goes on, the backup is put in place, and the bank's books stay the witness."""

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path

from agent.core.ask_refund import Wanted
from agent.core.payment import PaymentState
from agent.core.policy import Unclaimed
from agent.core.ports import LAST_RESTORED_NOTE, RESTORED_NOTE, Append, JournalFull
from agent.core.refund import RefundState
from agent.engine.afterwards import Afterwards
from agent.engine.counter import GivenSale, RefundOrder
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import BANK, Shop, create, finished, hear, order, play, refusal
from tests.simulation.stories import POLICY, fault
from tests.simulation.till import Pos


async def put_backup_in_place(shop: Shop, backup: Path) -> None:
    """Stop, exchange the file, mark it as restored, start."""
    assert shop.journal is not None
    await shop.living.stop(1)
    await shop.truly(shop.journal.close())
    shop.generation += 1
    shop.path.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(backup, shop.path)
    shop.path.chmod(0o600)
    await shop.start()
    value = json.dumps({"at": shop.now().wall.isoformat(), "file": str(backup)})
    for name in (RESTORED_NOTE, LAST_RESTORED_NOTE):
        await shop.doors.note(name, value)
    await shop.restart()


async def backed_up(shop: Shop, backup: Path) -> None:
    """A copy of the file as an orderly stop leaves it; the day goes on."""
    assert shop.journal is not None
    await shop.living.stop(1)
    await shop.truly(shop.journal.close())
    shutil.copy(shop.path, backup)
    await shop.start()


async def sold(shop: Shop, pos: Pos, key: str) -> None:
    await pos.sell(key, f"order-{key}")
    await pos.result(key)
    await pos.confirm(key)


def test_recent_sales_are_compared_and_differences_named(fast_folder: Path) -> None:
    """One of two paid sales was returned after the backup: it alone is different and gets an alarm; the answers that are lost on the way
    are asked for again; a refund of it is looked up and not made twice, one of the other goes out."""

    async def tale(shop: Shop, pos: Pos) -> None:
        for key in ("K1", "K2"):
            await sold(shop, pos, key)
        await backed_up(shop, fast_folder / "backup.db")
        await pos.refund("K1", "R1", [])
        await asyncio.sleep(30)
        await put_backup_in_place(shop, fast_folder / "backup.db")

        fault(shop, FaultKind.ERROR_5XX, Operation.STATUS, times=1)
        afterwards = Afterwards(shop.living)
        looking = asyncio.ensure_future(afterwards.run())
        await asyncio.sleep(1)
        assert afterwards.left > 0
        await looking
        assert afterwards.left == 0
        assert [name.split("/")[-1] for name in afterwards.differences] == ["K1"]
        assert shop.noticed("restore.compared") == [{"differences": afterwards.differences}]
        (sale,) = [one.sale for one in shop.living.alive if one.sale.id.key == "K1"]
        assert "REFUNDED_ELSEWHERE" in sale.alarms
        for key in ("K1", "K2"):
            await pos.refund(key, "R2", [])
        await asyncio.sleep(30)
        for one in shop.bank.transactions():
            assert one.refunded == one.amount
        states = [(one.sale.id.key, one.sale.refunds[0].state) for one in shop.living.alive if one.sale.refunds]
        assert sorted(states) == [("K1", RefundState.REFUNDED), ("K2", RefundState.REFUNDED)]

    play(tale, fast_folder)


def test_a_refund_is_looked_up_although_nobody_compared(fast_folder: Path) -> None:
    """Released before the comparison came that far, or long after it: the mark of the restore stays in the journal."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await sold(shop, pos, "K1")
        await backed_up(shop, fast_folder / "backup.db")
        await pos.refund("K1", "R1", [])
        await asyncio.sleep(30)
        await put_backup_in_place(shop, fast_folder / "backup.db")
        assert (await refusal(shop.desk.find(order("K9").id))).code == "BUSY"
        assert (await refusal(create(shop, order("K9")))).code == "BUSY"
        await shop.doors.note(RESTORED_NOTE, None)
        assert (await refusal(shop.desk.find(order("K9").id))).code == "RECORD_LOST"
        await pos.refund("K1", "R2", [])
        await asyncio.sleep(30)
        (transaction,) = shop.bank.transactions()
        assert transaction.refunded == transaction.amount
        await sold(shop, pos, "K2")  # after the restore: nothing of it can be elsewhere
        await pos.refund("K2", "R1", [])
        await asyncio.sleep(30)
        sale = (await shop.desk.find(order("K2").id)).sale
        assert (sale.restored, sale.refunds[0].state) == (False, RefundState.REFUNDED)

    play(tale, fast_folder)


def test_an_empty_backup_and_records_that_cannot_be_used_hold_nothing_up(fast_folder: Path) -> None:
    """Nothing to look at is the end of it; a sale that is set aside is shown as such anyway; a canceled one is looked at as well."""

    async def tale(shop: Shop, pos: Pos) -> None:
        empty = Afterwards(shop.living)
        await empty.run()
        assert (empty.left, empty.differences) == (0, [])
        await sold(shop, pos, "K1")
        steward = await create(shop, order("K2"))
        await asyncio.sleep(0.5)
        await shop.desk.cancel(steward.sale.id)
        assert (await finished(shop, steward.sale.id)).payment in (PaymentState.CANCELED, PaymentState.PAID)
        shop.living.aside.put(order("K1").id, "a test")
        afterwards = Afterwards(shop.living)
        await afterwards.run()
        assert (afterwards.left, afterwards.differences) == (0, [])

    play(tale, fast_folder)


def test_a_described_sale_that_the_lost_journal_held_is_not_refunded_twice(fast_folder: Path) -> None:
    """Sold and partly refunded after the backup, and the register repeats that refund with the sale described: the payment is read first,
    and whether it is this refund or another one a person says. The bank returned it once."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await sold(shop, pos, "K0")
        await backed_up(shop, fast_folder / "backup.db")
        await sold(shop, pos, "K1")
        sale = (await shop.desk.find(order("K1").id)).sale
        assert sale.transaction_id is not None
        given = GivenSale(sale.checkout, sale.transaction_id)
        wanted = RefundOrder(sale.id, "R1", (Wanted(0, 1),), None, "pos-token-1", given)
        await shop.desk.refund(wanted)
        await asyncio.sleep(30)
        once = shop.bank.ledger.refunded()
        assert once > 0
        await put_backup_in_place(shop, fast_folder / "backup.db")
        await shop.doors.note(RESTORED_NOTE, None)
        _, _, new = await shop.desk.refund(wanted)
        await asyncio.sleep(30)
        assert (new, shop.bank.ledger.refunded()) == (True, once)
        one = (await shop.desk.find(sale.id)).sale
        assert (one.refunds[0].state, one.alarms) == (RefundState.ATTENTION, {"REFUND_AMBIGUOUS"})

    play(tale, fast_folder)


def test_money_that_may_have_been_handed_out_after_the_backup_is_kept(fast_folder: Path) -> None:
    """Paid and told to nobody when the backup was made, handed out afterwards: no clock gives the money back, a person is called."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await create(shop, order("K1"))
        assert (await finished(shop, order("K1").id)).payment is PaymentState.PAID
        await backed_up(shop, fast_folder / "backup.db")
        assert (await hear(shop, order("K1").id)).state is PaymentState.PAID
        await put_backup_in_place(shop, fast_folder / "backup.db")
        await asyncio.sleep(600)
        sale = (await shop.desk.find(order("K1").id)).sale
        assert (sale.payment, sale.alarms) == (PaymentState.PAID, {"UNCLAIMED"})
        assert shop.bank.ledger.refunded() == 0

    play(tale, fast_folder, replace(POLICY, unclaimed=Unclaimed.RETURN))


def test_a_start_after_a_restore_does_not_wait_for_a_full_disk(fast_folder: Path) -> None:
    """What the restore means for a queued sale cannot be stored: the till starts all the same, the sale stands still and nobody may ask of
    it, not even the comparison; once there is room it is marked, and needs a person."""

    async def tale(shop: Shop, pos: Pos) -> None:
        queued = order("K1")
        first, second = await create(shop, order("K0")), await create(shop, queued)
        await asyncio.sleep(1)
        assert second.sale.payment is PaymentState.QUEUED
        await backed_up(shop, fast_folder / "backup.db")
        room = asyncio.Event()

        async def full(step: Append) -> None:
            if not room.is_set():
                raise JournalFull("no space left on the device")

        shop.from_the_start = full
        async with asyncio.timeout(60):
            await put_backup_in_place(shop, fast_folder / "backup.db")
        for sale_id in (first.sale.id, queued.id):
            assert (await refusal(shop.desk.find(sale_id))).code == "DISK_FULL"
        sent = len(shop.bank.transactions())
        await asyncio.sleep(300)
        assert len(shop.bank.transactions()) == sent
        room.set()
        await asyncio.sleep(5)
        sale = (await shop.desk.find(queued.id)).sale
        assert (sale.payment, sale.reason) == (PaymentState.ATTENTION, "RESTORED")
        assert (await finished(shop, first.sale.id)).restored
        assert len(shop.bank.transactions()) == sent

    play(tale, fast_folder, bank=replace(BANK, customer=Customer(Action.WAIT, 0)))
