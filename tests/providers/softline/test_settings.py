"""What can be set about Softline: wrong values are refused by name, the capabilities follow, and the configuration fits the provider."""

import tomllib
from dataclasses import fields
from typing import Any

import pytest

from agent.core.capability import SOFTLINE, Approval, Refunds
from agent.core.contract import FindsByKey, LogsIn, Provider
from agent.core.hints import ReadsHooks
from agent.providers.softline import Buyer, SoftlineSettings
from agent.settings.softline import Softline as Table
from tests.providers.softline.shop import AGREED, settings, softline

TABLE = """
test_base_url = "https://api.ecommerce.softline.com.demoslweb.com"
login = "shop@shop.example"
password_credential = "softline-password"
payment_method = "CreditCard"
return_success_url = "https://shop.example/thanks"
refund_email = "till@shop.example"
"""


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"payment_method": ""}, "payment_method"),
        ({"payment_method": "credit card"}, "payment_method"),
        ({"company_payment_method": "счёт"}, "company_payment_method"),
        ({"locale": "ru RU"}, "locale"),
        ({"return_success_url": "shop.example"}, "return_success_url"),
        ({"return_success_url": "https://shop.example/" + "x" * 255}, "return_success_url"),
        ({"refund_email": "till@shop"}, "refund_email"),
        ({"refund_email": "t" * 80 + "@shop.example"}, "refund_email"),
        ({"buyer": Buyer(email="nobody")}, "buyer.email"),
        ({"buyer": Buyer(first_name="")}, "buyer.first_name"),
        ({"buyer": Buyer(last_name="x" * 256)}, "buyer.last_name"),
        ({"buyer": Buyer(phone="")}, "buyer.phone"),
        ({"additional_data": {f"referer{number}": "x" for number in range(17)}}, "additional_data"),
        ({"path_prefix": "v1"}, "path_prefix"),
        ({"path_prefix": "/v1/"}, "path_prefix"),
        ({"denied_statuses": frozenset({400})}, "denied_statuses"),
        ({"denied_statuses": frozenset({500})}, "denied_statuses"),
        ({"amount_field": "product..amount"}, "amount_field"),
        ({"pay_date_field": ""}, "pay_date_field"),
        ({"link_field": "a b"}, "link_field"),
        ({"token_life_s": 0}, "token_life_s"),
        ({"wait_limit_ms": 0}, "wait_limit_ms"),
        ({"searches": 0}, "searches"),
        ({"search_pause_ms": -1}, "search_pause_ms"),
        ({"search_margin_s": 0}, "search_margin_s"),
        ({"test_suffixes": ("demoslweb.com",)}, "test_suffixes"),
    ],
)
def test_a_wrong_value_is_refused_by_name(change: dict[str, Any], name: str) -> None:
    """What the vendor would refuse, and what would make answers unreadable, is refused when the till starts."""
    with pytest.raises(ValueError, match=f"^{name} must"):
        settings(**change)


def test_the_most_that_fits_is_taken() -> None:
    """Values at the limits."""
    longest = settings(
        return_success_url="https://shop.example/" + "x" * 234,
        refund_email="t" * 67 + "@shop.example",
        buyer=AGREED,
        path_prefix="",
        link_field=None,
        denied_statuses=frozenset(),
    )
    assert len(longest.return_success_url) == 255
    assert len(longest.refund_email) == 80


def test_a_buyer_is_not_invented() -> None:
    """Without configuration nothing is said of a buyer."""
    assert {getattr(settings().buyer, field.name) for field in fields(Buyer)} == {None}


def test_the_capabilities_follow_the_settings() -> None:
    """The core owes by them: a link, a search by our own key, refunds that people make, no cancel, a repeat that is a second payment."""
    provider = softline(wait_limit_ms=60_000, searches=3, search_pause_ms=9_000, secret_link=False)
    caps = provider.capabilities
    assert (caps.wait_limit_ms, caps.searches, caps.search_pause_ms, caps.secret_link) == (60_000, 3, 9_000, False)
    assert (caps.approval, caps.cancel, caps.idempotent_create, caps.refunds) == (Approval.LINK, False, False, Refunds.REQUEST)
    assert softline().capabilities == SOFTLINE
    assert (len(caps.rereads_ms), caps.rereads_ms[-1]) == (93, 90 * 86_400_000)


def test_it_keeps_the_contracts() -> None:
    """All four, as the core and the edges ask for them."""
    provider: Provider = softline()
    for contract in (FindsByKey, LogsIn, ReadsHooks):
        assert isinstance(provider, contract)


def test_the_table_has_the_providers_defaults() -> None:
    """What is not in the file means the same in the configuration as in the provider."""
    table = Table.model_validate(tomllib.loads(TABLE))
    plain = settings()
    for name in {field.name for field in fields(SoftlineSettings)} - {"environment", "buyer", "test_suffixes", "wait_limit_ms"}:
        given, value = getattr(plain, name), getattr(table, name)
        assert (frozenset(value) if isinstance(given, frozenset) else value) == given, name
    assert table.wait_limit_s * 1_000 == plain.wait_limit_ms
