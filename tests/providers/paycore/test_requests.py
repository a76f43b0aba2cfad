"""Requests to PayCore: names, shapes, exact decimals, nothing secret; and what is refused before anything is sent."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from agent.core import canonical
from agent.core.contract import FindsByKey, Provider, Return, Unacceptable
from agent.core.hints import ReadsHooks
from agent.core.model import Checkout
from agent.core.money import MAX_KOPECKS, Kopecks
from agent.core.verdict import Operation, Request
from agent.providers.paycore import Limits, PayCore, PayCoreSettings, Shape
from tests.providers.paycore.answers import LIVE, REQUEST, SALE, TEST, TRANSACTION, checkout, paycore

EMAIL = {"customer.email": 14}
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def create(provider: PayCore, names: frozenset[str] = frozenset()) -> Request:
    return provider.checkout(SALE, REQUEST, checkout(), names)


def attributes(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = request.body["data"]["attributes"]
    return found


def billed(total: int, currency: str = "RUB", order_id: str = "order-1") -> Checkout:
    bill = checkout()
    line = replace(bill.invoice.items[0], total_amount=Kopecks(total))
    return replace(bill, invoice=replace(bill.invoice, total_amount=Kopecks(total), items=(line,), currency=currency, order_id=order_id))


def test_the_lines_of_a_bill_must_add_up() -> None:
    """Refunds go by them: of a bill that does not add up a part could never be returned, or more than was paid."""
    bill = billed(37_695)
    for total in (25_000, 40_000):
        with pytest.raises(Unacceptable, match="sum of the totals"):
            paycore().check(SALE, replace(bill, invoice=replace(bill.invoice, total_amount=Kopecks(total))), EMAIL)


def test_it_is_a_provider_that_finds_and_hears() -> None:
    """The core's contracts, checked by mypy and at run time."""
    provider: Provider = paycore()
    assert isinstance(provider, FindsByKey)
    assert isinstance(provider, ReadsHooks)
    assert paycore(wait_limit_ms=90_000).capabilities.wait_limit_ms == 90_000


def test_create_names_our_key_and_the_side() -> None:
    """``reference_id`` is our key, ``test_mode`` is always said, and the bill's number is for people."""
    request = create(paycore(service="payment_card_rub_hpp"))
    assert (request.operation, request.method, request.path) == (Operation.CHECKOUT, "POST", "/payment-invoices")
    assert request.secret_headers == {}
    assert request.body == {
        "data": {
            "type": "payment-invoices",
            "attributes": {
                "reference_id": REQUEST,
                "amount": Decimal("376.95"),
                "currency": "RUB",
                "test_mode": True,
                "description": "S07-000042",
                "service": "payment_card_rub_hpp",
                "metadata": {"storeId": "store-1", "terminalId": "till-1", "orderId": "S07-000042"},
            },
        }
    }
    assert attributes(create(PayCore(LIVE)))["test_mode"] is False


def test_what_the_sources_disagree_on_is_configured() -> None:
    """Flat instead of an envelope, an amount as text, other paths, optional attributes."""
    flat = create(paycore(create_shape=Shape.FLAT, amount_as_text=True, send_metadata=False, invoices_path="/payment-invoice"))
    assert flat.path == "/payment-invoice"
    assert flat.body == {
        "reference_id": REQUEST,
        "amount": "376.95",
        "currency": "RUB",
        "test_mode": True,
        "description": "S07-000042",
    }
    full = attributes(create(paycore(return_url="https://shop.example/", callback_url="https://hook.example/p", fields={"inn": "77"})))
    assert (full["return_url"], full["callback_url"], full["fields"]) == ("https://shop.example/", "https://hook.example/p", {"inn": "77"})


@pytest.mark.parametrize(
    ("kopecks", "number", "text"),
    [
        (1, "0.01", "0.01"),
        (10, "0.1", "0.10"),
        (100, "1", "1.00"),
        (11_250, "112.5", "112.50"),
        (MAX_KOPECKS, "99999999.99", "99999999.99"),
    ],
)
def test_amounts_are_exact(kopecks: int, number: str, text: str) -> None:
    """The digits of the body are made of kopecks, never of a binary float."""
    for as_text, digits in ((False, number), (True, f'"{text}"')):
        request = paycore(amount_as_text=as_text).checkout(SALE, REQUEST, billed(kopecks), frozenset())
        assert f'"amount":{digits},' in canonical.dumps(request.body)
        assert canonical.loads(canonical.dumps(request.body)) == json.loads(canonical.dumps(request.body), parse_float=Decimal)


def test_the_buyer_goes_out_only_as_secrets() -> None:
    """Names of the buyer's data stand in the journal, never their values; who is not known is not invented."""
    provider = paycore(send_customer=True, buyer_fields={"mail": "customer.email"}, fields={"kind": "1"})
    request = create(provider, frozenset({"customer.email", "customer.phone"}))
    assert request.secret_names() == {"customer.email", "customer.phone"}
    assert attributes(request)["customer"]["reference_id"] == REQUEST
    assert attributes(request)["fields"] == {"kind": "1", "mail": {"$secret": "customer.email"}}
    unknown = attributes(create(provider))
    assert "customer" not in unknown
    assert unknown["fields"] == {"kind": "1"}
    assert "customer" not in attributes(create(paycore(), frozenset({"customer.email"})))


def test_what_was_agreed_stands_for_a_buyer_who_is_not_known() -> None:
    """From the configuration, and only where the register tells nothing."""
    agreed = {"customer.email": "kassa@shop.example"}
    provider = paycore(send_customer=True, buyer_fields={"mail": "customer.email"}, buyer=agreed)
    provider.check(SALE, checkout(), {})
    told = attributes(create(provider))
    assert (told["fields"], told["customer"]) == ({"mail": "kassa@shop.example"}, {"reference_id": REQUEST, "email": "kassa@shop.example"})
    known = attributes(create(provider, frozenset({"customer.email"})))
    assert known["fields"] == {"mail": {"$secret": "customer.email"}}


def test_read_find_and_refund() -> None:
    """Brackets of the filter and ids are percent-encoded; a refund names its sum and a key of its own."""
    provider = paycore()
    read = provider.status(SALE, "fresh", "cpi_a/b?", None)
    assert (read.operation, read.method, read.path, read.body) == (Operation.STATUS, "GET", "/payment-invoices/cpi_a%2Fb%3F", {})
    found = provider.find(SALE, REQUEST, NOW)
    assert (found.operation, found.method) == (Operation.FIND, "GET")
    assert found.path == f"/payment-invoices/?filter%5Breference_id%5D={REQUEST}"
    refund = provider.refund(Return(SALE, "r-2", TRANSACTION, checkout(), (), Kopecks(11_250), "token"))
    assert (refund.operation, refund.method, refund.path) == (Operation.REFUND, "POST", f"/payment-invoices/{TRANSACTION}/refund")
    inner = {"amount": Decimal("112.50"), "reference_id": "r-2", "description": "S07-000042"}
    assert refund.body == {"data": {"type": "refund", "id": TRANSACTION, "attributes": inner}}
    flat = paycore(refund_shape=Shape.FLAT).refund(Return(SALE, "r-2", TRANSACTION, checkout(), (), Kopecks(11_250), "token"))
    assert flat.body == inner
    elsewhere = paycore(invoices_path="/v2/invoices/", find_path="/v2/invoices")
    assert elsewhere.status(SALE, "", "cpi_1", None).path == "/v2/invoices/cpi_1"
    assert elsewhere.find(SALE, "k", NOW).path == "/v2/invoices?filter%5Breference_id%5D=k"


def test_a_link_that_was_taken_back_is_watched_until_its_end() -> None:
    """Ever more rarely, at last daily: the core keeps the last pause up until the link is final."""
    plan = paycore().capabilities.rereads_ms
    pauses = [later - earlier for earlier, later in pairwise((0, *plan))]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (60_000, 86_400_000)


def test_there_is_no_cancel() -> None:
    """The capability says so, and the machines owe none."""
    with pytest.raises(NotImplementedError, match="no documented cancel"):
        paycore().cancel(SALE, REQUEST, TRANSACTION)
    assert not paycore().capabilities.cancel


@pytest.mark.parametrize(
    ("bill", "lengths", "paths"),
    [
        (billed(37_695), EMAIL, []),
        (billed(99), EMAIL, ["checkoutInvoice.totalAmount"]),
        (billed(200_001), EMAIL, ["checkoutInvoice.totalAmount"]),
        (billed(100, "USD"), EMAIL, ["checkoutInvoice.currency"]),
        (billed(100, order_id="x" * 256), EMAIL, ["checkoutInvoice.orderId"]),
        (billed(100, order_id="a\nb"), EMAIL, ["checkoutInvoice.orderId"]),
        (billed(100), {}, ["customer.email"]),
        (billed(100), {"customer.email": 256, "cardSession": 0}, ["customer.email"]),
        (billed(0, "USD"), {}, ["checkoutInvoice.currency", "checkoutInvoice.totalAmount", "customer.email"]),
    ],
)
def test_what_would_be_refused_is_refused_before(bill: Checkout, lengths: dict[str, int], paths: list[str]) -> None:
    """All problems at once, each with its place."""
    provider = paycore(buyer_fields={"mail": "customer.email"}, limits=Limits(least=Kopecks(100), most=Kopecks(200_000)))
    if not paths:
        provider.check(SALE, bill, lengths)
        return
    with pytest.raises(Unacceptable) as caught:
        provider.check(SALE, bill, lengths)
    assert [path for path, _ in caught.value.problems] == paths


@pytest.mark.parametrize(
    "change",
    [
        {"invoices_path": "payment-invoices"},
        {"invoices_path": "/../x"},
        {"find_path": "/x?y"},
        {"find_path": ""},
        {"hpp_base_url": "ftp://com.paycore.io/hpp/"},
        {"hpp_base_url": "https://com.paycore.io/hpp/?x=1"},
        {"created_statuses": frozenset({302})},
        {"created_statuses": frozenset[int]()},
        {"denied_statuses": frozenset({500})},
        {"unclear_statuses": frozenset({503})},
        {"denied_statuses": frozenset({429})},
        {"denied_statuses": frozenset({404})},
        {"wait_limit_ms": 0},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(change: dict[str, Any]) -> None:
    """A configuration mistake is met at start."""
    with pytest.raises(ValueError, match=next(iter(change)).split("_")[0]):
        replace(TEST, **change)


def test_the_page_is_encrypted_where_money_is_real() -> None:
    """Plain http is for a sandbox on this machine."""
    page = "http://127.0.0.1:8080/paycore/hpp/"
    assert replace(TEST, hpp_base_url=page).hpp_base_url == page
    with pytest.raises(ValueError, match="https"):
        PayCoreSettings(test_mode=False, hpp_base_url=page)
