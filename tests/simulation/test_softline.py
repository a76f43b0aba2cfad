"""Goal: on a payment system where a repeated create is a second payment, there is one payment and one link, whatever dies (P1, P2, P10).

Method: the enumeration of deaths with Softline's provider, its search and its bank. Two planted bugs are the control: a create that is
repeated without a search, and a search that is believed although it could not be read.
"""

from pathlib import Path

import pytest

from tests.simulation.campaign import fresh
from tests.simulation.play import play
from tests.simulation.softline import STORIES, BlindWorld, NoisyWorld, SoftlineWorld, deaths, plainly


@pytest.mark.parametrize("name", STORIES)
def test_the_story_ends_well(name: str, fast_folder: Path) -> None:
    """Without a death every story ends as it should."""
    outcome = play(STORIES[name], fresh(fast_folder / "run"), alter=SoftlineWorld)
    assert outcome.broken == []
    STORIES[name].plain(outcome.world, outcome.pos)


# Every call of the plain sale; of the longer ones each second and third, for they differ in a part of their calls only.
STEPS = {"sale": 1, "searches in trouble": 2, "late money": 3}


@pytest.mark.no_cover  # hundreds of runs over the same lines
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", STEPS)
def test_single_deaths(name: str, fast_folder: Path) -> None:
    """At port calls of all kinds: one payment at the bank, one link, the books agree, and late money is on its way back."""
    runs = list(deaths(STORIES[name], fast_folder / "run", STEPS[name]))
    assert [str(run) for run in runs if run.broken] == []
    assert sum(1 for run in runs if run.deaths) >= 12, "the deaths did not happen: this test shows nothing"


@pytest.mark.no_cover
@pytest.mark.parametrize(("world", "story"), [(BlindWorld, "answer lost"), (NoisyWorld, "searches in trouble")])
def test_a_create_repeated_without_a_search_is_found(world: type[SoftlineWorld], story: str, fast_folder: Path) -> None:
    """The control: a second payment for one key."""
    found = plainly(STORIES[story], fast_folder / "run", world)
    assert any(problem.startswith("I1 K1: 2 transactions") for problem in found), found
