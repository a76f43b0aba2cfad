"""Goal: a list of means of payment is had quickly or not at all, holds no sale up, and leaves nothing behind (money rule 14, promises P17,
P20, P21). Method: the real engine and the sandbox's bank in virtual time; a wire that loses, delays and garbles; a helper that hangs.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.availability import Advice, AvailabilityState
from agent.core.capability import PAYCORE
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.edges.accounts import TransportLimits
from agent.engine import availability as limits
from agent.engine.availability import Availability
from agent.engine.errors import Refusal, Stopped
from agent.engine.inquiry import MAX_LOOKS, Question, Wish
from agent.engine.setup import Setup
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts
from agent.sandbox.availability import Offer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.words import Method, Operation
from tests.engine.support import TILL_2, Helper, Shop, create, finished, order, play
from tests.simulation.stories import POLICY, fault
from tests.simulation.till import Pos, bill
from tests.simulation.world import STORE, TILL

LIMIT_S = POLICY.availability_limit_ms / 1_000
READY, UNAVAILABLE, PENDING = AvailabilityState.READY, AvailabilityState.UNAVAILABLE, AvailabilityState.PENDING
ASK = Operation.AVAILABILITY


def wish(key: str, terminal: str = TILL, order_id: str | None = None, provider: str | None = None, **secrets: str) -> Wish:
    """A question as a register asks it; an empty secret is left out."""
    usual = {"cardSession": f"S{key}", "loyaltyId": "2900001", "token": "pos-token-1"}
    given = {name: value for name, value in (usual | secrets).items() if value}
    return Wish(SaleId(STORE, terminal, key), bill(order_id or f"order-{key}").invoice, given, provider)


def lists(shop: Shop) -> Availability:
    return shop.living.availability


def ask(shop: Shop, asked: Wish) -> Question:
    return lists(shop).ask(asked)[0]


async def answered(shop: Shop, asked: Wish, patience_s: float = 60) -> Advice:
    """Ask, and wait for the end."""
    question = ask(shop, asked)
    await lists(shop).wait(question, patience_s)
    return question.advice


def refused(shop: Shop, asked: Wish) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ask(shop, asked)
    return caught.value


def received(shop: Shop, operation: Operation = ASK) -> int:
    return sum(1 for one in shop.bank.log if one.operation is operation)


def test_the_list_comes_and_nothing_is_recorded(fast_folder: Path) -> None:
    """Pending at once, then the bank's list; the journal is not called at all, and no secret stays in memory."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.bank.offer = Offer(is_default=True, unavailable={Method.DOLYAME: "Не сегодня"})
        assert shop.life is not None
        before = shop.life.calls
        question, new = lists(shop).ask(wish("A1"))
        assert (question.advice.state, question.advice.success, new) == (PENDING, None, True)
        await lists(shop).wait(question, 60)
        assert shop.loop.time() < 0.1
        assert (question.advice.state, question.advice.success, question.advice.reason) == (READY, True, None)
        listed = question.advice.listed
        assert listed is not None
        assert listed.is_default
        assert [(one.payment_type, one.available, one.message) for one in listed.means] == [
            ("SBP", True, None),
            ("DOLYAME", False, "Не сегодня"),
        ]
        assert shop.life.calls == before + 1, "one call on the wire, none on the journal"
        assert shop.journal is not None
        assert await shop.truly(shop.journal.stream(question.id)) is None
        await asyncio.sleep(0)
        assert lists(shop).at_work == 0
        kept = repr(question) + repr(wish("A1"))
        assert not [secret for secret in ("SA1", "2900001", "pos-token") if secret in kept]

    play(tale, fast_folder)


def test_the_same_key_is_the_same_question(fast_folder: Path) -> None:
    """A repeat, with another token too, gets the same answer and asks nobody; another bill, card or buyer is a conflict."""

    async def tale(shop: Shop, pos: Pos) -> None:
        first = await answered(shop, wish("A1"))
        question, new = lists(shop).ask(wish("A1", token="pos-token-2"))
        assert (question.advice, new) == (first, False)
        for other in (wish("A1", order_id="other"), wish("A1", cardSession="S2"), wish("A1", loyaltyId="2900002")):
            assert refused(shop, other).code == "CONFLICT"
        assert received(shop) == 1
        assert lists(shop).get(SaleId(STORE, TILL, "A1")) is question
        assert ask(shop, wish("A1", TILL_2)) is not question, "a key belongs to its terminal"

    play(tale, fast_folder)


def test_an_answer_that_comes_later_is_waited_for(fast_folder: Path) -> None:
    """The older way: the first look not before it was told, further ones as told, and no complaint of the bank."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.bank.offer = Offer(asynchronous=True, timeout_ms=350, ready_after_ms=900)
        assert (await answered(shop, wish("A1"))).state is READY
        assert 0.9 < shop.loop.time() < 1.5
        assert received(shop, Operation.AVAILABILITY_LOOK) == 3
        assert not shop.bank.ledger.violations

    play(tale, fast_folder)


@pytest.mark.parametrize("timeout_ms", [0, 350, 10_000])
def test_an_answer_that_never_comes_is_not_waited_for(fast_folder: Path, timeout_ms: int) -> None:
    """However often or seldom the bank wants to be asked: at the limit the till goes on, and the looks end."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.bank.offer = Offer(asynchronous=True, timeout_ms=timeout_ms, ready_after_ms=10**9)
        found = await answered(shop, wish("A1"))
        assert (found.state, found.reason, found.success) == (UNAVAILABLE, "TOO_SLOW", False)
        assert shop.loop.time() == pytest.approx(LIMIT_S)
        await asyncio.sleep(0.1)  # for a look that is on the wire
        assert lists(shop).at_work == 0
        await asyncio.sleep(30)
        assert received(shop, Operation.AVAILABILITY_LOOK) <= LIMIT_S / 0.25

    play(tale, fast_folder)


def test_the_looks_are_few_even_without_a_limit(fast_folder: Path) -> None:
    """A limit that is set high: the number of looks is bounded by itself."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.bank.offer = Offer(asynchronous=True, timeout_ms=0, ready_after_ms=10**9)
        found = await answered(shop, wish("A1"))
        assert (found.state, found.reason) == (UNAVAILABLE, "TOO_SLOW")
        assert received(shop, Operation.AVAILABILITY_LOOK) == MAX_LOOKS

    play(tale, fast_folder, replace(POLICY, availability_limit_ms=600_000))


@pytest.mark.parametrize(
    ("kind", "params", "reason"),
    [
        (FaultKind.GARBAGE, {}, "PROVIDER_UNAVAILABLE"),
        (FaultKind.HTML, {}, "PROVIDER_UNAVAILABLE"),
        (FaultKind.ERROR_5XX, {"status": 503}, "PROVIDER_UNAVAILABLE"),
        (FaultKind.TOO_MANY, {"retry_after_s": 60}, "PROVIDER_UNAVAILABLE"),
        (FaultKind.UNAUTHORIZED, {"status": 403}, "ACCESS_DENIED"),
        (FaultKind.REFUSE_422, {"code": "UNKNOWN_PARTNER_ID"}, "UNKNOWN_PARTNER_ID"),
        (FaultKind.LOSE_REQUEST, {"hang_ms": 20_000}, "TOO_SLOW"),
        (FaultKind.DELAY, {"ms": 3_500}, "TOO_SLOW"),
    ],
)
def test_what_a_provider_can_do_wrong_has_a_reason(fast_folder: Path, kind: FaultKind, params: dict[str, int | str], reason: str) -> None:
    """Noise, refusals and silence: unavailable within the limit, told once and for all, and nothing is asked a second time."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, kind, ASK, **params)
        found = await answered(shop, wish("A1"))
        assert (found.state, found.reason, found.success) == (UNAVAILABLE, reason, False)
        assert shop.loop.time() <= LIMIT_S
        await asyncio.sleep(60)
        assert ask(shop, wish("A1")).advice == found, "a late answer changes nothing"
        assert received(shop) == 1
        assert lists(shop).at_work == 0

    play(tale, fast_folder)


def test_a_card_that_nobody_knows_is_the_providers_word(fast_folder: Path) -> None:
    """The code of a refusal is the reason."""

    async def tale(shop: Shop, pos: Pos) -> None:
        assert (await answered(shop, wish("A1", cardSession="UNKN01"))).reason == "UNKNOWN_SESSION_ID"

    play(tale, fast_folder)


def test_a_broken_connection_is_tried_once_more(fast_folder: Path) -> None:
    """A connection that the other side has closed meanwhile costs nobody the list; one that breaks again does. One requestId for both."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.LOSE_ANSWER, ASK)
        assert (await answered(shop, wish("A1"))).state is READY
        assert len({one.request_id for one in shop.bank.log}) == 1
        fault(shop, FaultKind.LOSE_REQUEST, ASK, times=2)
        assert (await answered(shop, wish("A2"))).reason == "PROVIDER_UNAVAILABLE"
        assert received(shop) == 4

    play(tale, fast_folder)


def test_an_answer_after_the_transports_patience_still_counts(fast_folder: Path) -> None:
    """The till waits longer than one attempt is waited for: what lands in between is the answer."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.DELAY, ASK, ms=7_000)  # the attempt counts as unanswered after 5 s
        assert (await answered(shop, wish("A1"))).state is READY
        assert 7 < shop.loop.time() < 7.2

    play(tale, fast_folder, replace(POLICY, availability_limit_ms=10_000))


def test_without_a_link_the_till_is_told_at_once(fast_folder: Path) -> None:
    """The first one finds out, the next ones are not even tried."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.bank.add_fault(shop.now_ms(), Fault(FaultKind.OUTAGE, params={"ms": 10_000}))
        assert (await answered(shop, wish("A1"))).reason == "OFFLINE"
        question = ask(shop, wish("A2"))
        assert (question.advice.state, question.advice.reason) == (UNAVAILABLE, "OFFLINE")
        assert shop.loop.time() < 0.1

    play(tale, fast_folder)


def test_what_hangs_keeps_its_place_and_no_more(fast_folder: Path) -> None:
    """A payment system that hangs: one till takes its places, the others theirs, all together a few; the rest is told at once. When the
    requests have ended the places are free again."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.LOSE_REQUEST, ASK, times=None, hang_ms=60_000)
        first = [ask(shop, wish(f"A{number}")) for number in range(10)]
        assert sum(one.advice.state is PENDING for one in first) == limits.MAX_AT_WORK_PER_TERMINAL
        second = [ask(shop, wish(f"B{number}", TILL_2)) for number in range(10)]
        assert sum(one.advice.state is PENDING for one in second) == limits.MAX_AT_WORK - limits.MAX_AT_WORK_PER_TERMINAL
        assert {one.advice.reason for one in first + second if one.advice.finished} == {"BUSY"}
        await asyncio.sleep(30)
        assert {one.advice.reason for one in first + second} == {"BUSY", "TOO_SLOW"}
        assert lists(shop).at_work == limits.MAX_AT_WORK, "still on the wire"
        assert ask(shop, wish("A99")).advice.reason == "BUSY"
        shop.bank.clear_faults()
        await asyncio.sleep(60)
        assert lists(shop).at_work == 0
        assert (await answered(shop, wish("A100"))).state is READY

    play(tale, fast_folder)


def test_the_transport_always_has_room_for_sales() -> None:
    """All questions at work together take less than half of the requests that an account may have under way."""
    assert TransportLimits().max_flights >= 2 * limits.MAX_AT_WORK


def test_a_till_that_asks_without_end_is_bounded(fast_folder: Path) -> None:
    """A thousand questions: sixteen are remembered, the latest; after ten minutes none; the other till's are not touched."""

    async def tale(shop: Shop, pos: Pos) -> None:
        kept = ask(shop, wish("B1", TILL_2))
        for number in range(1_000):
            await answered(shop, wish(f"A{number}"))
        assert lists(shop).kept == limits.MAX_KEPT_PER_TERMINAL + 1
        assert lists(shop).get(SaleId(STORE, TILL, "A999")).advice.state is READY
        for forgotten in ("A0", "A983"):
            with pytest.raises(Refusal, match="no list is known") as caught:
                lists(shop).get(SaleId(STORE, TILL, forgotten))
            assert caught.value.code == "NOT_FOUND"
        assert lists(shop).get(SaleId(STORE, TILL_2, "B1")) is kept
        await asyncio.sleep(limits.LIFE_MS / 1_000)
        with pytest.raises(Refusal, match="no list is known"):
            lists(shop).get(SaleId(STORE, TILL, "A999"))

    play(tale, fast_folder)


def test_a_thousand_questions_do_not_delay_a_sale(fast_folder: Path) -> None:
    """With a payment system that answers no question at all, a sale takes as long as without them, to the millisecond."""

    async def alone(shop: Shop, pos: Pos) -> float:
        await finished(shop, (await create(shop, order("K1"))).sale.id)
        return shop.loop.time()

    async def beside(shop: Shop, pos: Pos) -> float:
        fault(shop, FaultKind.LOSE_REQUEST, ASK, times=None, hang_ms=60_000)
        for number in range(500):
            ask(shop, wish(f"A{number}"))
        steward = await create(shop, order("K1"))
        for number in range(500):
            ask(shop, wish(f"B{number}", TILL_2))
        sale = await finished(shop, steward.sale.id)
        assert sale.payment is PaymentState.PAID
        return shop.loop.time()

    times = [play(tale, fast_folder / tale.__name__) for tale in (made(fast_folder, alone), made(fast_folder, beside))]
    assert times[1] == times[0]
    assert times[0] > 1


def made(folder: Path, tale: Callable[[Shop, Pos], Awaitable[float]]) -> Callable[[Shop, Pos], Awaitable[float]]:
    (folder / tale.__name__).mkdir()
    return tale


# --- the helper ---


def with_helper(helper: Helper) -> Callable[[Shop], None]:
    def prepare(shop: Shop) -> None:
        shop.card = helper

    return prepare


def scanned(key: str, barcode: str, terminal: str = TILL) -> Wish:
    return wish(key, terminal, cardSession="", token="", barcode=barcode)


def test_a_barcode_becomes_a_card_session(fast_folder: Path) -> None:
    """The helper reads the code and makes the token; a card that cannot pay needs no request."""
    helper = Helper(CM1="SESSION1", CM2=None)

    async def tale(shop: Shop, pos: Pos) -> None:
        assert (await answered(shop, scanned("A1", "CM1"))).state is READY
        assert helper.asked == ["verify CM1", "token"]
        assert (await answered(shop, scanned("A2", "CM2"))).reason == "CARD_SESSION_UNAVAILABLE"
        assert received(shop) == 1
        helper.broken = True
        assert (await answered(shop, scanned("A3", "CM1"))).reason == "HELPER_FAILED"
        assert (await answered(shop, wish("A4"))).state is READY, "a register that brings everything needs no helper"
        assert (await answered(shop, wish("A5", token=""))).reason == "HELPER_FAILED"

    play(tale, fast_folder, prepare=with_helper(helper))


def test_a_helper_that_hangs_is_asked_once(fast_folder: Path) -> None:
    """However many ask: one call of the helper waits, the others give up behind it without having troubled it."""
    helper = Helper(CM1="SESSION1")
    helper.hanging = True

    async def tale(shop: Shop, pos: Pos) -> None:
        questions = [ask(shop, scanned(f"A{number}", "CM1", till)) for till in (TILL, TILL_2) for number in range(5)]
        await asyncio.sleep(LIMIT_S + 0.01)
        assert {one.advice.reason for one in questions} == {"TOO_SLOW", "BUSY"}
        assert helper.asked == ["verify CM1"]
        helper.hanging = False
        assert (await answered(shop, wish("A9", TILL_2))).reason == "BUSY", "those behind it still have their places"

    play(tale, fast_folder, prepare=with_helper(helper))


def test_whoever_waited_too_long_for_the_helper_leaves_it_alone(fast_folder: Path) -> None:
    """The helper comes back after the limit: nobody who has given up asks it or the payment system any more."""

    class Slow(Helper):
        async def _ask(self, what: str) -> None:
            self.asked.append(what)
            await asyncio.sleep(4)

    helper = Slow(CM1="SESSION1")

    async def tale(shop: Shop, pos: Pos) -> None:
        for number in range(3):
            ask(shop, scanned(f"A{number}", "CM1"))
        await asyncio.sleep(60)
        assert helper.asked == ["verify CM1", "token"]
        assert received(shop) == 0
        assert lists(shop).at_work == 0

    play(tale, fast_folder, prepare=with_helper(helper))


# --- what is refused ---


def test_what_cannot_be_asked_is_refused_with_every_problem(fast_folder: Path) -> None:
    """Unknown tills and providers, limits of the provider, what nobody but the register can supply; nothing is kept of them."""

    def prepare(shop: Shop) -> None:
        shop.with_card = False

        def change(setup: Setup) -> Setup:
            other = Koshelek(KoshelekSettings(), {STORE: StoreFacts()})
            other.capabilities = PAYCORE
            return replace(
                setup, providers={**setup.providers, "paycore": other}, bindings={**setup.bindings, "paycore": setup.bindings["koshelek"]}
            )

        shop.change = change

    async def tale(shop: Shop, pos: Pos) -> None:
        assert refused(shop, wish("A1", "till-9")).code == "UNKNOWN_TERMINAL"
        for provider, code, text in (
            ("nobody", "INVALID", "is not configured"),
            ("paycore", "UNSUPPORTED", "has no list of means of payment"),
        ):
            refusal = refused(shop, wish("A1", provider=provider))
            assert (refusal.code, refusal.data) == (code, {"path": "provider"})
            assert text in refusal.problem
        refusal = refused(shop, wish("A1", token="", cardSession="", barcode="CM1", loyaltyId=""))
        assert [one["path"] for one in refusal.data["details"]] == ["token", "cardSession", "user.loyaltyId"]
        assert (lists(shop).kept, received(shop)) == (0, 0)
        with pytest.raises(Refusal, match="no list is known"):
            lists(shop).get(SaleId("elsewhere", "till-9", "A1"))

    play(tale, fast_folder, prepare=prepare)


# --- ends ---


def test_a_stop_in_the_middle_leaves_nothing(fast_folder: Path) -> None:
    """While requests hang: whoever waits is let go, no task is left, and nothing new is begun."""

    async def tale(shop: Shop, pos: Pos) -> None:
        fault(shop, FaultKind.LOSE_REQUEST, ASK, times=None, hang_ms=20_000)
        asked = lists(shop)
        waiting = asyncio.ensure_future(answered(shop, wish("A1")))
        await asyncio.sleep(1)
        await shop.living.stop(0)
        assert shop.loop.time() < 1.1
        assert (await waiting).finished
        assert shop.loop.time() < 1.1
        assert asked.at_work == 0
        with pytest.raises(Stopped):
            asked.ask(wish("A2"))

    play(tale, fast_folder)


def test_after_a_restart_a_register_asks_again(fast_folder: Path) -> None:
    """Lists live in memory only."""

    async def tale(shop: Shop, pos: Pos) -> None:
        assert (await answered(shop, wish("A1"))).state is READY
        await shop.restart()
        with pytest.raises(Refusal, match="no list is known"):
            lists(shop).get(SaleId(STORE, TILL, "A1"))
        assert (await answered(shop, wish("A1", order_id="another"))).state is READY

    play(tale, fast_folder)


def test_a_mistake_of_ours_is_no_customers_problem(fast_folder: Path) -> None:
    """A provider that raises where it must not: unavailable, told to people without what it was about, and the next one works."""

    async def tale(shop: Shop, pos: Pos) -> None:
        provider = shop.living.setup.provider("koshelek")
        assert isinstance(provider, Koshelek)
        real = provider.read_availability

        def broken(reply: object) -> None:
            raise RuntimeError("2900001")

        provider.read_availability = broken  # type: ignore[method-assign, assignment]  # the mistake
        assert (await answered(shop, wish("A1"))).reason == "PROVIDER_UNAVAILABLE"
        assert shop.noticed("availability.failed") == [{"key": f"{STORE}/{TILL}/A1", "problem": "RuntimeError"}]
        provider.read_availability = real  # type: ignore[method-assign]  # repaired
        assert (await answered(shop, wish("A2"))).state is READY
        assert shop.noticed("availability.ready") == [{"key": f"{STORE}/{TILL}/A2", "reason": None, "means": ["SBP", "DOLYAME"]}]

    play(tale, fast_folder)
