"""Goal: no page says that it is live over rows that are old, and no open page takes more of the loop than its share. Method: the streams of
a site, called as its server calls them; the desk behind it refuses when a test wants it to."""

import asyncio
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from agent.edges.page import document, site, watching
from agent.edges.page.facts import SHARE
from agent.edges.page.house import House
from agent.edges.page.pulse import Pulse
from agent.edges.page.site import Site
from agent.edges.page.watching import MOST_FAILED, Watching
from agent.web import stream
from agent.web.live import Region
from drivers.caller import Caller
from drivers.messages import Request
from drivers.session import Refused

ENGINE: Any = SimpleNamespace(
    setup=SimpleNamespace(language="en", timezone=UTC),
    ports=SimpleNamespace(clock=SimpleNamespace(now=lambda: SimpleNamespace(wall=datetime(2026, 1, 31, tzinfo=UTC)))),
)
NOBODY: Any = None  # a list asks for no connection


class Desk:
    """Answers with an empty list, or refuses. ``plan``: whether each of the looks succeeds; afterwards all of them do."""

    def __init__(self, *plan: bool) -> None:
        self._plan, self.asked = iter(plan), 0

    async def handle(self, caller: Caller, request: Request) -> Mapping[str, Any]:
        self.asked += 1
        if not next(self._plan, True):
            raise Refused("BUSY", "not now")
        return {"operations": [], "more": False}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other without a rest."""
    monkeypatch.setattr(site, "SALE_LOOK_S", 0.0)
    monkeypatch.setattr(stream, "PAUSE_S", 0.0)


def before(desk: Desk) -> Site:
    """A site whose pages ask this desk."""
    return Site(House(desk.handle, ENGINE, link=NOBODY, skew_s=NOBODY, lines=dict, heard=dict, pulse=Pulse()), "open")


async def told(desk: Desk, enough: int) -> tuple[list[str], bool]:
    """The names of the events that the stream of the list sends, at most ``enough`` of them, and whether it ended by itself."""
    shown = before(desk)._events(document.OPERATIONS, {}, "")
    sent: list[str] = []
    over = asyncio.Event()
    ended = False

    async def receive() -> MutableMapping[str, Any]:
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal ended
        sent.extend(line.removeprefix("event: ") for line in message.get("body", b"").decode().splitlines() if line.startswith("event: "))
        ended = message["type"] == "http.response.body" and not message.get("more_body") and not over.is_set()
        if len(sent) >= enough:
            over.set()

    async with asyncio.timeout(10):
        await shown({"type": "http"}, receive, send)
    return sent, ended


async def test_a_look_that_goes_on_failing_ends_the_stream() -> None:
    """The browser then says that the connection is lost: no tick calls old rows live for longer than some looks."""
    desk = Desk(True, *[False] * 100)
    assert await told(desk, 20) == (["update", *["tick"] * (MOST_FAILED - 1)], True)
    assert desk.asked == 1 + MOST_FAILED


async def test_a_look_that_fails_for_a_moment_does_not() -> None:
    """Failures are counted in a row; a success in between begins anew."""
    moment = [*[False] * (MOST_FAILED - 1), True]
    assert await told(Desk(True, *moment, *moment, *moment), 12) == (["update", *["tick"] * 11], False)


async def test_a_page_that_connects_anew_is_not_live_before_it_sees() -> None:
    """The browser tries again by itself; a first look that fails says nothing, so the page goes on saying that the connection is lost."""
    assert await told(Desk(False), 1) == ([], True)


async def test_the_longer_a_look_takes_the_longer_is_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every page that looks by itself, by as many as there are; a failed one counts as well; the first page's are rationed elsewhere."""
    now = 100.0

    async def show() -> Sequence[Region]:
        nonlocal now
        now += 0.5  # what it took
        if now > 101:
            raise Refused("BUSY", "not now")
        return []

    monkeypatch.setattr(watching, "_now_s", lambda: now)
    own, home = Watching(show, lambda: 2.0, lambda: 3), Watching(show, lambda: 2.0, lambda: 0)
    assert own.sleep_s() == 2.0
    await own.look()
    assert own.sleep_s() == pytest.approx(SHARE * 0.5 * 3)
    await home.look()
    assert home.sleep_s() == 2.0
    monkeypatch.setattr(watching, "_now_s", iter([0.0, 0.25]).__next__)
    await own.look()
    assert own.sleep_s() == pytest.approx(SHARE * 0.25 * 3)


async def test_a_stream_rests_by_the_looks_of_its_page() -> None:
    """The list and the sale look by themselves and share their part of the time among the open pages; the first page does not."""
    shown = before(Desk())
    shown._streams = 4
    for path, sharing in ((document.OPERATIONS, 4), (document.SALE, 4), (document.HOME, 0)):
        opened = shown._events(path, {}, "")
        assert isinstance(opened, site._Stream)
        assert (opened._looks._sharing(), path) == (sharing, path)
