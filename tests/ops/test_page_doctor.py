"""Goal: a check-up of the status page that comes to nothing says why in the log. Method: programs that stumble, in the doctor's place."""

import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.edges.page.house import CannotExamine
from agent.running.examining import MAX_COMPLAINT_BYTES, examine


def stands_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """This shell script for the doctor."""
    program = folder / "doctor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))


async def test_why_the_doctor_stumbled_is_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of what it said, where a traceback names the cause, and never more than the bound."""
    stands_in(tmp_path, monkeypatch, 'head -c 100000 /dev/zero | tr "\\0" x >&2; echo "MemoryError: the cause" >&2; exit 3')
    with capture_logs() as lines, pytest.raises(CannotExamine, match="ended with 3"):
        await examine(tmp_path / "nothing.toml", "en")
    (line,) = lines
    assert (line["event"], line["log_level"], line["status"]) == ("doctor.failed", "warning", 3)
    assert line["said"].endswith("xMemoryError: the cause\n")
    assert len(line["said"]) == MAX_COMPLAINT_BYTES


async def test_a_doctor_that_grumbles_and_answers_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says beside its findings is nobody's business."""
    finding = '{"check": "x", "grade": "ok", "what": "w", "means": "", "remedy": ""}'
    stands_in(tmp_path, monkeypatch, f"echo grumble >&2; echo '{{\"findings\": [{finding}]}}'")
    with capture_logs() as lines:
        (found,) = await examine(tmp_path / "nothing.toml", "en")
    assert (found.facts["what"], lines) == ("w", [])
