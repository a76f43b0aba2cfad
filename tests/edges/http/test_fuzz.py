"""Goal: nothing that a request can hold makes its reading fail (promise P24). Method: 100 000 seeded mutations of right paths, queries and
bodies go through it; each is a request, or a fault that names a place and quotes no secret."""

import json
import random
import time

from starlette.datastructures import Headers

from agent.edges.http.faults import Fault
from agent.edges.http.reading import request_of
from agent.edges.http.routes import ROUTES, Route
from drivers.validation import example_of
from tests.drivers.test_fuzz import SECRETS, mutated

MUTATIONS = 100_000
MAX_SECONDS = 60.0  # one that takes for ever would show; they all take a few seconds
JSON = Headers({"content-type": "application/json"})
STRANGE = Headers({"content-type": "application/json; charset=utf-16", "content-encoding": "gzip"})


def parts(route: Route) -> tuple[dict[str, str], bytes, bytes]:
    """A right request of the route: what is in its path, its query, its body."""
    params = {name: value for name, value in example_of(route.request).items() if name not in route.fixed}
    in_path = {name: str(params.pop(name, "K1")) for name in route.in_path}
    query = "&".join(f"{name}={params.pop(name)}" for name in route.in_query if isinstance(params.get(name), str | int))
    body = {name: value for name, value in params.items() if name in route.in_body}
    if "cardSession" in body:
        body["cardSession"] = SECRETS[0]
    return in_path, query.encode("ascii", "replace"), json.dumps(body).encode() if body else b""


def fate(route: Route, in_path: dict[str, str], query: bytes, body: bytes, headers: Headers = JSON) -> str:
    """What becomes of a request."""
    try:
        return type(request_of(route, in_path, query, headers, body)).__name__
    except Fault as fault:
        return judged(fault)


def judged(fault: Fault) -> str:
    """It is the caller's, and holds no secret."""
    said = f"{fault.code} {fault} {fault.data}"
    assert fault.status < 500, said
    assert not any(secret in said for secret in SECRETS), said
    return "fault"


def test_a_hundred_thousand_mutations() -> None:
    """Every one is read or refused, both occur often, and the whole takes seconds."""
    chance = random.Random(20260131)
    originals = [(route, *parts(route)) for route in ROUTES]
    for route, in_path, query, body in originals:
        assert fate(route, in_path, query, body) == route.request.__name__
    began, fates = time.monotonic(), dict[str, int]()
    for number in range(MUTATIONS):
        route, in_path, query, body = originals[number % len(originals)]
        path = {
            name: mutated(value.encode(), chance).decode("latin-1") if chance.random() < 0.2 else value for name, value in in_path.items()
        }
        asked = mutated(query, chance) if chance.random() < 0.5 else query
        found = fate(route, path, asked, mutated(body, chance) if body else body, STRANGE if chance.random() < 0.01 else JSON)
        fates[found] = fates.get(found, 0) + 1
    assert time.monotonic() - began < MAX_SECONDS
    assert fates["fault"] > MUTATIONS // 10, fates
    assert sum(fates.values()) - fates["fault"] > MUTATIONS // 10, fates
