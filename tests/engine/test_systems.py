"""Goal: a checkout brings what its payment system needs and nothing else of the customer is kept; a system that left the configuration
harms no record. Method: a simulated shop with a second provider, whose customers pay on a page."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from agent.core import answer
from agent.core.capability import KOSHELEK, Approval
from agent.core.model import Checkout, Environment, SaleId
from agent.core.payment import PaymentState
from agent.engine.counter import RefundOrder
from agent.engine.setup import Setup
from agent.providers.koshelek import Koshelek, KoshelekSettings, StoreFacts
from agent.sandbox.customer import Action, Customer
from tests.engine.support import Helper, Shop, Tale, create, finished, hear, order, play, refusal
from tests.simulation.till import Pos
from tests.simulation.world import STORE

CUSTOMER = {"customer.email": "buyer@example.com", "customer.phone": "+79990000000"}
NOTHING = {"cardSession": "", "loyaltyId": "", "token": ""}


class Paged(Koshelek):
    """A provider of the other kind: no card, no token; it takes whatever it is given."""

    name = "paycore"

    def __init__(self) -> None:
        super().__init__(KoshelekSettings(), {STORE: StoreFacts()})
        self.capabilities = replace(KOSHELEK, approval=Approval.LINK, needs_token=False)

    def check(self, sale_id: SaleId, checkout: Checkout, secret_lengths: dict[str, int]) -> None:
        pass


def with_pages(setup: Setup) -> Setup:
    binding = replace(setup.bindings["koshelek"], provider="paycore")
    return replace(setup, providers={**setup.providers, "paycore": Paged()}, bindings={**setup.bindings, "paycore": binding})


def only_pages(setup: Setup) -> Setup:
    """Koshelek is switched off."""
    both = with_pages(setup)
    return replace(both, providers={"paycore": both.providers["paycore"]}, bindings={"paycore": both.bindings["paycore"]})


def tell(tale: Tale[None], folder: Path, change: Callable[[Setup], Setup] = with_pages) -> None:
    def prepare(shop: Shop) -> None:
        shop.change, shop.with_card = change, False

    play(tale, folder, prepare=prepare)


def test_of_the_customer_only_what_is_of_use_is_kept(fast_folder: Path) -> None:
    """Facts for a page are not stored with a system that has an app, nor card, token and loyalty number with one that has a page."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.bank.queue_customer(Customer(Action.WAIT), order_id="order-K1")
        app = await create(shop, order("K1", **CUSTOMER))
        assert await shop.kept_secrets(app.sale.id) == {"cardSession", "loyaltyId", "token"}
        paged = await create(shop, order("K2", provider="paycore", **CUSTOMER))
        assert await shop.kept_secrets(paged.sale.id) == set(CUSTOMER)

    tell(tale, fast_folder)


def test_what_a_system_needs_of_the_customer_is_asked_for(fast_folder: Path) -> None:
    """Card, token and loyalty number with an app, each named; with a helper command the token comes from there, the card never."""

    async def tale(shop: Shop, pos: Pos) -> None:
        refused = await refusal(create(shop, order("K1", **NOTHING)))
        assert [one["path"] for one in refused.data["details"]] == ["cardSession", "token", "user.loyaltyId"]
        unread = await refusal(create(shop, order("K2", barcode="29000001", cardSession="", token="")))
        assert [one["path"] for one in unread.data["details"]] == ["token", "cardSession"]
        shop.living.ports.card = Helper(**{"29000001": "S1"})
        nothing = await refusal(create(shop, order("K3", cardSession="", token="")))
        assert [one["path"] for one in nothing.data["details"]] == ["cardSession"]
        assert (await create(shop, order("K4", barcode="29000001", cardSession="", token=""))).sale.payment is PaymentState.QUEUED
        shop.living.ports.card = None
        assert (await create(shop, order("K5", provider="paycore", **NOTHING))).sale.binding.provider == "paycore"

    tell(tale, fast_folder)


def test_the_names_of_facts_about_the_customer_are_the_cores(fast_folder: Path) -> None:
    """What the desk calls them is what the core erases."""
    assert set(CUSTOMER) < set(answer.CUSTOMER)


def in_earnest(setup: Setup) -> Setup:
    """The till is switched from play money to real money, at the same address."""
    return replace(setup, bindings={name: replace(one, environment=Environment.PRODUCTION) for name, one in setup.bindings.items()})


def test_a_sale_taken_as_play_money_never_becomes_real(fast_folder: Path) -> None:
    """It waited unsent while the till was switched over, by a reload or by a restart: it is not sent any more, and expires."""

    async def tale(shop: Shop, pos: Pos) -> None:
        shop.bank.queue_customer(Customer(Action.CONFIRM, 3_000), order_id="order-K0")
        await create(shop, order("K0"))
        reloaded = await create(shop, order("K1"))
        shop.living.reconfigure(in_earnest(shop.living.setup), shop.living.ports.card)
        assert (await finished(shop, reloaded.sale.id)).payment is PaymentState.EXPIRED
        assert shop.noticed("provider.changed")
        shop.living.reconfigure(shop.setup(), shop.living.ports.card)
        shop.bank.queue_customer(Customer(Action.CONFIRM, 3_000), order_id="order-K2")
        await create(shop, order("K2"))
        restarted = await create(shop, order("K3"))
        shop.change = in_earnest
        await shop.restart()
        assert (await finished(shop, restarted.sale.id)).payment is PaymentState.EXPIRED
        assert {one.order_id for one in shop.bank.transactions()} == {"order-K0", "order-K2"}

    play(tale, fast_folder)


def test_the_switch_comes_while_the_first_request_is_made(fast_folder: Path) -> None:
    """Asked again when the attempt is recorded: nothing leaves after the switch."""

    async def tale(shop: Shop, pos: Pos) -> None:
        class Slow(Helper):
            async def token(self) -> str:
                shop.living.reconfigure(in_earnest(shop.living.setup), self)
                return "helper-token"

        shop.living.ports.card = Slow()
        steward = await create(shop, order("K1", token=""))
        assert (await finished(shop, steward.sale.id)).payment is PaymentState.EXPIRED
        assert shop.bank.transactions() == []

    play(tale, fast_folder)


def test_settled_sales_of_a_system_that_was_switched_off_stay_what_they_were(fast_folder: Path) -> None:
    """They are read, told and confirmed as before; only their money cannot be returned by the agent any more, and that is said."""

    async def tale(shop: Shop, pos: Pos) -> None:
        steward = await create(shop, order("K1"))
        assert (await finished(shop, steward.sale.id)).payment is PaymentState.PAID
        await hear(shop, steward.sale.id)
        shop.change = only_pages
        await shop.restart()
        assert (await hear(shop, steward.sale.id)).state is PaymentState.PAID
        assert (await shop.desk.confirm(steward.sale.id, "pos")).sale.confirmed
        assert (await shop.desk.cancel(steward.sale.id)).sale.payment is PaymentState.PAID
        refused = await refusal(shop.desk.refund(RefundOrder(steward.sale.id, "R1", (), None, "t", None)))
        assert (refused.code, "'koshelek'" in str(refused)) == ("NOT_REFUNDABLE", True)
        assert refused.data["reason"] == "SYSTEM_GONE"
        elsewhere = await refusal(create(shop, order("K2", provider="koshelek")))
        assert (elsewhere.code, elsewhere.data["path"]) == ("INVALID", "provider")

    tell(tale, fast_folder)


def test_what_is_owed_to_a_system_that_is_gone_waits_for_it(fast_folder: Path) -> None:
    """No configuration takes it out while money is owed; should it be gone all the same, nothing is lost and nobody else is held up, and
    once it is back the sale goes on."""

    async def tale(shop: Shop, pos: Pos) -> None:
        engine = shop.living
        shop.bank.queue_customer(Customer(Action.CONFIRM, 20_000), order_id="order-K1")
        steward = await create(shop, order("K1"))
        await asyncio.sleep(2)
        whole = engine.setup
        engine.reconfigure(only_pages(whole), None)
        await asyncio.sleep(30)
        assert {facts["provider"] for facts in shop.noticed("provider.missing")} == {"koshelek"}
        assert not steward.sale.finished
        engine.reconfigure(whole, None)
        assert (await finished(shop, steward.sale.id)).payment in (PaymentState.PAID, PaymentState.CANCELED)
        assert not engine.failed.done()

    tell(tale, fast_folder)
