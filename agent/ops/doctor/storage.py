"""Where the record lies: who may get at it, on what kind of disk, and how much room there is."""

import os
import pwd
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.core.model import Environment
from agent.edges.journal.place import COMPANIONS, MOUNT_INFO, OTHERS, mount_of, wrong_kind
from agent.ops.aside import aside
from agent.ops.doctor.case import Case, same_file, service_user
from agent.ops.doctor.finding import Finding, fault, ok, warning
from agent.ops.doctor.sources import Source, exposed, sources
from agent.settings import Settings
from agent.settings.load import SYSTEM_FILE
from agent.texts import N_, Message, message

RIGHTS, DISK = "rights", "disk"
BYTES_PER_MB = 1024 * 1024
COMFORT_MB = 200  # a year of a busy till, and a backup of it
CONFIG_OTHERS = 0o022  # whoever may write it decides where the money goes

RIGHT = N_("The files belong to the user {user} alone.")
CONFIG_OPEN = N_("Others than its owner may change {path} (mode {mode}).")
CONFIG_MEANS = N_("Whoever can change the configuration decides where payments go.")
NO_FOLDER = N_("There is no folder {path} for the journal.")
FOLDER_MEANS = N_("The agent does not start: it has no place for its record.")
MAKE = N_("Run: sudo install -d -o {user} -m 0700 {path}")
OPEN = N_("{path} can be used by others (mode {mode}).")
OPEN_MEANS = N_("The journal holds secrets; the agent does not start while others can read it.")
RUN = N_("Run: {command}")
FOREIGN = N_("{path} belongs to {owner}, and the agent runs as {user}.")
FOREIGN_MEANS = N_("The agent cannot use its own record: it does not start.")
FOREIGN_REMEDY = N_(
    "Find out whose it must be: systemctl show koshelek-agent -p User names the user of the service. It must belong to that user alone."
)
TRUE_PATH = N_("Do what the line says, then: sudo systemctl restart koshelek-agent. Delete nothing: it may be the record.")
SOURCE_MEANS = N_("Whoever reads it can take money in the shop's name; whoever writes it can stop the till.")
HIDDEN = N_("{path} cannot be looked at by this user.")
HIDDEN_MEANS = N_("What is wrong there cannot be seen.")
AS_ROOT = N_("Run the doctor as root: sudo koshelek-agent doctor")

GOOD_DISK = N_("The journal lies on {point} ({kind}), {free} MB are free.")
VOLATILE = N_("The journal lies on {point}, a file system of type {kind}, which loses it at power-off or belongs to another machine.")
VOLATILE_MEANS = N_("After a power cut the agent would not know of payments under way: money could be taken twice or be lost.")
VOLATILE_ALLOWED = N_("This is allowed by allow_volatile and is for trials only.")
MOVE = N_(
    "Name a folder on a local disk (ext4, xfs, btrfs): path in [journal], usually /var/lib/koshelek-agent, and take out allow_volatile."
)
READ_ONLY = N_("The file system {point} is read-only.")
READ_ONLY_MEANS = N_("Nothing can be recorded, so the agent takes no payments: it ends or does not start.")
REMOUNT = N_(
    "Look why in dmesg: a disk with errors is mounted read-only to save it. Have it checked or exchanged, then: mount -o remount,rw "
    "{point}. If the system is read-only on purpose, name a folder that can be written: path in [journal]."
)
FULL = N_("Only {free} MB are free on {point}.")
FULL_MEANS = N_("New payments are refused with DISK_FULL; those under way are still finished.")
LOW_MEANS = N_("When it is full, new payments are refused.")
FREE = N_(
    "Make room, {needed} MB more: sudo journalctl --vacuum-size=100M, sudo apt-get clean, du -xh {point} | sort -h | tail. Delete no file "
    "of koshelek-agent: they are records of money. If there is nothing else on {point}, it is too small: have it enlarged. The agent goes "
    "on by itself."
)


async def rights(case: Case) -> list[Finding]:
    """Who may read and write the configuration and the journal. (Secret files are a matter of the configuration's check.)"""
    if case.settings is None:
        return []
    journal, user = case.settings.journal_path(), case.user
    known = (await sources()).values() if await aside(lambda: same_file(case.file, SYSTEM_FILE)) else ()
    found = await aside(lambda: [*_config_rights(case.file), *_journal_rights(journal, user), *_source_rights(known)])
    return found or [ok(RIGHTS, message(RIGHT, user=name_of(user)))]


async def disk(case: Case) -> list[Finding]:
    """Kind of the file system, read-only, room."""
    settings = case.settings
    if settings is None:
        return []
    full = bool((case.status or {}).get("disk", {}).get("full"))
    return await aside(lambda: list(_disk(settings, full)))


def name_of(user: int) -> str:
    """A user's name, or its number where it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _config_rights(file: Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & CONFIG_OTHERS:
        what = message(CONFIG_OPEN, path=file, mode=f"{mode:04o}")
        yield warning(RIGHTS, what, message(CONFIG_MEANS), message(RUN, command=f"sudo chmod 0644 {file}"))


def _journal_rights(journal: Path, user: int) -> Iterator[Finding]:
    folder, owner = journal.parent, name_of(user)
    try:
        files = {path: path.lstat() for name in COMPANIONS if os.path.lexists(path := Path(f"{journal}{name}"))}
        odd = {path: wrong_kind(path, status, companion=path != journal) for path, status in files.items()}
        places = [(folder, folder.stat(), "0700"), *((path, status, "0600") for path, status in files.items() if odd[path] is None)]
        _reach(folder)
    except FileNotFoundError:
        yield fault(RIGHTS, message(NO_FOLDER, path=folder), message(FOLDER_MEANS), message(MAKE, user=owner, path=folder))
        return
    except OSError:
        yield warning(RIGHTS, message(HIDDEN, path=folder), message(HIDDEN_MEANS), message(AS_ROOT))
        return
    for wrong in odd.values():
        if wrong is not None:
            yield fault(RIGHTS, wrong, message(FOREIGN_MEANS), message(TRUE_PATH))
    for path, status, wanted in places:
        if status.st_uid != user:
            what = message(FOREIGN, path=path, owner=name_of(status.st_uid), user=owner)
            yield fault(RIGHTS, what, message(FOREIGN_MEANS), _given_to(user, path))
        elif status.st_mode & OTHERS:
            what = message(OPEN, path=path, mode=f"{stat.S_IMODE(status.st_mode):04o}")
            yield fault(RIGHTS, what, message(OPEN_MEANS), message(RUN, command=f"sudo chmod {wanted} {path}"))


def _reach(folder: Path) -> None:
    """Raises PermissionError where what is in the folder cannot be seen, which looks like nothing being there."""
    os.lstat(f"{folder}/.")  # a Path would forget the dot, and only by that the folder must be entered


def _source_rights(known: Iterable[Source]) -> Iterator[Finding]:
    """The files of passwords that systemd hands over: it takes them whoever can read them."""
    for source in known:
        for what, command in exposed(source):
            yield fault(RIGHTS, what, message(SOURCE_MEANS), message(RUN, command=command))


def _given_to(user: int, path: Path) -> Message:
    """A command only for the service's own user: by it the whole record is handed over."""
    if user != service_user():
        return message(FOREIGN_REMEDY)
    return message(RUN, command=f"sudo chown {name_of(user)}: {shlex.quote(str(path))}")


def _disk(settings: Settings, full: bool) -> Iterator[Finding]:
    folder = _existing(settings.journal_path().parent)
    mount = mount_of(os.path.realpath(folder), MOUNT_INFO.read_text(errors="surrogateescape"))
    system = os.statvfs(folder)
    free = system.f_bavail * system.f_frsize // BYTES_PER_MB
    place = {"point": mount.point, "kind": mount.type, "free": free, "needed": max(1, COMFORT_MB - free)}
    if mount.volatile:
        allowed = settings.journal.allow_volatile and settings.environment is Environment.TEST
        means = (
            message("{first} {second}", first=message(VOLATILE_MEANS), second=message(VOLATILE_ALLOWED))
            if allowed
            else message(VOLATILE_MEANS)
        )
        yield (warning if allowed else fault)(DISK, message(VOLATILE, **place), means, message(MOVE))
    if system.f_flag & os.ST_RDONLY:
        yield fault(DISK, message(READ_ONLY, **place), message(READ_ONLY_MEANS), message(REMOUNT, **place))
    elif full or free < settings.journal.reserve_mb:
        yield fault(DISK, message(FULL, **place), message(FULL_MEANS), message(FREE, **place))
    elif free < COMFORT_MB:
        yield warning(DISK, message(FULL, **place), message(LOW_MEANS), message(FREE, **place))
    elif not mount.volatile:
        yield ok(DISK, message(GOOD_DISK, **place))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    return next((one for one in (folder, *folder.parents) if one.exists()), folder)
