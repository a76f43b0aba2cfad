"""docs/architecture.md tells what is so: its diagrams are the tables, and the files it sends a reader to exist."""

import re
from pathlib import Path

from tests.docs.diagrams import DOCUMENT, TABLES, drawn

ROOT = Path(__file__).parents[2]


def test_diagrams_are_fresh() -> None:
    """Every machine is drawn, from the table the code runs on."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert drawn(text) == text, "run: python -m tests.docs.diagrams --write"
    assert all(f"<!-- diagram: {name} -->" in text for name in TABLES)


def test_named_files_exist() -> None:
    """A path in the document leads somewhere."""
    text = DOCUMENT.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:agent|drivers|tests|config|docs|systemd)/[\w./-]+)`", text))
    named -= {"agent/providers/NAME/", "agent/assembly/NAME.py", "agent/sandbox/NAME/"}
    missing = [name for name in sorted(named) if not (ROOT / name.rstrip("/")).exists()]
    assert named
    assert missing == []
