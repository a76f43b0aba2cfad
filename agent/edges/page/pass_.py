"""Who has shown a token, for a while: two words, because a browser treats them differently.

*Looking* is a cookie: a page must be asked for without a script. But cookies go to every port of a machine, and another program of the till
may listen at one. So *acting* is a second word, which the page's script keeps and sends by itself: the browser shows it to this very origin
only. Both end with the process, with a sign-out, and when they were not used for a quarter of an hour.
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass

from agent.edges.keyring import Holder

IDLE_S = 15 * 60  # whoever walks away from a till leaves no power behind
MAX_PASSES = 32  # the one unused for longest goes: operators are few
WORD_BYTES = 32


@dataclass(slots=True)
class Pass:
    """What one sign-in gave. Only digests of the words are kept."""

    holder: Holder
    looks: bytes
    acts: bytes
    used_at: float


@dataclass(frozen=True, slots=True)
class Words:
    """What the browser is given."""

    look: str
    act: str


class Passes:
    """Those of one listener."""

    def __init__(self) -> None:
        self._passes: list[Pass] = []

    def give(self, holder: Holder) -> Words:
        """To somebody whose token was good."""
        words = Words(secrets.token_urlsafe(WORD_BYTES), secrets.token_urlsafe(WORD_BYTES))
        self._passes.append(Pass(holder, _digest(words.look), _digest(words.act), _now()))
        self._passes = sorted(self._passes, key=lambda one: one.used_at)[-MAX_PASSES:]
        return words

    def may_look(self, word: str) -> bool:
        """Whether the cookie is good."""
        return self._find("looks", word) is not None

    def actor(self, word: str) -> Holder | None:
        """Who acts with this word."""
        found = self._find("acts", word)
        return found.holder if found else None

    def end(self, word: str) -> None:
        """Sign out."""
        found = self._find("acts", word)
        if found is not None:
            self._passes.remove(found)

    def _find(self, kind: str, word: str) -> Pass | None:
        """Digests are compared, so how long a comparison takes tells nothing of the word."""
        now, digest = _now(), _digest(word)
        self._passes = [one for one in self._passes if now - one.used_at < IDLE_S]
        for one in self._passes:
            if getattr(one, kind) == digest:
                one.used_at = now
                return one
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _digest(word: str) -> bytes:
    return hashlib.sha256(word.encode("utf-8", errors="surrogatepass")).digest()
