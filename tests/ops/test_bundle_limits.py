"""Goal: what blocks, as a disk that has died or a log that takes long to clean, costs an archive its own part and its own time, no more.

Method: the functions that read and clean, each made to block as such a disk makes them."""

import importlib
import os
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.edges.journal import SqliteJournal
from agent.ops.bundle import archive, configuration, logs, record, surroundings
from agent.ops.bundle.parts import Wanted, parts
from agent.ops.bundle.scrub import Scrubber
from agent.settings.load import unchecked_journal

gathering = importlib.import_module("agent.ops.bundle.parts")  # the package gives the function of this name
LIMIT_S = 0.3
BLOCKED_S = 5.0  # far beyond the limit, and an end if the limit is not kept
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

BLOCKING = [
    ("machine.json", os, "statvfs"),
    ("versions.json", surroundings, "library_version"),
    ("configuration.json", configuration, "shown"),
    ("status.json", gathering, "unchecked_sockets"),
    ("events.jsonl", record, "lines"),
    ("log.txt", Scrubber, "line"),
    ("log.txt", Scrubber, "final"),
]


@pytest.fixture
async def wanted(tmp_path: Path) -> AsyncIterator[Wanted]:
    """A till with a configuration, a journal and a log."""
    config, journal, log = tmp_path / "x.toml", tmp_path / "journal.sqlite3", tmp_path / "log"
    config.write_text(f'environment = "test"\n[journal]\npath = "{journal}"\n')
    log.write_text("one\ntwo\n")
    async with await SqliteJournal.open(journal, allow_volatile=True):
        yield Wanted(config, NOW, log=log)


def blocks(monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> threading.Event:
    """From now on this function waits for the event, as for a disk that does not answer."""
    end = threading.Event()
    monkeypatch.setattr(place, name, lambda *_: end.wait(BLOCKED_S))
    return end


@pytest.mark.parametrize(("part", "place", "name"), BLOCKING)
async def test_a_part_that_blocks_is_given_up_in_its_time(
    part: str, place: Any, name: str, wanted: Wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named in the manifest, and the archive is made without it."""
    gathered, scrubber = await parts(wanted)
    (slow,) = [one for one in gathered if one.name == part]
    monkeypatch.setattr(archive, "PART_LIMIT_S", LIMIT_S)
    monkeypatch.setattr(archive, "SEARCH_LIMIT_S", LIMIT_S)
    end = blocks(monkeypatch, place, name)
    if name == "final":  # by which the manifest is cleaned as well
        _, told = await archive._gathered(slow, scrubber)
    else:
        (told,) = (await archive.make(tmp_path / "b.tar.gz", [slow], scrubber, NOW)).parts
    end.set()
    assert "longer than" in str(told.problem)


async def test_a_configuration_that_cannot_be_read_in_time_keeps_no_archive_from_being_made(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the journal lies is not known then, which its part says."""
    monkeypatch.setattr(gathering, "PART_LIMIT_S", LIMIT_S)
    end = blocks(monkeypatch, gathering, "unchecked_journal")
    gathered, _ = await parts(wanted)
    end.set()
    assert unchecked_journal(wanted.config).name == "journal.sqlite3"
    (story,) = [one for one in gathered if one.name == "events.jsonl"]
    with pytest.raises(OSError, match="not read in"):
        await story.gather()


def test_of_a_log_that_takes_too_long_the_newest_lines_are_there() -> None:
    """And that there were more."""
    looks = iter([False, False, True])
    told = logs.redacted(b"oldest\nolder\nnewer\nnewest\n", Scrubber(), lambda: next(looks))
    assert told == f"{logs.OLDER_LEFT_OUT}\nnewer\nnewest\n"
