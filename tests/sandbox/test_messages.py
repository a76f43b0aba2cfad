"""Goal: the bank tells what becomes of its payments as each system does, and its messages go wrong on request. Method: the model in memory,
with the formulas stated here once more, and the agent's own readers as the other party."""

import base64
import copy
import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from agent.core.hints import Hint, HookRefused, ReadsHooks, Unheard
from agent.core.model import Environment
from agent.providers.koshelek.hook import KoshelekHook
from agent.providers.payconnect import PayConnect, PayConnectSettings
from agent.providers.paycore import PayCore, PayCoreSettings
from agent.providers.softline import hook as softline
from agent.sandbox.bank import Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.outbox import MAX_WAITING_MESSAGES, RETRY_PAUSES_MS, Fate, Message, Sending, Webhook
from agent.sandbox.paycore.system import _signed
from agent.sandbox.settings import BankSettings
from agent.sandbox.softline.views import signature
from agent.sandbox.systems import NAMES
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import Operation
from tests.sandbox.till import HEADERS, MILK, START_MS, Till

BASIC = {"Authorization": HEADERS["Authorization"]}
JSON = {"Content-Type": "application/json"}
SECRET = "the secret of a shop"
BUYER = {"email": "buyer@mail.example", "first_name": "Ivan", "last_name": "Petrov"}
READERS: Mapping[str, Callable[[], ReadsHooks]] = {
    "koshelek": lambda: KoshelekHook("sandbox"),
    "paycore": lambda: PayCore(PayCoreSettings(test_mode=True)),
    "softline": lambda: _Softline(),
    "payconnect": lambda: PayConnect(PayConnectSettings(environment=Environment.TEST)),
}


class _Softline:
    """The agent's reader, which needs nothing of its provider."""

    def read_hook(self, secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> Hint | HookRefused:
        return softline.read_hook(secrets, headers, body)


def key_of(order: str) -> str:
    """The shop's own id of a payment."""
    return f"7f0c2a4e-90c1-4a53-8b63-{order[-1]:0>12}"


class Street:
    """A bank that tells all four systems' shops, and payments of 270 roubles at each. Customers wait."""

    def __init__(self, *told: str, **settings: Any) -> None:
        numbers = itertools.count(1)
        webhooks = {name: Webhook(f"http://127.0.0.1:7/{name}", SECRET) for name in told or NAMES}
        wanted = BankSettings(customer=Customer(Action.WAIT), webhooks=webhooks, **settings)
        self.bank, self.now = Bank(wanted, lambda: f"id-{next(numbers)}"), START_MS
        self._bodies = Till()

    def ask(self, path: str, headers: Mapping[str, str], document: object) -> Any:
        answer = self.bank.handle(self.now, "POST", path, {**JSON, **headers}, json.dumps(document).encode())
        assert answer.status in (200, 201), answer
        return json.loads(answer.body)

    def pay(self, system: str, order: str = "order-1") -> Transaction:
        """A new payment."""
        _MAKERS[system](self, order)
        return self.bank.transactions()[-1]

    def decide(self, payment: Transaction, action: Action = Action.CONFIRM) -> None:
        self.bank.decide(self.now, payment.id, Customer(action))

    def fault(self, kind: FaultKind, **given: Any) -> None:
        self.bank.add_fault(self.now, Fault(kind, **given))

    def told(self) -> list[tuple[str, str]]:
        """System and event of everything that was ever to be sent."""
        return [(one.system, one.message.event) for one in self.bank.outbox.sendings]

    def sent(self, system: str, status: int | None = 200) -> list[Sending]:
        """Everything that is due now is sent, and answered so."""
        sent = []
        while (one := self.bank.outbox.take(self.now, system)) is not None:
            self.bank.outbox.answered(self.now, one, status)
            sent.append(one)
        return sent


def _koshelek(street: Street, order: str) -> None:
    street.ask("/api/v1/merchant/checkout", HEADERS, street._bodies.checkout_body(f"Q{order.replace('-', '')}", order, items=[MILK]))


def _paycore(street: Street, order: str) -> None:
    given = {"reference_id": key_of(order), "amount": 270, "currency": "RUB", "test_mode": True, "description": order}
    street.ask("/paycore/api/payment-invoices", BASIC, given)


def _softline(street: Street, order: str) -> None:
    token = street.ask("/softline/v1/login_check", {}, {"username": "sandbox", "password": "sandbox"})["token"]
    given = {"currency": "RUB", "amount": "270.00", "payment_method": "CreditCard", "payment_id": key_of(order), "customer": BUYER}
    more = {"return_success_url": "https://shop.example/thanks", "payment_description": order}
    street.ask("/softline/v1/payment", {"AuthorizationJWT": f"Bearer {token}"}, {**given, **more})


def _payconnect(street: Street, order: str) -> None:
    scope = {"scope": "payments.write payments.read"}
    token = street.ask("/payconnect/v1/auth/token", {"Authorization": "Bearer sandbox"}, scope)["access_token"]
    given = {"amount": 27_000, "currency": "RUB", "description": f"{order} {key_of(order)}", "customer": {"email": BUYER["email"]}}
    street.ask("/payconnect/v1/payments", {"Authorization": f"Bearer {token}"}, given)


_MAKERS = {"koshelek": _koshelek, "paycore": _paycore, "softline": _softline, "payconnect": _payconnect}


# --- what they say ---

SAID = {
    "koshelek": {Action.CONFIRM: ["accepted"], Action.DECLINE: ["rejected"], Action.CANCEL: ["canceled"]},
    "paycore": {Action.CONFIRM: ["processed"], Action.DECLINE: ["process_failed"], Action.CANCEL: ["terminated"]},
    "softline": {
        Action.CONFIRM: ["order.created", "order.payment.succeeded"],
        Action.DECLINE: ["order.created", "order.payment.failed"],
        Action.CANCEL: ["order.created", "order.payment.failed"],
    },
    "payconnect": {Action.CONFIRM: ["payment.succeeded"], Action.DECLINE: ["payment.failed"], Action.CANCEL: ["payment.failed"]},
}


@pytest.mark.parametrize("system", NAMES)
@pytest.mark.parametrize("action", [Action.CONFIRM, Action.DECLINE, Action.CANCEL])
def test_what_the_customer_does_is_told(system: str, action: Action) -> None:
    """In each system's own words; nobody else hears of it, and to decide nothing is to tell nothing."""
    street = Street()
    payment = street.pay(system)
    street.decide(payment, Action.WAIT)
    street.decide(payment, action)
    assert street.told() == [(system, event) for event in SAID[system][action]]


@pytest.mark.parametrize(("system", "said"), [("paycore", ["expired"]), ("softline", ["order.created"]), ("payconnect", [])])
def test_the_end_of_a_link(system: str, said: list[str]) -> None:
    """Only PayCore has a word for it."""
    street = Street()
    payment = street.pay(system)
    assert payment.expires_ms is not None
    street.bank.tick(payment.expires_ms)
    assert street.told() == [(system, one) for one in said]


@pytest.mark.parametrize(
    ("system", "whole", "part", "refused"),
    [
        ("koshelek", ["refunded"], ["partial_refunded"], ["accepted"]),
        ("paycore", ["refunded"], ["partially_refunded"], ["refund_failed"]),
        ("softline", ["product.returned"], ["product.returned"], []),
        ("payconnect", ["payment.refunded"], ["payment.refunded"], []),
    ],
)
def test_returns_are_told(system: str, whole: list[str], part: list[str], refused: list[str]) -> None:
    """Once the money has gone back, not when it was asked for; of a return that is refused only those speak that have a word for it."""
    for amount, kind, said in ((27_000, None, whole), (9_000, None, part), (9_000, FaultKind.REFUSE_REFUND, refused)):
        street = Street()
        payment = street.pay(system)
        street.decide(payment)
        before = len(street.told())
        if kind is not None:
            street.fault(kind)
        reference = street.bank._desk.refund(street.now, payment, amount)
        if payment.by_people and kind is None:
            assert street.told()[before:] == []
            street.bank.decide_reference(street.now, reference.id)
        assert [event for _, event in street.told()[before:]] == said


def test_cancels_are_told_and_money_that_comes_after() -> None:
    """The till cancels; the customer's payment goes through all the same; a payment that is too small ends at once."""
    street = Street("koshelek")
    payment = street.pay("koshelek")
    street.fault(FaultKind.CANCEL_THEN_PAID, operation=Operation.CANCEL)
    street.ask("/api/v1/merchant/transaction/cancel", HEADERS, street._bodies.cancel_body(payment.id))
    assert street.told() == [("koshelek", "canceled")]
    street.now += 1_000
    street.bank.tick(street.now)
    assert [event for _, event in street.told()] == ["canceled", "accepted"]
    canceled, paid = (json.loads(one.message.body) for one in street.sent("koshelek"))
    assert (canceled["refStatus"], canceled["status"]) == ("accepted", "canceled")
    assert (paid["status"], paid["slip"]["totalAmount"]) == ("accepted", 27_000)
    small = {**MILK, "quantity": 1, "price": 100, "totalAmount": 100}
    street.ask("/api/v1/merchant/checkout", HEADERS, street._bodies.checkout_body("QSMALL", "order-2", items=[small]))
    assert street.told()[-1] == ("koshelek", "rejected")


# --- how they prove it ---


def _only(street: Street, system: str) -> Message:
    (sending,) = [one for one in street.sent(system) if one.message.event != "order.created"]
    return sending.message


def _paid(system: str, *faults: FaultKind) -> tuple[Transaction, Message]:
    street = Street(system)
    payment = street.pay(system)
    street.sent(system)
    for kind in faults:
        street.fault(kind)
    street.decide(payment)
    return payment, _only(street, system)


@pytest.mark.parametrize("system", NAMES)
def test_the_agent_finds_the_proof_good_and_the_payment_in_it(system: str) -> None:
    """Of two parties that share no code; one that is forged proves nothing, and says the same."""
    reader = READERS[system]()
    payment, true = _paid(system)
    found = reader.read_hook([SECRET], true.headers, true.body)
    assert isinstance(found, Hint)
    assert found.transaction_id == payment.id
    assert system == "koshelek" or found.reference == key_of("order-1")
    assert reader.read_hook(["another"], true.headers, true.body) == HookRefused(Unheard.FORGED)
    _, false = _paid(system, FaultKind.FORGE_MESSAGE)
    assert reader.read_hook([SECRET], false.headers, false.body) == HookRefused(Unheard.FORGED)
    assert (false.event, SECRET in repr(true), SECRET in repr(false)) == (true.event, False, False)


def test_the_formulas_are_the_published_ones() -> None:
    """PayCore's over the bytes with escaped slashes, Softline's with the vendor's own vector, Koshelek's login."""
    assert _signed(b"sk_test_example", b'{"data":{"type":"payment-invoices","id":"cpi_example"}}') == "KXwfswnBUyZW3KAGvOW56MOO7OA="
    _, message = _paid("paycore")
    expected = base64.b64encode(hashlib.sha1(SECRET.encode() + message.body + SECRET.encode()).digest())  # noqa: S324 - the vendor's
    assert message.headers["x-signature"] == expected.decode()
    assert (rb"\/" in message.body, b'"updated":1700000000' in message.body) == (True, True)
    named = {"event": "order.created", "order_id": 5_555_555, "create_date": "2021-08-13T09:16:35+03:00", "currency": "RUB"}
    vector = {**named, "payment": {"payment_method": "CreditCard"}, "customer": {"email": "customer@mail.ru"}}
    assert signature("secret_key", vector) == (
        "e970dee7309c7793d2ef33e991c9603487a35eaa26c1f159a2fdad1c049671ffc4b8e887e2eb52c2cdbfc495ec528130d25575a0ecff386aad8096e20094003c"
    )
    _, postback = _paid("koshelek")
    assert postback.headers["authorization"] == "Basic " + base64.b64encode(f"sandbox:{SECRET}".encode()).decode()


def test_a_message_tells_the_truth_of_its_moment() -> None:
    """Faults that make answers lie are for those who ask; what changes later changes no message that waits, nor a repeat of it."""
    street = Street("koshelek")
    payment = street.pay("koshelek")
    for kind in (FaultKind.WRONG_AMOUNT, FaultKind.UNKNOWN_STATUS_VALUE, FaultKind.STALE_STATUS, FaultKind.EXTRA_FIELDS):
        street.fault(kind, operation=Operation.STATUS)
    street.decide(payment)
    street.ask("/api/v1/merchant/transaction/refund", HEADERS, street._bodies.refund_body(payment.id, [MILK]))
    assert len(street.bank.faults()) == 4
    first, second = street.sent("koshelek", 500)
    paid, returned = json.loads(first.message.body), json.loads(second.message.body)
    assert (paid["status"], paid["slip"]["totalAmount"]) == ("accepted", 27_000)
    assert (returned["status"], returned["refStatus"]) == ("refunded", "accepted")
    assert paid["requestId"] != returned["requestId"]
    body = first.message.body
    street.now += RETRY_PAUSES_MS[0]
    assert street.sent("koshelek")[0].message.body == body


# --- what goes wrong with them ---


def test_one_is_lost_one_comes_twice_one_comes_late() -> None:
    """Each fault befalls the next message, once; the one after it is as ever. A request uses none of them up."""
    street = Street()
    payments = [street.pay("payconnect", f"order-{number}") for number in range(4)]
    street.fault(FaultKind.LOSE_MESSAGE)
    street.fault(FaultKind.DUPLICATE_MESSAGE, params={"after_ms": 500}, system="payconnect")
    street.fault(FaultKind.DELAY_MESSAGE, params={"ms": 700})
    street.pay("koshelek")
    assert len(street.bank.faults()) == 3
    street.decide(payments[0])  # late, and lost: there is nothing to be late
    assert (street.sent("payconnect"), street.bank.outbox.sendings[-1].fate) == ([], Fate.LOST)
    street.decide(payments[1])
    first = street.sent("payconnect")
    street.now += 500
    second = street.sent("payconnect")
    assert [one.transaction_id for one in first + second] == [payments[1].id] * 2
    assert first[0].message == second[0].message
    assert [one.fault for one in first + second] == [FaultKind.DUPLICATE_MESSAGE] * 2
    street.fault(FaultKind.DELAY_MESSAGE, params={"ms": 700})
    street.decide(payments[2])
    street.decide(payments[3])
    assert [one.transaction_id for one in street.sent("payconnect")] == [payments[3].id]
    assert street.bank.outbox.next_due("payconnect") == street.now + 700
    street.now += 700
    assert [one.transaction_id for one in street.sent("payconnect")] == [payments[2].id]
    assert street.bank.faults() == []


def test_two_change_places() -> None:
    """The first waits for the next one of its own system and goes right behind it; without a next one it goes in the end."""
    street = Street()
    street.fault(FaultKind.REORDER_MESSAGES, system="softline")
    payment = street.pay("softline")
    street.pay("paycore")
    street.decide(street.bank.transactions()[-1])
    assert (street.sent("softline"), len(street.sent("paycore"))) == ([], 1)
    street.now += 2_000
    street.decide(payment)
    assert [one.message.event for one in street.sent("softline")] == ["order.payment.succeeded", "order.created"]
    street.fault(FaultKind.REORDER_MESSAGES)
    street.pay("softline", "order-2")
    street.now += 9_999
    assert street.sent("softline") == []
    street.now += 1
    assert [one.message.event for one in street.sent("softline")] == ["order.created"]
    street.pay("softline", "order-3")
    assert [one.transaction_id for one in street.sent("softline")] == [street.bank.transactions()[-1].id], "and is not sent again"


def test_a_fault_of_messages_is_meant_for_no_request() -> None:
    """Nor can a fault of requests hit a message."""
    with pytest.raises(ValueError, match="has no operation"):
        Fault(FaultKind.LOSE_MESSAGE, Operation.CHECKOUT)
    street = Street("paycore")
    for kind in (FaultKind.DUPLICATE, FaultKind.DELAY, FaultKind.LOSE_ANSWER):
        street.fault(kind, times=None)
    street.decide(street.pay("paycore"))
    assert [(one.fault, one.due_ms) for one in street.sent("paycore")] == [(None, START_MS)]


# --- how long they are tried ---


def test_a_message_is_repeated_and_then_given_up() -> None:
    """After 1, 2, 4 and 8 seconds, whatever the answer was if it was not 200; one that was taken is not sent again."""
    street = Street("paycore")
    payment = street.pay("paycore")
    street.decide(payment)
    for status, pause_ms in zip((None, 201, 500, 401), RETRY_PAUSES_MS, strict=True):
        (sending,) = street.sent("paycore", status)
        assert (sending.fate, sending.status) == (Fate.WAITING, status)
        street.now += pause_ms - 1
        assert street.sent("paycore") == []
        street.now += 1
    (sending,) = street.sent("paycore", 404)
    assert (sending.fate, sending.attempts, sending.status) == (Fate.GIVEN_UP, 5, 404)
    assert street.bank.outbox.next_due("paycore") is None
    street.ask(f"/paycore/api/payment-invoices/{payment.id}/refund", BASIC, {"amount": 270})
    assert [one.fate for one in street.sent("paycore")] == [Fate.TAKEN]


def test_an_outage_is_one_of_messages_as_well() -> None:
    """What waits goes out afterwards."""
    street = Street("paycore")
    payment = street.pay("paycore")
    street.fault(FaultKind.OUTAGE, params={"ms": 5_000})
    street.decide(payment)
    assert street.sent("paycore") == []
    street.now += 5_000
    assert len(street.sent("paycore")) == 1


def test_an_address_that_never_answers_costs_a_bounded_memory() -> None:
    """More than so many are dropped, and said to be; the rest still goes out."""
    street = Street("softline")
    for _ in range(MAX_WAITING_MESSAGES + 5):
        street.bank.outbox.put(street.now, "softline", "5000001", lambda secret: Message(secret, {}, b""))
    fates = [one.fate for one in street.bank.outbox.sendings]
    assert (len(fates), fates.count(Fate.DROPPED)) == (MAX_WAITING_MESSAGES, 5)
    assert len(street.sent("softline")) == MAX_WAITING_MESSAGES


def test_nobody_is_told_who_did_not_ask() -> None:
    """Without an address nothing is made; a bank that tells can be copied in the middle of it."""
    street = Street("softline")
    street.decide(street.pay("paycore"))
    assert street.told() == []
    payment = street.pay("softline")
    fork = copy.deepcopy(street)
    fork.decide(fork.bank.transaction(payment.id))
    assert (len(street.told()), len(fork.told())) == (1, 2)
    with pytest.raises(ValueError, match="there is no system softine, only paycore"):
        Street("softine")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host/x",
        "http://",
        "http:///x",
        "http://user:pw@host/",
        "http://host:0/",
        "http://host:x/",
        "http://host/a b",
        "http://host/#x",
        "http://хост/",
        "http://host/\r\nx: y",
        "http://host/" + "x" * 2_048,
    ],
)
def test_what_is_no_address(url: str) -> None:
    """It is refused at the start; so is an empty secret."""
    with pytest.raises(ValueError, match=r"."):
        Webhook(url, SECRET)
    with pytest.raises(ValueError, match="empty"):
        Webhook("http://127.0.0.1:7440/x", "")
