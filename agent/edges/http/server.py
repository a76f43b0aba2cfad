"""The server: uvicorn as a task of our own loop, with the limits it has no words for.

* *So many connections.* One more than permitted ends the oldest that has shown no token, or the one that has been idle longest, or is
  turned away.
* *An answer must be read within seconds*: a program that does not read would keep its place for ever.
* *A request must be complete within seconds of its first byte*: a program that drips bytes holds a place that a register needs.
* *No signals.* They are the daemon's business; ``stop`` ends the server after requests at work were answered.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from http import HTTPStatus
from typing import ClassVar, Protocol

import h11
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from agent.edges.http.faults import Fault, raw
from agent.edges.http.presence import KNOWN, TRANSPORT
from drivers.limits import Limits
from drivers.observer import Observer
from drivers.socket_address import BACKLOG

KEEP_ALIVE_SECONDS = 75  # longer than a register waits between polls, and than the longest poll
MAX_HEAD_BYTES = 16 * 1024  # request line and headers: a token of 4096 characters with room


class Connection(H11Protocol):
    """One connection with its limits."""

    limits: ClassVar[Limits]
    observer: ClassVar[Observer]
    strangers_give_way: ClassVar[bool]
    known = False  # it has shown a good token
    _clock: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    made_at = 0.0  # by the loop's clock

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        self.app_state = {**self.app_state, TRANSPORT: transport, KNOWN: self._become_known}
        self.made_at = self.loop.time()
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections and not self._make_room():
            self.observer.turned_away(None, "LIMIT")
            self._part(Fault("LIMIT", "too many connections: close those that are not needed"))
            return
        self._clock = self.loop.call_later(self.limits.line_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        self._stop_unread()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._mind_unread()

    def resume_writing(self) -> None:
        self._stop_unread()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._mind_unread()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._mind_clock()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._mind_clock()

    def send_400_response(self, msg: str) -> None:
        self.observer.turned_away(None, "INVALID")
        self._part(Fault("INVALID", "this is no HTTP/1.1 request", status=HTTPStatus.BAD_REQUEST))

    def _become_known(self) -> None:
        self.known = True

    def _mind_unread(self) -> None:
        """It runs while an answer waits for its reader, also when the connection is to be closed after it."""
        if self._unread is None and self.transport.get_write_buffer_size() > 0:
            self._unread = self.loop.call_later(self.limits.unread_seconds, self.transport.abort)

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _make_room(self) -> bool:
        """End one connection for this one; whether there was one to end."""
        others = [one for one in self.connections if isinstance(one, Connection) and one is not self]
        strangers = [one for one in others if not one.known] if self.strangers_give_way else []
        if not strangers:
            return self._end_idle()
        oldest = min(strangers, key=lambda one: one.made_at)
        oldest.transport.abort()
        self.connections.discard(oldest)
        return True

    def _end_idle(self) -> bool:
        """End the connection that has been idle longest."""
        resting = [one for one in self.connections if isinstance(one, Connection) and one.timeout_keep_alive_task is not None]
        if not resting:
            return False
        oldest = min(resting, key=lambda one: one.timeout_keep_alive_task.when() if one.timeout_keep_alive_task else 0.0)
        oldest.timeout_keep_alive_handler()
        self.connections.discard(oldest)
        return True

    def _mind_clock(self) -> None:
        """It runs while a request has begun and is not complete."""
        state = self.conn.their_state
        reading = state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))
        if not reading:
            self._stop_clock()
        elif self._clock is None and not self.transport.is_closing():
            self._clock = self.loop.call_later(self.limits.line_seconds, self._too_slow)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _too_slow(self) -> None:
        self._clock = None
        text = f"a request must be complete within {self.limits.line_seconds:g} seconds"
        self._part(Fault("LIMIT", text, status=HTTPStatus.REQUEST_TIMEOUT))

    def _part(self, fault: Fault) -> None:
        """The last word, unless an answer is on its way already."""
        answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if not answering and not self.transport.is_closing():
            self.transport.write(raw(fault))
        self.transport.close()
        self._mind_unread()


class Served(Protocol):
    """An application that can be told to come to an end. Called as ASGI says. ``knows_tokens``: it tells which connections have
    shown one."""

    knows_tokens: ClassVar[bool]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def hurry(self) -> None: ...


class HttpServer(uvicorn.Server):
    """Serves an application on a listening socket. ``behind``: what stands between the socket and a connection, TLS for one."""

    def __init__(
        self,
        application: Served,
        listening: socket.socket,
        limits: Limits,
        observer: Observer,
        grace_s: int,
        behind: Callable[[type[Connection]], type[asyncio.Protocol]] = lambda connection: connection,
    ) -> None:
        bound = {"limits": limits, "observer": observer, "strangers_give_way": application.knows_tokens}
        connection = type("BoundConnection", (Connection,), bound)
        super().__init__(
            uvicorn.Config(
                application,
                http=behind(connection),
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="critical",  # its errors are ours to tell, and it tells of every broken request
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=grace_s,
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            )
        )
        self._application = application
        self._listening = listening
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to accept."""
        up = asyncio.Event()
        self._up = up
        self._serving = asyncio.create_task(self.serve())
        waiting = asyncio.create_task(up.wait())
        await asyncio.wait({self._serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._serving.done():
            await self._serving

    async def stop(self) -> None:
        """Stop accepting, answer what is at work, then end everything."""
        self._application.hurry()
        self.should_exit = True
        if self._serving is not None:
            await self._serving
        self._listening.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([self._listening])
        self._up.set()
