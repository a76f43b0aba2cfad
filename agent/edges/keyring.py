"""The tokens of programs that come in over TCP or HTTP, and whose each one is.

Only digests are kept: what is compared has one length, all of it is always compared, and a dump of the process does not hand out what opens
the door. Who may choose a token may read its file; so a token is as good as the secret it was made of, and short ones are refused
where they are read.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from agent.secrets import Secret

Tills = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a token: its name in records, the tills it may speak for (None: all), whether it is an operator, whether it may pay out."""

    name: str
    tills: Tills | None
    operator: bool
    payouts: bool = False


class SameToken(Exception):
    """Two clients have one token: nobody could tell them apart."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other} have the same token")


class Keyring:
    """Finds the holder of a token."""

    def __init__(self, tokens: Iterable[tuple[Holder, Secret]]) -> None:
        """Raises SameToken."""
        self._known: dict[bytes, Holder] = {}
        for holder, token in tokens:
            digest = _digest(token.reveal())
            if digest in self._known:
                raise SameToken(self._known[digest].name, holder.name)
            self._known[digest] = holder

    def holder(self, token: str) -> Holder | None:
        """Takes the same time whoever holds it, and if nobody does."""
        digest, found = _digest(token), None
        for known, holder in self._known.items():
            if hmac.compare_digest(known, digest):
                found = holder
        return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", errors="surrogatepass")).digest()
