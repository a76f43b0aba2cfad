"""The stewards in memory: never more than one for a sale, and not without end.

Settled sales stay at hand for a POS that asks again, until there are many; then the oldest are forgotten. A request may still hold a
forgotten steward, and a second one beside it would decide on a state of its own: so whoever asks for the sale gets the held one back.
"""

from collections.abc import Container, Iterator
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from agent.core.model import SaleId
from agent.engine.keeper import Keeper

K = TypeVar("K", bound=Keeper[Any, Any])

MAX_IDLE_SALES = 256  # settled sales kept at hand
GROWTH_SALES = 64  # so many more before they are gone through again: that takes longer than everything else about a change


class Roster(Generic[K]):
    """Stewards by the name of their stream."""

    def __init__(self) -> None:
        self._kept: dict[SaleId, K] = {}
        self._held: WeakValueDictionary[SaleId, K] = WeakValueDictionary()  # kept, or held by a request
        self._enough = MAX_IDLE_SALES + GROWTH_SALES  # when so many are kept, they are gone through

    def __iter__(self) -> Iterator[K]:
        return iter(tuple(self._kept.values()))

    def get(self, sale_id: SaleId) -> K | None:
        """The steward of a sale, if there is one."""
        steward = self._held.get(sale_id)
        if steward is not None:
            self._kept.setdefault(sale_id, steward)
        return steward

    def add(self, steward: K) -> None:
        """A sale that has no steward gets one."""
        assert self.get(steward.id) is None, "one steward for one sale"
        self._kept[steward.id] = self._held[steward.id] = steward

    def forget_idle(self, busy: Container[SaleId]) -> None:
        """Settled sales leave the memory, the oldest first, once there are many. ``busy``: those with a task."""
        if len(self._kept) < self._enough:
            return
        excess = len(self._kept) - MAX_IDLE_SALES
        idle = [sale_id for sale_id, steward in self._kept.items() if steward.settled and sale_id not in busy]
        for sale_id in idle[:excess]:
            del self._kept[sale_id]
        self._enough = len(self._kept) + GROWTH_SALES
