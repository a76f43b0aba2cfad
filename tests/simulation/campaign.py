"""Enumerating deaths: every port call of a story, before and after it, and pairs of them. No list of places is kept by hand.

Status reads that change nothing repeat until the customer has made up his mind. A death in such a run of reads is the same death again:
the same call, while every sale is in the same state at the same position of its stream. ``worth_dying_at`` keeps the first two of a run and
its last, whose successor is another call; a test shows that what it leaves out means nothing else than what it keeps.

``python -m tests.simulation.campaign --pairs 0 --seed 1`` walks *all* pairs (``make crash``); tests take the singles and a seeded sample.
"""

import argparse
import itertools
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.play import play
from tests.simulation.stories import STORIES, Story
from tests.simulation.world import CrashPlan, Place

LAST_SECOND_CALL = 25  # of a second life; by then it has gone through recovery and is at work
MIN_SECOND_CALLS = 6  # what a recovery makes by itself
IDLE_CALL = "exchange.status"  # reads: the only calls that are repeated without a change


@dataclass(frozen=True, slots=True)
class Finding:
    """Invariants that a run broke, and where the process had died."""

    story: str
    deaths: list[str]
    broken: list[str]

    def __str__(self) -> str:
        return f"{self.story}: died {' and '.join(self.deaths) or 'nowhere'}: {'; '.join(self.broken)}"


def one_run(story: Story, folder: Path, plans: list[CrashPlan]) -> Finding:
    """Play a story with deaths in a fresh folder."""
    outcome = play(story, fresh(folder), plans)
    return Finding(story.name, outcome.deaths, outcome.broken)


def fresh(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def worth_dying_at(places: Sequence[Place]) -> list[Place]:
    """The places without those in the middle of a run of reads that change nothing."""
    found: list[Place] = []
    for (name, _), group in itertools.groupby(places, key=lambda place: place.meaning):
        alike = list(group)
        found += alike if name != IDLE_CALL or len(alike) <= 3 else [*alike[:2], alike[-1]]
    return found


def places(story: Story, folder: Path) -> list[Place]:
    """Where a story is worth dying, found by playing it once in a fresh folder."""
    return worth_dying_at(play(story, fresh(folder), watched=True).places)


def singles(story: Story, folder: Path) -> Iterator[Finding]:
    """Die once at every call that is worth it, before and after it. The world is deterministic: a death that does not come is an error."""
    for place in places(story, folder):
        for after in (False, True):
            plan = CrashPlan(place.number, after)
            yield one_run(story, folder, [plan])
            assert plan.fired or after, f"{story.name}: call {place.number} ({place.name}) was not made again"


def pairs(seed: int, size: int, folder: Path) -> Iterator[Finding]:
    """``size`` runs that die twice, drawn by ``seed``: at any call of the first life that is worth it, then at an early call of the second.
    One in six lives its second life to the end: the call drawn for it does not come."""
    chance = random.Random(seed)
    stories = [story for story in STORIES.values() if story.every_death]
    known: dict[str, list[Place]] = {}
    for _ in range(size):
        story = chance.choice(stories)
        if story.name not in known:
            known[story.name] = places(story, folder)
        first = CrashPlan(chance.choice(known[story.name]).number, chance.random() < 0.5)
        # A second life has its recovery and what the first one left: of a short story no more calls than there are after the first death.
        left = known[story.name][-1].number - first.at
        second = CrashPlan(chance.randint(1, min(LAST_SECOND_CALL, max(left, MIN_SECOND_CALLS))), chance.random() < 0.5)
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
