"""Messages of payment systems that wait: for their sale, or for the look that they ask for (money rule 11).

They are few, they wait for a day at most, and they are on the disk: a payment system that was told "taken" does not send them again. They
are found by each of the names that they carry. A repeat of one that waits is that one.

There is room for so many. A message can be repeated with another name in it that nobody has signed, as often as its sender likes; so when
there is no room, one that fits no sale of this till never takes the place of one that does, and of those that fit none a payment that many
speak of makes room for itself first.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from agent.core.hints import Hint, KeptHint
from agent.core.model import SaleId
from agent.core.ports import JournalFull
from agent.core.sale import Sale
from agent.engine.engine import Engine
from agent.engine.errors import Refusal

KEPT = timedelta(hours=24)  # money rule 11
IMPLAUSIBLE = timedelta(hours=1)  # so far in the future is no moment at which a message came: the clock was wrong then, or is now
MAX_KEPT_HINTS = 1_000  # a shop of twenty tills that all hear of each other's sales for some hours

Name = tuple[str, str, str]  # provider, kind, id


@dataclass(slots=True)
class Entry:
    """A message that waits. ``stored``: it is on the disk; ``sales``: those that are to be looked at because of it; ``fits``: whether there
    is a sale that it is about, None while that is not known; ``absent``: how often the payment that it names was not there; ``dropped``: it
    had to go because there was no room."""

    kept: KeptHint
    stored: bool = False
    sales: set[SaleId] = field(default_factory=set)
    fits: bool | None = None
    absent: int = 0
    dropped: bool = False

    @property
    def about(self) -> Name:
        """What it speaks of, by the name that is hardest to make up."""
        return _names_of_hint(self.kept.provider, self.kept.hint)[0]


class Waiting:
    """The messages that wait. ``changed`` is set when something is to be dropped from the disk."""

    def __init__(self, engine: Engine, changed: asyncio.Event) -> None:
        self._engine = engine
        self._changed = changed
        self._entries: dict[int, Entry] = {}
        self._by_name: dict[Name, set[int]] = {}
        self._gone: set[int] = set()
        self._number = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def __contains__(self, entry: Entry) -> bool:
        return entry.kept.number in self._entries

    async def recall(self) -> None:
        """What was kept before this start. Raises JournalBroken."""
        for kept in await self._engine.ports.journal.hints():
            self._number = max(self._number, kept.number)
            self._enter(Entry(kept, stored=True))

    # --- in and out ---

    def same(self, provider: str, hint: Hint) -> Entry | None:
        """The one that waits and says the same."""
        return next((one for one in self._named(_names_of_hint(provider, hint)) if one.kept.hint == hint), None)

    def take(self, provider: str, hint: Hint) -> Entry:
        """A new one, in memory so far."""
        self._number += 1
        entry = Entry(KeptHint(self._number, provider, self._engine.ports.clock.now().wall, hint))
        self._enter(entry)
        return entry

    async def store(self, entry: Entry) -> None:
        """Put it on the disk. Raises Refusal DISK_FULL: it is still held in memory, and its sender is asked to repeat it; Stopped."""
        entry.stored = True
        try:
            await self._engine.reading(self._engine.ports.journal.keep_hint(entry.kept))
        except JournalFull as error:
            entry.stored = False
            raise Refusal("DISK_FULL", "the disk of this till is full; the message was not stored") from error
        if entry not in self:  # answered meanwhile
            self._gone.add(entry.kept.number)
            self._changed.set()

    def leave(self, entry: Entry) -> None:
        """It waits no longer."""
        number = entry.kept.number
        if self._entries.pop(number, None) is None:
            return
        for name in _names_of_hint(entry.kept.provider, entry.kept.hint):
            numbers = self._by_name[name]
            numbers.discard(number)
            if not numbers:
                del self._by_name[name]
        if entry.stored:
            self._gone.add(number)
            self._changed.set()

    def make_room(self) -> None:
        """Drop some while more wait than may."""
        while len(self._entries) > MAX_KEPT_HINTS:
            entry = self._dispensable()
            self._engine.ports.notice("hint.dropped", provider=entry.kept.provider, limit=MAX_KEPT_HINTS)
            entry.dropped = True
            self.leave(entry)

    def _dispensable(self) -> Entry:
        """Of those that fit no sale the oldest, of the payment that most of them speak of. If all fit, the newest of such a payment: what
        was taken before asks for the same."""
        strangers = [entry for entry in self if entry.fits is False]
        crowd = Counter(entry.about for entry in strangers or self)
        if strangers:
            return min(strangers, key=lambda entry: (-crowd[entry.about], entry.kept.number))
        return max(self, key=lambda entry: (crowd[entry.about], entry.kept.number))

    def expire(self) -> None:
        """Those that have waited for a day leave. One that seems to come from the future would wait for ever."""
        wall = self._engine.ports.clock.now().wall
        for entry in self:
            if not -IMPLAUSIBLE <= wall - entry.kept.at < KEPT:
                self.leave(entry)

    async def drop_gone(self) -> None:
        """Take from the disk what waits no longer. Raises Stopped."""
        if self._gone:
            gone = tuple(self._gone)
            with contextlib.suppress(JournalFull):  # then next time: a message that is answered twice is only read twice
                await self._engine.reading(self._engine.ports.journal.drop_hints(gone))
                self._gone.difference_update(gone)

    # --- sales ---

    def of_sale(self, sale: Sale) -> Sequence[Entry]:
        """Those that have a name in common with the sale."""
        return list(self._named(_names_of_sale(sale)))

    def looking_for(self, sale_id: SaleId) -> Sequence[Entry]:
        """Those that wait for a look at this sale."""
        return [entry for entry in self if sale_id in entry.sales]

    def later(self, sale_id: SaleId, entries: Iterable[Entry]) -> None:
        """These need a look at the sale, which cannot be made now: they are asked again when something becomes known of it."""
        for entry in entries:
            entry.sales.discard(sale_id)

    def looked(self, sale_id: SaleId, entries: Iterable[Entry]) -> None:
        """These need no look at the sale any more."""
        for entry in entries:
            entry.sales.discard(sale_id)
            if not entry.sales:
                self.leave(entry)

    def _named(self, names: Iterable[Name]) -> Iterator[Entry]:
        for number in sorted({number for name in names for number in self._by_name.get(name, ())}):
            if number in self._entries:
                yield self._entries[number]

    def _enter(self, entry: Entry) -> None:
        self._entries[entry.kept.number] = entry
        for name in _names_of_hint(entry.kept.provider, entry.kept.hint):
            self._by_name.setdefault(name, set()).add(entry.kept.number)


def _names_of_hint(provider: str, hint: Hint) -> list[Name]:
    return _names(provider, hint.transaction_id, hint.reference, hint.order_id)


def _names_of_sale(sale: Sale) -> list[Name]:
    request_id = sale.call.request_id if sale.call is not None else None
    return _names(sale.binding.provider, sale.transaction_id, request_id, sale.checkout.invoice.order_id)


def _names(provider: str, transaction_id: str | None, reference: str | None, order_id: str | None) -> list[Name]:
    given = (("transaction", transaction_id), ("reference", reference), ("order", order_id))
    return [(provider, kind, name) for kind, name in given if name is not None]
