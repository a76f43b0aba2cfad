"""docs/rules.md explains every number the code refers to, and says where a rule lives."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def _used(pattern: str) -> set[str]:
    sources = [path for folder in ("agent", "drivers", "config", "systemd") for path in (ROOT / folder).rglob("*") if path.is_file()]
    texts = (path.read_text(encoding="utf-8") for path in sources if path.suffix in {".py", ".toml", ".service", ".sql"})
    return {number for text in texts for number in re.findall(pattern, text)}


def test_every_number_is_explained() -> None:
    """Promises and rules that are cited stand on the page."""
    promises = _used(r"promises? (P\d+)")
    rules = _used(r"(?:money )?rule (\d+)")
    assert {"P2", "P10"} <= promises
    assert {"2", "5"} <= rules
    assert [one for one in sorted(promises) if f"| {one} |" not in PAGE] == []
    assert [one for one in sorted(rules) if f"\n| {one} |" not in PAGE] == []


def test_named_places_exist() -> None:
    """A rule's place leads to a file."""
    places = set(re.findall(r"`((?:core|engine|edges)/\w+\.py|runtime\.py)`", PAGE))
    assert places
    assert [place for place in sorted(places) if not (ROOT / "agent" / place).is_file()] == []
