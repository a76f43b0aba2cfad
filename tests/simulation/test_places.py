"""What the enumeration leaves out, and that nothing is lost by it: status reads in the middle of a run of reads that change nothing."""

from itertools import groupby
from pathlib import Path

import pytest

from agent.core.call import Call
from agent.core.sale import Sale
from tests.simulation.campaign import IDLE_CALL, fresh, worth_dying_at
from tests.simulation.play import play
from tests.simulation.stories import STORIES
from tests.simulation.world import CrashPlan, World

MIN_DIFFERENT = 740


@pytest.mark.no_cover
@pytest.mark.parametrize("name", [story.name for story in STORIES.values() if story.every_death])
def test_only_the_same_death_is_left_out(name: str, fast_folder: Path) -> None:
    """A place left out is a status read between two others, all with every sale in the same state at the same position of its stream."""
    places = play(STORIES[name], fresh(fast_folder / "run"), watched=True).places
    kept = worth_dying_at(places)
    assert [place.number for place in places] == list(range(1, len(places) + 1))
    for place in places:
        if place not in kept:
            alike = places[place.number - 2 : place.number + 1]  # the call before it, itself, the call after it
            assert [one.name for one in alike] == [IDLE_CALL] * 3
            assert all(one.sales == place.sales for one in alike)
            assert any(one.meaning == place.meaning for one in kept)


@pytest.mark.no_cover
def test_first_two_and_last_of_a_run_are_kept(fast_folder: Path) -> None:
    """Of the reads between two calls that change something the first two and the last are died at."""
    places = play(STORIES["late money"], fresh(fast_folder / "run"), watched=True).places
    kept = {place.number for place in worth_dying_at(places)}
    runs = [[place.number for place in group] for _, group in groupby(places, key=lambda place: place.meaning)]
    long = [run for run in runs if len(run) > 3]
    assert long, "a story without a long run shows nothing here"
    assert all(kept & set(run) == {run[0], run[1], run[-1]} for run in long)
    assert all(kept >= set(run) for run in runs if run not in long)


@pytest.mark.no_cover
def test_how_many_different_deaths_there_are(fast_folder: Path) -> None:
    """The stories come to at least MIN_DIFFERENT places: another call, or a sale in another state. A faster story must not lose any."""
    counts = {}
    for story in STORIES.values():
        places = worth_dying_at(play(story, fresh(fast_folder / "run"), watched=True).places) if story.every_death else []
        counts[story.name] = len({(place.name, *map(_state, place.sales)) for place in places})
    print(counts)
    assert sum(counts.values()) >= MIN_DIFFERENT, counts


def _state(sale: Sale) -> tuple[object, ...]:
    """What a sale has come to, without what only counts up: of attempts that failed in a row the first three are different."""
    refunds = tuple((one.state, _call(one.call)) for one in sale.refunds)
    return sale.id.key, sale.payment, sale.reason, sale.told is None, sale.rereads, _call(sale.call), _call(sale.cancel_call), refunds


def _call(call: Call | None) -> tuple[object, ...] | None:
    return None if call is None else (call.state, min(call.lost, 3))


@pytest.mark.no_cover
def test_deaths_of_one_meaning_have_one_history(fast_folder: Path) -> None:
    """Dying at a place that is left out leads to the same events as dying at one of its run that is kept."""
    story = STORIES["cancel answer lost"]
    places = play(story, fresh(fast_folder / "run"), watched=True).places
    run = max(([place.number for place in group] for _, group in groupby(places, key=lambda place: place.meaning)), key=len)
    assert len(run) > 6
    for after in (False, True):
        histories = {
            _history(play(story, fresh(fast_folder / "run"), [CrashPlan(number, after)]).world) for number in (*run[1:-1:4], run[-2])
        }
        assert len(histories) == 1


def _history(world: World) -> tuple[str, ...]:
    """The kinds of all events, in order, as the world heard of them when it was over."""
    return tuple(event for event, _, _ in world.notices if event.startswith(("sale.", "alarm.")))
