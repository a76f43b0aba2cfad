"""Goal: a message of a payment system is never believed and never lost: it leads to a read, and the read decides (promise P8, rule 11).
Method: the real engine and journal in virtual time; the bank says what is true, messages say anything."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.core import capability
from agent.core.answer import Money
from agent.core.capability import KOSHELEK, PAYCONNECT, SOFTLINE
from agent.core.hints import Hint
from agent.core.model import SaleId
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.ports import JournalFull
from agent.engine import hints as taking
from agent.engine import waiting
from agent.engine.errors import Stopped
from agent.engine.need import Need, need
from agent.engine.pace import FIRST_PAUSE_MS, MAX_LINES, MAX_PAUSE_MS, QUIET_MS, Pace
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.words import Operation
from tests.core.book import book_in, refunding_book
from tests.engine.support import BANK, Shop, create, finished, hear, order, play, refusal
from tests.simulation.stories import POLICY
from tests.simulation.till import Pos
from tests.simulation.world import STORE, TILL

SLOW = replace(POLICY, first_read_ms=500, read_interval_ms=5_000)  # without a message the bank is asked every five seconds
WAITING = replace(BANK, customer=Customer(Action.WAIT))
KEY = SaleId(STORE, TILL, "K1")
SLIP = Hint(order_id="order-K1", store_id=STORE, terminal_id=TILL, amount=Kopecks(30_000))
DAY_S = 86_400


def reads(shop: Shop) -> int:
    """How often the bank was asked for a status."""
    return [one.operation for one in shop.bank.log].count(Operation.STATUS)


def paid_transaction(shop: Shop, order_id: str = "order-K1") -> str:
    """The bank's id of an order's payment."""
    (one,) = [one for one in shop.bank.transactions() if one.order_id == order_id]
    return one.id


def fault(shop: Shop, kind: FaultKind, operation: Operation | None = None, times: int | None = 1, **params: int) -> None:
    shop.bank.add_fault(shop.now_ms(), Fault(kind, operation, times, params=params))


async def kept(shop: Shop) -> list[Hint]:
    """What waits on the disk."""
    assert shop.journal is not None
    return [one.hint for one in await shop.truly(shop.journal.hints())]


async def canceled(shop: Shop, pos: Pos, late_s: int) -> str:
    """A sale that was canceled and told, and of which money will come all the same so long after its cancel."""
    fault(shop, FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=late_s * 1_000)
    await pos.sell("K1")
    assert (await pos.result("K1")).state is PaymentState.CANCELED
    return paid_transaction(shop)


# --- what is read ---


def test_a_message_makes_the_next_read_due(tmp_path: Path) -> None:
    """The customer has just paid: the sale is told paid at once, and not with the next look five seconds later."""

    async def tale(shop: Shop, pos: Pos) -> float:
        await shop.listen()
        await pos.sell("K1", tell=False)
        await asyncio.sleep(2.2)
        await shop.hint(Hint(transaction_id=paid_transaction(shop)))
        sale = await finished(shop, KEY, 1)
        assert sale.payment is PaymentState.PAID
        assert shop.noticed("hint.heard") == [{"provider": "koshelek", "leads_to": "hurry"}]
        return shop.loop.time()

    assert play(tale, tmp_path, SLOW) < 3


def test_what_it_says_is_not_believed(tmp_path: Path) -> None:
    """Before the customer has paid the same message leads to a read, and to nothing else; afterwards nothing of it is left to do."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        await pos.sell("K1", tell=False)
        await asyncio.sleep(1)
        before, stored = reads(shop), await shop.events(KEY)
        for _ in range(3):
            await shop.hint(replace(SLIP, transaction_id=paid_transaction(shop)))
        await asyncio.sleep(0.9)
        assert reads(shop) == before + 1
        assert await shop.events(KEY) == stored, "a read that changes nothing is not recorded (promise P10)"
        assert await kept(shop) == []
        sale = await finished(shop, KEY)
        done = reads(shop)
        await shop.hint(replace(SLIP, transaction_id=sale.transaction_id))
        await asyncio.sleep(10)
        assert reads(shop) == done, "a paid sale has nothing to find out"
        assert shop.noticed("hint.heard")[-1]["leads_to"] == "nothing"

    play(tale, tmp_path, SLOW)


def test_a_message_that_comes_during_a_read_leads_to_another(tmp_path: Path) -> None:
    """The read under way may have been answered before the payment happened."""

    async def tale(shop: Shop, pos: Pos) -> float:
        await shop.listen()
        fault(shop, FaultKind.DELAY, Operation.STATUS, ms=3_000)  # answered at once, and under way for long
        await pos.sell("K1", tell=False)
        await asyncio.sleep(2.2)
        await shop.hint(Hint(transaction_id=paid_transaction(shop)))
        await finished(shop, KEY)
        return shop.loop.time()

    assert play(tale, tmp_path, replace(SLOW, read_interval_ms=500, read_cap_ms=500)) < 4.6


def test_late_money_of_a_canceled_sale_is_found_at_once(tmp_path: Path) -> None:
    """Told not paid, and paid all the same: the message leads to a read, the read to the return, minutes before the next look."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        transaction = await canceled(shop, pos, late_s=3)
        await asyncio.sleep(4)
        await shop.hint(Hint(transaction_id=transaction))
        await asyncio.sleep(2)
        assert (await hear(shop, KEY)).money is Money.RETURNED
        assert await kept(shop) == []
        assert [facts["leads_to"] for facts in shop.noticed("hint.heard")] == ["look"]

    play(tale, tmp_path, SLOW, WAITING)


def test_late_money_of_a_sale_that_nobody_watches_any_more(tmp_path: Path) -> None:
    """All looks are over and the sale has left the memory: the message brings it back, and the money goes back."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        transaction = await canceled(shop, pos, late_s=20 * 3_600)
        await asyncio.sleep(21 * 3_600)
        await shop.restart()
        assert [steward.sale.id for steward in shop.living.alive] == []
        await shop.hint(Hint(transaction_id=transaction))
        await asyncio.sleep(2)
        answer = await hear(shop, KEY)
        assert (answer.state, answer.money) == (PaymentState.CANCELED, Money.RETURNED)

    play(tale, tmp_path, SLOW, WAITING)


def test_a_declined_sale_is_looked_at_and_stays_what_it_is(tmp_path: Path) -> None:
    """A replay about a sale that was refused costs one read, also when it is not in memory."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        await pos.sell("K1")
        assert (await pos.result("K1")).state is PaymentState.DECLINED
        await shop.restart()
        before, stored = reads(shop), await shop.events(KEY)
        await shop.hint(Hint(transaction_id=paid_transaction(shop)))
        await asyncio.sleep(5)
        assert reads(shop) == before + 1
        assert await shop.events(KEY) == stored
        assert await kept(shop) == []

    play(tale, tmp_path, SLOW, replace(BANK, customer=Customer(Action.DECLINE)))


def test_a_look_does_not_end_the_watch(tmp_path: Path) -> None:
    """Looks because of messages are none of those that are planned: late money after the last message is found by the plan."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        transaction = await canceled(shop, pos, late_s=600)
        for _ in range(5):
            await asyncio.sleep(70)
            await shop.hint(Hint(transaction_id=transaction))
        await asyncio.sleep(1_200)
        assert (await hear(shop, KEY)).money is Money.RETURNED

    play(tale, tmp_path, SLOW, WAITING)


def test_a_look_is_repeated_until_it_is_answered(tmp_path: Path) -> None:
    """The link is down when the message comes, and the process dies: the next one knows of it from the disk and looks."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        transaction = await canceled(shop, pos, late_s=20 * 3_600)
        await asyncio.sleep(21 * 3_600)
        fault(shop, FaultKind.OUTAGE, ms=120_000)
        await shop.hint(Hint(transaction_id=transaction))
        await asyncio.sleep(10)
        assert await kept(shop) == [Hint(transaction_id=transaction)]
        await shop.reboot(30)
        await asyncio.sleep(300)
        await shop.up()
        assert (await hear(shop, KEY)).money is Money.RETURNED
        assert await kept(shop) == []

    play(tale, tmp_path, SLOW, WAITING)


def test_a_refund_that_waits_is_read(tmp_path: Path) -> None:
    """The bank takes its time over a return: the message says that something happened, and the read finds it out."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        await pos.sell("K1")
        await pos.result("K1")
        await pos.refund("K1", "R1", token="t")
        await asyncio.sleep(45)
        before = reads(shop)
        await shop.hint(Hint(transaction_id=paid_transaction(shop)))
        await asyncio.sleep(0.5)
        assert reads(shop) == before + 1

    play(tale, tmp_path, SLOW, replace(BANK, refund_takes_ms=120_000))


# --- what names no sale yet ---


def test_it_may_come_before_the_answer(tmp_path: Path) -> None:
    """The answer with the payment's id is lost: the message waits on the disk, until a repeat brings the id; then it is read."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        fault(shop, FaultKind.LOSE_ANSWER, Operation.CHECKOUT, times=2)
        await pos.sell("K1", tell=False)
        await asyncio.sleep(0.2)
        message = replace(SLIP, transaction_id=paid_transaction(shop))
        await shop.hint(message)
        assert await kept(shop) == [message]
        assert shop.noticed("hint.kept") == [{"provider": "koshelek", "transaction": message.transaction_id, "order": "order-K1"}]
        await shop.restart()
        assert await kept(shop) == [message]
        await finished(shop, KEY)
        await asyncio.sleep(1)
        assert await kept(shop) == []
        assert [facts["leads_to"] for facts in shop.noticed("hint.heard")] == ["hurry"]

    play(tale, tmp_path, SLOW)


@pytest.mark.parametrize("whole", [True, False])
def test_it_may_come_before_the_sale(tmp_path: Path, whole: bool) -> None:
    """Without any id, before the checkout: it is matched by the slip once the sale can be read; or by the order alone."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        message = SLIP if whole else Hint(order_id="order-K1")
        await shop.hint(message)
        await shop.hint(message)
        assert await kept(shop) == [message]
        await pos.sell("K1", tell=False)
        await asyncio.sleep(1)
        assert await kept(shop) == []
        assert len(shop.noticed("hint.heard")) == 1
        assert (await finished(shop, KEY)).payment is PaymentState.PAID

    play(tale, tmp_path, SLOW)


def test_a_message_about_another_slip_waits(tmp_path: Path) -> None:
    """One thing that differs makes it another sale's; an unknown id of a payment is not ours either once ours is known."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        await pos.sell("K1", tell=False)
        await finished(shop, KEY)
        before = reads(shop)
        others = [replace(SLIP, **one) for one in _OTHERS]
        for other in others:
            await shop.hint(other)
        await asyncio.sleep(10)
        assert await kept(shop) == others
        assert reads(shop) == before

    play(tale, tmp_path, SLOW)


_OTHERS: list[Mapping[str, Any]] = [
    {"order_id": "another"},
    {"store_id": "another"},
    {"terminal_id": "another"},
    {"amount": 1},
    {"transaction_id": "another"},
    {"reference": "another"},
]


def test_our_own_id_finds_a_stored_sale(tmp_path: Path) -> None:
    """A message that knows only the id that we gave is as good, also of a sale that has left the memory."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        await pos.sell("K1")
        await pos.result("K1")
        (row,) = await shop.truly(shop.living.ports.journal.find(taking.Query(transaction_id=paid_transaction(shop))))
        assert row.request_id is not None
        await shop.restart()
        await shop.hint(Hint(reference=row.request_id))
        await asyncio.sleep(2)
        assert [facts["leads_to"] for facts in shop.noticed("hint.heard")] == ["look"]

    play(tale, tmp_path, SLOW, replace(BANK, customer=Customer(Action.DECLINE)))


def test_after_a_day_it_is_forgotten(tmp_path: Path) -> None:
    """What nobody asked for in 24 hours leaves the disk, also while the agent was not running."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        await shop.hint(Hint(transaction_id="early"))
        await asyncio.sleep(DAY_S - 120)
        await shop.hint(Hint(transaction_id="late"))
        assert len(await kept(shop)) == 2
        await asyncio.sleep(240)
        assert await kept(shop) == [Hint(transaction_id="late")]
        await shop.restart(dark_s=DAY_S)
        await asyncio.sleep(1)
        assert await kept(shop) == []

    play(tale, tmp_path, SLOW)


def test_a_clock_that_was_wrong_keeps_nothing_for_ever(tmp_path: Path) -> None:
    """A message that seems to come from next year is not kept until then."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        shop.wall_shift_s = 365 * DAY_S
        await shop.hint(Hint(transaction_id="from next year"))
        shop.wall_shift_s = 0.0
        await asyncio.sleep(120)
        assert await kept(shop) == []

    play(tale, tmp_path, SLOW)


# --- how much ---


def test_a_flood_of_messages_is_no_flood_of_reads(tmp_path: Path) -> None:
    """Two thousand valid messages about one canceled sale in ten minutes: reads come ever more rarely, one a minute in the end, and the
    last message is answered by a read that comes after it."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        transaction = await canceled(shop, pos, late_s=900)
        await asyncio.sleep(100)
        before = reads(shop)
        for number in range(2_000):
            await shop.hint(Hint(transaction_id=transaction, store_id=f"replay-{number}" if number % 2 else None))
            await asyncio.sleep(0.3)
        last = reads(shop)
        assert last - before <= 20
        assert len(await kept(shop)) <= waiting.MAX_KEPT_HINTS
        await asyncio.sleep(60)
        assert reads(shop) == last + 1

    play(tale, tmp_path, replace(SLOW, rereads_ms=(7_200_000,)), WAITING)


def test_the_pace_slows_down_and_forgets() -> None:
    """At once, then after 1, 2, 4 ... seconds and never more than a minute; after ten minutes of quiet at once again."""
    pace, now = Pace(), 0
    waits = []
    for _ in range(9):
        due = pace.next(KEY, now)
        waits.append(due - now)
        now = due
        pace.made(KEY, now)
    assert waits == [0, *(FIRST_PAUSE_MS * factor for factor in (1, 2, 4, 8, 16, 32)), MAX_PAUSE_MS, MAX_PAUSE_MS]
    assert pace.next(KEY, now + QUIET_MS) == now + QUIET_MS
    pace.made(KEY, now + QUIET_MS)
    assert pace.next(KEY, now + QUIET_MS) == now + QUIET_MS + FIRST_PAUSE_MS
    pace.forget_quiet(now + 2 * QUIET_MS)
    assert pace.next(KEY, now + QUIET_MS) == now + QUIET_MS


def test_only_so_many_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages about sales of other tills never find theirs: the oldest make room, in memory and on the disk."""
    monkeypatch.setattr(waiting, "MAX_KEPT_HINTS", 5)

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        for number in range(8):
            await shop.hint(Hint(transaction_id=f"t-{number}"))
        await asyncio.sleep(1)
        assert [one.transaction_id for one in await kept(shop)] == [f"t-{number}" for number in range(3, 8)]
        assert len(shop.noticed("hint.dropped")) == 3

    play(tale, tmp_path, SLOW)


async def in_the_air(shop: Shop, pos: Pos) -> None:
    """A sale whose create is under way for a minute: messages about it have to wait."""
    fault(shop, FaultKind.DELAY, Operation.CHECKOUT, ms=4_000)
    await pos.sell("K1", tell=False)
    await asyncio.sleep(0.2)


def test_what_fits_nothing_takes_no_place_of_what_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One captured message, repeated with other names in it that nobody has signed: it displaces itself, neither the message of a sale at
    work nor one whose sale is still to come; and the message that fits leads to its read."""
    monkeypatch.setattr(waiting, "MAX_KEPT_HINTS", 6)

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        await shop.hint(Hint(transaction_id="of a sale to come"))
        await in_the_air(shop, pos)
        ours = replace(SLIP, transaction_id=paid_transaction(shop))
        await shop.hint(ours)
        for number in range(40):
            await shop.hint(Hint("captured", f"00000000-0000-4000-8000-{number:012}"))
        assert [one.transaction_id for one in await kept(shop)] == ["of a sale to come", ours.transaction_id, *["captured"] * 4]
        assert (await finished(shop, KEY)).payment is PaymentState.PAID
        assert ours not in await kept(shop)
        assert [facts["leads_to"] for facts in shop.noticed("hint.heard")] == ["hurry"]

    play(tale, tmp_path, SLOW)


def test_when_all_that_wait_fit_the_next_one_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was thanked for stays: the sender of one more is asked to repeat it, be it a stranger's or the same sale's."""
    monkeypatch.setattr(waiting, "MAX_KEPT_HINTS", 2)

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        assert shop.hints is not None
        await in_the_air(shop, pos)
        first, second, third = SLIP, replace(SLIP, store_id=None), replace(SLIP, terminal_id=None)
        await shop.hint(first)
        await shop.hint(second)
        for one in (Hint(transaction_id="a stranger's"), third):
            assert (await refusal(shop.hints.take("koshelek", one))).code == "BUSY"
        assert await kept(shop) == [first, second]

    play(tale, tmp_path, SLOW)


def test_a_flood_of_strangers_is_some_lines_a_minute(tmp_path: Path) -> None:
    """Each is kept; the log tells of some, and then how many came since with the next one that it tells of."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        for number in range(MAX_LINES + 10):
            await shop.hint(Hint(transaction_id=f"t-{number}", reference="r" if number == 0 else None))
        await asyncio.sleep(60)
        await shop.hint(Hint(transaction_id="after a minute"))
        first, *others = shop.noticed("hint.kept")
        assert first == {"provider": "koshelek", "transaction": "t-0", "order": None, "reference": "r"}
        assert len(others) == MAX_LINES
        assert others[-1] == {"provider": "koshelek", "transaction": "after a minute", "order": None, "others": 10}
        assert len(await kept(shop)) == MAX_LINES + 11

    play(tale, tmp_path, SLOW)


def test_too_many_sales_with_a_read_to_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of them the sender is told to come again."""
    monkeypatch.setattr(taking, "MAX_WAITING_SALES", 0)

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        assert shop.hints is not None
        assert (await refusal(shop.hints.take("koshelek", SLIP))).code == "BUSY"

    play(tale, tmp_path, SLOW)


def test_a_full_disk_sends_the_message_back(tmp_path: Path) -> None:
    """What cannot be stored is not thanked for; meanwhile it is held in memory and still finds its sale."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        assert shop.hints is not None

        async def full(*given: object) -> None:
            raise JournalFull("no room")

        shop.doors.keep_hint = full  # type: ignore[method-assign]  # as every write on a full disk
        assert (await refusal(shop.hints.take("koshelek", SLIP))).code == "DISK_FULL"
        assert (await refusal(shop.hints.take("koshelek", SLIP))).code == "DISK_FULL"
        await pos.sell("K1", tell=False)
        await asyncio.sleep(1)
        assert len(shop.noticed("hint.heard")) == 1

    play(tale, tmp_path, SLOW)


def test_an_engine_that_stops_takes_none(tmp_path: Path) -> None:
    """The sender repeats it when the agent is back."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        assert shop.hints is not None
        await shop.living.stop(0)
        with pytest.raises(Stopped):
            await shop.hints.take("koshelek", SLIP)

    play(tale, tmp_path, SLOW)


def test_a_sale_that_is_set_aside_is_left_alone(tmp_path: Path) -> None:
    """Its record cannot be used, so nothing is read by it; the message waits and everybody else's are served."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        steward = await create(shop, order("K1"))
        await finished(shop, KEY)
        shop.living.set_aside(steward, ValueError("damaged"))
        await shop.hint(SLIP)
        await asyncio.sleep(1)
        assert await kept(shop) == [SLIP]
        assert (await refusal(shop.living.open(KEY))).code == "RECORD_DAMAGED"

    play(tale, tmp_path, SLOW)


# --- by capability ---


def test_what_a_sale_needs() -> None:
    """By its state, and by what its payment system can do."""
    found = {state: need(book_in(state).sale, KOSHELEK) for state in PaymentState if state is not PaymentState.ELSEWHERE}
    by_need = {one: {state.value for state, wanted in found.items() if wanted is one} for one in Need}
    assert by_need[Need.HURRY] == {"pending", "canceling"}
    assert by_need[Need.NOTHING] == {"paid", "reversed"}
    assert {"queued", "sending", "expired"} <= by_need[Need.LATER]
    assert "canceled" in by_need[Need.LOOK]
    canceled = replace(book_in(PaymentState.CANCELED).sale, late_money=False)
    assert need(replace(canceled, late_money=True), KOSHELEK) is Need.NOTHING
    assert need(canceled, replace(PAYCONNECT, read=False)) is Need.NOTHING
    lost = replace(canceled, transaction_id=None)
    assert (need(lost, KOSHELEK), need(lost, SOFTLINE)) == (Need.LATER, Need.LOOK)
    assert need(replace(lost, call=None), SOFTLINE) is Need.LATER
    assert need(refunding_book().sale, capability.PAYCORE) is Need.HURRY


def test_no_policy_is_needed_to_wait(tmp_path: Path) -> None:
    """A message of a payment system whose sales are others' (same names, another provider) waits and asks nobody."""

    async def tale(shop: Shop, pos: Pos) -> None:
        await shop.listen()
        await pos.sell("K1", tell=False)
        await asyncio.sleep(1)
        before = reads(shop)
        assert shop.hints is not None
        await shop.hints.take("softline", Hint(transaction_id=paid_transaction(shop)))
        await asyncio.sleep(0.4)
        assert (reads(shop), len(await kept(shop))) == (before, 1)

    play(tale, tmp_path, replace(Policy(), first_read_ms=500, read_interval_ms=5_000))
