"""Payments by the public key: the till's create at the Public API, and the link by which the customer makes the payment himself."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from agent.core.contract import ComposesLinks, Return, Unacceptable
from agent.core.model import Checkout, LinkMethod
from agent.core.money import Kopecks
from agent.core.verdict import Denied, Observed, Operation, Refused, Request, secret
from agent.providers.paycore import Create, PayCore, PayCoreSettings
from agent.providers.paycore.provider import OWN_LINK_WATCH_MS, WATCH_MS
from tests.providers.paycore.answers import LIVE, REQUEST, SALE, TEST, TRANSACTION, checkout, invoice, reply

NOW = datetime(2026, 1, 31, 17, 50, tzinfo=UTC)
HPP = replace(TEST, create=Create.HPP, public_key="pk_test_1")
PUBLIC = replace(TEST, create=Create.PUBLIC, public_key="pk_test_1")
BARE = replace(HPP, send_metadata=False)
FULL = replace(
    HPP,
    service="payment_card_rub_hpp",
    fields={"promo": "1234"},
    return_url="https://shop.example/thanks?a=b",
    locale="ru",
    link_life_s=900,
)


def bill(order_id: str) -> Checkout:
    """The bill of 376.95 roubles under another number."""
    plain = checkout()
    return replace(plain, invoice=replace(plain.invoice, order_id=order_id))


def composed(settings: PayCoreSettings, given: Checkout | None = None) -> str:
    link = PayCore(settings).compose(SALE, REQUEST, given or checkout(), NOW)
    assert link.method is LinkMethod.GET
    return link.url


# --- the link ---


def test_the_link_holds_the_bill() -> None:
    """Every name of the reference that a till has, encoded so that a browser and the other side read the same."""
    parts = urlsplit(composed(FULL, bill("Счёт № 1 & 2")))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://com.paycore.io/hpp/"
    assert parts.query.isascii()
    assert not set(parts.query) & set("[] +/")
    assert dict(parse_qsl(parts.query)) == {
        "public_key": "pk_test_1",
        "amount": "376.95",
        "currency": "RUB",
        "reference_id": REQUEST,
        "description": "Счёт № 1 & 2",
        "expires": str(int(NOW.timestamp()) + 900),
        "service": "payment_card_rub_hpp",
        "return_url": "https://shop.example/thanks?a=b",
        "locale": "ru",
        "service_fields[promo]": "1234",
        "metadata[storeId]": SALE.store_id,
        "metadata[terminalId]": SALE.terminal_id,
        "metadata[orderId]": "Счёт № 1 & 2",
    }
    assert [name for name, _ in parse_qsl(urlsplit(composed(BARE)).query)] == [
        *("public_key", "amount", "currency", "reference_id", "description", "expires")
    ]


def test_before_the_link_there_is_a_search_and_no_create() -> None:
    """By our own key: a repeat makes nothing."""
    request = PayCore(HPP).checkout(SALE, REQUEST, checkout(), frozenset({"customer.email"}))
    assert request == PayCore(HPP).find(SALE, REQUEST, NOW)
    assert (request.operation, request.method, request.secret_names()) == (Operation.FIND, "GET", frozenset())


def test_what_the_machines_are_told() -> None:
    """A link of ours has no end that could be read, so it is watched for a month; otherwise nothing differs."""
    own, theirs = PayCore(HPP).capabilities, PayCore(TEST).capabilities
    assert replace(own, composes_link=False, rereads_ms=WATCH_MS) == theirs
    assert (own.composes_link, own.rereads_ms[-1]) == (True, 30 * 86_400_000)
    assert list(OWN_LINK_WATCH_MS) == sorted(set(OWN_LINK_WATCH_MS))
    assert PayCore(PUBLIC).capabilities == theirs
    assert isinstance(PayCore(HPP), ComposesLinks)


def test_a_bill_whose_link_is_too_long_is_refused_before_anything_is_stored() -> None:
    """More characters than a code and a browser take; the same bill is no problem where the provider writes the link."""
    long = bill("я" * 200)
    with pytest.raises(Unacceptable) as refused:
        PayCore(HPP).check(SALE, long, {})
    assert [path for path, _ in refused.value.problems] == ["checkoutInvoice.orderId"]
    PayCore(PUBLIC).check(SALE, long, {})
    PayCore(HPP).check(SALE, bill("я" * 100), {})
    assert len(composed(HPP, bill("я" * 100))) <= HPP.limits.link_characters


# --- the Public API ---


def test_the_public_create_is_flat_and_shows_no_secret_key() -> None:
    """The key says which money it is about; the amount is an exact number; what is not given is left out."""
    request = PayCore(PUBLIC).checkout(SALE, REQUEST, checkout(), frozenset())
    assert (request.operation, request.method, request.path, request.public) == (Operation.CHECKOUT, "POST", "/payment-invoices", True)
    assert dict(request.body) == {
        "public_key": "pk_test_1",
        "reference_id": REQUEST,
        "amount": Decimal("376.95"),
        "currency": "RUB",
        "description": checkout().invoice.order_id,
        "metadata": {"storeId": SALE.store_id, "terminalId": SALE.terminal_id, "orderId": checkout().invoice.order_id},
    }


def test_the_public_create_asks_the_buyer_what_the_private_one_asks() -> None:
    """Placeholders, never values; where it calls back only the account says."""
    asking = replace(
        PUBLIC, buyer_fields={"mail": "customer.email"}, send_customer=True, callback_url="https://hooks.shop.example", service="s"
    )
    body = PayCore(asking).checkout(SALE, REQUEST, checkout(), frozenset({"customer.email"})).body
    assert body["fields"] == {"mail": secret("customer.email")}
    assert body["customer"] == {"reference_id": REQUEST, "email": secret("customer.email")}
    assert not {"test_mode", "callback_url"} & set(body)


def test_everything_else_goes_to_the_private_api() -> None:
    """Searches, reads and returns."""
    provider = PayCore(PUBLIC)
    others: list[Request] = [
        provider.find(SALE, REQUEST, NOW),
        provider.status(SALE, REQUEST, TRANSACTION, None),
        provider.refund(Return(SALE, REQUEST, TRANSACTION, checkout(), (), Kopecks(1), "")),
    ]
    assert not any(one.public for one in others)


def test_what_the_public_create_answers() -> None:
    """As the private one; a step that must be posted is never taken for a plain link; forbidden creation is a shut door."""
    provider = PayCore(PUBLIC)
    form = {"action": "https://pay.example/go", "method": "POST", "params": {"a": "1"}}
    made = provider.read(Operation.CHECKOUT, reply({"data": invoice(flow_data=form)}, 201))
    assert isinstance(made, Observed)
    assert made.link is not None
    assert (made.link.method, made.link.url) == (LinkMethod.GET, f"https://com.paycore.io/hpp/?cpi={TRANSACTION}")
    assert isinstance(provider.read(Operation.CHECKOUT, reply({}, 403)), Denied)
    assert isinstance(provider.read(Operation.CHECKOUT, reply({}, 422)), Refused)


# --- settings ---


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"public_key": None}, "public_key"),
        ({"public_key": "pk_live_1"}, "pk_test_"),
        ({"public_key": "pk_test_"}, "public_key"),
        ({"hpp_base_url": ""}, "hpp_base_url"),
        ({"buyer_fields": {"mail": "customer.email"}}, "personal data"),
        ({"send_customer": True}, "personal data"),
        ({"link_life_s": 60}, "link_life_s"),
        ({"locale": "de"}, "locale"),
        ({"public_create_path": "payment-invoices"}, "public_create_path"),
    ],
    ids=str,
)
def test_what_cannot_work(change: dict[str, Any], problem: str) -> None:
    """Named before anything starts."""
    with pytest.raises(ValueError, match=problem):
        replace(HPP, **change)


def test_a_live_key_is_for_live_money() -> None:
    """The key alone says which money it is about."""
    assert replace(LIVE, create=Create.PUBLIC, public_key="pk_live_1").public_key == "pk_live_1"
    with pytest.raises(ValueError, match="pk_live_"):
        replace(LIVE, create=Create.PUBLIC, public_key="pk_test_1")
