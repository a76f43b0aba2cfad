"""What the planted faults are made of: servers with a wrong certificate or clock, a line whose ends differ in speed; what a till shows of
them, in its log and on its status page; and a way to ask that a finding is said in both languages."""

import asyncio
import contextlib
import html
import http.client
import json
import os
import random
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.ops.doctor import NAMES, Finding, Grade, examine
from agent.texts import Message, translator
from tests.support.patience import until
from tests.support.pos import Failed
from tests.support.stand import STORE, TERMINAL, Stand, free_port
from tests.support.wires import Portions, Spoiler
from tests.system import lacking

NOBODY = 65_534
CYRILLIC = re.compile("[А-Яа-яЁё]")


class Door:
    """A server that answers every request with 404 and its own time. Use it in ``with``."""

    def __init__(self, context: ssl.SSLContext | None = None, shift: timedelta = timedelta()) -> None:
        self._context, self._shift = context, shift
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the end
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(self._secured(raw)) as connection:
            while (asked := connection.recv(65_536)) and b"\r\n\r\n" in asked:
                date = format_datetime(datetime.now(UTC) + self._shift, usegmt=True)
                connection.sendall(f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode())

    def _secured(self, raw: socket.socket) -> socket.socket:
        try:
            return self._context.wrap_socket(raw, server_side=True) if self._context else raw
        except OSError:  # who looked at the certificate and went
            raw.close()
            raise


def wrong_speed(sent: int, heard: int) -> Spoiler:
    """A line whose writer uses another speed than its reader: what the reader's chip makes of the same wire (8N1)."""

    def spoil(chance: random.Random, data: bytes) -> Portions:
        wire = [bit for byte in data for bit in (0, *((byte >> place) & 1 for place in range(8)), 1)]
        lasts, found, place = heard / sent, bytearray(), 0.5
        level = lambda at: wire[int(at / lasts)] if int(at / lasts) < len(wire) else 1  # noqa: E731  the idle line is high
        while place < len(wire) * lasts:
            if level(place):  # no start bit
                place += 1
                continue
            found.append(sum(level(place + 1 + bit) << bit for bit in range(8)))
            place += 10
        return [(0.0, bytes(found))]

    return spoil


def examined(config: Path, *names: str) -> Sequence[Finding]:
    """The doctor's findings; ``names``: of these checks alone."""
    return asyncio.run(examine(config, names or NAMES))


def bad(findings: Sequence[Finding], check: str) -> list[Finding]:
    """What is not in order with a check."""
    return [one for one in findings if one.check == check and one.grade is not Grade.OK]


def says(finding: Finding, grade: Grade, english: str, russian: str) -> None:
    """The finding names cause and remedy in both languages: ``english`` and ``russian`` are patterns of the cause and the remedy, in this
    order. Raises AssertionError."""
    told = {name: finding.told(translator(name)) for name in ("en", "ru")}
    assert finding.grade is grade, told["en"]
    for language, pattern in (("en", english), ("ru", russian)):
        text = " // ".join(told[language][part] for part in ("what", "means", "remedy"))
        assert re.search(pattern, text, re.DOTALL), text
    assert all(CYRILLIC.search(told["ru"][part]) for part in ("what", "means", "remedy")), told["ru"]
    assert not any(CYRILLIC.search(told["en"][part]) for part in ("what", "means", "remedy")), told["en"]


def said_in_both(text: Message, english: str, russian: str) -> None:
    """The same of a text of the daemon."""
    for language, pattern in (("en", english), ("ru", russian)):
        spoken = text.text(translator(language))
        assert re.search(pattern, spoken, re.DOTALL), spoken


def sell(stand: Stand) -> str:
    """What a sale comes to: its state within ten seconds, or the code of a refusal."""
    item = {"name": "Milk", "article": "1", "price": 9000, "quantity": 1, "totalAmount": 9000, "tax": "vat10"}
    invoice = {"orderId": f"order-{os.urandom(4).hex()}", "totalAmount": 9000, "items": [item]}
    request = {"checkoutInvoice": invoice, "user": {"loyaltyId": "0"}, "cardSession": "PAY001", "token": "t-1", "wait": 10}
    with stand.connect() as pos:
        try:
            return str(pos.call("checkout.create", storeId=STORE, terminalId=TERMINAL, key=os.urandom(4).hex(), **request)["state"])
        except Failed as refused:
            return refused.code


def systemctl_says(folder: Path, told: str) -> str:
    """A PATH by which systemd says this of the service, whatever it is asked."""
    program = folder / "systemctl"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{told}\nEND\n")
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def log_of(stand: Stand) -> list[dict[str, Any]]:
    """The lines of the daemon's log, parsed."""
    return [json.loads(line) for line in stand.log.read_text().splitlines() if line.startswith("{")]


def overview(stand: Stand) -> str:
    """The text of the status page as it opens; the page listens at the port ``page``."""
    return _text(_asked(stand, "GET", "/"))


def checkup(stand: Stand) -> str:
    """The text that a press on the button of the check-up brings."""
    return _text(json.loads(_asked(stand, "POST", "/page/examine"))["html"])


def _asked(stand: Stand, verb: str, path: str) -> str:
    here = f"127.0.0.1:{stand.ports['page']}"
    connection = http.client.HTTPConnection(here, timeout=60)
    with contextlib.closing(connection):
        connection.request(verb, path, headers={"Origin": f"http://{here}"} if verb == "POST" else {})
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, text
    return text


def _text(drawn: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", drawn)).split())


@contextlib.contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[None]:
    """The folder is a file system in memory of its own, of that size. As root; where the machine forbids it the test is skipped."""
    found = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)], check=False)
    if found.returncode:
        lacking("this machine does not let a file system be mounted")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextlib.contextmanager
def stranger() -> Iterator[None]:
    """Within it this process is nobody's. As root."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def fill(folder: Path) -> None:
    """Another program takes all that is left."""
    with contextlib.suppress(OSError), (folder / "hog").open("wb", buffering=0) as hog:
        while True:
            hog.write(bytes(4096))


@contextlib.contextmanager
def second(stand: Stand, folder: Path) -> Iterator[int]:
    """Another agent for the same till, with a record, sockets and a page of its own; its process. ``folder``: for all of that. Raises
    AssertionError with its log when it ends by itself."""
    config, text = folder / "second.toml", stand.config.read_text()
    for name, own in ((stand.journal, folder / "other.sqlite3"), (stand.pos, folder / "pos"), (stand.admin, folder / "admin")):
        text = text.replace(str(name), str(own))
    config.write_text(text.replace(f"port = {stand.ports['page']}", f"port = {free_port()}"))
    folder.chmod(0o700)
    command = [sys.executable, "-m", "agent", "run", "--config", str(config)]
    told = folder / "second.log"
    with told.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or (folder / "admin").exists())
        assert process.poll() is None, f"it ended with {process.returncode}: {told.read_text()[-2000:]}"
        yield process.pid
        assert process.poll() is None, f"it ended with {process.returncode} before it was asked to: {told.read_text()[-2000:]}"
    finally:
        process.terminate()
        process.wait(20)
