"""The looks made for one open page: how long each is followed by a rest, and what becomes of those that fail.

What fails for a moment (a journal that is just exchanged, a sale that was set aside) must not end a stream. What goes on failing must, for
its page has old rows and would say all the while that it is live.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from agent.edges.page.facts import SHARE
from agent.engine.errors import Stopped
from agent.web.live import Region
from agent.web.stream import Blind
from drivers.session import Refused
from drivers.validation import Invalid

MOST_FAILED = 3  # looks in a row: some seconds, in which a person reads no more than was so just now

Show = Callable[[], Awaitable[Sequence[Region]]]


class Watching:
    """``show`` makes the regions of the page. ``least_s``: how long it rests at least after a look. ``sharing``: by how many
    the part of the time that looks may take is divided, at least as many as look by themselves; 0 for a page whose looks are rationed
    elsewhere."""

    def __init__(self, show: Show, least_s: Callable[[], float], sharing: Callable[[], int]) -> None:
        self._show, self._least_s, self._sharing = show, least_s, sharing
        self._last: Sequence[Region] | None = None
        self._failed, self._took_s = 0, 0.0

    async def look(self) -> Sequence[Region]:
        """The page as it is, or as it was a moment ago. Raises Blind when nothing was ever shown, or nothing new could be for too long."""
        began = _now_s()
        try:
            self._last, self._failed = await self._show(), 0
        except (Refused, Stopped, Invalid) as error:
            self._failed += 1
            if self._last is None or self._failed >= MOST_FAILED:
                raise Blind from error
        finally:
            self._took_s = _now_s() - began
        return self._last

    def sleep_s(self) -> float:
        """Until it is looked again: together the pages look for one part in ``SHARE`` of the time at most."""
        return max(self._least_s(), SHARE * self._took_s * self._sharing())


def _now_s() -> float:
    return asyncio.get_running_loop().time()
