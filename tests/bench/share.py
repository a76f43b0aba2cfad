"""A whole checkout, one at a time at an idle till: what of it is the agent's own.

Of the time from the register's request to the answer "paid" everything is taken away that is the provider's (``proxy``) or was waited for
on purpose: the time between the answer to a checkout and the first status request, and between status requests.
"""

import random
import time
from collections.abc import Iterator, Sequence

from tests.bench.clients import about, bill, result_of
from tests.bench.disk import Disk, Slowdown
from tests.bench.figures import Figure, Goal, middle, tail
from tests.bench.floors import Echo, Flush
from tests.bench.proxy import Exchange, Proxy
from tests.bench.requests import REPLY_BYTES
from tests.bench.till import Agent

CHECKOUTS = 20
WAIT_MS = 300.0  # first_read_ms and poll_interval_ms of the configuration
QUIET_S = 0.05  # between two customers


def measure(slowdown: Slowdown, disk: Disk, rounds: int, chance: random.Random) -> Iterator[Figure]:
    """Rounds of checkouts that are confirmed at once."""
    own: list[float] = []
    own_tail: list[float] = []
    accepts: list[float] = []
    floors: list[float] = []
    with Proxy() as proxy, Agent(slowdown, disk, bank_port=proxy.port) as agent:
        proxy.bank_port = agent.sandbox_port
        line = agent.register()
        with Flush(agent.folder, slowdown, disk) as flush, Echo(agent.folder, REPLY_BYTES) as echo:
            for _ in range(rounds):
                shares, taken, floor = [], [], []
                for _ in range(CHECKOUTS):
                    floor.append(flush.times_ms(1)[0] + echo.times_ms(1, bill(agent.names[0], "k0", "FAST"))[0])
                    key = agent.key()
                    proxy.exchanges()
                    begin = time.perf_counter()
                    taken.append(line.ask(bill(agent.names[0], key, "FAST"))[0])
                    paid = result_of(line.ask(about("checkout.get", agent.names[0], key, wait=20))[1])
                    end = time.perf_counter()
                    assert paid["state"] == "paid", paid
                    shares.append(share_ms(begin, proxy.exchanges(), end))
                    line.result(about("checkout.confirm", agent.names[0], key))
                    time.sleep(QUIET_S + chance.random() / 100)
                own.append(middle(shares))
                own_tail.append(tail(shares))
                accepts.append(middle(taken))
                floors.append(middle(floor))
        line.close()
    goal = Goal(5.0) if disk is Disk.NATIVE else None
    yield Figure("the agent's own share of a checkout, p50", disk, "ms", own, goal=goal)
    yield Figure("the agent's own share of a checkout, longest of 20", disk, "ms", own_tail)
    yield Figure(
        "accept at an idle till, p50", disk, "ms", accepts, floors, floor="round trip + fdatasync", note="the payment is sent meanwhile"
    )


def share_ms(begin: float, exchanges: Sequence[Exchange], end: float) -> float:
    """The part between ``begin`` and ``end`` that is neither the provider's nor a wait."""
    assert exchanges, "the bank was not asked"
    provider_s = sum(one.answered - one.asked for one in exchanges)
    return (end - begin - provider_s) * 1_000 - WAIT_MS * (len(exchanges) - 1)
