"""The pump of one connection: bytes from the link become calls, calls go to the handler, answers go back.

Calls of one connection run beside each other, because a long poll must not hold up a cancel; answers therefore come in the
order in which they are ready, and the ``id`` tells which is which. The reader waits, instead of queueing, when a peer asks faster than
permitted or does not read its answers: the kernel then makes the peer wait, and nothing here grows.

When a peer hangs up, calls that only ask are ended. Calls that move money or change a record are carried out: the POS has handed over its
customer's wish, and will ask for the result by key once it is back. A peer that closes only its sending half still gets its answers.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, assert_never

from drivers.caller import Caller
from drivers.framing import Frame, Framing, LineFraming, RemoteError
from drivers.jsonrpc import Call, ErrorNumber, Failure, Notification, invalid, read, write_failure, write_result
from drivers.limits import Limits
from drivers.link import Link, LinkLost
from drivers.messages import Request
from drivers.observer import Observer
from drivers.ratelimit import TokenBucket
from drivers.strictjson import NotWritable
from drivers.validation import Invalid, UnknownMethod, parse

MAX_METHOD_CHARACTERS = 64  # of an unknown method, for the log
EVENTS_IN_A_TURN = 8  # requests of one connection that are taken in a row while others wait: a millisecond or two
HANGUP_CHECK_SECONDS = 0.1  # how soon a half-closed peer that closes fully is noticed: nothing wakes us for it

Handler = Callable[[Caller, Request], Awaitable[Mapping[str, Any]]]


class Refused(Exception):
    """The agent will not do this. The POS must react: ``code`` is a word for its program, ``data`` what belongs to the code."""

    def __init__(self, code: str, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.data = dict(data or {})


class TooLong(Refused):
    """The answer would be longer than its way in carries. A handler that tells raises it before anything is told."""

    def __init__(self) -> None:
        super().__init__("LIMIT", "the answer is too long: ask for less")


def farewell(code: str, message: str) -> bytes:
    """The line for a peer that is turned away before it could ask."""
    return LineFraming().send(write_failure(_refusal(None, code, message)))


def _refusal(call_id: str | int | None, code: str, message: str) -> Failure:
    return Failure(call_id, ErrorNumber.REFUSED, message, {"code": code})


async def _receive(link: Link, deadline: float | None) -> bytes:
    """The next bytes. Raises TimeoutError at the deadline, LinkLost."""
    if deadline is None:
        return await link.receive()
    async with asyncio.timeout_at(deadline):
        return await link.receive()


async def _wait_for(bucket: TokenBucket, tokens: int) -> bool:
    """Take the tokens, waiting as long as it takes; whether it had to wait."""
    loop = asyncio.get_running_loop()
    waited = False
    while (pause := bucket.take(loop.time(), tokens)) > 0:
        waited = True
        await asyncio.sleep(pause)
    return waited


class Session:
    """One connection of one caller. ``run`` serves it until it ends; ``stop`` lets what is at work finish. ``framing`` fits the link:
    lines, if none is given."""

    def __init__(
        self,
        caller: Caller,
        handler: Handler,
        limits: Limits | None = None,
        observer: Observer | None = None,
        framing: Framing | None = None,
    ) -> None:
        self._handler = handler
        self._limits = limits or Limits()
        self.caller = replace(caller, answer_bytes=self._limits.answer_bytes)
        self._observer = observer or Observer()
        self._framing: Framing = framing or LineFraming(self._limits.line_bytes)
        self._work: dict[asyncio.Task[None], bool] = {}  # at work -> whether it outlives the caller
        self._sending: set[asyncio.Task[None]] = set()  # those of them that only have to get their answer out
        self._reader: asyncio.Task[str] | None = None
        self._reason = "stopped"

    async def run(self, link: Link) -> None:
        """Serve ``link`` until its peer has ended it and every answer is out. Closing it is the caller's business. Run it once."""
        self._observer.connected(self.caller)
        self._reader = asyncio.create_task(self._read(link))
        if self.caller.presence.hurried:  # stopped before it began
            self._reader.cancel()
        try:
            await asyncio.wait({self._reader})
            if not self._reader.cancelled():
                self._reason = self._reader.result()
            await self._finish(link)
        finally:
            await self._abandon()
            self._observer.disconnected(self.caller, self._reason)

    def stop(self) -> None:
        """Read no more; long polls should answer now. ``run`` returns when what is at work has been answered."""
        self.caller.presence.hurry()
        if self._reader is not None:
            self._reader.cancel()

    # --- reading ---

    async def _read(self, link: Link) -> str:
        """Take in calls until there are no more; the word for why."""
        try:
            return await self._take_in(link)
        except LinkLost:
            self.caller.presence.leave()
            return "lost"
        except Exception as error:  # noqa: BLE001  the boundary of the connection's task: no connection may harm another
            self._observer.failed(self.caller, secrets.token_hex(4), "", error)
            return "failed"

    async def _take_in(self, link: Link) -> str:
        loop = asyncio.get_running_loop()
        calls = TokenBucket(self._limits.request_burst, self._limits.requests_per_second, loop.time())
        volume = TokenBucket(self._limits.byte_burst, self._limits.bytes_per_second, loop.time())
        unfinished: int | None = None
        deadline: float | None = None
        events = 0
        while True:
            try:
                data = await _receive(link, deadline)
            except TimeoutError:
                await self._answer(link, _refusal(None, "LIMIT", f"a line must be finished within {self._limits.line_seconds:g} seconds"))
                return "slow"
            await _wait_for(volume, len(data))
            for event in self._framing.receive(data) if data else self._framing.end():
                events += 1
                if not events % EVENTS_IN_A_TURN:
                    await asyncio.sleep(0)  # a peer that always has bytes ready would otherwise never let the loop go
                if await _wait_for(calls, 1) and link.hung_up():
                    return "closed"  # nobody is left who could mean the rest of a flood
                await self._take(link, event)
            if not data:
                return "closed"
            if self._framing.unfinished != unfinished:
                unfinished = self._framing.unfinished
                deadline = None if unfinished is None else loop.time() + self._limits.line_seconds

    async def _take(self, link: Link, event: Frame | RemoteError) -> None:
        match event:
            case RemoteError():
                self._observer.misbehaved(self.caller, event)
                data = {"code": "INVALID"}
                await self._answer(link, Failure(None, ErrorNumber.NOT_JSON, f"Parse error: {event.explanation}", data))
            case Frame(payload):
                await self._take_message(link, read(payload))
            case _:
                assert_never(event)

    async def _take_message(self, link: Link, message: Call | Notification | Failure) -> None:
        match message:
            case Failure():
                await self._answer(link, message)
            case Notification(method):
                self._observer.ignored(self.caller, method)
            case Call() if await self._busy():
                text = f"at most {self._limits.requests_at_work} requests of one connection are worked on at a time"
                await self._answer(link, _refusal(message.id, "LIMIT", text))
            case Call():
                await self._begin(link, message)
            case _:
                assert_never(message)

    async def _busy(self) -> bool:
        """Whether there is no room for one more. A peer that has just got an answer may ask at once, before its sending is over for us."""
        if len(self._work) >= self._limits.requests_at_work and self._sending:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
        return len(self._work) >= self._limits.requests_at_work

    async def _begin(self, link: Link, call: Call) -> None:
        try:
            request = parse(call.method, call.params)
        except UnknownMethod as error:
            self._observer.refused(self.caller, call.method[:MAX_METHOD_CHARACTERS], "NO_SUCH_METHOD", "")
            await self._answer(link, invalid(call.id, ErrorNumber.NO_SUCH_METHOD, error.problems))
        except Invalid as error:
            self._observer.refused(self.caller, call.method, "INVALID", ", ".join(problem.path for problem in error.problems[:5]))
            await self._answer(link, invalid(call.id, ErrorNumber.BAD_PARAMS, error.problems))
        else:
            task = asyncio.create_task(self._carry_out(link, call, request))
            self._work[task] = request.outlives_caller
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._work.pop(task, None)
        self._sending.discard(task)

    # --- working ---

    async def _carry_out(self, link: Link, call: Call, request: Request) -> None:
        try:
            message = write_result(call.id, await self._handler(self.caller, request))
        except Refused as error:
            self._observer.refused(self.caller, call.method, error.code, "")
            message = self._write(Failure(call.id, ErrorNumber.REFUSED, error.message, {**error.data, "code": error.code}))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            message = self._write(self._fault(call, error))  # something inside was cancelled, not we: the POS still waits
        except Exception as error:  # noqa: BLE001  the boundary of the call's task: its fault is told by reference, never by text
            message = self._write(self._fault(call, error))
        if len(message) > self._limits.answer_bytes:
            too_long = TooLong()
            message = self._write(_refusal(call.id, too_long.code, too_long.message))
        task = asyncio.current_task()
        assert task is not None
        self._sending.add(task)
        await self._send(link, message)

    def _write(self, failure: Failure) -> bytes:
        try:
            return write_failure(failure)
        except NotWritable as error:  # what a handler put into Refused.data
            reference = secrets.token_hex(4)
            self._observer.failed(self.caller, reference, "", error)
            return write_failure(
                Failure(failure.id, failure.number, failure.message, {"code": failure.data["code"], "reference": reference})
            )

    def _fault(self, call: Call, error: BaseException) -> Failure:
        reference = secrets.token_hex(4)
        self._observer.failed(self.caller, reference, call.method, error)
        text = f"Internal error {reference}: the agent's log has the details"
        return Failure(call.id, ErrorNumber.INTERNAL, text, {"code": "INTERNAL", "reference": reference})

    async def _answer(self, link: Link, failure: Failure) -> None:
        """From the reader: it waits until the line is out, so a peer that only sends nonsense and reads nothing stops itself."""
        await link.send(self._framing.send(write_failure(failure)))

    async def _send(self, link: Link, message: bytes) -> None:
        try:
            await link.send(self._framing.send(message))
        except LinkLost:
            self.caller.presence.leave()
            if self._reader is not None and self._reader.cancel():
                self._reason = "lost"

    # --- ending ---

    async def _finish(self, link: Link) -> None:
        """Nothing more is read. Answer what is at work as long as somebody is there, then complete what must be completed."""
        while self._work and not (self.caller.presence.gone or link.hung_up()):
            await asyncio.wait(self._work, timeout=HANGUP_CHECK_SECONDS)
        if self._work:
            self.caller.presence.leave()
            for task, outlives_caller in self._work.items():
                if not outlives_caller:
                    task.cancel()
            await asyncio.wait(self._work)

    async def _abandon(self) -> None:
        """End everything. Nothing is left to end unless ``run`` was cancelled."""
        tasks = [task for task in (self._reader, *self._work) if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
