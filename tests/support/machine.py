"""A machine of its own for a test: a real systemd as process 1 in fresh namespaces, over a throw-away layer on a root.

It costs about as much as starting a program. What it needs - root, and leave to mount - a container may not have; ``CannotBoot`` says so.
Nothing that is written inside reaches the real root. Its network is its own loopback, its Unix sockets can be reached from outside.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

BOOT = Path(__file__).with_name("boot.sh")
BOOT_S = 20.0  # a loaded machine takes its time
COMMAND_S = 90.0  # a package is installed in some seconds
NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--net")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

_NULL = subprocess.DEVNULL

# Of no use in a second, or about hardware that is not its own.
_MASKED = (
    *("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-hwdb-update.service", "systemd-modules-load.service"),
    *("systemd-random-seed.service", "systemd-update-utmp.service", "systemd-sysctl.service", "systemd-binfmt.service"),
    *("modprobe@.service", "kmod-static-nodes.service", "dev-hugepages.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("systemd-journal-flush.service", "systemd-remount-fs.service", "systemd-firstboot.service", "ldconfig.service"),
)


class CannotBoot(Exception):
    """Namespaces or mounts are not permitted here."""


class Machine:
    """``with Machine(root, files, mounts) as machine``: systemd has reached basic.target. ``root``: a folder with a Debian; it stays as it
    is. ``files``: texts by absolute path. ``mounts``: targets by source; what is written there stays."""

    def __init__(self, root: Path, files: Mapping[str, str], mounts: Mapping[Path, str]) -> None:
        self._root = root
        self._folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self._group = self._folder.name
        self._mounts = [f"{source}:{target}" for source, target in mounts.items()]
        self._init: subprocess.Popen[bytes] | None = None
        self._begun: list[subprocess.Popen[bytes]] = []
        self.pid = 0  # of its process 1, as seen from here
        for name in _MASKED:
            self._place(f"/etc/systemd/system/{name}").symlink_to("/dev/null")
        for name, text in files.items():
            self._place(name).write_text(text)

    def _place(self, name: str) -> Path:
        place = self._folder / "files" / name.lstrip("/")
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        return place

    def __enter__(self) -> Self:
        try:
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End everything in it at once, and leave nothing."""
        if self._init is not None:
            if self.pid:  # the kernel kills whoever is in there with it, and its parent ends when all are dead
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            else:
                self._init.kill()
            self._init.wait()
            for begun in self._begun:
                begun.wait()
            subprocess.run(["unshare", "--mount", "sh", str(BOOT), "clean", self._group], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _boot(self) -> None:
        alone = ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES, "--fork", "--kill-child"]  # who runs the tests may be killed
        begin = [*alone, "sh", str(BOOT), "begin", self._group, str(self._root), str(self._folder / "files"), *self._mounts]
        with (self._folder / "log").open("wb") as log:
            self._init = subprocess.Popen(begin, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENVIRONMENT)
        end = time.monotonic() + BOOT_S
        while not self._is_up():
            if self._init.poll() is not None:
                raise CannotBoot(self.said())
            assert time.monotonic() < end, f"systemd did not come up: {self.said()}"
            time.sleep(0.05)

    def _is_up(self) -> bool:
        assert self._init is not None
        children = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text().split()
        if not children:
            return False
        self.pid = int(children[0])
        with contextlib.suppress(OSError):  # it has just ended
            is_systemd = Path(f"/proc/{self.pid}/comm").read_text() == "systemd\n"
            return is_systemd and self.run("systemctl", "is-active", "basic.target").returncode == 0
        return False

    def said(self) -> str:
        """What came to its console."""
        return (self._folder / "log").read_text(errors="replace")[-2000:]

    def inside(self, name: str) -> Path:
        """Where a path of the machine can be reached from outside."""
        return Path(f"/proc/{self.pid}/root{name}")

    def run(self, *command: str, language: str = ENVIRONMENT["LANG"], typed: str = "") -> subprocess.CompletedProcess[str]:
        """A command inside, as root; ``typed`` is what it reads."""
        environment = {**ENVIRONMENT, "LANG": language, "HOME": "/root"}
        entered = [*self._enter(), *command]
        return subprocess.run(entered, input=typed, capture_output=True, text=True, timeout=COMMAND_S, check=False, env=environment)

    def begin(self, *command: str) -> None:
        """The same, left running; what it says is not kept. It ends with the machine."""
        self._begun.append(subprocess.Popen([*self._enter(), *command], stdin=_NULL, stdout=_NULL, stderr=_NULL, env=ENVIRONMENT))

    def _enter(self) -> list[str]:
        return ["nsenter", "--target", str(self.pid), *NAMESPACES, "--cgroup", "--root", "--wd", "--"]
