"""``agent.status``: whether new checkouts are taken, and what a technician wants to know first."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent import __version__
from agent.core.ports import Query, Row
from agent.edges.pos.front import Front, Handlers
from agent.engine.accept import RESTORED_NOTE
from drivers import messages
from drivers.caller import Caller


class Status:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.handlers: Handlers = {messages.AgentStatus: self._status}

    async def _status(self, caller: Caller, request: messages.AgentStatus) -> Mapping[str, Any]:
        engine = self._front.engine
        restored = await engine.reading(engine.ports.journal.noted(RESTORED_NOTE)) is not None
        environments = sorted({binding.environment.value for binding in engine.setup.bindings.values()})
        found: dict[str, Any] = {
            "ready": not engine.closing and not restored,
            "version": __version__,
            "environment": environments[0],
            "providers": {
                name: {"reachable": engine.ports.transport.reachable(binding.account)} for name, binding in engine.setup.bindings.items()
            },
        }
        if caller.operator:
            found["details"] = await self._details(restored)
        return found

    async def _details(self, restored: bool) -> dict[str, Any]:
        engine = self._front.engine
        alive = [steward.sale for steward in engine.alive]
        unconfirmed = await self._find(Query(unconfirmed=True, limit=500))
        untold = [row for row in await self._find(Query(state="paid", limit=500)) if not row.told]
        parked = await engine.reading(engine.ports.journal.parked())
        return {
            "restored": restored,
            "open": _counted(sale.payment.value for sale in alive if not sale.finished),
            "refundsOpen": sum(1 for sale in alive for one in sale.refunds if one.unsettled),
            "toldUnconfirmed": len(unconfirmed),
            "paidUntold": len(untold),
            "alarms": [{"sale": str(sale.id), "codes": sorted(sale.alarms)} for sale in alive if sale.alarms],
            "parked": [{"sale": str(one.id), "reason": one.reason, "at": one.at.isoformat()} for one in parked],
        }

    async def _find(self, query: Query) -> Sequence[Row]:
        return await self._front.engine.reading(self._front.engine.ports.journal.find(query))


def _counted(states: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in states:
        found[state] = found.get(state, 0) + 1
    return found
