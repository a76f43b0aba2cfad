"""What PayCore's answers mean: statuses, amounts, the side, links, slips. Every status of the documents is read here."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from agent.core.model import LinkMethod, PaymentLink
from agent.core.verdict import Garbled, Observed, Operation, RefStatus, Status
from agent.providers.paycore import LinkSource, PayCore
from agent.providers.paycore.words import STATUSES
from tests.providers.paycore.answers import ABSENT, LIVE, REQUEST, TOTAL_KOPECKS, TRANSACTION, invoice, paycore, read, reply

MEANING = {
    "creating": Status.NEW,
    "created": Status.NEW,
    "processing": Status.PENDING,
    "process_pending": Status.PENDING,
    "process_error": Status.PENDING,
    "processed": Status.ACCEPTED,
    "partially_processed": Status.ACCEPTED,
    "process_failed": Status.REJECTED,
    "create_failed": Status.REJECTED,
    "expired": Status.REJECTED,
    "terminated": Status.CANCELED,
    "refunding": Status.REFUNDING,
    "refund_pending": Status.REFUNDING,
    "refund_error": Status.REFUNDING,
    "refund_failed": Status.REFUNDING,
    "refunded": Status.REFUNDED,
    "partially_refunded": Status.PARTIAL_REFUNDED,
    "charged_back": Status.PARTIAL_REFUNDED,
    "partially_charged_back": Status.PARTIAL_REFUNDED,
}
PAGE = PaymentLink(f"https://com.paycore.io/hpp/?cpi={TRANSACTION}")
NEXT = "https://pay.example/go/1?a=b"


@pytest.mark.parametrize("word", MEANING)
def test_every_status(word: str) -> None:
    """The table, said a second time; only the paid status brings a slip of the bill's sum, only the open ones a link."""
    seen = read(word)
    assert (seen.status, seen.transaction_id, seen.reference) == (MEANING[word], TRANSACTION, REQUEST)
    paid = seen.slip is not None and seen.slip.total_amount == TOTAL_KOPECKS
    assert paid is (word == "processed")
    assert (seen.link is not None) is (MEANING[word] in (Status.NEW, Status.PENDING))
    assert set(STATUSES) == set(MEANING)


@pytest.mark.parametrize("word", ["canceled", "PROCESSED", "paid", "Processed", "reserved"])
def test_an_unknown_status_decides_nothing(word: str) -> None:
    """A payout's word, capitals as inside ``included``, a word of tomorrow."""
    seen = read(word, processed_amount=376.95)
    assert (seen.status, seen.slip, seen.link) == (Status.UNKNOWN, None, None)


def test_statuses_inside_included_are_not_read() -> None:
    """They belong to single attempts to pay."""
    included = [{"type": "payment-requests", "attributes": {"status": "PROCESSED"}}]
    seen = paycore().read(Operation.STATUS, reply({"data": invoice("process_pending"), "included": included}))
    assert isinstance(seen, Observed)
    assert seen.status is Status.PENDING


# --- the other kind of money ---


@pytest.mark.parametrize("word", MEANING)
def test_test_money_is_never_paid_in_production(word: str) -> None:
    """Whatever the status: nothing is final, there is no slip and no link."""
    for provider, told in (
        (PayCore(LIVE), True),
        (paycore(), False),
        (PayCore(LIVE), "false"),
        (PayCore(LIVE), 0),
        (PayCore(LIVE), ABSENT),
    ):
        seen = read(word, provider, test_mode=told)
        assert (seen.status, seen.slip, seen.link, seen.refunded) == (Status.UNKNOWN, None, None, None)
        assert seen.error_code == "TEST_MODE_MISMATCH"
    assert read(word, PayCore(LIVE), test_mode=False).status is MEANING[word]


def test_a_side_that_is_not_told_is_believed_only_by_configuration() -> None:
    """A brand of the platform may leave it out; a contradiction is never believed."""
    tolerant = PayCore(replace(LIVE, test_mode_required=False))
    assert read("processed", tolerant, test_mode=ABSENT).status is Status.ACCEPTED
    assert read("processed", tolerant, test_mode=True).status is Status.UNKNOWN


# --- amounts ---


@pytest.mark.parametrize(
    ("told", "total"),
    [
        ({}, 37_695),
        ({"payment_amount": ABSENT}, 37_695),
        ({"payment_amount": "376.95000000", "processed_amount": "376.95000000", "amount": "376.95"}, 37_695),
        ({"amount": 377, "payment_amount": 377.0, "processed_amount": "377"}, 37_700),
        ({"payment_amount": 388.26, "processed_amount": 388.26}, 37_695),  # the customer bears a fee, and has paid it
        ({"processed_amount": 400}, 37_695),  # more than was due
        ({"processed_amount": 376.94}, 37_694),  # a kopeck short
        ({"payment_amount": 388.26, "processed_amount": 376.95}, None),  # the fee is missing
        ({"payment_amount": 100, "processed_amount": 100}, 10_000),  # what is due can only be more than the bill
        ({"processed_amount": None}, None),
        ({"processed_amount": ABSENT}, None),
        ({"amount": ABSENT}, None),
        ({"amount": 1, "payment_amount": 1, "processed_amount": 1}, 100),  # another bill: the core compares
        ({"currency": ABSENT}, None),
    ],
)
def test_what_is_compared(told: dict[str, Any], total: int | None) -> None:
    """``processed_amount`` must reach ``amount`` and ``payment_amount``; only then the slip shows ``amount``."""
    seen = read("processed", **told)
    assert seen.status is Status.ACCEPTED
    assert (seen.slip.total_amount if seen.slip else None) == total


@pytest.mark.parametrize(
    ("told", "surplus"),
    [
        ({}, None),
        ({"processed_amount": 400}, 2_305),
        ({"processed_amount": "376.96"}, 1),
        ({"payment_amount": 388.26, "processed_amount": 388.26}, None),  # the fee is the customer's to bear
        ({"payment_amount": 388.26, "processed_amount": 400}, 1_174),
        ({"payment_amount": ABSENT, "processed_amount": 400}, 2_305),
        ({"payment_amount": 100, "processed_amount": 376.95}, None),  # the bill has to be paid, whatever is said to be due
        ({"processed_amount": 376.94}, None),
        ({"processed_amount": None}, None),
        ({"amount": ABSENT, "processed_amount": 400}, None),
    ],
)
def test_more_than_was_due_is_told(told: dict[str, Any], surplus: int | None) -> None:
    """What came beyond the larger of ``amount`` and ``payment_amount``; of a payment that is not paid nothing came."""
    assert read("processed", **told).surplus == surplus
    assert read("processing", **told).surplus is None


@pytest.mark.parametrize("told", ["79161234567", "4276-1600-1234-5678", "pan:4276160012345678", "card_declined_79161234567", "12345"])
def test_a_resolution_never_holds_a_number(told: str) -> None:
    """It becomes the reason of the sale: a card or a phone in it would stand in the record for years."""
    assert read("process_failed", resolution=told).error_code == "UNREADABLE_CODE"


def test_what_a_payment_is_over_is_told_whatever_its_status() -> None:
    """As it was asked for; malformed it is not told, and only a paid one is spoiled by it."""
    for word in ("created", "processed", "expired", "refunded"):
        assert (read(word).amount, read(word).currency) == (TOTAL_KOPECKS, "RUB")
    assert (read("created", amount="1,5").amount, read("created", currency=7).currency) == (None, None)
    assert read("processed", PayCore(LIVE), test_mode=True).amount is None


@pytest.mark.parametrize(
    ("told", "total"),
    [
        ({"processed_amount": 100}, 10_000),
        ({"processed_amount": 376.95}, None),
        ({"processed_amount": 400}, 40_000),
        ({"processed_amount": None}, None),
    ],
)
def test_a_part_is_never_the_whole(told: dict[str, Any], total: int | None) -> None:
    """``partially_processed`` shows what came, and no slip where that looks like the bill."""
    seen = read("partially_processed", **told)
    assert (seen.status, seen.slip.total_amount if seen.slip else None) == (Status.ACCEPTED, total)


@pytest.mark.parametrize("name", ["amount", "payment_amount", "processed_amount", "refunded_amount"])
@pytest.mark.parametrize("value", [-1, 0.001, "1,5", "1e3", True, [], {"value": 1}, 10**9, "NaN", "١"], ids=str)
def test_what_is_no_amount_is_no_answer(name: str, value: object) -> None:
    """Not whole kopecks, no number, too much: nothing of such an answer is believed."""
    assert paycore().read(Operation.STATUS, reply({"data": invoice("processed", **{name: value})})) == Garbled(f"bad_{name}")


def test_amounts_are_read_digit_by_digit() -> None:
    """A number that no binary float holds, and one that only a float would round to kopecks."""
    whole = reply({"data": invoice("processed")}).body.replace(b"376.95", b"0.29")
    seen = paycore().read(Operation.STATUS, reply(whole))
    assert isinstance(seen, Observed)
    assert seen.slip is not None
    assert seen.slip.total_amount == int(Decimal("0.29") * 100)
    nearly = reply({"data": invoice("processed")}).body.replace(b"376.95", b"376.9500000001")
    assert paycore().read(Operation.STATUS, reply(nearly)) == Garbled("bad_amount")


# --- returns ---


@pytest.mark.parametrize(
    ("word", "told", "refunded"),
    [
        ("processed", None, 0),
        ("processed", "10.00000000", 1_000),
        ("refunding", None, None),
        ("refund_pending", 10, 1_000),
        ("partially_refunded", 10, 1_000),
        ("refunded", 376.95, 37_695),
        ("refunded", None, None),
        ("refund_failed", None, 0),
        ("charged_back", 376.95, None),
        ("partially_charged_back", 10, None),
        ("created", None, None),
    ],
)
def test_what_went_back(word: str, told: object, refunded: int | None) -> None:
    """Our refunds are counted by it, so that what a bank took back is not told as such, and silence is not nought where money moves."""
    assert read(word, refunded_amount=told).refunded == refunded


def test_a_return_that_failed_is_told() -> None:
    """Only that status says it."""
    assert {word for word in MEANING if read(word).ref_status is RefStatus.REJECTED} == {"refund_failed"}


# --- links ---


@pytest.mark.parametrize(
    ("flow", "link"),
    [
        ([], PAGE),
        (None, PAGE),
        ({"action": NEXT, "method": "GET", "params": []}, PaymentLink(NEXT)),
        ({"action": NEXT, "method": "GET", "params": None, "metadata": {"sid": "1"}}, PaymentLink(NEXT)),
        ({"action": NEXT, "method": "GET", "params": {"a": "1"}}, PAGE),
        ({"action": NEXT, "method": "POST", "params": {"a": "1"}}, PAGE),
        ({"action": NEXT, "method": "POST", "params": []}, PAGE),
        ({"action": NEXT}, PAGE),
        ({"action": 7, "method": "GET"}, PAGE),
        ({"action": "javascript:alert(1)", "method": "GET"}, PAGE),
        ({"action": "https://pay.example/<script>", "method": "GET"}, PAGE),
        ({"action": "https://pay.example/" + "x" * 2_048, "method": "GET"}, PAGE),
    ],
    ids=str,
)
def test_where_the_customer_pays(flow: object, link: PaymentLink) -> None:
    """The provider's next step if a plain link can do it, else the payment page by the payment's id."""
    assert read(flow_data=flow).link == link


def test_the_page_can_be_asked_for() -> None:
    """Configuration, for whether the page opens for a payment bound to a service is not published."""
    step = {"action": NEXT, "method": "GET", "params": []}
    assert read(provider=paycore(link_source=LinkSource.HPP), flow_data=step).link == PAGE


def test_without_a_page_a_post_step_is_marked() -> None:
    """It can be shown by a program that posts, and never as a code."""
    bare = paycore(hpp_base_url="")
    assert read(provider=bare, flow_data={"action": NEXT, "method": "POST"}).link == PaymentLink(NEXT, LinkMethod.POST)
    assert read(provider=bare, flow_data={"action": NEXT, "method": "GET"}).link == PaymentLink(NEXT)
    assert read(provider=bare, flow_data={"action": NEXT, "method": "GET", "params": {"a": 1}}).link is None
    assert read(provider=bare).link is None


def test_a_form_comes_whole_or_not_at_all() -> None:
    """Without one of its fields it would lead the customer astray."""
    bare = paycore(hpp_base_url="")

    def posted(params: object) -> PaymentLink | None:
        return read(provider=bare, flow_data={"action": NEXT, "method": "POST", "params": params}).link

    assert posted({"MD": "1", "PaReq": "a+b/=", "n": 7}) == PaymentLink(
        NEXT, LinkMethod.POST, (("MD", "1"), ("PaReq", "a+b/="), ("n", "7"))
    )
    for strange in ({"a": None}, {"a": ["1"]}, {"a": True}, {"a": 1.5}, {"a": "x" * 16_384}, {f"a{place}": "1" for place in range(51)}):
        assert posted(strange) is None


def test_real_money_is_paid_behind_an_encrypted_link() -> None:
    """Plain http is for the sandbox."""
    plain = {"action": "http://pay.example/1", "method": "GET"}
    assert read(flow_data=plain).link == PaymentLink("http://pay.example/1")
    assert read(provider=PayCore(LIVE), flow_data=plain, test_mode=False).link == PAGE


def test_an_id_that_is_no_plain_word_is_in_no_link() -> None:
    """It would open something else."""
    seen = paycore().read(Operation.STATUS, reply({"data": invoice() | {"id": "cpi_1&public_key=x"}}))
    assert isinstance(seen, Observed)
    assert seen.link is None


# --- slip and reasons ---


def test_the_slip_holds_what_a_receipt_may_show() -> None:
    """RRN, approval code, masked card, time; compared are sum, currency and our key."""
    seen = read("processed", rrn="412345678901", approval_code="A1B2C3", payload={"client_ip": "10.0.0.1", "pan": "512381******0000"})
    slip = seen.slip
    assert slip is not None
    assert (slip.reference, slip.currency, slip.order_id, slip.payment_transaction_id) == (REQUEST, "RUB", None, TRANSACTION)
    assert (slip.operation_id, slip.id, slip.payment_type) == ("412345678901", "A1B2C3", "512381******0000")
    assert slip.operation_date_time == "2026-01-31T17:50:00Z"


def test_a_card_number_that_is_not_masked_is_never_kept() -> None:
    """Nor anything else of the payload."""
    seen = read("processed", payload={"card": "5123817234060000", "n": 1, "auth_type": "3ds"})
    assert seen.slip is not None
    assert seen.slip.payment_type is None


@pytest.mark.parametrize("moment", [None, "1769881800", True, 0, -5, 10**12, 1.5], ids=str)
def test_a_time_that_is_none_is_left_out(moment: object) -> None:
    """It is for people and decides nothing."""
    seen = read("processed", processed=moment)
    assert seen.slip is not None
    assert seen.slip.operation_date_time is None


@pytest.mark.parametrize(
    ("resolution", "word", "code"),
    [
        ("insufficient_funds", "process_failed", "INSUFFICIENT_FUNDS"),
        ("ok", "process_failed", None),
        (None, "process_failed", None),
        ("", "process_failed", None),
        ("a new one, with words", "process_failed", "UNREADABLE_CODE"),
        (["x"], "process_failed", "UNREADABLE_CODE"),
        ("ok", "expired", "LINK_EXPIRED"),
    ],
    ids=str,
)
def test_why_it_failed(resolution: object, word: str, code: str | None) -> None:
    """A code for people; free text never reaches a log."""
    assert read(word, resolution=resolution).error_code == code


@pytest.mark.parametrize("word", ["creating", "created", "processing", "process_pending", "process_error"])
def test_a_try_that_failed_is_no_reason(word: str) -> None:
    """Several may be made to pay one invoice, and a resolution may wait for the customer: nothing is wrong with the payment or its link."""
    for resolution in ("insufficient_funds", "auth_3ds_required", "free text"):
        assert read(word, resolution=resolution).error_code is None


# --- what is no answer ---


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "empty_body"),
        (b"<html>", "not_json"),
        ([], "not_an_object"),
        ({}, "no_id"),
        ({"data": []}, "no_id"),
        ({"data": [invoice()]}, "bad_data"),
        ({"data": invoice() | {"id": None}}, "no_id"),
        ({"data": invoice() | {"type": "payout-invoices"}}, "other_type"),
        ({"data": invoice() | {"attributes": []}}, "no_status"),
        ({"data": invoice() | {"attributes": "x"}}, "bad_attributes"),
        ({"data": invoice("")}, "no_status"),
        ({"data": invoice(flow_data="x")}, "bad_flow_data"),
        ({"data": invoice("processed", payload="x")}, "bad_payload"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_no_answer(document: object, reason: str) -> None:
    """The machines ask again instead of believing half of it."""
    assert paycore().read(Operation.STATUS, reply(document)) == Garbled(reason)


def test_an_answer_without_a_type_is_read() -> None:
    """The type proves nothing that the id does not."""
    data = {name: value for name, value in invoice().items() if name != "type"}
    assert isinstance(paycore().read(Operation.STATUS, reply({"data": data})), Observed)
