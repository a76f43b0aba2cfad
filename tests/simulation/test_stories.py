"""Every story once, without any death: it ends as it should, and the three books agree."""

from pathlib import Path

import pytest

from tests.simulation.play import play
from tests.simulation.stories import STORIES


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str, fast_folder: Path) -> None:
    """The story ends as told and breaks no invariant."""
    outcome = play(STORIES[name], fast_folder)
    assert outcome.broken == []
    STORIES[name].plain(outcome.world, outcome.pos)
