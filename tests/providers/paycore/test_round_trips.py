"""Round trips over real HTTP: the provider's requests, the agent's transport, the sandbox's PayCore, the provider's reading.

The sandbox shares no code with the provider, so that a name which both have wrong would have to be wrong twice.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from agent.core.contract import Provider, Return
from agent.core.model import Binding, Checkout, Environment, PaymentLink, SaleId
from agent.core.money import Kopecks
from agent.core.verdict import Denied, Found, Garbled, Observed, Operation, RefStatus, Refusal, Refused, Reply, Request, Status, Unclear
from agent.edges.accounts import Account
from agent.edges.authorization import BasicLogin
from agent.edges.transport import HttpTransport
from agent.providers.paycore import PayCore, PayCoreSettings, Shape
from agent.providers.paycore.prerequest import PATH, findings, question, read_offer
from agent.providers.paycore.prerequest import Fault as Misfit
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.ledger import EntryKind
from agent.sandbox.server import Sandbox
from agent.sandbox.settings import BankSettings, SandboxSettings
from agent.sandbox.words import Operation as Asked
from tests.providers.paycore.answers import SALE, checkout

NOW = datetime(2026, 1, 31, tzinfo=UTC)
SERVICE = "payment_card_rub_hpp"


class Till:
    """A provider at a till, its transport, and the bank behind it."""

    def __init__(self, sandbox: Sandbox, settings: PayCoreSettings, api_key: str) -> None:
        self.sandbox, self.bank = sandbox, sandbox.bank
        self.provider = PayCore(settings)
        url = f"{sandbox.base_url}/paycore/api"
        login = BasicLogin(lambda: "sandbox", lambda: api_key)
        self.binding = Binding("paycore", Environment.TEST, "account")
        self.transport = HttpTransport({"account": Account(url, login, plain_http=True)})

    async def ask(self, request: Request) -> Any:
        """A verdict, a finding, or what the transport says where no answer came."""
        outcome = await self.transport.exchange(self.binding, request, {}, lambda _: None)
        if not isinstance(outcome, Reply):
            return outcome
        finding = request.operation is Operation.FIND
        return self.provider.read_found(outcome) if finding else self.provider.read(request.operation, outcome)

    async def create(self, key: str = "r-1", bill: Checkout | None = None) -> Any:
        return await self.ask(self.provider.checkout(SALE, key, bill or checkout(), frozenset()))

    async def made(self, key: str = "r-1") -> Observed:
        seen = await self.create(key)
        assert isinstance(seen, Observed), seen
        return seen

    async def read(self, seen: Observed) -> Any:
        return await self.ask(self.provider.status(SALE, "", seen.transaction_id, None))

    async def find(self, key: str = "r-1") -> Any:
        return await self.ask(self.provider.find(SALE, key, NOW))

    async def refund(self, seen: Observed, kopecks: int, key: str = "back-1") -> Any:
        assert seen.transaction_id is not None
        return await self.ask(self.provider.refund(Return(SALE, key, seen.transaction_id, checkout(), (), Kopecks(kopecks), "token")))

    async def paid(self, key: str = "r-1") -> Observed:
        """A payment whose customer paid on the page."""
        seen = await self.made(key)
        assert seen.transaction_id is not None
        self.bank.decide(self.sandbox.now_ms(), seen.transaction_id, Customer(Action.CONFIRM))
        return seen

    def fault(self, kind: FaultKind, operation: Asked | None = None, **params: Any) -> None:
        self.bank.add_fault(self.sandbox.now_ms(), Fault(kind, operation, params=params, system="paycore"))


@asynccontextmanager
async def till(api_key: str = "sandbox", bank: BankSettings | None = None, **changes: Any) -> AsyncIterator[Till]:
    """Customers wait, unless the bank says otherwise."""
    waiting = bank or BankSettings(customer=Customer(Action.WAIT))
    async with Sandbox(SandboxSettings(port=0, bank=waiting)) as sandbox:
        page = f"{sandbox.base_url}/paycore/hpp/"
        settings = PayCoreSettings(**{"test_mode": True, "service": SERVICE, "hpp_base_url": page, **changes})
        one = Till(sandbox, settings, api_key)
        try:
            yield one
        finally:
            await one.transport.aclose()


async def test_paid_on_the_page_behind_the_link() -> None:
    """Create, open the link, pay there, read: the slip bears our sum and our key, and what a receipt shows."""
    async with till() as one, httpx.AsyncClient(trust_env=False) as browser:
        seen = await one.made()
        assert (seen.status, seen.reference) == (Status.NEW, "r-1")
        assert seen.link is not None
        assert (await browser.get(seen.link.url)).status_code == 200
        assert (await one.read(seen)).slip is None
        await browser.post(seen.link.url, data={"action": "confirm"})
        paid = await one.read(seen)
        assert (paid.status, paid.slip.total_amount, paid.slip.currency, paid.slip.reference) == (Status.ACCEPTED, 37_695, "RUB", "r-1")
        assert (paid.slip.payment_type, len(paid.slip.operation_id), len(paid.slip.id)) == ("512381******0000", 12, 6)
        assert one.bank.ledger.net(order_id="S07-000042", store_id=SALE.store_id) == 37_695


async def test_the_payment_page_leads_to_the_same_payment() -> None:
    """Without a service there is no next step: the customer goes to the page, by the payment's id."""
    async with till(service=None) as one, httpx.AsyncClient(trust_env=False, follow_redirects=True) as browser:
        seen = await one.made()
        page = f"{one.sandbox.base_url}/paycore/hpp/?cpi={seen.transaction_id}"
        assert seen.link == PaymentLink(page)
        shown = await browser.get(page)
        assert shown.status_code == 200
        await browser.post(shown.url, data={"action": "confirm"})
        assert (await one.read(seen)).status is Status.ACCEPTED


async def test_both_shapes_of_requests_are_taken() -> None:
    """Flat, and with the amount as text."""
    async with till(create_shape=Shape.FLAT, refund_shape=Shape.FLAT, amount_as_text=True, send_metadata=False) as one:
        seen = await one.paid()
        assert (await one.refund(seen, 37_695)).status is Status.REFUNDED
        assert one.bank.ledger.net() == 0


async def test_a_lost_answer_is_found_and_made_once() -> None:
    """The create arrived, its answer did not: the search finds it with its link, and a repeat is turned away unclear, never made twice."""
    async with till() as one:
        assert await one.find() == Found()
        one.fault(FaultKind.LOSE_ANSWER, Asked.CHECKOUT)
        assert isinstance(await one.create(), Unclear)
        found = await one.find()
        assert isinstance(found, Found)
        (match,) = found.matches
        assert (match.status in {Status.NEW, Status.PENDING}, match.reference) == (True, "r-1"), "it turns pending by itself after a moment"
        assert match.link is not None
        assert await one.create() == Garbled("http_429")
        assert len(one.bank.transactions()) == 1


async def test_a_request_that_was_never_made_is_repeated() -> None:
    """The search finds nothing, and the same key makes the payment."""
    async with till() as one:
        one.fault(FaultKind.TOO_MANY, Asked.CHECKOUT, retry_after_s=1)
        assert await one.create() == Garbled("http_429", 1)
        assert await one.find() == Found()
        assert (await one.made()).status is Status.NEW


async def test_refunds_in_parts() -> None:
    """Each answer tells the sum so far; more than is left is refused, and looked up."""
    async with till() as one:
        seen = await one.paid()
        first = await one.refund(seen, 10_000)
        assert (first.status, first.refunded, first.ref_status) == (Status.PARTIAL_REFUNDED, 10_000, None)
        over = await one.refund(seen, 30_000, "back-2")
        assert (over.code, over.refusal) == ("INVALID_REQUEST", Refusal.UNKNOWN)
        assert "requested_refund_amount" in over.detail
        last = await one.refund(seen, 27_695, "back-3")
        assert (last.status, last.refunded) == (Status.REFUNDED, 37_695)
        assert one.bank.ledger.refunded() == 37_695
        assert (await one.refund(seen, 1, "back-4")).refusal is Refusal.UNKNOWN


async def test_a_refund_takes_its_time_or_fails() -> None:
    """In work nothing is counted; one that the bank turned down is told as final, and no other is taken."""
    slow = BankSettings(customer=Customer(Action.WAIT), refund_takes_ms=60_000)
    async with till(bank=slow) as one:
        seen = await one.paid()
        pending = await one.refund(seen, 10_000)
        assert (pending.status, pending.refunded, pending.ref_status) == (Status.REFUNDING, None, None)
    async with till() as one:
        seen = await one.paid()
        one.fault(FaultKind.REFUSE_REFUND, Asked.REFUND)
        failed = await one.refund(seen, 10_000)
        assert (failed.status, failed.ref_status, failed.refunded) == (Status.REFUNDING, RefStatus.REJECTED, 0)
        assert isinstance(await one.refund(seen, 10_000), Refused)
        assert one.bank.ledger.net() == 37_695


async def test_declined_canceled_expired() -> None:
    """The ends without money, each with its reason."""
    async with till() as one:
        for action, status, code in ((Action.DECLINE, Status.REJECTED, "ISSUER_DECLINE"), (Action.CANCEL, Status.CANCELED, None)):
            seen = await one.made(f"r-{action}")
            assert seen.transaction_id is not None
            one.bank.decide(one.sandbox.now_ms(), seen.transaction_id, Customer(action))
            end = await one.read(seen)
            assert (end.status, end.error_code, end.slip, end.link) == (status, code, None, None)
        seen = await one.made("r-late")
        one.bank.tick(one.sandbox.now_ms() + 3_600_000)
        end = await one.read(seen)
        assert (end.status, end.error_code) == (Status.REJECTED, "LINK_EXPIRED")
        assert one.bank.ledger.select(EntryKind.CHARGE) == []


async def test_the_wrong_side_and_the_wrong_door() -> None:
    """A payment of the other side proves nothing; a wrong key opens nothing; what is not there is not there."""
    async with till() as one:
        seen = await one.paid()
        live = PayCore(PayCoreSettings(test_mode=False))
        outcome = await one.transport.exchange(one.binding, live.status(SALE, "", seen.transaction_id, None), {}, lambda _: None)
        assert isinstance(outcome, Reply)
        other = live.read(Operation.STATUS, outcome)
        assert isinstance(other, Observed)
        assert (other.status, other.slip) == (Status.UNKNOWN, None)
        absent = await one.read(replace(seen, transaction_id="cpi_none"))
        assert (absent.code, absent.refusal) == ("UNKNOWN_TRANSACTION_ID", Refusal.NOT_FOUND)
    async with till(api_key="wrong") as one:
        assert await one.create() == await one.find() == Denied(401)


async def test_what_the_provider_refuses_to_make() -> None:
    """A service that the account does not have: a technician's fault, with what support asks for."""
    async with till(service="payment_card_uah_hpp") as one:
        refused = await one.create()
        assert (refused.code, refused.refusal) == ("INVALID_REQUEST", Refusal.CONFIGURATION)
        assert "error_codes=service_not_found" in refused.detail
    async with till(invoices_path="/payment-invoice") as one:
        assert (await one.create()).detail.startswith("http_404")
        assert one.bank.transactions() == []


async def test_strange_answers_decide_nothing() -> None:
    """Another sum, another currency, another key, an unknown word, more fields, silence about what was paid."""
    async with till() as one:
        seen = await one.paid()
        for kind, shown in (
            (FaultKind.WRONG_AMOUNT, (37_696, "RUB", "r-1")),
            (FaultKind.WRONG_CURRENCY, (37_695, "USD", "r-1")),
            (FaultKind.WRONG_ORDER, (37_695, "RUB", "SOMEBODY-ELSES")),
            (FaultKind.EXTRA_FIELDS, (37_695, "RUB", "r-1")),
        ):
            one.fault(kind)
            slip = (await one.read(seen)).slip
            assert (slip.total_amount, slip.currency, slip.reference) == shown
        one.fault(FaultKind.UNKNOWN_STATUS_VALUE)
        assert (await one.read(seen)).status is Status.UNKNOWN
        one.fault(FaultKind.ERROR_5XX, Asked.STATUS, status=502)
        assert await one.read(seen) == Garbled("http_502")
        one.fault(FaultKind.ABSENT_STATUS)
        assert (await one.read(seen)).refusal is Refusal.NOT_FOUND
        one.fault(FaultKind.ACCEPTED_WITHOUT_SLIP)
        other = await one.read(await one.paid("r-2"))
        assert (other.status, other.slip) == (Status.ACCEPTED, None)


async def test_the_list_of_services() -> None:
    """Asked for with the public key; a pattern that arrives with doubled backslashes is understood."""
    async with till() as one, httpx.AsyncClient(trust_env=False) as client:
        url = f"{one.sandbox.base_url}/paycore/public-api{PATH}"
        heard = await client.post(url, json=dict(question("pk_test_x", "RUB")))
        offer = read_offer(Reply(heard.status_code, heard.content))
        assert offer.services[0].fields[0].pattern == r"^\d{4}$"
        settings = PayCoreSettings(test_mode=True, service=SERVICE, fields={"promo": "12a4"})
        assert [one.fault for one in findings(settings, offer)] == [Misfit.FIELD_FORM, Misfit.TOO_SMALL, Misfit.TOO_LARGE]
        other = await client.post(url, json={"public_key": "pk_live_x", "currency": "UAH"})
        assert read_offer(Reply(other.status_code, other.content)).services == ()
        assert (await client.post(url, json={"public_key": "sk_test_x"})).status_code == 403


def test_the_provider_fits_the_contract() -> None:
    """For mypy: a PayCore is a Provider of any sale."""
    provider: Provider = PayCore(PayCoreSettings(test_mode=True))
    assert provider.status(SaleId("a", "b", "c"), "", "cpi_1", None).method == "GET"
