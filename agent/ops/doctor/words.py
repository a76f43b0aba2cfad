"""What the service said last, as systemd's journal has it: why it does not start is said there, and nowhere else."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.ops.command import UNIT, asked

LIMIT_S = 3.0
MAX_ENTRIES = 30  # a configuration with several mistakes has two or three lines for each
MAX_CHARACTERS = 300  # the beginning names the mistake; the rest is where it was taken from
READ = ("journalctl", f"--unit={UNIT}", "--boot", "--priority=err", f"--lines={MAX_ENTRIES}", "--output=json", "--no-pager", "--quiet")
RECENT_S = 10.0  # some restarts of a service that dies at once
US_PER_S = 1_000_000
SYSTEMD = "systemd"  # says that the service failed, never why


async def last_words(invocation: str) -> str:
    """The last complaint of the service, on one line; empty where there is none, or none that this user may read. ``invocation``: systemd's
    name of its last run, for what an earlier one said may long be mended."""
    if shutil.which(READ[0]) is None or os.geteuid() != 0:
        return ""
    try:
        async with asyncio.timeout(LIMIT_S), asked(*READ, environment={**os.environ, "LC_ALL": "C.UTF-8"}) as process:
            told, _ = await process.communicate()
    except (TimeoutError, OSError):
        return ""
    return complaint([one for one in _entries(told) if is_current(one, invocation, time.time())])


def is_current(entry: Mapping[str, Any], invocation: str, now_s: float) -> bool:
    """Whether it was said by this run, or a moment ago by the one before: a service that dies every second is seen between two."""
    said_s = int(entry.get("__REALTIME_TIMESTAMP", 0)) / US_PER_S
    return entry.get("_SYSTEMD_INVOCATION_ID") == invocation or 0 <= now_s - said_s < RECENT_S


def complaint(entries: Sequence[Mapping[str, Any]]) -> str:
    """The lines of the process that complained last, as one text."""
    if not entries:
        return ""
    last = entries[-1].get("_PID")
    text = " ".join(" ".join(_text(one).split()) for one in entries if one.get("_PID") == last)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def _entries(told: bytes) -> Iterator[Mapping[str, Any]]:
    for line in told.splitlines():
        try:
            found = json.loads(line)
        except ValueError:  # cut short
            continue
        if isinstance(found, dict) and isinstance(found.get("MESSAGE"), str) and found.get("SYSLOG_IDENTIFIER") != SYSTEMD:
            yield found


def _text(entry: Mapping[str, Any]) -> str:
    """Of a line of our log, what it says to people."""
    said = str(entry["MESSAGE"])
    try:
        line = json.loads(said)
    except ValueError:
        return said
    return str(line.get("problem", line.get("event", said))) if isinstance(line, dict) else said
