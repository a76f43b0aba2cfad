"""The journal's events of the last day, as ``koshelek-agent show`` tells a sale: no bills, no requests, no links; read beside a running
daemon or without one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent.core.model import SaleId
from agent.core.ports import Corrupt, Parked
from agent.edges import replies
from agent.edges.journal import Reader, open_read_only
from agent.ops.bundle import known

LATELY = timedelta(hours=24)
MAX_EVENTS = 20_000  # of the newest are looked at: some days of a busy till
MAX_SALES = 2_000


@dataclass(slots=True)
class Record:
    """``stories``: of each sale its events of the last day; ``damaged``: sales that cannot be read; ``secrets``: what must not be in the
    archive; ``cut``: there were more sales."""

    stories: list[dict[str, Any]] = field(default_factory=list)
    damaged: list[dict[str, str]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    parked: Sequence[Parked] = ()
    cut: bool = False


async def read(path: Path, now: datetime) -> Record:
    """The last day. Raises JournalUnusable, JournalBroken."""
    found = Record()
    async with await open_read_only(path) as journal:
        sales = await journal.recent(MAX_EVENTS)
        found.cut = len(sales) > MAX_SALES
        owing = [one for one in await journal.owing() if one not in set(sales)]
        for sale in [*sales[:MAX_SALES], *owing[:MAX_SALES]]:
            await _take(journal, sale, now - LATELY, found)
        found.parked = await journal.parked()
    return found


async def _take(journal: Reader, sale: SaleId, since: datetime, found: Record) -> None:
    try:
        entries = await journal.stream(sale) or ()
    except Corrupt as error:
        found.damaged.append({"sale": str(sale), "problem": str(error)})
        return
    found.secrets += await known.of_sale(journal, sale, entries)
    late = [entry.stamp.wall >= since for entry in entries]
    if any(late):
        story = [event for event, wanted in zip(replies.story(entries), late, strict=True) if wanted]
        found.stories.append({"sale": str(sale), "earlier": len(entries) - len(story), "events": story})


def lines(found: Record, value: Any) -> str:
    """One line of JSON for each sale, newest first. ``value``: redacts one."""
    stories = [json.dumps(value(one), ensure_ascii=False) for one in found.stories]
    parked = [{"sale": str(one.id), "parked": one.reason, "at": one.at.isoformat(), "released": one.released} for one in found.parked]
    return "".join(f"{line}\n" for line in [*stories, *(json.dumps(value(one), ensure_ascii=False) for one in [*found.damaged, *parked])])
