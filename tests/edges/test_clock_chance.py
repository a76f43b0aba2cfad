"""The small edges: clocks and randomness of this machine."""

import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.edges.chance import SystemChance
from agent.edges.clock import BOOT_ID_FILE, SystemClock


def test_a_stamp_is_utc_milliseconds_of_this_boot() -> None:
    """Wall time in UTC cut to the millisecond, the kernel's boot id, CLOCK_BOOTTIME in milliseconds."""
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    stamp = SystemClock().now()
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    assert stamp.wall.tzinfo is UTC
    assert stamp.wall.microsecond % 1_000 == 0
    assert abs(stamp.wall - datetime.now(UTC)) < timedelta(seconds=2)
    assert stamp.boot == BOOT_ID_FILE.read_text().strip()
    assert before <= stamp.ticks <= after


def test_the_boot_id_is_read_once(tmp_path: Path) -> None:
    """A clock keeps the boot it was born in; without a boot id there is no clock."""
    file = tmp_path / "boot_id"
    file.write_text("one\n")
    clock = SystemClock(file)
    file.write_text("two\n")
    assert clock.now().boot == "one"
    file.write_text("\n")
    with pytest.raises(OSError, match="boot id"):
        SystemClock(file)
    with pytest.raises(OSError, match="missing"):
        SystemClock(tmp_path / "missing")


def test_ticks_never_run_back() -> None:
    """A thousand readings in a row."""
    clock = SystemClock()
    ticks = [clock.now().ticks for _ in range(1_000)]
    assert ticks == sorted(ticks)


def test_request_ids_are_fresh_version_4() -> None:
    """Canonical lower-case UUIDv4, all different."""
    chance = SystemChance()
    ids = {chance.request_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    for one in ids:
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)
        assert uuid.UUID(one).version == 4


def test_jitter_is_spread_over_the_unit() -> None:
    """In [0, 1), in each tenth of it."""
    chance = SystemChance()
    values = [chance.jitter() for _ in range(1_000)]
    assert all(0 <= value < 1 for value in values)
    assert {int(value * 10) for value in values} == set(range(10))
