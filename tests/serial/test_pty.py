"""Goal: a register that knows only serial ports is served by name, and nobody else gets in. Method: the real files, terminals and
programs."""

import asyncio
import fcntl
import os
import stat
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from drivers.client import Client, Unreachable
from drivers.frames import frame
from drivers.line import LineState
from drivers.pty_port import PtyPort, forget_dead_link
from drivers.rules import Rules
from drivers.serial_link import Pty
from drivers.socket_address import CannotListen
from tests.serial.support import Desk, LineRecorder, descriptors, read_for, serving, text
from tests.support.patience import soon
from tests.support.wires import PATIENT
from tests.system import require

NOBODY = 65534


def opened(path: Path) -> int:
    """The register's end. To be closed."""
    return os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


async def test_a_register_opens_and_closes_it_as_it_likes(tmp_path: Path) -> None:
    """Each time it is served; the name stays; nothing is left over; at the end the link goes."""
    path, recorder = tmp_path / "till.tty", LineRecorder()
    async with serving(Pty(path), Desk(), recorder=recorder, rules=PATIENT) as listener:
        terminal = path.readlink()
        before = after = (0, 0)
        for cycle in range(20):
            async with await Client.connect_serial(path, rules=PATIENT) as register:
                assert (await register.call("agent.status"))["ready"]
            await soon(lambda: len(recorder.of("connected")) == len(recorder.of("disconnected")))
            after = (descriptors(), len(asyncio.all_tasks()))
            before = before if cycle else after
        assert (after, path.readlink()) == (before, terminal)
        assert listener.status.state is LineState.HEARD
    assert not path.is_symlink()
    assert recorder.states == [LineState.WAITING]


async def test_what_nobody_has_read_is_not_for_the_next_register(tmp_path: Path) -> None:
    """A register asks, dies without reading; another opens the terminal after it was given up: not a byte waits for it."""
    path, recorder = tmp_path / "till.tty", LineRecorder()
    async with serving(Pty(path), Desk(), recorder=recorder, rules=Rules(ack_seconds=0.05, repeats=1)):
        port = opened(path)
        os.write(port, frame(text("agent.status")))
        os.close(port)
        await soon(lambda: recorder.of("disconnected") == ["lost"])
        port = opened(path)
        assert len(await read_for(port, 0.2)) <= 3  # the reset alone
        os.close(port)


def test_who_may_open_it(tmp_path: Path) -> None:
    """Only the agent's own user; with a group its members as well; or the named user. Checked at the terminal, not at the link."""
    require("root")
    for user_id, group_id, expected in ((None, None, (0, 0o600)), (None, NOBODY, (0, 0o660)), (NOBODY, None, (NOBODY, 0o600))):
        port = PtyPort(tmp_path / "till.tty", user_id, group_id)
        found = (tmp_path / "till.tty").stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == expected
        assert group_id is None or found.st_gid == group_id
        port.close()
    before = descriptors()
    with pytest.raises(CannotListen, match="cannot be given to that user or group"):
        PtyPort(tmp_path / "till.tty", user_id=2**40)
    assert descriptors() == before


def test_only_a_stale_link_of_our_own_is_replaced(tmp_path: Path) -> None:
    """A killed agent leaves its link behind: replaced. A file, another link, the link of somebody else: left alone, and said so."""
    path = tmp_path / "till.tty"
    path.symlink_to("/dev/pts/9999")
    PtyPort(path).close()
    path.write_text("precious")
    with pytest.raises(CannotListen, match="left alone"):
        PtyPort(path)
    assert path.read_text() == "precious"
    path.unlink()
    path.symlink_to(tmp_path)
    with pytest.raises(CannotListen, match="left alone"):
        PtyPort(path)
    require("root")
    path.unlink()
    path.symlink_to("/dev/pts/9999")
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(CannotListen, match="left alone"):
        PtyPort(path)


def test_a_dead_link_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    """Before terminals are made: a link that a killed agent left goes; that of a living one, a file, a strange link and a place where
    nothing can be are left as they are, in silence."""
    dead, living, strange, precious = (tmp_path / name for name in ("dead.tty", "living.tty", "strange.tty", "precious"))
    dead.symlink_to("/dev/pts/9999")
    strange.symlink_to(tmp_path)
    precious.write_text("kept")
    port, before = PtyPort(living), descriptors()
    for path in (dead, living, strange, precious, tmp_path / "none", tmp_path / "no" / "folder", Path("relative")):
        forget_dead_link(path)
    assert (dead.is_symlink(), strange.is_symlink(), precious.read_text()) == (False, True, "kept")
    assert (str(living.readlink()), descriptors()) == (port.terminal, before)
    port.close()


def test_a_link_that_is_no_longer_ours_is_not_taken_away(tmp_path: Path) -> None:
    """Somebody has put another one there."""
    port = PtyPort(tmp_path / "till.tty")
    (tmp_path / "till.tty").unlink()
    (tmp_path / "till.tty").symlink_to("/dev/pts/9999")
    port.close()
    assert str((tmp_path / "till.tty").readlink()) == "/dev/pts/9999"


def test_two_agents_cannot_serve_one_name(tmp_path: Path) -> None:
    """The living one keeps it; the lock of a dead one holds nobody up."""
    path = tmp_path / "till.tty"
    first = PtyPort(path)
    with pytest.raises(CannotListen, match="another agent"):
        PtyPort(path)
    first.close()
    PtyPort(path).close()


def test_where_a_link_may_be(tmp_path: Path) -> None:
    """As with sockets: an absolute path in a directory where others cannot exchange it."""
    with pytest.raises(CannotListen, match="absolute"):
        PtyPort(Path("till.tty"))
    with pytest.raises(CannotListen, match="No such file"):
        PtyPort(tmp_path / "none" / "till.tty")
    (tmp_path / ".till.tty.lock").mkdir()
    with pytest.raises(CannotListen, match="lock"):
        PtyPort(tmp_path / "till.tty")
    (tmp_path / ".other.tty.new").mkdir()
    with pytest.raises(CannotListen, match="directory"):
        PtyPort(tmp_path / "other.tty")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(CannotListen, match="everybody"):
        PtyPort(tmp_path / "open" / "till.tty")


TRY = "import os, sys; os.setuid(65534); os.close(os.open(sys.argv[1], 258))"


async def test_a_register_that_was_killed_can_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had claimed the terminal for itself, as some runtimes do; with nothing heard for a while the agent ends the claim."""
    require("root")
    monkeypatch.setattr("drivers.pty_port.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("drivers.serial_link.TEND_SECONDS", 0.05)
    async with serving(Pty(tmp_path / "till.tty", user_id=NOBODY), Desk()):
        terminal = str((tmp_path / "till.tty").resolve())
        slave = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(slave, termios.TIOCEXCL)
        os.close(slave)

        async def attempt() -> int:
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", TRY, terminal, stderr=subprocess.DEVNULL)
            return await process.wait()

        assert any([(await attempt()) == 0 for _ in range(4)])


async def test_the_claim_of_a_register_at_work_is_left_alone(tmp_path: Path) -> None:
    """Only silence ends it."""
    require("root")
    port = PtyPort(tmp_path / "till.tty", user_id=NOBODY)
    fcntl.ioctl(port._slave, termios.TIOCEXCL)
    for quiet_seconds, status in ((1.0, 1), (6.0, 0)):
        port.tend(quiet_seconds)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", TRY, port.terminal, stderr=subprocess.DEVNULL)
        assert await process.wait() == status
    port.close()


async def test_an_agent_that_ends_hangs_up_on_its_register(tmp_path: Path) -> None:
    """The register's end reads the end: it opens the same name again, and is served by the next agent."""
    path, desk = tmp_path / "till.tty", Desk()
    async with serving(Pty(path), desk, rules=PATIENT):
        register = await Client.connect_serial(path, rules=PATIENT)
        poll = asyncio.create_task(register.call("checkout.get", storeId="s", terminalId="t", key="k", wait=60))
        await soon(lambda: len(desk.log) == 1)
    assert (await poll)["hurried"]
    with pytest.raises(Unreachable):
        await register.call("agent.status")
    await register.close()
    async with serving(Pty(path), desk, rules=PATIENT), await Client.connect_serial(path, rules=PATIENT) as again:
        assert (await again.call("agent.status"))["ready"]


async def test_an_echo_is_named_and_does_no_harm(tmp_path: Path) -> None:
    """A register switches the terminal's echo on: what the agent sends comes back to it, and it neither answers itself nor loops."""
    path, recorder = tmp_path / "till.tty", LineRecorder()
    async with serving(Pty(path), Desk(), recorder=recorder, rules=Rules(ack_seconds=0.1, repeats=1)) as listener:
        port = opened(path)
        settings = termios.tcgetattr(port)
        settings[3] |= termios.ECHO
        termios.tcsetattr(port, termios.TCSANOW, settings)
        os.write(port, frame(text("agent.status")))
        await asyncio.sleep(0.3)
        os.close(port)
        assert len(recorder.of("connected")) == 1
        assert listener.status.damaged_frames < 10
