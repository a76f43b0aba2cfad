"""A till that plays a scenario: what a register must do whatever the way in is, and a record of what it was told.

After any doubt it connects again and repeats the same request. What is told is noted in its normal form: without the names, ids and times
in which one run must differ from another, so that two runs can be compared field by field.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from drivers.client import CallFailed, Unreachable
from tests.scenarios.ways import Caller, Way
from tests.support.stand import STORE, Stand, http_request

Answer = dict[str, Any]
CHEESE = {"name": "Cheese", "article": "1", "price": 36, "quantity": 1250, "measure": "GRAM", "totalAmount": 45000, "tax": "vat10"}
MILK = {"name": "Milk", "article": "2", "price": 9000, "quantity": 3, "totalAmount": 27000, "tax": "vat10"}
TOKEN = "token-of-the-till"
SETTLE_S = 60.0
PAUSE_S = 0.1
_OF_JSON_RPC_ALONE = "Invalid params: "  # the standard's words for its number
_OF_HTTP_ALONE = frozenset({"type", "title", "status", "detail"})


@dataclass
class Journal:
    """What the register of one way has on its own disk when all is over, and what was noted, by scenario."""

    sales: dict[str, Answer] = field(default_factory=dict)
    refunds: dict[tuple[str, str], Answer] = field(default_factory=dict)
    orders: dict[str, set[str]] = field(default_factory=dict)  # the keys under which an order was to be paid
    notes: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    doubts: int = 0


class Line:
    """A connection that is made anew after every doubt."""

    def __init__(self, connect: Callable[[int], Awaitable[Caller]], journal: Journal) -> None:
        self._connect, self._journal = connect, journal
        self._caller: Caller | None = None
        self._count = 0

    async def call(self, method: str, params: Mapping[str, Any]) -> Answer:
        """The answer, however often it must be asked for. Raises CallFailed."""
        until = time.monotonic() + SETTLE_S
        while True:
            caller: Caller | None = None
            try:
                caller = self._caller = self._caller or await self._connect(self._next())
                return await caller.call(method, **params)
            except Unreachable:
                self._journal.doubts += 1
                if caller is not None and self._caller is caller:
                    await self.close()
            except CallFailed as error:
                if error.code != "BUSY":
                    raise
            assert time.monotonic() < until, f"no answer to {method}"
            await asyncio.sleep(PAUSE_S)

    def _next(self) -> int:
        self._count += 1
        return self._count

    async def close(self) -> None:
        caller, self._caller = self._caller, None
        if caller is not None:
            await caller.close()


class Till:
    """One terminal in one scenario."""

    def __init__(self, way: Way, scenario: str, line: Line, stand: Stand, journal: Journal) -> None:
        self.way, self.scenario, self.terminal = way, scenario, way.till(scenario)
        self._line, self._stand, self._journal = line, stand, journal
        self._notes = journal.notes.setdefault(scenario, [])
        self._forget = Normal(way.prefix)

    # --- asking ---

    async def ask(self, method: str, /, **params: Any) -> Answer:
        """The result of a method for this till. Raises CallFailed."""
        place = {} if method == "agent.status" else {"storeId": STORE, "terminalId": self.terminal}
        answer = await self._line.call(method, place | params)
        if method.startswith("checkout."):
            self._journal.sales[answer["key"]] = answer
        elif method.startswith("refund."):
            self._journal.refunds[answer["key"], answer["refundKey"]] = answer
        return answer

    async def refused(self, step: str, method: str, /, **params: Any) -> str:
        """It must be refused; what it says is noted, without what only JSON-RPC or HTTP has. The code."""
        try:
            answer = await self.ask(method, **params)
        except CallFailed as error:
            data = {name: value for name, value in error.data.items() if name not in _OF_HTTP_ALONE}
            self.note(step, {"code": error.code, "detail": error.message.removeprefix(_OF_JSON_RPC_ALONE), "data": data})
            return error.code
        raise AssertionError(f"{self.terminal}: {step} was not refused: {answer}")

    def bill(self, session: str, number: int = 1, items: Sequence[Mapping[str, Any]] = (CHEESE, MILK), order: int | None = None) -> Answer:
        """A ``checkout.create``, but for the place. ``session``: what the customer does; ``order``: the order it pays, if not its own."""
        key, order_id = f"{self.terminal}-{number}", f"{self.terminal}-{order or number}"
        self._journal.orders.setdefault(order_id, set()).add(key)
        return {
            "key": key,
            "checkoutInvoice": {"orderId": order_id, "totalAmount": sum(item["totalAmount"] for item in items), "items": list(items)},
            "user": {"loyaltyId": "2900000012345"},
            "cardSession": session + re.sub(r"[^A-Za-z0-9]", "", key),
            "token": TOKEN,
        }

    async def settled(self, key: str) -> Answer:
        """Poll until the sale is finished or a person is needed."""
        return await self.until(key, lambda answer: answer["finished"] or answer["next"] == "person")

    async def until(self, key: str, true: Callable[[Answer], bool]) -> Answer:
        """Poll until it is so."""
        end = time.monotonic() + SETTLE_S
        while not true(answer := await self.ask("checkout.get", key=key, wait=1 if answer_is_near(true) else 0)):
            assert time.monotonic() < end, f"{key} is still {answer['state']}"
            await asyncio.sleep(PAUSE_S)
        return answer

    async def paid(self, number: int = 1, items: Sequence[Mapping[str, Any]] = (CHEESE, MILK), order: int | None = None) -> str:
        """A sale that the customer pays at once, told and confirmed; its key."""
        bill = self.bill("FAST", number, items, order)
        await self.ask("checkout.create", **bill)
        answer = await self.settled(bill["key"])
        assert (answer["state"], answer["success"], answer["money"]) == ("paid", True, "charged"), answer
        await self.ask("checkout.confirm", key=bill["key"])
        return str(bill["key"])

    async def pending(self, number: int = 1, order: int | None = None) -> Answer:
        """A sale whose customer has the phone in the hand and does nothing yet; its bill."""
        bill = self.bill("WAIT", number, order=order)
        await self.ask("checkout.create", **bill)
        await self.until(bill["key"], lambda answer: answer["state"] == "pending")
        return bill

    async def refund(self, key: str, refund_key: str, **params: Any) -> Answer:
        """Give money back, and wait until that is done."""
        answer = await self.ask("refund.create", key=key, refundKey=refund_key, token=TOKEN, **params)
        while not answer["finished"] and answer["next"] == "poll":
            answer = await self.ask("refund.get", key=key, refundKey=refund_key, wait=1)
        assert answer["state"] == "refunded", answer
        return answer

    # --- the customer ---

    async def decide(self, key: str, action: str) -> bool:
        """The customer of a waiting payment acts. False: the payment waits for nobody any more."""
        transaction = self._journal.sales[key]["transactionId"]
        path = f"/sandbox/transactions/{transaction}/{action}"
        status, text = await asyncio.to_thread(http_request, self._stand.control_port, "POST", path, b"")
        assert status in (HTTPStatus.OK, HTTPStatus.CONFLICT), text
        return status == HTTPStatus.OK

    # --- noting ---

    def note(self, step: str, answer: Any) -> None:
        """This is how it was told, and must be by every way."""
        self._notes.append((step, self._forget(answer)))


def answer_is_near(true: Callable[[Answer], bool]) -> bool:
    """A long poll returns when the sale is finished, and not when only its state changes."""
    with contextlib.suppress(KeyError):
        return true({"finished": True})
    return False


class Normal:
    """Takes out of answers what must differ between two runs: the way's own names become the same names, ids are numbered as they come, so
    that the same id stays the same, and times become a word."""

    _ID = re.compile(
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{8}\s*[0-9a-f]{4}"  # a narrow slip breaks it
        r"|\bAD[0-9A-F]{30}\b|\bA[0-9A-F]{20}\b|\b[0-9A-F]{8}\b"
    )
    _TIME = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+Z)?|\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d")

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._ids: dict[str, str] = {}

    def __call__(self, value: Any) -> Any:
        match value:
            case dict():
                return {name: self(value[name]) for name in sorted(value)}
            case list():
                return [self(one) for one in value]
            case str():
                return self._TIME.sub("<time>", self._ID.sub(self._number, value.replace(self._prefix, "every-")))
            case _:
                return value

    def _number(self, found: re.Match[str]) -> str:
        return self._ids.setdefault(re.sub(r"\s", "", found[0]), f"<id {len(self._ids) + 1}>")
