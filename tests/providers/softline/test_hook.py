"""Webhooks: the published vector, every signed value, several keys at once, and what a proven message is worth."""

import hashlib
import json
from typing import Any

import pytest

from agent.core.hints import Hint, HookRefused, Unheard, Unrelated
from agent.providers.softline.hook import signature
from tests.providers.builders import REQUEST
from tests.providers.softline.shop import softline

PUBLISHED = (
    "e970dee7309c7793d2ef33e991c9603487a35eaa26c1f159a2fdad1c049671ffc4b8e887e2eb52c2cdbfc495ec528130d25575a0ecff386aad8096e20094003c"
)
SECRET = "secret_key"
BODY: dict[str, Any] = {
    "event": "order.created",
    "event_date": "2021-08-13T09:16:36+03:00",
    "order_id": 5555555,
    "order_name": "SL-5555555",
    "status": "not paid",
    "external_id": REQUEST,
    "create_date": "2021-08-13T09:16:35+03:00",
    "pay_date": "",
    "currency": "RUB",
    "customer": {"email": "customer@mail.ru", "first_name": "Иван"},
    "product": {"amount": "100.00"},
    "payment": {"payment_method": "CreditCard", "card_last_4": None},
}
HINT = Hint(transaction_id="5555555", reference=REQUEST)


def hear(body: Any, given: str | None = PUBLISHED, *secrets: str) -> Hint | HookRefused:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return softline().read_hook(secrets or (SECRET,), {} if given is None else {"signature": given}, data)


def test_the_published_vector() -> None:
    """The vendor's own example is proven, and names its payment."""
    assert signature(SECRET, BODY) == PUBLISHED
    assert hear(BODY) == HINT


@pytest.mark.parametrize(
    "change",
    [
        {"event": "order.payment.succeeded"},
        {"order_id": 5555556},
        {"create_date": "2021-08-13T09:16:35+04:00"},
        {"currency": "USD"},
        {"payment": {"payment_method": "Invoice"}},
        {"payment": {}},
        {"customer": {"email": "other@mail.ru"}},
        {"customer": None},
    ],
)
def test_every_signed_value_counts(change: dict[str, Any]) -> None:
    """A message in which one of them was exchanged is forged."""
    assert hear(BODY | change) == HookRefused(Unheard.FORGED)


@pytest.mark.parametrize("change", [{"status": "paid"}, {"product": {"amount": "1.00"}}, {"pay_date": "2021-08-13T09:16:35+03:00"}])
def test_what_is_not_signed_has_no_place_in_a_hint(change: dict[str, Any]) -> None:
    """Status, sum and day can be forged by anyone who has seen one message: they change nothing."""
    assert hear(BODY | change) == HINT


@pytest.mark.parametrize(
    "given", [None, "", PUBLISHED.upper(), PUBLISHED[:-1], PUBLISHED + "0", f" {PUBLISHED}", f"{PUBLISHED}, {PUBLISHED}"]
)
def test_without_a_signature_in_its_form_nothing_is_looked_at(given: str | None) -> None:
    """Lower-case hex of 64 bytes, once."""
    assert hear(BODY, given) == HookRefused(Unheard.UNSIGNED)


@pytest.mark.parametrize("body", [b"", b"\xff", json.dumps(BODY).encode()[:-1], b"[]", b'{"event":1,"event":2}', b"{" * 70_000])
def test_a_body_that_cannot_be_read_is_not_proven(body: bytes) -> None:
    """Truncated, doubled, endless: the signed values cannot be had."""
    assert hear(body) == HookRefused(Unheard.FORGED)


def test_several_keys_are_valid_at_once() -> None:
    """Each event has an endpoint with a key of its own, and a key is exchanged while messages are under way."""
    assert hear(BODY, PUBLISHED, "new", SECRET) == HINT
    assert hear(BODY, PUBLISHED, SECRET, "new") == HINT
    assert hear(BODY, PUBLISHED, "new", "old") == HookRefused(Unheard.FORGED)


def test_absent_values_count_as_empty() -> None:
    """The vendor sends empty texts or null for what is not there (inferred: both are signed as nothing)."""
    for payment in ({"payment_method": ""}, {"payment_method": None}, {}):
        text = f"{SECRET};order.created;5555555;2021-08-13T09:16:35+03:00;;RUB;customer@mail.ru"
        assert hear(BODY | {"payment": payment}, hashlib.sha512(text.encode()).hexdigest()) == HINT


def signed(**changes: Any) -> Hint | HookRefused:
    body = BODY | changes
    return hear(body, signature(SECRET, json.loads(json.dumps(body))))


@pytest.mark.parametrize("event", ["order.created", "order.payment.succeeded", "order.payment.failed", "product.returned", "order.news", 7])
def test_every_event_of_a_payment_makes_a_read(event: object) -> None:
    """Also a failed attempt, after which the buyer may try again, and an event that nobody has heard of."""
    assert signed(event=event) == HINT


@pytest.mark.parametrize("event", ["product.delivered", "subscription.created", "subscription.payment.failed"])
def test_events_of_another_product_are_dropped(event: str) -> None:
    """A till has nothing to read then."""
    assert signed(event=event) == Unrelated(Unheard.IRRELEVANT, HINT)


def test_a_message_must_name_something() -> None:
    """Text ids and missing ones; nothing at all is not understood, and half a letter does no harm."""
    assert signed(order_id="5555555", external_id="") == Hint(transaction_id="5555555")
    assert signed(order_id=None) == Hint(reference=REQUEST)
    assert signed(order_id=None, external_id=None) == HookRefused(Unheard.GARBLED)
    assert signed(order_id=None, external_id="a\nb") == HookRefused(Unheard.GARBLED)
    assert signed(currency="\ud800") == HINT
