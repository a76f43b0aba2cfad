"""The Debian package, built once for all tests of a run, whichever process asks first."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.system import require

ROOT = Path(__file__).parents[2]
DEBIAN_PYTHON = "/usr/bin/python3"
BUILD_S = 300.0  # libraries are fetched the first time
SOURCES = ("agent", "config", "docs", "drivers", "systemd", "pyproject.toml", "requirements.lock", "README.md", "CHANGELOG.md")
COMMIT_TIME = "1767225600"  # what the build of a commit would take from git


def needed() -> None:
    """What a build cannot do without."""
    for tool in ("dpkg-deb", DEBIAN_PYTHON, "gzip"):
        require(tool)


def built(shared: Path) -> Path:
    """The package in a folder that all processes of this run share; the libraries stay in the project's ``build`` for the next run."""
    needed()
    with (shared / "package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = list((shared / "package").glob("*.deb"))
        return found[0] if found else build(copied_tree(ROOT, shared / "tree"), shared / "package", {})


def build(tree: Path, target: Path, environment: Mapping[str, str]) -> Path:
    """As ``make deb`` does, from any tree into any folder."""
    return Path(run_build(tree, target, environment).stdout.strip())


def run_build(tree: Path, target: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The same, with what it says to people on its standard error."""
    wheels = ROOT / "build"
    wheels.mkdir(exist_ok=True)
    given = {**os.environ, "SOURCE_DATE_EPOCH": COMMIT_TIME, "WHEELS": str(wheels), **environment}
    command = ["sh", str(tree / "systemd/debian/build.sh"), sys.executable, DEBIAN_PYTHON, str(target)]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=BUILD_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def copied_tree(tree: Path, target: Path) -> Path:
    """The sources elsewhere, written now, without what runs have left in them."""
    target.mkdir(parents=True)
    for name in SOURCES:
        source = tree / name
        if source.is_dir():
            shutil.copytree(source, target / name, copy_function=shutil.copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    return target
