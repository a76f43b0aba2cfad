"""A simulated shop with doors in its walls: the engine, the journal and its file are real, time is virtual, and a test may stand between
the engine and any of its ports.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from agent.core.answer import Answer, answer
from agent.core.events import Event
from agent.core.model import Checkout, SaleId, Stamp
from agent.core.policy import Policy
from agent.core.ports import Append, Card, Entry, HelperFailed, Journal, Row
from agent.core.sale import Sale
from agent.core.stored import decode
from agent.engine.accept import Order
from agent.engine.counter import Counter
from agent.engine.engine import Engine
from agent.engine.errors import Refusal
from agent.engine.setup import Ports, Setup
from agent.engine.steward import Steward
from agent.sandbox.customer import Action, Customer
from agent.sandbox.settings import BankSettings
from tests.simulation.loop import VirtualLoop, run
from tests.simulation.stories import POLICY
from tests.simulation.till import Pos, bill
from tests.simulation.world import LOGIN, PASSWORD, STORE, TILL, Incarnation, MortalJournal, World

T = TypeVar("T")
TILL_2 = "till-2"
BANK = BankSettings(login=LOGIN, password=PASSWORD, customer=Customer(Action.CONFIRM, 2_000), partner="acme", magic_sessions=False)


class Doors(MortalJournal):
    """The journal with doors: ``on_append`` is asked before each append and may raise, ``after_append`` runs before it returns;
    ``reads`` and ``parks`` do so for the other calls."""

    def __init__(self, journal: MortalJournal) -> None:
        super().__init__(journal._life, journal._journal)
        self.on_append: Callable[[Append], Awaitable[None]] | None = None
        self.after_append: Callable[[Append], Awaitable[None]] | None = None
        self.reads: Callable[[str], None] = lambda name: None
        self.parks: Callable[[], None] = lambda: None

    async def append(self, step: Append) -> None:
        if self.on_append is not None:
            await self.on_append(step)
        await super().append(step)
        if self.after_append is not None:
            await self.after_append(step)

    async def stream(self, sale_id: SaleId) -> Sequence[Entry] | None:
        self.reads("stream")
        return await super().stream(sale_id)

    async def neighbours(self, sale_id: SaleId, order_id: str) -> Sequence[Row]:
        self.reads("neighbours")
        return await super().neighbours(sale_id, order_id)

    async def secrets(self, sale_id: SaleId) -> Mapping[str, str]:
        self.reads("secrets")
        return await super().secrets(sale_id)

    async def park(self, sale_id: SaleId, reason: str, at: datetime, released: str | None = None) -> None:
        self.parks()
        await super().park(sale_id, reason, at, released)


class Shop(World):
    """A world whose next life starts with the given doors, helper and configuration."""

    def __init__(self, loop: VirtualLoop, folder: Path, policy: Policy, bank: BankSettings) -> None:
        super().__init__(loop, folder, policy, bank)
        self.card: Card | None = None
        self.change: Callable[[Setup], Setup] = lambda setup: setup
        self.wall_shift_s = 0.0
        self.from_the_start: Callable[[Append], Awaitable[None]] | None = None  # ``on_append`` of the next life

    @property
    def living(self) -> Engine:
        assert self.engine is not None
        return self.engine

    @property
    def desk(self) -> Counter:
        assert self.counter is not None
        return self.counter

    @property
    def doors(self) -> Doors:
        journal: Journal = self.living.ports.journal
        assert isinstance(journal, Doors)
        return journal

    def now(self) -> Stamp:
        now = super().now()
        return replace(now, wall=now.wall.fromtimestamp(now.wall.timestamp() + self.wall_shift_s, now.wall.tzinfo))

    def setup(self) -> Setup:
        return self.change(super().setup())

    def _ports(self, life: Incarnation) -> Ports:
        ports = super()._ports(life)
        assert isinstance(ports.journal, MortalJournal)
        doors = Doors(ports.journal)
        doors.on_append = self.from_the_start
        card = self.card or ports.card
        return replace(ports, journal=doors, card=card if self.with_card else None)

    # --- looking behind the counter ---

    @contextlib.contextmanager
    def in_earnest(self) -> Iterator[None]:
        """While a test itself uses the file, no virtual time passes."""
        self.opening += 1
        try:
            yield
        finally:
            self.opening -= 1

    async def truly(self, work: Awaitable[T]) -> T:
        """The result of some work on the real file."""
        with self.in_earnest():
            return await work

    async def events(self, sale_id: SaleId) -> list[Event]:
        assert self.journal is not None
        stored = await self.truly(self.journal.stream(sale_id))
        return [decode(entry.kind, entry.body) for entry in stored or ()]

    async def kept_secrets(self, sale_id: SaleId) -> frozenset[str]:
        assert self.journal is not None
        return frozenset(await self.truly(self.journal.secrets(sale_id)))

    async def restart(self, dark_s: float = 0.0) -> None:
        """An orderly stop and a new life on the same boot; the next start takes the shop's settings as they are then."""
        assert self._undertaker is not None
        self._undertaker.cancel()
        assert self.journal is not None
        self._up.clear()
        await self.living.stop(1)
        await self.truly(self.journal.close())
        await asyncio.sleep(dark_s)
        await self.start()

    def noticed(self, event: str) -> list[dict[str, object]]:
        """The facts of every notice of this name."""
        return [facts for name, _, facts in self.notices if name == event]


Tale = Callable[[Shop, Pos], Awaitable[T]]


def play(
    tale: Tale[T], folder: Path, policy: Policy = POLICY, bank: BankSettings = BANK, prepare: Callable[[Shop], None] = lambda shop: None
) -> T:
    """Tell a tale in a fresh shop; ``prepare`` changes it before its first start."""

    async def main(loop: VirtualLoop) -> T:
        shop = Shop(loop, folder, policy, bank)
        prepare(shop)
        try:
            await shop.start()
            return await tale(shop, Pos(shop))
        finally:
            await shop.stop()

    return run(main)


# --- a POS that is told of every refusal ---


def order(
    key: str,
    order_id: str | None = None,
    terminal: str = TILL,
    checkout: Checkout | None = None,
    provider: str | None = None,
    **secrets: str,
) -> Order:
    """A checkout as a POS hands it in; secrets by name, usual ones unless given (an empty one is left out)."""
    usual = {"cardSession": f"S{key}".replace("-", ""), "loyaltyId": "2900001", "token": "pos-token-1"}
    given = {name: value for name, value in (usual | secrets).items() if value}
    return Order(SaleId(STORE, terminal, key), checkout or bill(order_id or f"order-{key}"), given, provider, "pos")


async def create(shop: Shop, given: Order) -> Steward:
    assert shop.acceptance is not None
    return (await shop.acceptance.create(given)).steward


async def refusal(work: Awaitable[object]) -> Refusal:
    """The refusal that some work ends in."""
    try:
        await work
    except Refusal as error:
        return error
    raise AssertionError("it was not refused")


async def finished(shop: Shop, sale_id: SaleId, patience_s: float = 900) -> Sale:
    """The sale once it is finished or needs a person; nothing is told."""
    steward = await shop.desk.get(sale_id, patience_s)
    return steward.sale


async def hear(shop: Shop, sale_id: SaleId) -> Answer:
    """What a POS is told now."""
    steward = await shop.desk.find(sale_id)
    await shop.living.tell(steward, "pos")
    return answer(steward.sale)


@contextlib.asynccontextmanager
async def gate() -> AsyncIterator[asyncio.Event]:
    """Something to hold a port by; it is opened at the end whatever happens."""
    door = asyncio.Event()
    try:
        yield door
    finally:
        door.set()


class Helper:
    """A helper command: ``sessions`` by barcode; it fails while ``broken``, and hangs while ``hanging``."""

    def __init__(self, **sessions: str | None) -> None:
        self.sessions = dict(sessions)
        self.broken = False
        self.hanging = False
        self.asked: list[str] = []

    async def token(self) -> str:
        await self._ask("token")
        return f"helper-token-{len(self.asked)}"

    async def card_session(self, barcode: str) -> str | None:
        await self._ask(f"verify {barcode}")
        return self.sessions.get(barcode)

    async def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.broken:
            raise HelperFailed("the helper ended with exit status 1")
        if self.hanging:
            await asyncio.get_running_loop().create_future()
