"""``agent.status``: whether new checkouts are taken, and what a technician wants to know first."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent import __version__
from agent.core.ports import RESTORED_NOTE, Query, Row
from agent.edges.pos.front import Front, Handlers
from agent.edges.pos.keeper import Keeper
from agent.reasons import explain
from drivers import messages
from drivers.caller import Caller

DENIED = "ACCESS_DENIED"
MAX_COUNTED = 500  # rows of a kind that are looked through: more are no longer counted by a person


class Status:
    """One area of the desk."""

    def __init__(self, front: Front, keeper: Keeper | None) -> None:
        self._front, self._keeper = front, keeper
        self.handlers: Handlers = {messages.AgentStatus: self._status}

    async def _status(self, caller: Caller, request: messages.AgentStatus) -> Mapping[str, Any]:
        engine = self._front.engine
        restored = await engine.reading(engine.ports.journal.noted(RESTORED_NOTE)) is not None
        environments = sorted({binding.environment.value for binding in engine.setup.bindings.values()})
        found: dict[str, Any] = {
            "ready": not engine.closing and not restored and engine.lasting() and (self._keeper is None or self._keeper.taking),
            "version": __version__,
            "environment": environments[0],
            "providers": {name: self._provider(binding.account, caller.operator) for name, binding in engine.setup.bindings.items()},
        }
        found |= self._keeper.report(caller.operator) if self._keeper else {}
        if caller.operator:
            found["details"] = await self._details(restored)
            if restored and self._keeper is not None:
                found["details"]["restore"] = self._keeper.restored()
        return found

    def _provider(self, account: str, operator: bool) -> dict[str, Any]:
        """Whether a payment system can be reached and lets this till in; the latter is told where it does not. A register acts by a yes or
        a no; a person is told as well where nobody knows."""
        transport = self._front.engine.ports.transport
        shut = {"reason": DENIED, "message": explain(DENIED, self._front.translate)}
        guessed = {"known": False} if operator and not transport.known(account) else {}
        return {"reachable": transport.reachable(account), **guessed, **({} if transport.admits(account) else shut)}

    async def _details(self, restored: bool) -> dict[str, Any]:
        engine = self._front.engine
        alive = [steward.sale for steward in engine.alive]
        unconfirmed = await self._find(Query(unconfirmed=True, limit=MAX_COUNTED))
        untold = await self._find(Query(untold=True, limit=MAX_COUNTED))
        attention = await self._find(Query(attention=True, limit=MAX_COUNTED))  # from the file: they outlive the process that raised them
        parked = await engine.reading(engine.ports.journal.parked())
        return {
            "restored": restored,
            "lines": self._keeper.lines() if self._keeper else [],
            "open": _counted(sale.payment.value for sale in alive if not sale.finished),
            "refundsOpen": sum(1 for sale in alive for one in sale.refunds if one.unsettled),
            "payoutsOpen": sum(1 for one in engine.payouts.alive if not one.payout.finished),
            "receiptsOpen": sum(1 for sale in alive for one in sale.deliveries if one.unsettled),
            "toldUnconfirmed": len(unconfirmed),
            "paidUntold": len(untold),
            "alarms": [{"sale": str(row.id), "codes": row.alarms.split()} for row in attention if row.alarms],
            "attention": len(attention),
            "parked": [{"sale": str(one.id), "reason": one.reason, "at": one.at.isoformat()} for one in parked if one.released is None],
        }

    async def _find(self, query: Query) -> Sequence[Row]:
        return await self._front.engine.reading(self._front.engine.ports.journal.find(query))


def _counted(states: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in states:
        found[state] = found.get(state, 0) + 1
    return found
