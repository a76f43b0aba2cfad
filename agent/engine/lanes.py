"""Lanes: one per (storeId, terminalId). Only the first sale of a lane may be sent for the first time.

A till sells to one customer at a time, so its checkouts go out one after the other. A sale leaves its lane when it is finished, needs a
person, is being canceled, or is past its limit; what it still owes then runs beside the lane and never holds up the next customer. Lanes
know nothing of each other: a stuck till cannot delay another.
"""

from collections.abc import Callable

from agent.core.model import SaleId
from agent.core.payment import IN_LANE, PaymentState


class Lanes:
    """Who is first where. ``on_head`` is told when a sale becomes the first of its lane."""

    def __init__(self, on_head: Callable[[SaleId], None]) -> None:
        self._lanes: dict[tuple[str, str], list[SaleId]] = {}
        self._on_head = on_head

    def enter(self, sale_id: SaleId) -> None:
        """At the end of its lane. Entering twice changes nothing."""
        lane = self._lanes.setdefault((sale_id.store_id, sale_id.terminal_id), [])
        if sale_id not in lane:
            lane.append(sale_id)

    def is_head(self, sale_id: SaleId) -> bool:
        lane = self._lanes.get((sale_id.store_id, sale_id.terminal_id), [])
        return not lane or lane[0] == sale_id or sale_id not in lane

    def length(self, store_id: str, terminal_id: str) -> int:
        return len(self._lanes.get((store_id, terminal_id), []))

    def follow(self, sale_id: SaleId, state: PaymentState) -> None:
        """Take the sale out of its lane if its state no longer belongs there."""
        if state not in IN_LANE:
            self.leave(sale_id)

    def leave(self, sale_id: SaleId) -> None:
        place = (sale_id.store_id, sale_id.terminal_id)
        lane = self._lanes.get(place)
        if lane is None or sale_id not in lane:
            return
        was_head = lane[0] == sale_id
        lane.remove(sale_id)
        if not lane:
            del self._lanes[place]
        elif was_head:
            self._on_head(lane[0])
