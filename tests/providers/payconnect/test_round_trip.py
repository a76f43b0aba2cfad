"""Round trips over real HTTP: the provider, its token and its share of the address, against the sandbox. And one sale of a whole till."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent.core.contract import LOGIN_KEY
from agent.core.model import Binding, Environment
from agent.core.money import kopecks
from agent.core.verdict import Denied, Garbled, NotSent, Observed, Outcome, Refusal, Refused, Reply, Request, Status, Unclear, Verdict
from agent.edges.accounts import Account, TransportLimits
from agent.edges.authorization import TokenLogin
from agent.edges.limiter import Rate
from agent.edges.transport import HttpTransport
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.payconnect.api import PayConnect as Theirs
from agent.sandbox.payconnect.knobs import PayConnectKnobs
from agent.sandbox.server import Sandbox
from agent.sandbox.settings import BankSettings, SandboxSettings
from agent.sandbox.words import Operation
from tests.providers.builders import REQUEST, SALE, checkout
from tests.providers.payconnect.shop import payconnect
from tests.support.stand import STORE, TERMINAL, Plan, Stand, http_request

BINDING = Binding("payconnect", Environment.TEST, "account")
SHOP = payconnect(description="{storeId}/{terminalId}/{orderId}")
QUICK = TransportLimits(connect_limit_ms=1_000, read_limit_ms=1_000, answer_limit_ms=3_000, flight_limit_ms=4_000)


class Till:
    """One till and its bank."""

    def __init__(self, sandbox: Sandbox, transport: HttpTransport) -> None:
        self.bank, self._transport = sandbox.bank, transport
        theirs = sandbox.bank.systems["payconnect"]
        assert isinstance(theirs, Theirs)
        self.theirs = theirs

    async def send(self, request: Request) -> Verdict | NotSent | Unclear:
        def late(outcome: Outcome) -> None:
            raise AssertionError(f"nothing comes late here, but {outcome} did")

        outcome = await self._transport.exchange(BINDING, request, {"customer.email": "buyer@mail.example"}, late)
        return SHOP.read(request.operation, outcome) if isinstance(outcome, Reply) else outcome

    async def create(self) -> Verdict | NotSent | Unclear:
        return await self.send(SHOP.checkout(SALE, REQUEST, checkout(), frozenset({"customer.email"})))

    async def made(self) -> str:
        seen = await self.create()
        assert isinstance(seen, Observed)
        assert seen.transaction_id is not None
        return seen.transaction_id

    async def read(self, payment: str) -> Verdict | NotSent | Unclear:
        return await self.send(SHOP.status(SALE, "fresh", payment, None))

    def fault(self, kind: FaultKind, operation: Operation | None, **params: Any) -> None:
        self.bank.add_fault(round(time.time() * 1_000), Fault(kind, operation, system="payconnect", params=params))

    def pay(self, payment: str) -> None:
        self.bank.decide(round(time.time() * 1_000), payment, Customer(Action.CONFIRM))


@asynccontextmanager
async def till(key: str = "sandbox", rate: Rate | None = None, **knobs: Any) -> AsyncIterator[Till]:
    bank = BankSettings(customer=Customer(Action.WAIT), payconnect=PayConnectKnobs(**knobs))
    async with Sandbox(SandboxSettings(port=0, bank=bank)) as sandbox:
        url = f"{sandbox.base_url.removesuffix('/')}/payconnect"
        account = Account(url, TokenLogin(SHOP, {LOGIN_KEY: lambda: key}), plain_http=True, rate=rate)
        transport = HttpTransport({BINDING.account: account}, QUICK)
        try:
            yield Till(sandbox, transport)
        finally:
            await transport.aclose(0)


async def test_a_payment_is_made_paid_and_read() -> None:
    """Id and link from the create; pending, then paid, with our amount, currency and key; the books say the same."""
    async with till() as shop:
        made = await shop.create()
        assert isinstance(made, Observed)
        assert (made.status, made.reference) == (Status.PENDING, REQUEST)
        assert made.transaction_id is not None
        assert made.link is not None
        assert made.link.url.startswith("http://127.0.0.1:")
        assert await shop.read(made.transaction_id) == made
        shop.pay(made.transaction_id)
        paid = await shop.read(made.transaction_id)
        assert isinstance(paid, Observed)
        assert paid.slip is not None
        assert (paid.status, paid.slip.total_amount, paid.slip.currency) == (Status.ACCEPTED, kopecks(37695), "RUB")
        assert (paid.slip.reference, paid.link) == (REQUEST, None)
        assert sum(entry.amount for entry in shop.bank.ledger.entries) == 37695


@pytest.mark.parametrize("action", [Action.DECLINE, Action.CANCEL])
async def test_a_refusal_is_final(action: Action) -> None:
    """The customer's bank says no, or he leaves the page."""
    async with till() as shop:
        payment = await shop.made()
        shop.bank.decide(round(time.time() * 1_000), payment, Customer(action))
        refused = Observed(Status.REJECTED, payment, reference=REQUEST, amount=kopecks(37695), currency="RUB")
        assert await shop.read(payment) == refused


async def test_a_session_that_ended_says_so() -> None:
    """Nobody paid in time."""
    async with till(session_ms=50) as shop:
        payment = await shop.made()
        time.sleep(0.1)  # noqa: ASYNC251 - the bank's clock alone has to move
        seen = await shop.read(payment)
        assert isinstance(seen, Observed)
        assert (seen.status, seen.error_code) == (Status.REJECTED, "LINK_EXPIRED")


async def test_a_wrong_key_sends_nothing() -> None:
    """The login is refused: the payment's request never leaves."""
    async with till(key="wrong") as shop:
        seen = await shop.create()
        assert isinstance(seen, NotSent)
        assert seen.reason == "credentials"
        assert shop.bank.transactions() == []
        assert [one.operation for one in shop.bank.log] == [Operation.LOGIN]


async def test_a_token_that_the_server_forgot() -> None:
    """The create is answered 401, a login follows, and the same create makes one payment."""
    async with till() as shop:
        await shop.made()
        shop.theirs.forget_tokens()
        assert isinstance(await shop.create(), Observed)
        assert len(shop.bank.transactions()) == 2
        wanted = [Operation.LOGIN, Operation.CHECKOUT, Operation.CHECKOUT, Operation.LOGIN, Operation.CHECKOUT]
        assert [one.operation for one in shop.bank.log] == wanted


async def test_a_till_that_keeps_to_its_share_is_never_turned_away() -> None:
    """Ten a minute there, ten here: the eleventh request is not sent. Without the limiter it is turned away, and says for how long."""
    async with till(rate=Rate("payconnect", 10), requests_per_minute=10) as shop:
        payment = await shop.made()
        seen = [await shop.read(payment) for _ in range(10)]
        assert {type(one) for one in seen} == {Observed, NotSent}
        assert 429 not in {one.status for one in shop.bank.log}
    async with till(requests_per_minute=2) as shop:
        seen_last = await shop.read(await shop.made())
        assert isinstance(seen_last, Denied)
        assert seen_last.status == 429
        assert 55 <= (seen_last.retry_after_s or 0) <= 60


def told(verdict: object) -> object:
    """What of a verdict is of interest."""
    match verdict:
        case Observed():
            return verdict.status
        case Unclear() | NotSent() | Garbled():
            return f"{type(verdict).__name__.lower()} {verdict.reason}"
        case Refused():
            return verdict.refusal
        case Denied():
            return verdict.status
    return verdict


@pytest.mark.parametrize(
    ("kind", "params", "create", "read"),
    [
        (FaultKind.LOSE_REQUEST, {}, "unclear protocol", "unclear protocol"),
        (FaultKind.LOSE_ANSWER, {}, "unclear protocol", "unclear protocol"),
        (FaultKind.ERROR_5XX, {"status": 503}, "garbled http_503", "garbled http_503"),
        (FaultKind.GARBAGE, {}, "garbled not_utf8", "garbled not_utf8"),
        (FaultKind.HTML, {}, "garbled not_json", "garbled not_json"),
        (FaultKind.TRUNCATED, {}, "unclear protocol", "unclear protocol"),
        (FaultKind.UNAUTHORIZED, {"status": 403}, 403, 403),
        (FaultKind.TOO_MANY, {}, 429, 429),
        (FaultKind.REFUSE_422, {}, Refusal.CONFIGURATION, Refusal.CONFIGURATION),
        (FaultKind.UNKNOWN_STATUS_VALUE, {}, Status.UNKNOWN, Status.UNKNOWN),
        (FaultKind.EXTRA_FIELDS, {}, Status.PENDING, Status.PENDING),
        (FaultKind.ABSENT_STATUS, {}, None, Refusal.NOT_FOUND),
    ],
)
async def test_every_fault(kind: FaultKind, params: dict[str, Any], create: object, read: object) -> None:
    """At the create and at a read: what it is to the core, and never an end that nobody has told."""
    async with till() as shop:
        payment = await shop.made()
        for operation, expected in ((Operation.CHECKOUT, create), (Operation.STATUS, read)):
            if expected is None:
                continue
            shop.fault(kind, operation, **params)
            seen = await (shop.create() if operation is Operation.CHECKOUT else shop.read(payment))
            assert told(seen) == expected or (kind is FaultKind.GARBAGE and isinstance(seen, Garbled))


@pytest.mark.parametrize("kind", [FaultKind.WRONG_AMOUNT, FaultKind.WRONG_CURRENCY, FaultKind.WRONG_ORDER])
async def test_lies_about_a_paid_payment_are_seen(kind: FaultKind) -> None:
    """The slip shows what was said; the core compares it."""
    async with till() as shop:
        payment = await shop.made()
        shop.pay(payment)
        shop.fault(kind, Operation.STATUS)
        lie, truth = await shop.read(payment), await shop.read(payment)
        assert isinstance(lie, Observed)
        assert isinstance(truth, Observed)
        assert (lie.status, truth.status) == (Status.ACCEPTED, Status.ACCEPTED)
        assert lie.slip != truth.slip


async def test_a_webhook_of_the_sandbox_is_proven_and_names_the_payment() -> None:
    """Two inventions that agree; the wrong secret proves nothing."""
    async with till() as shop:
        payment = await shop.made()
        body, signed = shop.theirs.event(0, shop.bank.transactions()[0], "payment.succeeded", "whsec")
        heard = SHOP.read_hook(["old", "whsec"], {"x-payconnect-signature": signed}, body)
        assert getattr(heard, "transaction_id", None) == payment
        assert getattr(SHOP.read_hook(["old"], {"x-payconnect-signature": signed}, body), "transaction_id", None) is None


def test_a_sale_of_a_whole_till() -> None:
    """Daemon and sandbox as processes: the link is in the answer, the customer pays on its page, the register hears "paid"; neither the
    secret key nor a token nor the buyer's address is in the log or in the journal's text."""
    plan = Plan(systems={"payconnect": {"description": "{storeId}/{terminalId}/{orderId}"}})
    with Stand(plan) as stand:
        stand.control("POST", "/customers/default", {"action": "wait"})
        order = {"orderId": "K1", "totalAmount": 1_000, "items": [item()]}
        names = {"storeId": STORE, "terminalId": TERMINAL, "key": "k1"}
        stand.call(
            "checkout.create", **names, provider="payconnect", checkoutInvoice=order, customer={"email": "canary-buyer@mail.example"}
        )
        shown = wait_for(stand, names, "pending", "paymentUrl")
        assert (shown["provider"], shown["environment"]) == ("payconnect", "test")
        page = shown["paymentUrl"].partition(f":{stand.sandbox_port}")[2]
        assert http_request(stand.sandbox_port, "GET", page, None)[0] == 200
        (payment,) = stand.control("GET", "/transactions")
        assert (payment["order_id"], payment["store_id"], payment["terminal_id"]) == ("K1", STORE, TERMINAL)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert http_request(stand.sandbox_port, "POST", page, b"action=confirm", form)[0] < 400
        paid = wait_for(stand, names, "paid")
        assert (paid["success"], paid["money"]) == (True, "charged")
        log = stand.log.read_text()
        until = time.monotonic() + 10
        while b"canary-buyer" in (journal := journal_of(stand)) and time.monotonic() < until:  # its log is emptied after a quiet moment
            time.sleep(0.2)
        assert "payconnect" in log
        assert "Bearer" not in log
        assert "canary-buyer" not in log
        assert b"Bearer" not in journal
        assert b"canary-buyer" not in journal  # what is not needed any more is erased


def journal_of(stand: Stand) -> bytes:
    """All that the journal has on the disk."""
    return stand.journal.read_bytes() + stand.journal.with_name(f"{stand.journal.name}-wal").read_bytes()


def item() -> dict[str, Any]:
    return {"name": "Milk", "article": "1", "price": 1_000, "quantity": 1, "totalAmount": 1_000, "tax": "none"}


def wait_for(stand: Stand, names: dict[str, str], state: str, *fields: str) -> dict[str, Any]:
    """The answer once it says so, and has these fields."""
    until = time.monotonic() + 20
    while True:
        answer = stand.call("checkout.get", **names)
        if answer["state"] == state and all(field in answer for field in fields):
            return answer
        assert time.monotonic() < until, answer
        time.sleep(0.1)
