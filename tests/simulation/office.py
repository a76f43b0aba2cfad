"""The operator of the simulation: decides in two steps, as often as it takes, and keeps a book of what was confirmed to him."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.core import events
from agent.core.fold import replay
from agent.core.model import SaleId
from agent.core.payment import PaymentState
from agent.core.ports import Entry as Stored
from agent.core.refund import RefundState
from agent.core.resolution import PAYMENT, REFUND, Decision, Proof, Resolution
from agent.core.sale import Sale
from agent.core.stored import decode
from agent.engine.errors import Refusal
from agent.engine.operator import Operator
from tests.simulation.world import World

AGAIN_S = 1.0
PATIENCE_S = 120.0

ENDS = {
    Resolution.PAID: PaymentState.PAID,
    Resolution.NOT_PAID: PaymentState.CANCELED,
    Resolution.RETURN: PaymentState.CANCELED,
    Resolution.RETURNED: PaymentState.CANCELED,
}
REFUND_ENDS = {Resolution.REFUNDED: RefundState.REFUNDED, Resolution.DROP: RefundState.DECLINED}


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A decision that the agent has said was carried out."""

    sale: SaleId
    what: str
    resolution: Resolution


class Office:
    """An operator program."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _operator(self) -> Operator:
        assert self.world.engine is not None
        assert self.world.counter is not None
        return Operator(self.world.engine, self.world.counter)

    async def decide(self, sale_id: SaleId, resolution: Resolution, what: str = PAYMENT) -> bool:
        """Look, and decide; from the beginning whenever the sale has changed or the agent has died meanwhile. False: it makes no sense any
        more, because the machine has found out by itself."""
        decision = Decision(what, resolution, "seen in the registry", "uid:0", Proof())

        async def ask() -> bool:
            operator = self._operator()
            shown = await operator.propose(sale_id, decision)
            assert shown.word is not None
            return (await operator.resolve(sale_id, decision, shown.word)).done

        end = self.world.loop.time() + PATIENCE_S
        while self.world.loop.time() < end:
            try:
                if await self.world.ask(ask):
                    self.world.confirmed.append(Confirmed(sale_id, what, resolution))
                    return True
            except Refusal as refusal:
                if refusal.code == "INVALID":
                    return False
            await asyncio.sleep(AGAIN_S)
        return False

    async def hurry(self) -> None:
        """Everything that waits, now."""

        async def ask() -> None:
            await self._operator().hurry(None)

        await self.world.ask(ask)


def broken_decisions(world: World, stored: Mapping[SaleId, Sequence[Stored]]) -> list[str]:
    """D1: what was confirmed to an operator is in the record. D2: nothing undid it. D3: what he gave up was not performed afterwards."""
    found: list[str] = []
    for sale_id, entries in stored.items():
        history = [(decode(entry.kind, entry.body), entry.stamp) for entry in entries]
        sale, recorded = replay(sale_id, history), [event for event, _ in history]
        made = {(event.what, event.resolution) for event in recorded if isinstance(event, events.Resolved)}
        told = {(one.what, one.resolution) for one in world.confirmed if isinstance(one, Confirmed) and one.sale == sale_id}
        found += [f"D1 {sale_id}: {resolution.value} of {what} was confirmed, and is not recorded" for what, resolution in told - made]
        for place, event in enumerate(recorded):
            if isinstance(event, events.Resolved):
                found += [f"{problem} ({sale_id})" for problem in _undone(sale, event, recorded[place:])]
    return found


def _undone(sale: Sale, event: events.Resolved, later: Sequence[events.Event]) -> Iterator[str]:
    subject, _, key = event.what.partition(":")
    if subject == PAYMENT and (sale.decided != event or sale.payment is not ENDS[event.resolution]):
        yield f"D2 decided {event.resolution.value}, now {sale.payment.value}"
    if subject != REFUND or event.resolution not in REFUND_ENDS:
        return
    refund = sale.refund(key)
    if refund is None or refund.state is not REFUND_ENDS[event.resolution]:
        yield f"D2 {event.what} decided {event.resolution.value}, now {refund and refund.state.value}"
    if any(isinstance(other, events.AttemptStarted) and other.call == event.what for other in later):
        yield f"D3 {event.what} was given up, and sent afterwards"
