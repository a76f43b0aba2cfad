"""Makes the archive: each part by itself, bounded in time and size, its failure told and not raised; then the manifest, then the file."""

import asyncio
import errno
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent import __version__
from agent.ops.aside import aside
from agent.ops.bundle.scrub import Scrubber

MAX_PART_BYTES = 16 * 1024 * 1024  # before packing; what is beyond is cut, and the manifest says so
PART_LIMIT_S = 60.0  # the doctor asks other machines
SEARCH_LIMIT_S = 60.0  # a day of tokens is searched for in a long log
NAME = "koshelek-agent-bundle-%Y%m%dT%H%M%SZ"
SUFFIX = ".tar.gz"
MODE = 0o600  # whatever was taken out, it tells of a shop's business


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the archive. ``gather`` gives its text, redacted already; whatever it raises is told in the manifest."""

    name: str
    gather: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Told:
    """What the manifest says of a part. ``problem`` None: it is there and whole."""

    name: str
    bytes: int = 0
    sha256: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The archive."""

    file: Path
    bytes: int
    parts: Sequence[Told]


def check(target: Path) -> None:
    """Whether an archive can be written there, before a minute is spent on it. Raises OSError."""
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


async def make(target: Path, wanted: Sequence[Part], scrubber: Scrubber, now: datetime) -> Made:
    """Write a new archive, for its owner alone. Raises OSError, FileExistsError: nothing is overwritten, and nothing is left half done."""
    folder = now.strftime(NAME)
    contents: list[tuple[str, bytes]] = []
    told: list[Told] = []
    for part in wanted:
        content, one = await _gathered(part, scrubber)
        told.append(one)
        contents += [(part.name, content)] if content is not None else []
    manifest = {"made": now.isoformat(), "version": __version__, "parts": [_line(one) for one in told]}
    contents.insert(0, ("manifest.json", scrubber.final(json.dumps(manifest, ensure_ascii=False, indent=2).encode())))
    size = await asyncio.to_thread(_write, target, _packed(folder, contents, now))
    return Made(target, size, told)


async def _gathered(part: Part, scrubber: Scrubber) -> tuple[bytes | None, Told]:
    try:
        async with asyncio.timeout(PART_LIMIT_S):
            text = await part.gather()
        async with asyncio.timeout(SEARCH_LIMIT_S):
            data = await aside(lambda: scrubber.final(text.encode(errors="replace")))
    except TimeoutError:
        return None, Told(part.name, problem=f"it took longer than {PART_LIMIT_S:g} s")
    except Exception as error:  # noqa: BLE001 - the boundary of a part: whatever is broken on this till, the others are wanted
        return None, Told(part.name, problem=scrubber.text(f"{type(error).__name__}: {error}"))
    cut = f"cut: it had {len(data)} bytes" if len(data) > MAX_PART_BYTES else None
    data = data[-MAX_PART_BYTES:]  # of logs the end counts
    return data, Told(part.name, len(data), hashlib.sha256(data).hexdigest(), cut)


def _line(one: Told) -> dict[str, object]:
    found: dict[str, object] = {"name": one.name, "bytes": one.bytes, "sha256": one.sha256}
    return found | ({"problem": one.problem} if one.problem else {})


def _packed(folder: str, contents: Sequence[tuple[str, bytes]], now: datetime) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, data in contents:
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(data), MODE, int(now.timestamp())
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def _write(target: Path, data: bytes) -> int:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # it is carried away on a stick that is pulled out
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return len(data)
