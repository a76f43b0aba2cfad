"""A client of the agent's Unix socket, TCP port or serial line, for the command line, the demonstration and tests. It knows JSON-RPC and
nothing of payments.

Calls may be made from several tasks at once. Nothing is repeated: only the caller knows whether a repeat is meant, and every
request of the agent can be repeated by its key.
"""

import asyncio
import itertools
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drivers.framing import Frame, Framing, LineFraming, MessageFraming
from drivers.jsonrpc import Answer, Failure, read_answer, write_request
from drivers.limits import MAX_ANSWER_BYTES
from drivers.line import LineSpeed
from drivers.link import OPEN, LinkLost
from drivers.plug import Plug, SocketPlug
from drivers.rules import Rules
from drivers.strictjson import BadJson

ANSWER_SECONDS = 90.0  # the longest long poll and half of it again
CONNECT_SECONDS = 5.0
_RETRY_SECONDS = 0.02  # while the agent's backlog is full


class CallFailed(Exception):
    """The agent answered with an error. ``code`` is its word for programs, ``number`` JSON-RPC's; ``data`` is everything it said."""

    def __init__(self, code: str, message: str, data: dict[str, Any], number: int = 0) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.data = data
        self.number = number


class Unreachable(Exception):
    """No agent answers at this socket, or it went away before it answered: what was asked may or may not have been done."""


class Client:
    """One connection. Make it with ``connect``; use it in ``async with`` or close it."""

    def __init__(self, plug: Plug | socket.socket, answer_seconds: float, framing: Framing | None = None) -> None:
        self._plug = SocketPlug(plug) if isinstance(plug, socket.socket) else plug
        self._answer_seconds = answer_seconds
        self._framing = framing or LineFraming(MAX_ANSWER_BYTES)
        self._ids = itertools.count(1)
        self._waiting: dict[str | int, asyncio.Future[Any]] = {}
        self._turn = asyncio.Lock()
        self._last_word: CallFailed | Unreachable | None = None
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, path: Path, *, connect_seconds: float = CONNECT_SECONDS, answer_seconds: float = ANSWER_SECONDS) -> Self:
        """Raises Unreachable."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            async with asyncio.timeout(connect_seconds):
                await _connect(connection, path)
        except (OSError, TimeoutError) as error:
            connection.close()
            raise Unreachable(f"no agent at {path}: {getattr(error, 'strerror', None) or 'no answer'}") from error
        except BaseException:
            connection.close()
            raise
        return cls(connection, answer_seconds)

    @classmethod
    async def connect_tcp(
        cls, host: str, port: int, token: str, *, connect_seconds: float = CONNECT_SECONDS, answer_seconds: float = ANSWER_SECONDS
    ) -> Self:
        """A connection that has shown its token. Raises Unreachable; CallFailed (FORBIDDEN) for a wrong token."""
        connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            async with asyncio.timeout(connect_seconds):
                await asyncio.get_running_loop().sock_connect(connection, (host, port))
        except (OSError, TimeoutError) as error:
            connection.close()
            why = os.strerror(error.errno) if error.errno else "no answer"
            raise Unreachable(f"no agent at {host} port {port}: {why}") from error
        except BaseException:
            connection.close()
            raise
        client = cls(connection, answer_seconds)
        try:
            await client.call(OPEN, token=token)
        except BaseException:
            await client.close()
            raise
        return client

    @classmethod
    async def connect_serial(
        cls, path: Path, speed: LineSpeed | None = None, rules: Rules | None = None, *, answer_seconds: float = ANSWER_SECONDS
    ) -> Self:
        """A serial port or the agent's pseudo-terminal. Whether an agent is at its other end shows with the first call. Raises
        Unreachable."""
        from drivers.serial_plug import NoPort, SerialPlug  # the command line does not need it and shall not wait for it

        try:
            plug = await SerialPlug.open(path, speed or LineSpeed(), rules or Rules())
        except NoPort as error:
            raise Unreachable(str(error)) from error
        return cls(plug, answer_seconds, MessageFraming(MAX_ANSWER_BYTES))

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """The result of ``method``; parameters by their names on the wire. Raises CallFailed, Unreachable, and NotWritable for a
        parameter that is no JSON."""
        if self._last_word is not None:
            raise self._last_word
        call_id = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = answer
        try:
            async with asyncio.timeout(self._answer_seconds):
                async with self._turn:
                    await self._send(self._framing.send(write_request(call_id, method, params)))
                result = await answer
        except TimeoutError as error:
            raise Unreachable(f"no answer within {self._answer_seconds:g} seconds") from error
        finally:
            self._waiting.pop(call_id, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # counts as looked at, also when the call was given up before it could look
        if not isinstance(result, dict):
            raise Unreachable("the answer is no object: not an agent")
        return result

    async def _send(self, line: bytes) -> None:
        cut_off = True
        try:
            await self._plug.send(line)
            cut_off = False
        except LinkLost:
            cut_off = False  # the reader finds out why, and what the agent said before it closed
        finally:
            if cut_off:  # given up in the middle: nothing can follow half a line
                self._end(Unreachable("a request was cut off"))

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._plug.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _read(self) -> None:
        try:
            while data := await self._plug.receive():
                for event in self._framing.receive(data):
                    if not isinstance(event, Frame):
                        raise BadJson(event.explanation)
                    self._take(read_answer(event.payload))
            self._end(Unreachable("the agent closed the connection"))
        except (LinkLost, BadJson) as error:
            lost = Unreachable("the connection to the agent was lost")
            lost.__cause__ = error
            self._end(lost)

    def _take(self, message: Answer | Failure) -> None:
        match message:
            case Answer(call_id, result):
                if (waiting := self._waiting.get(call_id)) and not waiting.done():
                    waiting.set_result(result)
            case Failure(call_id, number, text, data):
                failure = CallFailed(str(data.get("code", "INTERNAL")), text, dict(data), number)
                if call_id is None:  # about the connection: it is about to be closed
                    self._end(failure)
                elif (waiting := self._waiting.get(call_id)) and not waiting.done():
                    waiting.set_exception(failure)

    def _end(self, reason: CallFailed | Unreachable) -> None:
        self._last_word = self._last_word or reason
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._last_word)


async def _connect(connection: socket.socket, path: Path) -> None:
    """The event loop's own connect takes a full backlog of a Unix socket for a connection under way; it is not."""
    while True:
        try:
            connection.connect(os.fspath(path))
        except BlockingIOError:
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
