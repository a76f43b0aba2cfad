"""Negative controls: the enumeration finds every planted bug. One that survives means that the enumeration shows less than it claims."""

from pathlib import Path

import pytest

from tests.simulation.campaign import singles
from tests.simulation.planted import PLANTS
from tests.simulation.stories import STORIES


@pytest.mark.no_cover  # thousands of runs over the same lines: measuring them would take most of the time
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PLANTS)
def test_planted_bug_is_found(name: str, fast_folder: Path) -> None:
    """With the bug some run breaks an invariant; without it none does (see test_crashes)."""
    plant, story = PLANTS[name]
    with plant():
        found = next((run for run in singles(STORIES[story], fast_folder / "run") if run.broken), None)
    assert found is not None
