"""A bad wire before a port of this machine: answers break off in the middle, or requests lose their token. What goes through it is real."""

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Self

VERBS = ("GET", "PUT", "POST")
PIECE_BYTES = 65_536
HEAD_END = b"\r\n\r\n"
SEEN_BYTES = 10  # of the body of an answer that breaks off: it has begun, and is not whole


class BrokenWire:
    """``port`` is where to connect instead. ``cuts``: of which verb how many answers to come break off. ``spoils``: this word of a request
    does not arrive. ``verbs``: of the requests that came, in order."""

    def __init__(self, port: int, **cuts: int) -> None:
        self.cuts, self.spoils, self.verbs = Counter(cuts), b"", list[str]()
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @classmethod
    @contextlib.contextmanager
    def before(cls, port: int, **cuts: int) -> Iterator[Self]:
        """Until the end of the block."""
        wire = cls(port, **cuts)
        try:
            yield wire
        finally:
            for one in [wire._server, *wire._ends]:
                _shut(one)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [near, far]
                threading.Thread(target=self._carry_requests, args=(near, far), daemon=True).start()
                threading.Thread(target=self._carry_answers, args=(near, far), daemon=True).start()

    def _carry_requests(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := near.recv(PIECE_BYTES):
                if (verb := piece.split(b" ", 1)[0].decode("latin-1")) in VERBS:
                    self.verbs.append(verb)
                piece = piece.replace(b":%d\r\n" % self.port, b":%d\r\n" % self._target)  # the Host: the agent minds its own address
                far.sendall(piece.replace(self.spoils, b"x" * len(self.spoils)) if self.spoils else piece)
        _shut(near, far)

    def _carry_answers(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := far.recv(PIECE_BYTES):
                if self.cuts[self.verbs[-1]] > 0:
                    self.cuts[self.verbs[-1]] -= 1
                    near.sendall(piece[: piece.find(HEAD_END) + len(HEAD_END) + SEEN_BYTES])
                    break
                near.sendall(piece)
        _shut(near, far)


def _shut(*ends: socket.socket) -> None:
    for one in ends:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
