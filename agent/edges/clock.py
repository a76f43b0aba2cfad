"""The till's clocks: UTC for people, CLOCK_BOOTTIME for deadlines.

A till's wall clock jumps (dead battery, late NTP, a cashier who sets it), so no deadline may use it. CLOCK_BOOTTIME only runs
forward and, unlike CLOCK_MONOTONIC, also while the machine is suspended. It starts anew with every boot; the boot id says which one.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

from agent.core.model import Stamp

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")

_NANOSECONDS_PER_MILLISECOND = 1_000_000
_MICROSECONDS_PER_MILLISECOND = 1_000


class SystemClock:
    """The clock of this machine. The boot id is read once, at construction; raises OSError when the kernel does not show it."""

    def __init__(self, boot_id_file: Path = BOOT_ID_FILE) -> None:
        self._boot = boot_id_file.read_text(encoding="ascii").strip()
        if not self._boot:
            raise OSError(f"{boot_id_file} is empty: without a boot id no deadline can be trusted")

    def now(self) -> Stamp:
        """Wall time cut to the millisecond, so that a stored stamp reads back equal; ticks in whole milliseconds since boot."""
        wall = datetime.now(UTC)
        wall = wall.replace(microsecond=wall.microsecond - wall.microsecond % _MICROSECONDS_PER_MILLISECOND)
        ticks = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NANOSECONDS_PER_MILLISECOND
        return Stamp(wall=wall, boot=self._boot, ticks=ticks)
