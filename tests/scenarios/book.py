"""The book of scenarios: what a register lives through, written once for every way in.

A scenario asserts what must be so in any case, and notes what must be told in the same words by every way. Only what does not depend on the
moment is noted: ``queued`` or ``sending`` is a matter of luck, the end of a sale is not.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.scenarios.till import CHEESE, MILK, TOKEN, Till

Scenario = Callable[[Till], Awaitable[None]]
STRANGE_TILL = "stranger"
POLL_S = 6  # long enough to be told from a poll that was woken, also on a loaded machine


async def sale(till: Till) -> None:
    """A customer pays after a second; the answers on the way, the slip, the list."""
    bill = till.bill("PAY")
    first = await till.ask("checkout.create", **bill)
    assert first["finished"] is False or not till.way.clean
    paid = await till.settled(bill["key"])
    assert (paid["state"], paid["success"], paid["told"], set(paid["slip"]["text"])) == ("paid", True, True, {"32", "42", "48"})
    till.note("paid", paid)
    till.note("confirmed", await till.ask("checkout.confirm", key=bill["key"]))
    till.note("confirmed twice", await till.ask("checkout.confirm", key=bill["key"]))
    till.note("canceled too late", await till.ask("checkout.cancel", key=bill["key"]))
    till.note("last", await till.ask("operation.last"))
    found = await till.ask("operation.list", orderId=bill["key"], state="paid", amount=72000, limit=5)
    assert [row["key"] for row in found["operations"]] == [bill["key"]]
    till.note("list", found)
    till.note("slip", await till.ask("operation.slip", key=bill["key"]))


async def decline(till: Till) -> None:
    """The bank declines; the next attempt is a new key of the same order, and is paid."""
    bill = till.bill("LIMIT")
    await till.ask("checkout.create", **bill)
    declined = await till.settled(bill["key"])
    assert (declined["state"], declined["success"], declined["money"]) == ("declined", False, "none")
    till.note("declined", declined)
    key = await till.paid(2, order=1)
    till.note("paid", await till.ask("checkout.get", key=key))


async def cancel(till: Till) -> None:
    """The customer has changed his mind; the cashier cancels; the next customer is served."""
    bill = await till.pending()
    till.note("pending", await till.ask("checkout.get", key=bill["key"]))
    await till.ask("checkout.cancel", key=bill["key"])
    key = await till.paid(2)
    canceled = await till.settled(bill["key"])
    assert (canceled["state"], canceled["success"], canceled["reason"]) == ("canceled", False, "CANCELED_BY_CASHIER")
    till.note("canceled", canceled)
    till.note("next", await till.ask("checkout.get", key=key))


async def race(till: Till) -> None:
    """Cancel and payment in the same moment: whoever wins, what is told and where the money is agree."""
    bill = await till.pending()
    await asyncio.gather(till.decide(bill["key"], "confirm"), till.ask("checkout.cancel", key=bill["key"]))
    end = await till.settled(bill["key"])
    assert (end["state"], end["success"], end["money"]) in (("paid", True, "charged"), ("canceled", False, "none")), end
    assert (await till.ask("checkout.confirm", key=bill["key"]))["confirmed"]


async def late_cancel(till: Till) -> None:
    """The customer has paid, the register does not know it yet and cancels: paid."""
    bill = await till.pending()
    assert await till.decide(bill["key"], "confirm")
    await till.ask("checkout.cancel", key=bill["key"])
    paid = await till.settled(bill["key"])
    assert (paid["state"], paid["success"], paid["money"]) == ("paid", True, "charged")
    till.note("paid", paid)


async def refund_whole(till: Till) -> None:
    """Everything back, in one go; asked for twice, it goes back once."""
    key = await till.paid()
    till.note("refunded", await till.refund(key, "R1"))
    till.note("repeated", await till.ask("refund.create", key=key, refundKey="R1", token=TOKEN))
    till.note("sale", await till.ask("checkout.get", key=key))
    assert await till.refused("nothing left", "refund.create", key=key, refundKey="R2", token=TOKEN) == "NOT_REFUNDABLE"


async def refund_lines(till: Till) -> None:
    """One bottle of three, a part of what is weighed, too much, another body under the same key, and the rest."""
    key = await till.paid()
    one = [{"line": 1, "quantity": 1}]
    first = await till.refund(key, "R1", items=one, refundAmount=9000)
    assert first["amount"] == 9000
    till.note("one bottle", first)
    for step, refund_key, items in (
        ("weighed", "R2", [{"line": 0, "quantity": 250}]),
        ("too much", "R3", [{"line": 1, "quantity": 3}]),
        ("other body", "R1", [{"line": 1, "quantity": 2}]),
    ):
        await till.refused(step, "refund.create", key=key, refundKey=refund_key, items=items, token=TOKEN)
    rest = await till.refund(key, "R4")
    assert rest["amount"] == 63000
    till.note("the rest", rest)
    sold = await till.ask("checkout.get", key=key)
    assert (sold["state"], sold["money"], [one["refundKey"] for one in sold["refunds"]]) == ("paid", "returned", ["R1", "R4"])
    till.note("sale", sold)


async def repeat(till: Till) -> None:
    """The same request twice at once, again while the customer thinks, again when it is paid: one sale, one payment, one answer."""
    bill = till.bill("WAIT")
    await asyncio.gather(till.ask("checkout.create", **bill), till.ask("checkout.create", **bill))
    pending = await till.until(bill["key"], lambda answer: answer["state"] == "pending")
    assert await till.ask("checkout.create", **bill | {"token": "another-token"}) == pending
    await till.decide(bill["key"], "confirm")
    paid = await till.settled(bill["key"])
    assert await till.ask("checkout.create", **bill) == paid
    assert (paid["state"], paid["transactionId"]) == ("paid", pending["transactionId"])
    till.note("paid", paid)


async def conflict(till: Till) -> None:
    """The same key with another bill: refused, and the sale goes on untouched."""
    bill = await till.pending()
    other = till.bill("WAIT", items=[MILK])
    assert await till.refused("other bill", "checkout.create", **other) == "CONFLICT"
    assert await till.refused("other code", "checkout.create", **bill | {"cardSession": "WAITother"}) == "CONFLICT"
    await till.decide(bill["key"], "confirm")
    paid = await till.settled(bill["key"])
    assert (paid["state"], paid["amount"]) == ("paid", 72000)
    till.note("paid", paid)


async def order_guard(till: Till) -> None:
    """A second payment of an order while the first one is open, and when it is paid."""
    bill = await till.pending()
    second = till.bill("FAST", 2, order=1)
    assert await till.refused("open", "checkout.create", **second) == "ORDER_IN_DOUBT"
    await till.decide(bill["key"], "confirm")
    assert (await till.settled(bill["key"]))["state"] == "paid"
    assert await till.refused("paid", "checkout.create", **second) == "ORDER_PAID"


async def long_poll(till: Till) -> None:
    """It lasts as long as it may while nothing ends, and ends as soon as the sale does."""
    bill = await till.pending()
    began = time.monotonic()
    till.note("still pending", await till.ask("checkout.get", key=bill["key"], wait=1))
    assert time.monotonic() - began >= 1
    poll = asyncio.create_task(till.ask("checkout.get", key=bill["key"], wait=POLL_S))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    await till.decide(bill["key"], "decline")
    answer = await poll
    assert (answer["state"] == "declined" and time.monotonic() - began < POLL_S - 1) or not till.way.clean
    till.note("declined", await till.settled(bill["key"]))


async def refusals(till: Till) -> None:
    """What is refused is refused in the same words, for the programmer and for the cashier."""
    bill = till.bill("FAST")
    invoice = bill["checkoutInvoice"]
    broken = {**bill, "user": {}, "checkoutInvoice": {"orderID": "x", "totalAmount": "72000", "items": [CHEESE]}}
    wrong_sum = {**bill, "checkoutInvoice": {**invoice, "totalAmount": 1, "items": [{**MILK, "tax": "vat99"}]}}
    cases: Mapping[str, tuple[str, str, dict[str, Any]]] = {
        "broken": ("INVALID", "checkout.create", broken),
        "wrong sum": ("INVALID", "checkout.create", wrong_sum),
        "unknown": ("NOT_FOUND", "checkout.get", {"key": "nobody"}),
        "unknown cancel": ("NOT_FOUND", "checkout.cancel", {"key": "nobody"}),
        "unknown refund": ("NOT_FOUND", "refund.create", {"key": "nobody", "refundKey": "R1"}),
        "too long a wait": ("INVALID", "checkout.get", {"key": bill["key"], "wait": 61}),
        "strange till": ("FORBIDDEN", "operation.last", {"terminalId": STRANGE_TILL}),
        "operator's": ("FORBIDDEN", "operation.show", {"key": bill["key"]}),
    }
    for step, (code, method, params) in cases.items():
        assert await till.refused(step, method, **params) == code, step
    open_bill = await till.pending(2)
    assert await till.refused("too early", "checkout.confirm", key=open_bill["key"]) == "INVALID"
    assert await till.refused("not paid", "refund.create", key=open_bill["key"], refundKey="R1", token=TOKEN) == "NOT_REFUNDABLE"
    await till.ask("checkout.cancel", key=open_bill["key"])
    assert (await till.settled(open_bill["key"]))["state"] == "canceled"
    till.note("status", await till.ask("agent.status"))


async def restart(till: Till, killed: Callable[[], Awaitable[None]]) -> None:
    """The agent dies while the customer holds the phone; the customer pays; the register asks again by its key. ``killed`` returns when the
    agent is dead; it is started again at some time after that."""
    bill = await till.pending()
    await killed()
    assert await till.decide(bill["key"], "confirm")
    paid = await till.settled(bill["key"])
    assert (paid["state"], paid["success"], paid["money"]) == ("paid", True, "charged")
    assert await till.ask("checkout.create", **bill) == paid
    till.note("paid", paid)
    till.note("confirmed", await till.ask("checkout.confirm", key=bill["key"]))


BOOK: Mapping[str, Scenario] = {
    one.__name__.replace("_", "-"): one
    for one in (
        sale,
        refusals,
        long_poll,
        refund_lines,
        decline,
        cancel,
        race,
        late_cancel,
        refund_whole,
        repeat,
        conflict,
        order_guard,
    )
}
RESTART = "restart"
