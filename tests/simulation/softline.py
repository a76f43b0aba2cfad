"""The simulated shop on Softline Payments: a create that is not idempotent, a search, a link, no cancel, and people who return money."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from agent.core import canonical, verdict
from agent.core.capability import Capabilities
from agent.core.contract import Provider
from agent.core.model import Binding, Environment, Merchant
from agent.core.verdict import Found, Garbled, NotSent, Outcome, Reply, Request, Unclear
from agent.engine.setup import Setup, Terminal
from agent.providers.softline import Buyer, Softline, SoftlineSettings
from agent.sandbox.customer import Action
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.softline.knobs import SoftlineKnobs
from agent.sandbox.transaction import Purpose
from agent.sandbox.words import Operation, RefStatus
from tests.simulation.campaign import Finding, fresh, worth_dying_at
from tests.simulation.play import play
from tests.simulation.story import POLICY, Story, customer, state
from tests.simulation.till import Pos
from tests.simulation.world import LOGIN, PASSWORD, STORE, TILL, CrashPlan, World

NAME = "softline"
ACCOUNT = "https://api.example/softline"
METHOD = "SBP"  # what the till of the simulation offers
ORDER = "order-K1"
REREADS_MS = (60_000, 300_000, 900_000)  # instead of ninety days
PEOPLE_S = 120.0  # how long the people think who decide about a refund

BUYER = Buyer("kassa@shop.example", "Покупатель", "Розничный")
KNOBS = SoftlineKnobs(methods=frozenset({METHOD}), visible_after_ms=3_000)


class Till(Softline):
    """The provider as configured. Looks after a cancel come within a quarter of an hour."""

    def __init__(self) -> None:
        given = SoftlineSettings(
            Environment.TEST, METHOD, "https://shop.example/", "kassa@shop.example", payment_description="{orderId}", buyer=BUYER
        )
        super().__init__(given)
        self.capabilities: Capabilities = replace(self.capabilities, rereads_ms=REREADS_MS)


class RepeatsBlindly(Till):
    """Planted: somebody declared that a repeat of a create is the same payment, and that nothing can be searched for."""

    def __init__(self) -> None:
        super().__init__()
        self.capabilities = replace(self.capabilities, idempotent_create=True, searches=0)


class BelievesNoise(Till):
    """Planted: an answer to a search that cannot be read is taken for an empty list."""

    def read_found(self, reply: Reply) -> verdict.Finding:
        found = super().read_found(reply)
        return Found() if isinstance(found, Garbled) else found


class SoftlineWorld(World):
    """The shop. Its bank's system takes a token; people decide about refunds some time after they were asked."""

    provider_type: type[Till] = Till
    _people: "asyncio.Task[None] | None" = None

    def provider(self) -> Provider:
        return self.provider_type()

    def setup(self) -> Setup:
        terminal = Terminal({NAME: self.policy}, NAME)
        return Setup(
            terminals={(STORE, TILL): terminal},
            providers={NAME: self.provider()},
            bindings={NAME: Binding(NAME, Environment.TEST, ACCOUNT)},
            merchants={STORE: Merchant("Acme", "ООО Акме")},
            timezone=UTC,
            default_policies={NAME: self.policy},
        )

    async def start(self) -> None:
        if self._people is None:
            self._people = self.loop.create_task(self._decide())
        await super().start()

    async def stop(self) -> None:
        if self._people is not None:
            self._people.cancel()
        await super().stop()

    async def _decide(self) -> None:
        while True:
            await asyncio.sleep(PEOPLE_S)
            for payment in self.bank.transactions():
                asked = payment.running(Purpose.REFUND)
                if asked is not None and asked.status is RefStatus.NEW:
                    self.bank.decide_reference(self.now_ms(), asked.id)

    async def _deliver(self, request: Request, secrets: Mapping[str, str]) -> Outcome:
        path = f"/softline{request.path}"
        await asyncio.sleep(0.01)
        delivery = self.bank.meet(self.now_ms(), request.method, path)
        if delivery.refuse:
            self.last_reached = False
            return NotSent("refused")
        self.last_reached = True
        body = canonical.dumps(request.fill(secrets)).encode() if request.method == "POST" else b""
        await asyncio.sleep(delivery.before_ms / 1000)
        answer = self.bank.act(self.now_ms(), delivery, request.method, path, self._headers(), body)
        if answer is None or not delivery.complete:
            await asyncio.sleep(delivery.after_ms / 1000)
            return Unclear("reset")
        await asyncio.sleep(0.02 + delivery.reading_ms(answer) / 1000)
        return Reply(answer.status, delivery.visible(answer), dict(answer.headers))

    def _headers(self) -> dict[str, str]:
        """With a token: the transport's own business, and shown with the real one."""
        document = canonical.dumps({"username": LOGIN, "password": PASSWORD}).encode()
        plain = {"content-type": "application/json"}
        token = canonical.loads(self.bank.handle(self.now_ms(), "POST", "/softline/v1/login_check", plain, document).body)["token"]
        return {**plain, "authorizationjwt": f"Bearer {token}"}


class BlindWorld(SoftlineWorld):
    provider_type = RepeatsBlindly


class NoisyWorld(SoftlineWorld):
    provider_type = BelievesNoise


def fault(world: World, kind: FaultKind, operation: Operation, times: int | None = 1, **params: int | str | bool) -> None:
    world.bank.add_fault(world.now_ms(), Fault(kind, operation, times, params=params, system=NAME))


async def _sale(_: World, pos: Pos) -> None:
    await pos.sell("K1")
    await pos.result("K1")
    await pos.confirm("K1")


async def _answer_lost(world: World, pos: Pos) -> None:
    fault(world, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
    customer(world, ORDER, Action.CONFIRM, 12_000)
    await pos.sell("K1")
    await pos.result("K1")


async def _searches_in_trouble(world: World, pos: Pos) -> None:
    """The create's answer is lost, and then nothing that is said about it can be read at first."""
    fault(world, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
    fault(world, FaultKind.GARBAGE, Operation.FIND, times=2)
    customer(world, ORDER, Action.CONFIRM, 25_000)
    await pos.sell("K1")
    await pos.result("K1")


async def _late_money(world: World, pos: Pos) -> None:
    """The cashier takes the link back; the customer pays by it all the same, and people return it."""
    customer(world, ORDER, Action.CONFIRM, 40_000)
    await pos.sell("K1")
    await asyncio.sleep(10)
    await pos.cancel("K1")
    await pos.result("K1")
    await asyncio.sleep(600)


async def _found_another(world: World, pos: Pos) -> None:
    """The search tells everybody's payments, the oldest of which is another customer's."""
    await pos.sell("K0")
    await pos.result("K0")
    await pos.confirm("K0")
    fault(world, FaultKind.LOSE_ANSWER, Operation.CHECKOUT)
    customer(world, ORDER, Action.CONFIRM, 25_000)
    await pos.sell("K1")
    await pos.result("K1")


def _not_adopted(world: World, pos: Pos) -> None:
    assert pos.book["K1"].links == []
    assert state(pos, "K0").value == "paid"


def _paid(world: World, pos: Pos) -> None:
    assert state(pos, "K1").value == "paid"
    assert world.bank.ledger.net() == 30_000


def _returned(world: World, pos: Pos) -> None:
    assert state(pos, "K1").value == "canceled"
    assert (world.bank.ledger.charged(), world.bank.ledger.net()) == (30_000, 0)


_BANK: dict[str, object] = {"softline": KNOBS}
STORIES = {
    story.name: story
    for story in (
        Story("sale", _sale, _paid, bank=_BANK),
        Story("answer lost", _answer_lost, _paid, bank=_BANK),
        Story("found another", _found_another, _not_adopted, bank={"softline": replace(KNOBS, search_ignores_key=True)}, attention=True),
        Story("searches in trouble", _searches_in_trouble, _paid, bank=_BANK),
        # A refund that people were asked for is looked at once a day.
        Story("late money", _late_money, _returned, policy=replace(POLICY, read_interval_ms=2_000), bank=_BANK, settle_s=200_000),
    )
}


def plainly(story: Story, folder: Path, world: type[SoftlineWorld]) -> list[str]:
    """What a story breaks when nothing dies."""
    return play(story, fresh(folder), alter=world).broken


def deaths(story: Story, folder: Path, step: int) -> Iterator[Finding]:
    """Die once at every ``step``-th call that is worth it, before and after it; each run with what it broke."""
    places = worth_dying_at(play(story, fresh(folder), alter=SoftlineWorld, watched=True).places)
    for place in places[::step]:
        for after in (False, True):
            run = play(story, fresh(folder), [CrashPlan(place.number, after)], alter=SoftlineWorld)
            yield Finding(story.name, run.deaths, run.broken)
