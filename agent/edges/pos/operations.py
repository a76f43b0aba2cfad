"""``operation.*``: what happened at the tills - the last sale, lists, one sale's whole story."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agent.core.alarms import standing
from agent.core.answer import row as projection
from agent.core.payment import PaymentState
from agent.core.payout.answer import row as payout_row
from agent.core.payout.name import is_payout
from agent.core.ports import Query, Row
from agent.edges import replies
from agent.edges.pos.front import Front, Handlers, room, sale_id
from agent.edges.pos.listing import cursor, parked_reply, query_of
from agent.engine.errors import Refusal
from agent.engine.payout_counter import PayoutCounter
from agent.engine.record import absent
from drivers import messages
from drivers.caller import Caller
from drivers.session import TooLong
from drivers.strictjson import dumps

LAST_AMONG = 50  # operations looked through for a terminal's last sale


class Operations:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._payouts = PayoutCounter(front.engine)
        self.handlers: Handlers = {
            messages.OperationLast: self._last,
            messages.OperationList: self._list,
            messages.OperationShow: self._show,
            messages.OperationSlip: self._slip,
        }

    async def _last(self, caller: Caller, request: messages.OperationLast) -> Mapping[str, Any]:
        await self._front.check_whole(caller)
        found = await self._find(Query(request.store_id, request.terminal_id, limit=LAST_AMONG))
        rows = [row for row in found if row.state != PaymentState.ELSEWHERE]  # only refunded here: nothing a restarted register waits for
        if not rows:
            raise Refusal("NOT_FOUND", "this terminal has no operations yet")
        steward = await self._front.counter.find(rows[0].id)
        return replies.record_reply(steward.sale, self._front.translate) if caller.operator else await self._front.told(caller, steward)

    async def _list(self, caller: Caller, request: messages.OperationList) -> Mapping[str, Any]:
        """As many as were asked for, and as have room in an answer: what does not go out must not be told, so it is measured before."""
        await self._front.check_whole(caller)
        rows = await self._find(query_of(request))
        beside = {"parked": await self._parked(request)} if request.parked else {}
        page = self._fitting(caller, rows[: request.limit], len(dumps(beside)))
        more = len(rows) > len(page)
        shown: Sequence[Row | None] = page
        if not caller.operator:  # together, so that they share a commit
            own = [row for row in page if caller.payouts or not is_payout(row.id)]
            shown = await asyncio.gather(*(self._handed_out(caller, row) for row in own))
        found: dict[str, Any] = {
            "operations": [replies.row_reply(row, self._front.translate) for row in shown if row is not None],
            "more": more,
        }
        found |= {"next": cursor(page[-1].id)} if more else {}
        return found | beside

    def _fitting(self, caller: Caller, rows: Sequence[Row], taken: int) -> Sequence[Row]:
        """The first rows, as many as an answer carries beside so many bytes. Raises TooLong when it does not carry a single one."""
        for place, row in enumerate(rows):
            taken += len(dumps(replies.row_reply(row, self._front.translate))) + 1  # the comma
            if taken > room(caller):
                if not place:
                    raise TooLong
                return rows[:place]
        return rows

    async def _parked(self, request: messages.OperationList) -> list[dict[str, Any]]:
        """Why they are set aside; also those whose row cannot be read. The other filters know only what a name says."""
        engine = self._front.engine
        return [
            parked_reply(one)
            for one in await engine.reading(engine.ports.journal.parked())
            if request.store_id in (None, one.id.store_id) and request.terminal_id in (None, one.id.terminal_id)
        ]

    async def _handed_out(self, caller: Caller, row: Row) -> Row | None:
        """What a register reads of a finished sale is handed out, in a list too. None: the sale's record cannot be used; the rest can."""
        if not row.finished or row.told or row.state == PaymentState.ELSEWHERE or caller.presence.gone:
            return row
        try:
            if is_payout(row.id):
                payout = await self._payouts.find(row.id)
                await self._payouts.tell(payout, caller.name)
                return payout_row(payout.payout)
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
        found = replies.record_reply(steward.sale, self._front.translate)
        alarms = standing(steward.sale)
        found |= {"alarms": list(alarms)} if alarms else {}
        if request.events:
            found["events"] = replies.story(await engine.reading(engine.ports.journal.stream(steward.sale.id)))
        return found

    async def _slip(self, caller: Caller, request: messages.OperationSlip) -> Mapping[str, Any]:
        """A register that asks for the slip of a finished sale is told the answer with it, if there is one; for an operator there must be
        one that was handed out."""
        steward = await self._front.counter.find(sale_id(request))
        handed_out = not caller.operator and not caller.presence.gone
        found = replies.copy_reply(steward.sale, request.refund_key, handed_out)
        if handed_out and found is not None:
            await self._front.tell(caller, steward)
            found = replies.copy_reply(steward.sale, request.refund_key)
        if found is None:
            key, sale = request.refund_key, steward.sale
            if key is not None and sale.refund(key) is None:
                raise await absent(self._front.engine, f"no refund {key!r} of this sale was asked for here", sale)
            what = "the sale" if key is None else f"refund {key!r}"
            raise Refusal("NOT_FOUND", f"{what} has no slip that was handed out: only what was paid or returned has one")
        return found
