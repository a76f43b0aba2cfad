"""The list of services: what a technician is told before the first sale."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from agent.core.money import Kopecks
from agent.providers.common.wire import Unreadable
from agent.providers.paycore.prerequest import MAX_SERVICES, Fault, Finding, Offer, findings, question, read_offer, undoubled
from tests.providers.paycore.answers import TEST, reply

FIELD = {
    "key": "phone",
    "type": "text",
    "label": {"ru": "Телефон", "en": "Phone"},
    "hint": {"ru": "…"},
    "example": "79990000000",
    "regexp": r"^\\d{11}$",
    "required": True,
    "position": 1,
}
SERVICE = {
    "code": "payment_card_rub_hpp",
    "method": "payment_card",
    "flow": "hpp",
    "currency": "RUB",
    "status": "available",
    "fields": [FIELD],
    "amount_min": "10.00000000",
    "amount_max": "150000.00000000",
    "exchange_rate": 1,
}
CHOSEN = replace(TEST, service="payment_card_rub_hpp")


def offered(nested: bool = False, **changes: Any) -> Offer:
    inner = {"currency": "RUB", "test_mode": True, "services": {"payment_card_rub_hpp": {**SERVICE, **changes}}, "methods": []}
    return read_offer(reply({"data": {"type": "payment-prerequest", "attributes": inner} if nested else inner}))


def test_the_question() -> None:
    """The public key, the currency, and the amount if there is one, exact."""
    assert question("pk_test_x", "RUB") == {"public_key": "pk_test_x", "currency": "RUB"}
    assert question("pk_test_x", "RUB", Kopecks(11_250))["amount"] == Decimal("112.50")


def test_older_and_newer_samples_read_alike() -> None:
    """Directly under ``data``, or one level deeper; limits as text with eight decimals."""
    offer = offered()
    assert offer == offered(nested=True)
    service = offer.services[0]
    assert (offer.test_mode, service.code, service.method, service.currency, service.status) == (
        True,
        "payment_card_rub_hpp",
        "payment_card",
        "RUB",
        "available",
    )
    assert (service.least, service.most) == (1_000, 15_000_000)
    field = service.fields[0]
    assert (field.key, field.required, field.pattern, field.label, field.example) == ("phone", True, r"^\d{11}$", "Телефон", "79990000000")


@pytest.mark.parametrize(
    ("given", "meant"),
    [(r"^\\d{4}\\.$", r"^\d{4}\.$"), (r"^\d{4}$", r"^\d{4}$"), (r"\\\\", r"\\"), ("[0-9]+", "[0-9]+"), (r"\\d\s", r"\\d\s")],
)
def test_doubled_backslashes(given: str, meant: str) -> None:
    """Each backslash arrives twice; a text where one stands alone is taken as it is."""
    assert undoubled(given) == meant


@pytest.mark.parametrize("regexp", [None, "", "(", 7, "x" * 201, "[z-a]"], ids=str)
def test_a_pattern_that_cannot_be_used_checks_nothing(regexp: object) -> None:
    """Another dialect of regular expressions: the provider checks it itself."""
    assert offered(fields=[FIELD | {"regexp": regexp}]).services[0].fields[0].pattern is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fields": {"phone": "79990000000"}}, []),
        ({"buyer_fields": {"phone": "customer.phone"}}, []),
        ({}, [Finding(Fault.FIELD_MISSING, "fields", "phone")]),
        ({"fields": {"phone": "8-999"}}, [Finding(Fault.FIELD_FORM, "fields", "phone")]),
        ({"service": "other"}, [Finding(Fault.NOT_OFFERED, "service", "payment_card_rub_hpp")]),
        ({"service": None}, [Finding(Fault.NOT_CHOSEN, "service", "payment_card_rub_hpp")]),
        ({"test_mode": False, "fields": {"phone": "79990000000"}}, [Finding(Fault.OTHER_SIDE, "public_key")]),
    ],
    ids=str,
)
def test_what_a_technician_is_told(changes: dict[str, Any], said: list[Finding]) -> None:
    """Before the first customer, and without a value."""
    settings = replace(CHOSEN, limits=replace(CHOSEN.limits, least=Kopecks(1_000), most=Kopecks(15_000_000)), **changes)
    assert findings(settings, offered()) == said


def test_limits_currency_and_state_are_told() -> None:
    """The configuration allows what the service does not; what is not told is not checked."""
    asked = offered(fields=[], status="disabled", currency="UAH")
    assert findings(CHOSEN, asked) == [
        Finding(Fault.NOT_AVAILABLE, "service", "disabled"),
        Finding(Fault.OTHER_CURRENCY, "service", "UAH"),
        Finding(Fault.TOO_SMALL, "least_amount", "1000"),
        Finding(Fault.TOO_LARGE, "most_amount", "15000000"),
    ]
    silent = offered(fields=None, status=None, currency=None, amount_min=None, amount_max=None, method=None)
    assert findings(CHOSEN, silent) == []
    assert findings(CHOSEN, read_offer(reply({"data": {"services": []}}))) == [Finding(Fault.NOT_OFFERED, "service")]


def test_small_differences_in_fields() -> None:
    """A label as plain text, a field that need not be filled, a pattern between slashes, an optional field without a label."""
    odd = FIELD | {"label": "Phone", "required": False, "regexp": "/^x$/", "example": None}
    field = offered(fields=[odd]).services[0].fields[0]
    assert (field.label, field.required, field.pattern, field.example) == ("Phone", False, "^x$", "")
    bare = offered(fields=[FIELD | {"label": None}])
    assert bare.services[0].fields[0].label == ""
    assert offered(fields=[odd | {"label": {"en": "Only English"}}]).services[0].fields[0].label == "Only English"
    assert "phone" not in str(findings(CHOSEN, offered(fields=[odd])))
    unchecked = findings(replace(CHOSEN, fields={"phone": "1"}), offered(fields=[FIELD | {"regexp": None}]))
    assert [one.fault for one in unchecked] == [Fault.TOO_SMALL, Fault.TOO_LARGE]


@pytest.mark.parametrize(
    ("document", "status", "reason"),
    [
        ({}, 403, "http_403"),
        (b"<html>", 200, "not_json"),
        ({"data": {"services": "x"}}, 200, "bad_services"),
        ({"data": {"services": {"a": "x"}}}, 200, "bad_service"),
        ({"data": {"services": {"a": {"fields": "x"}}}}, 200, "bad_fields"),
        ({"data": {"services": {"a": {"fields": [{}] * 51}}}}, 200, "bad_fields"),
        ({"data": {"services": {"a": {"fields": [{}]}}}}, 200, "no_key"),
        ({"data": {"services": {str(place): {} for place in range(MAX_SERVICES + 1)}}}, 200, "long_list"),
    ],
    ids=str,
)
def test_an_answer_that_is_none(document: object, status: int, reason: str) -> None:
    """The technician is told so; no sale waits for it."""
    with pytest.raises(Unreadable, match=reason):
        read_offer(reply(document, status))
