"""A bare Debian root: the essential packages, systemd and Python as this machine has them installed, and nothing else of this machine.

No mirror is asked, so it costs a copy. What the packages' own scripts would have made is made here: users, the database of dpkg, compiled
files of Python. A machine without dpkg cannot give one.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WANTED = ("systemd", "python3", "tzdata", "ca-certificates", "mount")
"""Beside the essential ones: what a till has before the agent comes."""

DATABASE = Path("/var/lib/dpkg")
_LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/", "/usr/share/lintian/")
_MADE_BY_SCRIPTS = (
    *("/etc/ssl/certs/ca-certificates.crt", "/etc/ld.so.cache", "/usr/bin/awk", "/etc/alternatives/awk"),
    *(f"/etc/pam.d/common-{name}" for name in ("account", "auth", "password", "session", "session-noninteractive")),
)
_FOLDERS = ("root", "home", "proc", "sys", "dev", "run", "tmp", "mnt", "media", "opt", "srv", "var/lib/dpkg/updates", "var/backups")


class NotDebian(Exception):
    """This machine does not have the packages that the root is made of."""


@dataclass(frozen=True)
class Package:
    """An installed package: its name, its name in dpkg's database, what it needs (alternatives together), its paragraph of the status."""

    name: str
    stored: str
    essential: bool
    needs: Sequence[Sequence[str]]
    paragraph: str


def make(target: Path, without: Sequence[str] = ()) -> None:
    """Make the root in ``target``. ``without``: packages to leave out. Raises NotDebian."""
    if shutil.which("dpkg-query") is None or not (DATABASE / "status").is_file():
        raise NotDebian("dpkg is not here")
    chosen = _chosen(_installed(), without)
    _copy(target, chosen)
    for name in _FOLDERS:
        (target / name).mkdir(parents=True, exist_ok=True)
    (target / "tmp").chmod(0o1777)
    for name in ("passwd", "group"):
        shutil.copy(f"/usr/share/base-passwd/{name}.master", target / "etc" / name)
    (target / "etc/machine-id").touch()
    database = target / DATABASE.relative_to("/")
    (database / "status").write_text("\n".join(f"{one.paragraph}\n" for one in chosen))
    (database / "available").touch()


def _installed() -> Mapping[str, Package]:
    """By name, and by what is provided."""
    found: dict[str, Package] = {}
    for paragraph in (DATABASE / "status").read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") != "install ok installed":
            continue
        name = fields["Package"]
        stored = next(one for one in (f"{name}:{fields['Architecture']}", name) if (DATABASE / "info" / f"{one}.list").exists())
        needs = [*_names(fields.get("Pre-Depends", "")), *_names(fields.get("Depends", ""))]
        package = Package(name, stored, fields.get("Essential") == "yes", needs, paragraph)
        found[name] = package
        for (provided,) in _names(fields.get("Provides", "")):
            found.setdefault(provided, package)
    return found


def _names(field: str) -> list[list[str]]:
    """Of a field like ``a (>= 1) | b, c:any``: names without versions, alternatives together."""
    return [[re.split(r"[ (:]", one.strip())[0] for one in group.split("|")] for group in field.split(",") if group.strip()]


def _chosen(installed: Mapping[str, Package], without: Sequence[str]) -> list[Package]:
    """What is wanted with all that it needs."""
    missing = [name for name in WANTED if name not in installed]
    if missing:
        raise NotDebian(f"not installed here: {', '.join(missing)}")
    waiting = [one.name for one in installed.values() if one.essential] + [name for name in WANTED if name not in without]
    chosen: dict[str, Package] = {}
    while waiting:
        package = installed[waiting.pop()]
        if package.name in chosen:
            continue
        chosen[package.name] = package
        for alternatives in package.needs:
            waiting += [name for name in alternatives if name in installed][:1]
    return sorted(chosen.values(), key=lambda one: one.name)


def _copy(target: Path, packages: Sequence[Package]) -> None:
    """Their files, with owners and modes, and what dpkg knows of them."""
    known = {package.stored for package in packages}
    database = {str(path) for path in (DATABASE / "info").iterdir() if path.stem in known}
    names = sorted({name for package in packages for name in _files(package)} | database | {*_MADE_BY_SCRIPTS})
    there = "".join(f"{name.lstrip('/')}\0" for name in names if name != "/." and os.path.lexists(name))
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):  # links into /usr, and what is behind them is written through them
        (target / "usr" / name).mkdir(parents=True, exist_ok=True)
    pack = ["tar", "--create", "--directory=/", "--no-recursion", "--null", "--files-from=-"]
    with subprocess.Popen(pack, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as packing:
        assert packing.stdin is not None
        with subprocess.Popen(["tar", "--extract", "--keep-directory-symlink", f"--directory={target}"], stdin=packing.stdout) as unpacking:
            packing.stdin.write(there.encode())
            packing.stdin.close()
        assert (packing.wait(), unpacking.returncode) == (0, 0)


def _files(package: Package) -> Iterator[str]:
    for name in (DATABASE / "info" / f"{package.stored}.list").read_text().splitlines():
        if name.startswith(_LEFT_OUT):
            continue
        yield name
        if name.endswith(".py") and "/lib/python3" in name:
            yield importlib.util.cache_from_source(name)
