"""Every limit of a checkout, one kopeck or character inside and outside; all problems at once; nothing secret in a problem."""

from dataclasses import replace
from typing import Any

import pytest

from agent.core.contract import Unacceptable
from agent.core.model import Checkout, Item, PaymentMethod
from agent.core.money import MAX_KOPECKS, Kopecks, kopecks
from tests.providers.builders import BAG, SALE, bill, checkout
from tests.providers.softline.shop import AGREED, COMPANY, PERSON, softline


def plain(total: int | None = None, *methods: str) -> Checkout:
    invoice = bill()
    if total is not None:
        invoice = bill(Item("Сумма", "1", BAG.price, 1, kopecks(total), "none"))
    return Checkout(invoice, tuple(PaymentMethod(method) for method in methods), "digest")


def problems(given: Checkout, lengths: dict[str, int], **changes: Any) -> dict[str, str]:
    try:
        softline(**changes).check(SALE, given, lengths)
    except Unacceptable as refused:
        return dict(refused.problems)
    return {}


def test_a_person_and_a_company_may_buy() -> None:
    """The least a person must say, and all a company can."""
    assert problems(plain(), PERSON) == {}
    assert problems(plain(), COMPANY) == {}


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("customer.email", 254, 255),
        ("customer.firstName", 255, 256),
        ("customer.lastName", 255, 256),
        ("customer.phone", 255, 256),
        ("customer.companyName", 255, 256),
        ("customer.companyBillingAddress", 255, 256),
        ("customer.companyDeliveryAddress", 255, 256),
        ("customer.vatNumber", 10, 11),
        ("customer.vatNumber", 12, 13),
        ("customer.vatNumber", 12, 9),
        ("customer.kpp", 9, 8),
        ("customer.kpp", 9, 10),
        ("customer.email", 1, 0),
    ],
)
def test_lengths_of_the_buyers_data(name: str, right: int, wrong: int) -> None:
    """INN of 10 or 12 digits, KPP of 9, texts of at most 255."""
    assert problems(plain(), COMPANY | {name: right}) == {}
    assert list(problems(plain(), COMPANY | {name: wrong})) == [name]


@pytest.mark.parametrize("name", PERSON)
def test_what_is_needed_comes_from_the_register_or_was_agreed_on(name: str) -> None:
    """Nothing is invented: without an agreement the register must say who pays."""
    without = {key: length for key, length in PERSON.items() if key != name}
    assert list(problems(plain(), without)) == [name]
    assert "agreed" in problems(plain(), without)[name]
    assert problems(plain(), without, buyer=AGREED) == {}


def test_a_person_has_no_company_fields() -> None:
    """Tax number, KPP and addresses belong to a company, and a company has a name."""
    nameless = {key: length for key, length in COMPANY.items() if key != "customer.companyName"}
    expected = {"customer.vatNumber", "customer.kpp", "customer.companyBillingAddress", "customer.companyDeliveryAddress"}
    assert set(problems(plain(), nameless)) == expected


def test_amounts() -> None:
    """From one kopeck; nothing only for parents of automatic payments; whole kopecks of ten digits."""
    assert problems(plain(1), PERSON) == {}
    assert problems(plain(MAX_KOPECKS), PERSON) == {}
    assert list(problems(plain(0), PERSON)) == ["checkoutInvoice.totalAmount"]
    assert problems(plain(0), PERSON, recurring_indicator=True) == {}
    assert list(problems(plain(0), PERSON, recurring_indicator=False)) == ["checkoutInvoice.totalAmount"]


def test_the_lines_make_the_total() -> None:
    """People return the whole sum: a refund of all lines must be it."""
    given = plain()
    short = replace(given, invoice=replace(given.invoice, total_amount=Kopecks(given.invoice.total_amount - 1)))
    assert "sum of the totals" in problems(short, PERSON)["checkoutInvoice.totalAmount"]


def test_the_currency_is_the_rouble() -> None:
    """Kopecks of another currency are no kopecks."""
    given = plain()
    assert list(problems(replace(given, invoice=replace(given.invoice, currency="USD")), PERSON)) == ["checkoutInvoice.currency"]


def test_a_named_method_is_the_one_that_is_used() -> None:
    """A register that names methods has told the customer something: the configured one must be among them."""
    assert problems(plain(None, "SBP", "CreditCard"), PERSON) == {}
    assert list(problems(plain(None, "SBP"), PERSON)) == ["paymentMethods"]
    assert list(problems(plain(None, "CreditCard"), COMPANY, company_payment_method="Invoice")) == ["paymentMethods"]
    assert problems(plain(None, "Invoice"), COMPANY, company_payment_method="Invoice") == {}
    assert problems(checkout(), PERSON).keys() == {"paymentMethods"}, "the bill of the other tests offers SBP"


@pytest.mark.parametrize(
    ("change", "most"),
    [
        ({"payment_description": "{orderId}"}, 255),
        ({"refund_description": "{orderId}"}, 500),
        ({"additional_data": {"referer7": "{orderId}"}}, 255),
    ],
)
def test_texts_with_the_order_in_them(change: dict[str, Any], most: int) -> None:
    """The configured text is measured with the sale's own names in it."""
    given = plain()
    longest = replace(given, invoice=replace(given.invoice, order_id="7" * most))
    longer = replace(given, invoice=replace(given.invoice, order_id="7" * (most + 1)))
    assert problems(longest, PERSON, **change) == {}
    assert list(problems(longer, PERSON, **change)) == ["checkoutInvoice.orderId"]


def test_all_problems_come_at_once() -> None:
    """A POS programmer mends a checkout in one go."""
    given = plain(0, "SBP")
    assert set(problems(given, {"customer.kpp": 1})) == {
        "checkoutInvoice.totalAmount",
        "paymentMethods",
        *PERSON,
        "customer.kpp",
    }
