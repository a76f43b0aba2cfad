"""Goal: systemd is told the truth and its absence hurts nobody. Method: a real datagram socket, by path and by abstract name."""

import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import journald
from agent.sdnotify import MAX_STATUS_CHARACTERS, Notifier


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd opens it, with its name for the environment."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@koshelek-agent-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        channel.settimeout(5)
        yield channel, name


def test_every_message_is_one_datagram(listener: tuple[socket.socket, str]) -> None:
    """READY, STATUS, RELOADING and STOPPING arrive as sd_notify(3) writes them; a status stays one bounded line."""
    channel, name = listener
    notifier = Notifier({"NOTIFY_SOCKET": name})
    assert notifier.ready("3 tills")
    assert channel.recv(1024) == b"READY=1\nSTATUS=3 tills"
    assert notifier.status("нет связи\nREADY=1" + "x" * 1000)
    status = channel.recv(4096).decode()
    assert status.startswith("STATUS=нет связи READY=1x")
    assert len(status) == len("STATUS=") + MAX_STATUS_CHARACTERS
    assert notifier.reloading(1_234_567)
    assert channel.recv(1024) == b"RELOADING=1\nMONOTONIC_USEC=1234567"
    assert notifier.extend()
    assert channel.recv(1024) == b"EXTEND_TIMEOUT_USEC=30000000"
    assert notifier.stopping("closing the journal")
    assert channel.recv(1024) == b"STOPPING=1\nSTATUS=closing the journal"


def test_a_sign_of_life_and_how_often_it_is_wanted(listener: tuple[socket.socket, str]) -> None:
    """WATCHDOG=1 arrives; the period is systemd's, unless it watches another process, or none."""
    channel, name = listener
    assert Notifier({"NOTIFY_SOCKET": name}).alive()
    assert channel.recv(1024) == b"WATCHDOG=1"
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}).watchdog_s(7) == 30.0
    assert Notifier({"WATCHDOG_USEC": "1500000"}).watchdog_s(7) == 1.5
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}).watchdog_s(7) is None
    for useless in ({}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}):
        assert Notifier(useless).watchdog_s(7) is None


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    """No socket named, and a socket that nobody listens on: the answer is False, no exception."""
    assert not Notifier({}).ready("x")
    assert not Notifier({"NOTIFY_SOCKET": ""}).status("x")
    assert not Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).stopping("x")


def test_a_full_socket_does_not_block(listener: tuple[socket.socket, str]) -> None:
    """When systemd does not read, the datagram is dropped at once: the event loop must not wait."""
    _, name = listener
    notifier = Notifier({"NOTIFY_SOCKET": name})
    handed_over = [notifier.status("x" * 100) for _ in range(5_000)]
    assert handed_over[0]
    assert not handed_over[-1]


def test_with_no_descriptor_left_it_is_only_not_told(listener: tuple[socket.socket, str]) -> None:
    """Neither systemd nor its journal hears of it, and whoever tells it goes on."""
    _, name = listener
    notifier = Notifier({"NOTIFY_SOCKET": name})
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
        told, logged = notifier.alive(), journald.send("line", [])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert (told, logged, notifier.alive()) == (False, False, True)
