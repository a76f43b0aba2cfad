"""The doctor for the status page: the command itself, as a process of its own.

It reads the journal, asks names and knocks at doors. In this process that would take the loop's time, which belongs to the registers, and
leave its modules in memory for good; and a doctor that stumbles must not take the agent with it.
"""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from agent.edges.page.house import CannotExamine
from agent.texts import Translate

FACTS = ("check", "grade", "what", "means", "remedy")
MAX_COMPLAINT_BYTES = 2_048  # of what a doctor that stumbled said last, for the log
NICE = 10  # the registers go first, where priorities may be set
OOM_SCORE = "1000"  # where memory runs out, this ends and not the daemon
LOCALES = {"ru": "ru_RU.UTF-8"}  # by which a command knows the language of its person
KEPT_OUT = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})  # it is not the service, and must not speak for it


@dataclass(frozen=True, slots=True)
class Line:
    """One finding, as the command told it in the language that it was asked in."""

    facts: Mapping[str, str]

    def told(self, translate: Translate) -> Mapping[str, str]:
        return self.facts


async def examine(file: Path, language: str) -> Sequence[Line]:
    """Run the doctor on a configuration. Raises CannotExamine; cancelled, it ends the process."""
    command = [sys.executable, "-m", "agent", "--config", str(file), "--json", "doctor"]
    kept = {name: value for name, value in os.environ.items() if name not in KEPT_OUT}
    environment = {**kept, "LC_ALL": LOCALES.get(language, "C.UTF-8")}
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        _step_back(process.pid)
        said, complaint = await asyncio.gather(process.stdout.read(), _end_of(process.stderr))
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        return [Line({name: str(one[name]) for name in FACTS}) for one in json.loads(said)["findings"]]
    except (ValueError, KeyError, TypeError) as error:
        structlog.get_logger().warning("doctor.failed", status=process.returncode, said=complaint.decode(errors="replace"))
        raise CannotExamine(f"the doctor ended with {process.returncode}") from error


async def _end_of(stream: asyncio.StreamReader) -> bytes:
    """The end of all that comes: of a traceback it names the cause."""
    found = b""
    while piece := await stream.read(MAX_COMPLAINT_BYTES):
        found = (found + piece)[-MAX_COMPLAINT_BYTES:]
    return found


def _step_back(pid: int) -> None:
    """The daemon comes first. Under the package's unit the doctor cannot be made to wait for the processor: the unit forbids all that sets
    priorities (@resources), and one call of them would cost it the exposure that it promises. There the kernel shares evenly between the
    two processes, which costs a daemon that mostly waits next to nothing. To be ended first for memory is allowed there as well."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(OOM_SCORE)
