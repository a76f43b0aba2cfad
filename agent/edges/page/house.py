"""What the page is given of the daemon, by whoever puts the daemon together. Light: it is there also where no page is served."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.edges.link import LinkState
from agent.edges.page.pulse import Pulse
from agent.engine.engine import Engine
from agent.texts import Message, Translate
from drivers.session import Handler


class Found(Protocol):
    """One line of an examination."""

    def told(self, translate: Translate) -> Mapping[str, str]:
        """``check``, ``grade`` (ok, warning, fault), ``what``, ``means``, ``remedy``."""


class CannotExamine(Exception):
    """The doctor said nothing that can be read, or took too long."""


class TookTooLong(CannotExamine):
    """The doctor was ended."""


class UnderWay(Exception):
    """The doctor is looking just now, for somebody else."""


Examine = Callable[[], Awaitable[Sequence[Found]]]
"""The doctor: looks at everything and moves no money. Raises CannotExamine."""
EXAMINE_S = 90.0  # for the doctor: it waits for names and connections
EXAMINED_S = 60.0  # for which its answer is given again: each examination asks payment systems, and whoever may look may ask for one


class Doctor:
    """One for the daemon, whatever number of pages it serves. ``clock``: seconds that do not run backwards."""

    def __init__(self, examine: Examine, clock: Callable[[], float] | None = None) -> None:
        self._examine, self._clock = examine, clock
        self._busy = False
        self._last: tuple[float, Sequence[Found] | CannotExamine] | None = None

    async def examine(self) -> Sequence[Found]:
        """What it found now or within the last minute. Raises CannotExamine, UnderWay."""
        if self._busy:
            raise UnderWay
        if self._last is None or self._now_s() - self._last[0] >= EXAMINED_S:
            self._busy = True
            try:
                self._last = self._now_s(), await self._look()
            finally:
                self._busy = False
        found = self._last[1]
        if isinstance(found, CannotExamine):
            raise found
        return found

    async def _look(self) -> Sequence[Found] | CannotExamine:
        try:
            async with asyncio.timeout(EXAMINE_S):
                return await self._examine()
        except TimeoutError:
            return TookTooLong()
        except CannotExamine as error:
            return error

    def _now_s(self) -> float:
        return (self._clock or asyncio.get_running_loop().time)()


@dataclass(frozen=True, slots=True)
class House:
    """``handle`` is the desk. Of an account, ``link`` tells how it is reached and ``skew_s`` by how many seconds our clock is ahead of its
    server's (KeyError for one that is unknown). ``heard``: how many seconds ago each till's register asked for anything. ``lines``: of each
    serial line with which something is wrong, by its name, ``problem`` and ``remedy``. ``journal``: ``problem``, ``meaning`` and ``remedy``
    once its file was taken away; else nothing. ``doctor`` None: there is none."""

    handle: Handler
    engine: Engine
    link: Callable[[str], LinkState]
    skew_s: Callable[[str], int | None]
    lines: Callable[[], Mapping[str, Mapping[str, Message]]]
    heard: Callable[[], Mapping[tuple[str, str], float]]
    pulse: Pulse
    journal: Callable[[], Mapping[str, Message]] = dict
    doctor: Doctor | None = None
