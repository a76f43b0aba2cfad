"""The client against the real listener: calls, errors, and every way in which the agent can be away."""

import asyncio
import socket
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.client import CallFailed, Client, Unreachable
from drivers.socket_address import listen
from tests.drivers.support import Agent, checkout, listening
from tests.support.patience import soon


async def test_calls_beside_each_other(tmp_path: Path) -> None:
    """Several at once on one connection, each with its own answer; decimals stay exact both ways."""
    agent = Agent()
    agent.result = {"price": Decimal("40.10")}
    async with listening(tmp_path / "s", agent), await Client.connect(tmp_path / "s") as client:
        waiting = [
            asyncio.create_task(client.call("checkout.get", storeId="s", terminalId="t", key=f"k{n}", wait=Decimal(60))) for n in range(5)
        ]
        status = await client.call("agent.status")
        assert str(status["price"]) == "40.10"
        agent.release.set()
        assert [answer["key"] for answer in await asyncio.gather(*waiting)] == [f"k{n}" for n in range(5)]


async def test_an_error_is_raised_with_all_it_says(tmp_path: Path) -> None:
    """The word, the number, the details; the connection goes on."""
    async with listening(tmp_path / "s", Agent()), await Client.connect(tmp_path / "s") as client:
        with pytest.raises(CallFailed) as caught:
            await client.call("checkout.create", **{**checkout("k"), "user": {}})
        assert (caught.value.code, caught.value.number) == ("INVALID", -32602)
        assert caught.value.data["details"][0]["path"] == "user.loyaltyId"
        assert (await client.call("agent.status"))["ready"]


@pytest.mark.parametrize("kind", ["missing", "stale", "full"])
async def test_no_agent(tmp_path: Path, kind: str) -> None:
    """No socket, a socket nobody listens on, a listener that takes nobody."""
    path = tmp_path / "s"
    held: list[socket.socket] = []
    if kind != "missing":
        held.append(listen(path, 0o660, None))
    if kind == "stale":
        held.pop().close()
    if kind == "full":
        for _ in range(200):
            held.append(socket.socket(socket.AF_UNIX))
            held[-1].setblocking(False)
            held[-1].connect_ex(str(path))
    with pytest.raises(Unreachable, match="no agent at"):
        await Client.connect(path, connect_seconds=0.1)
    for each in held:
        each.close()


async def test_connecting_can_be_given_up(tmp_path: Path) -> None:
    """A cancelled connect closes its socket (an unclosed one would fail this test)."""
    path = tmp_path / "s"
    clients = [socket.socket(socket.AF_UNIX) for _ in range(200)]
    with listen(path, 0o660, None):
        for client in clients:
            client.setblocking(False)
            client.connect_ex(str(path))
        connecting = asyncio.create_task(Client.connect(path))
        await asyncio.sleep(0.05)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        for client in clients:
            client.close()


async def test_an_agent_that_goes_away(tmp_path: Path) -> None:
    """A call that is waiting, and every later one, ends as Unreachable."""
    agent = Agent()
    async with listening(tmp_path / "s", agent) as listener, await Client.connect(tmp_path / "s") as client:
        waiting = asyncio.create_task(client.call("checkout.create", **checkout("k")))
        await soon(lambda: len(agent.log) == 1)
        await listener.stop(grace_seconds=0)
        with pytest.raises(Unreachable, match="closed"):
            await waiting
        with pytest.raises(Unreachable):
            await client.call("agent.status")


async def test_the_reason_for_being_turned_away(tmp_path: Path) -> None:
    """Every call says why, whether it was made before or after the agent closed."""
    async with listening(tmp_path / "s", Agent(), admit=lambda peer: False), await Client.connect(tmp_path / "s") as client:
        for _ in range(2):
            with pytest.raises(CallFailed, match="FORBIDDEN"):
                await client.call("agent.status")
            await asyncio.sleep(0.02)


async def test_an_answer_that_does_not_come(tmp_path: Path) -> None:
    """The wait is bounded, the late answer is ignored, the connection stays usable."""
    agent = Agent()
    async with listening(tmp_path / "s", agent), await Client.connect(tmp_path / "s", answer_seconds=0.1) as client:
        with pytest.raises(Unreachable, match=r"0\.1 seconds"):
            await client.call("checkout.get", storeId="s", terminalId="t", key="k", wait=60)
        agent.release.set()
        await asyncio.sleep(0.05)
        assert (await client.call("agent.status"))["ready"]


@pytest.mark.parametrize("line", [b"hello\n", b'{"jsonrpc":"2.0","id":1,"result":[]}\n', b"x" * 5_000_000, b"\0\n"])
async def test_a_socket_of_something_else(tmp_path: Path, line: bytes) -> None:
    """Not taken for an agent, whatever it says."""
    path = tmp_path / "s"
    with listen(path, 0o660, None) as listener:
        connecting = asyncio.create_task(Client.connect(path))
        connection, _ = await asyncio.get_running_loop().sock_accept(listener)
        with connection:
            async with await connecting as client:
                sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(connection, line))
                with pytest.raises(Unreachable):
                    await client.call("agent.status")
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)


async def test_a_call_given_up_in_the_middle_of_its_line(tmp_path: Path) -> None:
    """Nothing may follow half a line: the connection is over for later calls."""
    path = tmp_path / "s"
    with listen(path, 0o660, None):  # accepts nobody, so nobody reads
        async with await Client.connect(path, answer_seconds=0.1) as client:
            with pytest.raises(Unreachable):
                await client.call("agent.status", filler="x" * 5_000_000)
            with pytest.raises(Unreachable, match="cut off"):
                await client.call("agent.status")
