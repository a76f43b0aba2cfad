"""The two disks: as it is, and with 5 ms more for every flush, by a small library that is compiled here and loaded into a process first."""

import os
import shutil
import subprocess
from enum import StrEnum
from pathlib import Path

SOURCE = Path(__file__).with_name("slow_flush.c")
FLUSH_DELAY_US = 5_000


class Disk(StrEnum):
    NATIVE = "native"
    SLOW5 = "slow5"


class Slowdown:
    """Makes the library in ``folder``. Without a C compiler there is only the native disk."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "slow_flush.so"
        compiler = shutil.which("cc") or shutil.which("gcc")
        self.available = compiler is not None
        if compiler is not None:
            subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", self._library, SOURCE, "-ldl"], check=True)

    def environment(self, disk: Disk) -> dict[str, str]:
        """What a process needs in its environment to see this disk."""
        return {} if disk is Disk.NATIVE else {"LD_PRELOAD": str(self._library), "FLUSH_DELAY_US": str(FLUSH_DELAY_US)}

    def launcher(self, disk: Disk) -> list[str]:
        """The same as the beginning of a command."""
        return ["env", *(f"{name}={value}" for name, value in self.environment(disk).items())]

    def process_environment(self, disk: Disk) -> dict[str, str]:
        return {**os.environ, **self.environment(disk)}
