"""Stands between the agent and its bank and writes down when each request had come in whole and each answer had gone out whole.

What lies between the two is the provider's time; the rest of a checkout is the agent's.
"""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

READ_BYTES = 65_536


@dataclass(slots=True)
class Exchange:
    """Seconds of ``time.perf_counter``. ``path`` is of the request."""

    path: str
    asked: float
    answered: float = 0.0


class Proxy:
    """Listens at ``port`` from the beginning; ``bank_port`` may be set later. One thread for every connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.bank_port = 0
        self._exchanges: list[Exchange] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def exchanges(self) -> Sequence[Exchange]:
        """Those since the last call, in order."""
        found, self._exchanges = self._exchanges, []
        return sorted(found, key=lambda one: one.asked)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                agent, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(agent,), daemon=True).start()

    def _carry(self, agent: socket.socket) -> None:
        with agent, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.bank_port)) as bank:
            for one in (agent, bank):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            chooser = selectors.DefaultSelector()
            chooser.register(agent, selectors.EVENT_READ, bank)
            chooser.register(bank, selectors.EVENT_READ, agent)
            exchange: Exchange | None = None
            while True:
                for key, _ in chooser.select():
                    assert isinstance(key.fileobj, socket.socket)
                    data = key.fileobj.recv(READ_BYTES)
                    now = time.perf_counter()
                    if not data:
                        return
                    key.data.sendall(data)
                    if key.fileobj is bank:
                        assert exchange is not None
                        exchange.answered = time.perf_counter()
                    elif exchange is None or exchange.answered:
                        exchange = Exchange(data.split(b" ", 2)[1].decode(), now)
                        self._exchanges.append(exchange)
                    else:
                        exchange.asked = now  # the body, in a piece of its own
