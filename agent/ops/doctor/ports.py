"""Each port of the configuration. Of a serial one: is it there, may the agent open it, who has it, and who may disturb it?"""

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from agent.lines import HELD, LET_GO, NO_PORT
from agent.ops.aside import aside
from agent.ops.doctor.addresses import addresses
from agent.ops.doctor.case import Case
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.ops.doctor.storage import name_of
from agent.ops.doctor.unit import unit_facts
from agent.ops.lines.known import known_ports
from agent.settings import PtyListener, SerialListener
from agent.texts import N_, message
from drivers.serial_port import holders

PORT = "port"
PROC = Path("/proc")
PROBER = "ModemManager"

FREE = N_("Port {path} is there and can be used.")
OURS = N_("Port {path} is there, and the agent has it.")
MISSING_MEANS = N_("The register on this line does not reach the agent. The agent waits for the port and opens it as soon as it is there.")
MISSING_REMEDY = N_("Plug the cable in, look at dmesg, and compare the name with those of koshelek-agent ports. There are now: {ports}.")
NOTHING = N_("none")
NO_DEVICE = N_("{path} is no serial port.")
NAME_IT = N_("Name a device: koshelek-agent ports lists them.")
HELD_MEANS = N_("Two programs on one port each get half of what comes. The agent leaves it alone until it is free.")
BOTH = N_("Port {path} is open in the agent and in another program at once: {holders}.")
BOTH_MEANS = N_("Each gets half of what comes: the register gets no answer, or a wrong one.")
LET_GO_OF = N_("End that program, or take the port {path} out of its settings. The agent has the port already: nothing else is to be done.")
FORBIDDEN = N_("The user {user} may not open the port {path}: it belongs to the group {group}.")
FORBIDDEN_MEANS = N_("The agent cannot open the line to the register.")
FORBIDDEN_REMEDY = N_(
    "Run: sudo usermod -aG {group} {user}, then: sudo systemctl restart koshelek-agent (the package's unit has it as SupplementaryGroups=)."
)
UNSTABLE = N_("The name {path} may belong to another port after the next start.")
UNSTABLE_MEANS = N_("The agent would then open the wrong port, or none.")
UNSTABLE_REMEDY = N_("Use the name that stays: {stable}, or the package's udev rule.")
PROBED = N_("ModemManager runs and may write to {path} when it is plugged in.")
PROBED_MEANS = N_("For some 20 seconds the register's line is disturbed.")
PROBED_REMEDY = N_("Run: sudo systemctl disable --now ModemManager, or use the package's udev rule (ID_MM_PORT_IGNORE).")
UNSEEN = N_("Whether another user's program has a serial port cannot be seen by the user {user}. As root: sudo koshelek-agent doctor")
PTY_THERE = N_("The pseudo-terminal {path} is there.")
PTY_GONE = N_("The pseudo-terminal {path} is not there.")
PTY_MEANS = N_("The register program on this machine does not reach the agent.")
PTY_REMEDY = N_(
    "The agent makes it when it starts: sudo systemctl restart koshelek-agent. If it is gone again, look who empties that folder."
)


async def port(case: Case) -> list[Finding]:
    """All of them."""
    if case.settings is None:
        return []
    pid, user, found = (case.own.pid if case.own else None), case.user, list[Finding]()
    groups = await _groups(pid, user)
    busy = {one["name"] for one in case.details.get("lines", ()) if one["state"] == "busy"}
    for listener in case.settings.listener:
        match listener:
            case SerialListener(path=path):
                left = f"serial:{path}" in busy
                found += await aside(lambda path=path, left=left: list(_serial(path, pid, user, groups, left)))  # type: ignore[misc]  # bound at once
            case PtyListener(path=path) if pid is not None:
                found += [_pty(path)]
            case _:
                pass
    found += await addresses(case)
    if os.geteuid() != 0 and any(isinstance(one, SerialListener) for one in case.settings.listener):
        found.append(ok(PORT, message(UNSEEN, user=name_of(os.geteuid()))))
    return found


def _pty(path: Path) -> Finding:
    if path.exists():
        return ok(PORT, message(PTY_THERE, path=path))
    return fault(PORT, message(PTY_GONE, path=path), message(PTY_MEANS), message(PTY_REMEDY))


async def _groups(pid: int | None, user: int) -> frozenset[int]:
    """The groups that the agent has, or will have: of the running process, else of its user, with those that the unit adds."""
    if pid is not None and (seen := await aside(lambda: groups_of_process(pid))) is not None:
        return seen
    added = (await unit_facts()).get("SupplementaryGroups", "").split()
    return await aside(lambda: groups_of(user) | {number for name in added if (number := group_number(name)) is not None})


def _serial(path: Path, pid: int | None, user: int, groups: frozenset[int], left: bool = False) -> Iterator[Finding]:
    """``left``: the agent says that it leaves the port to another program. It looks now and then whether it is free, and opens it."""
    try:
        status = path.stat()
    except OSError:
        there = ", ".join(str(one.best) for one in known_ports()) or message(NOTHING)
        yield fault(PORT, message(NO_PORT, path=path), message(MISSING_MEANS), message(MISSING_REMEDY, ports=there))
        return
    if not stat.S_ISCHR(status.st_mode):
        yield fault(PORT, message(NO_DEVICE, path=path), message(MISSING_MEANS), message(NAME_IT))
        return
    found = holders(path)
    mine = [one for one in found if pid is not None and one.endswith(f"(pid {pid})")]
    others = [one for one in found if one not in mine]
    trouble = list(_trouble(path, status, user, groups, others, bool(mine) and not left))
    yield from trouble
    if not trouble:
        yield ok(PORT, message(OURS if mine else FREE, path=path))
    yield from _names(path)


def _trouble(path: Path, status: os.stat_result, user: int, groups: frozenset[int], others: list[str], ours: bool) -> Iterator[Finding]:
    if others and ours:
        yield fault(PORT, message(BOTH, path=path, holders=", ".join(others)), message(BOTH_MEANS), message(LET_GO_OF, path=path))
    elif others:
        yield fault(PORT, message(HELD, path=path, holders=", ".join(others)), message(HELD_MEANS), message(LET_GO))
    if not may_open(status, user, groups):
        place = {"path": path, "user": name_of(user), "group": group_name(status.st_gid)}
        yield fault(PORT, message(FORBIDDEN, **place), message(FORBIDDEN_MEANS), message(FORBIDDEN_REMEDY, **place))


def _names(path: Path) -> Iterator[Finding]:
    stable = next((one.best for one in known_ports() if one.device == path.resolve()), None)
    if stable is not None and path == path.resolve() and stable != path:
        yield warning(PORT, message(UNSTABLE, path=path), message(UNSTABLE_MEANS), message(UNSTABLE_REMEDY, stable=stable))
    if path.resolve().name.startswith(("ttyACM", "ttyUSB")) and runs(PROBER):
        yield warning(PORT, message(PROBED, path=path), message(PROBED_MEANS), message(PROBED_REMEDY))


def may_open(status: os.stat_result, user: int, groups: frozenset[int]) -> bool:
    """Whether a user with these groups may read and write a device, by the mode alone."""
    if user == 0:
        return True
    shift = 6 if status.st_uid == user else 3 if status.st_gid in groups else 0
    return (status.st_mode >> shift) & 0o6 == 0o6


def groups_of(user: int) -> frozenset[int]:
    """The groups of a user: of this process for its own, else as the machine lists them."""
    if user == os.geteuid():
        return frozenset({*os.getgroups(), os.getegid()})
    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        return frozenset()
    return frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))


def groups_of_process(pid: int, proc: Path = PROC) -> frozenset[int] | None:
    """The groups of a running process, those of systemd among them; None if it has ended."""
    try:
        lines = (proc / str(pid) / "status").read_text().splitlines()
    except OSError:
        return None
    return frozenset(int(word) for line in lines if line.startswith(("Gid:", "Groups:")) for word in line.split()[1:])


def group_number(name: str) -> int | None:
    """The number of a group; None for one that this machine does not know."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def runs(name: str, proc: Path = PROC) -> bool:
    """Whether a program of this name runs."""
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            try:
                if (entry / "comm").read_text().strip() == name:
                    return True
            except OSError:  # it has just ended
                continue
    return False


def group_name(group: int) -> str:
    """A group's name, or its number."""
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
