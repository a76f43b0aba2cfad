"""Goal: a payment link is in the record before anybody is shown it, and a sale has one for ever, whatever dies (promises P1, P10).

Method: stories of the enumeration with a payment system that tells a link; whenever the till is shown it, the file is looked into. A
planted bug that shows the link first is the control.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from agent.core.model import PaymentLink
from tests.simulation.campaign import fresh, singles
from tests.simulation.planted import link_shown_early
from tests.simulation.play import play
from tests.simulation.stories import STORIES
from tests.simulation.world import STORE, World
from tests.support.linked import Linked

LINK = PaymentLink("https://pay.example/p/1")


@contextmanager
def with_links() -> Iterator[None]:
    with mock.patch.object(World, "provider", return_value=Linked(STORE, LINK)):
        yield


@pytest.mark.no_cover
@pytest.mark.parametrize("story", ["sale", "declined"])
def test_no_link_is_shown_unrecorded(story: str, fast_folder: Path) -> None:
    """Dying at every call: the till was shown the link, and whenever it was, the record held it."""
    with with_links():
        assert play(STORIES[story], fresh(fast_folder / "plain")).pos.book["K1"].links
        broken = [run for run in singles(STORIES[story], fast_folder / "run") if run.broken]
    assert broken == []


def test_a_link_shown_before_its_record_is_found(fast_folder: Path) -> None:
    """The control."""
    with with_links(), link_shown_early():
        found = play(STORIES["sale"], fresh(fast_folder / "plain")).broken
    assert any("a link was shown before it was recorded" in one for one in found), found
