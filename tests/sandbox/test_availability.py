"""The list of means of payment in the sandbox: what it says, how strictly it is asked for, the older way, what the director can change."""

import json
from dataclasses import asdict
from typing import Any

import httpx
import pytest

from agent.sandbox.availability import MAX_TASKS, Offer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.ledger import ViolationKind
from agent.sandbox.settings import BankSettings
from agent.sandbox.words import Method, Operation
from tests.sandbox.running import House, running
from tests.sandbox.till import HEADERS, PATHS, Till

SBP = {"paymentType": "SBP", "available": True, "message": ""}
DOLYAME = {"paymentType": "DOLYAME", "available": True, "message": ""}
LIST = {"koshelekPayIsDefault": False, "paymentTypeAvailabilityInfoList": [SBP, DOLYAME]}


def test_the_list_is_the_answer() -> None:
    """By default at once, without any trace in the books; a payment with the same card session is still possible."""
    till = Till()
    answer = till.availability()
    assert (answer.status, answer.body) == (200, LIST)
    assert till.bank.transactions() == []
    assert till.checkout().status == 200


def test_what_it_says_can_be_set() -> None:
    """From now on, for everybody; a promise that cannot be kept is refused."""
    till = Till()
    till.bank.offer = Offer(is_default=True, unavailable={Method.SBP: "Счёт не привязан"})
    assert till.availability().body == {
        "koshelekPayIsDefault": True,
        "paymentTypeAvailabilityInfoList": [{"paymentType": "SBP", "available": False, "message": "Счёт не привязан"}, DOLYAME],
    }
    bad: list[dict[str, Any]] = [{"is_default": True, "unavailable": {Method.SBP: "", Method.DOLYAME: ""}}, {"timeout_ms": -1}]
    bad += [{"ready_after_ms": -1}, {"unavailable": {Method.SBP: "x" * 1_001}}]
    for wrong in bad:
        with pytest.raises(ValueError, match=r"promises|negative|characters"):
            Offer(**wrong)


def test_it_is_asked_for_as_strictly_as_a_checkout() -> None:
    """The vendor's spelling unless told otherwise, every field, the token; an unknown card session is refused."""
    till = Till()
    body = till.availability_body()
    wrong = [{name: value for name, value in body.items() if name != gone} for gone in body]
    wrong += [{**body, "cardSession": "Q7W2E9"}, {**body, "paymentMethods": [{"type": "SBP"}]}, {**body, "cardsession": "Q7-W2"}]
    assert [till.send(Operation.AVAILABILITY, one).get("code") for one in wrong] == ["SANDBOX_INVALID_REQUEST"] * len(wrong)
    no_token = {name: value for name, value in HEADERS.items() if name != "token"}
    assert "token" in till.send(Operation.AVAILABILITY, body, no_token)["details"]
    assert till.availability("UNKN01")["code"] == "UNKNOWN_SESSION_ID"
    other = Till(BankSettings(availability_session_name="cardSession", check_sums=True))
    renamed = {**other.availability_body(), "cardSession": "Q7W2E9"}
    del renamed["cardsession"]
    assert other.send(Operation.AVAILABILITY, renamed).status == 200
    renamed["checkoutInvoice"]["totalAmount"] += 1
    assert "totalAmount" in other.send(Operation.AVAILABILITY, {**renamed, "requestId": "another"})["details"]


def test_a_repeat_gets_the_first_answer() -> None:
    """Byte for byte, whatever has changed since."""
    till = Till()
    body = till.availability_body()
    first = till.send(Operation.AVAILABILITY, body)
    till.bank.offer = Offer(is_default=True)
    assert till.send(Operation.AVAILABILITY, body).raw == first.raw
    assert till.availability().raw != first.raw


def test_the_older_way_names_a_task() -> None:
    """201 with a Location that lacks the partner's part, as the vendor has it; looks until it is done; too early is a violation."""
    till = Till(BankSettings(offer=Offer(asynchronous=True, timeout_ms=350, ready_after_ms=600)))
    raw = till.bank.handle(
        till.now, "POST", "/acme" + PATHS[Operation.AVAILABILITY], HEADERS, json.dumps(till.availability_body()).encode()
    )
    name = json.loads(raw.body)["availabilityInfoId"]
    assert (raw.status, json.loads(raw.body)["timeout"]) == (201, 350)
    assert raw.headers["location"] == f"/api/v1/merchant/availability-info/{name}"
    till.later(350)
    assert till.look(name).body == {"availabilityInfoId": name, "computationComplete": False, "pollingTimeout": 350}
    assert not till.bank.ledger.violations
    till.later(100)
    till.look(name)
    assert [one.kind for one in till.bank.ledger.violations] == [ViolationKind.POLLED_TOO_SOON]
    till.later(350)
    till.bank.offer = Offer(is_default=True)
    assert till.look(name).body == {"availabilityInfoId": name, "computationComplete": True, **LIST}, "what was true when it was asked for"
    assert till.look("nobody").status == 404
    assert till.look(name, {}).status == 401
    assert till.bank.handle(till.now, "POST", f"/api/v1/merchant/availability-info/{name}", HEADERS, b"{}").status == 405


def test_tasks_are_forgotten() -> None:
    """A client that never looks costs a bounded memory."""
    till = Till(BankSettings(offer=Offer(asynchronous=True)))
    first = till.availability()["availabilityInfoId"]
    for _ in range(MAX_TASKS):
        till.availability()
    assert till.look(first).status == 404


def test_faults_apply() -> None:
    """Of the wire and of the bank, for each of the two requests by name."""
    till = Till(BankSettings(offer=Offer(asynchronous=True, timeout_ms=0, ready_after_ms=0)))
    till.bank.add_fault(till.now, Fault(FaultKind.ERROR_5XX, Operation.AVAILABILITY))
    _, answer = till.over_the_wire(Operation.AVAILABILITY, till.availability_body())
    assert answer is not None
    assert answer.status == 500
    name = till.availability()["availabilityInfoId"]
    till.bank.add_fault(till.now, Fault(FaultKind.EXTRA_FIELDS, Operation.AVAILABILITY_LOOK))
    looked = till.look(name)
    assert "loyaltyBonus" in looked.body
    assert "bankComment" in looked["paymentTypeAvailabilityInfoList"][0]
    assert "loyaltyBonus" not in till.look(name).body


async def test_the_director_decides_over_http() -> None:
    """Shown, set, refused with the reason, and forgotten with the rest by a reset."""
    async with running() as house:
        assert (await house.control("GET", "/availability")).json() == asdict(Offer())
        wanted = {"is_default": True, "unavailable": {"DOLYAME": "Не сегодня"}, "asynchronous": True, "timeout_ms": 0, "ready_after_ms": 0}
        assert (await house.control("POST", "/availability", wanted)).json() == wanted
        for wrong in (
            {"default": True},
            {"is_default": 1},
            {"timeout_ms": "soon"},
            {"timeout_ms": True},
            {"unavailable": {"CASH": ""}},
            {"unavailable": {"SBP": 1}},
            {"unavailable": []},
            {"is_default": True, "unavailable": {"SBP": "", "DOLYAME": ""}},
        ):
            answer = await house.control("POST", "/availability", wrong)
            assert answer.status_code == 400, wrong
            assert answer.json()["error"]
        asked = await house.pay(Operation.AVAILABILITY, house.bodies.availability_body())
        assert asked.status_code == 201
        looked = await look(house, asked.json()["availabilityInfoId"])
        assert looked.json()["koshelekPayIsDefault"] is True
        shown = (await house.control("GET", "/requests")).json()
        assert [one["operation"] for one in shown] == ["availability", "availability_look"]
        await house.control("POST", "/reset")
        assert (await house.control("GET", "/availability")).json() == asdict(Offer())


async def look(house: House, name: str) -> httpx.Response:
    return await house.client.get(f"{house.sandbox.base_url}/api/v1/merchant/availability-info/{name}", headers=HEADERS)
