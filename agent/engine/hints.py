"""Hints: what becomes of a proven message of a payment system (promise P8, money rule 11).

Nothing in it is believed. It makes a read due that the sale may owe anyway: of a sale at work the next read comes now (``Memory.hurried``);
a sale that ended without money is looked at once, in memory or not, however long it has been told, for money that came late. The read's
answer takes the same way as every other, so a message that is forged, old, repeated or out of order can cost a read and do nothing else,
and ``pace`` keeps the reads few. A message that names, beside our own id, a payment that the sale does not know leads to a read of that
payment (``looks``): it is the one whose answer was lost, or a second one, or nobody's.

A message may be here before the sale it is about: the customer paid while the answer with the payment's id was lost. So what names no sale
that can be read yet waits for one day, on the disk, and is asked again whenever a sale is taken in or something becomes known of one. What
asks for a look at an ended sale waits there as well, until a look was answered: nobody else would look so soon after a crash.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agent.core.duty import Duty, least_pause_ms
from agent.core.hints import Hint, names_unknown, points_at
from agent.core.model import SaleId
from agent.core.ports import Query
from agent.engine.engine import Engine
from agent.engine.errors import Refusal, Stopped
from agent.engine.looks import Looks
from agent.engine.need import Need, need, need_of_unknown
from agent.engine.pace import Pace, Telling
from agent.engine.payout_hints import heard
from agent.engine.steward import Steward
from agent.engine.waiting import Entry, Waiting

MAX_WAITING_SALES = 1_000  # with a read to come; more are turned away, and the payment system sends its message again
MAX_SAME_ORDER = 8  # sales looked at for one message that names an order: a bill is paid in a few tries
BUSY_PAUSE_MS = 100  # until a sale is asked again of which a read is under way: it may have been answered before the message was made
MAX_NAP_S = 60.0  # between two looks at the clock

_HURRIED = (Duty.READ, Duty.READ_REFUND)  # not a search before a repeat: its pauses are there to let a first copy arrive (rule 4)


class Hints:
    """Takes messages in. ``run`` is its task; ``recall`` comes before the first message."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._wake = asyncio.Event()
        self._waiting = Waiting(engine, self._wake)
        self._due: dict[SaleId, int] = {}  # the tick of the next read
        self._hurried: set[SaleId] = set()  # those of them whose own read is wanted, not a look
        self._telling = Telling()
        self._pace = Pace()
        self._looks = Looks(engine)
        self._tidy_at = 0
        engine.on_news = self._news

    async def recall(self) -> None:
        """What waited when the last process ended. Raises JournalBroken."""
        await self._waiting.recall()

    async def run(self) -> None:
        """Make the reads that are due, and forget what is a day old. Ends when the engine does."""
        try:
            with contextlib.suppress(Stopped):
                self._waiting.expire()
                for entry in self._waiting:
                    await self._match(entry)
                while True:
                    self._wake.clear()
                    for sale_id in [sale_id for sale_id, at in self._due.items() if at <= self._now()]:
                        await self._serve(sale_id)
                    self._tidy()
                    await self._waiting.drop_gone()
                    await self._nap()
        finally:
            await self._looks.close()

    async def take(self, provider: str, hint: Hint) -> None:
        """Returns when the message may be forgotten by its sender: what it asks for will be done, also after a crash if nothing else would
        do it. Raises Refusal BUSY, DISK_FULL; Stopped."""
        engine = self._engine
        engine.check_running()
        if len(self._due) + self._looks.coming >= MAX_WAITING_SALES:
            raise Refusal("BUSY", "more sales wait for a read than this agent takes on")
        if hint.payout:  # what payouts owe is recorded anyway, and their ids before the first byte: nothing waits for one
            if not await heard(engine, provider, hint):
                self._tell_unrelated(provider, hint)
            return
        entry = self._waiting.same(provider, hint)
        if entry is None:
            entry = self._waiting.take(provider, hint)  # first: a sale that becomes known meanwhile must find it
            await self._match(entry)
            self._waiting.make_room()
            if entry.dropped:
                raise Refusal("BUSY", "more messages wait for a sale than this agent keeps")
        else:
            for sale_id in entry.sales:
                self._ask(sale_id)
        if entry.stored or entry not in self._waiting:
            return
        if not entry.sales:
            self._tell_kept(provider, hint)
        await self._waiting.store(entry)

    def _tell_unrelated(self, provider: str, hint: Hint) -> None:
        """Another till's payout, or the shop's own: somebody may miss what it led to."""
        untold = self._telling.due(provider, self._now())
        if untold is not None:
            about: dict[str, Any] = {"transaction": hint.transaction_id, "reference": hint.reference, "others": untold}
            self._engine.ports.notice("hint.unrelated", provider=provider, **{name: one for name, one in about.items() if one})

    def _tell_kept(self, provider: str, hint: Hint) -> None:
        untold = self._telling.due(provider, self._now())
        if untold is not None:
            facts: dict[str, Any] = {"provider": provider, "transaction": hint.transaction_id, "order": hint.order_id}
            facts |= {"reference": hint.reference} if hint.reference else {}
            facts |= {"others": untold} if untold else {}
            self._engine.ports.notice("hint.kept", **facts)

    # --- which sale ---

    async def _match(self, entry: Entry) -> None:
        """Ask every sale that the message may be about."""
        acted = False
        for sale_id in await self._candidates(entry):
            try:
                steward = await self._engine.open(sale_id)
            except Refusal:  # set aside, or not usable yet: the message waits
                entry.fits = True
                continue
            if steward is not None and sale_id not in entry.sales:
                acted |= self._consider(entry, steward)
        entry.fits = entry.fits is True
        if acted and not entry.sales:
            self._waiting.leave(entry)

    async def _candidates(self, entry: Entry) -> Sequence[SaleId]:
        hint, queries = entry.kept.hint, list[Query]()
        if hint.transaction_id is not None:
            queries.append(Query(transaction_id=hint.transaction_id, limit=MAX_SAME_ORDER))
        if hint.reference is not None:
            queries.append(Query(request_id=hint.reference, limit=MAX_SAME_ORDER))
        if hint.order_id is not None:
            order = Query(order_id=hint.order_id, amount=hint.amount, limit=MAX_SAME_ORDER)
            queries.append(replace(order, store_id=hint.store_id, terminal_id=hint.terminal_id))
        found: dict[SaleId, None] = {}
        for query in queries:
            rows = await self._engine.reading(self._engine.ports.journal.find(query))
            found |= {row.id: None for row in rows if row.provider == entry.kept.provider}
        return tuple(found)

    def _news(self, steward: Steward) -> None:
        """A sale was taken in, or something of it became known: it may be the one that messages wait for."""
        for entry in self._waiting.of_sale(steward.sale):
            if not entry.sales and self._consider(entry, steward) and not entry.sales:
                self._waiting.leave(entry)

    def _consider(self, entry: Entry, steward: Steward) -> bool:
        """Whether the message is about this sale and could be acted on; then it was."""
        sale, kept = steward.sale, entry.kept
        provider = steward.setup.providers.get(sale.binding.provider)
        unknown = provider is not None and provider.capabilities.read and names_unknown(kept.hint, kept.provider, sale)
        if provider is None or not (unknown or points_at(kept.hint, kept.provider, sale)):
            return False
        entry.fits = True
        wanted = need_of_unknown(sale) if unknown else need(sale, provider.capabilities)
        if wanted is Need.LATER:
            return False
        self._engine.ports.notice("hint.heard", sale.id, provider=kept.provider, leads_to=wanted.value)
        if wanted is Need.LOOK:
            entry.sales.add(sale.id)
        if wanted is Need.HURRY:
            self._hurried.add(sale.id)
        if wanted is not Need.NOTHING and not (wanted is Need.LOOK and self._looks.comes(sale.id)):  # it sees what has happened until now
            self._ask(sale.id)
        return True

    # --- reads ---

    def _ask(self, sale_id: SaleId) -> None:
        """A read of the sale is due, as soon as its pace allows."""
        if sale_id not in self._due:
            self._due[sale_id] = self._pace.next(sale_id, self._now())
            self._wake.set()

    async def _serve(self, sale_id: SaleId) -> None:
        """The read of a sale is due."""
        del self._due[sale_id]
        hurried = sale_id in self._hurried
        self._hurried.discard(sale_id)
        try:
            steward = await self._engine.open(sale_id)
        except Refusal as refusal:
            if refusal.code == "DISK_FULL":  # what a restore means for it is not stored yet
                self._due[sale_id] = self._now() + round(MAX_NAP_S * 1_000)
            return
        provider = steward.setup.providers.get(steward.sale.binding.provider) if steward is not None else None
        if steward is None or provider is None:
            return
        unknown = self._of_unknown(steward)
        wanted, now = need(steward.sale, provider.capabilities), self._now()
        if (unknown or wanted in (Need.HURRY, Need.LOOK)) and (wait_ms := self._silence_ms(steward)) > 0:
            self._due[sale_id] = now + wait_ms
            self._hurried |= {sale_id} if hurried else set()
            return
        if wanted is Need.LOOK or (unknown and not (hurried and wanted is Need.HURRY)):
            self._pace.made(sale_id, now)
            self._looks.begin(steward, self._waiting.looking_for, self._looked)
            return
        # At work again, and its own reads survive a crash; or settled.
        self._waiting.looked(sale_id, [one for one in self._waiting.looking_for(sale_id) if one not in unknown])
        if wanted is Need.HURRY:
            self._pace.made(sale_id, now)
            steward.memory.hurried |= {one.duty for one in steward.owed() if one.duty in _HURRIED}
            steward.wake.set()
        if unknown:
            self._ask(sale_id)

    def _of_unknown(self, steward: Steward) -> Sequence[Entry]:
        """Those that want a payment looked at which the sale does not know; of what cannot be looked at now they are asked again later."""
        sale = steward.sale
        found = [one for one in self._waiting.looking_for(sale.id) if names_unknown(one.kept.hint, one.kept.provider, sale)]
        if need_of_unknown(sale) is Need.LOOK:
            return found
        self._waiting.later(sale.id, found)
        return ()

    def _silence_ms(self, steward: Steward) -> int:
        """How long the sale may not be read: a read is under way, or the payment system has asked for a pause."""
        memory, now = steward.memory, self._engine.ports.clock.now()
        if memory.reading:
            return BUSY_PAUSE_MS
        if memory.last_read is None or memory.last_read.boot != now.boot:
            return 0
        return memory.last_read.ticks + least_pause_ms(memory, steward.policy) - now.ticks

    def _looked(self, sale_id: SaleId, entries: Sequence[Entry], answered: bool) -> None:
        """A look has ended. Without an answer, or for who waits for another payment, there is another one."""
        if answered:
            self._waiting.looked(sale_id, entries)
        if not answered or self._waiting.looking_for(sale_id):
            self._ask(sale_id)

    def _tidy(self) -> None:
        """Forget what is old: now and then, for it goes through everything."""
        if self._now() >= self._tidy_at:
            self._waiting.expire()
            self._pace.forget_quiet(self._now())
            self._tidy_at = self._now() + round(MAX_NAP_S * 1_000)

    async def _nap(self) -> None:
        seconds = min([MAX_NAP_S, *(max(at - self._now(), 0) / 1_000 for at in self._due.values())])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def _now(self) -> int:
        return self._engine.ports.clock.now().ticks
