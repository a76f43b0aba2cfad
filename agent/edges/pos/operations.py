"""``operation.*``: what happened at the tills - the last sale, lists, one sale's whole story."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agent.core import events
from agent.core.answer import row as projection
from agent.core.payment import PaymentState
from agent.core.ports import Query, Row
from agent.edges import replies
from agent.edges.pos.front import Front, Handlers, sale_id
from agent.engine.errors import Refusal
from drivers import messages
from drivers.caller import Caller

LAST_AMONG = 50  # operations looked through for a terminal's last sale


class Operations:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.handlers: Handlers = {
            messages.OperationLast: self._last,
            messages.OperationList: self._list,
            messages.OperationShow: self._show,
        }

    async def _last(self, caller: Caller, request: messages.OperationLast) -> Mapping[str, Any]:
        found = await self._find(Query(request.store_id, request.terminal_id, limit=LAST_AMONG))
        rows = [row for row in found if row.state != PaymentState.ELSEWHERE]  # only refunded here: nothing a restarted register waits for
        if not rows:
            raise Refusal("NOT_FOUND", "this terminal has no operations yet")
        steward = await self._front.counter.find(rows[0].id)
        return replies.sale_reply(steward.sale, self._front.translate) if caller.operator else await self._front.told(caller, steward)

    async def _list(self, caller: Caller, request: messages.OperationList) -> Mapping[str, Any]:
        query = Query(
            store_id=request.store_id,
            terminal_id=request.terminal_id,
            business_date=request.date,
            state=request.state,
            order_id=request.order_id,
            qrc_id=request.qrc_id,
            kzo=request.kzo,
            amount=request.amount,
            limit=request.limit + 1,
        )
        rows = await self._find(query)
        shown: Sequence[Row | None] = rows[: request.limit]
        if not caller.operator:  # together, so that they share a commit
            shown = await asyncio.gather(*(self._handed_out(caller, row) for row in rows[: request.limit]))
        operations = [replies.row_reply(row, self._front.translate) for row in shown if row is not None]
        return {"operations": operations, "more": len(rows) > request.limit}

    async def _handed_out(self, caller: Caller, row: Row) -> Row | None:
        """What a register reads of a finished sale is handed out, in a list too. None: the sale's record cannot be used; the rest can."""
        if not row.finished or row.told or row.state == PaymentState.ELSEWHERE or caller.presence.gone:
            return row
        try:
            steward = await self._front.counter.find(row.id)
        except Refusal:
            return None
        await self._front.tell(caller, steward)
        return projection(steward.sale)

    async def _find(self, query: Query) -> Sequence[Row]:
        return await self._front.engine.reading(self._front.engine.ports.journal.find(query))

    async def _show(self, caller: Caller, request: messages.OperationShow) -> Mapping[str, Any]:
        engine = self._front.engine
        steward = await self._front.counter.find(sale_id(request))
        found = replies.sale_reply(steward.sale, self._front.translate)
        if request.events:
            entries = await engine.reading(engine.ports.journal.stream(steward.sale.id)) or ()
            found["events"] = [{"at": entry.stamp.wall.isoformat(), "event": entry.kind, **events.plain(entry.body)} for entry in entries]
        return found
