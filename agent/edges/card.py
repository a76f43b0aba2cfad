"""The vendor's closed library, reached through a helper command (money rule 12). We never take a barcode apart ourselves.

The helper is a program the merchant's integrator supplies: ``COMMAND token`` and ``COMMAND verify``. A barcode goes in by standard
input, without a line end: arguments and environment of a process can be read by others on the same machine. One JSON object comes out:
``{"token": "..."}`` or ``{"resultCode": "...", "totpCodeValid": true, "cardSession": "..."}``. What it prints, on either
stream, may be secret, so no message here quotes it.

It runs in a thread with plain pipes: waiting for a process by the event loop would also wait for grandchildren that hold its output.
"""

import asyncio
import contextlib
import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agent.core.ports import HelperFailed

TIME_LIMIT_MS = 3_000  # a customer waits; the library answers in milliseconds
MAX_OUTPUT_BYTES = 64 * 1024  # a token is a few kilobytes at most
MAX_BARCODE_BYTES = 4 * 1024  # the largest two-dimensional code holds less; fits the pipe, so writing never blocks
MAX_SECRET_CHARACTERS = 4096  # a token goes into a header, and a register may not bring a longer one either
MAX_RUNNING = 2  # a till has two cores at best
MAX_WAITING = 16  # callers; more means that the helper hangs, and waiting would not help
AVAILABLE = "CARDSESSION_AVAILABLE"  # the only documented result code: a valid card that can pay

_READ_BYTES = 16 * 1024
_REAP_LIMIT_S = 1.0  # a killed process goes at once, unless the kernel holds it in a device
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class HelperCard:
    """Implements the port ``Card``. ``environment`` is added to a minimal one; nothing of ours is inherited."""

    def __init__(self, command: Sequence[str], time_limit_ms: int = TIME_LIMIT_MS, environment: Mapping[str, str] | None = None) -> None:
        if not command or not command[0]:
            raise ValueError("the helper command is empty")
        self._command = tuple(command)
        self._time_limit_ms = time_limit_ms
        self._environment = _ENVIRONMENT | dict(environment or {})
        self._threads = ThreadPoolExecutor(max_workers=MAX_RUNNING, thread_name_prefix="card-helper")
        self._waiting = 0
        self._closed = False

    async def token(self) -> str:
        """A value for the ``token`` header. Raises HelperFailed."""
        answer = await self._ask("token", b"")
        return _text(answer, "token")

    async def card_session(self, barcode: str) -> str | None:
        """The card session of a scanned barcode; None when this card cannot pay now, whatever the reason. Raises HelperFailed."""
        data = barcode.encode("utf-8", "surrogatepass")  # nonsense is for the helper to refuse
        if len(data) > MAX_BARCODE_BYTES:
            raise HelperFailed(f"the barcode is longer than {MAX_BARCODE_BYTES} bytes")
        answer = await self._ask("verify", data)
        if not isinstance(answer.get("totpCodeValid"), bool):
            raise HelperFailed("the helper's answer has no totpCodeValid that is true or false")
        if _text(answer, "resultCode") != AVAILABLE or answer["totpCodeValid"] is not True:
            return None
        return _text(answer, "cardSession")

    def close(self) -> None:
        """Let no further call in. One that runs ends within its time limit."""
        self._closed = True
        self._threads.shutdown(wait=False)

    async def _ask(self, action: str, data: bytes) -> Mapping[str, Any]:
        if self._closed:
            raise HelperFailed("the agent is stopping")
        if self._waiting >= MAX_WAITING:
            raise HelperFailed("busy: too many calls of the helper are waiting")
        self._waiting += 1
        call = asyncio.get_running_loop().run_in_executor(self._threads, self._run, action, data)
        call.add_done_callback(self._answered)
        answer = _object(await asyncio.shield(call))  # a caller that goes away leaves the helper to its time limit
        if answer is None:
            raise HelperFailed("the helper printed something else than a JSON object")
        return answer

    def _answered(self, call: asyncio.Future[bytes]) -> None:
        self._waiting -= 1
        if not call.cancelled():
            call.exception()  # seen here, because a caller that went away will not

    def _run(self, action: str, data: bytes) -> bytes:
        """In a thread, for at most the time limit."""
        deadline = time.monotonic() + self._time_limit_ms / 1_000
        process = self._start(action)
        try:
            output = _converse(process, data, deadline)
            status = process.wait(timeout=max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired as error:
            raise HelperFailed(f"the helper timed out after {self._time_limit_ms} ms") from error
        finally:
            _end(process)
        if status < 0:
            raise HelperFailed(f"the helper was killed by signal {-status}")
        if status > 0:
            raise HelperFailed(f"the helper ended with exit status {status}")
        return output

    def _start(self, action: str) -> subprocess.Popen[bytes]:
        program = self._command[0]
        try:
            return subprocess.Popen(  # noqa: S603 - the command is the technician's, no shell reads it, the barcode is not in it
                [*self._command, action],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                cwd="/",
                start_new_session=True,  # a group of its own, so that its children can be killed with it
                bufsize=0,
            )
        except FileNotFoundError as error:
            raise HelperFailed(f"{program}: not found, or the interpreter it names is missing") from error
        except PermissionError as error:
            raise HelperFailed(f"{program}: not executable for this user") from error
        except OSError as error:
            raise HelperFailed(f"{program}: cannot be started ({error.strerror})") from error


def _converse(process: subprocess.Popen[bytes], data: bytes, deadline: float) -> bytes:
    """Hand ``data`` over and read to the end. Raises HelperFailed (too much), subprocess.TimeoutExpired."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # it did not want to know; its answer tells why
        process.stdin.write(data)
    process.stdin.close()
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(timeout=max(deadline - time.monotonic(), 0)):
                raise subprocess.TimeoutExpired(process.args, 0)
            piece = os.read(process.stdout.fileno(), _READ_BYTES)
            if not piece:
                return bytes(output)
            output += piece
            if len(output) > MAX_OUTPUT_BYTES:
                raise HelperFailed(f"the helper printed more than {MAX_OUTPUT_BYTES} bytes")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind: kill the whole group unless the helper has ended by itself, and close the pipes."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_REAP_LIMIT_S)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _object(output: bytes) -> Mapping[str, Any] | None:
    """The JSON object; None if it is none. Not an exception: a decoder's error carries the whole text along."""
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise HelperFailed(f"the helper's answer has no {name} that is a printable text")
    if len(value) > MAX_SECRET_CHARACTERS:
        raise HelperFailed(f"the helper's {name} has {len(value)} characters, more than {MAX_SECRET_CHARACTERS}")
    return value
