"""Goal: the description of the HTTP API is valid, complete and true.

Method: a validator of OpenAPI 3.1; the description against the table and the models; generated requests against a real daemon, whose every
answer must be one that is described.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from agent import __version__
from agent.edges.http.faults import STATUSES
from agent.edges.http.openapi import document
from agent.edges.http.routes import ROUTES, Route, Verb
from agent.edges.http.shapes import shape
from drivers.validation import parse
from tests.edges.http.support import ask, closed
from tests.support.stand import STORE, TERMINAL, Plan, Port, Stand

BOSS = Port("boss", "http", role="admin", options={"requests_per_s": 1000})
EXAMPLES = 7  # for each operation
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]  # not: that everything outside of the schemas is refused; null for "left out" is accepted and deliberately not described

DOCUMENT = document()


def test_it_is_a_valid_description() -> None:
    """By the validator of the standard; every reference leads somewhere."""
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []
    assert (DOCUMENT["openapi"], DOCUMENT["info"]["version"]) == ("3.1.0", __version__)
    broken = json.loads(json.dumps(DOCUMENT).replace('"in": "path"', '"in": "road"'))
    assert list(OpenAPIV31SpecValidator(broken).iter_errors()) != [], "the control"


def test_every_route_is_described_and_no_other() -> None:
    """Path, verb, name; what is new is 201 for PUT alone."""
    described = {(path, verb): found for path, verbs in DOCUMENT["paths"].items() for verb, found in verbs.items()}
    assert set(described) == {(route.path, route.verb.lower()) for route in ROUTES}
    for route in ROUTES:
        found = described[route.path, route.verb.lower()]
        assert found["operationId"] == route.name
        assert found["summary"], route
        assert ("201" in found["responses"]) is (route.verb is Verb.PUT)
        assert ("requestBody" in found) is (route.verb is not Verb.GET)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_examples_are_right(route: Route) -> None:
    """The example of a body fits its schema and is a request; a body with a field too many does not fit."""
    if route.verb is Verb.GET:
        return
    content = DOCUMENT["paths"][route.path][route.verb.lower()]["requestBody"]["content"]["application/json"]
    validator = jsonschema.Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]})
    validator.validate(content["example"])
    assert not validator.is_valid({**content["example"], "novelty": 1})
    in_path = {name: f"{name}-1" for name in route.in_path}
    assert parse(route.method, {**content["example"], **in_path})


def test_every_limit_is_described() -> None:
    """Texts have lengths or patterns, numbers and lists have limits; nothing is left in a validator's own dialect."""

    def walk(schema: Any, place: str) -> Iterator[str]:
        if isinstance(schema, dict):
            if schema.get("type") == "string" and not {"maxLength", "pattern", "enum", "format", "const"} & set(schema):
                yield place
            if schema.get("type") in ("integer", "number") and not ("minimum" in schema and {"maximum", "exclusiveMaximum"} & set(schema)):
                yield place
            if schema.get("type") == "array" and (not {"minItems", "maxItems"} <= set(schema) or {"minLength", "maxLength"} & set(schema)):
                yield place
            if "$ref" in schema:
                part = schema["$ref"].rpartition("/")[2]
                yield from walk(DOCUMENT["components"]["schemas"][part], part)
            for name, value in schema.items():
                yield from walk(value, f"{place}.{name}")
        elif isinstance(schema, list):
            for value in schema:
                yield from walk(value, place)

    asked = [
        (f"{path} {verb}", [operation["parameters"], operation.get("requestBody")])
        for path, verbs in DOCUMENT["paths"].items()
        for verb, operation in verbs.items()
    ]
    assert [found for place, schema in asked for found in walk(schema, place)] == []
    assert r"\\p{" not in json.dumps(DOCUMENT)


def test_an_answer_of_an_unknown_kind_is_noticed() -> None:
    """The control of the answers' schemas."""
    with pytest.raises(TypeError, match="an answer cannot hold"):
        shape(set[int], {})


def test_every_code_is_named() -> None:
    """A programmer finds all words for programs in one place."""
    assert DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["examples"] == sorted(STATUSES)


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    with Stand(Plan(ports=(BOSS,), koshelek={"first_read_ms": 250})) as found:
        yield found


def test_it_is_served_to_everybody_on_this_machine(stand: Stand) -> None:
    """Without a token: nothing in it is a secret."""
    reply = ask(stand.ports["boss"], "GET", "/openapi.json", token=None)
    assert (reply.status, reply.headers["content-type"], reply.json) == (200, "application/json", json.loads(json.dumps(DOCUMENT)))
    assert ask(stand.ports["boss"], "PUT", "/openapi.json", token=None).status == 405


def test_what_is_described_is_what_happens(stand: Stand) -> None:
    """Generated requests for every operation, half of them about the real till: no fault of ours, no status, header, content type,
    body or field that is not described."""
    port = stand.ports["boss"]
    schema = schemathesis.openapi.from_dict(closed(DOCUMENT))
    schema.config.update(base_url=f"http://127.0.0.1:{port}")
    headers = {"Authorization": f"Bearer {BOSS.token}"}
    statuses, turns = set[int](), itertools.count()
    for number, result in enumerate(schema.get_all_operations()):
        operation = result.ok()

        @seed(number)
        @settings(max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def generated(case: schemathesis.Case) -> None:
            names = case.path_parameters or {}
            if next(turns) % 2:
                names |= {name: value for name, value in {"storeId": STORE, "terminalId": TERMINAL}.items() if name in names}
            if case.query:
                case.query.pop("wait", None)
            statuses.add(answered(case, headers))

        generated()
        statuses.add(answered(operation.Case(**documented(operation.path, operation.method)), headers))
    assert {200, 201, 404, 422} <= statuses


def answered(case: schemathesis.Case, headers: Mapping[str, str]) -> int:
    """The status of the answer, which is one that is described."""
    response = case.call(headers=headers)
    case.validate_response(response, checks=CHECKS)
    return int(response.status_code)


def documented(path: str, verb: str) -> dict[str, Any]:
    """The request of the description's own example, for the real till."""
    values = {"storeId": STORE, "terminalId": TERMINAL, "key": "K1", "refundKey": "R1", "receiptId": "F1"}
    found: dict[str, Any] = {"path_parameters": {name: value for name, value in values.items() if f"{{{name}}}" in path}}
    body = DOCUMENT["paths"][path][verb.lower()].get("requestBody")
    return found | ({"body": body["content"]["application/json"]["example"], "media_type": "application/json"} if body else {})
