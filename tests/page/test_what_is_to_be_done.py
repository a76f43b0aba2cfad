"""Goal: the page does not say in one place that nobody need act, and in another what must be done at once. Method: its rows, made of what
was seen of a till."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.edges.page.day import Figures
from agent.edges.page.facts import Overview
from agent.edges.page.health import alarms
from agent.edges.page.words import Tongue
from agent.running.whereabouts import gone
from agent.texts import Message, message

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
WELL: Mapping[str, Any] = {"ready": True, "details": {}}
GONE = {**gone(Path("/j"), 7), "remedy": message("copy it")}


def shown(status: Mapping[str, Any], journal: Mapping[str, Message] | None = None) -> str:
    seen = Overview(NOW, status, [], [], [], 0, [], {}, journal or {}, Figures(NOW.date(), [], {}, True))
    return str([one.html for one in alarms(seen, Tongue("en", "Europe/Moscow"))])


def test_nobody_need_act_where_all_is_well() -> None:
    """And nowhere else."""
    assert "Nobody has to do anything" in shown(WELL)


@pytest.mark.parametrize(
    ("status", "journal"),
    [
        (WELL, GONE),
        (WELL | {"disk": {"full": True}}, {}),
        (WELL | {"details": {"restored": True}}, {}),
        (WELL | {"backup": {"problem": "no room"}}, {}),
    ],
)
def test_what_is_wrong_with_the_till_is_for_somebody(status: Mapping[str, Any], journal: Mapping[str, Message]) -> None:
    """A removed journal, a full disk, a journal that waits, a backup that failed: the list of payments refers to it."""
    told = shown(status, journal)
    assert ("Nobody has to do anything" in told, "stands above" in told) == (False, True)
