"""Settings that would make answers unreadable are refused, and the capability follows them."""

import pytest

from agent.core.capability import KOSHELEK
from agent.core.contract import Unacceptable
from agent.providers.koshelek import KoshelekSettings
from tests.providers.builders import koshelek


@pytest.mark.parametrize("statuses", [{200}, {422}, {302}, {503}, {401, 500}])
def test_only_a_refusal_at_the_door_may_be_called_one(statuses: set[int]) -> None:
    """A status that carries an answer, or comes from behind the door, can never be configured to prove that nothing was sent."""
    with pytest.raises(ValueError, match="denied_statuses"):
        KoshelekSettings(denied_statuses=frozenset(statuses))


@pytest.mark.parametrize("prefix", ["api/v1", "/api/v1/", "/"])
def test_a_path_prefix_joins_by_concatenation(prefix: str) -> None:
    """A prefix that would break the joined URL is refused."""
    with pytest.raises(ValueError, match="path_prefix"):
        KoshelekSettings(path_prefix=prefix)


def test_a_wait_needs_time() -> None:
    """No wait at all would cancel every payment."""
    with pytest.raises(ValueError, match="wait_limit_ms"):
        KoshelekSettings(wait_limit_ms=0)


def test_the_wait_limit_is_a_capability() -> None:
    """The configured wait reaches the machines; everything else stays as the table says. An empty prefix is allowed."""
    capabilities = koshelek(KoshelekSettings(wait_limit_ms=20_000, path_prefix="")).capabilities
    assert (capabilities.wait_limit_ms, capabilities.cancel) == (20_000, KOSHELEK.cancel)
    assert koshelek().capabilities == KOSHELEK


def test_problems_are_told_together() -> None:
    """The error names all problems and keeps the first one at hand."""
    problem = Unacceptable("a", "is wrong", ("b", "is missing"))
    assert str(problem) == "a: is wrong; b: is missing"
    assert (problem.path, problem.problem, problem.problems) == ("a", "is wrong", (("a", "is wrong"), ("b", "is missing")))
