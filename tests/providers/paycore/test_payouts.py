"""Goal: a payout becomes the vendor's request, and its answers become what they prove.

Method: each rule by an example, and any bytes.
"""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core import canonical
from agent.core.contract import Unacceptable
from agent.core.money import Kopecks
from agent.core.payout.contract import (
    AdvisesPayouts,
    PayoutOrder,
    PayoutSeen,
    PayoutService,
    PayoutServices,
    PayoutsFound,
    PayoutStatus,
    RecipientField,
)
from agent.core.verdict import Denied, Garbled, Operation, Refusal, Refused, Reply
from agent.providers.paycore import PayoutSettings, Shape
from tests.providers.paycore.answers import ABSENT, LIVE, REQUEST, paycore

PAYOUT = "cpoi_QmKXb2JzP1nXp4Yj"
ORDER = PayoutOrder(Kopecks(11_250), "RUB", "payout_card_rub", "Deposit 42")
CARD = frozenset({"card_number"})
CREATE, READ = Operation.PAYOUT, Operation.PAYOUT_STATUS


def attributes(status: str = "processed", **changes: Any) -> dict[str, Any]:
    told = {
        "status": status,
        "resolution": "ok",
        "reference_id": REQUEST,
        "amount": "112.50",
        "currency": "RUB",
        "test_mode": True,
        "processed_amount": None,
        **changes,
    }
    return {name: value for name, value in told.items() if value is not ABSENT}


def document(status: str = "processed", **changes: Any) -> dict[str, Any]:
    return {"type": "payout-invoices", "id": PAYOUT, "attributes": attributes(status, **changes)}


def reply(data: object, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps({"data": data}).encode(), headers)


def read(data: object, operation: Operation = READ, status: int = 200, **settings: Any) -> object:
    return paycore(**settings).read_payout(operation, reply(data, status))


def seen(status: PayoutStatus, **changes: Any) -> PayoutSeen:
    return replace(PayoutSeen(status, PAYOUT, REQUEST, Kopecks(11_250), "RUB"), **changes)


# --- requests ---


def test_the_vendors_own_request() -> None:
    """Flat, decimal digits, our id, the side of the money; who gets it is a placeholder."""
    request = paycore().payout(REQUEST, ORDER, CARD)
    assert (request.operation, request.method, request.path, request.public) == (CREATE, "POST", "/payout-invoices", False)
    assert request.body == {
        "test_mode": True,
        "currency": "RUB",
        "amount": 112.50,
        "reference_id": REQUEST,
        "service": "payout_card_rub",
        "fields": {"card_number": {"$secret": "recipient.card_number"}},
        "description": "Deposit 42",
    }
    assert '"amount":112.5' in canonical.dumps(request.fill({"recipient.card_number": "2200000000000004"}))


def test_what_is_open_is_a_setting() -> None:
    """Wrapped, amounts as text, the live side, no description."""
    settings = replace(LIVE, amount_as_text=True, payouts=PayoutSettings(shape=Shape.ENVELOPE, path="/po"))
    body = type(paycore())(settings).payout(REQUEST, replace(ORDER, description=""), CARD).body
    assert body["data"]["type"] == "payout-invoices"
    told = body["data"]["attributes"]
    assert (told["test_mode"], told["amount"], "description" in told) == (False, "112.50", False)


def test_reads_and_searches() -> None:
    """By its id at either API, and by our own; nothing in an id leads elsewhere."""
    one = paycore().payout_status("cpoi_1/../x")
    assert (one.operation, one.method, one.path, one.public) == (READ, "GET", "/payout-invoices/cpoi_1%2F..%2Fx", False)
    assert paycore(payouts=PayoutSettings(public_read=True)).payout_status(PAYOUT).public
    found = paycore().find_payout(REQUEST)
    assert (found.operation, found.path) == (Operation.PAYOUT_FIND, f"/payout-invoices/?filter%5Breference_id%5D={REQUEST}")


@pytest.mark.parametrize(
    ("changes", "lengths", "place"),
    [
        ({"currency": "USD"}, {"card": 16}, "currency"),
        ({"amount": Kopecks(0)}, {"card": 16}, "amount"),
        ({"amount": Kopecks(10**10)}, {"card": 16}, "amount"),
        ({"service": ""}, {"card": 16}, "service"),
        ({"description": "x" * 256}, {"card": 16}, "description"),
        ({"description": "a\nb"}, {"card": 16}, "description"),
        ({}, {}, "fields"),
        ({}, {str(number): 1 for number in range(17)}, "fields"),
        ({}, {"": 1}, "fields"),
        ({}, {"card": 0}, "fields.card"),
        ({}, {"card": 256}, "fields.card"),
    ],
)
def test_what_paycore_would_refuse(changes: dict[str, Any], lengths: dict[str, int], place: str) -> None:
    """Refused before anything is stored, by the register's name of the field."""
    with pytest.raises(Unacceptable) as caught:
        paycore().check_payout(replace(ORDER, **changes), lengths)
    assert [path for path, _ in caught.value.problems] == [place]
    paycore().check_payout(replace(ORDER, description=""), {"card_number": 16})


@pytest.mark.parametrize(
    "changes",
    [{"searches": 1}, {"search_pause_ms": 0}, {"path": "payouts"}, {"find_path": "/a/../b"}, {"services_path": "/x?y"}],
)
def test_settings_that_cannot_work(changes: dict[str, Any]) -> None:
    """One search proves nothing; a path leads where it says."""
    with pytest.raises(ValueError, match="payouts"):
        PayoutSettings(**changes)


# --- answers ---


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("created", PayoutStatus.NEW),
        *((word, PayoutStatus.PENDING) for word in ("processing", "process_pending", "process_error")),
        *((word, PayoutStatus.PENDING) for word in ("canceling", "cancel_pending", "cancel_error")),
        ("processed", PayoutStatus.PROCESSED),
        *((word, PayoutStatus.PARTIAL) for word in ("partially_processed", "partially_canceled")),
        *((word, PayoutStatus.FAILED) for word in ("process_failed", "create_failed", "expired", "terminated")),
        ("canceled", PayoutStatus.CANCELED),
        *((word, PayoutStatus.UNKNOWN) for word in ("cancel_failed", "PROCESSED", "refunded", "on_hold")),
    ],
)
def test_every_word(word: str, status: PayoutStatus) -> None:
    """Those of payouts alone; a word of payments, or of tomorrow, decides nothing."""
    assert read(document(word)) == seen(status)


def test_what_fell_short_is_no_payout() -> None:
    """Less than asked is a part whatever the word says; more may hold a fee; nothing told proves nothing."""
    assert read(document(processed_amount="100.00")) == seen(PayoutStatus.PARTIAL)
    assert read(document(processed_amount=113)) == seen(PayoutStatus.PROCESSED)
    assert read(document(amount=ABSENT, processed_amount=1)) == seen(PayoutStatus.PROCESSED, amount=None)
    assert read(document("process_failed", processed_amount=1)) == seen(PayoutStatus.FAILED)


def test_money_of_the_other_side() -> None:
    """A payout in play money is none, nor one that does not say; unless the configuration believes it."""
    mismatch = PayoutSeen(PayoutStatus.UNKNOWN, PAYOUT, REQUEST, resolution="TEST_MODE_MISMATCH")
    assert read(document(test_mode=False)) == mismatch
    assert read(document(test_mode=ABSENT)) == mismatch
    assert read(document(test_mode=ABSENT), test_mode_required=False) == seen(PayoutStatus.PROCESSED)


def test_a_resolution_is_for_people() -> None:
    """As a code; free text is not kept, and it decides nothing."""
    assert read(document("process_failed", resolution="RECIPIENT_NOT_FOUND")) == seen(PayoutStatus.FAILED, resolution="RECIPIENT_NOT_FOUND")
    assert read(document(resolution="card 2200 0000 0000 0004")) == seen(PayoutStatus.PROCESSED, resolution="UNREADABLE_CODE")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (document() | {"type": "payment-invoices"}, "other_type"),
        (document() | {"id": ""}, "no_id"),
        (document(""), "no_status"),
        (document(amount="1.005"), "bad_amount"),
        (document(currency=5), "bad_currency"),
        ([1], "bad_data"),
    ],
)
def test_what_is_no_payout(data: object, reason: str) -> None:
    """Not understood, so maybe made."""
    assert read(data) == Garbled(reason)
    assert read(data, CREATE, 201) == Garbled(reason)


def refused_with(body: object, status: int = 422, **settings: Any) -> object:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return paycore(**settings).read_payout(CREATE, Reply(status, raw, {"retry-after": "7"}))


@pytest.mark.parametrize(
    "body",
    [
        {"request_id": "x", "error_type": "validation_error", "error_codes": ["fields.card_number_invalid"]},
        {"error_codes": ["limit_violation"]},
        {"errors": {"fields": ["is wrong"]}},
    ],
)
def test_a_refusal_is_believed(body: object) -> None:
    """One of PayCore's own, that says why; nobody is called to the settings for it."""
    verdict = refused_with(body)
    assert isinstance(verdict, Refused)
    assert (verdict.code, verdict.refusal) == ("INVALID_REQUEST", Refusal.RETURN_REFUSED)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>no</html>",
        {},
        {"request_id": "x"},
        {"error_codes": [], "errors": " ", "error": 5},
        {"error_codes": ["duplicated_transaction"]},
        {"error_type": "DUPLICATED_ID"},
        {"error_codes": ["currency_invalid", "reference_id_invalid"]},
        {"errors": {"reference_id": ["has been used"]}},
        {"error": {"message": "Such a payout already is"}},
        {"errors": [{"detail": "must be unique"}]},
        {"error": "double_payout"},
        {"error_codes": ["conflict"]},
        {"error": "operation_in_progress"},
        {"error_codes": ["payout_pending"]},
        {"error": "gateway timeout"},
        {"error_type": "idempotency_error"},
        {"error": "The id was used before"},
        {"error": "repeated request"},
    ],
)
def test_what_may_mean_a_repeat_is_searched_for(body: object) -> None:
    """A machine on the way, or our id that is known already: a payout may be there."""
    assert refused_with(body) == Garbled("http_422", 7)


def test_other_statuses_of_a_create() -> None:
    """Shut doors, a wrong path; the rest may have been taken: also 200 and 202, which are no answer to a create."""
    for status in (401, 403, 405):
        assert refused_with({}, status) == Denied(status, 7)
    for status in (408, 409, 425, 429, 499, 500, 502, 302):
        assert refused_with({"error_codes": ["wrong"]}, status) == Garbled(f"http_{status}", 7)
    assert refused_with({"error_codes": ["wrong"]}, 429, unclear_statuses=frozenset()) == Garbled("http_429", 7)
    wrong_path = refused_with(b"", 404)
    assert isinstance(wrong_path, Refused)
    assert wrong_path.refusal is Refusal.CONFIGURATION
    for status in (200, 202):
        assert paycore().read_payout(CREATE, reply(document(), status)) == Garbled(f"http_{status}")
        assert read(document(), READ, status) == seen(PayoutStatus.PROCESSED)
    assert read(document("created"), CREATE, 201) == seen(PayoutStatus.NEW)


def test_other_statuses_of_a_read() -> None:
    """404: no such payout; 429: wait."""

    def answered(status: int) -> object:
        return paycore().read_payout(READ, Reply(status, b"", {"retry-after": "7"}))

    assert answered(404) == Refused("UNKNOWN_TRANSACTION_ID", Refusal.NOT_FOUND, "http_404")
    assert (answered(429), answered(401)) == (Denied(429, 7), Denied(401, 7))
    assert answered(503) == Garbled("http_503", 7)


# --- searches ---


def test_a_search() -> None:
    """What it finds, nothing, and what is no search's answer; a part that cannot be understood spoils it all."""

    def found(data: object, status: int = 200) -> object:
        return paycore().read_found_payouts(reply(data, status))

    assert found([document("created")]) == PayoutsFound((seen(PayoutStatus.NEW),))
    assert found([]) == PayoutsFound()
    assert found([document(), {"id": "cpoi_2"}]) == Garbled("no_status")
    assert found([document(reference_id=None)]) == Garbled("no_reference")
    assert found({}) == Garbled("no_list")
    assert found([document()] * 101) == Garbled("long_list")
    assert (found([], 404), found([], 429), found([], 401)) == (Denied(404), Denied(429), Denied(401))
    assert found([], 500) == Garbled("http_500")


# --- services ---


def test_the_list_of_services() -> None:
    """Asked with the public key, for an amount; what a service asks for and takes is told on."""
    ready = paycore(public_key="pk_test_1")
    assert isinstance(ready, AdvisesPayouts)
    request = ready.ask_payout_services(Kopecks(11_250))
    assert request is not None
    assert (request.operation, request.method, request.path, request.public) == (
        Operation.AVAILABILITY,
        "POST",
        "/payout-prerequest",
        True,
    )
    assert canonical.dumps(request.body) == '{"amount":112.5,"currency":"RUB","public_key":"pk_test_1"}'
    field = {"key": "card_number", "required": True, "label": {"ru": "Карта"}, "example": "2200", "regexp": r"^\\d{16}$"}
    card = {
        "code": "card",
        "currency": "RUB",
        "status": "available",
        "fields": [field],
        "amount_min": "1.00000000",
        "amount_max": "5.00000000",
    }
    told = {"test_mode": True, "services": {"card": card, "off": {"status": "disabled", "fields": []}}}
    expected = PayoutServices(
        (
            PayoutService(
                "card", "RUB", True, (RecipientField("card_number", True, "Карта", "2200", r"^\d{16}$"),), Kopecks(100), Kopecks(500)
            ),
            PayoutService("off", "", False),
        )
    )
    assert ready.read_payout_services(reply(told)) == expected
    assert ready.read_payout_services(reply({"attributes": told})) == expected


def test_no_list_of_services() -> None:
    """Without a key, or where no connection leads; a list of the other side is none; doors and pages."""
    assert paycore().ask_payout_services(Kopecks(1)) is None
    unreachable = PayoutSettings(ask_services=False)
    assert paycore(public_key="pk_test_1", payouts=unreachable).ask_payout_services(Kopecks(1)) is None
    provider = paycore(public_key="pk_test_1")
    assert provider.read_payout_services(reply({"test_mode": False, "services": []})) == Garbled("other_side")
    assert provider.read_payout_services(Reply(403, b"")) == Denied(403)
    assert provider.read_payout_services(Reply(429, b"", {"retry-after": "3"})) == Denied(429, 3)
    assert provider.read_payout_services(Reply(200, b"<html>")) == Garbled("not_json")
    assert provider.read_payout_services(Reply(503, b"")) == Garbled("http_503")


_NAMES = st.sampled_from(
    [
        "data",
        "id",
        "type",
        "attributes",
        "status",
        "amount",
        "processed_amount",
        "reference_id",
        "error_codes",
        "errors",
        "services",
        "test_mode",
    ]
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["processed", "112.50", "RUB", "duplicate", REQUEST]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)


def _codes_of(body: bytes) -> object:
    """Where an answer says why it refuses; the same word elsewhere in it says nothing."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer.get("error_codes") if isinstance(answer, dict) else None


@settings(max_examples=400, deadline=None)
@given(st.integers(100, 599), st.binary(max_size=60) | st.dictionaries(_NAMES, _VALUES).map(lambda one: json.dumps(one).encode()))
def test_reading_never_raises(status: int, body: bytes) -> None:
    """Any status with any bytes is a verdict; a refusal of a create is never one of a repeat."""
    provider, answer = paycore(), Reply(status, body)
    for operation in (CREATE, READ):
        verdict = provider.read_payout(operation, answer)
        assert isinstance(verdict, PayoutSeen | Refused | Denied | Garbled)
        repeat = operation is CREATE and status != 404 and _codes_of(body) == "duplicate"
        assert not (repeat and isinstance(verdict, Refused))
    assert isinstance(provider.read_found_payouts(answer), PayoutsFound | Refused | Denied | Garbled)
    assert isinstance(provider.read_payout_services(answer), PayoutServices | Refused | Denied | Garbled)
