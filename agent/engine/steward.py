"""The steward: one task per unsettled sale that asks what is owed, does it, records the result, and asks again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from agent.core import answer, stored
from agent.core.duty import Duty, Memory, Owed
from agent.core.events import Event
from agent.core.fold import fold, open_sale
from agent.core.model import SaleId, Stamp
from agent.core.obligations import obligations, owes
from agent.core.payment import PaymentState
from agent.core.policy import Policy
from agent.core.ports import Append, Conflict, Entry
from agent.core.sale import Sale
from agent.engine.keeper import Keeper
from agent.engine.setup import Ports, Setup

Decider = Callable[[Sale], Sequence[Event]]


class Steward(Keeper[Sale, Event]):
    """The live form of a sale: its state, what this process remembers, and the means to change both."""

    def __init__(
        self,
        ports: Ports,
        current: Callable[[], Setup],
        sale: Sale,
        memory: Memory,
        secret_names: frozenset[str],
        on_change: Callable[["Steward", Sequence[Event]], None],
        on_failure: Callable[["Steward", BaseException], None],
    ) -> None:
        super().__init__(ports, current, sale, secret_names, on_change, on_failure)
        self.memory = memory
        self.holds: dict[Duty, int] = {}
        self.shown_to: set[str] = set()  # callers that were given the payment link by this process

    @property
    def sale(self) -> Sale:
        return self.state

    @sale.setter
    def sale(self, sale: Sale) -> None:
        self.state = sale

    @property
    def id(self) -> SaleId:
        return self.sale.id

    @property
    def owing(self) -> bool:
        return owes(self.sale)

    @property
    def policy(self) -> Policy:
        return self.setup.policy(self.sale.id.store_id, self.sale.id.terminal_id, self.sale.binding.provider)

    def hold(self, duty: Duty, wait_ms: int) -> None:
        """Do not try this duty again for a while: nothing was recorded that would delay it."""
        self.holds[duty] = self.ports.clock.now().ticks + wait_ms

    def owed(self) -> list[Owed]:
        """What the sale owes now, soonest first, with this process's own delays."""
        caps = self.setup.capabilities(self.sale.binding.provider)
        found = obligations(self.sale, self.ports.clock.now(), self.memory, self.policy, caps)
        held = [replace(one, at=max(one.at, self.holds.get(one.duty, one.at))) for one in found]
        return sorted(held, key=lambda one: one.at)

    async def nap(self, owed: Sequence[Owed]) -> None:
        """Sleep until the next duty is due, something changes, or it is time to look at the clock."""
        await self.sleep_until(owed[0].at if owed else None)

    def _step(self, found: Sequence[Event], now: Stamp, put_secrets: Mapping[str, str]) -> tuple[Append, Sale]:
        sale = self.sale
        for event in found:
            sale = fold(sale, event, now)
        keep = answer.needed_secrets(sale, self.setup.capabilities(sale.binding.provider).needs_token)
        put = {name: value for name, value in put_secrets.items() if name in keep}
        return append_of(sale, self.sale.position, found, now, put, self.secret_names - keep), sale

    def _recorded(self) -> None:
        self.memory.reads = 0
        self.memory.read_failures = 0
        self.holds.clear()

    def _after_conflict(self, decider: Decider) -> Decider:
        """A payment that meets another one of its order goes back."""
        return superseding(decider, self.ports.clock.now())


def superseding(decider: Decider, now: Stamp) -> Decider:
    """A not-paid sale that nobody was told of turns out paid, but its order is paid or open elsewhere by now: the POS has moved on, so it
    is decided anew as if the not-paid answer had been handed out, and the money goes back."""

    def decide_again(sale: Sale) -> Sequence[Event]:
        if sale.payment not in (PaymentState.CANCELED, PaymentState.DECLINED) or sale.told is not None:
            raise Conflict(f"{sale.id}: the record does not take {[type(event).__name__ for event in decider(sale)]}")
        told = answer.told_now(sale, by="superseded")
        return [told, *decider(fold(sale, told, now))]

    return decide_again


def append_of(sale: Sale, position: int, found: Sequence[Event], now: Stamp, put: Mapping[str, str], drop: frozenset[str]) -> Append:
    """The journal's step that takes a stream from ``position`` to ``sale``."""
    entries = []
    for event in found:
        kind, body = stored.encode(event)
        entries.append(Entry(kind, now, body))
    return Append(sale.id, position, entries, answer.row(sale), put, drop)


def first_step(sale_id: SaleId, found: Sequence[Event], now: Stamp, secrets: Mapping[str, str]) -> tuple[Append, Sale]:
    """The step that begins a stream."""
    sale = open_sale(sale_id, found[0], now)
    for event in found[1:]:
        sale = fold(sale, event, now)
    return append_of(sale, 0, found, now, secrets, frozenset()), sale
