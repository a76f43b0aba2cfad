"""What the service said lately: from systemd's journal, or from a file that somebody names."""

import errno
import os
import shutil
import stat
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

from agent.ops.bundle.scrub import Scrubber
from agent.ops.command import UNIT, asked
from agent.settings.load import NotRegular

SINCE = "-3d"  # a fault of Friday is told on Monday
MAX_LINES = 10_000
MAX_BYTES = 8 * 1024 * 1024  # the newest of a log; ten thousand lines are a quarter of it
JOURNALCTL = ("journalctl", f"--unit={UNIT}", f"--since={SINCE}", f"--lines={MAX_LINES}", "--output=short-iso", "--no-pager", "--quiet")
OLDER_LEFT_OUT = "(older lines are left out: there was no time to take the secrets out of them)"


class NoLog(Exception):
    """There is no log to be had; the message says what to do."""


async def of_unit() -> bytes:
    """The unit's lines in systemd's journal. Raises NoLog."""
    if shutil.which(JOURNALCTL[0]) is None:
        raise NoLog("there is no journalctl on this machine: name the log's file with --log")
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    async with asked(*JOURNALCTL, stderr=PIPE, environment=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found, cut = b"", False
        while piece := await process.stdout.read(1 << 16):
            cut = cut or len(found) + len(piece) > MAX_BYTES
            found = (found + piece)[-MAX_BYTES:]
        said = (await process.stderr.read(1_000)).decode(errors="replace").strip()
        await process.wait()
    if not found:
        raise NoLog(
            f"journalctl has no lines of {UNIT} that this user may read. {said}".strip() + " Run it with sudo, or name a file with --log"
        )
    return _whole_lines(found, cut)


def _whole_lines(data: bytes, cut: bool) -> bytes:
    """Without the first line if it was cut: it may be the rest of a secret whose name is gone."""
    return data.partition(b"\n")[2] if cut else data


def of_file(path: Path) -> bytes:
    """The end of a regular file, from the beginning of a line. Raises OSError.

    Root makes archives, in folders where others put files: a link would bring any file of the machine in, a pipe would never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegular(errno.EINVAL, "not a regular file", str(path))
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - MAX_BYTES))
        found = file.read(MAX_BYTES)
    return _whole_lines(found, size > MAX_BYTES)


def redacted(data: bytes, scrubber: Scrubber, is_late: Callable[[], bool] = lambda: False) -> str:
    """The newest lines without what must not leave the till. ``is_late``: whether what is older must be left out, for lack of time."""
    cleaned: list[str] = []
    for line in reversed(data.decode(errors="replace").splitlines()[-MAX_LINES:]):
        if is_late():
            cleaned.append(OLDER_LEFT_OUT)
            break
        cleaned.append(scrubber.line(line))
    return "".join(f"{line}\n" for line in reversed(cleaned))
