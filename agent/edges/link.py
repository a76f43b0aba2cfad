"""Is there a way to the provider? What the last attempts say, and a way to ask without sending a request.

The answer decides no money: a sale is tried whatever it says. It tells the cashier "offline" and the engine when to try again.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from agent.core.model import Stamp
from agent.core.ports import Clock
from agent.core.verdict import NotSent, Outcome, Reply, Unclear
from agent.edges.accounts import Account
from agent.edges.tls import connect_failure

HAPPY_EYEBALLS_S = 0.25  # RFC 8305: how long the first address may keep the second waiting
SHUTDOWN_LIMIT_S = 1.0  # the peer's goodbye is a courtesy

# Reasons of NotSent that speak of the network; the others (busy, a missing secret) say nothing about it.
_NETWORK_REASONS = frozenset({"refused", "dns", "tls", "connect_timeout", "unreachable", "connect"})


# Statuses by which a server says that it does not know us. What the attempt itself is told by them is the provider's to say.
_TURNED_AWAY = frozenset({401, 403})


class LinkStatus(StrEnum):
    """UP: the last attempt reached the provider. DOWN: it proved that it cannot be reached. UNKNOWN: neither (none yet, or no answer)."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class LinkState:
    """``since`` when ``status`` is what it is (None: since the start); ``failure`` is the text of the last failure, empty when up, and
    ``reason`` its short code."""

    status: LinkStatus
    since: Stamp | None = None
    failure: str = ""
    reason: str = ""


class Link:
    """Remembers what the attempts of one account said."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.state = LinkState(LinkStatus.UNKNOWN)
        self.admitted = True  # until an attempt that said who we are was turned away
        self.skew_s: int | None = None  # by how much our clock was ahead of the server's, at its last answer that told the time

    def learn(self, outcome: Outcome) -> None:
        match outcome:
            case Reply(headers=headers):
                self._become(LinkStatus.UP)
                self._compare(headers.get("date"))
            case NotSent(reason=reason, detail=detail) if reason in _NETWORK_REASONS:
                self._become(LinkStatus.DOWN, detail, reason)
            case Unclear(detail=detail, reason=reason):
                self._become(LinkStatus.UNKNOWN, detail, reason)
            case NotSent():
                pass

    def judge(self, outcome: Outcome) -> None:
        """Of an attempt that said who we are, or could not: the login was refused, the password is gone."""
        match outcome:
            case Reply(status=status):
                self.admitted = status not in _TURNED_AWAY
            case NotSent(reason="credentials"):
                self.admitted = False
            case _:
                pass  # nothing was said about it

    def reached(self) -> None:
        """A connection came about."""
        self._become(LinkStatus.UP)

    def _become(self, status: LinkStatus, failure: str = "", reason: str = "") -> None:
        since = self.state.since if status is self.state.status else self._clock.now()
        self.state = LinkState(status, since, failure, reason)

    def _compare(self, date: str | None) -> None:
        if (server := server_time(date)) is not None:
            self.skew_s = round((self._clock.now().wall - server).total_seconds())


def server_time(date: str | None) -> datetime | None:
    """The moment of a Date header, in UTC; None for one that is not there or says nothing."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC) if date else None
    except ValueError:
        return None


async def knock(account: Account, context: ssl.SSLContext | None, limit_ms: int) -> NotSent | None:
    """Connect by TCP and TLS, send no request, hang up. None: the provider's door opened."""
    limit_s = limit_ms / 1_000
    try:
        async with asyncio.timeout(limit_s):
            _, writer = await asyncio.open_connection(
                account.host,
                account.port,
                ssl=context,
                ssl_handshake_timeout=limit_s if context else None,
                ssl_shutdown_timeout=SHUTDOWN_LIMIT_S if context else None,
                happy_eyeballs_delay=HAPPY_EYEBALLS_S,
            )
    except OSError as fault:  # includes TimeoutError and every TLS failure
        return connect_failure(fault, securing=isinstance(fault, ConnectionResetError | ConnectionAbortedError) and context is not None)
    writer.close()
    with contextlib.suppress(OSError):  # the door opened; how it closes does not matter
        await writer.wait_closed()
    return None
