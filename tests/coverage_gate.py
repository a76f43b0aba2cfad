"""The coverage that a run of all tests must reach, judged inside pytest's own session so that its summary stays the last line.

Where money is decided or recorded and where foreign bytes are read, every branch is tested. A path of that list that no measured file
matches is a failure too: a renamed package must not drop out of the gate unnoticed. Loaded with ``-p tests.coverage_gate``.
"""

import json
import sqlite3
import tempfile
from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).parents[1]
COMPLETE = (
    *("agent/core", "agent/providers", "agent/edges/journal", "drivers/framing.py", "drivers/jsonrpc.py"),
    *("drivers/crc.py", "drivers/frames.py", "drivers/parts.py", "drivers/collection.py", "drivers/outbox.py", "drivers/exchange.py"),
)
MIN_OVERALL_PERCENT = 92.0


def shortfalls(report: Mapping[str, Any]) -> list[str]:
    """What of a coverage report (coverage's JSON) is below the gate, one line each; nothing when it is passed."""
    lines = []
    for part in COMPLETE:
        inside = {path: file for path, file in report["files"].items() if path == part or path.startswith(f"{part}/")}
        if not inside:
            lines.append(f"{part}: no file of this name was measured")
        lines += [f"{path}: {_missing(file)}" for path, file in inside.items() if file["missing_lines"] or file["missing_branches"]]
    overall = report["totals"]["percent_covered"]
    if overall < MIN_OVERALL_PERCENT:
        lines.append(f"overall: {overall:.1f} % is below {MIN_OVERALL_PERCENT} %")
    return lines


def _missing(file: Mapping[str, Any]) -> str:
    branches = [f"{start}->{'exit' if end < 0 else end}" for start, end in file["missing_branches"]]
    return f"not covered: lines {file['missing_lines']}, branches {branches}"


def read_report() -> Mapping[str, Any]:
    """The report of what was measured and combined. Raises coverage.exceptions.NoDataError."""
    measured = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    measured.load()
    with tempfile.TemporaryDirectory() as folder:  # coverage removes the file of a report that failed
        file = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(file))
        report: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return report


def drop_broken(folder: Path) -> list[str]:
    """Remove the data files that cannot be read, and name them: tests kill processes while those write down what they measured."""
    broken = []
    for file in sorted(folder.glob(".coverage.*")):
        try:
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
                intact = connection.execute("pragma integrity_check").fetchone() == ("ok",)
        except sqlite3.DatabaseError:
            intact = False
        if not intact:
            file.unlink()
            broken.append(file.name)
    return broken


class Gate:
    """Judges after pytest-cov has combined what the workers measured."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Between the last test and pytest-cov's combining: what a process left half written when it was killed is taken away."""
        result = yield
        drop_broken(ROOT)
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        try:
            self.lines = shortfalls(read_report())
        except coverage.exceptions.NoDataError as error:
            self.lines = [str(error)]
        if self.lines and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.lines:
            terminalreporter.write_line("coverage gate passed")
            return
        terminalreporter.section("coverage gate FAILED", red=True, bold=True)
        for line in self.lines:
            terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    """The gate is the main process's: the workers only measure, and each of them once.

    Before pytest-cov begins to measure a worker's tests (at its session's start), two measurements run there already: the one that a worker
    starts with because it inherits what makes the agent's own processes measure themselves, and the one that pytest-cov begins on reading
    the options. Left running below, they would trace all code three times over, and ``no_cover`` would stop the uppermost alone.
    """
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Gate(), "coverage-gate")
        return
    while (measuring := coverage.Coverage.current()) is not None:
        measuring.stop()
