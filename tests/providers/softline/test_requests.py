"""Every operation against a request that is written down: names, spellings, what is left out, and what the journal may hold."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.core import canonical
from agent.core.contract import Return, SecretHeader
from agent.core.model import RefundLine
from agent.core.money import Kopecks
from agent.core.verdict import Operation, Request, secret
from tests.providers.builders import REQUEST, SALE, bill, checkout
from tests.providers.softline.shop import AGREED, COMPANY, ORDER, PERSON, STORE, softline

VALUES = {
    "customer.email": "buyer@mail.example",
    "customer.firstName": "Иван",
    "customer.lastName": "Петров",
    "customer.phone": "79991234567",
    "customer.companyName": "ООО «Ромашка»",
    "customer.vatNumber": "7707083893",
    "customer.kpp": "770701001",
    "customer.companyBillingAddress": "Москва, ул. Ленина, 1",
    "customer.companyDeliveryAddress": "Москва, ул. Ленина, 2",
}


def create(names: frozenset[str] = frozenset(PERSON), **changes: Any) -> Request:
    return softline(**changes).checkout(SALE, REQUEST, checkout(), names)


def test_the_least_create() -> None:
    """What the vendor's minimal sample has, and nothing else: the sum as text with two digits, our requestId as payment_id."""
    assert create() == Request(
        Operation.CHECKOUT,
        "POST",
        "/v1/payment",
        {
            "currency": "RUB",
            "amount": "376.95",
            "return_success_url": "https://shop.example/thanks",
            "payment_method": "CreditCard",
            "payment_id": REQUEST,
            "customer": {
                "email": secret("customer.email"),
                "first_name": secret("customer.firstName"),
                "last_name": secret("customer.lastName"),
            },
        },
    )


def test_the_full_create() -> None:
    """Every parameter of the call, filled as it goes out: a company with all its fields."""
    request = create(
        frozenset(COMPANY),
        payment_description="Заказ {orderId} кассы {terminalId}",
        company_payment_method="Invoice",
        locale="ru_RU",
        recurring_indicator=False,
        additional_data={"referer7": "{storeId}", "referer8": "{terminalId}/{orderId}"},
        buyer=AGREED,
    )
    assert request.secret_names() == frozenset(VALUES)
    assert request.fill(VALUES) == {
        "currency": "RUB",
        "amount": "376.95",
        "return_success_url": "https://shop.example/thanks",
        "payment_method": "Invoice",
        "payment_id": REQUEST,
        "payment_description": "Заказ S07-000042 кассы till-07",
        "locale": "ru_RU",
        "recurring_indicator": False,
        "additional_data": {"referer7": STORE, "referer8": "till-07/S07-000042"},
        "customer": {
            "email": "buyer@mail.example",
            "first_name": "Иван",
            "last_name": "Петров",
            "phone": "79991234567",
            "company_name": "ООО «Ромашка»",
            "vat_number": "7707083893",
            "kpp": "770701001",
            "company_billing_address": "Москва, ул. Ленина, 1",
            "company_delivery_address": "Москва, ул. Ленина, 2",
        },
    }


def test_agreed_values_stand_in_for_what_the_register_does_not_know() -> None:
    """Each by itself: what the register says goes before what was agreed on."""
    customer = create(frozenset({"customer.email"}), buyer=AGREED).body["customer"]
    assert customer == {
        "email": secret("customer.email"),
        "first_name": "Покупатель",
        "last_name": "Розничный",
        "phone": "79990000000",
    }


def test_the_journal_holds_no_buyer() -> None:
    """The request is journalled as it is built: names of secrets instead of values."""
    text = canonical.dumps(create(frozenset(COMPANY)).body)
    assert not [value for value in VALUES.values() if value in text]


def test_nothing_is_null() -> None:
    """The vendor answers 6010 to a null that it does not allow."""
    assert "null" not in canonical.dumps(create(frozenset(COMPANY), locale="ru_RU").body)


def test_an_order_is_no_template() -> None:
    """What a register calls its order is text, whatever it looks like."""
    given = checkout(bill())
    odd = softline(payment_description="{orderId}")
    strange = replace(given, invoice=replace(given.invoice, order_id="{terminalId}"))
    assert odd.checkout(SALE, REQUEST, strange, frozenset(PERSON)).body["payment_description"] == "{terminalId}"


@pytest.mark.parametrize(
    ("kopecks", "text"), [(1, "0.01"), (10, "0.10"), (100, "1.00"), (11_250, "112.50"), (9_999_999_999, "99999999.99")]
)
def test_sums_are_text(kopecks: int, text: str) -> None:
    """Roubles, a dot, two digits: by whole numbers, never through a binary fraction."""
    given = checkout()
    invoice = replace(given.invoice, total_amount=Kopecks(kopecks))
    assert softline().checkout(SALE, REQUEST, replace(given, invoice=invoice), frozenset(PERSON)).body["amount"] == text


def test_a_read() -> None:
    """By the order_id; a GET has no body, and an id that somebody typed leads nowhere else."""
    assert softline().status(SALE, REQUEST, ORDER, None) == Request(Operation.STATUS, "GET", "/v1/order/5555555", {})
    assert softline(path_prefix="").status(SALE, REQUEST, "../a?b", None).path == "/order/..%2Fa%3Fb"
    with pytest.raises(AssertionError):
        softline().status(SALE, REQUEST, None, "refund")


def test_a_search() -> None:
    """By our own key, from a day before the first sending: the two clocks may differ. The zone is written out."""
    request = softline().find(SALE, REQUEST, datetime(2026, 3, 1, 12, 30, 45, 678_000, tzinfo=UTC))
    body = {"external_id": REQUEST, "create_date_from": "2026-02-28T12:30:45+00:00"}
    assert request == Request(Operation.FIND, "POST", "/v1/order/search", body)


def test_a_refund_request() -> None:
    """Our contact and a text for the people who read it; there is no sum in it, so only the whole sum may be asked for."""
    given = checkout()
    total = given.invoice.total_amount
    lines = [RefundLine(place, item.quantity, item.total_amount) for place, item in enumerate(given.invoice.items)]
    plain = softline().refund(Return(SALE, REQUEST, ORDER, given, lines, total, "token:r"))
    assert plain == Request(Operation.REFUND, "POST", "/v1/order/5555555/refund", {"email": "till@shop.example"})
    told = softline(refund_description="Возврат, заказ {orderId}").refund(Return(SALE, REQUEST, ORDER, given, lines, total, "token:r"))
    assert told.body == {"email": "till@shop.example", "description": "Возврат, заказ S07-000042"}
    with pytest.raises(AssertionError, match="whole sum"):
        softline().refund(Return(SALE, REQUEST, ORDER, given, lines[:1], Kopecks(17_000), "token:r"))


def test_there_is_no_cancel() -> None:
    """The capabilities say so; who asks all the same has a fault."""
    with pytest.raises(AssertionError, match="withdrawn"):
        softline().cancel(SALE, REQUEST, ORDER)


def test_the_login() -> None:
    """Login and password in the body, the token in a header of its own name."""
    provider = softline()
    body = {"username": secret("login"), "password": secret("password")}
    assert provider.login() == Request(Operation.LOGIN, "POST", "/v1/login_check", body)
    assert (provider.token_header, provider.login_header) == (SecretHeader("AuthorizationJWT", "Bearer "), None)
