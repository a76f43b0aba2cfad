"""Goal: whatever comes over HTTP, nobody else is harmed and nothing grows (promises P20, P24); who has gone is told nothing (money rule 5).
Method: raw bytes and slow clients against a real server with a handler the test steers."""

import asyncio
import contextlib
import json
import random
import socket
import time
from collections.abc import Mapping
from typing import Any

import pytest

from agent.edges.http import server
from agent.edges.http.reading import MAX_BODY_BYTES
from drivers.caller import Caller
from drivers.limits import Limits
from drivers.messages import Request
from drivers.session import Refused
from tests.drivers.support import Agent, Recorder, checkout
from tests.edges.http.support import OTHER, SALE, TOKEN, Reply, answer, ask, head, raw, rest, serving
from tests.support.patience import soon

BODY = {name: value for name, value in checkout("k").items() if name not in ("storeId", "terminalId", "key", "wait")}


async def reply_to(port: int, verb: str, path: str, body: object = None, **more: Any) -> Reply:
    return await asyncio.to_thread(ask, port, verb, path, body, **more)


async def status(port: int, token: str = TOKEN) -> int:
    return (await reply_to(port, "GET", "/v1/status", token=token)).status


# --- sizes ---


async def test_a_body_has_its_size() -> None:
    """One byte more than permitted is refused, announced or not, before it is read; the longest one is read."""
    padding = b" " * (MAX_BODY_BYTES - 2)
    async with serving(Agent().handle) as port:
        fits = await reply_to(port, "POST", f"{SALE}/k/cancel", b"{" + padding + b"}")
        assert fits.code == "NOT_FOUND"
        over = await reply_to(port, "POST", f"{SALE}/k/cancel", b"{" + padding + b" }")
        assert (over.status, over.code) == (413, "INVALID")
        chunks = b"".join(b"2000\r\n" + b" " * 0x2000 + b"\r\n" for _ in range(9)) + b"0\r\n\r\n"
        unannounced = head("POST", f"{SALE}/k/cancel", "Transfer-Encoding: chunked", "Content-Type: application/json", port=port)
        assert (await asyncio.to_thread(raw, port, unannounced + chunks)).startswith(b"HTTP/1.1 413 ")
        assert await status(port) == 200


async def test_a_byte_order_mark_is_passed_over() -> None:
    """As on lines: some runtimes write one whether asked or not."""
    async with serving(Agent().handle) as port:
        assert (await reply_to(port, "POST", f"{SALE}/k/cancel", b"\xef\xbb\xbf{}")).code == "NOT_FOUND"
        twice = await reply_to(port, "POST", f"{SALE}/k/cancel", b"\xef\xbb\xbf\xef\xbb\xbf{}")
        assert (twice.status, twice.code) == (400, "INVALID")


async def test_headers_and_queries_have_their_size() -> None:
    """Too long a head is no request; too many fields of a query are named."""
    async with serving(Agent().handle) as port:
        long = head("GET", "/v1/status", "X: " + "x" * (server.MAX_HEAD_BYTES + 300_000), port=port)
        assert (await asyncio.to_thread(raw, port, long)).startswith(b"HTTP/1.1 400 ")
        many = "&".join(f"a{number}=1" for number in range(40))
        assert (await reply_to(port, "GET", f"/v1/status?{many}")).status == 400
        assert await status(port) == 200


async def test_an_answer_has_its_size() -> None:
    """The same bound as on sockets."""
    async with serving(Agent().handle, limits=Limits(answer_bytes=1000)) as port:
        assert (await reply_to(port, "GET", f"{SALE}/900/record")).status == 200
        assert (await reply_to(port, "GET", f"{SALE}/1000/record")).code == "LIMIT"


# --- rates and numbers ---


async def test_the_rate_of_one_client() -> None:
    """Over the rate is 429 with the time to wait; after it there is room; another client is not affected."""
    async with serving(Agent().handle, limits=Limits(request_burst=3, requests_per_second=1)) as port:
        replies = [await reply_to(port, "GET", "/v1/status") for _ in range(5)]
        assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
        assert (replies[4].code, replies[4].headers["retry-after"]) == ("LIMIT", "1")
        assert await status(port, OTHER) == 200
        await asyncio.sleep(1.05)
        assert await status(port) == 200


async def test_requests_at_work() -> None:
    """So many long polls of one client, and the next is refused; when one ends there is room."""
    agent = Agent()
    async with serving(agent.handle, limits=Limits(requests_at_work=2)) as port:
        polls = [asyncio.ensure_future(reply_to(port, "GET", f"{SALE}/k{number}?wait=60")) for number in range(2)]
        await soon(lambda: len(agent.log) == 2)
        refused = await reply_to(port, "GET", f"{SALE}/k3")
        assert (refused.code, refused.headers["retry-after"]) == ("LIMIT", "1")
        assert await status(port, OTHER) == 200
        agent.release.set()
        assert [reply.status for reply in await asyncio.gather(*polls)] == [200, 200]
        assert await status(port) == 200


async def test_connections() -> None:
    """An idle connection gives way to a new one, one at work does not: then the new one is turned away."""
    agent, recorder = Agent(), Recorder()
    async with serving(agent.handle, limits=Limits(connections=2), observer=recorder) as port:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as busy,
            socket.create_connection(("127.0.0.1", port), timeout=5) as idle,
        ):
            busy.sendall(head("GET", f"{SALE}/k?wait=60", port=port))
            idle.sendall(head("GET", "/v1/status", port=port))
            assert await asyncio.to_thread(answer, idle) == 200
            await soon(lambda: len(agent.log) == 1)
            second = asyncio.ensure_future(reply_to(port, "GET", f"{SALE}/k2?wait=60"))
            await soon(lambda: len(agent.log) == 2)
            assert await asyncio.to_thread(rest, idle) == b""
            assert (await asyncio.to_thread(raw, port, b"")).startswith(b"HTTP/1.1 429 ")
            assert recorder.of("turned_away") == ["LIMIT"]
            agent.release.set()
            assert (await second).status == 200
            assert await asyncio.to_thread(answer, busy) == 200
        assert await status(port) == 200


async def test_strangers_give_way() -> None:
    """Connections that never showed a token do not keep those out that will, though they are at work; the oldest of them goes first."""
    agent = Agent()
    async with serving(agent.handle, limits=Limits(connections=3, line_seconds=60)) as port:
        with contextlib.ExitStack() as stack:
            known, *strangers = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(3)]
            known.sendall(head("GET", f"{SALE}/k?wait=60", port=port))
            for stranger in strangers:
                stranger.sendall(b"GET /openapi.json HTTP/1.1\r\n")
            await soon(lambda: len(agent.log) == 1)
            assert await status(port) == 200
            assert await asyncio.to_thread(rest, strangers[0]) == b""
            agent.release.set()
            assert await asyncio.to_thread(answer, known) == 200


async def test_who_does_not_read_is_parted_with() -> None:
    """Clients that ask and ask and take no answer, with a token even, lose their places: all of them can be had by others."""
    agent = Agent()
    async with serving(agent.handle, limits=Limits(connections=4, unread_seconds=0.5, request_burst=1_000)) as port:
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                wire = stack.enter_context(socket.socket())
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                wire.connect(("127.0.0.1", port))
                wire.settimeout(5)
                wire.sendall(head("GET", "/openapi.json", port=port) * 200)

            async def polled(number: int) -> int:
                """Asked again until there is a place."""
                while True:
                    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                        reply = await reply_to(port, "GET", f"{SALE}/k{number}?wait=60", token=OTHER)
                        if reply.status != 429:
                            return reply.status
                    await asyncio.sleep(0.1)

            polls = [asyncio.ensure_future(polled(number)) for number in range(4)]
            await soon(lambda: len(agent.log) == 4, 20)
            agent.release.set()
            assert await asyncio.gather(*polls) == [200] * 4


async def test_what_needs_no_token_is_shared_by_all_strangers() -> None:
    """So many a second of the API's description, and of requests that show no token; who has one does not feel it."""
    async with serving(Agent().handle) as port:
        paths = ("/openapi.json", "/v1/status") * 80
        replies = await asyncio.to_thread(lambda: [ask(port, "GET", path, token=None) for path in paths])
        assert {reply.status for reply in replies} == {200, 401, 429}
        assert await status(port) == 200


# --- slowness ---

PUT = head("PUT", f"{SALE}/k", "Content-Type: application/json", "Content-Length: 100")
SLOW = {
    "nothing": b"",
    "half a request line": b"GET /v1/st",
    "half the headers": b"GET /v1/status HTTP/1.1\r\nHost: x",
    "half a body": PUT + b'{"cardSession":',
    "a chunk without an end": PUT.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked") + b"5\r\n{",
}


@pytest.mark.parametrize("name", SLOW)
async def test_a_request_must_be_complete_in_time(name: str) -> None:
    """Seconds after its first byte the connection is told so and closed, though bytes drip in; nothing was carried out."""
    agent = Agent()
    async with serving(agent.handle, limits=Limits(line_seconds=0.4)) as port:
        began = time.monotonic()
        said = await asyncio.to_thread(drip, port, SLOW[name].replace(b":0\r\n", b":%d\r\n" % port))
        assert said.startswith(b"HTTP/1.1 408 ")
        assert json.loads(said.split(b"\r\n\r\n", 1)[1])["code"] == "LIMIT"
        assert 0.3 < time.monotonic() - began < 3
        assert agent.log == []


def drip(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(data)
        for _ in range(8 if data else 0):
            time.sleep(0.1)
            with contextlib.suppress(OSError):
                wire.sendall(b" ")
        return rest(wire)


async def test_time_is_counted_for_each_request() -> None:
    """An idle connection and a long poll last longer than a request may take to arrive."""
    agent = Agent()
    async with serving(agent.handle, limits=Limits(line_seconds=0.3)) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
            for _ in range(2):
                wire.sendall(head("GET", "/v1/status", port=port))
                assert await asyncio.to_thread(answer, wire) == 200
                await asyncio.sleep(0.5)
            wire.sendall(head("GET", f"{SALE}/k?wait=60", port=port))
            await asyncio.sleep(0.6)
            agent.release.set()
            assert await asyncio.to_thread(answer, wire) == 200


# --- who has gone ---


class Watcher:
    """A handler that waits until its caller goes or it is released, and then notes what a desk would look at before it tells."""

    def __init__(self) -> None:
        self.began = 0
        self.release = asyncio.Event()
        self.gone: list[bool] = []

    async def handle(self, caller: Caller, request: Request) -> Mapping[str, Any]:
        self.began += 1
        waits = [asyncio.ensure_future(wait) for wait in (caller.presence.until_hurried(), self.release.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        self.gone.append(caller.presence.gone)
        return {}


LEAVING = {"closed": False, "reset": True}


@pytest.mark.parametrize("reset", LEAVING.values(), ids=LEAVING.keys())
async def test_a_client_that_hangs_up_is_noticed(reset: bool) -> None:
    """During a long poll and during a payment: the handler is woken, ends by itself, and sees that nobody is there."""
    watcher = Watcher()
    async with serving(watcher.handle) as port:
        body = json.dumps(BODY).encode()
        put = head("PUT", f"{SALE}/k?wait=60", "Content-Type: application/json", f"Content-Length: {len(body)}", port=port) + body
        for count, request in enumerate((head("GET", f"{SALE}/k?wait=60", port=port), put), 1):
            with socket.create_connection(("127.0.0.1", port)) as wire:
                wire.sendall(request)
                await soon(lambda count=count: watcher.began == count)
                if reset:
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            await soon(lambda count=count: len(watcher.gone) == count)
    assert watcher.gone == [True, True]


async def test_a_client_that_hurries_and_leaves_is_noticed() -> None:
    """It sent its next request ahead, so the server reads no further: the socket itself tells that it has gone."""
    watcher = Watcher()
    async with serving(watcher.handle) as port:
        with socket.create_connection(("127.0.0.1", port)) as wire:
            wire.sendall(head("GET", f"{SALE}/k?wait=60", port=port) + head("GET", "/v1/status", port=port))
            await soon(lambda: watcher.began == 1)
        await asyncio.sleep(0.1)
        watcher.release.set()
        await soon(lambda: len(watcher.gone) >= 1)
    assert watcher.gone[0] is True


async def test_a_client_that_waits_is_there() -> None:
    """The control."""
    watcher = Watcher()
    async with serving(watcher.handle) as port:
        poll = asyncio.ensure_future(reply_to(port, "GET", f"{SALE}/k?wait=60"))
        await soon(lambda: watcher.began == 1)
        watcher.release.set()
        assert (await poll).status == 200
    assert watcher.gone == [False]


async def test_stopping_answers_long_polls() -> None:
    """What is at work is answered with what is known, then the port is closed."""
    agent = Agent()
    async with serving(agent.handle) as port:
        poll = asyncio.ensure_future(reply_to(port, "GET", f"{SALE}/k?wait=60"))
        await soon(lambda: len(agent.log) == 1)
    assert (await poll).json == {"key": "k", "hurried": True, "gone": False}
    with socket.socket() as late, pytest.raises(ConnectionRefusedError):
        late.connect(("127.0.0.1", port))


# --- faults ---


@pytest.mark.parametrize("fault", [ValueError("SECRETTOKEN"), asyncio.CancelledError("SECRETTOKEN")])
async def test_a_fault_of_ours_is_told_by_reference(fault: BaseException) -> None:
    """500, and the reference that stands in the log; its text is not told, and the next request is served."""
    agent, recorder = Agent(), Recorder()
    async with serving(agent.handle, observer=recorder) as port:
        agent.fault = fault
        reply = await reply_to(port, "GET", "/v1/status")
        assert (reply.status, reply.code) == (500, "INTERNAL")
        ((reference, _, error),) = recorder.of("failed")
        assert (reply.json["reference"], error) == (reference, fault)
        assert b"SECRET" not in reply.body
        agent.fault = None
        assert await status(port) == 200
        agent.result = {"bad": object()}
        assert (await reply_to(port, "GET", "/v1/status")).code == "INTERNAL"


async def test_a_refusal_carries_what_belongs_to_it() -> None:
    """Its data stand beside the standard members and cannot replace them; a code nobody knows here is still refused."""

    async def handle(caller: Caller, request: Request) -> Mapping[str, Any]:
        raise Refused("ORDER_PAID" if request.method == "agent.status" else "NOVELTY", "paid", {"key": "k9", "status": 200, "odd": {1}})

    async with serving(handle) as port:
        reply = await reply_to(port, "GET", "/v1/status")
        assert (reply.status, reply.code, reply.json["title"], reply.json["detail"]) == (409, "ORDER_PAID", "Conflict", "paid")
        assert (await reply_to(port, "GET", f"{SALE}/k")).status == 422


# --- any bytes ---

_TEXT = json.dumps(BODY).encode()
GOOD = head("PUT", f"{SALE}/k", "Connection: close", "Content-Type: application/json", f"Content-Length: {len(_TEXT)}") + _TEXT
PIECES = [
    b"\r\n",
    b"\n",
    b":",
    b" ",
    b"\0",
    b"\xff",
    b"HTTP/9.9",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"%00",
    b"%ff",
    b"?",
]
RAW = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    b'{"jsonrpc":"2.0","id":1,"method":"agent.status"}\n',
]


async def test_any_bytes_harm_nobody() -> None:
    """Three hundred broken requests, whole and cut off: every answer is a proper one, none is our fault, and the server still serves."""
    agent, recorder, chance = Agent(), Recorder(), random.Random(11)
    agent.release.set()
    async with serving(agent.handle, limits=Limits(line_seconds=0.1, request_burst=10_000, connections=200), observer=recorder) as port:
        good = GOOD.replace(b"127.0.0.1:0", b"127.0.0.1:%d" % port)
        broken = [*RAW, *(damaged(good, chance) for _ in range(300))]
        answered = 0
        for start in range(0, len(broken), 40):
            group = broken[start : start + 40]
            for said in await asyncio.gather(*(asyncio.to_thread(raw, port, data, 0.4) for data in group)):
                assert said == b"" or (said.startswith(b"HTTP/1.1 ") and int(said[9:12]) < 500), said[:200]
                answered += said != b""
        assert answered > 20, "a server that answers nothing shows nothing"
        assert recorder.of("failed") == []
        assert await status(port) == 200


def damaged(request: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(request))
    match chance.randrange(4):
        case 0:
            return request[:place] + bytes([request[place] ^ (1 << chance.randrange(8))]) + request[place + 1 :]
        case 1:
            return request[:place] + chance.choice(PIECES) + request[place:]
        case 2:
            return request[:place]
        case _:
            return request[:place] + request[place + chance.randrange(1, 9) :]
