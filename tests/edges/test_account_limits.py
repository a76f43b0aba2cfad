"""Goal: every account has its own waits, and a change of one account's does not touch the connections of another. Method: two servers that
answer slowly and a transport whose accounts have limits of their own."""

import asyncio
import dataclasses
import time

from agent.core.verdict import Outcome, Reply, Unclear
from agent.edges.transport import Account, HttpTransport, TransportLimits
from tests.edges.raw_server import ACCOUNT, BINDING, FAST, Exchange, RawServer, account, always, answer, never_late, request

PATIENT = FAST
HASTY = dataclasses.replace(FAST, connect_limit_ms=50, answer_limit_ms=250, pool_limit_ms=50)


async def slowly(exchange: Exchange) -> None:
    while True:
        await exchange.request()
        await asyncio.sleep(0.35)
        await exchange.send(answer())


def of(base_url: str, limits: TransportLimits) -> Account:
    return dataclasses.replace(account(base_url), limits=limits)


async def test_each_account_waits_as_long_as_its_own_limit_says() -> None:
    """The hasty one gives up and hears its answer later; the patient one at the same moment gets its answer; one without limits of its own
    has the transport's."""
    late: list[Outcome] = []
    async with RawServer(slowly) as slow:
        accounts = {ACCOUNT: of(slow.http, HASTY), "patient": of(slow.http, PATIENT), "usual": account(slow.http)}
        sender = HttpTransport(accounts, PATIENT)
        began = time.monotonic()
        assert isinstance(await sender.exchange(BINDING, request(), {}, late.append), Unclear)
        assert time.monotonic() - began < 0.34
        for name in ("patient", "usual"):
            binding = dataclasses.replace(BINDING, account=name)
            assert isinstance(await sender.exchange(binding, request(), {}, never_late), Reply)
        await sender.aclose()
    assert isinstance(late[0], Reply)


async def test_a_change_of_one_accounts_waits_leaves_the_others_connections() -> None:
    """The account with new limits gets connections of its own; the other goes on with the ones it has."""
    async with RawServer(always(answer())) as first, RawServer(always(answer())) as second:
        accounts = {ACCOUNT: of(first.http, PATIENT), "other": of(second.http, PATIENT)}
        sender = HttpTransport(accounts)
        other = dataclasses.replace(BINDING, account="other")
        for binding in (BINDING, other):
            await sender.exchange(binding, request(), {}, never_late)
        exchange = await sender.prepare({**accounts, ACCOUNT: of(first.http, HASTY)})
        assert set(exchange.fresh) == {ACCOUNT}
        sender.adopt(exchange)
        for binding in (BINDING, other):
            assert isinstance(await sender.exchange(binding, request(), {}, never_late), Reply)
        await sender.aclose()
    assert (first.connections, second.connections) == (2, 1)
