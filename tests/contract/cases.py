"""The cases that every payment system passes. What must come out is read off its capabilities, never off its name.

A case is a function of a shop; its docstring says what it shows. It may ask for other waits or another password.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from agent.core.answer import Money, money
from agent.core.capability import Approval, Capabilities, Refunds
from agent.core.payment import PaymentState
from agent.core.refund import RefundState
from agent.engine.errors import Refusal
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import Operation
from tests.contract.shop import AMOUNT, PATIENCE_S, POLICY, Shop, Wishes, pay_on_the_page
from tests.support.patience import soon

Play = Callable[[Shop], Awaitable[None]]

_IMPATIENT = replace(POLICY, wait_limit_ms=900)
_SHORT_DEADLINE = replace(POLICY, send_deadline_ms=2_500)
_ATTEMPTS = POLICY.unanswered_attempts


@dataclass(frozen=True)
class Case:
    """A case and what it wants of its shop."""

    play: Play
    wishes: Wishes


CASES: dict[str, Case] = {}


def case(name: str, wishes: Wishes | None = None) -> Callable[[Play], Play]:
    """Make a function one of the cases."""

    def enter(play: Play) -> Play:
        CASES[name] = Case(play, wishes or Wishes())
        return play

    return enter


# --- what must hold, by capability ---


def after_lost_create(can: Capabilities, attempt: int) -> PaymentState:
    """Where a sale comes to whose ``attempt``-th create was carried out and its answer lost, while those before it never arrived. A create
    that may be repeated, or looked for, is found while attempts are left, else taken back. Of any other nothing more can be learned: not
    paid where nobody can pay without the link, else a person's."""
    if can.idempotent_create or can.find_by_key:
        return PaymentState.PENDING if attempt < _ATTEMPTS else PaymentState.CANCELED
    return PaymentState.CANCELED if can.secret_link else PaymentState.ATTENTION


def most_creates(can: Capabilities) -> int:
    """How many creates may be sent for one key: the one that nobody heard of, or the attempts, and one more that learns what to cancel."""
    if can.find_by_key:
        return _ATTEMPTS
    return _ATTEMPTS + 1 if can.idempotent_create else 1


def after_cancel(can: Capabilities) -> Money:
    """Where the money may be after a cancel: nowhere once it is confirmed, possibly taken while a link was only taken back."""
    return Money.NONE if can.cancel else Money.POSSIBLE


def after_refund(can: Capabilities) -> RefundState | None:
    """How a return ends; None: it cannot be asked for."""
    return None if can.refunds is Refunds.NONE else RefundState.REFUNDED


def after_late_money(can: Capabilities) -> tuple[RefundState, Money]:
    """What becomes of money that came after "not paid" was told: it goes back by itself, or a person is called at once."""
    if can.refunds is Refunds.NONE:
        return RefundState.ATTENTION, Money.STUCK
    return RefundState.REFUNDED, Money.RETURNED


# --- a sale ---


@case("happy_path")
async def happy_path(shop: Shop) -> None:
    """Sold, shown, paid, told, and all of it returned where that can be asked for."""
    await shop.sell()
    pending = await shop.pending()
    assert (pending.link is not None) is (shop.can.approval is Approval.LINK)
    if pending.link is not None:
        await pay_on_the_page(pending.link.url, shop.trusted)
    else:
        shop.decide()
    paid = await shop.until(PaymentState.PAID)
    assert paid.slip is not None
    assert paid.slip.total_amount == AMOUNT
    told = await shop.tell()
    assert (told.success, told.money, told.link) == (True, Money.CHARGED, None)
    if after_refund(shop.can) is not None:
        await shop.refund()
        assert (await shop.refunded()).state is after_refund(shop.can)
        assert money(shop.sale()) is Money.RETURNED


@case("refused_by_the_customer", Wishes(replace(POLICY, wait_limit_ms=2_000)))
async def refused_by_the_customer(shop: Shop) -> None:
    """A refusal is final where it is the payment's end; where he may try again on the page, the till's patience is."""
    await shop.sell()
    await shop.pending()
    shop.decide(Action.DECLINE)
    ended = await shop.end()
    assert ended.payment is (PaymentState.CANCELED if shop.kit.tries else PaymentState.DECLINED)
    assert (await shop.tell()).success is False


@case("refused_by_the_system")
async def refused_by_the_system(shop: Shop) -> None:
    """A create that is refused for good made nothing, and the technician is called."""
    shop.fault(FaultKind.REFUSE_422, Operation.CHECKOUT, code=shop.kit.refusal)
    await shop.sell()
    ended = await shop.end()
    assert (ended.payment, money(ended), shop.payments()) == (PaymentState.DECLINED, Money.NONE, [])
    assert ended.reason in ended.alarms


@case("canceled_by_the_cashier")
async def canceled_by_the_cashier(shop: Shop) -> None:
    """At once where the link is taken back, confirmed by the system where it has a cancel; nothing is sent that it does not have."""
    await shop.sell()
    await shop.pending()
    await shop.cancel()
    ended = await shop.end()
    assert (ended.payment, money(ended)) == (PaymentState.CANCELED, after_cancel(shop.can))
    assert (shop.received(Operation.CANCEL) > 0, shop.payable) == (shop.can.cancel, not shop.can.cancel)
    assert (await shop.tell()).link is None


@case("same_key_twice")
async def same_key_twice(shop: Shop) -> None:
    """A register that asks again gets the sale that there is."""
    await shop.sell()
    await shop.sell()
    await shop.pending()
    shop.decide()
    await shop.until(PaymentState.PAID)
    await shop.sell()
    assert shop.received(Operation.CHECKOUT) == 1


# --- lost answers ---


def lost_create(attempt: int, kind: FaultKind = FaultKind.LOSE_ANSWER) -> Play:
    """The answer of the ``attempt``-th create is lost, and those before it never arrived."""

    async def play(shop: Shop) -> None:
        if attempt > 1:
            shop.fault(FaultKind.LOSE_REQUEST, Operation.CHECKOUT, attempt - 1)
        match kind:
            case FaultKind.ERROR_5XX:
                shop.fault(kind, Operation.CHECKOUT, executed=True)
            case _:
                shop.fault(kind, Operation.CHECKOUT)
        await shop.sell()
        expected = after_lost_create(shop.can, attempt)
        if expected is PaymentState.PENDING:
            await shop.pending()
            shop.decide()
            await shop.until(PaymentState.PAID)
        else:
            assert (await shop.end()).payment is expected
        assert shop.received(Operation.CHECKOUT) <= most_creates(shop.can)

    return play


case("create_lost_first", Wishes(_SHORT_DEADLINE))(lost_create(1))
case("create_lost_middle", Wishes(_SHORT_DEADLINE))(lost_create(2))
case("create_lost_last", Wishes(_SHORT_DEADLINE))(lost_create(_ATTEMPTS))
case("create_5xx", Wishes(_SHORT_DEADLINE))(lost_create(1, FaultKind.ERROR_5XX))
case("create_garbage", Wishes(_SHORT_DEADLINE))(lost_create(1, FaultKind.GARBAGE))
case("create_page_of_a_portal", Wishes(_SHORT_DEADLINE))(lost_create(1, FaultKind.HTML))
case("create_cut_off", Wishes(_SHORT_DEADLINE))(lost_create(1, FaultKind.TRUNCATED))


def bad_reads(kind: FaultKind, before: bool, times: int | None = 3, **params: int | str) -> Play:
    """Reads go wrong, before the customer pays or after it; the sale is paid all the same."""

    async def play(shop: Shop) -> None:
        await shop.sell()
        await shop.pending()
        if not before:
            shop.decide()
        shop.fault(kind, Operation.STATUS, times, **params)
        if before:
            await soon(lambda: not shop.bank.faults(), PATIENCE_S)
            assert shop.sale().payment is PaymentState.PENDING, "nothing of it is final"
            shop.decide()
        assert (await shop.end()).payment is PaymentState.PAID

    return play


case("read_lost_first")(bad_reads(FaultKind.LOSE_ANSWER, True, 1))
case("read_lost_middle")(bad_reads(FaultKind.LOSE_ANSWER, True, 3))
case("read_lost_last")(bad_reads(FaultKind.LOSE_ANSWER, False, 1))
case("read_5xx")(bad_reads(FaultKind.ERROR_5XX, False, 2, status=503))
case("read_garbage")(bad_reads(FaultKind.GARBAGE, False, 2))
case("read_page_of_a_portal")(bad_reads(FaultKind.HTML, False, 2))
case("read_cut_off")(bad_reads(FaultKind.TRUNCATED, False, 2))
case("read_429")(bad_reads(FaultKind.TOO_MANY, True, 1, retry_after_s=1))
case("read_slow_drip")(bad_reads(FaultKind.DRIP, False, 2, ms=1))
case("unknown_status")(bad_reads(FaultKind.UNKNOWN_STATUS_VALUE, True, 2, value="on_hold"))
case("unknown_field")(bad_reads(FaultKind.EXTRA_FIELDS, False, 1))


@case("unknown_status_calls_people")
async def unknown_status_calls_people(shop: Shop) -> None:
    """A word that nobody has heard of decides nothing, and somebody is told of it."""
    await shop.sell()
    await shop.pending()
    shop.fault(FaultKind.UNKNOWN_STATUS_VALUE, Operation.STATUS, 1, value="on_hold")
    await shop.alarmed("UNKNOWN_STATUS")
    assert shop.sale().payment is PaymentState.PENDING


def lost_cancel(attempt: int) -> Play:
    """The answer of the ``attempt``-th cancel is lost, and those before it never arrived; where there is no cancel none is sent."""

    async def play(shop: Shop) -> None:
        if attempt > 1:
            shop.fault(FaultKind.LOSE_REQUEST, Operation.CANCEL, attempt - 1)
        shop.fault(FaultKind.LOSE_ANSWER, Operation.CANCEL)
        await shop.sell()
        await shop.pending()
        await shop.cancel()
        ended = await shop.end()
        assert (ended.payment, money(ended)) == (PaymentState.CANCELED, after_cancel(shop.can))
        assert (shop.received(Operation.CANCEL) >= attempt) if shop.can.cancel else (shop.received(Operation.CANCEL) == 0)
        assert shop.payable is not shop.can.cancel

    return play


case("cancel_lost_first")(lost_cancel(1))
case("cancel_lost_middle")(lost_cancel(2))
case("cancel_lost_last")(lost_cancel(4))


def lost_refund(attempt: int, kind: FaultKind = FaultKind.LOSE_ANSWER) -> Play:
    """The answer of the ``attempt``-th refund is lost, and those before it never arrived; the money goes back once."""

    async def play(shop: Shop) -> None:
        await shop.paid()
        if after_refund(shop.can) is None:
            await no_refund(shop)
            return
        if attempt > 1:
            shop.fault(FaultKind.LOSE_REQUEST, Operation.REFUND, attempt - 1)
        match kind:
            case FaultKind.ERROR_5XX:
                shop.fault(kind, Operation.REFUND, executed=True)
            case _:
                shop.fault(kind, Operation.REFUND)
        await shop.refund()
        one = await shop.refunded()
        assert one.state is RefundState.REFUNDED, one.reason
        assert money(shop.sale()) is Money.RETURNED

    return play


case("refund_lost_first")(lost_refund(1))
case("refund_lost_middle")(lost_refund(2))
case("refund_lost_last")(lost_refund(4))
case("refund_5xx")(lost_refund(1, FaultKind.ERROR_5XX))
case("refund_garbage")(lost_refund(1, FaultKind.GARBAGE))


# --- waiting ---


@case("late_payment_after_give_up", Wishes(_IMPATIENT))
async def late_payment_after_give_up(shop: Shop) -> None:
    """The till gave up and said so; what is paid after that goes back, or a person is called at once."""
    if shop.can.cancel:
        shop.fault(FaultKind.CANCEL_THEN_PAID, Operation.CANCEL, after_ms=800)
    await shop.sell()
    given_up = await shop.until(PaymentState.CANCELED)
    assert money(given_up) is after_cancel(shop.can)
    assert (await shop.tell()).success is False
    if not shop.can.cancel:
        shop.decide()
    await shop.alarmed("LATE_MONEY")
    one = await shop.refunded("~return")
    assert (one.state, money(shop.sale())) == after_late_money(shop.can)
    assert shop.sale().payment is PaymentState.CANCELED, "what was told stays"


@case("create_answered_too_slowly")
async def create_answered_too_slowly(shop: Shop) -> None:
    """A create whose answer comes byte by byte, after nobody waits for it any more, is known by it all the same."""
    shop.fault(FaultKind.DELAY, Operation.CHECKOUT, ms=1_100)
    shop.fault(FaultKind.DRIP, Operation.CHECKOUT, ms=1)
    await shop.sell()
    await shop.pending()
    shop.decide()
    await shop.until(PaymentState.PAID)
    assert shop.received(Operation.CHECKOUT) <= most_creates(shop.can)


@case("create_429")
async def create_429(shop: Shop) -> None:
    """Turned away for a moment: later it is taken, once."""
    shop.fault(FaultKind.TOO_MANY, Operation.CHECKOUT, retry_after_s=1)
    await shop.sell()
    if shop.refused_at_the_door(429) or shop.can.idempotent_create or shop.can.find_by_key:
        await shop.pending()
        shop.decide()
        await shop.until(PaymentState.PAID)
    assert len(shop.payments()) == 1


@case("outage", Wishes(_SHORT_DEADLINE))
async def outage(shop: Shop) -> None:
    """Connections are refused past the deadline: nothing was sent, and the till says so."""
    shop.fault(FaultKind.OUTAGE, ms=60_000)
    await shop.sell()
    ended = await shop.end()
    assert (ended.payment, money(ended), shop.payments()) == (PaymentState.EXPIRED, Money.NONE, [])


@case("silence", Wishes(replace(_SHORT_DEADLINE, window_limit_ms=3_500)))
async def silence(shop: Shop) -> None:
    """Nothing is ever answered: not paid where nobody can have been shown a link, else a person is called."""
    for operation in set(Operation) - {Operation.LOGIN}:
        shop.fault(FaultKind.LOSE_REQUEST, operation, None)
    await shop.sell()
    ended = await shop.end()
    assert ended.payment is (PaymentState.CANCELED if shop.can.secret_link else PaymentState.ATTENTION)
    assert ended.link is None


# --- what differs ---


def differs(kind: FaultKind, reason: str) -> Play:
    """A payment that is not what was asked for is never told as paid; a person is called."""

    async def play(shop: Shop) -> None:
        await shop.sell()
        await shop.pending()
        shop.fault(kind, Operation.STATUS, None)
        shop.decide()
        ended = await shop.end()
        assert (ended.payment, ended.reason, ended.charged) == (PaymentState.ATTENTION, reason, True)
        assert (await shop.tell()).success is None

    return play


case("another_amount")(differs(FaultKind.WRONG_AMOUNT, "AMOUNT_MISMATCH"))
case("another_currency")(differs(FaultKind.WRONG_CURRENCY, "CURRENCY_MISMATCH"))


# --- the door ---


@case("wrong_credentials", Wishes(_SHORT_DEADLINE, password="not-it"))
async def wrong_credentials(shop: Shop) -> None:
    """Nobody was charged, and the till knows it: turned away at the door, or never let out without a token."""
    await shop.sell()
    ended = await shop.end()
    assert (ended.payment, money(ended), shop.payments()) == (shop.turned_away, Money.NONE, [])


@case("expired_token")
async def expired_token(shop: Shop) -> None:
    """A token that is good no more costs one login and nothing else; where there are no tokens nobody logs in."""
    await shop.sell()
    await shop.pending()
    shop.forget_tokens()
    shop.decide()
    await shop.until(PaymentState.PAID)
    await shop.tell()
    assert shop.received(Operation.LOGIN) == (2 if shop.logs_in else 0)


# --- returns ---


async def refused(work: Awaitable[object]) -> Refusal:
    """The refusal that some work ends in."""
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value


async def no_refund(shop: Shop) -> None:
    """What cannot be returned by a call is refused clearly, and nothing is sent."""
    for pieces in (0, 1):
        assert (await refused(shop.refund(f"R{pieces}", pieces))).code == "NOT_REFUNDABLE"
    assert (shop.received(Operation.REFUND), shop.sale().refunds) == (0, ())


@case("partial_refund")
async def partial_refund(shop: Shop) -> None:
    """A part, then the rest, where parts can go back; else a clear refusal before anything is sent."""
    await shop.paid()
    if shop.can.refunds is Refunds.NONE:
        await no_refund(shop)
        return
    if shop.can.refunds is Refunds.REQUEST:
        refusal = await refused(shop.refund("R1", 1))
        assert (refusal.code, refusal.data["path"]) == ("NOT_REFUNDABLE", "items")
        assert shop.received(Operation.REFUND) == 0
        return
    for key, pieces, rest in (("R1", 1, 20_000), ("R2", 2, 0)):
        await shop.refund(key, pieces)
        assert (await shop.refunded(key)).state is RefundState.REFUNDED
        assert AMOUNT - shop.sale().refunded == rest
    assert money(shop.sale()) is Money.RETURNED


@case("double_refund")
async def double_refund(shop: Shop) -> None:
    """The same refund twice is one; another one of what is not left is refused."""
    await shop.paid()
    if shop.can.refunds is Refunds.NONE:
        await no_refund(shop)
        return
    await shop.refund()
    await shop.refund()
    assert (await shop.refunded()).state is RefundState.REFUNDED
    assert (await refused(shop.refund("R2"))).code == "NOT_REFUNDABLE"
    assert shop.received(Operation.REFUND) == 1


@case("refund_429")
async def refund_429(shop: Shop) -> None:
    """Turned away for a moment: it goes back later, once."""
    await shop.paid()
    if shop.can.refunds is Refunds.NONE:
        await no_refund(shop)
        return
    shop.fault(FaultKind.TOO_MANY, Operation.REFUND, retry_after_s=1)
    await shop.refund()
    assert (await shop.refunded()).state is RefundState.REFUNDED


@case("refund_refused")
async def refund_refused(shop: Shop) -> None:
    """A return that is refused for good is never told as made, and the money stays where it is."""
    await shop.paid()
    if shop.can.refunds is Refunds.NONE:
        await no_refund(shop)
        return
    if shop.can.refunds is Refunds.REQUEST:  # nobody tells a program that people said no: "requested" is all it may say
        await shop.refund()
        await shop.settled("R1", RefundState.REQUESTED)
        shop.people("REFUSED")
        read = shop.received(Operation.STATUS)
        await shop.hurry()
        await soon(lambda: shop.received(Operation.STATUS) > read, PATIENCE_S)
        assert shop.sale().refunds[0].state is RefundState.REQUESTED
        return
    shop.fault(FaultKind.REFUSE_REFUND, Operation.REFUND, error_code="CANCEL_REFUNDING_BY_BANK")
    await shop.refund()
    one = await shop.settled("R1")
    assert one.state in (RefundState.DECLINED, RefundState.ATTENTION)
    assert (shop.sale().refunded, money(shop.sale())) in ((0, Money.CHARGED), (0, Money.STUCK))
