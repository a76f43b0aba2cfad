"""Goal: one bank serves any number of payment systems, and a new one gets everything that is not its own words for nothing. Method: a toy
system that exists only here, beside Koshelek, in memory and behind a real socket."""

import copy
import itertools
import json
from decimal import Decimal
from typing import Any

import pytest

from agent.sandbox.bank import Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.desk import NotWaiting
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.koshelek import Koshelek
from agent.sandbox.ledger import EntryKind
from agent.sandbox.page.document import document
from agent.sandbox.page.words import Tongue
from agent.sandbox.reading import parse
from agent.sandbox.refunds import Forbidden
from agent.sandbox.settings import BankSettings
from agent.sandbox.shapes import EXTRA_FIELDS, Tokens, basic, bearer, exact_answer, kopecks, query_of, roubles, same, seen, write
from agent.sandbox.system import Inside, System
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import Answer, Operation, RefStatus, Request, Status, json_answer
from tests.sandbox.running import running
from tests.sandbox.till import HEADERS, START_MS, Till

LIFE_MS = 600_000
PATIENT = Customer(Action.WAIT)


class Toy(System):
    """Payments by a link, in as few words as can be. Orders that begin with ``slow`` have patient pages and returns by people."""

    name = "toy"
    prefix = "/toy"

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def operation_of(self, method: str, path: str) -> Operation | None:
        return {"/pay": Operation.CHECKOUT, "/look": Operation.STATUS, "/back": Operation.REFUND, "/find": Operation.FIND}.get(path)

    def names(self, request: Request) -> tuple[str | None, str | None]:
        return query_of(request.query).get("key"), None

    def fault_answer(self, fault: Fault) -> Answer | None:
        return json_answer(418, {"toy": fault.word("code")}) if fault.kind is FaultKind.REFUSE_422 else None

    def payment_at(self, request: Request) -> Transaction | None:
        return self._inside.desk.find(query_of(request.query).get("id", ""), self.name) if request.path == "/page" else None

    def answer(self, now_ms: int, request: Request, *, on_time: bool) -> Answer:
        desk, given = self._inside.desk, parse(request.body) or query_of(request.query)
        match self.operation_of(request.method, request.path):
            case Operation.CHECKOUT:
                slow = given["order"].startswith("slow")
                made = Transaction(
                    id=self._inside.new_id(),
                    amount=given["amount"],
                    created_ms=now_ms,
                    system=self.name,
                    order_id=given["order"],
                    key=given["key"],
                    link_id=self._inside.new_id(),
                    expires_ms=now_ms + LIFE_MS,
                    patient=slow,
                    by_people=slow,
                )
                desk.take_in(now_ms, made, desk.next_customer(given["order"]))
                return self._shown(Operation.CHECKOUT, made)
            case Operation.FIND:
                return json_answer(200, [one.id for one in desk.by_key(given["key"], self.name)])
            case None:
                return json_answer(404, {})
            case operation:
                found = desk.find(given["id"], self.name)
                if found is None:
                    return json_answer(404, {})
                if operation is Operation.REFUND:
                    try:
                        desk.refund(now_ms, found, given["amount"], key="r")
                    except Forbidden as forbidden:
                        return json_answer(409, {"code": forbidden.error_code})
                return self._shown(operation, found)

    def _shown(self, operation: Operation, transaction: Transaction) -> Answer:
        shown = seen(self._inside.faults, operation, transaction)
        if shown is None:
            return json_answer(404, {})
        body = {"id": transaction.id, "status": shown.word or shown.status, "amount": shown.amount, "currency": shown.currency}
        body |= {"key": shown.key, "url": self._inside.address_of(transaction)}
        return json_answer(200, body | (dict(EXTRA_FIELDS) if shown.extra else {}))


class Counter:
    """Talks to the toy past the wire."""

    def __init__(self, settings: BankSettings | None = None) -> None:
        numbers = itertools.count(1)
        self.bank = Bank(settings or BankSettings(), lambda: f"id-{next(numbers)}", systems=(Toy, Koshelek))
        self.now = START_MS

    def ask(self, path: str, status: int = 200, query: str = "", **body: Any) -> Any:
        answer = self.bank.handle(self.now, "POST", f"/toy{path}", {}, json.dumps(body).encode() if body else b"", query)
        assert answer.status == status, answer
        return json.loads(answer.body)

    def pay(self, order: str = "A", amount: int = 11_250) -> Any:
        return self.ask("/pay", order=order, amount=amount, key=f"key-{order}")

    def wait(self, order: str = "A") -> Any:
        self.bank.queue_customer(PATIENT, order_id=order)
        return self.pay(order)


@pytest.fixture
def counter() -> Counter:
    return Counter()


# --- one bank ---


def test_money_of_all_systems_stands_in_one_ledger(counter: Counter) -> None:
    """Each entry knows its system; sums can be asked for one of them or for the whole bank."""
    made = counter.pay()
    assert made["url"] == "http://127.0.0.1/pay/id-2"
    koshelek = Till()
    koshelek.bank = counter.bank
    koshelek.paid("Q7W2E9")
    counter.now += 3_000
    assert counter.ask("/look", id=made["id"])["status"] == "accepted"
    counter.ask("/back", id=made["id"], amount=1_250)
    ledger = counter.bank.ledger
    assert [(entry.system, entry.kind) for entry in ledger.entries] == [
        ("koshelek", EntryKind.CHARGE),
        ("toy", EntryKind.CHARGE),
        ("toy", EntryKind.REFUND),
    ]
    assert (ledger.charged(system="toy"), ledger.refunded(system="toy"), ledger.net(system="toy")) == (11_250, 1_250, 10_000)
    assert ledger.net() == 10_000 + ledger.net(system="koshelek")
    assert {one.system for one in counter.bank.transactions()} == {"toy", "koshelek"}


def test_a_payment_is_found_in_its_own_system_only(counter: Counter) -> None:
    """An id of one system says nothing to another; nor does a path."""
    made = counter.wait()
    koshelek = Till()
    koshelek.bank = counter.bank
    assert koshelek.status(made["id"])["status"] == ""
    assert koshelek.cancel(made["id"]).status == 422
    waiting = koshelek.waiting("Q1")
    counter.ask("/look", 404, id=waiting)
    assert counter.bank.handle(counter.now, "POST", "/toyshop/pay", {}, b"").status == 404  # some partner of Koshelek's


def test_payments_are_found_by_the_clients_own_key(counter: Counter) -> None:
    """All of them, oldest first: whether a key may come twice is for the system to say."""
    first, second = counter.wait(), counter.wait()
    assert counter.ask("/find", key="key-A") == [first["id"], second["id"]]
    assert counter.ask("/find", key="key-B") == []


# --- customers ---


def test_customers_are_the_same_for_all(counter: Counter) -> None:
    """The usual one, the one that is queued for an order, and the one who decides on the page."""
    counter.bank.default_customer = Customer(Action.DECLINE)
    assert counter.pay("A")["status"] == "rejected"
    counter.bank.queue_customer(Customer(Action.CONFIRM), order_id="B")
    assert counter.pay("B")["status"] == "accepted"
    made = counter.wait("C")
    assert counter.bank.decide(counter.now, made["id"], Customer(Action.CONFIRM)).status is Status.ACCEPTED
    with pytest.raises(NotWaiting):
        counter.bank.decide(counter.now, made["id"], Customer(Action.CONFIRM))


def test_a_patient_page_lets_the_customer_try_again(counter: Counter) -> None:
    """A refused card is the end of a try, not of the payment; elsewhere it is the end."""
    slow, quick = counter.wait("slow"), counter.wait("quick")
    for action in (Action.DECLINE, Action.CANCEL):
        assert counter.bank.decide(counter.now, slow["id"], Customer(action)).status is Status.NEW
    assert counter.bank.decide(counter.now, slow["id"], Customer(Action.CONFIRM)).status is Status.ACCEPTED
    assert counter.bank.decide(counter.now, quick["id"], Customer(Action.CANCEL)).status is Status.CANCELED
    assert counter.bank.ledger.charged() == 11_250


def test_a_link_that_nobody_used_expires(counter: Counter) -> None:
    """At its moment and for good; a paid one does not."""
    left, paid = counter.wait("left"), counter.wait("paid")
    counter.bank.decide(counter.now, paid["id"], Customer(Action.CONFIRM))
    counter.now += LIFE_MS - 1
    assert counter.ask("/look", id=left["id"])["status"] == "pending"
    counter.now += 1
    assert counter.ask("/look", id=left["id"])["status"] == "expired"
    assert counter.ask("/look", id=paid["id"])["status"] == "accepted"
    with pytest.raises(NotWaiting):
        counter.bank.decide(counter.now, left["id"], Customer(Action.CONFIRM))
    assert counter.ask("/back", 409, id=left["id"], amount=1)["code"] == "TERMINAL_STATE_OF_PAYMENT_TRANSACTION"


def test_returns_by_people_wait_for_people(counter: Counter) -> None:
    """Whatever time passes; then the money goes back, or the payment is what it was. Twice nobody decides."""
    made = counter.wait("slow")
    counter.bank.decide(counter.now, made["id"], Customer(Action.CONFIRM))
    assert counter.ask("/back", id=made["id"], amount=1_250)["status"] == "refunding"
    counter.now += 10**9
    assert counter.ask("/look", id=made["id"])["status"] == "refunding"
    (reference,) = counter.bank.transaction(made["id"]).references
    assert (reference.status, reference.key) == (RefStatus.NEW, "r")
    assert counter.bank.decide_reference(counter.now, reference.id, "TOO_LATE").status is Status.ACCEPTED
    assert counter.bank.ledger.refunded() == 0
    counter.ask("/back", id=made["id"], amount=1_250)
    again = counter.bank.transaction(made["id"]).references[-1]
    assert counter.bank.decide_reference(counter.now, again.id).status is Status.PARTIAL_REFUNDED
    assert counter.bank.ledger.refunded() == 1_250
    with pytest.raises(NotWaiting):
        counter.bank.decide_reference(counter.now, again.id)
    with pytest.raises(KeyError):
        counter.bank.decide_reference(counter.now, "nobody")


# --- faults ---


def test_a_fault_hits_the_system_it_is_meant_for(counter: Counter) -> None:
    """On the wire and in the bank; without a system it hits whoever comes first. A system that is not there cannot be meant."""
    counter.bank.add_fault(counter.now, Fault(FaultKind.LOSE_ANSWER, system="toy"))
    counter.bank.add_fault(counter.now, Fault(FaultKind.DOUBLE_CHARGE, system="toy"))
    assert counter.bank.meet(counter.now, "POST", "/api/v1/merchant/checkout").fault is None
    koshelek = Till()
    koshelek.bank = counter.bank
    koshelek.paid("Q1")
    assert counter.bank.meet(counter.now, "POST", "/toy/pay").fault is FaultKind.LOSE_ANSWER
    counter.bank.queue_customer(Customer(Action.CONFIRM), order_id="A")
    counter.pay()
    assert counter.bank.ledger.charged(system="toy") == 22_500
    counter.bank.add_fault(counter.now, Fault(FaultKind.LOSE_ANSWER))
    assert counter.bank.meet(counter.now, "POST", "/api/v1/merchant/checkout").fault is FaultKind.LOSE_ANSWER
    with pytest.raises(ValueError, match="there is no system softine, only toy, koshelek"):
        counter.bank.add_fault(counter.now, Fault(FaultKind.HTML, system="softine"))


def test_a_system_words_its_own_refusals(counter: Counter) -> None:
    """And those it has no words for sound as the Pay API's. A refused request is not carried out; a code may be anybody's."""
    for kind, params in ((FaultKind.REFUSE_422, {"code": "6021"}), (FaultKind.UNAUTHORIZED, {}), (FaultKind.TOO_MANY, {})):
        counter.bank.add_fault(counter.now, Fault(kind, system="toy", params=params))
    statuses = []
    for _ in range(3):
        delivery = counter.bank.meet(counter.now, "POST", "/toy/pay")
        answer = counter.bank.act(counter.now, delivery, "POST", "/toy/pay", {}, b"{}")
        assert answer is not None
        statuses.append((answer.status, delivery.execute))
    assert statuses == [(418, 0), (401, 0), (429, 0)]
    counter.bank.add_fault(counter.now, Fault(FaultKind.REFUSE_422, params={"code": "6021"}))
    delivery = counter.bank.meet(counter.now, "POST", "/api/v1/merchant/checkout")
    answer = counter.bank.act(counter.now, delivery, "POST", "/api/v1/merchant/checkout", HEADERS, b"{}")
    assert answer is not None
    assert json.loads(answer.body) == {"code": "6021", "details": ""}


LIES = {
    FaultKind.WRONG_AMOUNT: ("amount", 11_251),
    FaultKind.WRONG_CURRENCY: ("currency", "USD"),
    FaultKind.WRONG_ORDER: ("key", "SOMEBODY-ELSES"),
    FaultKind.UNKNOWN_STATUS_VALUE: ("status", "on_hold"),
    FaultKind.STALE_STATUS: ("status", "pending"),
    FaultKind.EXTRA_FIELDS: ("trace", None),
}


@pytest.mark.parametrize("kind", LIES)
def test_what_an_answer_says_can_be_another_thing_than_what_is_true(counter: Counter, kind: FaultKind) -> None:
    """Once, of a payment of that system; the next answer tells the truth. What was paid is lied about only once it is paid."""
    made = counter.wait()
    if kind in (FaultKind.WRONG_AMOUNT, FaultKind.WRONG_CURRENCY, FaultKind.WRONG_ORDER):
        counter.bank.add_fault(counter.now, Fault(kind))
        assert counter.ask("/look", id=made["id"])["amount"] == 11_250
        counter.bank.clear_faults()
    counter.bank.decide(counter.now, made["id"], Customer(Action.CONFIRM))
    honest = counter.ask("/look", id=made["id"])
    counter.bank.add_fault(counter.now, Fault(kind, Operation.STATUS))
    told = counter.ask("/look", id=made["id"])
    name, value = LIES[kind]
    assert told[name] == value
    assert told != honest
    assert counter.ask("/look", id=made["id"]) == honest


def test_a_payment_can_be_missed_by_a_read(counter: Counter) -> None:
    """A create or a refund never misses it."""
    counter.bank.add_fault(counter.now, Fault(FaultKind.ABSENT_STATUS))
    made = counter.wait()
    counter.ask("/look", 404, id=made["id"])
    counter.ask("/look", id=made["id"])


def test_the_list_of_requests_names_the_system(counter: Counter) -> None:
    """With the client's own key as far as the system can tell it, also of a request with a query."""
    delivery = counter.bank.meet(counter.now, "GET", "/toy/find")
    counter.bank.act(counter.now, delivery, "GET", "/toy/find", {}, b"", "key=K%201")
    received = counter.bank.log[-1]
    assert (received.system, received.operation, received.request_id, received.status) == ("toy", Operation.FIND, "K 1", 200)


def test_a_bank_with_several_systems_can_be_copied(counter: Counter) -> None:
    """What happens in the copy does not happen in the bank."""
    made = counter.wait()
    fork = copy.deepcopy(counter)
    fork.bank.address = "http://elsewhere"
    fork.bank.decide(fork.now, made["id"], Customer(Action.CONFIRM))
    assert fork.ask("/look", id=made["id"])["url"].startswith("http://elsewhere/")
    assert (counter.bank.ledger.charged(), fork.bank.ledger.charged()) == (0, 11_250)
    assert counter.ask("/look", id=made["id"])["status"] == "new"


# --- shapes ---


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("112.5"), 11_250),
        ("112.50", 11_250),
        ("100.00000000", 10_000),
        (112, 11_200),
        ("0.01", 1),
        ("0.001", None),
        ("1e2", 10_000),
        ("abc", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999999", None),
        (True, None),
        (None, None),
        (1.5, None),
    ],
)
def test_roubles_are_read_exactly(value: object, expected: int | None) -> None:
    """As number or text; what is no whole number of kopecks is no amount."""
    assert kopecks(value) == expected


def test_roubles_are_written_digit_by_digit() -> None:
    """Two digits after the point whatever the amount, in JSON as well, where a float would lose them."""
    assert [str(roubles(amount)) for amount in (1, 100, 11_250, 9_999_999_999)] == ["0.01", "1.00", "112.50", "99999999.99"]
    document = {"amount": roubles(11_250), "list": [roubles(1), None, True, 'Ы"', {"a": ()}], "n": 5}
    assert write(document) == '{"amount":112.50,"list":[0.01,null,true,"Ы\\"",{"a":[]}],"n":5}'
    assert exact_answer(201, {"a": roubles(5)}, {"x": "y"}) == Answer(
        201, b'{"a":0.05}', {"content-type": "application/json; charset=utf-8", "x": "y"}
    )


def test_the_door_knows_its_own() -> None:
    """Logins, tokens and their life, whatever the header holds."""
    assert basic(HEADERS["Authorization"]) == ("sandbox", "sandbox")
    assert [basic(header) for header in ("", "Basic", "Basic ???", "Bearer c2E6c2E=", "Basic c2E=", "Basic /w==")] == [None] * 6
    assert [bearer(header) for header in ("Bearer t", "bearer  t ", "Basic t", "")] == ["t", "t", "", ""]
    assert (same("ключ", "ключ"), same("a", "b")) == (True, False)
    numbers = itertools.count(1)
    tokens = Tokens(lambda: f"t{next(numbers)}", 1_000)
    first = tokens.give(0)
    assert [tokens.good(now, first) for now in (0, 999, 1_000)] == [True, True, False]
    assert not tokens.good(0, "t9")
    for _ in range(1_000):
        tokens.give(0)
    assert (tokens.good(0, first), tokens.good(0, "t2")) == (False, True)
    tokens.forget()
    assert not tokens.good(0, "t1001")
    assert query_of("filter%5Breference_id%5D=a+b&x=&x=1") == {"filter[reference_id]": "a b", "x": "1"}


# --- the page behind a link ---


async def test_the_customer_pays_behind_the_link() -> None:
    """Anybody who has the link sees the amount and may pay, decline or leave, without a script; afterwards the page says what became of it.
    The address is the one that the bank gives out."""
    async with running() as house:
        bank = house.sandbox.bank
        assert bank.address == house.sandbox.base_url
        made = _linked(bank, "<order>")
        url = bank.address_of(made)
        shown = await house.client.get(url, headers={"accept-language": "en"})
        assert (shown.status_code, "Payment of ₽112.50" in shown.text, "&lt;order&gt;" in shown.text) == (200, True, True)
        assert "form-action 'self'" in shown.headers["content-security-policy"]
        assert "Оплата: 112,50" in (await house.client.get(url, headers={"accept-language": "ru"})).text
        assert (await house.client.post(url, data={"action": "wait"})).status_code == 400
        assert (await house.client.put(url)).status_code == 405
        assert made.status in (Status.NEW, Status.PENDING)
        paid = await house.client.post(url, data={"action": "confirm"}, follow_redirects=True)
        assert (paid.status_code, made.status, "<button" in paid.text) == (200, Status.ACCEPTED, False)
        again = await house.client.post(url, data={"action": "cancel"}, follow_redirects=True)
        assert (again.status_code, made.status) == (200, Status.ACCEPTED)
        assert (await house.client.get(f"{bank.address}/pay/nobody")).status_code == 404
        assert (await house.client.post(url, content=b"x" * (2**20 + 1))).status_code == 400


async def test_a_link_opens_on_a_phone_of_the_network() -> None:
    """Once the sandbox is open to the network its links lead to the port that is, and need no access code."""
    async with running(control_port=0, control_host="0.0.0.0") as house:  # noqa: S104 - open on purpose
        bank = house.sandbox.bank
        assert bank.address == house.sandbox.page_url.partition("/sandbox/")[0]
        url = house.sandbox.control_url + "/pay/" + _linked(bank, "A").link_id
        assert (await house.client.get(url)).status_code == 200


async def test_the_page_and_the_control_api_show_all_systems() -> None:
    """A payment by a link waits beside the others, with a way to its page; what people must decide has buttons that work."""
    async with running() as house:
        bank = house.sandbox.bank
        made = _linked(bank, "slow", by_people=True)
        waiting = document(house.sandbox, Tongue("en"))
        assert f'href="/pay/{made.link_id}"' in waiting
        assert "PayCore.io" in waiting
        (shown,) = (await house.control("GET", "/transactions")).json()
        assert (shown["system"], shown["link_id"], shown["key"], shown["method"]) == ("paycore", made.link_id, "key-slow", None)
        assert (await house.control("POST", f"/transactions/{made.id}/confirm", {})).json()["status"] == "accepted"
        bank._desk.refund(house.sandbox.now_ms(), made, 1_250)
        reference = made.references[0].id
        books = document(house.sandbox, Tongue("en"))
        assert f"POST /sandbox/references/{reference}/accept" in books
        assert (await house.control("POST", f"/references/{reference}/perhaps", {})).status_code == 400
        assert (await house.control("POST", "/references/nobody/accept", {})).status_code == 404
        done = await house.control("POST", f"/references/{reference}/refuse", {"error_code": "NO"})
        assert (done.json()["status"], done.json()["references"][0]["error_code"]) == ("accepted", "NO")
        assert (await house.control("POST", f"/references/{reference}/accept", {})).status_code == 409
        assert "/accept" not in document(house.sandbox, Tongue("en"))
        await house.control("POST", "/faults", {"kind": "html", "system": "paycore"})
        assert (await house.control("POST", "/faults", {"kind": "html", "system": "nobody"})).status_code == 400
        assert "PayCore.io" in document(house.sandbox, Tongue("en"))
        await house.control("POST", "/reset")
        assert house.sandbox.bank.address == house.sandbox.base_url


async def test_a_systems_own_address_leads_to_the_page(counter: Counter) -> None:
    """Where a system makes addresses of its own for a payment, and a client opens one."""
    made = counter.wait()
    found = counter.bank.payment_at("GET", "/toy/page", f"id={made['id']}")
    assert found is counter.bank.transaction(made["id"])
    assert counter.bank.payment_at("GET", "/toy/page", "id=nobody") is None
    assert counter.bank.payment_at("GET", "/toy/look", f"id={made['id']}") is None
    async with running() as house:
        linked = _linked(house.sandbox.bank, "A")
        answer = await house.client.get(f"{house.sandbox.base_url}/paycore/hpp/?cpi={linked.id}", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/pay/{linked.link_id}")


def _linked(bank: Bank, order: str, *, by_people: bool = False) -> Transaction:
    """A payment that waits on a page, as one of PayCore's would."""
    made = Transaction(
        id=f"cpi_{order[0]}",
        amount=11_250,
        created_ms=START_MS,
        system="paycore",
        order_id=order,
        key=f"key-{order}",
        link_id=f"link-{len(order)}",
        by_people=by_people,
    )
    bank._desk.take_in(START_MS, made, PATIENT)
    return made
