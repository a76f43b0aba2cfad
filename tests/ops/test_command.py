"""Goal: no program that the doctor or an archive asks outlives the asking. Method: programs that never end, in the place of systemd's."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.ops.bundle import logs, surroundings
from agent.ops.doctor import unit
from tests.support.patience import soon

WAITS_S = 0.1  # until its output is waited for: while it is being started, asyncio itself would end it

ASKED: dict[str, Callable[[], Awaitable[object]]] = {
    "the doctor, of the unit": unit.unit_facts,
    "an archive, of the unit": surroundings.unit,
    "an archive, of the log": logs.of_unit,
}


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The number of the last program that was asked; each hangs."""
    said = tmp_path / "said"
    for name in ("systemctl", "journalctl"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho $$ > {said}.new\nmv {said}.new {said}\nexec sleep 60\n")
        program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return said


def runs(told: Path) -> bool:
    """Whether the program that wrote this still does."""
    return Path(f"/proc/{told.read_text().strip()}").exists()


@pytest.mark.parametrize("who", ASKED)
async def test_who_does_not_wait_any_more_leaves_no_program_behind(who: str, told: Path) -> None:
    """A check whose time is up, or a person who pressed Ctrl-C."""
    task = asyncio.ensure_future(ASKED[who]())
    await soon(told.exists)
    await asyncio.sleep(WAITS_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not runs(told)


async def test_a_systemd_that_does_not_answer_is_no_systemd(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor goes on without it, and its program has ended."""
    monkeypatch.setattr(unit, "SYSTEMCTL_LIMIT_S", 0.5)
    assert await unit.unit_facts() == {}
    assert not runs(told)
