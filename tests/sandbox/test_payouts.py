"""The sandbox's payouts at PayCore: who may, how strict it is, what becomes of one, and where the money is."""

import json
from typing import Any

import pytest

from agent.providers.paycore.hook import signature
from agent.sandbox.bank import Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.outbox import Webhook
from agent.sandbox.payouts import MOVES, PayoutFinal, PayoutStatus
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Operation
from tests.sandbox.test_paycore import Client

PAYOUTS = "/paycore/api/payout-invoices"
PUBLIC = "/paycore/public-api/payout-invoices"
CREATE = {
    "test_mode": True,
    "currency": "RUB",
    "amount": 112.5,
    "reference_id": "p-1",
    "service": "payout_card_rub",
    "fields": {"card_number": "2200000000000004"},
    "description": "Deposit",
}


class Payer(Client):
    """A client who pays out."""

    def pay(self, wrapped: bool = False, **changes: Any) -> tuple[int, Any]:
        given = {name: value for name, value in {**CREATE, **changes}.items() if value is not None}
        return self.ask("POST", PAYOUTS, {"data": {"type": "payout-invoices", "attributes": given}} if wrapped else given)

    def made(self, **changes: Any) -> str:
        """The id of one that was made."""
        status, told = self.pay(**changes)
        assert status == 201, told
        payout_id: str = told["data"]["id"]
        return payout_id

    def told(self, payout_id: str) -> dict[str, Any]:
        status, told = self.ask("GET", f"{PAYOUTS}/{payout_id}")
        assert status == 200
        attributes: dict[str, Any] = told["data"]["attributes"]
        return attributes

    def move(self, payout_id: str, *states: PayoutStatus) -> None:
        for state in states:
            self.bank.move_payout(self.now_ms, payout_id, state)


@pytest.fixture
def payer() -> Payer:
    return Payer()


def test_a_payout_is_made_once(payer: Payer) -> None:
    """201, then 429 without a word of the first; wrapped and flat alike; the card is shown nowhere."""
    status, told = payer.pay()
    one = told["data"]
    assert (status, one["type"], one["id"][:5]) == (201, "payout-invoices", "cpoi_")
    attributes = one["attributes"]
    assert (attributes["status"], attributes["amount"], attributes["reference_id"], attributes["test_mode"]) == (
        *("process_pending", 112.50),
        *("p-1", True),
    )
    assert payer.pay()[0] == payer.pay(wrapped=True)[0] == 429
    assert payer.pay(wrapped=True, reference_id="p-2")[0] == 201
    assert "2200000000000004" not in json.dumps([told, *map(str, payer.bank.payouts()), *map(str, payer.bank.log)])
    assert [one.request_id for one in payer.bank.log][:1] == ["p-1"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"test_mode": None}, "test_mode_required"),
        ({"amount": 0.5}, "limit_violation"),
        ({"amount": "x"}, "amount_invalid"),
        ({"currency": "USD"}, "currency_not_enabled"),
        ({"service": "payout_phone"}, "service_not_found"),
        ({"fields": {"card_number": "22"}}, "fields.card_number_invalid"),
        ({"fields": {"phone": "2200000000000004"}}, "fields.card_number_invalid"),
        ({"callback_url": "https://x.example"}, "callback_url_unknown"),
        ({"service": "test_rub", "fields": {"status": "paid"}}, "fields.status_invalid"),
    ],
)
def test_what_is_refused(payer: Payer, changes: dict[str, Any], code: str) -> None:
    """With the code of what is wrong; nothing is made."""
    status, told = payer.pay(**changes)
    assert (status, told["error_codes"], payer.bank.payouts()) == (422, [code], [])


def test_the_doors(payer: Payer) -> None:
    """The Private API wants the key, the public read does not; there is no public create, and no other filter."""
    payout_id = payer.made()
    assert payer.ask("POST", PAYOUTS, CREATE, headers={})[0] == 401
    assert payer.ask("GET", f"{PAYOUTS}/{payout_id}", headers={})[0] == 401
    assert payer.ask("GET", f"{PUBLIC}/{payout_id}", headers={})[0] == 200
    assert payer.ask("POST", PUBLIC, CREATE)[0] == 404
    assert payer.ask("GET", f"{PAYOUTS}/cpoi_none")[0] == 404
    assert payer.ask("GET", PAYOUTS, query="filter[status]=created")[0] == 422
    assert payer.ask("POST", PAYOUTS, b"[1]")[0] == 422
    status, found = payer.ask("GET", f"{PAYOUTS}/", query="filter[reference_id]=p-1")
    assert (status, [one["id"] for one in found["data"]]) == (200, [payout_id])
    assert payer.ask("GET", f"{PAYOUTS}/", query="filter[reference_id]=p-2")[1]["data"] == []


@pytest.mark.parametrize(
    ("script", "word", "paid"),
    [
        (Customer(Action.CONFIRM), "processed", 11_250),
        (Customer(Action.CONFIRM, 500), "processed", 11_250),
        (Customer(Action.DECLINE, 500), "process_failed", 0),
        (Customer(Action.CANCEL, 500), "terminated", 0),
        (Customer(Action.WAIT), "process_pending", 0),
    ],
)
def test_the_script_of_a_payout(payer: Payer, script: Customer, word: str, paid: int) -> None:
    """Queued for its description; the books have the money when it is made."""
    payer.bank.queue_customer(script, order_id="Deposit")
    payout_id = payer.made()
    payer.now_ms += 1_000
    told = payer.told(payout_id)
    assert (told["status"], payer.bank.ledger.paid_out(), payer.bank.ledger.net()) == (word, paid, 0)
    assert told["resolution"] == ("DECLINED_ERROR" if script.action is Action.DECLINE else "ok")


def test_every_state_has_its_money(payer: Payer) -> None:
    """Half of it, all of it, and back again; the account's balance goes with it; what is final stays."""
    one = payer.made()
    payer.move(one, PayoutStatus.PARTLY_PROCESSED)
    assert (payer.told(one)["status"], payer.told(one)["processed_amount"], payer.bank.ledger.paid_out()) == (
        "partially_processed",
        56.25,
        5_625,
    )
    payer.move(one, PayoutStatus.PROCESSED)
    assert payer.bank.ledger.paid_out(transaction_id=one) == 11_250
    balance = payer.ask("GET", "/paycore/api/account/balances")[1]["data"][0]["attributes"]["balance"]
    assert balance == "-112.50"
    payer.move(one, PayoutStatus.CANCELING)
    assert payer.bank.ledger.paid_out() == 11_250
    payer.move(one, PayoutStatus.CANCELED)
    assert (payer.told(one)["status"], payer.told(one)["processed_amount"], payer.bank.ledger.paid_out()) == ("canceled", None, 0)
    with pytest.raises(PayoutFinal):
        payer.move(one, PayoutStatus.PROCESSED)
    other = payer.made(reference_id="p-2")
    payer.move(other, PayoutStatus.PROCESSED, PayoutStatus.PARTLY_CANCELED)
    assert (payer.told(other)["status"], payer.bank.ledger.paid_out()) == ("partially_canceled", 5_625)


@pytest.mark.parametrize(
    "word", ["created", "processed", "partially_processed", "expired", "canceled", "partially_canceled", "cancel_failed"]
)
def test_the_test_service_says_what_becomes_of_it(payer: Payer, word: str) -> None:
    """The wished status and resolution stand in its fields, as the vendor's test service has them."""
    payout_id = payer.made(service="test_rub", fields={"status": word, "resolution": "RECIPIENT_NOT_FOUND"})
    told = payer.told(payout_id)
    assert (told["status"], told["resolution"]) == (word if word != "created" else "process_pending", "RECIPIENT_NOT_FOUND")


@pytest.mark.parametrize(
    ("fault", "name", "value"),
    [
        (Fault(FaultKind.WRONG_AMOUNT, Operation.PAYOUT_STATUS), "amount", 112.51),
        (Fault(FaultKind.WRONG_CURRENCY, Operation.PAYOUT_STATUS), "currency", "USD"),
        (Fault(FaultKind.WRONG_ORDER, Operation.PAYOUT_STATUS), "reference_id", "SOMEBODY-ELSES"),
        (Fault(FaultKind.UNKNOWN_STATUS_VALUE, Operation.PAYOUT_STATUS), "status", "on_hold"),
        (Fault(FaultKind.STALE_STATUS, Operation.PAYOUT_STATUS), "status", "process_pending"),
        (Fault(FaultKind.EXTRA_FIELDS, Operation.PAYOUT_STATUS), "trace", None),
    ],
)
def test_answers_that_lie(payer: Payer, fault: Fault, name: str, value: object) -> None:
    """Once, and of reads alone; the next answer is true."""
    payout_id = payer.made()
    payer.move(payout_id, PayoutStatus.PROCESSED)
    payer.bank.add_fault(payer.now_ms, fault)
    assert payer.told(payout_id)[name] == value
    assert payer.told(payout_id)["status"] == "processed"


def test_a_payout_that_is_not_seen_yet(payer: Payer) -> None:
    """Neither by a read nor by a search."""
    payout_id = payer.made()
    for operation in (Operation.PAYOUT_STATUS, Operation.PAYOUT_FIND):
        payer.bank.add_fault(payer.now_ms, Fault(FaultKind.ABSENT_STATUS, operation))
    assert payer.ask("GET", f"{PAYOUTS}/{payout_id}")[0] == 404
    assert payer.ask("GET", PAYOUTS, query="filter[reference_id]=p-1")[1]["data"] == []
    assert len(payer.ask("GET", PAYOUTS, query="filter[reference_id]=p-1")[1]["data"]) == 1


def test_the_list_of_services(payer: Payer) -> None:
    """By the public key; nested as in older samples."""
    asked = {"public_key": "pk_test_1", "currency": "RUB", "amount": 1}
    status, told = payer.ask("POST", "/paycore/public-api/payout-prerequest", asked, headers={})
    offered = told["data"]["attributes"]
    assert (status, offered["test_mode"], list(offered["services"])) == (200, True, ["payout_card_rub"])
    assert payer.ask("POST", "/paycore/public-api/payout-prerequest", {"currency": "RUB"}, headers={})[0] == 403


def test_every_change_is_a_message(payer: Payer) -> None:
    """Signed over its bytes, in the form of the API."""
    payer.bank = Bank(BankSettings(webhooks={"paycore": Webhook("http://127.0.0.1:1/x", "sk_test_1")}), lambda: "id-1")
    payer.bank.queue_customer(Customer(Action.WAIT), order_id="Deposit")
    payout_id = payer.made()
    payer.move(payout_id, PayoutStatus.PROCESSED)
    sent = [one.message for one in payer.bank.outbox.sendings]
    assert [one.event for one in sent] == ["process_pending", "processed"]
    document = json.loads(sent[-1].body)
    assert (document["data"]["type"], document["data"]["attributes"]["reference_id"]) == ("payout-invoices", "p-1")
    assert sent[-1].headers["x-signature"] == signature("sk_test_1", sent[-1].body)


def test_no_way_leads_out_of_an_end() -> None:
    """Of the table: what nothing follows is an end by the vendor's list."""
    ends = {state for state in PayoutStatus if state not in MOVES}
    assert ends == {
        *(PayoutStatus.FAILED, PayoutStatus.EXPIRED, PayoutStatus.TERMINATED),
        *(PayoutStatus.CANCELED, PayoutStatus.PARTLY_CANCELED, PayoutStatus.CANCEL_FAILED),
    }
