"""PayConnect at the sandbox: tokens, two payments for one request sent twice, half an hour, so many requests a minute, no refunds."""

import hashlib
import hmac
import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest

from agent.sandbox.bank import Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.payconnect.api import PayConnect
from agent.sandbox.payconnect.knobs import PayConnectKnobs
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Operation, Request

START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


class Client:
    """One shop. The customer does nothing by himself, and there is no limit unless a test sets one."""

    def __init__(self, **knobs: Any) -> None:
        numbers = itertools.count(1)
        turned = PayConnectKnobs(**{"requests_per_minute": 10_000, **knobs})
        self.bank = Bank(BankSettings(customer=Customer(Action.WAIT), payconnect=turned), lambda: f"id-{next(numbers)}")
        system = self.bank.systems["payconnect"]
        assert isinstance(system, PayConnect)
        self.system, self.now, self.token = system, START_MS, ""
        self.token = self.log_in()[1]["access_token"]

    def send(self, method: str, path: str, document: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        usual = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        body = document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
        heard = self.bank.handle(self.now, method, f"/payconnect{path}", usual | dict(headers or {}), body)
        return heard.status, json.loads(heard.body)

    def log_in(self, key: str = "sandbox", scope: str = "payments.write payments.read") -> tuple[int, Any]:
        return self.send("POST", "/v1/auth/token", {"scope": scope}, {"Authorization": f"Bearer {key}"})

    def create(self, **changes: Any) -> tuple[int, Any]:
        return self.send("POST", "/v1/payments", payment(**changes))

    def made(self, **changes: Any) -> str:
        """The id of a new payment."""
        return str(self.create(**changes)[1]["id"])

    def read(self, payment_id: str) -> Any:
        return self.send("GET", f"/v1/payments/{payment_id}")[1]


def payment(**changes: Any) -> dict[str, Any]:
    document = {"amount": 37695, "currency": "RUB", "description": "s1/t1/order-1 key-1", "customer": {"email": "buyer@mail.example"}}
    return {name: value for name, value in (document | changes).items() if value is not None}


def code(heard: tuple[int, Any]) -> tuple[int, str]:
    """Status and code of the documented error body."""
    status, body = heard
    assert set(body["error"]) == {"code", "message", "docs_url"}
    return status, body["error"]["code"]


def test_a_token_opens_the_door_for_a_day() -> None:
    """The secret key is taken by the login alone; an earlier token goes on working beside a newer one, each for its day."""
    client = Client()
    made = client.made()
    assert code(client.send("GET", f"/v1/payments/{made}", None, {"Authorization": "Bearer sandbox"})) == (401, "unauthorized")
    assert code(client.log_in("wrong")) == (401, "unauthorized")
    assert code(client.log_in(scope="payments.read")) == (400, "invalid_scope")
    client.now += DAY_MS - 1
    newer = client.log_in()[1]["access_token"]
    assert client.read(made)["id"] == made
    client.now += 1
    assert client.send("GET", f"/v1/payments/{made}")[0] == 401
    client.token = newer
    assert client.read(made)["id"] == made
    client.system.forget_tokens()
    assert client.send("GET", f"/v1/payments/{made}")[0] == 401


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount": 0}, "invalid_amount"),
        ({"amount": -1}, "invalid_amount"),
        ({"amount": "100"}, "invalid_amount"),
        ({"amount": 376.95}, "invalid_amount"),
        ({"amount": True}, "invalid_amount"),
        ({"amount": 20_000_001}, "invalid_amount"),
        ({"currency": "USD"}, "invalid_currency"),
        ({"customer": None}, "invalid_customer"),
        ({"customer": {"email": "nobody"}}, "invalid_customer"),
        ({"description": 7}, "invalid_request"),
        ({"reference": "x"}, "invalid_request"),
    ],
)
def test_every_rule_of_a_create_has_its_code(changes: dict[str, Any], why: str) -> None:
    """In the documented body; nothing is made."""
    client = Client()
    assert code(client.create(**changes)) == (400, why)
    assert client.bank.transactions() == []


def test_what_is_no_request() -> None:
    """Unknown paths, bodies that are no object, another type."""
    client = Client()
    assert code(client.send("POST", "/v1/payments/x/refunds", {})) == (404, "not_found")
    assert code(client.send("GET", "/v1/payments/unknown")) == (404, "not_found")
    assert code(client.send("POST", "/v1/payments", b"[]")) == (400, "invalid_json")
    assert code(client.send("POST", "/v1/payments", {}, {"Content-Type": "text/plain"})) == (400, "invalid_content_type")


def test_a_payment_is_made_paid_and_read() -> None:
    """Twice the same request is twice a payment; each has its page; who pays one has not paid the other."""
    client = Client()
    (status, first), second = client.create(), client.made()
    assert (status, first["status"], first["amount"], first["currency"]) == (201, "pending", 37695, "RUB")
    assert first["payment_url"].startswith("http://127.0.0.1")
    client.bank.decide(client.now, first["id"], Customer(Action.CONFIRM))
    assert [client.read(one)["status"] for one in (first["id"], second)] == ["succeeded", "pending"]
    made = client.bank.transactions()[0]
    assert (made.store_id, made.terminal_id, made.order_id, made.key) == ("s1", "t1", "order-1", "key-1")
    assert client.read(first["id"])["description"] == "s1/t1/order-1 key-1"


@pytest.mark.parametrize("text", ["key-1", "Заказ 5 key-1", "", None])
def test_any_description_will_do(text: str | None) -> None:
    """It is free text there."""
    assert Client().create(description=text)[0] == 201


def test_a_session_ends_after_half_an_hour() -> None:
    """Nobody has paid: it can be paid no more."""
    client = Client()
    made = client.made()
    client.now += 30 * MINUTE_MS - 1
    assert client.read(made)["status"] == "pending"
    client.now += 1
    assert client.read(made)["status"] == "expired"


@pytest.mark.parametrize("action", [Action.DECLINE, Action.CANCEL])
def test_a_customer_who_does_not_pay(action: Action) -> None:
    """Is final here."""
    client = Client()
    made = client.made()
    client.bank.decide(client.now, made, Customer(action))
    assert client.read(made)["status"] == "failed"


def test_so_many_requests_a_minute() -> None:
    """All count, logins too; how long to wait is told, and is enough."""
    client = Client(requests_per_minute=3)
    made = client.made()
    client.now += 10_000
    assert client.read(made)["status"] == "pending"
    heard = client.bank.handle(client.now, "GET", f"/payconnect/v1/payments/{made}", {}, b"")
    assert (heard.status, heard.headers["retry-after"]) == (429, "50")
    client.now += 50_000
    assert client.read(made)["status"] == "pending"


def test_faults_speak_its_language() -> None:
    """Refusals of the director come in the documented body; lies are told in answers."""
    client = Client()
    made = client.made()
    client.bank.decide(client.now, made, Customer(Action.CONFIRM))
    answers = []
    for kind in (FaultKind.UNAUTHORIZED, FaultKind.TOO_MANY, FaultKind.REFUSE_422):
        client.bank.add_fault(client.now, Fault(kind, system="payconnect"))
        delivery = client.bank.meet(client.now, "POST", "/payconnect/v1/payments")
        assert delivery.instead is not None
        answers.append((delivery.instead.status, json.loads(delivery.instead.body)["error"]["code"]))
    assert answers == [(401, "unauthorized"), (429, "rate_limit_exceeded"), (400, "transaction_in_processing")]
    lies = {FaultKind.WRONG_AMOUNT: ("amount", 37696), FaultKind.WRONG_CURRENCY: ("currency", "USD")}
    lies |= {FaultKind.UNKNOWN_STATUS_VALUE: ("status", "on_hold"), FaultKind.WRONG_ORDER: ("description", "SOMEBODY-ELSES")}
    for kind, (field, value) in lies.items():
        client.bank.add_fault(client.now, Fault(kind, Operation.STATUS))
        assert client.read(made)[field] == value
    client.bank.add_fault(client.now, Fault(FaultKind.ABSENT_STATUS))
    assert client.read(made)["error"]["code"] == "not_found"
    client.bank.add_fault(client.now, Fault(FaultKind.EXTRA_FIELDS))
    assert "loyaltyBonus" in client.read(made)


def test_a_webhook_is_signed_over_its_bytes() -> None:
    """As this sandbox invents it: hex HMAC-SHA-256 with the secret."""
    client = Client()
    client.made()
    body, signed = client.system.event(client.now, client.bank.transactions()[0], "payment.succeeded", "whsec")
    assert signed == hmac.new(b"whsec", body, hashlib.sha256).hexdigest()
    assert json.loads(body)["data"]["id"] == client.bank.transactions()[0].id


def test_requests_are_listed_with_their_names() -> None:
    """Our key of a create, the payment of a read."""
    client = Client(bare_reads=True)
    made = client.made()
    assert "description" not in client.read(made)
    assert client.system.names(_request("POST", "/v1/payments", json.dumps(payment()).encode())) == ("key-1", None)
    assert client.system.names(_request("GET", f"/v1/payments/{made}", b"")) == (None, made)


def _request(method: str, path: str, body: bytes) -> Request:
    return Request(method, path, {}, body)
