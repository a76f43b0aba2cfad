"""Eight tills at once: what group commit is for. Acceptances per flush, and whole durable cycles beside two well-known queues.

A cycle is: accepted, canceled before it was sent, told - three steps of the journal, each on disk before its answer. The peers put a job,
take it, and acknowledge it; each runs by itself in its own process on the same disk, with one thread and with eight, and the better counts.
"""

import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence

from tests.bench.clients import Line, Script, about, bill, drive, result_of
from tests.bench.disk import Disk, Slowdown
from tests.bench.figures import Figure, Goal, middle
from tests.bench.floors import Flush
from tests.bench.peers import PEERS
from tests.bench.till import Agent, BusyTill
from tests.support.stand import ROOT

LANES = 8
ACCEPTED_EACH = 40
CYCLES_EACH = 25
PEER_CYCLES = 100
FLUSHES = 40


def measure(slowdown: Slowdown, disk: Disk, rounds: int, chance: random.Random) -> Iterator[Figure]:
    """Rounds of: flushes, acceptances, cycles, both peers, in changing order."""
    accepted: list[float] = []
    cycles: list[float] = []
    flushes: list[float] = []
    peers: dict[str, list[float]] = {name: [] for name in PEERS}
    with Agent(slowdown, disk, tills=LANES * rounds) as agent, Flush(agent.folder, slowdown, disk) as flush:
        lines = [agent.register() for _ in range(LANES)]
        for _ in range(rounds):
            with contextlib.ExitStack() as stack:
                tills = [stack.enter_context(agent.busy_till(line)) for line in lines]
                doings = {
                    "flush": lambda: flushes.append(middle(flush.times_ms(FLUSHES))),
                    "accept": lambda tills=tills: accepted.append(_rate(lines, [_accepting(till) for till in tills], ACCEPTED_EACH)),
                    "cycle": lambda tills=tills: cycles.append(_rate(lines, [_cycling(agent, till) for till in tills], CYCLES_EACH)),
                    **{name: lambda name=name: peers[name].append(_peer(name, agent, slowdown, disk)) for name in PEERS},
                }
                for name in chance.sample(list(doings), len(doings)):
                    doings[name]()
        for line in lines:
            line.close()
    slow = disk is Disk.SLOW5
    per_flush = [rate * flush_ms / 1_000 for rate, flush_ms in zip(accepted, flushes, strict=True)]
    goal = Goal(3.0, at_least=True) if slow else Goal(0.55, at_least=True, binding=False)
    yield Figure("8 tills at once: accepted in the time of one fdatasync", disk, "", per_flush, goal=goal)
    yield Figure("8 tills at once: accepted per second", disk, "1/s", accepted)
    yield Figure("8 lanes: accept and finish, cycles per second", disk, "1/s", cycles)
    for name, rates in peers.items():
        goal = Goal(3.0, at_least=True, binding=slow)
        yield Figure(f"8 lanes: accept and finish, beside {name}", disk, "1/s", cycles, rates, goal, f"{name} with fsync")


def _accepting(till: BusyTill) -> Script:
    for _ in range(ACCEPTED_EACH):
        result_of((yield bill(till.name, till.key(), "FAST")))


def _cycling(agent: Agent, till: BusyTill) -> Script:
    for _ in range(CYCLES_EACH):
        key = agent.key()
        result_of((yield bill(till.name, key, "FAST")))
        ended = result_of((yield about("checkout.cancel", till.name, key)))
        assert ended["state"] == "canceled", ended


def _rate(lines: Sequence[Line], scripts: Sequence[Script], each: int) -> float:
    """How many of ``each`` script's are done in a second, all scripts together."""
    return len(scripts) * each / drive(lines, scripts)


def _peer(name: str, agent: Agent, slowdown: Slowdown, disk: Disk) -> float:
    """Cycles per second: the better of one thread and eight."""
    command = [sys.executable, "-m", "tests.bench.peers", name, str(agent.folder), str(PEER_CYCLES)]
    found = []
    for threads in (1, LANES):
        environment = slowdown.process_environment(disk)
        done = subprocess.run([*command, str(threads)], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        found.append(float(json.loads(done.stdout)))
    return max(found)
