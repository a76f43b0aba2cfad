"""What the helper has made of a scanned code, kept until its checkout has left: a code is scanned once, and read once.

A register may ask for a list of means of payment with a code and then sell with the same one, and a checkout may have to wait for a token.
Reading the code a second time would cost the customer time, and its one-time password may have run out by then. What was read stands in
memory alone, for its till alone, for a short time; a checkout that has left holds it in its record, and the next customer's code is read
like the first.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

MAX_KEPT = 64  # a till serves one customer at a time
LIFE_S = 600.0  # as long as a list of means of payment is kept: then its customer has paid or left


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    askers: int = 0


class Scans:
    """Card sessions by a digest of till and code. The code itself is not kept."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, asyncio.TimerHandle]] = {}
        self._turns: dict[str, _Turn] = {}

    def __len__(self) -> int:
        return len(self._kept)

    @asynccontextmanager
    async def turn(self, digest: str) -> AsyncIterator[None]:
        """One asker at a time: whoever asks while a code is being read gets what was made of it."""
        turn = self._turns.setdefault(digest, _Turn())
        turn.askers += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.askers -= 1
            if not turn.askers:
                del self._turns[digest]

    def find(self, digest: str) -> str | None:
        """The card session that was made of a code lately."""
        found = self._kept.get(digest)
        return found[0] if found is not None else None

    def keep(self, digest: str, session: str) -> None:
        """Remember it for a while."""
        self.forget(digest)
        if len(self._kept) >= MAX_KEPT:
            self.forget(next(iter(self._kept)))
        self._kept[digest] = session, asyncio.get_running_loop().call_later(LIFE_S, self.forget, digest)

    def forget(self, digest: str) -> None:
        """It is used, or too old."""
        found = self._kept.pop(digest, None)
        if found is not None:
            found[1].cancel()

    def clear(self) -> None:
        """The agent stops."""
        for digest in tuple(self._kept):
            self.forget(digest)
