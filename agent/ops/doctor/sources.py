"""Where the service's passwords come from: the files that its unit names. Only root may look at them; the service itself gets what systemd
makes of them.
"""

import asyncio
import os
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.ops.aside import aside
from agent.ops.command import UNIT, asked
from agent.secrets import MAX_SECRET_BYTES
from agent.texts import N_, Message, message

LIMIT_S = 3.0
LOADED, ENCRYPTED = "LoadCredential", "LoadCredentialEncrypted"
OTHERS = 0o077  # rights of group and others
OTHERS_WRITE = 0o022  # of an encrypted one, which only this till can read anyway: systemd-creds makes it readable for all

MISSING = N_("there is no file {path}")
EMPTY = N_("the file {path} is empty")
LOCKED = N_("the file {path} cannot be decrypted on this till")
OPEN = N_("{path} with a password can be used by others (mode {mode}).")
FOREIGN = N_("{path} with a password belongs to {owner} and not to root.")
WRITE = N_("Write the password (type it, Enter, Ctrl-D): {command}; then: sudo systemctl restart koshelek-agent")


@dataclass(frozen=True, slots=True)
class Source:
    """A file that systemd hands to the service as the credential ``name``."""

    name: str
    path: Path
    encrypted: bool = False

    def command(self) -> str:
        """What puts another password in its place, read from the keyboard."""
        place = shlex.quote(str(self.path))
        if not self.encrypted:
            return f"sudo install -m 0600 /dev/stdin {place}"
        return f"sudo systemd-creds encrypt --name={shlex.quote(self.name)} - {place}"

    def remedy(self) -> Message:
        """The same for people."""
        return message(WRITE, command=self.command())


async def sources() -> Mapping[str, Source]:
    """The sources of the service's credentials by their names; none where there is no unit."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return {}
    try:
        async with asyncio.timeout(LIMIT_S), asked(systemctl, "cat", "--no-pager", UNIT) as process:
            told, _ = await process.communicate()
    except (TimeoutError, OSError):
        return {}
    return named_in(told.decode(errors="replace"))


def named_in(unit: str) -> Mapping[str, Source]:
    """What a unit with its drop-ins names (``systemctl show`` cannot print it): a later line replaces one of the same name, an empty one
    all before it."""
    found: dict[str, Source] = {}
    for line in unit.splitlines():
        before, _, value = line.partition("=")
        key = before.strip()  # systemd allows blanks around the sign
        if key not in (LOADED, ENCRYPTED):
            continue
        name, _, path = value.strip().partition(":")
        if not name:
            found.clear()
        elif path.startswith("/"):  # else it is looked for in places of systemd's own
            found[name] = Source(name, Path(path), key == ENCRYPTED)
    return found


async def lacking(source: Source) -> Message | None:
    """What is wrong with a source, so that the service gets no password; None if nothing is, or that cannot be seen. For root."""
    try:
        if not (await aside(lambda: _beginning(source.path))).strip(b"\r\n"):
            return message(EMPTY, path=source.path)
    except FileNotFoundError:
        return message(MISSING, path=source.path)
    except OSError:
        return None
    if source.encrypted and shutil.which("systemd-creds") and not await _opens(source):
        return message(LOCKED, path=source.path)
    return None


def _beginning(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        return file.read(MAX_SECRET_BYTES)


async def _opens(source: Source) -> bool:
    """Whether systemd can decrypt it here, as it will for the service. What comes out is not looked at."""
    try:
        async with asyncio.timeout(LIMIT_S), asked("systemd-creds", "decrypt", f"--name={source.name}", str(source.path), "-") as process:
            await process.communicate()
            return process.returncode == 0
    except (TimeoutError, OSError):
        return True  # not known to be wrong


def exposed(source: Source) -> Iterator[tuple[Message, str]]:
    """What is wrong with who may use a source, and the command that mends it."""
    try:
        status = source.path.stat()
    except OSError:  # told where the password is tried
        return
    place = shlex.quote(str(source.path))
    if status.st_mode & (OTHERS_WRITE if source.encrypted else OTHERS):
        yield message(OPEN, path=source.path, mode=f"{stat.S_IMODE(status.st_mode):04o}"), f"sudo chmod 600 {place}"
    if status.st_uid != 0:
        yield message(FOREIGN, path=source.path, owner=status.st_uid), f"sudo chown root: {place}"


def by_root() -> bool:
    """Whether we may look at them."""
    return os.geteuid() == 0
