"""A sandbox behind a real socket, and clients for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from agent.sandbox.server import Sandbox
from agent.sandbox.settings import BankSettings, SandboxSettings
from agent.sandbox.words import Operation
from tests.sandbox.till import HEADERS, PATHS, Till

TIMEOUT_S = 5.0


@asynccontextmanager
async def running(client: httpx.AsyncClient | None = None, **changes: Any) -> AsyncIterator["House"]:
    settings = SandboxSettings(port=0, **{"bank": BankSettings(), **changes})
    async with Sandbox(settings) as sandbox, client or httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S) as opened:
        yield House(sandbox, opened)


class House:
    """A sandbox and one client with a connection pool."""

    def __init__(self, sandbox: Sandbox, client: httpx.AsyncClient) -> None:
        self.sandbox, self.client = sandbox, client
        self.bodies = Till()  # only its builders are used

    async def pay(self, operation: Operation, document: Any, **options: Any) -> httpx.Response:
        content = document if isinstance(document, bytes) else None
        json = None if isinstance(document, bytes) else document
        return await self.client.post(self.sandbox.base_url + PATHS[operation], content=content, json=json, headers=HEADERS, **options)

    async def checkout(self, session: str = "Q7W2E9", **options: Any) -> httpx.Response:
        return await self.pay(Operation.CHECKOUT, self.bodies.checkout_body(session), **options)

    async def control(self, method: str, path: str, document: Any = None, **options: Any) -> httpx.Response:
        json = {} if document is None else {"json": document}
        return await self.client.request(method, self.sandbox.control_url + "/sandbox" + path, **json, **options)

    async def fault(self, kind: str, **params: Any) -> None:
        answer = await self.control("POST", "/faults", {"kind": kind, "params": params})
        assert answer.status_code == 200, answer.text
