"""Goal: ``show`` tells the story of a sale of every payment system: each request and what became of it, in order, and nothing that should
stay between the customer and his bank. Method: one till for each system, the real agent, sandbox and command, a buyer with a name.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.stand import STORE, Plan, Socket, Stand

SYSTEMS = ("koshelek", "paycore", "softline", "payconnect")
BUYER = {"email": "buyer@mail.example", "firstName": "Иван", "lastName": "Петров"}
TOKEN = "till-token-0815"
SESSION = "WAIT0815"
AMOUNT = 27_000
BREAD = {"name": "Rye bread", "article": "1", "price": 9000, "quantity": 3, "totalAmount": AMOUNT, "tax": "vat10"}
SOFTLINE: dict[str, object] = {
    "payment_method": "CreditCard",
    "return_success_url": "https://shop.example/thanks",
    "refund_email": "kassa@shop.example",
}
QUICK: dict[str, object] = {"first_read_ms": 500, "poll_interval_ms": 500, "search_pause_ms": 500}
PATIENCE_S = 20.0

PAID = {
    "koshelek": [
        "attempt_started POST /api/v1/merchant/checkout",
        "attempt_lost",
        "attempt_started POST /api/v1/merchant/checkout",
        "attempt_answered pending",
        "transaction_known",
        "paid",
        "told",
    ],
    "paycore": [
        "attempt_started POST /payment-invoices",
        "attempt_lost",
        "attempt_answered found",
        "transaction_known GET",
        "paid",
        "told",
    ],
    "softline": [
        "attempt_started POST /v1/payment",
        "attempt_lost",
        "attempt_answered found",
        "transaction_known",
        "link_known GET",
        "paid",
        "told",
    ],
    "payconnect": ["attempt_started POST /v1/payments", "attempt_answered pending", "transaction_known GET", "paid", "told"],
}
"""What the sale was, by system: its first answer is lost where the system lets it be found again."""

RETURNED = {
    "koshelek": ["refund_opened", "attempt_started POST /api/v1/merchant/transaction/refund", "attempt_answered accepted", "refunded"],
    "paycore": ["refund_opened", "attempt_started POST /payment-invoices/{id}/refund", "attempt_answered refunded", "refunded"],
    "softline": ["refund_opened", "attempt_started POST /v1/order/{id}/refund", "attempt_answered requested", "refund_requested"],
    "payconnect": [],
}


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """One till for each payment system."""
    tills = {f"till-{name}": {"provider": name} for name in SYSTEMS}
    reading: dict[str, object] = {name: value for name, value in QUICK.items() if name != "search_pause_ms"}
    systems: dict[str, dict[str, object]] = {
        "paycore": reading | {"hpp_base_url": "http://127.0.0.1:1/paycore/hpp/"},
        "softline": SOFTLINE | QUICK,
        "payconnect": reading,
    }
    with Stand(Plan(tills=tills, sockets=(Socket("pos"), Socket("admin", "admin")), systems=systems)) as made:
        made.control("POST", "/customers/default", {"action": "wait"})
        yield made


def sell(stand: Stand, name: str) -> dict[str, Any]:
    """A sale that was paid and told, and of which everything was asked back."""
    sale = {"storeId": STORE, "terminalId": f"till-{name}", "key": f"k-{name}"}
    bill: dict[str, Any] = {"checkoutInvoice": {"orderId": f"o-{name}", "totalAmount": AMOUNT, "items": [BREAD]}}
    card: dict[str, Any] = {"cardSession": SESSION, "token": TOKEN, "user": {"loyaltyId": "0"}}
    if name != "payconnect":
        stand.fault("lose_answer", "checkout")
    stand.call("checkout.create", **sale, **bill, **(card if name == "koshelek" else {"customer": BUYER}), wait=0)
    end = time.monotonic() + PATIENCE_S
    while (seen := stand.call("checkout.get", **sale))["state"] != "pending" or (name != "koshelek" and "paymentUrl" not in seen):
        assert time.monotonic() < end, seen
        time.sleep(0.1)
    stand.control("POST", f"/transactions/{seen['transactionId']}/confirm", {})
    paid = stand.call("checkout.get", **sale, wait=20)
    assert paid["state"] == "paid"
    if RETURNED[name]:
        asked = {"token": TOKEN} if name == "koshelek" else {}
        stand.call("refund.create", **sale, refundKey="R1", wait=0, **asked)
        while (one := stand.call("refund.get", **sale, refundKey="R1"))["state"] not in ("refunded", "requested"):
            assert time.monotonic() < end, one
            time.sleep(0.1)
    return paid | {"link": seen.get("paymentUrl")}


def step(event: dict[str, Any], transaction_id: str) -> str:
    """One event in a few words."""
    word = next((str(event[name]) for name in ("http", "answer", "link") if name in event), "")
    word = "pending" if word == "new" else word  # which of the two it is says how long the loss of the first answer took
    return f"{event['event']} {word}".strip().replace(transaction_id, "{id}")


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_story_of_a_sale(stand: Stand, name: str) -> None:
    """Every request and what became of it, in order, on the screen and for scripts; with the daemon's own words for both."""
    sale = sell(stand, name)
    arguments = ("show", sale["key"], "--terminal", sale["terminalId"])
    told = json.loads(stand.cli(*arguments, "--json").stdout)
    steps = [step(event, sale["transactionId"]) for event in told["events"]]
    assert steps == ["accepted", *PAID[name], *RETURNED[name]]
    assert [event["at"] for event in told["events"]] == sorted(event["at"] for event in told["events"])
    names = {name: sale[name] for name in ("storeId", "terminalId", "key")}
    with stand.connect("admin") as operator:
        assert operator.call("operation.show", **names, events=True)["events"] == told["events"]
    screen = stand.cli(*arguments).stdout
    assert all(event["event"] in screen for event in told["events"])
    secrets = [*BUYER.values(), TOKEN, SESSION, "Authorization", *([sale["link"]] if sale["link"] else [])]
    assert [one for one in secrets if one in screen or one in json.dumps(told, ensure_ascii=False)] == []
