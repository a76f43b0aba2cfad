"""The steward of a payout: like a sale's, over a stream of its own."""

from collections.abc import Callable, Mapping, Sequence

from agent.core.model import SaleId, Stamp
from agent.core.payout import stored
from agent.core.payout.answer import needed_secrets, row
from agent.core.payout.events import Event
from agent.core.payout.fold import fold, open_payout
from agent.core.payout.owed import READS, PayoutDuty, PayoutMemory, PayoutOwed, obligations, owes
from agent.core.payout.payout import Payout
from agent.core.ports import Append, Entry
from agent.engine.keeper import Keeper
from agent.engine.setup import PayoutTerms, Ports, Setup

PayoutDecider = Callable[[Payout], Sequence[Event]]


class PayoutSteward(Keeper[Payout, Event]):
    """The live form of a payout."""

    def __init__(
        self,
        ports: Ports,
        current: Callable[[], Setup],
        payout: Payout,
        secret_names: frozenset[str],
        on_change: Callable[["PayoutSteward", Sequence[Event]], None],
        on_failure: Callable[["PayoutSteward", BaseException], None],
    ) -> None:
        super().__init__(ports, current, payout, secret_names, on_change, on_failure)
        self.memory = PayoutMemory()
        self.holds: dict[PayoutDuty, int] = {}

    @property
    def payout(self) -> Payout:
        return self.state

    @property
    def id(self) -> SaleId:
        return self.payout.id

    @property
    def owing(self) -> bool:
        return owes(self.payout) or self.memory.heard

    @property
    def terms(self) -> PayoutTerms | None:
        """How its payment system pays out, as configured now. None: it is not configured any more."""
        return self.setup.payouts.get(self.payout.binding.provider)

    def hold(self, duty: PayoutDuty, wait_ms: int) -> None:
        """Do not try this duty again for a while: nothing was recorded that would delay it."""
        self.holds[duty] = self.ports.clock.now().ticks + wait_ms

    def owed(self) -> list[PayoutOwed]:
        """What is owed now, soonest first, with this process's own delays. Nothing without a configuration: it waits for one."""
        terms = self.terms
        if terms is None:
            return []
        found = obligations(self.payout, self.ports.clock.now(), self.memory, terms.policy, terms.provider.payout_search_pause_ms)
        return sorted(
            (PayoutOwed(one.duty, max(one.at, self.holds.get(one.duty, one.at)), one.why) for one in found), key=lambda one: one.at
        )

    def hurry(self) -> bool:
        """Whether a look is owed; then it is made now, however long it would wait. One that is under way may have been answered before
        whatever it is that hurries: then another follows it."""
        self.memory.hurried = True
        owed = self.owed()
        looks = self.memory.reading or any(one.duty in READS for one in owed)
        self.memory.hurried = looks
        self.rouse()
        return looks

    def hear(self) -> bool:
        """A message of the system speaks of it: whatever has become of it, it is looked at once, now. Not of one that never had a request:
        the system cannot know it."""
        if self.payout.call is None:
            return False
        self.memory.heard = self.memory.hurried = True
        self.rouse()
        return True

    def _step(self, found: Sequence[Event], now: Stamp, put_secrets: Mapping[str, str]) -> tuple[Append, Payout]:
        payout = self.payout
        for event in found:
            payout = fold(payout, event, now)
        keep = needed_secrets(payout)
        put = {name: value for name, value in put_secrets.items() if name in keep}
        return append_of(payout, self.payout.position, found, now, put, self.secret_names - keep), payout

    def _recorded(self) -> None:
        self.memory.reads = self.memory.failures = 0
        self.holds.clear()


def append_of(payout: Payout, position: int, found: Sequence[Event], now: Stamp, put: Mapping[str, str], drop: frozenset[str]) -> Append:
    """The journal's step that takes a stream from ``position`` to ``payout``."""
    entries = []
    for event in found:
        kind, body = stored.encode(event)
        entries.append(Entry(kind, now, body))
    return Append(payout.id, position, entries, row(payout), put, drop)


def first_step(payout_id: SaleId, event: Event, now: Stamp, secrets: Mapping[str, str]) -> tuple[Append, Payout]:
    """The step that begins a stream."""
    payout = open_payout(payout_id, event, now)
    return append_of(payout, 0, [event], now, secrets, frozenset()), payout
