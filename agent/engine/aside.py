"""Sales that are set aside: their record cannot be used, or what drives them fails (promises P14 and P20).

Such a sale is parked in the journal, shown to the operator, and refused to everybody who asks for it: an answer that nobody moves any more
would be a guess. It leaves its lane and is in nobody's way. While the disk is full this process alone knows of it.
"""

import asyncio
from collections.abc import Callable, Container

from agent.core.model import SaleId
from agent.core.ports import JournalBroken, JournalFull
from agent.engine.errors import Refusal
from agent.engine.keeper import FULL_DISK_RETRY_S
from agent.engine.setup import Ports


class Aside:
    """Who is set aside, and why. ``on_broken`` hears of a journal that breaks meanwhile."""

    def __init__(self, ports: Ports, on_broken: Callable[[BaseException], None]) -> None:
        self._ports = ports
        self._on_broken = on_broken
        self._problems: dict[SaleId, str] = {}
        self.tasks: set[asyncio.Task[None]] = set()  # parkings under way

    async def recall(self, driven: Container[SaleId]) -> None:
        """Part of a start: what was parked before stays so. ``driven``: sales whose record turned out well. Raises JournalBroken."""
        self._problems |= {one.id: one.reason for one in await self._ports.journal.parked() if one.id not in driven}

    def put(self, sale_id: SaleId, problem: str) -> None:
        """From now on the sale is refused; it is parked as soon as the disk takes it."""
        if sale_id in self._problems:
            return
        self._problems[sale_id] = problem
        self._ports.notice("sale.parked", sale_id, problem=problem)
        task = asyncio.ensure_future(self._park(sale_id, problem))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def refuse(self, sale_id: SaleId) -> None:
        """Raises Refusal RECORD_DAMAGED for a sale that is set aside."""
        problem = self._problems.get(sale_id)
        if problem is not None:
            raise Refusal("RECORD_DAMAGED", f"the record of {sale_id} is not used: {problem}", key=sale_id.key)

    async def _park(self, sale_id: SaleId, problem: str) -> None:
        while True:
            try:
                await self._ports.journal.park(sale_id, problem, self._ports.clock.now().wall)
            except JournalFull:
                await asyncio.sleep(FULL_DISK_RETRY_S)
            except JournalBroken as error:
                self._on_broken(error)
                return
            else:
                return
