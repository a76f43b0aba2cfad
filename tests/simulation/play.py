"""Playing a story: once, with a death at a given call, or with two."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.sandbox.customer import Action, Customer
from agent.sandbox.settings import BankSettings
from tests.simulation import invariants
from tests.simulation.loop import VirtualLoop, run
from tests.simulation.stories import Story
from tests.simulation.till import Pos
from tests.simulation.world import LOGIN, PASSWORD, CrashPlan, Place, World

QUIET_S = 60.0  # between looks at whether everything has come to rest


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a story went: what was broken, how many port calls each life made, and where they died."""

    broken: list[str]
    calls: list[int]
    deaths: list[str]
    world: World
    pos: Pos

    @property
    def places(self) -> Sequence[Place]:
        """Where the first life could have died, in order; empty unless it was watched."""
        return self.world.lives[0].places


def play(story: Story, folder: Path, plans: Sequence[CrashPlan] = (), alter: type[World] = World, watched: bool = False) -> Outcome:
    """Tell a story on a fresh journal in ``folder``, let everything come to rest, and check the invariants. ``watched``: note the places
    where each life could have died."""
    bank = BankSettings(login=LOGIN, password=PASSWORD, customer=Customer(Action.CONFIRM, 2_000), partner="acme", magic_sessions=False)
    settings = replace(bank, **story.bank)

    async def main(loop: VirtualLoop) -> Outcome:
        world = alter(loop, folder, story.policy, settings, story.system)
        world.plans = list(plans)
        world.watched = watched
        pos = Pos(world)
        try:
            await world.start()
            await story.tell(world, pos)
            await _settle(world, story.settle_s)
            assert world.engine is not None
            await world.engine.stop(0)  # the books are compared at one moment: nothing happens meanwhile
            broken = await invariants.check(world, [pos], attention_allowed=story.attention)
        finally:
            await world.stop()
        return Outcome(broken, [life.calls for life in world.lives], world.deaths, world, pos)

    return run(main)


async def _settle(world: World, seconds: float) -> None:
    """Faults end, time passes, until nobody owes anything or the patience is over."""
    world.bank.end_outage()
    end = world.loop.time() + seconds
    while world.loop.time() < end:
        await asyncio.sleep(QUIET_S)
        await world.up()
        alive = world.engine.alive if world.engine is not None else ()
        payouts = world.engine.payouts.alive if world.engine is not None else ()
        at_work = any(one.owed() or one.flights for one in alive) or any(one.owed() or one.flights for one in payouts)
        if not at_work and not world.flights:
            return
    await world.up()
