"""What is known of a till when its checks begin: the configuration, the running daemon and what it says of itself.

Everything here is looked at once and shared, because most checks need it. What cannot be found out is a finding of the check whose matter
it is, never the end of the examination.
"""

import asyncio
import contextlib
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.edges.journal.lock import SUFFIX
from agent.ops.aside import aside
from agent.ops.doctor.daemons import Running, distinct, listener_of, lock_holder, running
from agent.ops.doctor.unit import unit_facts
from agent.ops.doctor.visit import Visit, visit
from agent.ops.unreached import NO_ANSWER, unreached
from agent.secrets import SERVICE_USER
from agent.settings import BadSettings, Problem, Settings, UnixListener, load, unchecked_sockets
from agent.settings.load import SERVICE_SOCKET, SYSTEM_FILE, unchecked_journal
from agent.texts import Message, message
from drivers.client import CallFailed, Client, Unreachable

LOAD_LIMIT_S = 5.0  # a file on a disk that does not answer
ASK_LIMIT_S = 3.0  # a daemon at work answers within 200 ms
UNDER_WAY = message(NO_ANSWER)


@dataclass(slots=True)
class Case:
    """``settings`` None: ``problems`` say why. ``status``: the daemon's own word, None with the reason in ``silence``; ``socket`` is where
    it was asked, None if no listener of the configuration could be; ``mute``: nobody answers there, which is more than being turned away;
    ``moved``: there is no such socket, for the agent has those of the configuration from before.
    ``own``: the daemon that works with this configuration; ``running``: it and the others that may be one. ``look_around`` finds them."""

    file: Path
    settings: Settings | None = None
    problems: Sequence[Problem] = ()
    running: Sequence[Running] = ()
    own: Running | None = None
    socket: Path | None = None
    status: Mapping[str, Any] | None = None
    silence: Message = UNDER_WAY
    mute: bool = False
    moved: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    visits: dict[str, "asyncio.Task[Visit]"] = field(default_factory=dict)

    @property
    def details(self) -> Mapping[str, Any]:
        """What the daemon tells operators alone; empty if it tells nothing."""
        found: Mapping[str, Any] = (self.status or {}).get("details", {})
        return found

    @property
    def user(self) -> int:
        """Whom the daemon runs as: as seen, else whom the unit names if this is its file, else whoever asks."""
        if self.own is not None:
            return self.own.user
        service = service_user()
        return service if service is not None and same_file(self.file, SYSTEM_FILE) else os.geteuid()

    async def visit(self, system: str) -> Visit:
        """What a look at a payment system brought; all checks share one."""
        assert self.settings is not None
        if system not in self.visits:
            self.visits[system] = asyncio.create_task(visit(self.settings, system))
        return await asyncio.shield(self.visits[system])

    async def close(self) -> None:
        """Nobody waits any more for what is still under way. Requests have limits of their own, below those of the checks."""
        await asyncio.gather(*self.visits.values(), return_exceptions=True)


def service_user() -> int | None:
    """The number of the user whom the unit names; None where there is none."""
    try:
        return pwd.getpwnam(SERVICE_USER).pw_uid
    except KeyError:
        return None


def same_file(one: Path, other: Path) -> bool:
    """Whether two names lead to one file."""
    try:
        return one.samefile(other)
    except OSError:
        return one == other


async def case_of(file: Path) -> Case:
    """The case of the till that ``file`` (an absolute path) configures."""
    case = Case(file)
    try:
        async with asyncio.timeout(LOAD_LIMIT_S):
            await look_around(case)
            await _load(case)
            await aside(lambda: _by_command_line(case))
    except TimeoutError:
        case.silence = UNDER_WAY
        return case
    case.socket = await aside(lambda: _socket(case))
    await _ask(case)
    return case


async def look_around(case: Case) -> None:
    """Find the running agents. One counts only if it is root's, the service's, the asker's, or of whoever owns the configuration; and it
    is this till's own if it holds the journal, or listens at the socket, or is the unit's: not by its command line."""
    users = await aside(lambda: _trusted(case.file))
    case.running = [one for one in await aside(running) if one.user in users]
    if case.running:
        case.own = await aside(lambda: _own(case)) or await _of_unit(case)
        case.running = await aside(lambda: distinct(case.running, case.own))


def _trusted(file: Path) -> set[int]:
    users = {0, os.geteuid()} | ({service} if (service := service_user()) is not None else set())
    try:
        return users | {file.stat().st_uid}  # whoever writes it decides everything else as well
    except OSError:
        return users


def _own(case: Case) -> Running | None:
    by_number = {one.pid: one for one in case.running}
    with contextlib.suppress(BadSettings):  # told by the check of the configuration
        holder = lock_holder(Path(f"{unchecked_journal(case.file)}{SUFFIX}"))
        if holder in by_number:
            return by_number[holder]
    socket = _admin(unchecked_sockets(case.file))
    return by_number.get(listener_of(socket) or 0) if socket is not None else None


async def _of_unit(case: Case) -> Running | None:
    """The process that systemd runs as the service, if it works with this file."""
    main = (await unit_facts()).get("MainPID")
    return next((one for one in case.running if str(one.pid) == main and same_file(one.config or SYSTEM_FILE, case.file)), None)


def _by_command_line(case: Case) -> None:
    """Nothing of the file can be read, so that neither journal nor socket tells who works with it: then the one started with it."""
    if case.own is None and case.settings is None:
        found = [one for one in case.running if same_file(one.config or SYSTEM_FILE, case.file)]
        case.own = found[0] if len(found) == 1 else None


async def _load(case: Case) -> None:
    """Read the file. What this machine has to do with it (users, files of passwords) only root and the agent's own user can judge."""
    machine = os.geteuid() in (0, case.user)
    try:
        case.settings = await aside(lambda: load(case.file, machine=machine))
    except BadSettings as error:
        case.problems = error.problems
        case.settings = await aside(lambda: _without_machine(case.file))


def _without_machine(file: Path) -> Settings | None:
    """The settings where only this machine contradicts them: a missing file or user must not hide everything else."""
    try:
        return load(file, machine=False)
    except BadSettings:
        return None


def _socket(case: Case) -> Path | None:
    """The operator's socket, else the first one."""
    if case.settings is None:
        found = unchecked_sockets(case.file) or _of_service(case.file)
    else:
        found = [(one.path, str(one.role)) for one in case.settings.listener if isinstance(one, UnixListener)]
    return _admin(found)


def _of_service(file: Path) -> list[tuple[Path, str]]:
    """Where setup puts the operator's socket of the service: for a file of which nothing can be read."""
    return [(SERVICE_SOCKET, "admin")] if same_file(file, SYSTEM_FILE) and SERVICE_SOCKET.is_socket() else []


def _admin(found: Sequence[tuple[Path, str]]) -> Path | None:
    return next((path for path, role in found if role == "admin"), found[0][0] if found else None)


async def _ask(case: Case) -> None:
    if case.socket is None:
        return
    try:
        async with asyncio.timeout(ASK_LIMIT_S):
            async with await Client.connect(case.socket) as client:
                case.status = await client.call("agent.status")
    except TimeoutError:
        case.silence, case.mute = UNDER_WAY, True
    except Unreachable as error:
        case.silence, cause = unreached(error), error.__cause__
        case.mute, case.moved = isinstance(cause, TimeoutError | ConnectionRefusedError), isinstance(cause, FileNotFoundError)
    except CallFailed as error:
        case.silence = message("{text}", text=error)
