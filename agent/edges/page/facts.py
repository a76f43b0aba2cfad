"""What the pages show, asked of the desk and the engine: one look for everybody who watches, and never more often than it is cheap.

A look takes part of the loop's time, which belongs to the registers. So between two looks there is at least twenty times what the last one
took, and all who have the first page open share it. A list and a sale are looked at for each page (``watching``).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.core.duty import Owed
from agent.core.model import SaleId
from agent.edges.link import LinkState, LinkStatus
from agent.edges.page.day import Day, Figures
from agent.edges.page.house import House
from agent.engine.steward import Steward
from agent.texts import Message
from drivers import messages
from drivers.caller import Caller
from drivers.validation import parse

LOOK_S = 1.0  # a person sees what happens within a second
SHARE = 20  # a look takes at most one part in so many of the time
REST_S = 120.0  # after the last look its memory is given back; who goes from page to page does not make the day be read anew
MAX_QUEUE = 30  # sales shown of what is at work and owed
MAX_ALIVE = 512  # stewards asked what they owe
LATEST = 12  # sales shown on the first page
VIEWER = Caller("page", operator=True)  # looks without telling; it is never handed to anything that acts


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sale at work, or one that owes something. ``due_s``: in how many seconds the next duty is due."""

    id: SaleId
    order_id: str
    amount: int
    state: str
    finished: bool
    accepted: datetime
    duty: Owed | None
    due_s: int


@dataclass(frozen=True, slots=True)
class System:
    """A payment system and the way to it."""

    name: str
    account: str
    link: LinkState
    skew_s: int | None  # by how much our clock is ahead of its server's
    admitted: bool


@dataclass(frozen=True, slots=True)
class Till:
    """``heard_s``: seconds since its register asked for anything; None: not since the start."""

    store_id: str
    terminal_id: str
    provider: str
    heard_s: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the first page at one moment. ``status`` and ``latest`` are answers of the desk."""

    now: datetime
    status: Mapping[str, Any]
    systems: Sequence[System]
    tills: Sequence[Till]
    queue: Sequence[Waiting]
    queue_left: int
    latest: Sequence[Mapping[str, Any]]
    lines: Mapping[str, Mapping[str, Message]]
    journal: Mapping[str, Message]
    figures: Figures


class Facts:
    """One for each listener."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._day = Day(house.engine)
        self._looking = asyncio.Lock()
        self._seen: Overview | None = None
        self._good_until = 0.0
        self._resting: asyncio.TimerHandle | None = None

    async def ask(self, method: str, **params: Any) -> Mapping[str, Any]:
        """A question to the desk that changes nothing. Raises drivers.session.Refused, drivers.validation.Invalid."""
        return await self.house.handle(VIEWER, parse(method, params))

    def now(self) -> datetime:
        return self.house.engine.ports.clock.now().wall

    async def overview(self) -> Overview:
        """As it is now, or was a moment ago."""
        self._rest_later()
        async with self._looking:
            began = _now_s()
            if self._seen is None or began >= self._good_until:
                self._seen = await self._look()
                self._good_until = _now_s() + max(LOOK_S / 2, SHARE * (_now_s() - began))
            return self._seen

    def next_look_s(self) -> float:
        """Until it makes sense to look again."""
        return max(LOOK_S, self._good_until - _now_s())

    def _rest_later(self) -> None:
        """Once nobody has looked for a while, what was kept for that is given back."""
        if self._resting is not None:
            self._resting.cancel()
        self._resting = asyncio.get_running_loop().call_later(REST_S, self._rest)

    def _rest(self) -> None:
        self._day.forget()
        self._seen = self._resting = None

    async def _look(self) -> Overview:
        engine = self.house.engine
        status = await self.house.handle(VIEWER, messages.AgentStatus())
        latest = await self.ask("operation.list", limit=LATEST)
        queue, left = self._queue()
        figures = await self._day.figures()
        heard = self.house.heard()
        tills = [Till(*name, one.provider, heard.get(name)) for name, one in sorted(engine.setup.terminals.items())]
        shown, lines, journal = latest["operations"], self.house.lines(), self.house.journal()
        return Overview(self.now(), status, self._systems(), tills, queue, left, shown, lines, journal, figures)

    def _systems(self) -> list[System]:
        engine = self.house.engine
        return [
            System(name, binding.account, *self._link(binding.account), engine.ports.transport.admits(binding.account))
            for name, binding in engine.setup.bindings.items()
        ]

    def _link(self, account: str) -> tuple[LinkState, int | None]:
        try:
            return self.house.link(account), self.house.skew_s(account)
        except KeyError:  # a configuration is just being exchanged
            return LinkState(LinkStatus.UNKNOWN), None

    def _queue(self) -> tuple[Sequence[Waiting], int]:
        """The sales that no end is reached of, the unfinished ones first, then by age."""
        ticks = self.house.engine.ports.clock.now().ticks
        found = [one for steward in self.house.engine.alive[:MAX_ALIVE] if (one := _waiting(steward, ticks)) is not None]
        found.sort(key=lambda one: (one.finished, one.accepted))
        return found[:MAX_QUEUE], max(0, len(found) - MAX_QUEUE)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _waiting(steward: Steward, ticks: int) -> Waiting | None:
    sale, owed = steward.sale, steward.owed()
    if sale.finished and not owed:
        return None
    duty = owed[0] if owed else None
    due_s = max(0, duty.at - ticks) // 1000 if duty is not None else 0
    return Waiting(sale.id, sale.checkout.invoice.order_id, sale.amount, sale.payment.value, sale.finished, sale.accepted.wall, duty, due_s)
