"""Goal: with the tables of docs/sandbox.md all four systems can be tried out: their links lead to the sandbox's own page, and its messages
bring a result long before the agent would ask, while those that are repeated, forged or out of order change nothing.

Method: the page's configuration and its command, a real daemon and a real sandbox. The agent asks once, and then so seldom that a result
can only come from a message.
"""

import json
import os
import re
import shlex
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agent.providers.paycore.hook import signature as paycore_signature
from agent.providers.softline.hook import signature
from tests.docs.compare import Likeness
from tests.docs.pages import Page
from tests.support.patience import until
from tests.support.stand import STORE, TERMINAL, Stand, free_port

PAGE = Page("sandbox.md")
TILLS = {"koshelek": TERMINAL, "paycore": "till-04", "softline": "till-05", "payconnect": "till-06"}
NEXT_READ_S = {"koshelek": 5, "paycore": 60, "softline": 60, "payconnect": 60}  # the longest that can be configured
PROMPT_S = 3.0
AMOUNT = 9_000


class PageStand(Stand):
    """A till as the page has it, but for ports, folder and user; with a till for each system, and reads as seldom as can be."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks_port = free_port()
        (start,) = PAGE.marked("start")
        command = shlex.split(self._here(start.blocks[0].text.removeprefix("$ ").replace("\\\n", " ")))
        self.sandbox_options = command[command.index("--webhook") :]

    def _here(self, text: str) -> str:
        """The page's ports and places become those of this run."""
        for old, new in (("8099", self.sandbox_port), ("8098", self.control_port), ("7440", self.hooks_port)):
            text = text.replace(f":{old}", f":{new}").replace(f"port = {old}", f"port = {new}")
        return text.replace("/var/tmp/koshelek-agent", str(self.folder)).replace('"1000"', f'"{os.geteuid()}"')

    def configuration(self) -> str:
        text = self._here("\n".join(marked.blocks[0].text for marked in PAGE.marked("configuration")))
        text = re.sub(r"^(path = .*sqlite3.*)$", r"\1" + "\nallow_volatile = true", text, flags=re.MULTILINE)
        for name, seconds in NEXT_READ_S.items():
            reads = f"first_read_ms = 500\npoll_interval_ms = {seconds * 1_000}\npoll_cap_s = {seconds}\n"
            text = text.replace(f"[provider.{name}]\n", f"[provider.{name}]\n{reads}")
        text = text.replace('terminals = ["*/*"]\n', 'terminals = ["*/*"]\npayouts = true\n')
        tills = [f'[[terminal]]\nstore_id = "{STORE}"\nterminal_id = "{till}"\nprovider = "{name}"\n' for name, till in TILLS.items()]
        return "\n".join([text, *tills[1:]])


class Shop:
    """What the tests do at its tills."""

    def __init__(self, stand: PageStand) -> None:
        self.stand = stand

    def sell(self, system: str, key: str) -> dict[str, Any]:
        """A sale that waits for its customer, as the register sees it; the agent has asked once, and will not ask again for long."""
        item = {"name": "Milk", "article": "1", "price": AMOUNT, "quantity": 1, "totalAmount": AMOUNT, "tax": "vat10"}
        invoice = {"orderId": f"order-{key}", "totalAmount": AMOUNT, "items": [item]}
        card: dict[str, Any] = {"user": {"loyaltyId": "0"}, "cardSession": f"WAIT{key.replace('-', '')}", "token": "t-1"}
        given: dict[str, Any] = {"storeId": STORE, "terminalId": TILLS[system], "key": key, "checkoutInvoice": invoice}
        self.stand.call("checkout.create", **(given | card if system == "koshelek" else given))
        until(lambda: self.get(system, key)["state"] == "pending")
        until(lambda: self.reads(key) == 1)
        return self.get(system, key)

    def get(self, system: str, key: str, wait: int = 0) -> dict[str, Any]:
        return self.stand.call("checkout.get", storeId=STORE, terminalId=TILLS[system], key=key, wait=wait)

    def payment(self, key: str) -> dict[str, Any]:
        """What the bank knows of it."""
        (found,) = [one for one in self.stand.control("GET", "/transactions") if one["order_id"] == f"order-{key}"]
        assert isinstance(found, dict)
        return found

    def pays(self, key: str) -> None:
        self.stand.control("POST", f"/transactions/{self.payment(key)['id']}/confirm", {})

    def reads(self, key: str) -> int:
        """How often the agent has asked for the status of a payment."""
        asked = [one["transaction_id"] for one in self.stand.control("GET", "/requests") if one["operation"] == "status"]
        return asked.count(self.payment(key)["id"])

    def messages(self, key: str) -> list[dict[str, Any]]:
        """Of one payment."""
        named = self.payment(key)["id"]
        return [one for one in self.stand.control("GET", "/messages") if one["transaction_id"] == named]

    def all_taken(self, key: str, *events: str) -> None:
        """Wait until every message of a payment was."""
        until(lambda: {one["fate"] for one in self.messages(key)} == {"taken"})
        assert [one["event"] for one in self.messages(key)] == list(events)

    def charged(self, system: str) -> list[int]:
        entries = self.stand.control("GET", "/ledger")["entries"]
        return [one["amount"] for one in entries if (one["kind"], one["system"]) == ("charge", system)]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with PageStand() as stand:
        stand.control("POST", "/customers/default", {"action": "wait"})
        yield Shop(stand)


SAYS = {
    "koshelek": ["accepted"],
    "paycore": ["processed"],
    "softline": ["order.created", "order.payment.succeeded"],
    "payconnect": ["payment.succeeded"],
}


@pytest.mark.parametrize("system", SAYS)
def test_a_message_brings_the_result(shop: Shop, system: str) -> None:
    """The link leads to the sandbox's page. The customer pays; the message leads to one read, and the register hears of it long before the
    next one was due."""
    sale = shop.sell(system, f"{system}-1")
    if system != "koshelek":
        page = httpx.get(sale["paymentUrl"], follow_redirects=True, trust_env=False)
        assert (page.status_code, page.url.port, page.url.path[:5]) == (200, shop.stand.sandbox_port, "/pay/")
        assert "90.00" in page.text or "90,00" in page.text
    began = time.monotonic()
    shop.pays(f"{system}-1")
    paid = shop.get(system, f"{system}-1", wait=10)
    assert (paid["state"], paid["slip"]["totalAmount"]) == ("paid", AMOUNT)
    assert time.monotonic() - began < PROMPT_S < NEXT_READ_S[system]
    shop.all_taken(f"{system}-1", *SAYS[system])
    assert shop.reads(f"{system}-1") == 2
    assert shop.charged(system) == [AMOUNT]
    if system == "koshelek":
        documented = next(marked for marked in PAGE.marked("messages")).blocks[0].json
        assert Likeness().differences(documented, shop.messages(f"{system}-1")) == []


def test_messages_that_go_wrong_change_nothing(shop: Shop) -> None:
    """Sent twice, out of order, late: the sale is what it was, to the last field, and nobody has paid twice. Forged: nobody asks, and the
    sale waits on, though what the message says is true; the log tells who was turned away."""
    for system, kind in (("koshelek", "duplicate_message"), ("softline", "reorder_messages"), ("payconnect", "duplicate_message")):
        key, params = f"{system}-2", {"after_ms": 300} if kind == "duplicate_message" else {}
        shop.stand.control("POST", "/faults", {"kind": kind, "system": system, "params": params})
        shop.sell(system, key)
        shop.pays(key)
        paid = shop.get(system, key, wait=10)
        assert paid["state"] == "paid", system
        shop.all_taken(key, *(SAYS[system] * 2 if kind == "duplicate_message" else SAYS[system]))
        assert shop.get(system, key) == shop.get(system, key, wait=1) == paid
        assert shop.charged(system) == [AMOUNT, AMOUNT]

    shop.stand.control("POST", "/faults", {"kind": "forge_message", "system": "paycore"})
    shop.sell("paycore", "paycore-2")
    shop.pays("paycore-2")
    until(lambda: [(one["status"], one["attempts"]) for one in shop.messages("paycore-2")] == [(401, 2)])
    assert (shop.get("paycore", "paycore-2")["state"], shop.reads("paycore-2")) == ("pending", 1)
    refused = [json.loads(line) for line in shop.stand.log.read_text().splitlines() if '"webhook.refused"' in line]
    assert {(one["provider"], one["reason"]) for one in refused} == {("paycore", "forged")}
    assert shop.stand.control("GET", "/ledger")["violations"] == []


def test_a_message_finds_a_payment_whose_answer_was_lost(shop: Shop) -> None:
    """PayConnect can be searched for nothing: the register was told "not paid", and only the message knows of the payment. It is asked for,
    it proves to be ours, and people are called to return what was paid."""
    system, key = "payconnect", "payconnect-3"
    shop.stand.control("POST", "/faults", {"kind": "lose_answer", "system": system, "operation": "checkout"})
    item = {"name": "Milk", "article": "1", "price": AMOUNT, "quantity": 1, "totalAmount": AMOUNT, "tax": "vat10"}
    invoice = {"orderId": f"order-{key}", "totalAmount": AMOUNT, "items": [item]}
    named = {"storeId": STORE, "terminalId": TILLS[system], "key": key}
    shop.stand.call("checkout.create", **named, checkoutInvoice=invoice)
    until(lambda: shop.get(system, key)["state"] == "unknown")
    shop.stand.call("checkout.cancel", **named)
    until(lambda: shop.get(system, key)["state"] == "canceled")
    assert (shop.get(system, key)["money"], shop.reads(key)) == ("none", 0)
    shop.pays(key)
    until(lambda: shop.get(system, key)["money"] == "stuck")
    assert (shop.get(system, key)["state"], shop.reads(key)) == ("canceled", 1)
    followed = [json.loads(line) for line in shop.stand.log.read_text().splitlines() if '"hint.followed"' in line]
    assert [(one["transaction"], one["led_to"]) for one in followed] == [(shop.payment(key)["id"], "adopted")]


def test_what_concerns_no_till_leaves_a_line(shop: Shop) -> None:
    """A proven message about another product of the vendor is thanked for, and the log names it: somebody may miss what it led to."""
    secret = (shop.stand.folder / "password").read_text().strip()
    body = {"event": "subscription.created", "order_id": 77, "external_id": "s-1", "payment": {}, "customer": {}}
    taken = httpx.post(
        f"http://127.0.0.1:{shop.stand.hooks_port}/softline", json=body, headers={"signature": signature(secret, body)}, trust_env=False
    )
    assert (taken.status_code, taken.text) == (200, "OK")
    (ignored,) = [json.loads(line) for line in shop.stand.log.read_text().splitlines() if '"webhook.ignored"' in line]
    assert (ignored["level"], ignored["provider"], ignored["reason"]) == ("info", "softline", "irrelevant")
    assert (ignored["transaction"], ignored["reference"], ignored["count"]) == ("77", "s-1", 1)


def test_a_payouts_message_hurries_its_read(shop: Shop) -> None:
    """Paid out by the page's own table; each change is told, taken and leads to a read; one of another till is forgotten, with a line."""
    till = {"storeId": STORE, "terminalId": TILLS["paycore"], "key": "po-1"}
    card = {"card_number": "2200000000000004"}
    shop.stand.call("payout.create", **till, amount=AMOUNT, description="Deposit", fields=card, provider="paycore")
    until(lambda: shop.stand.call("payout.get", **till)["state"] == "pending")
    (payout,) = shop.stand.control("GET", "/payouts")
    assert (payout["fields"], payout["status"]) == (["card_number"], "pending")
    shop.stand.control("POST", f"/payouts/{payout['id']}/processed", {})
    until(lambda: shop.stand.call("payout.get", **till)["state"] == "paid_out")
    told = [one for one in shop.stand.control("GET", "/messages") if one["transaction_id"] == payout["id"]]
    assert [(one["event"], one["fate"]) for one in told] == [("process_pending", "taken"), ("processed", "taken")]
    assert shop.stand.control("GET", "/ledger")["paid_out"] == AMOUNT
    secret = (shop.stand.folder / "password").read_text().strip()
    body = b'{"data":{"type":"payout-invoices","id":"cpoi_of_another","attributes":{"reference_id":"r-9"}}}'
    signed = {"x-signature": paycore_signature(secret, body)}
    taken = httpx.post(f"http://127.0.0.1:{shop.stand.hooks_port}/paycore", content=body, headers=signed, trust_env=False)
    assert taken.status_code == 200
    log = [json.loads(line) for line in shop.stand.log.read_text().splitlines() if line.startswith("{")]
    hurried = [one["hurried"] for one in log if one["event"] == "payout.hint_heard"]
    assert hurried
    assert hurried[-1] is True
    (other,) = [one for one in log if one["event"] == "hint.unrelated"]
    assert (other["transaction"], other["reference"]) == ("cpoi_of_another", "r-9")
    assert card["card_number"] not in shop.stand.log.read_text()
