"""Goal: what the agent really answers over HTTP is what its description says, to the last field: a program that was generated from the
description drops what stands nowhere in it.

Method: a till's day, errors included, with a real daemon. The description is closed first: a field that it does not name fails.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent.edges.http.faults import STATUSES
from agent.edges.http.openapi import document
from agent.edges.http.routes import ROUTES, Route, Verb, at
from tests.edges.http.support import Reply, ask, closed
from tests.edges.http.test_sales import bill
from tests.support.stand import ROOT, STORE, TERMINAL, Line, Plan, Port
from tests.test_payouts import CARD, PayingStand

LINKS = "till-pc"  # a till of PayCore
WEB = Port("web", "http", options={"requests_per_s": 1000})
BOSS = Port("boss", "http", role="admin", options={"requests_per_s": 1000})
PLAN = Plan(
    tills={TERMINAL: {}, LINKS: {"provider": "paycore"}},
    ports=(WEB, BOSS),
    lines=(Line("line"),),
    systems={"paycore": {"first_read_ms": 500, "poll_interval_ms": 500}},
)
TILL, OTHER = f"/v1/stores/{STORE}/terminals/{TERMINAL}", f"/v1/stores/{STORE}/terminals/{LINKS}"
UNSEEN = {
    "agent.release",
    "payout.resolve",
}  # what only a restore, or a payout that nobody understands, brings: see the checks of their shapes


class WholeStand(PayingStand):
    """Whoever comes in may pay out."""

    def configuration(self) -> str:
        return super().configuration().replace("[[listener.client]]", "[[listener.client]]\npayouts = true")


DOCUMENT = closed(document())


def wrong(path: str, verb: str, status: int, answer: object) -> list[str]:
    """What of an answer is not as it is described."""
    responses = DOCUMENT["paths"][path][verb]["responses"]
    if str(status) not in responses:
        return [f"{status} is not described"]
    found = responses[str(status)]
    found = DOCUMENT["components"]["responses"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found
    ((_, content),) = found["content"].items()
    validator = jsonschema.Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer)]


class Register:
    """Asks, and lets nothing pass that is not described."""

    def __init__(self, stand: WholeStand) -> None:
        self._stand = stand
        self.answered, self.codes = set[str](), set[str]()
        self.fields = dict[str, set[str]]()

    def ask(self, verb: str, path: str, body: object = None, port: Port = BOSS) -> Reply:
        """One request and its answer, which is as described."""
        path = path if path.startswith("/") else f"{TILL}/{path}"
        routes, _ = at(path.partition("?")[0])
        route: Route = routes[Verb(verb)]
        reply = ask(self._stand.ports[port.name], verb, path, body, token=port.token)
        assert (found := wrong(route.path, verb.lower(), reply.status, reply.json)) == [], (verb, path, reply.status, found)
        if reply.status < HTTPStatus.BAD_REQUEST:
            self.answered.add(route.method)
            self.fields.setdefault(route.method, set()).update(reply.json)
        else:
            self.codes.add(reply.code)
            self.fields.setdefault(reply.code, set()).update(reply.json)
        return reply

    def refused(self, code: str, *request: Any) -> Reply:
        reply = self.ask(*request)
        assert reply.code == code, reply
        return reply


@pytest.fixture(scope="module")
def stand() -> Iterator[WholeStand]:
    with WholeStand(PLAN) as made:
        folder = made.folder / "backups"
        folder.mkdir(mode=0o700)
        made.config.write_text(made.config.read_text().replace("[log]", f'[backup]\ndirectory = "{folder}"\n[log]'))
        yield made


def test_a_day_of_a_till_is_described_to_the_last_field(stand: WholeStand) -> None:
    """Sales, returns, receipts, links, payouts, lists, decisions, the care of the agent, and the errors on the way."""
    till = Register(stand)
    _care(till, stand)
    _sale(till)
    _links(till, stand)
    _payouts(till)
    _person(till, stand)
    _looking_back(till)
    assert {route.method for route in ROUTES} - till.answered == UNSEEN
    assert {"CONFLICT", "FORBIDDEN", "INVALID", "NOT_FOUND", "NOT_PAID", "NOT_REFUNDABLE", "ORDER_PAID", "OVER_LIMIT"} <= till.codes
    assert {"NO_LINK", "UNKNOWN_TERMINAL", "UNSUPPORTED"} <= till.codes


def _care(till: Register, stand: WholeStand) -> None:
    """The configuration is read anew, once with a mistake; a copy is made; both kinds of status."""
    assert till.ask("POST", "/v1/reload").json["problems"] == []
    text = stand.config.read_text()
    stand.config.write_text(f"{text}\nnonsense = 1\n")
    assert till.ask("POST", "/v1/reload").json["problems"][0]["file"] == str(stand.config)
    status = till.ask("GET", "/v1/status").json
    assert (status["backup"]["last"], len(status["registers"]), len(status["details"]["lines"])) == (None, 2, 1)
    stand.config.write_text(text)
    assert till.ask("POST", "/v1/reload").json["problem"] is None
    assert till.ask("POST", "/v1/backup").json["sales"] == 0
    assert set(till.ask("GET", "/v1/status", None, WEB).json) == {
        *("ready", "version", "environment", "providers", "configuration", "disk")
    }
    till.refused("INVALID", "POST", "/v1/release", {"reason": "Compared."})
    till.refused("FORBIDDEN", "POST", "/v1/backup", None, WEB)


def _sale(till: Register) -> None:
    """A sale from its advice to its receipts."""
    given = bill("A-1")
    till.ask("PUT", "availability/A-1?wait=20", given)
    till.ask("GET", "availability/A-1")
    till.refused("NOT_FOUND", "GET", "checkouts/A-1")
    assert till.ask("PUT", "checkouts/A-1", given).status == HTTPStatus.CREATED
    assert till.ask("GET", "checkouts/A-1?wait=20").json["slip"]
    till.refused("CONFLICT", "PUT", "checkouts/A-1", bill("A-2"))
    till.refused("ORDER_PAID", "PUT", "checkouts/A-2", given)
    till.refused("NO_LINK", "GET", "checkouts/A-1/qr.svg")
    till.refused("INVALID", "PUT", "checkouts/A-3", {**given, "splitt": True})
    till.ask("POST", "checkouts/A-1/confirm")
    till.ask("POST", "checkouts/A-1/cancel")
    back = {"items": [{"line": 0, "quantity": 1}], "token": "till-token"}
    assert till.ask("PUT", "checkouts/A-1/refunds/R1?wait=20", back).json["slip"]
    till.ask("GET", "checkouts/A-1/refunds/R1")
    till.refused("CONFLICT", "PUT", "checkouts/A-1/refunds/R1", {**back, "items": [{"line": 0, "quantity": 2}]})
    till.refused("NOT_REFUNDABLE", "PUT", "checkouts/A-1/refunds/R2", {**back, "items": [{"line": 0, "quantity": 2}]})
    invoice = {
        "orderId": "A-1",
        "merchantName": "Romashka",
        "merchantAddress": "Lenina 1",
        "inn": "7707083893",
        "shift": "5",
        "cashier": "7",
        "dateTime": "2026-01-31T21:09:40+03:00",
        "receiptType": "debit",
        **{name: given["checkoutInvoice"][name] for name in ("totalAmount", "items")},
    }
    till.ask("PUT", "checkouts/A-1/receipts/F1?wait=20", {"invoice": invoice})
    till.ask("GET", "checkouts/A-1/receipts/F1")
    till.refused("CONFLICT", "PUT", "checkouts/A-1/receipts/F1", {"invoice": {**invoice, "shift": "6"}})
    unknown = till.refused("NOT_FOUND", "PUT", "checkouts/A-1/receipts/F2", {"invoice": invoice, "refundKey": "nope"})
    assert unknown.json["path"] == "refundKey"
    till.ask("PUT", "checkouts/A-4", bill("A-4", "WAIT"))
    assert till.refused("NOT_PAID", "PUT", "checkouts/A-4/receipts/F3", {"invoice": invoice}).json["state"]
    till.ask("POST", "checkouts/A-4/cancel")
    assert till.ask("GET", "checkouts/A-4?wait=20").json["state"] == "canceled"
    till.refused("UNKNOWN_TERMINAL", "GET", f"/v1/stores/{STORE}/terminals/none/checkouts/K")


def _links(till: Register, stand: WholeStand) -> None:
    """A till of PayCore: a link, its code as JSON knows it nowhere over HTTP, and what that payment system has not."""
    given = {"checkoutInvoice": bill("L-1")["checkoutInvoice"]}
    till.refused("UNSUPPORTED", "PUT", f"{OTHER}/availability/L-1", bill("L-1"))
    assert till.ask("PUT", f"{OTHER}/checkouts/L-1?wait=20", given).json["paymentUrl"]
    drawing = ask(stand.ports[BOSS.name], "GET", f"{OTHER}/checkouts/L-1/qr.txt", token=BOSS.token)
    assert drawing.headers["content-type"] == "text/plain; charset=utf-8"
    till.answered.add("checkout.qr")
    assert till.ask("GET", f"{OTHER}/checkouts/L-1/record?events=true").json["paymentUrlState"] == "open"
    assert till.ask("GET", f"{OTHER}/operations/last").json["paymentUrlState"] == "open"
    assert till.ask("POST", f"{OTHER}/checkouts/L-1/resolve").json["sale"]["paymentUrlState"] == "open"


def _payouts(till: Register) -> None:
    body = {"amount": 45_000, "description": "Deposit P1", "fields": {"card_number": CARD}}
    till.ask("GET", f"{OTHER}/payout-services?amount=45000&wait=20")
    till.ask("PUT", f"{OTHER}/payouts/P1?wait=20", body)
    till.ask("GET", f"{OTHER}/payouts/P1")
    till.ask("POST", f"{OTHER}/payouts/P1/cancel")
    till.ask("GET", f"{OTHER}/payouts/P1/record?events=true")
    assert till.refused("OVER_LIMIT", "PUT", f"{OTHER}/payouts/P2", {**body, "amount": 5_000_001}).json["limit"] == 5_000_000
    decision = {"resolution": "paid_out", "reason": "Seen.", "transactionId": "T"}
    assert "possible" in till.refused("INVALID", "POST", f"{OTHER}/payouts/P1/resolve", decision).json


def _person(till: Register, stand: WholeStand) -> None:
    """A sale that only a person can end, with its alarms; a decision that makes no sense first."""
    stand.fault("wrong_amount")
    assert till.ask("PUT", "checkouts/B-1?wait=20", bill("B-1")).json["state"] == "attention"
    assert till.ask("GET", "checkouts/B-1/record").json["alarms"]
    looked = till.ask("POST", "checkouts/B-1/resolve").json
    assert looked["choices"]
    senseless = {"resolution": "retry", "reason": "To see.", "refundKey": "none"}
    assert "possible" in till.refused("INVALID", "POST", "checkouts/B-1/resolve", senseless).json
    decision = {"resolution": looked["choices"][0]["resolution"], "reason": "Seen in the registry."}
    till.ask("POST", "checkouts/B-1/resolve", decision)
    assert till.ask("GET", "/v1/status").json["details"]["alarms"]


def _looking_back(till: Register) -> None:
    assert till.ask("GET", "/v1/operations?parked=true").json["parked"] == []
    assert any("alarms" in one for one in till.ask("GET", "/v1/operations").json["operations"])
    assert till.ask("GET", "operations?limit=1").json["next"]
    till.ask("GET", "/v1/operations?payouts=true")
    till.ask("GET", "operations/last", None, WEB)
    till.ask("GET", "checkouts/A-1/slip?refundKey=R1")
    till.ask("GET", "checkouts/A-1/record")
    assert till.ask("GET", "report").json["attention"]
    till.ask("GET", f"/v1/stores/{STORE}/report")
    till.ask("POST", "checkouts/B-1/retry")


# --- what no day brings ---


def test_a_field_too_many_is_noticed() -> None:
    """The control of the method: at the top, in a list, in an error."""
    path, verb = "/v1/status", "get"
    problem = {"type": "about:blank", "title": "x", "status": 500, "detail": "x", "code": "INTERNAL"}
    assert wrong(path, verb, 500, problem) == []
    assert wrong(path, verb, 500, {**problem, "novelty": 1}) != []
    slips = "/v1/stores/{storeId}/terminals/{terminalId}/operations"
    assert wrong(slips, verb, 200, {"operations": [], "more": False}) == []
    parked = {"storeId": "s", "terminalId": "t", "key": "k", "reason": "r", "at": "a"}
    assert wrong(slips, verb, 200, {"operations": [], "more": False, "parked": [parked]}) == []
    assert wrong(slips, verb, 200, {"operations": [], "more": False, "parked": [{**parked, "novelty": 1}]}) != []


def test_a_release_is_described() -> None:
    """The answer after a restore; a real one is in the tests of backups."""
    answer = {
        "by": "client:boss",
        "reason": "x",
        "at": "x",
        "restored": {"at": "x", "file": ""},
        "lookingAt": 0,
        "differences": [],
        "open": 0,
    }
    assert wrong("/v1/release", "post", 200, answer) == []
    assert wrong("/v1/release", "post", 200, {**answer, "novelty": 1}) != []


def named_by(path: Path) -> Iterator[str]:
    """What the refusals of a module say beside their code and text."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
            yield from (one.arg for one in node.keywords if one.arg is not None)


def test_whatever_a_refusal_says_is_described() -> None:
    """The members of every refusal in the sources, and those that the desk adds."""
    found = {name for part in ("engine", "edges", "running") for path in ROOT.glob(f"agent/{part}/**/*.py") for name in named_by(path)}
    assert {"path", "possible", "limit", "state"} <= found, "the control"
    assert found | {"message", "answer", "amount", "reason"} <= set(DOCUMENT["components"]["schemas"]["Problem"]["properties"])


def test_the_examples_of_errors_are_possible() -> None:
    """Each has a code that comes with its status: the usual one, or one that the page on HTTP names; and it is as described."""
    page = (ROOT / "docs" / "pos-http.md").read_text()
    schema: Mapping[str, Any] = DOCUMENT["components"]["schemas"]["Problem"]
    for name, response in DOCUMENT["components"]["responses"].items():
        ((_, content),) = response["content"].items()
        example = content["example"]
        jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(example)
        (row,) = re.findall(rf"^\| {example['status']} \| (.*) \|$", page, re.MULTILINE)
        assert f"`{example['code']}`" in row, name
        assert STATUSES[example["code"]] == example["status"] or len(re.findall(r"`[A-Z_]+`", row)) <= 2, name


def test_types_of_answers_stand_without_parameters() -> None:
    """Generators compare them to the letter."""
    types = [media for media, _ in _contents(DOCUMENT)]
    assert {"text/plain", "application/json", "application/problem+json"} <= set(types)
    assert [media for media in types if ";" in media] == []


def _contents(schema: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        content = schema.get("content")
        yield from content.items() if isinstance(content, dict) else ()
        for value in schema.values():
            yield from _contents(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _contents(value)
