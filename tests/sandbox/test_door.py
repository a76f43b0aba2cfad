"""Who gets in, in what form, and what a repeated requestId gets."""

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.sandbox.koshelek import operation_of
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Operation
from tests.sandbox.till import CHEESE, HEADERS, MILK, PATHS, STORE, Till, item


def basic(credentials: str) -> dict[str, str]:
    return {**HEADERS, "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


@pytest.mark.parametrize(
    "headers", [basic("sandbox:wrong"), {"Content-Type": "application/json"}, {"Authorization": "Basic %%%"}, {"Authorization": "Bearer x"}]
)
def test_wrong_credentials_get_401(headers: dict[str, str]) -> None:
    """Before anything else is looked at, and without effect."""
    till = Till()
    assert till.send(Operation.CHECKOUT, till.checkout_body(), headers).status == 401
    assert till.bank.transactions() == []


def test_credentials_with_cyrillic() -> None:
    """Basic credentials are UTF-8."""
    till = Till(BankSettings(login="касса", password="пароль"))
    assert till.send(Operation.CHECKOUT, till.checkout_body(), basic("касса:пароль")).status == 200


def test_header_names_have_no_case() -> None:
    """TOKEN is token."""
    till = Till()
    headers = {name.upper(): value for name, value in HEADERS.items()}
    assert till.send(Operation.CHECKOUT, till.checkout_body(), headers).status == 200


def test_paths_methods_and_partners() -> None:
    """404 for unknown paths, 405 for other methods; the partner segment is optional unless one is set."""
    till, acme = Till(), Till(BankSettings(partner="acme"))
    assert till.bank.handle(till.now, "POST", "/api/v1/merchant/nothing", HEADERS, b"{}").status == 404
    assert till.bank.handle(till.now, "GET", PATHS[Operation.CHECKOUT], HEADERS, b"").status == 405
    assert till.send(Operation.CHECKOUT, till.checkout_body(), prefix="/anybody").status == 200
    assert acme.send(Operation.CHECKOUT, acme.checkout_body(), prefix="/acme").status == 200
    for prefix in ("", "/other"):
        refused = acme.send(Operation.CHECKOUT, acme.checkout_body(), prefix=prefix)
        assert (refused.status, refused["code"]) == (422, "UNKNOWN_PARTNER_ID")
    assert operation_of("/acme/api/v1/merchant/transaction/refund") is Operation.REFUND
    assert operation_of("/a/b/api/v1/merchant/checkout") is None


def test_an_unknown_store() -> None:
    """Only when stores are configured."""
    till = Till(BankSettings(stores={STORE: "MA1"}))
    assert till.checkout().status == 200
    refused = till.checkout("OTHER1", storeId="nowhere")
    assert (refused.status, refused["code"]) == (422, "UNKNOWN_PARTNER_ID")


def _change(path: str, value: Any) -> Any:
    return pytest.param(path, value, id=f"{path}={str(value)[:20]}")


GONE = object()
BAD_CHECKOUTS = [
    *[_change(name, GONE) for name in ("requestId", "cardSession", "storeId", "terminalId", "checkoutInvoice", "user", "paymentMethods")],
    _change("requestId", "x" * 37),
    _change("requestId", ""),
    _change("requestId", 5),
    _change("cardSession", "A" * 33),
    _change("cardSession", "A-B"),
    _change("cardSession", "Ж"),
    _change("storeId", "x" * 37),
    _change("terminalId", "x" * 257),
    _change("terminalId", None),
    _change("unheardOf", 1),
    _change("checkoutInvoice", []),
    _change("checkoutInvoice.orderId", "x" * 37),
    _change("checkoutInvoice.totalAmount", GONE),
    _change("checkoutInvoice.totalAmount", "45000"),
    _change("checkoutInvoice.totalAmount", 45000.0),
    _change("checkoutInvoice.totalAmount", -1),
    _change("checkoutInvoice.totalAmount", 10**10),
    _change("checkoutInvoice.totalAmount", True),
    _change("checkoutInvoice.currency", "USD"),
    _change("checkoutInvoice.subtotalAmount", 1),
    _change("checkoutInvoice.items", []),
    _change("checkoutInvoice.items", {}),
    *[_change(f"checkoutInvoice.items.0.{name}", GONE) for name in ("name", "article", "price", "quantity", "totalAmount", "tax")],
    _change("checkoutInvoice.items.0.quantity", 1.125),
    _change("checkoutInvoice.items.0.quantity", 1.5),
    _change("checkoutInvoice.items.0.quantity", 0),
    _change("checkoutInvoice.items.0.quantity", "1"),
    _change("checkoutInvoice.items.0.price", -1),
    _change("checkoutInvoice.items.0.price", None),
    _change("checkoutInvoice.items.0.price", 10**30),
    _change("checkoutInvoice.items.0.tax", "vat99"),
    _change("checkoutInvoice.items.0.measure", "POUND"),
    _change("checkoutInvoice.items.0.currency", "EUR"),
    _change("checkoutInvoice.items.0.subtotalAmount", 1),
    _change("user.loyaltyId", GONE),
    _change("user.loyaltyId", "x" * 37),
    _change("paymentMethods", []),
    _change("paymentMethods", [{"type": "CASH"}]),
    _change("paymentMethods", [{"type": "SBP"}, {"type": "SBP", "paymentPurpose": "x"}]),
    _change("paymentMethods", [{"type": "SBP", "meta": "x"}]),
]


def altered(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(document)
    *steps, last = path.split(".")
    place: Any = result
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return result


@pytest.mark.parametrize(("path", "value"), BAD_CHECKOUTS)
def test_a_wrong_field_is_named(path: str, value: Any) -> None:
    """422 with the sandbox's own code, the field in its details, and no effect."""
    till = Till()
    answer = till.send(Operation.CHECKOUT, altered(till.checkout_body(), path, value))
    assert (answer.status, answer["code"]) == (422, "SANDBOX_INVALID_REQUEST")
    named = path.replace("items.0", "items[0]")
    assert named in answer["details"]
    assert till.bank.transactions() == []


def test_every_wrong_field_is_named_at_once() -> None:
    """A programmer sees all his mistakes in one answer, header and body."""
    till = Till()
    body = altered(altered(till.checkout_body(), "storeId", GONE), "user.loyaltyId", 5)
    details = till.send(Operation.CHECKOUT, body, {"Authorization": HEADERS["Authorization"]})["details"]
    for named in ("header Content-Type", "header token", "storeId", "user.loyaltyId"):
        assert named in details


def test_generous_where_the_api_is() -> None:
    """Empty currency and measure mean the default; a quantity may end in .0; a price may have a fraction; longest texts fit."""
    till = Till()
    generous = item(CHEESE, currency="", measure="", quantity=2.0, price=0.405)
    body = till.checkout_body(items=[generous], terminalId="x" * 256, storeId="x" * 36)
    body["checkoutInvoice"] |= {"currency": "RUB", "discountAmount": 0, "subTotalAmount": 9_999_999_999, "orderId": "x" * 36}
    body["paymentMethods"] = [{"type": "DOLYAME", "paymentPurpose": "Покупка", "meta": {"bonus": [1, {"a": None}]}}]
    assert till.send(Operation.CHECKOUT, body).status == 200


def test_taxes_and_measures_can_be_added() -> None:
    """The law changes faster than the API's file."""
    till = Till(BankSettings(taxes=frozenset({"vat22"}), measures=frozenset({"LITRE"})))
    assert till.checkout(items=[item(tax="vat22", measure="LITRE")]).status == 200
    assert till.checkout("OTHER1", items=[MILK]).status == 422


def test_unknown_fields_can_be_let_in() -> None:
    """A setting, for a client that is ahead of us."""
    till = Till(BankSettings(refuse_unknown_fields=False))
    assert till.send(Operation.CHECKOUT, {**till.checkout_body(), "new": 1}).status == 200


def test_sums_are_checked_on_request() -> None:
    """Off by default: what the vendor checks is unknown."""
    strict, till = Till(BankSettings(check_sums=True)), Till()
    assert till.checkout(total=71999).status == 200
    assert "checkoutInvoice.totalAmount" in strict.checkout(total=71999)["details"]
    assert "refundAmount" in strict.refund(strict.paid(), [CHEESE], amount=1)["details"]


@pytest.mark.parametrize(
    ("operation", "field", "value"),
    [
        (Operation.CANCEL, "transactionId", GONE),
        (Operation.CANCEL, "transactionId", "x" * 37),
        (Operation.CANCEL, "storeId", GONE),
        (Operation.CANCEL, "terminalId", GONE),
        (Operation.STATUS, "transactionId", GONE),
        (Operation.STATUS, "transactionId", ""),
        (Operation.STATUS, "storeId", STORE),
        (Operation.REFUND, "refundAmount", 0),
        (Operation.REFUND, "refundAmount", GONE),
        (Operation.REFUND, "refundAmount", 10**10),
        (Operation.REFUND, "items", []),
        (Operation.REFUND, "items", [CHEESE, CHEESE]),
        (Operation.REFUND, "items", [{**CHEESE, "discount": 1}]),
        (Operation.REFUND, "currency", "USD"),
    ],
)
def test_the_other_operations_are_as_strict(operation: Operation, field: str, value: Any) -> None:
    """Cancel, status and refund name their wrong fields as well."""
    till = Till()
    paid = till.paid()
    bodies = {
        Operation.CANCEL: till.cancel_body(paid),
        Operation.STATUS: till.status_body(paid),
        Operation.REFUND: till.refund_body(paid),
    }
    answer = till.send(operation, altered(bodies[operation], field, value))
    assert (answer.status, answer["code"]) == (422, "SANDBOX_INVALID_REQUEST")
    assert field in answer["details"]


def test_token_is_needed_for_checkout_and_refund_alone() -> None:
    """Status and cancel work without."""
    till = Till()
    transaction = till.paid()
    without = {name: value for name, value in HEADERS.items() if name != "token"}
    assert till.send(Operation.STATUS, till.status_body(transaction), without).status == 200
    assert till.send(Operation.CANCEL, till.cancel_body(transaction), without).status == 200
    assert "token" in till.send(Operation.REFUND, till.refund_body(transaction), without)["details"]


def test_a_repeat_gets_the_first_answer_byte_for_byte() -> None:
    """Of each operation, also when the state has moved on; nothing is done twice."""
    till = Till()
    transaction = till.paid("SESSION1")
    bodies = {
        Operation.CHECKOUT: till.checkout_body("SESSION2"),
        Operation.STATUS: till.status_body(transaction),
        Operation.REFUND: till.refund_body(transaction, [CHEESE]),
        Operation.CANCEL: till.cancel_body(transaction),
    }
    for operation, body in bodies.items():
        first = till.send(operation, body)
        till.later(1_000_000)
        assert till.send(operation, body).raw == first.raw
    assert till.bank.ledger.refunded() == 45000
    assert till.bank.ledger.violations == []


def test_ids_are_kept_apart_by_operation() -> None:
    """One requestId for a checkout and a status is two requests."""
    till = Till()
    body = till.checkout_body()
    transaction = till.send(Operation.CHECKOUT, body)["transactionId"]
    answer = till.send(Operation.STATUS, {"requestId": body["requestId"], "transactionId": transaction})
    assert "paymentGroup" in answer.body


def test_a_repeat_with_another_body_gets_the_first_answer_and_is_on_record() -> None:
    """No second effect; the violations name it. Another spelling of the same body is no other body."""
    till = Till()
    body = till.checkout_body("SESSION1")
    first = till.send(Operation.CHECKOUT, body)
    assert till.send(Operation.CHECKOUT, json.dumps(body, sort_keys=True, indent=1).encode()).raw == first.raw
    assert till.bank.ledger.violations == []
    other = altered(body, "cardSession", "SESSION2")
    assert till.send(Operation.CHECKOUT, other).raw == first.raw
    till.send(Operation.CHECKOUT, body, {**HEADERS, "token": "another"})
    assert [violation.kind for violation in till.bank.ledger.violations] == ["other_body", "other_token"]
    assert len(till.bank.transactions()) == 1


def test_a_refusal_is_remembered_a_bad_form_is_not() -> None:
    """The first answer comes again even if it was a 422; a request that broke the form may be mended under its id."""
    till = Till()
    body = till.checkout_body("UNKN01")
    assert till.send(Operation.CHECKOUT, body).raw == till.send(Operation.CHECKOUT, body).raw
    mended = till.checkout_body()
    assert till.send(Operation.CHECKOUT, altered(mended, "user", GONE)).status == 422
    assert till.send(Operation.CHECKOUT, mended).status == 200
    refund = till.refund_body(till.paid("SESSION2"), [item(article="never sold")])
    assert till.send(Operation.REFUND, refund).status == 422
    assert till.send(Operation.REFUND, {**refund, "items": [MILK]}).status == 200


def test_forgotten_ids() -> None:
    """After forget_after_ms a repeat is a new request: the card session still saves the customer from a second charge."""
    till = Till(BankSettings(forget_after_ms=600_000))
    body = till.checkout_body()
    first = till.send(Operation.CHECKOUT, body)
    till.later(599_999)
    assert till.send(Operation.CHECKOUT, body).raw == first.raw
    till.later(1)
    assert till.send(Operation.CHECKOUT, body)["code"] == "TRANSACTION_FOR_SESSION_ID_ALREADY_PAYED"
    assert till.bank.ledger.net() == 72000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"{",
        b'{"requestId":NaN}',
        b'{"requestId":' + b"9" * 10_000 + b"}",
        b'{"requestId":1e9999999999999999999999}',
        b"[" * 100_000,
        b'{"user":' * 200 + b"1" + b"}" * 200,
    ],
)
def test_no_body_can_hurt(body: bytes) -> None:
    """Whatever comes, the answer is a 422."""
    till = Till()
    assert till.send(Operation.CHECKOUT, body)["code"] == "SANDBOX_INVALID_REQUEST"


@pytest.mark.parametrize(("depth", "status"), [(20, 200), (40, 422)])
def test_a_free_field_is_free_within_limits(depth: int, status: int) -> None:
    """Whoever compares bodies must not run out of stack."""
    nested: Any = 1
    for _ in range(depth):
        nested = {"a": nested}
    assert Till().checkout(paymentMethods=[{"type": "SBP", "meta": nested}]).status == status


def test_a_lone_surrogate_survives_the_round_trip() -> None:
    """JSON can write half a character; it comes back in the slip as it came."""
    till = Till()
    answer = till.send(Operation.CHECKOUT, json.dumps(till.checkout_body("FAST01", order="\ud800")).encode())
    assert answer["slip"]["orderId"] == "\ud800"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_in_any_place_is_answered(data: st.DataObject) -> None:
    """A well-formed body with any JSON value anywhere gets a 200 or a 422, never an exception, and never an invented charge."""
    till = Till()
    paths = [param.values[0] for param in BAD_CHECKOUTS]
    body = altered(till.checkout_body("FAST01"), str(data.draw(st.sampled_from(paths))), data.draw(JSON))
    answer = till.send(Operation.CHECKOUT, body)
    assert answer.status in (200, 422)
    assert till.bank.ledger.net() == (answer["slip"]["totalAmount"] if answer.get("status") == "accepted" else 0)
