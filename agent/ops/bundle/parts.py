"""What goes into an archive. The record is read first, because it tells what must be searched for in the rest.

Whatever touches a disk or takes its time is done aside: a limit can end only what the event loop is free to end.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.ops.aside import aside
from agent.ops.bundle import configuration, known, logs, record, surroundings
from agent.ops.bundle.archive import PART_LIMIT_S, Part
from agent.ops.bundle.scrub import Scrubber
from agent.settings import unchecked_sockets
from agent.settings.load import unchecked_journal
from agent.texts import translator
from drivers.client import Client

LANGUAGES = ("en", "ru")
CLEANING_LIMIT_S = 45.0  # from when the log is asked for: of a long one on a slow till the newest lines, and not nothing


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where to look. ``config`` is the file, there or not; ``socket`` the daemon's, if not the configuration's; ``log``: a file instead of
    systemd's journal."""

    config: Path
    now: datetime
    socket: Path | None = None
    log: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


async def parts(wanted: Wanted) -> tuple[Sequence[Part], Scrubber]:
    """The parts, and what takes secrets out of them."""
    gathering = _Gathering(wanted)
    await gathering.begin()
    named: Mapping[str, Callable[[], Awaitable[str]]] = {
        "versions.json": gathering.versions,
        "machine.json": gathering.machine,
        "service.txt": surroundings.unit,
        "configuration.json": gathering.configuration,
        "status.json": gathering.status,
        "doctor.json": gathering.doctor,
        "events.jsonl": gathering.events,
        "log.txt": gathering.log,
    }
    return [Part(name, gather) for name, gather in named.items()], gathering.scrubber


class _Gathering:
    """The configuration and the record are read at the beginning: they tell what must not be in the rest. What went wrong with them is
    raised by their own parts."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._journal: Path | None = None
        self._data: Mapping[str, Any] = {}
        self._record = record.Record()
        self._unread: Exception | None = None
        self._unrecorded: Exception | None = None
        self.scrubber = Scrubber()

    async def begin(self) -> None:
        secrets: list[str] = []
        try:
            async with asyncio.timeout(PART_LIMIT_S):
                await aside(lambda: self._look(secrets))
        except (configuration.Unreadable, OSError) as error:  # TimeoutError is one of them: a disk that does not answer
            self._unread = error if str(error) else OSError(f"it, or a file it names, was not read in {PART_LIMIT_S:g} s")
        try:
            async with asyncio.timeout(PART_LIMIT_S):
                self._journal = await aside(lambda: unchecked_journal(self._wanted.config))
                self._record = await record.read(self._journal, self._wanted.now)
        except TimeoutError:
            self._unrecorded = OSError(f"it was not read in {PART_LIMIT_S:g} s")
        except Exception as error:  # noqa: BLE001 - the boundary of a part that is gathered early; the others are made all the same
            self._unrecorded = error
        known_ones, own = [*secrets, *self._record.secrets], tuple(configuration.addresses(self._data))
        self.scrubber = await aside(lambda: Scrubber(known_ones, own))

    def _look(self, secrets: list[str]) -> None:
        """Each secret is kept as soon as it is read: where a later one cannot be, those before it are searched for."""
        secrets.extend(known.of_credentials(self._wanted.environment))
        self._data = configuration.read(self._wanted.config)
        secrets.extend(known.of_configuration(self._data))

    async def configuration(self) -> str:
        if self._unread is not None:
            raise self._unread
        return await aside(lambda: _json(configuration.shown(self._data, self.scrubber)))

    async def events(self) -> str:
        if self._unrecorded is not None:
            raise self._unrecorded
        return await aside(lambda: record.lines(self._record, self.scrubber.value))

    async def log(self) -> str:
        file, last = self._wanted.log, time.monotonic() + CLEANING_LIMIT_S
        said = await logs.of_unit() if file is None else await aside(lambda: logs.of_file(file))
        return await aside(lambda: logs.redacted(said, self.scrubber, lambda: time.monotonic() > last))

    async def versions(self) -> str:
        return await aside(lambda: _json(surroundings.versions()))

    async def machine(self) -> str:
        return await aside(lambda: _json(surroundings.machine(self._journal, self._wanted.now)))

    async def status(self) -> str:
        return _json(self.scrubber.value(await _asked(self._wanted.socket, self._wanted.config)))

    async def doctor(self) -> str:
        """The findings in every language."""
        from agent.ops.doctor import examine, worst  # here, because on a till where it cannot even be imported the rest is wanted

        findings = await examine(self._wanted.config)
        told = {language: [one.told(translator(language)) for one in findings] for language in LANGUAGES}
        return _json(self.scrubber.value({"worst": worst(findings).value, "findings": told}))


async def _asked(socket: Path | None, config: Path) -> Mapping[str, Any]:
    """What the running daemon says of itself. Raises LookupError, Unreachable, CallFailed."""
    ways = [(socket, "admin")] if socket is not None else await aside(lambda: unchecked_sockets(config))
    if not ways:
        raise LookupError("the configuration names no socket of the daemon")
    path = next((path for path, role in ways if role == "admin"), ways[0][0])
    async with await Client.connect(path) as client:
        return await client.call("agent.status")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n"
