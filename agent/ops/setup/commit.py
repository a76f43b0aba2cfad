"""Putting files into place: all of them, proved by the real check, or none.

Each file is written beside its place, flushed, and moved over the old one, so that a power cut leaves the old file or the new one, never
half of either. What was there before keeps a second name until everything is done; whatever goes wrong - the check, a full disk, Ctrl-C -
it is put back. The configuration of before stays beside the new one under a name with the date.

These second names are hidden and end by chance, so that no file of a person is in the way; what a power cut leaves of them may be the only
good configuration, so it is named at the next time and never removed.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

SECRET_MODE = 0o600
CONFIGURATION_MODE = 0o644  # nothing in it is secret, and the command line of every operator reads it
FOLDER_MODE = 0o755
NEW, BEFORE = "new", "before"
CHANCE_BYTES = 6  # of a second name: two of them never meet


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is to hold something. ``owner`` None: whoever it belongs to, or whoever makes it. ``keep``: a copy of the one from before
    stays; its mode and owner hold for the new one."""

    path: Path
    content: bytes = field(repr=False)
    mode: int = SECRET_MODE
    owner: tuple[int, int] | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """``copies``: where the files from before are. ``leftovers``: second names that an earlier time, cut off, has left."""

    copies: Sequence[Path]
    leftovers: Sequence[Path] = ()


def commit(changes: Sequence[Change], now: datetime, verify: Callable[[], None]) -> Done:
    """Put all files into place, then ``verify``; what that raises undoes everything. Raises OSError."""
    copies: list[Path] = []
    leftovers = [one for change in changes for one in _leftovers(change.path)]
    with contextlib.ExitStack() as undo:
        for change in changes:
            undo.enter_context(_undone_on_error(change.path))
            if change.keep and change.path.exists():
                copies.append(_copy(change.path, now, undo))
            _put(change)
        verify()
    return Done(copies, leftovers)


@contextlib.contextmanager
def _undone_on_error(path: Path) -> Iterator[None]:
    """Whatever happens later, the file is as it was."""
    folders = _missing_folders(path.parent)
    before = _second_name(path, BEFORE)
    had = path.exists()
    if had:
        os.link(path, before)
    try:
        yield
    except BaseException:
        if had:
            before.replace(path)
            before.unlink(missing_ok=True)  # renaming a file to another of its own names does nothing
        else:
            path.unlink(missing_ok=True)
        for folder in reversed(folders):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    before.unlink(missing_ok=True)


def _second_name(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{kind}-{secrets.token_hex(CHANCE_BYTES)}")


def _leftovers(path: Path) -> list[Path]:
    ours = re.compile(rf"\.{re.escape(path.name)}\.({NEW}|{BEFORE})-[0-9a-f]{{{2 * CHANCE_BYTES}}}")
    return sorted(one for one in path.parent.iterdir() if ours.fullmatch(one.name)) if path.parent.is_dir() else []


def _missing_folders(folder: Path) -> list[Path]:
    """Folders that will have to be made, the outermost first."""
    found: list[Path] = []
    while not folder.exists():
        found.insert(0, folder)
        folder = folder.parent
    return found


def _copy(path: Path, now: datetime, undo: contextlib.ExitStack) -> Path:
    """A copy under a name with the date, which no other has."""
    name = f"{path.name}.{now:%Y-%m-%dT%H-%M-%SZ}"
    copy = next(
        one for one in (path.with_name(f"{name}{end}") for end in ("", *(f"-{number}" for number in range(2, 1000)))) if not one.exists()
    )
    undo.enter_context(_undone_on_error(copy))
    shutil.copy2(path, copy)
    status = path.stat()
    with contextlib.suppress(PermissionError):
        os.chown(copy, status.st_uid, status.st_gid)
    _flush(copy)
    return copy


def _put(change: Change) -> None:
    for folder in _missing_folders(change.path.parent):
        folder.mkdir(FOLDER_MODE)
    new = _second_name(change.path, NEW)
    mode, owner = change.mode, change.owner
    if change.keep and change.path.exists():
        status = change.path.stat()
        mode, owner = status.st_mode & 0o777, (status.st_uid, status.st_gid)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, SECRET_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(change.content)
            if owner is not None and owner != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        new.replace(change.path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _flush(change.path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
