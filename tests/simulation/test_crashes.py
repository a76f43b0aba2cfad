"""The process dies at every call it makes on a port, before and after it, and starts again on the same file: nothing may be lost."""

from pathlib import Path

import pytest

from tests.simulation.campaign import pairs, singles
from tests.simulation.stories import STORIES

PAIRS = 2_000
CHUNKS = 8  # so that several processes can share the work
SEED = 20_260


@pytest.mark.no_cover  # thousands of runs over the same lines: measuring them would take most of the time
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [story.name for story in STORIES.values() if story.every_death])
def test_every_single_death(name: str, fast_folder: Path) -> None:
    """All single crashes of a story: at every port call but the reads that repeat without a change (see test_places)."""
    runs = list(singles(STORIES[name], fast_folder / "run"))
    assert [str(run) for run in runs if run.broken] == []
    assert sum(1 for run in runs if run.deaths) >= 20, "the deaths did not happen: this test shows nothing"


@pytest.mark.no_cover  # thousands of runs over the same lines: measuring them would take most of the time
@pytest.mark.timeout(600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_pairs_of_deaths(chunk: int, fast_folder: Path) -> None:
    """2 000 seeded pairs of crashes; most come to their second death."""
    runs = list(pairs(SEED + chunk, PAIRS // CHUNKS, fast_folder / "run"))
    assert [str(run) for run in runs if run.broken] == []
    assert sum(1 for run in runs if len(run.deaths) >= 2) > len(runs) * 2 // 3, "too few of them died twice"
