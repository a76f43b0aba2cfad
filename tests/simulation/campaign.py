"""Enumerating deaths: every port call of a story, before and after it, and pairs of them. No list of places is kept by hand.

``python -m tests.simulation.campaign --pairs 0 --seed 1`` walks *all* pairs (``make crash``); tests take the singles and a seeded sample.
"""

import argparse
import itertools
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.play import play
from tests.simulation.stories import STORIES, Story
from tests.simulation.world import CrashPlan, World


@dataclass(frozen=True, slots=True)
class Finding:
    """Invariants that a run broke, and where the process had died."""

    story: str
    deaths: list[str]
    broken: list[str]

    def __str__(self) -> str:
        return f"{self.story}: died {' and '.join(self.deaths) or 'nowhere'}: {'; '.join(self.broken)}"


def one_run(story: Story, folder: Path, plans: list[CrashPlan], alter: type[World] = World) -> Finding:
    """Play a story with deaths in a fresh folder below ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    outcome = play(story, folder, plans, alter)
    return Finding(story.name, outcome.deaths, outcome.broken)


def singles(story: Story, folder: Path, alter: type[World] = World) -> Iterator[Finding]:
    """Die once at every call, until none is left to die at."""
    for at in itertools.count(1):
        plans = [CrashPlan(at, after=False), CrashPlan(at, after=True)]
        for plan in plans:
            yield one_run(story, folder, [plan], alter)
        if not any(plan.fired for plan in plans):
            return


def pairs(seed: int, size: int, folder: Path, most: int = 130) -> Iterator[Finding]:
    """``size`` runs that die twice, drawn by ``seed``: at any call of the first life, then at any early call of the second."""
    chance = random.Random(seed)
    names = [story.name for story in STORIES.values() if story.every_death]
    for _ in range(size):
        story = STORIES[chance.choice(names)]
        first = CrashPlan(chance.randint(1, most if chance.random() < 0.3 else 40), chance.random() < 0.5)
        second = CrashPlan(chance.randint(1, 30), chance.random() < 0.5)
        yield one_run(story, folder, [first, second])


def all_pairs(story: Story, folder: Path) -> Iterator[Finding]:
    """Every pair: for each death of the first life, every death of the second."""
    for at, after in itertools.product(itertools.count(1), (False, True)):
        first_fired = False
        for second_at in itertools.count(1):
            second_fired = False
            for second_after in (False, True):
                first, second = CrashPlan(at, after), CrashPlan(second_at, second_after)
                yield one_run(story, folder, [first, second])
                first_fired |= first.fired
                second_fired |= second.fired
            if not second_fired:
                break
        if not first_fired:
            return


def main() -> int:
    """The long campaign. Exit status 1 if anything was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=0, help="0: all pairs of every story, in order")
    parser.add_argument("--story", action="append", help="only these stories")
    given = parser.parse_args()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="koshelek-", dir=memory if memory.is_dir() else None)) / "run"
    stories = [STORIES[name] for name in given.story or STORIES]
    found = (
        pairs(given.seed, given.pairs, folder) if given.pairs else itertools.chain.from_iterable(all_pairs(one, folder) for one in stories)
    )
    broken = runs = 0
    for finding in found:
        runs += 1
        if finding.broken:
            broken += 1
            print(finding, flush=True)
        if runs % 1_000 == 0:
            print(f"{runs} runs, {broken} broken, now in {finding.story!r}", flush=True)
    print(f"{runs} runs, {broken} broken (seed {given.seed})")
    shutil.rmtree(folder.parent, ignore_errors=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
