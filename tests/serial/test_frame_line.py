"""Goal: the edge of an open line keeps its bounds and leaves nothing behind. Method: a descriptor whose other end a test holds."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from drivers.exchange import RESET_SENT, Exchange
from drivers.frame_line import FrameLine
from drivers.frames import Control, frame
from drivers.line import line_limits
from drivers.link import LinkLost
from drivers.rules import Rules
from tests.serial.support import read_for
from tests.support.patience import soon

RULES = Rules(ack_seconds=5, part_bytes=40_000)
ACK, RESET = bytes([Control.ACK]), bytes([Control.EOT]) * RESET_SENT


@contextlib.contextmanager
def line(rules: Rules = RULES, buffer_bytes: int | None = None, **limits: int) -> Iterator[tuple[FrameLine, socket.socket, list[str]]]:
    """A line, the other end of its descriptor, and how often it was flushed."""
    ours, theirs = socket.socketpair()
    flushed: list[str] = []
    with ours, theirs:
        for end in (ours, theirs):
            end.setblocking(False)
        if buffer_bytes is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        limit = replace(line_limits(50), **limits)
        opened = FrameLine(ours.fileno(), Exchange(rules), limit, flush=lambda: flushed.append("flushed"))
        try:
            yield opened, theirs, flushed
        finally:
            opened.close()


async def test_a_frame_that_the_kernel_does_not_take_at_once_goes_out_in_pieces() -> None:
    """Nothing is lost, nothing comes in between, and ACKs wait until it is out."""
    with line(buffer_bytes=1) as (opened, theirs, _):
        talk = opened.converse()
        sending = asyncio.create_task(talk.send(b"x" * 40_000))
        await asyncio.sleep(0.02)
        theirs.send(frame(b"{}"))
        assert await read_for(theirs.fileno(), 0.3) == frame(b"x" * 40_000) + ACK
        theirs.send(ACK)
        await sending
        assert await talk.receive() == b"{}"


async def test_a_stuck_line_is_flushed_before_its_end() -> None:
    """What nobody reads would keep the port from being closed."""
    with line(buffer_bytes=1) as (opened, _, flushed):
        sending = asyncio.create_task(opened.converse().send(b"x" * 40_000))
        await asyncio.sleep(0.02)
        opened.close(hang_up=True)
        opened.close(hang_up=True)
        assert flushed == ["flushed"]
        with pytest.raises(LinkLost):
            await sending


async def test_an_end_is_told() -> None:
    """A reset, after everything that was owed; sending is over then."""
    with line() as (opened, theirs, flushed):
        talk = opened.converse()
        theirs.send(frame(b"{}"))
        assert await talk.receive() == b"{}"
        opened.close(hang_up=True)
        assert theirs.recv(100) == ACK + RESET
        assert talk.hung_up()
        with pytest.raises(LinkLost):
            await talk.send(b"x")
        with pytest.raises(LinkLost):
            await talk.receive()
        assert flushed == []


async def test_what_is_unsent_is_bounded() -> None:
    """Nobody acknowledges: the message that would be too much is refused, the others go on waiting."""
    with line(unsent_bytes=100) as (opened, _, _):
        talk = opened.converse()
        waiting = [asyncio.create_task(talk.send(b"x" * 40)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(LinkLost):
            await talk.send(b"x" * 40)
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_line_that_breaks_while_writing_is_lost() -> None:
    """Whoever waits is told; the descriptor is no longer watched."""
    with line() as (opened, theirs, _):
        talk = opened.converse()
        theirs.close()
        with pytest.raises(LinkLost):
            await talk.send(b"x")
        assert opened.lost
        await opened.heard()


async def test_empty_frames_and_ends_without_a_beginning_are_passed_over() -> None:
    """Somebody tries the line: it is acknowledged, and no message."""
    with line() as (opened, theirs, _):
        theirs.send(RESET + frame(b"") + frame(b"{}") + RESET)
        await opened.heard()
        talk = opened.converse()
        assert await talk.receive() == b"{}"
        assert await talk.receive() == b""
        assert await talk.receive() == b""


async def test_a_message_that_nobody_waits_for_any_more_is_still_acknowledged() -> None:
    """A call that was given up: its message is under way, its ACK finds nobody, the next one goes out."""
    with line() as (opened, theirs, _):
        talk = opened.converse()
        given_up = asyncio.create_task(talk.send(b"one"))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        theirs.send(ACK)
        sending = asyncio.create_task(talk.send(b"two"))
        assert await read_for(theirs.fileno(), 0.05) == frame(b"one") + frame(b"two")
        theirs.send(ACK)
        await sending


async def test_a_conversation_that_was_given_up_receives_nothing_more() -> None:
    """Not even what comes afterwards: that is for the next one."""
    with line(Rules(ack_seconds=0.02, repeats=0)) as (opened, theirs, _):
        talk = opened.converse()
        receiving = asyncio.create_task(talk.receive())
        with pytest.raises(LinkLost):
            await talk.send(b"x")
        with pytest.raises(LinkLost):
            await receiving
        theirs.send(frame(b"{}"))
        await opened.heard()
        with pytest.raises(LinkLost):
            await talk.receive()
        assert await opened.converse().receive() == b"{}"


async def test_bytes_that_somebody_else_has_read_are_no_end() -> None:
    """Readable for a moment, and nothing there: a terminal set up so reads empty without being hung up."""
    master, slave = os.openpty()
    opened = FrameLine(slave, Exchange(RULES), line_limits(50))
    try:
        reading = os.read
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("drivers.frame_line.os.read", lambda descriptor, count: reading(descriptor, count) and b"")
            os.write(master, b"\n")
            await asyncio.sleep(0.05)
        assert not opened.lost
    finally:
        opened.close()
        os.close(master)
        os.close(slave)


async def test_reading_waits_when_the_line_is_too_fast_and_an_end_ends_the_waiting() -> None:
    """No callback outlives the line."""
    with line(bytes_per_second=10, byte_burst=5) as (opened, theirs, _):
        for __ in range(2):  # the first is paid for, the second is owed
            theirs.send(b"?" * 200)
            await asyncio.sleep(0.02)
        theirs.send(frame(b"{}"))
        await asyncio.sleep(0.05)
        assert opened.heard_at is None
    await soon(lambda: opened.lost)
