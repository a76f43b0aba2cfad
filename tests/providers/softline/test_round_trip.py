"""Softline over real HTTP: the provider, the transport with its token, and the sandbox behind a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from agent.core.contract import Return
from agent.core.hints import Hint
from agent.core.model import Binding, Environment, PaymentLink, RefundLine
from agent.core.verdict import Denied, Found, Garbled, NotSent, Observed, Operation, RefStatus, Refusal, Refused, Request, Status, Unclear
from agent.edges.authorization import TokenLogin
from agent.edges.transport import Account, HttpTransport, TransportLimits
from agent.providers.softline import Softline, SoftlineSettings
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.server import Sandbox
from agent.sandbox.settings import BankSettings, SandboxSettings
from agent.sandbox.softline.api import Softline as There
from agent.sandbox.softline.knobs import SoftlineKnobs
from agent.sandbox.words import Operation as Theirs
from tests.edges.raw_server import never_late
from tests.providers.builders import SALE, checkout
from tests.providers.softline.shop import COMPANY, PERSON, PLAIN

VALUES = {
    "customer.email": "buyer@mail.example",
    "customer.firstName": "Иван",
    "customer.lastName": "Петров",
    "customer.phone": "79991234567",
    "customer.companyName": "ООО «Ромашка»",
    "customer.vatNumber": "7707083893",
    "customer.kpp": "770701001",
    "customer.companyBillingAddress": "Москва, ул. Ленина, 1",
    "customer.companyDeliveryAddress": "Москва, ул. Ленина, 2",
}
LIMITS = TransportLimits(connect_limit_ms=1_000, read_limit_ms=1_000, answer_limit_ms=3_000, flight_limit_ms=3_000)
Answered = Observed | Refused | Denied | Garbled | Found | NotSent | Unclear


class Counter:
    """A till with the sandbox before it."""

    def __init__(self, sandbox: Sandbox, settings: SoftlineSettings, password: str) -> None:
        self.sandbox, self.bank = sandbox, sandbox.bank
        self.provider = Softline(settings)
        login = TokenLogin(self.provider, {"login": lambda: "sandbox", "password": lambda: password})
        self.account = f"{sandbox.base_url}/softline"
        self.transport = HttpTransport({self.account: Account(self.account, login, None, plain_http=True)}, LIMITS)

    @property
    def there(self) -> There:
        found = self.bank.systems["softline"]
        assert isinstance(found, There)
        return found

    async def ask(self, request: Request) -> Answered:
        """One attempt and what it means."""
        binding = Binding("softline", Environment.TEST, self.account)
        outcome = await self.transport.exchange(binding, request, VALUES, never_late)
        if isinstance(outcome, NotSent | Unclear):
            return outcome
        if request.operation is Operation.FIND:
            return self.provider.read_found(outcome)
        return self.provider.read(request.operation, outcome)

    async def create(self, request_id: str = "r-1", names: frozenset[str] = frozenset(PERSON)) -> Answered:
        return await self.ask(self.provider.checkout(SALE, request_id, checkout(), names))

    async def made(self, request_id: str = "r-1") -> str:
        answer = await self.create(request_id)
        assert isinstance(answer, Observed)
        assert answer.transaction_id is not None
        return answer.transaction_id

    async def read(self, order_id: str) -> Answered:
        return await self.ask(self.provider.status(SALE, "read", order_id, None))

    async def find(self, request_id: str = "r-1") -> Answered:
        return await self.ask(self.provider.find(SALE, request_id, datetime.now(UTC)))

    async def refund(self, order_id: str) -> Answered:
        given = checkout()
        lines = [RefundLine(place, item.quantity, item.total_amount) for place, item in enumerate(given.invoice.items)]
        return await self.ask(self.provider.refund(Return(SALE, "refund", order_id, given, lines, given.invoice.total_amount, "token:r")))

    def pay(self, order_id: str) -> None:
        self.bank.decide(self.sandbox.now_ms(), order_id, Customer(Action.CONFIRM))

    def fault(self, kind: FaultKind, operation: Operation, **params: Any) -> None:
        self.bank.add_fault(self.sandbox.now_ms(), Fault(kind, Theirs(operation.value), system="softline", params=params))


@asynccontextmanager
async def counter(knobs: SoftlineKnobs | None = None, password: str = "sandbox", **changes: Any) -> AsyncIterator[Counter]:  # noqa: S107 - the sandbox's documented default
    bank = BankSettings(customer=Customer(Action.WAIT), softline=knobs or SoftlineKnobs())
    async with Sandbox(SandboxSettings(port=0, bank=bank)) as sandbox:
        till = Counter(sandbox, replace(PLAIN, **changes), password)
        try:
            yield till
        finally:
            await till.transport.aclose()


async def test_a_sale_and_its_return() -> None:
    """Created, shown, paid on the page behind the link, read as paid, asked back, and deleted once people have decided."""
    async with counter() as till, httpx.AsyncClient(trust_env=False, follow_redirects=True) as phone:
        made = await till.create()
        assert isinstance(made, Observed)
        assert made.link is not None
        assert made.transaction_id is not None
        order_id = made.transaction_id
        total = checkout().invoice.total_amount
        assert await till.read(order_id) == replace(made, reference="r-1", amount=total, currency="RUB"), "a read tells the same link"
        page = await phone.get(made.link.url)
        assert (page.status_code, str(page.url).rpartition("/")[0]) == (200, f"{till.sandbox.base_url}/pay")
        await phone.post(str(page.url), data={"action": "confirm"})
        paid = await till.read(order_id)
        assert isinstance(paid, Observed)
        assert paid.slip is not None
        assert (paid.status, paid.slip.total_amount, paid.slip.currency, paid.slip.reference) == (Status.ACCEPTED, total, "RUB", "r-1")
        assert await till.refund(order_id) == Observed(Status.UNKNOWN, ref_status=RefStatus.REQUESTED)
        again = await till.refund(order_id)
        assert isinstance(again, Refused)
        assert again.refusal is Refusal.RETURN_REFUSED
        waiting = await till.read(order_id)
        assert isinstance(waiting, Observed)
        assert waiting.status is Status.ACCEPTED, "requested is not refunded"
        control = f"{till.sandbox.control_url}/sandbox/references/{till.bank.transaction(order_id).references[0].id}/accept"
        assert (await phone.post(control)).status_code == 200
        assert await till.read(order_id) == Observed(Status.REFUNDED, order_id, reference="r-1", amount=total, currency="RUB")
    assert till.bank.ledger.net() == 0


async def test_a_company_with_every_parameter() -> None:
    """The vendor's form, as the sandbox knows it, has nothing against the full create."""
    knobs = SoftlineKnobs(recurring_methods=frozenset({"Invoice"}))
    everything: dict[str, Any] = {
        "company_payment_method": "Invoice",
        "payment_description": "Заказ {orderId}",
        "locale": "ru_RU",
        "recurring_indicator": True,
        "additional_data": {"referer7": "{storeId}", "referer8": "{terminalId}"},
    }
    async with counter(knobs, **everything) as till:
        made = await till.create(names=frozenset(COMPANY))
    assert isinstance(made, Observed), made
    (payment,) = till.bank.transactions()
    assert (payment.order_id, payment.terminal_id, payment.facts["customer"]["kpp"]) == ("Заказ S07-000042", "till-07", "770701001")


async def test_a_lost_answer_is_found_again() -> None:
    """The create was carried out and its answer lost: the search names it, and a read its link."""
    async with counter() as till:
        till.fault(FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
        assert isinstance(await till.create(), Unclear)
        found = await till.find()
        assert isinstance(found, Found)
        (match,) = found.matches
        assert match.transaction_id is not None
        read = await till.read(match.transaction_id)
        assert isinstance(read, Observed)
        assert isinstance(read.link, PaymentLink)
        assert await till.find("another") == Found()


async def test_a_repeat_is_a_second_payment_and_both_are_found() -> None:
    """Oldest first, by the same payment_id; while the first was invisible the search found nothing."""
    async with counter(SoftlineKnobs(visible_after_ms=60_000)) as till:
        first = await till.made()
        assert await till.find() == Found()
        second = await till.made()
        till.there.knobs = SoftlineKnobs()
        assert await till.find() == Found((Observed(Status.PENDING, first), Observed(Status.PENDING, second)))


async def test_a_token_that_is_good_no_more_costs_one_login() -> None:
    """Dropped tokens are replaced behind the attempt, which is carried out once."""
    async with counter() as till:
        await till.made("r-1")
        till.there.forget_tokens()
        await till.made("r-2")
        assert [one.operation for one in till.bank.log].count(Theirs.LOGIN) == 2
        assert len(till.bank.transactions()) == 2


async def test_a_wrong_password_sends_nothing() -> None:
    """Without a token no create leaves: proof that nobody was charged."""
    async with counter(password="wrong") as till:
        assert isinstance(await till.create(), NotSent | Denied)
        assert not till.bank.transactions()


@pytest.mark.parametrize(
    ("kind", "params", "expected"),
    [
        (FaultKind.ERROR_5XX, {"status": 503, "retry_after_s": 3}, Garbled("http_503", 3)),
        (FaultKind.ERROR_5XX, {"executed": True}, Garbled("http_500")),
        (FaultKind.GARBAGE, {}, Garbled("not_utf8")),
        (FaultKind.HTML, {}, Garbled("not_json")),
        (FaultKind.TOO_MANY, {"retry_after_s": 5}, Denied(429, 5)),
        (FaultKind.UNAUTHORIZED, {"status": 403}, Denied(403)),
        (FaultKind.REFUSE_422, {"code": "6020"}, Refused("SOFTLINE_6020", Refusal.CONFIGURATION, "6020")),
    ],
)
@pytest.mark.parametrize("operation", [Operation.CHECKOUT, Operation.STATUS, Operation.FIND, Operation.REFUND])
async def test_every_bad_answer_to_every_operation(
    kind: FaultKind, params: dict[str, Any], expected: Garbled | Denied | Refused, operation: Operation
) -> None:
    """What the wire and a server in trouble can do; a refusal means what it means to the operation."""
    async with counter() as till:
        order_id = await till.made()
        till.pay(order_id)
        till.fault(kind, operation, **params)
        match operation:
            case Operation.CHECKOUT:
                answer = await till.create("r-2")
            case Operation.STATUS:
                answer = await till.read(order_id)
            case Operation.FIND:
                answer = await till.find()
            case _:
                answer = await till.refund(order_id)
    if isinstance(expected, Refused):
        assert isinstance(answer, Refused)
        meanings = {Operation.CHECKOUT: Refusal.CONFIGURATION, Operation.REFUND: Refusal.RETURN_REFUSED}
        assert (answer.code, answer.refusal) == (expected.code, meanings.get(operation, Refusal.UNKNOWN))
    elif kind is FaultKind.GARBAGE:
        assert isinstance(answer, Garbled | Observed), "the body of a refund's answer is not read"
    elif (kind, operation) == (FaultKind.HTML, Operation.REFUND):
        assert answer == Garbled("html")
    else:
        assert answer == expected


@pytest.mark.parametrize("kind", [FaultKind.TRUNCATED, FaultKind.LOSE_REQUEST, FaultKind.LOSE_ANSWER])
async def test_half_an_answer_is_none(kind: FaultKind) -> None:
    """Nothing is believed of it."""
    async with counter() as till:
        till.fault(kind, Operation.CHECKOUT)
        assert isinstance(await till.create(), Unclear | Garbled)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (FaultKind.WRONG_AMOUNT, {}),
        (FaultKind.WRONG_CURRENCY, {}),
        (FaultKind.WRONG_ORDER, {}),
    ],
)
async def test_what_differs_is_told(kind: FaultKind, params: dict[str, Any]) -> None:
    """Sum, currency and key of a paid payment reach the core as they were said: it compares them."""
    async with counter() as till:
        order_id = await till.made()
        till.pay(order_id)
        right = await till.read(order_id)
        till.fault(kind, Operation.STATUS, **params)
        wrong = await till.read(order_id)
    assert isinstance(right, Observed)
    assert isinstance(wrong, Observed)
    assert wrong.slip is not None
    assert wrong.slip != right.slip


async def test_strange_words_and_fields() -> None:
    """A status that nobody knows is not final, a field that nobody knows does no harm."""
    async with counter() as till:
        order_id = await till.made()
        plain = await till.read(order_id)
        till.fault(FaultKind.EXTRA_FIELDS, Operation.STATUS)
        assert await till.read(order_id) == plain
        till.fault(FaultKind.UNKNOWN_STATUS_VALUE, Operation.STATUS, value="on_hold")
        strange = await till.read(order_id)
        assert isinstance(strange, Observed)
        assert strange.status is Status.UNKNOWN
        till.fault(FaultKind.UNKNOWN_STATUS_VALUE, Operation.STATUS, value="terminated")
        gone = await till.read(order_id)
        assert isinstance(gone, Observed)
        assert (gone.status, gone.error_code) == (Status.REJECTED, "SOFTLINE_TERMINATED")


async def test_a_bare_read_proves_no_payment() -> None:
    """With nothing but the published fields there is no sum: paid without a slip, which a person must look at."""
    async with counter(SoftlineKnobs(bare_reads=True)) as till:
        order_id = await till.made()
        till.pay(order_id)
        read = await till.read(order_id)
    assert isinstance(read, Observed)
    assert (read.status, read.slip) == (Status.ACCEPTED, None)


async def test_a_webhook_of_theirs_is_a_hint_of_ours() -> None:
    """Signed there, proven here, by either of two keys."""
    async with counter() as till:
        order_id = await till.made()
        till.pay(order_id)
        payment = till.bank.transaction(order_id)
        body, signature = till.there.event(till.sandbox.now_ms(), payment, "order.payment.succeeded", "k3y")
    assert till.provider.read_hook(["new", "k3y"], {"signature": signature}, body) == Hint(order_id, "r-1")
