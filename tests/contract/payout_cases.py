"""Payouts over real HTTP: the cases, each a function of a shop that pays out; its docstring says what it shows.

What holds in every one of them: the sandbox was asked to pay out once at most, and its books have what the record says.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from agent.core.hints import Hint, ReadsHooks
from agent.core.model import SaleId
from agent.core.money import Kopecks
from agent.core.payout.asked import money
from agent.core.payout.machine import PayoutState
from agent.core.payout.name import payout_id
from agent.core.payout.payout import Payout
from agent.core.payout.stored import decode
from agent.engine.payout_advice import PayoutAdvisor
from agent.engine.payout_counter import PayoutCounter, Wish
from agent.engine.payout_steward import PayoutSteward
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import FaultKind, Parameter
from agent.sandbox.payouts import Payout as Theirs
from agent.sandbox.payouts import PayoutStatus
from agent.sandbox.words import Operation
from tests.contract.cases import refused as refused_by
from tests.contract.kits import KITS, PASSWORD, STORE, TILL, Kit
from tests.contract.shop import PATIENCE_S, Shop, Wishes
from tests.support.patience import soon

AMOUNT = 45_000
CARD = "2200000000000004"
SEARCHES = 3

_PAYCORE = next(kit for kit in KITS if kit.name == "paycore")
_TABLE = (
    _PAYCORE.table + '\npublic_base_url = "{root}/paycore/public-api"\npublic_key = "pk_test_sandbox"\n'
    '[provider.paycore.payouts]\nenabled = true\nservice = "payout_card_rub"\nmost_amount = 100000\nmost_per_day = 150000\n'
    f"searches = {SEARCHES}\n"
)
PAYS_OUT = replace(_PAYCORE, table=_TABLE)
OTHERWISE = replace(_PAYCORE, table=_TABLE + 'shape = "envelope"\nread = "public"\n')

_ENDS = frozenset(PayoutState) - {PayoutState.QUEUED, PayoutState.SENDING, PayoutState.UNKNOWN, PayoutState.PENDING}


class Payer:
    """A shop that pays out."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.bank, self.counter = shop, shop.bank, PayoutCounter(shop.engine)
        self.id: SaleId = payout_id(STORE, TILL, "P1")

    async def pay(self, key: str = "P1", amount: int = AMOUNT) -> None:
        """Hand a payout over; it is on disk when this returns."""
        name = payout_id(STORE, TILL, key)
        await self.counter.create(Wish(name, Kopecks(amount), None, "Deposit", {"card_number": CARD}, None, "pos"))

    @property
    def steward(self) -> PayoutSteward:
        found = self.shop.engine.payouts.at_hand(self.id)
        assert found is not None
        return found

    async def until(self, *states: PayoutState) -> Payout:
        """The payout in one of these states."""
        steward = self.steward
        await soon(lambda: steward.payout.state in states, PATIENCE_S)
        return steward.payout

    async def end(self) -> Payout:
        """The payout finished, or with a person."""
        return await self.until(*_ENDS)

    async def made(self) -> Theirs:
        """The payout at the bank."""
        await soon(lambda: bool(self.bank.payouts()), PATIENCE_S)
        return self.bank.payouts()[0]

    def move(self, *states: PayoutStatus) -> None:
        """What people at the payment system do."""
        for state in states:
            self.bank.move_payout(self.shop.sandbox.now_ms(), self.bank.payouts()[0].id, state)

    def queue(self, action: Action) -> None:
        self.bank.queue_customer(Customer(action), order_id="Deposit")

    async def check_books(self) -> None:
        """One request to pay out at most; the bank's money is the record's; nobody's card is kept; nothing of it meets a sale."""
        payout, bank, journal = self.steward.payout, self.bank, self.shop.journal
        assert self.shop.received(Operation.PAYOUT) <= 1, "it was sent again"
        assert len(bank.payouts()) <= 1
        paid = bank.ledger.paid_out(system="paycore")
        allowed = {"none": {0}, "paid_out": {AMOUNT}, "returned": {0}}.get(money(payout), {0, AMOUNT // 2, AMOUNT})
        assert paid in allowed, f"the books differ: {money(payout)}, and the bank has paid out {paid}"
        assert bank.ledger.net() == 0
        kept = [(entry.kind, entry.body) for entry in await journal.stream(self.id) or ()]
        assert [decode(kind, body) for kind, body in kept]
        for secret in (PASSWORD, CARD):
            assert secret not in f"{kept}{self.shop.notices}", "a secret stands in the record or the log"
        if payout.state is not PayoutState.QUEUED:
            assert await journal.secrets(self.id) == {}, "who got it is kept for longer than it is needed"
        assert (await journal.verify_all()).damages == ()
        assert not await journal.parked()


Play = Callable[[Payer], Awaitable[None]]
CASES: dict[str, tuple[Play, Kit, Wishes]] = {}


def case(name: str, kit: Kit = PAYS_OUT, wishes: Wishes | None = None) -> Callable[[Play], Play]:
    """Make a function one of the cases."""

    def enter(play: Play) -> Play:
        CASES[name] = (play, kit, wishes or Wishes())
        return play

    return enter


async def happy_path(payer: Payer) -> None:
    """Taken, sent, in work, made, told; asked for again it is the same one."""
    await payer.pay()
    await payer.until(PayoutState.PENDING)
    theirs = await payer.made()
    assert (theirs.amount, theirs.fields, theirs.description) == (AMOUNT, ("card_number",), "Deposit")
    await payer.pay()
    payer.move(PayoutStatus.PROCESSED)
    assert (await payer.end()).state is PayoutState.PAID_OUT
    await payer.counter.tell(payer.steward, "pos")
    assert payer.steward.payout.told is not None
    await payer.pay()


case("happy_path")(happy_path)
case("happy_path_otherwise", OTHERWISE)(happy_path)


@case("made_at_once")
async def made_at_once(payer: Payer) -> None:
    """The answer to the create says it already."""
    payer.queue(Action.CONFIRM)
    await payer.pay()
    assert (await payer.end()).state is PayoutState.PAID_OUT


def ends(end: PayoutState, *states: PayoutStatus, reason: str | None = None) -> Play:
    """What becomes of it at the payment system, and of its record."""

    async def play(payer: Payer) -> None:
        await payer.pay()
        await payer.until(PayoutState.PENDING)
        payer.move(*states)
        ended = await payer.end()
        assert (ended.state, ended.reason) == (end, reason)

    return play


case("failed")(ends(PayoutState.FAILED, PayoutStatus.FAILED, reason="PAYOUT_FAILED"))
case("expired_there")(ends(PayoutState.FAILED, PayoutStatus.EXPIRED, reason="PAYOUT_FAILED"))
case("terminated")(ends(PayoutState.FAILED, PayoutStatus.TERMINATED, reason="PAYOUT_FAILED"))
case("canceled")(ends(PayoutState.CANCELED, PayoutStatus.CANCELED, reason="PAYOUT_CANCELED"))
case("partly")(ends(PayoutState.ATTENTION, PayoutStatus.PARTLY_PROCESSED, reason="PAYOUT_PARTLY"))
case("partly_canceled")(ends(PayoutState.ATTENTION, PayoutStatus.PROCESSED, PayoutStatus.PARTLY_CANCELED, reason="PAYOUT_PARTLY"))


@case("taken_back")
async def taken_back(payer: Payer) -> None:
    """Canceled by the system after it was made: seen by a look after the end, and people are called."""
    await payer.pay()
    await payer.until(PayoutState.PENDING)
    payer.move(PayoutStatus.PROCESSED)
    await payer.until(PayoutState.PAID_OUT)
    payer.move(PayoutStatus.CANCELING, PayoutStatus.CANCELED)
    returned = await payer.until(PayoutState.RETURNED)
    assert "PAYOUT_RETURNED" in returned.alarms


# --- the create ---


@case("refused")
async def refused(payer: Payer) -> None:
    """A definite refusal: nothing was made, and nobody searches."""
    payer.shop.fault(FaultKind.REFUSE_422, Operation.PAYOUT, code="limit_violation")
    await payer.pay()
    ended = await payer.end()
    assert (ended.state, ended.reason, payer.bank.payouts()) == (PayoutState.FAILED, "INVALID_REQUEST", [])
    assert payer.shop.received(Operation.PAYOUT_FIND) == 0


def found_again(kind: FaultKind, **params: Parameter) -> Play:
    """The create was carried out and its answer is worth nothing: it is found by our own id, and read."""

    async def play(payer: Payer) -> None:
        payer.shop.fault(kind, Operation.PAYOUT, 1, **params)
        await payer.pay()
        await payer.until(PayoutState.PENDING)
        payer.move(PayoutStatus.PROCESSED)
        assert (await payer.end()).state is PayoutState.PAID_OUT

    return play


case("create_lost")(found_again(FaultKind.LOSE_ANSWER))
case("create_5xx")(found_again(FaultKind.ERROR_5XX, executed=True))
case("create_garbage")(found_again(FaultKind.GARBAGE))
case("create_page_of_a_portal")(found_again(FaultKind.HTML))
case("create_cut_off")(found_again(FaultKind.TRUNCATED))
case("create_too_slow")(found_again(FaultKind.DELAY, ms=2_000))
case("create_drips")(found_again(FaultKind.DRIP, ms=1))
case("create_carried_out_twice")(found_again(FaultKind.DUPLICATE))


def never_found(kind: FaultKind, **params: Parameter) -> Play:
    """Nobody knows whether it was made, and no search finds it: a person decides; it is not sent again."""

    async def play(payer: Payer) -> None:
        payer.shop.fault(kind, Operation.PAYOUT, 1, **params)
        await payer.pay()
        ended = await payer.end()
        assert (ended.state, ended.reason, ended.searches) == (PayoutState.ATTENTION, "PAYOUT_NOT_FOUND", SEARCHES)
        assert "PAYOUT_NOT_FOUND" in ended.alarms
        assert payer.shop.received(Operation.PAYOUT_FIND) >= SEARCHES

    return play


case("create_never_arrived")(never_found(FaultKind.LOSE_REQUEST))
case("create_429")(never_found(FaultKind.TOO_MANY))
case("create_5xx_unmade")(never_found(FaultKind.ERROR_5XX))
case("refused_as_a_repeat")(never_found(FaultKind.REFUSE_422, code="duplicated_id"))


@case("arrives_after_all")
async def arrives_after_all(payer: Payer) -> None:
    """The request was held up on its way, longer than anybody searched: a later look finds it, and it is made once."""
    payer.shop.fault(FaultKind.LATE_FIRST_COPY, Operation.PAYOUT, ms=4_000)
    await payer.pay()
    await payer.until(PayoutState.ATTENTION)
    await payer.made()
    payer.move(PayoutStatus.PROCESSED)
    assert (await payer.until(PayoutState.PAID_OUT)).searches == SEARCHES


@case("other_amount_at_create")
async def other_amount_at_create(payer: Payer) -> None:
    """What they say that they pay out is not what was ordered."""
    payer.shop.fault(FaultKind.WRONG_AMOUNT, Operation.PAYOUT)
    await payer.pay()
    ended = await payer.end()
    assert (ended.state, ended.reason) == (PayoutState.ATTENTION, "PAYOUT_MISMATCH")


@case("wrong_credentials", wishes=Wishes(password="not-it"))
async def wrong_credentials(payer: Payer) -> None:
    """Turned away at the door: nothing was made, and the technician is called."""
    await payer.pay()
    ended = await payer.end()
    assert (ended.state, ended.reason, payer.bank.payouts()) == (PayoutState.FAILED, "ACCESS_DENIED", [])
    assert "ACCESS_DENIED" in ended.alarms


@case("outage")
async def outage(payer: Payer) -> None:
    """Connections are refused past the deadline: it was never sent, and is not sent any more."""
    payer.shop.fault(FaultKind.OUTAGE, ms=60_000)
    await payer.pay()
    assert (await payer.end()).state is PayoutState.EXPIRED
    payer.bank.end_outage()


# --- searches and reads ---


def bad_searches(kind: FaultKind, times: int, **params: Parameter) -> Play:
    """The create is lost, and so is what some searches bring: only an answer that shows nothing counts as one."""

    async def play(payer: Payer) -> None:
        payer.shop.fault(FaultKind.LOSE_ANSWER, Operation.PAYOUT)
        payer.shop.fault(kind, Operation.PAYOUT_FIND, times, **params)
        await payer.pay()
        await payer.until(PayoutState.PENDING)
        payer.move(PayoutStatus.PROCESSED)
        assert (await payer.end()).state is PayoutState.PAID_OUT

    return play


case("search_lost")(bad_searches(FaultKind.LOSE_ANSWER, 2))
case("search_5xx")(bad_searches(FaultKind.ERROR_5XX, 2))
case("search_garbage")(bad_searches(FaultKind.GARBAGE, 2))
case("search_not_seen_yet")(bad_searches(FaultKind.ABSENT_STATUS, SEARCHES - 1))


@case("search_does_not_search")
async def search_does_not_search(payer: Payer) -> None:
    """It shows somebody else's payout: what it finds and what it does not find mean nothing, and nothing of it is adopted."""
    payer.shop.fault(FaultKind.LOSE_ANSWER, Operation.PAYOUT)
    payer.shop.fault(FaultKind.WRONG_ORDER, Operation.PAYOUT_FIND, None)
    await payer.pay()
    ended = await payer.end()
    assert (ended.state, ended.reason, ended.transaction_id) == (PayoutState.ATTENTION, "OTHER_TRANSACTION", None)


def bad_reads(kind: FaultKind, before: bool, times: int | None = 2, **params: Parameter) -> Play:
    """Reads go wrong before it is made, or after it; it is paid out all the same, and nothing of it is final."""

    async def play(payer: Payer) -> None:
        await payer.pay()
        await payer.until(PayoutState.PENDING)
        if not before:
            payer.move(PayoutStatus.PROCESSED)
        payer.shop.fault(kind, Operation.PAYOUT_STATUS, times, **params)
        if before:
            await soon(lambda: not payer.bank.faults(), PATIENCE_S)
            assert payer.steward.payout.state is PayoutState.PENDING
            payer.move(PayoutStatus.PROCESSED)
        assert (await payer.end()).state is PayoutState.PAID_OUT

    return play


case("read_lost_first")(bad_reads(FaultKind.LOSE_ANSWER, True, 1))
case("read_lost_last")(bad_reads(FaultKind.LOSE_ANSWER, False, 1))
case("read_5xx")(bad_reads(FaultKind.ERROR_5XX, False, status=503))
case("read_garbage")(bad_reads(FaultKind.GARBAGE, False))
case("read_page_of_a_portal")(bad_reads(FaultKind.HTML, False))
case("read_cut_off")(bad_reads(FaultKind.TRUNCATED, False))
case("read_429")(bad_reads(FaultKind.TOO_MANY, True, 1, retry_after_s=1))
case("read_slow_drip")(bad_reads(FaultKind.DRIP, False, ms=1))
case("read_absent_for_a_moment")(bad_reads(FaultKind.ABSENT_STATUS, True, 1))
case("unknown_status")(bad_reads(FaultKind.UNKNOWN_STATUS_VALUE, True, value="on_hold"))
case("unknown_field")(bad_reads(FaultKind.EXTRA_FIELDS, False, 1))


def differs(kind: FaultKind) -> Play:
    """A payout that is not what was ordered is never told as made; a person is called."""

    async def play(payer: Payer) -> None:
        await payer.pay()
        await payer.until(PayoutState.PENDING)
        payer.shop.fault(kind, Operation.PAYOUT_STATUS, None)
        payer.move(PayoutStatus.PROCESSED)
        ended = await payer.end()
        assert (ended.state, ended.reason) == (PayoutState.ATTENTION, "PAYOUT_MISMATCH")

    return play


case("another_amount")(differs(FaultKind.WRONG_AMOUNT))
case("another_currency")(differs(FaultKind.WRONG_CURRENCY))
case("another_reference")(differs(FaultKind.WRONG_ORDER))


@case("unknown_status_calls_people")
async def unknown_status_calls_people(payer: Payer) -> None:
    """A word that nobody has heard of decides nothing, and somebody is told of it."""
    payer.shop.fault(FaultKind.UNKNOWN_STATUS_VALUE, Operation.PAYOUT_STATUS, 1, value="on_hold")
    await payer.pay()
    await soon(lambda: "UNKNOWN_STATUS" in payer.steward.payout.alarms, PATIENCE_S)
    assert payer.steward.payout.state is PayoutState.PENDING


# --- messages, advice, limits ---


@case("a_callback_hurries")
async def a_callback_hurries(payer: Payer) -> None:
    """The sandbox's own callback is proven, names the payout and leads to a read; a forged one does not."""
    await payer.pay()
    await payer.until(PayoutState.PENDING)
    payer.move(PayoutStatus.PROCESSED)
    system, theirs, reader = payer.bank.systems["paycore"], payer.bank.payouts()[0], payer.shop.provider
    assert isinstance(reader, ReadsHooks)
    message = system.payout_message(payer.shop.sandbox.now_ms(), theirs, "sk_test_1")
    assert message is not None
    hint = reader.read_hook(["sk_test_1"], message.headers, message.body)
    assert hint == Hint(theirs.id, theirs.key, payout=True)
    assert not isinstance(reader.read_hook(["sk_test_2"], message.headers, message.body), Hint)
    assert isinstance(hint, Hint)
    await payer.shop.hints.take("paycore", hint)
    assert any(line.startswith("payout.hint_heard") for line in payer.shop.notices)
    await payer.shop.hints.take("paycore", Hint("cpoi_of_another_till", "r-1", payout=True))
    assert any(line.startswith("hint.unrelated") for line in payer.shop.notices)
    assert (await payer.end()).state is PayoutState.PAID_OUT


@case("services")
async def services(payer: Payer) -> None:
    """Which services pay out, asked with the public key alone; a payout over a limit is refused before anything is stored."""
    advisor = PayoutAdvisor(payer.shop.engine, payer.counter)
    question = advisor.ask(payer.id, Kopecks(AMOUNT), None)
    await advisor.wait(question, PATIENCE_S)
    assert question.found is not None, question.reason
    (service,) = question.found.services
    assert (service.code, service.least, service.most, [field.key for field in service.fields]) == (
        *("payout_card_rub", 100, 7_500_000),
        ["card_number"],
    )
    for amount, code in ((100_001, "OVER_LIMIT"), (0, "INVALID")):
        assert (await refused_by(payer.pay("P2", amount))).code == code
    payer.queue(Action.CONFIRM)
    await payer.pay()
    await payer.end()
