"""What this till is: versions, the machine, the unit, the files of the journal. Nothing of it is secret."""

import os
import platform
import sys
import time
from asyncio.subprocess import STDOUT
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

from agent import __version__
from agent.edges.journal import SqliteUnfit
from agent.edges.journal.health import library_version
from agent.ops.command import UNIT, asked

PROPERTIES = (
    *(
        "LoadState",
        "ActiveState",
        "SubState",
        "Result",
        "NRestarts",
        "ExecMainStatus",
        "ActiveEnterTimestamp",
        "StatusText",
        "UnitFileState",
    ),
    *("MemoryCurrent", "MemoryPeak", "CPUUsageNSec", "TasksCurrent", "FragmentPath", "DropInPaths", "User", "SupplementaryGroups"),
)
MAX_FILES = 50  # beside the journal


def versions() -> dict[str, Any]:
    """Of the agent and everything below it."""
    return {
        "agent": __version__,
        "python": sys.version,
        "sqlite": _sqlite(),
        "packages": _packages(),
        "system": _system(),
        "kernel": " ".join(platform.uname()[i] for i in (0, 2, 3, 4)),
        "libc": " ".join(platform.libc_ver()),
        "installed": str(Path(__file__).parents[3]),
    }


def machine(journal: Path | None, now: datetime) -> dict[str, Any]:
    """Clock, memory, disk, and the files of the journal."""
    found: dict[str, Any] = {
        "now": now.isoformat(),
        "zone": time.strftime("%Z %z"),
        "upSeconds": round(time.clock_gettime(time.CLOCK_BOOTTIME)),
        "load": os.getloadavg(),
        "processors": os.cpu_count(),
        "memory": _memory(),
        "user": {"uid": os.geteuid(), "groups": sorted(os.getgroups())},
    }
    return found | ({"journal": _files(journal)} if journal is not None else {})


async def unit() -> str:
    """How systemd sees the service. Raises OSError, with what systemctl says, where there is no systemd."""
    command = ("systemctl", "show", UNIT, f"--property={','.join(PROPERTIES)}")
    async with asked(*command, stderr=STDOUT) as process:
        said, _ = await process.communicate()
    if process.returncode != 0:
        raise OSError(said.decode(errors="replace").strip())
    return said.decode(errors="replace")


def _sqlite() -> str:
    try:
        return ".".join(map(str, library_version()))
    except SqliteUnfit as error:
        return str(error)


def _packages() -> Mapping[str, str]:
    """What the agent needs, and what is installed of it."""
    try:
        needed = distribution("koshelek-agent").requires or []
    except PackageNotFoundError:
        return {}
    names = [one.split(";")[0].split("[")[0] for one in needed if "extra ==" not in one]
    plain = sorted({"".join(letter if letter.isalnum() or letter in "-_." else " " for letter in name).split()[0] for name in names})
    return {name: _version(name) for name in plain}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _system() -> Mapping[str, str]:
    try:
        told = platform.freedesktop_os_release()
    except OSError:
        return {}
    return {name: told[name] for name in ("ID", "VERSION_ID", "PRETTY_NAME") if name in told}


def _memory() -> Mapping[str, str]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {name: value.strip() for name, value in pairs if name in ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")}


def _files(journal: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"path": str(journal)}
    try:
        disk = os.statvfs(journal.parent)
        found |= {"freeBytes": disk.f_bavail * disk.f_frsize, "sizeBytes": disk.f_blocks * disk.f_frsize}
        found["readOnly"] = bool(disk.f_flag & os.ST_RDONLY)
        for path in sorted(journal.parent.glob(f"{journal.name}*"))[:MAX_FILES]:
            found[path.name] = _file(path)
    except OSError as error:
        found["problem"] = str(error)
    return found


def _file(path: Path) -> Mapping[str, Any]:
    status = path.lstat()
    changed = datetime.fromtimestamp(status.st_mtime, UTC).isoformat()
    return {"bytes": status.st_size, "mode": f"{status.st_mode & 0o7777:o}", "uid": status.st_uid, "changed": changed}
