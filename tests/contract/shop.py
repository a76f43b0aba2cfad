"""The shop of the suite: the real engine on a real journal, the real transport as the configuration makes it, a sandbox behind a real port.

Only waits are shorter than a shop's, for nobody stands at this till: those of the policy, of one attempt, and the pauses that a payment
system's capabilities name. What follows what stays as it is.
"""

import asyncio
import ssl
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from agent.assembly import accounts_of, setup_of
from agent.core.answer import Answer, answer
from agent.core.ask_refund import Wanted
from agent.core.capability import Approval, Capabilities
from agent.core.contract import LogsIn, Provider
from agent.core.hints import Hint
from agent.core.model import Checkout, Invoice, Item, PaymentMethod, SaleId
from agent.core.money import Kopecks
from agent.core.payment import PaymentState
from agent.core.policy import BackOff, Policy
from agent.core.refund import Refund, RefundState
from agent.core.sale import Sale
from agent.core.stored import decode
from agent.core.verdict import Denied, Reply
from agent.core.verdict import Operation as Asked
from agent.edges.accounts import TransportLimits
from agent.edges.chance import SystemChance
from agent.edges.clock import SystemClock
from agent.edges.journal import SqliteJournal
from agent.edges.transport import HttpTransport
from agent.engine.accept import Acceptance, Order
from agent.engine.counter import Counter, RefundOrder
from agent.engine.engine import Engine
from agent.engine.hints import Hints
from agent.engine.recover import recover
from agent.engine.setup import PayoutTerms, Ports, Setup, Terminal
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind, Parameter
from agent.sandbox.ledger import EntryKind
from agent.sandbox.server import Sandbox
from agent.sandbox.settings import BankSettings, SandboxSettings
from agent.sandbox.transaction import Transaction
from agent.sandbox.words import Operation
from agent.sandbox.words import Status as Theirs
from agent.settings import Settings
from tests.contract.kits import LOGIN, PASSWORD, STORE, TILL, Kit, forget_tokens
from tests.support.patience import soon

KEY = "K1"
AMOUNT = 30_000
PATIENCE_S = 20.0  # no case takes half of it on an idle machine

POLICY = Policy(
    send_deadline_ms=8_000,
    first_read_ms=300,
    read_interval_ms=300,
    read_cap_ms=600,
    wait_limit_ms=15_000,
    unanswered_attempts=3,
    window_after_deadline_ms=2_000,
    window_after_reachable_ms=2_000,
    window_limit_ms=10_000,
    slip_wait_ms=600,
    link_wait_ms=1_500,
    blind_repeat_ms=700,
    unclaimed_ms=600_000,
    rereads_ms=(700, 1_400, 2_100),
    checkout_backoff=BackOff(100, 300),
    settle_backoff=BackOff(100, 300),
)
LIMITS = TransportLimits(connect_limit_ms=400, pool_limit_ms=100, answer_limit_ms=1_200, read_limit_ms=8_000, flight_limit_ms=10_000)
PAUSE_MS = 200  # of a search by our own key
REREADS_MS = (700, 1_400, 2_100)  # of a link that was taken back

PAYOUT_WAITS: dict[str, Any] = {
    "send_deadline_ms": 2_500,
    "first_read_ms": 300,
    "read_interval_ms": 300,
    "read_cap_ms": 600,
    "absent_ms": 900,
    "rereads_ms": (700, 1_400, 2_100, 7_000),
    "backoff": BackOff(100, 300),
}

_CONFIGURATION = """
environment = "test"
timezone = "Europe/Moscow"
[[store]]
store_id = "{store}"
brand_name = "Acme"
legal_name = "Acme LLC"
[[terminal]]
store_id = "{store}"
terminal_id = "{till}"
provider = "{name}"
[[listener]]
kind = "unix"
path = "/run/koshelek-agent/pos.sock"
terminals = ["*"]
[provider.{name}]
password_file = "{folder}/password"
{trust}
"""


@dataclass(frozen=True)
class Wishes:
    """What a case wants to be otherwise. ``password``: what the till believes it to be."""

    policy: Policy = POLICY
    password: str = PASSWORD


@dataclass(frozen=True)
class Authority:
    """A local authority: the file that the till trusts, and the one with the sandbox's certificate and key."""

    trusted: Path
    server: Path


class Shop:
    """One till before one payment system."""

    def __init__(
        self, kit: Kit, provider: Provider, engine: Engine, journal: SqliteJournal, sandbox: Sandbox, trusted: Path | None
    ) -> None:
        self.kit, self.provider, self.sandbox, self.bank = kit, provider, sandbox, sandbox.bank
        self.engine, self.journal, self.trusted = engine, journal, trusted
        self.acceptance, self.counter, self.hints = Acceptance(engine), Counter(engine), Hints(engine)
        self.notices: list[str] = []
        self.id = SaleId(STORE, TILL, KEY)

    @property
    def can(self) -> Capabilities:
        return self.provider.capabilities

    @property
    def logs_in(self) -> bool:
        return isinstance(self.provider, LogsIn)

    # --- the other party ---

    def fault(self, kind: FaultKind, operation: Operation | None = None, times: int | None = 1, **params: Parameter) -> None:
        """Faults of one operation come in the order in which they are planned."""
        self.bank.add_fault(self.sandbox.now_ms(), Fault(kind, operation, times, params=params, system=self.kit.name))
        self.sandbox.obey_outage()

    def decide(self, action: Action = Action.CONFIRM) -> None:
        """The customer does something with the one payment there is."""
        (payment,) = self.payments()
        self.bank.decide(self.sandbox.now_ms(), payment.id, Customer(action))

    def people(self, error_code: str | None = None) -> None:
        """Those who were asked for the last refund decide."""
        (payment,) = self.payments()
        self.bank.decide_reference(self.sandbox.now_ms(), payment.references[-1].id, error_code)

    def payments(self) -> list[Transaction]:
        return [one for one in self.bank.transactions() if one.system == self.kit.name]

    def received(self, operation: Operation) -> int:
        """How many requests of a kind arrived, carried out or not."""
        return sum(1 for one in self.bank.log if one.operation is operation and one.system == self.kit.name)

    @property
    def payable(self) -> bool:
        """Whether the customer could still pay."""
        return any(one.status in (Theirs.NEW, Theirs.PENDING) for one in self.payments())

    def forget_tokens(self) -> None:
        forget_tokens(self.bank, self.kit.name)

    def refused_at_the_door(self, status: int) -> bool:
        """Whether this status proves that nothing was made."""
        return isinstance(self.provider.read(Asked.CHECKOUT, Reply(status, b"")), Denied)

    @property
    def turned_away(self) -> PaymentState:
        """How a sale ends whose account is not let in: the answer to the create says so; or no create ever leaves without a token."""
        return PaymentState.EXPIRED if self.logs_in else PaymentState.DECLINED

    # --- the till ---

    async def sell(self, key: str = KEY) -> None:
        """Hand the checkout over; it is on disk when this returns."""
        bread = Item("Bread", "1", Decimal(10_000), 3, Kopecks(AMOUNT), "vat10")
        bill = Checkout(Invoice("S07-000042", Kopecks(AMOUNT), (bread,)), tuple(map(PaymentMethod, self.kit.methods)), "")
        await self.acceptance.create(Order(SaleId(STORE, TILL, key), bill, self.kit.secrets, None, "pos"))

    def sale(self) -> Sale:
        steward = self.engine.at_hand(self.id)
        assert steward is not None
        return steward.sale

    async def until(self, *states: PaymentState) -> Sale:
        """The sale in one of these states."""
        steward = self.engine.at_hand(self.id)
        assert steward is not None
        async with asyncio.timeout(PATIENCE_S):
            while steward.sale.payment not in states:
                await steward.changed_within(1.0)
        return steward.sale

    async def pending(self) -> Sale:
        """Until the customer can pay: he has the request in his application, or the till has a link to show."""
        sale = await self.until(PaymentState.PENDING)
        await soon(lambda: self.can.approval is not Approval.LINK or self.sale().link is not None, PATIENCE_S)
        return sale

    async def paid(self) -> None:
        """Sell, let the customer pay, and hand the result out."""
        await self.sell()
        await self.pending()
        self.decide()
        await self.until(PaymentState.PAID)
        await self.tell()

    async def end(self) -> Sale:
        """The sale finished, or with a person."""
        return await self.until(*(state for state in PaymentState if state in _ENDS))

    async def tell(self) -> Answer:
        """The POS fetches its answer, which is frozen from now on."""
        steward = await self.counter.get(self.id, PATIENCE_S)
        await self.engine.tell(steward, "pos")
        return answer(steward.sale)

    async def cancel(self) -> None:
        await self.counter.cancel(self.id)

    async def refund(self, key: str = "R1", pieces: int = 0) -> Refund:
        """Ask for the whole rest, or for some pieces. Raises Refusal."""
        wanted = [Wanted(0, pieces)] if pieces else []
        _, one, _ = await self.counter.refund(RefundOrder(self.id, key, wanted, None, self.kit.secrets.get("token"), None))
        return one

    async def refunded(self, key: str = "R1") -> Refund:
        """A refund as soon as nothing more happens to it by itself; where people decide, they do so now."""
        one = await self.settled(key, RefundState.REQUESTED)
        if one.state is RefundState.REQUESTED:
            self.people()
            await self.hurry()
            one = await self.settled(key)
        return one

    async def hurry(self) -> None:
        """The system tells that something has happened: what is read once a day is read now."""
        (payment,) = self.payments()
        await self.hints.take(self.kit.name, Hint(payment.id))

    async def settled(self, key: str, *stations: RefundState) -> Refund:
        """The refund as soon as it is settled, or in one of these states."""

        def now() -> Refund | None:
            return self.sale().refund(key)

        await soon(lambda: (one := now()) is not None and (not one.unsettled or one.state in stations), PATIENCE_S)
        found = now()
        assert found is not None
        return found

    async def alarmed(self, code: str) -> None:
        """Until people have been called for this."""
        await soon(lambda: code in self.sale().alarms, PATIENCE_S)

    def story(self) -> str:
        """For people who look for what went wrong."""
        steward = self.engine.at_hand(self.id)
        sale = f"{steward.sale.payment.value} {steward.sale.reason} {steward.sale.refunds}" if steward else "there is no sale"
        return "\n".join(
            [sale, *(f"{one.operation} {one.fault} {one.executed} {one.status}" for one in self.bank.log), *self.notices[-40:]]
        )

    # --- the books ---

    async def check_books(self) -> None:
        """The bank's ledger and the journal's view tell the same money; what was sent is recorded; nothing is left lying about."""
        sale, ledger, name = self.sale(), self.bank.ledger, self.kit.name
        charges = [one.amount for one in ledger.select(EntryKind.CHARGE, system=name)]
        assert charges in ([], [AMOUNT]), "one key is charged once at most"
        assert ledger.net(system=name) == (AMOUNT if sale.charged else 0) - sale.refunded, "the books differ"
        assert not ledger.violations
        assert len(self.payments()) <= 1, "one key makes one payment at most"
        entries = await self.journal.stream(self.id) or ()
        kept = "\n".join(str((entry.kind, entry.body)) for entry in entries)
        assert [decode(entry.kind, entry.body) for entry in entries]
        for one in self.bank.log:
            if one.operation in (Operation.CHECKOUT, Operation.CANCEL, Operation.REFUND) and one.request_id:
                assert one.request_id in kept, "something was sent that is not recorded"
        for secret in (PASSWORD, *self.kit.secrets.values()):
            assert secret not in kept, "a secret stands in the record"
        assert (await self.journal.verify_all()).damages == ()
        assert not await self.journal.parked()


_ENDS = frozenset(
    {PaymentState.PAID, PaymentState.DECLINED, PaymentState.CANCELED, PaymentState.EXPIRED, PaymentState.REVERSED, PaymentState.ATTENTION}
)


def settings_of(kit: Kit, root: str, folder: Path, trusted: Path | None = None) -> Settings:
    """The configuration of a till with this system alone."""
    trust = f'ca_file = "{trusted}"' if trusted is not None else ""
    text = _CONFIGURATION.format(store=STORE, till=TILL, name=kit.name, folder=folder, trust=trust)
    return Settings.model_validate(tomllib.loads(text + kit.table.format(root=root, login=LOGIN)))


def setup_from(settings: Settings, kit: Kit, policy: Policy) -> Setup:
    """As the composition root makes it, but for the waits."""
    setup = setup_of(settings)
    provider = setup.providers[kit.name]
    can = provider.capabilities
    provider.capabilities = replace(can, rereads_ms=REREADS_MS, search_pause_ms=min(can.search_pause_ms, PAUSE_MS))
    terminals = {one: Terminal({kit.name: policy}, kit.name) for one in setup.terminals}
    payouts = {name: PayoutTerms(terms.provider, replace(terms.policy, **PAYOUT_WAITS)) for name, terms in setup.payouts.items()}
    for terms in payouts.values():
        terms.provider.payout_search_pause_ms = PAUSE_MS
    return replace(setup, terminals=terminals, default_policies={kit.name: policy}, payouts=payouts)


def _password(folder: Path, text: str) -> None:
    """A folder for one shop, with its account's password."""
    folder.mkdir(mode=0o700)
    place = folder / "password"
    place.write_text(text)
    place.chmod(0o600)


@asynccontextmanager
async def opened(kit: Kit, folder: Path, wishes: Wishes, authority: Authority | None = None) -> AsyncIterator[Shop]:
    """A shop with its lights on; its customers wait until a case lets them decide."""
    _password(folder, wishes.password)
    bank = BankSettings(login=LOGIN, password=PASSWORD, customer=Customer(Action.WAIT), partner="acme", magic_sessions=False)
    certificate = authority.server if authority else None
    async with AsyncExitStack() as stack:
        there = SandboxSettings(port=0, bank=bank, certfile=certificate, keyfile=certificate, control_port=0 if authority else None)
        sandbox = await stack.enter_async_context(Sandbox(there))
        settings = settings_of(kit, sandbox.base_url.removesuffix("/acme"), folder, authority.trusted if authority else None)
        setup = setup_from(settings, kit, wishes.policy)
        journal = await SqliteJournal.open(folder / "journal.db", allow_volatile=True)
        stack.push_async_callback(journal.close)
        accounts = {name: replace(account, limits=LIMITS) for name, account in accounts_of(settings).items()}
        transport = HttpTransport(accounts)
        stack.push_async_callback(transport.aclose, 500)
        notices: list[str] = []

        def notice(event: str, sale: SaleId | None = None, **facts: object) -> None:
            notices.append(f"{event} {facts}")

        engine = Engine(Ports(journal, transport, SystemClock(), SystemChance(), notice), setup)
        stack.push_async_callback(engine.stop, 0)
        await recover(engine)
        shop = Shop(kit, setup.providers[kit.name], engine, journal, sandbox, authority.trusted if authority else None)
        shop.notices = notices
        hearing = asyncio.create_task(shop.hints.run())
        stack.callback(hearing.cancel)
        yield shop


async def pay_on_the_page(url: str, trusted: Path | None = None) -> None:
    """What a customer's telephone does with the code: open the link, go where it leads, press the button."""
    context: ssl.SSLContext | bool = ssl.create_default_context(cafile=trusted) if trusted is not None else True
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True, verify=context) as phone:
        page = await phone.get(url)
        assert page.status_code == 200, page.text
        assert (await phone.post(str(page.url), data={"action": "confirm"})).status_code == 200
