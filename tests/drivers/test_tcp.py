"""Goal: a TCP port serves whoever shows a token, like the Unix socket does, and nobody else.

Method: real sockets, a handler the test steers.
"""

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from drivers import tcp_link
from drivers.caller import Caller
from drivers.client import CallFailed, Client, Unreachable
from drivers.limits import Limits
from drivers.session import Session
from drivers.socket_address import CannotListen
from drivers.tcp_link import TcpListener
from tests.drivers.support import Agent, Recorder, checkout, get, request
from tests.support.patience import soon

TOKEN = "token-of-kassa-1"
OTHER = "token-of-kassa-2"
NAMES = {TOKEN: "client:kassa-1", OTHER: "client:kassa-2"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delay that a test can wait for."""
    monkeypatch.setattr(tcp_link, "WRONG_TOKEN_SECONDS", 0.1)


@contextlib.asynccontextmanager
async def listening(
    agent: Agent, *, limits: Limits | None = None, recorder: Recorder | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[TcpListener]:
    limits = limits or Limits()

    def admit(token: str) -> Session | None:
        return Session(Caller(NAMES[token]), agent.handle, limits, recorder) if token in NAMES else None

    listener = TcpListener(host, 0, admit, limits=limits, observer=recorder)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop(grace_seconds=0.2)


class Wire:
    """A peer that sends whatever bytes a test wants."""

    def __init__(self, listener: TcpListener) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self._port = listener.port
        self._pending = b""

    async def __aenter__(self) -> "Wire":
        await asyncio.get_running_loop().sock_connect(self.socket, ("127.0.0.1", self._port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.socket.close()

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def everything(self, seconds: float = 5.0) -> bytes:
        """All that comes until the other side closes."""
        data = self._pending
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionResetError):
                while more := await asyncio.get_running_loop().sock_recv(self.socket, 65536):
                    data += more
        return data

    async def line(self, seconds: float = 5.0) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            while b"\n" not in self._pending:
                data = await asyncio.get_running_loop().sock_recv(self.socket, 65536)
                assert data, "closed"
                self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    async def refusal(self) -> dict[str, Any]:
        """The one line before the end."""
        said = await self.everything()
        (line,) = said.splitlines()
        found: dict[str, Any] = json.loads(line)["error"]
        return found


def opening(token: object = TOKEN, call_id: object = 0, **more: object) -> bytes:
    return request(call_id, "session.open", token=token, **more)


async def test_after_the_token_it_is_the_same_session() -> None:
    """The token opens; what was sent ahead in the same packet is answered too; the caller is the client of the token."""
    agent = Agent()
    async with listening(agent) as listener, Wire(listener) as wire:
        await wire.send(b"\r\n" + opening(OTHER, "first") + request(1, "agent.status") + request(2, "agent.status"))
        assert await wire.line() == {"jsonrpc": "2.0", "id": "first", "result": {"caller": "client:kassa-2", "operator": False}}
        assert [(await wire.line())["id"] for _ in range(2)] == [1, 2]
        await wire.send(opening())
        assert (await wire.line())["error"]["code"] == -32601
        await wire.send(request(3, "refund.get", storeId="s", terminalId="t", key="k", refundKey="r"))
        assert (await wire.line())["error"]["data"]["code"] == "NOT_FOUND"


async def test_a_token_in_single_bytes() -> None:
    """TCP keeps no boundaries."""
    async with listening(Agent()) as listener, Wire(listener) as wire:
        for byte in opening() + request(1, "agent.status"):
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)
        assert "result" in await wire.line()
        assert (await wire.line())["result"]["ready"] is True


WRONG = {
    "another token": opening("token-of-kassa-9"),
    "a prefix": opening(TOKEN[:-1]),
    "no token": request(0, "session.open"),
    "a number": opening(123),
    "something beside it": opening(TOKEN, more=1),
    "another request": request(0, "agent.status"),
    "a payment": request(0, "checkout.create", **checkout("k")),
    "a notification": b'{"jsonrpc":"2.0","method":"session.open","params":{"token":"%s"}}\n' % TOKEN.encode(),
    "a batch": b"[" + opening().strip() + b"]\n",
    "a list of parameters": b'{"jsonrpc":"2.0","id":1,"method":"session.open","params":["%s"]}\n' % TOKEN.encode(),
}


@pytest.mark.parametrize("name", WRONG)
async def test_whoever_shows_no_token_is_forbidden_and_out(name: str) -> None:
    """One line says why and repeats nothing, even when more was sent; nothing that followed was carried out."""
    agent, recorder = Agent(), Recorder()
    async with listening(agent, recorder=recorder) as listener, Wire(listener) as wire:
        await wire.send(WRONG[name] + opening() + request(9, "agent.status") * 50)
        error = await wire.refusal()
        assert error["data"]["code"] == "FORBIDDEN"
        assert "token-of" not in json.dumps(error)
    assert agent.peers == []
    assert recorder.of("turned_away") == ["FORBIDDEN"]
    assert "token-of" not in repr(recorder.events)


async def test_who_is_turned_away_can_read_why() -> None:
    """A peer that sends its requests right behind a wrong token, more than is read: the refusal is not lost to a reset."""
    async with listening(Agent()) as listener, Wire(listener) as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await wire.send(opening("token-of-nobody") + b"x" * 200_000)
        await asyncio.sleep(0.3)  # it is turned away now: what it sent lies unread
        async with asyncio.timeout(5):
            said = b""
            while more := await asyncio.get_running_loop().sock_recv(wire.socket, 4096):  # ConnectionResetError would be the fault
                said += more
        assert json.loads(said)["error"]["data"]["code"] == "FORBIDDEN"


async def test_a_wrong_token_costs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess takes as long as the constant says; a right token takes none of it."""
    monkeypatch.setattr(tcp_link, "WRONG_TOKEN_SECONDS", 0.5)
    async with listening(Agent()) as listener:
        loop = asyncio.get_running_loop()
        for token, slow in ((TOKEN, False), ("token-of-kassa-9", True)):
            async with Wire(listener) as wire:
                began = loop.time()
                await wire.send(opening(token))
                await wire.line()
                assert (loop.time() - began >= 0.5) is slow


JSON_IN_A_BODY = opening() + request(1, "checkout.create", **checkout("k"))
BROWSER = {
    "a page's request": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a form with JSON-RPC in it": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n" + JSON_IN_A_BODY,
    "another verb": b"OPTIONS * HTTP/1.1\r\n\r\n" + JSON_IN_A_BODY,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + JSON_IN_A_BODY,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)) + b"\n" + JSON_IN_A_BODY,
    "a NUL": b"\0\n" + JSON_IN_A_BODY,
    "too long": b'{"jsonrpc":"' + b"x" * 9000 + b"\n" + JSON_IN_A_BODY,
    "too long without an end": b"x" * 9000,
    "blank lines for ever": b"\n" * 9000,
}


@pytest.mark.parametrize("name", BROWSER)
async def test_a_browser_gets_nowhere(name: str) -> None:
    """What does not begin with JSON-RPC hears not one byte, and nothing inside of it is carried out."""
    agent, recorder = Agent(), Recorder()
    async with listening(agent, recorder=recorder) as listener, Wire(listener) as wire:
        with contextlib.suppress(ConnectionError):
            await wire.send(BROWSER[name])
        assert await wire.everything() == b""
        await soon(lambda: listener.connections == 0)
    assert agent.peers == []
    assert recorder.of("turned_away") == ["INVALID"]


@pytest.mark.parametrize("drip", [b"", b'{"'])
async def test_the_first_line_has_its_time(drip: bytes) -> None:
    """Who says nothing, or not all of it, is told so and out."""
    async with listening(Agent(), limits=Limits(line_seconds=0.2)) as listener, Wire(listener) as wire:
        await wire.send(drip)
        assert (await wire.refusal())["data"]["code"] == "LIMIT"


async def test_who_leaves_before_the_first_line_leaves_nothing() -> None:
    """Closed or reset: the connection is forgotten."""
    recorder = Recorder()
    async with listening(Agent(), recorder=recorder) as listener:
        for linger in (0, 1):
            async with Wire(listener) as wire:
                await wire.send(b'{"json')
                await soon(lambda: listener.connections == 1)
                if linger:
                    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            await soon(lambda: listener.connections == 0)
    assert recorder.of("turned_away") == ["GONE", "GONE"]
    assert recorder.of("failed") == []


async def test_strangers_do_not_crowd_out_those_who_are_in() -> None:
    """So many may be there without a token and no more; who is in goes on, and there is room again when they have gone."""
    async with listening(Agent()) as listener, contextlib.AsyncExitStack() as stack:
        known = await stack.enter_async_context(Wire(listener))
        await known.send(opening())
        await known.line()
        async with contextlib.AsyncExitStack() as strangers:
            for _ in range(tcp_link.MAX_STRANGERS):
                await strangers.enter_async_context(Wire(listener))
            await soon(lambda: listener.connections == tcp_link.MAX_STRANGERS + 1)
            extra = await strangers.enter_async_context(Wire(listener))
            assert (await extra.refusal())["data"]["code"] == "LIMIT"
            await known.send(request(1, "agent.status"))
            assert (await known.line())["result"]["ready"] is True
        await soon(lambda: listener.connections == 1)
        again = await stack.enter_async_context(Wire(listener))
        await again.send(opening())
        assert "result" in await again.line()


async def test_connections_of_one_client() -> None:
    """Each client has its own number; another client is not affected."""
    limits = Limits(connections_per_user=2)
    async with listening(Agent(), limits=limits) as listener, contextlib.AsyncExitStack() as stack:
        for token, admitted in ((TOKEN, True), (TOKEN, True), (TOKEN, False), (OTHER, True)):
            wire = await stack.enter_async_context(Wire(listener))
            await wire.send(opening(token))
            line = await wire.line()
            assert ("result" in line) is admitted
            assert admitted or line["error"]["data"]["code"] == "LIMIT"


async def test_connections_of_all_clients() -> None:
    """The listener's number holds for everybody."""
    async with listening(Agent(), limits=Limits(connections=1)) as listener, Wire(listener) as first, Wire(listener) as second:
        await first.send(opening())
        await first.line()
        assert (await second.refusal())["data"]["code"] == "LIMIT"


async def test_half_a_connection_is_none() -> None:
    """A peer that closes its sending half counts as gone: its long poll ends untold, its payment is carried out."""
    agent = Agent()
    async with listening(agent) as listener, Wire(listener) as wire:
        await wire.send(opening() + get(1, "poll") + request(2, "checkout.create", **checkout("pay")))
        await soon(lambda: len(agent.log) == 2)
        wire.socket.shutdown(socket.SHUT_WR)
        await soon(lambda: "cancelled checkout.get poll" in agent.log)
        agent.release.set()
        await soon(lambda: "end checkout.create pay" in agent.log)


async def test_stopping_answers_and_ends() -> None:
    """A long poll is answered at once, a stranger is cut off, the port is free again."""
    agent = Agent()
    async with listening(agent) as listener, Wire(listener) as wire, Wire(listener) as stranger:
        await wire.send(opening() + get(1, "poll"))
        await wire.line()
        await soon(lambda: len(agent.log) == 1)
        await soon(lambda: listener.connections == 2)
        stopping = asyncio.ensure_future(listener.stop())
        assert (await wire.line())["result"]["hurried"] is True
        assert await stranger.everything() == b""
        await stopping
        assert listener.connections == 0
        with socket.socket() as late, pytest.raises(ConnectionRefusedError):
            late.connect(("127.0.0.1", listener.port))


async def test_a_port_that_is_taken_is_told() -> None:
    """Somebody else listens there, or the address is not of this machine."""
    async with listening(Agent()) as listener:
        with pytest.raises(CannotListen, match=f"127.0.0.1 port {listener.port}: Address already in use"):
            await TcpListener("127.0.0.1", listener.port, lambda token: None).start()
    with pytest.raises(CannotListen, match="port 1: "):
        await TcpListener("203.0.113.1", 1, lambda token: None).start()


async def test_the_client() -> None:
    """It shows its token and then calls as over a Unix socket; a wrong token is FORBIDDEN; no agent is Unreachable."""
    async with listening(Agent()) as listener:
        async with await Client.connect_tcp("127.0.0.1", listener.port, TOKEN) as client:
            assert await client.call("agent.status") == {"ready": True}
        with pytest.raises(CallFailed) as failed:
            await Client.connect_tcp("127.0.0.1", listener.port, "token-of-kassa-9")
        assert failed.value.code == "FORBIDDEN"
        port = listener.port
    with pytest.raises(Unreachable, match=f"no agent at 127.0.0.1 port {port}: Connection refused"):
        await Client.connect_tcp("127.0.0.1", port, TOKEN)


async def test_the_other_loopback() -> None:
    """IPv6 as well, where the machine has it."""
    try:
        async with listening(Agent(), host="::1") as listener, await Client.connect_tcp("::1", listener.port, TOKEN) as client:
            assert await client.call("agent.status") == {"ready": True}
    except CannotListen:
        pytest.skip("this machine has no IPv6")


async def test_an_answer_does_not_wait_for_more() -> None:
    """What is accepted at a bound port sends at once: without that the kernel holds small answers back for 40 ms."""
    loop, accepted = asyncio.get_running_loop(), asyncio.Queue[asyncio.BaseTransport]()

    class Seen(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.put_nowait(transport)

    bound = tcp_link.bind("127.0.0.1", 0)
    async with await loop.create_server(Seen, sock=bound):
        _, writer = await asyncio.open_connection("127.0.0.1", bound.getsockname()[1])
        transport = await accepted.get()
        assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        transport.close()
        writer.close()
        await writer.wait_closed()


async def test_no_damaged_opening_opens() -> None:
    """Three hundred damaged openings with a payment behind them: none is carried out, and the port still serves."""
    agent, chance = Agent(), random.Random(7)
    original = opening()
    async with listening(agent, limits=Limits(line_seconds=0.3)) as listener:

        async def knock(opened: bytes) -> None:
            async with Wire(listener) as wire:
                with contextlib.suppress(ConnectionError):
                    await wire.send(opened + b"\n" + request(1, "checkout.create", **checkout("k")))
                await wire.everything()

        for _ in range(30):
            await asyncio.gather(*(knock(damaged(original, chance)) for _ in range(10)))
        assert agent.log == []
        async with await Client.connect_tcp("127.0.0.1", listener.port, TOKEN) as client:
            assert await client.call("agent.status") == {"ready": True}


def damaged(line: bytes, chance: random.Random) -> bytes:
    """A byte of the token is another one, or the line is cut, or rubbish stands before it."""
    kind, place = chance.randrange(3), line.index(b"token-of") + chance.randrange(len(TOKEN))
    if kind == 0:
        return line[:place] + bytes([line[place] ^ (1 << chance.randrange(8))]) + line[place + 1 :]
    return line[: chance.randrange(len(line) - 2)] if kind == 1 else chance.randbytes(20) + line
