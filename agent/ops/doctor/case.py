"""What is known of a till when its checks begin: the configuration, the running daemon and what it says of itself.

Everything here is looked at once and shared, because most checks need it. What cannot be found out is a finding of the check whose matter
it is, never the end of the examination.
"""

import asyncio
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.ops.aside import aside
from agent.ops.doctor.daemons import Running, running
from agent.ops.doctor.visit import Visit, visit
from agent.secrets import SERVICE_USER
from agent.settings import BadSettings, Problem, Settings, UnixListener, load, unchecked_sockets
from agent.settings.load import SYSTEM_FILE
from drivers.client import CallFailed, Client, Unreachable

LOAD_LIMIT_S = 5.0  # a file on a disk that does not answer
ASK_LIMIT_S = 3.0  # a daemon at work answers within 200 ms
UNDER_WAY = "no answer"


@dataclass(slots=True)
class Case:
    """``settings`` None: ``problems`` say why. ``status``: the daemon's own word, None with the reason in ``silence``; ``socket`` is where
    it was asked, None if no listener of the configuration could be."""

    file: Path
    settings: Settings | None = None
    problems: Sequence[Problem] = ()
    running: Sequence[Running] = ()
    socket: Path | None = None
    status: Mapping[str, Any] | None = None
    silence: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    visits: dict[str, "asyncio.Task[Visit]"] = field(default_factory=dict)

    @property
    def details(self) -> Mapping[str, Any]:
        """What the daemon tells operators alone; empty if it tells nothing."""
        found: Mapping[str, Any] = (self.status or {}).get("details", {})
        return found

    @property
    def own(self) -> Running | None:
        """The daemon that works with this configuration."""
        return next((one for one in self.running if same_file(one.config or SYSTEM_FILE, self.file)), None)

    @property
    def user(self) -> int:
        """Whom the daemon runs as: as seen, else whom the unit names if this is its file, else whoever asks."""
        if self.own is not None:
            return self.own.user
        if same_file(self.file, SYSTEM_FILE):
            try:
                return pwd.getpwnam(SERVICE_USER).pw_uid
            except KeyError:
                pass
        return os.geteuid()

    async def visit(self, system: str) -> Visit:
        """What a look at a payment system brought; all checks share one."""
        assert self.settings is not None
        if system not in self.visits:
            self.visits[system] = asyncio.create_task(visit(self.settings, system))
        return await asyncio.shield(self.visits[system])

    async def close(self) -> None:
        """Nobody waits any more for what is still under way. Requests have limits of their own, below those of the checks."""
        await asyncio.gather(*self.visits.values(), return_exceptions=True)


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
            case.running = await aside(running)
            await _load(case)
    except TimeoutError:
        case.silence = UNDER_WAY
        return case
    case.socket = await aside(lambda: _socket(case))
    await _ask(case)
    return case


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
        found = unchecked_sockets(case.file)
    else:
        found = [(one.path, str(one.role)) for one in case.settings.listener if isinstance(one, UnixListener)]
    return next((path for path, role in found if role == "admin"), found[0][0] if found else None)


async def _ask(case: Case) -> None:
    if case.socket is None:
        return
    try:
        async with asyncio.timeout(ASK_LIMIT_S):
            async with await Client.connect(case.socket) as client:
                case.status = await client.call("agent.status")
    except TimeoutError:
        case.silence = UNDER_WAY
    except (Unreachable, CallFailed) as error:
        case.silence = str(error)
