"""The operator's desk: decisions in two steps, "now" for what waits, and what becomes of records that cannot be used.

The first step shows what would happen and gives a word; the second, with the same request and that word, does it. The word is bound to the
position of the sale's stream: whatever happens to the sale in between makes it void, and the operator looks again. While the journal's file
is gone nothing is decided: after the next start nobody would know of it, and what was given up or given back would be returned once more.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace

from agent.core import decide_operator
from agent.core.decide_operator import Choice, NotResolvable, UnderWay
from agent.core.duty import WAITING
from agent.core.events import Event
from agent.core.fold import fold
from agent.core.model import SaleId
from agent.core.obligations import owes
from agent.core.ports import Conflict, JournalFull, Parked, Query
from agent.core.resolution import Decision
from agent.core.sale import Sale
from agent.engine.confirmations import Confirmations
from agent.engine.counter import Counter
from agent.engine.engine import Engine
from agent.engine.errors import Refusal
from agent.engine.record import check_lasting
from agent.engine.steward import Steward

QUIET_WAIT_S = 6.0  # for a request under way to end before a decision is shown: the transport gives most of them up in 5 s


@dataclass(frozen=True, slots=True)
class Shown:
    """What the operator sees: the sale, what can be decided of it, and once he has chosen, the sale as it would be, and the word for it.
    ``done``: it has been decided, and ``sale`` is what it is now."""

    sale: Sale
    choices: Sequence[Choice]
    after: Sale | None = None
    word: str | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class ShownParked:
    """A sale whose record is not used, as the operator sees it."""

    parked: Parked
    word: str | None = None
    done: bool = False


class Operator:
    """Serves operators. One for the whole agent: the words it has given are good for all of its connections."""

    def __init__(self, engine: Engine, counter: Counter) -> None:
        self._engine, self._counter = engine, counter
        self._words = Confirmations(engine.ports.clock, engine.ports.chance)
        self._deciding = asyncio.Lock()  # two decisions at once could name the same transaction

    # --- decisions ---

    async def look(self, sale_id: SaleId) -> Shown:
        """The sale and what can be decided of it. Raises Refusal NOT_FOUND, RECORD_DAMAGED."""
        sale = (await self._counter.find(sale_id)).sale
        return Shown(sale, decide_operator.choices(sale))

    async def propose(self, sale_id: SaleId, decision: Decision) -> Shown:
        """What a decision would do, and the word that confirms it. Changes nothing. Raises Refusal INVALID, BUSY, CONFLICT, NOT_FOUND,
        RECORD_DAMAGED."""
        check_lasting(self._engine)
        steward = await self._counter.find(sale_id)
        await self._quiet(steward, decision.what)
        await self._check_transaction(sale_id, decision)
        sale = steward.sale
        now, after = self._engine.ports.clock.now(), sale
        for event in _decided(sale, decision):
            after = fold(after, event, now)
        word = self._words.give((sale_id, sale.position, decision))
        return Shown(sale, decide_operator.choices(sale), after, word)

    async def resolve(self, sale_id: SaleId, decision: Decision, word: str) -> Shown:
        """Carry a decision out that was shown before. Raises Refusal CONFLICT when the word does not confirm it (the sale has changed, or
        the word is old, or another), INVALID, BUSY, ORDER_PAID, DISK_FULL, NOT_FOUND, RECORD_DAMAGED; Stopped."""
        self._engine.check_running()
        check_lasting(self._engine)
        steward = await self._counter.find(sale_id)
        if not self._words.take(word, (sale_id, steward.sale.position, decision)):
            raise _void(sale_id)
        position = steward.sale.position

        def decider(sale: Sale) -> Sequence[Event]:
            if sale.position != position:
                raise _void(sale_id)
            return _decided(sale, decision)

        try:
            async with self._deciding:
                await self._check_transaction(sale_id, decision)  # again: another sale may have got it since the word was given
                await self._guarded(self._engine.record(steward, decider))
        except Conflict as error:  # the journal's constraint of money rule 7
            text = "another sale of this order is paid: this one's money can only go back ('return' or 'returned')"
            raise Refusal("ORDER_PAID", text, key=sale_id.key) from error
        return Shown(steward.sale, decide_operator.choices(steward.sale), done=True)

    async def _quiet(self, steward: Steward, what: str) -> None:
        """Give a request that is under way a moment to end."""
        loop = asyncio.get_running_loop()
        end = loop.time() + QUIET_WAIT_S
        while decide_operator.under_way(steward.sale, what) and (left := end - loop.time()) > 0:
            await steward.changed_within(left)

    async def _check_transaction(self, sale_id: SaleId, decision: Decision) -> None:
        """A transaction that the operator names must not be another sale's: its money would be returned twice."""
        given = decision.proof.transaction_id
        if given is None:
            return
        rows = await self._engine.reading(self._engine.ports.journal.find(Query(transaction_id=given, limit=2)))
        other = next((row.id for row in rows if row.id != sale_id), None)
        if other is not None:
            text = f"this transaction belongs to the sale {other.key!r} of terminal {other.terminal_id!r}"
            raise Refusal("CONFLICT", text, key=other.key, terminalId=other.terminal_id)

    # --- records that cannot be used ---

    async def parked(self, sale_id: SaleId) -> Parked | None:
        """What is known of a sale that is set aside."""
        parked = await self._engine.reading(self._engine.ports.journal.parked())
        return next((one for one in parked if one.id == sale_id), None)

    async def release(self, parked: Parked, reason: str, by: str, word: str | None) -> ShownParked:
        """Take over what a sale set aside may still owe: it no longer keeps the account from being changed. Its record stays unused. The
        stream cannot take an event; the decision stands in the record of the parked sale, which is hashed like everything else.

        Without a word: what would happen. Raises Refusal CONFLICT, BUSY, DISK_FULL; Stopped."""
        self._engine.check_running()
        check_lasting(self._engine)
        subject = (parked, reason, by)
        if word is None:
            return ShownParked(parked, self._words.give(subject))
        if not self._words.take(word, subject):
            raise _void(parked.id)
        now = self._engine.ports.clock.now().wall
        released = replace(parked, released=f"{now.isoformat(timespec='seconds')} {by}: {reason}")
        journal = self._engine.ports.journal
        await self._guarded(self._engine.reading(journal.park(parked.id, parked.reason, parked.at, released.released)))
        self._engine.ports.notice("sale.released", parked.id, by=by, reason=reason)
        return ShownParked(released, done=True)

    # --- now ---

    async def hurry(self, sale_id: SaleId | None) -> Sequence[SaleId]:
        """What is owed and waits - for a back-off, or for the next look - is due at once, for one sale or for all of them, and all
        payouts. Nothing is owed by it that was not owed before. Returns those for which something is done now. Raises Refusal."""
        self._engine.check_running()
        stewards = self._engine.alive if sale_id is None else (await self._counter.find(sale_id),)
        payouts = self._engine.payouts.alive if sale_id is None else ()
        return [*(one.id for one in stewards if _hurried(one)), *(one.id for one in payouts if one.hurry())]

    async def _guarded(self, work: Awaitable[object]) -> None:
        try:
            await work
        except JournalFull as error:
            raise Refusal("DISK_FULL", "the disk of this till is full; the decision was not stored") from error


def _hurried(steward: Steward) -> bool:
    if not owes(steward.sale):  # over for good, as far as a machine is concerned
        return False
    steward.holds.clear()
    steward.memory.hurried |= WAITING
    owed = [one for one in steward.owed() if one.duty in WAITING]
    steward.memory.hurried &= {one.duty for one in owed}  # what is not owed now must not be hurried another day
    steward.rouse()
    return bool(owed)


def _decided(sale: Sale, decision: Decision) -> list[Event]:
    """Raises Refusal INVALID, BUSY."""
    try:
        return decide_operator.resolved(sale, decision)
    except NotResolvable as error:
        possible = [f"{one.what}: {one.resolution.value}" for one in decide_operator.choices(sale)]
        raise Refusal("INVALID", str(error), path=error.path, possible=possible) from error
    except UnderWay as error:
        raise Refusal("BUSY", str(error)) from error


def _void(sale_id: SaleId) -> Refusal:
    text = "the confirmation does not hold: the sale has changed since, or the word is used, old, or for something else. Look again"
    return Refusal("CONFLICT", text, key=sale_id.key)
