"""Which agents run on this machine, seen from outside: by their command lines, and by who holds the journal's lock."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
MAX_ARGUMENT_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Running:
    """A process that runs the daemon. ``config``: the file it was told to use, None for the usual one; ``user`` its number."""

    pid: int
    user: int
    config: Path | None


def running(proc: Path = PROC) -> list[Running]:
    """Every daemon that can be seen, by its process number."""
    return sorted(_running(proc), key=lambda one: one.pid)


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
