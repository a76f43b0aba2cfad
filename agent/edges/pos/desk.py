"""The desk: who may ask what, who answers it, and how a refusal is worded."""

from collections.abc import Callable, Mapping
from typing import Any

from agent.core.ports import Corrupt, Query
from agent.edges import replies
from agent.edges.pos.availability import Availability
from agent.edges.pos.care import Care
from agent.edges.pos.checkouts import Checkouts
from agent.edges.pos.codes import CheckoutCodes
from agent.edges.pos.front import Front, Handler, sale_id
from agent.edges.pos.keeper import Keeper
from agent.edges.pos.operations import Operations
from agent.edges.pos.operator import Operators
from agent.edges.pos.payouts import Payouts
from agent.edges.pos.receipts import Receipts
from agent.edges.pos.refunds import Refunds
from agent.edges.pos.reports import Reports
from agent.edges.pos.status import Status
from agent.engine.engine import Engine
from agent.engine.errors import Refusal, Stopped, unknown_terminal
from agent.reasons import explain
from drivers import messages
from drivers.caller import Caller
from drivers.session import Refused

_LOOKED_FOR = (messages.OperationShow, messages.OperationResolve, messages.PayoutShow, messages.PayoutResolve)
"""What nobody but an operator asks."""


class PosDesk:
    """Handles the requests of all connections. One for the whole agent. ``heard``: told of every till whose register asks something."""

    def __init__(
        self, engine: Engine, keeper: Keeper | None = None, heard: Callable[[str, str], None] = lambda store, terminal: None
    ) -> None:
        self._heard = heard
        self._front = front = Front(engine)
        areas = (
            Availability(front),
            Checkouts(front),
            CheckoutCodes(front),
            Refunds(front),
            Receipts(front),
            Operations(front),
            Operators(front),
            Payouts(front),
            Reports(front),
            Status(front, keeper),
            Care(front, keeper),
        )
        self._handlers: dict[type[messages.Request], Handler] = {kind: one for area in areas for kind, one in area.handlers.items()}

    async def handle(self, caller: Caller, request: messages.Request) -> Mapping[str, Any]:
        """One request. Raises Refused with the codes of the protocol."""
        try:
            await self._permit(caller, request)
            if (
                isinstance(request, messages.TillRequest)
                and not caller.operator
                and self._configured(request.store_id, request.terminal_id)
            ):
                self._heard(request.store_id, request.terminal_id)
            handler = self._handlers.get(type(request))
            assert handler is not None, f"{request.method} has no handler"
            return await handler(caller, request)
        except Refusal as raised:
            refusal = self._not_known_here(raised, request)
            data = dict(refusal.data) | (await self._old_answer(request) if refusal.code == "KEY_REUSED" else {})
            raise self._refused(refusal.code, refusal.problem, data) from raised
        except Stopped as stopped:
            raise self._refused("BUSY", str(stopped), {}) from stopped
        except Corrupt as corrupt:
            raise self._refused("RECORD_DAMAGED", str(corrupt), {}) from corrupt

    def _refused(self, code: str, problem: str, data: dict[str, Any]) -> Refused:
        """The refusal as the protocol has it; the cashier's sentence goes with it."""
        words = data.get("reason", code)
        return Refused(code, problem, {**data, "message": explain(words, self._front.translate)})

    def _not_known_here(self, refusal: Refusal, request: messages.Request) -> Refusal:
        """To a register NOT_FOUND is "never accepted, so not paid". Of a till that this agent does not serve (any more) nobody can say
        that: another agent may have taken its money. An operator who looks for a record has only mistyped."""
        if refusal.code != "NOT_FOUND" or not isinstance(request, messages.TillRequest) or isinstance(request, _LOOKED_FOR):
            return refusal
        till = request.store_id, request.terminal_id
        return refusal if self._configured(*till) else unknown_terminal(*till)

    async def _old_answer(self, request: messages.Request) -> dict[str, Any]:
        """What became of the sale whose key was used again: it was told long ago, so showing it changes nothing."""
        assert isinstance(request, messages.SaleRequest)
        steward = await self._front.counter.find(sale_id(request))
        return {"answer": replies.sale_reply(steward.sale, self._front.translate)}

    async def _permit(self, caller: Caller, request: messages.Request) -> None:
        """A caller speaks for its own terminals only (promise P22)."""
        match request:
            case messages.OperationShow() | messages.OperationResolve() | messages.OperationRetry() if not caller.operator:
                raise Refusal("FORBIDDEN", f"{request.method} is for the operator's socket")
            case messages.OperationRetry():
                return
            case messages.PayoutShow() | messages.PayoutResolve() if not caller.operator:
                raise Refusal("FORBIDDEN", f"{request.method} is for the operator's socket")
            case messages.PayoutServices() | messages.PayoutCreate() | messages.PayoutCancel() | messages.PayoutGet() if not caller.payouts:
                raise Refusal("FORBIDDEN", "this way in may not pay out: its listener or client needs payouts = true")
            case messages.OperationList() | messages.OperationReport() if caller.operator:
                return
            case messages.OperationList() | messages.OperationReport() if request.terminal_id is None and caller.tills is not None:
                raise Refusal("FORBIDDEN", "name a terminalId: this user may not see every terminal of the store", path="terminalId")
            case messages.OperationList() | messages.OperationReport():
                await self._permit_till(caller, request.store_id or "", request.terminal_id or "")
            case messages.TillRequest():
                await self._permit_till(caller, request.store_id, request.terminal_id)
            case messages.AgentStatus():
                return
            case messages.AgentReload() | messages.AgentBackup() | messages.AgentRelease():
                if not caller.operator:
                    raise Refusal("FORBIDDEN", f"{request.method} is for the operator's socket")
            case _:
                raise Refusal("FORBIDDEN", f"{request.method} has no rule that permits it")

    async def _permit_till(self, caller: Caller, store_id: str, terminal_id: str) -> None:
        """A till that was taken out of the configuration begins nothing new (the engine sees to that); what it began before can still be
        asked for and ended."""
        may = caller.may(store_id, terminal_id)
        gone = not caller.operator and not self._configured(store_id, terminal_id)
        if gone and not (may and await self._has_records(store_id, terminal_id)):
            raise unknown_terminal(store_id, terminal_id)
        if not may:
            raise Refusal("FORBIDDEN", f"this user may not act for terminal {terminal_id!r} of store {store_id!r}")

    def _configured(self, store_id: str, terminal_id: str) -> bool:
        return (store_id, terminal_id) in self._front.engine.setup.terminals

    async def _has_records(self, store_id: str, terminal_id: str) -> bool:
        """Whether the journal holds anything of this till, a payout too."""
        engine = self._front.engine
        for payouts in (False, True):
            if await engine.reading(engine.ports.journal.find(Query(store_id, terminal_id, payouts=payouts, limit=1))):
                return True
        return False
