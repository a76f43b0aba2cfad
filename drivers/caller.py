"""Who asks, and whether anybody still waits for the answer.

A ``Peer`` is what the kernel vouches for. A ``Caller`` is what the agent made of it when it admitted the connection: a name for the
log and the tills it may speak for. Its ``Presence`` changes: handlers look at it, because telling a finished answer to
somebody who has hung up is not telling it.
"""

import asyncio
from dataclasses import dataclass, field

from drivers.limits import MAX_ANSWER_BYTES

ANY = "*"  # in the place of a storeId or a terminalId: all of them


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of a Unix socket at the time it connected (SO_PEERCRED, SO_PEERGROUPS). ``groups`` includes ``gid``.
    The pid is for the log only: it may be another process by now."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int] = frozenset()


class Presence:
    """Whether it makes sense to wait on. One for each connection."""

    def __init__(self) -> None:
        self._gone = False
        self._hurry = asyncio.Event()

    @property
    def gone(self) -> bool:
        """The peer has hung up: an answer would reach nobody."""
        return self._gone

    @property
    def hurried(self) -> bool:
        """Long polls should answer now: the peer has gone, or the service is about to stop."""
        return self._hurry.is_set()

    async def until_hurried(self) -> None:
        """Return as soon as ``hurried``. A long poll waits for this beside the event it waits for."""
        await self._hurry.wait()

    def hurry(self) -> None:
        self._hurry.set()

    def leave(self) -> None:
        self._gone = True
        self._hurry.set()


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """An admitted peer. ``tills`` are the (storeId, terminalId) it may speak for, each with a star for all, also for those that are not in
    the configuration any more; None means all, and lists without a till. ``payouts``: it may pay out.
    ``answer_bytes``: the longest answer that its way in carries, with all that is around it; handlers look at it, because what is not sent
    must not be told."""

    name: str
    peer: Peer | None = None
    tills: frozenset[tuple[str, str]] | None = None
    operator: bool = False
    payouts: bool = False
    presence: Presence = field(default_factory=Presence, repr=False)
    answer_bytes: int = MAX_ANSWER_BYTES

    def may(self, store_id: str, terminal_id: str) -> bool:
        tills = self.tills
        return tills is None or any(store in {ANY, store_id} and terminal in {ANY, terminal_id} for store, terminal in tills)
