"""Goal: the package holds what a till needs, and nothing of the machine it was built on. Method: built once, unpacked, looked at."""

import hashlib
import importlib.util
import os
import re
import stat
import subprocess
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.package import COMMIT_TIME, DEBIAN_PYTHON, ROOT, copied_tree, run_build
from tests.system import require

pytestmark = pytest.mark.system

HOME = "opt/koshelek-agent"
SHIPPED = {
    "lib/systemd/system/koshelek-agent.service": "systemd/koshelek-agent.service",
    "usr/lib/sysusers.d/koshelek-agent.conf": "systemd/debian/koshelek-agent.sysusers",
    "usr/lib/tmpfiles.d/koshelek-agent.conf": "systemd/debian/koshelek-agent.tmpfiles",
    "usr/lib/modules-load.d/koshelek-agent.conf": "systemd/debian/koshelek-agent.modules-load",
    "etc/udev/rules.d/61-koshelek-agent.rules": "systemd/debian/61-koshelek-agent.rules",
    "usr/share/doc/koshelek-agent/examples/koshelek-agent.toml": "config/koshelek-agent.toml",
    "usr/share/doc/koshelek-agent/ru/ustanovka.md": "docs/ru/ustanovka.md",
    "usr/share/doc/koshelek-agent/ru/obnovlenie.md": "docs/ru/obnovlenie.md",
    "usr/share/doc/koshelek-agent/screenshots/overview.png": "docs/screenshots/overview.png",
}
GENERATED = ("usr/share/man/man1/koshelek-agent.1.gz", "usr/share/bash-completion/completions/koshelek-agent")
UNCHECKED = 0b01  # PEP 552: the source is not looked at
MAX_BYTES = 20 * 1024 * 1024  # a technician fetches it over a bad link


@pytest.fixture(scope="module")
def members(deb: Path) -> dict[str, tarfile.TarInfo]:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as unpacking:
        assert unpacking.stdout is not None
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
            return {member.name.removeprefix("./"): member for member in archive}


@pytest.fixture(scope="module")
def unpacked(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked") / "root"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder], check=True)
    return folder


def fields(unpacked: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z-]+): (.*)$", (unpacked / "DEBIAN/control").read_text(), re.MULTILINE))


def test_what_is_shipped_is_what_is_tested_elsewhere(unpacked: Path, members: dict[str, tarfile.TarInfo]) -> None:
    """The unit that systemd-analyze has looked at, byte for byte, and all other data files; the generated ones are there."""
    for name, source in SHIPPED.items():
        assert (unpacked / name).read_bytes() == (ROOT / source).read_bytes(), name
    assert set(GENERATED) <= members.keys()
    assert members["usr/bin/koshelek-agent"].linkname == f"/{HOME}/bin/koshelek-agent"


def test_the_control_file_says_what_is_needed(deb: Path, unpacked: Path) -> None:
    """Version and architecture; the one series of Python that the compiled files are for."""
    control, project = fields(unpacked), tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert control["Version"] == project["version"]
    assert deb.name == f"koshelek-agent_{control['Version']}_{control['Architecture']}.deb"
    major, minor = re.findall(r"\d+", subprocess.run([DEBIAN_PYTHON, "-V"], capture_output=True, text=True, check=True).stdout)[:2]
    assert f"python3 (>= {major}.{minor}), python3 (<< {major}.{int(minor) + 1})" in control["Depends"]
    assert (unpacked / HOME / "bin/python3").readlink() == Path(f"/usr/bin/python{major}.{minor}")
    assert deb.stat().st_size < MAX_BYTES


def test_every_file_is_roots_and_of_one_time(members: dict[str, tarfile.TarInfo]) -> None:
    """Nobody else may write to any, nothing runs with another's rights, and the clock of the build is not in it."""
    for name, member in members.items():
        assert (member.uname, member.gname, member.mtime) == ("root", "root", int(COMMIT_TIME)), name
        assert not member.mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH | stat.S_IWGRP) or member.issym(), name


def test_every_module_is_compiled_and_used_as_it_is(unpacked: Path) -> None:
    """The service writes nothing: each source has its compiled file, which is taken without looking at the source."""
    sources = set((unpacked / HOME).rglob("*.py"))
    compiled = {Path(importlib.util.source_from_cache(str(one))): one for one in (unpacked / HOME).rglob("*.pyc")}
    assert len(sources) > 500
    assert compiled.keys() == sources
    for one in compiled.values():
        assert one.read_bytes()[4:8] == UNCHECKED.to_bytes(4, "little"), one


def test_the_libraries_are_those_of_the_lock(unpacked: Path) -> None:
    """Each in its locked version, and none beside them."""
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    installed = [one.name.removesuffix(".dist-info").rsplit("-", 1) for one in (unpacked / HOME).rglob("*.dist-info")]
    found = {name.lower().replace("_", "-"): version for name, version in installed}
    assert found.pop("koshelek-agent") == fields(unpacked)["Version"]
    assert found == locked


def test_nothing_of_the_building_machine_is_in_it(deb: Path, unpacked: Path) -> None:
    """No folder of the build, in no file; and no command of a library beside ours."""
    traces = [str(ROOT).encode(), str(deb.parents[1]).encode()]
    for one in unpacked.rglob("*"):
        if one.is_file() and not one.is_symlink():
            data = one.read_bytes()
            assert not [trace for trace in traces if trace in data], one
    assert {one.name for one in (unpacked / HOME / "bin").iterdir()} == {"python3", "koshelek-agent"}


def _scripts(unpacked: Path) -> Iterator[Path]:
    for name in ("preinst", "postinst", "prerm", "postrm"):
        yield unpacked / "DEBIAN" / name


def test_the_scripts_of_the_package_are_whole(unpacked: Path) -> None:
    """Each is a shell script without a mistake of spelling, with nothing left to fill in; none asks for the network; sums are right."""
    for script in _scripts(unpacked):
        subprocess.run(["sh", "-n", script], check=True)
        text = script.read_text()
        assert "@" not in text.replace("$@", ""), script
        assert not re.search(r"\b(apt|apt-get|pip|curl|wget|https?)\b", text), script
        assert script.stat().st_mode & 0o111 == 0o111
    sums = {name: told for told, name in (line.split("  ", 1) for line in (unpacked / "DEBIAN/md5sums").read_text().splitlines())}
    assert f"{HOME}/bin/koshelek-agent" in sums
    for name, told in sums.items():
        assert hashlib.md5((unpacked / name).read_bytes()).hexdigest() == told, name  # noqa: S324 - dpkg's own format
    assert (unpacked / "DEBIAN/conffiles").read_text() == "/etc/udev/rules.d/61-koshelek-agent.rules\n"


def test_a_purge_empties_a_folder_that_is_a_disk_of_its_own(unpacked: Path, tmp_path: Path) -> None:
    """A mounted disk for the journal cannot be removed: what is on it goes, the purge succeeds and says what it left."""
    for tool in ("root", "unshare"):
        require(tool)
    state, configuration = tmp_path / "state", tmp_path / "etc"
    for folder in (state / "lost+found", configuration):
        folder.mkdir(parents=True)
        (folder / "journal.sqlite3").touch()
    script = (unpacked / "DEBIAN/postrm").read_text().replace("/var/lib/koshelek-agent", str(state))
    script = script.replace("/etc/koshelek-agent", str(configuration)).replace("/var/backups/koshelek-agent", str(tmp_path / "none"))
    script = script.replace("/run/systemd/system", str(tmp_path / "none"))
    (tmp_path / "postrm").write_text(f"mount --bind {state} {state}\n{script}")
    purge = ["unshare", "--mount", "sh", tmp_path / "postrm", "purge"]
    ran = subprocess.run(purge, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], "LANG": "ru_RU.UTF-8"})
    assert (ran.returncode, ran.stderr) == (
        0,
        f"koshelek-agent: очищен, но не удалён, потому что на нём смонтирован диск: {state}\n",
    )
    assert (list(state.iterdir()), configuration.exists()) == ([], False)


def commit(tree: Path) -> None:
    """The tree becomes a repository of its own, with one commit."""
    require("git")
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@shop.example", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "--message", "all of it"]):
        subprocess.run(["git", "-C", tree, *command], check=True)


def test_two_builds_are_the_same(deb: Path, tmp_path: Path) -> None:
    """From a copy of the sources in another place, written at another time, by somebody in another time zone with other habits, who has
    them in a repository and has worked there since: what is not committed is left out, and that is said."""
    elsewhere = copied_tree(deb.parents[1] / "tree", tmp_path / "another place")
    commit(elsewhere)
    (elsewhere / "agent/forgotten.py").touch()
    for changed in ("agent/__init__.py", "docs/page.md", "systemd/koshelek-agent.service", "systemd/debian/build.sh"):
        with (elsewhere / changed).open("a") as begun:
            begun.write("\n# half done\n")
    habits = {"TZ": "Asia/Vladivostok", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": str(tmp_path)}
    done = run_build(elsewhere, Path(os.path.relpath(tmp_path / "built")), habits)  # as make deb names its folder
    assert re.search(r"^Packed is commit [0-9a-f]{40}$", done.stderr, re.MULTILINE)
    assert set(re.findall(r"not packed: +(.+)", done.stderr)) >= {"?? agent/forgotten.py", "M docs/page.md"}
    other = Path(done.stdout.strip())
    assert other.name == deb.name
    assert hashlib.sha256(other.read_bytes()).digest() == hashlib.sha256(deb.read_bytes()).digest()
