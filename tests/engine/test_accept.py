"""Goal: no bill is paid twice, and nothing is stored that cannot be carried out (money rules 6, 7, 10; promises P1, P4, P13).

Method: checkouts are handed to the real engine on a real journal in virtual time; refusals are compared with what is stored afterwards.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent.core.answer import row
from agent.core.ask_refund import Wanted
from agent.core.model import Item
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.policy import Offline
from agent.core.ports import RESTORED_NOTE, Append, Conflict, Corrupt, JournalBroken, JournalFull, Query
from agent.engine.accept import MAX_LANE_SALES
from agent.engine.errors import Stopped
from agent.engine.setup import Setup
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from tests.engine.support import TILL_2, Shop, create, finished, gate, hear, order, play, refusal
from tests.simulation.stories import POLICY, customer, fault
from tests.simulation.till import Pos, bill
from tests.simulation.world import STORE, TILL

PAID = PaymentState.PAID
DAY_S = 86_400.0


async def stored(shop: Shop) -> list[str]:
    assert shop.journal is not None
    return [one.id.key for one in await shop.truly(shop.journal.find(Query(limit=500)))]


# --- the same key ---


def test_the_same_key_and_body_is_the_same_sale(fast_folder: Path) -> None:
    """A POS that asks again, with another token even, gets the sale it has: one transaction, one charge."""

    async def tale(shop: Shop, pos: Pos) -> None:
        first = await create(shop, order("K1"))
        again = await create(shop, order("K1", token="another-token"))
        assert again is first
        await finished(shop, first.sale.id)
        assert (await create(shop, order("K1"))).sale.payment is PAID
        assert len(shop.bank.transactions()) == 1
        assert shop.bank.ledger.charged() == 30_000

    play(tale, fast_folder)


OTHER_BODIES: dict[str, dict[str, Any]] = {
    "order": {"order_id": "order-2"},
    "amount": {"checkout": bill("order-K1", pieces=2)},
    "split": {"checkout": replace(bill("order-K1"), split=True)},
    "card": {"cardSession": "SX"},
    "item name": {
        "checkout": replace(
            bill("order-K1"),
            invoice=replace(bill("order-K1").invoice, items=(Item("Батон", "1", Decimal(10_000), 3, Kopecks(30_000), "vat10"),)),
        )
    },
}


@pytest.mark.parametrize("what", OTHER_BODIES)
def test_the_same_key_with_another_body_is_a_conflict(what: str, fast_folder: Path) -> None:
    """Amount, order, items, card or split changed under a used key: CONFLICT, and the first sale goes on untouched."""

    async def tale(shop: Shop, pos: Pos) -> None:
        first = await create(shop, order("K1"))
        error = await refusal(create(shop, order("K1", **OTHER_BODIES[what])))
        assert (error.code, error.data["key"]) == ("CONFLICT", "K1")
        assert (await finished(shop, first.sale.id)).payment is PAID
        assert shop.bank.ledger.charged() == 30_000

    play(tale, fast_folder)


def test_two_requests_at_once_for_one_key_make_one_sale(fast_folder: Path) -> None:
    """Twenty copies of one request arrive at the same moment: one sale, one transaction."""

    async def tale(shop: Shop, pos: Pos) -> None:
        stewards = await asyncio.gather(*(create(shop, order("K1")) for _ in range(20)))
        assert len(set(map(id, stewards))) == 1
        await finished(shop, stewards[0].sale.id)
        assert len(shop.bank.transactions()) == 1

    play(tale, fast_folder)


def test_two_requests_at_once_for_one_order_make_one_sale(fast_folder: Path) -> None:
    """Two tills send the same order at the same moment under different keys: one is taken, the other hears of it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        results = await asyncio.gather(
            create(shop, order("K1", "order-1")), create(shop, order("K2", "order-1", terminal=TILL_2)), return_exceptions=True
        )
        refused = [one for one in results if isinstance(one, Exception)]
        assert [getattr(one, "code", one) for one in refused] == ["ORDER_IN_DOUBT"]
        assert len(await stored(shop)) == 1

    play(tale, fast_folder)


def test_somebody_who_looks_while_the_sale_is_stored_does_not_split_it(fast_folder: Path) -> None:
    """A register asks for a sale that is on disk before its acceptance is answered: both hold the same live sale."""

    async def tale(shop: Shop, pos: Pos) -> None:
        looked: list[object] = []

        async def look(step: Append) -> None:
            if step.position == 0:
                looked.append(await shop.desk.find(step.id))

        shop.doors.after_append = look
        steward = await create(shop, order("K1"))
        assert looked == [steward]
        assert (await finished(shop, steward.sale.id)).payment is PAID
        assert (await hear(shop, steward.sale.id)).success is True

    play(tale, fast_folder)


def test_a_caller_that_hangs_up_leaves_a_sale_that_is_driven(fast_folder: Path) -> None:
    """The request is cancelled while its sale is being stored: the sale is stored, sent and paid, and the repeat finds it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        async with gate() as door:

            async def slow(step: Append) -> None:
                await door.wait()

            shop.doors.on_append = slow
            asking = asyncio.ensure_future(create(shop, order("K1")))
            await asyncio.sleep(0.1)
            asking.cancel()
            again = asyncio.ensure_future(create(shop, order("K1")))
            await asyncio.sleep(0.1)
            assert not again.done()  # the order is still taken by the first
        steward = await again
        assert (await finished(shop, steward.sale.id)).payment is PAID

    play(tale, fast_folder)


def test_a_key_is_unique_per_terminal(fast_folder: Path) -> None:
    """The same key at another till is another sale."""

    async def tale(shop: Shop, pos: Pos) -> None:
        one = await create(shop, order("K1", "order-1"))
        two = await create(shop, order("K1", "order-2", terminal=TILL_2, cardSession="S2"))
        assert one is not two
        assert {(await finished(shop, each.sale.id)).payment for each in (one, two)} == {PAID}

    play(tale, fast_folder)


def test_an_old_key_is_not_a_stale_success(fast_folder: Path) -> None:
    """A create that repeats a key told over a day ago is KEY_REUSED; asking for the old sale still works."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await create(shop, order("K1"))
        await finished(shop, steward.sale.id)
        await hear(shop, steward.sale.id)
        await asyncio.sleep(DAY_S - 60)
        assert (await create(shop, order("K1"))).sale.payment is PAID
        await asyncio.sleep(120)
        error = await refusal(create(shop, order("K1")))
        assert (error.code, error.data["key"]) == ("KEY_REUSED", "K1")
        assert (await refusal(create(shop, order("K1", "order-new")))).code == "CONFLICT"
        assert (await hear(shop, steward.sale.id)).success is True
        assert shop.bank.ledger.charged() == 30_000

    play(tale, fast_folder)


def test_an_old_key_that_was_never_told_is_still_answered(fast_folder: Path) -> None:
    """Finished a day ago and told to nobody: the repeat gets its answer, for it is the first to hear it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.DECLINE)
        steward = await create(shop, order("K1"))
        await finished(shop, steward.sale.id)
        await asyncio.sleep(2 * DAY_S)
        assert (await create(shop, order("K1"))).sale.payment is PaymentState.DECLINED

    play(tale, fast_folder)


# --- the same order ---


def test_an_order_in_doubt_is_not_sold_again(fast_folder: Path) -> None:
    """Unfinished or in attention, at any till of the store, a month later as well: ORDER_IN_DOUBT with the other's key."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.WRONG_AMOUNT, None, times=None, delta=100)
        steward = await create(shop, order("K1", "order-1"))
        error = await refusal(create(shop, order("K2", "order-1", terminal=TILL_2)))
        assert (error.code, error.data) == ("ORDER_IN_DOUBT", {"key": "K1", "terminalId": TILL, "amount": 30_000})
        assert (await finished(shop, steward.sale.id)).payment is PaymentState.ATTENTION
        shop.wall_shift_s = 30 * DAY_S
        assert (await refusal(create(shop, order("K2", "order-1")))).code == "ORDER_IN_DOUBT"
        assert (await create(shop, order("K3", "order-3"))).sale.payment is PaymentState.QUEUED

    play(tale, fast_folder)


def test_a_paid_order_is_not_sold_again_until_it_is_refunded(fast_folder: Path) -> None:
    """Paid today: ORDER_PAID with the other's key. A part refunded changes nothing, the whole does."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await pos.sell("K1", "order-1")
        await pos.result("K1")
        await pos.confirm("K1")
        error = await refusal(create(shop, order("K2", "order-1")))
        assert (error.code, error.data) == ("ORDER_PAID", {"key": "K1", "terminalId": TILL, "amount": 30_000})
        await pos.refund("K1", "R1", [Wanted(0, 1)])
        await pos.refunded("K1", "R1")
        assert (await refusal(create(shop, order("K2", "order-1")))).code == "ORDER_PAID"
        await pos.refund("K1", "R2")
        await pos.refunded("K1", "R2")
        steward = await create(shop, order("K2", "order-1"))
        assert (await finished(shop, steward.sale.id)).payment is PAID

    play(tale, fast_folder)


def test_an_order_number_that_two_bills_have(fast_folder: Path) -> None:
    """Another sum, at another till: it is still refused, since the payments of one order must not be two; but nobody is told that this bill
    is paid. The same sum is taken for the same bill."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await pos.sell("K1", "order-1")
        for _ in range(2):  # while it is open, and once it is paid
            error = await refusal(create(shop, order("K2", terminal=TILL_2, checkout=bill("order-1", pieces=4))))
            assert error.data == {"key": "K1", "terminalId": TILL, "amount": 30_000, "reason": "OTHER_BILL"}
            assert "reason" not in (await refusal(create(shop, order("K2", "order-1", terminal=TILL_2)))).data
            await pos.result("K1")
        assert error.code == "ORDER_PAID"

    play(tale, fast_folder)


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_paid_order_blocks_beyond_midnight_while_it_is_unconfirmed(confirmed: bool, fast_folder: Path) -> None:
    """Paid just before midnight of the shop: confirmed, the new day is free; unconfirmed, it blocks for an hour."""

    def near_midnight(shop: Shop) -> None:
        shop.change = lambda setup: replace(setup, timezone=timezone(timedelta(hours=15, minutes=58)))  # 8:00 UTC is 23:58 there

    async def tale(shop: Shop, pos: Pos) -> None:
        await pos.sell("K1", "order-1")
        await pos.result("K1")
        if confirmed:
            await pos.confirm("K1")
        await asyncio.sleep(180)
        if not confirmed:
            assert (await refusal(create(shop, order("K2", "order-1")))).code == "ORDER_PAID"
            await asyncio.sleep(3_600)
        steward = await create(shop, order("K2", "order-1"))
        first = await shop.desk.find(pos.sale_id("K1"))
        assert first.sale.business_date < steward.sale.business_date

    play(tale, fast_folder, prepare=near_midnight)


def test_a_not_paid_order_may_be_sold_again(fast_folder: Path) -> None:
    """Declined and told: a new key for the same order is a new attempt."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-1", Action.DECLINE)
        await pos.sell("K1", "order-1")
        assert (await pos.result("K1")).success is False
        await pos.sell("K2", "order-1")
        assert (await pos.result("K2")).success is True

    play(tale, fast_folder)


def test_split_payments_share_an_order(fast_folder: Path) -> None:
    """Two sales that say they are parts of one bill live side by side and are both paid; one that does not say so is refused."""

    async def tale(shop: Shop, pos: Pos) -> None:
        part = replace(bill("order-1"), split=True)
        one, two = [await create(shop, order(key, checkout=part)) for key in ("K1", "K2")]
        assert (await refusal(create(shop, order("K3", "order-1")))).code == "ORDER_IN_DOUBT"
        assert {(await finished(shop, each.sale.id)).payment for each in (one, two)} == {PAID}
        assert (await refusal(create(shop, order("K3", "order-1")))).code == "ORDER_PAID"
        assert shop.bank.ledger.charged(order_id="order-1") == 60_000

    play(tale, fast_folder)


def test_the_journal_stands_behind_the_rule(fast_folder: Path) -> None:
    """Should a neighbour slip through, the file's own constraint refuses: nothing is stored."""

    async def tale(shop: Shop, pos: Pos) -> None:
        async def collide(step: Append) -> None:
            raise Conflict("UNIQUE constraint failed: sale.store_id, sale.order_id")

        shop.doors.on_append = collide
        assert (await refusal(create(shop, order("K1")))).code == "ORDER_IN_DOUBT"
        assert await stored(shop) == []

    play(tale, fast_folder)


# --- offline ---


def test_a_queueing_terminal_waits_for_the_link(fast_folder: Path) -> None:
    """No link: queued with OFFLINE, sent once the link is back before the deadline."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.OUTAGE, ms=20_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(5)
        assert (steward.sale.payment, steward.sale.reason) == (PaymentState.QUEUED, "OFFLINE")
        assert (await finished(shop, steward.sale.id)).payment is PAID

    play(tale, fast_folder)


def test_an_expired_sale_is_never_sent_later(fast_folder: Path) -> None:
    """The deadline passes without a link: expired, no money, and no transaction when the link is back."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.OUTAGE, ms=31_000)
        steward = await create(shop, order("K1"))
        sale = await finished(shop, steward.sale.id, 29.9)
        assert sale.payment is PaymentState.QUEUED
        sale = await finished(shop, steward.sale.id, 0.2)
        assert (sale.payment, sale.reason) == (PaymentState.EXPIRED, "OFFLINE")
        await asyncio.sleep(600)
        assert shop.bank.transactions() == []

    play(tale, fast_folder)


def test_a_refusing_terminal_stores_nothing(fast_folder: Path) -> None:
    """``offline: refuse``: OFFLINE while the link is known to be down, nothing stored; the other till of the shop queues. A key that was
    accepted before is still answered."""

    def refuse_here(shop: Shop) -> None:
        def changed(setup: Setup) -> Setup:
            refusing = replace(setup.terminals[STORE, TILL], policies={"koshelek": replace(POLICY, offline=Offline.REFUSE)})
            return replace(setup, terminals={**setup.terminals, (STORE, TILL): refusing})

        shop.change = changed

    async def tale(shop: Shop, pos: Pos) -> None:
        before = await create(shop, order("K0"))
        await finished(shop, before.sale.id)
        shop.last_reached = False
        assert (await refusal(create(shop, order("K1")))).code == "OFFLINE"
        assert await stored(shop) == ["K0"]
        assert (await create(shop, order("K0"))) is before
        assert (await create(shop, order("K2", terminal=TILL_2))).sale.payment is PaymentState.QUEUED

    play(tale, fast_folder, prepare=refuse_here)


# --- limits and faults ---


def test_a_lane_has_a_limit(fast_folder: Path) -> None:
    """More checkouts than a till can have waiting: LIMIT at that till, none at the next; room again once some have expired."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.OUTAGE, ms=600_000)
        for number in range(MAX_LANE_SALES):
            await create(shop, order(f"K{number}"))
        assert (await refusal(create(shop, order("one-more")))).code == "LIMIT"
        await create(shop, order("elsewhere", terminal=TILL_2))
        await asyncio.sleep(31)
        await create(shop, order("one-more"))

    play(tale, fast_folder)


def test_a_wrong_checkout_names_every_problem_and_stores_nothing(fast_folder: Path) -> None:
    """INVALID lists all that is wrong at once: what the provider would refuse and what no helper can supply."""

    async def tale(shop: Shop, pos: Pos) -> None:
        good = bill("order-1")
        wrong = replace(good.invoice.items[0], tax="vat99", measure="FURLONG", total_amount=Kopecks(1))
        bad = replace(good, invoice=replace(good.invoice, items=(wrong,)))
        error = await refusal(create(shop, order("K1", checkout=bad, cardSession="", token="", barcode="290000", loyaltyId="")))
        assert error.code == "INVALID"
        paths = {one["path"] for one in error.data["details"]}
        item = "checkoutInvoice.items[0]"
        assert paths >= {"token", "cardSession", "user.loyaltyId", f"{item}.tax", f"{item}.measure", "checkoutInvoice.totalAmount"}
        assert "290000" not in str(error.data) + error.problem
        assert await stored(shop) == []

    def without_helper(shop: Shop) -> None:
        shop.with_card = False

    play(tale, fast_folder, prepare=without_helper)


def test_what_is_not_configured_is_refused(fast_folder: Path) -> None:
    """An unknown terminal is UNKNOWN_TERMINAL, an unknown provider INVALID; nothing is stored."""

    async def tale(shop: Shop, pos: Pos) -> None:
        assert (await refusal(create(shop, order("K1", terminal="till-9")))).code == "UNKNOWN_TERMINAL"
        error = await refusal(create(shop, order("K1", provider="paycore")))
        assert (error.code, error.data) == ("INVALID", {"path": "provider"})
        assert await stored(shop) == []

    play(tale, fast_folder)


def test_a_full_disk_refuses_new_checkouts_and_lets_the_others_finish(fast_folder: Path) -> None:
    """DISK_FULL stores nothing; the sale in flight is paid as soon as there is room; then new ones are taken again by themselves."""

    async def tale(shop: Shop, pos: Pos) -> None:
        before = await create(shop, order("K0"))

        async def full(step: Append) -> None:
            raise JournalFull("no space left on the device")

        shop.doors.on_append = full
        assert (await refusal(create(shop, order("K1", terminal=TILL_2)))).code == "DISK_FULL"
        await asyncio.sleep(20)
        assert before.sale.payment is not PAID
        assert shop.noticed("journal.full")
        shop.doors.on_append = None
        assert (await finished(shop, before.sale.id)).payment is PAID
        assert await stored(shop) == ["K0"]
        await create(shop, order("K1", terminal=TILL_2))

    play(tale, fast_folder)


@pytest.mark.parametrize("at", range(1, 5))  # accepted, attempt, transaction, paid
def test_a_disk_that_is_full_at_any_moment_costs_only_time(at: int, fast_folder: Path) -> None:
    """The n-th append of a sale finds the disk full for ten seconds: it ends paid all the same, charged once, or was refused at once."""

    async def tale(shop: Shop, pos: Pos) -> None:
        appends = 0
        room_at = 0.0

        async def full(step: Append) -> None:
            nonlocal appends, room_at
            appends += 1
            if appends == at:
                room_at = shop.loop.time() + 10
            if shop.loop.time() < room_at:
                raise JournalFull("no space left on the device")

        shop.doors.on_append = full
        if at == 1:
            assert (await refusal(create(shop, order("K1")))).code == "DISK_FULL"
            await asyncio.sleep(10)
        steward = await create(shop, order("K1"))
        assert (await finished(shop, steward.sale.id)).payment is PAID
        assert shop.bank.ledger.charged() == 30_000
        assert len(shop.bank.transactions()) == 1
        assert appends >= at

    play(tale, fast_folder)


def test_a_broken_journal_ends_the_engine(fast_folder: Path) -> None:
    """An I/O error on a new checkout: Stopped for the caller and everybody after, and ``failed`` tells the runtime."""

    async def tale(shop: Shop, pos: Pos) -> None:
        async def broken(step: Append) -> None:
            raise JournalBroken("disk I/O error")

        shop.doors.on_append = broken
        with pytest.raises(Stopped):
            await create(shop, order("K1"))
        assert isinstance(shop.living.failed.result(), JournalBroken)
        shop.doors.on_append = None
        with pytest.raises(Stopped):
            await create(shop, order("K2"))
        assert shop.bank.transactions() == []

    play(tale, fast_folder)


@pytest.mark.parametrize("call", ["stream", "neighbours"])
def test_a_journal_that_breaks_while_it_is_read_ends_the_engine(call: str, fast_folder: Path) -> None:
    """An I/O error on a read is as final as one on a write."""

    async def tale(shop: Shop, pos: Pos) -> None:
        def broken(name: str) -> None:
            if name == call:
                raise JournalBroken("disk I/O error")

        shop.doors.reads = broken
        with pytest.raises(Stopped):
            await (create(shop, order("K1")) if call == "neighbours" else shop.living.open(pos.sale_id("K1")))
        assert shop.living.failed.done()

    play(tale, fast_folder)


def test_a_damaged_neighbour_concerns_its_order_alone(fast_folder: Path) -> None:
    """The record of another sale of the order does not match its hash: this order is refused with RECORD_DAMAGED."""

    async def tale(shop: Shop, pos: Pos) -> None:
        def corrupt(name: str) -> None:
            if name == "neighbours":
                raise Corrupt("a row does not match its hash")

        shop.doors.reads = corrupt
        assert (await refusal(create(shop, order("K1")))).code == "RECORD_DAMAGED"
        shop.doors.reads = lambda name: None
        assert (await create(shop, order("K2"))).sale.payment is PaymentState.QUEUED

    play(tale, fast_folder)


def test_after_a_restore_nothing_new_is_taken(fast_folder: Path) -> None:
    """The note of a restore: new checkouts are BUSY until the operator releases it, old keys are answered."""

    async def tale(shop: Shop, pos: Pos) -> None:
        before = await create(shop, order("K0"))
        await finished(shop, before.sale.id)
        await shop.doors.note(RESTORED_NOTE, "2026-03-02")
        assert (await refusal(create(shop, order("K1")))).code == "BUSY"
        assert (await create(shop, order("K0"))) is before
        await shop.doors.note(RESTORED_NOTE, None)
        await create(shop, order("K1"))

    play(tale, fast_folder)


def test_nothing_is_taken_before_recovery_or_after_the_stop(fast_folder: Path) -> None:
    """An engine that is not up yet, or going down, says so and stores nothing."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.living._recovered = False
        with pytest.raises(Stopped):
            await create(shop, order("K1"))
        shop.living.run_all()
        await shop.living.stop(0)
        with pytest.raises(Stopped):
            await create(shop, order("K1"))
        assert await stored(shop) == []

    play(tale, fast_folder)


def test_the_row_says_what_the_rules_ask(fast_folder: Path) -> None:
    """The stored projection of an accepted sale is the one computed from its events."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await create(shop, order("K1"))
        sale = await finished(shop, steward.sale.id)
        assert shop.journal is not None
        (found,) = await shop.truly(shop.journal.find(Query(order_id="order-K1")))
        assert found == row(sale)

    play(tale, fast_folder)
