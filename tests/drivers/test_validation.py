"""What a POS may ask: right requests become frozen values, wrong ones get every mistake explained at once."""

import contextlib
import copy
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from pydantic.alias_generators import to_snake

from agent.core.payment import PaymentState
from agent.core.payout.machine import PayoutState
from agent.core.resolution import Resolution
from drivers import fields, operator
from drivers.bill import Item
from drivers.messages import (
    REQUESTS,
    AgentStatus,
    CheckoutCreate,
    CheckoutGet,
    OperationList,
    OperationShow,
    RefundCreate,
)
from drivers.problems import MAX_PROBLEMS
from drivers.validation import Invalid, UnknownMethod, parse
from tests.drivers.support import checkout

SALE = {"storeId": "s", "terminalId": "t", "key": "k"}


def problems(method: str, params: object) -> dict[str, str]:
    """Path -> what is wrong."""
    with pytest.raises(Invalid) as caught:
        parse(method, params)
    return {problem.path: problem.problem for problem in caught.value.problems}


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    params = copy.deepcopy(checkout("k"))
    change(params)
    return params


def test_a_checkout() -> None:
    """The wire's names become the package's, defaults are filled in, prices and quantities are exact."""
    params = changed(lambda p: p["checkoutInvoice"]["items"][0].update(price=Decimal("40.5"), quantity=Decimal("1250.0")))
    found = parse(
        "checkout.create", {**params, "paymentMethods": [{"type": "SBP", "meta": {"bonus": Decimal("1.5")}}], "wait": Decimal("1.5")}
    )
    assert isinstance(found, CheckoutCreate)
    item = found.checkout_invoice.items[0]
    assert (item.price, item.quantity, item.measure, item.currency) == (Decimal("40.5"), 1250, "GRAM", "RUB")
    assert isinstance(item.quantity, int)
    assert (found.split, found.provider, found.wait_s, found.checkout_invoice.currency) == (False, None, 1.5, "RUB")
    assert found.card_session is not None
    assert found.card_session.get_secret_value() == "SECRETSESSION"
    assert found.payment_methods is not None
    assert found.payment_methods[0].meta == {"bonus": Decimal("1.5")}


def test_requests_are_frozen() -> None:
    """A request cannot change between its check and its use."""
    found = parse("checkout.get", SALE)
    with pytest.raises(ValidationError):
        found.key = "other"  # type: ignore[attr-defined]  # the base of all requests has no key


def test_an_empty_word_is_an_absent_one() -> None:
    """Empty currency and measure mean their defaults, as they do to the Pay API; null means absent."""
    found = parse(
        "checkout.create", changed(lambda p: p["checkoutInvoice"]["items"][0].update(measure="", currency="", discountAmount=None))
    )
    assert isinstance(found, CheckoutCreate)
    item = found.checkout_invoice.items[0]
    assert (item.measure, item.currency, item.discount_amount) == ("PIECE", "RUB", None)


REFUNDED = [{"line": 0, "quantity": 1}, {"line": 1, "quantity": 2, "totalAmount": 5}]


@pytest.mark.parametrize(
    ("method", "params", "kind"),
    [
        ("checkout.get", {**SALE, "wait": 60}, CheckoutGet),
        ("refund.create", {**SALE, "refundKey": "r"}, RefundCreate),
        ("refund.create", {**SALE, "refundKey": "r", "items": REFUNDED, "refundAmount": 9, "token": "x"}, RefundCreate),
        ("operation.list", {"storeId": "s", "date": "2026-01-31", "state": "paid", "amount": 5, "limit": 500}, OperationList),
        ("operation.show", {**SALE, "events": True}, OperationShow),
        ("agent.status", {}, AgentStatus),
    ],
)
def test_the_other_requests(method: str, params: dict[str, Any], kind: type) -> None:
    """Each method has its type."""
    assert type(parse(method, params)) is kind


def test_a_refund_of_a_foreign_sale_brings_the_sale() -> None:
    """The bill comes with the request when the journal does not hold it."""
    sale = {"transactionId": "x", "orderId": "o", "totalAmount": 45000, "items": checkout("k")["checkoutInvoice"]["items"]}
    found = parse("refund.create", {**SALE, "refundKey": "r", "sale": sale})
    assert isinstance(found, RefundCreate)
    assert found.sale is not None
    assert found.sale.items[0].article == "100200"
    assert problems("refund.create", {**SALE, "refundKey": "r", "sale": {**sale, "items": []}}).keys() == {"sale.items"}


def test_the_states_of_a_list_are_those_of_the_machine() -> None:
    """The protocol's words are the core's, and another word is refused with them."""
    assert set(fields.STATES) == {state.value for state in (*PaymentState, *PayoutState)}
    with pytest.raises(Invalid, match="one of queued, sending"):
        parse("operation.list", {"state": "payed"})


def test_the_decisions_are_those_of_the_core() -> None:
    """And one more, about a record that is not used."""
    assert set(operator.RESOLUTIONS) == {one.value for one in Resolution} | {"release"}


def test_what_moves_money_outlives_its_caller() -> None:
    """Reads end with their POS; everything that changes something is carried out."""
    lasting = {method for method, kind in REQUESTS.items() if kind.outlives_caller}
    assert lasting == {"checkout.create", "checkout.cancel", "checkout.confirm", "refund.create", "receipt.create"} | {
        "operation.resolve",
        "payout.create",
        "payout.cancel",
        "payout.resolve",
        "agent.reload",
        "agent.backup",
        "agent.release",
    }


def test_every_wrong_field_at_once() -> None:
    """One round is enough to repair a message: each place, as the POS wrote it, with its rule."""

    def spoil(p: dict[str, Any]) -> None:
        p.update(key="a b", wait=61, barcode="x", store_id="y", user=7)
        del p["storeId"]
        bill = p["checkoutInvoice"]
        bill["totalAmount"] = Decimal("450.00")
        bill["items"] += [{**bill["items"][0], "quantity": Decimal("1.25"), "prise": 1}, 7, {**bill["items"][0], "tax": None}]

    found = problems("checkout.create", changed(spoil))
    assert set(found) == {
        "storeId",
        "store_id",
        "key",
        "wait",
        "user",
        "cardSession",
        "checkoutInvoice.totalAmount",
        "checkoutInvoice.items[1].quantity",
        "checkoutInvoice.items[1].prise",
        "checkoutInvoice.items[2]",
        "checkoutInvoice.items[3].tax",
    }
    assert "450.00 roubles are 45000" in found["checkoutInvoice.totalAmount"]
    assert "1250 GRAM" in found["checkoutInvoice.items[1].quantity"]
    assert found["checkoutInvoice.items[1].prise"] == 'no such field; did you mean "price"?'
    assert found["store_id"] == 'no such field; did you mean "storeId"?'
    assert found["cardSession"].startswith("at most one of")


def test_every_problem_of_a_known_field_has_an_example_that_is_right() -> None:
    """Repairing a message with the examples given makes it valid."""
    with pytest.raises(Invalid) as caught:
        parse("checkout.create", {})
    repaired = {problem.path: problem.example for problem in caught.value.problems}
    assert isinstance(parse("checkout.create", repaired), CheckoutCreate)


def test_the_list_of_problems_is_bounded() -> None:
    """A thousand mistakes are counted, not listed."""
    with pytest.raises(Invalid) as caught:
        parse("agent.status", {f"x{n}": 1 for n in range(1000)})
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    assert caught.value.problems[-1].problem == "and 950 more"


@pytest.mark.parametrize("wrong", [{"barcode": "x"}, {"cardSession": "a", "barcode": "b"}])
def test_never_both_card_session_and_barcode(wrong: dict[str, object]) -> None:
    """Both are refused. Whether one is needed, and who the buyer is, depends on the payment system: that is not the protocol's to say."""
    assert set(problems("checkout.create", {**checkout("k"), **wrong})) == {"cardSession"}
    params = checkout("k")
    del params["cardSession"], params["user"]
    for card in ({}, {"barcode": "29000 0001"}):
        assert isinstance(parse("checkout.create", {**params, **card}), CheckoutCreate)


@pytest.mark.parametrize("wrong", [{}, {"cardSession": None, "barcode": None}, {"cardSession": "a", "barcode": "b"}])
def test_a_list_of_means_needs_exactly_one_of_them(wrong: dict[str, object]) -> None:
    """Only a payment system with a card has such a list."""
    params = {name: value for name, value in checkout("k").items() if name not in ("cardSession", "paymentMethods", "split")}
    assert set(problems("availability.create", {**params, **wrong})) == {"cardSession"}


CUSTOMER = {
    "email": "buyer@example.com",
    "firstName": "Иван",
    "lastName": "Петров",
    "phone": "+7 (999) 000-00-00",
    "companyName": "ООО «Ромашка»",
    "vatNumber": "7700000000",
    "kpp": "770001001",
    "companyBillingAddress": "Москва, Лесная, 1",
    "companyDeliveryAddress": "Москва, Лесная, 2",
}


def test_the_customer_is_told_in_full_or_not_at_all() -> None:
    """Every fact about the buyer is a secret of its own: in no representation, in no complaint."""
    request = parse("checkout.create", {**checkout("k"), "customer": CUSTOMER})
    assert isinstance(request, CheckoutCreate)
    assert request.customer is not None
    assert {name: getattr(request.customer, to_snake(name)).get_secret_value() for name in CUSTOMER} == CUSTOMER
    assert not any(value in repr(request) for value in CUSTOMER.values())
    assert isinstance(parse("checkout.create", {**checkout("k"), "customer": {}}), CheckoutCreate)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "buyer"),
        ("email", "a b@example.com"),
        ("email", "@example.com"),
        ("email", f"{'a' * 65}@example.com"),
        ("firstName", ""),
        ("firstName", "a" * 256),
        ("lastName", "a\nb"),
        ("phone", "call me"),
        ("phone", "1" * 33),
        ("vatNumber", "77000000"),
        ("vatNumber", "77000000000"),
        ("kpp", "7700010012"),
        ("companyName", 7),
        ("iban", "x"),
    ],
)
def test_a_wrong_fact_about_the_customer_is_named_and_not_repeated(name: str, value: object) -> None:
    """The place and what would be right, never what came."""
    found = problems("checkout.create", {**checkout("k"), "customer": {name: value}})
    assert set(found) == {f"customer.{name}"}
    assert not value or not isinstance(value, str) or len(value) < 3 or value not in found[f"customer.{name}"]


AMOUNTS = [-1, 10**10, True, "45000", Decimal("45000.0"), Decimal("450.00"), 450.0, [], {}]


@pytest.mark.parametrize("amount", AMOUNTS)
def test_an_amount_is_a_whole_number_of_kopecks(amount: object) -> None:
    """Anything with a decimal point may be roubles and is refused, even when its fraction is zero."""
    params = changed(lambda p: p["checkoutInvoice"].update(totalAmount=amount))
    assert set(problems("checkout.create", params)) == {"checkoutInvoice.totalAmount"}


ITEM_FAULTS = [
    ("price", -1),
    ("price", True),
    ("price", "40"),
    ("price", Decimal("NaN")),
    ("price", Decimal("Infinity")),
    ("price", Decimal("0.0000001")),
    ("price", Decimal("1E+999999")),
    ("price", 40.5),
    ("quantity", 0),
    ("quantity", Decimal("1.125")),
    ("quantity", Decimal("NaN")),
    ("quantity", Decimal("1E+999999")),
    ("quantity", True),
    ("name", ""),
    ("name", "a\nb"),
    ("name", "x" * 1025),
    ("article", 100200),
    ("tax", "НДС 20%"),
    ("measure", "PIECE OF"),
    ("currency", "USD"),
]


@pytest.mark.parametrize(("field", "value"), ITEM_FAULTS)
def test_faults_of_a_line(field: str, value: object) -> None:
    """Each is found at its own place and nowhere else."""
    params = changed(lambda p: p["checkoutInvoice"]["items"][0].update({field: value}))
    assert set(problems("checkout.create", params)) == {f"checkoutInvoice.items[0].{field}"}


FAULTS = [
    ("storeId", "x" * 37),
    ("storeId", "a\0b"),
    ("storeId", 5),
    ("terminalId", "x" * 257),
    ("terminalId", ""),
    ("key", "x" * 65),
    ("key", "ключ"),
    ("key", "a\n"),
    ("wait", -1),
    ("wait", Decimal("60.1")),
    ("wait", Decimal("NaN")),
    ("wait", True),
    ("wait", "5"),
    ("split", 1),
    ("provider", "Koshelek Pay"),
    ("paymentMethods", []),
    ("paymentMethods", [{"type": "SBP"}, {"type": "SBP"}]),
    ("paymentMethods", {"type": "SBP"}),
    ("cardSession", "x" * 33),
    ("cardSession", "a-b"),
    ("cardSession", "Ж"),
    ("cardSession", 123456),
    ("token", ""),
    ("token", "x" * 4097),
    ("token", "a\r\nHost: x"),
    ("token", " a"),
    ("token", "a "),
    ("token", "ж"),
]


@pytest.mark.parametrize(("field", "value"), FAULTS)
def test_faults_of_a_checkout(field: str, value: object) -> None:
    """Each is found at its own place and nowhere else."""
    assert set(problems("checkout.create", {**checkout("k"), field: value})) == {field}


def test_limits_themselves_are_permitted() -> None:
    """The longest permitted values pass."""
    longest = {
        "storeId": "x" * 36,
        "terminalId": "ж" * 256,
        "key": "x" * 64,
        "wait": 60,
        "cardSession": "x" * 32,
        "token": "a" + " " * 4094 + "b",
        "user": {"loyaltyId": "9" * 36},
    }
    assert parse("checkout.create", {**checkout("k"), **longest})
    assert parse("checkout.create", changed(lambda p: p["checkoutInvoice"].update(totalAmount=9_999_999_999, orderId="ж" * 36)))


@pytest.mark.parametrize("limit", [0, 501, "5", True])
def test_faults_of_a_list(limit: object) -> None:
    """Days are days, limits are bounded."""
    found = problems("operation.list", {"storeId": "s", "date": "2026-02-30", "state": "PAID", "limit": limit})
    assert set(found) == {"date", "state", "limit"}
    assert problems("operation.list", {"storeId": "s", "date": "20260131"}).keys() == {"date"}
    listed = parse("operation.list", {"storeId": "s", "date": "2026-01-31"})
    assert isinstance(listed, OperationList)
    assert listed.business_date == date(2026, 1, 31)


def test_a_line_is_refunded_once_per_request() -> None:
    """Two entries for one line could be a repeated one: refused."""
    twice = [{"line": 3, "quantity": 1}, {"line": 3, "quantity": 2}]
    assert "each line once" in problems("refund.create", {**SALE, "refundKey": "r", "items": twice})["items"]


@pytest.mark.parametrize(("method", "suggestion"), [("checkout.crate", "checkout.create"), ("Checkout.Get", "checkout.get"), ("zzz", None)])
def test_an_unknown_method(method: str, suggestion: str | None) -> None:
    """A near miss is helped along."""
    with pytest.raises(UnknownMethod) as caught:
        parse(method, {})
    assert (f'did you mean "{suggestion}"' in str(caught.value)) == (suggestion is not None)


@pytest.mark.parametrize("params", [None, [], "x", 7, [("storeId", "s")]])
def test_params_are_an_object(params: object) -> None:
    """Anything else is one problem."""
    assert set(problems("checkout.get", params)) == {"params"}


def test_snake_case_is_for_python_only() -> None:
    """Constructors take attribute names; the wire does not."""
    assert CheckoutGet(store_id="s", terminal_id="t", key="k").wait_s == 0
    assert set(problems("checkout.get", {"store_id": "s", "terminalId": "t", "key": "k"})) == {"storeId", "store_id"}


SECRET = "SECRETVALUE"


@pytest.mark.parametrize("field", ["cardSession", "token", "barcode", "loyaltyId"])
@pytest.mark.parametrize("wrong", ["Ж\n", "x" * 5000])
def test_secrets_are_never_shown(field: str, wrong: str) -> None:
    """Not in the repr of a request, not in an error, not in what caused it."""
    good = changed(lambda p: p.pop("cardSession") if field == "barcode" else None)
    target = good["user"] if field == "loyaltyId" else good
    target[field] = SECRET
    found = parse("checkout.create", good)
    assert SECRET not in repr(found)
    assert SECRET not in str(found)
    target[field] = SECRET + wrong
    with pytest.raises(Invalid) as caught:
        parse("checkout.create", good)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.problems)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_python_caller_may_pass_secrets_as_secrets() -> None:
    """The same checks, without unwrapping first."""
    params = checkout("k")
    params["cardSession"] = SecretStr("Q7W2E9")
    found = parse("checkout.create", params)
    assert isinstance(found, CheckoutCreate)
    assert found.card_session == SecretStr("Q7W2E9")
    params["cardSession"] = SecretStr("not a session")
    assert set(problems("checkout.create", params)) == {"cardSession"}


def test_the_constructor_keeps_the_rules() -> None:
    """A value of the type is a checked value however it was made; its error quotes no input."""
    with pytest.raises(ValidationError) as caught:
        Item(name="n", article="a", price=Decimal(-777), quantity=1, total_amount=1, tax="vat20")
    assert "777" not in str(caught.value)


leaves = st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=8)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6
)
PLACES = [
    *("storeId", "key", "wait", "split", "token", "cardSession", "barcode", "provider", "user", "user.loyaltyId", "paymentMethods"),
    *("checkoutInvoice", "checkoutInvoice.items", "checkoutInvoice.items.0", "checkoutInvoice.totalAmount"),
    *("checkoutInvoice.items.0.price", "checkoutInvoice.items.0.quantity", "checkoutInvoice.items.0.measure"),
]


@settings(max_examples=2000, deadline=None)
@given(st.sampled_from(PLACES), anything)
def test_any_value_anywhere(place: str, value: object) -> None:
    """A request or Invalid, nothing else."""
    params: Any = checkout("k")
    target = params
    *way, last = [int(step) if step.isdigit() else step for step in place.split(".")]
    for step in way:
        target = target[step]
    target[last] = value
    with contextlib.suppress(Invalid):
        assert isinstance(parse("checkout.create", params), CheckoutCreate)
