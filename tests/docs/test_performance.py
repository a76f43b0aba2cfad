"""Goal: docs/performance.md shows what was measured, and nothing else. Method: its lists and drawings are made anew from the results
that lie beside it."""

import pytest

from tests.bench.report import drawing, read
from tests.docs.performance import PAGE, RESULTS, filled

FIGURES = read(RESULTS)[1]


def test_the_page_shows_the_results() -> None:
    """Every figure, the machine, and every binding goal that was missed."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == filled(page, RESULTS), "stale: python -m tests.docs.performance --write build/bench"
    assert len(FIGURES) > 20


@pytest.mark.parametrize("disk", sorted({figure.disk for figure in FIGURES}))
def test_the_drawings_are_those_of_the_results(disk: str) -> None:
    """A bar for every figure with a goal."""
    of_it = [figure for figure in FIGURES if figure.disk == disk]
    assert (RESULTS / f"{disk}.svg").read_text(encoding="utf-8") == drawing(of_it, f"Measured against the goals, disk {disk}")
