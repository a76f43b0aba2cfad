"""The table of outcomes, row by row, against real sockets: only a failure to connect is NOT SENT."""

import asyncio
import re
import socket
from collections.abc import Iterator

import pytest

from agent.core.verdict import NotSent, Operation, Reply, Request, Unclear
from agent.edges.transport import TransportLimits
from tests.edges.raw_server import FAST, PASSWORD, Behaviour, Exchange, RawServer, always, answer, once, request

LARGE_BODY_BYTES = 10_000_000


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is bound by nobody who listens, so it refuses and no other program takes it meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port whose queue of connections is full: the kernel drops further attempts, like a firewall."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


async def test_refused_is_not_sent(closed_port: int) -> None:
    """Nobody listens: NOT SENT, and the reason says so."""
    outcome = await once(f"http://127.0.0.1:{closed_port}")
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "refused"


async def test_unknown_host_is_not_sent() -> None:
    """A name that cannot be resolved is NOT SENT (``.invalid`` never resolves, RFC 6761)."""
    outcome = await once("https://pay.invalid", TransportLimits())
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "dns"


async def test_unanswered_connection_attempt_is_not_sent(mute_port: int) -> None:
    """SYN without an answer: NOT SENT by the connect limit."""
    outcome = await once(f"http://127.0.0.1:{mute_port}")
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "connect_timeout"


async def test_tls_to_a_port_that_does_not_speak_it_is_not_sent() -> None:
    """The handshake meets plain HTTP: NOT SENT, and the server never sees the request."""

    async def plain(exchange: Exchange) -> None:
        await exchange.reader.read(10)
        await exchange.send(answer("400 Bad Request"))

    async with RawServer(plain) as server:
        outcome = await once(f"https://127.0.0.1:{server.port}")
    assert outcome == NotSent("tls", "the port does not speak TLS")
    assert server.requests == []


async def test_tls_handshake_that_never_ends_is_not_sent() -> None:
    """The port accepts and stays silent: NOT SENT by the connect limit, told apart from a dead host."""

    async def silent(exchange: Exchange) -> None:
        await exchange.reader.read()

    async with RawServer(silent) as server:
        outcome = await once(f"https://127.0.0.1:{server.port}")
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "connect_timeout"
    assert "handshake" in outcome.detail


@pytest.mark.parametrize("by_reset", [False, True])
async def test_tls_handshake_broken_off_is_not_sent(by_reset: bool) -> None:
    """The server hangs up inside the handshake, politely or not: NOT SENT."""

    async def hang_up(exchange: Exchange) -> None:
        await exchange.reader.read(10)
        if by_reset:
            exchange.reset()

    async with RawServer(hang_up) as server:
        outcome = await once(f"https://127.0.0.1:{server.port}")
    assert isinstance(outcome, NotSent)
    assert outcome.reason == "tls"


async def _reset_before_reading(exchange: Exchange) -> None:
    exchange.reset()


async def _reset_after_reading(exchange: Exchange) -> None:
    await exchange.request()
    exchange.reset()


async def _never_read(exchange: Exchange) -> None:
    exchange.writer.transport.pause_reading()  # type: ignore[attr-defined]  # typeshed: a stream's transport is a plain WriteTransport
    await asyncio.sleep(30)


async def _silent(exchange: Exchange) -> None:
    await exchange.request()
    await asyncio.sleep(30)


async def _close_without_answer(exchange: Exchange) -> None:
    await exchange.request()


async def _half_headers(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    exchange.writer.close()
    await exchange.writer.wait_closed()


async def _truncated_body(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b'{"status":"acc')
    exchange.writer.close()
    await exchange.writer.wait_closed()


async def _truncated_chunks(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\n12345\r\n")
    exchange.writer.close()
    await exchange.writer.wait_closed()


async def _body_stands_still(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await asyncio.sleep(30)


async def _reset_in_body(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.send(b"HTTP/1.1 200 OK\r\n\r\n{")
    await asyncio.sleep(0.05)
    exchange.reset()


async def _garbage(exchange: Exchange) -> None:
    await exchange.request()
    await exchange.send(bytes(range(256)) * 4)
    await asyncio.sleep(30)


async def _echo(exchange: Exchange) -> None:
    """The rudest answer: our own request back, as if it were one."""
    whole = await exchange.request()
    await exchange.send(b"HTTP/1.1 200 OK\r\n bad " + whole)


@pytest.mark.parametrize(
    ("behave", "reason", "got"),
    [
        (_reset_before_reading, "reset", False),
        (_reset_after_reading, "reset", True),
        (_never_read, "timeout", False),
        (_silent, "timeout", True),
        (_close_without_answer, "protocol", True),
        (_half_headers, "protocol", True),
        (_truncated_body, "protocol", True),
        (_truncated_chunks, "protocol", True),
        (_body_stands_still, "timeout", True),
        (_reset_in_body, "reset", True),
        (_garbage, "protocol", True),
        (_echo, "protocol", True),
        (always(answer(body=b"x" * LARGE_BODY_BYTES)), "too_large", True),
        (always(answer(headers="Content-Encoding: gzip\r\n")), "encoding", True),
    ],
)
async def test_everything_after_connecting_is_unclear(behave: Behaviour, reason: str, got: bool) -> None:
    """Whatever goes wrong once a connection stands is Unclear, whether or not the server saw the request; no text quotes a secret."""
    async with RawServer(behave) as server:
        outcome = await once(server.http)
    assert isinstance(outcome, Unclear)
    assert outcome.reason == reason
    assert bool(server.requests) is got
    assert PASSWORD not in repr(outcome)
    assert "Basic" not in repr(outcome)


async def test_a_write_that_stalls_is_unclear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request too large for the socket's buffers, to a server that never reads: a write timeout, and yet maybe sent."""
    monkeypatch.setattr("agent.edges.compose.MAX_BODY_BYTES", LARGE_BODY_BYTES * 2)
    async with RawServer(_never_read) as server:
        outcome = await once(server.http, wanted=request(filler="x" * LARGE_BODY_BYTES))
    assert outcome == Unclear("timeout", "the connection stood still for too long")


async def test_a_write_that_breaks_is_unclear(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server resets while the request is being written: a write error is maybe sent, never NOT SENT."""
    monkeypatch.setattr("agent.edges.compose.MAX_BODY_BYTES", LARGE_BODY_BYTES * 2)

    async def reset_midway(exchange: Exchange) -> None:
        await exchange.reader.readexactly(100_000)
        exchange.reset()

    async with RawServer(reset_midway) as server:
        outcome = await once(server.http, wanted=request(filler="x" * LARGE_BODY_BYTES))
    assert isinstance(outcome, Unclear)
    assert outcome.reason == "reset"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", b"{}"),
        ("200 OK", b"<html>captive portal</html>"),
        ("201 Created", b"{}"),
        ("401 Unauthorized", b""),
        ("422 Unprocessable Entity", b'{"errorCode":"X"}'),
        ("429 Too Many Requests", b""),
        ("502 Bad Gateway", b"<html>nginx</html>"),
        ("599 Odd", b""),
    ],
)
async def test_a_whole_answer_is_a_reply_whatever_it_says(status: str, body: bytes) -> None:
    """The transport judges no status and no body: a whole answer is a Reply, header names in lower case."""
    async with RawServer(always(answer(status, body, "Retry-After: 7\r\nX-Thing: A\r\n"))) as server:
        outcome = await once(server.http)
    assert isinstance(outcome, Reply)
    assert (outcome.status, outcome.body) == (int(status[:3]), body)
    assert outcome.headers["retry-after"] == "7"
    assert outcome.headers["x-thing"] == "A"


async def test_interim_answers_are_passed_over() -> None:
    """100 Continue and 103 before the answer are not the answer."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    async with RawServer(always(interim + answer(body=b'{"a":1}'))) as server:
        outcome = await once(server.http)
    assert isinstance(outcome, Reply)
    assert outcome.body == b'{"a":1}'


async def test_a_body_of_exactly_the_limit_is_a_reply() -> None:
    """The limit itself is allowed; one byte more is cut (with and without a stated length)."""
    limit = FAST.max_answer_bytes
    async with RawServer(always(answer(body=b"x" * limit))) as server:
        assert isinstance(await once(server.http), Reply)
    async with RawServer(always(answer(body=b"x" * (limit + 1)))) as server:
        outcome = await once(server.http)
    assert isinstance(outcome, Unclear)
    assert outcome.reason == "too_large"


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    """302 to another server, and 307, which would repeat the body: that server gets nothing."""
    async with RawServer(always(answer())) as other:
        for status in ("302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            async with RawServer(always(answer(status, headers=f"Location: {other.http}/steal\r\n"))) as server:
                outcome = await once(server.http)
            assert isinstance(outcome, Reply)
            assert outcome.status == int(status[:3])
        assert other.connections == 0


async def test_a_request_without_a_form_in_http_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the HTTP library itself refuses to write is NOT SENT: the server gets a connection and no byte."""
    monkeypatch.setattr("agent.edges.compose._METHOD", re.compile(r".*"))
    async with RawServer(always(answer())) as server:
        outcome = await once(server.http, wanted=Request(Operation.CHECKOUT, "PO ST", "/x", {"a": 1}))
    assert outcome == NotSent("local", "the request has no valid form in HTTP")
    assert server.connections == 1
    assert server.received == b""
