"""How a journal is saved whose file was taken from under the working agent: from what the process still has open.

The newest records lie in the log beside the file (``-wal``), so both are copied, under names that belong together. The log comes first: at
rest the agent moves all it holds into the file and empties it, and a file from before that beside a log from after it would lack the newest
records without a sign of it. If the log is still the same once the file is copied, nothing was written or moved in between: both are whole.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from agent.secrets import SERVICE_USER
from agent.texts import N_, Message, message

GONE_FROM = " (deleted)"  # how the kernel shows a file without a name
SAFE = "/root"  # there for certain, closed to others, and not where the clean-up was
SUFFIXES = ("-wal", "")

COPY = N_(
    "Do not stop the service and do not restart the till. Take no more payments. Now, as root, in this order: {commands} (if the last "
    "one says that they differ, all of them once more). Then look that the copies are there (ls -l {copies}). Only then put them back and "
    "start anew: {back}"
)
FIND = N_(
    "Do not stop the service and do not restart the till. Take no more payments. As root: ls -l /proc/{pid}/fd shows what process {pid} "
    "has open. If the journal is still there under another name, give it its name back (mv): {path}. Else copy with cp first "
    "/proc/{pid}/fd/N of the -wal and then that of the journal itself, both under the old names into a folder of their own; cmp of the "
    "-wal and its copy must say nothing, else copy both again. Then call support."
)


def rescue(path: Path, pid: int, user: str = SERVICE_USER) -> Message:
    """What to do about the journal at ``path``, which process ``pid`` of ``user`` still has open: the commands, where the process shows its
    files to us, else how to find them."""
    numbers = opened(path, pid)
    if set(numbers) != set(SUFFIXES):
        return message(FIND, path=path, pid=pid)
    copies = {suffix: shlex.quote(f"{SAFE}/{path.name}{suffix}") for suffix in SUFFIXES}
    copying = [f"cp /proc/{pid}/fd/{numbers[suffix]} {copies[suffix]}" for suffix in SUFFIXES]
    commands = "; ".join([*copying, f"cmp /proc/{pid}/fd/{numbers['-wal']} {copies['-wal']}"])
    both, folder = " ".join(copies.values()), shlex.quote(str(path.parent))
    place = f"install -d -o {user} -m 0700 {folder}; install -o {user} -m 0600 {both} {folder}"
    back = f"systemctl stop koshelek-agent; {place}; systemctl start koshelek-agent"
    return message(COPY, commands=commands, copies=both, back=back)


def opened(path: Path, pid: int) -> Mapping[str, int]:
    """The numbers of a process's descriptors of the journal (by "") and of its log (by "-wal"), as far as they still have these names or
    had them when they were removed. By names alone: whoever opens and closes the files themselves takes SQLite's locks off them."""
    found: dict[str, int] = {}
    try:
        numbers = sorted(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return found
    for number in numbers:
        try:
            shown = os.fspath(Path(f"/proc/{pid}/fd/{number}").readlink())
        except OSError:  # closed meanwhile
            continue
        for suffix in SUFFIXES:
            if shown.removesuffix(GONE_FROM) == f"{path.resolve()}{suffix}":
                found.setdefault(suffix, number)
    return found
