"""Registers of the leanest kind, so that the time between request and answer is the agent's and not theirs."""

import json
import selectors
import socket
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from tests.support.stand import STORE

ANSWER_S = 60.0
READ_BYTES = 65_536
AMOUNT = 9_000

Script = Generator[bytes, bytes, None]  # sends request lines, is given the answers


class Line:
    """One connection to a socket that speaks lines."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(ANSWER_S)
        self.socket.connect(str(path))

    def ask(self, request: bytes) -> tuple[float, bytes]:
        """Milliseconds from the first byte sent to the last received, and the answer."""
        begin = time.perf_counter()
        self.socket.sendall(request)
        answer = self.socket.recv(READ_BYTES)
        while not answer.endswith(b"\n"):
            answer += _some(self.socket)
        return (time.perf_counter() - begin) * 1_000, answer

    def result(self, request: bytes) -> dict[str, Any]:
        return result_of(self.ask(request)[1])

    def close(self) -> None:
        self.socket.close()


class Web:
    """One connection to an HTTP port, kept alive."""

    def __init__(self, port: int, token: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._common = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n".encode()

    def ask(self, verb: str, path: str, body: bytes) -> tuple[float, bytes]:
        """Milliseconds from the first byte sent to the last received, and the body. Raises AssertionError for another status than 2xx."""
        head = f"{verb} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode() + self._common + b"\r\n"
        begin = time.perf_counter()
        self.socket.sendall(head + body)
        answer = self.socket.recv(READ_BYTES)
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += _some(self.socket)
        fields = dict(line.lower().split(b": ", 1) for line in answer[:end].split(b"\r\n")[1:])
        while len(answer) < end + 4 + int(fields[b"content-length"]):
            answer += _some(self.socket)
        took = (time.perf_counter() - begin) * 1_000
        assert answer[9:10] == b"2", answer
        return took, answer[end + 4 :]

    def close(self) -> None:
        self.socket.close()


def bill(terminal: str, key: str, customer: str, wait: float = 0) -> bytes:
    """A checkout of some 540 bytes as a line. ``customer``: the beginning of the card session, which says what the sandbox's one does."""
    request = {"storeId": STORE, "terminalId": terminal, "key": key, **sale_of(key, customer), "wait": wait}
    return rpc("checkout.create", request)


def sale_of(key: str, customer: str) -> dict[str, Any]:
    """What a checkout says beside its name. A card session is good for one payment."""
    item = {"name": "Хлеб бородинский", "article": "4600000001", "price": AMOUNT, "quantity": 1, "totalAmount": AMOUNT, "tax": "vat10"}
    invoice = {"orderId": f"order-{key}", "totalAmount": AMOUNT, "items": [item]}
    return {"checkoutInvoice": invoice, "user": {"loyaltyId": "2900001"}, "cardSession": f"{customer}{key[1:]}", "token": f"token-{key}"}


def about(method: str, terminal: str, key: str, **more: Any) -> bytes:
    """A request about a sale."""
    return rpc(method, {"storeId": STORE, "terminalId": terminal, "key": key, **more})


def rpc(method: str, params: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, ensure_ascii=False).encode() + b"\n"


def result_of(answer: bytes) -> dict[str, Any]:
    found = json.loads(answer)
    assert "result" in found, found
    result: dict[str, Any] = found["result"]
    return result


def drive(lines: Sequence[Line], scripts: Sequence[Script]) -> float:
    """Let as many registers talk at once; each sends its next request when it has its answer. Returns the seconds until all are done."""
    chooser, talks = selectors.DefaultSelector(), {}
    begin = time.perf_counter()
    for line, script in zip(lines, scripts, strict=True):
        chooser.register(line.socket, selectors.EVENT_READ)
        talks[line.socket] = (script, b"")
        line.socket.sendall(next(script))
    while talks:
        for key, _ in chooser.select(ANSWER_S):
            link = key.fileobj
            assert isinstance(link, socket.socket)
            script, answer = talks[link]
            answer += _some(link)
            try:
                if answer.endswith(b"\n"):
                    link.sendall(script.send(answer))
                    answer = b""
                talks[link] = (script, answer)
            except StopIteration:
                del talks[link]
                chooser.unregister(link)
    return time.perf_counter() - begin


def _some(link: socket.socket) -> bytes:
    data = link.recv(READ_BYTES)
    assert data, "the other side hung up"
    return data
