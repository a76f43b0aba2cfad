"""A client of Softline at a bank in memory: requests that are well formed, a token at hand, time that is moved by hand."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.sandbox.bank import Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.settings import BankSettings
from agent.sandbox.softline.api import Softline
from agent.sandbox.softline.knobs import SoftlineKnobs
from agent.sandbox.words import Answer

START_MS = 1_700_000_000_000
WAITS = Customer(Action.WAIT)


@dataclass
class Heard:
    """An answer, unpacked."""

    status: int
    body: Any

    @property
    def codes(self) -> list[int]:
        return [one["error"] for one in self.body["errors"]]


class Client:
    """One shop. The customer does nothing by himself."""

    def __init__(self, **knobs: Any) -> None:
        numbers = itertools.count(1)
        settings = BankSettings(customer=WAITS, softline=SoftlineKnobs(**knobs))
        self.bank = Bank(settings, lambda: f"id-{next(numbers)}")
        system = self.bank.systems["softline"]
        assert isinstance(system, Softline)
        self.system = system
        self.now = START_MS
        self.token = ""
        self.token = self.log_in().body["token"]

    def send(self, method: str, path: str, document: Any = None, headers: Mapping[str, str] | None = None) -> Heard:
        usual = {"Content-Type": "application/json", "AuthorizationJWT": f"Bearer {self.token}"}
        body = document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
        return heard(self.bank.handle(self.now, method, f"/softline{path}", usual if headers is None else headers, body))

    def log_in(self, login: str = "sandbox", password: str = "sandbox") -> Heard:  # noqa: S107 - the sandbox's documented default
        return self.send("POST", "/v1/login_check", {"username": login, "password": password}, {"content-type": "application/json"})

    def create(self, **changes: Any) -> Heard:
        return self.send("POST", "/v1/payment", payment(**changes))

    def made(self, **changes: Any) -> int:
        """The id of a new payment."""
        order_id = self.create(**changes).body["order_id"]
        assert isinstance(order_id, int)
        return order_id

    def read(self, order_id: int) -> Any:
        return self.send("GET", f"/v1/order/{order_id}").body

    def find(self, **criteria: Any) -> list[int]:
        found = self.send("POST", "/v1/order/search", criteria).body["ids"]
        assert isinstance(found, list)
        return found

    def refund(self, order_id: int, **changes: Any) -> Heard:
        return self.send("POST", f"/v1/order/{order_id}/refund", {"email": "till@shop.example", **changes})

    def pay(self, order_id: int) -> None:
        self.bank.decide(self.now, str(order_id), Customer(Action.CONFIRM))


def payment(**changes: Any) -> dict[str, Any]:
    """The vendor's minimal sample; None takes a field away."""
    document = {
        "currency": "RUB",
        "amount": "112.50",
        "return_success_url": "https://shop.example/thanks",
        "payment_method": "CreditCard",
        "payment_id": "T07-000412",
        "customer": {"email": "buyer@mail.example", "first_name": "Иван", "last_name": "Петров"},
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def heard(answer: Answer) -> Heard:
    return Heard(answer.status, json.loads(answer.body))
