"""Events are stored for years: every one survives its stored form, and what does not fit is refused before it is used (promise P14)."""

import json
from dataclasses import MISSING, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any, get_args

import pytest

from agent.core import events
from agent.core.events import Event
from agent.core.model import Deadline, LinkMethod, PaymentLink, PaymentMethod
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.refund import RefundCause
from agent.core.resolution import Resolution
from agent.core.stored import KINDS, UnknownEvent, decode, encode, plain
from agent.core.verdict import Operation, Request, secret
from tests.core.book import as_stored
from tests.core.samples import BINDING, WHOLE, checkout, fiscal, slip

BILL = checkout()
DAY = date(2026, 1, 15)
REQUEST = {"operation": "checkout", "method": "POST", "path": "/"}  # as it is stored, without its body
CARD = {"cardSession": secret("cardSession"), "price": Decimal("40.5"), "nested": [{"a": None}, True, 1]}
EVERY_EVENT: tuple[Event, ...] = (
    events.Accepted(BILL, BINDING, Deadline("boot", 7), DAY, "pos"),
    events.SaleGiven(BILL, BINDING, DAY, "tx-9"),
    events.TransactionKnown("tx-1"),
    events.TransactionKnown("tx-1", PaymentLink("https://pay.example/1", LinkMethod.POST)),
    events.LinkKnown(PaymentLink("https://pay.example/1?lang=ru")),
    events.LinkOffered(PaymentLink("https://pay.example/?amount=1")),
    events.Searched("r1"),
    events.ChargeSeen(),
    events.CancelWanted(events.CancelCause.WAIT_LIMIT),
    events.CancelAnswered("accepted", "ref-1"),
    events.Paid(slip()),
    events.Declined("X"),
    events.Canceled("X", withdrawn=True),
    events.Expired("X"),
    events.AttentionNeeded("X", charged=True, slip=slip()),
    events.LateMoneyFound(slip()),
    events.Reversed(),
    events.Reread(3, last=True),
    events.Told(PaymentState.PAID, True, None, (("label", "value"),), "pos"),
    events.Confirmed("pos"),
    events.AlarmRaised("X"),
    events.Restored(),
    events.Restored("2026-11-22T09:00:00+00:00"),
    events.Resolved("payment", Resolution.PAID, "seen in the registry", "uid:0 (ivanov)", "tx-1", "ref-1", slip()),
    events.AttemptStarted("checkout", "r1", Request(Operation.CHECKOUT, "POST", "/checkout", CARD, {"token": "token"})),
    events.AttemptHeld("checkout", "r1", "http_429", 429, 7_000),
    events.AttemptLost("refund:back-1", "r1", "timeout", reached=False, retry_after_ms=5, check_first=True),
    events.AttemptAnswered("cancel", "r1", "accepted"),
    events.RefundOpened("back-1", Kopecks(45_000), WHOLE, RefundCause.LATE_MONEY, "digest"),
    events.RefundKnown("back-1", "ref-1", adopted=True),
    events.RefundChecked("back-1"),
    events.RefundReopened("back-1", "X", busy=True),
    events.RefundRequested("back-1", "ref-1"),
    events.Refunded("back-1", slip(), "ref-1"),
    events.RefundDeclined("back-1", "X"),
    events.RefundNeedsAttention("back-1", "X"),
    events.ReceiptGiven("receipt-1", "digest", fiscal("receipt-1"), "back-1"),
    events.ReceiptReopened("receipt-1", "X"),
    events.ReceiptDelivered("receipt-1"),
    events.ReceiptRefused("receipt-1", "X"),
)


def test_every_event_is_here() -> None:
    """The union, the table of kinds and the samples below name the same events."""
    assert set(get_args(Event)) == set(KINDS.values()) == {type(event) for event in EVERY_EVENT}


@pytest.mark.parametrize("event", EVERY_EVENT, ids=lambda event: type(event).__name__)
def test_an_event_survives_storage(event: Event) -> None:
    """Kind and JSON text and back: the same event, numbers digit for digit."""
    again = as_stored(event)
    assert type(again) is type(event)
    if isinstance(again, events.AttemptStarted):
        assert again.request is not None
        assert isinstance(again.request.body["price"], Decimal)


@pytest.mark.parametrize("event", EVERY_EVENT, ids=lambda event: type(event).__name__)
def test_a_default_is_not_stored(event: Event) -> None:
    """What has its default value is left out, so that a field can be added to records that do not have it."""
    bare = type(event)(**{field.name: getattr(event, field.name) for field in fields(event) if required(field)})
    _, body = encode(bare)
    assert set(body) == {field.name for field in fields(bare) if required(field)}
    assert as_stored(bare) == bare


def required(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def test_free_form_meta_is_kept_digit_for_digit() -> None:
    """What a POS hands through to the provider comes back as it was."""
    method = PaymentMethod("SBP", meta={"bonus": Decimal("0.10"), "deep": {"list": [1, "2"]}})
    again = as_stored(events.SaleGiven(replace(checkout(), payment_methods=(method,)), BINDING, DAY, "tx"))
    assert isinstance(again, events.SaleGiven)
    assert again.checkout.payment_methods[0].meta == method.meta


def test_an_unknown_event_is_refused() -> None:
    """A record of a newer version is not guessed at."""
    with pytest.raises(UnknownEvent, match="'future' is not known"):
        decode("future", {})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("declined", {}),
        ("told", {"state": "no such state", "success": True, "reason": None}),
        ("attempt_started", {"call": "checkout", "request_id": "r", "request": {**REQUEST, "body": "{"}}),
        ("attempt_started", {"call": "checkout", "request_id": "r", "request": {**REQUEST, "body": "[1]"}}),
    ],
)
def test_a_body_that_does_not_fit_is_refused(kind: str, body: dict[str, Any]) -> None:
    """Missing fields, unknown words, texts that are no JSON object."""
    with pytest.raises(UnknownEvent, match="does not fit"):
        decode(kind, body)


def test_a_refusal_does_not_quote_the_record() -> None:
    """Promise P21: an error text goes to logs; what stands in a record does not."""
    with pytest.raises(UnknownEvent) as error:
        decode("refund_opened", {"refund": "SECRET-1", "amount": "SECRET-2", "lines": [], "cause": "SECRET-3"})
    assert "SECRET" not in str(error.value)


def test_people_read_events_without_the_bill() -> None:
    """For support: the stored fields, without bill, requests, slip rows and fiscal receipts."""
    body = {"checkout": {}, "request": {}, "rows": [], "invoice": {}, "owner": "pos", "business_date": "2026-01-15"}
    assert plain(body) == {"owner": "pos", "business_date": "2026-01-15"}
    assert json.dumps(plain(encode(EVERY_EVENT[0])[1]))
