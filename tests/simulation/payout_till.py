"""A till that pays out: a register that keeps a book of what it asked and what it was told, and what must be true of it in the end.

PO1 one payout at most, PO2 what was told is so, PO3 told answers are frozen, PO4 what may have been sent is not sent again, PO5 everything
comes to an end, PO6 nobody's card number stands anywhere, PO7 nothing was sent unrecorded.
"""

import asyncio
import json
from dataclasses import dataclass, field

from agent.core.money import Kopecks
from agent.core.payout import asked, stored
from agent.core.payout.answer import success
from agent.core.payout.fold import replay
from agent.core.payout.machine import NOT_MADE, PayoutState
from agent.core.payout.name import payout_id
from agent.core.payout.payout import Payout
from agent.core.ports import Query
from agent.engine.errors import Refusal
from agent.engine.payout_counter import PayoutCounter, Wish
from tests.simulation.payer import NAME
from tests.simulation.systems import STORE
from tests.simulation.till import Pos
from tests.simulation.world import World

AMOUNT = 40_000
CARD = "2200000000000004"


@dataclass(slots=True)
class PayoutEntry:
    """What the register knows of one payout: (state, success, finished) as it was told, and how it was refused."""

    told: list[tuple[str, bool | None, bool]] = field(default_factory=list)
    refused: str | None = None


class PayoutTill:
    """A register program that pays out."""

    def __init__(self, pos: Pos) -> None:
        self.world, self.terminal = pos.world, pos.terminal
        self.book: dict[str, PayoutEntry] = {}
        pos.payouts = self

    def _counter(self) -> PayoutCounter:
        assert self.world.engine is not None
        return PayoutCounter(self.world.engine)

    async def pay(self, key: str, amount: int = AMOUNT) -> PayoutEntry:
        """Hand a payout over."""
        entry = self.book.setdefault(key, PayoutEntry())
        name = payout_id(STORE, self.terminal, key)
        wish = Wish(name, Kopecks(amount), "card", "Deposit", {"card_number": CARD}, NAME, "pos")
        try:
            await self.world.ask(lambda: self._counter().create(wish))
        except Refusal as refusal:
            entry.refused = refusal.code
        return entry

    async def poll(self, key: str) -> tuple[str, bool | None, bool]:
        async def ask() -> tuple[str, bool | None, bool]:
            counter = self._counter()
            steward = await counter.find(payout_id(STORE, self.terminal, key))
            await counter.tell(steward, "pos")
            payout = steward.payout
            return payout.state.value, success(payout), payout.finished

        heard = await self.world.ask(ask)
        self.book[key].told.append(heard)
        return heard

    async def result(self, key: str, patience_s: float = 120) -> str:
        """Poll until the answer is finished or a person is needed."""
        end = self.world.loop.time() + patience_s
        while True:
            state, _, finished = await self.poll(key)
            if finished or state == "attention" or self.world.loop.time() > end:
                return state
            await asyncio.sleep(2)

    async def cancel(self, key: str) -> None:
        await self.world.ask(lambda: self._counter().cancel(payout_id(STORE, self.terminal, key)))


async def broken_payouts(world: World, till: PayoutTill | None) -> list[str]:
    """Every broken invariant as a sentence."""
    if till is None:
        return []
    assert world.journal is not None
    found, texts = [], []
    rows = {row.id: row for row in await world.journal.find(Query(payouts=True))}
    for key, entry in till.book.items():
        name = payout_id(STORE, till.terminal, key)
        entries = await world.journal.stream(name)
        if entries is None:
            found += [f"PO5 {key}: it is gone"] if entry.told else []
            continue
        texts.append(json.dumps([[one.kind, dict(one.body)] for one in entries], default=str))
        payout = replay(name, ((stored.decode(one.kind, one.body), one.stamp) for one in entries))
        found += _of_payout(world, entry, payout)
        if await world.journal.secrets(name):
            found.append(f"PO6 {key}: its recipient is kept for nothing")
        if rows[name].state != payout.state:
            found.append(f"PO5 {key}: its row says {rows[name].state}")
    text = "".join(texts)
    found += [f"PO7 {one} was sent, yet not recorded" for one in world.payer.asked if one not in text]
    return found + (["PO6 a card number stands in an event"] if CARD in text else [])


def _of_payout(world: World, entry: PayoutEntry, payout: Payout) -> list[str]:
    key, found = payout.key, []
    reference = payout.call.request_id if payout.call is not None else None
    paid, copies = world.payer.paid(reference), world.payer.asked.count(reference or "")
    if copies > 1 or (paid > payout.order.amount and copies != 1):
        found.append(f"PO1 {key}: {copies} payouts over {paid}")
    if copies > 1:
        found.append(f"PO4 {key}: it was sent {copies} times")
    if payout.state is PayoutState.PAID_OUT and asked.money(payout) == "paid_out" and paid != payout.order.amount:
        found.append(f"PO2 {key}: paid out, yet {paid} have left")
    if payout.state in NOT_MADE and paid:
        found.append(f"PO2 {key}: {payout.state.value}, yet {paid} have left")
    if not payout.finished and payout.state is not PayoutState.ATTENTION:
        found.append(f"PO5 {key}: still {payout.state.value}")
    finals = {(state, good) for state, good, finished in entry.told if finished}
    if len(finals) > 1 or (finals and finals != {(payout.state.value, success(payout))}):
        found.append(f"PO3 {key}: told {sorted(finals)}, now {payout.state.value}")
    return found
