"""The agent under test: the real process on a configuration of its own, and tills whose first checkout waits for its customer.

Behind such a checkout others are accepted and stay in their lane: what is measured is the acceptance itself, and not the conversation
with the bank. When a till is done with, its checkouts are canceled, so that none of them goes out later and disturbs another figure.
"""

import contextlib
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.clients import Line, Web, about, bill
from tests.bench.disk import Disk, Slowdown
from tests.support.stand import STORE, Plan, Port, Socket, Stand
from tests.support.stand import Line as SerialLine

MAX_BEHIND = 95  # checkouts behind the first one of a lane; the agent takes a hundred
SEEN_S = 10.0
RATE = {"requests_per_s": 1_000, "connections": 200}  # the fastest register the configuration allows


class Agent(Stand):
    """A stand whose daemon sees one of the two disks."""

    start_s = 120.0  # with a million stored sales

    def __init__(self, slowdown: Slowdown, disk: Disk, tills: int = 1, bank_port: int | None = None, all_kinds: bool = False) -> None:
        """``bank_port``: reach the sandbox through it. ``all_kinds``: every kind of listener, not only those that are measured."""
        self.names = [f"till-{number:03d}" for number in range(tills)]
        plan = Plan(
            tills={name: {"send_deadline_s": 120} for name in self.names},
            sockets=(Socket("pos", options={**RATE, "connections_per_user": 200}), Socket("admin", "admin")),
            ports=(Port("web", "http", options=RATE), *((Port("tcp", "tcp", options=RATE),) if all_kinds else ())),
            lines=(SerialLine("line"),) if all_kinds else (),
        )
        self.launcher = [*slowdown.launcher(disk), sys.executable, "-m", "agent"]
        super().__init__(plan, self.launcher)
        if bank_port is not None:
            self.base_url = f"http://127.0.0.1:{bank_port}/acme"
        self.fresh_tills = iter(self.names)
        self._numbers = itertools.count(1)

    def configuration(self) -> str:
        """As a till has it: no debug log, a disk that keeps what it is given."""
        return (
            super().configuration().replace('level = "debug"', 'level = "info"').replace("allow_volatile = true", "allow_volatile = false")
        )

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    def begin(self, launcher: Sequence[str]) -> None:
        """Start the daemon and do not wait for it."""
        with self.log.open("ab") as log:
            self._daemon = self._spawn([*launcher, "run", "--config", str(self.config)], log)

    def key(self) -> str:
        """One that was not used before."""
        return f"k{next(self._numbers)}"

    def register(self) -> Line:
        """A connection of a register over the Unix socket."""
        return Line(self.pos)

    def web(self) -> Web:
        """A connection of a register over HTTP."""
        return Web(self.ports["web"], self.plan.ports[0].token)

    @contextlib.contextmanager
    def busy_till(self, line: Line) -> Iterator["BusyTill"]:
        """A till, not used before, whose first checkout waits for its customer."""
        till = BusyTill(self, line, next(self.fresh_tills))
        try:
            yield till
        finally:
            till.clear()


class BusyTill:
    """A till whose lane is taken, and the keys that were handed over for it."""

    def __init__(self, agent: Agent, line: Line, name: str) -> None:
        self.name, self._agent, self._line = name, agent, line
        self.first = agent.key()
        self.keys: list[str] = []
        line.result(bill(name, self.first, "WAIT"))
        until = time.monotonic() + SEEN_S
        while (seen := line.result(about("checkout.get", name, self.first)))["state"] != "pending":
            assert time.monotonic() < until, f"the first checkout does not reach the sandbox: {seen}"
            time.sleep(0.05)

    def key(self) -> str:
        """Of one more checkout behind the first."""
        assert len(self.keys) < MAX_BEHIND
        self.keys.append(self._agent.key())
        return self.keys[-1]

    def clear(self) -> None:
        """Take everything back, the last first."""
        for key in reversed([self.first, *self.keys]):
            self._line.result(about("checkout.cancel", self.name, key))


def path_of(terminal: str, key: str) -> str:
    """Of a checkout over HTTP."""
    return f"/v1/stores/{STORE}/terminals/{terminal}/checkouts/{key}"


def memory_mib(pid: int) -> tuple[float, float]:
    """Resident memory of a process, and the part that is its own alone."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    own = sum(int(fields[name].split()[0]) for name in ("Private_Clean", "Private_Dirty"))
    return int(fields["Rss"].split()[0]) / 1_024, own / 1_024
