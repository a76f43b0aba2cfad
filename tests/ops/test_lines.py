"""Goal: a technician finds out by herself which ports there are, how a register speaks, and whether a cable carries. Method: real
pseudo-terminals whose relay does to the bytes what two speeds on one wire do; the kernel's tree of ports as files."""

import contextlib
import json
import os
import re
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog.testing
from click.testing import CliRunner

from agent.cli import cli
from agent.doors import LoggingObserver
from agent.ops.lines.hearing import QUESTION, Dialect, judge
from agent.ops.lines.known import KnownPort, known_ports
from agent.ops.lines.loopback import loopback
from agent.ops.lines.probe import Tried, best, probe
from drivers import serial_link
from drivers.exchange import Arrived, Exchange
from drivers.frames import Control, frame
from drivers.line import LineSpeed, LineState
from drivers.parts import parts
from drivers.rules import Rules
from drivers.serial_link import Tty
from drivers.serial_port import PortBusy, open_port
from tests.ops.stage import stranger, wrong_speed
from tests.serial.support import Desk, LineRecorder, serving
from tests.support.patience import soon
from tests.support.stand import Stand
from tests.support.wires import NullModem
from tests.system import require

SPEEDS = {getattr(termios, f"B{baud}"): baud for baud in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)}
REQUEST = b'{"jsonrpc": "2.0", "id": 1, "method": "agent.status", "params": {}}' + b" " * 60


def test_what_bytes_tell() -> None:
    """Frames of both kinds, a part of a longer one, an answer to our question, XML, text, noise, nothing."""
    heard = {
        Dialect.JSON_FRAMES: frame(REQUEST),
        Dialect.FRAMES: frame(b"\x19\x02\x0026"),
        Dialect.ANSWERS: bytes([Control.NAK]) * 2,
        Dialect.XML: b'<?xml version="1.0"?><request/>',
        Dialect.TEXT: b"ATZ OK ready\r\n",
        Dialect.NOISE: b"\xfe\x00\xf8\x00\x00\x9e\xe6",
        Dialect.SILENCE: b"",
    }
    assert {name: judge(data).dialect for name, data in heard.items()} == {name: name for name in heard}
    assert judge(parts(REQUEST * 20)[0]).dialect is Dialect.JSON_FRAMES
    assert judge(b"\xff\x00" + frame(REQUEST) * 3).frames == 3


def test_the_question_is_no_command() -> None:
    """Who speaks frames answers it with NAK and takes no message from it."""
    exchange = Exchange(Rules())
    events = exchange.receive(QUESTION, 0.0)
    assert not [event for event in events if isinstance(event, Arrived)]
    assert exchange.owed(0.0) == bytes([Control.NAK])


@contextlib.contextmanager
def speaking(folder: Path, baud: int) -> Iterator[NullModem]:
    """A register that says something every now and then at its speed; the other end hears it at the speed its port is set to."""
    modem = NullModem(folder)

    def relay(chance: object, data: bytes) -> list[tuple[float, bytes]]:
        heard = SPEEDS.get(termios.tcgetattr(modem._masters[0])[4], 9600)
        return list(wrong_speed(baud, heard)(chance, data))  # type: ignore[arg-type]  # no chance is in it

    modem._spoiler = relay
    stop = threading.Event()

    def speak() -> None:
        port = os.open(modem.register, os.O_RDWR | os.O_NOCTTY)
        while not stop.wait(0.05):
            os.write(port, frame(REQUEST))
        os.close(port)

    with modem:
        register = threading.Thread(target=speak)
        register.start()
        try:
            yield modem
        finally:
            stop.set()
            register.join()


async def tried(path: Path, seconds: float = 0.3) -> list[Tried]:
    return [one async for one in probe(path, seconds, (115_200, 9_600, 57_600))]


async def test_the_speed_of_a_register_is_found(tmp_path: Path) -> None:
    """At the wrong speed there is noise, at the right one a whole frame, and nothing more is tried."""
    with speaking(tmp_path, 9_600) as modem:
        found = await tried(modem.agent)
    assert [(one.speed.baud, one.heard.dialect) for one in found] == [(115_200, Dialect.NOISE), (9_600, Dialect.JSON_FRAMES)]
    assert best(found).speed == LineSpeed(9_600)


async def test_on_a_silent_line_everything_is_tried(tmp_path: Path) -> None:
    """And nothing is claimed. A port that somebody has is not touched: its holder is named."""
    with NullModem(tmp_path) as modem:
        found = await tried(modem.agent, 0.05)
        assert [one.heard.dialect for one in found] == [Dialect.SILENCE] * 3
        held = open_port(modem.agent, LineSpeed())
        with pytest.raises(PortBusy, match=f"pid {os.getpid()}"):
            await tried(modem.agent)
        held.close()


@contextlib.contextmanager
def bridged(spoil: bytes | None = None) -> Iterator[Path]:
    """A port whose pins are bridged; ``spoil``: what comes back instead."""
    master, slave = os.openpty()
    tty.setraw(slave)

    over = threading.Event()

    def echo() -> None:
        while not over.wait(0.002):
            with contextlib.suppress(OSError):  # nobody has the port open
                data = os.read(master, 4096)
                os.write(master, data if spoil is None else spoil)

    thread = threading.Thread(target=echo, daemon=True)
    os.set_blocking(master, False)
    thread.start()
    path = Path(os.ttyname(slave))
    os.close(slave)
    try:
        yield path
    finally:
        over.set()
        thread.join()
        os.close(master)


async def test_a_loop_shows_whether_the_port_carries() -> None:
    """Everything back, something else back, nothing back."""
    with bridged() as path:
        assert (await loopback(path, LineSpeed())).same
    with bridged(b"?") as path:
        spoilt = await loopback(path, LineSpeed())
        assert (spoilt.same, spoilt.returned > 0) == (False, True)
    with bridged(b"") as path:
        assert (await loopback(path, LineSpeed())).returned == 0


def test_ports_have_the_names_that_stay(tmp_path: Path) -> None:
    """Hardware is listed by its best name; terminals without hardware and ports that the board does not have are not."""
    dev, links = tmp_path / "dev", tmp_path / "dev" / "serial" / "by-id"
    links.mkdir(parents=True)
    for name, kind in (("ttyUSB0", None), ("ttyS0", "4"), ("ttyS1", "0"), ("tty1", None)):
        (dev / name).touch()
        entry = tmp_path / "sys" / name
        (entry if name == "tty1" else entry / "device" / "driver").mkdir(parents=True)
        if kind:
            (entry / "type").write_text(f"{kind}\n")
    (links / "usb-register").symlink_to("../../ttyUSB0")
    found = known_ports(tmp_path / "sys", dev, [links, tmp_path / "nowhere"])
    assert found == [KnownPort(dev / "ttyS0"), KnownPort(dev / "ttyUSB0", (links / "usb-register",))]
    assert [one.best.name for one in found] == ["ttyS0", "usb-register"]
    assert known_ports(tmp_path / "nowhere") == []


async def test_noise_and_silence_of_a_line_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of another speed count as damaged although nothing in them looks like a frame; a line on which nothing comes is told once."""
    monkeypatch.setattr(serial_link, "TEND_SECONDS", 0.02)
    monkeypatch.setattr(serial_link, "TELL_SILENCE_SECONDS", 0.05)
    recorder = LineRecorder()
    silent: list[str] = []
    look, looks = serial_link.LineListener._look_for_noise, list[int]()

    def counted(listener: serial_link.LineListener, before: int) -> int:
        looks.append(before)
        return look(listener, before)

    monkeypatch.setattr(serial_link.LineListener, "_look_for_noise", counted)
    monkeypatch.setattr(recorder, "line_silent", lambda name, seconds: silent.append(name))
    with NullModem(tmp_path, wrong_speed(115_200, 9_600)) as modem:
        async with serving(Tty(modem.agent, LineSpeed()), Desk(), recorder=recorder) as listener:
            await soon(lambda: bool(silent))
            port = os.open(modem.register, os.O_RDWR | os.O_NOCTTY)
            os.write(port, frame(REQUEST))
            await soon(lambda: listener.status.damaged_frames == 1)
            looked = len(looks)
            await soon(lambda: len(looks) >= looked + 3)
            assert (listener.status.state, listener.status.damaged_frames) == (LineState.WAITING, 1)
            os.close(port)
    assert (silent, recorder.of("damaged")) == (["serial:test"], [1])
    with structlog.testing.capture_logs() as lines:
        LoggingObserver().line_silent("serial:/dev/ttyUSB0", 300.0)
    assert "koshelek-agent probe /dev/ttyUSB0" in str(lines[0]["remedy"])


@pytest.mark.system
def test_a_port_that_this_user_may_not_open_is_not_said_to_be_broken() -> None:
    """The kernel refuses it: what to do is said, in the person's language, by both commands."""
    require("root")
    master, slave = os.openpty()
    path = os.ttyname(slave)
    Path(path).chmod(0o600)
    try:
        for command in ("probe", "loopback"):
            with stranger():
                refused = CliRunner().invoke(cli, [command, path], env={"LC_ALL": "ru_RU.UTF-8"})
            assert refused.exit_code == 5
            assert re.search(f"нельзя открыть порт {path}.*sudo koshelek-agent", refused.output), refused.output
    finally:
        os.close(master)
        os.close(slave)


def test_the_commands(tmp_path: Path) -> None:
    """What the three print, for programs and in the person's language, and their exit statuses."""
    stand = Stand()
    try:
        with bridged() as path:
            whole = stand.cli("loopback", str(path), "--json")
            assert (whole.returncode, json.loads(whole.stdout)["same"]) == (0, True)
        with bridged(b"") as path:
            none = stand.cli("loopback", str(path), LC_ALL="ru_RU.UTF-8")
            assert (none.returncode, "контакты 2 и 3" in none.stdout) == (11, True)
        with speaking(tmp_path, 115_200) as modem:
            found = stand.cli("probe", str(modem.agent), "--seconds", "1", "--json")
            assert (found.returncode, json.loads(found.stdout)["baud"], json.loads(found.stdout)["dialect"]) == (0, 115_200, "json_frames")
        missing = stand.cli("probe", str(tmp_path / "nothing"))
        assert (missing.returncode, "no such port" in missing.stderr) == (5, True)
        with NullModem(tmp_path) as modem:
            held = open_port(modem.agent, LineSpeed())
            busy = stand.cli("probe", str(modem.agent), LC_ALL="ru_RU.UTF-8")
            held.close()
        assert busy.returncode == 5
        assert re.search(rf"Порт {modem.agent} .*\(pid {os.getpid()}\).*systemctl stop", busy.stderr), busy.stderr
        ports = stand.cli("ports", "--json")
        assert (ports.returncode, isinstance(json.loads(ports.stdout)["ports"], list)) == (0, True)
    finally:
        stand.close()
