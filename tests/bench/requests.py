"""One register at a time: how long an acceptance and a poll take, over the Unix socket and over HTTP."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench.clients import about, bill, sale_of
from tests.bench.disk import Disk, Slowdown
from tests.bench.figures import Figure, Goal, middle, tail
from tests.bench.floors import Echo, Flush
from tests.bench.till import MAX_BEHIND, Agent, path_of

REPLY_BYTES = 700  # of an answer about a checkout that is under way
BLOCK = 15  # requests of one kind before it is the turn of the next


@dataclass
class Rounds:
    """The medians of every round, by what was done, and all times together."""

    medians: dict[str, list[float]] = field(default_factory=dict)
    tails: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, times: Sequence[float]) -> None:
        self.medians.setdefault(name, []).append(middle(times))
        self.tails.setdefault(name, []).append(tail(times))

    def durable(self) -> list[float]:
        """The floor of whatever must be stored before it is answered: a round trip and a flush."""
        return [trip + flush for trip, flush in zip(self.medians["echo"], self.medians["flush"], strict=True)]


def measure(slowdown: Slowdown, disk: Disk, rounds: int, chance: random.Random) -> Iterator[Figure]:
    """Rounds of blocks in changing order: the floors, acceptances over both ways in, polls."""
    found = Rounds()
    with (
        Agent(slowdown, disk, tills=rounds) as agent,
        Flush(agent.folder, slowdown, disk) as flush,
        Echo(agent.folder, REPLY_BYTES) as echo,
    ):
        line, web = agent.register(), agent.web()
        for _ in range(rounds):
            with agent.busy_till(line) as till:
                sample = bill(till.name, "k00000", "FAST")
                poll = about("checkout.get", till.name, till.first)

                def by_http(key: str, name: str = till.name) -> float:
                    return web.ask("PUT", path_of(name, key), json.dumps(sale_of(key, "FAST"), ensure_ascii=False).encode())[0]

                doings: dict[str, Callable[[], list[float]]] = {
                    "flush": lambda: flush.times_ms(BLOCK),
                    "echo": lambda sample=sample: echo.times_ms(BLOCK, sample),
                    "line": lambda till=till: [line.ask(bill(till.name, till.key(), "FAST"))[0] for _ in range(BLOCK)],
                    "http": lambda till=till: [by_http(till.key()) for _ in range(BLOCK)],
                    "poll": lambda poll=poll: [line.ask(poll)[0] for _ in range(BLOCK)],
                }
                times: dict[str, list[float]] = {name: [] for name in doings}
                for _ in range(MAX_BEHIND // (2 * BLOCK)):
                    for name in chance.sample(list(doings), len(doings)):
                        times[name] += doings[name]()
                for name, all_of_it in times.items():
                    found.add(name, all_of_it)
        line.close()
        web.close()
    yield from _figures(found, disk)


def _figures(found: Rounds, disk: Disk) -> Iterator[Figure]:
    slow, floor = disk is Disk.SLOW5, "round trip + fdatasync"
    medians, tails = found.medians, found.tails
    line_goal, http_goal = (Goal(1.25), Goal(1.35)) if slow else (Goal(2.6, binding=False), Goal(5.0, binding=False))
    yield Figure("accept over the Unix socket, p50", disk, "ms", medians["line"], found.durable(), line_goal, floor)
    yield Figure("accept over HTTP, p50", disk, "ms", medians["http"], found.durable(), http_goal, floor)
    if not slow:
        yield Figure("accept over the Unix socket, p99", disk, "ms", tails["line"], tails["flush"], Goal(4, binding=False), "fdatasync p99")
        yield Figure("poll over the Unix socket, p50", disk, "ms", medians["poll"], medians["echo"], Goal(2.5), "round trip")
    yield Figure("floor: round trip, p50", disk, "ms", medians["echo"])
    yield Figure("floor: append and fdatasync, p50", disk, "ms", medians["flush"])
