"""What a monitoring system is shown: an operator's status, the sales at work, the journal and its disk, put together when it asks."""

import contextlib
import os
import platform
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from agent.edges.journal import SqliteJournal
from agent.edges.journal.health import library_version
from agent.edges.metrics.tally import Tally
from agent.edges.metrics.view import JournalView, LineView, Obligations, SystemView, View, obligations
from agent.edges.pos import PosDesk
from agent.engine.engine import Engine
from agent.running.whereabouts import Whereabouts
from drivers.caller import Caller
from drivers.messages import AgentStatus

ASKER = Caller("metrics", operator=True)


class Measuring:
    """Looks at the daemon when it is asked."""

    def __init__(self, tally: Tally, desk: PosDesk, engine: Engine, journal: SqliteJournal, whereabouts: Whereabouts) -> None:
        self._tally, self._desk, self._engine, self._journal, self._whereabouts = tally, desk, engine, journal, whereabouts

    def exposition(self) -> tuple[Callable[[], Awaitable[bytes]], str]:
        """What gives the figures as text, and the type of that text. The client library is imported here: most tills never need it."""
        from agent.edges.metrics.exposition import CONTENT_TYPE, exposition

        async def figures() -> bytes:
            return exposition(self._tally, await self.view())

        return figures, CONTENT_TYPE

    async def view(self) -> View:
        """How everything is now. Raises Refused while the agent ends."""
        told = await self._desk.handle(ASKER, AgentStatus())
        details, backup = told["details"], told.get("backup") or {}
        return View(
            version=told["version"],
            python=platform.python_version(),
            sqlite=".".join(map(str, library_version())),
            environment=told["environment"],
            ready=told["ready"],
            restored=details["restored"],
            configuration_refused=told["configuration"]["problem"] is not None,
            systems={name: SystemView(one["reachable"], "reason" not in one) for name, one in told["providers"].items()},
            paying_out=[name for name, terms in self._engine.setup.payouts.items() if terms.policy.enabled],
            lines=[_line(one) for one in details["lines"]],
            obligations=self._obligations(),
            alarms=_alarms(details["alarms"]),
            attention=details["attention"],
            parked=len(details["parked"]),
            unconfirmed=details["toldUnconfirmed"],
            untold=details["paidUntold"],
            journal=self._book(),
            backup_failed=bool(backup.get("problem")),
            backup_at=datetime.fromisoformat(backup["last"]).timestamp() if backup.get("last") else None,
        )

    def _obligations(self) -> Obligations:
        sales, payouts = self._engine.alive, self._engine.payouts.alive
        return obligations([one.sale for one in sales], [one.payout for one in payouts], self._engine.ports.clock.now().wall)

    def _book(self) -> JournalView:
        now, path, size = self._journal.statistics(), self._whereabouts.path, None
        disk: os.statvfs_result | None = None
        with contextlib.suppress(OSError):  # whoever takes the file away must not silence the figures that tell of it
            disk = os.statvfs(path.parent)
            size = path.stat().st_size
        return JournalView(
            events=now.events,
            jobs=now.jobs,
            commits=now.commits,
            groups=now.groups,
            refused_full=now.refused_full,
            checkpoints=now.checkpoints,
            file_bytes=size,
            log_bytes=now.log_bytes,
            free_bytes=disk and disk.f_bavail * disk.f_frsize,
            size_bytes=disk and disk.f_blocks * disk.f_frsize,
            room=now.room,
            in_place=self._whereabouts.in_place,
        )


def _line(one: Mapping[str, Any]) -> LineView:
    return LineView(one["name"], one["state"], one["damagedFrames"], one.get("heardSecondsAgo"))


def _alarms(found: list[dict[str, Any]]) -> dict[str, int]:
    codes = [code for one in found for code in one["codes"]]
    return {code: codes.count(code) for code in sorted(set(codes))}
