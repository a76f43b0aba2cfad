"""The control API: what it lets a director do, and whom it lets."""

import asyncio
from typing import Any

import pytest

from agent.sandbox.words import Operation
from tests.sandbox.running import running


async def test_customers_can_be_queued_and_decide() -> None:
    """A script for an order; a waiting payment confirmed by hand, once."""
    async with running() as house:
        queued = {
            "order_id": "S12-000345",
            "action": "decline",
            "error_code": "NOT_ENOUGH_LIMIT_TO_PAY",
            "after_ms": 0,
            "method": "DOLYAME",
        }
        assert (await house.control("POST", "/customers", queued)).status_code == 204
        assert (await house.checkout("SESSION1")).json()["errorCode"] == "NOT_ENOUGH_LIMIT_TO_PAY"
        transaction = (await house.checkout("WAIT01")).json()["transactionId"]
        confirmed = await house.control("POST", f"/transactions/{transaction}/confirm")
        assert (confirmed.status_code, confirmed.json()["status"]) == (200, "accepted")
        assert (await house.control("POST", f"/transactions/{transaction}/decline")).status_code == 409
        assert (await house.control("POST", "/transactions/nobody/confirm")).status_code == 404
        assert (await house.control("POST", f"/transactions/{transaction}/explode")).status_code == 400


async def test_a_decision_can_name_what_was_offered() -> None:
    """Paid with that; another means of payment is no decision."""
    async with running() as house:
        first = (await house.checkout("WAIT01")).json()["transactionId"]
        confirmed = await house.control("POST", f"/transactions/{first}/confirm", {"method": "DOLYAME"})
        assert (confirmed.json()["status"], confirmed.json()["method"]) == ("accepted", "DOLYAME")
        body = house.bodies.checkout_body("WAIT02", paymentMethods=[{"type": "SBP"}])
        second = (await house.pay(Operation.CHECKOUT, body)).json()["transactionId"]
        assert (await house.control("POST", f"/transactions/{second}/confirm", {"method": "DOLYAME"})).status_code == 400
        shown = (await house.control("GET", f"/transactions/{second}")).json()
        assert (shown["methods"], shown["method"], shown["status"]) == (["SBP"], "SBP", "new")


async def test_a_customer_can_be_made_to_wait() -> None:
    """What he was going to do is shown, and does not happen; he can still decide by hand."""
    async with running() as house:
        await house.control("POST", "/customers", {"card_session": "Q1", "action": "decline", "after_ms": 150})
        transaction = (await house.checkout("Q1")).json()["transactionId"]
        shown = (await house.control("GET", f"/transactions/{transaction}")).json()
        assert (shown["intention"]["action"], shown["intention"]["at_ms"] - shown["created_ms"]) == ("decline", 150)
        waits = (await house.control("POST", f"/transactions/{transaction}/wait")).json()
        assert (waits["status"], waits["intention"]) == ("new", None)
        await asyncio.sleep(0.25)
        assert (await house.control("GET", f"/transactions/{transaction}")).json()["status"] == "pending"
        assert (await house.control("POST", f"/transactions/{transaction}/confirm")).json()["status"] == "accepted"


async def test_who_comes_can_be_seen_and_changed() -> None:
    """The queue, and the customer for whom nothing was said; a reset forgets both."""
    async with running() as house:
        at_first = (await house.control("GET", "/customers")).json()
        assert (at_first["default"]["action"], at_first["default"]["after_ms"], at_first["queued"]) == ("confirm", 3000, [])
        usual = {"action": "decline", "after_ms": 0, "error_code": "NOT_ENOUGH_LIMIT_TO_PAY", "method": None}
        assert (await house.control("POST", "/customers/default", usual)).json() == usual
        await house.control("POST", "/customers", {"order_id": "S12-1", "action": "wait"})
        await house.control("POST", "/customers", {"card_session": "Q2", "action": "cancel"})
        told = (await house.control("GET", "/customers")).json()
        assert told["default"] == usual
        assert [(one["order_id"], one["card_session"], one["action"]) for one in told["queued"]] == [
            ("S12-1", None, "wait"),
            (None, "Q2", "cancel"),
        ]
        assert (await house.checkout("Q1")).json()["errorCode"] == "NOT_ENOUGH_LIMIT_TO_PAY"
        assert (await house.control("DELETE", "/customers")).status_code == 204
        assert (await house.control("GET", "/customers")).json()["queued"] == []
        await house.control("POST", "/reset")
        assert (await house.control("GET", "/customers")).json() == at_first


async def test_books_and_transactions_can_be_read() -> None:
    """Totals, entries, violations, states; no card session anywhere."""
    async with running() as house:
        transaction = (await house.checkout("FAST01")).json()["transactionId"]
        for _ in range(2):
            await house.pay(Operation.STATUS, house.bodies.status_body(transaction))
        ledger = (await house.control("GET", "/ledger")).json()
        assert (ledger["charged"], ledger["refunded"], ledger["net"]) == (72000, 0, 72000)
        assert ledger["entries"][0]["transaction_id"] == transaction
        assert ledger["violations"][0]["kind"] == "polled_too_soon"
        shown = await house.control("GET", f"/transactions/{transaction}")
        assert (shown.json()["status"], shown.json()["history"]) == ("accepted", ["new", "pending", "accepted"])
        assert "FAST01" not in shown.text + (await house.control("GET", "/requests")).text
        assert len((await house.control("GET", "/requests")).json()) == 3
        assert "POST /sandbox/faults" in (await house.control("GET", "/")).json()["endpoints"]


async def test_faults_can_be_added_listed_and_cleared() -> None:
    """By id, or all at once; a probability goes on until cleared."""
    async with running() as house:
        added: dict[str, Any] = {"kind": "lose_request", "operation": "refund", "times": 3, "params": {"hang_ms": 5}}
        first = (await house.control("POST", "/faults", added)).json()["id"]
        await house.control("POST", "/faults", {"kind": "delay", "probability": 0.5})
        planned = (await house.control("GET", "/faults")).json()["planned"]
        assert planned[0] == {"id": first, "left": 3, "probability": None, "system": None, **added}
        assert (planned[1]["left"], planned[1]["probability"]) == (None, 0.5)
        assert (await house.control("DELETE", f"/faults/{first}")).status_code == 204
        assert len((await house.control("GET", "/faults")).json()["planned"]) == 1
        await house.control("DELETE", "/faults")
        assert (await house.control("GET", "/faults")).json() == {"planned": [], "outage_until_ms": None}


async def test_reset_opens_a_new_bank() -> None:
    """Nothing of before is left."""
    async with running() as house:
        await house.checkout("FAST01")
        await house.fault("lose_request")
        assert (await house.control("POST", "/reset")).status_code == 204
        assert (await house.control("GET", "/ledger")).json()["entries"] == []
        assert (await house.checkout("FAST01")).status_code == 200


NONSENSE: list[tuple[str, Any]] = [
    ("/faults", {"kind": "earthquake"}),
    ("/faults", {"kind": "delay", "params": {"ms": "long"}}),
    ("/faults", {"kind": "delay", "params": []}),
    ("/faults", {"kind": "delay", "probability": "often"}),
    ("/faults", {"kind": "delay", "times": 1.5}),
    ("/faults", {"kind": ["delay"]}),
    ("/faults", {"sort": "delay"}),
    ("/faults", {"kind": "delay", "operation": "dance"}),
    ("/customers", {"action": "confirm"}),
    ("/customers", {"action": "confirm", "order_id": "1", "card_session": "2"}),
    ("/customers", {"action": "confirm", "order_id": 1}),
    ("/customers", {"action": "confirm", "order_id": "1", "after_ms": -1}),
    ("/customers", {"action": "confirm", "order_id": "1", "after_ms": "soon"}),
    ("/customers", {"action": "dance", "order_id": "1"}),
    ("/customers/default", {"action": "confirm", "order_id": "1"}),
    ("/customers/default", {"action": "dance"}),
    ("/customers/default", {"action": "confirm", "method": "CASH"}),
    ("/outage", {"ms": "long"}),
    ("/outage", {"s": 1}),
    ("/faults", []),
]


async def test_nonsense_gets_400_with_a_reason() -> None:
    """And changes nothing."""
    async with running() as house:
        for path, document in NONSENSE:
            answer = await house.control("POST", path, document)
            assert (answer.status_code, bool(answer.json()["error"])) == (400, True), (path, document)
        assert (await house.control("GET", "/faults")).json() == {"planned": [], "outage_until_ms": None}


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"}, {"host": ""}])
async def test_a_web_page_in_the_browser_is_not_let_in(headers: dict[str, str]) -> None:
    """A page can post to loopback, even under a name that it controls."""
    async with running() as house:
        assert (await house.control("POST", "/reset", headers=headers)).status_code == 403


async def test_unknown_paths_and_too_much() -> None:
    """404, 405 and 400."""
    async with running() as house:
        assert (await house.control("GET", "/nothing")).status_code == 404
        assert (await house.control("PUT", "/faults")).status_code == 405
        assert (await house.control("POST", "/faults", {"kind": "x" * 1_100_000})).status_code == 400
        assert (await house.control("POST", "/reset", headers={"host": "["})).status_code == 400
