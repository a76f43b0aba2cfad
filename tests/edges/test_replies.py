"""Goal: what a cashier reads is true and never contradicts itself, and what a program reads has its names (promises P3, P4).

Method: every state is walked with every reason that can stand beside it, in both languages; replies are made of folded sales.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agent.core import answer, events
from agent.core.capability import TABLE, Approval
from agent.core.model import Checkout, Environment, RefundLine
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.refund import RefundCause, RefundState
from agent.core.sale import Sale
from agent.edges import replies
from agent.reasons import REFUSALS, REJECTIONS
from agent.texts import translator
from tests.core import samples

RU, EN = translator("ru"), translator("en")
_REJECTED = (
    "NOT_ENOUGH_LIMIT_TO_PAY",
    "TOTAL_AMOUNT_IS_TOO_SMALL",
    "SUBSCRIPTION_IS_NOT_FOUND",
    "PAYMENT_DECLINED_BY_EXTERNAL_PROVIDER",
    "PAYMENT_ORDER_IS_NOT_FOUND",
    "EXTERNAL_PROVIDER_ERROR",
    "TERMINAL_STATE_OF_PAYMENT_TRANSACTION",
    "REJECTED",
    "UNREADABLE_CODE",
    "A_CODE_OF_TOMORROW",
)
_REFUSED = (
    "UNKNOWN_SESSION_ID",
    "TRANSACTION_FOR_SESSION_ID_ALREADY_EXISTS",
    "TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED",
    "UNKNOWN_PARTNER_ID",
)
_MISMATCHES = ("AMOUNT_MISMATCH", "ORDER_MISMATCH", "CURRENCY_MISMATCH", "STORE_MISMATCH")

# Which reason can stand beside which state: what decides, folds and the duties write.
REASONS: Mapping[str, Sequence[str | None]] = {
    "queued": (None, "OFFLINE", "ACCESS_DENIED"),
    "sending": (None,),
    "unknown": (None,),
    "pending": (None,),
    "canceling": (None,),
    "attention": (
        *_MISMATCHES,
        "SLIP_MISSING",
        "WINDOW_CLOSED",
        "UNKNOWN_TRANSACTION_ID",
        "REFUNDED_ELSEWHERE",
        "SECRET_LOST",
        "RESTORED",
    ),
    "paid": (None,),
    "declined": (*_REJECTED, *_REFUSED, "ACCESS_DENIED", "CARD_SESSION_UNAVAILABLE", "SECRET_LOST"),
    "canceled": (*(cause.value for cause in events.CancelCause), "CANCELED_BY_CUSTOMER"),
    "expired": ("SEND_DEADLINE", "OFFLINE", "ACCESS_DENIED", "HELPER_FAILED"),
    "reversed": ("UNCLAIMED",),
    "elsewhere": (None,),
}
REFUND_REASONS: Mapping[str, Sequence[str | None]] = {
    "queued": (
        None,
        "TOKEN_UNAVAILABLE",
        "REJECTED",
        "PAYMENT_TRANSACTION_IS_BEING_REFUNDED_ALREADY",
        "TRANSACTION_IN_PROCESSING",
        "CANCEL_REFUNDING_BY_BANK",
        "EXTERNAL_PROVIDER_ERROR",
    ),
    "sending": (None,),
    "unknown": (None,),
    "pending": (None,),
    "requested": (None,),
    "refunded": (None,),
    "declined": (
        "REJECTED",
        "CANCEL_REFUNDING_BY_BANK",
        "PAYMENT_TRANSACTION_IS_NOT_PAID",
        "TERMINAL_STATE_OF_PAYMENT_TRANSACTION",
        "REQUESTED_REFUND_AMOUNT_IS_GREATER_THAN_AVAILABLE",
        "UNEXPECTED_REFUND_AMOUNT_LEFT_FROM_EXTERNAL_PROVIDER",
        "UNKNOWN_TRANSACTION_ID",
        "UNKNOWN_PARTNER_ID",
        "WRONG_TRANSACTION_STATE_CHANGE",
        "EXTERNAL_PROVIDER_ERROR",
    ),
    "attention": ("REFUND_AMBIGUOUS", "AMOUNT_MISMATCH", "ORDER_MISMATCH", "REJECTED"),
}
PAIRS = [(state, reason) for state, reasons in REASONS.items() for reason in reasons]
REFUND_PAIRS = [(state, reason) for state, reasons in REFUND_REASONS.items() for reason in reasons]

FINISHED = ("paid", "declined", "canceled", "expired", "reversed")
# Said of a finished payment these would be untrue: it is not open, and nothing more is tried.
OPEN_WORDS = {
    "en": re.compile(r"[Dd]o not take|result is not clear|is being|[Ww]ait\b|will try again|not known|[Cc]heck the (result|state)"),
    "ru": re.compile(r"[Нн]е принимайте|[Рр]езультат неясен|выясняется|ждитесь|попытки|[Пп]роверьте (результат|состояние)"),
}
ANOTHER_WAY = {"en": "another means", "ru": "другой способ"}  # of an open payment: the customer could pay twice
NO_MONEY = {"en": "No money was taken", "ru": "Деньги не списаны"}


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(("state", "reason"), PAIRS)
def test_a_message_fits_its_state(state: str, reason: str | None, language: str) -> None:
    """Finished answers sound finished, open ones send nobody to pay again, and only what was never sent is said to have cost nothing."""
    message = replies._message(replies.STATES, state, reason, translator(language))
    assert message.startswith(translator(language)(replies.STATES[state]))
    assert message.endswith(".")
    if state in FINISHED:
        assert not OPEN_WORDS[language].search(message)
    else:
        assert ANOTHER_WAY[language] not in message
    assert (NO_MONEY[language] in message) is (state == "expired")


BY_LINK = [name for name, one in TABLE.items() if one.approval is Approval.LINK]
OF_AN_APP = {*REFUSALS, *REJECTIONS, "CARD_SESSION_UNAVAILABLE", "HELPER_FAILED"}  # never beside a payment link
LINK_PAIRS = [(state, reason) for state, reason in PAIRS if reason not in OF_AN_APP]
LINK_PAIRS += [(state, "LINK_EXPIRED") for state in ("declined", "canceled")]
APP_WORDS = {
    "en": re.compile(r"the app\b|phone|session|confirm|\bslip\b"),
    "ru": re.compile(r"приложении(?! банка)|телефон|сесси|подтвер|слип"),
}


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("provider", BY_LINK)
def test_a_message_fits_a_payment_link(provider: str, language: str) -> None:
    """Nobody confirms in an app or on a phone there, and else the same holds: of a register's answer and of a line of a list."""
    for state, reason in LINK_PAIRS:
        message = replies._sale_message(provider, state, reason, translator(language))
        assert message.endswith(".")
        assert not APP_WORDS[language].search(message), message
        if state in FINISHED:
            assert not OPEN_WORDS[language].search(message), message
        else:
            assert ANOTHER_WAY[language] not in message
        assert (NO_MONEY[language] in message) is (state == "expired"), message


def test_whose_customer_pays_by_a_link_is_told_so() -> None:
    """Each of the two kinds of payment has its own words, in the answer of a sale and in a line of a list."""
    sale = samples.sale_in(PaymentState.PENDING)
    linked = replace(sale, binding=replace(sale.binding, provider="paycore"))
    said = [(reply(one)["message"], replies.row_reply(answer.row(one), EN)["message"]) for one in (sale, linked)]
    words = ("The customer is confirming the payment on the phone.", "The customer is paying by the payment link.")
    assert said == [(word, word) for word in words]


ADVICE = {
    "en": ("Do not take it again.", "Do not hand out the goods before", "call the technician", "not clear"),
    "ru": ("Не принимайте оплату повторно.", "Не отдавайте товар, пока", "обратитесь в техподдержку", "неяс"),
}


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("reason", [*REASONS["attention"], "A_CODE_OF_TOMORROW", None])
def test_of_money_that_was_taken_is_said_once_what_to_do(reason: str | None, language: str) -> None:
    """First that the money was taken, never that this is not clear; of the goods too; in a line of a list and of every payment system."""
    *once, never = ADVICE[language]
    for provider in TABLE:
        message = replies._sale_message(provider, "attention", reason, translator(language), "charged")
        assert message.startswith({"en": "The money was taken, but ", "ru": "Деньги списаны, но "}[language])
        assert [message.count(words) for words in once] == [1, 1, 1], message
        assert never not in message
        assert not APP_WORDS[language].search(message), message
        assert message != replies._sale_message(provider, "attention", reason, translator(language), "possible")


def test_a_reply_and_a_line_of_a_list_say_that_the_money_was_taken() -> None:
    """What is passed on is where the money is."""
    sale = samples.sale_of([*samples.PENDING, events.AttentionNeeded("SLIP_MISSING", charged=True)])
    said = [reply(sale)["message"], replies.row_reply(answer.row(sale), EN)["message"]]
    assert [one.partition(",")[0] for one in said] == ["The money was taken"] * 2


def test_a_link_that_may_still_be_paid_is_taken_off_the_screen() -> None:
    """Canceled, and the money is possible: said once, until it cannot be paid any more; where the payment system cancels it is not said."""
    canceled = samples.sale_of([*samples.PENDING, events.Canceled("WAIT_LIMIT", withdrawn=True)])
    linked = replace(canceled, binding=replace(canceled.binding, provider="paycore"))
    still = "Take the code off the screen. If the link is still paid, the money goes back by itself."
    assert [one["message"].count(still) for one in (reply(linked), replies.row_reply(answer.row(linked), EN))] == [1, 1]
    for other in (replace(linked, watch_over=True), replace(linked, withdrawn=False)):
        assert still not in reply(other)["message"]
    for state, reason in (("canceled", "LINK_NOT_OPENED"), ("declined", None)):
        assert still not in replies._sale_message("paycore", state, reason, EN, "possible")


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(("state", "reason"), REFUND_PAIRS)
def test_a_refund_message_fits_its_state(state: str, reason: str | None, language: str) -> None:
    """Only a refund that was made is said to be returned; one that is open is not said to be over."""
    message = replies._message(replies.REFUND_STATES, state, reason, translator(language))
    returned = {"en": "money is returned", "ru": "Деньги возвращены"}[language]
    refused = {"en": "No money was returned", "ru": "Деньги не возвращены"}[language]
    assert (returned in message) is (state == "refunded")
    assert (refused in message) is (state == "declined")


def test_a_russian_cashier_reads_russian() -> None:
    """No English word is left in a Russian message, whatever the state and reason."""
    messages = [replies._message(replies.STATES, *pair, RU) for pair in PAIRS]
    messages += [replies._message(replies.REFUND_STATES, *pair, RU) for pair in REFUND_PAIRS]
    assert [message for message in messages if re.search(r"[a-z]{2,}", message)] == []


def test_every_state_has_its_reasons_here() -> None:
    """A state that is added is walked as well."""
    assert set(REASONS) == set(replies.STATES) == {state.value for state in PaymentState}
    assert set(REFUND_REASONS) == set(replies.REFUND_STATES) == {state.value for state in RefundState}


# --- whole replies ---


def reply(sale: Sale) -> dict[str, Any]:
    return replies.sale_reply(sale, EN)


@pytest.mark.parametrize("state", PaymentState)
def test_every_state_has_a_reply(state: PaymentState) -> None:
    """State, success, next and slip agree in every state."""
    found = reply(samples.sale_in(state))
    assert found["state"] == state.value
    assert found["success"] is (None if not found["finished"] else state is PaymentState.PAID)
    assert found.get("next") == (None if found["finished"] else "person" if state is PaymentState.ATTENTION else "poll")
    assert ("slip" in found) is (state in (PaymentState.PAID, PaymentState.REVERSED))
    assert (found["environment"], found["test"]) == ("test", True)
    assert ("transactionId" in found) is (samples.sale_in(state).transaction_id is not None)


def test_a_paid_reply_has_the_slip_of_every_width() -> None:
    """Texts for the printers, ids for the program."""
    found = reply(samples.sale_in(PaymentState.PAID))
    assert set(found["slip"]["text"]) == {"32", "42", "48"}
    assert (found["paymentType"], found["slip"]["qrcId"], found["slip"]["totalAmount"]) == ("SBP", "QRC1", 45_000)


def test_real_money_is_not_called_a_test() -> None:
    """Production: no test line on the slip, ``test`` is false."""
    sale = samples.sale_in(PaymentState.PAID)
    real = replace(sale, binding=replace(sale.binding, environment=Environment.PRODUCTION))
    found = reply(real)
    assert (found["environment"], found["test"]) == ("production", False)
    assert "TEST" not in found["slip"]["text"]["32"]
    assert "ТЕСТ" in reply(sale)["slip"]["text"]["32"]


def in_language(language: str) -> Sale:
    sale = samples.sale_in(PaymentState.PAID)
    return replace(sale, checkout=replace(_checkout(sale), language=language))


def _checkout(sale: Sale) -> Checkout:
    return sale.checkout


@pytest.mark.parametrize(("language", "word"), [("ru", "ОПЛАЧЕНО"), ("en", "AMOUNT PAID")])
def test_a_slip_keeps_the_language_it_was_sold_in(language: str, word: str) -> None:
    """The configuration's language changes the messages, never a slip that may have been printed."""
    sale = in_language(language)
    slips = [replies.sale_reply(sale, translate)["slip"] for translate in (RU, EN)]
    assert slips[0] == slips[1]
    assert word in slips[0]["text"]["32"]


def test_a_told_answer_stays_what_it_was() -> None:
    """After late money only ``money`` and ``refunds`` have moved."""
    history = [*samples.HISTORIES[PaymentState.CANCELED], samples.told(samples.sale_in(PaymentState.CANCELED))]
    before = reply(samples.sale_of(history))
    late = [samples.LATE_MONEY, samples.refund_opened(key="~return", cause=RefundCause.LATE_MONEY)]
    after = reply(samples.sale_of([*history, *late]))
    moved = {name for name in after if after[name] != before.get(name)}
    assert moved == {"money", "refunds"}
    assert (after["money"], after["success"]) == ("returning", False)
    assert "refundKey" not in after["refunds"][0]


REFUND_HISTORIES: Mapping[str, Sequence[events.Event]] = {
    "queued": (),
    "sending": (events.AttemptStarted("refund:back-1", "r9", samples.request()),),
    "refunded": (
        events.AttemptStarted("refund:back-1", "r9", samples.request()),
        events.AttemptAnswered("refund:back-1", "r9", "accepted"),
        events.Refunded("back-1", samples.slip(refund_transaction_id="ref-1"), "ref-1"),
    ),
    "declined": (
        events.AttemptStarted("refund:back-1", "r9", samples.request()),
        events.AttemptAnswered("refund:back-1", "r9", "rejected"),
        events.RefundDeclined("back-1", "REJECTED"),
    ),
    "attention": (
        events.AttemptStarted("refund:back-1", "r9", samples.request()),
        events.AttemptLost("refund:back-1", "r9", "timeout"),
        events.RefundNeedsAttention("back-1", "REFUND_AMBIGUOUS"),
    ),
}


@pytest.mark.parametrize("state", REFUND_HISTORIES)
def test_a_refund_reply_says_what_is_so(state: str) -> None:
    """A slip only for money that went back; a person only where a machine cannot go on."""
    history = [*samples.HISTORIES[PaymentState.PAID], samples.refund_opened(), *REFUND_HISTORIES[state]]
    sale = samples.sale_of(history)
    found = replies.refund_reply(sale, sale.refunds[0], EN)
    assert (found["state"], found["refundKey"], found["cause"], found["amount"]) == (state, "back-1", "pos", 45_000)
    assert found["success"] is {"refunded": True, "declined": False}.get(state)
    assert found["finished"] is (state in ("refunded", "declined"))
    assert found.get("next") == {"queued": "poll", "sending": "poll", "attention": "person"}.get(state)
    assert ("slip" in found) is (state == "refunded")
    assert found["items"] == [{"line": 0, "quantity": 1000, "totalAmount": 40_000}, {"line": 1, "quantity": 2, "totalAmount": 5_000}]


def test_only_the_refund_at_work_waits_for_a_token() -> None:
    """The alarm of a missing token stays with the sale; a refund that has been tried, or waits its turn, does not repeat it: the
    latter says what it waits for."""
    part = [events.RefundOpened(key, Kopecks(1_000), (RefundLine(0, 25, Kopecks(1_000)),), RefundCause.POS) for key in ("back-1", "back-2")]
    waiting = [*samples.HISTORIES[PaymentState.PAID], *part, events.AlarmRaised("TOKEN_UNAVAILABLE")]
    tried = [
        *waiting,
        events.AttemptStarted("refund:back-1", "r9", samples.request()),
        events.AttemptHeld("refund:back-1", "r9", "refused"),
    ]
    for history, reasons in ((waiting, ["TOKEN_UNAVAILABLE", "EARLIER_REFUND"]), (tried, [None, "EARLIER_REFUND"])):
        sale = samples.sale_of(history)
        assert [replies.refund_reply(sale, one, EN)["reason"] for one in sale.refunds] == reasons


def test_a_refund_slip_shows_the_refunded_sum() -> None:
    """The provider's refund slip may show the sum of the sale; ours shows what went back, also without any slip of theirs."""
    part = events.RefundOpened("back-1", Kopecks(2_500), (RefundLine(1, 1, Kopecks(2_500)),), RefundCause.POS)
    for slip in (samples.slip(), None):
        done = [*REFUND_HISTORIES["sending"], events.AttemptAnswered("refund:back-1", "r9", "x"), events.Refunded("back-1", slip, "ref-1")]
        sale = samples.sale_of([*samples.HISTORIES[PaymentState.PAID], part, *done])
        found = replies.refund_reply(sale, sale.refunds[0], EN)
        assert found["slip"]["totalAmount"] == 2_500
        assert re.search(r"ВОЗВРАЩЕНО\s+25\.00", found["slip"]["text"]["32"])


@pytest.mark.parametrize("state", PaymentState)
def test_a_line_of_a_list_says_the_same_as_the_sale(state: PaymentState) -> None:
    """The projection's line and the sale's own answer never differ in what they share."""
    sale = samples.sale_in(state)
    line, whole = replies.row_reply(answer.row(sale), EN), reply(sale)
    shared = set(line) & set(whole)
    assert {name: line[name] for name in shared} == {name: whole[name] for name in shared}
    assert set(line) - set(whole) <= {"refundedAmount", "businessDate", "qrcId", "kzo", "operationId", "operationDateTime"}
