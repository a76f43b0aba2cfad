"""Which agents run on this machine, seen from outside: by their command lines, and by who holds the journal's lock.

Anybody may start a process with any command line, so by that alone a process is only a candidate. Which of them counts is said by what
cannot be put on: the user it runs as, the kernel's table of locks, who listens at the socket.
"""

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
MAX_ARGUMENT_BYTES = 16 * 1024
MAX_ANCESTORS = 64  # a wrapper or two, a shell, systemd: a process table that goes round in a circle was read while it changed
PEER_LIMIT_S = 1.0  # a listener that does not even take a connection
CREDENTIALS = struct.Struct("3i")  # of SO_PEERCRED: process, user, group


@dataclass(frozen=True, slots=True)
class Running:
    """A process that runs the daemon. ``config``: the file it was told to use, None for the usual one; ``user`` its number."""

    pid: int
    user: int
    config: Path | None


def running(proc: Path = PROC) -> list[Running]:
    """Every process with the command line of a daemon, by its number. Nothing that it names is opened."""
    return sorted(_running(proc), key=lambda one: one.pid)


def are_hidden(proc: Path = PROC) -> bool:
    """Whether other users' processes cannot be seen from here at all, as under the package's unit (ProtectProc=invisible)."""
    return not (proc / "1").exists()


def distinct(found: Sequence[Running], own: Running | None, proc: Path = PROC) -> list[Running]:
    """Each daemon once: without wrappers (of ``sudo koshelek-agent run`` and its like the innermost is the daemon), and without what our
    ``own`` has started and what still has its command line."""
    above = {one.pid: set(ancestors(one.pid, proc)) for one in found}
    if own is not None:
        above = {pid: higher for pid, higher in above.items() if own.pid not in higher}
    wrappers = set().union(*above.values())
    return [one for one in found if one.pid in above and one.pid not in wrappers]


def ancestors(pid: int, proc: Path = PROC) -> Iterator[int]:
    """The parent of a process, its parent, and so on; ends where that cannot be seen."""
    for _ in range(MAX_ANCESTORS):
        try:
            status = (proc / str(pid) / "stat").read_bytes()
        except OSError:  # it has just ended
            return
        pid = int(status.rpartition(b")")[2].split()[1])  # behind the name, which may hold anything
        if pid == 0:
            return
        yield pid


def listener_of(path: Path) -> int | None:
    """The process that began to listen at a Unix socket, as the kernel says; None if nobody does, or that cannot be seen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(PEER_LIMIT_S)
        try:
            asking.connect(str(path))
            pid, _, _ = CREDENTIALS.unpack(asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
        except OSError:
            return None
    return pid or None


def lock_holder(lock: Path, proc: Path = PROC) -> int | None:
    """The process that holds the lock of a journal, as the kernel says; None if nobody does. Takes no lock itself."""
    try:
        status = lock.stat()
        table = (proc / "locks").read_text()
    except OSError:
        return None
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in table.splitlines():
        parts = line.split()
        if len(parts) > 5 and parts[1] == "FLOCK" and parts[5] == wanted:
            return int(parts[4])
    return None


def _running(proc: Path) -> Iterator[Running]:
    for entry in proc.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            with (entry / "cmdline").open("rb") as file:
                words = [os.fsdecode(word) for word in file.read(MAX_ARGUMENT_BYTES).split(b"\0")]
            owner = entry.stat().st_uid
        except OSError:  # it has just ended
            continue
        if is_daemon(words):
            yield Running(int(entry.name), owner, config_of(words, entry))


def is_daemon(words: list[str]) -> bool:
    """Whether a command line is that of a daemon: the program, perhaps behind its Python, and ``run``."""
    for place, word in enumerate(words[:4]):
        module = word == "agent" and place > 0 and words[place - 1] == "-m"
        if module or Path(word).name == "koshelek-agent":
            return "run" in words[place + 1 :]
    return False


def config_of(words: list[str], entry: Path) -> Path | None:
    """The file behind ``--config``, as that process would find it."""
    for place, word in enumerate(words):
        if word == "--config" and place + 1 < len(words):
            return _found(Path(words[place + 1]), entry)
        if word.startswith("--config="):
            return _found(Path(word.removeprefix("--config=")), entry)
    return None


def _found(path: Path, entry: Path) -> Path:
    if path.is_absolute():
        return path
    try:
        return (entry / "cwd").readlink() / path
    except OSError:  # not ours to see
        return path
