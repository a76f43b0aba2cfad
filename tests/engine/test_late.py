"""Goal: an answer or money that comes late is not lost, and changes nothing that was told (money rules 4, 5, 13; promises P2, P4).

Method: the bank answers after the agent has stopped waiting, or charges after it has agreed to cancel; its ledger counts the money.
"""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from agent.core import decide, events
from agent.core.answer import Money, answer
from agent.core.capability import PAYCORE
from agent.core.payment import PaymentState
from agent.core.ports import Append, Conflict, JournalFull
from agent.core.refund import RefundState
from agent.core.verdict import Found, Status
from agent.engine.steward import superseding
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.core.book import Book, book_in, seen
from tests.core.samples import ACCEPTED, CANCELED, LOST, SENT, WANTED, slip
from tests.engine.support import Shop, create, finished, hear, order, play, refusal
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos

PAID = PaymentState.PAID


def test_an_answer_after_the_wait_limit_is_used(fast_folder: Path) -> None:
    """Every answer to the checkout comes two seconds after we stopped waiting: the first one is enough, there is one transaction."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.CONFIRM, 10_000)
        fault(shop, FaultKind.DELAY, Operation.CHECKOUT, times=None, ms=7_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(5.5)
        assert steward.sale.payment is PaymentState.UNKNOWN
        await asyncio.sleep(2)
        assert (await shop.desk.find(steward.sale.id)).sale.payment is PaymentState.PENDING
        assert (await finished(shop, steward.sale.id)).payment is PAID
        await asyncio.sleep(60)
        assert len(shop.bank.transactions()) == 1

    play(tale, fast_folder)


def test_an_answer_after_everything_was_given_up_is_used(fast_folder: Path) -> None:
    """No answer for eleven minutes: a person is called. Then one arrives: the payment is found, and what it says is recorded."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.DELAY, Operation.CHECKOUT, times=1, ms=700_000)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(0.1)
        fault(shop, FaultKind.LOSE_REQUEST, Operation.CHECKOUT, times=None)
        sale = await finished(shop, steward.sale.id)
        assert (sale.payment, sale.reason) == (PaymentState.ATTENTION, "WINDOW_CLOSED")
        assert answer(sale).money is Money.POSSIBLE
        await asyncio.sleep(700)
        assert steward.sale.payment is PAID
        assert shop.bank.ledger.charged() == 30_000

    play(tale, fast_folder)


@pytest.mark.parametrize("told", [True, False])
def test_late_money_goes_back_unless_nobody_was_told(told: bool, fast_folder: Path) -> None:
    """Charged half a minute after the cancel: a told ``canceled`` stays, and the money goes back; an untold one becomes ``paid``."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.WAIT)
        fault(shop, FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=30_000)
        steward = await create(shop, order("K1"))
        assert (await finished(shop, steward.sale.id)).payment is PaymentState.CANCELED
        if told:
            await hear(shop, steward.sale.id)
        await asyncio.sleep(65)
        sale = steward.sale
        if told:
            assert (sale.payment, sale.late_money, answer(sale).success) == (PaymentState.CANCELED, True, False)
            assert answer(sale).money is Money.RETURNED
        else:
            assert sale.payment is PAID
        assert shop.bank.ledger.net() == (0 if told else 30_000)

    play(tale, fast_folder)


# --- superseded: the POS has sold the order again ---


def charged_after_the_cancel(shop: Shop) -> None:
    customer(shop, "order-1", Action.WAIT)
    fault(shop, FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=30_000)


def test_money_of_a_superseded_sale_goes_back(fast_folder: Path) -> None:
    """Canceled, untold, and its order sold again and paid: when the first turns out charged, its money goes back; one charge is left."""

    async def tale(shop: Shop, pos: Pos) -> None:
        charged_after_the_cancel(shop)
        first = await create(shop, order("K1", "order-1"))
        assert (await finished(shop, first.sale.id)).payment is PaymentState.CANCELED
        second = await create(shop, order("K2", "order-1"))
        assert (await finished(shop, second.sale.id)).payment is PAID
        await asyncio.sleep(65)
        heard = await hear(shop, first.sale.id)
        assert (heard.state, heard.success, heard.money) == (PaymentState.CANCELED, False, Money.RETURNED)
        assert first.sale.told is not None
        assert first.sale.told.by == "superseded"
        assert (shop.bank.ledger.charged(), shop.bank.ledger.net()) == (60_000, 30_000)

    play(tale, fast_folder)


def test_a_full_disk_does_not_stop_the_return_of_superseded_money(fast_folder: Path) -> None:
    """The very step that owes the return finds the disk full: it is repeated until it is stored."""

    async def tale(shop: Shop, pos: Pos) -> None:
        charged_after_the_cancel(shop)
        first = await create(shop, order("K1", "order-1"))
        await finished(shop, first.sale.id)
        second = await create(shop, order("K2", "order-1"))
        await finished(shop, second.sale.id)
        refused = 0

        async def full(step: Append) -> None:
            nonlocal refused
            if any(entry.kind == "late_money_found" for entry in step.entries) and refused < 5:
                refused += 1
                raise JournalFull("no space left on the device")

        shop.doors.on_append = full
        await asyncio.sleep(90)
        assert refused == 5
        assert shop.bank.ledger.net() == 30_000

    play(tale, fast_folder)


def test_another_sum_of_a_superseded_sale_needs_a_person(fast_folder: Path) -> None:
    """The slip of the late charge shows another amount: nothing goes back by itself, a person is called, and the new sale goes on."""

    async def tale(shop: Shop, pos: Pos) -> None:
        charged_after_the_cancel(shop)
        first = await create(shop, order("K1", "order-1"))
        await finished(shop, first.sale.id)
        ended = shop.loop.time()
        await asyncio.sleep(55)
        customer(shop, "order-1", Action.CONFIRM, 15_000)
        second = await create(shop, order("K2", "order-1"))
        await asyncio.sleep(ended + 59.9 - shop.loop.time())
        fault(shop, FaultKind.WRONG_AMOUNT, Operation.STATUS, times=2, delta=500)
        await asyncio.sleep(1)
        assert first.sale.payment is PaymentState.CANCELED
        (one,) = first.sale.refunds
        assert (one.state, one.reason) == (RefundState.ATTENTION, "AMOUNT_MISMATCH")
        assert answer(first.sale).money is Money.STUCK
        assert (await finished(shop, second.sale.id)).payment is not PaymentState.CANCELED
        assert shop.bank.ledger.refunded() == 0

    play(tale, fast_folder)


@pytest.mark.parametrize("status", [Status.PARTIAL_REFUNDED, Status.REFUNDING])
def test_what_somebody_else_returns_is_not_returned_beside_it(status: Status) -> None:
    """A superseded sale turns out charged and partly returned: as with one that was told of, a person looks, and nothing is sent."""
    book = book_in(PaymentState.CANCELED)
    found = superseding(lambda sale: decide.status_result(sale, seen(status), book.now, book.policy, book.plan), book.now)(book.sale)
    book.record(found)
    (one,) = book.sale.refunds
    assert (one.state, one.reason, book.owed) == (RefundState.ATTENTION, "REFUNDED_ELSEWHERE", [])
    assert book.alarms >= {"LATE_MONEY"}


def test_no_alarm_is_lost_when_money_of_a_superseded_sale_goes_back() -> None:
    """The slip names another shop, and there is more than one payment under our key."""
    book = Book([ACCEPTED, SENT, LOST, WANTED, CANCELED], caps=PAYCORE)
    paid = [seen(Status.ACCEPTED, slip(store_id="S99"), tx=name) for name in ("tx-1", "tx-2")]
    decider = partial(decide.search_result, request_id="r1", result=Found(tuple(paid)), now=book.now, plan=book.plan, policy=book.policy)
    book.record(superseding(decider, book.now)(book.sale))
    assert (book.sale.told is not None, [one.state for one in book.sale.refunds]) == (True, [RefundState.QUEUED])
    assert book.alarms == {"LATE_MONEY", "SECOND_TRANSACTION", "STORE_MISMATCH"}


def test_a_step_that_never_fits_parks_its_sale(fast_folder: Path) -> None:
    """The file refuses the step and the one in its place: the sale is set aside instead of trying for ever."""

    async def tale(shop: Shop, pos: Pos) -> None:
        charged_after_the_cancel(shop)
        first = await create(shop, order("K1", "order-1"))
        await finished(shop, first.sale.id)
        tries = 0

        async def collide(step: Append) -> None:
            nonlocal tries
            tries += 1
            raise Conflict("UNIQUE constraint failed")

        shop.doors.on_append = collide
        await asyncio.sleep(65)
        assert tries == 2
        assert (await refusal(shop.desk.find(first.sale.id))).code == "RECORD_DAMAGED"

    play(tale, fast_folder)


def test_a_conflict_without_money_parks_the_sale(fast_folder: Path) -> None:
    """A step that does not fit and proves no payment is a fault of ours: nothing is made of it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        async def collide(step: Append) -> None:
            if step.position == 1:
                raise Conflict("sale has 2 events and not 1")

        shop.doors.on_append = collide
        steward = await create(shop, order("K1"))
        await asyncio.sleep(1)
        assert (await refusal(shop.desk.find(steward.sale.id))).code == "RECORD_DAMAGED"
        assert not shop.bank.log
        assert [type(one) for one in await shop.events(steward.sale.id)] == [events.Accepted]

    play(tale, fast_folder)
