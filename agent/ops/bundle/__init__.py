"""One archive for support: what this till is, how it is set up, what is wrong with it, what it said and did lately. And no secret.

Three nets, one behind the other, because an archive leaves the shop for good. What is *gathered* is chosen: from the configuration the
settings that are known, from the journal the story of each sale without bills and requests, never a file as it lies on the disk. What is
written is *redacted* as the log is (``agent.log``), and by the looks of telephone numbers, cards, addresses (``scrub``). And every secret
that this machine can name at this moment - passwords, keys, tokens, what the journal still keeps for an obligation, payment links - is
*searched for* in every byte that goes in (``known``).

A part that cannot be had is named in the manifest with the reason, and the others are made all the same: an archive is wanted most when
something is broken. Nothing here writes to the journal or asks the daemon for more than its status.
"""

from agent.ops.bundle.archive import Made, Told, make
from agent.ops.bundle.parts import Wanted, parts

__all__ = ["Made", "Told", "Wanted", "make", "parts"]
