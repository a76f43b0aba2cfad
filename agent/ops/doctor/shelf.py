"""The folder for copies of the journal, as the agent finds it: is it there, is it the agent's alone, and does the unit let it write there?

The package's unit leaves all but named folders read-only, so a folder on another disk, which is the better one, must be named to systemd
as well. A missing folder must then not keep the whole service down: that is what the minus before its name is for.
"""

import os
import pwd
import shlex
import stat
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from agent.ops.aside import aside
from agent.ops.doctor.finding import Finding, Grade, fault
from agent.ops.doctor.ports import group_name
from agent.ops.doctor.storage import name_of
from agent.ops.doctor.unit import unit_facts
from agent.settings.load import SYSTEM_FILE
from agent.settings.model import SERVICE_STATE
from agent.texts import N_, Message, message

BACKUP = "backup"
DROP_IN = "/etc/systemd/system/koshelek-agent.service.d/backups.conf"
OTHERS = 0o077  # rights of group and others: the journal has secrets in it
UNSEEN_BY_SERVICE = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - ProtectHome= and PrivateTmp= put others there

NOT_COPIED = N_("No copy is made: if the disk dies, the record of all payments dies with it.")
MISSING = N_("There is no folder {folder}, where the copies of the journal are to go.")
MISSING_REMEDY = N_("If a disk belongs there, mount it. If not, run: {command}")
NO_FOLDER = N_("{folder}, where the copies of the journal are to go, is no folder.")
OTHER_FOLDER = N_("Name another folder: sudo koshelek-agent setup asks for it.")
FOREIGN = N_("The folder {folder} belongs to {owner} (mode {mode}). The agent's user {user} must have it alone.")
FOREIGN_REMEDY = N_("If it holds nothing of others, run: {command}. Else name another folder.")
SHUT = N_("The agent's user {user} cannot get to {folder}: {parent} is shut (mode {mode}).")
WRITE_ONLY_NAMED = N_("The service may not write to {folder}: its unit leaves all but named folders read-only (ReadWritePaths=).")
ALLOW = N_("Run: {command}")
HIDDEN = N_("The service cannot see {folder}: its unit hides /home, /root and the folders for temporary files from it.")


class Barrier(Enum):
    """HIDDEN: the unit puts another folder there. NOT_NAMED: it is read-only for the service."""

    HIDDEN = "hidden"
    NOT_NAMED = "not_named"


def place_of(folder: Path, user: int) -> Finding | None:
    """What keeps the agent, which runs as this user, from copies there; None if nothing does. Raises OSError where it cannot be seen."""
    try:
        status = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return _wrong(message(MISSING, folder=folder), message(MISSING_REMEDY, command=making(folder, user)))
    if not stat.S_ISDIR(status.st_mode):
        return _wrong(message(NO_FOLDER, folder=folder), message(OTHER_FOLDER))
    if status.st_uid != user or status.st_mode & OTHERS:
        facts = {"owner": name_of(status.st_uid), "mode": f"{stat.S_IMODE(status.st_mode):04o}", "user": name_of(user)}
        return _wrong(message(FOREIGN, folder=folder, **facts), message(FOREIGN_REMEDY, command=making(folder, user)))
    shut = next((one for one in reversed(folder.resolve().parents) if not _may_enter(one.stat(), user)), None)
    if shut is not None:
        mode = f"{stat.S_IMODE(shut.stat().st_mode):04o}"
        return _wrong(message(SHUT, user=name_of(user), folder=folder, parent=shut, mode=mode), message(OTHER_FOLDER))
    return None


async def unit_of(folder: Path, file: Path, grade: Grade = Grade.FAULT) -> Finding | None:
    """What keeps the service, if ``file`` is its configuration, from writing there; None if nothing does. ``grade``: if a command
    mends it."""
    match await barrier(folder, file):
        case Barrier.NOT_NAMED:
            command = f"{allowing(folder)} && sudo systemctl restart koshelek-agent"
            return Finding(BACKUP, grade, message(WRITE_ONLY_NAMED, folder=folder), message(NOT_COPIED), message(ALLOW, command=command))
        case Barrier.HIDDEN:
            return _wrong(message(HIDDEN, folder=folder), message(OTHER_FOLDER))
        case _:
            return None


async def barrier(folder: Path, file: Path) -> Barrier | None:
    """What stands between the service and the folder. None also where the service does not use ``file``, or has another unit."""
    facts = await unit_facts()
    if file != SYSTEM_FILE or facts.get("LoadState") != "loaded" or facts.get("ProtectSystem") != "strict":
        return None
    real = await aside(folder.resolve)
    if _is_in(real, UNSEEN_BY_SERVICE):
        return Barrier.HIDDEN
    return None if _is_in(real, writable(facts)) or _is_in(folder, writable(facts)) else Barrier.NOT_NAMED


def writable(facts: Mapping[str, str]) -> list[str]:
    """The folders that the unit lets the service write to, of what systemd says of it."""
    named = facts.get("ReadWritePaths", "")
    try:
        words = shlex.split(named)
    except ValueError:  # a name with a quote in it
        words = named.split()
    return [str(SERVICE_STATE), *(word.lstrip("-+") for word in words)]


def making(folder: Path, user: int) -> str:
    """The command that makes the folder, or makes it the agent's."""
    return f"sudo install -d -m 0700 -o {name_of(user)} -g {group_name(_group_of(user))} {shlex.quote(str(folder))}"


def allowing(folder: Path) -> str:
    """The commands that let the service write there. The unit begins to hold with the next start."""
    lines = ("[Service]", f"ReadWritePaths={setting(folder)}")
    words = " ".join(map(shlex.quote, lines))
    return rf"printf '%s\n' {words} | sudo install -D -m 0644 /dev/stdin {DROP_IN} && sudo systemctl daemon-reload"


def setting(folder: Path) -> str:
    """A folder as ReadWritePaths= takes it; while it is missing the service starts all the same."""
    text = f"-{folder}".replace("%", "%%")
    return text if not any(one in text for one in " \t\"'\\") else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _wrong(what: Message, remedy: Message) -> Finding:
    return fault(BACKUP, what, message(NOT_COPIED), remedy)


def _is_in(folder: Path, roots: list[str] | tuple[str, ...]) -> bool:
    return any(folder.is_relative_to(root) for root in roots)


def _may_enter(status: os.stat_result, user: int) -> bool:
    """By the mode alone; of groups the user's own."""
    if user == 0:
        return True
    shift = 6 if status.st_uid == user else 3 if status.st_gid == _group_of(user) else 0
    return bool((status.st_mode >> shift) & 0o1)


def _group_of(user: int) -> int:
    try:
        return pwd.getpwuid(user).pw_gid
    except KeyError:
        return user
