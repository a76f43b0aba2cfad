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

from agent.sandbox.customer import Action, Customer
from agent.sandbox.errata import ABSENT, ERRATA, Erratum, corrected, node
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Operation
from tests.sandbox.test_door import BAD_CHECKOUTS, altered
from tests.sandbox.till import CHEESE, MILK, PATHS, Heard, Till, item

FILE = Path("shared/reference/vendor/koshelek-pay-api.openapi.yaml")
URI = "urn:vendor"


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
    for operation, answer in answers(Till(settings)):
        assert validate(place(operation, answer.status), answer.body) == [], answer


def test_every_good_request_obeys_the_corrected_file(validate: Validate) -> None:
    """What the sandbox takes is what the file describes."""
    till = Till()
    transaction = till.paid()
    good = {
        Operation.CHECKOUT: till.checkout_body("SESSION1"),
        Operation.STATUS: till.status_body(transaction),
        Operation.CANCEL: till.cancel_body(transaction),
        Operation.REFUND: till.refund_body(transaction),
    }
    for operation, body in good.items():
        assert validate(place(operation, None), body) == []
        assert till.send(operation, body).status == 200


def test_what_the_corrected_file_refuses_the_sandbox_refuses(validate: Validate) -> None:
    """For every field of a checkout that is gone, of another type, or too long. The vendor's examples are among the good ones."""
    refused_by_file = 0
    values: list[Any] = [None, 5, "", "x" * 300, [], {}, True, -1, 10**11, 1.5]
    for path in [str(param.values[0]) for param in BAD_CHECKOUTS]:
        for value in values:
            till = Till()
            body = altered(till.checkout_body(), path, value)
            if validate(place(Operation.CHECKOUT, None), body):
                refused_by_file += 1
                assert till.send(Operation.CHECKOUT, body).status == 422, (path, value)
    assert refused_by_file > 100


def test_the_vendors_own_checkout_example_is_taken(vendor: dict[str, Any]) -> None:
    """As the file prints it."""
    example = node(vendor, ("paths", PATHS[Operation.CHECKOUT], "post", "requestBody", "content", "application/json"))["examples"]
    assert Till().send(Operation.CHECKOUT, example["example-1"]["value"])["status"] == "new"
