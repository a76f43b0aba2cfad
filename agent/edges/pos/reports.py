"""``operation.report``: what a business day came to."""

from collections.abc import Mapping
from typing import Any

from agent.edges.pos.front import Front, Handlers
from agent.edges.shift_slip import report_reply
from agent.engine.report import Wanted, report
from drivers import messages
from drivers.caller import Caller


class Reports:
    """One area of the desk."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self.handlers: Handlers = {messages.OperationReport: self._report}

    async def _report(self, caller: Caller, request: messages.OperationReport) -> Mapping[str, Any]:
        await self._front.check_whole(caller)
        engine = self._front.engine
        now = engine.ports.clock.now().wall
        wanted = Wanted(request.store_id, request.terminal_id, request.date or engine.setup.business_date(now))
        made = await engine.reading(report(engine.ports.journal, wanted, engine.setup.timezone))
        return report_reply(made, now.astimezone(engine.setup.timezone), self._front.translate)
