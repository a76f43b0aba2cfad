"""Accepting connections: what every listener for stream sockets does alike, whatever its address and whoever may come in.

A subclass says how the listening socket is made and how one connection is served. Here is the rest: how many may be connected, that
no connection can end the listener, and an end that lets requests at work be answered.
"""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Hashable
from dataclasses import dataclass

from drivers.limits import Limits
from drivers.observer import Observer
from drivers.session import Session

ACCEPT_PAUSE_SECONDS = 0.1  # after accept failed for want of descriptors or memory


@dataclass(slots=True)
class Guest:
    """A connection that is served: whose it is (None while nobody knows), and its session once it has one."""

    whose: Hashable | None = None
    session: Session | None = None


class Acceptor(ABC):
    """Accepts until it is stopped."""

    def __init__(self, limits: Limits | None, observer: Observer | None) -> None:
        self._limits = limits or Limits()
        self._observer = observer or Observer()
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._guests: dict[asyncio.Task[None], Guest] = {}

    @property
    def connections(self) -> int:
        return len(self._guests)

    @abstractmethod
    def _listen(self) -> socket.socket:
        """A listening, non-blocking socket. Raises CannotListen."""

    @abstractmethod
    def _welcome(self, connection: socket.socket) -> None:
        """Take a connection in (``_serve``), or close it."""

    @abstractmethod
    def _leave_address(self) -> None:
        """Give the address back, before the listening socket is closed."""

    async def start(self) -> None:
        """Begin to accept. Raises CannotListen."""
        self._listener = self._listen()
        self._accepting = asyncio.create_task(self._accept(self._listener))

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Stop accepting, let requests at work be answered for so long, then end everything."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._accepting = None
        if self._listener is not None:
            self._leave_address()
            self._listener.close()
            self._listener = None
        for task, guest in self._guests.items():
            if guest.session is not None:
                guest.session.stop()
            else:  # nothing was asked yet
                task.cancel()
        if self._guests:
            _, late = await asyncio.wait(self._guests, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:  # no descriptors, no memory, or a peer that has already gone
                self._observer.failed(None, "accept", "", error)
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            try:
                connection.setblocking(False)
                self._welcome(connection)
            except Exception as error:  # noqa: BLE001  one connection must not end the listener
                connection.close()
                self._observer.failed(None, "admit", "", error)
            await asyncio.sleep(0)  # a storm of connections must not starve those that are served

    def _full(self) -> bool:
        return len(self._guests) >= self._limits.connections

    def _full_for(self, whose: Hashable) -> bool:
        return sum(1 for guest in self._guests.values() if guest.whose == whose) >= self._limits.connections_per_user

    def _serve(self, connection: socket.socket, guest: Guest, work: Coroutine[None, None, None]) -> None:
        """Keep ``work`` for this connection as a task; the connection is closed when it ends."""
        task = asyncio.create_task(work)
        self._guests[task] = guest
        task.add_done_callback(lambda done: self._forget(done, connection))

    def _forget(self, task: asyncio.Task[None], connection: socket.socket) -> None:
        connection.close()
        self._guests.pop(task, None)
        if not task.cancelled() and (error := task.exception()):
            self._observer.failed(None, "session", "", error)
