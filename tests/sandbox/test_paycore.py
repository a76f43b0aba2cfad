"""The sandbox's PayCore: its door, how strict it is, and what it says where the sources say nothing."""

import base64
import itertools
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from agent.sandbox.bank import Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Answer, Operation
from tests.sandbox.till import START_MS

LOGIN = {"Authorization": "Basic " + base64.b64encode(b"sandbox:sandbox").decode()}
INVOICES = "/paycore/api/payment-invoices"
CREATE = {"reference_id": "r-1", "amount": 112.5, "currency": "RUB", "test_mode": True, "description": "order-1"}


class Client:
    """A bank in memory, whose customers wait, and one who asks it."""

    def __init__(self) -> None:
        ids = itertools.count(1)
        self.bank = Bank(BankSettings(customer=Customer(Action.WAIT)), lambda: f"id-{next(ids)}")
        self.now_ms = START_MS

    def ask(self, method: str, path: str, document: object = None, headers: Mapping[str, str] = LOGIN, query: str = "") -> tuple[int, Any]:
        body = b"" if document is None else document if isinstance(document, bytes) else json.dumps(document).encode()
        delivery = self.bank.meet(self.now_ms, method, path)
        answer = self.bank.act(self.now_ms, delivery, method, path, headers, body, query)
        assert isinstance(answer, Answer)
        return answer.status, json.loads(answer.body)

    def create(self, flat: bool = False, **changes: Any) -> tuple[int, Any]:
        attributes = {**CREATE, **changes}
        return self.ask("POST", INVOICES, attributes if flat else {"data": {"type": "payment-invoices", "attributes": attributes}})

    def paid(self) -> str:
        """The id of a payment that was paid."""
        transaction_id: str = self.create()[1]["data"]["id"]
        self.bank.decide(self.now_ms, transaction_id, Customer(Action.CONFIRM))
        return transaction_id

    def refund(self, transaction_id: str, **attributes: Any) -> tuple[int, Any]:
        return self.ask("POST", f"{INVOICES}/{transaction_id}/refund", {"data": {"type": "refund", "attributes": attributes}})


@pytest.fixture
def client() -> Client:
    return Client()


def test_a_payment_is_made_once(client: Client) -> None:
    """201, then 429 without a word of the first; empty maps are lists; wrapped and flat alike."""
    status, made = client.create()
    assert (status, made["data"]["attributes"]["status"], made["data"]["attributes"]["metadata"]) == (201, "created", [])
    assert client.create() == (429, {"request_id": "id-3", "error_type": "validation_error", "error_codes": ["duplicate_request"]})
    assert client.create(flat=True, reference_id="r-2")[0] == 201


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 0}, "amount_invalid"),
        ({"amount": -1}, "amount_invalid"),
        ({"amount": "112,50"}, "amount_invalid"),
        ({"amount": 0.001}, "amount_invalid"),
        ({"amount": True}, "amount_invalid"),
        ({"currency": "USD"}, "currency_not_enabled"),
        ({"test_mode": "true"}, "test_mode_invalid"),
        ({"reference_id": ""}, "reference_id_invalid"),
        ({"service": "payment_card_uah_hpp"}, "service_not_found"),
        ({"customer": {"email": "a@b.c"}}, "customer.reference_id_required"),
        ({"requestId": "x"}, "requestId_unknown"),
        ({"fields": "x"}, "fields_invalid"),
    ],
)
def test_what_is_refused(client: Client, changes: dict[str, Any], code: str) -> None:
    """With a code for each fault, and nothing is made."""
    status, answer = client.create(**changes)
    assert (status, code in answer["error_codes"], client.bank.transactions()) == (422, True, [])


def test_everything_that_must_be_there(client: Client) -> None:
    """All that is missing is named; so is a body that is none."""
    for document, codes in (
        ({}, ["reference_id_required", "amount_required", "currency_required", "test_mode_required", "currency_not_enabled"]),
        ([], ["body_invalid"]),
        (b"{", ["body_invalid"]),
        ({"data": {"type": "refund", "attributes": CREATE}}, ["body_invalid"]),
    ):
        status, answer = client.ask("POST", INVOICES, document)
        assert (status, answer["error_codes"]) == (422, codes)


def test_the_door(client: Client) -> None:
    """Login and key, known paths, known verbs."""
    wrong = {"Authorization": "Basic " + base64.b64encode(b"sandbox:wrong").decode()}
    for headers in ({}, wrong, {"Authorization": "Bearer sandbox"}):
        assert client.ask("POST", INVOICES, CREATE, headers)[0] == 401
    assert client.ask("POST", "/paycore/api/payment-invoice", CREATE)[0] == 404
    assert client.ask("DELETE", f"{INVOICES}/cpi_1")[0] == 405
    assert client.ask("GET", f"{INVOICES}/cpi_1")[0] == 404
    assert client.ask("POST", f"{INVOICES}/cpi_1/refund", {"amount": 1})[0] == 404


def test_the_search(client: Client) -> None:
    """By our key alone; what nobody made is an empty list."""
    client.create()
    for path in (INVOICES, f"{INVOICES}/"):
        status, found = client.ask("GET", path, query="filter%5Breference_id%5D=r-1")
        assert (status, [one["attributes"]["reference_id"] for one in found["data"]]) == (200, ["r-1"])
    assert client.ask("GET", f"{INVOICES}/", query="filter[reference_id]=other")[1]["data"] == []
    assert client.ask("GET", f"{INVOICES}/")[0] == 422


def test_refunds(client: Client) -> None:
    """In parts up to the sum; a repeat with the same reference is another refund; of what was not paid there is none."""
    payment = client.paid()
    for refunded in (10, 20):
        status, shown = client.refund(payment, amount=10, reference_id="b-1")
        told = shown["data"]["attributes"]
        assert (status, told["status"], told["refunded_amount"]) == (200, "partially_refunded", refunded)
    assert client.refund(payment, amount=100)[0] == 422
    assert client.refund(payment, amount="92.50000000")[1]["data"]["attributes"]["status"] == "refunded"
    assert client.refund(payment, amount=1)[0] == 422
    assert client.refund(payment)[1]["error_codes"] == ["amount_required"]
    assert client.refund(payment, amount=1, items=[])[1]["error_codes"] == ["items_unknown"]
    assert client.ask("POST", f"{INVOICES}/{payment}/refund", [])[0] == 422
    waiting = client.create(reference_id="r-2")[1]["data"]["id"]
    assert client.refund(waiting, amount=1)[0] == 422
    assert client.bank.ledger.net() == 0


def test_a_refund_that_failed_is_final(client: Client) -> None:
    """No source says more."""
    payment = client.paid()
    client.bank.add_fault(client.now_ms, Fault(FaultKind.REFUSE_REFUND, system="paycore"))
    assert client.refund(payment, amount=1)[1]["data"]["attributes"]["status"] == "refund_failed"
    assert client.refund(payment, amount=1)[1]["error_codes"] == ["refund_not_possible"]


def test_an_older_state_shows_the_older_sum(client: Client) -> None:
    """A replica that lags behind."""
    payment = client.paid()
    client.refund(payment, amount=10)
    client.bank.add_fault(client.now_ms, Fault(FaultKind.STALE_STATUS, system="paycore"))
    stale = client.ask("GET", f"{INVOICES}/{payment}")[1]["data"]["attributes"]
    assert (stale["status"], stale["refunded_amount"]) == ("refunding", None)
    assert client.ask("GET", f"{INVOICES}/{payment}")[1]["data"]["attributes"]["refunded_amount"] == 10


def test_a_link_lives_for_half_an_hour(client: Client) -> None:
    """Then nobody can pay."""
    payment = client.create()[1]["data"]["id"]
    client.now_ms += 30 * 60_000
    assert client.ask("GET", f"{INVOICES}/{payment}")[1]["data"]["attributes"]["status"] == "expired"


@pytest.mark.parametrize(
    ("kind", "params", "status", "code"),
    [
        (FaultKind.UNAUTHORIZED, {"status": 403}, 403, "access_denied"),
        (FaultKind.TOO_MANY, {}, 429, "too_many_requests"),
        (FaultKind.REFUSE_422, {}, 422, "transaction_in_processing"),
    ],
)
def test_faults_are_said_in_its_own_words(client: Client, kind: FaultKind, params: dict[str, Any], status: int, code: str) -> None:
    """And only to its own clients."""
    client.bank.add_fault(client.now_ms, Fault(kind, Operation.CHECKOUT, params=params, system="paycore"))
    heard, answer = client.create()
    assert (heard, answer["error_codes"]) == (status, [code])


def test_what_is_written_down_of_a_request(client: Client) -> None:
    """Our key, or the one that was searched for, and the payment; nothing of the login."""
    payment = client.create()[1]["data"]["id"]
    client.ask("GET", f"{INVOICES}/{payment}")
    client.ask("GET", f"{INVOICES}/", query="filter%5Breference_id%5D=r-9")
    rows = [(row.system, row.operation, row.request_id, row.transaction_id) for row in client.bank.log]
    assert rows == [
        ("paycore", Operation.CHECKOUT, "r-1", None),
        ("paycore", Operation.STATUS, None, payment),
        ("paycore", Operation.FIND, "r-9", None),
    ]


def test_the_services_of_an_account(client: Client) -> None:
    """With a public key and no login; the side is the key's."""
    for key, test_mode in (("pk_test_1", True), ("pk_live_1", False)):
        asked = {"public_key": key, "currency": "RUB"}
        status, answer = client.ask("POST", "/paycore/public-api/payment-prerequest", asked, headers={})
        assert (status, answer["data"]["test_mode"]) == (200, test_mode)
    assert client.ask("POST", "/paycore/public-api/payment-prerequest", {"public_key": "pk_test_1"}, headers={})[0] == 422
    assert client.ask("POST", "/paycore/public-api/payment-prerequest", {"public_key": 1}, headers={})[0] == 403


# --- by the public key ---

PUBLIC = {**{name: value for name, value in CREATE.items() if name != "test_mode"}, "public_key": "pk_test_1"}
LINK = {"public_key": "pk_test_1", "amount": "112.50", "currency": "RUB", "reference_id": "r-1", "description": "order-1"}


def opened(client: Client, **changes: str | None) -> tuple[int, str]:
    """The customer opens a link that holds the bill: what he hears, and where he is led or why not."""
    given = {name: value for name, value in {**LINK, **changes}.items() if value is not None}
    delivery = client.bank.meet(client.now_ms, "GET", "/paycore/hpp/")
    answer = client.bank.act(client.now_ms, delivery, "GET", "/paycore/hpp/", {}, b"", urlencode(given))
    assert isinstance(answer, Answer)
    return answer.status, answer.headers.get("location") or json.loads(answer.body)["error_codes"][0]


def test_a_payment_by_the_public_key(client: Client) -> None:
    """Flat, once, on the side that the key says; a login has no business there."""
    path = "/paycore/public-api/payment-invoices"
    status, made = client.ask("POST", path, PUBLIC, {})
    assert (status, made["data"]["attributes"]["test_mode"]) == (201, True)
    assert client.ask("POST", path, PUBLIC, {})[0] == 429
    for document, headers, code in (
        (PUBLIC, LOGIN, "authorization_unexpected"),
        ({**PUBLIC, "public_key": "sk_test_1"}, {}, "public_key_invalid"),
        ({**PUBLIC, "test_mode": True}, {}, "test_mode_invalid"),
        ({"data": {"type": "payment-invoices", "attributes": PUBLIC}, "public_key": "pk_test_1"}, {}, "body_invalid"),
        ([], {}, "body_invalid"),
    ):
        assert client.ask("POST", path, document, headers)[1]["error_codes"] == [code]


def test_a_link_makes_a_payment_when_it_is_opened(client: Client) -> None:
    """Once: no source says what a second opening does. The search by the reference finds it."""
    status, page = opened(client, **{"metadata[storeId]": "S1", "expires": str(START_MS // 1_000 + 60), "display[hide_header]": "1"})
    (made,) = client.bank.transactions()
    assert (status, page) == (303, client.bank.address_of(made))
    assert (made.amount, made.key, made.store_id, made.expires_ms) == (11_250, "r-1", "S1", START_MS + 60_000)
    assert opened(client) == (429, "duplicate_request")
    assert len(client.ask("GET", INVOICES, query="filter[reference_id]=r-1")[1]["data"]) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"public_key": "pk_1"}, 403, "public_key_invalid"),
        ({"public_key": None}, 404, "not_found"),
        ({"amount": "1,00"}, 422, "amount_invalid"),
        ({"reference_id": None}, 422, "reference_id_required"),
        ({"expires": str(START_MS // 1_000)}, 404, "expired"),
        ({"expires": "tomorrow"}, 422, "expires_invalid"),
        ({"locale": "de"}, 422, "locale_invalid"),
        ({"customer[email]": "a@b.example"}, 422, "customer.reference_id_required"),
        ({"other[x]": "1"}, 422, "other[x]_unknown"),
        ({"service": "payment_card_rub_hpp", "amount": "0.50"}, 422, "amount_limit"),
    ],
    ids=str,
)
def test_a_link_that_opens_nothing(client: Client, changes: dict[str, str | None], status: int, code: str) -> None:
    """And makes nothing."""
    assert opened(client, **changes) == (status, code)
    assert client.bank.transactions() == []


def test_a_service_takes_what_its_entry_in_the_list_says(client: Client) -> None:
    """Its limits, its field and the field's pattern; without a service nothing is said of them."""
    service = {"service": "payment_card_rub_hpp"}
    assert client.create(**service, fields={"promo": "1234"})[0] == 201
    for changes, code in (
        ({"amount": 0.99}, "amount_limit"),
        ({"amount": 150_000.01}, "amount_limit"),
        ({"fields": {"promo": "12345"}}, "fields.promo_invalid"),
        ({"fields": {"mail": "a@b.example"}}, "fields.mail_invalid"),
    ):
        assert client.create(**service, **{"reference_id": "r-2", **changes})[1]["error_codes"] == [code]
    assert client.create(reference_id="r-3", amount=150_000.01)[0] == 201


def test_a_refund_names_its_own_payment(client: Client) -> None:
    """The envelope repeats the id of the path."""
    payment = client.paid()
    envelope = {"type": "refund", "id": "cpi_other", "attributes": {"amount": 1}}
    assert client.ask("POST", f"{INVOICES}/{payment}/refund", {"data": envelope})[0] == 422
    assert client.ask("POST", f"{INVOICES}/{payment}/refund", {"data": {**envelope, "id": payment}})[0] == 200


def test_the_balances(client: Client) -> None:
    """What was paid and not returned, as text; for who has the key."""
    client.refund(client.paid(), amount=12.5)
    status, told = client.ask("GET", "/paycore/api/account/balances")
    assert (status, told["data"][0]["attributes"]["balance"]) == (200, "100.00")
    assert client.ask("GET", "/paycore/api/account/balances", headers={})[0] == 401


def test_the_amounts_of_a_payment_add_up(client: Client) -> None:
    """What is due is deposit and fee; so is what was processed, which is null before that."""
    waiting = client.create(reference_id="r-2")[1]["data"]["attributes"]
    assert waiting["payment_amount"] == waiting["deposit"] + waiting["fee"]
    assert [waiting[name] for name in ("processed_amount", "processed_fee", "processed_deposit")] == [None, None, None]
    paid = client.ask("GET", f"{INVOICES}/{client.paid()}")[1]["data"]["attributes"]
    assert paid["processed_amount"] == paid["processed_fee"] + paid["processed_deposit"]
    assert [paid[name] for name in ("return_urls", "original_data", "callback_logs", "metadata")] == [[], [], [], []]
