"""A machine of its own for a test: a real systemd as process 1 in fresh namespaces, over a throw-away layer on this machine's root.

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
NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--net")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

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
    """``with Machine(files, mounts) as machine``: systemd has reached basic.target. ``files``: texts by absolute path, executable if they
    begin with ``#!``. ``mounts``: targets by source. ``secrets``: further files, for root's eyes alone."""

    def __init__(self, files: Mapping[str, str], mounts: Mapping[Path, str], secrets: Mapping[str, str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self._group = self._folder.name
        self._mounts = [f"{source}:{target}" for source, target in mounts.items()]
        self._init: subprocess.Popen[bytes] | None = None
        self.pid = 0  # of its process 1, as seen from here
        for name in _MASKED:
            self._place(f"/etc/systemd/system/{name}").symlink_to("/dev/null")
        for name, text in {**files, **secrets}.items():
            place = self._place(name)
            place.write_text(text)
            place.chmod(0o600 if name in secrets else 0o755 if text.startswith("#!") else 0o644)

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
            subprocess.run(["unshare", "--mount", "sh", str(BOOT), "clean", self._group], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _boot(self) -> None:
        alone = ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES, "--fork", "--kill-child"]  # who runs the tests may be killed
        begin = [*alone, "sh", str(BOOT), "begin", self._group, str(self._folder / "files"), *self._mounts]
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

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command inside, as root."""
        enter = ["nsenter", "--target", str(self.pid), *NAMESPACES, "--cgroup", "--", *command]
        return subprocess.run(enter, capture_output=True, text=True, timeout=60, check=False, env=ENVIRONMENT)
