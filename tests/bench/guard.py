"""What durability rests on, seen by the kernel: one flush for an acceptance, and the answer after it, never before."""

import random
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.clients import bill
from tests.bench.disk import Disk, Slowdown
from tests.bench.figures import Figure, Goal
from tests.bench.till import Agent

ACCEPTED = 20
APART_S = 0.1  # so that none shares its flush with another, and the log is not yet emptied, which the journal does after 2 s of quiet
ATTACH_S = 1.5

_CALL = re.compile(r"^\d+ +[\d.]+ (?:<\.\.\. )?(\w+)")


def measure(slowdown: Slowdown, disk: Disk, rounds: int, chance: random.Random) -> Iterator[Figure]:
    """Acceptances under strace. Nothing where there is no strace."""
    if shutil.which("strace") is None:
        return
    counts: list[float] = []
    early: list[float] = []
    with Agent(slowdown, disk) as agent:
        line, trace = agent.register(), agent.folder / "trace"
        with agent.busy_till(line) as till:
            watch = [
                "strace",
                "-f",
                "-ttt",
                "-s",
                "64",
                "-e",
                "trace=fdatasync,fsync,recvfrom,sendto",
                "-o",
                str(trace),
                "-p",
                str(agent.pid),
            ]
            tracer = subprocess.Popen(watch, stderr=subprocess.DEVNULL)
            time.sleep(ATTACH_S)
            for _ in range(ACCEPTED):
                line.ask(bill(till.name, till.key(), "FAST"))
                time.sleep(APART_S)
            tracer.terminate()
            tracer.wait()
            for flushes_before, flushes_after in flushes(trace):
                counts.append(flushes_before + flushes_after)
                early.append(1.0 if flushes_before < 1 else 0.0)
        line.close()
    assert len(counts) == ACCEPTED, "the trace does not show every acceptance"
    yield Figure("flushes for one acceptance", disk, "", counts, goal=Goal(1))
    yield Figure("answers that left before the flush", disk, "", [sum(early)], goal=Goal(0))


def flushes(trace: Path) -> Sequence[tuple[int, int]]:
    """For every acceptance: flushes that ended between request and answer, and from the answer to the next request."""
    found: list[list[int]] = []
    answered = True
    for line in trace.read_text(errors="replace").splitlines():
        call = _CALL.match(line)
        if call is None or "unfinished" in line:
            continue
        if call[1] == "recvfrom" and "checkout.cr" in line:
            found.append([0, 0])
            answered = False
        elif call[1] == "sendto" and '\\"result\\"' in line and found:
            answered = True
        elif call[1] in ("fdatasync", "fsync") and found:
            found[-1][1 if answered else 0] += 1
    return [(before, after) for before, after in found]
