"""So many requests a minute: never more, money first, and nobody left out. The rule in simulated time, the waiting in real time."""

import asyncio
import itertools
import random
from collections import Counter
from dataclasses import replace

import pytest

from agent.core.verdict import NotSent, Operation, Outcome, Reply
from agent.edges.compose import Letter
from agent.edges.limiter import MAX_WAITING, WINDOW_MS, Allowance, Rate, RateLimit, Urgency
from agent.edges.line import Attempt
from agent.edges.transport import HttpTransport
from tests.edges.raw_server import ACCOUNT, BINDING, RawServer, never_late
from tests.edges.token_server import PATIENT, Shop, Ticking, sender, token_account, wanted

URGENT, READ, LAST = Urgency.URGENT, Urgency.READ, Urgency.LAST
MINUTE_MS = 60_000
SIMULATED_MS = 5 * MINUTE_MS


def run(allowance: Allowance, arrivals: list[tuple[int, Urgency]], until_ms: int) -> list[tuple[int, Urgency, int]]:
    """Serve the arrivals in simulated time, as ``RateLimit`` does: (when it went, what, how long it had waited)."""
    waiting: dict[Urgency, list[int]] = {URGENT: [], READ: []}
    gone, now, coming = [], 0, sorted(arrivals, key=lambda one: one[0])
    while now < until_ms:
        while coming and coming[0][0] <= now:
            at, urgency = coming.pop(0)
            waiting[urgency].append(at)
        for urgency, queue in waiting.items():
            while queue and allowance.take(now, urgency) == 0:
                gone.append((now, urgency, now - queue.pop(0)))
        now += 100
    return gone


def busiest_minute(times: list[int]) -> int:
    """The most in any window of a minute."""
    return max((sum(start <= time < start + MINUTE_MS for time in times) for start in times), default=0)


@pytest.mark.parametrize("per_minute", [4, 10, 25, 100])
@pytest.mark.parametrize("seed", range(2))
def test_no_minute_ever_sees_more(per_minute: int, seed: int) -> None:
    """Whatever comes whenever, no window of a minute holds more than the limit; under a flood it is used to the full."""
    chance = random.Random(seed)
    arrivals = [(chance.randrange(SIMULATED_MS // 2), chance.choice([URGENT, READ])) for _ in range(per_minute * 5)]
    gone = run(Allowance(per_minute), arrivals, SIMULATED_MS)
    times = [at for at, _, _ in gone]
    assert busiest_minute(times) <= per_minute
    assert busiest_minute(times) >= per_minute - 1


def test_reads_leave_room_for_sales() -> None:
    """Twenty tills read every two seconds, all the time; a sale every six seconds never waits."""
    reads = [(second * 1000, READ) for second in range(0, 300, 2) for _ in range(20)]
    creates = [(second * 1000 + 50, URGENT) for second in range(0, 300, 6)]
    waits = [wait for _, urgency, wait in run(Allowance(100), reads + creates, 5 * MINUTE_MS) if urgency is URGENT]
    assert len(waits) == 50
    assert max(waits) <= 100


def test_reads_are_spread_over_the_minute() -> None:
    """A flood of reads does not spend the minute in its first seconds: after the burst they go steadily, never seconds apart."""
    gone = run(Allowance(100), [(0, READ)] * 500, 5 * MINUTE_MS)
    times = [at for at, _, _ in gone]
    assert Counter(at for at in times if at < 1000)[0] == 12
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 1_100
    assert 60 <= busiest_minute(times) <= 75


def test_a_rush_of_sales_does_not_hide_their_results() -> None:
    """Three times more creates than allowed: reads still go, a tenth of the minute, and sales get the rest in their order."""
    creates, reads = [(0, URGENT)] * 900, [(second * 1000, READ) for second in range(300)]
    gone = run(Allowance(100), creates + reads, 3 * MINUTE_MS)
    minutes = Counter((at // WINDOW_MS, urgency) for at, urgency, _ in gone)
    assert minutes[0, URGENT] == 90
    assert minutes[0, READ] == 10
    assert minutes[1, READ] >= 10


def test_another_limit_counts_what_went_before() -> None:
    """Lowered in the middle of the minute, it does not begin the minute anew; raised, there is more at once."""
    allowance = Allowance(100)
    for _ in range(50):
        assert allowance.take(0, URGENT) == 0
    allowance.become(20)
    assert allowance.take(1_000, URGENT) == WINDOW_MS - 1_000
    allowance.become(200)
    assert allowance.take(1_000, URGENT) == 0


def test_a_limit_too_low_to_share_is_refused() -> None:
    """Below four there is nothing to keep for anybody."""
    with pytest.raises(ValueError, match="at least 4"):
        Rate("https://pay.example.org", 3)


def monotonic_ms() -> int:
    return round(asyncio.get_running_loop().time() * 1_000)


async def test_those_who_wait_go_in_their_order_and_money_first() -> None:
    """Eight places in 300 ms: reads and creates that wait are let go as places come, creates before reads, each in the order of asking."""
    limit = RateLimit(8, monotonic_ms, window_ms=300)
    order: list[str] = []

    async def ask(name: str, urgency: Urgency) -> None:
        assert await limit.enter(urgency, 5)
        order.append(name)

    first = [asyncio.create_task(ask(f"a{number}", URGENT)) for number in range(7)]
    await asyncio.sleep(0)
    reads = [asyncio.create_task(ask(f"r{number}", READ)) for number in range(4)]
    await asyncio.sleep(0.01)
    creates = [asyncio.create_task(ask(f"c{number}", URGENT)) for number in range(4)]
    await asyncio.gather(*first, *reads, *creates)
    assert order[:7] == [f"a{number}" for number in range(7)]
    assert [name for name in order if name[0] == "r"] == ["r0", "r1", "r2", "r3"]
    assert [name for name in order if name[0] == "c"] == ["c0", "c1", "c2", "c3"]
    assert order.index("c3") < order.index("r2")


async def test_reads_that_can_wait_let_the_others_go_first() -> None:
    """They share the reads' part and their pace, and go only when no other read waits, however long they have."""
    limit = RateLimit(8, monotonic_ms, window_ms=300)
    order: list[str] = []

    async def ask(name: str, urgency: Urgency) -> None:
        assert await limit.enter(urgency, 5)
        order.append(name)

    await ask("l0", LAST)
    waiting = [asyncio.create_task(ask(f"l{number}", LAST)) for number in (1, 2)]
    await asyncio.sleep(0.01)
    reads = [asyncio.create_task(ask(f"r{number}", READ)) for number in range(3)]
    began = monotonic_ms()
    await asyncio.gather(*waiting, *reads)
    assert order == ["l0", "r0", "r1", "r2", "l1", "l2"]
    assert monotonic_ms() - began > 250, "five reads at the reads' pace"


@pytest.mark.parametrize(
    ("operation", "urgency"),
    [(Operation.PAYOUT, URGENT), (Operation.PAYOUT_STATUS, LAST), (Operation.PAYOUT_FIND, LAST), (Operation.STATUS, READ)],
)
def test_who_goes_when(operation: Operation, urgency: Urgency) -> None:
    """What pays out moves money and goes with what does; nobody at the till waits for a look at a payout."""
    assert Attempt(operation, Letter("GET", "/", (), None), 0, 0).urgency is urgency


async def test_waiting_ends_and_leaves_no_trace() -> None:
    """No place in time: refused then, at once without patience; one who gives up or goes away does not take a later place."""
    limit = RateLimit(4, monotonic_ms, window_ms=400)
    assert [await limit.enter(URGENT, 0) for _ in range(4)] == [True, True, True, False]
    began = monotonic_ms()
    assert await limit.enter(URGENT, 0.1) is False
    assert 90 <= monotonic_ms() - began < 300
    leaver = asyncio.create_task(limit.enter(URGENT, 5))
    await asyncio.sleep(0.01)
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    await asyncio.sleep(0.4)
    assert [await limit.enter(URGENT, 0) for _ in range(3)] == [True, True, True]


async def test_those_who_wait_are_bounded() -> None:
    """One more than the bound is refused at once, however patient."""
    limit = RateLimit(4, monotonic_ms)
    crowd = [asyncio.create_task(limit.enter(READ, 5)) for _ in range(MAX_WAITING + 1)]
    await asyncio.sleep(0.01)
    assert await limit.enter(READ, 5) is False
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)


async def outcomes(transport: HttpTransport, operations: list[Operation]) -> list[Outcome]:
    return list(await asyncio.gather(*(transport.exchange(BINDING, wanted(one), {}, never_late) for one in operations)))


async def test_beyond_the_limit_is_not_sent_and_a_login_counts() -> None:
    """Ten a minute, one is the login: of thirty reads and eight creates the server sees ten requests, the rest is NOT SENT in time."""
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server, rate=Rate("shop", 10)))
        began = asyncio.get_running_loop().time()
        all_outcomes = await outcomes(transport, [Operation.STATUS] * 30 + [Operation.CHECKOUT] * 8)
        assert asyncio.get_running_loop().time() - began < PATIENT.answer_limit_ms / 1_000
        await transport.aclose()
    reads, creates = all_outcomes[:30], all_outcomes[30:]
    assert len(shop.logins) + len(shop.works) <= 10
    assert len([one for one in creates if isinstance(one, Reply)]) == 8
    assert {one.reason for one in reads if isinstance(one, NotSent)} == {"rate_limited"}


async def test_reads_that_wait_hold_no_places_of_sales() -> None:
    """Twice as many reads as there may be requests under way wait for their turn; a create goes at once, and so does a cancel."""
    limits = replace(PATIENT, max_flights=4)
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server, rate=Rate("shop", 12)), limits)
        await outcomes(transport, [Operation.CHECKOUT])
        reads = asyncio.create_task(outcomes(transport, [Operation.STATUS] * 8))
        await asyncio.sleep(0.1)
        assert [type(one) for one in await outcomes(transport, [Operation.CHECKOUT, Operation.CANCEL])] == [Reply, Reply]
        assert not reads.done()
        await reads
        await transport.aclose()


async def test_accounts_of_one_address_share_its_limit_and_reloads_keep_count() -> None:
    """Two accounts, one limit; configured anew in the middle of the minute the count goes on; another address has its own."""
    shop = Shop()
    async with RawServer(shop) as server:
        entries = {name: token_account(server, rate=Rate("shop", 8)) for name in (ACCOUNT, "second")}
        other = token_account(server, rate=Rate("other", 8))
        transport = HttpTransport({**entries, "other": other}, PATIENT, clock=Ticking())

        async def send(account: str) -> Outcome:
            return await transport.exchange(replace(BINDING, account=account), wanted(), {}, never_late)

        for name in (ACCOUNT, "second") * 2:
            assert isinstance(await send(name), Reply)
        assert isinstance(await send(ACCOUNT), Reply)  # with two logins the seventh: what is left is kept for reads
        transport.adopt(await transport.prepare({**entries, "other": other}))
        for name in (ACCOUNT, "second"):
            assert await send(name) == NotSent("rate_limited", "too many requests from this address")
        assert isinstance(await send("other"), Reply)
        await transport.aclose()


async def test_a_login_after_a_stale_token_keeps_to_the_limit() -> None:
    """No place left for the second login: NOT SENT, and the server sees nothing more."""
    shop = Shop()
    async with RawServer(shop) as server:
        transport = sender(token_account(server, rate=Rate("shop", 4)))
        assert [type(one) for one in await outcomes(transport, [Operation.CHECKOUT])] == [Reply]
        shop.refused.add("t1")
        (outcome,) = await outcomes(transport, [Operation.CHECKOUT])
        await transport.aclose(50)
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "login"
    assert (len(shop.logins), len(shop.works)) == (1, 2)
