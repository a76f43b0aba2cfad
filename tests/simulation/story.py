"""What a story is, and what the stories share: policies, faults of the bank, its customers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agent.core.payment import PaymentState
from agent.core.policy import BackOff, Policy
from agent.sandbox.customer import Action, Customer
from agent.sandbox.faults import Fault, FaultKind
from agent.sandbox.words import Operation
from tests.simulation.systems import KOSHELEK
from tests.simulation.till import Pos
from tests.simulation.world import World

# Looks after a cancel up to a quarter of an hour instead of a day, which costs thousands of naps; "a whole day" below has them all.
REREADS_MS = (60_000, 300_000, 900_000)
POLICY = Policy(rereads_ms=REREADS_MS, checkout_backoff=BackOff(500, 4_000), settle_backoff=BackOff(1_000, 20_000))
# Where the customer lets the whole wait limit pass: twenty looks instead of ninety. A look that changes nothing is a death like the last.
PATIENT = replace(POLICY, read_interval_ms=1_500)
# Where nobody answers for minutes: ten attempts instead of forty. The eleventh that fails is a death like the tenth.
SELDOM = replace(POLICY, checkout_backoff=BackOff(500, 20_000), settle_backoff=BackOff(1_000, 120_000))


@dataclass(frozen=True, slots=True)
class Story:
    """``tell`` plays it. ``plain`` checks how it ends when nothing dies. ``attention``: a person may be needed when something does."""

    name: str
    tell: Callable[[World, Pos], Awaitable[None]]
    plain: Callable[[World, Pos], None]
    policy: Policy = POLICY
    attention: bool = False
    settle_s: float = 5_000  # how long after the last word everything must have come to rest: beyond the last look after a cancel
    bank: dict[str, Any] = field(default_factory=dict)  # what is otherwise at the bank: fields of its settings
    system: str = KOSHELEK
    every_death: bool = True  # False: the same calls as another story, only further apart


def fault(world: World, kind: FaultKind, operation: Operation | None = None, times: int | None = 1, **params: int | str | bool) -> None:
    world.bank.add_fault(world.now_ms(), Fault(kind, operation, times, params=params))


def customer(world: World, order_id: str, action: Action, after_ms: int = 2_000) -> None:
    world.bank.queue_customer(Customer(action, after_ms), order_id=order_id)


def state(pos: Pos, key: str) -> PaymentState:
    final = pos.book[key].final
    assert final is not None, f"{key} was never finished"
    return final.state
