"""One account's HTTP client, and what can honestly be said of an attempt: answered, proven not sent, or unclear.

Only a failure to connect proves that no byte left. The library reports it by an exception of its own, and a witness inside the
connection must agree that nothing was written. Everything else is unclear, a write error included: what was written before it
may have been enough.

The time limits are the library's own. No cancellation runs around it, because a cancelled request can take a slot of its
connection pool along for good. An answer that drips outlasts every limit per read, so a request past its flight limit stops
reading; if it has not even seen the headers, its client takes no more requests and is closed once only such requests are left
on it, which ends them with an ordinary read error.

This is the only module that imports httpx. A fork with the same interface is taken by changing that one line.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from agent.core.verdict import NotSent, Outcome, Reply, Unclear
from agent.edges.accounts import Account, TransportLimits
from agent.edges.authorization import TokenLogin
from agent.edges.compose import Letter
from agent.edges.tls import client_context, connect_failure

# An idle connection behind a router dies silently. The kernel's own probes keep it open, or find out before a customer does.
SOCKET_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20),  # seconds
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),  # seconds
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)

CLOSED = NotSent("closed", "the agent is stopping")

_LOGGERS = ("httpx", "httpcore", "httpx2", "httpcore2")  # below WARNING they write URLs and the headers of answers


class _TooLate(Exception):
    """This request has not begun to write, and must not begin any more."""

    def __init__(self, outcome: NotSent) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class _Witness:
    """What one request has done so far. Called by the connection itself with the names of its steps; the last moment to say no."""

    def __init__(self, refusal: Callable[[], NotSent | None]) -> None:
        self._refusal = refusal
        self.securing = False
        self.writing = False
        self.headers_written = False
        self.answered = False
        self.overdue = False

    async def __call__(self, event: str, _: Mapping[str, Any]) -> None:
        match event.partition(".")[2]:
            case "start_tls.started":
                self.securing = True
            case "send_request_headers.started":
                refusal = self._refusal()
                if refusal is not None:
                    raise _TooLate(refusal)
                self.writing = True
            case "send_request_headers.complete":
                self.headers_written = True


class _Generation:
    """One client with the requests that run on it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.under_way: set[_Witness] = set()

    def hopeless(self) -> bool:
        """Nothing is left on it that may still come to a good end."""
        return all(witness.overdue for witness in self.under_way)


class Wire:
    """Sends the letters of one account over kept-alive connections. Building it takes tens of milliseconds (certificates): at start,
    never in the middle of a sale. Raises AccountRefused."""

    def __init__(self, account: Account, limits: TransportLimits) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        self.context = client_context(account.ca_file) if account.tls else None
        self._limits = limits
        self._logins = 1 if isinstance(account.authorization, TokenLogin) else 0  # one at a time, beside the flights that wait for it
        self._closed = False
        self._current = _Generation(self._client())
        self._retired: set[_Generation] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, letter: Letter) -> Outcome:
        """One attempt. Raises nothing; must not be cancelled."""
        if self._closed:  # a client that is closed says so by an error of its own, which would not prove that nothing was sent
            return CLOSED
        generation, witness = self._current, _Witness(lambda: self._refusal(letter))
        generation.under_way.add(witness)
        limit_s = self._limits.flight_limit_ms / 1_000
        timer = asyncio.get_running_loop().call_later(limit_s, self._overdue, generation, witness)
        try:
            outcome = await self._attempt(generation.client, letter, witness)
        finally:
            timer.cancel()
            generation.under_way.discard(witness)
            self._settle(generation)
        if isinstance(outcome, NotSent) and outcome.reason == "pool":
            # The pool holds as many connections as requests are allowed, so waiting for one means that it has lost some.
            self._retire(generation)
        return outcome

    async def aclose(self) -> None:
        """Close every connection. Requests under way end as Unclear; one that has not begun to write never will."""
        self._closed = True
        for generation in (self._current, *self._retired):
            await _close(generation.client)
        if self._closing:
            await asyncio.wait(self._closing)

    def _refusal(self, letter: Letter) -> NotSent | None:
        if self._closed:
            return CLOSED
        return NotSent("deadline", "there was no connection before the deadline") if letter.expired() else None

    def _client(self) -> httpx.AsyncClient:
        limits = self._limits
        connections = limits.max_flights + self._logins
        pool = httpx.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=limits.keepalive_ms / 1_000,
        )
        return httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                verify=self.context if self.context is not None else False,  # False: an account without TLS, loopback only
                trust_env=False,
                limits=pool,
                socket_options=SOCKET_OPTIONS,
            ),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # no sale may see anything of another's
            timeout=httpx.Timeout(
                connect=limits.connect_limit_ms / 1_000,
                read=limits.read_limit_ms / 1_000,
                write=limits.write_limit_ms / 1_000,
                pool=limits.pool_limit_ms / 1_000,
            ),
        )

    async def _attempt(self, client: httpx.AsyncClient, letter: Letter, witness: _Witness) -> Outcome:
        try:
            request = client.build_request(
                letter.method, letter.url, headers=letter.headers, content=letter.content, extensions={"trace": witness}
            )
            response = await client.send(request, stream=True)
        except Exception as fault:  # noqa: BLE001 - boundary of a task that must end in an outcome; the library lets foreign errors through
            return _without_answer(fault, witness)
        witness.answered = True
        try:
            return await self._read(response, witness)
        except Exception as fault:  # noqa: BLE001 - as above
            return _unclear(fault)
        finally:
            with contextlib.suppress(httpx.HTTPError, OSError):  # the outcome is known; a bad goodbye does not change it
                await response.aclose()

    async def _read(self, response: httpx.Response, witness: _Witness) -> Outcome:
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            return Unclear("encoding", "the answer is compressed, which was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._limits.max_answer_bytes:
                return Unclear("too_large", f"the answer is larger than {self._limits.max_answer_bytes} bytes")
            if witness.overdue:
                return Unclear("timeout", f"the answer did not end within {self._limits.flight_limit_ms} ms")
        return Reply(response.status_code, bytes(body), dict(response.headers.items()))

    def _overdue(self, generation: _Generation, witness: _Witness) -> None:
        witness.overdue = True
        if not witness.answered:  # one that reads a body looks at the flag itself, between two pieces
            self._retire(generation)
        self._settle(generation)

    def _retire(self, generation: _Generation) -> None:
        if generation is self._current and not self._closed:
            self._retired.add(generation)
            self._current = _Generation(self._client())
            self._settle(generation)

    def _settle(self, generation: _Generation) -> None:
        """Close a retired client as soon as nobody can lose by it."""
        if generation in self._retired and generation.hopeless():
            self._retired.discard(generation)
            task = asyncio.create_task(_close(generation.client))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _close(client: httpx.AsyncClient) -> None:
    with contextlib.suppress(httpx.HTTPError, OSError):  # its sockets are gone either way
        await client.aclose()


def _without_answer(fault: Exception, witness: _Witness) -> NotSent | Unclear:
    """What a failed attempt proves. The texts are our own: the library's quote what the server sent, and that may echo a password."""
    local = NotSent("local", "the request has no valid form in HTTP")
    if not witness.writing:
        match fault:
            case _TooLate(outcome=outcome):
                return outcome
            case httpx.PoolTimeout():
                return NotSent("pool", "no free connection")
            case httpx.ConnectTimeout() if witness.securing:
                return NotSent("connect_timeout", "the server accepts a connection and then does not finish the TLS handshake")
            case httpx.ConnectTimeout():
                return NotSent("connect_timeout", "the server does not answer a connection attempt")
            case httpx.ConnectError():
                return connect_failure(fault, witness.securing)
            case httpx.LocalProtocolError() | httpx.UnsupportedProtocol() | httpx.InvalidURL():
                return local
    elif isinstance(fault, httpx.LocalProtocolError) and not witness.headers_written:
        return local  # refused while the first line was being put together
    return _unclear(fault)


def _unclear(fault: Exception) -> Unclear:
    match fault:
        case httpx.TimeoutException():
            return Unclear("timeout", "the connection stood still for too long")
        case httpx.NetworkError() | OSError():
            return Unclear("reset", "the connection broke before the whole answer had come")
        case httpx.RemoteProtocolError():
            return Unclear("protocol", "the answer is not HTTP, or ends before its end")
        case _:
            return Unclear("internal", type(fault).__name__)
