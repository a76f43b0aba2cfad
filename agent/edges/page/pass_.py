"""Who has shown a token, for a while: two words, because a browser treats them differently.

*Looking* is a cookie: a page must be asked for without a script. But cookies go to every port of a machine, and another program of the till
may listen at one. So *acting* is a second word, which the page's script keeps and sends by itself: the browser shows it to this very origin
only. Both end with the process, with a sign-out, and when they were not used for a quarter of an hour, each by itself: who acts also
looks, but looking keeps no power to act.
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
    looked_at: float
    acted_at: float


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
        now, words = _now(), Words(secrets.token_urlsafe(WORD_BYTES), secrets.token_urlsafe(WORD_BYTES))
        self._passes.append(Pass(holder, _digest(words.look), _digest(words.act), now, now))
        self._passes = sorted(self._passes, key=lambda one: max(one.looked_at, one.acted_at))[-MAX_PASSES:]
        return words

    def may_look(self, word: str) -> bool:
        """Whether the cookie is good; it was used."""
        found = self._looking(word)
        if found is not None:
            found.looked_at = _now()
        return found is not None

    def stands(self, word: str) -> bool:
        """Whether the cookie is good. To ask does not keep it so."""
        return self._looking(word) is not None

    def actor(self, word: str) -> Holder | None:
        """Who acts with this word; it was used."""
        found = self._acting(word)
        if found is None:
            return None
        found.looked_at = found.acted_at = _now()
        return found.holder

    def may_act(self, word: str) -> bool:
        """Whether the word is good to act with. To ask does not keep it so."""
        return self._acting(word) is not None

    def end(self, word: str) -> None:
        """Sign out: also with a word that is not good to act with any more."""
        digest = _digest(word)
        self._passes = [one for one in self._passes if one.acts != digest]

    def _looking(self, word: str) -> Pass | None:
        digest = _digest(word)
        return next((one for one in self._current() if one.looks == digest and _now() - one.looked_at < IDLE_S), None)

    def _acting(self, word: str) -> Pass | None:
        digest = _digest(word)
        return next((one for one in self._current() if one.acts == digest and _now() - one.acted_at < IDLE_S), None)

    def _current(self) -> list[Pass]:
        """Those of which anything is left. Digests are compared, so how long a comparison takes tells nothing of the word."""
        now = _now()
        self._passes = [one for one in self._passes if now - max(one.looked_at, one.acted_at) < IDLE_S]
        return self._passes


def _now() -> float:
    return asyncio.get_running_loop().time()


def _digest(word: str) -> bytes:
    return hashlib.sha256(word.encode("utf-8", errors="surrogatepass")).digest()
