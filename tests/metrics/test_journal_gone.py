"""Goal: a journal whose file is taken from under the working agent is heard of at once, by whoever watches the till. Method: the file of a
real daemon is renamed, as a clumsy clean-up does; the figures, the page as it opens and the log are read."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from agent.edges.metrics.exposition import PREFIX
from agent.running import whereabouts
from agent.running.whereabouts import Whereabouts
from tests.metrics.everything import series, value
from tests.ops.stage import overview
from tests.support.patience import soon, until
from tests.support.stand import Plan, Port, Stand, http_request

PAGE = Port("page", "http", options={"metrics": True})
LOUD = ("removed or exchanged", "the whole record is gone", "What to do: Do not stop the service", "-wal")


def figures(stand: Stand) -> Any:
    status, text = http_request(stand.ports[PAGE.name], "GET", "/metrics", None, {"Authorization": f"Bearer {PAGE.token}"})
    assert status == 200, text
    return series(text)


def logged(stand: Stand, event: str) -> list[dict[str, Any]]:
    return [one for line in stand.log.read_text().splitlines() if (one := json.loads(line))["event"] == event]


def test_a_journal_that_is_taken_away_is_told_everywhere() -> None:
    """By a figure, on the page as it opens and in the log, once, with what saves the record; the monitor is answered all the while, also
    when the whole folder is gone; it is over when the file is back."""
    with Stand(Plan(ports=(PAGE,))) as stand:
        aside = stand.journal.parent.with_name("aside")
        assert value(figures(stand), "journal_in_place") == 1
        assert not any(one in overview(stand) for one in LOUD)
        stand.journal.parent.rename(aside)
        until(lambda: logged(stand, "journal.gone"))
        found = figures(stand)
        assert value(found, "journal_in_place") == 0
        assert {(PREFIX + name, ()) for name in ("journal_size_bytes", "disk_free_bytes")} & found.keys() == set()
        until(lambda: all(one in overview(stand) for one in LOUD))
        aside.rename(stand.journal.parent)
        until(lambda: logged(stand, "journal.in_place"))
        assert value(figures(stand), "journal_in_place") == 1
        until(lambda: not any(one in overview(stand) for one in LOUD))
        (line,) = logged(stand, "journal.gone")
        assert (line["level"], "Do not stop the service" in line["remedy"]) == ("error", True)


async def test_a_file_that_was_exchanged_is_not_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy under the same name holds what was written so far and will hold no more; what cannot be seen changes nothing."""
    monkeypatch.setattr(whereabouts, "LOOK_S", 0.01)
    path = tmp_path / "journal.sqlite3"
    path.write_text("x")
    seen = Whereabouts(path)
    watching = asyncio.create_task(seen.watch())
    shutil.copy(path, tmp_path / "copy")
    (tmp_path / "copy").rename(path)
    await soon(lambda: not seen.in_place)
    path.unlink()
    path.symlink_to(path)  # a loop: the kernel refuses to look
    assert not seen._is_in_place()
    watching.cancel()
    path.unlink()
    path.write_text("x")
    there = Whereabouts(path)
    assert there.lasting()
    path.unlink()
    assert (there.in_place, there.lasting()) == (True, False), "nobody has looked yet, and nothing new may begin"
    path.symlink_to(path)
    assert there._is_in_place()
