"""Softline Payments at the sandbox: tokens, two payments for one payment_id, searches, links of 90 days, refunds that people make."""

from typing import Any

import pytest

from agent.sandbox.customer import Action, Customer
from agent.sandbox.desk import NotWaiting
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.ledger import EntryKind
from agent.sandbox.softline.views import signature
from agent.sandbox.words import Operation, RefStatus, Request
from tests.sandbox.softline.client import START_MS, Client, payment

DAY_MS = 86_400_000


# --- the door ---


def test_a_token_opens_the_door_for_a_day() -> None:
    """Missing, wrong and expired tokens have codes of their own; an earlier token goes on working beside a newer one."""
    client = Client()
    order_id = client.made()
    missing = client.send("GET", f"/v1/order/{order_id}", None, {"Authorization": f"Bearer {client.token}"})
    wrong = client.send("GET", f"/v1/order/{order_id}", None, {"AuthorizationJWT": "Bearer nobody"})
    assert [(one.status, one.codes) for one in (missing, wrong)] == [(401, [1008]), (401, [1007])]
    client.now += DAY_MS - 1
    newer = client.log_in().body["token"]
    assert client.read(order_id)["status"] == "not paid"
    client.now += 1
    assert client.send("GET", f"/v1/order/{order_id}").codes == [1009]
    client.token = newer
    assert client.read(order_id)["status"] == "not paid"
    client.system.forget_tokens()
    assert client.send("GET", f"/v1/order/{order_id}").status == 401


@pytest.mark.parametrize(("login", "password", "status"), [("sandbox", "wrong", 401), ("wrong", "sandbox", 401), (None, "x", 400)])
def test_a_wrong_login(login: Any, password: str, status: int) -> None:
    """No token for it."""
    assert Client().log_in(login, password).status == status


def test_what_is_not_there() -> None:
    """Unknown paths and methods are 404; so is an order that nobody made (what the vendor answers is not known)."""
    client = Client()
    for method, path in (("POST", "/v1/cancel"), ("DELETE", "/v1/payment"), ("GET", "/v1/payment"), ("GET", "/v1/order/7")):
        assert client.send(method, path).status == 404
    assert client.send("POST", "/v1/order/7/refund", {"email": "a@b.example"}).status == 404


# --- the form ---


def test_a_request_that_is_no_json() -> None:
    """The type to the letter, then the text: each stops everything else."""
    client = Client()
    typed = client.send(
        "POST", "/v1/payment", payment(), {"Content-Type": "application/json; charset=utf-8", "AuthorizationJWT": _bearer(client)}
    )
    assert (typed.status, typed.codes) == (400, [111])
    for body in (b"{", b"[]", b"null"):
        assert client.send("POST", "/v1/payment", body).codes == [110]
    tolerant = Client(strict_type=False)
    header = {"Content-Type": "application/json; charset=utf-8", "AuthorizationJWT": _bearer(tolerant)}
    assert tolerant.send("POST", "/v1/payment", payment(), header).status == 200


def _bearer(client: Client) -> str:
    return f"Bearer {client.token}"


PERSON = payment()["customer"]
FULL = PERSON | {
    "phone": "79991234567",
    "company_name": "ООО «Ромашка»",
    "vat_number": "7707083893",
    "kpp": "770701001",
    "company_billing_address": "Москва",
    "company_delivery_address": "Москва",
}


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"currency": None}, [6010]),
        ({"currency": "rub"}, [6010]),
        ({"currency": "USD"}, [6000]),
        ({"amount": 112.5}, [6010]),
        ({"amount": "112.505"}, [6010]),
        ({"amount": "112,50"}, [6010]),
        ({"amount": "-1"}, [6010]),
        ({"amount": "0"}, [6030]),
        ({"amount": "0.00", "recurring_indicator": True}, []),
        ({"recurring_indicator": "true"}, [6010]),
        ({"return_success_url": "shop.example"}, [6010]),
        ({"return_success_url": "https://shop.example/" + "x" * 240}, [6010]),
        ({"payment_method": "Wallet"}, [6080]),
        ({"payment_method": "Invoice"}, [6080]),
        ({"payment_method": "Invoice", "customer": FULL}, []),
        ({"payment_method": "Invoice", "customer": FULL, "recurring_indicator": True}, [6100]),
        ({"payment_id": "a b"}, [6010]),
        ({"payment_id": None}, [6010]),
        ({"payment_description": "x" * 256}, [6010]),
        ({"locale": "xx_XX"}, [6020]),
        ({"locale": 7}, [6010]),
        ({"additional_data": []}, [6010]),
        ({"unknown": 1}, [6010]),
        ({"customer": None}, [6010]),
        ({"customer": "Иван"}, [6010]),
        ({"customer": PERSON | {"email": "nobody"}}, [6060]),
        ({"customer": PERSON | {"first_name": ""}}, [6010]),
        ({"customer": PERSON | {"phone": None}}, [6010]),
        ({"customer": PERSON | {"kpp": "770701001"}}, [6010]),
        ({"customer": FULL | {"vat_number": "77070838931"}}, [6010]),
        ({"customer": FULL | {"vat_number": "770708389312"}}, []),
        ({"customer": FULL | {"kpp": "7707"}}, [6010]),
        ({"customer": FULL | {"company_name": "x" * 256}}, [6010]),
        ({"amount": "0", "locale": "xx_XX", "customer": PERSON | {"email": "nobody"}}, [6060, 6020, 6030]),
    ],
)
def test_every_rule_of_a_create_has_its_code(change: dict[str, Any], codes: list[int]) -> None:
    """All that are broken, in one answer."""
    answer = Client().create(**change)
    assert answer.status == (400 if codes else 200)
    assert (answer.codes if codes else []) == codes


def test_an_amount_that_the_method_does_not_take() -> None:
    """6090, by the contract's figure."""
    client = Client(most={"CreditCard": 11_250})
    assert client.create(amount="112.50").status == 200
    assert client.create(amount="112.51").codes == [6090]


# --- payments ---


def test_a_repeated_payment_id_makes_a_second_payment() -> None:
    """It is a remark and no key: both can be found by it, and both can be paid."""
    client = Client()
    first, second = client.made(payment_id="k"), client.made(payment_id="k")
    assert client.find(external_id="k") == [first, second]
    client.pay(first)
    client.pay(second)
    assert client.bank.ledger.charged() == 2 * 11_250


def test_a_read_shows_the_payment() -> None:
    """Sums are text, dates have a zone, the page is in the form of payment_url."""
    client = Client()
    made = client.create(payment_description="Заказ 7", additional_data={"referer7": "store", "referer8": "till"}).body
    shown = client.read(made["order_id"])
    assert shown["order_detail_url"] == made["payment_url"]
    assert (shown["external_id"], shown["pay_date"], shown["product"]["amount"]) == ("T07-000412", "", "112.50")
    assert shown["create_date"] == "2023-11-15T01:13:20+03:00"
    client.now += 60_000
    client.pay(made["order_id"])
    paid = client.read(made["order_id"])
    assert (paid["status"], paid["pay_date"]) == ("paid", "2023-11-15T01:14:20+03:00")
    (entry,) = client.bank.ledger.select(EntryKind.CHARGE)
    assert (entry.system, entry.order_id, entry.store_id, entry.terminal_id) == ("softline", "Заказ 7", "store", "till")


def test_a_bare_read() -> None:
    """Only what the vendor publishes of it."""
    client = Client(bare_reads=True)
    assert client.read(client.made()).keys() == {"order_id", "order_name", "status", "external_id", "create_date"}


def test_the_link_leads_to_the_page() -> None:
    """By its whole address, not by the number alone, which can be guessed."""
    client = Client()
    address = client.create().body["payment_url"]
    path = address.removeprefix("http://127.0.0.1").partition("?")[0]
    found = client.bank.payment_at("GET", path)
    assert found is not None
    assert client.bank.payment_at("GET", path[:-1]) is None
    assert client.bank.payment_at("GET", path.rpartition("/")[0]) is None
    assert client.bank.payment_at("GET", path.replace(found.id, "1")) is None


def test_a_refusal_ends_the_try_and_not_the_payment() -> None:
    """There is no failed status: the buyer may try again."""
    client = Client()
    order_id = client.made()
    for action in (Action.DECLINE, Action.CANCEL):
        client.bank.decide(client.now, str(order_id), Customer(action))
        assert client.read(order_id)["status"] == "not paid"
    client.pay(order_id)
    assert client.read(order_id)["status"] == "paid"


def test_nothing_but_time_ends_a_link() -> None:
    """On the ninetieth day it can be paid, after it not."""
    client, late = Client(), Client()
    order_id, other = client.made(), late.made()
    client.bank.tick(START_MS + 90 * DAY_MS - 1)
    client.pay(order_id)
    late.now += 90 * DAY_MS
    late.bank.tick(late.now)
    with pytest.raises(NotWaiting):
        late.pay(other)
    late.token = late.log_in().body["token"]
    assert (late.read(other)["status"], late.read(other)["pay_date"]) == ("deleted", "")


# --- searches ---


def test_a_search() -> None:
    """By our key, by status, by time; oldest first; a new payment may be invisible for a while."""
    client = Client(visible_after_ms=4_000)
    first = client.made(payment_id="k")
    assert client.find(external_id="k") == []
    client.now += 4_000
    assert client.find(external_id="k") == [first]
    assert client.find(external_id="k", create_date_from="2023-11-15T01:13:20+03:00") == [first]
    assert client.find(external_id="k", create_date_from="2023-11-14T22:13:21+00:00") == []
    assert client.find(external_id="k", create_date_to="2023-11-14T22:13:19+00:00") == []
    assert client.find(status="paid") == []
    assert client.find(status="not paid") == [first]
    assert client.send("POST", "/v1/order/search", {"create_date_from": "yesterday"}).codes == [6010]
    assert client.send("POST", "/v1/order/search", {"create_date_to": "2023-11-14T22:13:19"}).codes == [6010]


def test_a_search_that_does_not_search() -> None:
    """A turn of a knob: everybody's payments are found."""
    client = Client(search_ignores_key=True)
    foreign = client.made(payment_id="another")
    assert client.find(external_id="k") == [foreign]


# --- refunds ---


def test_people_decide_about_a_refund() -> None:
    """Until then the payment is paid, and another request is refused; then it is deleted, with the day it was paid on."""
    client = Client()
    order_id = client.made()
    assert client.refund(order_id).status == 400, "nothing was paid"
    client.pay(order_id)
    assert client.refund(order_id, description="Заказ 7").status == 200
    assert client.refund(order_id).status == 400
    assert client.read(order_id)["status"] == "paid"
    asked = [one.id for one in client.bank.transaction(str(order_id)).references if one.status is RefStatus.NEW]
    assert len(asked) == 1
    client.bank.decide_reference(client.now, asked[0])
    shown = client.read(order_id)
    assert (shown["status"], shown["pay_date"] != "") == ("deleted", True)
    assert client.bank.ledger.net() == 0


def test_people_may_say_no() -> None:
    """Then it is paid as before, and may be asked for again."""
    client = Client()
    order_id = client.made()
    client.pay(order_id)
    client.refund(order_id)
    client.bank.decide_reference(client.now, client.bank.transaction(str(order_id)).references[0].id, "NO")
    assert client.read(order_id)["status"] == "paid"
    assert client.refund(order_id).status == 200


@pytest.mark.parametrize("change", [{"email": ""}, {"email": "x" * 81}, {"email": 7}, {"description": "x" * 501}, {"description": 7}])
def test_the_form_of_a_refund(change: dict[str, Any]) -> None:
    """Address and text within their limits."""
    client = Client()
    assert client.refund(client.made(), **change).codes == [6010]


# --- faults and webhooks ---


def test_faults_speak_in_the_vendors_words() -> None:
    """A refusal is a 400 with a number, a shut door has a code; the others are the usual ones."""
    client = Client()
    made = client.made()

    def hit(kind: FaultKind, operation: Operation, method: str, path: str, document: bytes = b"{}", **params: Any) -> tuple[int, bytes]:
        client.bank.add_fault(client.now, Fault(kind, operation, system="softline", params=params))
        delivery = client.bank.meet(client.now, method, f"/softline{path}")
        headers = {"content-type": "application/json", "AuthorizationJWT": _bearer(client)}
        answer = client.bank.act(client.now, delivery, method, f"/softline{path}", headers, document)
        assert answer is not None
        return answer.status, answer.body

    def read(kind: FaultKind, **params: Any) -> tuple[int, bytes]:
        return hit(kind, Operation.STATUS, "GET", f"/v1/order/{made}", b"", **params)

    assert hit(FaultKind.REFUSE_422, Operation.CHECKOUT, "POST", "/v1/payment", code="6090")[1].startswith(b'{"errors":[{"error":6090,')
    assert b"6000" in hit(FaultKind.REFUSE_422, Operation.CHECKOUT, "POST", "/v1/payment")[1]
    assert read(FaultKind.UNAUTHORIZED) == (401, b'{"errors":[{"error":1007,"message":"Your token is invalid."}]}')
    assert read(FaultKind.UNAUTHORIZED, status=403)[0] == 403
    assert read(FaultKind.TOO_MANY)[0] == 429
    assert read(FaultKind.ABSENT_STATUS)[0] == 404
    assert b'"status":"terminated"' in read(FaultKind.UNKNOWN_STATUS_VALUE, value="terminated")[1]
    assert b"loyaltyBonus" in read(FaultKind.EXTRA_FIELDS)[1]
    assert hit(FaultKind.ABSENT_STATUS, Operation.FIND, "POST", "/v1/order/search")[1] == b'{"ids":[]}'
    client.pay(made)
    assert b'"status":"not paid"' in read(FaultKind.STALE_STATUS)[1]
    assert b'"amount":"112.51"' in read(FaultKind.WRONG_AMOUNT)[1]
    assert b'"currency":"USD"' in read(FaultKind.WRONG_CURRENCY)[1]


def test_the_list_of_requests_names_what_they_are_about() -> None:
    """Our key of a create and of a search, the order of a read and of a refund; never a token or a buyer."""
    client = Client()
    names = client.system.names
    assert names(Request("POST", "/v1/payment", {}, b'{"payment_id":"k"}')) == ("k", None)
    assert names(Request("POST", "/v1/order/search", {}, b'{"external_id":"k"}')) == ("k", None)
    assert names(Request("GET", "/v1/order/7", {}, b"")) == (None, "7")
    assert names(Request("POST", "/v1/order/7/refund", {}, b"{}")) == (None, "7")


def test_a_webhook_is_signed() -> None:
    """As the vendor's published example has it: over six values of the body."""
    document = {
        "event": "order.created",
        "order_id": 5555555,
        "create_date": "2021-08-13T09:16:35+03:00",
        "payment": {"payment_method": "CreditCard"},
        "currency": "RUB",
        "customer": {"email": "customer@mail.ru"},
    }
    assert signature("secret_key", document).startswith("e970dee7309c7793d2ef33e991c9603487a35eaa26c1f159a2fdad1c049671ff")
