"""The sandbox against the vendor's own OpenAPI file, corrected by the errata. Skipped where the file is not at hand."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import referencing.jsonschema
import yaml

from agent.sandbox.availability import Offer
from agent.sandbox.customer import Action, Customer
from agent.sandbox.errata import ABSENT, ERRATA, Erratum, corrected, node
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Method, Operation
from tests.sandbox.test_door import BAD_CHECKOUTS, altered
from tests.sandbox.till import CHEESE, MILK, PATHS, Heard, Till, item

FILE = Path("shared/reference/vendor/koshelek-pay-api.openapi.yaml")
URI = "urn:vendor"
FULL_RECEIPT = {
    "taxation": "osn",
    "kktRegNumber": "0004147503041443",
    "fnNumber": "9280440300387752",
    "fdNumber": "0000010272",
    "fpd": "2374313442",
    "website": "nalog.ru",
    "discountAmount": 100,
    "subTotalAmount": 72100,
    "taxAmount": 55,
    "currency": "RUB",
    "qr": "t=20200520T2050&s=859.00&fn=9280440300387752&i=10272&fp=2374313442&n=1",
}


@pytest.fixture(scope="module")
def vendor() -> dict[str, Any]:
    named = os.environ.get("KOSHELEK_OPENAPI")
    places = [Path(named)] if named else [above / FILE for above in Path(__file__).resolve().parents]
    for place in places:
        if place.is_file():
            return dict(yaml.safe_load(place.read_text(encoding="utf-8")))
    pytest.skip("the vendor's OpenAPI file is not at hand (KOSHELEK_OPENAPI)")


Validate = Callable[[tuple[str, ...], Any], list[str]]


@pytest.fixture(scope="module")
def validate(vendor: dict[str, Any]) -> Validate:
    """Complaints of the corrected file's schema at a place about a document."""
    document = corrected(vendor)
    registry: referencing.Registry[Any] = referencing.Registry().with_resource(
        URI, referencing.jsonschema.DRAFT202012.create_resource(document)
    )

    def complaints(where: tuple[str, ...], value: Any) -> list[str]:
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in where)
        validator = jsonschema.Draft202012Validator({"$ref": f"{URI}#/{pointer}"}, registry=registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    return complaints


def place(operation: Operation, status: int | None) -> tuple[str, ...]:
    """Of the request's schema (None) or of an answer's."""
    if status == 422:
        return ("components", "responses", "422", "content", "application/json", "schema")
    inner = ("requestBody",) if status is None else ("responses", str(status))
    return ("paths", PATHS[operation], "post", *inner, "content", "application/json", "schema")


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: ".".join(erratum.where[-2:]))
def test_the_file_says_what_the_erratum_claims(vendor: dict[str, Any], erratum: Erratum) -> None:
    """An erratum about something the file does not say is an erratum of ours."""
    found = node(vendor, erratum.where)
    for name, claimed in erratum.says.items():
        assert found.get(name, ABSENT) == claimed
    assert any(erratum.says.get(name, ABSENT) != taken for name, taken in erratum.takes.items())
    assert erratum.reason


def test_correcting_leaves_the_original_alone(vendor: dict[str, Any]) -> None:
    """corrected() works on a copy."""
    before = json.dumps(vendor, sort_keys=True, default=str)
    corrected(vendor)
    assert json.dumps(vendor, sort_keys=True, default=str) == before


def answers(till: Till) -> list[tuple[Operation, Heard]]:
    """One answer of every sort that the bank can give."""
    heard: list[tuple[Operation, Heard]] = []
    started = till.checkout("SESSION1")
    till.later(300)
    accepted, declined, waiting = till.paid("SESSION2"), till.checkout("DECL01")["transactionId"], till.waiting("SESSION3")
    dolyame = till.checkout("DOLY01")
    till.later(60_000)
    heard += [(Operation.CHECKOUT, started), (Operation.CHECKOUT, dolyame), (Operation.CHECKOUT, till.checkout("FAST01"))]
    heard += [(Operation.CHECKOUT, till.checkout("SMALL1", items=[item(totalAmount=1)])), (Operation.CHECKOUT, till.checkout("SESSION1"))]
    known = [accepted, declined, waiting, dolyame["transactionId"], started["transactionId"], "nobody"]
    heard += [(Operation.STATUS, till.status(transaction)) for transaction in known]
    heard += [(Operation.CANCEL, till.cancel(transaction)) for transaction in known]
    heard += [(Operation.STATUS, till.status(transaction)) for transaction in known]
    heard += [(Operation.REFUND, till.refund(transaction, [CHEESE])) for transaction in known]
    heard += [(Operation.STATUS, till.status(transaction)) for transaction in known]
    heard += [(Operation.REFUND, till.refund(transaction, [MILK])) for transaction in known]
    heard += [(Operation.STATUS, till.status(transaction)) for transaction in known]
    till.bank.add_fault(till.now, Fault(FaultKind.EXTRA_FIELDS))
    heard += [(Operation.STATUS, till.status(accepted)), (Operation.CHECKOUT, till.send(Operation.CHECKOUT, {}))]
    return heard


@pytest.mark.parametrize(
    "settings",
    [
        BankSettings(),
        BankSettings(slip_always=True, cancel_refusal_as_422=True),
        BankSettings(cancel_takes_ms=500, refund_takes_ms=500, refund_slip_shows_refund=True),
        BankSettings(customer=Customer(Action.WAIT), status_shows_reference=False),
    ],
    ids=["default", "literal", "slow", "silent"],
)
def test_every_answer_obeys_the_corrected_file(validate: Validate, settings: BankSettings) -> None:
    """All operations, states and refusals."""
    heard = answers(Till(settings))
    assert len(heard) > 30
    for operation, answer in heard:
        assert validate(place(operation, answer.status), answer.body) == [], answer


LOOK = ("paths", "/api/v1/merchant/availability-info/{availabilityInfoId}", "get", *place(Operation.STATUS, 200)[3:])


@pytest.mark.parametrize("offer", [Offer(), Offer(is_default=True, unavailable={Method.DOLYAME: "Не сегодня"}), Offer(asynchronous=True)])
def test_every_list_of_means_obeys_the_corrected_file(validate: Validate, offer: Offer) -> None:
    """At once or later, being made and done, and a refusal."""
    till = Till(BankSettings(offer=offer))
    asked = till.availability()
    assert validate(place(Operation.AVAILABILITY, asked.status), asked.body) == []
    assert asked.status == (201 if offer.asynchronous else 200)
    while offer.asynchronous:
        looked = till.look(asked["availabilityInfoId"])
        assert validate(LOOK, looked.body) == []
        if looked["computationComplete"]:
            break
        till.later(looked["pollingTimeout"])
    refused = till.availability("UNKN01")
    assert validate(place(Operation.AVAILABILITY, refused.status), refused.body) == []


def test_every_good_request_obeys_the_corrected_file(validate: Validate) -> None:
    """What the sandbox takes is what the file describes."""
    till = Till()
    transaction = till.paid()
    good = {
        Operation.CHECKOUT: till.checkout_body("SESSION1"),
        Operation.STATUS: till.status_body(transaction),
        Operation.CANCEL: till.cancel_body(transaction),
        Operation.REFUND: till.refund_body(transaction),
        Operation.AVAILABILITY: till.availability_body(),
        Operation.RECEIPT: till.receipt_body(transaction),
    }
    for operation, body in good.items():
        assert validate(place(operation, None), body) == []
        assert till.send(operation, body).status == 200


@pytest.mark.parametrize("operation", [Operation.CHECKOUT, Operation.AVAILABILITY])
def test_what_the_corrected_file_refuses_the_sandbox_refuses(validate: Validate, operation: Operation) -> None:
    """For every field of a bill that is gone, of another type, or too long. The vendor's examples are among the good ones."""
    refused_by_file = 0
    values: list[Any] = [None, 5, "", "x" * 300, [], {}, True, -1, 10**11, 1.5]
    for path in [str(param.values[0]) for param in BAD_CHECKOUTS]:
        for value in values:
            till = Till()
            good = till.checkout_body() if operation is Operation.CHECKOUT else till.availability_body()
            if path.partition(".")[0].partition("[")[0] not in good:
                continue
            body = altered(good, path, value)
            if validate(place(operation, None), body):
                refused_by_file += 1
                assert till.send(operation, body).status == 422, (path, value)
    assert refused_by_file > 100


def test_the_vendors_own_examples_are_taken(vendor: dict[str, Any]) -> None:
    """A checkout and a question for the list of means, as the file prints them."""
    named = node(vendor, ("paths", PATHS[Operation.AVAILABILITY], "post", "requestBody", "content", "application/json"))["examples"]
    assert Till().send(Operation.AVAILABILITY, named["task-request-example"]["value"]).status == 200
    example = node(vendor, ("paths", PATHS[Operation.CHECKOUT], "post", "requestBody", "content", "application/json"))["examples"]
    assert Till().send(Operation.CHECKOUT, example["example-1"]["value"])["status"] == "new"


def test_a_receipt_is_as_strict_as_the_corrected_file(validate: Validate) -> None:
    """For every field of a receipt that is gone, of another type, too short or too long; and what the file takes is taken."""
    till = Till()
    transaction = till.paid()
    good = till.receipt_body(transaction, **FULL_RECEIPT)
    assert (validate(place(Operation.RECEIPT, None), good), till.send(Operation.RECEIPT, good).status) == ([], 200)
    values: list[Any] = [None, 5, "", "x" * 37, "x" * 65, "x" * 1000, [], {}, True, -1, 10**11, 1.5, "00123456789", "2020-05-20"]
    refused_by_file = 0
    for name in good["invoice"]:
        for value in values:
            body = {**good, "requestId": till.request_id(), "invoice": {**good["invoice"], name: value}}
            if validate(place(Operation.RECEIPT, None), body):
                refused_by_file += 1
                assert till.send(Operation.RECEIPT, body).status == 422, (name, value)
    assert refused_by_file > 150


def test_the_vendors_own_receipt_is_taken(vendor: dict[str, Any]) -> None:
    """The object of the file's schema as it prints it; the example of the request quotes its amounts and misspells the QR code."""
    till = Till()
    body = till.receipt_body(till.paid())
    body["invoice"] = node(vendor, ("components", "schemas", "Invoice", "x-examples", "Invoice"))
    assert till.send(Operation.RECEIPT, body).status == 200
    example = node(vendor, ("paths", PATHS[Operation.RECEIPT], "post", "requestBody", "content", "application/json", "examples"))
    refused = till.send(Operation.RECEIPT, example["example-1"]["value"])
    assert (refused.status, "QR" in refused["details"], "totalAmount" in refused["details"]) == (422, True, True)


def test_an_empty_answer_is_what_the_file_describes(vendor: dict[str, Any]) -> None:
    """A receipt's 200 has no content in the file."""
    assert "content" not in node(vendor, ("paths", PATHS[Operation.RECEIPT], "post", "responses", "200"))
