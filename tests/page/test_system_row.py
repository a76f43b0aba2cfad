"""Goal: the page says of the way to a payment system what is known of it, and no more. Method: values in, the text out."""

import re
from datetime import UTC, datetime

from agent.core.model import Stamp
from agent.edges.link import LinkState, LinkStatus
from agent.edges.page.day import Figures
from agent.edges.page.facts import Overview, System
from agent.edges.page.health import system_row
from agent.edges.page.words import Tongue

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SINCE = Stamp(datetime(2026, 11, 22, 9, 30, tzinfo=UTC), "boot", 0)


def shown(link: LinkState) -> str:
    """The row of a system as a person reads it."""
    system = System("koshelek", "https://pay.example", link, None, True)
    seen = Overview(NOW, {}, [system], [], [], 0, [], {}, {}, Figures(NOW.date(), [], {}, True))
    return re.sub(r"<[^>]+>", "", str(system_row(seen, system, [], Tongue("ru", UTC)).html))


def test_before_the_first_look_neither_yes_nor_no() -> None:
    """Right after the start nobody knows; afterwards what is known has its time, also that no answer came."""
    fresh = shown(LinkState(LinkStatus.UNKNOWN))
    assert ("ещё не проверялась" in fresh, "доступна" in fresh, "с 09:30" in fresh) == (True, False, False)
    assert "доступна с 09:30" in shown(LinkState(LinkStatus.UP, SINCE))
    assert "неизвестно, доступна ли с 09:30" in shown(LinkState(LinkStatus.UNKNOWN, SINCE, "no answer", "timeout"))
