"""The edge of a serial line that is open: bytes to and fro between a descriptor and an ``Exchange``, and timers for it.

It works by callbacks of the event loop and has no task of its own, so nothing of it can outlive its closing. Whoever serves the line
takes one ``Conversation`` after the other from it: a ``Link`` whose every ``receive`` is one whole message, and whose ``send`` returns
when the register has acknowledged the message. A conversation ends when the register starts anew, when it stops acknowledging, or with
the line.

Reading and writing go straight to the descriptor, which does not block. What is read is bounded by a rate, what is unsent by a number of
bytes.
"""

import asyncio
import os
import select
from collections.abc import Callable

from drivers.conversation import Conversation
from drivers.exchange import Arrived, Delivered, Event, Exchange, GaveUp, Reset
from drivers.framing import RemoteError
from drivers.limits import Limits
from drivers.link import LinkLost
from drivers.ratelimit import TokenBucket

READ_BYTES = 4 * 1024  # what the kernel keeps for a terminal


class FrameLine:
    """An open line. ``damaged`` is called for every fault of the register's, ``flush`` to throw away what was written and not yet read."""

    def __init__(
        self,
        descriptor: int,
        exchange: Exchange,
        limits: Limits,
        *,
        damaged: Callable[[RemoteError], None] = lambda error: None,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self._descriptor = descriptor
        self._exchange = exchange
        self._limits = limits
        self._damaged = damaged
        self._flush = flush
        self._loop = asyncio.get_running_loop()
        self._volume = TokenBucket(limits.byte_burst, limits.bytes_per_second, self._loop.time())
        self._unwritten = b""
        self._writing = False
        self._timer: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self._sending: dict[int, tuple[asyncio.Future[None], int]] = {}  # number -> who waits for its delivery, and its length
        self._talk: Conversation | None = None
        self.unheard_bytes = 0  # that came since something last made sense
        self.lost = False
        self._loop.add_reader(descriptor, self._readable)

    @property
    def heard_at(self) -> float | None:
        """When something that made sense came last, by the loop's clock."""
        return self._exchange.heard_at

    async def heard(self) -> None:
        """Return when a message of a new conversation is there, or when the line is lost."""
        while not self.lost:
            while self._exchange.waiting:
                if not self._exchange.at_end:
                    return
                self._exchange.take()
            self._news.clear()
            await self._news.wait()

    def converse(self) -> Conversation:
        """A conversation, beginning with the next message. One at a time."""
        self._talk = Conversation(self, over=self._exchange.ending)
        return self._talk

    def close(self, *, hang_up: bool = False) -> None:
        """End it, and tell the register so if ``hang_up``. The descriptor stays open: it is its owner's."""
        if self.lost:
            return
        if self._unwritten:  # it is stuck: what the kernel holds would keep the end of the line from being told, and from being closed
            self._unwritten = b""
            self._flush()
        if hang_up:
            self._exchange.hang_up()
            self._write()
        self._unwritten = b""
        self._lose()

    # --- for the conversation ---

    async def receive(self) -> bytes | None:
        """The next message, None where the register starts anew. Raises LinkLost."""
        while not self._exchange.waiting:
            if self.lost:
                raise LinkLost("the line is gone")
            self._news.clear()
            await self._news.wait()
            if self._talk is not None and self._talk.given_up:
                raise LinkLost("the register does not acknowledge")
        message = self._exchange.take()
        self._go_on()
        return message

    async def send(self, message: bytes) -> None:
        """Return when the message was acknowledged. Raises LinkLost."""
        if self.lost or sum(length for _, length in self._sending.values()) + len(message) > self._limits.unsent_bytes:
            raise LinkLost("the line is gone, or nobody acknowledges what is sent")
        delivered: asyncio.Future[None] = self._loop.create_future()
        self._sending[self._exchange.send(message)] = delivered, len(message)
        self._go_on()
        await delivered

    # --- callbacks ---

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            if _hung_up(self._descriptor):
                self._lose()
            return
        now, heard_at = self._loop.time(), self._exchange.heard_at
        self._handle(self._exchange.receive(data, now))
        self.unheard_bytes = self.unheard_bytes + len(data) if self._exchange.heard_at == heard_at else 0
        if self._volume.take(now, len(data)) > 0:
            self._loop.remove_reader(self._descriptor)
            self._resume(len(data))
        self._go_on()

    def _resume(self, owed_bytes: int) -> None:
        """Read on as soon as the rate permits."""
        self._pause = None
        if self.lost:
            return
        if (pause := self._volume.take(self._loop.time(), owed_bytes)) > 0:
            self._pause = self._loop.call_later(pause, self._resume, owed_bytes)
        else:
            self._loop.add_reader(self._descriptor, self._readable)

    def _tick(self) -> None:
        self._timer = None
        self._handle(self._exchange.tick(self._loop.time()))
        self._go_on()

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Arrived():
                    self._news.set()
                case Delivered(number):
                    self._settle(number, None)
                case RemoteError():
                    self._damaged(event)
                case Reset() | GaveUp():
                    self._unwritten = b""
                    self._flush()
                    self._part(given_up=isinstance(event, GaveUp))

    def _part(self, *, given_up: bool) -> None:
        """The register of this conversation is not there any more; what was for it is thrown away."""
        if self._talk is not None:
            self._talk.over = True
            self._talk.given_up = self._talk.given_up or given_up
        for number in list(self._sending):
            self._settle(number, LinkLost("the register starts anew or does not acknowledge"))
        self._news.set()

    def _settle(self, number: int, failure: LinkLost | None) -> None:
        delivered, _ = self._sending.pop(number, (None, 0))
        if delivered is None or delivered.done():
            return
        if failure is None:
            delivered.set_result(None)
        else:
            delivered.set_exception(failure)

    # --- writing and timers ---

    def _go_on(self) -> None:
        """Write what is owed, and set the alarm for what comes next."""
        if self.lost:
            return
        self._write()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._exchange.due
        if due is not None and not self.lost and (due > self._loop.time() or not self._unwritten):
            self._timer = self._loop.call_at(due, self._tick)

    def _write(self) -> None:
        while self._unwritten or self._refill():
            try:
                written = os.write(self._descriptor, self._unwritten)
            except (BlockingIOError, InterruptedError):
                written = 0
            except OSError:
                self._lose()
                return
            self._unwritten = self._unwritten[written:]
            if self._unwritten:
                break
        if bool(self._unwritten) != self._writing:
            self._writing = bool(self._unwritten)
            if self._writing:
                self._loop.add_writer(self._descriptor, self._go_on)
            else:
                self._loop.remove_writer(self._descriptor)

    def _refill(self) -> bool:
        self._unwritten = self._exchange.owed(self._loop.time())
        return bool(self._unwritten)

    def _lose(self) -> None:
        self.lost = True
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        for handle in (self._timer, self._pause):
            if handle is not None:
                handle.cancel()
        self._part(given_up=False)


def _hung_up(descriptor: int) -> bool:
    """A terminal that was hung up is readable for ever and reads empty; one whose bytes somebody else has read is not readable any more."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
