"""Goal: what a POS asks about a sale is answered once and for all, and money goes back once (money rules 4, 5, 8; promises P4, P7).

Method: the counter is asked by several at once, twice, and with other words; the bank's ledger counts the money.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core import answer, events
from agent.core.ask_refund import Wanted
from agent.core.model import SaleId
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.ports import Append, Conflict, JournalFull
from agent.core.refund import RefundState
from agent.engine.counter import GivenSale, RefundOrder
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.engine.support import Helper, Shop, create, finished, hear, order, play, refusal
from tests.simulation.stories import customer, fault
from tests.simulation.till import Pos, bill
from tests.simulation.world import STORE, TILL

PAID = PaymentState.PAID


async def paid(shop: Shop, key: str = "K1") -> SaleId:
    """A paid sale that was told and confirmed."""
    steward = await create(shop, order(key))
    assert (await finished(shop, steward.sale.id)).payment is PAID
    await hear(shop, steward.sale.id)
    await shop.desk.confirm(steward.sale.id, "pos")
    return steward.sale.id


def back(sale_id: SaleId, key: str = "R1", *wanted: Wanted, token: str | None = None, amount: int | None = None) -> RefundOrder:
    return RefundOrder(sale_id, key, wanted, amount, token, None)


async def settled(shop: Shop, sale_id: SaleId, key: str = "R1", patience_s: float = 3_600) -> RefundState:
    _, one = await shop.desk.get_refund(sale_id, key, patience_s)
    return one.state


def without_helper(shop: Shop) -> None:
    shop.with_card = False


# --- asking, cancel, confirm ---


def test_a_key_that_was_never_accepted_is_not_found(fast_folder: Path) -> None:
    """Get, cancel, confirm and refund of an unknown key: NOT_FOUND, and nothing is stored."""

    async def tale(shop: Shop, pos: Pos) -> None:
        nobody = SaleId(STORE, TILL, "nobody")
        asked = [
            shop.desk.get(nobody, 5),
            shop.desk.cancel(nobody),
            shop.desk.confirm(nobody, "pos"),
            shop.desk.refund(back(nobody)),
            shop.desk.get_refund(nobody, "R1", 5),
        ]
        assert [(await refusal(one)).code for one in asked] == ["NOT_FOUND"] * 5
        assert shop.loop.time() < 1

    play(tale, fast_folder)


def test_a_long_poll_wakes_when_the_sale_is_finished(fast_folder: Path) -> None:
    """It neither returns early nor waits for its end; ten pollers of one sale all wake."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await create(shop, order("K1"))
        began = shop.loop.time()
        await asyncio.gather(*(shop.desk.get(steward.sale.id, 60) for _ in range(10)))
        assert steward.sale.payment is PAID
        assert 2 <= shop.loop.time() - began < 3
        assert not steward.watchers

    play(tale, fast_folder)


def test_a_long_poll_ends_with_what_is_known(fast_folder: Path) -> None:
    """The wait is over and the customer still thinks: the unfinished state is answered at that moment."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.WAIT)
        steward = await create(shop, order("K1"))
        await shop.desk.get(steward.sale.id, 7)
        assert shop.loop.time() == pytest.approx(7, abs=0.1)
        assert steward.sale.payment is PaymentState.PENDING

    play(tale, fast_folder)


def test_a_long_poll_wakes_when_a_person_is_needed(fast_folder: Path) -> None:
    """Attention ends the wait: polling on would help nobody."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.WRONG_AMOUNT, Operation.STATUS, delta=1)
        steward = await create(shop, order("K1"))
        await shop.desk.get(steward.sale.id, 60)
        assert steward.sale.payment is PaymentState.ATTENTION
        assert shop.loop.time() < 5

    play(tale, fast_folder)


def test_a_cancel_of_a_finished_sale_changes_nothing(fast_folder: Path) -> None:
    """Paid stays paid, and not one event is added."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        before = await shop.events(sale_id)
        assert (await shop.desk.cancel(sale_id)).sale.payment is PAID
        assert await shop.events(sale_id) == before

    play(tale, fast_folder)


def test_cancels_of_cashier_and_wait_limit_meet(fast_folder: Path) -> None:
    """Ten cancels at once, and the wait limit on top: one cancel goes out, the cashier's wish is the reason."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.WAIT)
        steward = await create(shop, order("K1"))
        await asyncio.sleep(29.5)
        await asyncio.gather(*(shop.desk.cancel(steward.sale.id) for _ in range(10)))
        sale = await finished(shop, steward.sale.id)
        assert (sale.payment, sale.reason) == (PaymentState.CANCELED, "CANCELED_BY_CASHIER")
        assert len([one for one in shop.bank.log if one.operation is Operation.CANCEL]) == 1

    play(tale, fast_folder)


def test_only_what_was_handed_out_can_be_confirmed(fast_folder: Path) -> None:
    """Unfinished or untold: INVALID. Told: confirmed, and a second time changes nothing."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await create(shop, order("K1"))
        assert (await refusal(shop.desk.confirm(steward.sale.id, "pos"))).code == "INVALID"
        await finished(shop, steward.sale.id)
        assert (await refusal(shop.desk.confirm(steward.sale.id, "pos"))).code == "INVALID"
        await hear(shop, steward.sale.id)
        for _ in range(2):
            assert (await shop.desk.confirm(steward.sale.id, "pos")).sale.confirmed
        assert [type(one) for one in (await shop.events(steward.sale.id))[-2:]] == [events.Told, events.Confirmed]

    play(tale, fast_folder)


def test_an_answer_is_told_once_however_many_ask(fast_folder: Path) -> None:
    """Ten registers ask for a finished sale at once: one event, ten equal answers."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await create(shop, order("K1"))
        await finished(shop, steward.sale.id)
        heard = await asyncio.gather(*(hear(shop, steward.sale.id) for _ in range(10)))
        assert len(set(heard)) == 1
        assert [type(one) for one in await shop.events(steward.sale.id)].count(events.Told) == 1

    play(tale, fast_folder)


# --- refunds ---


def test_the_same_refund_key_is_the_same_refund(fast_folder: Path) -> None:
    """Asked again, during and after: one refund, one return of money; only the first request made it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        asked = back(sale_id, "R1", Wanted(0, 1))
        for number in range(2):
            _, one, new = await shop.desk.refund(asked)
            assert (one.amount, new) == (10_000, number == 0)
        assert await settled(shop, sale_id) is RefundState.REFUNDED
        assert (await shop.desk.refund(asked))[1].state is RefundState.REFUNDED
        assert shop.bank.ledger.refunded() == 10_000

    play(tale, fast_folder)


@pytest.mark.parametrize(
    "twin",
    [
        back(SaleId("", "", "")),
        back(SaleId("", "", ""), "R1", Wanted(0, 2)),
        back(SaleId("", "", ""), "R1", Wanted(0, 1, Kopecks(10_000))),  # the same sum: what is compared is what was sent
        back(SaleId("", "", ""), "R1", Wanted(0, 1), amount=10_000),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_same_refund_key_with_another_body_is_a_conflict(twin: RefundOrder, at_once: bool, fast_folder: Path) -> None:
    """One after the other or both at the same moment: the first counts, the other is CONFLICT and moves nothing."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        first, second = back(sale_id, "R1", Wanted(0, 1)), replace(twin, id=sale_id)
        if at_once:
            results = await asyncio.gather(shop.desk.refund(first), shop.desk.refund(second), return_exceptions=True)
            assert [getattr(one, "code", "done") for one in results] == ["done", "CONFLICT"]
        else:
            await shop.desk.refund(first)
            assert (await refusal(shop.desk.refund(second))).code == "CONFLICT"
        await settled(shop, sale_id)
        await asyncio.sleep(60)
        assert shop.bank.ledger.refunded() == 10_000

    play(tale, fast_folder)


def test_twin_requests_keep_the_first_token(fast_folder: Path) -> None:
    """Two copies of one request with different tokens at once: one refund, and the token that was stored first is the one that is sent."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        both = [shop.desk.refund(back(sale_id, "R1", token=f"token-{number}")) for number in (1, 2)]
        assert sorted(new for _, _, new in await asyncio.gather(*both)) == [False, True]
        assert shop.journal is not None
        kept = await shop.truly(shop.journal.secrets(sale_id))
        assert kept == {answer.refund_token("R1"): "token-1"}
        assert await settled(shop, sale_id) is RefundState.REFUNDED
        assert shop.bank.ledger.refunded() == 30_000
        assert await shop.kept_secrets(sale_id) == frozenset()

    play(tale, fast_folder, prepare=without_helper)


def test_two_refunds_go_one_after_the_other(fast_folder: Path) -> None:
    """The second waits for the first; together they never exceed the charge."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        await shop.desk.refund(back(sale_id, "R1", Wanted(0, 2)))
        await shop.desk.refund(back(sale_id, "R2", Wanted(0, 1)))
        assert (await refusal(shop.desk.refund(back(sale_id, "R3", Wanted(0, 1))))).code == "NOT_REFUNDABLE"
        assert await settled(shop, sale_id, "R2") is RefundState.REFUNDED
        assert await settled(shop, sale_id, "R1", 0) is RefundState.REFUNDED
        assert shop.bank.ledger.refunded() == 30_000

    play(tale, fast_folder)


REFUSED: dict[str, tuple[RefundOrder, str, str]] = {
    "too many units": (back(SaleId("", "", ""), "R1", Wanted(0, 4)), "items[0].quantity", "MORE_THAN_LEFT"),
    "no such line": (back(SaleId("", "", ""), "R1", Wanted(7, 1)), "items[0].line", "WRONG_LINES"),
    "a line twice": (back(SaleId("", "", ""), "R1", Wanted(0, 1), Wanted(0, 1)), "items[1].line", "WRONG_LINES"),
    "another sum": (back(SaleId("", "", ""), "R1", Wanted(0, 1), amount=1), "refundAmount", "WRONG_LINES"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_refund_that_breaks_a_rule_stores_nothing(what: str, fast_folder: Path) -> None:
    """NOT_REFUNDABLE says why and names the field; the same key may be used for the corrected refund."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        asked, path, reason = REFUSED[what]
        error = await refusal(shop.desk.refund(replace(asked, id=sale_id)))
        assert (error.code, error.data) == ("NOT_REFUNDABLE", {"path": path, "reason": reason})
        await shop.desk.refund(back(sale_id, "R1", Wanted(0, 3)))
        assert await settled(shop, sale_id) is RefundState.REFUNDED

    play(tale, fast_folder)


def test_a_negative_amount_is_invalid(fast_folder: Path) -> None:
    """A sum that is no amount is the programmer's mistake."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        assert (await refusal(shop.desk.refund(back(sale_id, "R1", Wanted(0, 1, -5))))).code == "INVALID"

    play(tale, fast_folder)


def test_only_a_paid_sale_can_be_refunded(fast_folder: Path) -> None:
    """Pending, declined: NOT_REFUNDABLE."""

    async def tale(shop: Shop, pos: Pos) -> None:
        customer(shop, "order-K1", Action.DECLINE)
        steward = await create(shop, order("K1"))
        assert (await refusal(shop.desk.refund(back(steward.sale.id)))).code == "NOT_REFUNDABLE"
        await finished(shop, steward.sale.id)
        assert (await refusal(shop.desk.refund(back(steward.sale.id)))).code == "NOT_REFUNDABLE"
        assert (await refusal(shop.desk.get_refund(steward.sale.id, "R1", 0))).code == "NOT_FOUND"

    play(tale, fast_folder)


def test_a_refund_without_token_waits_and_goes_when_it_comes(fast_folder: Path) -> None:
    """No helper and no token: the alarm is immediate, the refund stays queued; repeating it with a token lets it go."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        await shop.desk.refund(back(sale_id))
        await asyncio.sleep(0.1)
        steward = await shop.desk.find(sale_id)
        assert "TOKEN_UNAVAILABLE" in steward.sale.alarms
        assert await settled(shop, sale_id, patience_s=600) is RefundState.QUEUED
        await shop.desk.refund(back(sale_id, token="late-token"))
        await shop.desk.refund(back(sale_id, token="too-late-token"))
        assert await settled(shop, sale_id) is RefundState.REFUNDED
        assert shop.bank.ledger.refunded() == 30_000
        assert await shop.kept_secrets(sale_id) == frozenset()
        assert [type(one) for one in await shop.events(sale_id)].count(events.AlarmRaised) == 1

    play(tale, fast_folder, prepare=without_helper)


def test_a_helper_that_fails_delays_a_refund_and_raises_an_alarm(fast_folder: Path) -> None:
    """The token helper is broken for a minute: the refund is owed all the time and made afterwards."""
    helper = Helper()

    def prepare(shop: Shop) -> None:
        shop.card = helper

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        helper.broken = True
        await shop.desk.refund(back(sale_id))
        await asyncio.sleep(60)
        assert "TOKEN_UNAVAILABLE" in (await shop.desk.find(sale_id)).sale.alarms
        assert shop.noticed("refund.token_unavailable")
        assert shop.bank.ledger.refunded() == 0
        helper.broken = False
        assert await settled(shop, sale_id) is RefundState.REFUNDED

    play(tale, fast_folder, prepare=prepare)


def test_a_refund_on_a_full_disk_is_refused(fast_folder: Path) -> None:
    """DISK_FULL, nothing stored, nothing sent."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)

        async def full(step: Append) -> None:
            raise JournalFull("no space left on the device")

        shop.doors.on_append = full
        assert (await refusal(shop.desk.refund(back(sale_id)))).code == "DISK_FULL"
        assert (await refusal(shop.desk.refund(given(shop, "T-unknown")))).code == "DISK_FULL"
        shop.doors.on_append = None
        assert (await refusal(shop.desk.get_refund(sale_id, "R1", 0))).code == "NOT_FOUND"

    play(tale, fast_folder)


# --- sales of elsewhere ---


def given(
    shop: Shop, transaction_id: str, key: str = "F1", refund_key: str = "R1", order_id: str = "order-K1", terminal: str = TILL
) -> RefundOrder:
    """A refund of a sale as another till made it."""
    described = GivenSale(bill(order_id), transaction_id)
    return RefundOrder(SaleId(STORE, terminal, key), refund_key, (), None, None, described)


async def of_another_till(shop: Shop) -> str:
    """The transactionId of a paid sale whose record the next life does not have."""
    sale_id = await paid(shop)
    transaction_id = (await shop.desk.find(sale_id)).sale.transaction_id
    assert transaction_id is not None
    shop.generation += 1  # a new disk
    await shop.restart()
    return transaction_id


def test_a_sale_of_another_till_is_refunded_by_its_transaction(fast_folder: Path) -> None:
    """Described by the POS, refunded, and kept as ``elsewhere``; without the description it is NOT_FOUND."""

    async def tale(shop: Shop, pos: Pos) -> None:
        transaction_id = await of_another_till(shop)
        asked = given(shop, transaction_id)
        assert (await refusal(shop.desk.refund(replace(asked, given=None)))).code == "NOT_FOUND"
        assert (await refusal(shop.desk.refund(given(shop, transaction_id, terminal="till-9")))).code == "UNKNOWN_TERMINAL"
        steward, one, _ = await shop.desk.refund(asked)
        assert steward.sale.payment is PaymentState.ELSEWHERE
        assert await settled(shop, asked.id) is RefundState.REFUNDED
        assert shop.bank.ledger.refunded() == 30_000
        assert (await shop.desk.refund(asked))[1].key == one.key
        assert (await hear(shop, asked.id)).told is False
        assert (await refusal(create(shop, order("F1", "order-K1")))).code == "CONFLICT"

    play(tale, fast_folder)


def test_one_key_does_not_stand_for_two_foreign_sales(fast_folder: Path) -> None:
    """The same key with another transaction, order or sum described: CONFLICT. Money never goes back by the wrong transaction."""

    async def tale(shop: Shop, pos: Pos) -> None:
        transaction_id = await of_another_till(shop)
        await shop.desk.refund(replace(given(shop, transaction_id), wanted=(Wanted(0, 1),)))
        for other in (
            given(shop, "another-transaction", refund_key="R2"),
            given(shop, transaction_id, refund_key="R2", order_id="another-order"),
            replace(given(shop, transaction_id, refund_key="R2"), given=GivenSale(bill("order-K1", pieces=9), transaction_id)),
        ):
            assert (await refusal(shop.desk.refund(other))).code == "CONFLICT"
        await shop.desk.refund(given(shop, transaction_id, refund_key="R2"))
        assert await settled(shop, given(shop, "").id, "R2") is RefundState.REFUNDED
        assert shop.bank.ledger.refunded() == 30_000

    play(tale, fast_folder)


def test_a_description_may_come_with_a_sale_of_our_own(fast_folder: Path) -> None:
    """A POS that always sends ``sale``: right, it changes nothing; of another sale, it is a CONFLICT."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        transaction_id = (await shop.desk.find(sale_id)).sale.transaction_id
        assert transaction_id is not None
        assert (await refusal(shop.desk.refund(given(shop, "T-other", key="K1")))).code == "CONFLICT"
        await shop.desk.refund(given(shop, transaction_id, key="K1"))
        assert await settled(shop, sale_id) is RefundState.REFUNDED

    play(tale, fast_folder)


def test_a_sale_that_is_held_here_is_not_foreign(fast_folder: Path) -> None:
    """Described under a new key although this journal holds it: HELD_HERE names the sale, and nothing is refunded past its record."""

    async def tale(shop: Shop, pos: Pos) -> None:
        sale_id = await paid(shop)
        transaction_id = (await shop.desk.find(sale_id)).sale.transaction_id
        assert transaction_id is not None
        error = await refusal(shop.desk.refund(given(shop, transaction_id, key="F1")))
        assert (error.code, error.data) == ("HELD_HERE", {"key": "K1", "terminalId": TILL})
        assert (await refusal(shop.desk.find(given(shop, "").id))).code == "NOT_FOUND"

    play(tale, fast_folder)


def test_a_foreign_refund_that_is_refused_leaves_no_sale_behind(fast_folder: Path) -> None:
    """A wrong description is refused, and the corrected one is taken under the same key."""

    async def tale(shop: Shop, pos: Pos) -> None:
        transaction_id = await of_another_till(shop)
        right = given(shop, transaction_id)
        lines = right.given.checkout.invoice if right.given else None
        assert lines is not None
        slipped = replace(bill("order-K1"), invoice=replace(lines, total_amount=Kopecks(3_000)))
        wrong = replace(right, given=GivenSale(slipped, transaction_id))
        assert (await refusal(shop.desk.refund(wrong))).code == "INVALID"
        assert (await refusal(shop.desk.find(right.id))).code == "NOT_FOUND"
        await shop.desk.refund(right)
        assert await settled(shop, right.id) is RefundState.REFUNDED

    play(tale, fast_folder)


def test_a_foreign_sale_whose_key_is_taken_meanwhile_is_a_conflict(fast_folder: Path) -> None:
    """A checkout under the same key is stored in the same moment: the refund is refused, the checkout stands."""

    async def tale(shop: Shop, pos: Pos) -> None:
        async def collide(step: Append) -> None:
            raise Conflict("sale has 1 events and not 0")

        shop.doors.on_append = collide
        assert (await refusal(shop.desk.refund(given(shop, "T1")))).code == "CONFLICT"

    play(tale, fast_folder)


def test_a_refund_whose_caller_hangs_up_is_carried_out(fast_folder: Path) -> None:
    """The request is cancelled while it is stored: the refund is made all the same."""

    async def tale(shop: Shop, pos: Pos) -> None:
        transaction_id = await of_another_till(shop)
        asked = given(shop, transaction_id)

        async def slow(step: Append) -> None:
            await asyncio.sleep(1)

        shop.doors.on_append = slow
        asking = asyncio.ensure_future(shop.desk.refund(asked))
        await asyncio.sleep(0.5)
        asking.cancel()
        await asyncio.sleep(1)
        assert await settled(shop, asked.id) is RefundState.REFUNDED

    play(tale, fast_folder)
