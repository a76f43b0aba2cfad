"""The register: a POS that knows one way to the agent and the rules for using it, and nothing else.

The rules are few. Every request carries a key of the register's own, so it can be repeated after any accident and means the same.
Whoever is told "not finished" asks again. What is finished is stored (here: in ``book``) and confirmed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agent.demo.configuration import STORE
from agent.demo.goods import Bill
from agent.demo.means import Means
from agent.demo.ways import Caller
from drivers.client import Unreachable

Answer = Mapping[str, Any]
Show = Callable[[str, str, str], None]
"""Shows till, order and what it was told."""

POLL_S = 0.2  # of one long poll: short, so that the states on the way are seen
SETTLE_LIMIT_S = 70.0  # the longest scene takes 30 s; a busy machine may take twice as long
RECONNECT_LIMIT_S = 60.0  # the agent's start on a slow machine
RECONNECT_PAUSE_S = 0.1


class TakesTooLong(Exception):
    """The agent has not settled in time what it was asked to."""


class Book:
    """What the register of a shop has stored: the last answer about every sale and every refund."""

    def __init__(self) -> None:
        self.sales: dict[tuple[str, str], Answer] = {}
        self.refunds: dict[tuple[str, str, str], Answer] = {}


class Register:
    """One till. Its calls are made one after the other."""

    def __init__(self, connect: Callable[[], Awaitable[Caller]], terminal: str, book: Book, show: Show, gone: Callable[[], bool]) -> None:
        """``gone``: whether there is no agent to come back."""
        self.terminal, self._connect, self._book, self._show, self._gone = terminal, connect, book, show, gone
        self._client: Caller | None = None

    def sale(self, key: str, bill: Bill, means: Means) -> "Sale":
        return Sale(self, key, bill, means)

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """Ask the agent; if it goes away, ask again when it is back. Raises CallFailed, and Unreachable if it does not come back."""
        end = time.monotonic() + RECONNECT_LIMIT_S
        while True:
            try:
                self._client = self._client or await self._connect()
                return await self._client.call(method, storeId=STORE, terminalId=self.terminal, **params)
            except Unreachable:
                await self.close()
                if self._gone() or time.monotonic() > end:
                    raise
                await asyncio.sleep(RECONNECT_PAUSE_S)

    def store_sale(self, answer: Answer) -> None:
        self._book.sales[self.terminal, answer["key"]] = answer

    def store_refund(self, answer: Answer) -> None:
        self._book.refunds[self.terminal, answer["key"], answer["refundKey"]] = answer

    def show(self, order_id: str, text: str) -> None:
        self._show(self.terminal, order_id, text)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


class Sale:
    """A sale as its register sees it: ``answer`` is the last one, ``path`` the states on the way, ``ms`` the time until it was finished."""

    def __init__(self, register: Register, key: str, bill: Bill, means: Means) -> None:
        self.register, self.key, self.bill, self.means = register, key, bill, means
        self.answer: dict[str, Any] = {}
        self.path: list[str] = []
        self.refund_paths: dict[str, list[str]] = {}
        self._began = time.monotonic()
        self.ms = 0

    @property
    def order_id(self) -> str:
        return str(self.bill["orderId"])

    async def create(self, bill: Bill | None = None) -> Answer:
        """Hand the checkout in; again, if it was before. ``bill``: another one under the same key."""
        answer = await self.register.call(
            "checkout.create",
            key=self.key,
            checkoutInvoice=bill or self.bill,
            **self.means.beside(self.key),
        )
        return self._take(answer)

    async def ask(self) -> Answer:
        return self._take(await self.register.call("checkout.get", key=self.key, wait=POLL_S))

    async def code(self, form: str) -> Answer:
        """The payment link as a QR code, while the customer may pay by it."""
        return await self.register.call("checkout.qr", key=self.key, format=form)

    async def cancel(self) -> Answer:
        return self._take(await self.register.call("checkout.cancel", key=self.key))

    async def wait_until(self, true: Callable[[Answer], bool], pause_s: float = 0.0) -> Answer:
        """Ask until it is so. Raises TakesTooLong."""
        end = time.monotonic() + SETTLE_LIMIT_S
        while not true(self.answer):
            if time.monotonic() > end:
                raise TakesTooLong(f"{self.order_id} is still {self.answer['state']}, money {self.answer['money']}")
            await asyncio.sleep(pause_s)
            await self.ask()
        return self.answer

    async def finish(self) -> Answer:
        """Ask until it is finished or a person must come; a finished answer is confirmed."""
        await self.wait_until(lambda answer: answer["finished"] or answer.get("next") == "person")
        if self.answer["finished"]:
            self._take(await self.register.call("checkout.confirm", key=self.key))
        return self.answer

    async def refund(
        self, refund_key: str, items: list[dict[str, int]] | None = None, *, until: str | None = None
    ) -> tuple[Answer, list[str]]:
        """Return goods of this sale, or all of it, and wait until that is settled, or is as far as ``until``. May be repeated, as every
        request. Returns the answer and the states on the way. Raises TakesTooLong."""
        names = {"key": self.key, "refundKey": refund_key}
        goods = {} if items is None else {"items": items}
        answer = await self.register.call("refund.create", **names, **goods, **self.means.beside_refund())
        path = self.refund_paths.setdefault(refund_key, [])
        end = time.monotonic() + SETTLE_LIMIT_S
        while True:
            self.register.store_refund(answer)
            if path[-1:] != [answer["state"]]:
                path.append(answer["state"])
                self.register.show(self.order_id, f"{answer['state']}: {answer['message']}")
            if answer["finished"] or answer.get("next") == "person" or answer["state"] == until:
                return answer, path
            if time.monotonic() > end:
                raise TakesTooLong(f"the refund of {self.order_id} is still {answer['state']}")
            answer = await self.register.call("refund.get", **names, wait=POLL_S)

    def _take(self, answer: dict[str, Any]) -> Answer:
        before, self.answer = self.answer, answer
        self.register.store_sale(answer)
        if self.path[-1:] != [answer["state"]]:
            self.path.append(answer["state"])
        if (before.get("state"), before.get("money")) != (answer["state"], answer["money"]):
            self.register.show(self.order_id, _seen(before, answer))
        if answer["finished"] and not self.ms:
            self.ms = round((time.monotonic() - self._began) * 1000)
        return answer


def _seen(before: Answer, answer: Answer) -> str:
    """The text on the register's screen; where only the money has moved since, where it is now."""
    if before.get("state") != answer["state"]:
        return f"{answer['state']}: {answer['message']}"
    return f"{answer['state']}, as told; but the money is now: {answer['money']}"
