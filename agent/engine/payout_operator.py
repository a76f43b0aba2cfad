"""An operator's decisions about payouts, in two steps like those about sales: what would happen and a word, then the same with the word.
While the journal's file is gone nothing is decided: nobody would know of it after the next start."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from agent.core.decide_operator import NotResolvable, UnderWay
from agent.core.model import SaleId
from agent.core.payout import asked
from agent.core.payout.asked import Decision
from agent.core.payout.events import Event, PayoutResolution
from agent.core.payout.fold import fold
from agent.core.payout.payout import Payout
from agent.core.ports import Query
from agent.engine.confirmations import Confirmations
from agent.engine.engine import Engine
from agent.engine.errors import Refusal
from agent.engine.payout_counter import PayoutCounter
from agent.engine.record import check_lasting


@dataclass(frozen=True, slots=True)
class ShownPayout:
    """What the operator sees: the payout, what can be decided of it, and once he has chosen, the payout as it would be, and the word."""

    payout: Payout
    choices: Sequence[PayoutResolution]
    after: Payout | None = None
    word: str | None = None
    done: bool = False


class PayoutOperator:
    """Serves operators. One for the whole agent."""

    def __init__(self, engine: Engine, counter: PayoutCounter) -> None:
        self._engine, self._counter = engine, counter
        self._words = Confirmations(engine.ports.clock, engine.ports.chance)
        self._deciding = asyncio.Lock()  # two decisions at once could name the same transaction

    async def look(self, payout_id: SaleId) -> ShownPayout:
        """Raises Refusal NOT_FOUND, RECORD_DAMAGED."""
        payout = (await self._counter.find(payout_id)).payout
        return ShownPayout(payout, asked.choices(payout))

    async def propose(self, payout_id: SaleId, decision: Decision) -> ShownPayout:
        """What a decision would do, and the word that confirms it. Changes nothing. Raises Refusal INVALID, BUSY, CONFLICT."""
        check_lasting(self._engine)
        payout = (await self._counter.find(payout_id)).payout
        await self._check_transaction(payout_id, decision)
        after = payout
        for event in _decided(payout, decision):
            after = fold(after, event, self._engine.ports.clock.now())
        return ShownPayout(payout, asked.choices(payout), after, self._words.give((payout_id, payout.position, decision)))

    async def resolve(self, payout_id: SaleId, decision: Decision, word: str) -> ShownPayout:
        """Carry a decision out that was shown before. Raises Refusal CONFLICT when the word does not confirm it, INVALID, BUSY, DISK_FULL;
        Stopped."""
        check_lasting(self._engine)
        steward = await self._counter.find(payout_id)
        position = steward.payout.position
        if not self._words.take(word, (payout_id, position, decision)):
            raise _void(payout_id)

        def decider(payout: Payout) -> Sequence[Event]:
            if payout.position != position:
                raise _void(payout_id)
            return _decided(payout, decision)

        async with self._deciding:
            await self._check_transaction(payout_id, decision)  # again: another payout may have got it since the word was given
            await self._counter.record(steward, decider)
        return ShownPayout(steward.payout, asked.choices(steward.payout), done=True)

    async def _check_transaction(self, payout_id: SaleId, decision: Decision) -> None:
        """What the operator names must not be another payout's."""
        if decision.transaction_id is None:
            return
        query = Query(transaction_id=decision.transaction_id, payouts=True, limit=2)
        rows = await self._engine.reading(self._engine.ports.journal.find(query))
        other = next((row.id for row in rows if row.id != payout_id), None)
        if other is not None:
            raise Refusal("CONFLICT", f"this transaction belongs to {other}", key=other.key, terminalId=other.terminal_id)


def _decided(payout: Payout, decision: Decision) -> list[Event]:
    """Raises Refusal INVALID, BUSY."""
    try:
        return asked.resolved(payout, decision)
    except NotResolvable as error:
        raise Refusal("INVALID", str(error), path=error.path, possible=[one.value for one in asked.choices(payout)]) from error
    except UnderWay as error:
        raise Refusal("BUSY", str(error)) from error


def _void(payout_id: SaleId) -> Refusal:
    text = "the confirmation does not hold: the payout has changed since, or the word is used, old, or for something else. Look again"
    return Refusal("CONFLICT", text, key=payout_id.key)
