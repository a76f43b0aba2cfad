"""The world around the engine: a bank, a wire, a till, and a process that may die at every call it makes.

Everything but the other party and time is real: the engine, its journal and the SQLite file. A crash freezes the dead incarnation
(none of its calls ever returns), copies the database files as they lie on the disk, and starts a new engine on the copy. Requests that
were already on the wire arrive all the same; their answers are lost.
"""

import asyncio
import functools
import itertools
import secrets
import shutil
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from agent.core import canonical
from agent.core.contract import Provider
from agent.core.hints import Hint, KeptHint
from agent.core.model import Binding, Deadline, Environment, Merchant, SaleId, Stamp
from agent.core.money import Kopecks
from agent.core.payout.policy import PayoutPolicy
from agent.core.policy import Policy
from agent.core.ports import Append, Card, Entry, Parked, Query, Row
from agent.core.sale import Sale
from agent.core.verdict import NotSent, Outcome, Reply, Request, Unclear
from agent.edges.journal import SqliteJournal
from agent.edges.journal.checks import prepare_writer
from agent.edges.journal.schema import CURRENT
from agent.engine.accept import Acceptance
from agent.engine.counter import Counter
from agent.engine.engine import Engine
from agent.engine.hints import Hints
from agent.engine.recover import recover
from agent.engine.setup import PayoutTerms, Ports, Setup, Terminal
from agent.sandbox.bank import Bank
from agent.sandbox.customer import Action, Customer
from agent.sandbox.settings import BankSettings
from agent.sandbox.transaction import Transaction
from tests.simulation import systems
from tests.simulation.loop import VirtualLoop
from tests.simulation.payer import NAME as PAYER
from tests.simulation.payer import OPERATIONS, Payer, PaysByPayer
from tests.simulation.systems import LOGIN as LOGIN
from tests.simulation.systems import PASSWORD as PASSWORD
from tests.simulation.systems import STORE as STORE

T = TypeVar("T")

EPOCH = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
TILL = "till-1"
ANSWER_LIMIT_MS = 5_000  # of the transport: after that an attempt counts as lost
RESTART_MS = 2_000
# Few looks, and short patience: what is repeated without a change is a death like the last.
PAYOUTS = PayoutPolicy(
    enabled=True,
    most_amount=Kopecks(50_000),
    most_per_day=Kopecks(100_000),
    read_interval_ms=4_000,
    slow_ms=600_000,
    rereads_ms=(60_000, 180_000),
)
IDLE_S = 20.0  # of the journal: in most deaths the log holds the last steps, in some it was just emptied


class Crash(BaseException):
    """The process died. Only the harness sees it."""


@dataclass(slots=True)
class CrashPlan:
    """Die at the ``at``-th port call (1-based) of an incarnation, before or after it is carried out."""

    at: int
    after: bool
    fired: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A port call at which a life may end: its number (1-based), its name, and the sales of the process as they were then."""

    number: int
    name: str
    sales: tuple[Sale, ...]

    @property
    def meaning(self) -> tuple[str, tuple[Sale, ...]]:
        """What a death here is: two places of one meaning differ in the time alone. A sale's state holds its position."""
        return self.name, self.sales


@dataclass(slots=True, eq=False)
class Incarnation:
    """One life of the process: its port calls are counted, and at one of them it may die."""

    plan: CrashPlan | None
    look: Callable[[], tuple[Sale, ...]] | None = None  # what to remember of the places it comes to; None: nothing
    places: list[Place] = field(default_factory=list)
    died: asyncio.Event = field(default_factory=asyncio.Event)
    end: "asyncio.Task[bool] | None" = None  # is over with this life
    calls: int = 0
    where: str = ""
    graves: list[asyncio.Future[None]] = field(default_factory=list)
    at_work: int = 0  # calls that the journal's thread is working on

    async def call(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """One call on a port."""
        await self.alive()
        self.calls += 1
        mine = self.calls
        if self.look is not None:
            self.places.append(Place(mine, name, self.look()))
        if self._dies(mine, after=False):
            await self._die(f"before {name} #{mine}")
        result = await work()
        await self.alive()
        if self._dies(mine, after=True):
            await self._die(f"after {name} #{mine}")
        return result

    def _dies(self, call: int, after: bool) -> bool:
        return self.plan is not None and not self.plan.fired and self.plan.at == call and self.plan.after is after

    async def _die(self, where: str) -> None:
        assert self.plan is not None
        self.plan.fired = True
        self.where = where
        self.died.set()
        await self.alive()

    async def alive(self) -> None:
        """The dead wait for ever, and are remembered: a forgotten task would complain of its end."""
        if self.died.is_set():
            grave: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.graves.append(grave)
            await grave


class MortalJournal:
    """The journal as one incarnation sees it."""

    def __init__(self, life: Incarnation, journal: SqliteJournal) -> None:
        self._life, self._journal = life, journal

    @property
    def digest_key(self) -> bytes:
        return self._journal.digest_key

    async def _call(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        async def counted() -> T:
            self._life.at_work += 1
            try:
                return await work()
            finally:
                self._life.at_work -= 1

        return await self._life.call(f"journal.{name}", counted)

    async def append(self, step: Append) -> None:
        await self._call("append", lambda: self._journal.append(step))

    async def stream(self, sale_id: SaleId) -> Sequence[Entry] | None:
        return await self._call("stream", lambda: self._journal.stream(sale_id))

    async def secrets(self, sale_id: SaleId) -> Mapping[str, str]:
        return await self._call("secrets", lambda: self._journal.secrets(sale_id))

    async def owing(self) -> Sequence[SaleId]:
        return await self._call("owing", self._journal.owing)

    async def neighbours(self, sale_id: SaleId, order_id: str) -> Sequence[Row]:
        return await self._call("neighbours", lambda: self._journal.neighbours(sale_id, order_id))

    async def find(self, query: Query) -> Sequence[Row]:
        return await self._call("find", lambda: self._journal.find(query))

    async def refunded(self, since: datetime, until: datetime) -> Sequence[SaleId]:
        return await self._call("refunded", lambda: self._journal.refunded(since, until))

    async def park(self, sale_id: SaleId, reason: str, at: datetime, released: str | None = None) -> None:
        await self._call("park", lambda: self._journal.park(sale_id, reason, at, released))

    async def parked(self) -> Sequence[Parked]:
        return await self._call("parked", self._journal.parked)

    async def note(self, name: str, value: str | None) -> None:
        await self._call("note", lambda: self._journal.note(name, value))

    async def noted(self, name: str) -> str | None:
        return await self._call("noted", lambda: self._journal.noted(name))

    async def keep_hint(self, kept: KeptHint) -> None:
        await self._call("keep_hint", lambda: self._journal.keep_hint(kept))

    async def hints(self) -> Sequence[KeptHint]:
        return await self._call("hints", self._journal.hints)

    async def drop_hints(self, numbers: Collection[int]) -> None:
        await self._call("drop_hints", lambda: self._journal.drop_hints(numbers))


class MortalTransport:
    """The wire as one incarnation sees it: what is sent arrives even if the sender dies."""

    def __init__(self, life: Incarnation, world: "World") -> None:
        self._life, self._world = life, world

    def reachable(self, account: str) -> bool:
        return self._world.last_reached

    def known(self, account: str) -> bool:
        return self._world.answered

    def admits(self, account: str) -> bool:
        return self._world.admitted

    def identified(self, account: str) -> bool:
        return not self._world.nameless

    async def exchange(
        self,
        binding: Binding,
        request: Request,
        secrets: Mapping[str, str],
        late: Callable[[Outcome], None],
        not_after: Deadline | None = None,
    ) -> Outcome:
        return await self._life.call(f"exchange.{request.operation}", lambda: self._exchange(binding, request, secrets, late))

    async def _exchange(self, binding: Binding, request: Request, secrets: Mapping[str, str], late: Callable[[Outcome], None]) -> Outcome:
        if self._world.nameless:
            return NotSent("credentials")
        flight = self._world.send(request, secrets)
        done, _ = await asyncio.wait({flight}, timeout=ANSWER_LIMIT_MS / 1000)
        if done:
            return flight.result()
        flight.add_done_callback(lambda task: None if self._life.died.is_set() else late(task.result()))
        return Unclear("timeout")


class SimulatedCard:
    """The helper command: a token, as long as it is there."""

    def __init__(self, life: Incarnation, world: "World") -> None:
        self._life, self._world = life, world

    async def token(self) -> str:
        async def make() -> str:
            return f"helper-token-{next(self._world.tokens)}"

        return await self._life.call("card.token", make)

    async def card_session(self, barcode: str) -> str | None:
        async def read() -> str | None:
            return barcode.removeprefix("CM") if barcode.startswith("CM") else None

        return await self._life.call("card.session", read)


class World:
    """One simulated shop with one payment system."""

    def __init__(
        self, loop: VirtualLoop, folder: Path, policy: Policy, bank: BankSettings | None = None, system: str = systems.KOSHELEK
    ) -> None:
        self.loop, self.folder, self.system = loop, folder, system
        self.ids = itertools.count(1)
        self.tokens = itertools.count(1)
        self.settings = bank or BankSettings(
            login=LOGIN, password=PASSWORD, customer=Customer(Action.CONFIRM, 2_000), partner="acme", magic_sessions=False
        )
        self.bank = Bank(self.settings, lambda: f"00000000-0000-4000-9000-{next(self.ids):012d}")
        self.policy = policy
        self.boot = "boot-1"
        self.boot_offset_ms = 0
        self.last_reached = True
        self.admitted = True  # by the last answer
        self.answered = False  # by anything
        self.with_card = True
        self.nameless = False  # the till's own password cannot be read
        self.dark_s = 0.0
        self.flights: set[asyncio.Task[Outcome]] = set()
        self.opening = 0  # journals being opened or closed
        loop.virtual.busy = lambda: self.opening > 0 or (self.life is not None and not self.life.died.is_set() and self.life.at_work > 0)
        self.payer = Payer(self)
        self.life: Incarnation | None = None
        self.engine: Engine | None = None
        self.journal: SqliteJournal | None = None
        self.acceptance: Acceptance | None = None
        self.counter: Counter | None = None
        self.plans: list[CrashPlan] = []
        self.deaths: list[str] = []
        self.lives: list[Incarnation] = []
        self.notices: list[tuple[str, str, dict[str, object]]] = []
        self.hints: Hints | None = None
        self.listening = False  # whether messages of the payment system are taken in
        self._hearing: asyncio.Task[None] | None = None
        self.confirmed: list[object] = []  # what an operator was told to be decided (see office)
        self.generation = 0
        self.left_behind = 0  # lists of means that were still asked for when an engine had stopped
        self.watched = False  # whether lives remember their places
        self._undertaker: asyncio.Task[None] | None = None
        self._corpses: list[asyncio.Task[None]] = []
        self._up = asyncio.Event()

    @property
    def pays_by_link(self) -> bool:
        """Whether customers pay on a page: at the bank nothing happens before somebody has seen the link."""
        return self.system != systems.KOSHELEK

    def payment_at(self, url: str) -> Transaction | None:
        """The payment that a link leads to; None: nobody has opened a link of our own."""
        parts = urlsplit(url)
        if self.system == systems.OWN_LINKS:
            key = dict(parse_qsl(parts.query))["reference_id"]
            return next((one for one in self.bank.transactions() if one.key == key), None)
        found = self.bank.payment_at("GET", parts.path, parts.query)
        assert found is not None, "a link that leads nowhere"
        return found

    def open(self, url: str) -> Transaction | None:
        """A customer opens a link; None: it has come to its end."""
        if self.system == systems.OWN_LINKS and self.payment_at(url) is None:
            parts = urlsplit(url)
            self.bank.handle(self.now_ms(), "GET", parts.path, {}, b"", parts.query)
        return self.payment_at(url)

    # --- time ---

    def now_ms(self) -> int:
        return int(EPOCH.timestamp() * 1000) + round(self.loop.time() * 1000)

    def now(self) -> Stamp:
        ticks = round(self.loop.time() * 1000)
        return Stamp(EPOCH + timedelta(milliseconds=ticks), self.boot, ticks + 1_000 - self.boot_offset_ms)

    def request_id(self) -> str:
        return str(uuid.UUID(int=(4 << 76) | (8 << 62) | (0xABCDEF << 96) | next(self.ids)))

    def notice(self, event: str, sale: SaleId | None = None, **facts: object) -> None:
        self.notices.append((event, str(sale), facts))

    # --- the wire ---

    def send(self, request: Request, secrets: Mapping[str, str]) -> "asyncio.Task[Outcome]":
        deliver = self.payer.deliver if request.operation in OPERATIONS else self._deliver
        task = self.loop.create_task(deliver(request, dict(secrets)))
        self.flights.add(task)
        task.add_done_callback(self.flights.discard)
        return task

    async def _deliver(self, request: Request, secrets: Mapping[str, str]) -> Outcome:
        path, _, query = f"{systems.ROOTS[self.system]}{request.path}".partition("?")
        await asyncio.sleep(0.01)
        delivery = self.bank.meet(self.now_ms(), request.method, path)
        if delivery.refuse:
            self.last_reached = False
            return NotSent("refused")
        self.last_reached = True
        body = canonical.dumps(request.fill(secrets)).encode()
        headers = systems.headers(self.system, self.bank, self.now_ms())
        headers |= {name: secrets[secret] for name, secret in request.secret_headers.items()}
        await asyncio.sleep(delivery.before_ms / 1000)
        answer = self.bank.act(self.now_ms(), delivery, request.method, path, headers, body, query)
        if answer is None or not delivery.complete:
            await asyncio.sleep(delivery.after_ms / 1000)
            return Unclear("reset")
        await asyncio.sleep(0.02 + delivery.reading_ms(answer) / 1000)
        self.admitted, self.answered = answer.status not in (401, 403), True
        return Reply(answer.status, delivery.visible(answer), {name.lower(): value for name, value in answer.headers.items()})

    # --- the process ---

    def provider(self) -> Provider:
        return systems.provider(self.system)

    def setup(self) -> Setup:
        name = self.system
        terminal = Terminal({name: self.policy}, name)
        return Setup(
            terminals={(STORE, TILL): terminal, (STORE, "till-2"): terminal},
            providers={name: self.provider()},
            bindings={name: Binding(name, Environment.TEST, systems.account(name))},
            merchants={STORE: Merchant("Acme", "ООО Акме")},
            timezone=UTC,
            default_policies={name: self.policy},
            payouts={PAYER: PayoutTerms(PaysByPayer(), PAYOUTS)} if name == PAYER else {},
        )

    @property
    def path(self) -> Path:
        return self.folder / f"life-{self.generation}" / "journal.db"

    async def start(self) -> None:
        """A new life on what lies on the disk."""
        plan = self.plans.pop(0) if self.plans else None
        life = Incarnation(plan, self.sales if self.watched else None)
        self.life = life
        self.lives.append(life)
        if not self.path.exists():
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            self.path.write_bytes(_empty_journal())
            self.path.chmod(0o600)
        self.opening += 1
        self.journal = await SqliteJournal.open(self.path, allow_volatile=True, idle_s=IDLE_S)
        self.opening -= 1
        self._undertaker = self.loop.create_task(self._bury(life))
        ports = self._ports(life)
        engine = Engine(ports, self.setup())
        self.engine, self.acceptance, self.counter = engine, Acceptance(engine), Counter(engine)
        recovering = self.loop.create_task(recover(engine))
        life.end = self.loop.create_task(life.died.wait())
        await asyncio.wait({recovering, life.end}, return_when=asyncio.FIRST_COMPLETED)
        if recovering.done() and not life.died.is_set():
            recovering.result()
            if self.listening:
                await self.listen()
            if not life.died.is_set():
                self._up.set()

    async def listen(self) -> None:
        """From now on, and in every life to come, messages of the payment system are taken in."""
        self.listening = True
        assert self.engine is not None
        assert self.life is not None
        assert self.life.end is not None
        self.hints = Hints(self.engine)
        recalling = self.loop.create_task(self.hints.recall())
        await asyncio.wait({recalling, self.life.end}, return_when=asyncio.FIRST_COMPLETED)
        if recalling.done():
            recalling.result()
            self._hearing = self.loop.create_task(self.hints.run())

    async def hint(self, hint: Hint) -> None:
        """A proven message of the payment system, repeated until it is taken."""

        async def take() -> None:
            assert self.hints is not None
            await self.hints.take(self.system, hint)

        await self.ask(take)

    def _ports(self, life: Incarnation) -> Ports:
        assert self.journal is not None
        card: Card | None = SimulatedCard(life, self) if self.with_card else None
        return Ports(MortalJournal(life, self.journal), MortalTransport(life, self), self, self, self.notice, card)

    async def _bury(self, life: Incarnation) -> None:
        """After a death: the files as they are, a pause, a new life."""
        await life.died.wait()
        self._up.clear()
        self.deaths.append(life.where)
        old, journal, engine = self.path, self.journal, self.engine
        assert journal is not None
        self.generation += 1
        self.path.parent.mkdir(mode=0o700)
        _copy_as_it_lies(old.parent, self.path.parent)
        if self._hearing is not None:
            self._hearing.cancel()
        if engine is not None:
            await engine.stop(0)
            self.left_behind += engine.availability.at_work
        self._corpses.append(self.loop.create_task(journal.close()))  # nobody waits for it: none of it reaches the new life's files
        await asyncio.sleep(self.dark_s or RESTART_MS / 1000)
        if self.dark_s:
            self.boot = f"boot-{round(self.loop.time() * 1000)}"
            self.boot_offset_ms = round(self.loop.time() * 1000)
            self.dark_s = 0.0
        await self.start()

    async def stop(self) -> None:
        """The end of the simulation."""
        if self._undertaker is not None:
            self._undertaker.cancel()
        assert self.journal is not None
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.gather(self._hearing, return_exceptions=True)
        if self.engine is not None:
            await self.engine.stop(0)
        self.opening += 1
        await asyncio.gather(self.journal.close(), *self._corpses)
        self.opening -= 1

    def sales(self) -> tuple[Sale, ...]:
        """The sales at work in the process, by key."""
        alive = self.engine.alive if self.engine is not None else ()
        return tuple(sorted((steward.sale for steward in alive), key=lambda sale: sale.id.key))

    # --- the till ---

    async def ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """What a POS does: ask, and if the agent dies meanwhile, ask again once it is back."""
        while True:
            await self._up.wait()
            life = self.life
            assert life is not None
            assert life.end is not None
            asking = asyncio.ensure_future(question())
            await asyncio.wait({asking, life.end}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done() and not life.died.is_set():
                return asking.result()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await asyncio.sleep(0.05)

    async def up(self) -> None:
        """Wait until a process runs."""
        await self._up.wait()

    async def reboot(self, dark_s: float) -> None:
        """Pull the plug: the process dies now, time passes, and the machine comes back with another boot id."""
        await self._up.wait()
        assert self.life is not None
        self.dark_s = dark_s
        self.life.where = "power cut"
        self.life.died.set()
        await asyncio.sleep(0)


@functools.cache
def _empty_journal() -> bytes:
    """A file as the journal makes it at its first start, made once: every story begins with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.db")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            prepare_writer(connection, path, CURRENT, secrets.token_bytes)
        return path.read_bytes()


def _copy_as_it_lies(source: Path, target: Path) -> None:
    """What a dead process leaves. Its thread may still be writing here, which no dead one does: copy again until nothing moved."""
    while not _copied(source, target):
        time.sleep(0.001)


def _copied(source: Path, target: Path) -> bool:
    before = _state(source)
    for one in target.iterdir():
        one.unlink()
    for name, _, _ in before:
        shutil.copy(source / name, target / name)
    return _state(source) == before


def _state(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in folder.iterdir() if not one.name.endswith(".lock"))
