"""What the page is given of the daemon, by whoever puts the daemon together. Light: it is there also where no page is served."""

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
    """The doctor said nothing that can be read."""


Examine = Callable[[], Awaitable[Sequence[Found]]]
"""The doctor: looks at everything and moves no money. Raises CannotExamine."""


@dataclass(frozen=True, slots=True)
class House:
    """``handle`` is the desk. Of an account, ``link`` tells how it is reached and ``skew_s`` by how many seconds our clock is ahead of its
    server's (KeyError for one that is unknown). ``heard``: how many seconds ago each till's register asked for anything. ``lines``: of each
    serial line with which something is wrong, by its name, ``problem`` and ``remedy``. ``examine`` None: there is no doctor."""

    handle: Handler
    engine: Engine
    link: Callable[[str], LinkState]
    skew_s: Callable[[str], int | None]
    lines: Callable[[], Mapping[str, Mapping[str, Message]]]
    heard: Callable[[], Mapping[tuple[str, str], float]]
    pulse: Pulse
    examine: Examine | None = None
