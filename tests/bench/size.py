"""What grows with a journal and what must not: time to be ready, polls, memory; and what the agent costs a till on which nobody sells."""

import contextlib
import os
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.clients import Script, about, bill, drive, result_of
from tests.bench.disk import Disk, Slowdown
from tests.bench.figures import Figure, Goal, middle
from tests.bench.floors import Echo
from tests.bench.requests import REPLY_BYTES
from tests.bench.stored import fill, key_of
from tests.bench.till import Agent, memory_mib

READY_LIMIT_S = 120.0
POLLS = 100
TILLS = 48  # that sell at once while the memory fills
IDLE_S = 20.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def starts(slowdown: Slowdown, rounds: int, sales: int) -> Iterator[Figure]:
    """Ready after a kill, with so many sales stored."""
    with Agent(slowdown, Disk.NATIVE) as agent:
        with agent.down():
            fill(agent.journal, agent.base_url, agent.names[0], range(sales))
        agent.kill()
        times = [_ready_s(agent) for _ in range(rounds)]
    name = f"ready after kill -9, {sales} sales stored".replace("000 sales", " 000 sales")
    yield Figure(name, Disk.NATIVE, "s", times, goal=Goal(1.5), note="from the start of the process to READY")


def _ready_s(agent: Agent) -> float:
    """Start the daemon as systemd does and wait for its word; then kill it."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        path = Path(folder, "notify")
        channel.bind(str(path))
        channel.settimeout(READY_LIMIT_S)
        begin = time.perf_counter()
        agent.begin(["env", f"NOTIFY_SOCKET={path}", *agent.launcher])
        while b"READY=1" not in channel.recv(4_096):
            pass
        took = time.perf_counter() - begin
    agent.kill()
    return took


def polls(slowdown: Slowdown, rounds: int, few: int, many: int, chance: random.Random) -> Iterator[Figure]:
    """Polls of a checkout that is under way, and of stored ones, with few sales stored and with many."""
    live: dict[int, list[float]] = {few: [], many: []}
    stored: dict[int, list[float]] = {few: [], many: []}
    floors: dict[int, list[float]] = {few: [], many: []}
    with contextlib.ExitStack() as stack:
        agents = {sales: stack.enter_context(Agent(slowdown, Disk.NATIVE, tills=rounds + 1)) for sales in (few, many)}
        for sales, agent in agents.items():
            with agent.down():
                fill(agent.journal, agent.base_url, agent.names[-1], range(sales))
        echo = stack.enter_context(Echo(agents[few].folder, REPLY_BYTES))
        lines = {sales: agent.register() for sales, agent in agents.items()}
        for _ in range(rounds):
            for sales in chance.sample([few, many], 2):
                agent, line = agents[sales], lines[sales]
                with agent.busy_till(line) as till:
                    request = about("checkout.get", till.name, till.first)
                    floors[sales].append(middle(echo.times_ms(POLLS, request)))
                    live[sales].append(middle([line.ask(request)[0] for _ in range(POLLS)]))
                    keys = [key_of(chance.randrange(sales)) for _ in range(POLLS)]
                    stored[sales].append(middle([line.ask(about("checkout.get", agent.names[-1], key))[0] for key in keys]))
        for line in lines.values():
            line.close()
    yield Figure(
        f"poll with {many:_} sales stored, p50".replace("_", " "), "native", "ms", live[many], floors[many], Goal(2.5), "round trip"
    )
    yield Figure(
        "poll: many sales stored beside few", "native", "ms", live[many], live[few], Goal(1.2), f"the same with {few} sales stored"
    )
    yield Figure("poll of a stored sale: many stored beside few", "native", "ms", stored[many], stored[few], None, f"with {few} sales")
    yield Figure("poll of a stored sale, p50", "native", "ms", stored[many], floors[many], None, "round trip")


def footprint(slowdown: Slowdown, sales: int) -> Iterator[Figure]:
    """Memory after so many payments with every kind of listener open, and the time of the processor while nobody sells."""
    with Agent(slowdown, Disk.NATIVE, tills=TILLS, all_kinds=True) as agent:
        fresh = memory_mib(agent.pid)
        lines = [agent.register() for _ in agent.names]
        drive(lines, [_selling(agent, name, sales // TILLS + 1) for name in agent.names])
        for line in lines:
            line.close()
        resident, own = memory_mib(agent.pid)
        time.sleep(5)  # the log is emptied, connections to the bank come to rest
        begin = _cpu_s(agent.pid)
        time.sleep(IDLE_S)
        idle = (_cpu_s(agent.pid) - begin) / IDLE_S * 100
    after = f"after {sales:_} payments".replace("_", " ")
    yield Figure("resident memory at the start, all kinds of listener", "native", "MiB", [fresh[0]])
    yield Figure(f"resident memory {after}, all kinds of listener", "native", "MiB", [resident], goal=Goal(60))
    yield Figure(f"memory of its own {after}", "native", "MiB", [own])
    yield Figure("processor while nobody sells", "native", "%", [idle], goal=Goal(0.5))


def _selling(agent: Agent, till: str, times: int) -> Script:
    for _ in range(times):
        key = agent.key()
        paid = result_of((yield bill(till, key, "FAST", wait=20)))
        assert paid["state"] == "paid", paid
        result_of((yield about("checkout.confirm", till, key)))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S
