"""Goal: a port that the agent cannot have is told at the start and by the doctor, with who has it. Method: real ports, held by this
process; the real daemon."""

import asyncio
import errno
import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.ops.doctor import Grade, addresses
from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Finding
from agent.running.errors import CannotStart, shut
from agent.settings import load
from agent.texts import translator
from drivers.socket_link import CannotListen
from drivers.tcp_link import PortRefused, bind
from tests.ops.stage import examined, said_in_both, says
from tests.support.stand import Plan, Port, Stand

SOMEBODY = 65_534


@pytest.fixture
def till() -> Iterator[Stand]:
    """The files of a till whose register comes in by HTTP; nothing runs."""
    made = Stand(Plan(ports=(Port("web", "http"),), language="ru"))
    made._write_files()
    yield made
    made.close()


def found_of(till: Stand) -> Finding:
    """The line about the port."""
    (found,) = [one for one in examined(till.config, "port") if str(till.ports["web"]) in str(one.what)]
    return found


def test_the_holder_of_a_port_is_named(till: Stand) -> None:
    """While no agent runs: by name and number of its process. Free, it is called free; the agent's own is no matter."""
    number = till.ports["web"]
    with socket.create_server(("127.0.0.1", number)):
        says(
            found_of(till),
            Grade.FAULT,
            rf"port {number} is held by .*pid {os.getpid()}.*does not start",
            rf"Порт {number} занят.*pid {os.getpid()}",
        )
    assert found_of(till).grade is Grade.OK
    till.start_sandbox()
    till.start()
    assert [one for one in examined(till.config, "port") if str(number) in str(one.what)] == []


def test_a_start_without_its_port_is_worth_another_one(till: Stand) -> None:
    """The other program may end: so systemd is to try again (status 1), and the log says in the person's language what to do."""
    with socket.create_server(("127.0.0.1", till.ports["web"])):
        ended = till.cli("run")
    assert ended.returncode == 1, ended.stderr
    assert re.search(rf"Порт {till.ports['web']} занят другой программой.*koshelek-agent doctor.*setup", ended.stderr), ended.stderr
    assert "Address already in use" not in ended.stderr


def test_a_reload_without_its_port_says_so(till: Stand) -> None:
    """The way in that was added is not opened, and the report says why, and what to do."""
    number, good = till.ports["web"], till.config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as other:
        held = other.getsockname()[1]
        till.start_sandbox()
        till.start()
        till.config.write_text(good.replace(f"port = {number}", f"port = {held}"))
        report = json.loads(till.cli("reload", "--json").stdout)
    (problem,) = report["problems"]
    assert re.search(rf"Порт {held} занят другой программой.*koshelek-agent doctor", problem["problem"]), problem


def refused(host: str, number: int) -> CannotStart:
    return shut(PortRefused(host, 443, OSError(number, os.strerror(number))))


def test_what_keeps_a_door_shut_is_told() -> None:
    """A low port is a mistake of the configuration, and no other start would help; an address may yet come, with its network."""
    low = refused("127.0.0.1", errno.EACCES)
    said_in_both(low.text, "443 is one of the low ones.*from 1024", "443 из младших.*от 1024")
    assert not low.passing
    with pytest.raises(PortRefused) as absent:
        bind("203.0.113.1", 7431)
    away = shut(absent.value)
    said_in_both(away.text, "no address 203.0.113.1 now.*ip -br address", "нет адреса 203.0.113.1.*ip -br address")
    assert away.passing
    other = shut(CannotListen("/run/pos.sock: exists and is no socket"))
    said_in_both(other.text, "way in.*is no socket", "вход.*is no socket")
    assert not other.passing


def test_what_the_agent_may_not_have_is_told(till: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A low port by the machine's own word on which are low; an address of another machine."""
    first = tmp_path / addresses.FIRST_FREE
    first.parent.mkdir(parents=True)
    first.write_text("1024\n")
    assert asyncio.run(addresses.first_free(SOMEBODY, tmp_path)) == 1024
    assert asyncio.run(addresses.first_free(SOMEBODY, tmp_path / "none")) == addresses.FIRST_FREE_USUALLY
    assert asyncio.run(addresses.first_free(0, tmp_path)) == 0

    async def usual(user: int) -> int:
        return 1024

    monkeypatch.setattr(addresses, "first_free", usual)
    monkeypatch.setattr(addresses, "_addresses", lambda settings: [("127.0.0.1", 1023), ("203.0.113.1", 7431)])
    low, away = asyncio.run(addresses.addresses(Case(till.config, load(till.config, machine=False))))
    says(low, Grade.FAULT, "1023 is for root alone.*from 1024", "1023.*только root.*от 1024")
    says(away, Grade.FAULT, "no address 203.0.113.1", "нет адреса 203.0.113.1")


def test_who_may_not_look_is_told_the_user(tmp_path: Path) -> None:
    """Only root sees whose process it is. Every address of IPv6 takes the port of IPv4 as well; another port, or address, does not."""
    table = tmp_path / "net"
    table.mkdir()
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    line = f"   0: 0100007F:1D07 00000000:0000 0A 00000000:00000000 00:00000000 00000000 {SOMEBODY} 0 4711 1\n"
    (table / "tcp").write_text(head + line)
    found = addresses.holder_of("127.0.0.1", 7431, tmp_path)
    assert found == addresses.Holder(SOMEBODY)
    assert "nobody" in found.told.text(translator("ru"))
    assert addresses.holder_of("127.0.0.1", 7432, tmp_path) is None
    assert addresses.holder_of("203.0.113.1", 7431, tmp_path) is None
    assert addresses.holder_of("::1", 7431, tmp_path) is None
    (table / "tcp6").write_text((table / "tcp").read_text().replace("0100007F:1D07", f"{'0' * 32}:1D08"))
    assert addresses.holder_of("127.0.0.1", 7432, tmp_path) == found
