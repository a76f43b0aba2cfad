"""Goal: a proven message that names, beside our own id, a payment that the sale does not know is neither lost nor believed: that payment is
read, and only what the payment system says of it makes it ours (promises P2 and P8, money rule 11). Method: the real engine and journal
with the bank's own systems, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.alarms import standing
from agent.core.answer import Money
from agent.core.hints import Hint
from agent.core.payment import PaymentState
from agent.core.sale import Sale
from agent.engine.looks import MAX_ABSENCES
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import FaultKind
from agent.sandbox.payconnect.knobs import PayConnectKnobs
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Operation
from tests.engine.support import Shop, finished, hear, play
from tests.engine.test_hints import KEY, fault, kept, paid_transaction
from tests.engine.test_hints_links import asked, at, bank
from tests.simulation.stories_links import POLICY
from tests.simulation.systems import PAYCONNECT, PAYCORE, SOFTLINE
from tests.simulation.till import Pos

BARE = replace(bank(), payconnect=PayConnectKnobs(bare_reads=True))


def tell(tale: Callable[[Shop, Pos], Awaitable[None]], folder: Path, system: str = PAYCONNECT, books: BankSettings | None = None) -> None:
    async def listened(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        await tale(shop, pos)

    play(listened, folder, POLICY, books or bank(), at(system))


async def lost(shop: Shop, pos: Pos) -> tuple[str, str]:
    """A create whose answer was lost, given up and told as not paid: its payment at the bank, and our own id of it."""
    fault(shop, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
    await pos.sell("K1")
    await pos.result("K1")
    sale = await the_sale(shop)
    assert (sale.payment, sale.transaction_id) == (PaymentState.CANCELED, None)
    assert sale.call is not None
    return paid_transaction(shop), sale.call.request_id


async def the_sale(shop: Shop) -> Sale:
    return (await shop.desk.find(KEY)).sale


def pays(shop: Shop, transaction_id: str) -> None:
    """Somebody pays it, with or without our link."""
    shop.bank.decide(shop.now_ms(), transaction_id, Customer(Action.CONFIRM))


def test_money_that_nobody_knows_of_is_found(tmp_path: Path) -> None:
    """Neither a search nor a repeat is possible, and the sale is over: the message alone finds the payment, and people are called."""

    async def tale(shop: Shop, pos: Pos) -> None:
        payment, reference = await lost(shop, pos)
        pays(shop, payment)
        for _ in range(3):
            await shop.hint(Hint(payment, reference))
        await asyncio.sleep(5)
        sale = await the_sale(shop)
        assert (sale.transaction_id, sale.payment, sale.late_money) == (payment, PaymentState.CANCELED, True)
        assert standing(sale) == ("LATE_MONEY", "NO_REFUND_CALL")
        assert (await hear(shop, KEY)).money is Money.STUCK
        assert await kept(shop) == []
        assert shop.noticed("hint.followed") == [{"transaction": payment, "led_to": "adopted"}]

    tell(tale, tmp_path)


def test_a_payment_that_is_not_paid_yet_is_watched(tmp_path: Path) -> None:
    """It is adopted as one that a search has found: what is paid later is found by the watch, without another message."""

    async def tale(shop: Shop, pos: Pos) -> None:
        payment, reference = await lost(shop, pos)
        await shop.hint(Hint(payment, reference))
        await asyncio.sleep(5)
        assert ((await the_sale(shop)).transaction_id, (await hear(shop, KEY)).money) == (payment, Money.POSSIBLE)
        pays(shop, payment)
        await asyncio.sleep(200)
        assert (await the_sale(shop)).late_money

    tell(tale, tmp_path)


def test_a_customer_who_waits_gets_his_link(tmp_path: Path) -> None:
    """The till has not given up yet: the payment is read, its link is shown, and it is paid."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.LOSE_ANSWER, Operation.CHECKOUT, hang_ms=2_000)
        selling = asyncio.create_task(pos.sell("K1"))
        await asyncio.sleep(0.5)
        sale = await the_sale(shop)
        assert sale.call is not None
        assert sale.call.open, "while the answer may come nothing is asked"
        await shop.hint(Hint(paid_transaction(shop), sale.call.request_id))
        assert asked(shop, Operation.STATUS) == 0
        await selling
        assert (await pos.result("K1")).state is PaymentState.PAID
        assert await kept(shop) == []

    tell(tale, tmp_path)


def test_what_a_message_says_alone_changes_nothing(tmp_path: Path) -> None:
    """Forged, foreign and unreadable ids beside our own: each costs a few reads, and the record stays as it was."""

    async def tale(shop: Shop, pos: Pos) -> None:
        _, reference = await lost(shop, pos)
        await pos.sell("K2")
        await pos.result("K2")
        other, stored = paid_transaction(shop, "order-K2"), await shop.events(KEY)
        before = asked(shop, Operation.STATUS)
        for made_up in (other, "p-unknown", "../../v1/auth/token", ".."):
            await shop.hint(Hint(made_up, reference))
        await asyncio.sleep(200)
        assert await shop.events(KEY) == stored
        assert asked(shop, Operation.STATUS) - before <= 1 + MAX_ABSENCES + 3, "the other sale's own watch reads, too"
        assert [one.transaction_id for one in await kept(shop)] == ["../../v1/auth/token", ".."]
        assert shop.noticed("hint.followed") == [{"transaction": other, "led_to": "nothing"}]

    tell(tale, tmp_path)


def test_an_answer_that_does_not_repeat_our_id_proves_nothing(tmp_path: Path) -> None:
    """The read tells amount and status, and not whose payment it is."""

    async def tale(shop: Shop, pos: Pos) -> None:
        payment, reference = await lost(shop, pos)
        pays(shop, payment)
        await shop.hint(Hint(payment, reference))
        await asyncio.sleep(30)
        assert (await the_sale(shop)).transaction_id is None
        assert shop.noticed("hint.followed") == [{"transaction": payment, "led_to": "nothing"}]

    tell(tale, tmp_path, books=BARE)


def test_it_waits_for_an_answer_through_an_outage_and_a_crash(tmp_path: Path) -> None:
    """The sender was told "taken" and does not repeat it: the message is on the disk until the payment could be read."""

    async def tale(shop: Shop, pos: Pos) -> None:
        payment, reference = await lost(shop, pos)
        pays(shop, payment)
        fault(shop, FaultKind.OUTAGE, ms=90_000)
        await shop.hint(Hint(payment, reference))
        await asyncio.sleep(10)
        assert await kept(shop) == [Hint(payment, reference)]
        await shop.reboot(30)
        await asyncio.sleep(240)
        await shop.up()
        assert (await the_sale(shop)).late_money
        assert await kept(shop) == []

    tell(tale, tmp_path)


def test_a_door_that_is_shut_for_minutes_loses_no_message(tmp_path: Path) -> None:
    """401 is no word about the payment: the message waits until somebody has mended the login, and the money is found then."""

    async def tale(shop: Shop, pos: Pos) -> None:
        payment, reference = await lost(shop, pos)
        pays(shop, payment)
        fault(shop, FaultKind.UNAUTHORIZED, Operation.STATUS, None)
        await shop.hint(Hint(payment, reference))
        await asyncio.sleep(600)
        assert (len(await kept(shop)), shop.noticed("hint.given_up")) == (1, [])
        shop.bank.clear_faults()
        await asyncio.sleep(600)
        sale = await the_sale(shop)
        assert (sale.transaction_id, sale.late_money, await kept(shop)) == (payment, True, [])

    tell(tale, tmp_path)


def test_a_payment_that_is_never_shown_is_given_up_with_a_word(tmp_path: Path) -> None:
    """The payment system knows no such payment, again and again: the log says so when the message is forgotten."""

    async def tale(shop: Shop, pos: Pos) -> None:
        _, reference = await lost(shop, pos)
        await shop.hint(Hint("tx-made-up", reference))
        await asyncio.sleep(120)
        assert (await kept(shop), shop.noticed("hint.given_up")) == ([], [{"transaction": "tx-made-up"}])

    tell(tale, tmp_path)


@pytest.mark.parametrize("at_work", [True, False])
def test_a_second_payment_for_one_key_is_seen(at_work: bool, tmp_path: Path) -> None:
    """The create was repeated after searches that found nothing, and its first copy arrived late: whether the sale is at work or over, a
    person is called, and the payment that counts stays what it is."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.LATE_FIRST_COPY, Operation.CHECKOUT, ms=14_000)
        await pos.sell("K1", tell=False)
        await asyncio.sleep(14.5)
        assert len(shop.bank.transactions()) == 2
        own = (await the_sale(shop)).transaction_id
        assert own is not None
        if not at_work:
            pays(shop, own)
        sale = await the_sale(shop) if at_work else await finished(shop, KEY)
        assert sale.finished is not at_work
        assert sale.call is not None
        (second,) = [one.id for one in shop.bank.transactions() if one.id != sale.transaction_id]
        await shop.hint(Hint(second, sale.call.request_id))
        await asyncio.sleep(3)
        seen = await the_sale(shop)
        assert (seen.transaction_id, standing(seen)) == (own, ("SECOND_TRANSACTION",))
        if at_work:
            pays(shop, own)
        assert (await finished(shop, KEY)).payment is PaymentState.PAID
        assert await kept(shop) == []

    tell(tale, tmp_path, SOFTLINE)


def test_late_money_of_an_order_that_is_paid_elsewhere_goes_back(tmp_path: Path) -> None:
    """Nobody was told of the canceled sale, and its order was paid by another one: the payment that turns up is named, and returned."""

    async def tale(shop: Shop, pos: Pos) -> None:
        for operation in (Operation.CHECKOUT, Operation.FIND):
            fault(shop, FaultKind.LOSE_ANSWER, operation, None)
        await pos.sell("K1", tell=False)
        sale = await finished(shop, KEY)
        assert (sale.payment, sale.transaction_id, sale.told) == (PaymentState.CANCELED, None, None)
        shop.bank.clear_faults()
        payment = paid_transaction(shop)
        await pos.sell("K2", "order-K1")
        assert (await pos.result("K2")).state is PaymentState.PAID
        pays(shop, payment)
        assert sale.call is not None
        await shop.hint(Hint(payment, sale.call.request_id))
        await asyncio.sleep(20)
        assert ((await the_sale(shop)).transaction_id, (await hear(shop, KEY)).money) == (payment, Money.RETURNED)

    tell(tale, tmp_path, PAYCORE)
