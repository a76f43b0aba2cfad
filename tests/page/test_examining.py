"""Goal: the doctor of the status page is the command itself, beside the daemon and never instead of it. Method: real processes."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from agent.edges.page.house import CannotExamine
from agent.running import examining
from agent.running.examining import examine
from agent.texts import translator
from tests.support.patience import soon


async def test_it_says_what_the_command_says_in_the_language_asked_for(tmp_path: Path) -> None:
    """Here, that there is no configuration: what it is, what it means, what to do."""
    found = [one.told(translator("ru")) for one in await examine(tmp_path / "nothing.toml", "ru")]
    first = next(one for one in found if one["check"] == "configuration")
    assert first["grade"] == "fault"
    assert any("а" <= letter <= "я" for letter in first["what"] + first["remedy"])


async def test_a_doctor_that_stumbles_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It printed nothing that can be read: no half examination is shown."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CannotExamine, match="ended with 1"):
        await examine(tmp_path / "nothing.toml", "en")


async def test_who_does_not_wait_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An examination that takes too long is ended, and it was no service to systemd."""
    said, program = tmp_path / "said", tmp_path / "hangs"
    program.write_text(f'#!/bin/sh\necho "$$ ${{NOTIFY_SOCKET-none}}" > {said}.new\nmv {said}.new {said}\nexec sleep 60\n')
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    task = asyncio.create_task(examine(tmp_path / "nothing.toml", "en"))
    await soon(said.exists)
    pid, told = said.read_text().split()
    assert told == "none"
    await soon(lambda: os.getpriority(os.PRIO_PROCESS, int(pid)) == examining.NICE)
    await soon(lambda: Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "1000")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lives(pid)


def lives(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()
