"""After a restore from a backup: the sales in it are compared with the provider, one status read each (money rule 10).

What happened after the backup is lost here, but the provider knows of its transactions. Unfinished sales are resolved by their stewards
anyway; this looks at the recent finished ones: a payment that was returned meanwhile, a not-paid one that was paid. A difference is an
alarm of its sale. Until an operator releases the journal nothing new is sold; what this found and what it still looks at is shown to him.
"""

import asyncio
import json
from datetime import datetime, timedelta

from agent.core import decide, decide_refund
from agent.core.events import Event, Reread
from agent.core.payment import PaymentState
from agent.core.ports import Query, Row
from agent.core.sale import Sale
from agent.core.verdict import Observed, Refused, Reply
from agent.engine.engine import Engine
from agent.engine.errors import Refusal
from agent.engine.steward import Steward

RECENT = timedelta(days=7)  # before the newest sale of the backup: what went back later than a week after the sale is for the registry
MAX_LOOKS = 10_000  # a week of a busy shop
LOOK_PAUSE_S = 0.25  # between reads: customers come first
RETRY_S = 5.0  # before those are asked again that could not be answered


def restored_at(noted: str) -> datetime:
    """The moment of a restore from its note."""
    return datetime.fromisoformat(json.loads(noted)["at"])


class Afterwards:
    """The comparison. ``left``: sales still to be looked at; ``differences``: names of sales whose record is behind."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.left = 0
        self.differences: list[str] = []

    async def run(self) -> None:
        """Look at everything recent, again and again until each was answered. Raises Stopped, JournalBroken."""
        waiting = await self._recent()
        self.left = len(waiting)
        while waiting:
            again = []
            for row in waiting:
                if await self._look(row):
                    self.left -= 1
                else:
                    again.append(row)
                await asyncio.sleep(LOOK_PAUSE_S)
            waiting = again
            if waiting:
                await asyncio.sleep(RETRY_S)
        self._engine.ports.notice("restore.compared", differences=self.differences)

    async def _recent(self) -> list[Row]:
        rows = await self._engine.reading(self._engine.ports.journal.find(Query(limit=MAX_LOOKS)))
        since = max((row.accepted_at for row in rows), default=None)
        if since is None:
            return []
        return [row for row in rows if row.finished and row.transaction_id is not None and row.accepted_at >= since - RECENT]

    async def _look(self, row: Row) -> bool:
        """Whether the provider answered, or there is nobody to ask."""
        try:
            steward = await self._engine.open(row.id)
        except Refusal as refusal:
            return refusal.code != "DISK_FULL"  # set aside: shown as such; what waits for room on the disk is looked at later
        if steward is None or steward.sale.transaction_id is None:
            return True
        provider, sale, ports = steward.setup.providers.get(steward.sale.binding.provider), steward.sale, self._engine.ports
        if provider is None or not provider.capabilities.read:
            return True
        request = provider.status(sale.id, ports.chance.request_id(), sale.transaction_id, None)
        outcome = await ports.transport.exchange(sale.binding, request, {}, lambda _: None)
        result = provider.read(request.operation, outcome) if isinstance(outcome, Reply) else outcome
        if not isinstance(result, Observed | Refused):
            return False
        if await steward.insist(lambda now: self._meaning(steward, now, result)):
            self.differences.append(str(sale.id))
        return True

    def _meaning(self, steward: Steward, sale: Sale, result: Observed | Refused) -> list[Event]:
        if sale.payment is PaymentState.PAID:
            return decide_refund.seen_after_restore(sale, result)
        if not sale.finished:
            return []
        found = decide.status_result(sale, result, self._engine.ports.clock.now(), steward.policy, ())
        return [one for one in found if not isinstance(one, Reread)]  # this look is none of the watch's own and must not end it
