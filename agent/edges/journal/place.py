"""Where the journal may lie: a local disk that keeps what was flushed, in a directory that only the agent can enter.

All of this happens before SQLite opens the file: closing any other descriptor of an open database drops SQLite's locks.
"""

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.edges.journal.errors import JournalPlaceRefused
from agent.edges.journal.watermark import Watermark, inode
from agent.texts import N_, Message, message

MOUNT_INFO = Path("/proc/self/mountinfo")
FILE_MODE = 0o600
OTHERS = 0o077  # rights of group and others
COMPANIONS = ("", "-wal", "-shm")  # the files of one database

VOLATILE_TYPES = frozenset(
    # gone at power-off, or a layer that a container runtime throws away
    {"tmpfs", "ramfs", "overlay", "aufs", "unionfs"}
    # locks and flushes depend on another machine (SQLite: WAL does not work over a network)
    | {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gfs2", "ocfs2", "virtiofs", "vboxsf"}
)
VOLATILE = N_(
    "{path} would lie on {point}, a file system of type {kind}, which does not keep what was written when the power fails. "
    "Choose a directory on a local disk (ext4, xfs or btrfs); for a trial without real money allow a volatile journal"
)
OTHERS_MAY = N_("{path} can be used by others (mode {mode}): the journal holds secrets. Run: chmod {wanted} {path}")
NOT_OURS = N_("{path} belongs to user {owner} and the agent runs as {user}. Run: chown {user} {path}")
NOT_ROOTS = N_(
    "{path} belongs to user {owner} and this was started by root, so two would work with one record. Start the service instead: "
    "systemctl start koshelek-agent; or this by that user: runuser -u {owner} -- koshelek-agent run"
)
LINK = N_(
    '{path} is a link to {target}. Write into [journal] of the configuration: path = "{target}". Remove neither the link nor the file'
)
LOG_LINK = N_("{path} is a link to {target}. The files of a journal lie beside each other: put this one back, and remove none of them")
NO_FILE = N_("{path} is no regular file. Name another file in the configuration: path in [journal]")
LOG_NO_FILE = N_(
    "{path} is no regular file, and the journal's own of this name belongs here. Move this one to another folder; if the true one is "
    "somewhere, put it back before the agent starts"
)
HEADLESS = N_(
    "{path} is gone or empty, and {path}-wal with its newest records is there. Put the file back where it was; remove nothing. If it is "
    "nowhere: move {path}-wal and {path}-shm to another folder, keep them, and restore the newest backup (koshelek-agent restore)"
)
FOREIGN_LOG = N_(
    "{path} is not the file that the agent worked with last, and {path}-wal holds newest records of that one. Move {path}-wal and "
    "{path}-shm to another folder and keep them; then start the agent again"
)
NO_FOLDER = N_(
    "the directory {folder} cannot be used: {error}. If a disk belongs there, mount it; if not, run as root: "
    "install -d -m 0700 -o {user} {folder}"
)
FUSE = "fuse"  # fuse, fuseblk, fuse.sshfs, ...: a flush means whatever the program behind it says


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of mountinfo."""

    point: str
    type: str

    @property
    def volatile(self) -> bool:
        return self.type in VOLATILE_TYPES or self.type.startswith(FUSE)


def prepare(path: Path, *, allow_volatile: bool) -> None:
    """Check the place. Raises JournalPlaceRefused."""
    directory = path.parent
    check_directory(directory)
    mount = mount_of(os.path.realpath(directory), MOUNT_INFO.read_text(errors="surrogateescape"))
    if mount.volatile and not allow_volatile:
        raise JournalPlaceRefused(message(VOLATILE, path=path, point=mount.point, kind=mount.type))
    for suffix in COMPANIONS:
        _check_file(Path(f"{path}{suffix}"), companion=bool(suffix))


def is_there(path: Path) -> bool:
    """Whether there is a record at this place: an empty file, as a disk leaves it after a power cut, is none."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def check_whole(path: Path, mark: Watermark | None) -> None:
    """A journal's newest records lie beside it while somebody works with it: without the file itself they must not be taken for those of a
    new one, which would throw them away, nor be put upon another file. ``mark``: the last of the journal here.
    Raises JournalPlaceRefused."""
    log = Path(f"{path}-wal")
    if not is_there(log):
        return
    if not is_there(path):
        raise JournalPlaceRefused(message(HEADLESS, path=path))
    if mark is not None and mark.log == inode(log) and mark.file not in (0, inode(path)):
        raise JournalPlaceRefused(message(FOREIGN_LOG, path=path))


def create(path: Path) -> None:
    """Make an empty file with the right mode if there is none. Raises JournalPlaceRefused."""
    if path.exists():
        return
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))
    except OSError as error:
        raise JournalPlaceRefused(message(N_("{path} cannot be made: {error}"), path=path, error=error.strerror)) from error


def mount_of(path: str, mount_info: str) -> Mount:
    """The mount an absolute, resolved path lies on, from the text of mountinfo. Pure."""
    found = Mount("/", "unknown")
    for mount in _mounts(mount_info):
        inside = path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
        if inside and len(mount.point) >= len(found.point):  # a later mount on the same point covers an earlier one
            found = mount
    return found


def _mounts(mount_info: str) -> Iterator[Mount]:
    for line in mount_info.splitlines():
        before, separator, after = line.partition(" - ")  # optional fields of any number end at the dash
        places, types = before.split(" "), after.split(" ")
        if separator and len(places) > 4:
            yield Mount(_unescape(places[4]), types[0])


def _unescape(text: str) -> str:
    for code, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        text = text.replace(code, character)
    return text


def check_directory(directory: Path) -> None:
    """Whether the directory is there and nobody else's. Raises JournalPlaceRefused."""
    try:
        status = directory.stat()
    except OSError as error:
        raise JournalPlaceRefused(message(NO_FOLDER, folder=directory, error=error.strerror, user=_named(os.geteuid()))) from error
    if not stat.S_ISDIR(status.st_mode):
        raise JournalPlaceRefused(message(N_("{path} is not a directory"), path=directory))
    _check_rights(directory, status, "0700")


def wrong_kind(path: Path, status: os.stat_result, *, companion: bool) -> Message | None:
    """What is wrong with one of a journal's files, by what it is; None if it is a regular one. ``status``: its own, not that of what a link
    leads to. ``companion``: it lies beside the database."""
    if stat.S_ISREG(status.st_mode):
        return None
    if not stat.S_ISLNK(status.st_mode):
        return message(LOG_NO_FILE if companion else NO_FILE, path=path)
    return message(LOG_LINK if companion else LINK, path=path, target=os.path.realpath(path))


def _check_file(path: Path, *, companion: bool) -> None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    wrong = wrong_kind(path, status, companion=companion)
    if wrong is not None:
        raise JournalPlaceRefused(wrong)
    _check_rights(path, status, "0600")


def _check_rights(path: Path, status: os.stat_result, wanted: str) -> None:
    if status.st_mode & OTHERS:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        raise JournalPlaceRefused(message(OTHERS_MAY, path=path, mode=mode, wanted=wanted))
    if status.st_uid != os.geteuid():
        text = NOT_OURS if os.geteuid() else NOT_ROOTS
        raise JournalPlaceRefused(message(text, path=path, owner=_named(status.st_uid), user=_named(os.geteuid())))


def _named(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # a user that only the kernel knows
        return str(user)
