"""Goal: every method of the protocol has its way over HTTP, and what is sent there means the same as over JSON-RPC.

Method: the table against the table of methods; the reading of requests, without a server.
"""

import re
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from agent import reasons
from agent.edges.http.faults import STATUSES, Fault
from agent.edges.http.reading import request_of
from agent.edges.http.routes import ROUTES, Route, Verb, at
from drivers.messages import REQUESTS
from drivers.strictjson import dumps
from drivers.validation import example_of, parse, wire_types
from tests.support.stand import ROOT

JSON = Headers({"content-type": "application/json"})
SALE = "/v1/stores/s/terminals/t/checkouts/k"


def test_every_method_has_a_route_and_no_two_routes_are_one() -> None:
    """A new method without a line in the table fails here."""
    assert {route.method for route in ROUTES} == set(REQUESTS)
    assert len({(route.verb, route.path) for route in ROUTES}) == len({route.name for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_route_takes_every_parameter_once(route: Route) -> None:
    """Path, query and body together are the method's parameters; the answer to a PUT can be repeated, so it has a name in its path."""
    places = [*route.in_path, *route.fixed, *route.in_query, *route.in_body]
    assert sorted(places) == sorted(wire_types(route.request))
    assert route.verb is not Verb.GET or not route.in_body
    assert route.verb is not Verb.GET or not route.request.outlives_caller
    secret = {name for name, kind in wire_types(route.request).items() if kind is SecretStr}
    assert secret <= set(route.in_body), "a secret in a path or query would end in logs"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_the_same_parameters_give_the_same_request(route: Route) -> None:
    """The example of every method, taken apart into path, query and body, is what JSON-RPC would make of it."""
    odd = {name: value for name, value in {"storeId": "s / é", "terminalId": "t%?#"}.items() if name in wire_types(route.request)}
    params = example_of(route.request) | {name: wanted(name) for name in route.in_path} | odd | dict(route.fixed)
    quoted = {"storeId": "s%20%2F%20%C3%A9", "terminalId": "t%25%3F%23"}
    path = re.sub(r"\{(\w+)\}", lambda name: quoted.get(name[1]) or str(params[name[1]]), route.path)
    routes, in_path = at(path)
    assert routes[route.verb] is route
    in_query = {name: quoted.get(name) or str(params[name]) for name in route.in_query if name in params}
    query = "&".join(f"{name}={value}" for name, value in in_query.items())
    body = {name: params[name] for name in route.in_body if name in params}
    found = request_of(route, in_path, query.encode(), JSON, dumps(body) if body else b"")
    assert found == parse(route.method, params)


def wanted(name: str) -> str:
    """A value for a parameter in a path."""
    return f"{name}-1"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/v1",
        "/v1/status/",
        "//v1/status",
        "/V1/status",
        "/v1/stores/s/terminals/t/checkouts",
        f"{SALE}/",
        f"{SALE}/%63ancel/x",
        "/v1/stores/%ff/operations",
        "*",
    ],
)
def test_other_paths_are_none(path: str) -> None:
    """No guessing: a slash more, another case, bytes that are no text."""
    assert at(path) == ({}, {})


def test_an_encoded_slash_belongs_to_a_name() -> None:
    """A segment is decoded after the path was taken apart, once."""
    routes, found = at("/v1/stores/a%2Fb/terminals/c%252Fd/checkouts/k")
    assert (set(routes), found) == ({Verb.GET, Verb.PUT}, {"storeId": "a/b", "terminalId": "c%2Fd", "key": "k"})


def read(method: str, query: str = "", body: bytes = b"", path: str | None = None, **headers: str) -> Any:
    route = next(route for route in ROUTES if route.method == method)
    in_path = dict.fromkeys(route.in_path, "x") if path is None else dict(at(path)[1])
    return request_of(route, in_path, query.encode(), Headers(headers) if headers else JSON, body)


def problems(method: str, query: str = "", body: bytes = b"", **headers: str) -> dict[str, str]:
    with pytest.raises(Fault) as caught:
        read(method, query, body, **headers)
    assert caught.value.code == "INVALID"
    return {problem["path"]: problem["problem"] for problem in caught.value.data["details"]}


def test_values_in_a_query_have_types() -> None:
    """Numbers and truth values as JSON has them; the rest is text."""
    found = read("operation.list", "limit=5&amount=007&orderId=007&date=2026-01-31")
    assert (found.limit, found.amount, found.order_id, str(found.business_date)) == (5, 7, "007", "2026-01-31")
    assert read("checkout.get", "wait=0.5").wait_s == read("checkout.get", "wait=00.50").wait_s == 0.5
    assert read("checkout.get", "wait=0").wait_s == 0
    assert read("operation.show", "events=true").events is True
    assert read("operation.list", "orderId=a+b%2B").order_id == "a b+"


@pytest.mark.parametrize("text", ["", "x", "1e3", "0x10", "1.", ".5", "+1", "%D9%A1", "NaN", "-1", "61", "9" * 40, "true"])
def test_what_is_no_number_is_refused_by_the_fields_rule(text: str) -> None:
    """In the words of JSON-RPC."""
    assert problems("checkout.get", f"wait={text}").keys() == {"wait"}


MISPLACED = {
    "a path's name in the body": ("checkout.create", "", b'{"key":"k"}', {"key": "belongs in the path only"}),
    "a query's name in the body": ("checkout.create", "", b'{"wait":5}', {"wait": "belongs in the query: ?wait="}),
    "a secret in the query": ("checkout.create", "token=SECRET", b"", {"token": "belongs in the body"}),
    "a path's name in the query": ("checkout.get", "key=k", b"", {"key": "belongs in the path only"}),
    "an unknown name": ("operation.list", "orderid=1", b"", {"orderid": 'no such parameter in the query; did you mean "orderId"?'}),
    "a name twice": ("checkout.get", "wait=1&wait=2", b"", {"wait": "stands twice in the query"}),
    "an unknown field": ("checkout.cancel", "", b'{"amount":1}', {"amount": "no such field"}),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_every_parameter_has_one_place(name: str) -> None:
    """What stands elsewhere is named with its place, and never quoted."""
    method, query, body, expected = MISPLACED[name]
    assert problems(method, query, body) == expected


BODIES = [(b"{", 400), (b"[]", 400), (b'"x"', 400), (b'{"a":1,"a":2}', 400), (b"\xff", 400), (b"NaN", 400), (b"null", 400), (b"{}", 422)]


@pytest.mark.parametrize(("body", "status"), BODIES)
def test_a_body_is_one_json_object(body: bytes, status: int) -> None:
    """Read as strictly as a line of JSON-RPC."""
    with pytest.raises(Fault) as caught:
        read("checkout.create", body=body)
    assert (caught.value.code, caught.value.status) == ("INVALID", status)


@pytest.mark.parametrize("kind", ["", "text/json", "application/jsonp", "application/json; charset=utf-16", "application/json, text/plain"])
def test_a_body_says_that_it_is_json(kind: str) -> None:
    """What a form could send is refused before it is read."""
    with pytest.raises(Fault) as caught:
        read("checkout.cancel", body=b"{}", **{"content-type": kind})
    assert caught.value.status == 415
    with pytest.raises(Fault):
        read("checkout.cancel", body=b"{}", **{"content-type": "application/json", "content-encoding": "gzip"})


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON", 'application/json ; charset="UTF-8"', "application/json;charset=utf-8"]
)
def test_ways_to_say_json(kind: str) -> None:
    """And an empty body need not say anything."""
    assert read("checkout.cancel", body=b"{}", **{"content-type": kind}) == read("checkout.cancel", x="y")


def test_numbers_stay_exact() -> None:
    """A price with decimals is what was written."""
    body = dumps(example_of(REQUESTS["checkout.create"])).replace(b'"price":40', b'"price":0.000001')
    body = re.sub(rb'"(storeId|terminalId|key)":"[^"]*",', b"", body)
    assert read("checkout.create", body=body).checkout_invoice.items[0].price == Decimal("0.000001")


def test_every_code_has_a_status() -> None:
    """Of the codes that are explained to a cashier, and of those that the sources raise."""
    raised: set[str] = set()
    for path in [*ROOT.glob("drivers/*.py"), *ROOT.glob("agent/engine/*.py"), *ROOT.glob("agent/edges/pos/*.py")]:
        raised |= set(re.findall(r'(?:Refusal\(|_refused\(|_refusal\([^"\n]*, )"([A-Z_]+)"', path.read_text()))
    assert set(reasons.ERRORS) | raised <= set(STATUSES)
