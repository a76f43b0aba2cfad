"""Goal: payment systems side by side at one till: each sale goes its own way, what happens to one system does not touch another's sales,
and none can be changed or taken out while money depends on it. Method: the real daemon and the sandbox, with Koshelek and PayCore.io, and
with Softline at a host that is not there."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.patience import until
from tests.support.pos import Failed, Pos
from tests.support.stand import STORE, TERMINAL, Plan, Stand, free_port

SERVICE = {"service": "payment_card_rub_hpp", "first_read_ms": 500, "poll_interval_ms": 500}
TILL_2, TILL_3 = "till-04", "till-05"
BUYER = {"email": "buyer@example.com", "firstName": "Ivan", "lastName": "Petrov"}
PROMPT_S = 3.0  # a sale with Koshelek, whatever the other system does; the sandbox's customer takes one


NOWHERE = {
    "test_base_url": f"http://127.0.0.1:{free_port()}/softline",
    "payment_method": "CreditCard",
    "return_success_url": "https://shop.example/thanks",
    "refund_email": "kassa@shop.example",
}
TILLS = {TERMINAL: {}, TILL_2: {"provider": "paycore"}, TILL_3: {"provider": "softline"}}


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """One for all: every test leaves its configuration as it was, with nothing owed but at the system that is not there."""
    with Stand(Plan(tills=TILLS, systems={"paycore": SERVICE, "softline": NOWHERE})) as made:
        made.control("POST", "/customers/default", {"action": "confirm", "after_ms": 300})
        yield made


def sell(pos: Pos, key: str, terminal: str = TERMINAL, order: str | None = None, **more: Any) -> dict[str, Any]:
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    invoice = {"orderId": order or f"order-{key}", "totalAmount": 9000, "items": [item]}
    return pos.call("checkout.create", storeId=STORE, terminalId=terminal, key=key, checkoutInvoice=invoice, **more)


def card(key: str) -> dict[str, Any]:
    """What a sale with Koshelek needs."""
    return {"user": {"loyaltyId": "0"}, "cardSession": f"PAY{key}", "token": "t-1"}


def get(pos: Pos, key: str, terminal: str = TILL_2, wait: int = 0) -> dict[str, Any]:
    return pos.call("checkout.get", storeId=STORE, terminalId=terminal, key=key, wait=wait)


def paid(pos: Pos, key: str, terminal: str = TILL_2) -> dict[str, Any]:
    """The answer once the sale is finished: a long poll ends when its link is there."""
    end = time.monotonic() + 30
    while not (answer := get(pos, key, terminal, 10))["finished"]:
        assert time.monotonic() < end, answer
    return answer


def reload(stand: Stand) -> list[str]:
    """The problems of the changed file."""
    ran = stand.cli("reload", "--json")
    assert ran.returncode in (0, 78), ran.stdout + ran.stderr
    return [one["problem"] for one in json.loads(ran.stdout)["problems"]]


def without_paycore(text: str) -> str:
    start = text.index("[provider.paycore]")
    return (text[:start] + text[text.index("[provider.softline]") :]).replace('provider = "paycore"\n', "")


def test_the_bank_sees_each_sale_at_its_own_system(stand: Stand) -> None:
    """By the terminal's system, by the default, and by the one that the checkout names; needs no card where the customer opens a page. The
    same order number may not be paid twice through two systems."""
    with stand.connect() as pos:
        assert sell(pos, "k1", wait=20, **card("1"))["provider"] == "koshelek"
        assert sell(pos, "k2", TILL_2, wait=5)["provider"] == "paycore"
        assert sell(pos, "k3", provider="paycore", customer={"email": "buyer@example.com"}, wait=5)["provider"] == "paycore"
        assert [paid(pos, key, terminal)["state"] for key, terminal in (("k2", TILL_2), ("k3", TERMINAL))] == ["paid", "paid"]
        with pytest.raises(Failed) as twice:
            sell(pos, "k4", TILL_2, order="order-k1")
        assert twice.value.code == "ORDER_PAID"
    seen = {one["order_id"]: one["system"] for one in stand.control("GET", "/transactions")}
    assert {name: seen.get(f"order-{name}") for name in ("k1", "k2", "k3", "k4")} == {
        "k1": "koshelek",
        "k2": "paycore",
        "k3": "paycore",
        "k4": None,
    }


def test_koshelek_still_needs_its_card_and_its_token(stand: Stand) -> None:
    """What is missing is named, all at once; for a page none of it is asked."""
    with stand.connect() as pos:
        with pytest.raises(Failed) as refused:
            sell(pos, "n1")
        assert {one["path"] for one in refused.value.error["data"]["details"]} == {"cardSession", "token", "user.loyaltyId"}
        with pytest.raises(Failed) as unknown:
            sell(pos, "n2", provider="payconnect")
        assert "not configured" in unknown.value.error["message"]


def test_an_outage_of_one_system_does_not_delay_another(stand: Stand) -> None:
    """One system's requests hang, and another's host cannot be reached at all: sales with Koshelek are paid in their usual time, one after
    the other, while theirs wait for their network; and it is told which of them is out of reach."""
    stand.control("POST", "/faults", {"kind": "lose_request", "times": None, "system": "paycore", "params": {"hang_ms": 3_000}})
    with stand.connect() as pos:
        for number in range(12):
            sell(pos, f"hang-{number}", TILL_2)
            sell(pos, f"gone-{number}", TILL_3, customer=BUYER)
        for number in range(3):
            began = time.monotonic()
            assert sell(pos, f"prompt-{number}", wait=20, **card(f"7{number}"))["state"] == "paid"
            assert time.monotonic() - began < PROMPT_S
        sell(pos, "same-till", provider="softline", customer=BUYER)
        began = time.monotonic()
        assert sell(pos, "same-till-2", wait=20, **card("79"))["state"] == "paid"
        assert time.monotonic() - began < PROMPT_S
        assert get(pos, "gone-0", TILL_3)["money"] == "none"
        until(lambda: not stand.call("agent.status")["providers"]["softline"]["reachable"])
        assert stand.call("agent.status")["providers"]["koshelek"] == {"reachable": True}
        stand.control("DELETE", "/faults")
        assert {paid(pos, f"hang-{number}")["finished"] for number in range(12)} == {True}


def test_a_system_is_changed_or_taken_out_only_when_no_money_depends_on_it(stand: Stand) -> None:
    """While a customer may pay through PayCore its login stays and so does its table, and Koshelek's address may change all the same. Once
    it is settled both can be done: then its sales can be read, but not returned, and nothing new goes there. Put back, it returns."""
    good = stand.config.read_text()
    place = good.index("[provider.paycore]")
    relogin = good[:place] + good[place:].replace('login = "sandbox"', 'login = "coma_2"', 1)
    stand.control("POST", "/customers/default", {"action": "wait"})
    with stand.connect() as pos:
        sell(pos, "c1", TILL_2, wait=5)
        stand.config.write_text(relogin)
        (problem,) = reload(stand)
        assert "still owes money" in problem
        assert "paycore/api#coma_2" in problem
        stand.config.write_text(without_paycore(good))
        (problem,) = reload(stand)
        assert "its payment system paycore is no longer configured. Put it back." in problem
        stand.config.write_text(good.replace("/acme", "/beta"))
        assert reload(stand) == []
        stand.config.write_text(good)
        assert reload(stand) == []

        (waiting,) = [one for one in stand.control("GET", "/transactions") if one["order_id"] == "order-c1"]
        stand.control("POST", f"/transactions/{waiting['id']}/confirm", {})
        assert paid(pos, "c1")["state"] == "paid"
        pos.call("checkout.confirm", storeId=STORE, terminalId=TILL_2, key="c1")
        stand.config.write_text(without_paycore(good))
        assert reload(stand) == []
        assert get(pos, "c1")["state"] == "paid"
        with pytest.raises(Failed) as refused:
            pos.call("refund.create", storeId=STORE, terminalId=TILL_2, key="c1", refundKey="r1")
        assert refused.value.code == "NOT_REFUNDABLE"
        assert "not configured any more" in refused.value.error["message"]
        with pytest.raises(Failed):
            sell(pos, "c2", TILL_2, provider="paycore")
    stand.stop()
    stand.start()
    assert json.loads(stand.cli("show", "c1", "--terminal", TILL_2, "--json").stdout)["state"] == "paid"
    stand.config.write_text(good)
    assert reload(stand) == []
    with stand.connect() as pos:
        back = pos.call("refund.create", storeId=STORE, terminalId=TILL_2, key="c1", refundKey="r1", wait=20)
        assert back["state"] == "refunded"


def test_a_sale_of_elsewhere_names_the_system_it_was_paid_with(stand: Stand) -> None:
    """The till's own system is only the default, and one that is not configured is no guess."""
    attributes = {"reference_id": "of-another-till", "amount": 90, "currency": "RUB", "test_mode": True, "service": SERVICE["service"]}
    stand.control("POST", "/customers/default", {"action": "confirm", "after_ms": 300})
    body = {"data": {"type": "payment-invoices", "attributes": attributes}}
    login = {"Authorization": "Basic " + base64.b64encode(b"sandbox:sandbox").decode(), "Content-Type": "application/json"}
    made = httpx.post(f"http://127.0.0.1:{stand.sandbox_port}/paycore/api/payment-invoices", json=body, headers=login, trust_env=False)
    assert made.status_code == 201, made.text
    transaction = made.json()["data"]["id"]
    until(lambda: stand.control("GET", f"/transactions/{transaction}")["status"] == "accepted")
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    sale = {"transactionId": transaction, "orderId": "order-far", "totalAmount": 9000, "items": [item]}
    given = {"storeId": STORE, "terminalId": TERMINAL, "key": "far-1", "refundKey": "r1"}
    with stand.connect() as pos:
        with pytest.raises(Failed) as unknown:
            pos.call("refund.create", **given, sale={**sale, "provider": "payconnect"})
        assert unknown.value.error["data"]["path"] == "sale.provider"
        assert pos.call("refund.create", **given, sale={**sale, "provider": "paycore"}, wait=20)["state"] == "refunded"
        with pytest.raises(Failed) as other_system:
            pos.call("refund.create", **{**given, "refundKey": "r2"}, sale={**sale, "provider": "koshelek"})
        assert other_system.value.code == "CONFLICT"
    assert stand.control("GET", f"/transactions/{transaction}")["status"] == "refunded"
