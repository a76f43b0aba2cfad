"""The director: tells the bank's customers what to do, lets the bank fail, and looks into its ledger. None of the other parties can.

It speaks to the sandbox's control port, which stays open when the bank itself is out of reach.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

import httpx

from agent.demo.stage import StageFailed
from agent.sandbox.control import PREFIX
from agent.sandbox.customer import Action
from agent.sandbox.faults import FaultKind
from agent.sandbox.words import KOSHELEK, Method, Operation, RefStatus

ANSWER_LIMIT_S = 20.0  # a process on this machine, which may be slow
LOOK_PAUSE_S = 0.01  # well below the pause between two status reads
MAX_LOOKS = 1_000


class Director:
    """Use it in ``async with``. Every method raises StageFailed when the bank is gone or does not understand."""

    def __init__(self, control_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=control_url + PREFIX, timeout=ANSWER_LIMIT_S, trust_env=False)

    async def customer(self, order_id: str, action: Action, after_ms: int = 0, method: Method = Method.SBP) -> None:
        """What the customer of an order is going to do, ``after_ms`` after the bank has his payment."""
        await self._call("POST", "/customers", order_id=order_id, action=action, after_ms=after_ms, method=method)

    async def decide(self, transaction_id: str, action: Action) -> None:
        """The customer of a waiting payment decides now."""
        await self._call("POST", f"/transactions/{transaction_id}/{action}")

    async def people_return(self, transaction_id: str) -> None:
        """The people at a payment system carry out the return that was asked of them."""
        found = await self._call("GET", f"/transactions/{transaction_id}")
        for reference in found["references"]:
            if reference["status"] == RefStatus.NEW:
                await self._call("POST", f"/references/{reference['id']}/accept")

    async def fault(self, kind: FaultKind, operation: Operation | None, system: str = KOSHELEK, **params: int) -> None:
        """The next request of this kind meets a fault, if it goes to this payment system."""
        await self._call("POST", "/faults", kind=kind, operation=operation, system=system, params=params)

    async def outage(self, milliseconds: int) -> None:
        """From now on connections to the bank are refused."""
        await self._call("POST", "/outage", ms=milliseconds)

    async def next_read(self, transaction_id: str) -> None:
        """Returns right after the next status read of a payment. The agent reads while it waits for a customer, so it comes soon."""
        before = await self._reads(transaction_id)
        for _ in range(MAX_LOOKS):
            if await self._reads(transaction_id) > before:
                return
            await asyncio.sleep(LOOK_PAUSE_S)
        raise StageFailed(f"the agent does not read the status of {transaction_id}")

    async def _reads(self, transaction_id: str) -> int:
        requests = await self._call("GET", "/requests")
        return sum(one["operation"] == Operation.STATUS and one["transaction_id"] == transaction_id for one in requests)

    async def ledger(self) -> dict[str, Any]:
        """``entries`` and ``violations`` of the bank's ledger."""
        found: dict[str, Any] = await self._call("GET", "/ledger")
        return found

    async def _call(self, verb: str, path: str, **body: object) -> Any:
        try:
            answer = await self._http.request(verb, path, json=body or None)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise StageFailed(f"the bank does not do as it is told ({verb} {path}): {error}") from error
        return answer.json() if answer.content else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.aclose()
