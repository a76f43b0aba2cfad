"""docs/architecture.md tells what is so: its diagrams are the tables, and the files it sends a reader to exist."""

import re
from pathlib import Path

from agent.edges.page.house import EXAMINE_S
from agent.ops.bundle.archive import PART_LIMIT_S
from agent.ops.doctor.examine import CHECKS
from tests.docs.diagrams import DOCUMENT, TABLES, drawn

ROOT = Path(__file__).parents[2]
PARTS = ("agent", "drivers", "tests", "config", "docs", "systemd")
DEFINED = re.compile(r"^ *(?:(?:async )?def |class )?(\w+)(?=[\[(:]| [|]?= |: )", re.MULTILINE)
OTHER_WORDS = {"errorCode", "list", "msgstr", "build.sh", "problem", "meaning", "remedy", "refund", "delivery", "queue", "work"}
"""Of the map: fields of the wire, of the log and of catalogues, commands, names of checks, a script."""


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


def test_names_of_the_map_exist() -> None:
    """What the table of places names without a path is there as well: files, modules to be run, functions, classes and constants."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("\n## Where do I change")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([^`]+)`", text))
    files = [name for name in named if re.fullmatch(r"[\w./*-]+\.(?:py|sql|md|css|po|toml)", name) and "NAME" not in name]
    modules = [name.split()[2].replace(".", "/") + ".py" for name in named if name.startswith("python -m ")]
    defined = [name.rsplit(".", 1)[-1] for name in named if re.fullmatch(r"(?:\w+\.)?\w+", name) and name not in {*files, *OTHER_WORDS}]
    assert min(len(files), len(modules), len(defined)) >= 3
    tree = [path.relative_to(ROOT) for part in PARTS for path in (ROOT / part).rglob("*") if "__pycache__" not in path.parts]
    definitions = set().union(*(DEFINED.findall((ROOT / path).read_text(encoding="utf-8")) for path in tree if path.suffix == ".py"))
    missing = [name for name in (*files, *modules) if not any(path.match(name) for path in tree)]
    assert missing + [name for name in defined if name not in definitions] == []


def test_limits_that_the_map_calls_nested_are() -> None:
    """A check ends before the archive's part that holds it, and all of them before the page gives the doctor up."""
    assert max(check.limit_s for check in CHECKS) < PART_LIMIT_S < EXAMINE_S
