"""Lanes: one per (storeId, terminalId) and payment system. Only the first sale of a lane may be sent for the first time.

A till sells to one customer at a time, so its checkouts go out one after the other. A sale leaves its lane when it is finished, needs a
person, is being canceled, or is past its limit; what it still owes then runs beside the lane and never holds up the next customer. Lanes
know nothing of each other: a stuck till cannot delay another, nor can a payment system that is out of reach delay the sale that a cashier
tries with another one.
"""

from collections.abc import Callable

from agent.core.model import SaleId
from agent.core.payment import IN_LANE, PaymentState

Place = tuple[str, str, str]  # storeId, terminalId, payment system


class Lanes:
    """Who is first where. ``on_head`` is told when a sale becomes the first of its lane."""

    def __init__(self, on_head: Callable[[SaleId], None]) -> None:
        self._lanes: dict[Place, list[SaleId]] = {}
        self._places: dict[SaleId, Place] = {}
        self._on_head = on_head

    def enter(self, sale_id: SaleId, provider: str) -> None:
        """At the end of its lane. Entering twice changes nothing."""
        if sale_id not in self._places:
            place = self._places[sale_id] = (sale_id.store_id, sale_id.terminal_id, provider)
            self._lanes.setdefault(place, []).append(sale_id)

    def is_head(self, sale_id: SaleId) -> bool:
        place = self._places.get(sale_id)
        return place is None or self._lanes[place][0] == sale_id

    def length(self, store_id: str, terminal_id: str) -> int:
        """Sales in all lanes of a till."""
        return sum(len(lane) for (store, terminal, _), lane in self._lanes.items() if (store, terminal) == (store_id, terminal_id))

    def follow(self, sale_id: SaleId, state: PaymentState) -> None:
        """Take the sale out of its lane if its state no longer belongs there."""
        if state not in IN_LANE:
            self.leave(sale_id)

    def leave(self, sale_id: SaleId) -> None:
        place = self._places.pop(sale_id, None)
        if place is None:
            return
        lane = self._lanes[place]
        was_head = lane[0] == sale_id
        lane.remove(sale_id)
        if not lane:
            del self._lanes[place]
        elif was_head:
            self._on_head(lane[0])
