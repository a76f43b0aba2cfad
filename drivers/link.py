"""What a session needs from a connection, whatever that is made of: a socket or a serial line."""

from typing import Protocol

OPEN = "session.open"  # the first request on a link whose peer nobody vouches for: it shows a token


class LinkLost(Exception):
    """Nothing more can be sent or received: the peer has gone, or does not read."""


class Link(Protocol):
    """A connection that carries bytes, whatever it is made of. Over a serial line every portion is one whole message
    (``MessageFraming``)."""

    async def receive(self) -> bytes:
        """Some bytes; none when the peer will send no more. Raises LinkLost."""

    async def send(self, data: bytes) -> None:
        """All of ``data``, never mixed with that of another call. Raises LinkLost."""

    def hung_up(self) -> bool:
        """The peer has gone for good (and not just ended its sending half)."""
