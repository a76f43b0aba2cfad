"""One register program on a serial line, from its first message to its end. The line stays; the next program gets a conversation of its
own."""

from typing import Protocol

from drivers.link import LinkLost


class Messages(Protocol):
    """The line that a conversation is held on."""

    lost: bool

    async def receive(self) -> bytes | None:
        """The next message, None where the register starts anew. Raises LinkLost."""

    async def send(self, message: bytes) -> None:
        """Return when the message was acknowledged. Raises LinkLost."""


class Conversation:
    """One register program on the line, from its first message to its end: a ``Link`` that delivers whole messages."""

    def __init__(self, line: Messages, *, over: bool) -> None:
        self._line = line
        self._ended = False
        self.over = over  # the register has started anew: what is sent now would be for another program
        self.given_up = False

    async def receive(self) -> bytes:
        """The next message; none where the register has ended the conversation. Raises LinkLost."""
        if self._ended:
            return b""
        if self.given_up:
            raise LinkLost("the register does not acknowledge")
        while (message := await self._line.receive()) == b"":
            pass  # an empty frame: somebody tries the line
        self._ended = message is None
        return message or b""

    async def send(self, data: bytes) -> None:
        """Return when the register has acknowledged the message. Raises LinkLost."""
        if self.hung_up():
            raise LinkLost("the register has gone")
        await self._line.send(data)

    def hung_up(self) -> bool:
        """The register has started anew, does not acknowledge, or the line is gone."""
        return self.over or self.given_up or self._line.lost
