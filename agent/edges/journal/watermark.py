"""How far the record had come, kept beside it: so that an older copy in its place, or another record, is told from what was written.

Pages, chain and hashes prove that a file is whole, and an older copy of it is whole. Only something that is not copied with it can say that
there was more. The mark lies in the lock file, which stays for good. It is written after what it speaks of is on disk, and not flushed: it
may be behind the record, which proves a little less, but never before it.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from agent.edges.journal.chain import Head

AT = 32  # where it lies in the lock file, behind the process id
MAX_BYTES = 160
_FORM = re.compile(rb"(\d{1,18}) ([0-9a-f]{64}) (\d{1,20}) (\d{1,20}) *\n")


@dataclass(frozen=True, slots=True)
class Watermark:
    """``head``: the newest event that was seen on disk. ``file`` and ``log``: the inodes of the journal and of its write-ahead log then; 0
    for one that was not there."""

    head: Head
    file: int
    log: int


def read(file: int) -> Watermark | None:
    """From an open lock file; None if there is none in it that can be read."""
    found = _FORM.fullmatch(os.pread(file, MAX_BYTES, AT))
    if found is None:
        return None
    number, digest, journal, log = found.groups()
    return Watermark(Head(int(number), bytes.fromhex(digest.decode())), int(journal), int(log))


def write(file: int, mark: Watermark) -> None:
    """Into an open lock file. Raises OSError."""
    text = f"{mark.head.number} {mark.head.hash.hex()} {mark.file} {mark.log}"
    os.pwrite(file, f"{text:<{MAX_BYTES - 1}}\n".encode(), AT)


def inode(path: Path) -> int:
    """Which file is there; 0 if there is none."""
    try:
        return path.stat().st_ino
    except (FileNotFoundError, NotADirectoryError):
        return 0
