"""Negative controls: the enumeration finds every planted bug. One that survives means that the enumeration shows less than it claims."""

from pathlib import Path

import pytest

from agent.engine.errors import Refusal
from tests.simulation.campaign import singles
from tests.simulation.planted import PLANTS
from tests.simulation.stories import STORIES, Story


@pytest.mark.no_cover  # thousands of runs over the same lines: measuring them would take most of the time
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PLANTS)
def test_planted_bug_is_found(name: str, fast_folder: Path) -> None:
    """With the bug some run breaks an invariant; without it none does (see test_crashes)."""
    plant, story = PLANTS[name]
    with plant():
        assert _is_found(STORIES[story], fast_folder / "run")


def _is_found(story: Story, folder: Path) -> bool:
    """A broken invariant, or a record that contradicts itself, so that its sale was set aside and the POS could not be answered."""
    try:
        return any(run.broken for run in singles(story, folder))
    except Refusal as refusal:
        return refusal.code == "RECORD_DAMAGED"
