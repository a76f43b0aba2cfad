"""The words that confirm a decision: each is good once, for one thing as it was when it was shown, for a few minutes, in this process."""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass

from agent.core.ports import Chance, Clock

LIFE_MS = 180_000  # to read a sale's story; longer, and nobody remembers what he is confirming
MAX_WORDS = 64  # that wait at the same time: far above any number of operators
WORD_LETTERS = 6  # typed by hand; some 100 million words, good once each
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so that no word means anything


@dataclass(frozen=True, slots=True)
class _Given:
    subject: Hashable
    ends: int


class Confirmations:
    """Words given and not yet used. A restart forgets them all."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock, self._chance = clock, chance
        self._given: dict[str, _Given] = {}

    def give(self, subject: Hashable) -> str:
        """A fresh word for this subject."""
        seed = int.from_bytes(hashlib.sha256(self._chance.request_id().encode()).digest(), "big")
        letters = [_ALPHABET[seed // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(WORD_LETTERS)]
        word = "".join(letters)
        while len(self._given) >= MAX_WORDS:
            del self._given[next(iter(self._given))]
        self._given[word] = _Given(subject, self._clock.now().ticks + LIFE_MS)
        return word

    def take(self, word: str, subject: Hashable) -> bool:
        """Whether this word confirms this subject now. It is used up if it does."""
        given = self._given.get(word.upper())
        if given is None or given.subject != subject or self._clock.now().ticks >= given.ends:
            return False
        del self._given[word.upper()]
        return True
