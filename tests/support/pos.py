"""A register program of the plainest kind: one Unix socket, one JSON object per line, no library of ours.

It is written from the protocol's document alone, so that a mistake of our own client cannot hide one of the daemon.
"""

import contextlib
import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ANSWER_S = 30.0


class Failed(Exception):
    """The agent answered with an error object."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(json.dumps(error, ensure_ascii=False))
        self.error = error
        self.code = str(error["data"]["code"])


class Pos:
    """One connection. Use it in ``with``."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_S)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._unread = b""
        self._id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, line: bytes) -> None:
        """Some bytes, as they are."""
        self._socket.sendall(line)

    def receive(self, seconds: float = ANSWER_S) -> dict[str, Any] | None:
        """The next line; None at the end of the connection. Raises TimeoutError."""
        self._socket.settimeout(seconds)
        while b"\n" not in self._unread:
            data = b""
            with contextlib.suppress(ConnectionResetError):
                data = self._socket.recv(65536)
            if not data:
                return None
            self._unread += data
        line, self._unread = self._unread.split(b"\n", 1)
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def ask(self, request: object) -> dict[str, Any]:
        """Send one message as a line and read one answer."""
        self.send(json.dumps(request, ensure_ascii=False).encode() + b"\n")
        answer = self.receive()
        assert answer is not None, "the agent hung up"
        return answer

    def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """The result of one request. Raises Failed."""
        self._id += 1
        answer = self.ask({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        assert answer["id"] == self._id
        if "error" in answer:
            raise Failed(answer["error"])
        result = answer["result"]
        assert isinstance(result, dict)
        return result
