"""What goes out to PayConnect: the documented names, minor units, our key in the only free text."""

from dataclasses import replace
from typing import Any

import pytest

from agent.core import canonical
from agent.core.contract import LogsIn, Provider, Return, SecretHeader, Unacceptable
from agent.core.hints import ReadsHooks
from agent.core.money import kopecks
from agent.core.verdict import Operation, Request, secret
from tests.providers.builders import REQUEST, SALE, STORE, bill, checkout
from tests.providers.payconnect.shop import PAYMENT, assuming, payconnect

EMAIL = {"customer.email": 20}


def test_the_login_is_as_documented() -> None:
    """The secret key in the header of the login, the scope in its body; the token in the same header of everything else."""
    shop = payconnect()
    assert shop.login() == Request(Operation.LOGIN, "POST", "/v1/auth/token", {"scope": "payments.write payments.read"})
    assert shop.login_header == shop.token_header == SecretHeader("Authorization", "Bearer ")


def test_a_payment_is_made_in_minor_units() -> None:
    """376.95 roubles are 37695: a whole number, the classic mistake of a factor of a hundred."""
    request = payconnect().checkout(SALE, REQUEST, checkout(), frozenset(EMAIL))
    assert request == Request(
        Operation.CHECKOUT,
        "POST",
        "/v1/payments",
        {"amount": 37695, "currency": "RUB", "description": REQUEST, "customer": {"email": secret("customer.email")}},
    )
    assert '"amount":37695' in canonical.dumps(request.fill({"customer.email": "a@b.ru"}))


def test_the_buyers_address_is_the_registers_or_the_agreed_one() -> None:
    """The register's goes before; nothing is invented."""
    assert payconnect().checkout(SALE, REQUEST, checkout(), frozenset()).body["customer"] == {"email": "kassa@shop.example"}
    assert payconnect().checkout(SALE, REQUEST, checkout(), frozenset(EMAIL)).body["customer"] == {"email": secret("customer.email")}


def test_the_description_ends_with_our_key() -> None:
    """The shop's own text before it; what the register sends is not taken for a placeholder."""
    shop = payconnect(description="Заказ {orderId}, касса {terminalId}, {storeId}")
    request = shop.checkout(SALE, REQUEST, checkout(replace(bill(), order_id="{storeId}")), frozenset())
    assert request.body["description"] == f"Заказ {{storeId}}, касса till-07, {STORE} {REQUEST}"


@pytest.mark.parametrize(("typed", "path"), [(PAYMENT, PAYMENT), ("../x?y#z", "..%2Fx%3Fy%23z"), ("й", "%D0%B9")])
def test_a_payment_is_read_by_its_id(typed: str, path: str) -> None:
    """An id that somebody typed leads nowhere else."""
    assert payconnect().status(SALE, "fresh", typed, None) == Request(Operation.STATUS, "GET", f"/v1/payments/{path}", {})
    assert assuming(read_path="/v2/{id}/state").status(SALE, "fresh", typed, None).path == f"/v2/{path}/state"


def test_what_is_not_documented_is_not_called() -> None:
    """No cancel and no refund: the capabilities say so, and asking for one is a mistake of the program."""
    shop = payconnect()
    with pytest.raises(AssertionError, match="link is withdrawn"):
        shop.cancel(SALE, REQUEST, PAYMENT)
    with pytest.raises(AssertionError, match="by hand"):
        shop.refund(Return(SALE, REQUEST, PAYMENT, checkout(), (), kopecks(1), "token"))
    with pytest.raises(AssertionError, match="only payments"):
        shop.status(SALE, REQUEST, None, "refund")


def refused(shop: Any, sold: Any = None, lengths: dict[str, int] | None = None) -> list[str]:
    """The places of all problems."""
    try:
        shop.check(SALE, checkout(sold), EMAIL if lengths is None else lengths)
    except Unacceptable as problem:
        return [path for path, _ in problem.problems]
    return []


@pytest.mark.parametrize(("amount", "right"), [(0, False), (1, True), (20_000_000, True), (20_000_001, False)])
def test_the_documented_limits_of_an_amount(amount: int, right: bool) -> None:
    """Above nothing, up to 200 000 roubles."""
    sold = replace(bill(), total_amount=kopecks(amount), items=(replace(bill().items[0], total_amount=kopecks(amount)),))
    assert refused(payconnect(), sold) == ([] if right else ["checkoutInvoice.totalAmount"])


def test_the_lines_of_a_bill_must_add_up() -> None:
    """Refunds go by them."""
    assert refused(payconnect(), replace(bill(), total_amount=kopecks(1))) == ["checkoutInvoice.totalAmount"]


def test_all_problems_are_told_at_once() -> None:
    """Another currency, an order too long for the text, no address."""
    sold = replace(bill(), currency="USD", order_id="x" * 300)
    shop = payconnect(email=None, description="{orderId}")
    assert refused(shop, sold, {}) == ["checkoutInvoice.currency", "checkoutInvoice.orderId", "customer.email"]
    assert refused(payconnect(), None, {"customer.email": 255}) == ["customer.email"]
    assert refused(payconnect(), None, {}) == []


def test_it_fits_the_contracts() -> None:
    """A provider, one with a login, one with webhooks."""
    shop: Provider = payconnect()
    assert isinstance(shop, LogsIn)
    assert isinstance(shop, ReadsHooks)
    assert (shop.name, shop.capabilities.find_by_key, shop.capabilities.idempotent_create) == ("payconnect", False, False)
