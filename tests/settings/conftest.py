"""A valid configuration: the shipped example with its placeholders filled in."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.settings import BadSettings, Problem, load

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config" / "koshelek-agent.toml"
FILLING = {
    "<partner-name>": "acme",
    "<login>": "acme-till",
    "<store-id>": "shop-1",
    "<brand-name>": "Ромашка",
    "<legal-name>": "ООО «Ромашка»",
    "<legal-id>": "LB01",
    "<merchant-id>": "MB01",
    "<account>": "40702810000000000001",
    "<member-id>": "100000000001",
    "<terminal-id>": "till-1",
    "<pos-user>": "root",
}


@pytest.fixture
def example() -> str:
    """The text of the example, filled in."""
    return re.sub(r"<[a-z-]+>", lambda found: FILLING.get(found[0], found[0]), EXAMPLE.read_text())


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Puts a configuration into a file."""

    def write(text: str) -> Path:
        path = tmp_path / "koshelek-agent.toml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def problems(write: Callable[[str], Path]) -> Callable[..., list[Problem]]:
    """All problems of a configuration text."""

    def problems(text: str, *, machine: bool = False) -> list[Problem]:
        with pytest.raises(BadSettings) as bad:
            load(write(text), machine=machine)
        return list(bad.value.problems)

    return problems
