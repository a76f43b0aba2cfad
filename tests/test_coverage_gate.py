"""Goal: the gate closes on what it is meant for. Method: reports as coverage writes them, one shortfall each; one real session."""

import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from coverage import CoverageData

from tests.coverage_gate import COMPLETE, ROOT, drop_broken, shortfalls


def report() -> dict[str, Any]:
    """A report that passes."""
    files = [part if part.endswith(".py") else f"{part}/a.py" for part in COMPLETE]
    full: dict[str, Any] = {"missing_lines": [], "missing_branches": []}
    return {"totals": {"percent_covered": 95.0}, "files": {path: deepcopy(full) for path in [*files, "agent/cli.py"]}}


def test_a_complete_report_passes() -> None:
    """The control: nothing is said about it, nor about gaps outside of the list."""
    passing = report()
    passing["files"]["agent/cli.py"]["missing_lines"] = [1, 2]
    assert shortfalls(passing) == []


def test_each_shortfall_is_named() -> None:
    """A line, a branch, a part that nobody measured, and the overall figure."""
    failing = report()
    failing["files"]["agent/core/a.py"]["missing_lines"] = [7]
    failing["files"]["drivers/framing.py"]["missing_branches"] = [[3, 5], [4, -1]]
    del failing["files"]["agent/edges/journal/a.py"]
    failing["totals"]["percent_covered"] = 91.9
    assert shortfalls(failing) == [
        "agent/core/a.py: not covered: lines [7], branches []",
        "agent/edges/journal: no file of this name was measured",
        "drivers/framing.py: not covered: lines [], branches ['3->5', '4->exit']",
        "overall: 91.9 % is below 92.0 %",
    ]


def test_a_session_below_the_gate_fails_and_its_summary_stays_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A passing test that covers next to nothing: status 1, the shortfalls listed, and pytest's own line at the very end."""
    monkeypatch.setenv("COVERAGE_FILE", str(tmp_path / ".coverage"))
    test = tmp_path / "test_one.py"
    test.write_text("import agent\n\ndef test_one() -> None:\n    assert agent.__version__\n")
    options = ["-p", "tests.coverage_gate", "--cov", "--cov-report=", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    result = subprocess.run([sys.executable, "-m", "pytest", *options, str(test)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stderr
    assert "coverage gate FAILED" in result.stdout
    assert "agent/core/money.py: not covered: lines" in result.stdout
    assert "1 passed" in result.stdout.rstrip().splitlines()[-1]


def test_what_a_killed_process_left_half_written_is_taken_away(tmp_path: Path) -> None:
    """A torn data file would make coverage warn in the middle of pytest's progress; a good one stays."""
    good = tmp_path / ".coverage.good"
    data = CoverageData(basename=str(good))
    data.add_lines({"a.py": [1, 2, 3]})
    data.write()
    torn, empty = tmp_path / ".coverage.torn", tmp_path / ".coverage.empty"
    torn.write_bytes(good.read_bytes()[:-4096])
    empty.write_bytes(b"")
    assert drop_broken(tmp_path) == [".coverage.torn"]
    assert sorted(file.name for file in tmp_path.iterdir()) == [".coverage.empty", ".coverage.good"]
