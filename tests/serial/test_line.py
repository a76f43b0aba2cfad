"""Goal: a line is served for months: unplugged, busy, noisy, with registers that come and go. Method: real pseudo-terminals, real
programs."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.client import CallFailed, Client, Unreachable
from drivers.exchange import RESET_SENT
from drivers.frames import STX, Control, frame
from drivers.line import MAX_SERIAL_ANSWER_BYTES, LineSpeed, LineState, line_limits
from drivers.parts import parts
from drivers.rules import Rules
from drivers.serial_link import Tty
from drivers.serial_port import NoPort, PortAbsent, PortBusy, holders, open_port
from tests.drivers.support import checkout, get
from tests.serial.support import Desk, LineRecorder, descriptors, read_for, serving, text
from tests.support.patience import soon
from tests.support.wires import PATIENT, QUICK, NullModem

HOLDER = "import os, sys, time; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('open', flush=True); time.sleep(60)"
ACK, RESET = bytes([Control.ACK]), bytes([Control.EOT]) * RESET_SENT


def raw(modem: NullModem) -> int:
    """The register's end, for a test that speaks for itself. To be closed."""
    return os.open(modem.register, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


# --- the port ---


async def test_a_line_is_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    """Absent at the start, noticed within a second each time, served again within a second; each change is told once."""
    desk, recorder, modem = Desk(), LineRecorder(), NullModem(tmp_path)
    async with serving(modem.place, desk, recorder=recorder, rules=PATIENT) as listener:
        assert listener.status.state is LineState.UNPLUGGED
        assert "no such port" in listener.status.problem
        for _ in range(2):
            with modem:
                await soon(lambda: listener.status.state is LineState.WAITING, 2.0)
                assert listener.status.heard_seconds is None
                async with await modem.connect(PATIENT) as register:
                    assert (await register.call("agent.status"))["ready"]
                assert listener.status.state is LineState.HEARD
                assert listener.status.heard_seconds is not None
                assert listener.status.heard_seconds < 5
                pulled = time.monotonic()
            await soon(lambda: listener.status.state is LineState.UNPLUGGED)
            assert time.monotonic() - pulled < 1.0
    assert recorder.states == [LineState.UNPLUGGED, LineState.WAITING, LineState.UNPLUGGED, LineState.WAITING, LineState.UNPLUGGED]


async def test_nothing_is_left_over_after_many_plugs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-five times plugged in, spoken to, pulled out in the middle of a long poll: no descriptor, task or work remains."""
    monkeypatch.setattr("drivers.serial_link.REOPEN_SECONDS", 0.01)
    desk, modem = Desk(), NullModem(tmp_path)
    async with serving(modem.place, desk) as listener:
        before = after = (descriptors(), len(asyncio.all_tasks()))
        for number in range(25):
            with modem:
                await soon(lambda: listener.status.state is not LineState.UNPLUGGED)
                port = raw(modem)
                os.write(port, frame(get(number, f"k{number}").strip()))
                await soon(lambda n=number: f"begin checkout.get k{n}" in desk.log)
                os.close(port)
            await soon(lambda: listener.status.state is LineState.UNPLUGGED)
            await soon(lambda n=number: f"cancelled checkout.get k{n}" in desk.log)
            after = (descriptors(), len(asyncio.all_tasks()))
        assert after == before


async def test_work_that_moves_money_is_carried_out_when_the_plug_is_pulled(tmp_path: Path) -> None:
    """The register has handed over its customer's wish; after the next plug it asks by key."""
    desk = Desk()
    with NullModem(tmp_path) as modem:
        async with serving(modem.place, desk, rules=PATIENT) as listener:
            port = raw(modem)
            for part in parts(text("checkout.create", 1, **checkout("sale"))):
                os.write(port, part)
            await soon(lambda: desk.asked == ["sale"])
            os.close(port)
            modem.unplug()
            await soon(lambda: listener.status.state is LineState.UNPLUGGED)
            modem.plug()
            await soon(lambda: listener.status.state is LineState.WAITING)
            async with await modem.connect(PATIENT) as register:
                assert (await register.call("checkout.create", **checkout("sale")))["key"] == "sale"


@pytest.mark.parametrize("seconds", [0.0, 0.3])
async def test_a_port_that_another_program_has_is_busy_and_its_holder_named(tmp_path: Path, seconds: float) -> None:
    """A program that locks nothing: at the start or later, both would get half of every message. It is named, and waited for."""
    recorder = LineRecorder()
    with NullModem(tmp_path) as modem, started(HOLDER, modem.agent) as other:
        async with serving(modem.place, Desk(), recorder=recorder) as listener:
            await asyncio.sleep(seconds)
            status = listener.status
            assert status.state is LineState.BUSY
            assert list(status.holders) == holders(modem.agent) == [f"{process_name(other.pid)} (pid {other.pid})"]
            assert str(other.pid) in status.problem
            other.kill()
            await soon(lambda: listener.status.state is LineState.WAITING)
    assert recorder.states == [LineState.BUSY, LineState.WAITING]


@contextlib.contextmanager
def started(program: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has said its first line; it ends with the test."""
    with subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process
        finally:
            process.kill()


def process_name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


async def test_a_second_program_cannot_have_the_agents_port(tmp_path: Path) -> None:
    """Nor can a second listener of the agent: the lock holds against both, and says who has the port."""
    with NullModem(tmp_path) as modem:
        async with serving(modem.place, Desk(), recorder=LineRecorder()) as listener:
            assert listener.status.state is LineState.WAITING
            with pytest.raises(PortBusy) as busy:
                open_port(modem.agent, LineSpeed(), alone=False)
            assert f"(pid {os.getpid()})" in str(busy.value)
            async with serving(modem.place, Desk()) as second:
                assert second.status.state is LineState.BUSY
    assert holders(tmp_path / "nothing") == []


def test_what_is_no_serial_port_is_told_in_words(tmp_path: Path) -> None:
    """Each reason leads somewhere; none is an exception that nobody expects."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PortAbsent, match="no such port"):
        open_port(tmp_path / "none", LineSpeed())
    with pytest.raises(PortAbsent):
        open_port(tmp_path / "file" / "below", LineSpeed())
    with pytest.raises(NoPort, match="cannot be used as a serial port"):
        open_port(tmp_path / "file", LineSpeed())
    with pytest.raises(NoPort, match="cannot be used"):
        open_port(tmp_path, LineSpeed())


async def test_a_port_that_cannot_be_used_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong path does not stop the agent; a reason that stays is told once; a fault of ours is reported, and the line goes on."""
    monkeypatch.setattr("drivers.serial_link.REOPEN_SECONDS", 0.01)
    (tmp_path / "tty").write_text("")
    recorder, modem = LineRecorder(), NullModem(tmp_path)
    async with serving(Tty(tmp_path / "tty", LineSpeed()), Desk(), recorder=recorder) as listener:
        await asyncio.sleep(0.1)
        assert (listener.status.state, recorder.states) == (LineState.FAILED, [LineState.FAILED])
        with monkeypatch.context() as broken, modem:
            broken.setattr("drivers.serial_link.FrameLine", None)
            (tmp_path / "tty").unlink()
            (tmp_path / "tty").symlink_to(modem.agent)
            await soon(lambda: bool(recorder.of("failed")))
            broken.undo()
            monkeypatch.setattr("drivers.serial_link.REOPEN_SECONDS", 0.01)
            async with await modem.connect(PATIENT) as register:
                assert (await register.call("agent.status"))["ready"]


async def test_opening_that_nobody_waits_for_any_more_leaves_no_port_open(tmp_path: Path) -> None:
    """A driver takes its time while the agent stops: what it opens at last is closed."""
    with NullModem(tmp_path) as modem:
        before = descriptors()
        opening = asyncio.ensure_future(modem.place.open())
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await soon(lambda: descriptors() == before)


# --- registers that come and go ---


async def test_a_register_that_starts_anew_gets_no_old_answers(tmp_path: Path) -> None:
    """Its predecessor waits in a long poll; the new one sends a reset: the poll ends, its answer is never sent, the new question is
    answered."""
    desk, recorder = Desk(), LineRecorder()
    with NullModem(tmp_path) as modem:
        async with serving(modem.place, desk, recorder=recorder, rules=PATIENT):
            port = raw(modem)
            os.write(port, frame(get(1, "old").strip()))
            await soon(lambda: len(desk.log) == 1)
            os.close(port)
            async with await modem.connect(PATIENT) as register:
                assert (await register.call("agent.status"))["ready"]
            await soon(lambda: "cancelled checkout.get old" in desk.log)
            await soon(lambda: len(recorder.of("disconnected")) == 2)
    assert recorder.of("disconnected") == ["closed", "closed"]


async def test_a_register_that_does_not_acknowledge_is_given_up(tmp_path: Path) -> None:
    """Its conversation ends as lost, the port stays open, and the next register is served."""
    desk, recorder = Desk(), LineRecorder()
    rules = Rules(ack_seconds=0.05, repeats=2)
    with NullModem(tmp_path) as modem:
        async with serving(modem.place, desk, recorder=recorder, rules=rules):
            port = raw(modem)
            os.write(port, frame(text("agent.status")))
            got = await read_for(port, 0.6)
            assert got.startswith(ACK + bytes([STX]))
            assert got.endswith(RESET)
            assert got.count(b'"ready"') == 3
            await soon(lambda: recorder.of("disconnected") == ["lost"])
            os.close(port)
            async with await modem.connect(PATIENT) as register:
                assert (await register.call("agent.status"))["ready"]
    assert recorder.states == [LineState.WAITING]


async def test_an_agent_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    """Nobody acknowledges, or there is no port: the client says so, and keeps nothing open."""
    before = descriptors()
    with NullModem(tmp_path) as modem:
        async with await modem.connect(Rules(ack_seconds=0.02, repeats=2)) as register:
            with pytest.raises(Unreachable):
                await register.call("agent.status")
    with pytest.raises(Unreachable, match="no such port"):
        await Client.connect_serial(tmp_path / "none")
    assert descriptors() == before


async def test_stopping_lets_work_finish_and_tells_the_register(tmp_path: Path) -> None:
    """A long poll answers early; then the line ends with a reset, which a client takes for the end."""
    desk = Desk()
    with NullModem(tmp_path) as modem:
        async with serving(modem.place, desk, rules=PATIENT) as listener, await modem.connect(PATIENT) as register:
            poll = asyncio.create_task(register.call("checkout.get", storeId="s", terminalId="t", key="k", wait=60))
            await soon(lambda: len(desk.log) == 1)
            await listener.stop()
            assert (await poll)["hurried"]
            with pytest.raises(Unreachable):
                await register.call("agent.status")


# --- noise and limits ---


async def test_damage_is_refused_counted_and_told_once_a_minute(tmp_path: Path) -> None:
    """NAK on the wire, one line for the log however much comes, the number in the status; then a good frame is answered."""
    recorder = LineRecorder()
    with NullModem(tmp_path) as modem:
        async with serving(modem.place, Desk(), recorder=recorder, rules=replace(PATIENT, silence_seconds=0.02)) as listener:
            port = raw(modem)
            for number in range(5):
                os.write(port, frame(b"{}")[:-1] + b"\xff")
                await soon(lambda n=number: listener.status.damaged_frames > n)
                await asyncio.sleep(0.05)
            assert await read_for(port, 0.1) == bytes([Control.NAK]) * 5
            assert listener.status.state is LineState.WAITING
            os.write(port, frame(text("agent.status")))
            assert b'"ready"' in await read_for(port, 0.2)
            assert recorder.of("damaged") == [1]
            os.close(port)
    assert recorder.of("damaged") == [1, 4]


async def test_limits_hold_on_a_line(tmp_path: Path) -> None:
    """Too long a request, too long an answer, too many at work: told by code, and the line goes on."""
    desk = Desk()
    limits = replace(line_limits(50), line_bytes=1000, requests_at_work=1, bytes_per_second=1_000_000)
    rules = replace(PATIENT, max_message_bytes=1000)
    with NullModem(tmp_path) as modem:
        async with serving(modem.place, desk, limits=limits, rules=rules), await modem.connect(PATIENT) as register:
            with pytest.raises(CallFailed, match="too long") as answer:
                await register.call("operation.show", storeId="s", terminalId="t", key=str(MAX_SERIAL_ANSWER_BYTES))
            assert answer.value.code == "LIMIT"
            poll = asyncio.create_task(register.call("checkout.get", storeId="s", terminalId="t", key="k", wait=60))
            await soon(lambda: len(desk.log) == 1)
            with pytest.raises(CallFailed) as busy:
                await register.call("agent.status")
            assert busy.value.code == "LIMIT"
            desk.release.set()
            assert (await poll)["key"] == "k"
            with pytest.raises(CallFailed, match="at most 1000 bytes") as request:
                await register.call("checkout.get", storeId="s", terminalId="t", key="k", wait="x" * 2000)
            assert request.value.code == "INVALID"


async def test_a_flood_is_read_no_faster_than_permitted(tmp_path: Path) -> None:
    """Garbage at full speed: the line is read at its rate, hanging up is still noticed, and the loop is not held up."""
    limits = replace(line_limits(50), bytes_per_second=20_000, byte_burst=4096)
    with NullModem(tmp_path) as modem:
        async with serving(modem.place, Desk(), limits=limits) as listener:
            port = raw(modem)
            began, taken, worst = time.monotonic(), 0, 0.0
            while time.monotonic() - began < 0.5:
                try:
                    taken += os.write(port, b"\x02\x05" * 512)
                except BlockingIOError:
                    tick = time.monotonic()
                    await asyncio.sleep(0.005)
                    worst = max(worst, time.monotonic() - tick)
            kept = 64 * 1024  # what the kernel and the relay hold
            assert taken < kept + 4096 + 20_000 * (time.monotonic() - began)
            assert worst < 0.5
            os.close(port)
            modem.unplug()
            await soon(lambda: listener.status.state is LineState.UNPLUGGED)


async def test_a_line_without_a_reader_does_not_keep_what_is_sent_to_it(tmp_path: Path) -> None:
    """A register that asks for much and reads nothing: what is unsent is bounded, and it is given up."""
    desk, recorder = Desk(), LineRecorder()
    limits = replace(line_limits(50), unsent_bytes=60_000)
    with NullModem(tmp_path, lambda chance, data: [(0.0, data)] if data[0] == STX else []) as modem:  # no ACK passes
        async with serving(modem.place, desk, recorder=recorder, limits=limits, rules=QUICK):
            port = raw(modem)
            for number in range(4):
                os.write(port, frame(text("operation.show", number, storeId="s", terminalId="t", key="20000")))
                await asyncio.sleep(0.05)
            await soon(lambda: bool(recorder.of("disconnected")))
            os.close(port)
    assert recorder.of("disconnected")[0] == "lost"
