"""Which configuration is in force, and what is wrong with the one that should be: shown until it is mended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from agent.running.errors import CannotStart, why_shut
from agent.settings import BadSettings, Problem, Settings
from agent.settings.problems import told
from agent.texts import N_, message, translator
from drivers.socket_link import CannotListen

NOT_TAKEN = N_("The changed configuration is not used, because it has mistakes. The one from before is in force. Call the technician.")
RESTART_ONLY = ("journal",)  # tables of the file that are read at the start alone


@dataclass(slots=True)
class Configuration:
    """The settings in force and where they came from. ``problems`` are those of the file as last read; empty when it was taken."""

    file: Path
    settings: Settings
    loaded_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    problems: Sequence[Problem] = ()
    restart: tuple[str, ...] = ()  # changed in the file, and waiting for a restart
    refused_at: datetime | None = None
    _started_with: Settings = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._started_with = self.settings

    def take(self, settings: Settings) -> None:
        """These settings are in force now."""
        self.settings, self.loaded_at, self.problems, self.refused_at = settings, datetime.now(UTC), (), None
        self.restart = tuple(name for name in RESTART_ONLY if getattr(settings, name) != getattr(self._started_with, name))
        log = structlog.get_logger()
        log.info("configuration.loaded", file=str(self.file))
        if self.restart:
            log.warning("configuration.needs_restart", tables=list(self.restart))

    def refuse(self, error: Exception) -> None:
        """The file was not taken, nothing of it; what was in force stays so."""
        match error:
            case BadSettings():
                self.problems = error.problems
            case CannotStart():
                self.problems = (Problem(self.file, None, "", error.text),)
            case CannotListen():
                self.problems = (Problem(self.file, None, "", why_shut(error)),)
            case _:
                self.problems = (Problem(self.file, None, "", message("{text}", text=error)),)
        self.refused_at = datetime.now(UTC)
        log = structlog.get_logger()
        for one in self.problems:
            helped: dict[str, object] = {"hint": one.hint} if one.hint else {}
            helped |= {"example": one.example} if one.example else {}
            log.error("configuration.problem", file=str(one.file), line=one.line, key=one.key_path, problem=one.problem, **helped)
        log.warning("configuration.refused", problems=len(self.problems), in_force_since=self.loaded_at.isoformat())

    def report(self, operator: bool) -> dict[str, Any]:
        """For ``agent.status``. Problems quote the file, so registers are told only that there are some."""
        translate = translator(self.settings.language)
        found: dict[str, Any] = {
            "loadedAt": _time(self.loaded_at),
            "problem": translate(NOT_TAKEN) if self.problems else None,
        }
        if operator:
            found["file"] = str(self.file)
            found["problems"] = [told(one, translate) for one in self.problems]
            found["needsRestart"] = list(self.restart)
            found |= {"refusedAt": _time(self.refused_at)} if self.refused_at else {}
        return found


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
