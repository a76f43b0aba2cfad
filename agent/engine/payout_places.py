"""The places of payouts on the wire: few, of their own, and kept until a request has truly ended.

An account's connections carry a bounded number of requests, sales' and payouts'. A system that answers nothing keeps each request alive for
minutes after nobody waits for it any more; counted only while somebody waits, payouts would fill the wire, and sales would find no room.
What sends, what looks and what asks for advice have separate places: none of them holds up another.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.model import Binding
from agent.core.verdict import Outcome, Request, Unclear
from agent.engine.couriers import Couriers
from agent.engine.setup import Ports

MAX_ASKING = 1  # advice can wait: what the register is told meanwhile is "pending"
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class PayoutPlaces:
    """``MAX_COURIERS`` that send, as many that look, one that asks: 5 of the 16 requests of an account's connections, at the very most."""

    sending: Couriers = field(default_factory=Couriers)
    looking: Couriers = field(default_factory=Couriers)
    asking: Couriers = field(default_factory=lambda: Couriers(MAX_ASKING))

    def close(self) -> None:
        """The agent stops: what has not left stays owed, and nobody waits for late answers."""
        for places in (self.sending, self.looking, self.asking):
            places.close()


class Question:
    """One request that changes nothing. Its late answer is not read: it is asked again. ``ended`` must be waited for inside its place."""

    def __init__(self, places: Couriers) -> None:
        self._places = places
        self._ended = asyncio.Event()
        self._late = False

    async def ask(self, ports: Ports, binding: Binding, request: Request) -> Outcome:
        """The outcome, as far as somebody waits for it. Raises nothing."""
        outcome = await ports.transport.exchange(binding, request, _NOTHING, lambda _: self._ended.set())
        self._late = isinstance(outcome, Unclear) and outcome.reason == "timeout"
        return outcome

    async def ended(self) -> None:
        """Until the request is over, also when nobody waited for its answer (money rule 13)."""
        if self._late:
            await self._places.wait(self._ended)
