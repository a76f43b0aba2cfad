"""Payments by the public key: the link with the bill in it, the flat create, the form; and what their answers prove."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from agent.core.model import LinkMethod
from agent.core.money import Kopecks
from agent.providers.paycore.public import PublicPayment, create_body, form_fields, page_link, read_created
from tests.providers.paycore.answers import REQUEST, TEST, TRANSACTION, invoice, reply

BARE = PublicPayment("r-1", Kopecks(11_250))
FULL = PublicPayment(
    "r-1",
    Kopecks(11_250),
    description="Счёт № 1 & 2",
    service="payment_card_rub_hpp",
    fields={"promo": "1234"},
    customer={"reference_id": "c-1", "email": "a+b@shop.example"},
    metadata={"till": "7"},
    return_url="https://shop.example/thanks?a=b",
    expires_s=1_769_881_800,
    locale="ru",
)


def test_the_link_holds_the_bill() -> None:
    """Every name of the reference, encoded so that a browser and the other side read the same."""
    link = page_link(TEST, "pk_test_1", FULL)
    parts = urlsplit(link.url)
    assert (link.method, f"{parts.scheme}://{parts.netloc}{parts.path}") == (LinkMethod.GET, "https://com.paycore.io/hpp/")
    assert parts.query.isascii()
    assert not set(parts.query) & set("[] +")
    assert dict(parse_qsl(parts.query)) == {
        "public_key": "pk_test_1",
        "amount": "112.50",
        "currency": "RUB",
        "reference_id": "r-1",
        "description": "Счёт № 1 & 2",
        "service": "payment_card_rub_hpp",
        "return_url": "https://shop.example/thanks?a=b",
        "expires": "1769881800",
        "locale": "ru",
        "service_fields[promo]": "1234",
        "customer[reference_id]": "c-1",
        "customer[email]": "a+b@shop.example",
        "metadata[till]": "7",
    }
    assert page_link(TEST, "pk_test_1", BARE).url.endswith("?public_key=pk_test_1&amount=112.50&currency=RUB&reference_id=r-1")


def test_a_link_that_cannot_be_opened_is_none() -> None:
    """No page; more characters than a code and a browser take."""
    with pytest.raises(ValueError, match="no payment page"):
        page_link(replace(TEST, hpp_base_url=""), "pk_test_1", BARE)
    with pytest.raises(ValueError, match="more than 2048"):
        page_link(TEST, "pk_test_1", replace(BARE, description="я" * 400))


def test_the_public_create_is_flat() -> None:
    """The amount as an exact number; what is not given is left out."""
    assert create_body(TEST, "pk_test_1", BARE) == {
        "public_key": "pk_test_1",
        "amount": Decimal("112.50"),
        "currency": "RUB",
        "reference_id": "r-1",
    }
    full = create_body(TEST, "pk_test_1", FULL)
    assert (full["fields"], full["customer"]["reference_id"], full["metadata"]) == ({"promo": "1234"}, "c-1", {"till": "7"})


def test_the_form_has_five_fields() -> None:
    """Those that the reference names."""
    assert list(form_fields(TEST, "pk_test_1", FULL)) == ["public_key", "amount", "currency", "reference_id", "service"]
    assert "service" not in form_fields(TEST, "pk_test_1", BARE)


@pytest.mark.parametrize(
    "change",
    [{"reference_id": ""}, {"amount": Kopecks(0)}, {"customer": {"email": "a@b.example"}}, {"locale": "de"}],
    ids=str,
)
def test_what_is_no_payment(change: dict[str, Any]) -> None:
    """Refused where it is made."""
    with pytest.raises(ValueError, match=r"reference|locale"):
        replace(BARE, **change)


def test_only_our_own_payment_is_believed_to_be_made() -> None:
    """Anything else is searched for."""
    made = read_created(TEST, reply({"data": invoice()}, 201), REQUEST)
    assert made is not None
    assert made.transaction_id == TRANSACTION
    assert read_created(TEST, reply({"data": invoice()}, 201), "another") is None
    assert read_created(TEST, reply({"data": invoice()}, 403), REQUEST) is None
