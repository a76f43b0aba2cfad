"""What an operator hears of the daemon and may have it do: the ``Keeper`` of the desk."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from agent.core.ports import RESTORED_NOTE, JournalBroken, JournalError, JournalFull
from agent.edges.journal import SqliteJournal, said
from agent.engine.afterwards import Afterwards
from agent.engine.engine import Engine
from agent.engine.errors import Refusal, Stopped
from agent.running.backups import NO_DIRECTORY, Backups
from agent.running.configuration import Configuration
from agent.running.entrance import Entrance
from agent.running.reload import Reloader
from agent.texts import translator

RELEASED_NOTE = "released"  # who let new checkouts in after a restore, when and why, by the moment of that restore


Heard = Callable[[], Mapping[tuple[str, str], float]]


class Caretaker:
    """Made before the doors are; ``entrance`` and ``reloader`` are handed in afterwards. ``heard``: seconds since each till's register
    asked something, of those that did."""

    def __init__(self, configuration: Configuration, journal: SqliteJournal, engine: Engine, backups: Backups, heard: Heard = dict) -> None:
        self._configuration, self._journal, self._engine, self._backups = configuration, journal, engine, backups
        self._heard = heard
        self.afterwards = Afterwards(engine)
        self._origin = ""
        self.entrance: Entrance | None = None
        self.reloader: Reloader | None = None

    @property
    def taking(self) -> bool:
        """Whether there is room for new sales."""
        return self._journal.statistics().room

    def report(self, operator: bool) -> Mapping[str, Any]:
        """Fields of ``agent.status`` beside the sales."""
        found: dict[str, Any] = {"configuration": self._configuration.report(operator), "disk": {"full": not self.taking}}
        if operator:
            found["journal"] = {"inPlace": self._engine.lasting()}
            found["backup"] = self._backups.report()
            found["registers"] = self._registers()
        return found

    def _registers(self) -> Sequence[Mapping[str, Any]]:
        """Every till, and how long ago its register was last heard; None: not since the start."""
        heard = self._heard()
        return [
            {
                "storeId": store,
                "terminalId": terminal,
                "heardSecondsAgo": int(heard[till]) if (till := (store, terminal)) in heard else None,
            }
            for store, terminal in sorted(self._engine.setup.terminals)
        ]

    def lines(self) -> Sequence[Mapping[str, Any]]:
        """The serial lines and pseudo-terminals: what is known of their other ends."""
        return self.entrance.lines() if self.entrance else ()

    async def compare(self) -> None:
        """The task that compares a restored journal with the provider, while it waits for its release."""
        try:
            if (noted := await self._journal.noted(RESTORED_NOTE)) is not None:
                self._origin = str(json.loads(noted)["file"])
                await self.afterwards.run()
        except (Stopped, JournalBroken):
            return  # the engine's end is told elsewhere

    async def reload(self) -> Mapping[str, Any]:
        """Read the configuration anew."""
        if self.reloader is None:
            raise Refusal("BUSY", "the agent is starting; ask again in a moment")
        return await self.reloader.reload()

    async def backup(self) -> Mapping[str, Any]:
        """Make a backup now."""
        say = translator(self._configuration.settings.language)
        try:
            return await self._backups.make()
        except LookupError as error:
            raise Refusal("INVALID", say(NO_DIRECTORY)) from error
        except JournalError as error:
            raise Refusal("BACKUP_FAILED", said(error).text(say)) from error

    def restored(self) -> Mapping[str, Any]:
        """How far the comparison after a restore has come; ``file``: the backup, empty for a journal that is not from one."""
        return {"lookingAt": self.afterwards.left, "differences": self.afterwards.differences, "file": self._origin}

    async def release(self, by: str, reason: str) -> Mapping[str, Any]:
        """New checkouts are taken again. Who decided it, and why, stays in the journal."""
        noted = await self._journal.noted(RESTORED_NOTE)
        if noted is None:
            raise Refusal("INVALID", "the journal was not restored, or it is released already: there is nothing to release")
        origin = json.loads(noted)
        told = {"by": by, "reason": reason, "at": self._engine.ports.clock.now().wall.isoformat(), "restored": origin}
        try:
            await self._journal.note(f"{RELEASED_NOTE} {origin['at']}", json.dumps(told, ensure_ascii=False))
            await self._journal.note(RESTORED_NOTE, None)
        except JournalFull as full:
            raise Refusal("DISK_FULL", "the disk of this till is full; the release was not stored") from full
        structlog.get_logger().warning("restore.released", by=by, reason=reason, restored_at=origin["at"])
        compared = {"lookingAt": self.afterwards.left, "differences": self.afterwards.differences}
        return {**told, **compared, "open": len([one for one in self._engine.alive if not one.sale.finished])}
