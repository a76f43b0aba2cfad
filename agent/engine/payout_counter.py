"""Taking payouts, and what a register or an operator asks about them afterwards.

A register that heard nothing asks again by its key, and "same key, same body" gets the same payout for ever: a key is never good for a
second one, whatever has become of the first. Two limits stand before anything is stored: of one payout, and of a business day.
"""

import asyncio
from collections.abc import Awaitable, Container, Mapping
from dataclasses import dataclass, field
from datetime import date

from agent.core import canonical
from agent.core.contract import Unacceptable
from agent.core.machine import IllegalTransition
from agent.core.model import Deadline, SaleId
from agent.core.money import Kopecks, roubles
from agent.core.payout import asked, stored
from agent.core.payout.contract import PayoutOrder, recipient_secret
from agent.core.payout.events import PayoutAccepted
from agent.core.payout.fold import replay
from agent.core.payout.machine import NOT_MADE, PayoutState
from agent.core.payout.name import is_payout, key_of
from agent.core.payout.payout import Payout
from agent.core.ports import Conflict, Corrupt, JournalFull, Query
from agent.engine.engine import Engine
from agent.engine.errors import Refusal, unknown_terminal
from agent.engine.payout_steward import PayoutDecider, PayoutSteward, first_step
from agent.engine.record import absent, check_record
from agent.engine.setup import PayoutTerms, Terminal

MAX_UNSETTLED = 100  # payouts at work at a time; more is a fault of the register software
PAGE_ROWS = 1_000  # read at a time for the day's sum
RECIPIENT_HEX_DIGITS = 4  # two bytes


@dataclass(frozen=True, slots=True)
class Wish:
    """A payout as the POS handed it in. ``id``: its name in the journal; ``recipient``: secrets, by the service's names of its fields;
    ``owner``: the local user."""

    id: SaleId
    amount: Kopecks
    service: str | None
    description: str
    recipient: Mapping[str, str] = field(repr=False)
    provider: str | None
    owner: str


class PayoutCounter:
    """Serves registers that pay out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def create(self, wish: Wish) -> tuple[PayoutSteward, bool]:
        """Take a payout (the second value is true) or recognise one that was taken before. Returns once it is on disk; a caller that is
        cancelled does not take it back.

        Raises Refusal: CONFLICT UNSUPPORTED INVALID LIMIT OVER_LIMIT BUSY UNKNOWN_TERMINAL DISK_FULL RECORD_DAMAGED; Stopped.
        """
        return await asyncio.shield(asyncio.ensure_future(self._create(wish)))

    async def _create(self, wish: Wish) -> tuple[PayoutSteward, bool]:
        engine = self._engine
        engine.check_running()
        async with engine.payouts.taking:
            known = await engine.payouts.open(wish.id)
            if known is not None:
                self._repeat(known.payout, wish)
                return known, False
            provider, terms = self.terms(wish.id, wish.provider)
            if not terms.policy.enabled:
                raise Refusal("UNSUPPORTED", f"payouts by {provider!r} are switched off", path="provider")
            await check_record(engine)
            order = self._order(wish, terms)
            self._check(order, wish, terms)
            await self._limit(order, terms)
            return await self._store(wish, order, provider, terms), True

    def terms(self, till: SaleId, provider: str | None) -> tuple[str, PayoutTerms]:
        """By which payment system this till pays out: the one that is named, else its own, else the only one that can. Raises Refusal."""
        setup = self._engine.setup
        terminal: Terminal | None = setup.terminals.get((till.store_id, till.terminal_id))
        if terminal is None:
            raise unknown_terminal(till.store_id, till.terminal_id)
        able = [name for name, terms in setup.payouts.items() if terms.policy.enabled]
        own = terminal.provider if terminal.provider in setup.payouts or len(able) != 1 else able[0]
        name = provider or own
        terms = setup.payouts.get(name)
        if terms is None or name not in setup.bindings:
            raise Refusal("UNSUPPORTED", f"provider {name!r} pays nothing out, or is not configured", path="provider")
        return name, terms

    def _repeat(self, payout: Payout, wish: Wish) -> None:
        """The same request, as far as it says: what it leaves to the configuration may have changed meanwhile."""
        same = self._digest(wish, payout.order, payout.binding.provider) == payout.digest
        if not same or wish.provider not in (None, payout.binding.provider) or wish.service not in (None, payout.order.service):
            raise Refusal("CONFLICT", f"key {payout.key!r} was used with another body; use a new key for a new payout", key=payout.key)

    def _digest(self, wish: Wish, order: PayoutOrder, provider: str) -> str:
        """Made of the wish, but for what it leaves to the configuration. Who is paid is in it by two bytes only: a backup holds the key,
        and a card could be found by trying them all. Two bytes show a register's mistake, and fit too many cards to tell one."""
        key = self._engine.ports.journal.digest_key
        recipient = canonical.digest(sorted(map(list, wish.recipient.items())), key)[:RECIPIENT_HEX_DIGITS]
        body = [provider, wish.amount, order.currency, order.service, wish.description, sorted(wish.recipient), recipient]
        return canonical.digest(body, key)

    def _order(self, wish: Wish, terms: PayoutTerms) -> PayoutOrder:
        service = wish.service or terms.policy.service
        if service is None:
            raise Refusal("INVALID", "service: is missing, and none is configured; payout.services lists them", path="service")
        return PayoutOrder(wish.amount, terms.policy.currency, service, wish.description)

    def _check(self, order: PayoutOrder, wish: Wish, terms: PayoutTerms) -> None:
        """What the provider would refuse is refused before anything is stored."""
        try:
            terms.provider.check_payout(order, {name: len(value) for name, value in wish.recipient.items()})
        except Unacceptable as error:
            details = [{"path": path, "problem": problem} for path, problem in error.problems]
            raise Refusal("INVALID", str(error), details=details) from error

    async def _limit(self, order: PayoutOrder, terms: PayoutTerms) -> None:
        most, of_day = terms.policy.most_amount, terms.policy.most_per_day
        if order.amount > most:
            raise Refusal("OVER_LIMIT", f"one payout may be at most {roubles(most)}", path="amount", limit=most)
        if sum(1 for one in self._engine.payouts.alive if not one.payout.finished) >= MAX_UNSETTLED:
            raise Refusal("LIMIT", f"{MAX_UNSETTLED} payouts are not settled yet")
        before = await self._made_today(most)
        if before + order.amount > of_day:
            text = f"the payouts of a business day may come to {roubles(of_day)}, and {roubles(before)} are made or under way"
            raise Refusal("OVER_LIMIT", text, path="amount", limit=of_day)

    async def _made_today(self, most: Kopecks) -> int:
        """Kopecks of the business day's payouts, of all tills, that are made or may have been. ``most``: of one."""
        engine, total, before, known = self._engine, 0, None, set[SaleId]()
        day = engine.setup.business_date(engine.ports.clock.now().wall)
        while True:
            query = Query(business_date=day, payouts=True, before=before, limit=PAGE_ROWS)
            rows = await engine.reading(engine.ports.journal.find(query))
            total += sum(row.amount for row in rows if row.state not in NOT_MADE or row.money != "none")
            known |= {row.id for row in rows}
            if len(rows) < PAGE_ROWS:
                return total + await self._set_aside(day, known, most)
            before = rows[-1].id

    async def _set_aside(self, day: date, known: Container[SaleId], most: Kopecks) -> int:
        """Kopecks of payouts whose row cannot be used, by their record. What that does not tell either counts as the most it can have been,
        until an operator has taken it over."""
        journal, total = self._engine.ports.journal, 0
        for one in await self._engine.reading(journal.parked()):
            if not is_payout(one.id) or one.id in known:
                continue
            try:
                entries = await self._engine.reading(journal.stream(one.id)) or ()
                payout = replay(one.id, ((stored.decode(entry.kind, entry.body), entry.stamp) for entry in entries))
            except (Corrupt, IllegalTransition, ValueError):
                total += most if one.released is None else 0
            else:
                made = payout.state not in NOT_MADE or asked.money(payout) != "none"
                total += payout.order.amount if made and payout.business_date == day else 0
        return total

    async def _store(self, wish: Wish, order: PayoutOrder, provider: str, terms: PayoutTerms) -> PayoutSteward:
        engine = self._engine
        now = engine.ports.clock.now()
        deadline = Deadline(now.boot, now.ticks + terms.policy.send_deadline_ms)
        day, names = engine.setup.business_date(now.wall), tuple(sorted(wish.recipient))
        digest = self._digest(wish, order, provider)
        accepted = PayoutAccepted(order, names, engine.setup.bindings[provider], deadline, day, digest, wish.owner)
        secrets = {recipient_secret(name): value for name, value in wish.recipient.items()}
        step, payout = first_step(wish.id, accepted, now, secrets)
        engine.check_running()
        try:
            await engine.append(step)
        except JournalFull as error:
            raise Refusal("DISK_FULL", "the disk of this till is full; the payout was not stored") from error
        except Conflict as error:
            raise Refusal("BUSY", f"key {key_of(wish.id)!r} is being used by another request; ask again") from error
        engine.ports.notice("payout.accepted", wish.id, amount=order.amount, service=order.service, provider=provider)
        return engine.payouts.adopt(payout, frozenset(secrets))

    # --- afterwards ---

    async def find(self, payout_id: SaleId) -> PayoutSteward:
        """Raises Refusal NOT_FOUND, RECORD_LOST, RECORD_DAMAGED, DISK_FULL, BUSY; Stopped."""
        engine = self._engine
        steward = await engine.payouts.open(payout_id)
        if steward is None:
            raise await absent(engine, f"no payout {key_of(payout_id)!r} of terminal {payout_id.terminal_id!r} was accepted here")
        return steward

    async def wait(self, steward: PayoutSteward, seconds: float) -> None:
        """Until the payout is finished or needs a person, at most so long. Never touches the network."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not steward.payout.finished and steward.payout.state is not PayoutState.ATTENTION:
            left = end - loop.time()
            if left <= 0 or steward.parked or self._engine.failed.done():
                return
            await steward.changed_within(left)

    async def cancel(self, payout_id: SaleId) -> PayoutSteward:
        """Ask for it not to be sent; of one that may have been it changes nothing. Raises Refusal, Stopped."""
        steward = await self.find(payout_id)
        await self.record(steward, asked.cancel_asked)
        return steward

    async def tell(self, steward: PayoutSteward, by: str) -> None:
        """Hand a finished answer out: from now on it is frozen. Raises Refusal BUSY, Stopped."""
        if not steward.payout.finished or steward.payout.told is not None:
            return
        try:
            await self._engine.writing(steward.record(lambda payout: asked.told_now(payout, by)))
        except JournalFull as full:  # DISK_FULL, which says that nothing was done, would be a lie here
            raise Refusal("BUSY", "the disk of this till is full: the result cannot be recorded as handed out; ask again") from full

    async def record(self, steward: PayoutSteward, decider: PayoutDecider) -> None:
        """Raises Refusal DISK_FULL, Stopped."""
        self._engine.check_running()
        await self._guarded(self._engine.writing(steward.record(decider)))

    async def _guarded(self, work: Awaitable[object]) -> None:
        try:
            await work
        except JournalFull as error:
            raise Refusal("DISK_FULL", "the disk of this till is full; the request was not stored") from error
