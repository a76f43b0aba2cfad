"""Each TCP port of the configuration while the agent does not listen there: is it free, and may the agent have it? If not, who has it?

A port that another program holds keeps the whole agent down, and neither its log nor the kernel's error says whose it is. The kernel's
table of sockets does: by it root finds the process, anybody else at least its user.
"""

import contextlib
import errno
import ipaddress
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.ops.aside import aside
from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Finding, fault, ok
from agent.ops.doctor.storage import name_of
from agent.ops.doctor.unit import unit_facts
from agent.settings import HttpListener, PageListener, Settings, TcpListener
from agent.texts import N_, Message, message

PORT = "port"
PROC = Path("/proc")
TABLES = ("net/tcp", "net/tcp6")
LISTENING = "0A"  # the state of a socket that listens
FIRST_FREE = Path("sys/net/ipv4/ip_unprivileged_port_start")
FIRST_FREE_USUALLY = 1024
BIND_ANY = "cap_net_bind_service"
WORD_DIGITS = 8  # the table has addresses as words of 32 bits, each in the machine's own order of bytes

PORT_FREE = N_("The port {port} is free.")
PORT_HELD = N_("The port {port} is held by another program: {holder}.")
HELD_MEANS = N_("The agent cannot listen there and does not start: nobody can pay.")
HELD_REMEDY = N_(
    "Stop that program, or give the agent another port: sudo koshelek-agent setup. The service tries again by itself; if not: sudo "
    "systemctl restart koshelek-agent"
)
OF_USER = N_("one of the user {user}")
PORT_FORBIDDEN = N_("The port {port} is for root alone, as all below {first}, and the agent is not root.")
FORBIDDEN_REMEDY = N_("Choose a port from {first} to 65535: sudo koshelek-agent setup")
NO_ADDRESS = N_("This machine has no address {host} now.")
ADDRESS_REMEDY = N_("Look at the addresses: ip -br address. Connect the network, or correct the address in the configuration.")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who listens at a port. ``pid`` None: it cannot be seen from here."""

    user: int
    pid: int | None = None
    name: str = ""

    @property
    def told(self) -> Message:
        """For people."""
        if self.pid is None:
            return message(OF_USER, user=name_of(self.user))
        return message("{name} (pid {pid})", name=self.name, pid=self.pid)


async def addresses(case: Case) -> list[Finding]:
    """All of them; nothing while the agent answers, for it has them then."""
    if case.settings is None or case.status is not None:
        return []
    first, own, found = await first_free(case.user), case.own, list[Finding]()
    for host, port in _addresses(case.settings):
        holder = await aside(lambda port=port, host=host: holder_of(host, port))  # type: ignore[misc]  # bound at once
        if holder is not None:
            ours = own is not None and (holder.pid == own.pid or (holder.pid is None and holder.user == own.user))
            if not ours:
                found.append(fault(PORT, message(PORT_HELD, port=port, holder=holder.told), message(HELD_MEANS), message(HELD_REMEDY)))
        elif port < first:
            what = message(PORT_FORBIDDEN, port=port, first=first)
            found.append(fault(PORT, what, message(HELD_MEANS), message(FORBIDDEN_REMEDY, first=first)))
        elif not _is_here(host):
            found.append(fault(PORT, message(NO_ADDRESS, host=host), message(HELD_MEANS), message(ADDRESS_REMEDY)))
        else:
            found.append(ok(PORT, message(PORT_FREE, port=port)))
    return found


def _addresses(settings: Settings) -> Iterator[tuple[str, int]]:
    for one in settings.listener:
        if isinstance(one, TcpListener | HttpListener | PageListener):
            yield one.host, one.port
    if settings.webhooks is not None:
        yield settings.webhooks.address, settings.webhooks.port


async def first_free(user: int, proc: Path = PROC) -> int:
    """The lowest port that a program of this user may listen at, if the unit gives it no more."""
    if user == 0 or BIND_ANY in (await unit_facts()).get("AmbientCapabilities", ""):
        return 0
    try:
        return int((proc / FIRST_FREE).read_text())
    except (OSError, ValueError):
        return FIRST_FREE_USUALLY


def holder_of(host: str, port: int, proc: Path = PROC) -> Holder | None:
    """Who listens at a port of an address, or at that port of every address; None if nobody does."""
    for table in TABLES:
        try:
            lines = (proc / table).read_text().splitlines()[1:]
        except OSError:  # a machine without IPv6
            continue
        for words in map(str.split, lines):
            address, _, number = words[1].partition(":")
            if words[3] == LISTENING and int(number, 16) == port and _meet(_read(address), ipaddress.ip_address(host)):
                return _who(int(words[7]), words[9], proc)
    return None


def _read(digits: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    words = [int(digits[at : at + WORD_DIGITS], 16) for at in range(0, len(digits), WORD_DIGITS)]
    return ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))


def _meet(one: ipaddress.IPv4Address | ipaddress.IPv6Address, other: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether two programs could not have a port of both. Every address of IPv6 is every address of IPv4 as well."""
    if one.version != other.version:
        return (one.version == 6 and one.is_unspecified) or (other.version == 6 and other.is_unspecified)
    return one == other or one.is_unspecified or other.is_unspecified


def _who(user: int, inode: str, proc: Path) -> Holder:
    wanted = f"socket:[{inode}]"
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):  # it has just ended, or is not ours to see
                if wanted in map(_target, (entry / "fd").iterdir()):
                    return Holder(user, int(entry.name), (entry / "comm").read_text().strip())
    return Holder(user)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # it was closed while we looked
        return ""


def _is_here(host: str) -> bool:
    """Whether this machine has the address: any port of it can be had."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True
