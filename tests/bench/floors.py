"""The floors: what a round trip and a flush cost on this machine by themselves. Each is a process of its own, like the agent.

``python -m tests.bench.floors echo SOCKET REPLY_BYTES`` answers every line with a line; ``... flush FILE`` appends and flushes on demand.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench.clients import Line
from tests.bench.disk import Disk, Slowdown
from tests.support.stand import ROOT, end

BLOCK = b"x" * 4_096
PATIENCE_S = 10.0


class Flush:
    """Appends of 4 KiB with fdatasync, on the disk of ``folder``: the least that can make something durable."""

    def __init__(self, folder: Path, slowdown: Slowdown, disk: Disk) -> None:
        command = [sys.executable, "-m", "tests.bench.floors", "flush", str(folder / f"flush-{disk}")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, **pipes, cwd=ROOT, env=slowdown.process_environment(disk), text=True)  # type: ignore[call-overload]  # mypy cannot follow **

    def times_ms(self, count: int) -> list[float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        found: list[float] = json.loads(self._process.stdout.readline())
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        end(self._process)


class Echo:
    """A round trip over a Unix socket to a process that reads nothing but the end of the line."""

    def __init__(self, folder: Path, reply_bytes: int) -> None:
        path = folder / "echo.sock"
        path.unlink(missing_ok=True)
        self._process = subprocess.Popen([sys.executable, "-m", "tests.bench.floors", "echo", str(path), str(reply_bytes)], cwd=ROOT)
        until = time.monotonic() + PATIENCE_S
        while not path.exists():
            assert self._process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        self._line = Line(path)

    def times_ms(self, count: int, request: bytes) -> list[float]:
        return [self._line.ask(request)[0] for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._line.close()
        end(self._process)


class _Answering(asyncio.Protocol):
    def __init__(self, reply: bytes) -> None:
        self._reply, self._unread = reply, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._unread = (self._unread + data).split(b"\n")
        for _ in lines:
            self._transport.write(self._reply)


async def _echo(path: str, reply: bytes) -> None:
    server = await asyncio.get_running_loop().create_unix_server(lambda: _Answering(reply), path)
    await server.serve_forever()


def _flush(path: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            begin = time.perf_counter()
            os.write(file, BLOCK)
            os.fdatasync(file)
            times.append((time.perf_counter() - begin) * 1_000)
        print(json.dumps(times), flush=True)


def main(arguments: Sequence[str]) -> None:
    match arguments:
        case ["echo", path, reply_bytes]:
            asyncio.run(_echo(path, b"x" * (int(reply_bytes) - 1) + b"\n"))
        case ["flush", path]:
            _flush(path)


if __name__ == "__main__":
    main(sys.argv[1:])
