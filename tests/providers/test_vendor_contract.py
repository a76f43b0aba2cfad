"""Our requests and tables against the vendor's own OpenAPI file, with its errata.

The file is the vendor's and is not part of this project. It is looked for where KOSHELEK_OPENAPI says, else beside the repository; without
it these tests are skipped. The written-down examples, which always run, do not depend on it.
"""

import copy
import json
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from agent.core import canonical
from agent.core.availability import Later, MeansList
from agent.core.contract import Return
from agent.core.model import Checkout, RefundLine, SaleId
from agent.core.money import Kopecks
from agent.core.receipt import FiscalReceipt, ReceiptType
from agent.core.verdict import Observed, Operation, Refused, Reply, Request, Status
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts
from agent.providers.koshelek.codes import ERROR_CODES, REF_STATUSES, REFUSALS, STATUSES
from agent.providers.koshelek.settings import PAYMENT_TYPES, TAXATIONS, TAXES
from agent.sandbox.errata import corrected
from tests.providers.builders import REF_TRANSACTION, REQUEST, SALE, SECRET_LENGTHS, SECRET_NAMES, TRANSACTION, checkout, koshelek, receipt
from tests.providers.strategies import checkouts, receipts, refunds, sales

REPOSITORY: Final = Path(__file__).resolve().parents[2]
BESIDE: Final = "shared/reference/vendor/koshelek-pay-api.openapi.yaml"
VENDOR_FILE: Final = Path(os.environ.get("KOSHELEK_OPENAPI") or REPOSITORY.parent / BESIDE)
SECRETS: Final = {"cardSession": "A1b2C3", "loyaltyId": "2900000012345", "token": "dG9rZW4=123"}
METHODS: Final = {
    "/api/v1/merchant/checkout": Operation.CHECKOUT,
    "/api/v1/merchant/transaction/status": Operation.STATUS,
    "/api/v1/merchant/transaction/cancel": Operation.CANCEL,
    "/api/v1/merchant/transaction/refund": Operation.REFUND,
}
RECEIPT: Final = "/api/v1/merchant/transaction/receipt"
ASK: Final = "/api/v1/merchant/availability-info/task"
LOOK: Final = "/api/v1/merchant/availability-info/{availabilityInfoId}"

pytestmark = pytest.mark.skipif(not VENDOR_FILE.is_file(), reason="the vendor's OpenAPI file is not at hand (KOSHELEK_OPENAPI)")


def _load() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(VENDOR_FILE.read_text(encoding="utf-8"))
    return document


def _resolved(node: Any, document: Mapping[str, Any]) -> Any:
    """The node with every ``$ref`` replaced by what it points to. The file has no cycles."""
    if isinstance(node, list):
        return [_resolved(item, document) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return _resolved(target, document)
    return {name: _resolved(item, document) for name, item in node.items()}


def _strict(node: Any) -> Any:
    """The schema without tolerance for fields it does not list, so that a misspelt name of ours is found. ``meta`` is free by contract."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {name: _strict(item) for name, item in node.items()}
    if isinstance(node.get("properties"), dict) and node["properties"]:
        result["additionalProperties"] = False
    return result


AS_PUBLISHED: Final = _load() if VENDOR_FILE.is_file() else {}
DOCUMENT: Final = corrected(AS_PUBLISHED) if AS_PUBLISHED else {}


def _operation(path: str) -> dict[str, Any]:
    node: dict[str, Any] = _resolved(DOCUMENT["paths"][path]["get" if path == LOOK else "post"], DOCUMENT)
    return node


def _validators() -> dict[str, Draft4Validator]:
    schemas = {path: _strict(_operation(path)["requestBody"]["content"]["application/json"]["schema"]) for path in (*METHODS, ASK, RECEIPT)}
    return {path: Draft4Validator(schema) for path, schema in schemas.items()}


VALIDATORS: Final = _validators() if DOCUMENT else {}


def _faults(request: Request) -> list[str]:
    """What the vendor's schema has against a request, in the form in which it goes over the wire."""
    body = json.loads(canonical.dumps(request.fill(SECRETS)), parse_float=Decimal)
    return [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATORS[request.path].iter_errors(body)]


def _headers(path: str) -> set[str]:
    return {parameter["name"] for parameter in _operation(path).get("parameters", []) if parameter["in"] == "header"}


def _enum(path: str, name: str) -> set[str]:
    schema = _operation(path)["responses"]["200"]["content"]["application/json"]["schema"]
    return set(schema["properties"][name]["enum"])


def _examples(response: Mapping[str, Any]) -> Iterator[Any]:
    content = response["content"]["application/json"]
    yield from (example["value"] for example in content.get("examples", {}).values())
    yield from content["schema"].get("x-examples", {}).values()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(sale=sales, sold=checkouts(), data=st.data(), currency=st.booleans())
def test_every_request_fits_the_schema(sale: SaleId, sold: Checkout, data: st.DataObject, currency: bool) -> None:
    """Any checkout that passes our check, and any refund of its lines, makes requests without a fault in the vendor's eyes."""
    shop = Koshelek(KoshelekSettings(send_currency=currency), {sale.store_id: StoreFacts(payment_purpose="Оплата")})
    shop.check(sale, sold, SECRET_LENGTHS)
    assert _faults(shop.checkout(sale, REQUEST, sold, SECRET_NAMES)) == []
    assert _faults(shop.ask_availability(sale, REQUEST, sold.invoice, SECRET_NAMES)) == []
    lines = data.draw(refunds(sold))
    amount = Kopecks(sum(line.total_amount for line in lines))
    assume(amount >= 1)
    assert _faults(shop.refund(Return(sale, REQUEST, TRANSACTION, sold, lines, amount, "token"))) == []


def test_reads_and_cancels_fit_the_schema() -> None:
    """The requests without a bill fit too; a status that carries ids is beyond the schema, which is why it is a switch."""
    shop = koshelek()
    assert _faults(shop.status(SALE, REQUEST, TRANSACTION, None)) == []
    assert _faults(shop.status(SALE, REQUEST, None, REF_TRANSACTION)) == []
    assert _faults(shop.cancel(SALE, REQUEST, TRANSACTION)) == []
    with_ids = koshelek(KoshelekSettings(status_carries_ids=True)).status(SALE, REQUEST, TRANSACTION, None)
    assert _faults(with_ids) != []


def test_a_misspelt_field_is_found() -> None:
    """The comparison is able to fail: one wrong letter, a missing field and a text for a number are each a fault."""
    request = koshelek().checkout(SALE, REQUEST, checkout(), SECRET_NAMES)
    changes: list[dict[str, Any]] = [{"cardsession": "A1b2C3"}, {"checkoutInvoice": {}}, {"terminalId": ""}]
    for change in changes:
        assert _faults(Request(request.operation, request.method, request.path, {**request.body, **change})) != []
    body = copy.deepcopy(dict(request.body))
    body["checkoutInvoice"]["items"][0]["price"] = "8990"
    assert _faults(Request(request.operation, request.method, request.path, body)) != []


@pytest.mark.parametrize("path", METHODS)
def test_paths_and_headers_are_the_vendors(path: str) -> None:
    """Each request goes to the documented path, with the token exactly where it is documented."""
    shop, sold = koshelek(), checkout()
    lines = [RefundLine(place, item.quantity, item.total_amount) for place, item in enumerate(sold.invoice.items)]
    built = {
        Operation.CHECKOUT: shop.checkout(SALE, REQUEST, sold, SECRET_NAMES),
        Operation.STATUS: shop.status(SALE, REQUEST, TRANSACTION, None),
        Operation.CANCEL: shop.cancel(SALE, REQUEST, TRANSACTION),
        Operation.REFUND: shop.refund(Return(SALE, REQUEST, TRANSACTION, sold, lines, sold.invoice.total_amount, "token")),
    }[METHODS[path]]
    assert (built.path, built.method, set(built.secret_headers)) == (path, "POST", _headers(path))


@pytest.mark.parametrize("path", METHODS)
def test_every_example_answer_is_read(path: str) -> None:
    """Each example answer in the file gives a verdict that says what the example says."""
    responses = _operation(path)["responses"]
    seen = 0
    for example in _examples(responses["200"]):
        verdict = koshelek().read(METHODS[path], Reply(200, json.dumps(example).encode()))
        assert isinstance(verdict, Observed)
        assert (verdict.status.value, verdict.transaction_id) == (example["status"], example["transactionId"])
        assert (verdict.ref_status and verdict.ref_status.value) == example.get("refStatus")
        assert verdict.ref_transaction_id == example.get("refTransactionId")
        slip = example.get("slip")
        assert (verdict.slip and (verdict.slip.total_amount, verdict.slip.order_id)) == (slip and (slip["totalAmount"], slip["orderId"]))
        seen += 1
    for example in _examples(responses["422"]):
        assert koshelek().read(METHODS[path], Reply(422, json.dumps(example).encode())) == Refused(
            example["code"], REFUSALS[example["code"]]
        )
        seen += 1
    assert seen >= 3, "the file's examples were not found"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(given=receipts())
def test_every_receipt_fits_the_schema(given: FiscalReceipt) -> None:
    """Any receipt that passes our check makes a request without a fault in the vendor's eyes, on the documented path, without a token."""
    shop = Koshelek(KoshelekSettings(), {})
    shop.check_receipt(SALE, given)
    request = shop.receipt(SALE, REQUEST, TRANSACTION, None, given)
    assert (request.path, request.method, set(request.secret_headers)) == (RECEIPT, "POST", _headers(RECEIPT))
    assert _faults(request) == []


def test_a_bad_receipt_is_found() -> None:
    """The comparison is able to fail: a short number, a misspelt field, a text for an amount, an empty list."""
    request = Koshelek(KoshelekSettings(), {}).receipt(SALE, REQUEST, TRANSACTION, None, receipt())
    assert _faults(request) == []
    for change in ({"inn": "7707083893"}, {"QR": "t=1"}, {"totalAmount": "37695"}, {"items": []}, {"receiptType": "sale"}, {"shift": ""}):
        body = {**request.body, "invoice": {**request.body["invoice"], **change}}
        assert _faults(Request(request.operation, request.method, request.path, body)) != [], change


def test_the_vendors_receipt_is_answered_with_nothing() -> None:
    """The file describes no body of a 200; its refusals are those of every method."""
    responses = _operation(RECEIPT)["responses"]
    assert "content" not in responses["200"]
    assert koshelek().read(Operation.RECEIPT, Reply(200, b"")) == Observed(Status.UNKNOWN)
    assert [koshelek().read(Operation.RECEIPT, Reply(422, json.dumps(value).encode())) for value in _examples(responses["422"])] == [
        Refused(value["code"], REFUSALS[value["code"]]) for value in _examples(responses["422"])
    ]


def test_the_words_of_a_receipt_are_the_vendors() -> None:
    """Tax regimes and signs of settlement, as published."""
    properties = AS_PUBLISHED["components"]["schemas"]["Invoice"]["properties"]
    assert set(properties["taxation"]["enum"]) == TAXATIONS
    assert set(properties["receiptType"]["enum"]) == set(ReceiptType)


def test_the_list_of_means_is_asked_for_as_the_file_has_it() -> None:
    """Path, token, and the file's own spelling of the card session; the other one is a fault in its eyes, which is why it is a switch."""
    request = koshelek().ask_availability(SALE, REQUEST, checkout().invoice, SECRET_NAMES)
    assert (request.path, request.method, set(request.secret_headers)) == (ASK, "POST", _headers(ASK))
    assert _faults(request) == []
    other = koshelek(KoshelekSettings(availability_card_session_name="cardSession"))
    assert _faults(other.ask_availability(SALE, REQUEST, checkout().invoice, SECRET_NAMES)) != []
    look = koshelek().look_at_availability("task-1")
    assert (look.path, look.method, look.body) == (LOOK.format(availabilityInfoId="task-1"), "GET", {})
    assert "token" not in _headers(LOOK)


def test_every_example_list_of_the_file_is_read() -> None:
    """The list at once and later, its name meanwhile, and the refusals: as the examples say."""
    shop, seen = koshelek(), 0
    for path in (ASK, LOOK):
        for value in _examples(_operation(path)["responses"]["200"]):
            found = shop.read_availability(Reply(200, json.dumps(value).encode()))
            assert isinstance(found, MeansList)
            listed = [(one.payment_type, one.available, one.message or "") for one in found.means]
            assert listed == [(one["paymentType"], one["available"], one["message"]) for one in value["paymentTypeAvailabilityInfoList"]]
            assert found.is_default is value["koshelekPayIsDefault"]
            seen += 1
        for value in _examples(_operation(path)["responses"]["422"]):
            assert shop.read_availability(Reply(422, json.dumps(value).encode())) == Refused(value["code"], REFUSALS[value["code"]])
            seen += 1
    for value in _examples(_operation(ASK)["responses"]["201"]):
        assert shop.read_availability(Reply(201, json.dumps(value).encode())) == Later(value["availabilityInfoId"], value["timeout"])
        seen += 1
    assert seen >= 6, "the file's examples were not found"


def test_every_word_of_the_file_is_known() -> None:
    """No enumeration of the file holds a word that our tables do not, and our tables hold none that the file and its errata do not."""
    refunds_of, cancels = "/api/v1/merchant/transaction/refund", "/api/v1/merchant/transaction/cancel"
    reads = "/api/v1/merchant/transaction/status"
    assert set().union(*(_enum(path, "status") for path in METHODS)) == STATUSES.keys()
    assert set().union(*(_enum(path, "refStatus") for path in (refunds_of, cancels, reads))) == REF_STATUSES.keys()
    assert _enum(reads, "errorCode") | _enum(refunds_of, "errorCode") == ERROR_CODES.keys()
    # The errata open these two lists, for values yet to come; what the vendor has published is compared with the file as it is.
    schemas, responses = AS_PUBLISHED["components"]["schemas"], AS_PUBLISHED["components"]["responses"]
    assert set(responses["422"]["content"]["application/json"]["schema"]["properties"]["code"]["enum"]) == REFUSALS.keys()
    assert set(schemas["Item"]["properties"]["tax"]["enum"]) == TAXES
    assert set(schemas["PaymentMethod"]["properties"]["type"]["enum"]) == PAYMENT_TYPES
    assert Status.UNKNOWN not in STATUSES.values()
